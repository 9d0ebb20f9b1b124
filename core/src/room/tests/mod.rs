//! A few nodes' rooms in virtual time, joined by links that keep order, with stores in memory.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::*;
use crate::{
    event::{Message, MessageId},
    frames::{Mark, Pulse},
    session::Origin,
    store::{IdSum, StoredEntry, StoredPeer, StoredRoom},
    suite::REAL,
    text::{RoomName, Text},
    time::UnixMillis,
};

mod clocks;
mod fetches;
mod hostile;
mod loads;
mod members;
mod news;
mod receipts;
mod repairs;
mod store;
mod stores;
mod talk;
mod told;

use store::Store;

/// 2026-01-01, when most of these tests begin.
const NEW_YEAR: u64 = 1_767_225_600_000;
const LATENCY: Duration = Duration::from_millis(1);
const HEARTBEAT: Duration = Duration::from_secs(5);

struct World {
    now: Instant,
    peers: Vec<Peer>,
    queue: BTreeMap<(Instant, u64), (usize, Happening)>,
    count: u64,
    /// How long the reliable streams take, and by how much some take longer.
    stream: Duration,
    slow: BTreeMap<(usize, usize), Duration>,
    /// Frames of the reliable streams that came through, with sender and receiver.
    seen: Vec<(usize, usize, Frame)>,
    /// Which frames get lost.
    lose: Box<Loss>,
    /// Which frames a session does not take because too much waits in it.
    refuse: Box<Loss>,
}

/// Whether a frame from one peer to another gets lost.
type Loss = dyn FnMut(usize, usize, &Frame) -> bool;

struct Peer {
    identity: Identity,
    boot: u64,
    config: Config,
    /// The last number of its address.
    host: u8,
    /// Milliseconds by which its wall clock is wrong.
    skew: i64,
    rooms: Rooms,
    out: Outbox<Wish>,
    stats: RoomStats,
    store: Store,
    events: Vec<Event>,
    links: BTreeMap<LinkId, (usize, LinkId)>,
    /// What is said to wait on each of its links.
    backlog: usize,
}

#[derive(Debug)]
enum Happening {
    Frame(LinkId, Bytes),
    Durable(EntryId, Result<(), StoreError>),
    Answer(u64, Answer),
    Heartbeat(LinkId),
}

impl World {
    /// `count` peers with right clocks, restored from empty stores, not connected.
    fn new(count: u8) -> Self {
        let mut world = Self::unborn();
        (0..count).for_each(|_| {
            world.add();
        });
        world
    }

    fn unborn() -> Self {
        Self {
            now: Instant::ORIGIN + Duration::from_secs(1000),
            peers: Vec::new(),
            queue: BTreeMap::new(),
            count: 0,
            stream: LATENCY,
            slow: BTreeMap::new(),
            seen: Vec::new(),
            lose: Box::new(|_, _, _| false),
            refuse: Box::new(|_, _, _| false),
        }
    }

    fn add(&mut self) -> usize {
        self.add_with(0, |_| {})
    }

    /// One more peer whose wall clock is wrong by `skew` milliseconds.
    fn add_with(&mut self, skew: i64, configure: impl FnOnce(&mut Config)) -> usize {
        let index = self.peers.len();
        let seed = u8::try_from(index + 1).unwrap();
        let identity = Identity::new(REAL, &[seed; 32]);
        let mut config = Config::new(REAL, Nick::new(&alloc::format!("peer{index}")).unwrap(), 1);
        configure(&mut config);
        let rooms = Rooms::new(&config, identity.clone(), BootId(0), Rng::new([seed; 32]));
        self.peers.push(Peer {
            identity,
            boot: 0,
            host: seed,
            config,
            skew,
            rooms,
            out: Outbox::new(),
            stats: RoomStats::default(),
            store: Store { takes: Duration::from_millis(2), ..Store::default() },
            events: Vec::new(),
            links: BTreeMap::new(),
            backlog: 0,
        });
        self.start(index, &State::default());
        index
    }

    /// Adds another run of a peer's identity: a copy of its profile, elsewhere.
    fn add_copy(&mut self, of: usize, boot: u64, skew: i64) -> usize {
        let index = self.add_with(skew, |_| {});
        self.peers[index].identity = self.peers[of].identity.clone();
        self.peers[index].boot = boot;
        self.unbegin(index);
        self.start(index, &State::default());
        index
    }

    /// Puts a peer's rooms back to before the store's first answer, and before anybody has told the time.
    fn unbegin(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        let rng = Rng::new(peer.identity.key().0).fork(&peer.boot_label());
        peer.rooms = Rooms::new(&peer.config, peer.identity.clone(), BootId(peer.boot), rng);
        peer.out = Outbox::new();
        peer.events.clear();
    }

    /// Ends the run of a peer and begins another one on the same store.
    fn restart(&mut self, index: usize) {
        let others: Vec<usize> = self.peers[index].links.values().map(|&(other, _)| other).collect();
        others.into_iter().for_each(|other| self.cut(index, other));
        self.queue.retain(|_, (to, _)| *to != index);
        self.peers[index].boot += 1;
        self.unbegin(index);
        let state = self.peers[index].store.state();
        self.start(index, &state);
    }

    fn start(&mut self, index: usize, state: &State) {
        self.tell_time(index);
        self.turn(index, |rooms, turn| rooms.restore(turn, state));
    }

    /// Tells a peer what its wall clock says.
    fn tell_time(&mut self, index: usize) {
        let wall = self.wall(index);
        self.turn(index, |rooms, turn| rooms.on_wall_clock(turn, wall));
    }

    /// From now on a peer's wall clock is wrong by `skew` milliseconds.
    fn set_clock(&mut self, index: usize, skew: i64) {
        self.peers[index].skew = skew;
        self.tell_time(index);
    }

    fn wall(&self, index: usize) -> UnixMillis {
        let true_time = NEW_YEAR + u64::try_from(self.now.since_origin().as_millis()).unwrap();
        UnixMillis(true_time.saturating_add_signed(self.peers[index].skew))
    }

    /// Lets a peer do something, and carries out what it wants.
    fn turn(&mut self, index: usize, act: impl FnOnce(&mut Rooms, &mut Turn<'_>)) {
        let peer = &mut self.peers[index];
        let backlog = peer.backlog;
        let mut turn =
            Turn { now: self.now, backlog: &|_| backlog, stats: &mut peer.stats, out: &mut peer.out };
        act(&mut peer.rooms, &mut turn);
        while let Some(wish) = self.peers[index].out.pop() {
            self.carry_out(index, wish);
        }
    }

    fn carry_out(&mut self, index: usize, wish: Wish) {
        let peer = &mut self.peers[index];
        let takes = peer.store.takes;
        match wish {
            Wish::Event(event) => peer.events.push(event),
            Wish::Send { link, frame } => {
                let Some(&(other, theirs)) = peer.links.get(&link) else { return };
                if (self.refuse)(index, other, &frame) {
                    self.turn(index, |rooms, turn| rooms.on_unsent(turn, link, frame));
                } else if !(self.lose)(index, other, &frame) {
                    let bytes = frame.encode();
                    assert!(bytes.len() <= 64 << 10, "a record is at most 64 KiB");
                    self.seen.push((index, other, frame));
                    let slow = self.slow.get(&(index, other)).copied().unwrap_or_default();
                    self.later(self.stream + slow, other, Happening::Frame(theirs, bytes));
                }
            }
            Wish::Persist(record) => {
                let own = peer.identity.key();
                if let Some((id, result)) = peer.store.append(record, own) {
                    self.later(takes, index, Happening::Durable(id, result));
                }
            }
            Wish::Fetch { request, what } => {
                let answer = peer.store.read(&what);
                self.later(takes, index, Happening::Answer(request, answer));
            }
        }
    }

    fn later(&mut self, after: Duration, index: usize, happening: Happening) {
        self.count += 1;
        self.queue.insert((self.now + after, self.count), (index, happening));
    }

    /// Goes on for `span`.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let queued = self.queue.first_key_value().map(|(&(at, _), _)| at);
            let wakes = self.peers.iter().filter_map(|peer| peer.rooms.next_wake());
            let Some(next) = wakes.chain(queued).min().filter(|&next| next <= end) else { break };
            self.now = self.now.max(next);
            if queued == Some(next) {
                let (_, (index, happening)) = self.queue.pop_first().unwrap();
                self.happen(index, happening);
            } else {
                (0..self.peers.len()).for_each(|index| self.turn(index, |rooms, turn| rooms.on_tick(turn)));
            }
        }
        self.now = end;
        (0..self.peers.len()).for_each(|index| self.turn(index, |rooms, turn| rooms.on_tick(turn)));
    }

    fn happen(&mut self, index: usize, happening: Happening) {
        match happening {
            Happening::Frame(link, bytes) => {
                let frame = Frame::decode(&bytes).expect("what one peer writes another can read");
                self.turn(index, |rooms, turn| rooms.on_frame(turn, link, frame));
            }
            Happening::Durable(id, result) => {
                self.turn(index, |rooms, turn| rooms.on_durable(turn, &[id], result));
            }
            Happening::Answer(request, answer) => {
                self.turn(index, |rooms, turn| rooms.on_answer(turn, request, answer));
            }
            Happening::Heartbeat(link) => {
                let Some(&(other, theirs)) = self.peers[index].links.get(&link) else { return };
                let frame = self.peers[index].rooms.heartbeat(self.now, link);
                let bytes = frame.encode();
                assert!(bytes.len() <= 1100, "a heartbeat fits a datagram");
                if !(self.lose)(index, other, &frame) {
                    self.later(LATENCY, other, Happening::Frame(theirs, bytes));
                }
                self.later(HEARTBEAT, index, Happening::Heartbeat(link));
            }
        }
    }

    /// Brings a link up between two peers who know each other's records.
    fn connect(&mut self, one: usize, other: usize) {
        let (known_one, known_other) = (self.known(one), self.known(other));
        self.link(one, other);
        self.turn(one, |rooms, turn| rooms.on_peer_known(turn, known_other.0, known_other.1));
        self.turn(other, |rooms, turn| rooms.on_peer_known(turn, known_one.0, known_one.1));
        for (index, (key, direct, nick)) in [(one, self.known(other)), (other, self.known(one))] {
            let peers = &mut self.peers[index].store.peers;
            if peers.iter().all(|peer| peer.key != key) {
                peers.push(StoredPeer { key, nick, direct, addresses: Vec::new(), seen: UnixMillis(0) });
            }
        }
    }

    /// Brings a link up, nothing more; answers both ends' names for it.
    fn link(&mut self, one: usize, other: usize) -> (LinkId, LinkId) {
        self.count += 2;
        let (a, b) = (LinkId(self.count), LinkId(self.count + 1));
        self.count += 1;
        let mut binding = [7; 32];
        binding[..8].copy_from_slice(&self.count.to_le_bytes());
        self.peers[one].links.insert(a, (other, b));
        self.peers[other].links.insert(b, (one, a));
        let side = |peer: &Peer| (peer.identity.key(), BootId(peer.boot));
        let (side_one, side_other) = (side(&self.peers[one]), side(&self.peers[other]));
        self.turn(one, |rooms, turn| rooms.on_link_up(turn, a, side_other.0, side_other.1, binding));
        self.turn(other, |rooms, turn| rooms.on_link_up(turn, b, side_one.0, side_one.1, binding));
        for (index, link, of) in [(one, a, other), (other, b, one)] {
            let origin = Origin::Address([10, 0, 0, self.peers[of].host].into());
            self.turn(index, |rooms, _| rooms.on_reached(link, origin));
        }
        self.later(Duration::from_millis(4000), one, Happening::Heartbeat(a));
        self.later(Duration::from_millis(4700), other, Happening::Heartbeat(b));
        (a, b)
    }

    /// Takes all links between two peers down.
    fn cut(&mut self, one: usize, other: usize) {
        for (index, other) in [(one, other), (other, one)] {
            let links: Vec<_> =
                self.peers[index].links.iter().filter(|(_, to)| to.0 == other).map(|(&id, _)| id).collect();
            for link in links {
                self.peers[index].links.remove(&link);
                self.turn(index, |rooms, turn| rooms.on_link_down(turn, link));
            }
        }
        let peers = &self.peers;
        self.queue.retain(|_, (index, happening)| match happening {
            Happening::Frame(link, _) => peers[*index].links.contains_key(link),
            _ => true,
        });
    }

    fn known(&self, index: usize) -> (PeerKey, [u8; 32], Nick) {
        let peer = &self.peers[index];
        (peer.identity.key(), peer.identity.direct_public(), peer.config.nick.clone())
    }

    fn key(&self, index: usize) -> PeerKey {
        self.peers[index].identity.key()
    }

    fn command(&mut self, index: usize, tag: u64, action: Action) {
        self.turn(index, |rooms, turn| rooms.command(turn, tag, action));
    }

    fn say_in(&mut self, index: usize, place: Place, text: &str) {
        let text = Text::new(text).unwrap();
        self.command(index, 0, Action::Say { place, text, action: false, reply: None });
    }

    fn say(&mut self, index: usize, text: &str) {
        self.say_in(index, lobby(), text);
    }

    /// Says so many things, each in an entry of its own.
    fn say_many(&mut self, index: usize, count: usize) {
        for number in 0..count {
            self.say(index, &alloc::format!("{number}"));
            self.run(Duration::from_millis(3));
        }
    }

    fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    fn run_s(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    fn id_of(&self, index: usize, place: &Place) -> RoomKeyId {
        self.peers[index].rooms.names[place]
    }

    /// What the peer's store holds of a room, in order.
    fn stored(&self, index: usize, place: &Place) -> Vec<String> {
        let entries = self.peers[index].store.entries.values().filter(|entry| entry.place == *place);
        entries.flat_map(|entry| &entry.messages).map(|message| message.text.clone()).collect()
    }

    /// The ids of all entries that a peer's store holds of a room.
    fn ids(&self, index: usize, room: RoomKeyId) -> BTreeSet<EntryId> {
        self.peers[index].store.entries.keys().filter(|key| key.0 == room).map(|key| key.2).collect()
    }

    /// The number of frames seen that `is` true of.
    fn count_seen(&self, is: impl Fn(&Frame) -> bool) -> usize {
        self.seen.iter().filter(|(_, _, frame)| is(frame)).count()
    }
}

impl Peer {
    fn boot_label(&self) -> String {
        alloc::format!("{}", self.boot)
    }
}

fn lobby() -> Place {
    Place::Room(RoomName::lobby())
}

fn room(name: &str) -> Place {
    Place::Room(RoomName::new(name).unwrap())
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| alloc::format!("{number}")).collect()
}
