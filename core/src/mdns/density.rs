//! How many there are on a link, so that everybody can be more polite the more there are.
//!
//! Counted without keeping anybody in mind: each name sets one of 4,096 bits, and the fewer are left the more names a new
//! bit stands for (linear counting, Whang and others 1990). That is right within a few percent up to some ten thousand.

use alloc::boxed::Box;
use core::time::Duration;

use crate::time::Instant;

/// Words of 64 bits.
const WORDS: usize = 64;
const BITS: u64 = 64 * WORDS as u64;
/// Who is not heard again in this time does not count any more: as long as pointers hold (RFC 6762 section 10).
const FOR: Duration = Duration::from_secs(4500);
/// The parts of one.
const ONE: u64 = 1 << 10;

/// How many different names have been heard.
#[derive(Debug)]
pub(super) struct Density {
    bits: Box<[u64; WORDS]>,
    set: u64,
    /// In parts of one.
    count: u64,
    /// What was counted in the time before.
    before: u64,
    since: Instant,
}

impl Density {
    pub(super) fn new(now: Instant) -> Self {
        Self { bits: Box::new([0; WORDS]), set: 0, count: 0, before: 0, since: now }
    }

    /// A name was heard, of which this is the digest.
    pub(super) fn hear(&mut self, now: Instant, digest: u64) {
        if now - self.since >= FOR {
            (self.before, self.count, self.set, self.since) = (self.count, 0, 0, now);
            self.bits.fill(0);
        }
        let bit = digest % BITS;
        let Some(word) = usize::try_from(bit / 64).ok().and_then(|word| self.bits.get_mut(word)) else {
            return;
        };
        let mask = 1 << (bit % 64);
        if *word & mask == 0 && self.set + 1 < BITS {
            *word |= mask;
            self.count += ONE * BITS / (BITS - self.set);
            self.set += 1;
        }
    }

    /// How many there are, about.
    pub(super) fn estimate(&self) -> usize {
        usize::try_from(self.count.max(self.before) / ONE).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn the_estimate_is_right_within_a_few_percent() {
        for all in [0, 1, 7, 50, 300, 1_000, 5_000, 12_000] {
            let (mut density, mut rng) = (Density::new(Instant::ORIGIN), Rng::new([9; 32]));
            let names: alloc::vec::Vec<u64> = (0..all).map(|_| rng.u64()).collect();
            // However often each is heard.
            (0..3).for_each(|_| names.iter().for_each(|name| density.hear(Instant::ORIGIN, *name)));
            let (estimate, all) = (density.estimate() as f64, all as f64);
            assert!((estimate - all).abs() <= 1.0 + all * 0.06, "{estimate} of {all}");
        }
    }

    #[test]
    fn whoever_is_not_heard_any_more_is_not_counted_for_ever() {
        let mut density = Density::new(Instant::ORIGIN);
        let at = |periods: u32| Instant::ORIGIN + FOR * periods;
        (0..100).for_each(|name| density.hear(at(0), name * 41));
        density.hear(at(1), 1);
        assert_eq!(density.estimate(), 101, "they may be heard again");
        density.hear(at(2), 1);
        assert!(density.estimate() <= 1);
    }
}
