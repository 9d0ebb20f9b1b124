//! Every packet number is accepted once.

use alloc::boxed::Box;

/// Packets this far behind the newest are too late.
pub(super) const WINDOW: u64 = 4096;

const WORD: u64 = 64;
const WORDS: usize = 64;

/// Which of the newest [`WINDOW`] packet numbers have been accepted.
///
/// It is a ring of bits (RFC 6479). It moves only after a packet's tag has verified, or a forged packet with a
/// high number would shut the honest ones out.
#[derive(Debug)]
pub(super) struct Replay {
    /// One more than the newest number, 0 before the first.
    next: u64,
    /// One word more than the window needs, so that the word being entered can be cleared as a whole.
    bits: Box<[u64; WORDS + 1]>,
}

impl Replay {
    pub(super) fn new() -> Self {
        Self { next: 0, bits: Box::new([0; WORDS + 1]) }
    }

    /// Whether `number` is neither too late nor a repetition. Changes nothing.
    pub(super) fn is_fresh(&self, number: u64) -> bool {
        if number >= self.next {
            return true;
        }
        let seen = self.bits.get(Self::word(number)).is_some_and(|word| word & Self::bit(number) != 0);
        self.next - number <= WINDOW && !seen
    }

    /// Whether `number` is higher than all before.
    pub(super) const fn is_newest(&self, number: u64) -> bool {
        number >= self.next
    }

    /// Notes a number that [`is_fresh`](Self::is_fresh), once its packet is known to be authentic.
    pub(super) fn accept(&mut self, number: u64) {
        if number >= self.next {
            let last = self.next.saturating_sub(1) / WORD;
            let entered = (number / WORD).saturating_sub(last).min(self.bits.len() as u64);
            for step in 0..entered {
                let word = Self::word((number / WORD - step) * WORD);
                self.bits.get_mut(word).into_iter().for_each(|word| *word = 0);
            }
            self.next = number.saturating_add(1);
        }
        if let Some(word) = self.bits.get_mut(Self::word(number)) {
            *word |= Self::bit(number);
        }
    }

    fn word(number: u64) -> usize {
        usize::try_from((number / WORD) % (WORDS as u64 + 1)).unwrap_or(0)
    }

    const fn bit(number: u64) -> u64 {
        1 << (number % WORD)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, vec::Vec};

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        /// Against a set that remembers everything.
        fn accepts_each_number_once_and_none_that_is_late(steps: Vec<(u16, bool)>) -> bool {
            let (mut replay, mut seen, mut top) = (Replay::new(), BTreeSet::new(), 0u64);
            steps.into_iter().all(|(step, forward)| {
                let step = u64::from(step % 6000);
                let number = if forward { top + step } else { top.saturating_sub(step) };
                let late = seen.iter().last().is_some_and(|newest| number + WINDOW <= *newest);
                let expected = !late && !seen.contains(&number);
                let fresh = replay.is_fresh(number);
                if fresh {
                    replay.accept(number);
                    seen.insert(number);
                    top = top.max(number);
                }
                fresh == expected
            })
        }
    }

    #[test]
    fn the_window_is_as_wide_as_it_says() {
        let mut replay = Replay::new();
        replay.accept(10_000);
        assert!(replay.is_fresh(10_000 - WINDOW + 1));
        assert!(!replay.is_fresh(10_000 - WINDOW));
        assert!(!replay.is_fresh(10_000));
        replay.accept(u64::MAX);
        assert!(!replay.is_fresh(10_001));
    }
}
