//! A room's history as a set of (stamp, id): what every day adds up to, and the ids of the days that matter now.
//!
//! Days of long ago are kept as sums only; their ids are read back from the store when two peers differ in them.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::{
    event::{EntryId, Stamp},
    frames::{Digest, Mark},
    identity::PeerKey,
    store::{IdSum, RoomKeyId, StoredDay},
    suite::Suite,
    time::Instant,
};

/// Entries in one room and day. Beyond it they are refused: 131,072 hold up to eight million messages.
pub(crate) const DAY_ENTRIES_MAX: usize = 1 << 17;
/// The last of them are for all: of each author it takes so many there. Whoever floods a room closes it for nobody else.
const RESERVE: u64 = DAY_ENTRIES_MAX as u64 / 8;
const OF_RESERVE: u16 = 128;

const DAY: u64 = 86_400_000_000;
/// What a day at hand takes beside its ids, in ids.
const DAY_WEIGHT: usize = 16;

/// The day of a stamp, counted from 1970.
pub(crate) fn day_of(stamp: Stamp) -> u32 {
    u32::try_from(stamp.0 / DAY).unwrap_or(u32::MAX)
}

/// The first stamp of a day.
pub(crate) fn start_of(day: u32) -> Stamp {
    Stamp(u64::from(day) * DAY)
}

/// The set of one room's entries.
#[derive(Debug, Default)]
pub(crate) struct History {
    days: BTreeMap<u32, Day>,
}

#[derive(Debug, Default)]
struct Day {
    sum: IdSum,
    newest: Stamp,
    /// All of the day's when `loaded`, otherwise only those added since.
    ids: BTreeSet<(Stamp, EntryId)>,
    loaded: bool,
    used: Instant,
    /// How much of the reserve each author has taken, since the day was loaded.
    late: BTreeMap<PeerKey, u16>,
}

impl Day {
    /// Whether the reserve is untouched.
    const fn is_open(&self) -> bool {
        self.sum.count < DAY_ENTRIES_MAX as u64 - RESERVE
    }

    fn weight(&self) -> usize {
        self.ids.len() + if self.loaded { DAY_WEIGHT } else { 0 }
    }
}

impl History {
    /// Takes in a day that the store has.
    pub(crate) fn restore(&mut self, stored: &StoredDay) {
        let day = Day { sum: stored.sum, newest: stored.newest, ..Day::default() };
        self.days.insert(stored.day, day);
    }

    /// Whether the ids of `day` are at hand. Those of a day that holds nothing are.
    pub(crate) fn is_loaded(&self, day: u32) -> bool {
        self.days.get(&day).is_none_or(|day| day.loaded)
    }

    /// Whether no more entries fit into `day`.
    pub(crate) fn is_full(&self, day: u32) -> bool {
        self.days.get(&day).is_some_and(|day| day.sum.count >= DAY_ENTRIES_MAX as u64)
    }

    /// Whether one more entry of somebody else fits into `day`.
    pub(crate) fn has_room_for(&self, author: &PeerKey, day: u32) -> bool {
        let has_share = |day: &Day| day.is_open() || day.late.get(author) < Some(&OF_RESERVE);
        !self.is_full(day) && self.days.get(&day).is_none_or(has_share)
    }

    /// An entry of somebody else is in `day` now.
    pub(crate) fn count_author(&mut self, author: PeerKey, day: u32) {
        if let Some(day) = self.days.get_mut(&day).filter(|day| !day.is_open()) {
            *day.late.entry(author).or_default() += 1;
        }
    }

    /// The store's ids of `day`; what was added meanwhile stays.
    pub(crate) fn load(&mut self, now: Instant, day: u32, ids: impl Iterator<Item = (Stamp, EntryId)>) {
        let Some(entry) = self.days.get_mut(&day).filter(|day| !day.loaded) else { return };
        entry.ids.extend(ids.filter(|&(stamp, _)| day_of(stamp) == day));
        entry.sum = sum(entry.ids.iter());
        entry.newest = entry.ids.last().map_or(Stamp(0), |&(stamp, _)| stamp);
        entry.loaded = true;
        entry.used = now;
        if entry.ids.is_empty() {
            self.days.remove(&day);
        }
    }

    /// The days at hand that were used last before `before`, each with when that was.
    pub(crate) fn unused_since(&self, before: Instant) -> impl Iterator<Item = (Instant, u32)> {
        let idle = self.days.iter().filter(move |(_, day)| day.loaded && day.used < before);
        idle.map(|(&number, day)| (day.used, number))
    }

    /// Forgets the ids of `day`; answers how many there are less in memory, as [`loaded`](Self::loaded) counts.
    pub(crate) fn unload(&mut self, day: u32) -> usize {
        let Some(day) = self.days.get_mut(&day).filter(|day| day.loaded) else { return 0 };
        let weight = day.weight();
        day.ids = BTreeSet::new();
        day.late = BTreeMap::new();
        day.loaded = false;
        weight
    }

    /// How many ids are in memory. A day at hand counts as some more, so that many that hold hardly anything count, too.
    pub(crate) fn loaded(&self) -> usize {
        self.days.values().map(Day::weight).sum()
    }

    /// Adds an entry; false when it is there already, as far as the day is loaded.
    pub(crate) fn insert(&mut self, now: Instant, stamp: Stamp, id: EntryId) -> bool {
        let day = self.days.entry(day_of(stamp)).or_insert_with(|| Day { loaded: true, ..Day::default() });
        day.used = now;
        let new = day.ids.insert((stamp, id));
        if new {
            day.sum.add(&id);
            day.newest = day.newest.max(stamp);
        }
        new
    }

    /// Takes an entry back that the store did not take.
    pub(crate) fn remove(&mut self, stamp: Stamp, id: EntryId) {
        let number = day_of(stamp);
        let Some(day) = self.days.get_mut(&number) else { return };
        if day.ids.remove(&(stamp, id)) {
            day.sum.remove(&id);
            if day.loaded {
                day.newest = day.ids.last().map_or(Stamp(0), |&(stamp, _)| stamp);
            }
            if day.sum.count == 0 {
                self.days.remove(&number);
            }
        }
    }

    /// Takes an entry out that the store has and is to forget, whether or not its day is loaded.
    pub(crate) fn forget(&mut self, stamp: Stamp, id: EntryId) {
        let number = day_of(stamp);
        let Some(day) = self.days.get_mut(&number) else { return };
        if day.loaded || day.ids.contains(&(stamp, id)) {
            return self.remove(stamp, id);
        }
        day.sum.remove(&id);
        if day.sum.count == 0 {
            self.days.remove(&number);
        }
    }

    /// Whether the entry is there, as far as its day is loaded.
    pub(crate) fn has(&self, stamp: Stamp, id: EntryId) -> bool {
        self.days.get(&day_of(stamp)).is_some_and(|day| day.ids.contains(&(stamp, id)))
    }

    /// The entry that `mark` names, as far as its day is loaded.
    pub(crate) fn find(&self, mark: &Mark) -> Option<EntryId> {
        let (low, high) = mark.ids();
        let day = self.days.get(&day_of(mark.stamp()))?;
        day.ids.range((mark.stamp(), low)..=(mark.stamp(), high)).next().map(|&(_, id)| id)
    }

    /// The newest stamp that is not beyond `limit`, as far as known.
    pub(crate) fn newest(&self, limit: Stamp) -> Option<Stamp> {
        self.days.range(..=day_of(limit)).rev().find_map(|(_, day)| {
            if day.newest <= limit {
                return Some(day.newest);
            }
            day.ids.range(..=(limit, EntryId([u8::MAX; 32]))).next_back().map(|&(stamp, _)| stamp)
        })
    }

    /// The most steps that [`sum`](Self::sum) up to `to` may take, or reading the day that it lacks.
    pub(crate) fn steps(&self, to: Stamp) -> usize {
        self.days.len() + self.count(day_of(to))
    }

    /// What the entries of the days from `from` on and before the stamp `to` add up to, with the number of steps
    /// that it took; or the day that must be loaded first.
    pub(crate) fn sum(&self, from: u32, to: Stamp) -> Result<(IdSum, usize), u32> {
        let (mut total, mut steps) = (IdSum::default(), 0);
        let last = day_of(to);
        if last < from {
            return Ok((total, steps));
        }
        for (&number, day) in self.days.range(from..=last) {
            steps += 1;
            if number < last || day.newest < to {
                total.merge(&day.sum);
            } else if !day.loaded {
                return Err(number);
            } else {
                // Mostly few entries are that new: take them away from the whole.
                let mut part = day.sum;
                for (_, id) in day.ids.range((to, EntryId([0; 32]))..) {
                    part.remove(id);
                    steps += 1;
                }
                total.merge(&part);
            }
        }
        Ok((total, steps))
    }

    /// The (stamp, id) of the loaded entries with `from <= stamp < to`, in order. Both lie in one day, or `to` at
    /// its end.
    pub(crate) fn ids(&self, from: Stamp, to: Stamp) -> impl Iterator<Item = (Stamp, EntryId)> {
        let range = (from, EntryId([0; 32]))..(to.max(from), EntryId([0; 32]));
        self.days.get(&day_of(from)).into_iter().flat_map(move |day| day.ids.range(range.clone()).copied())
    }

    /// The days from `from` up to, not including, `to` that hold anything.
    pub(crate) fn days(&self, from: u32, to: u32) -> impl Iterator<Item = u32> {
        self.days.range(from..to.max(from)).map(|(&day, _)| day)
    }

    /// The digest of one day: of its sum, which is always at hand but which somebody patient could make collide,
    /// or when there is a `key`, of all its marks in order under that key.
    pub(crate) fn digest(&self, suite: &'static dyn Suite, number: u32, key: Option<&[u8; 32]>) -> Digest {
        let Some(day) = self.days.get(&number) else { return Digest::default() };
        let hash = match key {
            Some(key) => {
                let marks = day.ids.iter().flat_map(|(stamp, id)| Mark::new(*stamp, id).0);
                suite.mac(key, &[b"p2p-chat/1 day", &marks.collect::<Vec<u8>>()])
            }
            None => suite.hash(&[b"p2p-chat/1 day", &day.sum.count.to_le_bytes(), &day.sum.sum]),
        };
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// The day from which on the latest `wanted` entries of the days from `floor` to `last` are, or all there are; no
    /// day at all where there is none.
    pub(crate) fn deep(&self, (floor, last): (u32, u32), wanted: usize) -> u32 {
        self.count_back((floor, last), wanted).0
    }

    /// Whether the days from `floor` to `last` have fewer entries than `wanted`.
    pub(crate) fn is_shorter(&self, (floor, last): (u32, u32), wanted: usize) -> bool {
        self.count_back((floor, last), wanted).1 < wanted
    }

    /// Counts back from `last` until there are `wanted` entries, or to `floor`: the day where that ends, and how many
    /// there are.
    fn count_back(&self, (floor, last): (u32, u32), wanted: usize) -> (u32, usize) {
        let (mut deep, mut count) = (u32::MAX, 0usize);
        for (&number, _) in self.days.range(floor..=last.max(floor)).rev() {
            deep = number;
            count = count.saturating_add(self.count(number));
            if count >= wanted {
                break;
            }
        }
        (deep, count)
    }

    /// How many entries `day` holds.
    pub(crate) fn count(&self, day: u32) -> usize {
        self.days.get(&day).map_or(0, |day| usize::try_from(day.sum.count).unwrap_or(usize::MAX))
    }

    /// Forgets the days before `from`; answers which they are.
    pub(crate) fn cut(&mut self, from: u32) -> Vec<u32> {
        let kept = self.days.split_off(&from);
        core::mem::replace(&mut self.days, kept).into_keys().collect()
    }

    /// All of it as sums, for a room that is put aside.
    pub(crate) fn into_stored(self, room: RoomKeyId) -> Vec<StoredDay> {
        let stored = |(day, Day { sum, newest, .. })| StoredDay { room, day, sum, newest };
        self.days.into_iter().map(stored).collect()
    }
}

/// The digest of what a heartbeat speaks of.
pub(crate) fn digest_of(suite: &'static dyn Suite, sum: &IdSum) -> Digest {
    let hash = suite.hash(&[b"p2p-chat/1 room", &sum.count.to_le_bytes(), &sum.sum]);
    hash.first_chunk().copied().unwrap_or_default()
}

fn sum<'a>(ids: impl Iterator<Item = &'a (Stamp, EntryId)>) -> IdSum {
    ids.fold(IdSum::default(), |mut sum, (_, id)| {
        sum.add(id);
        sum
    })
}

#[cfg(test)]
mod tests;
