//! Foes of the rooms: real nodes turned bad.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use chat_core::{
    Action, Command, Config, Datagram, Identity, Input, Instant, Nick, Node, Output, PeerKey, Place,
    RoomName, Text, Transmit, UnixMillis, Via,
};

use super::{Air, MDNS_PORT, Script, Shot, handshake::DATA};
use crate::{
    chance::nanos,
    host::{CHAT_PORT, clock::EPOCH, disk::Disk},
    lan::{Flight, index_of},
};

/// What a slow member adds to everything it sends.
const LATE: Duration = Duration::from_millis(900);
/// Ten years in milliseconds.
const TEN_YEARS: u64 = 10 * 365 * 86_400_000;

/// How a member is bad.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Vice {
    Late,
    Silent,
    TwoFaced,
    Ahead,
    Many(u16),
    Loud,
}

/// One or more real nodes on one machine.
pub(super) struct Members {
    vice: Vice,
    bodies: Vec<Body>,
    /// What goes out later.
    held: BTreeMap<(Instant, u64), Shot>,
    count: u64,
}

impl Members {
    pub(super) const fn new(vice: Vice) -> Self {
        Self { vice, bodies: Vec::new(), held: BTreeMap::new(), count: 0 }
    }

    fn start(&mut self, air: &mut Air<'_>) {
        let bodies = match self.vice {
            Vice::Many(keys) => usize::from(keys.max(1)),
            Vice::TwoFaced => 2,
            Vice::Late | Vice::Silent | Vice::Ahead | Vice::Loud => 1,
        };
        let ahead = if self.vice == Vice::Ahead { TEN_YEARS } else { 0 };
        for number in 0..bodies {
            // Two faces are one person.
            let person = if self.vice == Vice::TwoFaced { 0 } else { number };
            let (body, sent) = Body::new(air, (person, number), &format!("foe{number}"), ahead);
            self.bodies.push(body);
            self.send(air, number, sent);
        }
    }

    /// Sends what the node of body `number` wants to send, as far as its vice lets it.
    fn send(&mut self, air: &mut Air<'_>, number: usize, sent: Vec<Transmit>) {
        for transmit in sent {
            let Some(shot) = self.bodies.get(number).and_then(|body| body.shot(air, &transmit)) else {
                continue;
            };
            let is_data = transmit.via == Via::Chat && transmit.bytes.first() == Some(&DATA);
            let is_even = last_byte(transmit.to) & 1 == 0;
            match self.vice {
                Vice::Late => {
                    air.fire();
                    self.count += 1;
                    self.held.insert((air.now + LATE, self.count), shot);
                }
                Vice::Silent if is_data && is_even => air.fire(),
                // They need not meet each other.
                Vice::Many(_) if shot.to.ip() == shot.from.ip() => {}
                // One face for each half; neither half hears of the other face's handshakes.
                Vice::TwoFaced if transmit.via == Via::Chat && is_even != (number == 0) => air.fire(),
                _ => air.pass(shot),
            }
        }
    }
}

impl Script for Members {
    fn act(&mut self, air: &mut Air<'_>) {
        if self.bodies.is_empty() {
            return self.start(air);
        }
        // Two faces speak at once, many one after the other.
        let speakers = match self.bodies.len() {
            2 => 0..2,
            many => {
                let number = air.turn as usize % many;
                number..number + 1
            }
        };
        for number in speakers {
            let text = format!("body {number} of a foe, turn {}", air.turn);
            let sent = self.bodies[number].say(air, &text);
            if matches!(self.vice, Vice::TwoFaced | Vice::Ahead | Vice::Many(_) | Vice::Loud) {
                air.fire();
            }
            self.send(air, number, sent);
        }
    }

    fn hear(&mut self, air: &mut Air<'_>, flight: &Flight) {
        let is_own =
            air.interfaces.iter().flat_map(|card| &card.addresses).any(|own| own.address == flight.from.ip());
        if is_own && matches!(self.vice, Vice::Many(_)) {
            return;
        }
        for number in 0..self.bodies.len() {
            if self.bodies[number].is_for(flight) {
                let sent = self.bodies[number].hear(air, flight);
                self.send(air, number, sent);
            }
        }
    }

    fn tick(&mut self, air: &mut Air<'_>) {
        while let Some(entry) = self.held.first_entry().filter(|entry| entry.key().0 <= air.now) {
            let shot = entry.remove();
            air.pass(shot);
        }
        for number in 0..self.bodies.len() {
            if self.bodies[number].wake.is_some_and(|at| at <= air.now) {
                let sent = self.bodies[number].give(air.now, Input::Tick);
                self.send(air, number, sent);
            }
        }
    }

    fn wake(&self) -> Option<Instant> {
        let held = self.held.first_key_value().map(|((at, _), _)| *at);
        self.bodies.iter().filter_map(|body| body.wake).chain(held).min()
    }
}

/// A real node in a foe's hands.
pub(super) struct Body {
    node: Box<Node>,
    disk: Disk,
    key: PeerKey,
    port: u16,
    tags: u64,
    pub(super) wake: Option<Instant>,
}

impl Body {
    /// The how-manieth `person` of the foe at its `place`, whose clock is `ahead` ms ahead; and what it sends first.
    pub(super) fn new(
        air: &mut Air<'_>,
        (person, place): (usize, usize),
        nick: &str,
        ahead: u64,
    ) -> (Self, Vec<Transmit>) {
        let identity = Identity::new(air.suite, &air.secret(person as u64));
        let key = identity.key();
        air.enlist(key);
        let nick = Nick::new(nick).expect("foes have nicks with something to see in them");
        let port = CHAT_PORT + u16::try_from(place).unwrap_or(0);
        let config = Config::new(air.suite, nick, port);
        let seed = air.secret(1 << 32 | place as u64);
        let node = Box::new(Node::new(config, identity, seed, air.now));
        let mut body = Self { node, disk: Disk::default(), key, port, tags: 0, wake: None };
        let wall = UnixMillis(EPOCH.0 + nanos(air.now.since_origin()) / 1_000_000 + ahead);
        let mut sent = body.give(air.now, Input::WallClock(wall));
        sent.extend(body.give(air.now, Input::Interfaces(air.interfaces)));
        (body, sent)
    }

    /// Says something to everybody.
    pub(super) fn say(&mut self, air: &mut Air<'_>, text: &str) -> Vec<Transmit> {
        let Ok(words) = Text::new(text) else { return Vec::new() };
        air.say(self.key, text);
        self.tags += 1;
        let place = Place::Room(RoomName::lobby());
        let action = Action::Say { place, text: words, action: false, reply: None };
        self.give(air.now, Input::Command(Command { tag: self.tags, action }))
    }

    pub(super) fn is_for(&self, flight: &Flight) -> bool {
        let to = flight.to.port();
        to == self.port || to == MDNS_PORT && (flight.many || self.port == CHAT_PORT)
    }

    pub(super) fn hear(&mut self, air: &Air<'_>, flight: &Flight) -> Vec<Transmit> {
        let via = if flight.to.port() == MDNS_PORT { Via::Mdns } else { Via::Chat };
        let interface = index_of(0);
        let mut from = flight.from;
        if let SocketAddr::V6(from) = &mut from
            && from.ip().is_unicast_link_local()
        {
            from.set_scope_id(interface);
        }
        let datagram = Datagram { via, interface, from, to: flight.to.ip(), bytes: &flight.bytes };
        self.give(air.now, Input::Datagram(datagram))
    }

    /// Tells the node something, and what it sends then. Its store is at once safe.
    pub(super) fn give(&mut self, now: Instant, input: Input<'_>) -> Vec<Transmit> {
        let mut sent = Vec::new();
        self.node.handle(now, input);
        loop {
            match self.node.poll() {
                Output::Transmit(transmit) => sent.push(transmit),
                Output::Event(_) | Output::Trace(_) | Output::Write { .. } => {}
                Output::Persist { token, records } => {
                    let result = self.disk.append(records);
                    self.node.handle(now, Input::Persisted { token, result });
                }
                Output::Fetch { token, what } => {
                    let answer = self.disk.answer(self.key, &what);
                    self.node.handle(now, Input::Fetched { token, answer });
                }
                Output::Wait(wake) => {
                    self.wake = wake.map(|wake| wake.at);
                    return sent;
                }
            }
        }
    }

    /// What it wants to send, as it leaves its machine.
    pub(super) fn shot(&self, air: &Air<'_>, transmit: &Transmit) -> Option<Shot> {
        let port = if transmit.via == Via::Mdns { MDNS_PORT } else { self.port };
        let mut own = air.interfaces.iter().flat_map(|card| &card.addresses).map(|subnet| subnet.address);
        let from = own.find(|own| own.is_ipv4() == transmit.to.is_ipv4())?;
        Some(Shot { from: SocketAddr::new(from, port), to: transmit.to, bytes: transmit.bytes.clone() })
    }
}

fn last_byte(address: SocketAddr) -> u8 {
    match address {
        SocketAddr::V4(address) => address.ip().octets()[3],
        SocketAddr::V6(address) => address.ip().octets()[15],
    }
}
