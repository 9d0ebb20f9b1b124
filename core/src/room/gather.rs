//! Gathering: the first thing said leaves at once; what is said right behind it waits for company, so that one
//! signature serves what a bot says in bulk, and what a person types waits for nothing.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    entry::ITEMS_MAX,
    item::{ITEMS_BYTES_MAX, Item},
};
use crate::time::Instant;

/// For so long after an entry things said in the same room wait for company.
pub(crate) const GATHER: Duration = Duration::from_millis(2);

/// What an author says in one room, on its way into entries.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    open: Batch,
    /// When the previous entry was closed, or should have been if the timer came late: or whoever says something every
    /// two milliseconds would wait longer each time.
    closed: Option<Instant>,
}

/// What one entry will hold.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    /// The commands that said them, in the same order.
    pub(crate) tags: Vec<u64>,
    size: usize,
}

impl Batch {
    /// Of one item that nobody waits for.
    pub(crate) fn of(item: Item) -> Self {
        Self { size: item.size(), items: Vec::from([item]), tags: Vec::new() }
    }
}

impl Gather {
    /// Takes one item; answers what is ready to become an entry now.
    pub(crate) fn add(&mut self, now: Instant, tag: u64, item: Item) -> Option<Batch> {
        let size = item.size();
        let full = if self.open.size + size > ITEMS_BYTES_MAX { self.close(now) } else { None };
        let waits = !self.open.items.is_empty() || self.closed.is_some_and(|closed| now - closed < GATHER);
        self.open.items.push(item);
        self.open.tags.push(tag);
        self.open.size += size;
        if !waits || self.open.items.len() >= ITEMS_MAX { self.close(now) } else { full }
    }

    /// Takes what waits, if anything does.
    pub(crate) fn close(&mut self, now: Instant) -> Option<Batch> {
        let due = self.due().filter(|&due| due <= now && now - due < GATHER);
        let batch = core::mem::take(&mut self.open);
        (!batch.items.is_empty()).then(|| {
            self.closed = Some(due.unwrap_or(now));
            batch
        })
    }

    /// When what waits has waited enough.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.closed.filter(|_| !self.open.items.is_empty()).map(|closed| closed + GATHER)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::ORIGIN + Duration::from_micros(micros)
    }

    fn item(length: usize) -> Item {
        Item::Text { text: "x".to_string().repeat(length), action: false, reply: None }
    }

    fn tags(batch: Option<Batch>) -> Vec<u64> {
        batch.map(|batch| batch.tags).unwrap_or_default()
    }

    #[test]
    fn the_first_leaves_at_once_and_the_next_waits_two_milliseconds_at_most() {
        let mut gather = Gather::default();
        assert_eq!(tags(gather.add(at(0), 1, item(5))), [1]);
        assert_eq!(gather.due(), None);
        assert_eq!(tags(gather.add(at(500), 2, item(5))), []);
        assert_eq!(tags(gather.add(at(1999), 3, item(5))), []);
        assert_eq!(gather.due(), Some(at(2000)));
        assert_eq!(tags(gather.close(at(2000))), [2, 3]);
        assert_eq!(tags(gather.add(at(3999), 4, item(5))), []);
        assert_eq!(tags(gather.close(at(4000))), [4]);
        assert_eq!(tags(gather.add(at(6000), 5, item(5))), [5]);
    }

    #[test]
    fn late_timers_do_not_add_up_for_whoever_says_something_every_two_milliseconds() {
        let mut gather = Gather::default();
        gather.add(at(0), 0, item(5));
        for number in 1..100 {
            // A little early, so that it has to wait.
            let said = number * 2000 - 10;
            if !tags(gather.add(at(said), number, item(5))).is_empty() {
                continue;
            }
            let due = gather.due().unwrap();
            assert!(due - at(said) <= Duration::from_micros(10), "{number}: {:?}", due - at(said));
            assert_eq!(tags(gather.close(due + Duration::from_micros(60))), [number]);
        }
        // One that is later than a whole entry begins anew.
        gather.add(at(300_000), 200, item(5));
        gather.add(at(300_500), 201, item(5));
        gather.close(at(305_000));
        assert_eq!(tags(gather.add(at(306_000), 202, item(5))), []);
    }

    #[test]
    fn two_hundred_fifty_six_items_do_not_wait() {
        let mut gather = Gather::default();
        gather.add(at(0), 0, item(100));
        let ready = (1..=256).map(|tag| tags(gather.add(at(0), tag, item(100))).len());
        assert_eq!(ready.filter(|&count| count > 0).collect::<Vec<_>>(), [256]);
        assert_eq!(gather.due(), None);
    }

    #[test]
    fn thirty_two_kilobytes_do_not_wait() {
        let mut gather = Gather::default();
        gather.add(at(0), 0, item(5));
        for tag in 1..=7 {
            assert_eq!(tags(gather.add(at(0), tag, item(4096))), []);
        }
        assert_eq!(tags(gather.add(at(0), 8, item(3800))), []);
        assert_eq!(tags(gather.add(at(0), 9, item(3800))), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(tags(gather.close(at(2000))), [9]);
    }
}
