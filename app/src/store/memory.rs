//! The store that leaves nothing behind: it answers like the one on disk, as long as the program runs.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use bytes::Bytes;
use chat_core::{
    Answer, EntryId, IdSum, Message, MessageId, Nick, OwnEntry, PeerKey, Place, Record, Request, RoomKeyId,
    RoomName, Stamp, State, StoreError, StoredDay, StoredEntry, StoredPeer, StoredRoom,
};

use super::{Cursor, Fresh, Known, PEERS_MAX, PEERS_TOLD, Shown, Store, Worth, day_of, friends_first};

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
    authors: BTreeSet<PeerKey>,
    entries: BTreeMap<EntryId, (RoomKeyId, Bytes)>,
    stamps: BTreeMap<RoomKeyId, BTreeSet<(Stamp, EntryId)>>,
    days: BTreeMap<(RoomKeyId, u32), (IdSum, Stamp)>,
    newest_own: BTreeMap<RoomKeyId, (Stamp, EntryId)>,
    /// The message of cursor `n` is at `n - 1`.
    messages: Vec<Message>,
    order: BTreeMap<Place, BTreeMap<Position, Cursor>>,
}

/// A message's place in its conversation.
type Position = (Stamp, PeerKey, EntryId, u16);

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
            authors: BTreeSet::new(),
            entries: BTreeMap::new(),
            stamps: BTreeMap::new(),
            days: BTreeMap::new(),
            newest_own: BTreeMap::new(),
            messages: Vec::new(),
            order: BTreeMap::new(),
        }
    }

    fn entry(&mut self, entry: &StoredEntry, mut on_fresh: impl FnMut(usize, Cursor)) {
        if self.entries.contains_key(&entry.id) {
            return;
        }
        self.bytes += size(entry);
        self.entries.insert(entry.id, (entry.room, entry.bytes.clone()));
        self.stamps.entry(entry.room).or_default().insert((entry.stamp, entry.id));
        let (sum, newest) = self.days.entry((entry.room, day_of(entry.stamp))).or_default();
        sum.add(&entry.id);
        *newest = (*newest).max(entry.stamp);
        self.authors.insert(entry.author);
        if entry.author == self.own {
            if let Place::Direct(key) = entry.place {
                self.friends.insert(key);
            }
            let own = (entry.stamp, entry.id);
            let newest = self.newest_own.entry(entry.room).or_insert(own);
            *newest = (*newest).max(own);
        }
        let order = self.order.entry(entry.place.clone()).or_default();
        for (index, message) in entry.messages.iter().enumerate() {
            let position = (entry.stamp, entry.author, entry.id, message.id.item);
            let cursor = self.messages.len() as Cursor + 1;
            if let btree_map::Entry::Vacant(free) = order.entry(position) {
                free.insert(cursor);
                self.messages.push(message.clone());
                on_fresh(index, cursor);
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
            key if self.authors.contains(&key) => Worth::Author,
            _ => Worth::Seen,
        };
        friends_first(worth, peer.seen, peer.key)
    }

    fn state(&self) -> State {
        let mut peers = self.ranked_peers();
        peers.truncate(PEERS_TOLD.unsigned_abs() as usize);
        let days =
            self.days.iter().map(|(&(room, day), &(sum, newest))| StoredDay { room, day, sum, newest });
        let own = self.newest_own.iter().map(|(&room, &(stamp, id))| OwnEntry { room, id, stamp });
        State {
            nick: self.nick.clone(),
            rooms: self.rooms.values().cloned().collect(),
            peers,
            days: days.collect(),
            own: own.collect(),
        }
    }

    /// Where a message stands in its conversation.
    fn position(&self, id: MessageId) -> Option<Position> {
        let message = self.messages.iter().find(|message| message.id == id)?;
        Some((message.stamp, message.from, id.entry, id.item))
    }

    fn at(&self, cursor: Cursor) -> Option<Shown> {
        let index = usize::try_from(cursor.checked_sub(1)?).ok()?;
        self.messages.get(index).map(|message| Shown { cursor, message: message.clone() })
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
            for (record, what) in records.iter().enumerate() {
                match what {
                    Record::Entry(entry) => self.entry(entry, |message, cursor| {
                        fresh.push(Fresh { batch, record, message, cursor });
                    }),
                    Record::Peer(peer) => {
                        self.peers.insert(peer.key, peer.clone());
                    }
                    Record::Room(room) => {
                        self.rooms.insert(room.name.clone(), room.clone());
                    }
                    Record::Nick(nick) => self.nick = Some(nick.clone()),
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
                    Some((of, bytes)) if of == room => Some((*id, bytes.clone())),
                    _ => None,
                });
                Answer::Entries(found.collect())
            }
            Request::Ids { room, from, to } if from < to => {
                let (first, end) = ((*from, EntryId([0; 32])), (*to, EntryId([0; 32])));
                let stamps = self.stamps.get(room).into_iter().flat_map(|stamps| stamps.range(first..end));
                Answer::Ids(stamps.copied().collect())
            }
            _ => Answer::Ids(Vec::new()),
        })
    }

    fn history(
        &mut self,
        place: &Place,
        limit: usize,
        before: Option<MessageId>,
    ) -> Result<Option<Vec<Cursor>>, StoreError> {
        let end = match before.map(|id| self.position(id)) {
            Some(None) => return Ok(None),
            known => known.flatten(),
        };
        let order = self.order.get(place).into_iter().flatten().rev();
        let earlier = order.filter(|(position, _)| end.is_none_or(|end| **position < end));
        let mut cursors: Vec<Cursor> = earlier.take(limit).map(|(_, &cursor)| cursor).collect();
        cursors.reverse();
        Ok(Some(cursors))
    }

    fn shown(&mut self, cursors: &[Cursor]) -> Result<Vec<Shown>, StoreError> {
        Ok(cursors.iter().filter_map(|&cursor| self.at(cursor)).collect())
    }

    fn since(&mut self, cursor: Cursor, limit: usize) -> Result<Vec<Shown>, StoreError> {
        let newest = self.messages.len() as Cursor;
        Ok((cursor.saturating_add(1)..=newest).take(limit).filter_map(|cursor| self.at(cursor)).collect())
    }

    fn newest(&mut self) -> Result<Cursor, StoreError> {
        Ok(self.messages.len() as Cursor)
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
    BESIDE + entry.bytes.len() + texts.sum::<usize>()
}
