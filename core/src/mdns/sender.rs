//! The way out: what is sent is counted, and remembered so that its echo is known.

use super::heard::Heard;
use crate::{boundary::Transmit, discovery::Found, outbox::Outbox, stats::MdnsStats, time::Instant};

/// Everything that leaves goes through here.
pub(super) struct Sender<'s> {
    pub(super) now: Instant,
    pub(super) heard: &'s mut Heard,
    pub(super) stats: &'s mut MdnsStats,
    pub(super) out: &'s mut Outbox<Found>,
}

impl Sender<'_> {
    pub(super) fn query(&mut self, transmit: Transmit) {
        self.stats.queries_out += 1;
        self.send(transmit);
    }

    pub(super) fn response(&mut self, transmit: Transmit) {
        self.stats.responses_out += 1;
        self.send(transmit);
    }

    fn send(&mut self, transmit: Transmit) {
        if transmit.to.ip().is_multicast() {
            self.heard.on_sent(self.now, &transmit);
        }
        self.out.push(Found::Transmit(transmit));
    }
}
