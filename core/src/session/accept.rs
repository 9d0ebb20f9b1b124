//! The handshakes that others start.

use alloc::vec::Vec;
use core::net::SocketAddr;

use ::bytes::Bytes;

use super::{
    Failure, Sessions, Timer, Wish,
    establish::{HANDSHAKE, Whois, transmit},
    frame::{Parting, put_close},
    gate::{Admission, Crowd},
    handshake::Responder,
    noise::{Keys, Seed},
    packet::{self, Hello},
    path::{Path, is_same},
    receiving::Arrival,
    space::Session,
    trace::{Direction, Told},
};
use crate::{identity::PeerKey, outbox::Outbox, stats::SessionStats, time::Instant};

/// A handshake that somebody else started.
pub(super) struct HalfOpen {
    from: SocketAddr,
    /// The other side's session id.
    initiator: u64,
    responder: Responder,
    answer: Bytes,
    /// Whether it has shown a cookie.
    shown: bool,
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
        let shown = self.gate.has_cookie(now, &mut self.rng, arrival.from, hello);
        match self.gate.admit(now, arrival.from, hello, shown, self.crowd(arrival.from, shown)) {
            Admission::Granted => self.answer(now, arrival, (hello, shown), stats, out),
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
        if !self.may_be_at(peer, arrival.from) {
            stats.forged += 1;
            return;
        }
        if let Some(own) = self.is_proven(peer) {
            if (self.identity.key(), self.boot) < peer {
                return;
            }
            self.end_dial(own, Failure::Duplicate, out);
        }
        let renewed = match self.whois(peer) {
            Whois::Ourselves => return,
            // Whoever has found the way that needs no neighbour takes it, although it set out before.
            Whois::Standing(association)
                if began < association.space.serial
                    && !(association.id == proof.number && association.is_left_for(arrival.from)) =>
            {
                return;
            }
            Whois::Standing(association) => {
                Some(association).filter(|known| known.id == proof.number).map(|known| known.link)
            }
            Whois::New => {
                if !self.has_room(now, peer, arrival.from, stats, out) {
                    return self.turn_away(remote, arrival, (peer.0, &keys), out);
                }
                None
            }
        };
        let path = Path::new(arrival.from, arrival.interface, true, 0);
        let session =
            Session { keys, local: to, remote, dialled: None, path, rtt, serial: self.next_serial() };
        self.establish(now, peer, renewed, session, stats, out);
    }

    /// Tells the initiator that there is no room.
    fn turn_away(&self, to: u64, arrival: Arrival, (peer, keys): (PeerKey, &Keys), out: &mut Outbox<Wish>) {
        let (mut plain, number) = (Vec::new(), 0);
        put_close(&mut plain, Parting::Crowded);
        let mut bytes = packet::data(to, number, plain.len());
        keys.seal(number, &plain, &mut bytes);
        if self.limits.trace {
            out.push(Wish::Trace(Told::bare(peer, Direction::Out, number, &plain)));
        }
        transmit(arrival.from, arrival.interface, bytes.into(), out);
    }

    /// The handshakes that a new one would join.
    fn crowd(&self, from: SocketAddr, shown: bool) -> Crowd {
        let origin = self.gate.origin(from);
        let is_alike = |half: &&HalfOpen| half.shown == shown && self.gate.origin(half.from) == origin;
        Crowd { all: self.half_open.len(), alike: self.half_open.values().filter(is_alike).count() }
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
        (hello, shown): (&Hello, bool),
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
        let half = HalfOpen { from, initiator, responder, answer, shown, sent: now, times: 1, serial };
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
