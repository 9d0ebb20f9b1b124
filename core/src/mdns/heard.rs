//! Whether multicast works: who has been heard since the links came up.

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::Bytes;

use crate::{discovery::Found, event::Multicast, outbox::Outbox, time::Instant};

/// From the first packet sent to the verdict when nobody else was heard.
const VERDICT_AFTER: Duration = Duration::from_secs(3);
/// An echo comes within this time, or is none.
const ECHO_WITHIN: Duration = Duration::from_secs(1);
/// Packets whose echo is awaited.
const AWAITED_MAX: usize = 32;

/// What has been heard, and what was made of it.
#[derive(Debug)]
pub(super) struct Heard {
    awaited: VecDeque<(Instant, Bytes)>,
    own: bool,
    others: bool,
    verdict: Verdict,
    told: Multicast,
    /// Whether the socket can hear multicast at all.
    is_open: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// Nothing was sent yet.
    Open,
    Due(Instant),
    Given,
}

impl Heard {
    pub(super) const fn new(is_open: bool) -> Self {
        Self {
            awaited: VecDeque::new(),
            own: false,
            others: false,
            verdict: Verdict::Open,
            told: Multicast::Unknown,
            is_open,
        }
    }

    /// Forgets who was heard: these are other links.
    pub(super) fn restart(&mut self) {
        self.awaited.clear();
        (self.own, self.others, self.verdict) = (false, false, Verdict::Open);
    }

    pub(super) fn on_sent(&mut self, now: Instant, bytes: &Bytes) {
        if self.verdict == Verdict::Open && self.is_open {
            self.verdict = Verdict::Due(now + VERDICT_AFTER);
        }
        self.awaited.retain(|(sent, _)| now - *sent <= ECHO_WITHIN);
        if self.awaited.len() == AWAITED_MAX {
            self.awaited.pop_front();
        }
        self.awaited.push_back((now, bytes.clone()));
    }

    /// Whether these bytes, from one of our own addresses, are the echo of a packet of ours. Each packet is
    /// believed to echo once: another program of this machine may send the very same question.
    pub(super) fn is_echo(&mut self, now: Instant, bytes: &[u8]) -> bool {
        let is_it = |(sent, packet): &(Instant, Bytes)| now - *sent <= ECHO_WITHIN && packet == bytes;
        let found = self.awaited.iter().position(is_it);
        found.and_then(|at| self.awaited.remove(at)).is_some()
    }

    pub(super) fn on_own(&mut self, out: &mut Outbox<Found>) {
        self.own = true;
        self.tell(out);
    }

    pub(super) fn on_others(&mut self, out: &mut Outbox<Found>) {
        self.others = true;
        self.tell(out);
    }

    pub(super) fn on_off(&mut self, out: &mut Outbox<Found>) {
        self.restart();
        self.push(Multicast::Off, out);
    }

    pub(super) fn on_tick(&mut self, now: Instant, out: &mut Outbox<Found>) {
        if matches!(self.verdict, Verdict::Due(at) if at <= now) {
            self.verdict = Verdict::Given;
            self.tell(out);
        }
    }

    pub(super) const fn next_wake(&self) -> Option<Instant> {
        match self.verdict {
            Verdict::Due(at) if !self.others => Some(at),
            _ => None,
        }
    }

    fn tell(&mut self, out: &mut Outbox<Found>) {
        let is_given = self.verdict == Verdict::Given;
        match (self.others, self.own) {
            (true, _) => self.push(Multicast::Ok, out),
            (false, true) if is_given => self.push(Multicast::Alone, out),
            (false, false) if is_given => self.push(Multicast::Silent, out),
            _ => {}
        }
    }

    fn push(&mut self, state: Multicast, out: &mut Outbox<Found>) {
        if self.told != state {
            self.told = state;
            out.push(Found::Multicast(state));
        }
    }
}
