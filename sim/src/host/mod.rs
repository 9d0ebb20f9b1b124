//! A machine with one program, its disk, its clock, and what its system keeps for it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

use bytes::Bytes;
use chat_core::{Identity, Instant, PeerKey, RoomKeyId, RoomName, Suite};

use crate::{
    chance::{Chance, Domain},
    lan::Flight,
    program::{Program, Programs, Start},
};

pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod shelf;

use clock::Clock;
use disk::Disk;
use shelf::Shelf;

/// The port that the chat socket of every host has.
pub(crate) const CHAT_PORT: u16 = 27182;
/// Bytes that a socket keeps for a program that does not read: Linux's default.
const BUFFER: usize = 212_992;

/// One machine.
pub(crate) struct Machine {
    pub(crate) number: usize,
    pub(crate) program: Option<Box<dyn Program>>,
    /// Another one just like it, if its host `is_twofold`: what happens to the one happens to both.
    pub(crate) twin: Option<Box<dyn Program>>,
    pub(crate) is_twofold: bool,
    pub(crate) clock: Clock,
    pub(crate) disk: Disk,
    pub(crate) shelf: Shelf,
    pub(crate) state: State,
    /// How often the program was started.
    pub(crate) boots: u64,
    /// When the program wants to be called, in the world's time, and the how-manieth wish that is.
    pub(crate) wake: Option<Instant>,
    pub(crate) wishes: u64,
    /// When the disk's last word comes.
    pub(crate) stored: Instant,
    /// Datagrams sent so far.
    pub(crate) sent: u64,
    /// Commands given so far.
    pub(crate) tags: u64,
    /// What arrived and was not read.
    pub(crate) buffer: Buffer,
    /// The rooms that may take the place of each, as the person has heard.
    pub(crate) successors: BTreeMap<RoomName, BTreeSet<RoomKeyId>>,
    secret: [u8; 32],
    /// How often the person was replaced by another.
    persons: u64,
}

/// Whether a machine's program runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Not started, ended or dead.
    Off,
    Runs,
    /// The process is stopped.
    Stopped,
    /// The machine sleeps.
    Asleep,
}

/// A socket's buffer.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    datagrams: VecDeque<Waiting>,
    bytes: usize,
}

/// A datagram that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) flight: Rc<Flight>,
    pub(crate) card: usize,
    /// Its bytes, where they differ from what was sent.
    pub(crate) damaged: Option<Box<Bytes>>,
}

impl Machine {
    pub(crate) fn new(chance: &Chance, number: usize) -> Self {
        Self {
            number,
            program: None,
            twin: None,
            is_twofold: false,
            clock: Clock::new(Instant::ORIGIN),
            disk: Disk::default(),
            shelf: Shelf::default(),
            state: State::Off,
            boots: 0,
            wake: None,
            wishes: 0,
            stored: Instant::ORIGIN,
            sent: 0,
            tags: 0,
            buffer: Buffer::default(),
            successors: BTreeMap::new(),
            secret: secret(chance, number, 0),
            persons: 0,
        }
    }

    pub(crate) fn key(&self, suite: &'static dyn Suite) -> PeerKey {
        Identity::new(suite, &self.secret).key()
    }

    /// Starts the program with what its disk holds.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        chance: &Chance,
        suite: &'static dyn Suite,
        programs: &Programs,
    ) {
        self.boots += 1;
        self.state = State::Runs;
        // It may have been asleep when it died.
        self.clock.resume(now, true);
        let start = Start {
            host: self.number,
            boot: self.boots,
            now: self.clock.local(now),
            seed: chance.bytes(Domain::Node, &[self.number as u64, self.boots]),
            secret: self.secret,
            suite,
        };
        self.twin = self.is_twofold.then(|| programs(&start));
        self.program = Some(programs(&start));
    }

    /// The program is gone.
    pub(crate) fn stop(&mut self) {
        self.state = State::Off;
        (self.program, self.twin) = (None, None);
        self.wake = None;
        self.wishes += 1;
        self.buffer = Buffer::default();
    }

    /// Nothing is left of the person who was here: not even their keys.
    pub(crate) fn wipe(&mut self, chance: &Chance) {
        self.persons += 1;
        self.successors.clear();
        self.secret = secret(chance, self.number, self.persons);
        self.disk = Disk::default();
    }

    /// The disk and the keys of `other`: a copied profile.
    pub(crate) fn copy(&mut self, other: &Self) {
        self.secret = other.secret;
        self.disk = other.disk.clone();
    }
}

impl Buffer {
    /// Keeps a datagram; false if there is no room.
    pub(crate) fn keep(&mut self, waiting: Waiting) -> bool {
        let size = waiting.flight.bytes.len();
        let fits = self.bytes + size <= BUFFER;
        if fits {
            self.bytes += size;
            self.datagrams.push_back(waiting);
        }
        fits
    }

    pub(crate) fn take(&mut self) -> Option<Waiting> {
        let waiting = self.datagrams.pop_front()?;
        self.bytes -= waiting.flight.bytes.len();
        Some(waiting)
    }
}

fn secret(chance: &Chance, number: usize, person: u64) -> [u8; 32] {
    chance.bytes(Domain::Node, &[number as u64, u64::MAX - person])
}
