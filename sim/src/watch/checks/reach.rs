//! L2: what is said reaches everybody in session.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::{Action, EntryId, Event, Instant, Place};

use super::name_of;
use crate::watch::{
    Check, Fact, Truth,
    truth::{HostTruth, Said},
};

/// One author may push so many entries at once; what exceeds that is left to repair (DESIGN section 6).
const BURST: usize = 2000;
/// What was said in about this time shares the wires: a power of two, in nanoseconds, near nine seconds.
const SHARED: u32 = 33;

/// L2: what is said reaches every member that has been in session with its author, undisturbed, for long.
#[derive(Default)]
pub(super) struct Reach {
    due: BTreeSet<(Instant, String)>,
    shown: BTreeMap<EntryId, BTreeSet<usize>>,
    /// What was said at about the same time: how often, and how many bytes.
    traffic: BTreeMap<u64, (usize, u64)>,
    refused: BTreeSet<(usize, u64)>,
    tags: BTreeMap<String, (usize, u64)>,
    broke: Option<&'static str>,
}

impl Check for Reach {
    fn name(&self) -> &'static str {
        self.broke.unwrap_or("L2")
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Asked { host, tag, action: Action::Say { text, .. } } => {
                let text = text.as_str();
                let traffic = self.traffic.entry(now.as_nanos() >> SHARED).or_default();
                *traffic = (traffic.0 + 1, traffic.1 + text.len() as u64 + 512);
                self.tags.insert(text.to_owned(), (*host, *tag));
                self.due.insert((now + truth.bounds.reach(self.bytes(now)), text.to_owned()));
            }
            // What foes say has to be carried, too.
            Fact::Foul { text, .. } => {
                self.traffic.entry(now.as_nanos() >> SHARED).or_default().1 += text.len() as u64 + 512;
            }
            Fact::Told { host, event: Event::Message(message) } => {
                self.shown.entry(message.id.entry).or_default().insert(*host);
            }
            Fact::Told { host, event: Event::Refused { tag, .. } } => {
                self.refused.insert((*host, *tag));
            }
            _ => {}
        }
        self.judge(truth, now)
    }

    fn end(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        self.judge(truth, now)
    }
}

impl Reach {
    fn judge(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        while let Some((at, text)) = self.due.first().filter(|(at, _)| *at < now).cloned() {
            self.due.pop_first();
            let tag = self.tags.remove(&text);
            let Some(said) = truth.said.get(&text) else { continue };
            if tag.is_some_and(|tag| self.refused.remove(&tag)) || !is_present(truth, said) {
                continue;
            }
            let by = said.at + truth.bounds.reach(self.bytes(said.at));
            if by > at {
                // More was said since.
                self.tags.extend(tag.map(|tag| (text.clone(), tag)));
                self.due.insert((by, text));
                continue;
            }
            let Some(id) = said.id else {
                self.broke = Some("L2");
                return Err(format!(
                    "host {} said {text:?}, and its own program says nothing of it",
                    said.host
                ));
            };
            let shown = self.shown.get(&id.entry);
            let crowded = self.traffic.values().any(|(times, _)| *times > BURST);
            let missing = (0..truth.hosts.len()).find(|&host| {
                !crowded
                    && host != said.host
                    && is_meant(truth, said, host)
                    && !shown.is_some_and(|shown| shown.contains(&host))
            });
            if let Some(host) = missing {
                self.broke = Some(name_of(truth, "L2"));
                return Err(format!("host {host} has not been shown {text:?}, said at {:?}", said.at));
            }
        }
        Ok(())
    }

    /// What was said about then.
    fn bytes(&self, at: Instant) -> u64 {
        let slot = at.as_nanos() >> SHARED;
        self.traffic.range(slot.saturating_sub(1)..=slot + 1).map(|(_, (_, bytes))| bytes).sum()
    }
}

/// Whether the run that said it still goes on: what a crash took away was never done.
fn is_present(truth: &Truth, said: &Said) -> bool {
    let author = &truth.hosts[said.host];
    author.key == said.author && author.runs_since.is_some_and(|start| start <= said.at)
}

/// Whether `host` is meant by it and had been in session with its author for so long, undisturbed, that they have
/// proven the room to each other.
fn is_meant(truth: &Truth, said: &Said, host: usize) -> bool {
    let (it, author) = (&truth.hosts[host], &truth.hosts[said.host]);
    let settled = truth.bounds.settled();
    let member = match &said.place {
        // Rooms of one name may differ, and whoever has just come is as somebody who has just been met.
        Place::Room(name) => {
            let is_there = |one: &HostTruth| match (one.meant.get(name), said.room) {
                (Some((meant, since)), Some(room)) => {
                    *meant == room && (*since == Instant::ORIGIN || *since + settled <= said.at)
                }
                _ => true,
            };
            it.rooms.contains_key(name) && author.rooms.contains_key(name) && is_there(it) && is_there(author)
        }
        Place::Direct(key) => *key == it.key,
    };
    let long = |since: Option<Instant>| since.is_some_and(|since| since + settled <= said.at);
    let since =
        |one: &HostTruth, other: &HostTruth| one.listed.get(&(other.key, other.boot)).map(|it| it.since);
    !it.deaf_to.contains(&author.key)
        && long(since(it, author))
        && long(since(author, it))
        && long(truth.undisturbed(said.host, host))
        && member
}
