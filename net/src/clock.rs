//! Time and randomness of this machine: the only place that asks for them.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_core::{Instant, UnixMillis, Wake};

use crate::os;

/// The clock that a node lives by: it runs on while the machine sleeps, where the system has such a clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Duration,
}

impl Clock {
    /// A clock whose origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: os::uptime() }
    }

    /// The time since the origin.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::ORIGIN + os::uptime().saturating_sub(self.origin)
    }

    /// What the person's clock shows; 1970 when it claims to be earlier.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place to ask")]
    pub fn wall(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// How long to wait for it: zero when it is due, `None` for ever.
    #[must_use]
    pub fn until(&self, wake: Option<Wake>) -> Option<Duration> {
        wake.map(|wake| wake.at - self.now())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// Nanoseconds since 1970 by the person's clock; 0 when it claims to be earlier.
#[expect(clippy::disallowed_methods, reason = "this is the place to ask")]
pub(crate) fn wall_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// 32 bytes of the system's randomness: for a node's seed, for [`Input::Entropy`](chat_core::Input::Entropy).
///
/// # Errors
/// When the system has none to give, which happens at most while it starts.
pub fn entropy() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use chat_core::Reason;

    use super::*;

    #[test]
    fn time_goes_on_from_the_origin() {
        let clock = Clock::new();
        let before = clock.now();
        thread::sleep(Duration::from_millis(20));
        let passed = clock.now() - before;
        assert!(passed >= Duration::from_millis(20) && passed < Duration::from_secs(5), "{passed:?}");
        assert!(before - Instant::ORIGIN < Duration::from_secs(1));
    }

    #[test]
    fn what_is_due_is_not_waited_for() {
        let clock = Clock::new();
        let wake = |at| Some(Wake { at, reason: Reason::Dial });
        assert_eq!(clock.until(None), None);
        assert_eq!(clock.until(wake(Instant::ORIGIN)), Some(Duration::ZERO));
        let minute = clock.until(wake(clock.now() + Duration::from_secs(60))).unwrap();
        assert!(minute > Duration::from_secs(50) && minute <= Duration::from_secs(60), "{minute:?}");
    }

    #[test]
    fn the_wall_clock_is_in_milliseconds_of_this_century() {
        let year_2020 = 1_577_836_800_000;
        let year_2100 = 4_102_444_800_000;
        assert!((year_2020..year_2100).contains(&Clock::new().wall().0));
    }

    #[test]
    fn randomness_differs_each_time() {
        assert_ne!(entropy().unwrap(), entropy().unwrap());
    }
}
