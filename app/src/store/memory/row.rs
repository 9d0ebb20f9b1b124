//! Messages by their number. Numbers only rise and few are left out, so that a place in a row is enough: of many messages
//! most of what it takes to keep them is the messages.

use std::{collections::VecDeque, sync::Arc};

use chat_core::Message;

use crate::store::{Cursor, Shown};

/// The messages, without their reactions.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The number of the first place.
    first: Cursor,
    places: VecDeque<Option<Kept>>,
}

/// A message as it is now.
#[derive(Debug)]
struct Kept {
    message: Arc<Message>,
    edited: bool,
    deleted: bool,
}

impl Row {
    /// Puts a message in its place, which is behind all others or was its own before.
    pub(super) fn put(&mut self, shown: Shown) {
        let Shown { cursor, message, edited, deleted, .. } = shown;
        let kept = Some(Kept { message, edited, deleted });
        if self.places.is_empty() {
            self.first = cursor;
        }
        match self.at(cursor) {
            Some(at) if at < self.places.len() => self.places[at] = kept,
            Some(at) => {
                self.places.resize_with(at, || None);
                self.places.push_back(kept);
            }
            None => log::error!("store: a message of before, {cursor}"),
        }
    }

    pub(super) fn get(&self, cursor: Cursor) -> Option<Shown> {
        self.places.get(self.at(cursor)?)?.as_ref().map(|kept| kept.shown(cursor))
    }

    pub(super) fn remove(&mut self, cursor: Cursor) -> Option<Shown> {
        let kept = self.at(cursor).and_then(|at| self.places.get_mut(at)?.take())?;
        while matches!(self.places.front(), Some(None)) {
            self.places.pop_front();
            self.first += 1;
        }
        Some(kept.shown(cursor))
    }

    /// Those from this number on.
    pub(super) fn since(&self, cursor: Cursor) -> impl DoubleEndedIterator<Item = Shown> {
        let from = self.at(cursor.max(self.first)).unwrap_or(usize::MAX);
        let numbered = self.places.iter().enumerate().skip(from);
        numbered.filter_map(|(at, kept)| Some(kept.as_ref()?.shown(self.first + at as Cursor)))
    }

    fn at(&self, cursor: Cursor) -> Option<usize> {
        usize::try_from(cursor.checked_sub(self.first)?).ok()
    }
}

impl Kept {
    fn shown(&self, cursor: Cursor) -> Shown {
        let Self { edited, deleted, .. } = *self;
        Shown { edited, deleted, ..Shown::new(cursor, Arc::clone(&self.message)) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chat_core::{BootId, EntryId, MessageId, Nick, PeerKey, Place, RoomName, Stamp, UnixMillis};
    use quickcheck::quickcheck;

    use super::*;

    fn message(number: u64) -> Arc<Message> {
        Arc::new(Message {
            id: MessageId { entry: EntryId([1; 32]), item: 0 },
            place: Place::Room(RoomName::lobby()),
            from: PeerKey([1; 32]),
            boot: BootId(1),
            nick: Nick::lenient("bo"),
            text: number.to_string(),
            action: false,
            reply: None,
            file: None,
            sent: UnixMillis(0),
            stamp: Stamp(0),
            late: false,
            own: false,
        })
    }

    quickcheck! {
        fn it_is_a_map_of_rising_numbers(steps: Vec<(u8, u8)>) -> bool {
            let (mut row, mut map, mut last) = (Row::default(), BTreeMap::new(), 0);
            steps.into_iter().all(|(kind, number)| {
                let number = u64::from(number);
                match kind % 4 {
                    0 | 1 => {
                        last += 1 + number % 3;
                        row.put(Shown::new(last, message(last)));
                        map.insert(last, Shown::new(last, message(last)));
                    }
                    2 => {
                        let there = map.keys().nth((number % 16) as usize).copied();
                        if let Some(mut shown) = there.and_then(|cursor| row.get(cursor)) {
                            shown.deleted = true;
                            map.insert(shown.cursor, shown.clone());
                            row.put(shown);
                        }
                    }
                    _ => assert_eq!(row.remove(number), map.remove(&number)),
                }
                let later: Vec<Shown> = map.range(number..).map(|(_, shown)| shown.clone()).collect();
                let back: Vec<Shown> = map.values().rev().cloned().collect();
                row.since(number).collect::<Vec<_>>() == later && row.since(0).rev().collect::<Vec<_>>() == back
            })
        }
    }
}
