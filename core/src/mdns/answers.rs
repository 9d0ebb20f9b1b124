//! Answers that wait for their time: to be polite, to be merged, and not to be repeated within a second.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::ours::Own;
use crate::{session::Pace, time::Instant};

/// A record is not multicast again on a link within this time (RFC 6762 section 6).
pub(super) const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// The same when it defends a name against a probe (RFC 6762 section 6).
pub(super) const DEFEND_AFTER: Duration = Duration::from_millis(250);
/// However many packets of known answers somebody sends, nobody waits longer than this for an answer.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Answers to single askers that wait at a time.
const DIRECT_MAX: usize = 64;

/// Askers of one answer of whom we know; of more, all are to hear it.
const ASKERS_MAX: usize = 16;
/// Known answers that overtook the question they belong to count for so long, and at most so many are kept.
const OVERTAKING: Duration = Duration::from_millis(500);
const EARLY_MAX: usize = 32;

/// Packets of answers: whoever asks for one record after the other, as fast as it can, makes each of us speak once a second,
/// and then with all that is due.
const OFTEN: Pace = Pace { each: Duration::from_secs(1), burst: 10 };

/// What one link still has to say.
#[derive(Debug, Default)]
pub(super) struct Answers {
    waiting: BTreeMap<Own, Waiting>,
    direct: Vec<Direct>,
    /// When each record was last multicast.
    sent: BTreeMap<Own, Instant>,
    /// Who knows what already, though we have not heard it ask.
    early: VecDeque<(Instant, IpAddr, Own)>,
    /// When all packets of answers are paid for.
    paid: Instant,
}

/// How long an answer waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// Before it may go along with another packet: what leaves anyway takes it with it (RFC 6762 section 6.4).
    pub(super) least: Duration,
    /// Before it leaves in a packet of its own.
    pub(super) delay: Duration,
    /// Since it was last multicast.
    pub(super) gap: Duration,
}

impl Wait {
    /// Nobody has asked, but what somebody said is to be put right at once.
    pub(super) const FOR_REPEAT: Self =
        Self { least: Duration::ZERO, delay: Duration::ZERO, gap: REPEAT_AFTER };
}

/// When an answer goes out.
#[derive(Clone, Debug)]
struct Waiting {
    /// With another packet that leaves then or later.
    earliest: Instant,
    /// In a packet of its own.
    due: Instant,
    /// No known answer postpones it beyond this.
    latest: Instant,
    /// Who wants it: their known answers can take it back.
    askers: BTreeSet<IpAddr>,
    /// There are more of them.
    is_for_all: bool,
}

/// An answer for one asker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Direct {
    pub(super) to: SocketAddr,
    pub(super) due: Instant,
    pub(super) answers: BTreeSet<Own>,
}

impl Answers {
    /// `asker` is to hear this by multicast after `wait.delay`, or when a second (`wait.gap`) has passed since it was
    /// last multicast: delayed and not dropped, the asker may not have been there then.
    pub(super) fn multicast(&mut self, now: Instant, own: Own, wait: Wait, asker: IpAddr) {
        let free = self.sent.get(&own).map_or(now, |&sent| sent + wait.gap);
        let (earliest, at) = (free.max(now + wait.least), free.max(now + wait.delay));
        let waiting = self.waiting.entry(own).or_insert_with(|| Waiting {
            earliest,
            due: at,
            latest: free.max(now + WAIT_MAX),
            askers: BTreeSet::new(),
            is_for_all: false,
        });
        waiting.earliest = waiting.earliest.min(earliest);
        waiting.due = waiting.due.min(at);
        if waiting.askers.len() < ASKERS_MAX {
            waiting.askers.insert(asker);
        } else {
            waiting.is_for_all |= !waiting.askers.contains(&asker);
        }
    }

    /// `to` is to hear this alone after `delay`. False when too much waits already.
    pub(super) fn unicast(&mut self, at: Instant, to: SocketAddr, answers: &BTreeSet<Own>) -> bool {
        if let Some(waiting) = self.direct.iter_mut().find(|waiting| waiting.to == to) {
            waiting.due = waiting.due.min(at);
            waiting.answers.extend(answers);
            return true;
        }
        let has_room = self.direct.len() < DIRECT_MAX;
        if has_room {
            self.direct.push(Direct { to, due: at, answers: answers.clone() });
        }
        has_room
    }

    /// `asker` knows this: when nobody else has asked, nobody needs to hear it (RFC 6762 section 7.2). Answers of how
    /// many there are too many.
    pub(super) fn on_known(&mut self, now: Instant, own: Own, asker: IpAddr) -> u64 {
        let is_awaited = self.waiting.get_mut(&own).is_some_and(|waiting| waiting.askers.remove(&asker));
        let before = self.early.len();
        if !is_awaited {
            self.early.truncate(EARLY_MAX - 1);
            self.early.push_front((now, asker, own));
        }
        let dropped = u64::from(!is_awaited && before == EARLY_MAX);
        self.waiting.retain(|_, waiting| waiting.is_for_all || !waiting.askers.is_empty());
        for waiting in self.direct.iter_mut().filter(|waiting| waiting.to.ip() == asker) {
            waiting.answers.remove(&own);
        }
        self.direct.retain(|waiting| !waiting.answers.is_empty());
        dropped
    }

    /// What `asker` has said to know just before it asked.
    pub(super) fn known_early(&self, now: Instant, asker: IpAddr) -> impl Iterator<Item = Own> {
        let recent = self.early.iter().take_while(move |(at, ..)| now - *at < OVERTAKING);
        recent.filter(move |(_, by, _)| *by == asker).map(|(.., own)| *own)
    }

    /// `asker` has more known answers to tell (RFC 6762 section 7.2).
    pub(super) fn postpone(&mut self, now: Instant, asker: IpAddr, delay: Duration) {
        let is_asker = |waiting: &&mut Waiting| !waiting.is_for_all && waiting.askers.contains(&asker);
        for waiting in self.waiting.values_mut().filter(is_asker) {
            waiting.due = waiting.due.max(now + delay).min(waiting.latest.max(waiting.due));
            waiting.earliest = waiting.due;
        }
    }

    /// Somebody else has multicast the very same: it counts as said by us (RFC 6762 section 7.4).
    pub(super) fn on_duplicate(&mut self, now: Instant, own: Own) {
        if self.waiting.remove(&own).is_some() {
            self.sent.insert(own, now);
        }
    }

    /// What to multicast now: nothing unless something is due, then all that may leave.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Own> {
        if !self.waiting.values().any(|waiting| waiting.due <= now) || !OFTEN.take(now, &mut self.paid) {
            return Vec::new();
        }
        self.waiting.iter().filter(|(_, waiting)| waiting.earliest <= now).map(|(&own, _)| own).collect()
    }

    /// Takes an answer for one asker that is due.
    pub(super) fn due_direct(&mut self, now: Instant) -> Option<Direct> {
        let at = self.direct.iter().position(|waiting| waiting.due <= now)?;
        Some(self.direct.swap_remove(at))
    }

    /// These have just been multicast.
    pub(super) fn on_sent(&mut self, now: Instant, all: &[Own]) {
        for own in all {
            self.waiting.remove(own);
            self.sent.insert(*own, now);
        }
    }

    /// Whether this was multicast less than `span` ago.
    pub(super) fn is_sent_within(&self, now: Instant, own: Own, span: Duration) -> bool {
        self.sent.get(&own).is_some_and(|&sent| now - sent < span)
    }

    /// Whether something was multicast so lately that it may not be repeated yet.
    pub(super) fn is_recent(&self, now: Instant) -> bool {
        self.sent.values().any(|&sent| now - sent < REPEAT_AFTER)
    }

    /// When all of these may be multicast again; `now` or later.
    pub(super) fn ready(&self, now: Instant, all: &[Own]) -> Instant {
        let sent = all.iter().filter_map(|own| self.sent.get(own));
        sent.map(|&sent| sent + REPEAT_AFTER).max().unwrap_or(now).max(now)
    }

    /// Nothing is to be said any more.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.direct.clear();
    }

    /// This record is gone.
    pub(super) fn forget(&mut self, own: Own) {
        self.waiting.remove(&own);
        self.sent.remove(&own);
        self.direct.iter_mut().for_each(|waiting| {
            waiting.answers.remove(&own);
        });
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.waiting.values().map(|waiting| waiting.due.max(OFTEN.next(self.paid)));
        waiting.chain(self.direct.iter().map(|waiting| waiting.due)).min()
    }
}
