//! How long to wait before the child is started again.

use std::time::Duration;

/// After the first end.
const FIRST: Duration = Duration::from_secs(1);
/// However often it ends: whoever keeps sending the datagram that ends it costs us one start a minute.
const LONGEST: Duration = Duration::from_secs(60);
/// Whoever lived that long is not one of a row.
const LONG_LIFE: Duration = Duration::from_secs(180);

/// Doubles the wait from one early end to the next.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    last: Option<Duration>,
}

impl BackOff {
    /// The wait after a child that `lived` so long.
    pub(super) fn next(&mut self, lived: Duration) -> Duration {
        let last = self.last.filter(|_| lived < LONG_LIFE);
        let wait = last.map_or(FIRST, |last| (last * 2).min(LONGEST));
        self.last = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn the_wait_doubles_up_to_a_minute() {
        let mut back_off = BackOff::default();
        let waits: Vec<u64> = (0..9).map(|_| back_off.next(seconds(2)).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_long_life_is_a_new_beginning() {
        let mut back_off = BackOff::default();
        let last = (0..9).map(|_| back_off.next(seconds(179))).last();
        assert_eq!(last, Some(seconds(60)));
        assert_eq!(back_off.next(seconds(180)), seconds(1));
        assert_eq!(back_off.next(Duration::ZERO), seconds(2));
    }
}
