//! One encrypted association with a peer: how it begins and ends, and what time does to it. What comes in is in
//! `receiving.rs`, what goes out in `sending.rs`.
//!
//! It outlives its keys: a renewal puts a new [`Session`] under the same streams.

use alloc::collections::VecDeque;
use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;

use super::{
    Limits, LinkId, Wish,
    frame::Parting,
    liveness::{Due, Liveness},
    path::{Path, is_same},
    recovery::{Recovery, Settled},
    space::{Old, Session, Space},
    streams::{Piece, Streams},
};
use crate::{
    identity::{BootId, PeerKey},
    outbox::Outbox,
    rng::Rng,
    stats::SessionStats,
    time::Instant,
};

/// How long the old keys still open packets after a renewal.
const OLD_KEYS: Duration = Duration::from_secs(30);
/// How long a goodbye is repeated.
const CLOSING: Duration = Duration::from_millis(300);
/// The first repetition of a goodbye; the next ones take twice as long each.
const CLOSE_AGAIN: Duration = Duration::from_millis(20);
/// Later than now, and not by much.
const SOON: Duration = Duration::from_millis(1);
/// A renewal that did not come about is tried again after this.
const RENEW_AGAIN: Duration = Duration::from_secs(60);
/// Datagrams that wait to be sent; the oldest give way, for they hold the latest value of something.
const DATAGRAMS_MAX: usize = 64;
/// Datagrams of other sessions that wait: more would only be late.
const PASSING_MAX: usize = 64;
/// The same of those that want no acknowledgement, and wait for no window either: they are few and small.
const ASIDES_MAX: usize = 8;
/// Packets sent when an answer is overdue (RFC 9002 section 6.2.4).
const PROBE_PACKETS: u8 = 2;
/// Packets that ask a silent peer for a sign of life. At a loss of 30 % each way an exchange fails every other
/// time, and a false alarm should come not even once a day.
const SIGN_PACKETS: u8 = 3;

/// What an association needs around it, apart from the time.
pub(super) struct Host<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) stats: &'a mut SessionStats,
    pub(super) out: &'a mut Outbox<Wish>,
}

/// One association.
pub(super) struct Association {
    pub(super) link: LinkId,
    pub(super) peer: PeerKey,
    pub(super) boot: BootId,
    /// What both sides call it: the first bytes of the hash of its first handshake.
    pub(super) id: u64,
    pub(super) path: Path,
    /// When the peer last sent a record.
    pub(super) heard: Instant,
    /// Whether another boot of the same peer has come from the same host since.
    pub(super) is_followed: bool,
    /// Until when word that the peer has forgotten us is not heeded again.
    pub(super) heedless_until: Instant,
    pub(super) space: Space,
    pub(super) recovery: Recovery,
    pub(super) streams: Streams,
    pub(super) datagrams: VecDeque<Bytes>,
    /// What is passed on, as part of another session.
    pub(super) passing: VecDeque<Bytes>,
    /// What is said once and wants no acknowledgement; the oldest give way.
    pub(super) asides: VecDeque<Bytes>,
    pub(super) wants: Wants,
    pub(super) state: State,
    pub(super) renew_at: Instant,
    pub(super) old: Option<Old>,
    /// A session id whose packets need not be brought here any more.
    pub(super) retired: Option<u64>,
    pub(super) liveness: Liveness,
    pub(super) settled: Settled,
    /// Whether it is told what its packets say.
    pub(super) trace: bool,
}

/// Which streams are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reading {
    pub(super) records: bool,
    pub(super) bulk: bool,
}

/// What is to be sent besides data.
#[derive(Debug, Default)]
pub(super) struct Wants {
    pub(super) ping: bool,
    pub(super) close: bool,
    /// Packets that may exceed the congestion window.
    pub(super) probes: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Live,
    /// We have said goodbye.
    Closing {
        until: Instant,
        again: Instant,
        step: Duration,
        parting: Parting,
    },
    /// The other side has.
    Draining {
        until: Instant,
    },
}

/// What becomes of an association after something happened to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Goes,
    /// Its keys are to be renewed.
    Ages,
    /// The peer does not answer.
    Lost,
    /// The peer breaks the rules of the protocol.
    Broken,
    /// The peer has said goodbye.
    Parted(Parting),
    /// All is said; it can be forgotten.
    Over,
}

impl Association {
    pub(super) fn new(
        now: Instant,
        (link, peer, boot): (LinkId, PeerKey, BootId),
        id: u64,
        session: Session,
        limits: &Limits,
        rng: &mut Rng,
    ) -> Self {
        let recovery = Recovery::new(session.rtt);
        let renew_at = limits.renewal(now, session.dialled.is_some());
        let (space, path) = Space::new(now, session, rng);
        Self {
            link,
            peer,
            boot,
            id,
            path,
            heard: now,
            is_followed: false,
            heedless_until: now,
            space,
            recovery,
            streams: Streams::new(),
            datagrams: VecDeque::new(),
            passing: VecDeque::new(),
            asides: VecDeque::new(),
            wants: Wants { ping: true, ..Wants::default() },
            state: State::Live,
            renew_at,
            old: None,
            retired: None,
            liveness: Liveness::new(now, rng),
            settled: Settled::default(),
            trace: limits.trace,
        }
    }

    /// Goes on under the keys of another handshake, wherever the peer is reached now. What is in flight is sent
    /// again at once.
    pub(super) fn rebind(&mut self, now: Instant, session: Session, limits: &Limits, host: &mut Host<'_>) {
        let (space, path) = Space::new(now, session, host.rng);
        let old = core::mem::replace(&mut self.space, space);
        self.retired = if self.space.dialled {
            // The first packet under the new keys is here already.
            self.old = None;
            Some(old.local)
        } else {
            let former = self.old.replace(Old {
                keys: old.keys,
                local: old.local,
                replay: old.replay,
                until: now + OLD_KEYS,
            });
            former.map(|former| former.local)
        };
        let former = core::mem::replace(&mut self.path, path).address;
        self.recovery.restart(&mut self.settled);
        self.settle();
        self.wants.ping = true;
        self.renew_at = limits.renewal(now, self.space.dialled);
        if self.liveness.on_heard(now) {
            host.out.push(Wish::Recovered { link: self.link });
        }
        host.out.push(Wish::Rebound { link: self.link, binding: self.space.keys.binding });
        if former.ip() != self.path.address.ip() {
            self.recovery.on_new_path();
        }
        if !is_same(former, self.path.address) {
            host.out.push(Wish::Moved { link: self.link, address: self.path.address });
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self.state, State::Live)
    }

    pub(super) const fn is_suspect(&self) -> bool {
        self.liveness.is_suspect()
    }

    /// Whether the peer, reached through a neighbour so far, is rather reached at `address`.
    pub(super) fn is_left_for(&self, address: SocketAddr) -> bool {
        self.path.is_relayed() && !is_same(self.path.address, address)
    }

    /// Asks the peer for a sign of life, out of turn.
    pub(super) fn ask(&mut self, now: Instant) {
        if self.liveness.ask(now, self.recovery.rtt.probe_timeout()) {
            self.wants.ping = true;
        }
    }

    pub(super) fn push_datagram(&mut self, bytes: Bytes, stats: &mut SessionStats) {
        if self.datagrams.len() >= DATAGRAMS_MAX {
            self.datagrams.pop_front();
            stats.datagrams_dropped += 1;
        }
        self.datagrams.push_back(bytes);
    }

    /// False when too many wait: whoever sent it takes that for a loss, as it should.
    pub(super) fn pass(&mut self, bytes: Bytes) -> bool {
        let fits = self.passing.len() < PASSING_MAX;
        if fits {
            self.passing.push_back(bytes);
        }
        fits
    }

    pub(super) fn push_aside(&mut self, bytes: Bytes, stats: &mut SessionStats) {
        if self.asides.len() >= ASIDES_MAX {
            self.asides.pop_front();
            stats.datagrams_dropped += 1;
        }
        self.asides.push_back(bytes);
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, now: Instant, parting: Parting) {
        if self.is_live() {
            let again = now + CLOSE_AGAIN;
            self.state = State::Closing { until: now + CLOSING, again, step: CLOSE_AGAIN, parting };
            self.wants.close = true;
        }
    }

    /// Goes on at other packet numbers: this machine may be a copy of one that uses the same keys.
    pub(super) fn leap(&mut self, now: Instant, rng: &mut Rng) {
        self.recovery.leap(rng.below(1 << 40), &mut self.settled);
        self.space.skip = self.recovery.next_number();
        self.settle();
        self.renew_soon(now);
    }

    /// Asks for new keys at the next tick.
    pub(super) fn renew_soon(&mut self, now: Instant) {
        self.renew_at = self.renew_at.min(now + SOON);
    }

    /// Asks for new keys, unless that is about to happen or has just been tried.
    pub(super) fn renew_worn(&mut self, now: Instant) {
        if self.renew_at > now + RENEW_AGAIN {
            self.renew_soon(now);
        }
    }

    /// When [`on_tick`](Self::on_tick) is needed.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let received = self.space.received.next_wake();
        let old = self.old.as_ref().map(|old| old.until);
        let all = match self.state {
            State::Live => [
                received,
                old,
                self.recovery.next_wake(),
                Some(self.liveness.next_wake()),
                self.path.next_wake(),
                Some(self.renew_at),
            ],
            State::Closing { until, again, .. } => [received, Some(until), Some(again), None, None, None],
            State::Draining { until } => [received, Some(until), None, None, None, None],
        };
        all.into_iter().flatten().min()
    }

    /// Does what is due at `now`.
    pub(super) fn on_tick(&mut self, now: Instant, host: &mut Host<'_>) -> Fate {
        self.space.received.on_tick(now);
        match &mut self.state {
            State::Live => self.on_live_tick(now, host),
            State::Draining { until } | State::Closing { until, .. } if *until <= now => Fate::Over,
            State::Closing { again, step, .. } if *again <= now => {
                *step *= 2;
                *again = now + *step;
                self.wants.close = true;
                Fate::Goes
            }
            _ => Fate::Goes,
        }
    }

    /// The session ids whose packets belong here.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        [Some(self.space.local), self.old.as_ref().map(|old| old.local)].into_iter().flatten()
    }

    pub(super) const fn take_retired(&mut self) -> Option<u64> {
        self.retired.take()
    }

    /// Hands out the records that have come whole, of each stream that is read.
    pub(super) fn deliver(&mut self, now: Instant, reading: Reading, out: &mut Outbox<Wish>) {
        let link = self.link;
        if reading.records {
            self.streams.records.deliver(now, |bytes| out.push(Wish::Record { link, bytes }));
        }
        if reading.bulk {
            self.streams.bulk.deliver(now, |bytes| out.push(Wish::Bulk { link, bytes }));
        }
    }

    fn on_live_tick(&mut self, now: Instant, host: &mut Host<'_>) -> Fate {
        if self.recovery.on_tick(now, &mut self.settled) {
            host.stats.probes += 1;
            self.wants.probes = if self.recovery.congestion.is_strained(now) { 1 } else { PROBE_PACKETS };
            if !self.streams.have_more()
                && let Some(Piece { stream, offset, length }) = self.recovery.oldest_piece()
            {
                self.streams.of(stream).outgoing.on_lost(offset, length);
            }
        }
        host.stats.lost += self.settled.lost.len() as u64;
        self.settle();
        self.path.on_tick(now);
        if self.old.as_ref().is_some_and(|old| old.until <= now) {
            self.retired = self.old.take().map(|old| old.local);
        }
        let path = (self.recovery.rtt.probe_timeout(), self.recovery.congestion.is_strained(now));
        match self.liveness.on_tick(now, path, host.rng) {
            Due::Nothing => {}
            Due::Lost => return Fate::Lost,
            Due::Probe => self.wants.probes = self.wants.probes.max(SIGN_PACKETS),
            Due::Heartbeat => {
                self.wants.ping = true;
                host.out.push(Wish::HeartbeatDue { link: self.link, is_answer: false });
            }
            Due::Suspect => {
                self.wants.probes = self.wants.probes.max(SIGN_PACKETS);
                host.out.push(Wish::Suspect { link: self.link });
            }
        }
        if self.renew_at <= now {
            self.space.failures = 0;
            self.renew_at = now + RENEW_AGAIN;
            return Fate::Ages;
        }
        Fate::Goes
    }

    /// Passes on what became of packets in flight.
    pub(super) fn settle(&mut self) {
        let Self { streams, settled, .. } = self;
        for sent in settled.arrived.drain(..) {
            if let Some(Piece { stream, offset, length }) = sent.piece {
                streams.of(stream).outgoing.on_acked(offset, length);
            }
            if let Some(largest) = sent.acked {
                self.space.received.on_ack_acknowledged(largest);
            }
        }
        for sent in settled.lost.drain(..) {
            if let Some(Piece { stream, offset, length }) = sent.piece {
                streams.of(stream).outgoing.on_lost(offset, length);
            }
            if sent.credit {
                streams.tell_credit_again();
            }
        }
    }
}
