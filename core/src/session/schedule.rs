//! Many deadlines, of which only the earliest matters.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::time::Instant;

/// One deadline for each key, found in logarithmic time: for keys that come by the hundred.
#[derive(Debug)]
pub(super) struct Schedule<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Copy> Schedule<K> {
    pub(super) const fn new() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    /// Sets, moves or clears the deadline of `key`.
    pub(super) fn set(&mut self, key: K, at: Option<Instant>) {
        let before = self.by_key.get(&key).copied();
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key));
            self.by_key.remove(&key);
        }
        if let Some(at) = at {
            self.by_time.insert((at, key));
            self.by_key.insert(key, at);
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|&(at, _)| at)
    }

    /// Takes the earliest deadline that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let &(_, key) = self.by_time.first().filter(|&&(at, _)| at <= now)?;
        self.set(key, None);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn deadlines_come_in_order_and_can_be_moved() {
        let at = Instant::from_nanos;
        let mut schedule = Schedule::new();
        schedule.set('a', Some(at(9)));
        schedule.set('b', Some(at(5)));
        schedule.set('c', Some(at(7)));
        schedule.set('a', Some(at(3)));
        schedule.set('c', None);
        assert_eq!(schedule.next(), Some(at(3)));
        let due: Vec<_> = core::iter::from_fn(|| schedule.pop_due(at(5))).collect();
        assert_eq!(due, ['a', 'b']);
        assert_eq!(schedule.next(), None);
    }
}
