//! A host's own idea of time: its oscillator may run fast or slow, its clock may stand still while it sleeps, and its
//! owner may have set it wrong.

use std::time::Duration;

use chat_core::{Instant, UnixMillis};

use crate::chance::{later, nanos};

/// When every simulation begins, on a clock that is right: 2026-09-21 14:13:20 UTC.
pub(crate) const EPOCH: UnixMillis = UnixMillis(1_790_000_000_000);
const MILLION: i128 = 1_000_000;

/// Maps the world's time to the host's.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// From here on, in the world's time ...
    since: Instant,
    /// ... and in the host's.
    local: Instant,
    /// How many parts per million it runs fast.
    ppm: i32,
    /// What the wall clock is ahead of the right time, in ms.
    ahead: i64,
    /// When it stopped, in the world's time.
    stopped: Option<Instant>,
}

impl Clock {
    /// A right clock that starts now, as a machine does that is switched on.
    pub(crate) const fn new(now: Instant) -> Self {
        Self { since: now, local: Instant::ORIGIN, ppm: 0, ahead: 0, stopped: None }
    }

    /// The host's monotonic time.
    #[inline]
    pub(crate) fn local(&self, now: Instant) -> Instant {
        if self.stopped.is_some() {
            return self.local;
        }
        if self.ppm == 0 {
            return later(self.local, now.as_nanos().saturating_sub(self.since.as_nanos()));
        }
        let passed = i128::from(nanos(now - self.since));
        let passed = passed + passed * i128::from(self.ppm) / MILLION;
        self.local + Duration::from_nanos(u64::try_from(passed).unwrap_or(0))
    }

    /// When, in the world's time, the host's monotonic time reaches `local`; never while it stands still.
    #[inline]
    pub(crate) fn when(&self, local: Instant) -> Option<Instant> {
        if self.stopped.is_some() {
            return None;
        }
        if self.ppm == 0 {
            return Some(later(self.since, local.as_nanos().saturating_sub(self.local.as_nanos())));
        }
        let wait = i128::from(nanos(local - self.local));
        // Rounded up: a wake must not come before its time.
        let rate = MILLION + i128::from(self.ppm);
        let span = (wait * MILLION + rate - 1).div_euclid(rate);
        Some(self.since + Duration::from_nanos(u64::try_from(span).unwrap_or(u64::MAX)))
    }

    /// What the person's clock shows.
    pub(crate) fn wall(&self, now: Instant) -> UnixMillis {
        let right = EPOCH.0 + nanos(now.since_origin()) / 1_000_000;
        UnixMillis(right.saturating_add_signed(self.ahead))
    }

    /// It runs `ppm` parts per million fast from now on.
    pub(crate) fn drift(&mut self, now: Instant, ppm: i32) {
        self.anchor(now);
        self.ppm = ppm;
    }

    /// The person's clock is set this many ms ahead of where it is.
    pub(crate) const fn step(&mut self, ms: i64) {
        self.ahead = self.ahead.saturating_add(ms);
    }

    /// The monotonic clock stands still: the machine sleeps, or a virtual one is frozen.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.anchor(now);
        self.stopped.get_or_insert(now);
    }

    /// It runs again. `counted`: it knows how long it stood, as `CLOCK_BOOTTIME` does.
    pub(crate) fn resume(&mut self, now: Instant, counted: bool) {
        if let Some(stopped) = self.stopped.take() {
            self.since = now;
            if counted {
                self.local += now - stopped;
            }
        }
    }

    fn anchor(&mut self, now: Instant) {
        if self.stopped.is_none() {
            (self.local, self.since) = (self.local(now), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(seconds)
    }

    #[test]
    fn a_wake_never_comes_before_its_time_whatever_the_drift() {
        for ppm in [-200, -1, 0, 1, 200, 100_000] {
            let mut clock = Clock::new(at(3));
            clock.drift(at(5), ppm);
            for wait in [1, 999, 1_000_003, 60_000_000_001] {
                let local = clock.local(at(10)) + Duration::from_nanos(wait);
                let when = clock.when(local).unwrap();
                assert!(clock.local(when) >= local, "{ppm} ppm, {wait} ns");
                assert!(when > at(10));
            }
        }
    }

    #[test]
    fn drift_begins_when_it_begins() {
        let mut clock = Clock::new(at(0));
        clock.drift(at(100), 1000);
        assert_eq!(clock.local(at(100)), at(100));
        assert_eq!(clock.local(at(1100)), at(1101));
    }

    #[test]
    fn sleep_counts_or_not() {
        for (counted, then) in [(true, 111), (false, 12)] {
            let mut clock = Clock::new(at(0));
            clock.stop(at(10));
            assert_eq!(clock.local(at(60)), at(10));
            assert_eq!(clock.when(at(11)), None);
            clock.resume(at(109), counted);
            assert_eq!(clock.local(at(111)), at(then));
        }
    }

    #[test]
    fn the_wall_clock_is_set_without_moving_the_other() {
        let mut clock = Clock::new(at(0));
        clock.step(-600_000);
        assert_eq!(clock.wall(at(1)).0, EPOCH.0 + 1000 - 600_000);
        assert_eq!(clock.local(at(1)), at(1));
    }
}
