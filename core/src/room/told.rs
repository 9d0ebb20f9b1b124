//! What travels about rooms, as somebody who is in them reads it: for traces.

use alloc::{format, string::String, vec::Vec};

use bytes::Bytes;

use super::{Rooms, entry::Entry, item::Item};
use crate::{event::Place, frames::seconds, session::LinkId, store::RoomKeyId, text::one_line};

impl Rooms {
    /// The room that an index means: one of ours in what we send over this link, else one of the peer's.
    pub(crate) fn told_room(&self, link: Option<LinkId>, is_ours: bool, index: u16) -> String {
        let link = link.and_then(|link| self.links.get(&link));
        let id = link.and_then(|link| match is_ours {
            true => link.slots.get(usize::from(index)).copied().flatten(),
            false => link.room_at(index),
        });
        id.and_then(|id| self.told_place(id)).unwrap_or_else(|| format!("room {index}"))
    }

    /// What an entry says, a line for each item; how much it is when we have not its key.
    pub(crate) fn told_entry(&self, bytes: &Bytes) -> Vec<String> {
        let Some(entry) = Entry::read(self.suite, bytes.clone()) else {
            return Vec::from([format!("no entry, {} bytes", bytes.len())]);
        };
        let (author, id, stamp) = (entry.author, entry.id, seconds(entry.stamp));
        let sealed = |why: &str| Vec::from([format!("entry {id:?} of {author:?}, stamp {stamp}: {why}")]);
        let Some(room) = self.rooms.get(&entry.room) else {
            return sealed(&format!("sealed, {} bytes", bytes.len()));
        };
        let body = match entry.open(self.suite, &room.key) {
            Ok(Some(body)) => body,
            Ok(None) => return sealed("of a later version"),
            Err(_) => return sealed("forged"),
        };
        let (nick, place) = (&body.nick, told(&room.place));
        let say = |(index, item): (usize, &Item)| match item {
            Item::Text { text, action, reply } => {
                let how = if *action { " acts" } else { "" };
                let reply =
                    reply.map(|to| format!(", reply to {:?}.{}", to.entry, to.item)).unwrap_or_default();
                format!("{nick}{how} in {place}: {text:?} (entry {id:?}.{index}, stamp {stamp}{reply})")
            }
            Item::File(offer) => {
                format!(
                    "{nick} in {place} offers {:?}, {} bytes (entry {id:?}.{index}, stamp {stamp})",
                    offer.name.as_str(),
                    offer.size
                )
            }
            Item::Change(what) => {
                format!("{nick} in {place}: {what:?} (entry {id:?}.{index}, stamp {stamp})")
            }
            Item::Successor(told) => {
                let (room, without) = (told.room, told.without.len());
                format!(
                    "{nick} in {place}: {room:?} is to follow, without {without} (entry {id:?}.{index}, stamp {stamp})"
                )
            }
            Item::Key(key) => {
                let name = one_line(&key.name);
                format!(
                    "{nick} in {place} gives the key of another {name} (entry {id:?}.{index}, stamp {stamp})"
                )
            }
            Item::Unknown => {
                format!("{nick} in {place}: something of a later version (entry {id:?}.{index})")
            }
        };
        body.items.iter().enumerate().map(say).collect()
    }

    fn told_place(&self, id: RoomKeyId) -> Option<String> {
        self.rooms.get(&id).map(|room| told(&room.place))
    }
}

/// A room's name, or whom a conversation is with.
fn told(place: &Place) -> String {
    match place {
        Place::Room(name) => format!("{name}"),
        Place::Direct(key) => format!("@{key:?}"),
    }
}
