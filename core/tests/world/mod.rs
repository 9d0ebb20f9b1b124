//! A few nodes in virtual time on one lossy, reordering link, each with a store in memory.
#![allow(dead_code, reason = "every test file uses its own part")]

mod store;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use chat_core::*;
pub(crate) use store::Store;

pub(crate) const PORT: u16 = 27182;
const START: u64 = 1_790_000_000_000;

/// One link, everybody on it, and what is under way.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) hosts: Vec<Host>,
    /// Of 1000 datagrams, how many get lost.
    pub(crate) loss: u64,
    /// The longest delay; each datagram draws its own, so they overtake each other.
    pub(crate) jitter: Duration,
    /// Pairs that do not hear each other.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// Whether broadcast is carried.
    pub(crate) broadcast: bool,
    /// What is not carried from one host to another.
    pub(crate) drops: fn(usize, usize, &Transmit) -> bool,
    /// How long a store takes to answer.
    pub(crate) store_delay: Duration,
    /// How long a disk takes to write a piece of a file.
    pub(crate) write_delay: Duration,
    /// What is different from the default in the nodes that are started.
    pub(crate) configure: fn(&mut Config),
    /// All bytes that were sent, for comparing two runs.
    pub(crate) trace: Vec<(Instant, usize, Transmit)>,
    /// What came to every host and what it wanted, in order, if it is to be kept.
    pub(crate) log: Option<Vec<(usize, Logged)>>,
    rng: Rng,
    queue: BTreeMap<(Instant, u64), (usize, Arrival)>,
    sequence: u64,
}

pub(crate) struct Host {
    pub(crate) node: Option<Node>,
    pub(crate) store: Store,
    /// Files that are offered here, and what came of others'.
    pub(crate) offered: BTreeMap<MessageId, Vec<u8>>,
    pub(crate) written: BTreeMap<MessageId, Vec<u8>>,
    /// What the disk says to a piece of a file.
    pub(crate) disk: Result<(), StoreError>,
    /// Pieces that were read for others.
    pub(crate) pieces_read: usize,
    pub(crate) events: Vec<(Instant, Event)>,
    pub(crate) secret: [u8; 32],
    pub(crate) wakes: u64,
    /// Records handed to the store.
    pub(crate) stored: usize,
    wake: Option<Instant>,
    tag: u64,
    boots: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Logged {
    Datagram(Via),
    Output(Box<Output>),
}

enum Arrival {
    Datagram { via: Via, from: SocketAddr, to: IpAddr, bytes: Bytes },
    Persisted(Token, Result<(), StoreError>),
    Written(Token, Result<(), StoreError>),
    Fetched(Token, Answer),
}

impl World {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            now: Instant::ORIGIN + Duration::from_secs(1),
            hosts: Vec::new(),
            loss: 0,
            jitter: Duration::from_micros(50),
            cut: BTreeSet::new(),
            broadcast: false,
            drops: |_, _, _| false,
            store_delay: Duration::from_micros(300),
            write_delay: Duration::from_micros(100),
            configure: |_| {},
            trace: Vec::new(),
            log: None,
            rng: Rng::new([seed; 32]),
            queue: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Adds a host and starts a node on it.
    pub(crate) fn add(&mut self) -> usize {
        let index = self.hosts.len();
        let secret = [u8::try_from(index + 1).unwrap(); 32];
        let (store, events) = (Store::default(), Vec::new());
        self.hosts.push(Host {
            node: None,
            store,
            offered: BTreeMap::new(),
            written: BTreeMap::new(),
            disk: Ok(()),
            pieces_read: 0,
            events,
            secret,
            wakes: 0,
            stored: 0,
            wake: None,
            tag: 0,
            boots: 0,
        });
        self.start(index);
        index
    }

    /// Starts a node on a host, with what its store kept.
    pub(crate) fn start(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.boots += 1;
        let mut seed = host.secret;
        seed[31] = u8::try_from(host.boots).unwrap();
        let mut config = Config::new(REAL, Nick::new(&format!("peer{index}")).unwrap(), PORT);
        config.mdns_socket = MdnsSocket::Shared;
        (self.configure)(&mut config);
        host.node = Some(Node::new(config, Identity::new(REAL, &host.secret), seed, self.now));
        self.drain(index);
        let wall = UnixMillis(START + u64::try_from(self.now.since_origin().as_millis()).unwrap());
        self.input(index, Input::WallClock(wall));
        let address = Subnet { address: address_of(index).ip(), prefix: 24 };
        let (name, addresses) = ("eth0".into(), vec![address]);
        let eth0 = Interface { index: 2, name, addresses, multicast: true, loopback: false, mtu: 1500 };
        self.input(index, Input::Interfaces(&[eth0]));
    }

    /// Ends a node as `kill -9` does.
    pub(crate) fn kill(&mut self, index: usize) {
        self.hosts[index].node = None;
        self.hosts[index].wake = None;
    }

    pub(crate) fn key(&self, index: usize) -> PeerKey {
        Identity::new(REAL, &self.hosts[index].secret).key()
    }

    pub(crate) fn command(&mut self, index: usize, action: Action) -> u64 {
        let host = &mut self.hosts[index];
        host.tag += 1;
        let tag = host.tag;
        self.input(index, Input::Command(Command { tag, action }));
        tag
    }

    pub(crate) fn say(&mut self, index: usize, text: &str) -> u64 {
        self.say_in(index, Place::Room(RoomName::lobby()), text)
    }

    pub(crate) fn say_in(&mut self, index: usize, place: Place, text: &str) -> u64 {
        let text = Text::new(text).unwrap();
        self.command(index, Action::Say { place, text, action: false, reply: None })
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.run_until(end, |_| false);
    }

    /// Runs until the two show each other online, in session. Answers how long it took.
    pub(crate) fn meet(&mut self, a: usize, b: usize) -> Duration {
        let (key_a, key_b) = (self.key(a), self.key(b));
        self.run_to(seconds(30), |world| world.hosts[a].meets(key_b) && world.hosts[b].meets(key_a))
    }

    /// Runs until `done` holds; panics when that takes longer than `limit`. Answers how long it took.
    pub(crate) fn run_to(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Duration {
        let start = self.now;
        assert!(self.run_until(start + limit, &done) || done(self), "not within {limit:?}");
        self.now - start
    }

    fn run_until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) -> bool {
        while !done(self) {
            let wake =
                self.hosts.iter().enumerate().filter_map(|(index, host)| Some((host.wake?, index))).min();
            let arrival = self.queue.first_key_value().map(|(&(at, _), _)| at);
            let next = [wake.map(|(at, _)| at), arrival].into_iter().flatten().min();
            let Some(at) = next.filter(|&at| at <= end) else {
                self.now = end;
                return false;
            };
            self.now = self.now.max(at);
            if arrival == Some(at) {
                let (_, (index, arrival)) = self.queue.pop_first().unwrap();
                self.arrive(index, arrival);
            } else if let Some((_, index)) = wake {
                self.hosts[index].wakes += 1;
                self.input(index, Input::Tick);
            }
        }
        true
    }

    fn arrive(&mut self, index: usize, arrival: Arrival) {
        match arrival {
            Arrival::Datagram { via, from, to, bytes } => {
                let datagram = Datagram { via, interface: 2, from, to, bytes: &bytes };
                self.input(index, Input::Datagram(datagram));
            }
            Arrival::Persisted(token, result) => self.input(index, Input::Persisted { token, result }),
            Arrival::Written(token, result) => self.input(index, Input::Written { token, result }),
            Arrival::Fetched(token, answer) => self.input(index, Input::Fetched { token, answer }),
        }
    }

    pub(crate) fn input(&mut self, index: usize, input: Input<'_>) {
        let now = self.now;
        if let Input::Datagram(datagram) = &input {
            let via = datagram.via;
            self.log.iter_mut().for_each(|log| log.push((index, Logged::Datagram(via))));
        }
        if let Some(node) = &mut self.hosts[index].node {
            node.handle(now, input);
            self.drain(index);
        }
    }

    fn drain(&mut self, index: usize) {
        loop {
            let Some(node) = &mut self.hosts[index].node else { return };
            let output = node.poll();
            self.log.iter_mut().for_each(|log| log.push((index, Logged::Output(Box::new(output.clone())))));
            match output {
                Output::Trace(_) => {}
                Output::Transmit(transmit) => self.send(index, &transmit),
                Output::Event(event) => self.hosts[index].events.push((self.now, event)),
                Output::Persist { token, records } => {
                    self.hosts[index].stored += records.len();
                    let result = self.hosts[index].store.append(records);
                    self.later(index, self.store_delay, Arrival::Persisted(token, result));
                }
                Output::Fetch { token, what } => {
                    let answer = self.hosts[index].answer(&what);
                    self.later(index, self.store_delay, Arrival::Fetched(token, answer));
                }
                Output::Write { token, file, offset, bytes } => {
                    let result = self.hosts[index].write(file, offset, &bytes);
                    self.later(index, self.write_delay, Arrival::Written(token, result));
                }
                Output::Wait(wake) => {
                    assert!(wake.is_none_or(|wake| wake.at > self.now), "a wake that is not later than now");
                    self.hosts[index].wake = wake.map(|wake| wake.at);
                    return;
                }
            }
        }
    }

    fn send(&mut self, index: usize, transmit: &Transmit) {
        self.trace.push((self.now, index, transmit.clone()));
        let (via, to, bytes) = (transmit.via, transmit.to.ip(), transmit.bytes.clone());
        let port = if via == Via::Mdns { 5353 } else { PORT };
        let from = SocketAddr::new(address_of(index).ip(), port);
        for other in 0..self.hosts.len() {
            let pair = (index.min(other), index.max(other));
            let is_for_all = to.is_multicast() || to == Ipv4Addr::BROADCAST && self.broadcast;
            if !(is_for_all || to == address_of(other).ip()) || self.cut.contains(&pair) {
                continue;
            }
            if (self.drops)(index, other, transmit) {
                continue;
            }
            if other != index && self.rng.below(1000) < self.loss {
                continue;
            }
            let delay = Duration::from_micros(20) + self.rng.duration(Duration::ZERO..=self.jitter);
            self.later(other, delay, Arrival::Datagram { via, from, to, bytes: bytes.clone() });
        }
    }

    fn later(&mut self, index: usize, delay: Duration, arrival: Arrival) {
        self.sequence += 1;
        self.queue.insert((self.now + delay, self.sequence), (index, arrival));
    }
}

impl Host {
    fn answer(&mut self, what: &Request) -> Answer {
        let Request::Piece { room, file, offset, length } = *what else { return self.store.answer(what) };
        self.pieces_read += 1;
        let is_there = self.store.entries.keys().any(|&(of, _, id)| (of, id) == (room, file.entry));
        let start = usize::try_from(offset).unwrap();
        let bytes = self.offered.get(&file).filter(|_| is_there);
        let piece = bytes.and_then(|bytes| bytes.get(start..start + length as usize));
        Answer::Piece(piece.map(Bytes::copy_from_slice))
    }

    fn write(&mut self, file: MessageId, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.disk?;
        let written = self.written.entry(file).or_default();
        assert_eq!(written.len() as u64, offset, "each piece begins where the one before ended");
        written.extend_from_slice(bytes);
        Ok(())
    }

    /// The texts shown, own ones included, in the order they were shown.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.messages().map(|message| message.text.as_str()).collect()
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.events.iter().filter_map(|(_, event)| match event {
            Event::Message(message) => Some(&**message),
            _ => None,
        })
    }

    /// The states that the peer with `key` went through.
    pub(crate) fn states(&self, key: PeerKey) -> Vec<PeerState> {
        let of = |event: &Event| match event {
            Event::Peer(change) if change.key == Some(key) => Some(change.state),
            _ => None,
        };
        self.events.iter().filter_map(|(_, event)| of(event)).collect()
    }

    pub(crate) fn sees(&self, key: PeerKey) -> bool {
        self.states(key).last() == Some(&PeerState::Online)
    }

    /// Whether it is online, and in session with us.
    pub(crate) fn meets(&self, key: PeerKey) -> bool {
        let of = |event: &Event| match event {
            Event::Peer(change) if change.key == Some(key) => {
                Some(change.state == PeerState::Online && change.direct)
            }
            _ => None,
        };
        self.events.iter().rev().find_map(|(_, event)| of(event)).unwrap_or(false)
    }

    pub(crate) fn is_done(&self, tag: u64) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Done { tag: done, .. } if *done == tag))
    }

    /// The last receipt of each entry, as (stored by, of).
    pub(crate) fn receipts(&self) -> BTreeMap<EntryId, (u32, u32)> {
        let receipt = |event: &Event| match event {
            Event::Receipt { entry, stored_by, of } => Some((*entry, (*stored_by, *of))),
            _ => None,
        };
        self.events.iter().filter_map(|(_, event)| receipt(event)).collect()
    }
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn address_of(index: usize) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(10, 0, 0, u8::try_from(index + 1).unwrap()).into(), PORT)
}
