//! L3: histories become equal.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chat_core::{Action, EntryId, Instant, Place, Record, RoomKeyId, RoomName, Stamp};

use super::rounds::Rounds;
use crate::watch::{Check, Fact, Truth, truth::Held};

/// Entries further ahead than this are strays, each node's own affair (DESIGN section 6).
const AHEAD: Duration = Duration::from_secs(600);
/// What an entry is besides its text, at most.
const OVERHEAD: u64 = 512;

/// L3: two members of a room that have been in session for long, undisturbed and with nothing said, have the same
/// entries.
pub(super) struct Agree {
    rounds: Rounds,
    talk: Talk,
}

/// What was said so far.
#[derive(Default)]
struct Talk {
    /// When somebody last said something in a room, entered or left it; and what was said in all.
    spoken: Instant,
    bytes: u64,
    keys: BTreeMap<RoomName, RoomKeyId>,
}

impl Default for Agree {
    fn default() -> Self {
        Self { rounds: Rounds::new("L3"), talk: Talk::default() }
    }
}

impl Check for Agree {
    fn name(&self) -> &'static str {
        self.rounds.name()
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        self.rounds.look_at_shaken(truth, now);
        match fact {
            Fact::Asked { host, action, .. } => {
                self.talk.spoken = now;
                match action {
                    Action::Say { text, .. } => self.talk.bytes += text.as_str().len() as u64 + OVERHEAD,
                    Action::Import(bundle) => {
                        let entries = bundle.entries().iter().map(|entry| entry.len() as u64 + OVERHEAD);
                        self.talk.bytes += entries.sum::<u64>();
                    }
                    _ => {}
                }
                self.rounds.look_at(now, *host);
            }
            // What foes say has to be carried, and is not waited for.
            Fact::Foul { text, .. } => self.talk.bytes += text.len() as u64 + OVERHEAD,
            Fact::Appended { records, .. } => self.talk.learn_keys(records),
            // A disk that takes entries again.
            Fact::Fault { struck, begins: false, .. } => {
                struck.iter().for_each(|host| self.rounds.look_at(now, *host));
            }
            _ => {}
        }
        self.end(truth, now)
    }

    fn end(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        let Self { rounds, talk } = self;
        let by = |host, other| talk.agree_by(truth, host, other);
        rounds.judge(truth, now, by, |host, other| {
            let what = talk.differ(truth, now, host, other)?;
            Some(format!("hosts {host} and {other} do not have the same history: {what}"))
        })
    }
}

impl Talk {
    fn learn_keys(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Entry(entry) = record
                && let Place::Room(name) = &entry.place
                && !self.keys.contains_key(name)
            {
                self.keys.insert(name.clone(), entry.room);
            }
        }
    }

    /// When two hosts have the same entries at the latest, if they hear each other.
    fn agree_by(&self, truth: &Truth, host: usize, other: usize) -> Option<Instant> {
        let (a, b) = (&truth.hosts[host], &truth.hosts[other]);
        let meet = truth.meet_by(host, other)?;
        if a.calm.disk_troubles > 0 || b.calm.disk_troubles > 0 {
            return None;
        }
        let disk = a.calm.disk_since.max(b.calm.disk_since);
        let outage = a.calm.disk_outage.max(b.calm.disk_outage);
        let from = meet.max(self.spoken).max(disk);
        Some(from + truth.bounds.agree(self.bytes, outage))
    }

    fn differ(&self, truth: &Truth, now: Instant, host: usize, other: usize) -> Option<String> {
        let (a, b) = (&truth.hosts[host], &truth.hosts[other]);
        for (name, &floor) in &a.rooms {
            let Some(&other_floor) = b.rooms.get(name) else { continue };
            // Of several rooms of one name each means one.
            let meant = [a, b].map(|host| host.meant.get(name).map(|(room, _)| room));
            let room = match meant {
                [Some(one), Some(other)] if one != other => continue,
                [one, other] => one.or(other).or_else(|| self.keys.get(name)),
            };
            let Some(room) = room else { continue };
            let none = Held::default();
            let held = |host: usize| truth.hosts[host].held.get(room).unwrap_or(&none);
            if held(host).is_like(held(other)) {
                continue;
            }
            // What one does not want or keep, and what is no part of the history for everybody.
            let kept = [a, b].into_iter().filter_map(|host| host.keeps.get(room)).max().copied();
            let floor = floor.max(other_floor).max(kept.unwrap_or_default());
            let from = (floor, EntryId([0; 32]));
            let last = truth.wall(now + AHEAD).saturating_sub(truth.skew.as_micros().try_into().unwrap_or(0));
            let to = (Stamp(last).max(from.0), EntryId([0; 32]));
            let ids = |host: usize| -> BTreeSet<_> {
                held(host).ids.range(from..to).filter(|(_, id)| truth.is_honest(id)).collect()
            };
            let (one, two) = (ids(host), ids(other));
            if let Some((stamp, id)) = one.symmetric_difference(&two).next() {
                let who = if one.contains(&(*stamp, *id)) { other } else { host };
                return Some(format!(
                    "host {who} lacks {id} of {name}, {} of them differ",
                    one.symmetric_difference(&two).count()
                ));
            }
        }
        None
    }
}
