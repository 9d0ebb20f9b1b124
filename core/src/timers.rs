//! A named table of absolute deadlines, one per key.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::time::Instant;

/// At most one deadline for each key of `K`; the earliest is found without a search.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    deadlines: BTreeMap<K, Instant>,
    order: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Copy> Timers<K> {
    pub(crate) const fn new() -> Self {
        Self { deadlines: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Sets the deadline of `key`, whatever it was before.
    pub(crate) fn set(&mut self, key: K, at: Instant) {
        match self.deadlines.insert(key, at) {
            // As it often is: what is said right behind something else waits for the same moment.
            Some(before) if before == at => return,
            Some(before) => _ = self.order.remove(&(before, key)),
            None => {}
        }
        self.order.insert((at, key));
    }

    /// Sets the deadline of `key` unless it has an earlier one.
    pub(crate) fn set_by(&mut self, key: K, at: Instant) {
        if self.get(key).is_none_or(|deadline| at < deadline) {
            self.set(key, at);
        }
    }

    pub(crate) fn clear(&mut self, key: K) {
        if let Some(before) = self.deadlines.remove(&key) {
            self.order.remove(&(before, key));
        }
    }

    pub(crate) fn get(&self, key: K) -> Option<Instant> {
        self.deadlines.get(&key).copied()
    }

    /// The earliest deadline; among equal ones the smallest key.
    pub(crate) fn next(&self) -> Option<(Instant, K)> {
        self.order.first().copied()
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = self.next()?;
        (at <= now).then(|| {
            self.clear(key);
            key
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_come_in_order_of_their_deadlines() {
        let at = Instant::from_nanos;
        let mut timers = Timers::new();
        timers.set('b', at(5));
        timers.set('a', at(9));
        timers.set('c', at(5));
        timers.set_by('a', at(7));
        timers.set_by('a', at(8));
        assert_eq!(timers.pop_due(at(4)), None);
        assert_eq!(timers.next(), Some((at(5), 'b')));
        let due: alloc::vec::Vec<_> = core::iter::from_fn(|| timers.pop_due(at(7))).collect();
        assert_eq!(due, ['b', 'c', 'a']);
        assert_eq!(timers.get('a'), None);
    }
}
