//! Several engines on one or more links, in virtual time, with the echo of one's own multicast that every system
//! gives.

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr, SocketAddrV6},
    time::Duration,
};

use bytes::Bytes;

use strangers::{query, query_with, record, response, stranger, stranger_on};

use super::*;
use crate::{
    Interface, Nick, PeerKey, REAL, Sighting, SightingKind, Subnet, Transmit,
    discovery::Announcement,
    dns::{CLASS_IN, Flags, Kind, Message, Record, Section, Writer},
    event::Multicast,
    identity::BootId,
};

mod advisories;
mod answer;
mod believed;
mod cached;
mod change;
mod conflict;
mod crowd;
mod doubt;
mod hostile;
mod missed;
mod names;
mod start;
mod strangers;
mod wire;

/// How long a packet is under way.
const LATENCY: Duration = Duration::from_micros(200);

/// Hosts on segments. Host `n` has the address 10.`segment`.0.`n + 1` and a link-local one on each of its segments.
struct Lan {
    now: Instant,
    hosts: Vec<Host>,
    queue: BTreeMap<(Instant, u64), Delivery>,
    count: u64,
    /// Everything that was sent.
    sent: Vec<Sent>,
    /// Whether IPv6 is used too.
    dual: bool,
    /// Segments that a bridge makes one.
    bridged: bool,
    /// How many others each host keeps.
    peers_max: usize,
}

struct Host {
    mdns: Mdns,
    segments: Vec<u8>,
    interfaces: Vec<Interface>,
    stats: Stats,
    found: Vec<(Instant, Found)>,
    /// Times it was woken by its own timer.
    wakes: u64,
    is_off: bool,
}

struct Delivery {
    host: usize,
    interface: u32,
    from: SocketAddr,
    to: IpAddr,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
struct Sent {
    at: Instant,
    host: usize,
    transmit: Transmit,
}

impl Lan {
    fn new() -> Self {
        let (queue, now) = (BTreeMap::new(), Instant::ORIGIN + Duration::from_secs(1000));
        let (hosts, sent) = Default::default();
        Self { now, hosts, queue, count: 0, sent, dual: false, bridged: false, peers_max: 1_000 }
    }

    /// A host on segment 1, started now.
    fn host(&mut self, nick: &str) -> usize {
        let seed = u8::try_from(self.hosts.len()).unwrap() + 1;
        self.host_with(nick, [seed; 32], u64::from(seed), MdnsSocket::Shared, &[1])
    }

    fn host_with(
        &mut self,
        nick: &str,
        key: [u8; 32],
        boot: u64,
        socket: MdnsSocket,
        segments: &[u8],
    ) -> usize {
        let n = self.hosts.len();
        let mut config = Config::new(REAL, Nick::new(nick).unwrap(), 27182);
        (config.mdns_socket, config.mdns_peers_max) = (socket, self.peers_max);
        let mut seed = [7; 32];
        seed[..2].copy_from_slice(&[u8::try_from(n).unwrap(), u8::try_from(boot & 0xFF).unwrap()]);
        let mdns = Mdns::new(&config, Rng::new(seed));
        let interfaces = segments.iter().map(|segment| self.interface(n, *segment)).collect();
        let (stats, found, segments) = (Stats::default(), Vec::new(), segments.to_vec());
        self.hosts.push(Host { mdns, segments, interfaces, stats, found, wakes: 0, is_off: false });
        self.plug(n);
        self.announce(n, nick, key, boot);
        n
    }

    fn interface(&self, host: usize, segment: u8) -> Interface {
        let n = u8::try_from(host).unwrap() + 1;
        let mut addresses = vec![Subnet { address: IpAddr::from([10, segment, 0, n]), prefix: 24 }];
        if self.dual {
            let local = format!("fe80::{segment}:{n}").parse().unwrap();
            addresses.push(Subnet { address: local, prefix: 64 });
        }
        let index = u32::from(segment);
        Interface {
            index,
            name: format!("eth{segment}"),
            addresses,
            multicast: true,
            loopback: false,
            mtu: 1500,
        }
    }

    /// Tells a host of its interfaces.
    fn plug(&mut self, host: usize) {
        let interfaces = self.hosts[host].interfaces.clone();
        self.act(host, |mdns, now, _, out| mdns.on_interfaces(now, &interfaces, out));
    }

    fn announce(&mut self, host: usize, nick: &str, key: [u8; 32], boot: u64) {
        let nick = Nick::new(nick).unwrap();
        let announcement = Announcement { key: PeerKey(key), boot: BootId(boot), nick, port: 27182 };
        self.act(host, |mdns, now, _, out| mdns.announce(now, &announcement, out));
    }

    fn withdraw(&mut self, host: usize) {
        self.act(host, |mdns, now, _, out| mdns.withdraw(now, out));
    }

    /// The power goes out.
    fn kill(&mut self, host: usize) {
        self.hosts[host].is_off = true;
    }

    /// A datagram of a scripted stranger arrives at `host` now.
    fn inject(&mut self, host: usize, from: &str, to: &str, bytes: &[u8]) {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let interface = self.hosts[host].interfaces.first().map_or(1, |interface| interface.index);
        let datagram = Datagram { via: crate::Via::Mdns, interface, from, to, bytes };
        self.act(host, |mdns, now, stats, out| mdns.on_datagram(now, &datagram, stats, out));
    }

    /// By multicast from 10.1.0.200.
    fn inject_multicast(&mut self, host: usize, bytes: &[u8]) {
        self.inject(host, "10.1.0.200:5353", "224.0.0.251", bytes);
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            if let Some(entry) = self.queue.first_entry()
                && entry.key().0 <= self.now
            {
                let Delivery { host, interface, from, to, bytes } = entry.remove();
                let datagram = Datagram { via: crate::Via::Mdns, interface, from, to, bytes: &bytes };
                self.act(host, |mdns, now, stats, out| mdns.on_datagram(now, &datagram, stats, out));
                continue;
            }
            for host in 0..self.hosts.len() {
                let due = self.hosts[host].mdns.next_wake().is_some_and(|wake| wake <= self.now);
                if due && !self.hosts[host].is_off {
                    self.hosts[host].wakes += 1;
                    self.act(host, |_, _, _, _| {});
                }
            }
        }
        self.now = end;
    }

    fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    fn next(&self) -> Option<Instant> {
        let alive = self.hosts.iter().filter(|host| !host.is_off);
        let wakes = alive.filter_map(|host| host.mdns.next_wake());
        wakes.chain(self.queue.keys().next().map(|key| key.0)).min()
    }

    /// One call of an engine, as its node makes it: then all that is due, then what it wants.
    fn act(&mut self, host: usize, call: impl FnOnce(&mut Mdns, Instant, &mut Stats, &mut Outbox<Found>)) {
        let now = self.now;
        let machine = &mut self.hosts[host];
        if machine.is_off {
            return;
        }
        let mut out = Outbox::new();
        call(&mut machine.mdns, now, &mut machine.stats, &mut out);
        machine.mdns.on_tick(now, &mut machine.stats, &mut out);
        let wake = machine.mdns.next_wake();
        assert!(wake.is_none_or(|wake| wake > now), "wakes at {wake:?} in {now:?}");
        while let Some(found) = out.pop() {
            match found {
                Found::Transmit(transmit) => self.transmit(host, &transmit),
                found => self.hosts[host].found.push((now, found)),
            }
        }
    }

    fn transmit(&mut self, host: usize, transmit: &Transmit) {
        assert_eq!(transmit.via, crate::Via::Mdns);
        assert!(transmit.bytes.len() <= 1472);
        let message = Message::read(&transmit.bytes).expect("we send messages");
        assert_eq!(message.bad, 0);
        self.sent.push(Sent { at: self.now, host, transmit: transmit.clone() });
        let sender = &self.hosts[host];
        let interface = sender.interfaces.iter().find(|interface| interface.index == transmit.interface);
        let interface = interface.expect("multicast names its interface");
        let is_v4 = transmit.to.is_ipv4();
        let own = interface.addresses.iter().map(|subnet| subnet.address).find(|own| own.is_ipv4() == is_v4);
        let own = own.expect("an address of the family");
        let port = if sender.mdns.socket == MdnsSocket::OneShot { 40_000 } else { 5353 };
        let from = match own {
            IpAddr::V4(_) => SocketAddr::new(own, port),
            IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, transmit.interface).into(),
        };
        let segment = u8::try_from(transmit.interface).unwrap();
        let to = transmit.to.ip();
        for receiver in 0..self.hosts.len() {
            for other in self.hosts[receiver].segments.clone() {
                let reaches = segment == other || self.bridged;
                let address =
                    self.hosts[receiver].interfaces.iter().find(|interface| interface.index == other.into());
                let is_meant = to.is_multicast() && self.hosts[receiver].mdns.socket != MdnsSocket::OneShot
                    || address.is_some_and(|interface| {
                        interface.addresses.iter().any(|subnet| subnet.address == to)
                    });
                if reaches && is_meant {
                    self.count += 1;
                    let delivery = Delivery {
                        host: receiver,
                        interface: other.into(),
                        from,
                        to,
                        bytes: transmit.bytes.clone(),
                    };
                    self.queue.insert((self.now + LATENCY, self.count), delivery);
                }
            }
        }
    }

    /// What a host has sent since `since`, queries or responses.
    fn sent_by(&self, host: usize, since: Instant, responses: bool) -> Vec<&Sent> {
        let is_it = |sent: &&Sent| {
            sent.host == host && sent.at >= since && sent.message().flags.is_response() == responses
        };
        self.sent.iter().filter(is_it).collect()
    }

    fn responses(&self, host: usize, since: Instant) -> Vec<&Sent> {
        self.sent_by(host, since, true)
    }

    fn queries(&self, host: usize, since: Instant) -> Vec<&Sent> {
        self.sent_by(host, since, false)
    }

    fn sightings(&self, host: usize) -> Vec<(Instant, &Sighting)> {
        let found = self.hosts[host].found.iter();
        found
            .filter_map(|(at, found)| match found {
                Found::Sighting(sighting) => Some((*at, sighting)),
                _ => None,
            })
            .collect()
    }

    /// The nicks that a host sees now, in the order of their last sighting.
    fn sees(&self, host: usize) -> Vec<String> {
        let mut nicks = Vec::new();
        for (_, sighting) in self.sightings(host) {
            let nick = String::from(sighting.nick.as_ref().unwrap().as_str());
            nicks.retain(|known| *known != nick);
            if sighting.kind == SightingKind::Seen {
                nicks.push(nick);
            }
        }
        nicks
    }

    fn multicast(&self, host: usize) -> Vec<Multicast> {
        let found = self.hosts[host].found.iter();
        found
            .filter_map(|(_, found)| match found {
                Found::Multicast(state) => Some(*state),
                _ => None,
            })
            .collect()
    }

    fn renamed(&self, host: usize) -> Vec<&str> {
        let found = self.hosts[host].found.iter();
        found
            .filter_map(|(_, found)| match found {
                Found::Renamed(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    fn label(&self, host: usize) -> String {
        self.hosts[host].mdns.ours.as_ref().unwrap().label()
    }

    fn instance(&self, host: usize) -> Name {
        self.hosts[host].mdns.ours.as_ref().unwrap().name_of(ours::Unique::Instance).clone()
    }

    fn host_name(&self, host: usize) -> Name {
        self.hosts[host].mdns.ours.as_ref().unwrap().name_of(ours::Unique::Host).clone()
    }

    /// A host whose start is over.
    fn settled(&mut self, nick: &str) -> usize {
        let host = self.host(nick);
        self.run_ms(5_000);
        host
    }
}

impl Sent {
    fn message(&self) -> Message<'_> {
        Message::read(&self.transmit.bytes).unwrap()
    }

    fn has_answer(&self, name: &Name, kind: Kind) -> bool {
        self.message().answers.iter().any(|record| record.name == *name && record.data.kind() == kind)
    }

    fn is_multicast(&self) -> bool {
        self.transmit.to.ip().is_multicast()
    }
}

fn addresses(sighting: &Sighting) -> Vec<String> {
    sighting.addresses.iter().map(|address| format!("{address}")).collect()
}
