//! How much is answered by unicast: whoever forges a sender must not turn us against it.

use alloc::collections::BTreeMap;
use core::{net::IpAddr, time::Duration};

use crate::time::Instant;

/// Unicast answers a second to one address, and the burst it may ask for.
const EACH: u32 = 5;
/// Unicast answers a second to all addresses together.
const ALL: u32 = 50;
/// Addresses whose rate is known; what does not fit shares the rate of all.
const ADDRESSES_MAX: usize = 256;

/// Token buckets for unicast answers.
#[derive(Debug)]
pub(super) struct Budget {
    all: Bucket,
    each: BTreeMap<IpAddr, Bucket>,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self { all: Bucket::new(ALL), each: BTreeMap::new() }
    }

    /// Whether `to` may have one answer more.
    pub(super) fn take(&mut self, now: Instant, to: IpAddr) -> bool {
        if self.each.len() >= ADDRESSES_MAX {
            self.each.retain(|_, bucket| !bucket.is_full(now));
        }
        if self.each.len() >= ADDRESSES_MAX && !self.each.contains_key(&to) {
            return self.all.take(now);
        }
        self.each.entry(to).or_insert(Bucket::new(EACH)).take(now) && self.all.take(now)
    }
}

/// Fills at `rate` tokens a second, up to one second's worth.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: u32,
    /// When it is full again.
    full: Instant,
}

impl Bucket {
    const fn new(rate: u32) -> Self {
        Self { rate, full: Instant::ORIGIN }
    }

    fn is_full(&self, now: Instant) -> bool {
        self.full <= now
    }

    fn take(&mut self, now: Instant) -> bool {
        let after = self.full.max(now) + Duration::from_secs(1) / self.rate;
        let has_token = after - now <= Duration::from_secs(1);
        if has_token {
            self.full = after;
        }
        has_token
    }
}
