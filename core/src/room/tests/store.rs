//! A store in memory that can be slow, broken or forgetful.

use super::*;

#[derive(Clone, Default)]
pub(super) struct Store {
    pub(super) entries: BTreeMap<(RoomKeyId, Stamp, EntryId), StoredEntry>,
    pub(super) rooms: BTreeMap<RoomName, StoredRoom>,
    pub(super) peers: Vec<StoredPeer>,
    pub(super) own: BTreeMap<RoomKeyId, OwnEntry>,
    pub(super) keeps: BTreeMap<RoomKeyId, StoredKeep>,
    pub(super) successors: BTreeMap<(RoomKeyId, PeerKey), StoredSuccessor>,
    /// How many entries it was told to forget at a time.
    pub(super) forgets: Vec<usize>,
    /// How much longer it takes for each of them.
    pub(super) forgets_in: Duration,
    pub(super) broken: bool,
    /// How long it takes.
    pub(super) takes: Duration,
    pub(super) fetches: usize,
    /// A host without a store: it takes everything and has nothing.
    pub(super) forgetful: bool,
    pub(super) by_id: Option<BTreeMap<EntryId, Bytes>>,
}

impl Store {
    /// It has this from an earlier run, which has shown it.
    pub(super) fn hold(&mut self, place: Place, entry: &entry::Entry) {
        let &entry::Entry { room, id, stamp, author, .. } = entry;
        let (bytes, messages, changes) = (entry.bytes.clone(), Vec::new(), Vec::new());
        let stored = StoredEntry { room, place, id, stamp, placed: stamp, author, bytes, messages, changes };
        self.entries.insert((room, stamp, id), stored);
    }

    pub(super) fn append(
        &mut self,
        record: Record,
        own: PeerKey,
    ) -> Option<(EntryId, Result<(), StoreError>)> {
        match record {
            Record::Entry(entry) => {
                let id = entry.id;
                if self.broken {
                    return Some((id, Err(StoreError::Full)));
                }
                if self.forgetful {
                    return Some((id, Ok(())));
                }
                if entry.author == own {
                    let (room, stamp) = (entry.room, entry.stamp);
                    self.own.insert(room, OwnEntry { room, id, stamp });
                }
                self.entries.insert((entry.room, entry.stamp, id), entry);
                Some((id, Ok(())))
            }
            Record::Room(room) => {
                self.rooms.insert(room.name.clone(), room);
                None
            }
            Record::Keep(keep) => {
                self.keeps.insert(keep.room, keep);
                None
            }
            Record::Successor(known) => {
                self.successors.insert((known.successor, known.from), *known);
                None
            }
            Record::NoSuccessor(room, from) => {
                self.successors.remove(&(room, from));
                None
            }
            Record::Settle(_, ids) => {
                let settled = self.entries.values_mut().filter(|entry| ids.contains(&entry.id));
                settled.for_each(|entry| entry.placed = entry.stamp);
                None
            }
            _ => None,
        }
    }

    pub(super) fn forget(&mut self, forgotten: &Forgotten) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Failed);
        }
        self.forgets.push(forgotten.ids.len());
        self.entries.retain(|(room, _, id), _| *room != forgotten.room || !forgotten.ids.contains(id));
        Ok(())
    }

    pub(super) fn read(&mut self, what: &Request) -> Answer {
        self.fetches += 1;
        match what {
            Request::State => Answer::State(self.state()),
            Request::Entries { room, ids } => {
                assert!(ids.len() <= 64);
                let find = |id: &EntryId| {
                    if let Some(index) = &self.by_id {
                        return Some((*id, index.get(id)?.clone()));
                    }
                    let entry = self.entries.values().find(|entry| entry.room == *room && entry.id == *id)?;
                    Some((*id, entry.bytes.clone()))
                };
                Answer::Entries(ids.iter().filter_map(find).collect())
            }
            Request::Authors { room } => {
                let authors = self.entries.values().rev().filter(|entry| entry.room == *room);
                let mut seen = BTreeSet::new();
                let keys = authors.map(|entry| entry.author).filter(|key| seen.insert(*key));
                let direct = |key| Some(self.peers.iter().find(|peer| peer.key == key)?.direct);
                Answer::Authors(keys.map(|key| StoredAuthor { key, direct: direct(key) }).collect())
            }
            Request::Piece { .. } => Answer::Piece(None),
            Request::Ids { room, from, to } => {
                let range = (*room, *from, EntryId([0; 32]))..(*room, *to, EntryId([0; 32]));
                Answer::Ids(self.entries.range(range).map(|(&(_, stamp, id), _)| (stamp, id)).collect())
            }
        }
    }

    pub(super) fn state(&self) -> State {
        let mut days: BTreeMap<(RoomKeyId, u32), StoredDay> = BTreeMap::new();
        for &(room, stamp, id) in self.entries.keys() {
            let day = history::day_of(stamp);
            let fresh = StoredDay { room, day, sum: IdSum::default(), newest: stamp };
            let stored = days.entry((room, day)).or_insert(fresh);
            stored.sum.add(&id);
            stored.newest = stored.newest.max(stamp);
        }
        let strays = self.entries.values().filter(|entry| entry.placed != entry.stamp);
        let strays = strays.map(|&StoredEntry { room, id, stamp, author, placed, .. }| StoredStray {
            room,
            id,
            stamp,
            author,
            placed,
        });
        State {
            trusts: Vec::new(),
            keeps: self.keeps.values().cloned().collect(),
            nick: None,
            successors: self.successors.values().cloned().collect(),
            rooms: self.rooms.values().cloned().collect(),
            peers: self.peers.clone(),
            days: days.into_values().collect(),
            own: self.own.values().cloned().collect(),
            strays: strays.collect(),
        }
    }
}
