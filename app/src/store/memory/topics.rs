//! What rooms are about: the latest topic of each author, in their order.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use chat_core::{EntryId, PeerKey, RoomKeyId, Stamp};

use crate::store::Cursor;

/// Where a change stands among those of its room.
type Position = (Stamp, PeerKey, EntryId, u16);

/// The topics of all rooms.
#[derive(Debug, Default)]
pub(super) struct Topics(BTreeMap<RoomKeyId, Room>);

#[derive(Debug, Default)]
struct Room {
    of: BTreeMap<PeerKey, Position>,
    order: BTreeMap<Position, Cursor>,
}

impl Topics {
    /// What `author` has said last that `room` is about.
    pub(super) fn of(&self, room: RoomKeyId, author: PeerKey) -> Option<Cursor> {
        let room = self.0.get(&room)?;
        room.order.get(room.of.get(&author)?).copied()
    }

    /// Takes the place of what its author has said before.
    pub(super) fn put(&mut self, room: RoomKeyId, position: Position, cursor: Cursor) {
        let room = self.0.entry(room).or_default();
        if let Some(before) = room.of.insert(position.1, position) {
            room.order.remove(&before);
        }
        room.order.insert(position, cursor);
    }

    pub(super) fn remove(&mut self, room: RoomKeyId, position: Position) {
        let Some(room) = self.0.get_mut(&room) else { return };
        if room.order.remove(&position).is_some() {
            room.of.remove(&position.1);
        }
    }

    /// Whether the topic at `position` is what `room` is about: no other that is seen comes after it.
    pub(super) fn is_seen(&self, room: RoomKeyId, position: Position, blocked: &BTreeSet<PeerKey>) -> bool {
        let later = (Bound::Excluded(position), Bound::Unbounded);
        let mut later = self.0.get(&room).into_iter().flat_map(|room| room.order.range(later));
        later.all(|((_, author, ..), _)| blocked.contains(author))
    }

    /// What each room is about.
    pub(super) fn seen(&self, blocked: &BTreeSet<PeerKey>) -> Vec<(Cursor, RoomKeyId)> {
        let seen = self.0.iter().filter_map(|(&id, room)| {
            let mut latest = room.order.iter().rev();
            let (_, &cursor) = latest.find(|((_, author, ..), _)| !blocked.contains(author))?;
            Some((cursor, id))
        });
        seen.collect()
    }
}
