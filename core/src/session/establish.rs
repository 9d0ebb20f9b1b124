//! How two peers come together: dials, half-open handshakes, and what becomes of handshakes that cross.
//!
//! A side that has sent message 3 waits for the welcome. When both have, the one with the lower identity does not
//! accept the other's message 3, and the other gives its own up: so both keep what the lower one started. A message
//! 3 whose handshake began before the association that stands is such a leftover too, and means nothing; one that
//! began later comes from a peer that wants new keys for it, or has forgotten it.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use ::bytes::Bytes;

use super::{
    Failure, Gone, LinkId, Sessions, Timer, Wish,
    association::{Arrival, Association, Host, Session},
    frame::Frames,
    gate::Admission,
    handshake::{Initiator, Responder},
    noise::{Keys, Seed},
    packet::{self, COOKIE, Hello},
    path::{Path, is_same},
};
use crate::{
    boundary::{Transmit, Via},
    identity::{BootId, PeerKey},
    outbox::Outbox,
    stats::SessionStats,
    time::Instant,
};

/// How long a handshake may take, on either side.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A message is repeated after this, then after twice as long each time.
const AGAIN_FIRST: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_millis(800);
/// Cookies that one dial takes: each is answered by a large datagram.
const COOKIES_MAX: u8 = 4;
/// Live boots of one identity: they cost their owner nothing to make up.
const BOOTS_MAX: usize = 4;
/// Word that a peer has forgotten us is heeded this often: anybody can say so.
const HEED: Duration = Duration::from_secs(5);

/// A handshake that we started.
pub(super) struct Dial {
    address: SocketAddr,
    interface: u32,
    /// The association that is to get new keys; nobody has asked for such a dial from outside.
    renews: Option<LinkId>,
    stage: Stage,
    until: Instant,
    /// The wait before the message goes out again.
    wait: Duration,
    sent: Instant,
    /// How often the message went out: a repeated one measures nothing.
    times: u32,
}

enum Stage {
    /// Message 1 is out.
    Asked { initiator: Initiator, cookie: [u8; COOKIE], cookies: u8 },
    /// Message 3 is out.
    Proven(Proven),
}

struct Proven {
    peer: (PeerKey, BootId),
    keys: Keys,
    remote: u64,
    message: Bytes,
    path: Path,
    rtt: Option<Duration>,
}

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
    /// Starts a handshake with whoever is at `to`. Does nothing while another one to the same address is under way.
    pub(crate) fn dial(
        &mut self,
        now: Instant,
        to: SocketAddr,
        interface: u32,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let under_way = |dial: &Dial| dial.renews.is_none() && is_same(dial.address, to);
        if self.leaving {
            out.push(Wish::DialFailed { address: to, why: Failure::Leaving });
        } else if !self.dials.values().any(under_way) && !self.begin(now, (to, interface), None, stats, out) {
            out.push(Wish::DialFailed { address: to, why: Failure::Full });
        }
    }

    /// Starts a handshake that gives an association new keys.
    pub(super) fn renew(
        &mut self,
        now: Instant,
        link: LinkId,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let Some(association) = self.links.get(&link).filter(|association| association.is_live()) else {
            return;
        };
        let to = (association.path.address, association.path.interface);
        if !self.leaving && self.dials.values().all(|dial| dial.renews != Some(link)) {
            // When there is no room it is tried again later.
            self.begin(now, to, Some(link), stats, out);
        }
    }

    pub(super) fn on_dial_tick(
        &mut self,
        now: Instant,
        id: u64,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let Some(dial) = self.dials.get_mut(&id) else { return };
        if dial.until <= now {
            stats.handshakes_failed += 1;
            return self.end_dial(id, Failure::Timeout, out);
        }
        dial.wait = (dial.wait * 2).min(AGAIN_MAX);
        self.transmit_dial(now, id, out);
    }

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

    /// Somebody wants a cookie back.
    pub(super) fn on_cookie(
        &mut self,
        now: Instant,
        arrival: Arrival,
        to: u64,
        new: [u8; COOKIE],
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let dial = self.dials.get_mut(&to).filter(|dial| is_same(dial.address, arrival.from));
        match dial.map(|dial| &mut dial.stage) {
            Some(Stage::Asked { cookie, cookies, .. }) if *cookies < COOKIES_MAX && *cookie != new => {
                *cookies += 1;
                *cookie = new;
                self.transmit_dial(now, to, out);
            }
            _ => stats.stray += 1,
        }
    }

    /// Message 2 came.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        arrival: Arrival,
        to: u64,
        message: &[u8],
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let Some(dial) = self.dials.get_mut(&to) else {
            stats.stray += 1;
            return;
        };
        // After the first answer that proves something, others are repetitions.
        let Stage::Asked { initiator, .. } = &mut dial.stage else { return };
        let Some((proof, proven)) = initiator.on_answer(&self.noise, message) else {
            stats.forged += 1;
            return;
        };
        let (address, renews, rtt) = (dial.address, dial.renews, dial.measured(now));
        let peer = (proof.peer, proof.boot);
        if peer == (self.identity.key(), self.boot) {
            return self.end_dial(to, Failure::SelfDial, out);
        }
        let link = self.peers.get(&peer).copied();
        let standing = link.and_then(|link| self.links.get(&link));
        let wanted = |association: &Association| Some(association.link) == renews || association.is_suspect();
        if standing.is_some_and(|association| !wanted(association)) || self.is_proven(peer).is_some() {
            return self.end_dial(to, Failure::Duplicate, out);
        }
        let association = standing.map_or(0, |association| association.id);
        if standing.is_none() && !self.has_room(now, peer) {
            stats.refused += 1;
            return self.end_dial(to, Failure::Full, out);
        }
        let finish = proven.finish(&self.noise, (&self.identity, self.boot), association);
        let (Some((message, keys)), Some(dial)) = (finish, self.dials.get_mut(&to)) else { return };
        let sure = is_same(arrival.from, address);
        let path = Path::new(arrival.from, arrival.interface, sure, arrival.size);
        let message = packet::finish(proof.number, &message);
        dial.stage = Stage::Proven(Proven { peer, keys, remote: proof.number, message, path, rtt });
        (dial.wait, dial.times) = (AGAIN_FIRST, 0);
        self.transmit_dial(now, to, out);
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
            return;
        }
        let path = Path::new(arrival.from, arrival.interface, true, 0);
        let session =
            Session { keys, local: to, remote, dialled: false, path, rtt, serial: self.next_serial() };
        self.establish(now, peer, renewed, session, stats, out);
    }

    /// The first packet under the keys of a handshake of ours came.
    pub(super) fn on_welcome(
        &mut self,
        now: Instant,
        arrival: Arrival,
        (to, number): (u64, u64),
        sealed: &[u8],
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let Some(Stage::Proven(proven)) = self.dials.get(&to).map(|dial| &dial.stage) else {
            stats.stray += 1;
            return;
        };
        if !proven.keys.open(number, sealed, &mut self.plain) {
            stats.forged += 1;
            return;
        }
        let frames = Frames::new(&self.plain);
        let Some(id) = frames.welcome().filter(|_| frames.are_sound()) else {
            stats.malformed += 1;
            return;
        };
        self.schedule.set(Timer::Dial(to), None);
        let Some(Dial { stage: Stage::Proven(proven), address, renews, .. }) = self.dials.remove(&to) else {
            return;
        };
        let standing = self.peers.get(&proven.peer).and_then(|link| self.links.get(link));
        let renewed = standing.filter(|association| association.id == id).map(|association| association.link);
        if renewed.is_none() && id != association_id(&proven.keys) {
            // It goes on with what is gone here. Its next packet will tell it so.
            return fail(address, renews, Failure::Timeout, out);
        }
        let Proven { peer, keys, remote, path, rtt, .. } = proven;
        let serial = self.next_serial();
        let session = Session { keys, local: to, remote, dialled: true, path, rtt, serial };
        let link = self.establish(now, peer, renewed, session, stats, out);
        if renewed.is_some() {
            fail(address, renews, Failure::Duplicate, out);
        }
        if let Some(association) = self.links.get_mut(&link) {
            let opened = association.opened_first(number);
            let mut host = Host { rng: &mut self.rng, stats, out };
            let fate = association.on_packet(now, arrival, opened, &self.plain, &mut host);
            self.settle(now, link, fate, stats, out);
        }
    }

    /// Somebody says that the peer behind our packets has forgotten us. It may be a lie, so nothing ends: the peer
    /// is asked, and keys are made anew, which shows what it remembers.
    pub(super) fn on_stranger(
        &mut self,
        now: Instant,
        arrival: Arrival,
        id: u64,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let meant = |association: &&mut Association| {
            association.is_live()
                && association.space.remote == id
                && is_same(association.path.address, arrival.from)
        };
        let Some(association) = self.links.values_mut().find(meant) else {
            stats.stray += 1;
            return;
        };
        if association.heedless_until <= now {
            association.heedless_until = now + HEED;
            association.ask(now);
            let link = association.link;
            self.dirty.insert(link);
            self.renew(now, link, stats, out);
        }
    }

    /// Tells the sender that nobody here has this session id. Shorter than what it answers.
    pub(super) fn tell_stranger(&mut self, now: Instant, arrival: Arrival, id: u64, out: &mut Outbox<Wish>) {
        if self.gate.may_answer_stranger(now) {
            transmit(arrival.from, arrival.interface, packet::stranger(id), out);
        }
    }

    /// Ends a dial that came to nothing.
    pub(super) fn end_dial(&mut self, id: u64, why: Failure, out: &mut Outbox<Wish>) {
        self.schedule.set(Timer::Dial(id), None);
        if let Some(dial) = self.dials.remove(&id) {
            fail(dial.address, dial.renews, why, out);
        }
    }

    pub(super) fn end_half_open(&mut self, id: u64) {
        self.schedule.set(Timer::HalfOpen(id), None);
        self.half_open.remove(&id);
    }

    fn begin(
        &mut self,
        now: Instant,
        (address, interface): (SocketAddr, u32),
        renews: Option<LinkId>,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) -> bool {
        let id = self.fresh_id();
        let initiator = Initiator::new(&self.noise, Seed::new(self.rng.bytes()), id);
        let Some(initiator) = initiator.filter(|_| self.dials.len() < self.limits.half_open) else {
            return false;
        };
        let stage = Stage::Asked { initiator, cookie: [0; COOKIE], cookies: 0 };
        let (until, wait) = (now + HANDSHAKE, AGAIN_FIRST);
        self.dials.insert(id, Dial { address, interface, renews, stage, until, wait, sent: now, times: 0 });
        stats.dialled += 1;
        self.transmit_dial(now, id, out);
        true
    }

    /// Sends the message that the dial stands at.
    fn transmit_dial(&mut self, now: Instant, id: u64, out: &mut Outbox<Wish>) {
        let Some(dial) = self.dials.get_mut(&id) else { return };
        (dial.sent, dial.times) = (now, dial.times + 1);
        // Those who start together must not stay in step.
        let again = now + dial.wait + self.rng.duration(Duration::ZERO..=dial.wait / 4);
        self.schedule.set(Timer::Dial(id), Some(again.min(dial.until)));
        match &dial.stage {
            Stage::Asked { initiator, cookie, .. } => {
                let hello = Hello { from: id, cookie: *cookie, noise: initiator.message };
                transmit(dial.address, dial.interface, hello.write(), out);
            }
            Stage::Proven(proven) => {
                transmit(proven.path.address, proven.path.interface, proven.message.clone(), out);
            }
        }
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

    /// Puts a finished handshake to use: under the association that it renews, or as a new one.
    fn establish(
        &mut self,
        now: Instant,
        peer: (PeerKey, BootId),
        renewed: Option<LinkId>,
        session: Session,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) -> LinkId {
        stats.proven += 1;
        self.gate.know(session.path.address.ip());
        let mut host = Host { rng: &mut self.rng, stats, out };
        let local = session.local;
        if let Some((link, association)) = renewed.and_then(|link| Some((link, self.links.get_mut(&link)?))) {
            association.rebind(now, session, &self.limits, &mut host);
            if let Some(retired) = association.take_retired() {
                self.routes.remove(&retired);
            }
            self.routes.insert(local, link);
            self.dirty.insert(link);
            self.end_renewals(link, out);
            return link;
        }
        if let Some(forgotten) = self.peers.get(&peer).copied() {
            self.bury(forgotten, Gone::Replaced, out);
            self.forget(forgotten);
        }
        self.ask_former_boots(now, peer, session.path.address);
        let link = LinkId(session.serial);
        let id = association_id(&session.keys);
        let (binding, dialled) = (session.keys.binding, session.dialled);
        let association =
            Association::new(now, (link, peer.0, peer.1), id, session, &self.limits, &mut self.rng);
        let (address, interface) = (association.path.address, association.path.interface);
        out.push(Wish::Up { link, peer: peer.0, boot: peer.1, address, interface, binding, dialled });
        self.links.insert(link, association);
        self.peers.insert(peer, link);
        self.routes.insert(local, link);
        self.dirty.insert(link);
        link
    }

    /// A peer that starts anew leaves its former self behind: it is asked at once, and not only at its next turn.
    fn ask_former_boots(&mut self, now: Instant, (peer, _): (PeerKey, BootId), address: SocketAddr) {
        for link in self.boots(peer) {
            if let Some(association) = self.links.get_mut(&link)
                && association.path.address.ip() == address.ip()
            {
                association.is_followed = true;
                association.ask(now);
                self.dirty.insert(link);
            }
        }
    }

    /// Whether one more association may begin. Boots that are in the way must show that they live.
    fn has_room(&mut self, now: Instant, (peer, _): (PeerKey, BootId)) -> bool {
        let boots = self.boots(peer);
        if boots.len() >= BOOTS_MAX {
            for link in boots {
                self.live(link).into_iter().for_each(|association| association.ask(now));
            }
            return false;
        }
        self.peers.len() < self.limits.sessions
    }

    fn boots(&self, peer: PeerKey) -> Vec<LinkId> {
        let all = (peer, BootId(0))..=(peer, BootId(u64::MAX));
        self.peers.range(all).map(|(_, &link)| link).collect()
    }

    fn end_renewals(&mut self, link: LinkId, out: &mut Outbox<Wish>) {
        let renewals = self.dials.iter().filter(|(_, dial)| dial.renews == Some(link)).map(|(&id, _)| id);
        let renewals: Vec<u64> = renewals.collect();
        renewals.into_iter().for_each(|id| self.end_dial(id, Failure::Duplicate, out));
    }

    /// Our handshake with this peer that waits for the welcome.
    fn is_proven(&self, peer: (PeerKey, BootId)) -> Option<u64> {
        let with = |dial: &Dial| matches!(&dial.stage, Stage::Proven(proven) if proven.peer == peer);
        self.dials.iter().find(|(_, dial)| with(dial)).map(|(&id, _)| id)
    }

    /// A session id that nobody here has.
    fn fresh_id(&mut self) -> u64 {
        loop {
            let id = self.rng.u64();
            let taken = self.routes.contains_key(&id)
                || self.dials.contains_key(&id)
                || self.half_open.contains_key(&id);
            if id != 0 && !taken {
                return id;
            }
        }
    }

    const fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

impl Dial {
    /// The round-trip time, if the message went out only once.
    fn measured(&self, now: Instant) -> Option<Duration> {
        (self.times == 1).then(|| now - self.sent)
    }
}

/// What both sides call an association that begins with this handshake.
fn association_id(keys: &Keys) -> u64 {
    keys.binding.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// Tells whoever asked for a dial that it came to nothing.
fn fail(address: SocketAddr, renews: Option<LinkId>, why: Failure, out: &mut Outbox<Wish>) {
    if renews.is_none() {
        out.push(Wish::DialFailed { address, why });
    }
}

fn transmit(to: SocketAddr, interface: u32, bytes: Bytes, out: &mut Outbox<Wish>) {
    out.push(Wish::Transmit(Transmit { via: Via::Chat, interface, to, bytes }));
}
