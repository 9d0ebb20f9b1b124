//! Which packets have arrived, and when to say so.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    frame::{RANGES_MAX, put_ack},
    ranges::Ranges,
    replay,
};
use crate::time::Instant;

/// What a sender must expect (RFC 9000 section 13.2.1, `max_ack_delay`): our own delay, and how late a timer of the
/// other side may be.
pub(super) const MAX_ACK_DELAY: Duration = Duration::from_millis(25);

/// How long an acknowledgement waits for company.
const ACK_DELAY: Duration = Duration::from_millis(20);

/// Packets after which an acknowledgement waits no longer. RFC 9000 section 13.2.2 has 2; a sender whose window
/// is nearly full asks by a ping, so a higher number only saves work while plenty is in flight.
const EVERY: u32 = 10;

/// The receiving side of one packet number space.
#[derive(Debug)]
pub(super) struct Received {
    numbers: Ranges,
    /// When the highest number came.
    newest_at: Instant,
    /// Packets that want to be acknowledged and are not yet.
    waiting: u32,
    /// When they are acknowledged at the latest.
    due: Option<Instant>,
    at_once: bool,
}

impl Received {
    pub(super) const fn new() -> Self {
        let numbers = Ranges::new();
        Self { numbers, newest_at: Instant::ORIGIN, waiting: 0, due: None, at_once: false }
    }

    /// An authentic packet came. `eliciting`: it wants to be acknowledged; `urgent`: at once.
    pub(super) fn on_packet(&mut self, now: Instant, number: u64, eliciting: bool, urgent: bool) {
        let expected = self.numbers.last().map_or(0, |top| top.end);
        if number >= expected {
            self.newest_at = now;
        }
        self.numbers.insert(number..number.saturating_add(1));
        self.numbers.keep_highest(RANGES_MAX);
        self.forget_settled(number);
        if !eliciting {
            return;
        }
        self.waiting += 1;
        // RFC 9000 section 13.2.1: what is out of order is told at once, it may show a loss.
        if urgent || number != expected || self.waiting >= EVERY {
            self.at_once = true;
            self.due = None;
        } else if !self.at_once && self.due.is_none() {
            self.due = Some(now + ACK_DELAY);
        }
    }

    /// Lets go of ranges so old that their sender has long taken them for arrived or lost.
    fn forget_settled(&mut self, newest: u64) {
        let floor = newest.saturating_sub(replay::WINDOW);
        if self.numbers.first().is_some_and(|low| low.end < floor) {
            self.numbers.remove(&(0..floor));
        }
    }

    /// The sender knows of everything up to and including `largest`: it need not be told again.
    pub(super) fn on_ack_acknowledged(&mut self, largest: u64) {
        // The top is kept, it shows what comes in order.
        if let Some(top) = self.numbers.last().cloned() {
            self.numbers.remove(&(0..largest.min(top.start)));
        }
    }

    /// The waiting time is over.
    pub(super) fn on_tick(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            self.at_once = true;
        }
    }

    /// Whether a packet must go out for this alone.
    pub(super) const fn is_due(&self) -> bool {
        self.at_once
    }

    /// Whether it is worth a place in a packet that goes out anyway.
    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting > 0 || self.at_once
    }

    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.due
    }

    /// Appends the acknowledgement, if it fits into `space`; answers the highest number in it.
    pub(super) fn write(&mut self, now: Instant, out: &mut Vec<u8>, space: usize) -> Option<u64> {
        let largest = self.numbers.last()?.end - 1;
        put_ack(out, &self.numbers, now - self.newest_at, space).then(|| {
            self.waiting = 0;
            self.due = None;
            self.at_once = false;
            largest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(1_000_000_000);

    #[test]
    fn in_order_packets_wait_for_the_tenth_or_for_20_milliseconds() {
        let mut received = Received::new();
        for number in 0..9 {
            received.on_packet(NOW, number, true, false);
            assert!(!received.is_due(), "{number}");
        }
        assert_eq!(received.next_wake(), Some(NOW + ACK_DELAY));
        received.on_packet(NOW, 9, true, false);
        assert!(received.is_due());
        assert_eq!(received.write(NOW, &mut Vec::new(), 100), Some(9));
        assert!(!received.is_due() && received.next_wake().is_none());
        received.on_packet(NOW, 10, true, false);
        received.on_tick(NOW + ACK_DELAY);
        assert!(received.is_due());
    }

    #[test]
    fn a_gap_is_told_at_once_and_an_acknowledgement_asks_for_none() {
        let mut received = Received::new();
        received.on_packet(NOW, 0, false, false);
        assert!(!received.is_waiting());
        received.on_packet(NOW, 2, true, false);
        assert!(received.is_due());
        received.write(NOW, &mut Vec::new(), 100);
        received.on_packet(NOW, 1, true, false);
        assert!(received.is_due());
    }

    #[test]
    fn memory_stays_bounded_whatever_is_lost() {
        let mut received = Received::new();
        for number in 0..100_000 {
            received.on_packet(NOW, number * 2, true, false);
        }
        assert_eq!(received.numbers.descending().len(), RANGES_MAX);
        for number in 200_000..210_000 {
            received.on_packet(NOW, number, true, false);
        }
        assert_eq!(received.numbers.descending().len(), 1, "the old ones are settled");
    }
}
