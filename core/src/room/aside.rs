//! Rooms that we are not in now, and conversations with people who are away: what is known of them, and their keys.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    Rooms,
    history::day_of,
    key::{RoomKey, RoomRoot},
    strays::Strays,
};
use crate::{
    event::{EntryId, Place, Stamp},
    identity::PeerKey,
    store::{IdSum, RoomKeyId, StoredDay},
    text::RoomName,
};

/// Left rooms that are remembered.
pub(super) const LEFT_MAX: usize = 1024;

/// What is known of rooms that we are not in now: left ones, and conversations with people who are away.
#[derive(Debug, Default)]
pub(super) struct Aside {
    pub(super) days: BTreeMap<RoomKeyId, Vec<StoredDay>>,
    pub(super) own: BTreeMap<RoomKeyId, (EntryId, Stamp)>,
    pub(super) strays: BTreeMap<RoomKeyId, Strays>,
    pub(super) floors: BTreeMap<RoomKeyId, u32>,
    /// What rooms that were left are called, and the secrets of private ones by these names.
    pub(super) left: BTreeMap<RoomKeyId, RoomName>,
    pub(super) roots: BTreeMap<RoomName, RoomRoot>,
    /// The rooms of conversations with people, as far as one of ours was looked for in them.
    pub(super) partners: BTreeMap<PeerKey, RoomKeyId>,
}

/// Where an entry belongs.
pub(super) enum Home {
    /// In a room that we are in.
    Here,
    /// In one that we know the key of.
    Aside(Place, RoomKey),
}

impl Rooms {
    /// Where an entry of this room and author belongs. A room of a conversation is known by its two people.
    pub(super) fn home_of(&mut self, (room, author): (RoomKeyId, PeerKey)) -> Option<Home> {
        if self.rooms.contains_key(&room) {
            return Some(Home::Here);
        }
        if let Some(name) = self.aside.left.get(&room) {
            let root = self.aside.roots.get(name);
            // A room without a secret may have left its name to a private one.
            let keys = [root, None].map(|root| self.key_of(name, root));
            let key = keys.into_iter().find(|key| key.id() == room)?;
            return Some(Home::Aside(Place::Room(name.clone()), key));
        }
        if let Some((name, key)) = self.former_key(room) {
            return Some(Home::Aside(Place::Room(name), key));
        }
        let partner = if author == self.own.0 { self.partner_in(room)? } else { author };
        let key = self.direct_key(&partner).ok().filter(|key| key.id() == room)?;
        Some(Home::Aside(Place::Direct(partner), key))
    }

    /// With whom we talk in the room of a conversation: nothing in an entry of ours tells, so all are tried, once.
    fn partner_in(&mut self, room: RoomKeyId) -> Option<PeerKey> {
        self.aside.partners.retain(|peer, _| self.peers.contains_key(peer));
        let new: Vec<PeerKey> =
            self.peers.keys().filter(|peer| !self.aside.partners.contains_key(peer)).copied().collect();
        for peer in new {
            if let Ok(key) = self.direct_key(&peer) {
                self.aside.partners.insert(peer, key.id());
            }
        }
        self.aside.partners.iter().find(|(_, id)| **id == room).map(|(&peer, _)| peer)
    }
}

impl Aside {
    /// A room was left, whose secret is `root` if it is private. Of those of one name the last one is meant.
    pub(super) fn remember(&mut self, id: RoomKeyId, name: RoomName, root: Option<RoomRoot>) {
        self.left.retain(|_, left| *left != name);
        self.left.insert(id, name.clone());
        if let Some(root) = root {
            self.roots.insert(name, root);
        }
        if self.left.len() > LEFT_MAX {
            self.left.pop_first();
        }
        if self.roots.len() > LEFT_MAX {
            self.roots.pop_first();
        }
    }

    pub(super) fn count(&self, room: RoomKeyId, day: u32) -> usize {
        let stored = self.days.get(&room).into_iter().flatten().find(|stored| stored.day == day);
        stored.map_or(0, |stored| usize::try_from(stored.sum.count).unwrap_or(usize::MAX))
    }

    pub(super) fn newest(&self, room: RoomKeyId) -> Option<Stamp> {
        self.days.get(&room).into_iter().flatten().map(|stored| stored.newest).max()
    }

    pub(super) fn insert(&mut self, room: RoomKeyId, stamp: Stamp, id: EntryId) {
        let (days, day) = (self.days.entry(room).or_default(), day_of(stamp));
        if let Some(stored) = days.iter_mut().find(|stored| stored.day == day) {
            stored.sum.add(&id);
            stored.newest = stored.newest.max(stamp);
        } else {
            let mut sum = IdSum::default();
            sum.add(&id);
            days.push(StoredDay { room, day, sum, newest: stamp });
        }
    }

    /// Forgets the days of a room before `from`; answers which they are.
    pub(super) fn cut(&mut self, room: RoomKeyId, from: u32) -> Vec<u32> {
        let Some(days) = self.days.get_mut(&room) else { return Vec::new() };
        let (old, kept) = core::mem::take(days).into_iter().partition(|stored| stored.day < from);
        *days = kept;
        Vec::into_iter(old).map(|stored| stored.day).collect()
    }

    pub(super) fn remove(&mut self, room: RoomKeyId, stamp: Stamp, id: EntryId) {
        if let Some(strays) = self.strays.get_mut(&room) {
            strays.remove(&id);
        }
        let Some(days) = self.days.get_mut(&room) else { return };
        if let Some(stored) = days.iter_mut().find(|stored| stored.day == day_of(stamp)) {
            stored.sum.remove(&id);
        }
        days.retain(|stored| stored.sum.count > 0);
    }
}
