//! From the first probe to the goodbye: how far a link has come with our names (RFC 6762 sections 8 and 10.1).

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::{
    link::Link,
    ours::{Ours, Own},
    probe::{PROBE_INTERVAL, PROBES},
    respond::{compose, multicast},
    sender::Sender,
};
use crate::{dns::Flags, time::Instant};

/// Announcements sent (RFC 6762 section 8.3: at least two, at most eight).
const ANNOUNCEMENTS: u32 = 2;
/// From the first announcement to the second; each further interval is twice as long (RFC 6762 section 8.3).
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1);

/// Changes announced within [`UPDATE_SPAN`] (RFC 6762 section 8.4: not more than ten a minute).
const UPDATES_MAX: usize = 10;
const UPDATE_SPAN: Duration = Duration::from_secs(60);

/// When changes were announced of late: addresses that come and go all the time are told at a pace.
#[derive(Debug, Default)]
pub(super) struct Updates(VecDeque<Instant>);

impl Updates {
    /// Whether a change may be announced now.
    fn has_room(&mut self, now: Instant) -> bool {
        self.0.retain(|&time| now - time < UPDATE_SPAN);
        self.0.len() < UPDATES_MAX
    }

    /// When a change is announced that has just come.
    fn on_change(&mut self, now: Instant) -> Instant {
        let earlier = if self.has_room(now) { None } else { self.0.pop_front() };
        let at = earlier.map_or(now, |earlier| earlier + UPDATE_SPAN);
        self.0.push_back(at);
        at
    }
}

/// How far a link has come with our names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// We say nothing of ourselves here.
    Quiet,
    /// Asking whether the names are free.
    Probing { sent: u8, at: Instant },
    /// The names are ours; telling everybody.
    Announcing { sent: u32, at: Instant },
    /// The names are ours, and everybody has been told.
    Settled,
}

impl Phase {
    /// Whether our names are ours here, so that we answer for them.
    pub(super) const fn is_established(self) -> bool {
        matches!(self, Self::Announcing { .. } | Self::Settled)
    }

    pub(super) const fn next(self) -> Option<Instant> {
        match self {
            Self::Probing { at, .. } | Self::Announcing { at, .. } => Some(at),
            Self::Quiet | Self::Settled => None,
        }
    }
}

impl Link {
    /// Does what is due with our names. True when they have just become ours.
    pub(super) fn step(&mut self, now: Instant, ours: &Ours, unicast: bool, sender: &mut Sender<'_>) -> bool {
        let mut established = false;
        if let Phase::Probing { sent, at } = self.phase
            && at <= now
        {
            if sent < PROBES {
                sender.query(self.transmit(self.group(), self.probe(ours, unicast)));
                self.browse.on_asked(now, unicast);
                self.phase = Phase::Probing { sent: sent + 1, at: now + PROBE_INTERVAL };
            } else {
                self.phase = Phase::Announcing { sent: 0, at: now };
                established = true;
            }
        }
        if let Phase::Announcing { sent, at } = self.phase
            && at <= now
        {
            let all = ours.announced(&self.site);
            // What was multicast within the last second may not be repeated yet; better all a little later than
            // some of it.
            let ready = self.answers.ready(now, &all);
            if ready > now {
                self.phase = Phase::Announcing { sent, at: ready };
                return established;
            }
            multicast(self, now, ours, &all, &[], sender);
            let sent = sent + 1;
            self.phase = if sent < ANNOUNCEMENTS {
                let doublings = sent.saturating_sub(1).min(16);
                Phase::Announcing { sent, at: now + ANNOUNCE_INTERVAL * (1 << doublings) }
            } else {
                Phase::Settled
            };
        }
        established
    }

    /// Tells everybody about changed data of names that are ours already (RFC 6762 section 8.4).
    pub(super) fn announce_again(&mut self, now: Instant) {
        if self.phase.is_established() && !self.is_change_planned(now) {
            self.phase = Phase::Announcing { sent: 0, at: self.updates.on_change(now) };
        }
    }

    /// Whether a change of now has to wait: one before it does, or there were too many.
    pub(super) fn is_change_held(&mut self, now: Instant) -> bool {
        self.is_change_planned(now) || !self.updates.has_room(now)
    }

    fn is_change_planned(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Announcing { sent: 0, at } if at > now)
    }

    /// Takes records back that are known as ours here.
    pub(super) fn goodbye(&self, ours: &Ours, gone: &[Own], sender: &mut Sender<'_>) {
        if !self.phase.is_established() {
            return;
        }
        for bytes in self.goodbyes(ours, gone) {
            sender.response(self.transmit(self.group(), bytes));
        }
    }

    fn goodbyes(&self, ours: &Ours, gone: &[Own]) -> Vec<Bytes> {
        let render = |own| {
            let mut record = ours.record(own, &self.site);
            record.ttl = 0;
            // Of an address that is gone others may well remain.
            record.flush &= !matches!(own, Own::Address(_));
            record
        };
        compose(Flags::RESPONSE, self.limit(), gone, &[], render).0
    }
}
