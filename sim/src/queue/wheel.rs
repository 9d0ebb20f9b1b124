//! A calendar in which most of what is to come is put where it belongs at once, and looked at again when it is its turn.
//!
//! Time is cut into slots of [`SLOT`] nanoseconds. What comes in the slot under way is in a heap, which is small, and in
//! order; what comes in one of the next [`SLOTS`] is in a list for each; what comes later is in another heap. Varghese
//! and Lauck have it (Hashed and Hierarchical Timing Wheels, 1987), but here no slot is visited in vain: a bit tells which
//! are empty.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::{
    Key,
    arena::{Arena, NOWHERE},
};

/// The length of a slot is a power of two: 33 µs, in which little happens even in a crowd, and all of them together
/// are 134 ms, which is longer than most ways and delays.
const SLOT: u32 = 15;
const SLOTS: usize = 64 * 64;

/// The order of things that lie in an arena.
#[derive(Debug)]
pub(super) struct Wheel {
    /// The slot under way.
    turn: u64,
    /// What comes before it is over.
    near: BinaryHeap<Entry>,
    /// For each of the slots after it the first place of its list.
    slots: Box<[u32; SLOTS]>,
    /// A bit for each slot whose list is not empty, and a bit for each word of those that is not 0.
    taken: [u64; SLOTS / 64],
    words: u64,
    /// What comes after all the slots.
    far: BinaryHeap<Entry>,
}

/// In a heap the greatest comes first: that is the earliest.
#[derive(PartialEq, Eq, Debug)]
struct Entry {
    key: Key,
    place: u32,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // No two have the same key.
        other.key.cmp(&self.key)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            turn: 0,
            near: BinaryHeap::new(),
            slots: Box::new([NOWHERE; SLOTS]),
            taken: [0; SLOTS / 64],
            words: 0,
            far: BinaryHeap::new(),
        }
    }

    #[inline]
    pub(super) fn push<T>(&mut self, place: u32, things: &mut Arena<T>) {
        let key = things.key(place);
        let slot = slot_of(key);
        if slot <= self.turn {
            self.near.push(Entry { key, place });
        } else if slot - self.turn < SLOTS as u64 {
            let index = index_of(slot);
            things.link(place, std::mem::replace(&mut self.slots[index], place));
            self.taken[index / 64] |= 1 << (index % 64);
            self.words |= 1 << (index / 64);
        } else {
            self.far.push(Entry { key, place });
        }
    }

    /// The place of the first, if that is due by `until`.
    #[inline]
    pub(super) fn pop<T>(&mut self, until: u64, things: &Arena<T>) -> Option<u32> {
        while self.near.is_empty() {
            if let Some(place) = self.advance(until, things)? {
                return Some(place);
            }
        }
        self.near.peek().filter(|first| first.key.at <= until)?;
        self.near.pop().map(|first| first.place)
    }

    /// It is the turn of the next slot in which anything happens. If that is one thing only, and due, here is its place.
    #[inline]
    fn advance<T>(&mut self, until: u64, things: &Arena<T>) -> Option<Option<u32>> {
        let listed = self.next().unwrap_or(u64::MAX);
        let far = self.far.peek().map_or(u64::MAX, |first| slot_of(first.key));
        if listed.min(far) == u64::MAX {
            return None;
        }
        self.turn = listed.min(far);
        if listed == self.turn {
            let mut place = self.clear(index_of(listed));
            if listed < far && things.next(place) == NOWHERE && things.key(place).at <= until {
                return Some(Some(place));
            }
            while place != NOWHERE {
                self.near.push(Entry { key: things.key(place), place });
                place = things.next(place);
            }
        }
        while let Some(first) = self.far.peek()
            && slot_of(first.key) == self.turn
        {
            self.near.extend(self.far.pop());
        }
        Some(None)
    }

    /// The next slot whose list is not empty.
    fn next(&self) -> Option<u64> {
        let start = index_of(self.turn + 1);
        let (word, bit) = (start / 64, start % 64);
        let rest = self.taken[word] >> bit;
        let index = if rest != 0 {
            start + rest.trailing_zeros() as usize
        } else if self.words != 0 {
            // In a circle: last come those of the same word that are before the bit.
            let turned = self.words.rotate_right(word as u32 + 1);
            let word = (word + 1 + turned.trailing_zeros() as usize) % 64;
            word * 64 + self.taken[word].trailing_zeros() as usize
        } else {
            return None;
        };
        let ahead = index.wrapping_sub(start) % SLOTS;
        Some(self.turn + 1 + ahead as u64)
    }

    /// Empties a slot: what its list was.
    fn clear(&mut self, index: usize) -> u32 {
        let word = &mut self.taken[index / 64];
        *word &= !(1 << (index % 64));
        if *word == 0 {
            self.words &= !(1 << (index / 64));
        }
        std::mem::replace(&mut self.slots[index], NOWHERE)
    }
}

const fn slot_of(key: Key) -> u64 {
    key.at >> SLOT
}

const fn index_of(slot: u64) -> usize {
    slot as usize % SLOTS
}
