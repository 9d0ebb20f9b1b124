//! What is going to happen, in order of time.
//!
//! Of two things at the same time the order is part of what they are (kind, to whom, from whom, the how-manieth of
//! theirs), never of when they were put in: it does not depend on the container, and both containers prove that.

use std::{cmp::Ordering, collections::BTreeMap};

use chat_core::Instant;

mod arena;
mod wheel;

use arena::Arena;
use wheel::Wheel;

/// When something happens, and its place among all that happens then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    at: u64,
    tie: u64,
}

impl Key {
    const KIND: u32 = 60;
    const TO: u32 = 40;
    const FROM: u32 = 20;
    const MASK: u64 = (1 << 20) - 1;

    /// `kind` below 16; hosts below 2^20; of `count` the lowest 20 bits tell apart what one host does in one
    /// nanosecond.
    pub(crate) fn new(at: Instant, kind: u8, to: usize, from: usize, count: u64) -> Self {
        let field = |value: usize| value as u64 & Self::MASK;
        let tie = u64::from(kind) << Self::KIND
            | field(to) << Self::TO
            | field(from) << Self::FROM
            | count & Self::MASK;
        Self { at: at.as_nanos(), tie }
    }

    pub(crate) fn at(self) -> Instant {
        Instant::from_nanos(self.at)
    }

    /// Everything but the time.
    pub(crate) fn tie(self) -> u64 {
        self.tie
    }

    /// Compared as one number there is no branch to be guessed wrong.
    const fn number(self) -> u128 {
        (self.at as u128) << 64 | self.tie as u128
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Which container to use: the results are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Container {
    /// Slots of time: the fast one.
    #[default]
    Wheel,
    /// A search tree: to compare with.
    Tree,
}

/// Things of type `T` to come.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    order: Order,
    things: Arena<T>,
}

/// The places of things in the arena.
#[derive(Debug)]
enum Order {
    Wheel(Box<Wheel>),
    Tree(BTreeMap<Key, u32>),
}

impl<T> Queue<T> {
    pub(crate) fn new(container: Container) -> Self {
        let order = match container {
            Container::Wheel => Order::Wheel(Box::new(Wheel::new())),
            Container::Tree => Order::Tree(BTreeMap::new()),
        };
        Self { order, things: Arena::new() }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, key: Key, thing: T) {
        let place = self.things.put(key, thing);
        match &mut self.order {
            Order::Wheel(wheel) => wheel.push(place, &mut self.things),
            Order::Tree(tree) => {
                let twin = tree.insert(key, place);
                assert!(twin.is_none(), "two events are indistinguishable: {key:?}");
            }
        }
    }

    /// Takes out the first of all, if it is due by `until`.
    #[inline(always)]
    pub(crate) fn pop(&mut self, until: Instant) -> Option<(Key, T)> {
        let until = until.as_nanos();
        let place = match &mut self.order {
            Order::Wheel(wheel) => wheel.pop(until, &self.things)?,
            Order::Tree(tree) => {
                let first = tree.first_entry().filter(|first| first.key().at <= until)?;
                first.remove()
            }
        };
        self.things.take(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Chance, Domain};

    fn key(at: u64, kind: u8, to: usize, from: usize, count: u64) -> Key {
        Key::new(Instant::from_nanos(at), kind, to, from, count)
    }

    const END: Instant = Instant::NEVER;

    #[test]
    fn both_containers_give_the_order_of_the_keys_whatever_the_order_of_putting_in() {
        let keys = [
            key(1, 0, 0, 0, 0),
            key(1, 0, 0, 0, 1),
            key(1, 0, 0, 1, 0),
            key(1, 0, 1, 0, 0),
            key(1, 1, 0, 0, 0),
            key(2, 0, 0, 0, 0),
        ];
        for container in [Container::Wheel, Container::Tree] {
            for start in 0..keys.len() {
                let mut queue = Queue::new(container);
                for step in 0..keys.len() {
                    let index = (start + step * 5) % keys.len();
                    queue.push(keys[index], index);
                }
                let order: Vec<_> = std::iter::from_fn(|| queue.pop(END)).map(|(_, index)| index).collect();
                assert_eq!(order, [0, 1, 2, 3, 4, 5]);
            }
        }
    }

    /// Near and far, in all slots of the wheel and beyond them, many at once and few, with pauses in between.
    #[test]
    fn both_containers_agree_over_all_distances_of_time() {
        let chance = Chance::new(11);
        let draw = |bound, about: &[u64]| chance.below(bound, Domain::Plan, about);
        let [mut wheel, mut tree] = [Container::Wheel, Container::Tree].map(Queue::new);
        let (mut now, mut popped, mut empty) = (0, 0, 0);
        for round in 0..20_000 {
            // Now and then a burst, and otherwise fewer than are taken out again.
            for number in 0..if round % 500 == 0 { 600 } else { draw(2, &[round, 0]) } {
                let distance = draw(1 << draw(36, &[round, number, 1]), &[round, number, 2]);
                let thing = round << 10 | number;
                let key = Key::new(Instant::from_nanos(now + distance), 0, round as usize, 0, number);
                wheel.push(key, thing);
                tree.push(key, thing);
            }
            let until = now + draw(1 << draw(30, &[round, 3]), &[round, 4]);
            for _ in 0..3 {
                let first = wheel.pop(Instant::from_nanos(until));
                assert_eq!(first, tree.pop(Instant::from_nanos(until)));
                match first {
                    Some((key, _)) => (now, popped) = (key.at, popped + 1),
                    None => (now, empty) = (until, empty + 1),
                }
            }
        }
        let rest = std::iter::from_fn(|| wheel.pop(END)).collect::<Vec<_>>();
        assert_eq!(rest, std::iter::from_fn(|| tree.pop(END)).collect::<Vec<_>>());
        assert!(popped > 5_000 && empty > 5_000, "{popped} came in time, {empty} times none did");
    }

    #[test]
    fn what_is_due_later_stays() {
        for container in [Container::Wheel, Container::Tree] {
            let mut queue = Queue::new(container);
            queue.push(key(1_000_000, 0, 0, 0, 0), 1);
            assert_eq!(queue.pop(Instant::from_nanos(999_999)), None);
            // It was looked for, and an earlier one comes nevertheless.
            queue.push(key(5, 0, 0, 0, 0), 0);
            assert_eq!(queue.pop(END).map(|(_, thing)| thing), Some(0));
            assert_eq!(queue.pop(Instant::from_nanos(1_000_000)).map(|(_, thing)| thing), Some(1));
            assert_eq!(queue.pop(END), None);
        }
    }

    #[test]
    fn places_are_used_again() {
        let mut queue = Queue::new(Container::Wheel);
        for round in 0..1000 {
            queue.push(key(round << 13, 0, 0, 0, 0), round);
            queue.push(key(round << 13, 1, 0, 0, 0), round);
            assert_eq!(queue.pop(END).map(|(_, thing)| thing), Some(round));
            assert_eq!(queue.pop(END).map(|(_, thing)| thing), Some(round));
        }
        assert_eq!(queue.things.places(), 2);
    }
}
