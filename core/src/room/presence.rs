//! Who is in which room, as the members' records say: tags that only those in the room recognise.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{Rooms, Turn, key::Side};
use crate::{
    event::{Event, Place},
    identity::{BootId, PeerKey},
    record::TAGS_MAX,
    rekey::GIVEN_MAX,
    store::RoomKeyId,
};

/// The number of tags is always a multiple of this: up to so many rooms look alike (`protocol-review` A1).
const TAGS_STEP: usize = 16;

impl Rooms {
    /// What our own record says of the rooms that we are in: in no order, among noise.
    pub(crate) fn tags(&self) -> Vec<[u8; 8]> {
        let open = self.rooms.values().filter(|room| matches!(room.place, Place::Room(_)));
        let mut tags: Vec<_> = open.map(|room| room.key.tag(self.suite, &self.own)).take(TAGS_MAX).collect();
        let count = tags.len().max(1).next_multiple_of(TAGS_STEP);
        for number in tags.len()..count {
            let noise = self.suite.mac(&self.pads, &[b"tag", &number.to_le_bytes()]);
            tags.push(noise.first_chunk().copied().unwrap_or_default());
        }
        tags.sort_unstable();
        tags
    }

    /// A member says by `tags` which rooms it is in. Answers those that we are in too, and those of its last word.
    pub(crate) fn on_member(
        &mut self,
        turn: &mut Turn<'_>,
        key: PeerKey,
        boot: BootId,
        tags: &[[u8; 8]],
    ) -> (Vec<RoomKeyId>, Vec<RoomKeyId>) {
        let side = Side(key, boot);
        let open = self.rooms.iter().filter(|(_, room)| matches!(room.place, Place::Room(_)));
        let shown = open.filter(|(_, room)| tags.contains(&room.key.tag(self.suite, &side)));
        let rooms: BTreeSet<RoomKeyId> = shown.map(|(&id, _)| id).collect();
        let entered: Vec<_> = rooms.iter().copied().filter(|&room| !self.is_in(room, &key)).collect();
        let former = self.shown.insert(side, rooms.clone()).unwrap_or_default();
        entered.iter().for_each(|room| self.see(*room, key));
        entered.into_iter().for_each(|room| self.tell_presence(turn, room, key, true));
        for &room in former.difference(&rooms) {
            if !self.is_in(room, &key) {
                self.tell_presence(turn, room, key, false);
            }
        }
        (rooms.into_iter().collect(), former.into_iter().collect())
    }

    /// A member is not here any more.
    pub(crate) fn on_member_gone(&mut self, _: &mut Turn<'_>, key: PeerKey, boot: BootId) {
        self.shown.remove(&Side(key, boot));
        self.forget_if_gone(&key);
    }

    /// Whether somebody is in a room of ours, as far as a session or its record says.
    pub(super) fn is_in(&self, room: RoomKeyId, key: &PeerKey) -> bool {
        self.is_shown(room, key)
            || self.links.values().any(|link| link.peer() == *key && link.shared.contains_key(&room))
    }

    /// The same, as far as its record says.
    pub(super) fn is_shown(&self, room: RoomKeyId, key: &PeerKey) -> bool {
        let runs = Side(*key, BootId(0))..=Side(*key, BootId(u64::MAX));
        self.shown.range(runs).any(|(_, rooms)| rooms.contains(&room))
    }

    /// Somebody is in a room of ours; that is known as long as this run lasts.
    pub(super) fn see(&mut self, room: RoomKeyId, key: PeerKey) {
        let room = self.rooms.get_mut(&room).filter(|room| room.seen.len() < GIVEN_MAX);
        room.into_iter().for_each(|room| _ = room.seen.insert(key));
    }

    pub(super) fn tell_presence(&self, turn: &mut Turn<'_>, room: RoomKeyId, key: PeerKey, joined: bool) {
        if let Some(Place::Room(name)) = self.rooms.get(&room).map(|room| &room.place) {
            turn.event(Event::Room { room: name.clone(), key, joined });
        }
    }
}
