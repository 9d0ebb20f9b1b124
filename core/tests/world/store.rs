//! A store in memory that answers like the real one.

use std::collections::BTreeMap;

use chat_core::*;

const DAY: u64 = 86_400_000_000;

#[derive(Default)]
pub(crate) struct Store {
    state: State,
    pub(crate) entries: BTreeMap<(RoomKeyId, Stamp, EntryId), StoredEntry>,
    /// Why it takes nothing now.
    pub(crate) fails: Option<StoreError>,
}

impl Store {
    /// What is kept of somebody.
    pub(crate) fn peer_mut(&mut self, key: &PeerKey) -> Option<&mut StoredPeer> {
        self.state.peers.iter_mut().find(|known| known.key == *key)
    }

    pub(crate) fn append(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        self.fails.map_or(Ok(()), Err)?;
        for record in records {
            match record {
                Record::Entry(entry) => {
                    self.entries.entry((entry.room, entry.stamp, entry.id)).or_insert(entry);
                }
                Record::Peer(peer) => {
                    self.state.peers.retain(|known| known.key != peer.key);
                    self.state.peers.insert(0, peer);
                }
                Record::Room(room) => {
                    self.state.rooms.retain(|known| known.name != room.name);
                    self.state.rooms.push(room);
                }
                Record::Nick(nick) => self.state.nick = Some(nick),
                Record::Trust(stored) => {
                    self.state.trusts.retain(|known| known.key != stored.key);
                    self.state.trusts.push(stored);
                }
                Record::Keep(keep) => {
                    self.state.keeps.retain(|known| known.room != keep.room);
                    self.state.keeps.push(keep);
                }
                // It shows nothing to anybody.
                Record::Settle(..) => {}
                other => panic!("a record that this store does not know: {other:?}"),
            }
        }
        Ok(())
    }

    pub(crate) fn answer(&self, what: &Request) -> Answer {
        match what {
            Request::State => Answer::State(self.state()),
            Request::Entries { room, ids } => {
                let find =
                    |id: &EntryId| self.entries.values().find(|entry| entry.room == *room && entry.id == *id);
                let found = ids.iter().filter_map(find);
                Answer::Entries(found.map(|entry| (entry.id, entry.bytes.clone())).collect())
            }
            Request::Piece { .. } => panic!("the host answers for its files"),
            Request::Ids { room, from, to } => {
                let (none, all) = (EntryId([0; 32]), self.entries.keys());
                let within = |key: &&(RoomKeyId, Stamp, EntryId)| {
                    **key >= (*room, *from, none) && **key < (*room, *to, none)
                };
                Answer::Ids(all.filter(within).map(|&(_, stamp, id)| (stamp, id)).collect())
            }
            other => panic!("a request that this store does not know: {other:?}"),
        }
    }

    fn state(&self) -> State {
        let mut days: BTreeMap<(RoomKeyId, u32), StoredDay> = BTreeMap::new();
        let mut own: BTreeMap<RoomKeyId, OwnEntry> = BTreeMap::new();
        for (&(room, stamp, id), entry) in &self.entries {
            let day = u32::try_from(stamp.0 / DAY).unwrap();
            let stored = days.entry((room, day)).or_insert(StoredDay {
                room,
                day,
                sum: IdSum::default(),
                newest: stamp,
            });
            stored.sum.add(&id);
            stored.newest = stamp;
            if entry.messages.iter().any(|message| message.own) {
                own.insert(room, OwnEntry { room, id, stamp });
            }
        }
        let (days, own) = (days.into_values().collect(), own.into_values().collect());
        State { days, own, ..self.state.clone() }
    }
}
