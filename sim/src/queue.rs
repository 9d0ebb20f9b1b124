//! What is going to happen, in order of time.
//!
//! Of two things at the same time the order is part of what they are (kind, to whom, from whom, the how-manieth of
//! theirs), never of when they were put in: it does not depend on the container, and both containers prove that.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BinaryHeap},
};

use chat_core::Instant;

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
    /// A binary heap of small keys: the fast one.
    #[default]
    Heap,
    /// A search tree: to compare with.
    Tree,
}

/// Things of type `T` to come.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    order: Order,
    /// What the order's slots stand for; free slots form a list.
    things: Vec<Slot<T>>,
    free: Option<u32>,
    len: usize,
    /// What the heap has on top is gone already: what is put in next takes its place, which is cheaper than to take
    /// one out and put another in.
    is_stale: bool,
}

#[derive(Debug)]
enum Order {
    Heap(BinaryHeap<Entry>),
    Tree(BTreeMap<Key, u32>),
}

/// In a heap the greatest comes first: that is the earliest.
#[derive(PartialEq, Eq, Debug)]
struct Entry {
    key: Key,
    slot: u32,
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

#[derive(Debug)]
enum Slot<T> {
    Taken(T),
    Free(Option<u32>),
}

impl<T> Queue<T> {
    pub(crate) fn new(container: Container) -> Self {
        let order = match container {
            Container::Heap => Order::Heap(BinaryHeap::new()),
            Container::Tree => Order::Tree(BTreeMap::new()),
        };
        Self { order, things: Vec::new(), free: None, len: 0, is_stale: false }
    }

    #[cfg(test)]
    const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, key: Key, thing: T) {
        let slot = self.take_slot(thing);
        self.len += 1;
        match &mut self.order {
            Order::Heap(heap) => {
                let entry = Entry { key, slot };
                if std::mem::take(&mut self.is_stale)
                    && let Some(mut top) = heap.peek_mut()
                {
                    *top = entry;
                } else {
                    heap.push(entry);
                }
            }
            Order::Tree(tree) => {
                let twin = tree.insert(key, slot);
                assert!(twin.is_none(), "two events are indistinguishable: {key:?}");
            }
        }
    }

    pub(crate) fn peek(&mut self) -> Option<Key> {
        self.settle();
        match &self.order {
            Order::Heap(heap) => heap.peek().map(|first| first.key),
            Order::Tree(tree) => tree.first_key_value().map(|(key, _)| *key),
        }
    }

    pub(crate) fn pop(&mut self) -> Option<(Key, T)> {
        self.settle();
        let (key, slot) = match &mut self.order {
            Order::Heap(heap) => {
                self.is_stale = true;
                heap.peek().map(|first| (first.key, first.slot))
            }
            Order::Tree(tree) => tree.pop_first(),
        }?;
        let place = self.things.get_mut(slot as usize)?;
        let thing = std::mem::replace(place, Slot::Free(self.free));
        self.free = Some(slot);
        self.len -= 1;
        match thing {
            Slot::Taken(thing) => Some((key, thing)),
            Slot::Free(_) => None,
        }
    }

    /// Takes out what is gone.
    fn settle(&mut self) {
        if std::mem::take(&mut self.is_stale)
            && let Order::Heap(heap) = &mut self.order
        {
            heap.pop();
        }
    }

    fn take_slot(&mut self, thing: T) -> u32 {
        if let Some(slot) = self.free
            && let Some(place) = self.things.get_mut(slot as usize)
            && let Slot::Free(next) = *place
        {
            self.free = next;
            *place = Slot::Taken(thing);
            return slot;
        }
        self.things.push(Slot::Taken(thing));
        u32::try_from(self.things.len() - 1).expect("fewer than 2^32 things to come")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(at: u64, kind: u8, to: usize, from: usize, count: u64) -> Key {
        Key::new(Instant::from_nanos(at), kind, to, from, count)
    }

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
        for container in [Container::Heap, Container::Tree] {
            for start in 0..keys.len() {
                let mut queue = Queue::new(container);
                for step in 0..keys.len() {
                    let index = (start + step * 5) % keys.len();
                    queue.push(keys[index], index);
                }
                assert_eq!(queue.len(), keys.len());
                assert_eq!(queue.peek(), Some(keys[0]));
                let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, index)| index).collect();
                assert_eq!(order, [0, 1, 2, 3, 4, 5]);
            }
        }
    }

    #[test]
    fn slots_are_used_again() {
        let mut queue = Queue::new(Container::Heap);
        for round in 0..1000 {
            queue.push(key(round, 0, 0, 0, 0), round);
            queue.push(key(round, 1, 0, 0, 0), round);
            assert_eq!(queue.pop().map(|(_, thing)| thing), Some(round));
            assert_eq!(queue.pop().map(|(_, thing)| thing), Some(round));
        }
        assert_eq!(queue.things.len(), 2);
    }
}
