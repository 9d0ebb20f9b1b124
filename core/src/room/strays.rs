//! Strays: entries with stamps outside of a room's window. A clock was wrong, or somebody makes them up. Nobody is silenced
//! for that, but they have no place in an order that they only claim; there are few of each author, and not for ever.

use alloc::{
    collections::{BTreeMap, btree_map},
    vec::Vec,
};
use core::{ops::RangeInclusive, time::Duration};

use super::{
    Rooms, Turn, Wish,
    clock::FIRST,
    history::{day_of, start_of},
    membership::first_day,
};
use crate::{
    event::{EntryId, Stamp},
    identity::PeerKey,
    store::{Forgotten, Record, RoomKeyId, StoredStray},
    time::Instant,
};

/// An entry further ahead of the stamp clock is a stray.
const AHEAD: Duration = Duration::from_secs(10 * 60);
/// Strays of a room from one author, and altogether.
const AUTHOR_MAX: u32 = 64;
const ALL_MAX: usize = 4096;
/// Whether they are strays still is looked at so often, in µs.
const LOOK_AGAIN: u64 = 60_000_000;
/// They are kept for so long.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

/// The strays of a room.
#[derive(Debug, Default)]
pub(super) struct Strays {
    entries: BTreeMap<EntryId, Stray>,
    by_author: BTreeMap<PeerKey, u32>,
}

/// An entry that its stamp does not say much of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stray {
    pub(super) author: PeerKey,
    pub(super) stamp: Stamp,
    /// Where it stands in the order that people see.
    pub(super) placed: Stamp,
}

impl Strays {
    /// Takes one in, unless there are enough already.
    pub(super) fn admit(&mut self, id: EntryId, stray: Stray) -> bool {
        let of_author = self.by_author.get(&stray.author);
        let admitted = self.entries.len() < ALL_MAX && of_author < Some(&AUTHOR_MAX);
        if admitted {
            self.restore(id, stray);
        }
        admitted
    }

    /// One that is kept already.
    pub(super) fn restore(&mut self, id: EntryId, stray: Stray) {
        if let btree_map::Entry::Vacant(free) = self.entries.entry(id) {
            free.insert(stray);
            *self.by_author.entry(stray.author).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, id: &EntryId) {
        let Some(stray) = self.entries.remove(id) else { return };
        if let btree_map::Entry::Occupied(mut count) = self.by_author.entry(stray.author) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes those out that came before `kept` and stand where they came.
    fn expire(&mut self, kept: Stamp) -> Vec<(Stamp, EntryId)> {
        self.take(|stray| !stray.is_at_its_stamp() && stray.placed < kept)
    }

    /// Takes those out that are none any more in this window, and answers those of them that stand elsewhere: their stamps
    /// were too far ahead.
    fn reach(&mut self, window: &RangeInclusive<Stamp>) -> Vec<(Stamp, EntryId)> {
        self.take(|stray| stray.is_at_its_stamp() && window.contains(&stray.stamp));
        self.take(|stray| stray.placed < stray.stamp && stray.stamp <= *window.end())
    }

    fn take(&mut self, which: impl Fn(&Stray) -> bool) -> Vec<(Stamp, EntryId)> {
        let taken = self.entries.iter().filter(|(_, stray)| which(stray));
        let taken: Vec<_> = taken.map(|(&id, stray)| (stray.stamp, id)).collect();
        taken.iter().for_each(|(_, id)| self.remove(id));
        taken
    }
}

impl Stray {
    fn is_at_its_stamp(&self) -> bool {
        self.placed == self.stamp
    }
}

impl Rooms {
    /// The stamps that are no strays in `room` now.
    pub(super) fn window(&self, turn: &Turn<'_>, room: RoomKeyId) -> RangeInclusive<Stamp> {
        let floor = self.rooms.get(&room).map_or(0, |room| room.floor);
        start_of(floor)..=self.latest(turn.now)
    }

    /// Whether no floor goes back as far as `stamp`, or the entry is further ahead than clocks differ.
    pub(super) fn is_absurd(&self, now: Instant, stamp: Stamp) -> bool {
        day_of(stamp) < first_day(Some(FIRST)) || stamp > self.latest(now)
    }

    /// Where an entry stands in the order that people see when it comes now: by its stamp, or where it came if that is
    /// absurd. Who claims to be of the year 9999 does not have the last word until then.
    pub(super) fn placed(&self, now: Instant, stamp: Stamp) -> Stamp {
        if self.is_absurd(now, stamp) { self.clock.stamp(now) } else { stamp }
    }

    /// Forgets the strays that have been kept long enough.
    pub(super) fn forget_strays(&mut self, turn: &mut Turn<'_>, now: Stamp) {
        let kept = Stamp(now.0.saturating_sub(u64::try_from(KEPT.as_micros()).unwrap_or(u64::MAX)));
        let rooms: Vec<RoomKeyId> = self.rooms.keys().copied().collect();
        for id in rooms {
            let Some(room) = self.rooms.get_mut(&id) else { continue };
            let old = room.strays.expire(kept);
            old.iter().for_each(|&(stamp, id)| room.history.forget(stamp, id));
            turn.stats.forgotten += old.len() as u64;
            for some in old.chunks(Forgotten::IDS_MAX) {
                let ids = some.iter().map(|&(_, id)| id).collect();
                turn.out.push(Wish::Persist(Record::Forget(Forgotten { room: id, ids })));
            }
        }
    }

    /// Lets strays stand at their stamps whose time has come: that of a clock that was ahead, or of all after our own clock
    /// was behind.
    pub(super) fn settle_strays(&mut self, turn: &mut Turn<'_>) {
        let latest = self.latest(turn.now);
        if latest.0.abs_diff(self.strays_settled.0) < LOOK_AGAIN {
            return;
        }
        self.strays_settled = latest;
        let here = self.rooms.iter_mut().map(|(&id, room)| (id, room.floor, &mut room.strays));
        let aside = self.aside.strays.iter_mut().map(|(&id, strays)| (id, 0, strays));
        for (room, floor, strays) in here.chain(aside) {
            for some in strays.reach(&(start_of(floor)..=latest)).chunks(Forgotten::IDS_MAX) {
                let ids = some.iter().map(|&(_, id)| id).collect();
                turn.out.push(Wish::Persist(Record::Settle(room, ids)));
            }
        }
    }

    /// As the store has them.
    pub(super) fn restore_strays(&mut self, stored: &[StoredStray]) {
        for &StoredStray { room, id, stamp, author, placed } in stored {
            let strays = self.aside.strays.entry(room).or_default();
            strays.restore(id, Stray { author, stamp, placed });
        }
    }

    /// The latest stamp that is no stray.
    fn latest(&self, now: Instant) -> Stamp {
        let ahead = u64::try_from(AHEAD.as_micros()).unwrap_or(0);
        Stamp(self.clock.stamp(now).0.saturating_add(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_no_stray_any_more_makes_room() {
        let (mut strays, id) = (Strays::default(), |number: u8| EntryId([number; 32]));
        let window = |end| Stamp(1000)..=Stamp(end * LOOK_AGAIN);
        let of = |author, minute, placed| Stray {
            author: PeerKey([author; 32]),
            stamp: Stamp(minute * LOOK_AGAIN),
            placed: Stamp(placed),
        };
        assert!((0..64).all(|number| strays.admit(id(number), of(1, 100 + u64::from(number), 10))));
        assert!(!strays.admit(id(64), of(1, 900, 10)), "enough of one author");
        assert!(strays.admit(id(64), of(2, 900, 10)));
        // The window reaches ten of them, and one that stands where it claims.
        strays.restore(id(91), of(3, 1, LOOK_AGAIN));
        assert_eq!((strays.reach(&window(109)).len(), strays.by_author.get(&PeerKey([3; 32]))), (10, None));
        assert!((70..80).all(|number| strays.admit(id(number), of(1, 900, 20))));
        assert!(!strays.admit(id(80), of(1, 900, 20)));
        // Those that came first have been kept long enough, but for one that stands at its stamp, long ago.
        strays.restore(id(90), Stray { stamp: Stamp(5), ..of(3, 0, 5) });
        assert!(strays.expire(Stamp(10)).is_empty());
        assert_eq!(strays.expire(Stamp(20)).len(), 55);
        (70..=90).for_each(|number| strays.remove(&id(number)));
        assert!(strays.is_empty() && strays.by_author.is_empty());
    }
}
