//! A token bucket in one number: the time at which it would be full again.

use core::time::Duration;

use crate::time::Instant;

/// So many a second, and bursts of so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) per_second: u64,
    pub(crate) burst: u64,
}

impl Rate {
    /// A rate with bursts of ten seconds' worth.
    pub(crate) fn new(per_second: u64) -> Self {
        Self { per_second, burst: per_second.saturating_mul(10) }
    }

    fn time_for(self, count: u64) -> Option<Duration> {
        let nanos = u128::from(count).checked_mul(1_000_000_000)?.checked_div(self.per_second.into())?;
        u64::try_from(nanos).ok().map(Duration::from_nanos)
    }
}

/// How much of a [`Rate`] is used up; a new one is full.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// Takes `count` out if there are so many.
    pub(crate) fn take(&mut self, now: Instant, rate: Rate, count: u64) -> bool {
        let (Some(cost), Some(burst)) = (rate.time_for(count), rate.time_for(rate.burst)) else {
            return false;
        };
        let full_at = self.full_at.max(now) + cost;
        let enough = full_at - now <= burst;
        if enough {
            self.full_at = full_at;
        }
        enough
    }

    /// Puts back what was taken and not needed.
    pub(crate) fn put_back(&mut self, rate: Rate, count: u64) {
        let span = rate.time_for(count).unwrap_or_default();
        self.full_at = Instant::ORIGIN + self.full_at.since_origin().saturating_sub(span);
    }

    /// Of two, what the emptier one holds.
    pub(crate) fn join(&mut self, other: Self) {
        self.full_at = self.full_at.max(other.full_at);
    }

    /// Whether nothing has been taken that is not back.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let rate = Rate::new(100);
        let at = |millis| Instant::ORIGIN + Duration::from_millis(millis);
        let mut bucket = Bucket::default();
        let taken = |bucket: &mut Bucket, now| (0..5000).filter(|_| bucket.take(now, rate, 1)).count();
        assert_eq!(taken(&mut bucket, at(0)), 1000);
        assert_eq!(taken(&mut bucket, at(1000)), 100);
        assert!(!bucket.is_full(at(10_999)) && bucket.is_full(at(11_000)));
        assert!(!bucket.take(at(20_000), rate, 1001) && bucket.take(at(20_000), rate, 1000));
    }

    #[test]
    fn what_is_put_back_can_be_taken_again() {
        let (rate, now) = (Rate::new(100), Instant::ORIGIN + Duration::from_secs(7));
        let mut bucket = Bucket::default();
        assert!(bucket.take(now, rate, 1000) && !bucket.take(now, rate, 1));
        bucket.put_back(rate, 400);
        assert!(bucket.take(now, rate, 400) && !bucket.take(now, rate, 1));
        bucket.put_back(rate, 1000);
        assert!(bucket.is_full(now));
    }

    #[test]
    fn no_rate_gives_nothing_and_a_huge_one_never_ends() {
        assert!(!Bucket::default().take(Instant::ORIGIN, Rate::new(0), 1));
        let mut bucket = Bucket::default();
        assert!((0..100_000).all(|_| bucket.take(Instant::ORIGIN, Rate::new(u64::MAX), 1)));
    }
}
