//! How a datagram gets from one program to others.

use std::{net::SocketAddr, rc::Rc, time::Duration};

use bytes::Bytes;
use chat_core::{Datagram, Input, Instant, Transmit, Via};

use super::{Happening, World, trace_of};
use crate::{
    chance::{Domain, fold, later},
    fault::Damage,
    floor::Multicast,
    host::{CHAT_PORT, State, Waiting},
    lan::{Departure, Flight, Lost, Receivers, fate::Fate, index_of},
    watch::Fact,
};

/// Receivers of one datagram are served in so many lots, each with its own delay; up to so many receivers each is
/// a lot of its own.
const LOTS: usize = 16;
const EXACT_MAX: usize = 64;
/// A host hears its own multicast after so long.
const LOOPBACK: Duration = Duration::from_micros(20);
/// Copies made by a fault follow each other at this distance.
const COPY_GAP: Duration = Duration::from_micros(1);
const MDNS_PORT: u16 = 5353;
const BEACON_PORT: u16 = 27181;

impl World {
    /// The node of `host` sends.
    pub(super) fn send(&mut self, host: usize, transmit: &mut Transmit, cause: Option<&Flight>) {
        trace_of(&mut self.trace, transmit);
        self.watch.see(self.now, &Fact::Sent { host, transmit, cause });
        self.counts.sent += 1;
        self.counts.bytes += transmit.bytes.len() as u64;
        let machine = &mut self.machines[host];
        machine.sent += 1;
        let count = machine.sent;
        let id = fold(host as u64 + 1, count);
        if self.conditions.refuses(&self.chance, host, true, id, &mut self.fired) {
            return self.lose(Lost::Fault);
        }
        let limit = self.conditions.limit(host, &mut self.fired);
        match self.lan.depart(self.now, host, transmit, limit) {
            Ok(departure) => self.fly(host, transmit, &departure, (id, count)),
            Err(why) => self.lose(why),
        }
    }

    fn fly(&mut self, host: usize, transmit: &mut Transmit, departure: &Departure, (id, count): (u64, u64)) {
        let port = match transmit.via {
            Via::Mdns => MDNS_PORT,
            Via::Beacon => BEACON_PORT,
            Via::Chat => CHAT_PORT,
        };
        let (link, many) = (departure.link, departure.to == Receivers::Many);
        let (from, to) = (SocketAddr::new(departure.from, port), transmit.to);
        let bytes = std::mem::take(&mut transmit.bytes);
        if many && let Some(sent) = &mut self.sent {
            sent.push(Multicast { at: departure.at, sender: host, bytes: bytes.clone() });
        }
        let flight = Rc::new(Flight { id, sender: host, from, to, link, many, bytes });
        self.launch(&flight, departure, count);
    }

    /// A datagram is on its way.
    pub(super) fn launch(&mut self, flight: &Rc<Flight>, departure: &Departure, count: u64) {
        let (id, host, link) = (flight.id, flight.sender, flight.link);
        let (chance, latency) = (self.chance, self.lan.link(link).latency);
        let delay = |about| latency.pick(chance.draw(Domain::Net, &[id, about]));
        match departure.to {
            Receivers::One(other, card) => {
                self.counts.copies += 1;
                self.overhear(flight, other);
                if other == host {
                    return self.come(flight, (other, card), departure.at + LOOPBACK, None, count);
                }
                let at = later(departure.at, delay(u64::MAX)) + departure.extra;
                self.meet_fate(flight, (other, card), at, count);
            }
            Receivers::Many => {
                let members = self.lan.link(link).members.len();
                let classes = if members <= EXACT_MAX { members } else { LOTS };
                self.counts.copies += members as u64;
                for class in 0..classes {
                    let flight = Rc::clone(flight);
                    let what = Happening::Fanout { flight, class, classes };
                    self.push(later(departure.at, delay(class as u64)), class, host, count, what);
                }
            }
        }
    }

    /// The receivers whose slots are `class` modulo `classes` get a datagram that was sent to many.
    pub(super) fn fan_out(&mut self, flight: &Rc<Flight>, class: usize, classes: usize) {
        let members = self.lan.link(flight.link).members.len();
        // Who shares a lot differs from datagram to datagram.
        let first = (class + (flight.id % classes as u64) as usize) % classes;
        for slot in (first..members).step_by(classes) {
            let Some(&(host, card)) = self.lan.link(flight.link).members.get(slot) else { return };
            if host == flight.sender {
                self.arrive(flight, host, card, None);
            } else {
                self.meet_fate(flight, (host, card), self.now, flight.id);
            }
        }
    }

    fn meet_fate(&mut self, flight: &Rc<Flight>, to: (usize, usize), at: Instant, count: u64) {
        let fate = self.conditions.fate(self.now, &self.chance, &self.lan, flight, to, &mut self.fired);
        let (late, more, damage) = match fate {
            Fate::Lost(why) => return self.lose(why),
            Fate::Comes { late, more, damage } => (late, more, damage),
        };
        let damaged = damage.map(|how| Box::new(self.damage(flight, to.0, how)));
        if flight.many && late.is_zero() {
            self.arrive(flight, to.0, to.1, damaged.clone());
        } else {
            self.come(flight, to, at + late, damaged.clone(), count);
        }
        for copy in 1..=u32::from(more) {
            self.counts.copies += 1;
            self.come(flight, to, at + late + COPY_GAP * copy, damaged.clone(), count);
        }
    }

    fn come(
        &mut self,
        flight: &Rc<Flight>,
        (host, card): (usize, usize),
        at: Instant,
        damaged: Option<Box<Bytes>>,
        count: u64,
    ) {
        let (sender, count) = (flight.sender, count << 2 | card as u64 & 3);
        let flight = Rc::clone(flight);
        self.push(at, host, sender, count, Happening::Arrive { flight, host, card, damaged });
    }

    /// A copy of a datagram is at a host's card.
    pub(super) fn arrive(
        &mut self,
        flight: &Rc<Flight>,
        host: usize,
        card: usize,
        damaged: Option<Box<Bytes>>,
    ) {
        if host >= self.machines.len() {
            return self.arrive_at_foe(flight, host);
        }
        if !self.lan.card(host, card).is_some_and(|card| card.up) {
            return self.lose(Lost::Down);
        }
        if self.conditions.refuses(&self.chance, host, false, flight.id, &mut self.fired) {
            return self.lose(Lost::Fault);
        }
        let machine = &mut self.machines[host];
        match machine.state {
            State::Runs => self.receive(host, flight, card, damaged.as_deref()),
            State::Stopped if machine.buffer.keep(Waiting { flight: Rc::clone(flight), card, damaged }) => {}
            State::Stopped | State::Asleep | State::Off => self.lose(Lost::NobodyThere),
        }
    }

    /// A program reads a datagram from its socket.
    pub(super) fn receive(&mut self, host: usize, flight: &Flight, card: usize, damaged: Option<&Bytes>) {
        let via = match flight.to.port() {
            MDNS_PORT => Via::Mdns,
            CHAT_PORT => Via::Chat,
            BEACON_PORT => Via::Beacon,
            _ => return self.lose(Lost::NobodyThere),
        };
        self.counts.delivered += 1;
        let intact = damaged.is_none();
        self.watch.see(self.now, &Fact::Received { host, flight, intact });
        let interface = index_of(card);
        let mut from = flight.from;
        if let SocketAddr::V6(from) = &mut from
            && from.ip().is_unicast_link_local()
        {
            from.set_scope_id(interface);
        }
        let bytes = damaged.unwrap_or(&flight.bytes);
        let datagram = Datagram { via, interface, from, to: flight.to.ip(), bytes };
        self.give(host, Input::Datagram(datagram), Some(flight));
    }

    /// The bytes as they arrive after they were damaged.
    fn damage(&mut self, flight: &Flight, host: usize, how: Damage) -> Bytes {
        let drawn = self.chance.draw(Domain::Fault, &[flight.id, host as u64, 3]);
        let mut bytes = flight.bytes.to_vec();
        let place = (drawn % bytes.len().max(1) as u64) as usize;
        match how {
            Damage::Bit => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << (drawn >> 61);
                }
            }
            Damage::Truncate => bytes.truncate(place),
            Damage::Splice => {
                let before = std::mem::replace(&mut self.before, flight.bytes.clone());
                let half = bytes.len() / 2;
                bytes.truncate(half);
                bytes.extend_from_slice(before.get(half..).unwrap_or_default());
            }
        }
        bytes.into()
    }
}
