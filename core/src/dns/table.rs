//! Things found by digest: what is known of a thousand others has to be found at the cost of one look at memory.

use alloc::vec::Vec;

/// Things by digest, at most one for each.
///
/// Open addressing with linear probing, at most half full. The digests are made under a key that nobody else knows,
/// so nobody can make many begin at one place. A thing keeps its slot as long as it is there.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// None, or a power of two of them.
    places: Vec<Place>,
    things: Vec<Option<(u64, T)>>,
    /// Which of `things` are free.
    free: Vec<u32>,
}

/// Where the thing of a digest is.
#[derive(Clone, Copy, Debug)]
struct Place {
    key: u64,
    slot: u32,
}

const EMPTY: Place = Place { key: 0, slot: u32::MAX };
const PLACES_MIN: usize = 8;

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), things: Vec::new(), free: Vec::new() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.things.len() - self.free.len()
    }

    /// One more than the highest slot that was ever taken.
    pub(crate) fn slots(&self) -> u32 {
        u32::try_from(self.things.len()).unwrap_or(u32::MAX)
    }

    /// The slot of what has this digest.
    pub(crate) fn find(&self, key: u64) -> Option<u32> {
        let place = self.places.get(self.seek(key)?)?;
        (!place.is_empty()).then_some(place.slot)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.things.get(index(slot))?.as_ref().map(|(_, thing)| thing)
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.things.get_mut(index(slot))?.as_mut().map(|(_, thing)| thing)
    }

    /// The things in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.things).filter_map(|(slot, thing)| Some((slot, &thing.as_ref()?.1)))
    }

    /// Puts a thing in, in the place of what has this digest.
    pub(crate) fn insert(&mut self, key: u64, thing: T) -> u32 {
        if let Some(slot) = self.find(key) {
            self.put(slot, Some((key, thing)));
            return slot;
        }
        if 2 * (self.len() + 1) > self.places.len() {
            self.grow();
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.things.push(None);
            u32::try_from(self.things.len() - 1).unwrap_or(u32::MAX)
        });
        self.put(slot, Some((key, thing)));
        self.place(Place { key, slot });
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let (key, thing) = self.things.get_mut(index(slot))?.take()?;
        self.free.push(slot);
        self.close(key);
        Some(thing)
    }

    fn put(&mut self, slot: u32, thing: Option<(u64, T)>) {
        if let Some(free) = self.things.get_mut(index(slot)) {
            *free = thing;
        }
    }

    fn grow(&mut self) {
        let room = (2 * self.places.len()).max(PLACES_MIN);
        let before = core::mem::replace(&mut self.places, alloc::vec![EMPTY; room]);
        before.into_iter().filter(|place| !place.is_empty()).for_each(|place| self.place(place));
    }

    /// The place of this digest, or the free one that it would get.
    fn seek(&self, key: u64) -> Option<usize> {
        let mask = self.places.len().checked_sub(1)?;
        let mut at = home(key, mask);
        while self.places.get(at).is_some_and(|place| !place.is_empty() && place.key != key) {
            at = (at + 1) & mask;
        }
        Some(at)
    }

    fn place(&mut self, place: Place) {
        if let Some(free) = self.seek(place.key).and_then(|at| self.places.get_mut(at)) {
            *free = place;
        }
    }

    /// Empties the place of a digest; those behind that it kept from theirs move up.
    fn close(&mut self, key: u64) {
        let (Some(mut hole), mask) = (self.seek(key), self.places.len().wrapping_sub(1)) else { return };
        let mut at = (hole + 1) & mask;
        while let Some(place) = self.places.get(at).copied().filter(|place| !place.is_empty()) {
            let (from_home, from_hole) = (at.wrapping_sub(home(place.key, mask)), at.wrapping_sub(hole));
            if from_home & mask >= from_hole & mask {
                self.places.get_mut(hole).into_iter().for_each(|hole| *hole = place);
                hole = at;
            }
            at = (at + 1) & mask;
        }
        self.places.get_mut(hole).into_iter().for_each(|hole| *hole = EMPTY);
    }
}

impl Place {
    const fn is_empty(self) -> bool {
        self.slot == EMPTY.slot
    }
}

const fn home(key: u64, mask: usize) -> usize {
    key as usize & mask
}

const fn index(slot: u32) -> usize {
    slot as usize
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;

    /// Digests that begin at few places, and round the end, so that most things are in the way of others.
    #[test]
    fn it_holds_what_a_map_would_hold() {
        let (mut table, mut map) = (Table::new(), BTreeMap::new());
        let mut state = 7_u64;
        for step in 0..20_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = ((state >> 33) % 90 * 0x1_0000_0003) | 0x3C;
            if step % 5 < if step / 4000 % 2 == 0 { 3 } else { 1 } {
                table.insert(key, step);
                map.insert(key, step);
            } else {
                let removed = table.find(key).and_then(|slot| table.remove(slot));
                assert_eq!(removed, map.remove(&key));
            }
            assert_eq!(table.len(), map.len());
            let found = |key: &u64| table.find(*key).and_then(|slot| table.get(slot));
            assert!(map.iter().all(|(key, thing)| found(key) == Some(thing)), "{step}");
        }
        let mut all: Vec<_> = table.iter().map(|(_, thing)| *thing).collect();
        let mut wanted: Vec<_> = map.values().copied().collect();
        all.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(all, wanted);
        assert!(table.things.len() <= 90, "slots are used again");
    }
}
