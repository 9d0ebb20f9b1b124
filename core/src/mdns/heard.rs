//! Whether multicast works: who has been heard since the links came up.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::time::Duration;

use bytes::Bytes;

use super::link::{Family, LinkKey};
use crate::{
    boundary::Transmit,
    discovery::Found,
    event::Multicast,
    findings::{LinkFindings, Tally, Way},
    outbox::Outbox,
    time::Instant,
};

/// From the first packet sent to the verdict when nobody else was heard.
const VERDICT_AFTER: Duration = Duration::from_secs(3);
/// An echo comes within this time, or is none.
const ECHO_WITHIN: Duration = Duration::from_secs(1);
/// Packets whose echo is awaited.
const AWAITED_MAX: usize = 32;

/// What has been heard, and what was made of it.
#[derive(Debug)]
pub(super) struct Heard {
    awaited: VecDeque<Awaited>,
    /// What has been heard on each link that is there.
    tallies: BTreeMap<LinkKey, Tally>,
    own: bool,
    others: bool,
    verdict: Verdict,
    told: Multicast,
    /// Whether the socket can hear multicast at all.
    is_open: bool,
}

/// A packet of ours.
#[derive(Debug)]
struct Awaited {
    sent: Instant,
    bytes: Bytes,
    /// Where it has come back: two cards on one network hear each other.
    heard: BTreeSet<LinkKey>,
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
            tallies: BTreeMap::new(),
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

    /// These links are there: what is counted of others is forgotten.
    pub(super) fn set_links(&mut self, links: impl Iterator<Item = LinkKey>) {
        let tallies = links.map(|link| (link, self.tallies.get(&link).copied().unwrap_or_default()));
        self.tallies = tallies.collect();
    }

    /// What has been heard on each link.
    pub(super) fn tallies(&self) -> impl Iterator<Item = LinkFindings> {
        self.tallies.iter().map(|(key, &tally)| {
            let way = if key.family == Family::V4 { Way::MulticastV4 } else { Way::MulticastV6 };
            LinkFindings { interface: key.interface, way, tally }
        })
    }

    /// A packet to everybody goes out.
    pub(super) fn on_sent(&mut self, now: Instant, transmit: &Transmit) {
        let family = Family::of(transmit.to.ip());
        let tally = self.tallies.get_mut(&LinkKey { interface: transmit.interface, family });
        tally.into_iter().for_each(|tally| tally.sent += 1);
        if self.verdict == Verdict::Open && self.is_open {
            self.verdict = Verdict::Due(now + VERDICT_AFTER);
        }
        self.awaited.retain(|awaited| now - awaited.sent <= ECHO_WITHIN);
        if self.awaited.len() == AWAITED_MAX {
            self.awaited.pop_front();
        }
        let (bytes, heard) = (transmit.bytes.clone(), BTreeSet::new());
        self.awaited.push_back(Awaited { sent: now, bytes, heard });
    }

    /// Whether these bytes, from one of our own addresses, are the echo of a packet of ours. Each packet is believed to
    /// come back once on each link: another program of this machine may send the very same question.
    pub(super) fn is_echo(&mut self, now: Instant, link: LinkKey, bytes: &[u8]) -> bool {
        let recent = self.awaited.iter_mut().filter(|awaited| now - awaited.sent <= ECHO_WITHIN);
        recent.filter(|awaited| awaited.bytes == bytes).any(|awaited| awaited.heard.insert(link))
    }

    pub(super) fn on_own(&mut self, link: LinkKey, out: &mut Outbox<Found>) {
        self.tallies.get_mut(&link).into_iter().for_each(|tally| tally.own += 1);
        self.own = true;
        self.tell(out);
    }

    /// Another program was heard, on this machine if it `is_here`.
    pub(super) fn on_others(&mut self, link: LinkKey, is_here: bool, out: &mut Outbox<Found>) {
        let tally = self.tallies.get_mut(&link).filter(|_| !is_here);
        tally.into_iter().for_each(|tally| tally.others += 1);
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
