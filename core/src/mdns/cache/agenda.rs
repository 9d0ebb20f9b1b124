//! Which owner is to be looked at next.

use alloc::collections::binary_heap::{BinaryHeap, PeekMut};
use core::cmp::Reverse;

use super::owner::Owner;
use crate::{dns::Table, time::Instant};

/// Times of owners that are out of date, beyond as many as there are owners.
pub(super) const STALE_MAX: usize = 64;

/// When each owner is to be looked at, the next one first.
///
/// A time that moves back, as most do when a record is heard again, costs nothing: the owner stays where it was planned,
/// and is put off when that comes to the top. So the top is always right, and the rest may be early.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Instant, u32)>>,
    /// The top: it is asked for with every datagram.
    next: Option<Instant>,
}

impl Agenda {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Who is to be looked at first.
    pub(super) fn first(&self) -> Option<u32> {
        self.heap.peek().map(|Reverse((_, slot))| *slot)
    }

    /// The records of an owner have changed, or it is gone.
    pub(super) fn plan(&mut self, slot: u32, owners: &mut Table<Owner>) {
        if let Some(owner) = owners.get_mut(slot)
            && let Some(due) = owner.due()
            && owner.planned.is_none_or(|planned| due < planned)
        {
            owner.planned = Some(due);
            self.heap.push(Reverse((due, slot)));
            self.next = Some(self.next.map_or(due, |next| next.min(due)));
            if self.heap.len() > 2 * owners.len() + STALE_MAX {
                self.rebuild(owners);
            }
        }
        if self.first() == Some(slot) {
            self.settle(owners);
        }
    }

    /// Puts off or drops what is at the top and should not be.
    fn settle(&mut self, owners: &mut Table<Owner>) {
        while let Some(mut top) = self.heap.peek_mut() {
            let Reverse((at, slot)) = *top;
            let owner = owners.get_mut(slot).filter(|owner| owner.planned == Some(at));
            let due = owner.as_ref().and_then(|owner| owner.due());
            if due == Some(at) {
                break;
            }
            if let Some(owner) = owner {
                owner.planned = due;
            }
            match due {
                Some(due) => *top = Reverse((due, slot)),
                None => {
                    PeekMut::pop(top);
                }
            }
        }
        self.next = self.heap.peek().map(|Reverse((at, _))| *at);
    }

    fn rebuild(&mut self, owners: &mut Table<Owner>) {
        self.heap.clear();
        for slot in 0..owners.slots() {
            if let Some(owner) = owners.get_mut(slot) {
                owner.planned = owner.due();
                self.heap.extend(owner.planned.map(|due| Reverse((due, slot))));
            }
        }
        self.next = self.heap.peek().map(|Reverse((at, _))| *at);
    }
}
