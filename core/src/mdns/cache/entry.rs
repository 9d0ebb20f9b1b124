//! One record, and until when it holds.

use core::time::Duration;

use super::super::ours::{HOST_TTL, OTHER_TTL};
use crate::{
    dns::{Data, Kind},
    rng::Rng,
    time::Instant,
};

/// Records that we keep fresh are asked for again when this much of their time has passed (RFC 6762 section 5.2).
const REFRESH_PERCENT: [u32; 4] = [80, 85, 90, 95];
/// The random part of that, in percent: without it all neighbours would ask in the same instant.
const REFRESH_JITTER: u64 = 2;
/// Records due within this much of their time are taken to be asked for by a question that leaves now, in percent.
const COALESCE_PERCENT: u32 = 3;
/// What is not kept fresh is forgotten together with others: up to this part of its time early, which a cache may do, so
/// that hundreds of addresses cost a few looks and not one each.
const END_TOGETHER: u64 = 64;
/// A text comes along with the pointer that is asked for first; so much later it is asked for alone, in percent.
const TEXT_LATER: u32 = 2;
/// Nobody makes us ask again every few seconds. RFC 6762 section 10 recommends 75 minutes for what we keep fresh
/// and 2 minutes for the rest; Apple and others have floors of the kind too.
const FLOOR_KEPT: u32 = 120;
const FLOOR_OTHER: u32 = 15;
/// Nor makes anybody us remember for ever (RFC 6762 section 10).
const CEILING: u32 = 75 * 60;

/// One record, and when it was heard. There are thousands: it is kept small.
#[derive(Clone, Debug)]
pub(in super::super) struct Entry {
    pub(in super::super) data: Data,
    pub(in super::super) heard: Instant,
    /// Who said it: the digest of an address.
    pub(super) source: u64,
    pub(super) expires: Instant,
    /// When it is to be looked at.
    pub(super) due: Instant,
    /// Seconds.
    ttl: u32,
    /// Times it was asked for again since it was heard.
    refreshes: u8,
    /// Taken back or replaced; it lives for the grace only.
    dying: bool,
}

impl Entry {
    /// A record just heard that holds for so many seconds.
    pub(super) fn new(now: Instant, data: Data, source: u64, ttl: u32, rng: &mut Rng) -> Self {
        let mut entry =
            Self { data, heard: now, source, expires: now, due: now, ttl, refreshes: 0, dying: false };
        entry.hear(now, ttl, rng);
        entry
    }

    /// It is heard again, and holds for so many seconds more.
    pub(super) fn hear(&mut self, now: Instant, ttl: u32, rng: &mut Rng) {
        (self.heard, self.ttl) = (now, ttl);
        self.expires = now + self.ttl();
        if !self.is_kept() {
            let grid = u64::from(self.ttl) * 1_000_000_000 / END_TOGETHER;
            let end = self.expires.as_nanos();
            self.expires = Instant::from_nanos(end - end.checked_rem(grid).unwrap_or(0));
        }
        (self.dying, self.refreshes) = (false, 0);
        self.schedule(rng);
    }

    /// The grace begins, unless the end is nearer anyway.
    pub(super) fn die(&mut self, end: Instant) {
        self.dying = true;
        self.expires = self.expires.min(end);
        self.due = self.expires;
    }

    /// It is asked for.
    pub(super) fn on_refresh(&mut self, rng: &mut Rng) {
        self.refreshes = self.refreshes.saturating_add(1);
        self.schedule(rng);
    }

    /// A question for it leaves now, and it is not in its list of known answers: whoever would ask next need not.
    pub(super) fn on_asked(&mut self, now: Instant, rng: &mut Rng) {
        while self.due < self.expires && self.near() <= now {
            self.on_refresh(rng);
        }
    }

    /// From when on a question for it is the one that is due.
    pub(super) fn near(&self) -> Instant {
        Instant::ORIGIN + self.due.since_origin().saturating_sub(self.ttl() * COALESCE_PERCENT / 100)
    }

    /// Taken back or replaced.
    pub(in super::super) const fn is_dying(&self) -> bool {
        self.dying
    }

    /// How long it still holds.
    pub(in super::super) fn left(&self, now: Instant) -> Duration {
        self.expires - now
    }

    /// Whether it may stand in a list of known answers (RFC 6762 section 7.1).
    pub(in super::super) fn is_known(&self, now: Instant) -> bool {
        !self.dying && self.left(now) * 2 >= self.ttl()
    }

    const fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl as u64)
    }

    /// Only pointers and texts are kept fresh: where somebody is, is taken once and handed over; afterwards sessions know
    /// better.
    fn is_kept(&self) -> bool {
        is_kept(self.data.kind())
    }

    /// Sets `due` to the next time it should be asked for, or to its end.
    fn schedule(&mut self, rng: &mut Rng) {
        if !self.is_kept() {
            self.due = self.expires;
            return;
        }
        let later = if self.data.kind() == Kind::TXT { TEXT_LATER } else { 0 };
        self.due = REFRESH_PERCENT.get(usize::from(self.refreshes)).map_or(self.expires, |percent| {
            let jitter = u32::try_from(rng.below(REFRESH_JITTER * 100)).unwrap_or(0);
            self.heard + self.ttl() * ((percent + later) * 100 + jitter) / 10_000
        });
    }
}

/// For how many seconds a record of this type is believed that says `ttl`. `is_capped`: it was shortened for us
/// because we asked as a resolver of unicast DNS (RFC 6762 section 6.7), so it holds as long as its owner says as we do.
pub(super) fn lifetime(kind: Kind, ttl: u32, is_capped: bool) -> u32 {
    match (is_capped, is_kept(kind)) {
        (true, true) => OTHER_TTL,
        (true, false) => HOST_TTL,
        (false, true) => ttl.clamp(FLOOR_KEPT, CEILING),
        (false, false) => ttl.clamp(FLOOR_OTHER, CEILING),
    }
}

fn is_kept(kind: Kind) -> bool {
    kind == Kind::PTR || kind == Kind::TXT
}
