//! A few nodes in virtual time over a lossy, reordering, duplicating link. Everything in it follows from one seed.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use ::bytes::Bytes;

use crate::{
    boundary::{Datagram, Interface, Subnet, Transmit, Via},
    config::Config,
    identity::{BootId, Identity, PeerKey},
    outbox::Outbox,
    rng::Rng,
    session::{Effort, Failure, Gone, Limits, LinkId, Sessions, Wish},
    stats::SessionStats,
    suite::REAL,
    text::Nick,
    time::Instant,
};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) nodes: Vec<Node>,
    pub(super) rng: Rng,
    /// The shortest and the longest time that a datagram takes.
    pub(super) latency: (Duration, Duration),
    /// Per cent.
    pub(super) loss: u64,
    pub(super) duplicates: u64,
    /// Whether a datagram gets through, besides chance.
    pub(super) passes: Box<dyn FnMut(&Flight) -> bool>,
    /// Every datagram that was sent.
    pub(super) log: Vec<Flight>,
    flying: BTreeMap<(Instant, u64), Flight>,
    sequence: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) at: Instant,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Bytes,
}

pub(super) struct Node {
    pub(super) sessions: Sessions,
    pub(super) stats: SessionStats,
    pub(super) address: SocketAddr,
    /// Where it is heard as well; it never speaks from there.
    pub(super) alias: Option<SocketAddr>,
    pub(super) key: (PeerKey, BootId),
    /// What was wished, with the time, records and transmits left out.
    pub(super) seen: Vec<(Instant, Wish)>,
    pub(super) records: BTreeMap<LinkId, Vec<Bytes>>,
    pub(super) datagrams: Vec<Bytes>,
    /// Pieces of files.
    pub(super) bulk: Vec<Bytes>,
    /// How often it was called.
    pub(super) wakes: u64,
    /// Neither hears nor speaks any more.
    pub(super) crashed: bool,
    boxed: Outbox<Wish>,
}

/// An association that came up.
#[derive(Clone, Copy)]
pub(super) struct Up {
    pub(super) link: LinkId,
    pub(super) peer: (PeerKey, BootId),
    pub(super) binding: [u8; 32],
    pub(super) dialled: bool,
}

impl World {
    /// `count` nodes at 10.0.0.1 and so on, port 27182.
    pub(super) fn new(seed: u8, count: u8) -> Self {
        let mut world = Self {
            now: Instant::from_nanos(1_000_000_000),
            nodes: Vec::new(),
            rng: Rng::new([seed; 32]),
            latency: (MS / 4, MS / 2),
            loss: 0,
            duplicates: 0,
            passes: Box::new(|_| true),
            log: Vec::new(),
            flying: BTreeMap::new(),
            sequence: 0,
        };
        for number in 1..=count {
            world.add(number, u64::from(number), address(number, 27182));
        }
        world
    }

    /// Two nodes with a session: the world and their links.
    pub(super) fn pair(seed: u8) -> (Self, LinkId, LinkId) {
        let mut world = Self::new(seed, 2);
        world.dial(0, 1);
        world.run(20 * MS);
        let (a, b) = (world.nodes[0].link(), world.nodes[1].link());
        (world, a, b)
    }

    pub(super) fn add(&mut self, identity: u8, boot: u64, address: SocketAddr) -> usize {
        self.add_with(identity, boot, address, |_| {})
    }

    pub(super) fn add_with(
        &mut self,
        identity: u8,
        boot: u64,
        address: SocketAddr,
        change: impl FnOnce(&mut Limits),
    ) -> usize {
        let config = Config::new(REAL, Nick::new("tester").unwrap(), 27182);
        let identity = Identity::new(REAL, &[identity; 32]);
        let key = (identity.key(), BootId(boot));
        let seed = self.rng.bytes();
        let mut sessions = Sessions::new(&config, identity, BootId(boot), Rng::new(seed));
        change(&mut sessions.limits);
        self.nodes.push(Node {
            sessions,
            stats: SessionStats::default(),
            address,
            alias: None,
            key,
            seen: Vec::new(),
            records: BTreeMap::new(),
            datagrams: Vec::new(),
            bulk: Vec::new(),
            wakes: 0,
            crashed: false,
            boxed: Outbox::new(),
        });
        self.nodes.len() - 1
    }

    pub(super) fn dial(&mut self, from: usize, to: usize) {
        let to = self.nodes[to].address;
        self.dial_address(from, to);
    }

    pub(super) fn dial_address(&mut self, from: usize, to: SocketAddr) {
        self.dial_with(from, to, Effort::Full);
    }

    pub(super) fn dial_with(&mut self, from: usize, to: SocketAddr, effort: Effort) {
        let now = self.now;
        self.with(from, |node| node.sessions.dial(now, (to, 0), effort, &mut node.stats, &mut node.boxed));
    }

    pub(super) fn send(&mut self, from: usize, link: LinkId, record: &[u8]) -> bool {
        self.with(from, |node| node.sessions.send(link, Bytes::copy_from_slice(record)))
    }

    pub(super) fn send_datagram(&mut self, from: usize, link: LinkId, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.with(from, |node| node.sessions.send_datagram(link, bytes, &mut node.stats));
    }

    pub(super) fn close_all(&mut self, node: usize) {
        let now = self.now;
        self.with(node, |node| node.sessions.close_all(now, &mut node.boxed));
    }

    /// Calls one node and takes what it wants.
    pub(super) fn with<R>(&mut self, index: usize, call: impl FnOnce(&mut Node) -> R) -> R {
        let now = self.now;
        let node = &mut self.nodes[index];
        node.wakes += 1;
        node.sessions.on_tick(now, &mut node.stats, &mut node.boxed);
        let result = call(node);
        let mut transmits = Vec::new();
        // Answers to what comes before the flush are flushed with it, as a real parent does.
        for _ in 0..2 {
            node.drain(now, &mut transmits);
            node.sessions.flush(now, &mut node.stats, &mut node.boxed);
        }
        node.drain(now, &mut transmits);
        let wake = node.sessions.next_wake();
        assert!(wake.is_none_or(|at| at > now), "wakes at {wake:?}, now is {now:?}");
        let (from, crashed) = (node.address, node.crashed);
        for transmit in transmits.into_iter().filter(|_| !crashed) {
            assert!(transmit.bytes.len() <= 1200 && transmit.via == Via::Chat);
            self.launch(&Flight { at: now, from, to: transmit.to, bytes: transmit.bytes });
        }
        result
    }

    /// Puts a datagram on the link, by whomever.
    pub(super) fn launch(&mut self, flight: &Flight) {
        let gets_through = (self.passes)(flight);
        self.log.push(flight.clone());
        if !gets_through || self.rng.below(100) < self.loss {
            return;
        }
        let copies = if self.rng.below(100) < self.duplicates { 2 } else { 1 };
        for _ in 0..copies {
            let at = self.now + self.rng.duration(self.latency.0..=self.latency.1);
            self.sequence += 1;
            self.flying.insert((at, self.sequence), flight.clone());
        }
    }

    /// Delivers a datagram at once.
    pub(super) fn inject(&mut self, from: SocketAddr, to: usize, bytes: &[u8]) {
        let now = self.now;
        let to_ip = self.nodes[to].address.ip();
        let datagram = Datagram { via: Via::Chat, interface: 1, from, to: to_ip, bytes };
        self.with(to, |node| {
            node.sessions.on_datagram(now, &datagram, &mut node.stats, &mut node.boxed);
        });
    }

    /// Runs for `span`.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.run_until(end, |_| false);
    }

    /// Runs until `done`, or until `end`.
    pub(super) fn run_until(&mut self, end: Instant, mut done: impl FnMut(&Self) -> bool) {
        while !done(self) {
            let arrival = self.flying.first_key_value().map(|(&(at, _), _)| at);
            let live = self.nodes.iter().enumerate().filter(|(_, node)| !node.crashed);
            let wake = live.filter_map(|(index, node)| Some((node.sessions.next_wake()?, index))).min();
            let next = arrival.into_iter().chain(wake.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|&at| at <= end) else { break };
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let Some((_, flight)) = self.flying.pop_first() else { break };
                let here = |node: &Node| node.address == flight.to || node.alias == Some(flight.to);
                let to = |node: &Node| here(node) && !node.crashed;
                if let Some(index) = self.nodes.iter().position(to) {
                    self.inject(flight.from, index, &flight.bytes);
                }
            } else if let Some((_, index)) = wake {
                self.with(index, |_| {});
            }
        }
        if !done(self) {
            self.now = self.now.max(end);
        }
    }

    /// Datagrams sent from one address to another so far: how many, and how many bytes.
    pub(super) fn sent(&self, from: SocketAddr, to: SocketAddr) -> (usize, usize) {
        let flights = self.log.iter().filter(|flight| flight.from == from && flight.to == to);
        flights.fold((0, 0), |(count, bytes), flight| (count + 1, bytes + flight.bytes.len()))
    }
}

impl Node {
    fn drain(&mut self, now: Instant, transmits: &mut Vec<Transmit>) {
        while let Some(wish) = self.boxed.pop() {
            match wish {
                Wish::Transmit(transmit) => transmits.push(transmit),
                Wish::Bulk { bytes, .. } => self.bulk.push(bytes),
                Wish::Record { link, bytes } => self.records.entry(link).or_default().push(bytes),
                Wish::Datagram { bytes, .. } => self.datagrams.push(bytes),
                Wish::HeartbeatDue { link, is_answer } => {
                    let beat = Bytes::from_static(b"beat");
                    self.sessions.heartbeat(link, is_answer, beat, &mut self.stats);
                    self.seen.push((now, wish));
                }
                wish => self.seen.push((now, wish)),
            }
        }
    }

    /// The newest association.
    pub(super) fn link(&self) -> LinkId {
        self.ups().last().map(|up| up.link).expect("no association")
    }

    /// Every association that came up.
    pub(super) fn ups(&self) -> Vec<Up> {
        let up = |(_, wish): &(Instant, Wish)| match *wish {
            Wish::Up { link, peer, boot, binding, dialled, .. } => {
                Some(Up { link, peer: (peer, boot), binding, dialled: dialled.is_some() })
            }
            _ => None,
        };
        self.seen.iter().filter_map(up).collect()
    }

    pub(super) fn downs(&self) -> Vec<(Instant, LinkId, Gone)> {
        let down = |&(at, ref wish): &(Instant, Wish)| match *wish {
            Wish::Down { link, why, .. } => Some((at, link, why)),
            _ => None,
        };
        self.seen.iter().filter_map(down).collect()
    }

    pub(super) fn failures(&self) -> Vec<Failure> {
        let failure = |(_, wish): &(Instant, Wish)| match wish {
            Wish::DialFailed { why, .. } => Some(*why),
            _ => None,
        };
        self.seen.iter().filter_map(failure).collect()
    }

    pub(super) fn bindings(&self) -> Vec<[u8; 32]> {
        let bound = |(_, wish): &(Instant, Wish)| match *wish {
            Wish::Up { binding, .. } | Wish::Rebound { binding, .. } => Some(binding),
            _ => None,
        };
        self.seen.iter().filter_map(bound).collect()
    }

    /// When something was first wished.
    pub(super) fn first(&self, which: impl Fn(&Wish) -> bool) -> Option<Instant> {
        self.seen.iter().find(|(_, wish)| which(wish)).map(|&(at, _)| at)
    }

    /// The associations that are up.
    pub(super) fn standing(&self) -> Vec<LinkId> {
        self.sessions.peers.values().copied().collect()
    }

    pub(super) fn received(&self, link: LinkId) -> &[Bytes] {
        self.records.get(&link).map_or(&[], Vec::as_slice)
    }
}

pub(super) fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], port))
}

pub(super) fn interface(index: u32, own: SocketAddr) -> Interface {
    let addresses = [Subnet { address: own.ip(), prefix: 24 }].into();
    Interface { index, name: "lan0".into(), addresses, multicast: true, loopback: false, mtu: 1500 }
}
