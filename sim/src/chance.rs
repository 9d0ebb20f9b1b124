//! Randomness without a stream: every decision is drawn from the seed and from what it is about.
//!
//! So nothing depends on the order of decisions: a peer or a fault less leaves all other decisions as they were, and
//! two runs that differ in one thing can be compared.

use std::{ops::RangeInclusive, time::Duration};

use chat_core::Instant;

/// What a decision is about; decisions of different domains share nothing.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Domain {
    /// The seeds of nodes and the keys of people.
    Node = 1,
    /// The way of a datagram to one receiver.
    Net,
    /// How faults bite.
    Fault,
    /// What hostile peers do.
    Hostile,
    /// What disks do.
    Disk,
    /// How a plan is made from a scenario.
    Plan,
}

/// Draws numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    seed: u64,
}

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed: mix(seed) }
    }

    /// Any 64-bit number, always the same for the same things.
    #[inline]
    pub(crate) fn draw(&self, domain: Domain, about: &[u64]) -> u64 {
        about.iter().fold(mix(self.seed ^ domain as u64), |state, &word| fold(state, word))
    }

    /// A number below `bound`, 0 when that is 0.
    pub(crate) fn below(&self, bound: u64, domain: Domain, about: &[u64]) -> u64 {
        scale(self.draw(domain, about), bound)
    }

    /// Whether something happens that does so `ppm` times in a million.
    #[inline]
    pub(crate) fn hits(&self, ppm: u32, domain: Domain, about: &[u64]) -> bool {
        ppm > 0 && self.below(1_000_000, domain, about) < u64::from(ppm)
    }

    pub(crate) fn span(&self, range: &RangeInclusive<Duration>, domain: Domain, about: &[u64]) -> Duration {
        Duration::from_nanos(Spread::new(range).pick(self.draw(domain, about)))
    }

    /// 32 bytes, for keys and seeds.
    pub(crate) fn bytes(&self, domain: Domain, about: &[u64]) -> [u8; 32] {
        let start = self.draw(domain, about);
        let mut out = [0; 32];
        for (index, word) in (0..).zip(out.chunks_exact_mut(8)) {
            word.copy_from_slice(&fold(start, index).to_le_bytes());
        }
        out
    }
}

/// The times from a shortest to a longest, in nanoseconds: for what is drawn again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    least: u64,
    count: u64,
}

impl Spread {
    pub(crate) fn new(range: &RangeInclusive<Duration>) -> Self {
        let (least, most) = (nanos(*range.start()), nanos(*range.end()));
        Self { least, count: most.saturating_sub(least) + 1 }
    }

    /// One of them from any 64-bit number.
    #[inline]
    pub(crate) fn pick(self, drawn: u64) -> u64 {
        self.least + scale(drawn, self.count)
    }
}

/// A number below `bound` from any 64-bit number; its bias is below 2^-40 for every bound used here.
#[inline]
pub(crate) fn scale(drawn: u64, bound: u64) -> u64 {
    ((u128::from(drawn) * u128::from(bound)) >> 64) as u64
}

/// One more word in a hash.
#[inline]
pub(crate) const fn fold(state: u64, word: u64) -> u64 {
    mix(state.rotate_left(23) ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#[inline]
const fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// So many nanoseconds later. A [`Duration`] has seconds and nanoseconds apart, which costs more than what it is for.
#[inline]
pub(crate) const fn later(at: Instant, nanos: u64) -> Instant {
    Instant::from_nanos(at.as_nanos().saturating_add(nanos))
}

#[inline]
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_and_another_has_another() {
        let chance = Chance::new(7);
        assert_eq!(chance.draw(Domain::Net, &[1, 2]), chance.draw(Domain::Net, &[1, 2]));
        assert_ne!(chance.draw(Domain::Net, &[1, 2]), chance.draw(Domain::Net, &[2, 1]));
        assert_ne!(chance.draw(Domain::Net, &[1]), chance.draw(Domain::Fault, &[1]));
        assert_ne!(chance.draw(Domain::Net, &[1]), Chance::new(8).draw(Domain::Net, &[1]));
    }

    #[test]
    fn parts_per_million_are_kept_within_four_standard_deviations() {
        let chance = Chance::new(7);
        for ppm in [1_000, 50_000, 500_000] {
            let hits = (0..100_000).filter(|&about| chance.hits(ppm, Domain::Net, &[about])).count() as f64;
            let mean = f64::from(ppm) / 10.0;
            let deviation = (mean * (1.0 - f64::from(ppm) / 1e6)).sqrt();
            assert!((hits - mean).abs() < 4.0 * deviation, "{ppm} ppm: {hits} of 100,000");
        }
    }

    #[test]
    fn a_span_stays_in_its_range_and_reaches_both_halves() {
        let range = Duration::from_micros(50)..=Duration::from_micros(200);
        let drawn: Vec<_> =
            (0..1000).map(|about| Chance::new(1).span(&range, Domain::Net, &[about])).collect();
        assert!(drawn.iter().all(|span| range.contains(span)));
        let late = drawn.iter().filter(|span| **span > Duration::from_micros(125)).count();
        assert!((400..600).contains(&late), "{late}");
    }
}
