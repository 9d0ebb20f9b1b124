//! The handshakes that others start.

use alloc::vec::Vec;
use core::net::SocketAddr;

use ::bytes::Bytes;

use super::{
    Failure, Sessions, Timer, Wish,
    establish::{HANDSHAKE, transmit},
    frame::put_close,
    gate::Admission,
    handshake::Responder,
    noise::Seed,
    packet::{self, Hello},
    path::{Path, is_same},
    receiving::Arrival,
    space::Session,
};
use crate::{outbox::Outbox, stats::SessionStats, time::Instant};

/// A handshake that somebody else started.
pub(super) struct HalfOpen {
    from: SocketAddr,
    /// The other side's session id.
    initiator: u64,
    responder: Responder,
    answer: Bytes,
    sent: Instant,
    times: u32,
    serial: u64,
}

impl Sessions {
    /// Message 1 came.
    pub(super) fn on_hello(
        &mut self,
        now: Instant,
        arrival: Arrival,
        hello: &Hello,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        if self.leaving {
            return;
        }
        let repeated =
            |half: &&mut HalfOpen| half.initiator == hello.from && is_same(half.from, arrival.from);
        if let Some(half) = self.half_open.values_mut().find(repeated) {
            half.times += 1;
            return transmit(arrival.from, arrival.interface, half.answer.clone(), out);
        }
        match self.gate.admit(now, &mut self.rng, arrival.from, hello, self.half_open.len()) {
            Admission::Granted => self.answer(now, arrival, hello, stats, out),
            Admission::Refused => stats.refused += 1,
            Admission::Prove(cookie) => {
                stats.cookies += 1;
                transmit(arrival.from, arrival.interface, packet::cookie(hello.from, &cookie), out);
            }
        }
    }

    /// Message 3 came.
    pub(super) fn on_finish(
        &mut self,
        now: Instant,
        arrival: Arrival,
        to: u64,
        message: &[u8],
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let Some(half) = self.half_open.get_mut(&to).filter(|half| is_same(half.from, arrival.from)) else {
            return self.on_finish_again(to, stats);
        };
        let Some((proof, keys)) = half.responder.on_finish(&self.noise, message) else {
            stats.forged += 1;
            return;
        };
        let (remote, began) = (half.initiator, half.serial);
        let rtt = (half.times == 1).then(|| now - half.sent);
        self.end_half_open(to);
        let peer = (proof.peer, proof.boot);
        let me = (self.identity.key(), self.boot);
        if let Some(own) = self.is_proven(peer) {
            if me < peer {
                return;
            }
            self.end_dial(own, Failure::Duplicate, out);
        }
        let standing = self.peers.get(&peer).and_then(|link| self.links.get(link));
        if standing.is_some_and(|association| began < association.space.serial) || me == peer {
            return;
        }
        let renewed = standing.filter(|association| association.id == proof.number);
        let renewed = renewed.map(|association| association.link);
        if standing.is_none() && !self.has_room(now, peer) {
            stats.refused += 1;
            let (mut plain, number) = (Vec::new(), 0);
            put_close(&mut plain);
            let mut bytes = packet::data(remote, number, plain.len());
            keys.seal(number, &plain, &mut bytes);
            return transmit(arrival.from, arrival.interface, bytes.into(), out);
        }
        let path = Path::new(arrival.from, arrival.interface, true, 0);
        let session =
            Session { keys, local: to, remote, dialled: false, path, rtt, serial: self.next_serial() };
        self.establish(now, peer, renewed, session, stats, out);
    }

    pub(super) fn end_half_open(&mut self, id: u64) {
        self.schedule.set(Timer::HalfOpen(id), None);
        self.half_open.remove(&id);
    }

    /// Answers message 1.
    fn answer(
        &mut self,
        now: Instant,
        arrival: Arrival,
        hello: &Hello,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let (id, seed, me) = (self.fresh_id(), Seed::new(self.rng.bytes()), (&self.identity, self.boot));
        let Some((responder, message)) = Responder::new(&self.noise, me, seed, (hello.from, hello.noise), id)
        else {
            stats.handshakes_failed += 1;
            return;
        };
        let answer = packet::answer(hello.from, &message);
        transmit(arrival.from, arrival.interface, answer.clone(), out);
        let (from, initiator, serial) = (arrival.from, hello.from, self.next_serial());
        let half = HalfOpen { from, initiator, responder, answer, sent: now, times: 1, serial };
        self.half_open.insert(id, half);
        self.schedule.set(Timer::HalfOpen(id), Some(now + HANDSHAKE));
    }

    /// Message 3 came for a handshake that is over: its sender has not seen our welcome.
    fn on_finish_again(&mut self, to: u64, stats: &mut SessionStats) {
        let link = self.routes.get(&to).copied();
        match link.and_then(|link| self.live(link)).filter(|association| !association.space.confirmed) {
            Some(association) => association.wants.ping = true,
            None => stats.stray += 1,
        }
    }
}
