//! How long what was said is kept. What is older leaves the room's history at once and the store bit by bit, by whole
//! days; the room's floor rises with it, so that nobody brings it back and nobody differs for it.
//!
//! Erasing cannot be undone: it goes by the earliest time that our own clock and those of our neighbours agree on.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{num::NonZeroU16, time::Duration};

use super::{
    Rooms, Timer, Turn, Wish,
    history::{day_of, start_of},
};
use crate::{
    event::{EntryId, Event, Place, Refusal, Stamp},
    store::{Forgotten, Record, RoomKeyId, StoreError, StoredDay, StoredKeep},
    time::Instant,
};

/// Entries that the store forgets at a time, at first and at most. It has other things to do meanwhile: when it took
/// long for some it gets fewer the next time, and more when it was quick.
const FORGET_FIRST: usize = 16;
const FORGET_MAX: usize = Forgotten::IDS_MAX;
const FORGET_QUICK: Duration = Duration::from_millis(20);
const FORGET_LONG: Duration = Duration::from_millis(50);
/// Rooms of which it is known how long they are kept.
const KEEPS_MAX: usize = 1024;
/// So long after the start, neighbours have had time to say what time it is.
const SETTLED: Duration = Duration::from_secs(15);
/// A store that did not forget is asked again after this.
const FORGET_AGAIN: Duration = Duration::from_secs(5);

/// How long everything is kept.
#[derive(Debug, Default)]
pub(super) struct Keeps {
    rooms: BTreeMap<RoomKeyId, Keep>,
    /// Days of which the store may still have something that is to be erased.
    forgotten: BTreeSet<(RoomKeyId, u32)>,
    /// The one of them that is being erased.
    erasing: Option<Erasing>,
    /// How many entries the store was told to erase last, unless it is to be told for the first time, and when.
    step: Option<(usize, Instant)>,
    /// The day by which it was looked last at what is too old.
    looked: Option<u32>,
}

/// A day that is being erased.
#[derive(Debug)]
struct Erasing {
    room: RoomKeyId,
    day: u32,
    /// What is left of it; nothing before the store has named its entries.
    rest: Vec<EntryId>,
}

#[derive(Debug)]
struct Keep {
    place: Place,
    days: Option<NonZeroU16>,
    /// The first day of which anything is kept or wanted.
    from: u32,
}

impl Keeps {
    /// The first day that is kept of `room`.
    pub(super) fn from(&self, room: RoomKeyId) -> u32 {
        self.rooms.get(&room).map_or(0, |keep| keep.from)
    }

    /// Whether the person has said for how long `room` is kept.
    pub(super) fn has_rule(&self, room: RoomKeyId) -> bool {
        self.rooms.get(&room).is_some_and(|keep| keep.days.is_some())
    }

    /// Whether nothing of that day is taken in any more.
    pub(super) fn is_forgotten(&self, room: RoomKeyId, day: u32) -> bool {
        day < self.from(room) || self.forgotten.contains(&(room, day))
    }

    /// The same for what the person brings along, who may bring back what is not too old by any rule of now.
    pub(super) fn is_too_old(&self, room: RoomKeyId, day: u32, is_stray: bool) -> bool {
        self.is_forgotten(room, day)
            && (self.has_rule(room) || is_stray || self.forgotten.contains(&(room, day)))
    }
}

impl Rooms {
    /// From now on `place` is kept for so many days.
    pub(super) fn keep_for(&mut self, turn: &mut Turn<'_>, tag: u64, place: Place, days: Option<NonZeroU16>) {
        let id = match self.key_id_of(&place) {
            Ok(id) => id,
            Err(reason) => return turn.refuse(tag, reason),
        };
        if self.keeps.rooms.len() >= KEEPS_MAX && !self.keeps.rooms.contains_key(&id) {
            return turn.refuse(tag, Refusal::TooManyRooms);
        }
        let from = self.keeps.from(id);
        self.keeps.rooms.insert(id, Keep { place: place.clone(), days, from });
        self.store_keep(turn, id);
        turn.event(Event::Kept { place, days });
        turn.event(Event::Done { tag, message: None });
        match self.clock.surely(turn.now) {
            Some(now) => self.forget_before(turn, id, day_of(now)),
            // As soon as it is known what day it is.
            None => self.keeps.looked = None,
        }
    }

    /// The room of a place that we know the key of.
    fn key_id_of(&self, place: &Place) -> Result<RoomKeyId, Refusal> {
        match (self.names.get(place), place) {
            (Some(&id), _) => Ok(id),
            (None, Place::Direct(peer)) => self.direct_key(peer).map(|key| key.id()),
            (None, Place::Room(name)) => {
                let left = self.aside.left.iter().find(|(_, left)| *left == name);
                left.map(|(&id, _)| id).ok_or(Refusal::NotInRoom)
            }
        }
    }

    /// As the store has it: before anything else is restored.
    pub(super) fn restore_keeps(&mut self, turn: &mut Turn<'_>, stored: &[StoredKeep]) {
        for StoredKeep { room, place, days, from } in stored.iter().take(KEEPS_MAX) {
            let keep = Keep { place: place.clone(), days: *days, from: day_of(*from) };
            self.keeps.rooms.insert(*room, keep);
            if days.is_some() {
                turn.event(Event::Kept { place: place.clone(), days: *days });
            }
        }
    }

    /// What the store has of one day; what was to be erased when the last run ended still is.
    pub(super) fn restore_day(&mut self, day: &StoredDay) {
        if self.keeps.is_forgotten(day.room, day.day) {
            self.keeps.forgotten.insert((day.room, day.day));
        } else {
            self.aside.days.entry(day.room).or_default().push(day.clone());
        }
    }

    /// Forgets what has become too old since it was looked last: once a day, and after the start.
    pub(super) fn forget_old(&mut self, turn: &mut Turn<'_>) {
        let is_settled = self.restored.is_some_and(|restored| turn.now - restored >= SETTLED);
        let Some(today) = self.clock.surely(turn.now).map(day_of).filter(|_| is_settled) else { return };
        if self.keeps.looked.replace(today) != Some(today) {
            let rooms: Vec<RoomKeyId> = self.keeps.rooms.keys().copied().collect();
            rooms.into_iter().for_each(|room| self.forget_before(turn, room, today));
            self.forget_strays(turn, start_of(today));
        }
        self.erase_next(turn);
    }

    /// Forgets what is too old in one room today.
    fn forget_before(&mut self, turn: &mut Turn<'_>, id: RoomKeyId, today: u32) {
        let Some(keep) = self.keeps.rooms.get_mut(&id) else { return };
        let Some(days) = keep.days else { return };
        let from = today.saturating_sub(days.get().into());
        if from <= keep.from {
            return;
        }
        keep.from = from;
        self.store_keep(turn, id);
        let days = match self.rooms.get_mut(&id) {
            Some(room) => room.history.cut(from),
            None => self.aside.cut(id, from),
        };
        self.keeps.forgotten.extend(days.into_iter().map(|day| (id, day)));
        self.settled = None;
        self.settle_floors(turn);
        self.erase_next(turn);
    }

    /// Wants the history of `id` from `day` on again, if it is kept for ever; answers whether that is news.
    pub(super) fn keep_from(&mut self, turn: &mut Turn<'_>, id: RoomKeyId, day: u32) -> bool {
        let keep = self.keeps.rooms.get_mut(&id);
        let Some(keep) = keep.filter(|keep| keep.days.is_none() && keep.from > day) else { return false };
        keep.from = day;
        self.store_keep(turn, id);
        true
    }

    /// A clock that was ahead must not hide a room once it is right: nothing is too old that would not be by `today`.
    pub(super) fn settle_keeps(&mut self, turn: &mut Turn<'_>, today: u32) {
        let latest = |keep: &Keep| today.saturating_sub(keep.days.map_or(0, |days| days.get().into()));
        let ahead = self.keeps.rooms.iter_mut().filter(|(_, keep)| keep.from > latest(keep));
        let mut changed = Vec::new();
        for (&id, keep) in ahead {
            keep.from = latest(keep);
            changed.push(id);
        }
        changed.into_iter().for_each(|id| self.store_keep(turn, id));
    }

    fn store_keep(&self, turn: &mut Turn<'_>, room: RoomKeyId) {
        let Some(Keep { place, days, from }) = self.keeps.rooms.get(&room) else { return };
        let (place, days, from) = (place.clone(), *days, start_of(*from));
        turn.out.push(Wish::Persist(Record::Keep(StoredKeep { room, place, days, from })));
    }

    /// Asks the store what it has of the next day that is to be erased.
    fn erase_next(&mut self, turn: &mut Turn<'_>) {
        if self.keeps.erasing.is_some() || self.timers.get(Timer::Erase).is_some() {
            return;
        }
        let Some(&(room, day)) = self.keeps.forgotten.first() else { return };
        self.keeps.erasing = Some(Erasing { room, day, rest: Vec::new() });
        self.fetch_forgotten(turn, room, day);
    }

    /// The store has these entries of the day that is being erased.
    pub(super) fn on_forgotten_day(&mut self, turn: &mut Turn<'_>, ids: Vec<(Stamp, EntryId)>) {
        let Some(erasing) = &mut self.keeps.erasing else { return };
        erasing.rest = ids.into_iter().map(|(_, id)| id).collect();
        self.erase(turn);
    }

    /// Has the store erase some of what is left of the day.
    fn erase(&mut self, turn: &mut Turn<'_>) {
        let count = self.keeps.step.map_or(FORGET_FIRST, |(count, _)| count);
        let Some(Erasing { room, day, rest }) = &mut self.keeps.erasing else { return };
        let (room, day) = (*room, *day);
        let ids = rest.split_off(rest.len().saturating_sub(count));
        if ids.is_empty() {
            self.keeps.forgotten.remove(&(room, day));
            self.keeps.erasing = None;
            return self.erase_next(turn);
        }
        self.keeps.step = Some((count, turn.now));
        turn.stats.forgotten += ids.len() as u64;
        turn.out.push(Wish::Persist(Record::Forget(Forgotten { room, ids })));
    }

    /// The store has erased what it was to erase, or has not.
    pub(crate) fn on_forgotten(&mut self, turn: &mut Turn<'_>, result: Result<(), StoreError>) {
        if let Some((count, since)) = &mut self.keeps.step {
            *count = match turn.now - *since {
                took if took > FORGET_LONG => (*count / 2).max(1),
                took if took < FORGET_QUICK => (*count * 2).min(FORGET_MAX),
                _ => *count,
            };
        }
        match result {
            Ok(()) => self.erase(turn),
            Err(_) => {
                self.keeps.erasing = None;
                self.timers.set(Timer::Erase, turn.now + FORGET_AGAIN);
            }
        }
    }

    /// The store may forget now.
    pub(super) fn on_erase_again(&mut self, turn: &mut Turn<'_>) {
        self.erase_next(turn);
    }
}
