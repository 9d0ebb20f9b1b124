//! Randomness that can be replayed: one ChaCha generator from the host's seed, forked by label for every part.
//!
//! A draw more in discovery then does not shift the keys of a session. It is good enough for keys and nonces as
//! long as the host's seed is; [`Rng::mix`] takes fresh entropy in after a suspend, so that a cloned machine does
//! not repeat its twin.

use core::{ops::RangeInclusive, time::Duration};

use blake2::{Blake2s256, Digest as _};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// One part's stream of random numbers.
#[derive(Debug)]
pub struct Rng(ChaCha20Rng);

impl Rng {
    /// The generator of `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A generator of its own for the part called `label`. It advances this one by 32 bytes.
    #[must_use]
    pub fn fork(&mut self, label: &str) -> Self {
        let drawn = self.bytes::<32>();
        Self::new(Blake2s256::new().chain_update(drawn).chain_update(label.as_bytes()).finalize().into())
    }

    /// Mixes fresh entropy in; what follows depends on all that went before and on it.
    pub fn mix(&mut self, entropy: &[u8; 32]) {
        let drawn = self.bytes::<32>();
        *self = Self::new(Blake2s256::new().chain_update(drawn).chain_update(entropy).finalize().into());
    }

    /// Fills `out`.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// Any 64-bit number.
    #[must_use]
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, or 0 when `bound` is 0. The bias of the multiplication is below 2^-32 for any
    /// bound that fits 32 bits, which is far more than jitter and tie-breaks need.
    #[must_use]
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.u64()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A duration in `range`, both ends included.
    #[must_use]
    pub fn duration(&mut self, range: RangeInclusive<Duration>) -> Duration {
        let span = range.end().saturating_sub(*range.start());
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        *range.start() + Duration::from_nanos(self.below(nanos.saturating_add(1)))
    }
}

/// All bits of `word` stirred well, one to one (the finalizer of SplitMix64): to spread what need not be secret.
pub(crate) const fn mixed(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_are_independent_of_each_other_and_repeatable() {
        let fork = |label: &str| Rng::new([7; 32]).fork(label).u64();
        assert_eq!(fork("mdns"), fork("mdns"));
        assert_ne!(fork("mdns"), fork("session"));
    }

    #[test]
    fn entropy_changes_what_follows() {
        let (mut one, mut twin) = (Rng::new([7; 32]), Rng::new([7; 32]));
        one.mix(&[1; 32]);
        twin.mix(&[2; 32]);
        assert_ne!(one.u64(), twin.u64());
    }

    #[test]
    fn durations_stay_in_their_range() {
        let mut rng = Rng::new([0; 32]);
        let range = Duration::from_millis(20)..=Duration::from_millis(120);
        assert!((0..1000).all(|_| range.contains(&rng.duration(range.clone()))));
        assert_eq!(rng.duration(Duration::ZERO..=Duration::ZERO), Duration::ZERO);
    }
}
