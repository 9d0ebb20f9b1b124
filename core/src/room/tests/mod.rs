//! A few nodes' rooms in virtual time, joined by links that keep order, with stores in memory.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::*;
use crate::{
    event::{Message, MessageId},
    frames::{Mark, Pulse},
    rekey::{Rekey, RekeyState, StoredSuccessor},
    session::Origin,
    store::{
        Forgotten, IdSum, StoredAuthor, StoredDay, StoredEntry, StoredKeep, StoredPeer, StoredRoom,
        StoredStray,
    },
    suite::REAL,
    text::{RoomName, Text},
    time::UnixMillis,
};

mod changes;
mod clocks;
mod course;
mod fetches;
mod hostile;
mod imports;
mod keeps;
mod liars;
mod loads;
mod members;
mod newcomers;
mod news;
mod private;
mod receipts;
mod rekeys;
mod repairs;
mod store;
mod stores;
mod strangers;
mod strays;
mod talk;
mod told;
mod vectors;

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
    /// Whether any two are said to have a session with each other.
    meet: bool,
    /// Frames of the reliable streams that came through, with sender and receiver.
    seen: Vec<(usize, usize, Frame)>,
    /// Which frames get lost.
    lose: Box<Loss>,
    /// What becomes of a frame on its way: whoever sends it may be a liar.
    alter: Box<Alter>,
    /// Which frames a session does not take because too much waits in it.
    refuse: Box<Loss>,
}

/// Whether a frame from one peer to another gets lost.
type Loss = dyn FnMut(usize, usize, &Frame) -> bool;

/// Makes another frame of one from one peer to another.
type Alter = dyn FnMut(usize, usize, Frame) -> Frame;

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
    /// To whom it has written alone, and how often it has entered or left rooms, as it told its node.
    written: Vec<PeerKey>,
    moves: usize,
    links: BTreeMap<LinkId, (usize, LinkId)>,
    /// What is said to wait on each of its links.
    backlog: usize,
}

#[derive(Debug)]
enum Happening {
    Frame(LinkId, Bytes),
    Durable(EntryId, Result<(), StoreError>),
    Forgotten(Result<(), StoreError>),
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
            meet: true,
            seen: Vec::new(),
            lose: Box::new(|_, _, _| false),
            alter: Box::new(|_, _, frame| frame),
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
            written: Vec::new(),
            moves: 0,
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
