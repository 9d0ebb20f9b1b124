//! The handshakes that we start.

use alloc::{boxed::Box, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use ::bytes::Bytes;

use super::{
    Failure, LinkId, Sessions, Timer, Wish,
    association::Host,
    establish::{HANDSHAKE, Whois, association_id, transmit},
    frame::Frames,
    handshake::Initiator,
    noise::{Keys, Seed},
    packet::{self, COOKIE, Hello},
    path::{Path, is_same},
    receiving::Arrival,
    space::Session,
    trace::{Direction, Told},
};
use crate::{
    identity::{BootId, PeerKey},
    outbox::Outbox,
    stats::SessionStats,
    time::Instant,
};

/// A message is repeated after at least this, then after twice as long each time. Message 1 is large, and many may be
/// called at once: it waits three times what answers took of late.
pub(super) const AGAIN_MIN: Duration = Duration::from_millis(100);
/// The most that is waited before message 1 goes out a second time, and from one message 3 to the next.
const AGAIN_MAX: Duration = Duration::from_millis(800);
/// Cookies that one dial takes: each is answered by a large datagram.
const COOKIES_MAX: u8 = 4;

/// How much is done for an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effort {
    /// Message 1 is repeated until it comes, or the time is over.
    Full,
    /// Message 1 is sent once.
    Single,
}

/// A handshake that we started.
pub(super) struct Dial {
    address: SocketAddr,
    interface: u32,
    effort: Effort,
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
    Asked { initiator: Box<Initiator>, cookie: [u8; COOKIE], cookies: u8 },
    /// Message 3 is out.
    Proven(Box<Proven>),
}

struct Proven {
    peer: (PeerKey, BootId),
    keys: Keys,
    remote: u64,
    message: Bytes,
    path: Path,
    rtt: Option<Duration>,
}

impl Sessions {
    /// Starts a handshake with whoever is at `to`. Does nothing while another one to the same address is under way.
    pub(crate) fn dial(
        &mut self,
        now: Instant,
        (to, interface): (SocketAddr, u32),
        effort: Effort,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let under_way = |dial: &Dial| dial.renews.is_none() && is_same(dial.address, to);
        if self.leaving {
            out.push(Wish::DialFailed { address: to, why: Failure::Leaving });
        } else if !self.dials.values().any(under_way)
            && !self.begin(now, (to, interface), effort, None, (stats, out))
        {
            out.push(Wish::DialFailed { address: to, why: Failure::Busy });
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
            self.begin(now, to, Effort::Full, Some(link), (stats, out));
        }
    }

    /// Whether others answer, but most of them had to be asked more than once.
    pub(crate) const fn is_busy(&self) -> bool {
        self.asked_again > 128
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
        dial.wait *= 2;
        match dial.stage {
            // Nobody is there, or the link is so busy that answers take longer; then it is better not to ask more often.
            Stage::Asked { .. } if dial.times == 1 => {
                self.answers = (self.answers * 5 / 4).min(AGAIN_MAX);
            }
            Stage::Asked { .. } => {}
            // Somebody is there, and this message is small.
            Stage::Proven(_) => dial.wait = dial.wait.min(AGAIN_MAX),
        }
        self.transmit_dial(now, id, out);
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
        self.asked_again = self.asked_again * 7 / 8 + if rtt.is_some() { 0 } else { 32 };
        if let Some(rtt) = rtt {
            self.answers = ((self.answers * 7 + rtt * 3) / 8).clamp(AGAIN_MIN, AGAIN_MAX);
        }
        let peer = (proof.peer, proof.boot);
        if !self.may_be_at(peer, arrival.from) {
            stats.forged += 1;
            return self.end_dial(to, Failure::Timeout, out);
        }
        let crossed = self.is_proven(peer).is_some();
        let association = match self.whois(peer) {
            Whois::Ourselves => return self.end_dial(to, Failure::SelfDial, out),
            _ if crossed => return self.end_dial(to, Failure::Duplicate, out),
            Whois::Standing(known) if Some(known.link) == renews || known.is_suspect() => known.id,
            // The way that needs no neighbour, or another neighbour: the association goes on there.
            Whois::Standing(known) if known.is_left_for(arrival.from) => known.id,
            Whois::Standing(_) => return self.end_dial(to, Failure::Duplicate, out),
            Whois::New => {
                if !self.has_room(now, peer, arrival.from, stats, out) {
                    return self.end_dial(to, Failure::Full, out);
                }
                0
            }
        };
        let finish = proven.finish(&self.noise, (&self.identity, self.boot), association);
        let (Some((message, keys)), Some(dial)) = (finish, self.dials.get_mut(&to)) else { return };
        let sure = is_same(arrival.from, address);
        let path = Path::new(arrival.from, arrival.interface, sure, arrival.size);
        let message = packet::finish(proof.number, &message);
        let proven = Proven { peer, keys, remote: proof.number, message, path, rtt };
        dial.stage = Stage::Proven(Box::new(proven));
        (dial.wait, dial.times) = (AGAIN_MIN, 0);
        self.transmit_dial(now, to, out);
    }

    /// The first packet under the keys of a handshake of ours came: a welcome, or a goodbye when there is no room.
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
        if frames.have_close() {
            if self.limits.trace {
                out.push(Wish::Trace(Told::bare(proven.peer.0, Direction::In, number, &self.plain)));
            }
            return self.end_dial(to, Failure::Full, out);
        }
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
        let Proven { peer, keys, remote, path, rtt, .. } = *proven;
        let serial = self.next_serial();
        let session = Session { keys, local: to, remote, dialled: Some(address), path, rtt, serial };
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

    /// Ends a dial that came to nothing.
    pub(super) fn end_dial(&mut self, id: u64, why: Failure, out: &mut Outbox<Wish>) {
        self.schedule.set(Timer::Dial(id), None);
        if let Some(dial) = self.dials.remove(&id) {
            fail(dial.address, dial.renews, why, out);
        }
    }

    /// Nobody is reached at this address.
    pub(crate) fn give_up(&mut self, address: SocketAddr, out: &mut Outbox<Wish>) {
        let there = |dial: &Dial| dial.renews.is_none() && is_same(dial.address, address);
        let dials: Vec<u64> = self.dials.iter().filter(|(_, dial)| there(dial)).map(|(&id, _)| id).collect();
        dials.into_iter().for_each(|id| self.end_dial(id, Failure::Timeout, out));
    }

    /// The association has new keys: nobody needs to make them any more.
    pub(super) fn end_renewals(&mut self, link: LinkId, out: &mut Outbox<Wish>) {
        let renewals = self.dials.iter().filter(|(_, dial)| dial.renews == Some(link)).map(|(&id, _)| id);
        let renewals: Vec<u64> = renewals.collect();
        renewals.into_iter().for_each(|id| self.end_dial(id, Failure::Duplicate, out));
    }

    fn begin(
        &mut self,
        now: Instant,
        (address, interface): (SocketAddr, u32),
        effort: Effort,
        renews: Option<LinkId>,
        (stats, out): (&mut SessionStats, &mut Outbox<Wish>),
    ) -> bool {
        let id = self.fresh_id();
        let initiator = Initiator::new(&self.noise, Seed::new(self.rng.bytes()), id);
        let Some(initiator) = initiator.filter(|_| self.dials.len() < self.limits.half_open) else {
            return false;
        };
        let stage = Stage::Asked { initiator: Box::new(initiator), cookie: [0; COOKIE], cookies: 0 };
        let (until, wait) = (now + HANDSHAKE, self.answers);
        let dial = Dial { address, interface, effort, renews, stage, until, wait, sent: now, times: 0 };
        self.dials.insert(id, dial);
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
        let is_last = dial.effort == Effort::Single && matches!(dial.stage, Stage::Asked { .. });
        self.schedule.set(Timer::Dial(id), Some(if is_last { dial.until } else { again.min(dial.until) }));
        match &mut dial.stage {
            Stage::Asked { initiator, cookie, .. } => {
                let hello = Hello { from: id, cookie: *cookie, noise: initiator.message };
                transmit(dial.address, dial.interface, hello.write(packet::most(dial.address)), out);
            }
            // An answer from elsewhere than was asked may have been sent by anybody: three times its bytes go there.
            Stage::Proven(proven) if proven.path.room() >= proven.message.len() => {
                proven.path.on_sent(proven.message.len());
                transmit(proven.path.address, proven.path.interface, proven.message.clone(), out);
            }
            Stage::Proven(_) => {}
        }
    }

    /// Our handshake with this peer that waits for the welcome.
    pub(super) fn is_proven(&self, peer: (PeerKey, BootId)) -> Option<u64> {
        let with = |dial: &Dial| matches!(&dial.stage, Stage::Proven(proven) if proven.peer == peer);
        self.dials.iter().find(|(_, dial)| with(dial)).map(|(&id, _)| id)
    }
}

impl Dial {
    /// Who will be in session once the welcome comes, and where; `None` for new keys of an old association.
    pub(super) fn newcomer(&self) -> Option<(PeerKey, SocketAddr)> {
        match &self.stage {
            Stage::Proven(proven) if self.renews.is_none() => Some((proven.peer.0, proven.path.address)),
            _ => None,
        }
    }

    /// The round-trip time, if the message went out only once.
    fn measured(&self, now: Instant) -> Option<Duration> {
        (self.times == 1).then(|| now - self.sent)
    }
}

/// Tells whoever asked for a dial that it came to nothing.
fn fail(address: SocketAddr, renews: Option<LinkId>, why: Failure, out: &mut Outbox<Wish>) {
    if renews.is_none() {
        out.push(Wish::DialFailed { address, why });
    }
}
