//! All rooms of a node: sets of signed entries, shared with whoever proves to know their keys.
//!
//! ```text
//! command -> say -> gather -> entry -> spread -> links          others' pushes -> spread -> entry -> event, store
//!                                   \-> event, store            heartbeats -> pulse -> repair -> fetch -> pushes
//! own rekey -> successors, direct rooms; others' -> successors -> event, and `follow` moves us
//! store's word -> receipts -> done, receipts to the author; news -> announcements to the others
//! ```

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::fmt;

use crate::{
    change::What,
    command::Action,
    config::Config,
    event::{EntryId, Event, Place, Refusal, Stamp},
    frames::{Digest, Frame},
    identity::{BootId, Identity, PeerKey},
    outbox::Outbox,
    rng::Rng,
    session::LinkId,
    stats::RoomStats,
    store::{Answer, IdSum, OwnEntry, Record, Request, RoomKeyId, State, StoreError},
    suite::Suite,
    text::Nick,
    time::Instant,
    timers::Timers,
};

mod aside;
mod bucket;
mod clock;
mod days;
mod entry;
mod fetch;
mod gather;
mod history;
mod import;
mod incoming;
mod item;
mod keep;
mod key;
mod link;
mod membership;
mod news;
mod presence;
mod proofs;
mod pulse;
mod reach;
mod receipts;
mod reconcile;
mod rekey;
mod repair;
mod say;
mod spent;
mod spread;
mod strays;
mod successors;
mod told;

use aside::Aside;
pub(crate) use bucket::{Bucket, Rate};
use clock::StampClock;
use days::Loads;
use key::RoomKey;
pub use key::RoomRoot;
pub(crate) use key::Side;
use link::Link;
use receipts::{Receipts, Undurable};

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
    /// Call on this person if they are not here: something was written to them alone.
    Written(PeerKey),
    /// Tell others that we are in other rooms now.
    Moved,
}

/// What is at hand while the rooms deal with one thing that happened.
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    /// Bytes that wait to be sent, or to be acknowledged, on a link.
    pub(crate) backlog: &'a dyn Fn(LinkId) -> usize,
    /// The links to those with whom a run says to have a session.
    pub(crate) met: &'a dyn Fn(&Side) -> Vec<LinkId>,
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
    sessions_max: usize,
    peers_max: usize,
    clock: StampClock,
    /// When the store's first answer came. Before, nothing is said or proven.
    restored: Option<Instant>,
    rooms: BTreeMap<RoomKeyId, Room>,
    /// The first days by which the floors of all rooms were settled last, if no room was entered since.
    settled: Option<(u32, u32)>,
    /// The end of the window when it was looked last which strays are none any more.
    strays_settled: Stamp,
    /// When it was looked last whether too much of the history is in memory.
    measured: Instant,
    /// The last sum that a heartbeat was about, and its digest.
    digested: Option<(IdSum, Digest)>,
    names: BTreeMap<Place, RoomKeyId>,
    aside: Aside,
    /// The X25519 keys of those who have been met.
    peers: BTreeMap<PeerKey, [u8; 32]>,
    /// Those of them who are to be forgotten as soon as nothing is going on with them any more.
    leaving: BTreeSet<PeerKey>,
    links: BTreeMap<LinkId, Link>,
    spent: spent::Spent,
    /// Which of our rooms members are in, as their records say.
    shown: BTreeMap<Side, BTreeSet<RoomKeyId>>,
    /// Whom each entry is wanted from.
    wanted: BTreeMap<fetch::Name, fetch::Want>,
    news: news::News,
    undurable: Undurable,
    receipts: Receipts,
    imports: import::Imports,
    keeps: keep::Keeps,
    rekeys: rekey::Rekeys,
    successors: successors::Successors,
    loads: Loads,
    timers: Timers<Timer>,
    /// The store took nothing more a moment ago: nothing is said before then.
    full_until: Option<Instant>,
}

/// One room that we are in.
#[derive(Debug)]
struct Room {
    key: RoomKey,
    /// Of a private room.
    root: Option<RoomRoot>,
    place: Place,
    /// The first day that we want anything of, as the store has it, and for as long as the clocks of others say so.
    kept_floor: u32,
    floor: u32,
    gather: gather::Gather,
    history: history::History,
    /// Our newest entry.
    own: Option<(EntryId, Stamp)>,
    /// The stamp of what was written last in this run: others may have it, although the store did not take it.
    written: Stamp,
    /// When the latest entry came in, or was written.
    arrival: Option<Instant>,
    strays: strays::Strays,
    /// Whoever was seen there in this run, so many at most as are given another key.
    seen: BTreeSet<PeerKey>,
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
    /// What did not go out on a link is said again.
    Unsent(LinkId),
    /// All days are compared once more, whatever the sums say.
    Audit(LinkId),
    /// What the peer has announced may have failed to arrive by itself.
    Graft(LinkId),
    /// The peer may have stored more of ours than we know.
    Receipts(LinkId),
    /// What has come in is announced to others.
    News,
    /// The store may forget what it did not forget.
    Erase,
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
            sessions_max: config.sessions_max,
            peers_max: config.peers_max,
            clock: StampClock::default(),
            restored: None,
            rooms: BTreeMap::new(),
            settled: None,
            strays_settled: Stamp(0),
            measured: Instant::ORIGIN,
            digested: None,
            names: BTreeMap::new(),
            aside: Aside::default(),
            peers: BTreeMap::new(),
            leaving: BTreeSet::new(),
            links: BTreeMap::new(),
            spent: spent::Spent::default(),
            shown: BTreeMap::new(),
            wanted: BTreeMap::new(),
            news: news::News::default(),
            undurable: Undurable::default(),
            receipts: Receipts::default(),
            imports: import::Imports::default(),
            keeps: keep::Keeps::default(),
            rekeys: rekey::Rekeys::default(),
            successors: successors::Successors::default(),
            loads: Loads::default(),
            timers: Timers::new(),
            full_until: None,
        }
    }

    /// How many we are in, conversations among them.
    pub(crate) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Takes in what the store knows: its first answer.
    pub(crate) fn restore(&mut self, turn: &mut Turn<'_>, state: &State) {
        for peer in &state.peers {
            self.learn(peer.key, peer.direct);
        }
        self.restore_keeps(turn, &state.keeps);
        state.days.iter().for_each(|day| self.restore_day(day));
        for OwnEntry { room, id, stamp } in &state.own {
            self.aside.own.insert(*room, (*id, *stamp));
        }
        self.restore_strays(&state.strays);
        self.restored = Some(turn.now);
        self.restore_rooms(turn, &state.rooms);
        self.restore_successors(turn, &state.successors);
        self.settle_floors(turn);
        let peers: BTreeSet<_> = self.links.values().map(Link::peer).collect();
        for peer in peers {
            // Who is not known yet will be.
            let _ = self.open_direct(turn, peer);
        }
        self.prove_all(turn);
    }

    /// Fresh randomness, mixed in.
    pub(crate) fn on_entropy(&mut self, entropy: &[u8; 32]) {
        self.rng.mix(entropy);
    }

    /// The person calls themselves `nick` from now on; what they said before is said under the old one.
    pub(crate) fn rename(&mut self, turn: &mut Turn<'_>, nick: Nick) {
        self.close_all(turn);
        self.nick = nick;
    }

    /// Carries out what concerns rooms, after the store's first answer: what is said, `Join`, `Leave`, `Rekey`,
    /// `Follow`, `Import`, `Keep`, `Earlier`.
    pub(crate) fn command(&mut self, turn: &mut Turn<'_>, tag: u64, action: Action) {
        match action {
            Action::Say { place, text, action, reply } => {
                let item = item::Item::Text { text: text.into_string(), action, reply };
                self.say(turn, tag, &place, item);
            }
            Action::Edit { place, target, text } => {
                let what = What::Edit { target, text: text.into_string() };
                self.say(turn, tag, &place, item::Item::Change(what));
            }
            Action::Delete { place, target } => {
                self.say(turn, tag, &place, item::Item::Change(What::Delete { target }));
            }
            Action::React { place, target, emoji, gone } => {
                self.say(turn, tag, &place, item::Item::Change(What::React { target, emoji, gone }));
            }
            Action::Offer { place, offer } => self.say(turn, tag, &place, item::Item::File(offer)),
            Action::Topic { room, topic } => {
                self.say(turn, tag, &Place::Room(room), item::Item::Change(What::Topic(topic)));
            }
            Action::Join(name) => self.join(turn, tag, &name),
            Action::JoinPrivate { room, root } => self.join_private(turn, tag, &room, root),
            Action::Leave(name) => self.leave(turn, tag, name),
            Action::Rekey { room, without } => self.rekey(turn, tag, room, without),
            Action::Follow { room, successor } => self.follow(turn, tag, &room, successor),
            Action::Import(bundle) => self.import(turn, tag, bundle),
            Action::Keep { place, days } => self.keep_for(turn, tag, place, days),
            Action::Earlier(place) => self.earlier(turn, tag, &place),
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
        self.close_all(turn);
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
                Timer::Unsent(link) => self.say_again(turn, link),
                Timer::Audit(link) => self.on_audit(turn, link),
                Timer::Erase => self.on_erase_again(turn),
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
