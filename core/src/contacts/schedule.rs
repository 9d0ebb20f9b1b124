//! When whom to call: friends when they are due, strangers as long as not too many of them leave us waiting.
//!
//! Anybody on the link can make up any number of peers at any addresses, so what was only seen and never proven is
//! called at the pace at which such calls are answered, and no address twice in a short time, whoever is said to be
//! there.

use alloc::collections::BTreeMap;
use core::{net::SocketAddr, time::Duration};

use super::Who;
use crate::{time::Instant, timers::Timers};

/// At most one dial to an address in this time (DESIGN section 4).
const DIAL_GAP: Duration = Duration::from_secs(10);
/// Calls to strangers that may be unanswered at a time: half of the handshakes that may be under way.
const UNANSWERED_MAX: usize = 32;
/// A handshake is over by then, whatever became of it.
const CALL_MAX: Duration = Duration::from_secs(6);
/// Dials begun at one instant, so that a power-up with many remembered peers is no burst.
const DIALS_AT_ONCE: usize = 16;
/// The pause after that many.
const DIALS_PAUSE: Duration = Duration::from_millis(20);
const MOMENT: Duration = Duration::from_millis(1);
/// So many addresses are remembered before those dialled long ago are looked for.
const RECENT_MIN: usize = 256;

/// The calls to come, and those of late.
#[derive(Debug)]
pub(super) struct Schedule {
    friends: Timers<Who>,
    strangers: Timers<Who>,
    /// Strangers' addresses that were called and have not answered yet.
    unanswered: BTreeMap<SocketAddr, Instant>,
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
            friends: Timers::new(),
            strangers: Timers::new(),
            unanswered: BTreeMap::new(),
            recent: BTreeMap::new(),
            pause: Instant::ORIGIN,
            looked: Instant::ORIGIN,
            begun: 0,
        }
    }

    /// Plans the next call to `who`, instead of the one that was planned.
    pub(super) fn set(&mut self, who: Who, at: Instant, is_friend: bool) {
        let (its, other) = match is_friend {
            true => (&mut self.friends, &mut self.strangers),
            false => (&mut self.strangers, &mut self.friends),
        };
        other.clear(who);
        its.set(who, at);
    }

    pub(super) fn clear(&mut self, who: Who) {
        self.friends.clear(who);
        self.strangers.clear(who);
    }

    pub(super) fn has(&self, who: Who) -> bool {
        self.friends.get(who).or(self.strangers.get(who)).is_some()
    }

    /// Takes the next one whose call is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Who> {
        self.looked = now;
        self.unanswered.retain(|_, since| now - *since < CALL_MAX);
        if now < self.pause {
            return None;
        }
        let is_open = self.unanswered.len() < UNANSWERED_MAX;
        self.friends.pop_due(now).or_else(|| is_open.then(|| self.strangers.pop_due(now)).flatten())
    }

    /// Whether `address` has had its pause.
    pub(super) fn may_dial(&self, now: Instant, address: SocketAddr) -> bool {
        self.recent.get(&address).is_none_or(|(at, _)| now - *at >= DIAL_GAP)
    }

    /// `address` is dialled now.
    pub(super) fn on_dial(&mut self, now: Instant, address: SocketAddr, who: Who, is_friend: bool) {
        if self.recent.len() >= RECENT_MIN {
            self.recent.retain(|_, (at, _)| now - *at < DIAL_GAP);
        }
        self.recent.insert(address, (now, who));
        if !is_friend {
            self.unanswered.insert(address, now);
        }
        self.begun += 1;
        if self.begun >= DIALS_AT_ONCE {
            (self.begun, self.pause) = (0, now + DIALS_PAUSE);
        }
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

    pub(super) fn next(&self) -> Option<Instant> {
        let friends = self.friends.next().map(|(at, _)| at);
        let strangers = self.strangers.next().map(|(at, _)| {
            let full = self.unanswered.len() >= UNANSWERED_MAX;
            let free = self.unanswered.values().min().filter(|_| full).map(|&since| since + CALL_MAX);
            free.map_or(at, |free| at.max(free))
        });
        // An answer since then may have made space: whoever waits for it is called a moment later.
        let earliest = self.pause.max(self.looked + MOMENT);
        [friends, strangers].into_iter().flatten().min().map(|at| at.max(earliest))
    }
}
