//! Rooms that take the place of others: who is kept out (S19), and who gets the key (L9).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chat_core::{Action, Event, Instant, PeerKey, Record, RekeyState, RoomKeyId, RoomName};

use crate::watch::{Check, Fact, Truth};

/// S19: whoever was left out holds nothing of the room that took the place of theirs. L9: everybody else who was in it
/// gets its key, and is where they went.
#[derive(Default)]
pub(super) struct Rekeyed {
    /// Who is left out of each room, then and before.
    left_out: BTreeMap<RoomKeyId, BTreeSet<PeerKey>>,
    /// Who was in the room then, and when its key was made by whom.
    made: BTreeMap<RoomKeyId, Made>,
    /// Which keys a host has been given.
    given: BTreeSet<(usize, RoomKeyId)>,
    /// Where a host's person wanted to go last.
    followed: BTreeMap<(usize, RoomName), RoomKeyId>,
    broke: Option<&'static str>,
}

struct Made {
    at: Instant,
    by: usize,
    members: Vec<usize>,
}

impl Check for Rekeyed {
    fn name(&self) -> &'static str {
        self.broke.unwrap_or("S19")
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Told { host, event: Event::Rekey(rekey) } => {
                if rekey.state != RekeyState::Announced {
                    self.given.insert((*host, rekey.successor));
                }
                if matches!(rekey.state, RekeyState::Made { .. }) {
                    let before = self.left_out.get(&rekey.former).cloned().unwrap_or_default();
                    let left_out: BTreeSet<PeerKey> =
                        before.into_iter().chain(rekey.without.clone()).collect();
                    let maker = &truth.hosts[*host];
                    let is_member = |it: &usize| {
                        let it = &truth.hosts[*it];
                        let is_known = maker.met.contains(&(it.key, it.boot));
                        is_known && it.was_in(&rekey.room, rekey.former) && !left_out.contains(&it.key)
                    };
                    let members = (0..truth.hosts.len()).filter(is_member).collect();
                    self.made.insert(rekey.successor, Made { at: now, by: *host, members });
                    self.left_out.insert(rekey.successor, left_out);
                }
            }
            Fact::Asked { host, action: Action::Follow { room, successor }, .. } => {
                self.followed.insert((*host, room.clone()), *successor);
            }
            Fact::Appended { host, records, .. } => {
                let own = truth.hosts[*host].key;
                let is_kept_out = |room| self.left_out.get(room).is_some_and(|keys| keys.contains(&own));
                let entry = records.iter().find_map(|record| match record {
                    Record::Entry(entry) if is_kept_out(&entry.room) => Some(entry.id),
                    _ => None,
                });
                if let Some(id) = entry {
                    self.broke = Some("S19");
                    return Err(format!("host {host} holds {id} of a room that it was left out of"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        self.broke = Some("L9");
        // Of a crowd not everybody is in session with everybody.
        let since = |span: Duration| Instant::ORIGIN + now.since_origin().saturating_sub(span);
        let long = |one: usize, other: usize| {
            let (a, b) = (&truth.hosts[one], &truth.hosts[other]);
            let then = since(truth.bounds.settled());
            truth.undisturbed(one, other).is_some_and(|since| since < then)
                && a.listed.get(&(b.key, b.boot)).is_some_and(|listed| listed.was_direct(then))
        };
        for (successor, made) in &self.made {
            let is_due = made.at < since(truth.bounds.settled());
            let owed = made.members.iter().filter(|host| is_due && long(made.by, **host));
            let lacking = owed.copied().find(|&host| !self.given.contains(&(host, *successor)));
            if let Some(host) = lacking {
                return Err(format!("host {host} was never given the key that host {} made", made.by));
            }
        }
        for ((host, room), successor) in &self.followed {
            let it = &truth.hosts[*host];
            if it.is_quiet() && it.meant.get(room).is_none_or(|(id, _)| id != successor) {
                return Err(format!("host {host} is not in the {room} that its person has followed to"));
            }
        }
        self.broke = None;
        Ok(())
    }
}
