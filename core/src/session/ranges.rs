//! Sets of numbers that mostly come in runs: packet numbers received, bytes acknowledged, bytes lost.

use alloc::vec::Vec;
use core::ops::Range;

/// A set of numbers as ascending half-open ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds all of `range`.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        // Nearly everything arrives in order and only makes the last range longer.
        if let Some(top) = self.0.last_mut()
            && top.end == range.start
        {
            top.end = range.end;
            return;
        }
        let first = self.0.partition_point(|other| other.end < range.start);
        let after = self.0.partition_point(|other| other.start <= range.end);
        let touched = self.0.get(first..after).unwrap_or_default();
        let start = touched.first().map_or(range.start, |low| low.start.min(range.start));
        let end = touched.last().map_or(range.end, |high| high.end.max(range.end));
        self.0.splice(first..after, core::iter::once(start..end));
    }

    /// Takes all of `range` out.
    pub(super) fn remove(&mut self, range: &Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|other| other.end <= range.start);
        let after = self.0.partition_point(|other| other.start < range.end);
        let touched = self.0.get(first..after).unwrap_or_default();
        let low = touched.first().map(|low| low.start..range.start);
        let high = touched.last().map(|high| range.end..high.end);
        if !touched.is_empty() {
            let kept = [low, high].into_iter().flatten().filter(|part| !part.is_empty());
            self.0.splice(first..after, kept);
        }
    }

    /// The parts of `range` that are not in the set, in order.
    pub(super) fn missing(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let first = self.0.partition_point(|other| other.end <= range.start);
        let inside = self.0.iter().skip(first).take_while(move |other| other.start < range.end);
        let mut from = range.start;
        let gaps = inside.map(Some).chain([None]).map(move |other| {
            let gap = from..other.map_or(range.end, |other| other.start);
            from = other.map_or(range.end, |other| other.end);
            gap
        });
        gaps.filter(|gap| !gap.is_empty())
    }

    /// Takes at most `most` of the smallest numbers, as one range.
    pub(super) fn take_first(&mut self, most: u64) -> Option<Range<u64>> {
        let first = self.0.first()?;
        let taken = first.start..first.end.min(first.start.saturating_add(most));
        self.remove(&taken);
        Some(taken)
    }

    /// Forgets the lowest ranges until at most `most` are left.
    pub(super) fn keep_highest(&mut self, most: usize) {
        let excess = self.0.len().saturating_sub(most);
        self.0.drain(..excess);
    }

    #[cfg(test)]
    fn contains(&self, number: u64) -> bool {
        let at = self.0.partition_point(|range| range.end <= number);
        self.0.get(at).is_some_and(|range| range.contains(&number))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn first(&self) -> Option<&Range<u64>> {
        self.0.first()
    }

    pub(super) fn last(&self) -> Option<&Range<u64>> {
        self.0.last()
    }

    /// From the highest range to the lowest.
    pub(super) fn descending(&self) -> impl ExactSizeIterator<Item = &Range<u64>> {
        self.0.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn behaves_like_a_set(changes: Vec<(bool, u8, u8)>, probe: (u8, u8)) -> bool {
            let (mut ranges, mut model) = (Ranges::new(), BTreeSet::new());
            for (add, start, length) in changes {
                let range = u64::from(start)..u64::from(start) + u64::from(length % 9);
                if add {
                    ranges.insert(range.clone());
                    model.extend(range);
                } else {
                    ranges.remove(&range);
                    model.retain(|number| !range.contains(number));
                }
            }
            let apart = ranges.0.windows(2).all(|pair| pair[0].end < pair[1].start);
            let probe = u64::from(probe.0)..u64::from(probe.0) + u64::from(probe.1);
            let missing: Vec<u64> = ranges.missing(probe.clone()).flatten().collect();
            apart
                && ranges.0.iter().cloned().flatten().eq(model.iter().copied())
                && (0..300).all(|number| ranges.contains(number) == model.contains(&number))
                && missing.into_iter().eq(probe.filter(|number| !model.contains(number)))
        }
    }

    #[test]
    fn takes_from_the_low_end_and_keeps_the_high_one() {
        let mut ranges = Ranges::new();
        ranges.insert(10..20);
        ranges.insert(30..40);
        ranges.insert(50..60);
        assert_eq!(ranges.take_first(4), Some(10..14));
        assert_eq!(ranges.first(), Some(&(14..20)));
        ranges.keep_highest(1);
        assert!(ranges.descending().eq([&(50..60)]));
    }
}
