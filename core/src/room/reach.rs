//! How far back the history of a room reaches: a day or two hundred entries for whoever enters, and further when the person
//! wants more of it, or brings it along.

use super::{
    Room, Rooms, Turn,
    clock::FIRST,
    history::{day_of, start_of},
    membership::{NEWCOMER_ENTRIES, NEWCOMER_REACH, first_day, keep},
};
use crate::{
    event::{Event, Place, Refusal},
    store::{RoomKeyId, StoredRoom},
};

/// Days that a history reaches further back at least when the person wants more of it.
const EARLIER_LEAST: u32 = 7;

impl Rooms {
    /// The person wants more of what was said in `place` before we came: twice as many days as so far, so that whoever
    /// goes on asking is soon at the beginning, and whoever does not gets no more than that.
    pub(super) fn earlier(&mut self, turn: &mut Turn<'_>, tag: u64, place: &Place) {
        match (self.names.get(place).copied(), place) {
            (Some(id), _) => self.reach_earlier(turn, id),
            // Whoever it is with is not here.
            (None, Place::Direct(_)) => {}
            (None, Place::Room(_)) => return turn.refuse(tag, Refusal::NotInRoom),
        }
        turn.event(Event::Done { tag, message: None });
    }

    fn reach_earlier(&mut self, turn: &mut Turn<'_>, id: RoomKeyId) {
        let today = day_of(self.clock.stamp(turn.now));
        let Some(floor) = self.rooms.get(&id).map(|room| room.floor) else { return };
        let days = today.saturating_sub(floor).max(EARLIER_LEAST);
        let day = floor.saturating_sub(days).max(first_day(Some(FIRST)));
        if day < floor && !self.keeps.has_rule(id) {
            self.reach_back(turn, id, day);
        }
    }

    /// The history of `room` goes back to `day` from now on, and so does what is compared with others.
    pub(super) fn reach_back(&mut self, turn: &mut Turn<'_>, id: RoomKeyId, day: u32) {
        let is_kept_longer = self.keep_from(turn, id, day);
        if self.reach_to(turn, id, day) || is_kept_longer {
            self.settled = None;
            self.settle_floors(turn);
        }
    }

    /// We have said something in a room: a conversation is wanted from its beginning from then on.
    pub(super) fn reach_the_beginning(&mut self, turn: &mut Turn<'_>, id: RoomKeyId) {
        let is_direct = |room: &&mut Room| matches!(room.place, Place::Direct(_)) && room.kept_floor > 0;
        if let Some(room) = self.rooms.get_mut(&id).filter(is_direct) {
            room.kept_floor = 0;
            self.settled = None;
            self.settle_floors(turn);
        }
    }

    /// A neighbour has its latest entries from the day `deep` on. Where nothing much was said of late, a newcomer wants
    /// some of what was said before: no further back than a year, since a neighbour may say any day, and no further than
    /// the person wants to keep.
    pub(super) fn reach_for_the_latest(&mut self, turn: &mut Turn<'_>, id: RoomKeyId, deep: u32) {
        let earliest = self.newest_floor(turn.now).saturating_sub(NEWCOMER_REACH).max(self.keeps.from(id));
        let last = day_of(*self.window(turn, id).end());
        let Some(room) = self.rooms.get(&id) else { return };
        let day = deep.max(earliest);
        let is_wanted = day < room.floor && room.history.is_shorter((room.floor, last), NEWCOMER_ENTRIES);
        if is_wanted && !self.keeps.has_rule(id) {
            self.reach_back(turn, id, day);
        }
    }

    /// Lowers the floor of a room to `day`; answers whether it was higher. Of a conversation the store need not know: what
    /// is wanted of it is found out each time that the two meet.
    fn reach_to(&mut self, turn: &mut Turn<'_>, id: RoomKeyId, day: u32) -> bool {
        let (name, joined, root) = match self.rooms.get_mut(&id) {
            Some(room) if day < room.kept_floor => {
                room.kept_floor = day;
                let Place::Room(name) = &room.place else { return true };
                (name.clone(), true, room.root.clone())
            }
            Some(_) => return false,
            None => {
                let Some(name) = self.aside.left.get(&id) else { return false };
                let floor = self.aside.floors.entry(id).or_insert(u32::MAX);
                if *floor <= day {
                    return false;
                }
                *floor = day;
                let root = self.aside.roots.get(name).filter(|root| self.key_of(name, Some(root)).id() == id);
                (name.clone(), false, root.cloned())
            }
        };
        keep(turn, StoredRoom { name, joined, floor: start_of(day), id: Some(id), root });
        true
    }
}
