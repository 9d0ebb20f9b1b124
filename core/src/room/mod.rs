//! All rooms of a node: sets of signed entries, shared with whoever proves to know their keys.
//!
//! ```text
//! command -> say -> gather -> entry -> spread -> links          others' pushes -> spread -> entry -> event, store
//!                                   \-> event, store            heartbeats -> pulse -> repair -> fetch -> pushes
//! store's word -> receipts -> done, receipts to the author; news -> announcements to the others
//! ```

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::fmt;

use crate::{
    command::Action,
    config::Config,
    event::{EntryId, Event, Place, Refusal, Stamp},
    frames::{Frame, Mark},
    identity::{BootId, Identity, PeerKey},
    outbox::Outbox,
    rng::Rng,
    session::LinkId,
    stats::RoomStats,
    store::{Answer, OwnEntry, Record, Request, RoomKeyId, State, StoreError, StoredDay},
    suite::Suite,
    text::Nick,
    time::{Instant, UnixMillis},
    timers::Timers,
};

mod bucket;
mod clock;
mod days;
mod entry;
mod fetch;
mod gather;
mod history;
mod item;
mod key;
mod link;
mod membership;
mod news;
mod proofs;
mod pulse;
mod receipts;
mod reconcile;
mod repair;
mod say;
mod spread;

use clock::StampClock;
use days::Loads;
use key::{RoomKey, Side};
use link::Link;
use receipts::{Receipts, Undurable};

/// Commands that may wait for the store's first answer.
const QUEUED_MAX: usize = 4096;

/// What the rooms want of their node.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Send this over the reliable stream of the link.
    Send { link: LinkId, frame: Frame },
    /// Append this to the store.
    Persist(Record),
    /// Read this from the store; the answer comes with the same number.
    Fetch { request: u64, what: Request },
    /// Tell the person.
    Event(Event),
}

/// What is at hand while the rooms deal with one thing that happened.
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    /// Bytes that wait to be sent, or to be acknowledged, on a link.
    pub(crate) backlog: &'a dyn Fn(LinkId) -> usize,
    pub(crate) stats: &'a mut RoomStats,
    pub(crate) out: &'a mut Outbox<Wish>,
}

impl Turn<'_> {
    fn event(&mut self, event: Event) {
        self.out.push(Wish::Event(event));
    }

    fn refuse(&mut self, tag: u64, reason: Refusal) {
        self.event(Event::Refused { tag, reason });
    }

    /// Sends the frame that `make` makes of our index for `room`, unless the room is not shared any more.
    fn send(&mut self, id: LinkId, link: &Link, room: RoomKeyId, make: impl FnOnce(u16) -> Frame) {
        if let Some(frame) = link::frame_for(link, room, make) {
            self.out.push(Wish::Send { link: id, frame });
        }
    }
}

/// All rooms of a node.
pub(crate) struct Rooms {
    suite: &'static dyn Suite,
    identity: Identity,
    own: Side,
    nick: Nick,
    rng: Rng,
    /// What proofs of rooms that do not exist are made from, so that they stay the same while a link lasts.
    pads: [u8; 32],
    author_rate: u32,
    backlog_max: usize,
    rooms_max: usize,
    peers_max: usize,
    clock: StampClock,
    /// Commands that came before the store's first answer; `None` once it is here.
    queued: Option<VecDeque<(u64, Action)>>,
    rooms: BTreeMap<RoomKeyId, Room>,
    names: BTreeMap<Place, RoomKeyId>,
    aside: Aside,
    peers: BTreeMap<PeerKey, Known>,
    links: BTreeMap<LinkId, Link>,
    /// Whom each entry is wanted from.
    wanted: BTreeMap<Mark, fetch::Want>,
    news: news::News,
    undurable: Undurable,
    receipts: Receipts,
    loads: Loads,
    timers: Timers<Timer>,
    /// The store took nothing more a moment ago: nothing is said before then.
    full_until: Option<Instant>,
}

/// One room that we are in.
#[derive(Debug)]
struct Room {
    key: RoomKey,
    place: Place,
    /// The first day that we want anything of.
    floor: u32,
    gather: gather::Gather,
    history: history::History,
    /// Our newest entry.
    own: Option<(EntryId, Stamp)>,
    /// When the latest entry came in, or was written.
    arrival: Option<Instant>,
    strays: spread::Strays,
}

/// What is known of rooms that we are not in now: left ones, and conversations with people who are away.
#[derive(Debug, Default)]
struct Aside {
    days: BTreeMap<RoomKeyId, Vec<StoredDay>>,
    own: BTreeMap<RoomKeyId, (EntryId, Stamp)>,
    floors: BTreeMap<RoomKeyId, u32>,
}

/// What is known of a person.
#[derive(Debug)]
struct Known {
    direct: [u8; 32],
    nick: Nick,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// What waits in this room becomes an entry.
    Close(RoomKeyId),
    /// The peer has not answered in our reconciliation.
    Run(LinkId),
    /// The peer may not have sent in time what we asked it for.
    Asked(LinkId),
    /// We may ask for more.
    Ask(LinkId),
    /// The peer that was far behind may have caught up.
    Behind(LinkId),
    /// All days are compared once more, whatever the sums say.
    Audit(LinkId),
    /// What the peer has announced may have failed to arrive by itself.
    Graft(LinkId),
    /// The peer may have stored more of ours than we know.
    Receipts(LinkId),
    /// What has come in is announced to others.
    News,
}

impl Rooms {
    pub(crate) fn new(config: &Config, identity: Identity, boot: BootId, mut rng: Rng) -> Self {
        let own = Side(identity.key(), boot);
        Self {
            suite: config.suite,
            identity,
            own,
            nick: config.nick.clone(),
            pads: rng.bytes(),
            rng,
            author_rate: config.author_rate,
            backlog_max: config.backlog_max,
            rooms_max: config.rooms_max,
            peers_max: config.peers_max,
            clock: StampClock::default(),
            queued: Some(VecDeque::new()),
            rooms: BTreeMap::new(),
            names: BTreeMap::new(),
            aside: Aside::default(),
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            wanted: BTreeMap::new(),
            news: news::News::default(),
            undurable: Undurable::default(),
            receipts: Receipts::default(),
            loads: Loads::default(),
            timers: Timers::new(),
            full_until: None,
        }
    }

    /// Takes in what the store knows: its first answer. What was asked for before is done now.
    pub(crate) fn restore(&mut self, turn: &mut Turn<'_>, state: &State) {
        for peer in &state.peers {
            self.learn(peer.key, peer.direct, peer.nick.clone());
        }
        for day in &state.days {
            self.aside.days.entry(day.room).or_default().push(day.clone());
        }
        for OwnEntry { room, id, stamp, .. } in &state.own {
            self.aside.own.insert(*room, (*id, *stamp));
        }
        let Some(queued) = self.queued.take() else { return };
        self.restore_rooms(turn, &state.rooms);
        let peers: BTreeSet<_> = self.links.values().map(Link::peer).collect();
        for peer in peers {
            // Nobody who has just been restored has too many rooms, and who is not known yet will be.
            let _ = self.open_direct(turn, peer);
        }
        self.prove_all(turn);
        for (tag, action) in queued {
            self.command(turn, tag, action);
        }
    }

    /// The wall clock says `wall`; until it says something else it goes on with `now`.
    pub(crate) fn on_wall_clock(&mut self, now: Instant, wall: UnixMillis) {
        self.clock.on_wall_clock(now, wall);
    }

    /// Fresh randomness, mixed in.
    pub(crate) fn on_entropy(&mut self, entropy: &[u8; 32]) {
        self.rng.mix(entropy);
    }

    /// The person calls themselves `nick` from now on.
    pub(crate) fn rename(&mut self, nick: Nick) {
        self.nick = nick;
    }

    /// Carries out what concerns rooms: `Say`, `Join` and `Leave`.
    pub(crate) fn command(&mut self, turn: &mut Turn<'_>, tag: u64, action: Action) {
        if let Some(queued) = &mut self.queued {
            if queued.len() < QUEUED_MAX {
                queued.push_back((tag, action));
            } else {
                turn.refuse(tag, Refusal::Busy);
            }
            return;
        }
        match action {
            Action::Say { place, text, action, reply } => {
                let item = item::Item::Text { text: text.as_str().into(), action, reply };
                self.say(turn, tag, &place, item);
            }
            Action::Join(name) => self.join(turn, tag, name),
            Action::Leave(name) => self.leave(turn, tag, name),
            _ => {}
        }
    }

    /// A link is up, and its peer has proven who it is.
    pub(crate) fn on_link_up(
        &mut self,
        turn: &mut Turn<'_>,
        link: LinkId,
        peer: PeerKey,
        boot: BootId,
        binding: [u8; 32],
    ) {
        self.links.insert(link, Link::new(Side(peer, boot), binding));
        if self.queued.is_some() {
            return;
        }
        let _ = self.open_direct(turn, peer);
        self.prove(turn, link);
    }

    /// Another handshake has taken the link over.
    pub(crate) fn on_rebound(&mut self, turn: &mut Turn<'_>, link: LinkId, binding: [u8; 32]) {
        let Some(entry) = self.links.get_mut(&link).filter(|entry| entry.binding != binding) else { return };
        entry.previous = Some(entry.binding);
        entry.binding = binding;
        entry.told = false;
        if let Some((_, proofs)) = entry.early.take_if(|(tag, _)| proofs::is_tag_of(tag, &binding)) {
            entry.proofs = Some((binding, proofs));
        }
        self.prove(turn, link);
    }

    /// Somebody's signed record tells their X25519 key: a direct conversation becomes possible.
    pub(crate) fn on_peer_known(&mut self, turn: &mut Turn<'_>, key: PeerKey, direct: [u8; 32], nick: Nick) {
        self.learn(key, direct, nick);
        if self.queued.is_none() && self.links.values().any(|link| link.peer() == key) {
            let _ = self.open_direct(turn, key);
        }
    }

    pub(crate) fn on_link_down(&mut self, turn: &mut Turn<'_>, link: LinkId) {
        self.clock.on_link_down(link);
        for timer in [Timer::Run(link), Timer::Asked(link), Timer::Ask(link), Timer::Behind(link)] {
            self.timers.clear(timer);
        }
        for timer in [Timer::Audit(link), Timer::Graft(link), Timer::Receipts(link)] {
            self.timers.clear(timer);
        }
        let asked = self.links.remove(&link).map(|link| link.asked);
        self.ask_others(turn, asked.unwrap_or_default());
    }

    /// A frame came over a link, reliably or as a datagram.
    pub(crate) fn on_frame(&mut self, turn: &mut Turn<'_>, id: LinkId, frame: Frame) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let index = match frame {
            Frame::Proofs { binding, proofs } => return self.on_proofs(turn, id, binding, proofs),
            Frame::Floor { room, day } => {
                link.set_floor(room, day);
                return self.on_floor(turn, id, room);
            }
            Frame::Heartbeat { counter, clock, rooms } => {
                return self.on_heartbeat(turn, id, counter, clock, &rooms);
            }
            Frame::Record(_) => return,
            Frame::Unknown { .. } => {
                turn.stats.unknown += 1;
                return;
            }
            Frame::Push { room, .. }
            | Frame::Have { room, .. }
            | Frame::Want { room, .. }
            | Frame::Stored { room, .. }
            | Frame::Sums { room, .. }
            | Frame::Reconcile { room, .. } => room,
        };
        match link.room_at(index) {
            Some(room) => self.on_room_frame(turn, id, room, frame),
            None => turn.stats.malformed += 1,
        }
    }

    /// A frame about a room that the peer of the link has proven.
    fn on_room_frame(&mut self, turn: &mut Turn<'_>, link: LinkId, room: RoomKeyId, frame: Frame) {
        match frame {
            Frame::Push { entries, repair, .. } => self.on_push(turn, link, room, entries, repair),
            Frame::Have { marks, cause, .. } => self.on_have(turn, link, room, &marks, cause),
            Frame::Want { marks, .. } => self.on_want(turn, link, room, &marks),
            Frame::Stored { ids, .. } => self.on_stored(turn, link, room, &ids),
            Frame::Sums { answer: false, from, to, days, .. } => {
                self.on_sums_asked(turn, link, room, (from, to), days);
            }
            Frame::Sums { from, to, days, .. } => self.on_sums_answered(turn, link, room, (from, to), &days),
            Frame::Reconcile { from, to, round, message, .. } if round % 2 == 0 => {
                self.on_reconcile_asked(turn, link, room, (from, to), round, message);
            }
            Frame::Reconcile { from, to, round, message, .. } => {
                self.on_reconcile_answered(turn, link, room, (from, to), round, &message);
            }
            _ => {}
        }
    }

    /// The store's word on entries, in the order in which they were handed out.
    pub(crate) fn on_durable(
        &mut self,
        turn: &mut Turn<'_>,
        entries: &[EntryId],
        result: Result<(), StoreError>,
    ) {
        match result {
            Ok(()) => self.on_stored_here(turn, entries),
            Err(_) => self.on_not_stored(turn, entries),
        }
    }

    /// What the store read.
    pub(crate) fn on_answer(&mut self, turn: &mut Turn<'_>, request: u64, answer: Answer) {
        self.on_fetched(turn, request, answer);
    }

    /// We leave: what still waits for company is an entry now.
    pub(crate) fn on_quit(&mut self, turn: &mut Turn<'_>) {
        let rooms: Vec<RoomKeyId> = self.rooms.keys().copied().collect();
        rooms.into_iter().for_each(|room| self.on_gathered(turn, room));
    }

    /// Does what is due.
    pub(crate) fn on_tick(&mut self, turn: &mut Turn<'_>) {
        while let Some(timer) = self.timers.pop_due(turn.now) {
            match timer {
                Timer::Close(room) => self.on_gathered(turn, room),
                Timer::Run(link) => self.on_run_unanswered(turn, link),
                Timer::Asked(link) => self.on_asked_unanswered(turn, link),
                Timer::Graft(link) => self.on_not_arrived(turn, link),
                Timer::Receipts(link) => self.ask_for_receipts(turn, link),
                Timer::News => self.tell_news(turn),
                Timer::Ask(link) => self.ask(turn, link),
                Timer::Behind(link) => self.announce(turn, link),
                Timer::Audit(link) => self.on_audit(turn, link),
            }
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.timers.next().map(|(at, _)| at)
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms")
            .field("rooms", &self.names)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
