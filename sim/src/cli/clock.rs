//! Real time: for how long something took, and never for what happens in a run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Runs since it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "how long a run takes is no part of it")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    #[expect(clippy::disallowed_methods, reason = "how long a run takes is no part of it")]
    pub(super) fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A seed that nobody has asked for; it is shown, so that the run can be repeated.
#[expect(clippy::disallowed_methods, reason = "a seed to start with has to come from somewhere")]
pub(super) fn any_seed() -> u64 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
    // Short enough to be said over the phone.
    (nanos.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u64 & 0xffff_ffff
}
