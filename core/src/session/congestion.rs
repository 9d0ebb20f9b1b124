//! How much may be in flight: NewReno (RFC 9002 section 7).

use core::time::Duration;

use super::{pacer::BURST, packet::DATAGRAM_MAX};
use crate::time::Instant;

/// RFC 9002 section 7.2 has ten; on a link of our own the answer is a millisecond away and queues are shallow,
/// so a record of 32 KiB may leave at once.
const INITIAL_WINDOW: usize = BURST;
/// RFC 9002 section 7.2 (`kMinimumWindow`).
const MINIMUM_WINDOW: usize = 2 * DATAGRAM_MAX;
/// With a window no larger than this a loss holds it for a while, and further ones for longer: where a crowd shares one
/// radio, a datagram a round trip from each of their thousand sessions is still too much, and windows end at two.
const SMALL_WINDOW: usize = 4 * DATAGRAM_MAX;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// So long after a loss there may be another one.
const STRAINED_FOR: Duration = Duration::from_secs(3);
/// More would only fill the receiver's socket buffer.
const MAXIMUM_WINDOW: usize = 512 * DATAGRAM_MAX;

/// The congestion window of one path.
#[derive(Debug)]
pub(super) struct Congestion {
    window: usize,
    /// Above it the window grows by a datagram per round trip.
    slow_start_until: usize,
    in_flight: usize,
    /// Packets sent before this do not change the window any more (RFC 9002 section 7.3.2).
    recovering_since: Option<Instant>,
    /// Bytes acknowledged since the window last grew, above the threshold.
    credit: usize,
    /// Whether the window was what held us back.
    limited: bool,
    /// How long it is held after the next loss, and until when it is.
    pause: Duration,
    held: Option<Instant>,
}

impl Congestion {
    pub(super) const fn new() -> Self {
        Self {
            window: INITIAL_WINDOW,
            slow_start_until: usize::MAX,
            in_flight: 0,
            recovering_since: None,
            credit: 0,
            limited: false,
            pause: Duration::ZERO,
            held: None,
        }
    }

    /// Bytes that may still be sent.
    pub(super) const fn available(&self) -> usize {
        self.window.saturating_sub(self.in_flight)
    }

    pub(super) const fn window(&self) -> usize {
        self.window
    }

    /// There was more to send than the window allows: only then does it grow (RFC 9002 section 7.8).
    pub(super) const fn on_limited(&mut self) {
        self.limited = true;
    }

    pub(super) const fn on_sent(&mut self, size: usize) {
        self.in_flight += size;
    }

    /// A packet needs no room any more, for a reason that says nothing about the path.
    pub(super) const fn on_forgotten(&mut self, size: usize) {
        self.in_flight = self.in_flight.saturating_sub(size);
    }

    pub(super) fn on_acked(&mut self, sent: Instant, size: usize) {
        self.in_flight = self.in_flight.saturating_sub(size);
        if !self.is_recovering(sent) {
            let shorter = self.pause * 7 / 8;
            self.pause = if shorter < PAUSE_MIN { Duration::ZERO } else { shorter };
        }
        if self.is_recovering(sent) || !self.limited {
            return;
        }
        if self.window < self.slow_start_until {
            self.window += size;
        } else {
            self.credit += size;
            if self.credit >= self.window {
                self.credit -= self.window;
                self.window += DATAGRAM_MAX;
            }
        }
        self.window = self.window.min(MAXIMUM_WINDOW);
        if self.in_flight.saturating_mul(2) < self.window {
            self.limited = false;
        }
    }

    /// A packet sent at `sent` is lost; `persistent`: nothing has got through for a long time.
    pub(super) fn on_lost(&mut self, now: Instant, sent: Instant, size: usize) {
        self.in_flight = self.in_flight.saturating_sub(size);
        if !self.is_recovering(sent) {
            if self.window <= SMALL_WINDOW {
                self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
                self.held = Some(now + self.pause);
            }
            self.recovering_since = Some(now);
            self.window = (self.window / 2).max(MINIMUM_WINDOW);
            self.slow_start_until = self.window;
            self.credit = 0;
        }
    }

    /// Nothing got through for a long time (RFC 9002 section 7.6), or the other side claims to have what was
    /// never sent.
    pub(super) const fn on_collapse(&mut self) {
        self.window = MINIMUM_WINDOW;
        self.recovering_since = None;
    }

    /// Nothing was in flight for `idle`, longer than a probe timeout: what was known of the path is old, and a
    /// burst should not be larger than at the beginning (RFC 9002 section 7.7).
    pub(super) fn on_idle(&mut self, idle: Duration, probe_timeout: Duration) {
        if self.in_flight == 0 && idle > probe_timeout {
            self.window = self.window.min(INITIAL_WINDOW);
        }
    }

    /// Another path: all is unknown but what is in flight.
    pub(super) const fn on_new_path(&mut self) {
        let in_flight = self.in_flight;
        *self = Self::new();
        self.in_flight = in_flight;
    }

    /// Until when nothing is sent, although the window would have room.
    pub(super) const fn held(&self) -> Option<Instant> {
        self.held
    }

    pub(super) fn release(&mut self, now: Instant) {
        self.held.take_if(|held| *held <= now);
    }

    /// Whether hardly anything gets through just now. Of a peer that is gone nothing gets lost: then this ends soon.
    pub(super) fn is_strained(&self, now: Instant) -> bool {
        self.pause > Duration::ZERO && self.recovering_since.is_some_and(|since| now - since < STRAINED_FOR)
    }

    fn is_recovering(&self, sent: Instant) -> bool {
        self.recovering_since.is_some_and(|since| sent <= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn grows_by_what_is_acknowledged_while_it_is_the_limit() {
        let mut congestion = Congestion::new();
        congestion.on_sent(INITIAL_WINDOW);
        assert_eq!(congestion.available(), 0);
        congestion.on_acked(at(1), DATAGRAM_MAX);
        assert_eq!(congestion.window(), INITIAL_WINDOW, "nobody wanted more");
        congestion.on_limited();
        congestion.on_acked(at(1), DATAGRAM_MAX);
        assert_eq!(congestion.window(), INITIAL_WINDOW + DATAGRAM_MAX);
    }

    #[test]
    fn halves_once_for_all_losses_of_one_round_trip() {
        let mut congestion = Congestion::new();
        congestion.on_sent(INITIAL_WINDOW);
        congestion.on_lost(at(10), at(1), DATAGRAM_MAX);
        congestion.on_lost(at(11), at(2), DATAGRAM_MAX);
        assert_eq!(congestion.window(), INITIAL_WINDOW / 2);
        congestion.on_lost(at(30), at(20), DATAGRAM_MAX);
        assert_eq!(congestion.window(), INITIAL_WINDOW / 4);
        congestion.on_limited();
        congestion.on_acked(at(31), DATAGRAM_MAX);
        assert_eq!(congestion.window(), INITIAL_WINDOW / 4, "slow start is over");
    }

    #[test]
    fn where_hardly_anything_gets_through_the_window_is_held_longer_and_longer() {
        let mut congestion = Congestion::new();
        let held =
            |congestion: &Congestion, now: Instant| congestion.held().map(|held| (held - now).as_millis());
        let lose = |congestion: &mut Congestion, millis: u64| {
            congestion.on_lost(at(millis), at(millis - 1), DATAGRAM_MAX);
            held(congestion, at(millis))
        };
        // Large windows only become smaller.
        assert_eq!([10, 20, 30].map(|millis| lose(&mut congestion, millis)), [None; 3]);
        assert!(!congestion.is_strained(at(31)));
        let pauses = [40, 1000, 3000, 5000, 8000, 20_000, 40_000].map(|millis| lose(&mut congestion, millis));
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000].map(Some));
        congestion.release(at(41_999));
        assert!(congestion.held().is_some() && congestion.is_strained(at(41_999)));
        assert!(!congestion.is_strained(at(43_000)), "nothing was lost for a while");
        congestion.release(at(42_000));
        assert_eq!(congestion.held(), None);
        // What arrives makes the next pause shorter.
        (0..40).for_each(|step| congestion.on_acked(at(42_001 + step), 1));
        assert_eq!(lose(&mut congestion, 50_000), Some(100));
    }

    #[test]
    fn never_falls_below_two_datagrams() {
        let mut congestion = Congestion::new();
        (1..20).for_each(|step| congestion.on_lost(at(step * 10), at(step * 10 - 1), DATAGRAM_MAX));
        assert_eq!(congestion.window(), MINIMUM_WINDOW);
    }
}
