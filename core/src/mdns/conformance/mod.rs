//! What the Bonjour Conformance Test asks of an advertiser (outline 1.2.8, and what 1.5 adds), against one engine in
//! virtual time: a scripted peer says exactly this at exactly that moment, and every packet that leaves is recorded.
//!
//! The numbers of the items are those of `docs/CONFORMANCE.md`. Limits are those of the test, or of the RFC where it is
//! stricter. What depends on chance is played with a thousand seeds.

use alloc::{vec, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;

use super::*;
use crate::{
    BootId, Nick, PeerKey, REAL, Subnet, Transmit, Via,
    discovery::Announcement,
    dns::{CLASS_IN, Flags, Kind, Message, NameRef, Record, Section, Writer},
};

mod answers;
mod change;
mod conflicts;
mod hot_plug;
mod known_answers;
mod legacy;
mod probing;
mod quiet;
mod rate;
mod subnets;
mod timing;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// Runs where the test asks for a distribution.
const SEEDS: u32 = 1_000;
/// The scripted peer.
const PEER: &str = "10.1.0.200:5353";
const GROUP: &str = "224.0.0.251";

/// One engine, and what it has sent.
struct Bench {
    now: Instant,
    mdns: Mdns,
    interfaces: Vec<Interface>,
    stats: Stats,
    sent: Vec<Packet>,
    /// How many of them were there before the last thing that happened.
    before: usize,
    found: Vec<Found>,
}

/// A packet that left.
#[derive(Clone, Debug)]
struct Packet {
    at: Instant,
    to: SocketAddr,
    interface: u32,
    bytes: Bytes,
}

impl Bench {
    /// An engine that starts now on one Ethernet, as 10.1.0.1. Its port is its own, so that it asks for unicast.
    fn new(seed: u32) -> Self {
        Self::with(seed, MdnsSocket::Exclusive, vec![ethernet(1)])
    }

    fn with(seed: u32, socket: MdnsSocket, interfaces: Vec<Interface>) -> Self {
        let mut config = Config::new(REAL, Nick::new("Ana").unwrap(), 27182);
        config.mdns_socket = socket;
        let mut long = [3; 32];
        long[..4].copy_from_slice(&seed.to_be_bytes());
        let mdns = Mdns::new(&config, Rng::new(long));
        let (stats, sent, found) = (Stats::default(), Vec::new(), Vec::new());
        let now = Instant::ORIGIN + 1_000 * SECOND;
        let mut bench = Self { now, mdns, interfaces, stats, sent, before: 0, found };
        bench.plug();
        bench.announce("Ana", 27182);
        bench
    }

    /// One that started long ago: nothing that it sends now is part of its start, nor held back by it.
    fn settled(seed: u32) -> Self {
        let mut bench = Self::new(seed);
        bench.run(10 * SECOND);
        bench
    }

    /// Tells the engine of its interfaces.
    fn plug(&mut self) {
        let interfaces = self.interfaces.clone();
        self.act(|mdns, now, _, out| mdns.on_interfaces(now, &interfaces, out));
    }

    fn announce(&mut self, nick: &str, port: u16) {
        let nick = Nick::new(nick).unwrap();
        let announcement = Announcement { key: PeerKey([9; 32]), boot: BootId(7), nick, port };
        self.act(|mdns, now, _, out| mdns.announce(now, &announcement, out));
    }

    /// The scripted peer multicasts.
    fn hear(&mut self, bytes: &[u8]) {
        self.hear_from(PEER, GROUP, bytes);
    }

    fn hear_from(&mut self, from: &str, to: &str, bytes: &[u8]) {
        self.hear_on(1, from, to, bytes);
    }

    fn hear_on(&mut self, interface: u32, from: &str, to: &str, bytes: &[u8]) {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let datagram = Datagram { via: Via::Mdns, interface, from, to, bytes };
        self.before = self.sent.len();
        self.act(|mdns, now, stats, out| mdns.on_datagram(now, &datagram, stats, out));
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(wake) = self.mdns.next_wake().filter(|wake| *wake <= end) {
            self.now = wake;
            self.act(|_, _, _, _| {});
        }
        (self.now, self.before) = (end, self.sent.len());
    }

    /// The next packet that is one of these, counted from the last thing that happened; runs for it, at most a minute.
    fn run_until(&mut self, is_it: impl Fn(&Packet) -> bool) -> Packet {
        let end = self.now + 60 * SECOND;
        loop {
            let found = self.sent[self.before..].iter().find(|packet| is_it(packet)).cloned();
            self.before = self.sent.len();
            if let Some(packet) = found {
                return packet;
            }
            self.now =
                self.mdns.next_wake().filter(|wake| *wake <= end).expect("such a packet within a minute");
            self.act(|_, _, _, _| {});
        }
    }

    /// One call of the engine, then what is due; its multicasts come back to it, as every system sees to.
    fn act(&mut self, call: impl FnOnce(&mut Mdns, Instant, &mut Stats, &mut Outbox<Found>)) {
        let mut echoes = self.call(call);
        while let Some(Packet { to, interface, bytes, .. }) = echoes.pop() {
            let site = self.interfaces.iter().find(|site| site.index == interface).expect("our own");
            let own = site.addresses.iter().find(|own| own.address.is_ipv4() == to.is_ipv4()).expect("one");
            let from = SocketAddr::new(own.address, 5353);
            let datagram = Datagram { via: Via::Mdns, interface, from, to: to.ip(), bytes: &bytes };
            echoes.extend(self.call(|mdns, now, stats, out| mdns.on_datagram(now, &datagram, stats, out)));
        }
    }

    /// One call of the engine; what it multicasts.
    fn call(&mut self, call: impl FnOnce(&mut Mdns, Instant, &mut Stats, &mut Outbox<Found>)) -> Vec<Packet> {
        let mut out = Outbox::new();
        call(&mut self.mdns, self.now, &mut self.stats, &mut out);
        self.mdns.on_tick(self.now, &mut self.stats, &mut out);
        let from = self.sent.len();
        while let Some(found) = out.pop() {
            match found {
                Found::Transmit(Transmit { interface, to, bytes, .. }) => {
                    self.sent.push(Packet { at: self.now, to, interface, bytes });
                }
                found => self.found.push(found),
            }
        }
        self.sent[from..].iter().filter(|packet| packet.is_multicast()).cloned().collect()
    }

    /// What has been sent since then that is one of these.
    fn since(&self, since: Instant, is_it: impl Fn(&Packet) -> bool) -> Vec<&Packet> {
        self.sent.iter().filter(|packet| packet.at >= since && is_it(packet)).collect()
    }

    fn probes(&self, since: Instant) -> Vec<&Packet> {
        self.since(since, Packet::is_probe)
    }

    fn responses(&self, since: Instant) -> Vec<&Packet> {
        self.since(since, Packet::is_response)
    }

    fn instance(&self) -> Name {
        self.name(ours::Unique::Instance)
    }

    fn host(&self) -> Name {
        self.name(ours::Unique::Host)
    }

    fn name(&self, which: ours::Unique) -> Name {
        self.mdns.ours.as_ref().unwrap().name_of(which).clone()
    }

    fn label(&self) -> String {
        self.mdns.ours.as_ref().unwrap().label()
    }
}

impl Packet {
    fn message(&self) -> Message<'_> {
        let message = Message::read(&self.bytes).unwrap();
        assert_eq!(message.bad, 0);
        message
    }

    fn is_probe(&self) -> bool {
        !self.message().authority.is_empty()
    }

    fn is_response(&self) -> bool {
        self.message().flags.is_response()
    }

    fn is_multicast(&self) -> bool {
        self.to.ip().is_multicast()
    }

    /// Whether it answers with such a record.
    fn answers(&self, name: &Name, kind: Kind) -> bool {
        self.message().answers.iter().any(|record| record.name == *name && record.data.kind() == kind)
    }
}

/// The interface with this number, on 10.`number`.0.0/24.
fn ethernet(number: u8) -> Interface {
    let addresses = vec![Subnet { address: IpAddr::from([10, number, 0, 1]), prefix: 24 }];
    let (index, name) = (u32::from(number), alloc::format!("eth{number}"));
    Interface { index, name, addresses, multicast: true, loopback: false, mtu: 1500 }
}

/// A question of the scripted peer, with what it knows.
fn query(questions: &[(&Name, Kind)], known: &[Record]) -> Bytes {
    query_with(Flags::QUERY, questions, known)
}

fn query_with(flags: Flags, questions: &[(&Name, Kind)], known: &[Record]) -> Bytes {
    let mut writer = Writer::new(0, flags, 1472);
    for (name, kind) in questions {
        assert!(writer.question(name, *kind, false));
    }
    for record in known {
        assert!(writer.record(Section::Answer, record));
    }
    writer.finish()
}

fn response(records: &[Record]) -> Bytes {
    let mut writer = Writer::new(0, Flags::RESPONSE, 1472);
    for record in records {
        assert!(writer.record(Section::Answer, record));
    }
    writer.finish()
}

fn record(name: &Name, ttl: u32, flush: bool, data: Data) -> Record {
    Record { name: name.clone(), class: CLASS_IN, flush, ttl, data }
}

/// The types of these records.
fn kinds(records: &[Record<NameRef<'_>, &[u8]>]) -> Vec<Kind> {
    records.iter().map(|record| record.data.kind()).collect()
}

/// The name that lists all types of services.
fn enumeration() -> Name {
    Name::new([&b"_services"[..], b"_dns-sd", b"_udp", b"local"]).unwrap()
}

/// The pointer from the service to an instance, as somebody knows it for `ttl` seconds.
fn pointer(instance: &Name, ttl: u32) -> Record {
    record(&service_name(), ttl, false, Data::Ptr(instance.clone()))
}

/// Somebody else's SRV data: as late as can be, or as early.
fn rival_srv(port: u16) -> Data {
    Data::Srv { priority: 0, weight: 0, port, target: Name::new([&b"rival"[..], b"local"]).unwrap() }
}

/// Each quarter of the range has between 5 and 45 % of these waits, and nothing is outside of it.
fn assert_even(waits: &[Duration], from: Duration, to: Duration) {
    assert!(waits.iter().all(|wait| (from..=to).contains(wait)), "outside of {from:?} to {to:?}");
    let step = (to - from) / 4;
    for quarter in 0..4 {
        let range = from + step * quarter..from + step * (quarter + 1);
        let percent = waits.iter().filter(|wait| range.contains(wait)).count() * 100 / waits.len();
        assert!((5..=45).contains(&percent), "{percent} % in {range:?}");
    }
}
