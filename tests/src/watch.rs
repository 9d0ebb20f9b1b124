//! Real time: programs that really run take real time, and this is the only place that reads it.

use std::time::{Duration, Instant};

/// How long a test waits for what it does not measure. Long, because two busy cores can make anything late.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The time now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the programs under test run in real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Asks `question` every 5 ms until it answers, for at most `limit`.
pub fn until<T>(limit: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = now() + limit;
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The middle one of `times`, the later of two.
///
/// # Panics
/// When there are none.
#[must_use]
pub fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}
