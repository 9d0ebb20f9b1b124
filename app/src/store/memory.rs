//! The store that leaves nothing behind: it answers like the one on disk, as long as the program runs.

mod deed;
mod row;
mod said;
mod topics;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use bytes::Bytes;
use chat_core::{
    Answer, EntryId, Forgotten, GIVEN_MAX, IdSum, MessageId, Nick, OwnEntry, PeerKey, Place, Record, Request,
    RoomKeyId, RoomName, Stamp, State, StoreError, StoredAuthor, StoredDay, StoredEntry, StoredKeep,
    StoredPeer, StoredRoom, StoredStray, StoredSuccessor, StoredTrust, Topic, Trust,
};

use self::said::Said;
use super::{
    Cursor, DAY, Fresh, Known, PEERS_MAX, PEERS_TOLD, Search, Shown, Store, Told, Worth, day_of,
    friends_first,
};

/// A store in memory.
#[derive(Debug)]
pub struct Memory {
    own: PeerKey,
    bytes_max: usize,
    bytes: usize,
    nick: Option<Nick>,
    rooms: BTreeMap<RoomName, StoredRoom>,
    peers: BTreeMap<PeerKey, StoredPeer>,
    friends: BTreeSet<PeerKey>,
    /// How many entries each has written.
    authors: BTreeMap<PeerKey, usize>,
    entries: BTreeMap<EntryId, Held>,
    stamps: BTreeMap<RoomKeyId, BTreeSet<(Stamp, EntryId)>>,
    days: BTreeMap<(RoomKeyId, u32), (IdSum, Stamp)>,
    newest_own: BTreeMap<RoomKeyId, (Stamp, EntryId)>,
    said: Said,
    trusts: BTreeMap<PeerKey, Trust>,
    keeps: BTreeMap<RoomKeyId, StoredKeep>,
    successors: BTreeMap<(RoomKeyId, PeerKey), StoredSuccessor>,
}

/// An entry.
#[derive(Debug)]
struct Held {
    room: RoomKeyId,
    stamp: Stamp,
    placed: Stamp,
    author: PeerKey,
    bytes: Bytes,
    /// What it takes here.
    size: usize,
}

impl Memory {
    /// Bytes of entries that may be held.
    pub const BYTES_MAX: usize = 256 << 20;

    /// An empty store of the person `own` that takes about `bytes_max` bytes.
    #[must_use]
    pub fn new(own: PeerKey, bytes_max: usize) -> Self {
        Self {
            own,
            bytes_max,
            bytes: 0,
            nick: None,
            rooms: BTreeMap::new(),
            peers: BTreeMap::new(),
            friends: BTreeSet::new(),
            authors: BTreeMap::new(),
            entries: BTreeMap::new(),
            stamps: BTreeMap::new(),
            days: BTreeMap::new(),
            newest_own: BTreeMap::new(),
            said: Said::default(),
            trusts: BTreeMap::new(),
            keeps: BTreeMap::new(),
            successors: BTreeMap::new(),
        }
    }

    fn entry(&mut self, entry: &StoredEntry, on_fresh: impl FnMut(Told)) {
        if self.entries.contains_key(&entry.id) {
            return;
        }
        let StoredEntry { room, stamp, placed, author, .. } = *entry;
        let held = Held { room, stamp, placed, author, bytes: entry.bytes.clone(), size: size(entry) };
        self.bytes += held.size;
        self.entries.insert(entry.id, held);
        self.stamps.entry(entry.room).or_default().insert((entry.stamp, entry.id));
        let (sum, newest) = self.days.entry((entry.room, day_of(entry.stamp))).or_default();
        sum.add(&entry.id);
        *newest = (*newest).max(entry.stamp);
        *self.authors.entry(entry.author).or_default() += 1;
        if entry.author == self.own {
            if let Place::Direct(key) = entry.place {
                self.friends.insert(key);
            }
            let own = (entry.stamp, entry.id);
            let newest = self.newest_own.entry(entry.room).or_insert(own);
            *newest = (*newest).max(own);
        }
        self.said.add(entry, on_fresh);
    }

    /// What is remembered of people, and which entry of ours was the newest, stays.
    fn forget(&mut self, forgotten: &Forgotten) {
        for id in &forgotten.ids {
            if self.entries.get(id).is_none_or(|held| held.room != forgotten.room) {
                continue;
            }
            let Some(Held { room, stamp, author, size, .. }) = self.entries.remove(id) else { continue };
            self.bytes -= size;
            if let Some(stamps) = self.stamps.get_mut(&room) {
                stamps.remove(&(stamp, *id));
                let day = (room, day_of(stamp));
                let first = Stamp(u64::from(day.1) * DAY);
                let newest = stamps.range((first, EntryId([0; 32]))..).map(|(stamp, _)| *stamp);
                let newest = newest.take_while(|stamp| day_of(*stamp) == day.1).last();
                match (self.days.get_mut(&day), newest) {
                    (Some((sum, of_day)), Some(newest)) => {
                        sum.remove(id);
                        *of_day = newest;
                    }
                    _ => drop(self.days.remove(&day)),
                }
            }
            if let Some(count) = self.authors.get_mut(&author) {
                *count -= 1;
            }
            self.authors.retain(|_, count| *count > 0);
            self.said.forget(room, *id);
        }
    }

    /// From now on these stand at the stamps that they claim.
    fn settle_places(&mut self, room: RoomKeyId, ids: &[EntryId]) {
        for id in ids {
            if let Some(held) = self.entries.get_mut(id).filter(|held| held.room == room) {
                held.placed = held.stamp;
                self.said.move_to(held.stamp, room, *id);
            }
        }
    }

    fn forget_peers(&mut self) {
        while self.peers.len() > PEERS_MAX.unsigned_abs() as usize {
            let Some(last) = self.peers.values().max_by_key(|peer| self.rank(peer)) else { return };
            let key = last.key;
            self.peers.remove(&key);
        }
    }

    fn ranked_peers(&self) -> Vec<StoredPeer> {
        let mut peers: Vec<_> = self.peers.values().cloned().collect();
        peers.sort_by_key(|peer| self.rank(peer));
        peers
    }

    fn rank(&self, peer: &StoredPeer) -> impl Ord + use<> {
        let worth = match peer.key {
            key if self.friends.contains(&key) => Worth::Friend,
            key if self.authors.contains_key(&key) => Worth::Author,
            _ => Worth::Seen,
        };
        friends_first(worth, peer.seen, peer.key)
    }

    /// Of the rooms of one name, the one that the person is or was last in.
    fn meant(&self, place: &Place) -> Option<RoomKeyId> {
        match place {
            Place::Room(name) => self.rooms.get(name).and_then(|room| room.id),
            Place::Direct(_) => None,
        }
    }

    /// The same, and those whose places it has taken.
    fn meant_by_all(&self, place: &Place) -> Option<BTreeSet<RoomKeyId>> {
        let followed = self.successors.values().filter(|known| known.followed).map(|known| known.former);
        self.meant(place).map(|meant| followed.chain([meant]).collect())
    }

    /// Whoever has written in a room, who wrote last first.
    fn authors_of(&self, room: RoomKeyId) -> Vec<StoredAuthor> {
        let mut newest: BTreeMap<PeerKey, Stamp> = BTreeMap::new();
        let ids = self.stamps.get(&room).into_iter().flatten();
        for held in ids.filter_map(|(_, id)| self.entries.get(id)) {
            let newest = newest.entry(held.author).or_default();
            *newest = (*newest).max(held.placed);
        }
        let mut authors: Vec<_> = newest.into_iter().map(|(key, stamp)| (Reverse(stamp), key)).collect();
        authors.sort_unstable();
        authors.truncate(GIVEN_MAX);
        let direct = |key| self.peers.get(&key).map(|peer| peer.direct);
        authors.into_iter().map(|(_, key)| StoredAuthor { key, direct: direct(key) }).collect()
    }

    fn stored_trusts(&self) -> Vec<StoredTrust> {
        self.trusts.iter().map(|(&key, &trust)| StoredTrust { key, trust }).collect()
    }

    fn state(&self) -> State {
        let mut peers = self.ranked_peers();
        peers.truncate(PEERS_TOLD.unsigned_abs() as usize);
        let days =
            self.days.iter().map(|(&(room, day), &(sum, newest))| StoredDay { room, day, sum, newest });
        let strays = self.entries.iter().filter(|(_, held)| held.placed != held.stamp);
        let stray = |(&id, held): (&EntryId, &Held)| {
            let Held { room, stamp, author, placed, .. } = *held;
            StoredStray { room, id, stamp, author, placed }
        };
        let own = self.newest_own.iter().map(|(&room, &(stamp, id))| OwnEntry { room, id, stamp });
        State {
            nick: self.nick.clone(),
            rooms: self.rooms.values().cloned().collect(),
            peers,
            days: days.collect(),
            own: own.collect(),
            strays: strays.map(stray).collect(),
            trusts: self.stored_trusts(),
            keeps: self.keeps.values().cloned().collect(),
            successors: self.successors.values().cloned().collect(),
        }
    }
}

impl Store for Memory {
    fn append(&mut self, batches: &[Vec<Record>]) -> Result<Vec<Fresh>, StoreError> {
        let entries = batches.iter().flatten().filter_map(|record| match record {
            Record::Entry(entry) if !self.entries.contains_key(&entry.id) => Some(size(entry)),
            _ => None,
        });
        if self.bytes + entries.sum::<usize>() > self.bytes_max {
            return Err(StoreError::Full);
        }
        let mut fresh = Vec::new();
        for (batch, records) in batches.iter().enumerate() {
            for record in records {
                match record {
                    Record::Entry(entry) => self.entry(entry, |told| fresh.push(Fresh { batch, told })),
                    Record::Peer(peer) => {
                        self.peers.insert(peer.key, peer.clone());
                    }
                    Record::Room(room) => {
                        self.rooms.insert(room.name.clone(), room.clone());
                    }
                    Record::Nick(nick) => self.nick = Some(nick.clone()),
                    Record::Trust(StoredTrust { key, trust }) => {
                        self.trusts.insert(*key, *trust);
                        self.trusts.retain(|_, trust| *trust != Trust::default());
                        let blocked = self.trusts.iter().filter(|(_, trust)| trust.blocked);
                        self.said.set_blocked(blocked.map(|(key, _)| *key).collect());
                    }
                    Record::Keep(keep) => _ = self.keeps.insert(keep.room, keep.clone()),
                    Record::Successor(known) => {
                        self.successors.insert((known.successor, known.from), (**known).clone());
                    }
                    Record::NoSuccessor(room, from) => _ = self.successors.remove(&(*room, *from)),
                    Record::Forget(forgotten) => self.forget(forgotten),
                    Record::Settle(room, ids) => self.settle_places(*room, ids),
                    other => log::error!("store: unknown record {other:?}"),
                }
            }
        }
        self.forget_peers();
        Ok(fresh)
    }

    fn fetch(&mut self, what: &Request) -> Result<Answer, StoreError> {
        Ok(match what {
            Request::State => Answer::State(self.state()),
            Request::Entries { room, ids } => {
                let found = ids.iter().filter_map(|id| match self.entries.get(id) {
                    Some(held) if held.room == *room => Some((*id, held.bytes.clone())),
                    _ => None,
                });
                Answer::Entries(found.collect())
            }
            Request::Ids { room, from, to } if from < to => {
                let (first, end) = ((*from, EntryId([0; 32])), (*to, EntryId([0; 32])));
                let stamps = self.stamps.get(room).into_iter().flat_map(|stamps| stamps.range(first..end));
                Answer::Ids(stamps.copied().collect())
            }
            Request::Authors { room } => Answer::Authors(self.authors_of(*room)),
            _ => Answer::Ids(Vec::new()),
        })
    }

    fn history(
        &mut self,
        place: &Place,
        limit: usize,
        before: Option<MessageId>,
    ) -> Result<Option<Vec<Cursor>>, StoreError> {
        Ok(self.said.history(place, self.meant_by_all(place).as_ref(), limit, before))
    }

    fn shown(&mut self, cursors: &[Cursor]) -> Result<Vec<Shown>, StoreError> {
        Ok(cursors.iter().filter_map(|&cursor| self.said.shown(cursor)).collect())
    }

    fn since(&mut self, cursor: Cursor, limit: usize) -> Result<Vec<Told>, StoreError> {
        Ok(self.said.since(cursor, limit))
    }

    fn latest(&mut self, place: Option<&Place>, limit: usize) -> Result<Vec<Shown>, StoreError> {
        let meant = place.and_then(|place| self.meant_by_all(place));
        Ok(self.said.latest(place, meant.as_ref(), limit))
    }

    fn find(&mut self, id: MessageId) -> Result<Option<Shown>, StoreError> {
        Ok(self.said.find(id))
    }

    fn room_of(&mut self, entry: EntryId) -> Result<Option<RoomKeyId>, StoreError> {
        Ok(self.entries.get(&entry).map(|held| held.room))
    }

    fn search(&mut self, search: &Search) -> Result<Vec<Shown>, StoreError> {
        let meant = search.place.as_ref().and_then(|place| self.meant_by_all(place));
        Ok(self.said.search(search, meant.as_ref()))
    }

    fn topics(&mut self) -> Result<BTreeMap<Place, Topic>, StoreError> {
        Ok(self.said.topics(|place| self.meant(place)))
    }

    fn trusts(&mut self) -> Result<Vec<StoredTrust>, StoreError> {
        Ok(self.stored_trusts())
    }

    fn newest(&mut self) -> Result<Cursor, StoreError> {
        Ok(self.said.newest())
    }

    fn known(&mut self) -> Result<Vec<Known>, StoreError> {
        let known = |peer: StoredPeer| Known { talked: self.friends.contains(&peer.key), peer };
        Ok(self.ranked_peers().into_iter().map(known).collect())
    }
}

/// What an entry takes here, roughly: its bytes, and its texts with what stands beside them.
fn size(entry: &StoredEntry) -> usize {
    const BESIDE: usize = 256;
    let texts = entry.messages.iter().map(|message| message.text.len() + BESIDE);
    let changes = entry.changes.len() * BESIDE;
    BESIDE + entry.bytes.len() + texts.sum::<usize>() + changes
}
