//! What is in flight, what has arrived and what is lost (RFC 9002 sections 5 and 6).

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::{
    congestion::Congestion, frame::Ack, pacer::Pacer, packet::DATAGRAM_MAX, replay::WINDOW, rtt::Rtt,
    streams::Piece,
};
use crate::{findings::PathFindings, outbox::rewind, time::Instant};

/// RFC 9002 section 6.1.1 (`kPacketThreshold`).
const PACKET_THRESHOLD: u64 = 3;
/// RFC 9002 section 7.6.1 (`kPersistentCongestionThreshold`).
const PERSISTENT_THRESHOLD: u32 = 3;
/// The back-off of probes ends here: a lost peer is found out by its liveness, not by patience.
const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// Packets that are kept at most. Of more the first one is taken for lost, for no receiver accepts it any more: that one
/// leaves it unacknowledged must not let the others pile up behind it.
const SLOTS_MAX: usize = 2 * WINDOW as usize;

/// A packet that wants to be acknowledged, and what to do again if it is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) size: usize,
    /// The bytes of a stream in it.
    pub(super) piece: Option<Piece>,
    /// The highest packet number in the acknowledgement in it.
    pub(super) acked: Option<u64>,
    pub(super) credit: bool,
    pub(super) close: bool,
}

/// What became of packets in flight.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) arrived: Vec<Sent>,
    pub(super) lost: Vec<Sent>,
}

/// The sending side of one packet number space, and the path it goes over.
#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) rtt: Rtt,
    pub(super) congestion: Congestion,
    pacer: Pacer,
    /// The number of the first of `slots`.
    base: u64,
    /// One for each number from `base` on.
    slots: VecDeque<Slot>,
    /// Numbers from `base` on that were left out: whoever acknowledges one makes things up.
    skipped: VecDeque<u64>,
    largest_acked: Option<u64>,
    /// When the packet in flight that was overtaken first counts as lost.
    loss_at: Option<Instant>,
    in_flight: usize,
    /// When a packet that wants an acknowledgement was sent, or the last probe was due.
    asked: Instant,
    probes: u32,
    /// Packets that wanted an acknowledgement, and those of them that got lost, whatever the keys.
    sent: u64,
    lost: u64,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    InFlight(Sent),
    /// Arrived, lost, or never to be acknowledged.
    Settled,
}

/// The other side acknowledges what was never sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Invented;

impl Recovery {
    pub(super) fn new(handshake: Option<Duration>) -> Self {
        Self {
            rtt: Rtt::new(handshake),
            congestion: Congestion::new(),
            pacer: Pacer::new(),
            base: 0,
            slots: VecDeque::new(),
            skipped: VecDeque::new(),
            largest_acked: None,
            loss_at: None,
            in_flight: 0,
            asked: Instant::ORIGIN,
            probes: 0,
            sent: 0,
            lost: 0,
        }
    }

    /// How well the path works.
    pub(super) const fn findings(&self) -> PathFindings {
        PathFindings { rtt: self.rtt.smoothed(), sent: self.sent, lost: self.lost }
    }

    /// The number of the next packet.
    pub(super) fn next_number(&self) -> u64 {
        self.base.saturating_add(self.slots.len() as u64)
    }

    #[cfg(test)]
    const fn has_in_flight(&self) -> bool {
        self.in_flight > 0
    }

    /// Leaves a number out, to catch a receiver that acknowledges more than it got (RFC 9000 section 21.4).
    pub(super) fn skip(&mut self) {
        self.skipped.push_back(self.next_number());
        self.slots.push_back(Slot::Settled);
        self.pop_settled();
    }

    /// The packet [`next_number`](Self::next_number) goes out; `None`: it wants no acknowledgement.
    pub(super) fn on_sent(&mut self, sent: Option<Sent>, to: &mut Settled) {
        if self.slots.len() >= SLOTS_MAX {
            self.forget_first(to);
        }
        if let Some(sent) = sent {
            self.congestion.on_sent(sent.size);
            self.pacer.on_sent(sent.size);
            self.in_flight += 1;
            self.sent += 1;
            self.asked = sent.at;
            self.slots.push_back(Slot::InFlight(sent));
        } else {
            self.slots.push_back(Slot::Settled);
            self.pop_settled();
        }
    }

    /// An acknowledgement came (RFC 9002 section A.7).
    pub(super) fn on_ack(&mut self, now: Instant, ack: &Ack<'_>, to: &mut Settled) -> Result<(), Invented> {
        if ack.largest >= self.next_number() || self.names_skipped(ack) {
            self.congestion.on_collapse();
            return Err(Invented);
        }
        let before = to.arrived.len();
        let mut newest = None;
        for range in ack.ranges() {
            if range.end <= self.base {
                break;
            }
            let first = range.start.max(self.base);
            for number in first..range.end {
                let Some(slot) = self.slot(number) else { break };
                let Slot::InFlight(sent) = *slot else { continue };
                *slot = Slot::Settled;
                self.in_flight -= 1;
                if number == ack.largest {
                    newest = Some(sent.at);
                }
                self.congestion.on_acked(sent.at, sent.size);
                to.arrived.push(sent);
            }
        }
        self.largest_acked = self.largest_acked.max(Some(ack.largest));
        if let Some(sent) = newest {
            self.rtt.on_sample(now - sent, ack.delay);
        }
        if to.arrived.len() > before {
            self.probes = 0;
            self.detect_lost(now, to);
        }
        self.pop_settled();
        Ok(())
    }

    /// Whether a datagram may go that can wait.
    pub(super) fn may_send(&mut self, now: Instant) -> bool {
        let congestion = &self.congestion;
        let is_open = congestion.held().is_none() && congestion.available() >= DATAGRAM_MAX;
        is_open && self.pacer.allows(now, congestion.window(), self.rtt.smoothed())
    }

    /// After a pause, what was known of the path is no reason for a burst.
    pub(super) fn before_sending(&mut self, now: Instant) {
        self.release(now);
        self.congestion.on_idle(now - self.asked, self.rtt.probe_timeout());
    }

    /// The peer is at another host: nothing that was measured holds (RFC 9000 section 9.4).
    pub(super) fn on_new_path(&mut self) {
        self.congestion.on_new_path();
        self.rtt = Rtt::new(None);
    }

    /// When [`on_tick`](Self::on_tick) is needed (RFC 9002 section A.8).
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let probe = || self.asked + self.backed_off();
        let due = self.loss_at.or_else(|| (self.in_flight > 0).then(probe));
        due.into_iter().chain(self.congestion.held()).chain(self.pacer.wait()).min()
    }

    /// Finds what is overdue; true when that is an answer, and probes should ask for it (RFC 9002 section A.9).
    pub(super) fn on_tick(&mut self, now: Instant, to: &mut Settled) -> bool {
        self.release(now);
        if self.next_wake().is_none_or(|at| at > now) {
            return false;
        }
        if self.loss_at.is_some() {
            self.detect_lost(now, to);
            self.pop_settled();
            return false;
        }
        self.probes = self.probes.saturating_add(1);
        self.asked = now;
        true
    }

    /// The oldest bytes of a stream that are in flight: what a probe says again.
    pub(super) fn oldest_piece(&self) -> Option<Piece> {
        self.slots.iter().find_map(|slot| match slot {
            Slot::InFlight(sent) => sent.piece,
            _ => None,
        })
    }

    /// Forgets all packets in flight, for new keys that begin at number 0. What was in them is to be sent again.
    pub(super) fn restart(&mut self, to: &mut Settled) {
        self.jump(to, 0);
        self.largest_acked = None;
    }

    /// Goes on at a far higher number, so that a copy of this machine does not use the same ones.
    pub(super) fn leap(&mut self, by: u64, to: &mut Settled) {
        let next = self.next_number().saturating_add(by);
        self.jump(to, next);
    }

    fn release(&mut self, now: Instant) {
        self.congestion.release(now);
        self.pacer.release(now);
    }

    fn forget_first(&mut self, to: &mut Settled) {
        if let Some(Slot::InFlight(sent)) = self.slots.front().copied() {
            self.congestion.on_forgotten(sent.size);
            (self.in_flight, self.lost) = (self.in_flight - 1, self.lost + 1);
            to.lost.push(sent);
            self.slots.front_mut().into_iter().for_each(|slot| *slot = Slot::Settled);
        }
        self.pop_settled();
    }

    fn jump(&mut self, to: &mut Settled, base: u64) {
        self.skipped.clear();
        for slot in self.slots.drain(..) {
            if let Slot::InFlight(sent) = slot {
                self.congestion.on_forgotten(sent.size);
                to.lost.push(sent);
            }
        }
        (self.base, self.in_flight, self.loss_at, self.probes) = (base, 0, None, 0);
    }

    /// RFC 9002 section A.10. Looks only at what was sent before the newest packet that arrived.
    fn detect_lost(&mut self, now: Instant, to: &mut Settled) {
        self.loss_at = None;
        let Some(largest) = self.largest_acked.and_then(|largest| largest.checked_sub(self.base)) else {
            return;
        };
        let delay = self.rtt.loss_delay();
        let persistent = self.rtt.probe_timeout() * PERSISTENT_THRESHOLD;
        let (mut run, mut is_persistent) = (None, false);
        let overtaken = usize::try_from(largest).unwrap_or(usize::MAX);
        for (index, slot) in self.slots.iter_mut().take(overtaken).enumerate() {
            let Slot::InFlight(sent) = *slot else {
                run = None;
                continue;
            };
            if (index as u64) + PACKET_THRESHOLD > largest && sent.at + delay > now {
                let at = sent.at + delay;
                self.loss_at = Some(self.loss_at.map_or(at, |other| other.min(at)));
                continue;
            }
            *slot = Slot::Settled;
            self.in_flight -= 1;
            self.lost += 1;
            self.congestion.on_lost(now, sent.at, sent.size);
            to.lost.push(sent);
            is_persistent |= sent.at - *run.get_or_insert(sent.at) > persistent;
        }
        // Behind all that got lost with it, of which none is a loss of its own (RFC 9002 section B.8).
        if is_persistent {
            self.congestion.on_collapse();
        }
    }

    fn names_skipped(&self, ack: &Ack<'_>) -> bool {
        let mut named = self.skipped.iter().filter(|&&number| number <= ack.largest);
        named.any(|number| ack.ranges().any(|range| range.contains(number)))
    }

    fn backed_off(&self) -> Duration {
        let factor = 1 << self.probes.min(16);
        self.rtt.probe_timeout().saturating_mul(factor).min(PROBE_TIMEOUT_MAX.max(self.rtt.probe_timeout()))
    }

    fn slot(&mut self, number: u64) -> Option<&mut Slot> {
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.slots.get_mut(index)
    }

    fn pop_settled(&mut self) {
        while let Some(Slot::Settled) = self.slots.front() {
            self.slots.pop_front();
            self.base = self.base.saturating_add(1);
        }
        rewind(&mut self.slots);
        while self.skipped.front().is_some_and(|&number| number < self.base) {
            self.skipped.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
