//! Two persons compare their keys: the steps of both sides, over a session of their own.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use super::Node;
use crate::{
    event::{Event, Refusal},
    frames::{Frame, Step},
    identity::PeerKey,
    session::{LinkId, Pace},
    time::Instant,
    trust::Between,
};

/// How long the other's program has for all of it, a session included.
const PATIENCE: Duration = Duration::from_secs(10);
/// Comparisons that one identity may ask for, in however many sessions: its person reads digits aloud for each.
const ASKED: Pace = Pace { each: Duration::from_secs(10), burst: 4 };
/// Identities whose pace is kept: more than can be in session.
const PACED_MAX: usize = 1024;
/// Requests of our person that are open at a time.
const WANTED_MAX: usize = 64;

/// The comparisons that are under way.
#[derive(Debug, Default)]
pub(super) struct Comparisons {
    /// Whom our person asked for.
    wanted: BTreeMap<PeerKey, Wanted>,
    /// Who has asked us.
    pub(super) asked: BTreeMap<LinkId, Asked>,
    /// When all that each identity has asked for is paid for.
    paid: BTreeMap<PeerKey, Instant>,
}

#[derive(Debug)]
struct Wanted {
    tag: u64,
    until: Instant,
    /// Over which session it is under way, between whom, and our number.
    sent: Option<(LinkId, Between, [u8; 32])>,
}

#[derive(Debug)]
pub(super) struct Asked {
    /// The commitment, between whom, and our number, until they are used.
    pub(super) open: Option<([u8; 32], Between, [u8; 32])>,
}

impl Comparisons {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.wanted.values().map(|wanted| wanted.until).min()
    }

    /// Whether `key` may ask once more.
    fn may_ask(&mut self, now: Instant, key: PeerKey) -> bool {
        if self.paid.len() >= PACED_MAX {
            self.paid.retain(|_, paid| *paid > now);
        }
        let is_kept = self.paid.len() < PACED_MAX || self.paid.contains_key(&key);
        is_kept && ASKED.take(now, self.paid.entry(key).or_default())
    }
}

impl Node {
    /// The person wants to compare keys with `key`: done once both sides have the digits.
    pub(super) fn compare(&mut self, tag: u64, key: PeerKey) {
        let link = self.peers.iter().find(|(_, peer)| peer.key == key).map(|(&link, _)| link);
        let reason = if key == self.identity.key() || link.is_none() && !self.contacts.is_known_key(key) {
            Some(Refusal::UnknownPeer)
        } else if self.comparisons.wanted.len() >= WANTED_MAX || self.comparisons.wanted.contains_key(&key) {
            Some(Refusal::Busy)
        } else {
            None
        };
        if let Some(reason) = reason {
            return self.event(Event::Refused { tag, reason });
        }
        self.comparisons.wanted.insert(key, Wanted { tag, until: self.now + PATIENCE, sent: None });
        match link {
            Some(link) => self.begin_comparison(link),
            None => self.contacts.call_now(self.now, key),
        }
    }

    /// Begins what was wanted of the peer of `link`, which may just have come.
    pub(super) fn begin_comparison(&mut self, link: LinkId) {
        let Some(peer) = self.peers.get(&link) else { return };
        let Some(wanted) = self.comparisons.wanted.get_mut(&peer.key).filter(|it| it.sent.is_none()) else {
            return;
        };
        let between = Between { asker: self.identity.key(), asked: peer.key, binding: peer.binding };
        let number = self.rng.fork("compare").bytes();
        wanted.sent = Some((link, between, number));
        let value = between.commitment(self.config.suite, &number);
        self.send_step(link, Step::Commit, &between, value);
    }

    /// A step of the peer of `link`.
    pub(super) fn on_compare(&mut self, link: LinkId, step: Step, binding: [u8; 8], value: [u8; 32]) {
        match step {
            Step::Commit => self.on_commit(link, binding, value),
            Step::Number => self.on_number(link, value),
            Step::Open => self.on_open(link, value),
        }
    }

    fn on_commit(&mut self, link: LinkId, binding: [u8; 8], commitment: [u8; 32]) {
        let Some(peer) = self.peers.get(&link) else { return };
        let (key, own) = (peer.key, self.identity.key());
        // Both ask at once: the lower key's question is the one that counts.
        let is_ours = self.comparisons.wanted.get(&key).is_some_and(|it| it.sent.is_some());
        // Of a session that is being renewed they may know a handshake that we do not know yet; they will ask again.
        if is_ours && own < key || !peer.binding.starts_with(&binding) {
            return;
        }
        // Nothing of whoever is blocked is shown, unless our person asks for it.
        if self.is_blocked(&key) && !self.comparisons.wanted.contains_key(&key) {
            self.stats.comparisons_refused += 1;
            return;
        }
        let between = Between { asker: key, asked: own, binding: peer.binding };
        let number = self.rng.fork("compare").bytes();
        if !self.comparisons.may_ask(self.now, key) {
            self.stats.comparisons_refused += 1;
            return;
        }
        self.comparisons.asked.insert(link, Asked { open: Some((commitment, between, number)) });
        self.send_step(link, Step::Number, &between, number);
    }

    fn on_number(&mut self, link: LinkId, theirs: [u8; 32]) {
        let is_it = |wanted: &Wanted| wanted.sent.as_ref().is_some_and(|(sent, ..)| *sent == link);
        let key = self.comparisons.wanted.iter().find(|(_, wanted)| is_it(wanted)).map(|(&key, _)| key);
        let Some(Wanted { tag, sent: Some((_, between, number)), .. }) =
            key.and_then(|key| self.comparisons.wanted.remove(&key))
        else {
            return;
        };
        self.send_step(link, Step::Open, &between, number);
        let digits = between.digits(self.config.suite, [&number, &theirs]);
        self.event(Event::Compared { key: between.asked, digits, asked: true });
        self.event(Event::Done { tag, message: None });
    }

    fn on_open(&mut self, link: LinkId, number: [u8; 32]) {
        let Some(asked) = self.comparisons.asked.get_mut(&link) else { return };
        let Some((commitment, between, ours)) = asked.open.take() else { return };
        if between.commitment(self.config.suite, &number) != commitment {
            self.stats.comparisons_forged += 1;
            return;
        }
        let digits = between.digits(self.config.suite, [&number, &ours]);
        let key = between.asker;
        self.event(Event::Compared { key, digits, asked: false });
        // Our person wanted the same.
        if let Some(wanted) = self.comparisons.wanted.remove(&key) {
            self.event(Event::Done { tag: wanted.tag, message: None });
        }
    }

    fn send_step(&mut self, link: LinkId, step: Step, between: &Between, value: [u8; 32]) {
        let binding = between.binding.first_chunk().copied().unwrap_or_default();
        self.sessions.send(link, Frame::Compare { step, binding, value }.encode());
    }

    /// The session `link` is over; what was begun there begins again in the next one.
    pub(super) fn end_comparisons(&mut self, link: LinkId) {
        self.comparisons.asked.remove(&link);
        for wanted in self.comparisons.wanted.values_mut() {
            wanted.sent.take_if(|(sent, ..)| *sent == link);
        }
    }

    /// Whoever was asked has not answered.
    pub(super) fn on_comparisons_due(&mut self) {
        let wanted = &self.comparisons.wanted;
        let due = wanted.iter().filter(|(_, wanted)| wanted.until <= self.now).map(|(&key, _)| key);
        for key in due.collect::<Vec<_>>() {
            if let Some(Wanted { tag, .. }) = self.comparisons.wanted.remove(&key) {
                self.event(Event::Refused { tag, reason: Refusal::NotThere });
            }
        }
    }
}
