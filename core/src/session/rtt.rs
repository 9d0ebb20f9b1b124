//! The round-trip time (RFC 9002 section 5).

use core::time::Duration;

use super::acks::MAX_ACK_DELAY;

/// RFC 9002 section 6.1.2 (`kGranularity`).
pub(super) const GRANULARITY: Duration = Duration::from_millis(1);
/// RFC 9002 section 6.2.2 (`kInitialRtt`) has 333 ms; peers are on our own link, and a handshake went before.
const INITIAL_RTT: Duration = Duration::from_millis(50);

/// The estimate of one path.
#[derive(Debug)]
pub(super) struct Rtt {
    latest: Duration,
    min: Duration,
    smoothed: Duration,
    variation: Duration,
    begun: Begun,
}

/// What the estimate rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Begun {
    Nothing,
    /// Whoever was called cannot tell an answer that took long from one that was lost and said again.
    Handshake,
    Samples,
}

impl Rtt {
    /// Begins with what the handshake measured, if it did.
    pub(super) fn new(handshake: Option<Duration>) -> Self {
        let (initial, begun) = match handshake {
            Some(measured) => (measured, Begun::Handshake),
            None => (INITIAL_RTT, Begun::Nothing),
        };
        Self { latest: initial, min: initial, smoothed: initial, variation: initial / 2, begun }
    }

    /// RFC 9002 section 5.3 (`smoothed_rtt`).
    pub(super) const fn smoothed(&self) -> Duration {
        self.smoothed
    }

    /// RFC 9002 section 5.3. `delay` is how long the receiver says that it waited.
    pub(super) fn on_sample(&mut self, latest: Duration, delay: Duration) {
        self.latest = latest;
        let delay = delay.min(MAX_ACK_DELAY);
        let begun = core::mem::replace(&mut self.begun, Begun::Samples);
        let first = if begun == Begun::Nothing { latest } else { latest.saturating_sub(delay) };
        if begun == Begun::Nothing || begun == Begun::Handshake && first < self.smoothed {
            (self.min, self.smoothed, self.variation) = (first, first, first / 2);
            return;
        }
        self.min = self.min.min(latest);
        let adjusted = if latest >= self.min + delay { latest - delay } else { latest };
        self.variation = (self.variation * 3 + self.smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
    }

    /// RFC 9002 section 6.2.1: how long to wait for an acknowledgement before asking.
    pub(super) fn probe_timeout(&self) -> Duration {
        self.smoothed + (self.variation * 4).max(GRANULARITY) + MAX_ACK_DELAY
    }

    /// RFC 9002 section 6.1.2: a packet that a later one has overtaken by this much is lost.
    pub(super) fn loss_delay(&self) -> Duration {
        (self.latest.max(self.smoothed) * 9 / 8).max(GRANULARITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn settles_on_what_is_measured() {
        let mut rtt = Rtt::new(None);
        assert!(rtt.probe_timeout() > 100 * MS);
        rtt.on_sample(2 * MS, Duration::ZERO);
        assert_eq!(rtt.probe_timeout(), 2 * MS + 4 * MS + MAX_ACK_DELAY);
        (0..100).for_each(|_| rtt.on_sample(2 * MS, Duration::ZERO));
        assert!(rtt.probe_timeout() <= 3 * MS + MAX_ACK_DELAY + MS / 10);
        assert_eq!(rtt.loss_delay(), 2 * MS * 9 / 8);
    }

    #[test]
    fn a_handshake_whose_answer_was_lost_is_forgotten_at_the_first_sample() {
        let mut rtt = Rtt::new(Some(344 * MS));
        rtt.on_sample(22 * MS, 20 * MS);
        assert_eq!(rtt.probe_timeout(), 2 * MS + 4 * MS + MAX_ACK_DELAY);
        let mut rtt = Rtt::new(Some(2 * MS));
        rtt.on_sample(10 * MS, Duration::ZERO);
        assert_eq!(rtt.smoothed, 3 * MS, "one that took longer is one of many");
    }

    #[test]
    fn the_receivers_waiting_is_taken_off_but_never_more_than_it_may_wait() {
        let mut rtt = Rtt::new(Some(2 * MS));
        rtt.on_sample(22 * MS, 20 * MS);
        assert_eq!(rtt.smoothed, 2 * MS);
        rtt.on_sample(1000 * MS, 1000 * MS);
        assert!(rtt.smoothed > 100 * MS);
    }
}
