//! Encrypted associations with other peers, one for each (identity, boot id).
//!
//! ```text
//!  dial ──► handshake ──► association ──► records, datagrams ──► Wish
//!             gate          path   where the peer is reached
//!             noise         recovery, congestion, rtt, acks   as in QUIC (RFC 9002)
//!             proof         streams   records in order, with credit
//!                           liveness  heartbeats, suspicion
//! ```
//!
//! [`Sessions`] finds out whom a datagram is for; `table.rs` keeps the associations. What two peers do together is in
//! `association.rs`, `receiving.rs` and `sending.rs`, how they come together in `dial.rs`, `accept.rs` and
//! `establish.rs`, and who is let in at all in `gate.rs` and `seats.rs`.

mod accept;
mod acks;
mod association;
mod bytes;
mod congestion;
mod dial;
mod establish;
mod frame;
mod gate;
mod handshake;
mod limits;
mod liveness;
mod noise;
mod origin;
mod pace;
mod pacer;
mod packet;
mod path;
mod proof;
mod ranges;
mod receiving;
mod recovery;
mod replay;
mod rtt;
mod schedule;
mod seats;
mod sending;
mod space;
mod streams;
mod table;
#[cfg(test)]
mod tests;
mod trace;
mod wish;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use ::bytes::Bytes;

pub(crate) use self::dial::Effort;
pub(crate) use self::origin::Origin;
pub(crate) use self::pace::Pace;
pub(crate) use self::seats::Standing;
pub(crate) use self::trace::{Direction, Part, Told, dropped, handshake};
pub(crate) use self::wish::{Failure, Gone, LinkId, Wish};
use self::{
    accept::HalfOpen,
    association::{Association, Host, Reading, State},
    dial::Dial,
    frame::Parting,
    gate::Gate,
    limits::Limits,
    noise::Noise,
    packet::Packet,
    receiving::Arrival,
    schedule::Schedule,
};
use crate::{
    boundary::{Datagram, Interface},
    config::Config,
    findings::PathFindings,
    identity::{BootId, Identity, PeerKey},
    outbox::Outbox,
    rng::Rng,
    stats::SessionStats,
    time::Instant,
};

/// The most bytes of an unreliable datagram.
pub(crate) const DATAGRAM_MAX: usize = 1100;
/// The most bytes of a datagram of a session that is carried inside another one.
pub(crate) const RELAYED_MAX: usize = packet::RELAYED_MAX;
/// The most bytes of a record.
pub(crate) const RECORD_MAX: usize = streams::RECORD_MAX;
/// The most bytes of a piece of a file.
pub(crate) const PIECE_MAX: usize = streams::PIECE_MAX;
/// The most bytes that stand before a piece of a file.
pub(crate) const HEAD_MAX: usize = streams::HEAD_MAX;

/// The shortest time to the next wake.
const TICK: Duration = Duration::from_micros(1);

/// All encrypted associations of this node.
pub(crate) struct Sessions {
    identity: Identity,
    boot: BootId,
    noise: Noise,
    gate: Gate,
    rng: Rng,
    limits: Limits,
    links: BTreeMap<LinkId, Association>,
    /// The live association with each peer.
    peers: BTreeMap<(PeerKey, BootId), LinkId>,
    /// Who counts for more than a stranger; the node keeps them few.
    remembered: BTreeMap<PeerKey, Standing>,
    /// Which association a session id belongs to.
    routes: BTreeMap<u64, LinkId>,
    /// Handshakes that we started, by our session id.
    dials: BTreeMap<u64, Dial>,
    /// How long we wait for an answer to a handshake before we repeat ourselves, by how long answers took of late.
    answers: Duration,
    /// How many of those who answered of late had to be asked again, in 256ths.
    asked_again: u32,
    /// Handshakes that others started, by our session id.
    half_open: BTreeMap<u64, HalfOpen>,
    schedule: Schedule<Timer>,
    /// What may have something to send.
    dirty: BTreeSet<LinkId>,
    reading: Reading,
    /// Whether all is over: nothing new begins.
    leaving: bool,
    /// Rises with every handshake and every association.
    serial: u64,
    /// Room to open and build packets in.
    plain: Vec<u8>,
}

/// Whose deadline it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    Link(LinkId),
    Dial(u64),
    HalfOpen(u64),
}

impl Sessions {
    pub(crate) fn new(config: &Config, identity: Identity, boot: BootId, mut rng: Rng) -> Self {
        Self {
            identity,
            boot,
            noise: Noise::new(config.suite, &mut rng),
            gate: Gate::new(config.suite, config.half_open_max, &mut rng),
            rng,
            limits: Limits::new(config),
            links: BTreeMap::new(),
            peers: BTreeMap::new(),
            remembered: BTreeMap::new(),
            routes: BTreeMap::new(),
            dials: BTreeMap::new(),
            answers: dial::AGAIN_MIN,
            asked_again: 0,
            half_open: BTreeMap::new(),
            schedule: Schedule::new(),
            dirty: BTreeSet::new(),
            reading: Reading { records: true, bulk: true },
            leaving: false,
            serial: 0,
            plain: Vec::new(),
        }
    }

    /// A datagram came through the chat socket.
    pub(crate) fn on_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let (from, interface, size) = (datagram.from, datagram.interface, datagram.bytes.len());
        let arrival = Arrival { from, interface, size };
        match Packet::read(datagram.bytes, packet::most(from)) {
            Some(Packet::Data { to, number, sealed }) => {
                self.on_data(now, arrival, (to, number), sealed, stats, out);
            }
            Some(Packet::Hello(hello)) => self.on_hello(now, arrival, &hello, stats, out),
            Some(Packet::Answer { to, noise }) => self.on_answer(now, arrival, to, noise, stats, out),
            Some(Packet::Finish { to, noise }) => self.on_finish(now, arrival, to, noise, stats, out),
            Some(Packet::Cookie { to, cookie }) => self.on_cookie(now, arrival, to, cookie, stats, out),
            Some(Packet::Stranger { id }) => self.on_stranger(now, arrival, id, stats, out),
            None => stats.stray += 1,
        }
    }

    /// Queues a record of at most [`RECORD_MAX`] bytes, delivered once and in order while the association lasts.
    /// False, and nothing queued, when it is too long, the backlog is too large or the association is gone.
    pub(crate) fn send(&mut self, link: LinkId, record: Bytes) -> bool {
        let backlog = self.limits.backlog;
        let Some(association) = self.live(link) else { return false };
        let fits = record.len() <= RECORD_MAX && association.streams.records.outgoing.backlog() <= backlog;
        if fits {
            association.streams.records.outgoing.push(record);
        }
        fits
    }

    /// Bytes queued or unacknowledged on the stream of records.
    pub(crate) fn backlog(&self, link: LinkId) -> usize {
        let live = self.links.get(&link).filter(|association| association.is_live());
        live.map_or(0, |association| association.streams.records.outgoing.backlog())
    }

    /// How well the association of `link` works.
    pub(crate) fn path(&self, link: LinkId) -> Option<PathFindings> {
        self.links.get(&link).filter(|association| association.is_live()).map(|one| one.recovery.findings())
    }

    /// Live associations, and handshakes of others under way.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.peers.len(), self.half_open.len())
    }

    /// Queues a datagram of at most [`DATAGRAM_MAX`] bytes, which may get lost. Of too many the oldest are dropped.
    pub(crate) fn send_datagram(&mut self, link: LinkId, bytes: Bytes, stats: &mut SessionStats) {
        if bytes.len() > DATAGRAM_MAX {
            stats.datagrams_dropped += 1;
        } else if let Some(association) = self.live(link) {
            association.push_datagram(bytes, stats);
        }
    }

    /// The same for a datagram that is part of another session, ours or that of others: it takes nobody's place, and of
    /// too many the latest are dropped. False when this one is.
    pub(crate) fn pass(&mut self, link: LinkId, bytes: Bytes) -> bool {
        bytes.len() <= DATAGRAM_MAX && self.live(link).is_some_and(|association| association.pass(bytes))
    }

    /// The same, but it is not acknowledged: what becomes of it does not matter.
    pub(crate) fn send_aside(&mut self, link: LinkId, bytes: Bytes, stats: &mut SessionStats) {
        if bytes.len() > DATAGRAM_MAX {
            stats.datagrams_dropped += 1;
        } else if let Some(association) = self.live(link) {
            association.push_aside(bytes, stats);
        }
    }

    /// Adds `payload` to a heartbeat, which goes out at the next flush and is answered at once, or to an answer.
    pub(crate) fn heartbeat(
        &mut self,
        link: LinkId,
        is_answer: bool,
        payload: Bytes,
        stats: &mut SessionStats,
    ) {
        if !is_answer {
            self.send_datagram(link, payload, stats);
            self.live(link).into_iter().for_each(|association| association.wants.ping = true);
        } else {
            self.send_aside(link, payload, stats);
        }
    }

    /// False: records that come, or what comes of files, is kept, and the senders get no more credit; what was kept is
    /// handed out by the first flush after this is true again.
    pub(crate) fn set_reading(&mut self, records: bool, bulk: bool) {
        if records && !self.reading.records || bulk && !self.reading.bulk {
            self.dirty.extend(self.links.keys());
        }
        self.reading = Reading { records, bulk };
    }

    /// Queues a piece of a file, as [`send`](Self::send) does a record: `head`, at most [`HEAD_MAX`] bytes, and `bytes`
    /// become one record of the lower stream.
    pub(crate) fn send_bulk(&mut self, link: LinkId, head: &[u8], bytes: Bytes) {
        if let Some(association) = self.live(link) {
            association.streams.bulk.outgoing.push_with(head, bytes);
        }
    }

    /// Bytes queued or unacknowledged on the stream of files; `None` when the association is over.
    pub(crate) fn bulk_backlog(&self, link: LinkId) -> Option<usize> {
        let live = self.links.get(&link).filter(|association| association.is_live())?;
        Some(live.streams.bulk.outgoing.backlog())
    }

    /// Says goodbye to one peer. No [`Wish::Down`] follows.
    pub(crate) fn close(&mut self, now: Instant, link: LinkId) {
        if let Some(association) = self.live(link) {
            association.close(now, Parting::Left);
            let key = (association.peer, association.boot);
            self.peers.remove(&key);
        }
    }

    /// Ends a session that is not needed any more, and says so; [`Wish::Down`] follows.
    pub(crate) fn release(&mut self, now: Instant, link: LinkId, out: &mut Outbox<Wish>) {
        if let Some(association) = self.live(link) {
            association.close(now, Parting::Crowded);
            self.bury(link, Gone::Crowded, out);
        }
    }

    /// Has the peer of `link` show that it is there.
    pub(crate) fn ask(&mut self, now: Instant, link: LinkId) {
        if let Some(association) = self.live(link) {
            association.ask(now);
        }
    }

    /// Says goodbye to everybody and starts nothing new.
    pub(crate) fn close_all(&mut self, now: Instant, out: &mut Outbox<Wish>) {
        self.leaving = true;
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        links.into_iter().for_each(|link| self.close(now, link));
        let dials: Vec<u64> = self.dials.keys().copied().collect();
        dials.into_iter().for_each(|dial| self.end_dial(dial, Failure::Leaving, out));
        let half_open: Vec<u64> = self.half_open.keys().copied().collect();
        half_open.into_iter().for_each(|id| self.end_half_open(id));
    }

    /// Whether every goodbye was acknowledged, or given up. Those that neighbours pass on cannot be: with them we have
    /// parted too.
    pub(crate) fn is_closed(&self) -> bool {
        let mut direct = self.links.values().filter(|association| !association.path.is_relayed());
        direct.all(|association| matches!(association.state, State::Draining { .. }))
    }

    /// Hands out what is to be sent: once after everything else, so that what came together goes together.
    pub(crate) fn flush(&mut self, now: Instant, stats: &mut SessionStats, out: &mut Outbox<Wish>) {
        while let Some(link) = self.dirty.pop_first() {
            let Some(association) = self.links.get_mut(&link) else { continue };
            association.deliver(now, self.reading, out);
            let mut host = Host { rng: &mut self.rng, stats, out };
            association.flush(now, &self.limits, &mut host, &mut self.plain);
            // Whatever became of its deadlines: the next wake is later than now.
            let wake = association.next_wake().map(|at| at.max(now + TICK));
            self.schedule.set(Timer::Link(link), wake);
        }
    }

    /// Does what is due at `now`; harmless when nothing is.
    pub(crate) fn on_tick(&mut self, now: Instant, stats: &mut SessionStats, out: &mut Outbox<Wish>) {
        while let Some(timer) = self.schedule.pop_due(now) {
            match timer {
                Timer::Dial(id) => self.on_dial_tick(now, id, stats, out),
                Timer::HalfOpen(id) => self.end_half_open(id),
                Timer::Link(link) => {
                    let Some(association) = self.links.get_mut(&link) else { continue };
                    let mut host = Host { rng: &mut self.rng, stats, out };
                    let fate = association.on_tick(now, &mut host);
                    self.settle(now, link, fate, stats, out);
                }
            }
        }
    }

    /// When [`on_tick`](Self::on_tick) is next needed; to be asked after a flush.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// Fresh randomness: this machine may be a copy of another, so nothing secret is used that both have.
    pub(crate) fn on_entropy(&mut self, now: Instant, entropy: &[u8; 32]) {
        self.rng.mix(entropy);
        for (&link, association) in self.links.iter_mut().filter(|(_, association)| association.is_live()) {
            association.leap(now, &mut self.rng);
            self.dirty.insert(link);
        }
    }

    /// Where somebody at `address` comes from.
    pub(crate) fn origin(&self, address: SocketAddr) -> Origin {
        self.gate.origin(address)
    }

    /// The interfaces now are these.
    pub(crate) fn on_interfaces(&mut self, now: Instant, interfaces: &[Interface]) {
        self.gate.on_interfaces(interfaces);
        for (&link, association) in self.links.iter_mut().filter(|(_, association)| association.is_live()) {
            let used = association.path.interface;
            if used != 0 && interfaces.iter().all(|interface| interface.index != used) {
                // The routing table may know another way; whether it does shows soon.
                association.path.interface = 0;
                association.ask(now);
                self.dirty.insert(link);
            }
        }
    }
}
