//! Spreads what the window allows over a round trip, so that a large one is no burst (RFC 9002 section 7.7).

use core::time::Duration;

use super::packet::DATAGRAM_MAX;
use crate::time::Instant;

/// So much may always go at once: no more than at the beginning, as the RFC asks of those who do not pace.
pub(super) const BURST: usize = 32 * DATAGRAM_MAX;
/// What a rate comes to in so long may go at once, too: nobody is woken more exactly. On a link of ours, whose round trips
/// are shorter, the window is all that holds anything up.
const GRAIN: Duration = Duration::from_millis(2);
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Bytes that may be sent now: as many come in a round trip as the window has, and a quarter more.
#[derive(Debug)]
pub(super) struct Pacer {
    bytes: u64,
    counted: Instant,
    wait: Option<Instant>,
}

impl Pacer {
    pub(super) const fn new() -> Self {
        Self { bytes: BURST as u64, counted: Instant::ORIGIN, wait: None }
    }

    /// Whether a datagram may be sent, with a congestion window of so many bytes and round trips so long. If not, it is
    /// known until when.
    pub(super) fn allows(&mut self, now: Instant, window: usize, rtt: Duration) -> bool {
        let rtt = rtt.as_nanos().max(1);
        let in_time = |span: Duration| {
            let bytes = window as u128 * 5 / 4 * span.as_nanos() / rtt;
            u64::try_from(bytes).unwrap_or(u64::MAX)
        };
        let most = in_time(GRAIN).max(BURST as u64);
        self.bytes = self.bytes.saturating_add(in_time(now - self.counted)).min(most);
        self.counted = now;
        if self.bytes >= DATAGRAM_MAX as u64 {
            self.wait = None;
            return true;
        }
        // Half of it together, and not a datagram at a time.
        let lacking = u128::from(most / 2 - self.bytes) * rtt / (window as u128 * 5 / 4).max(1);
        let lacking = Duration::from_nanos(u64::try_from(lacking).unwrap_or(u64::MAX));
        self.wait = Some(now + lacking.max(WAIT_MIN));
        false
    }

    pub(super) const fn on_sent(&mut self, size: usize) {
        self.bytes = self.bytes.saturating_sub(size as u64);
    }

    /// Until when nothing is sent that can wait.
    pub(super) const fn wait(&self) -> Option<Instant> {
        self.wait
    }

    pub(super) fn release(&mut self, now: Instant) {
        self.wait.take_if(|wait| *wait <= now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The datagrams that go at once, each time that somebody is woken for them.
    fn bursts(window: usize, rtt: Duration, count: usize) -> (usize, usize, Duration) {
        let (mut pacer, mut now) = (Pacer::new(), Instant::ORIGIN + Duration::from_secs(9));
        let (begun, mut longest, mut burst) = (now, 0, 0);
        for _ in 0..count {
            while !pacer.allows(now, window, rtt) {
                (longest, burst) = (longest.max(burst), 0);
                now = pacer.wait().expect("it says until when");
                pacer.release(now);
            }
            burst += 1;
            pacer.on_sent(DATAGRAM_MAX);
        }
        (longest, burst, now - begun)
    }

    #[test]
    fn a_large_window_is_spread_over_a_round_trip() {
        let rtt = Duration::from_millis(100);
        let (longest, _, took) = bursts(512 * DATAGRAM_MAX, rtt, 512);
        assert_eq!(longest, 32);
        assert!(
            took > rtt * 7 / 10 && took < rtt * 8 / 10,
            "a quarter faster, after the first burst: {took:?}"
        );
    }

    #[test]
    fn on_a_short_way_the_window_is_all_that_counts() {
        let (longest, burst, took) = bursts(512 * DATAGRAM_MAX, Duration::from_millis(1), 512);
        assert_eq!((longest, burst, took), (0, 512, Duration::ZERO));
    }

    #[test]
    fn a_small_window_is_no_burst() {
        let (longest, burst, _) = bursts(4 * DATAGRAM_MAX, Duration::from_secs(1), 32);
        assert_eq!((longest, burst), (0, 32));
    }
}
