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

    /// When the next one is in time.
    pub(crate) fn next(self, free: Instant) -> Instant {
        let ahead = self.each * self.burst.saturating_sub(1);
        Instant::ORIGIN + free.since_origin().saturating_sub(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_in_time_when_it_is_said_to_be() {
        let pace = Pace { each: Duration::from_secs(60), burst: 3 };
        let (mut free, mut now) = (Instant::ORIGIN, Instant::ORIGIN + Duration::from_secs(1000));
        assert_eq!([0; 4].map(|_| pace.take(now, &mut free)), [true, true, true, false]);
        for _ in 0..3 {
            now = pace.next(free);
            assert!(!pace.take(Instant::from_nanos(now.as_nanos() - 1), &mut free));
            assert!(pace.take(now, &mut free));
        }
        assert_eq!(now, Instant::ORIGIN + Duration::from_secs(1000 + 180));
    }
}
