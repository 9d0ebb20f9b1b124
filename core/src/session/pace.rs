//! How often something may happen.

use core::time::Duration;

use crate::time::Instant;

/// One in `each`, and `burst` at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) each: Duration,
    pub(crate) burst: u32,
}

impl Pace {
    /// Takes one if it is in time; `free` is when all those taken are paid for.
    pub(crate) fn take(self, now: Instant, free: &mut Instant) -> bool {
        let next = now.max(*free) + self.each;
        let granted = next <= now + self.each * self.burst;
        if granted {
            *free = next;
        }
        granted
    }
}
