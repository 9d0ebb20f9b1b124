//! Which rooms we are in: open ones by name, conversations by the other's key.

use super::{
    Known, Room, Rooms, Timer, Turn, gather,
    history::{History, day_of, start_of},
    key::RoomKey,
    spread::Strays,
};
use crate::{
    event::{Event, Place, Refusal, Stamp},
    identity::PeerKey,
    store::{Record, RoomKeyId, StoredRoom},
    text::{Nick, RoomName},
    time::Instant,
};

/// So far back a newcomer to a room wants its history.
const NEWCOMER_DAYS: u32 = 1;
/// Left rooms whose floors are remembered.
const LEFT_MAX: usize = 1024;

impl Rooms {
    /// Enters the rooms of old; on the very first start the lobby.
    pub(super) fn restore_rooms(&mut self, turn: &mut Turn<'_>, stored: &[StoredRoom]) {
        for room in stored {
            let key = RoomKey::open(self.suite, &room.name);
            self.aside.floors.insert(key.id(), day_of(room.floor));
            if room.joined {
                // What the store has beyond the cap stays there.
                let _ = self.enter(turn, key, Place::Room(room.name.clone()));
            }
        }
        if stored.is_empty() {
            self.enter_open(turn, RoomName::lobby());
        }
    }

    pub(super) fn join(&mut self, turn: &mut Turn<'_>, tag: u64, name: RoomName) {
        let entered = self.names.contains_key(&Place::Room(name.clone())) || self.enter_open(turn, name);
        turn.event(match entered {
            true => Event::Done { tag, message: None },
            false => Event::Refused { tag, reason: Refusal::TooManyRooms },
        });
    }

    pub(super) fn leave(&mut self, turn: &mut Turn<'_>, tag: u64, name: RoomName) {
        let place = Place::Room(name.clone());
        if let Some(&id) = self.names.get(&place) {
            // What was said before goes out before.
            self.on_gathered(turn, id);
            self.put_aside(id);
            let floor = self.aside.floors.get(&id).map_or(Stamp(0), |&day| start_of(day));
            turn.out.push(super::Wish::Persist(Record::Room(StoredRoom { name, joined: false, floor })));
            self.prove_all(turn);
        }
        turn.event(Event::Done { tag, message: None });
    }

    /// The room of the conversation with `peer`, opened if need be.
    pub(super) fn open_direct(&mut self, turn: &mut Turn<'_>, peer: PeerKey) -> Result<RoomKeyId, Refusal> {
        let place = Place::Direct(peer);
        if let Some(&id) = self.names.get(&place) {
            return Ok(id);
        }
        let known = self.peers.get(&peer).ok_or(Refusal::UnknownPeer)?;
        let key = RoomKey::direct(self.suite, &self.identity, &peer, &known.direct);
        self.enter(turn, key.ok_or(Refusal::UnknownPeer)?, place)
    }

    /// Keeps what is known of a person.
    pub(super) fn learn(&mut self, key: PeerKey, direct: [u8; 32], nick: Nick) {
        if self.peers.len() < self.peers_max || self.peers.contains_key(&key) {
            self.peers.insert(key, Known { direct, nick });
        }
    }

    /// What `key` calls themselves, as far as known.
    pub(super) fn nick_of(&self, key: &PeerKey) -> Option<&Nick> {
        if *key == self.own.0 {
            return Some(&self.nick);
        }
        self.peers.get(key).map(|known| &known.nick)
    }

    fn enter_open(&mut self, turn: &mut Turn<'_>, name: RoomName) -> bool {
        let key = RoomKey::open(self.suite, &name);
        let newest = day_of(self.clock.stamp(turn.now)).saturating_sub(NEWCOMER_DAYS);
        let floor = self.aside.floors.entry(key.id()).or_insert(newest);
        // A clock that was ahead at the first join must not hide the room once it is right.
        *floor = newest.min(*floor);
        let floor = *floor;
        let entered = self.enter(turn, key, Place::Room(name.clone())).is_ok();
        if entered {
            let floor = start_of(floor);
            turn.out.push(super::Wish::Persist(Record::Room(StoredRoom { name, joined: true, floor })));
        }
        entered
    }

    fn enter(&mut self, turn: &mut Turn<'_>, key: RoomKey, place: Place) -> Result<RoomKeyId, Refusal> {
        if self.rooms.len() >= self.rooms_max && !self.put_an_idle_one_aside() {
            turn.stats.rooms_full += 1;
            return Err(Refusal::TooManyRooms);
        }
        let id = key.id();
        let mut history = History::default();
        self.aside.days.remove(&id).unwrap_or_default().iter().for_each(|day| history.restore(day));
        let room = Room {
            key,
            place: place.clone(),
            floor: self.aside.floors.get(&id).copied().unwrap_or(0),
            gather: gather::Gather::default(),
            own: self.aside.own.remove(&id),
            arrival: None,
            strays: Strays::default(),
            history,
        };
        self.rooms.insert(id, room);
        self.names.insert(place, id);
        self.load_today(turn, id);
        self.prove_all(turn);
        Ok(id)
    }

    /// Puts aside a conversation with somebody who is not here and in which nothing is under way.
    fn put_an_idle_one_aside(&mut self) -> bool {
        let idle = |(id, room): &(&RoomKeyId, &Room)| {
            matches!(room.place, Place::Direct(_))
                && room.gather.due().is_none()
                && !self.undurable.concerns(**id)
                && !self.links.values().any(|link| link.slots.contains(&Some(**id)))
        };
        let found = self.rooms.iter().find(idle).map(|(&id, _)| id);
        found.is_some_and(|id| {
            self.put_aside(id);
            true
        })
    }

    fn put_aside(&mut self, id: RoomKeyId) {
        let Some(room) = self.rooms.remove(&id) else { return };
        self.names.remove(&room.place);
        self.timers.clear(Timer::Close(id));
        if let Some(own) = room.own {
            self.aside.own.insert(id, own);
        }
        if matches!(room.place, Place::Room(_)) {
            self.aside.floors.insert(id, room.floor);
            if self.aside.floors.len() > LEFT_MAX {
                self.aside.floors.pop_first();
            }
        }
        self.aside.days.insert(id, room.history.into_stored(id));
        for link in self.links.values_mut() {
            link.shared.remove(&id);
            link.queue.retain(|&queued| queued != id);
            link.needs.retain(|(room, _), _| *room != id);
            link.behind.remove(&id);
        }
    }

    /// Forgets the ids of days that nobody has asked about for long, if there are too many in memory.
    pub(super) fn make_room(&mut self, now: Instant) {
        /// Ids in memory, of all rooms.
        const LOADED_MAX: usize = 1 << 18;
        /// A day in use is not forgotten.
        const IN_USE: core::time::Duration = core::time::Duration::from_secs(10);
        let before = Instant::ORIGIN + now.since_origin().saturating_sub(IN_USE);
        let mut loaded: usize = self.rooms.values().map(|room| room.history.loaded()).sum();
        while loaded > LOADED_MAX {
            let unload = |any, room: &mut Room| room.history.unload_before(before) || any;
            if !self.rooms.values_mut().fold(false, unload) {
                return;
            }
            loaded = self.rooms.values().map(|room| room.history.loaded()).sum();
        }
    }
}
