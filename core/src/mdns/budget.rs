//! How much is answered by unicast: whoever forges a sender must not turn us against it.

use alloc::collections::BTreeMap;
use core::{net::IpAddr, time::Duration};

use crate::{session::Pace, time::Instant};

/// Unicast answers to one address.
const EACH: Pace = Pace { each: Duration::from_millis(200), burst: 5 };
/// The same to all addresses together; what exceeds it is multicast, where that is possible, and so heard by all.
const ALL: Pace = Pace { each: Duration::from_millis(250), burst: 10 };
/// Addresses whose rate is known; what does not fit shares the rate of all.
const ADDRESSES_MAX: usize = 256;

/// When all unicast answers are paid for.
#[derive(Debug)]
pub(super) struct Budget {
    all: Instant,
    each: BTreeMap<IpAddr, Instant>,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self { all: Instant::ORIGIN, each: BTreeMap::new() }
    }

    /// Whether `to` may have one answer more.
    pub(super) fn take(&mut self, now: Instant, to: IpAddr) -> bool {
        if self.each.len() >= ADDRESSES_MAX {
            self.each.retain(|_, paid| *paid > now);
        }
        if self.each.len() >= ADDRESSES_MAX && !self.each.contains_key(&to) {
            return ALL.take(now, &mut self.all);
        }
        EACH.take(now, self.each.entry(to).or_default()) && ALL.take(now, &mut self.all)
    }
}
