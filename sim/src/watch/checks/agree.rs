//! L3: histories become equal.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chat_core::{Action, EntryId, Instant, Place, RoomKeyId, RoomName, Stamp};

use super::name_of;
use crate::watch::{Check, Fact, Truth, truth::Held};

/// Entries further ahead than this are strays, each node's own affair (DESIGN section 6).
const AHEAD: Duration = Duration::from_secs(600);

/// L3: two members of a room that have been in session for long, undisturbed and with nothing said, have the same
/// entries.
#[derive(Default)]
pub(super) struct Agree {
    due: BTreeSet<(Instant, usize)>,
    /// When somebody last said something in a room, entered or left it; and what was said in all.
    spoken: Instant,
    bytes: u64,
    keys: BTreeMap<RoomName, RoomKeyId>,
    broke: Option<&'static str>,
}

impl Check for Agree {
    fn name(&self) -> &'static str {
        self.broke.unwrap_or("L3")
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        self.due.extend(truth.shaken.iter().map(|host| (now, *host)));
        match fact {
            Fact::Asked { host, action: Action::Say { text, .. }, .. } => {
                self.spoken = now;
                self.bytes += text.as_str().len() as u64 + 512;
                self.due.insert((now, *host));
            }
            Fact::Asked { host, .. } => {
                self.spoken = now;
                self.due.insert((now, *host));
            }
            Fact::Appended { records, .. } => {
                for record in *records {
                    if let chat_core::Record::Entry(entry) = record
                        && let Place::Room(name) = &entry.place
                        && !self.keys.contains_key(name)
                    {
                        self.keys.insert(name.clone(), entry.room);
                    }
                }
            }
            // A disk that takes entries again.
            Fact::Fault { struck, begins: false, .. } => {
                self.due.extend(struck.iter().map(|host| (now, *host)));
            }
            _ => {}
        }
        self.judge(truth, now)
    }

    fn end(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        self.judge(truth, now)
    }
}

impl Agree {
    fn judge(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        while let Some(&(at, host)) = self.due.first().filter(|(at, _)| *at < now) {
            self.due.pop_first();
            if !truth.is_mesh() {
                continue;
            }
            let mut next: Option<Instant> = None;
            for other in 0..truth.hosts.len() {
                let Some(by) = self.agree_by(truth, host, other) else { continue };
                if by > at {
                    next = Some(next.map_or(by, |next| next.min(by)));
                } else if let Some(what) = self.differ(truth, now, host, other) {
                    self.broke = Some(name_of(truth, "L3"));
                    return Err(format!("hosts {host} and {other} do not have the same history: {what}"));
                }
            }
            self.due.extend(next.map(|next| (next, host)));
        }
        Ok(())
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
            let (Some(&other_floor), Some(room)) = (b.rooms.get(name), self.keys.get(name)) else { continue };
            let none = Held::default();
            let held = |host: usize| truth.hosts[host].held.get(room).unwrap_or(&none);
            if held(host).is_like(held(other)) {
                continue;
            }
            // What one does not want, and what is no part of the history for everybody.
            let from = (floor.max(other_floor), EntryId([0; 32]));
            let last = truth.wall(now + AHEAD).saturating_sub(truth.skew.as_micros().try_into().unwrap_or(0));
            let ids = |host: usize| {
                held(host)
                    .ids
                    .range(from..(Stamp(last).max(from.0), EntryId([0; 32])))
                    .collect::<BTreeSet<_>>()
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
