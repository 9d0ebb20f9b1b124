//! One peer: routes what comes in to the machines, and what they want to the host.

mod ledger;
mod links;
mod net;

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::{fmt, net::SocketAddr, time::Duration};

use bytes::Bytes;

use self::{ledger::Ledger, links::Peer, net::NetState};
use crate::{
    boundary::{Datagram, Input, Interface, Output, Reason, Token, Via, Wake},
    command::{Action, Command},
    config::Config,
    contacts::Contacts,
    discovery::{Announcement, Found, PeerDiscovery, Sighting, SightingKind},
    event::{Event, Refusal, Source},
    identity::{BootId, Identity, PeerKey},
    mdns::Mdns,
    outbox::Outbox,
    record::PeerRecord,
    rng::Rng,
    room::{self, Rooms, Turn},
    session::{self, LinkId, Sessions},
    stats::Stats,
    store::{Answer, Record, Request, State, StoreError, StoredPeer},
    text::Nick,
    time::{Instant, UnixMillis},
};

/// Commands that may wait for the store's first answer.
const QUEUED_MAX: usize = 4096;

/// One peer of the chat.
pub struct Node {
    config: Config,
    identity: Identity,
    boot: BootId,
    now: Instant,
    wall: (Instant, UnixMillis),
    outputs: VecDeque<Output>,
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
    /// What the store keeps of peers.
    remembered: BTreeMap<PeerKey, StoredPeer>,
    net: NetState,
    /// The tag of the `Quit` that is being carried out.
    quitting: Option<u64>,
    is_finished: bool,
    mdns: Option<Mdns>,
    sessions: Sessions,
    rooms: Rooms,
    found: Outbox<Found>,
    session_wishes: Outbox<session::Wish>,
    room_wishes: Outbox<room::Wish>,
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
        let mdns = config.discovery.mdns.then(|| Mdns::new(&config, rng.fork("mdns")));
        let sessions = Sessions::new(&config, identity.clone(), boot, rng.fork("session"));
        let rooms = Rooms::new(&config, identity.clone(), boot, rng.fork("room"));
        let contacts = Contacts::new((identity.key(), boot), config.peers_max, rng.fork("contacts"));
        let mut ledger = Ledger::default();
        let first = ledger.fetch_state();
        Self {
            nick: config.nick.clone(),
            config,
            identity,
            boot,
            now,
            wall: (now, UnixMillis::default()),
            outputs: VecDeque::from([first]),
            stats: Stats::default(),
            ledger,
            queued: Some(VecDeque::new()),
            own: None,
            contacts,
            peers: BTreeMap::new(),
            remembered: BTreeMap::new(),
            net: NetState::default(),
            quitting: None,
            is_finished: false,
            mdns,
            sessions,
            rooms,
            found: Outbox::new(),
            session_wishes: Outbox::new(),
            room_wishes: Outbox::new(),
        }
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
                self.sessions.on_entropy(self.now, &entropy);
                self.rooms.on_entropy(&entropy);
            }
            Input::Sighting(sighting) => self.on_sighting(&sighting),
            Input::Persisted { token, result } => self.on_persisted(token, result),
            Input::Fetched { token, answer } => self.on_fetched(token, answer),
            Input::Tick => {}
        }
        self.fire_due();
        self.settle();
        debug_assert!(self.wake().is_none_or(|wake| wake.at > self.now), "a timer that is due was not fired");
    }

    /// What the node wants next; [`Output::Wait`] when that is nothing more, again and again.
    pub fn poll(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.wake()))
    }

    /// What was counted so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Which run of its identity this is.
    #[must_use]
    pub const fn boot(&self) -> BootId {
        self.boot
    }

    fn on_datagram(&mut self, datagram: &Datagram<'_>) {
        self.stats.datagrams += 1;
        match datagram.via {
            Via::Chat => self.sessions.on_datagram(
                self.now,
                datagram,
                &mut self.stats.session,
                &mut self.session_wishes,
            ),
            Via::Mdns => {
                if let Some(mdns) = &mut self.mdns {
                    mdns.on_datagram(self.now, datagram, &mut self.stats, &mut self.found);
                }
            }
            Via::Beacon => {}
        }
    }

    fn on_command(&mut self, command: Command) {
        let Command { tag, action } = command;
        if let Some(queued) = &mut self.queued {
            if queued.len() < QUEUED_MAX {
                queued.push_back(Command { tag, action });
            } else {
                self.event(Event::Refused { tag, reason: Refusal::Busy });
            }
            return;
        }
        if self.quitting.is_some() && action != Action::Quit {
            return self.event(Event::Refused { tag, reason: Refusal::Leaving });
        }
        match action {
            Action::Rename(nick) => {
                self.rename(nick);
                self.event(Event::Done { tag, message: None });
            }
            Action::Connect(address) => {
                self.on_sighting(&Sighting {
                    source: Source::Manual,
                    kind: SightingKind::Seen,
                    id: None,
                    boot: None,
                    nick: None,
                    addresses: Vec::from([address]),
                });
                self.event(Event::Done { tag, message: None });
            }
            Action::Quit => self.quit(tag),
            action => self.with_rooms(|rooms, turn| rooms.command(turn, tag, action)),
        }
    }

    fn on_wall_clock(&mut self, wall: UnixMillis) {
        self.wall = (self.now, wall);
        self.with_rooms(|rooms, turn| rooms.on_wall_clock(turn, wall));
    }

    fn on_persisted(&mut self, token: Token, result: Result<(), StoreError>) {
        for entries in self.ledger.on_persisted(token) {
            self.with_rooms(|rooms, turn| rooms.on_durable(turn, &entries, result));
        }
    }

    fn on_fetched(&mut self, token: Token, answer: Answer) {
        match (answer, self.ledger.on_fetched(token)) {
            (Answer::State(state), _) => self.restore(state),
            (answer, Some(request)) => self.with_rooms(|rooms, turn| rooms.on_answer(turn, request, answer)),
            (_, None) => {}
        }
    }

    /// Begins with what the store knows: from here on commands are carried out and rooms are proven.
    fn restore(&mut self, state: State) {
        let Some(queued) = self.queued.take() else { return };
        let stored_nick = state.nick.clone().filter(|_| !self.config.nick_wins);
        let nick = stored_nick.unwrap_or_else(|| self.nick.clone());
        self.with_rooms(|rooms, turn| rooms.restore(turn, &state));
        for peer in state.peers.into_iter().take(self.config.peers_max) {
            if self.config.discovery.remembered {
                self.on_sighting(&Sighting {
                    source: Source::Remembered,
                    kind: SightingKind::Seen,
                    id: Some(peer.key.short()),
                    boot: None,
                    nick: Some(peer.nick.clone()),
                    addresses: peer.addresses.clone(),
                });
            }
            peer.addresses.iter().for_each(|address| self.sessions.know(address.ip()));
            self.remembered.insert(peer.key, peer);
        }
        self.rename(nick);
        queued.into_iter().for_each(|command| self.on_command(command));
    }

    /// Takes `nick`, and tells everybody.
    fn rename(&mut self, nick: Nick) {
        self.ledger.collect(Record::Nick(nick.clone()));
        self.with_rooms(|rooms, turn| rooms.rename(turn, nick.clone()));
        self.nick = nick.clone();
        let version = self.own.as_ref().map_or(0, |(own, _)| own.version + 1).max(self.wall_now().0);
        let (key, direct) = (self.identity.key(), self.identity.direct_public());
        let record = PeerRecord { key, version, boot: self.boot, nick: nick.clone(), direct };
        let signed = record.sign(self.config.suite, &self.identity);
        self.own = Some((record, signed));
        let links: Vec<LinkId> = self.peers.keys().copied().collect();
        links.into_iter().for_each(|link| self.send_own_record(link));
        let announcement = Announcement { key, boot: self.boot, nick, port: self.config.chat_port };
        if let Some(mdns) = &mut self.mdns {
            mdns.announce(self.now, &announcement, &mut self.found);
        }
    }

    /// Says goodbye once, after the last words.
    fn quit(&mut self, tag: u64) {
        if self.quitting.is_some() {
            return self.event(Event::Done { tag, message: None });
        }
        self.with_rooms(|rooms, turn| rooms.on_quit(turn));
        self.settle();
        self.quitting = Some(tag);
        if let Some(mdns) = &mut self.mdns {
            mdns.withdraw(self.now, &mut self.found);
        }
        self.sessions.close_all(self.now, &mut self.session_wishes);
    }

    /// Lets every machine do what is due.
    fn fire_due(&mut self) {
        let now = self.now;
        let is_due = |wake: Option<Instant>| wake.is_some_and(|at| at <= now);
        if let Some(mdns) = &mut self.mdns
            && is_due(mdns.next_wake())
        {
            mdns.on_tick(now, &mut self.stats, &mut self.found);
        }
        if is_due(self.sessions.next_wake()) {
            self.sessions.on_tick(now, &mut self.stats.session, &mut self.session_wishes);
        }
        if is_due(self.rooms.next_wake()) {
            self.with_rooms(|rooms, turn| rooms.on_tick(turn));
        }
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
            } else {
                self.dial_due();
                self.sessions.set_reading(self.ledger.bytes() <= self.config.unpersisted_max);
                self.sessions.flush(self.now, &mut self.stats.session, &mut self.session_wishes);
                if self.session_wishes.is_empty() {
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

    fn dial_due(&mut self) {
        if self.quitting.is_some() || !self.net.is_up() {
            return;
        }
        for address in self.contacts.due(self.now) {
            let (interface, stats) = (interface_of(&address), &mut self.stats.session);
            self.sessions.dial(self.now, address, interface, stats, &mut self.session_wishes);
        }
    }

    fn on_room(&mut self, wish: room::Wish) {
        match wish {
            room::Wish::Send { link, frame } => {
                if !self.sessions.send(link, frame.encode()) {
                    self.with_rooms(|rooms, turn| rooms.on_unsent(turn, link, frame));
                }
            }
            room::Wish::Persist(record) => self.ledger.collect(record),
            room::Wish::Fetch { request, what } => self.fetch(request, what),
            room::Wish::Event(event) => self.event(event),
        }
    }

    /// Lets the rooms act on what is at hand.
    fn with_rooms(&mut self, act: impl FnOnce(&mut Rooms, &mut Turn<'_>)) {
        let Self { rooms, sessions, stats, room_wishes: out, now, .. } = self;
        let backlog = |link| sessions.backlog(link);
        act(rooms, &mut Turn { now: *now, backlog: &backlog, stats: &mut stats.room, out });
    }

    fn fetch(&mut self, request: u64, what: Request) {
        self.outputs.extend(self.ledger.seal());
        self.outputs.push_back(self.ledger.fetch(request, what));
    }

    /// Tells the person, after asking the store to keep what it is about.
    fn event(&mut self, event: Event) {
        self.outputs.extend(self.ledger.seal());
        self.outputs.push_back(Output::Event(event));
    }

    /// The wall clock now: as told, run on by the monotonic one.
    fn wall_now(&self) -> UnixMillis {
        let (at, wall) = self.wall;
        let since = u64::try_from((self.now - at).as_millis()).unwrap_or(u64::MAX);
        UnixMillis(wall.0.saturating_add(since))
    }

    fn wake(&self) -> Option<Wake> {
        let due = if self.is_finished {
            [(None, Reason::Quit), (None, Reason::Quit), (None, Reason::Quit), (None, Reason::Quit)]
        } else {
            let dial = self.contacts.next_wake().filter(|_| self.quitting.is_none() && self.net.is_up());
            [
                (self.mdns.as_ref().and_then(Mdns::next_wake), Reason::Mdns),
                (self.sessions.next_wake(), Reason::Session),
                (self.rooms.next_wake(), Reason::Room),
                (dial, Reason::Dial),
            ]
        };
        let earliest = due.into_iter().filter_map(|(at, reason)| Some(Wake { at: at?, reason })).min()?;
        // A machine that left a due timer behind must not make the host spin.
        Some(Wake { at: earliest.at.max(self.now + Duration::from_nanos(1)), ..earliest })
    }

    fn on_interfaces(&mut self, interfaces: &[Interface]) {
        self.contacts.on_interfaces(self.now, interfaces);
        self.sessions.on_interfaces(self.now, interfaces);
        if let Some(mdns) = &mut self.mdns {
            mdns.on_interfaces(self.now, interfaces, &mut self.found);
        }
        if self.net.set_interfaces(interfaces) {
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

/// The interface that an address names by its scope, 0 for none.
fn interface_of(address: &SocketAddr) -> u32 {
    match address {
        SocketAddr::V6(v6) => v6.scope_id(),
        SocketAddr::V4(_) => 0,
    }
}
