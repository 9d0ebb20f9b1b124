//! One peer: routes what comes in to the machines, and what they want to the host.

mod acquaintances;
mod asked;
mod calls;
mod commands;
mod compare;
mod discoveries;
mod due;
mod examine;
mod ledger;
mod links;
mod memory;
mod net;
mod passing;
mod presence;
mod records;
mod relays;
mod settings;
#[cfg(test)]
mod tests;
mod trace;
mod transfers;
mod trust;

use alloc::collections::{BTreeMap, VecDeque};
use core::fmt;

use bytes::Bytes;

use self::{
    acquaintances::Acquaintances,
    asked::Asked,
    calls::Calls,
    compare::Comparisons,
    discoveries::Discoveries,
    examine::Examination,
    ledger::{Asker, Ledger},
    links::Peer,
    net::NetState,
    records::Records,
    relays::Relays,
};
use crate::{
    boundary::{Datagram, Input, Interface, Output, Via},
    command::Command,
    config::Config,
    contacts::Contacts,
    discovery::{Found, PeerDiscovery as _},
    event::Event,
    files::{self, Files},
    identity::{BootId, Identity, PeerKey},
    mdns::Mdns,
    members::Members,
    outbox::Outbox,
    record::{PeerRecord, Tag},
    relay::is_made_up,
    rng::Rng,
    room::{self, Rooms, Side, Turn},
    session::{self, LinkId, Sessions, Standing},
    stats::{Sizes, Stats},
    text::Nick,
    time::{Instant, UnixMillis},
    trust::Trust,
};

/// One peer of the chat.
pub struct Node {
    config: Config,
    identity: Identity,
    boot: BootId,
    now: Instant,
    wall: (Instant, UnixMillis),
    outputs: Outbox<Output>,
    stats: Stats,
    ledger: Ledger,
    /// Commands from before the store's first answer; `None` once it came.
    queued: Option<VecDeque<Command>>,
    nick: Nick,
    /// What we say about ourselves, and its signed form.
    own: Option<(PeerRecord, Bytes)>,
    contacts: Contacts,
    /// Everybody in session.
    peers: BTreeMap<LinkId, Peer>,
    /// Whoever was in session once.
    acquaintances: Acquaintances,
    records: Records,
    /// Who is here, in session with us or with others.
    members: Members,
    /// Whether sessions have come, gone or moved since the discoveries were told.
    is_company_new: bool,
    /// When we compare notes with somebody who is no neighbour.
    visit: Option<Instant>,
    rng: Rng,
    calls: Calls,
    /// Over whom those are reached to whom no way leads.
    relays: Relays,
    comparisons: Comparisons,
    /// What the person thinks of keys.
    trusted: BTreeMap<PeerKey, Trust>,
    /// Our own examination of the network, while it lasts.
    examination: Option<Examination>,
    /// Those of others.
    asked: Asked,
    net: NetState,
    /// The tag of the `Quit` that is being carried out.
    quitting: Option<u64>,
    is_finished: bool,
    discoveries: Discoveries,
    sessions: Sessions,
    rooms: Rooms,
    files: Files,
    found: Outbox<Found>,
    session_wishes: Outbox<session::Wish>,
    room_wishes: Outbox<room::Wish>,
    file_wishes: Outbox<files::Wish>,
}

impl Node {
    /// A peer that has just started at `now`. Its first output is the request for the store's state.
    ///
    /// `seed` comes from the system's randomness; the same one with the same inputs gives the same outputs, keys
    /// and nonces included, so it is never used twice except to replay.
    #[must_use]
    pub fn new(config: Config, identity: Identity, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = Rng::new(seed);
        let boot = BootId(rng.fork("boot").u64());
        let discoveries = Discoveries::new(&config, &mut rng);
        let sessions = Sessions::new(&config, identity.clone(), boot, rng.fork("session"));
        let rooms = Rooms::new(&config, identity.clone(), boot, rng.fork("room"));
        let (own, cap) = ((identity.key(), boot), config.peers_max);
        let contacts = Contacts::new(config.suite, own, cap, rng.fork("contacts"));
        let members = Members::new((Tag::of(config.suite, &own.0, boot), own.0.short()), cap);
        let acquaintances = Acquaintances::new(config.peers_max);
        let mut ledger = Ledger::default();
        let mut outputs = Outbox::new();
        outputs.push(ledger.fetch_state());
        let mut node = Self {
            nick: config.nick.clone(),
            config,
            identity,
            boot,
            now,
            wall: (now, UnixMillis::default()),
            outputs,
            stats: Stats::default(),
            ledger,
            queued: Some(VecDeque::new()),
            own: None,
            contacts,
            peers: BTreeMap::new(),
            acquaintances,
            records: Records::new(),
            members,
            is_company_new: false,
            visit: None,
            rng,
            calls: Calls::default(),
            relays: Relays::default(),
            comparisons: Comparisons::default(),
            trusted: BTreeMap::new(),
            examination: None,
            asked: Asked::default(),
            net: NetState::default(),
            quitting: None,
            is_finished: false,
            discoveries,
            sessions,
            rooms,
            files: Files::new(),
            found: Outbox::new(),
            session_wishes: Outbox::new(),
            room_wishes: Outbox::new(),
            file_wishes: Outbox::new(),
        };
        // It tells no nick, so it need not wait for the store.
        let announcement = node.announcement();
        if let Some(beacon) = &mut node.discoveries.beacon {
            beacon.announce(now, &announcement, &mut node.found);
        }
        node
    }

    /// Takes in what happened. It cannot fail and does not panic, whatever it is given; `now` may be late.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        if now < self.now {
            self.stats.clock_backwards += 1;
        }
        self.now = self.now.max(now);
        match input {
            Input::Datagram(datagram) => self.on_datagram(&datagram),
            Input::Command(command) => self.on_command(command),
            Input::Interfaces(interfaces) => self.on_interfaces(interfaces),
            Input::WallClock(wall) => self.on_wall_clock(wall),
            Input::Entropy(entropy) => {
                self.rng.mix(&entropy);
                self.sessions.on_entropy(self.now, &entropy);
                self.rooms.on_entropy(&entropy);
            }
            Input::Sighting(sighting) => self.on_sighting(&sighting),
            Input::Persisted { token, result } => self.on_persisted(token, result),
            Input::Fetched { token, answer } => self.on_fetched(token, answer),
            Input::Written { token, result } => self.on_written(token, result),
            Input::Tick => {}
        }
        self.fire_due();
        self.settle();
        debug_assert!(self.wake().is_none_or(|wake| wake.at > self.now), "a timer that is due was not fired");
    }

    /// What the node wants next; [`Output::Wait`] when that is nothing more, again and again.
    pub fn poll(&mut self) -> Output {
        self.outputs.pop().unwrap_or_else(|| Output::Wait(self.wake()))
    }

    /// What was counted so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// How full its tables are now. It goes through all sessions: not for every input.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let (sessions, half_open) = self.sessions.sizes();
        Sizes {
            backlog: self.peers.keys().map(|link| self.sessions.backlog(*link)).max().unwrap_or(0),
            sessions,
            half_open,
            rooms: self.rooms.len(),
            contacts: self.contacts.len(),
            acquaintances: self.acquaintances.len(),
            members: self.members.len(),
            mdns_records: self.discoveries.mdns.as_ref().map_or(0, Mdns::cached),
        }
    }

    /// Which run of its identity this is.
    #[must_use]
    pub const fn boot(&self) -> BootId {
        self.boot
    }

    fn on_datagram(&mut self, datagram: &Datagram<'_>) {
        self.stats.datagrams += 1;
        let is_made_up = is_made_up(datagram.from.ip());
        match datagram.via {
            Via::Chat if !is_made_up && self.is_call(datagram) => {}
            Via::Chat => {
                let (before, out) = (self.stats.session, &mut self.session_wishes);
                if is_made_up {
                    self.stats.session.stray += 1;
                } else {
                    self.sessions.on_datagram(self.now, datagram, &mut self.stats.session, out);
                }
                self.trace_arrival(datagram.bytes, &before);
            }
            Via::Mdns | Via::Beacon if is_made_up => self.stats.session.stray += 1,
            Via::Mdns | Via::Beacon => {
                self.discoveries.on_datagram(self.now, datagram, &mut self.stats, &mut self.found);
            }
        }
    }

    fn on_wall_clock(&mut self, wall: UnixMillis) {
        self.wall = (self.now, wall);
        self.with_rooms(|rooms, turn| rooms.on_wall_clock(turn, wall));
    }

    /// Carries every machine's wishes to the others and to the host until none is left.
    fn settle(&mut self) {
        loop {
            if let Some(found) = self.found.pop() {
                self.on_found(found);
            } else if let Some(wish) = self.session_wishes.pop() {
                self.on_session(wish);
            } else if let Some(wish) = self.room_wishes.pop() {
                self.on_room(wish);
            } else if let Some(wish) = self.file_wishes.pop() {
                self.on_file(wish);
            } else {
                self.settle_members();
                self.dial_due();
                self.settle_choice();
                self.with_files(Files::pump);
                let is_stored = self.ledger.bytes() <= self.config.unpersisted_max;
                self.sessions.set_reading(is_stored, self.files.is_reading());
                self.sessions.flush(self.now, &mut self.stats.session, &mut self.session_wishes);
                if self.session_wishes.is_empty() && self.file_wishes.is_empty() {
                    break;
                }
            }
        }
        self.outputs.extend(self.ledger.seal());
        if let Some(tag) = self.quitting
            && !self.is_finished
            && self.sessions.is_closed()
        {
            self.is_finished = true;
            self.event(Event::Done { tag, message: None });
            self.event(Event::Finished);
        }
    }

    fn on_room(&mut self, wish: room::Wish) {
        match wish {
            room::Wish::Send { link, frame } if frame.is_mention() => {
                self.sessions.send_aside(link, frame.encode(), &mut self.stats.session);
            }
            room::Wish::Send { link, frame } => {
                if !self.sessions.send(link, frame.encode()) {
                    self.with_rooms(|rooms, turn| rooms.on_unsent(turn, link, frame));
                }
            }
            room::Wish::Persist(record) => self.ledger.collect(record),
            room::Wish::Fetch { request, what } => self.fetch(Asker::Rooms(request), what),
            room::Wish::Written(key) => {
                self.acquaint(&key, Standing::Spoken);
                self.want(key);
            }
            room::Wish::Moved => self.on_rooms_changed(),
            room::Wish::Event(event) => {
                if self.is_heard(&event) {
                    self.event(event);
                }
            }
        }
    }

    /// Lets the rooms act on what is at hand.
    fn with_rooms(&mut self, act: impl FnOnce(&mut Rooms, &mut Turn<'_>)) {
        let Self { rooms, sessions, members, config, stats, room_wishes: out, now, .. } = self;
        let backlog = |link| sessions.backlog(link);
        let met = |side: &Side| members.met_by(&Tag::of(config.suite, &side.0, side.1));
        act(rooms, &mut Turn { now: *now, backlog: &backlog, met: &met, stats: &mut stats.room, out });
    }

    /// Tells the person, after asking the store to keep what it is about.
    fn event(&mut self, event: Event) {
        self.outputs.extend(self.ledger.seal());
        self.outputs.push(Output::Event(event));
    }

    /// The wall clock now: as told, run on by the monotonic one.
    fn wall_now(&self) -> UnixMillis {
        let (at, wall) = self.wall;
        let since = u64::try_from((self.now - at).as_millis()).unwrap_or(u64::MAX);
        UnixMillis(wall.0.saturating_add(since))
    }

    fn on_interfaces(&mut self, interfaces: &[Interface]) {
        self.is_company_new = true;
        self.contacts.on_interfaces(self.now, interfaces);
        self.sessions.on_interfaces(self.now, interfaces);
        for discovery in self.discoveries.each() {
            discovery.on_interfaces(self.now, interfaces, &mut self.found);
        }
        if self.net.set_interfaces(interfaces) {
            self.records.sign_by(self.now);
            let change = self.net.change();
            self.event(Event::Net(change));
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("identity", &self.identity)
            .field("boot", &self.boot)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
