//! A count that one thread waits for.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread::{self, Thread},
};

use chat_tests::watch::{PATIENCE, now};

/// Counts up. It costs next to nothing while nobody waits: a bell that is rung at each message would be measured too.
pub(crate) struct Gauge {
    count: AtomicU64,
    wanted: AtomicU64,
    waiting: Thread,
}

impl Gauge {
    /// For the calling thread to wait for.
    pub(crate) fn new() -> Self {
        Self { count: AtomicU64::new(0), wanted: AtomicU64::new(u64::MAX), waiting: thread::current() }
    }

    pub(crate) fn add(&self, more: u64) {
        let count = self.count.fetch_add(more, SeqCst) + more;
        if count >= self.wanted.load(SeqCst) {
            self.waiting.unpark();
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(SeqCst)
    }

    /// Waits until so many are counted.
    pub(crate) fn wait(&self, what: &str, wanted: u64) {
        let deadline = now() + PATIENCE;
        self.wanted.store(wanted, SeqCst);
        while self.count() < wanted {
            let left = deadline.saturating_duration_since(now());
            assert!(!left.is_zero(), "{what}: {} of {wanted} in time", self.count());
            thread::park_timeout(left);
        }
        self.wanted.store(u64::MAX, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_goes_on_when_it_is_counted() {
        let gauge = Gauge::new();
        thread::scope(|scope| {
            scope.spawn(|| (0..100_000).for_each(|_| gauge.add(1)));
            (0..=100).for_each(|wanted| gauge.wait("a hundred thousand", wanted * 1000));
        });
        assert_eq!(gauge.count(), 100_000);
    }
}
