//! Who is there: proven (S7), not oneself (S8), and not gone (S9).

use std::collections::{BTreeMap, BTreeSet};

use chat_core::{BootId, Event, Instant, PeerChange, PeerKey, PeerState};

use crate::watch::{Check, Fact, Truth};

/// S7: who is told to be online is whoever has that key, at an address that was theirs, and their program ran when
/// it proved itself.
pub(super) struct Proven;

impl Check for Proven {
    fn name(&self) -> &'static str {
        "S7"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Told { host, event: Event::Peer(change) } = fact else { return Ok(()) };
        let PeerChange {
            state: PeerState::Online, key: Some(key), boot: Some(boot), address, direct, ..
        } = change
        else {
            return Ok(());
        };
        if truth.foes.contains(key) {
            return Ok(());
        }
        let Some(ran) = truth.boots.get(&(*key, *boot)) else {
            return Err(format!("host {host} is told that somebody is online who never was: {key}"));
        };
        let travels = if *direct { truth.bounds.word_travels() } else { truth.bounds.hearsay() };
        let latest = ran.ended.map(|(ended, _)| ended + travels);
        if latest.is_some_and(|latest| now > latest) {
            return Err(format!("host {host} is told that host {} is online, long after its end", ran.host));
        }
        let owners = truth.keys.get(key).into_iter().flatten();
        let had = |address: &std::net::SocketAddr| {
            owners.clone().any(|owner| truth.hosts[*owner].had.contains(&address.ip()))
        };
        match address {
            Some(address) if !had(address) => {
                Err(format!("host {host} is told that host {} is at {address}, where it never was", ran.host))
            }
            _ => Ok(()),
        }
    }
}

/// S8: a program never finds itself, whatever of its own comes back to it.
pub(super) struct NotMyself;

impl Check for NotMyself {
    fn name(&self) -> &'static str {
        "S8"
    }

    fn see(&mut self, truth: &Truth, _now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Told { host, event: Event::Peer(change) } = fact else { return Ok(()) };
        let it = &truth.hosts[*host];
        // Another run of the same identity is somebody else.
        let is_own = change.boot.is_some_and(|boot| boot == it.boot)
            && (change.key == Some(it.key) || change.id == Some(it.key.short()));
        if is_own {
            return Err(format!("host {host} has found itself: {:?}", change.state));
        }
        Ok(())
    }
}

/// S9: who was only found is not listed any more when their records have expired.
#[derive(Default)]
pub(super) struct Gone {
    found: BTreeMap<[u8; 8], BTreeSet<usize>>,
    /// Ended programs, and when their last record has expired.
    due: BTreeSet<(Instant, PeerKey, BootId)>,
}

impl Check for Gone {
    fn name(&self) -> &'static str {
        "S9"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Told { host, event: Event::Peer(PeerChange { state, id: Some(id), .. }) } => {
                let listed = self.found.entry(*id).or_default();
                if *state == PeerState::Found {
                    listed.insert(*host);
                } else {
                    listed.remove(host);
                }
            }
            Fact::Ended { host, .. } => {
                self.found.values_mut().for_each(|listed| {
                    listed.remove(host);
                });
                let it = &truth.hosts[*host];
                self.due.insert((now + truth.bounds.expired(), it.key, it.boot));
            }
            _ => {}
        }
        while let Some(&(at, key, _)) = self.due.first().filter(|(at, ..)| *at < now) {
            self.due.pop_first();
            let runs = truth.keys.get(&key).into_iter().flatten().any(|host| {
                let it = &truth.hosts[*host];
                it.key == key && it.runs_since.is_some()
            });
            // Whoever has slept meanwhile finds out when it wakes.
            let awake = |host: &&usize| {
                let it = &truth.hosts[**host];
                it.is_quiet() && it.calm.since + truth.bounds.expired() < at
            };
            let listing = self.found.get(&key.short()).into_iter().flatten().find(awake);
            if let (false, Some(listing)) = (runs, listing) {
                return Err(format!("host {listing} still lists {key}, whose records have expired"));
            }
        }
        Ok(())
    }
}
