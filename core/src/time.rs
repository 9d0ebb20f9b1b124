//! Time as the host tells it: a monotonic [`Instant`] and the person's wall clock, [`UnixMillis`].

use core::{
    fmt,
    ops::{Add, AddAssign, Sub},
    time::Duration,
};

/// A point on the host's monotonic clock: nanoseconds since an origin that the host picks.
///
/// The clock should run on while the machine sleeps (`CLOCK_BOOTTIME`), since leases and caches age then too. It
/// lasts for 584 years; all arithmetic saturates, so input in the wrong order never panics. There is no `now()`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The host's origin.
    pub const ORIGIN: Self = Self(0);
    /// Later than everything: a timer set to it never fires.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time since the origin.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let nanos = span.as_secs().saturating_mul(1_000_000_000).saturating_add(span.subsec_nanos().into());
        Self(self.0.saturating_add(nanos))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time from `earlier` to `self`, zero when `earlier` is in fact later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.since_origin())
    }
}

/// The person's wall clock: milliseconds since 1970-01-01 UTC. It may be wrong and it may jump.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct UnixMillis(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let second = Duration::from_secs(1);
        assert_eq!(Instant::ORIGIN - (Instant::ORIGIN + second), Duration::ZERO);
        assert_eq!(Instant::NEVER + second, Instant::NEVER);
        assert_eq!(Instant::ORIGIN + Duration::MAX, Instant::NEVER);
        assert_eq!((Instant::ORIGIN + second) - Instant::ORIGIN, second);
    }
}
