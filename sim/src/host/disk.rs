//! A host's store: a log of records, of which a part is safe and the rest is lost when the power fails.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chat_core::{
    Answer, EntryId, GIVEN_MAX, IdSum, MessageId, OwnEntry, PeerKey, Record, Request, RoomKeyId, Stamp,
    State, StoreError, StoredAuthor, StoredDay, StoredEntry, Wanted,
};

use super::shelf::piece;

/// Microseconds of a day, the unit of [`StoredDay`].
const DAY: u64 = 86_400_000_000;

/// What is on a host's disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    log: Vec<Record>,
    /// How many of the log's records survive a failing power.
    synced: usize,
    index: Index,
    pub(crate) mood: Mood,
}

/// How the disk behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mood {
    /// No room is left.
    pub(crate) full: bool,
    /// It says that all is safe, and has not written it.
    pub(crate) lies: bool,
    /// It takes so many times as long.
    pub(crate) slow: Option<u32>,
}

/// What is left of the unsynced part when the power fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// Its first records, this many of 256.
    Torn(u8),
}

#[derive(Clone, Debug, Default)]
struct Index {
    entries: BTreeMap<(RoomKeyId, Stamp, EntryId), usize>,
    by_id: BTreeMap<EntryId, (RoomKeyId, Stamp, usize)>,
    /// The newest record of each kind and subject, as places in the log.
    peers: BTreeMap<PeerKey, usize>,
    rooms: BTreeMap<String, usize>,
    nick: Option<usize>,
    trusts: BTreeMap<PeerKey, usize>,
    keeps: BTreeMap<RoomKeyId, usize>,
    successors: BTreeMap<(RoomKeyId, PeerKey), usize>,
}

impl Disk {
    /// Appends records, which are not safe yet.
    pub(crate) fn append(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        if self.mood.full {
            return Err(StoreError::Full);
        }
        for record in records {
            self.index.add(self.log.len(), &record);
            self.log.push(record);
        }
        Ok(())
    }

    /// Makes safe what was in the log when it had `length` records; a liar only says so.
    pub(crate) fn sync(&mut self, length: usize) {
        if !self.mood.lies {
            self.synced = self.synced.max(length.min(self.log.len()));
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.log.len()
    }

    /// The power fails.
    pub(crate) fn crash(&mut self, rest: Rest) {
        let unsynced = self.log.len() - self.synced;
        let kept = match rest {
            Rest::Nothing => 0,
            Rest::Torn(share) => unsynced * usize::from(share) / 256,
        };
        self.cut(self.synced + kept);
    }

    /// Back to what it was when the log had `length` records: a restored backup.
    pub(crate) fn roll_back(&mut self, length: usize) {
        self.cut(length.min(self.log.len()));
    }

    /// Whether an entry is on it.
    pub(crate) fn holds(&self, id: &EntryId) -> bool {
        self.index.by_id.contains_key(id)
    }

    /// The entries on it, by their place in their rooms' order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = (RoomKeyId, Stamp, EntryId)> {
        self.index.entries.keys().copied()
    }

    /// All entries on it, as they were signed.
    pub(crate) fn carried(&self) -> Vec<Bytes> {
        let entries = self.index.entries.values().filter_map(|&place| self.entry(place));
        entries.map(|entry| entry.bytes.clone()).collect()
    }

    pub(crate) fn answer(&self, own: PeerKey, what: &Request) -> Answer {
        match what {
            Request::State => Answer::State(self.state(own)),
            Request::Entries { ids, .. } => {
                let found = ids.iter().filter_map(|id| self.entry(self.index.by_id.get(id)?.2));
                Answer::Entries(found.map(|entry| (entry.id, entry.bytes.clone())).collect())
            }
            Request::Authors { room } => Answer::Authors(self.authors(*room)),
            Request::Ids { room, from, to } => {
                let none = EntryId([0; 32]);
                let range = (*room, *from, none)..(*room, (*to).max(*from), none);
                Answer::Ids(self.index.entries.range(range).map(|(&(_, stamp, id), _)| (stamp, id)).collect())
            }
            Request::Piece { room, file, offset, length } => {
                let offer = self.offer(*file).filter(|(entry, _)| entry.author == own && entry.room == *room);
                let end = offset.saturating_add((*length).into());
                let is_there = offer.is_some_and(|(_, size)| end <= size);
                Answer::Piece(is_there.then(|| piece(*file, *offset, *length as usize).into()))
            }
            other => panic!("a request that the simulator's disk does not know: {other:?}"),
        }
    }

    /// The newest file that `author` has offered, as far as it has come here.
    pub(crate) fn offered_by(&self, author: PeerKey) -> Option<Wanted> {
        let entries = self.index.entries.iter().rev().filter_map(|(_, &place)| self.entry(place));
        let mut messages = entries.filter(|entry| entry.author == author).flat_map(|entry| &entry.messages);
        let message = messages.find(|message| message.file.is_some())?;
        let size = message.file.as_ref()?.size;
        Some(Wanted { file: message.id, place: message.place.clone(), from: author, size, have: 0 })
    }

    /// The entry that offers a file, and the file's size.
    fn offer(&self, file: MessageId) -> Option<(&StoredEntry, u64)> {
        let entry = self.entry(self.index.by_id.get(&file.entry)?.2)?;
        let message = entry.messages.iter().find(|message| message.id == file)?;
        Some((entry, message.file.as_ref()?.size))
    }

    /// Whoever has written in a room, who wrote last first.
    fn authors(&self, room: RoomKeyId) -> Vec<StoredAuthor> {
        let (none, all) = (EntryId([0; 32]), EntryId([0xff; 32]));
        let entries = self.index.entries.range((room, Stamp(0), none)..=(room, Stamp(u64::MAX), all));
        let entries = entries.rev().filter_map(|(_, &place)| self.entry(place));
        let mut seen = BTreeSet::new();
        let direct = |key: &PeerKey| match self.log.get(*self.index.peers.get(key)?) {
            Some(Record::Peer(peer)) => Some(peer.direct),
            _ => None,
        };
        let keys = entries.map(|entry| entry.author).filter(|key| seen.insert(*key));
        keys.map(|key| StoredAuthor { key, direct: direct(&key) }).take(GIVEN_MAX).collect()
    }

    fn cut(&mut self, length: usize) {
        self.log.truncate(length);
        self.synced = length;
        self.index = Index::default();
        for (place, record) in self.log.iter().enumerate() {
            self.index.add(place, record);
        }
    }

    fn entry(&self, place: usize) -> Option<&StoredEntry> {
        match self.log.get(place) {
            Some(Record::Entry(entry)) => Some(entry),
            _ => None,
        }
    }

    fn state(&self, own: PeerKey) -> State {
        let mut state = State::default();
        let mut days: BTreeMap<(RoomKeyId, u32), StoredDay> = BTreeMap::new();
        let mut newest: BTreeMap<RoomKeyId, OwnEntry> = BTreeMap::new();
        for (&(room, stamp, id), &place) in &self.index.entries {
            let day = u32::try_from(stamp.0 / DAY).unwrap_or(u32::MAX);
            let first = StoredDay { room, day, sum: IdSum::default(), newest: stamp };
            let stored = days.entry((room, day)).or_insert(first);
            stored.sum.add(&id);
            stored.newest = stamp;
            if self.entry(place).is_some_and(|entry| entry.author == own) {
                newest.insert(room, OwnEntry { room, id, stamp });
            }
        }
        let at = |place: &usize| self.log.get(*place);
        // The latest first, as many as a store gives.
        let latest: BTreeSet<_> = self.index.peers.values().copied().collect();
        for place in latest.iter().rev().take(256) {
            if let Some(Record::Peer(peer)) = at(place) {
                state.peers.push(peer.clone());
            }
        }
        for place in self.index.rooms.values() {
            if let Some(Record::Room(room)) = at(place) {
                state.rooms.push(room.clone());
            }
        }
        for place in self.index.trusts.values() {
            if let Some(Record::Trust(stored)) = at(place) {
                state.trusts.push(*stored);
            }
        }
        for place in self.index.keeps.values() {
            if let Some(Record::Keep(stored)) = at(place) {
                state.keeps.push(stored.clone());
            }
        }
        for place in self.index.successors.values() {
            if let Some(Record::Successor(stored)) = at(place) {
                state.successors.push((**stored).clone());
            }
        }
        if let Some(Record::Nick(nick)) = self.index.nick.as_ref().and_then(at) {
            state.nick = Some(nick.clone());
        }
        State { days: days.into_values().collect(), own: newest.into_values().collect(), ..state }
    }
}

impl Index {
    fn add(&mut self, place: usize, record: &Record) {
        match record {
            Record::Entry(entry) => {
                self.entries.entry((entry.room, entry.stamp, entry.id)).or_insert(place);
                self.by_id.entry(entry.id).or_insert((entry.room, entry.stamp, place));
            }
            Record::Peer(peer) => {
                self.peers.insert(peer.key, place);
            }
            Record::Room(room) => {
                self.rooms.insert(room.name.to_string(), place);
            }
            Record::Nick(_) => self.nick = Some(place),
            Record::Trust(stored) => {
                self.trusts.insert(stored.key, place);
            }
            Record::Keep(stored) => {
                self.keeps.insert(stored.room, place);
            }
            Record::Successor(known) => {
                self.successors.insert((known.successor, known.from), place);
            }
            Record::NoSuccessor(room, from) => {
                self.successors.remove(&(*room, *from));
            }
            // Nobody is shown anything from this disk.
            Record::Settle(..) => {}
            Record::Forget(forgotten) => {
                for id in &forgotten.ids {
                    if let Some((room, stamp, _)) = self.by_id.remove(id) {
                        self.entries.remove(&(room, stamp, *id));
                    }
                }
            }
            other => panic!("a record that the simulator's disk does not know: {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{Forgotten, Nick, Place, RoomName};

    use super::*;

    const ROOM: RoomKeyId = RoomKeyId([1; 16]);
    const OWN: PeerKey = PeerKey([7; 32]);

    fn entry(number: u8) -> Record {
        Record::Entry(StoredEntry {
            room: ROOM,
            place: Place::Room(RoomName::lobby()),
            id: EntryId([number; 32]),
            stamp: Stamp(u64::from(number)),
            placed: Stamp(u64::from(number)),
            author: OWN,
            bytes: vec![number].into(),
            messages: Vec::new(),
            changes: Vec::new(),
        })
    }

    fn ids(disk: &Disk) -> Vec<u8> {
        disk.ids().map(|(_, _, id)| id.0[0]).collect()
    }

    #[test]
    fn what_was_synced_survives_and_nothing_else() {
        let mut disk = Disk::default();
        disk.append(vec![entry(2), entry(1)]).unwrap();
        disk.sync(2);
        disk.append(vec![entry(3), entry(4)]).unwrap();
        assert_eq!(ids(&disk), [1, 2, 3, 4]);
        let mut torn = disk.clone();
        torn.crash(Rest::Torn(128));
        assert_eq!(ids(&torn), [1, 2, 3]);
        disk.crash(Rest::Nothing);
        assert_eq!(ids(&disk), [1, 2]);
    }

    #[test]
    fn a_liar_loses_what_it_called_safe() {
        let mut disk = Disk::default();
        disk.mood.lies = true;
        disk.append(vec![entry(1)]).unwrap();
        disk.sync(1);
        disk.crash(Rest::Nothing);
        assert!(!disk.holds(&EntryId([1; 32])));
    }

    #[test]
    fn a_full_disk_takes_nothing() {
        let mut disk = Disk::default();
        disk.mood.full = true;
        assert_eq!(disk.append(vec![entry(1)]), Err(StoreError::Full));
        assert!(ids(&disk).is_empty());
    }

    #[test]
    fn what_was_forgotten_is_back_when_that_was_not_synced() {
        let mut disk = Disk::default();
        disk.append(vec![entry(1), entry(2)]).unwrap();
        disk.sync(2);
        let ids_of = |numbers: &[u8]| numbers.iter().map(|number| EntryId([*number; 32])).collect();
        disk.append(vec![Record::Forget(Forgotten { room: ROOM, ids: ids_of(&[2, 9]) })]).unwrap();
        assert_eq!((ids(&disk), disk.carried().len()), (vec![1], 1));
        let mut safe = disk.clone();
        safe.sync(3);
        safe.crash(Rest::Nothing);
        assert_eq!(ids(&safe), [1]);
        disk.crash(Rest::Nothing);
        assert_eq!(ids(&disk), [1, 2]);
    }

    #[test]
    fn it_answers_with_what_is_there() {
        let mut disk = Disk::default();
        disk.append(vec![entry(1), entry(3), Record::Nick(Nick::new("ada").unwrap())]).unwrap();
        let wanted = vec![EntryId([3; 32]), EntryId([9; 32])];
        let Answer::Entries(found) = disk.answer(OWN, &Request::Entries { room: ROOM, ids: wanted }) else {
            panic!("another answer");
        };
        assert_eq!(found.len(), 1);
        let what = Request::Ids { room: ROOM, from: Stamp(1), to: Stamp(3) };
        assert_eq!(disk.answer(OWN, &what), Answer::Ids(vec![(Stamp(1), EntryId([1; 32]))]));
        let Answer::State(state) = disk.answer(OWN, &Request::State) else { panic!("another answer") };
        assert_eq!(state.days[0].sum.count, 2);
        assert_eq!(state.own[0].id, EntryId([3; 32]));
        assert_eq!(state.nick, Some(Nick::new("ada").unwrap()));
    }
}
