//! Which rooms we are in: open ones by name, conversations by the other's key.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{
    Room, Rooms, Timer, Turn, Wish,
    aside::LEFT_MAX,
    clock::FIRST,
    entry::STAMP_MAX,
    gather,
    history::{History, day_of, start_of},
    key::{RoomKey, RoomRoot, Side},
};
use crate::{
    event::{Event, Place, Refusal, Stamp},
    identity::{BootId, PeerKey},
    store::{Record, RoomKeyId, StoredRoom},
    text::RoomName,
    time::Instant,
};

/// So far back a newcomer to a room wants its history ...
const NEWCOMER_DAYS: u32 = 1;
/// ... or so many entries, whichever is more, but nothing that is older than so many days.
pub(super) const NEWCOMER_ENTRIES: usize = 200;
pub(super) const NEWCOMER_REACH: u32 = 366;

impl Rooms {
    /// Enters the rooms of old; on the very first start the lobby.
    pub(super) fn restore_rooms(&mut self, turn: &mut Turn<'_>, stored: &[StoredRoom]) {
        for room in stored {
            let key = self.key_of(&room.name, room.root.as_ref());
            if !room.joined {
                self.aside.remember(key.id(), room.name.clone(), room.root.clone());
            }
            self.aside.floors.insert(key.id(), day_of(room.floor).max(first_day(Some(FIRST))));
            if room.joined {
                // What the store has beyond the cap stays there.
                let place = Place::Room(room.name.clone());
                let _ = self.enter(turn, (key, room.root.clone()), place, true);
            }
        }
        if stored.is_empty() {
            self.enter_room(turn, &RoomName::lobby(), None);
        }
    }

    pub(super) fn join(&mut self, turn: &mut Turn<'_>, tag: u64, name: &RoomName) {
        let root = self.aside.roots.get(name).cloned();
        let entered =
            self.names.contains_key(&Place::Room(name.clone())) || self.enter_room(turn, name, root);
        turn.event(match entered {
            true => Event::Done { tag, message: None },
            false => Event::Refused { tag, reason: Refusal::TooManyRooms },
        });
    }

    pub(super) fn join_private(&mut self, turn: &mut Turn<'_>, tag: u64, name: &RoomName, root: RoomRoot) {
        let id = self.key_of(name, Some(&root)).id();
        let entered = match self.names.get(&Place::Room(name.clone())) {
            Some(&other) if other != id => return turn.refuse(tag, Refusal::NameTaken),
            Some(_) => true,
            None => self.enter_room(turn, name, Some(root)),
        };
        turn.event(match entered {
            true => Event::Done { tag, message: None },
            false => Event::Refused { tag, reason: Refusal::TooManyRooms },
        });
    }

    pub(super) fn key_of(&self, name: &RoomName, root: Option<&RoomRoot>) -> RoomKey {
        root.map_or_else(|| RoomKey::open(self.suite, name), |root| RoomKey::private(self.suite, name, root))
    }

    pub(super) fn leave(&mut self, turn: &mut Turn<'_>, tag: u64, name: RoomName) {
        let place = Place::Room(name.clone());
        let root = self.names.get(&place).and_then(|id| self.rooms.get(id)?.root.clone());
        if let Some(&id) = self.names.get(&place) {
            // What was said before goes out before.
            self.on_gathered(turn, id);
            self.put_aside(id);
            let floor = self.aside.floors.get(&id).copied().unwrap_or(0);
            self.aside.remember(id, name.clone(), root.clone());
            self.forget_successors(turn, &name);
            keep(turn, StoredRoom { name, joined: false, floor: start_of(floor), id: Some(id), root });
            self.prove_all(turn);
            self.count_votes(turn);
            turn.out.push(Wish::Moved);
        }
        turn.event(Event::Done { tag, message: None });
    }

    /// The room of the conversation with `peer`, opened if need be so that they can be heard.
    pub(super) fn open_direct(&mut self, turn: &mut Turn<'_>, peer: PeerKey) -> Result<RoomKeyId, Refusal> {
        let place = Place::Direct(peer);
        if let Some(&id) = self.names.get(&place) {
            return Ok(id);
        }
        let key = self.direct_key(&peer)?;
        let counts = self.aside.own.contains_key(&key.id());
        self.enter(turn, (key, None), place, counts)
    }

    /// The same, for something that we say: from then on the room counts.
    pub(super) fn open_to_say(&mut self, turn: &mut Turn<'_>, peer: PeerKey) -> Result<RoomKeyId, Refusal> {
        let place = Place::Direct(peer);
        let Some(&id) = self.names.get(&place) else {
            let key = self.direct_key(&peer)?;
            return self.enter(turn, (key, None), place, true);
        };
        let counts = self.rooms.get(&id).is_some_and(Room::counts);
        if counts || self.makes_space(turn, true) { Ok(id) } else { Err(Refusal::TooManyRooms) }
    }

    pub(super) fn direct_key(&self, peer: &PeerKey) -> Result<RoomKey, Refusal> {
        let direct = self.peers.get(peer).ok_or(Refusal::UnknownPeer)?;
        RoomKey::direct(self.suite, &self.identity, peer, direct).ok_or(Refusal::UnknownPeer)
    }

    /// Whether we have ever said anything to `peer` alone, as far as the store knew at the start.
    pub(crate) fn has_said_to(&self, peer: &PeerKey) -> bool {
        let kept = |id: &RoomKeyId| {
            self.aside.own.contains_key(id) || self.rooms.get(id).is_some_and(|room| room.own.is_some())
        };
        match self.names.get(&Place::Direct(*peer)) {
            Some(id) => kept(id),
            // Agreeing on a key takes its time.
            None if self.aside.own.is_empty() => false,
            None => self.direct_key(peer).is_ok_and(|key| kept(&key.id())),
        }
    }

    /// Keeps the X25519 key of a person.
    pub(super) fn learn(&mut self, key: PeerKey, direct: [u8; 32]) {
        self.leaving.remove(&key);
        // Those who cannot be forgotten yet take nobody's place. They have a link or a room, which are few.
        if self.peers.len() < self.peers_max + self.leaving.len() || self.peers.contains_key(&key) {
            self.peers.insert(key, direct);
        }
    }

    /// Makes space for the X25519 keys of others: now, or when nothing is going on with this person any more.
    pub(crate) fn forget(&mut self, key: &PeerKey) {
        if self.peers.contains_key(key) {
            self.leaving.insert(*key);
            self.forget_if_gone(key);
        }
    }

    pub(super) fn forget_if_gone(&mut self, key: &PeerKey) {
        let runs = Side(*key, BootId(0))..=Side(*key, BootId(u64::MAX));
        let is_here =
            self.links.values().any(|link| link.peer() == *key) || self.shown.range(runs).next().is_some();
        if !is_here && !self.names.contains_key(&Place::Direct(*key)) && self.leaving.remove(key) {
            self.peers.remove(key);
        }
    }

    pub(super) fn enter_room(
        &mut self,
        turn: &mut Turn<'_>,
        name: &RoomName,
        root: Option<RoomRoot>,
    ) -> bool {
        let key = self.key_of(name, root.as_ref());
        let id = key.id();
        let settled = first_day(self.clock.settled(turn.now));
        let floor = self.aside.floors.entry(key.id()).or_insert(settled);
        *floor = settled.min(*floor);
        let floor = *floor;
        let entered = self.enter(turn, (key, root.clone()), Place::Room(name.clone()), true).is_ok();
        if entered {
            self.aside.roots.remove(name);
            self.aside.left.retain(|_, left| left != name);
            let (name, floor) = (name.clone(), start_of(floor));
            keep(turn, StoredRoom { name, joined: true, floor, id: Some(id), root });
            turn.out.push(Wish::Moved);
        }
        entered
    }

    /// The floor of somebody who enters a room now, going by what all can agree on.
    pub(super) fn newest_floor(&self, now: Instant) -> u32 {
        first_day(self.clock.is_told().then(|| self.clock.stamp(now)))
    }

    /// A clock that was ahead, or not told, when a room was entered must not hide the room once it is right. What
    /// the others say counts while they are here; kept is what our own clock bears out, so that nobody else lowers a
    /// floor for ever.
    pub(super) fn settle_floors(&mut self, turn: &mut Turn<'_>) {
        let (newest, settled) = (self.newest_floor(turn.now), first_day(self.clock.settled(turn.now)));
        if self.settled.replace((newest, settled)) == Some((newest, settled)) {
            return;
        }
        if let Some(now) = self.clock.settled(turn.now) {
            self.settle_keeps(turn, day_of(now));
        }
        let mut changed = Vec::new();
        for (&id, room) in &mut self.rooms {
            if room.kept_floor > settled {
                room.kept_floor = settled;
                if let Place::Room(name) = &room.place {
                    let (name, floor, root) = (name.clone(), start_of(settled), room.root.clone());
                    keep(turn, StoredRoom { name, joined: true, floor, id: Some(id), root });
                }
            }
            let floor = room.kept_floor.min(newest).max(self.keeps.from(id));
            if core::mem::replace(&mut room.floor, floor) != floor {
                changed.push(id);
            }
        }
        for room in changed {
            let links: Vec<_> = self.links.keys().copied().collect();
            links.into_iter().for_each(|link| self.tell_floor(turn, link, room));
        }
    }

    /// `counts` says on which of the two caps the room counts, see [`Room::counts`].
    fn enter(
        &mut self,
        turn: &mut Turn<'_>,
        (key, root): (RoomKey, Option<RoomRoot>),
        place: Place,
        counts: bool,
    ) -> Result<RoomKeyId, Refusal> {
        if !self.makes_space(turn, counts) {
            return Err(Refusal::TooManyRooms);
        }
        let id = key.id();
        let mut history = History::default();
        self.aside.days.remove(&id).unwrap_or_default().iter().for_each(|day| history.restore(day));
        let own = self.aside.own.remove(&id);
        let kept_floor = match place {
            Place::Room(_) => self.aside.floors.get(&id).copied().unwrap_or(0),
            Place::Direct(_) if own.is_some() => 0,
            // Strangers fill no more of our memory than rooms do.
            Place::Direct(_) => first_day(self.clock.settled(turn.now)),
        };
        let room = Room {
            key,
            root,
            place: place.clone(),
            kept_floor,
            floor: kept_floor.min(self.newest_floor(turn.now)).max(self.keeps.from(id)),
            gather: gather::Gather::default(),
            own,
            written: Stamp(0),
            arrival: None,
            strays: self.aside.strays.remove(&id).unwrap_or_default(),
            seen: BTreeSet::new(),
            history,
        };
        self.rooms.insert(id, room);
        self.settled = None;
        self.load_today(turn, id);
        let seeing = self.links.iter().filter(|(_, link)| link.may_see(&place)).map(|(&link, _)| link);
        let seeing: Vec<_> = seeing.collect();
        self.names.insert(place, id);
        seeing.into_iter().for_each(|link| self.prove(turn, link));
        Ok(id)
    }

    /// Whether there is space for one more room, when idle conversations are put aside: among those that count, or
    /// among those that do not, of which nobody needs more than one for each session.
    fn makes_space(&mut self, turn: &mut Turn<'_>, counts: bool) -> bool {
        let max = if counts { self.rooms_max } else { self.sessions_max };
        while self.rooms.values().filter(|room| room.counts() == counts).count() >= max {
            let mut rooms = self.rooms.iter().filter(|(_, room)| room.counts() == counts);
            let Some((&id, _)) = rooms.find(|(id, room)| self.is_idle(**id, room)) else {
                turn.stats.rooms_full += 1;
                return false;
            };
            self.put_aside(id);
        }
        true
    }

    /// The last link of `peer` may be gone: what they opened goes with it, unless we have said something there.
    pub(super) fn put_unanswered_aside(&mut self, peer: PeerKey) {
        let Some(&id) = self.names.get(&Place::Direct(peer)) else { return self.forget_if_gone(&peer) };
        if self.rooms.get(&id).is_some_and(|room| !room.counts() && self.is_idle(id, room)) {
            self.put_aside(id);
        }
    }

    /// Whether this is a conversation with somebody who is not here, and in which nothing is under way.
    fn is_idle(&self, id: RoomKeyId, room: &Room) -> bool {
        matches!(room.place, Place::Direct(_))
            && room.gather.due().is_none()
            && !self.undurable.concerns(id)
            && !self.links.values().any(|link| link.slots.contains(&Some(id)))
    }

    pub(super) fn put_aside(&mut self, id: RoomKeyId) {
        let Some(room) = self.rooms.remove(&id) else { return };
        self.names.remove(&room.place);
        self.timers.clear(Timer::Close(id));
        if let Place::Direct(peer) = &room.place {
            self.forget_if_gone(peer);
        }
        if let Some(own) = room.own {
            self.aside.own.insert(id, own);
        }
        if matches!(room.place, Place::Room(_)) {
            self.aside.floors.insert(id, room.kept_floor);
            if self.aside.floors.len() > LEFT_MAX {
                self.aside.floors.pop_first();
            }
        }
        if !room.strays.is_empty() {
            self.aside.strays.insert(id, room.strays);
        }
        let days = room.history.into_stored(id);
        if !days.is_empty() {
            self.aside.days.insert(id, days);
        }
        for link in self.links.values_mut() {
            link.shared.remove(&id);
            link.queue.retain(|&queued| queued != id);
            link.needs.retain(|(room, _), _| *room != id);
            link.behind.remove(&id);
        }
        // Records show who is in open rooms only.
        if matches!(room.place, Place::Room(_)) {
            self.shown.values_mut().for_each(|rooms| {
                rooms.remove(&id);
            });
        }
    }
}

impl Room {
    /// Whether it takes one of the places for rooms. A conversation does once we have said something in it; what
    /// others open and say takes none, or strangers could fill them all.
    fn counts(&self) -> bool {
        matches!(self.place, Place::Room(_)) || self.own.is_some()
    }
}

/// Where the history of somebody begins who enters a room on the day of `now`; while that is not known, no day at all
/// is wanted.
pub(super) fn first_day(now: Option<Stamp>) -> u32 {
    day_of(now.unwrap_or(STAMP_MAX)).saturating_sub(NEWCOMER_DAYS)
}

/// Has the store keep whether we are in a room, and from which day on.
pub(super) fn keep(turn: &mut Turn<'_>, room: StoredRoom) {
    turn.out.push(Wish::Persist(Record::Room(room)));
}
