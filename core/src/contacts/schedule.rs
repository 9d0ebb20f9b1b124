//! When whom to call: friends when they are due, strangers as long as not too many of them leave us waiting.
//!
//! Anybody on the link can make up any number of peers at any addresses, so what was only seen and never proven is
//! called at the pace at which such calls are answered, and no address twice in a short time, whoever is said to be
//! there. Whoever did not answer the first time is only asked now and then, by a single datagram: after the last new
//! name, made-up peers of any number together cost one such datagram a minute. A newcomer does not wait among them:
//! it is called once as soon as it is seen, and calls by itself.

use alloc::collections::{BTreeMap, BTreeSet};
use core::{net::SocketAddr, time::Duration};

use super::Who;
use crate::{session::Pace, time::Instant};

/// At most one dial to an address in this time (DESIGN section 4).
const DIAL_GAP: Duration = Duration::from_secs(10);
/// Calls to strangers that may be unanswered at a time: few more than are wanted, since while hundreds start at once each
/// hears of better ones all the time.
const UNANSWERED_MAX: usize = 10;
/// The same while most who answer had to be asked again: where hundreds start at once on radio, more calls only mean that
/// fewer arrive.
const UNANSWERED_BUSY: usize = 8;
/// Strangers that have not answered the first time, all together.
const AGAIN: Pace = Pace { each: Duration::from_secs(60), burst: 32 };
/// A handshake is over by then, whatever became of it.
const CALL_MAX: Duration = Duration::from_secs(6);
/// Dials begun at one instant, so that a power-up with many remembered peers is no burst.
const DIALS_AT_ONCE: usize = 16;
/// The pause after that many.
const DIALS_PAUSE: Duration = Duration::from_millis(20);
const MOMENT: Duration = Duration::from_millis(1);
/// So many addresses are remembered before those dialled long ago are looked for.
const RECENT_MIN: usize = 256;

/// How much speaks for calling somebody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Regard {
    /// It has proven itself, or the person asked for it.
    Friend,
    /// Hearsay that is new.
    Stranger,
    /// Hearsay that came to nothing so far.
    Silent,
}

/// The calls to come, and those of late.
#[derive(Debug)]
pub(super) struct Schedule {
    /// When each is called next, and the same in order of time for each regard.
    planned: BTreeMap<Who, (Regard, Instant)>,
    friends: BTreeSet<(Instant, Who)>,
    strangers: BTreeSet<(Instant, Who)>,
    silent: BTreeSet<(Instant, Who)>,
    /// When all calls to silent ones are paid for.
    paid: Instant,
    /// Strangers' addresses that were called and have not answered yet, and whether they had been called before.
    unanswered: BTreeMap<SocketAddr, (Instant, Regard)>,
    /// Whether calls are answered, but most of them late.
    pub(super) is_busy: bool,
    /// When, and for whom, each address was dialled last.
    recent: BTreeMap<SocketAddr, (Instant, Who)>,
    /// Nobody is called before then.
    pause: Instant,
    /// When it was looked for whose call is due.
    looked: Instant,
    begun: usize,
}

impl Schedule {
    pub(super) const fn new() -> Self {
        Self {
            planned: BTreeMap::new(),
            friends: BTreeSet::new(),
            strangers: BTreeSet::new(),
            silent: BTreeSet::new(),
            paid: Instant::ORIGIN,
            unanswered: BTreeMap::new(),
            is_busy: false,
            recent: BTreeMap::new(),
            pause: Instant::ORIGIN,
            looked: Instant::ORIGIN,
            begun: 0,
        }
    }

    /// Plans the next call to `who`, instead of the one that was planned.
    pub(super) fn set(&mut self, who: Who, at: Instant, regard: Regard) {
        if let Some((before, since)) = self.planned.insert(who, (regard, at)) {
            self.of(before).remove(&(since, who));
        }
        self.of(regard).insert((at, who));
    }

    pub(super) fn clear(&mut self, who: Who) {
        if let Some((regard, at)) = self.planned.remove(&who) {
            self.of(regard).remove(&(at, who));
        }
    }

    pub(super) fn has(&self, who: Who) -> bool {
        self.planned.contains_key(&who)
    }

    const fn of(&mut self, regard: Regard) -> &mut BTreeSet<(Instant, Who)> {
        match regard {
            Regard::Friend => &mut self.friends,
            Regard::Stranger => &mut self.strangers,
            Regard::Silent => &mut self.silent,
        }
    }

    /// Takes the next one whose call is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Who> {
        self.looked = now;
        self.unanswered.retain(|_, (since, _)| now - *since < CALL_MAX);
        if now < self.pause {
            return None;
        }
        let due = |calls: &BTreeSet<(Instant, Who)>| calls.first().filter(|(at, _)| *at <= now).copied();
        let hearsay = || {
            let silent = || if AGAIN.next(self.paid) <= now { due(&self.silent) } else { None };
            if self.unanswered.len() < self.room() { due(&self.strangers).or_else(silent) } else { None }
        };
        let (_, who) = due(&self.friends).or_else(hearsay)?;
        self.clear(who);
        Some(who)
    }

    /// When `address` has had its pause.
    pub(super) fn free_at(&self, address: SocketAddr) -> Instant {
        self.recent.get(&address).map_or(Instant::ORIGIN, |(at, _)| *at + DIAL_GAP)
    }

    /// `address` is dialled now.
    pub(super) fn on_dial(&mut self, now: Instant, address: SocketAddr, who: Who, regard: Regard) {
        if self.recent.len() >= RECENT_MIN {
            self.recent.retain(|_, (at, _)| now - *at < DIAL_GAP);
        }
        self.recent.insert(address, (now, who));
        if regard != Regard::Friend {
            self.unanswered.insert(address, (now, regard));
        }
        if regard == Regard::Silent {
            AGAIN.take(now, &mut self.paid);
        }
        self.begun += 1;
        if self.begun >= DIALS_AT_ONCE {
            (self.begun, self.pause) = (0, now + DIALS_PAUSE);
        }
    }

    /// How many strangers have been called and have not answered yet.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    const fn room(&self) -> usize {
        if self.is_busy { UNANSWERED_BUSY } else { UNANSWERED_MAX }
    }

    /// All that is due has been looked at.
    pub(super) const fn on_pause(&mut self) {
        self.begun = 0;
    }

    /// The call to `address` was answered, or given up.
    pub(super) fn on_end(&mut self, address: SocketAddr) {
        self.unanswered.remove(&address);
    }

    /// Whoever was at `address` has proven itself there and said goodbye: whoever comes next need not wait.
    pub(super) fn on_goodbye(&mut self, address: SocketAddr) {
        self.recent.remove(&address);
    }

    /// The call to `address` was never begun. Answers whom it was for.
    pub(super) fn on_unbegun(&mut self, address: SocketAddr) -> Option<Who> {
        self.unanswered.remove(&address);
        self.recent.remove(&address).map(|(_, who)| who)
    }

    /// Whether the call to `address` goes to somebody who did not answer before.
    pub(super) fn is_to_silent(&self, address: SocketAddr) -> bool {
        self.unanswered.get(&address).is_some_and(|(_, regard)| *regard == Regard::Silent)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let at = |calls: &BTreeSet<(Instant, Who)>| calls.first().map(|(at, _)| *at);
        let silent = at(&self.silent).map(|at| at.max(AGAIN.next(self.paid)));
        let hearsay = at(&self.strangers).into_iter().chain(silent).min().map(|at| {
            let full = self.unanswered.len() >= self.room();
            let free = self.unanswered.values().min().filter(|_| full).map(|&(since, _)| since + CALL_MAX);
            free.map_or(at, |free| at.max(free))
        });
        // An answer since then may have made space: whoever waited for it is called a moment later.
        let looked = |at| if at > self.looked { at } else { self.looked + MOMENT };
        at(&self.friends).into_iter().chain(hearsay).min().map(|at| looked(at).max(self.pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not when something else happens to come in: a call would look like an answer to that.
    #[test]
    fn a_call_is_made_when_it_is_due_and_whoever_waits_for_space_a_moment_later() {
        let at = |micros| Instant::ORIGIN + Duration::from_micros(micros);
        let (mut schedule, who) = (Schedule::new(), Who::Id([1; 8]));
        schedule.set(who, at(5300), Regard::Stranger);
        assert_eq!(schedule.pop_due(at(5000)), None);
        assert_eq!(schedule.next(), Some(at(5300)));
        let address = |port| SocketAddr::from(([10, 0, 0, 1], port));
        (1..=10).for_each(|port| schedule.on_dial(at(5000), address(port), who, Regard::Stranger));
        assert_eq!(schedule.pop_due(at(5300)), None, "too many have not answered yet");
        schedule.on_end(address(1));
        assert_eq!(schedule.next(), Some(at(6300)));
        assert_eq!(schedule.pop_due(at(6300)), Some(who));
    }
}
