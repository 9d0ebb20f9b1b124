//! Where the things to come lie: those in front move, these do not.

use super::Key;

/// Things and their keys, in places that are used again.
#[derive(Debug)]
pub(super) struct Arena<T> {
    places: Vec<Place<T>>,
    /// The first place that is free.
    free: u32,
}

#[derive(Debug)]
struct Place<T> {
    key: Key,
    /// The next of the list that this place is in.
    next: u32,
    thing: Option<T>,
}

/// No place: the end of a list.
pub(super) const NOWHERE: u32 = u32::MAX;

impl<T> Arena<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: NOWHERE }
    }

    // Inlined, as all that takes things by value: each move of one costs more than the rest of the work.
    #[inline(always)]
    pub(super) fn put(&mut self, key: Key, thing: T) -> u32 {
        if self.free == NOWHERE {
            self.grow();
        }
        let place = self.free;
        let free = &mut self.places[place as usize];
        self.free = free.next;
        (free.key, free.thing) = (key, Some(thing));
        place
    }

    /// One more place.
    #[cold]
    fn grow(&mut self) {
        let place = u32::try_from(self.places.len()).ok().filter(|place| *place < NOWHERE);
        self.free = place.expect("fewer than 2^32 things to come");
        self.places.push(Place { key: Key { at: 0, tie: 0 }, next: NOWHERE, thing: None });
    }

    #[inline(always)]
    pub(super) fn take(&mut self, place: u32) -> Option<(Key, T)> {
        let taken = self.places.get_mut(place as usize)?;
        let thing = taken.thing.take()?;
        (taken.next, self.free) = (self.free, place);
        Some((taken.key, thing))
    }

    #[inline]
    pub(super) fn key(&self, place: u32) -> Key {
        self.places[place as usize].key
    }

    /// Which place comes after this one in its list.
    #[inline]
    pub(super) fn next(&self, place: u32) -> u32 {
        self.places[place as usize].next
    }

    /// Puts the place in front of a list.
    #[inline]
    pub(super) fn link(&mut self, place: u32, list: u32) {
        self.places[place as usize].next = list;
    }

    #[cfg(test)]
    pub(super) const fn places(&self) -> usize {
        self.places.len()
    }
}
