//! What a node asks of the host's store: to append records and to read some back.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{net::SocketAddr, num::NonZeroU16};

use bytes::Bytes;

use crate::{
    change::Change,
    event::{EntryId, Message, MessageId, Place, Stamp},
    identity::PeerKey,
    rekey::StoredSuccessor,
    room::RoomRoot,
    text::{Nick, RoomName},
    time::UnixMillis,
    trust::Trust,
};

/// The public name of a room's key: it tells rooms apart without telling their secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoomKeyId(pub [u8; 16]);

/// One thing to append.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Record {
    /// An entry of a room's history. Storing one that is there already changes nothing.
    Entry(StoredEntry),
    /// A peer that has proven itself; replaces what was known of it.
    Peer(StoredPeer),
    /// A room joined or left; replaces what was known of it.
    Room(StoredRoom),
    /// Our own nick now.
    Nick(Nick),
    /// What the person thinks of a key; replaces what they thought before.
    Trust(StoredTrust),
    /// How long a room is kept; replaces what was known of it.
    Keep(StoredKeep),
    /// A room that is to take another one's place; replaces what was known of it from the same person.
    Successor(Box<StoredSuccessor>),
    /// Nothing more is to be known of such a room from that person.
    NoSuccessor(RoomKeyId, PeerKey),
    /// Entries to erase with all that they say, and what the days add up to without them. Those that are not there
    /// change nothing.
    Forget(Forgotten),
    /// Entries of a room whose stamps are absurd no more, at most [`IDS_MAX`](Forgotten::IDS_MAX): they stand there now,
    /// with all that they say. Those that are not there change nothing.
    Settle(RoomKeyId, Vec<EntryId>),
}

/// An entry as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEntry {
    /// The room it belongs to.
    pub room: RoomKeyId,
    /// The same room as the person knows it.
    pub place: Place,
    /// Its name.
    pub id: EntryId,
    /// Its place in the room's order.
    pub stamp: Stamp,
    /// Its place in the order that people see: the same, unless the stamp is absurd; then when it came. In this place
    /// are its messages and changes, too.
    pub placed: Stamp,
    /// Who wrote it.
    pub author: PeerKey,
    /// The signed bytes as received, at most 32 KiB and a header.
    pub bytes: Bytes,
    /// What it says, opened: what history and search show. Empty when it holds nothing to show.
    pub messages: Vec<Arc<Message>>,
    /// What it changes of what was said before, opened: edits, reactions and the like.
    pub changes: Vec<Change>,
}

/// A peer as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredPeer {
    /// Who.
    pub key: PeerKey,
    /// What it called itself last.
    pub nick: Nick,
    /// Its X25519 key, for direct conversations while it is away.
    pub direct: [u8; 32],
    /// Where it was reached, the latest first, at most 4.
    pub addresses: Vec<SocketAddr>,
    /// When it was last online.
    pub seen: UnixMillis,
}

/// A room as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredRoom {
    /// Its name.
    pub name: RoomName,
    /// Whether we are in it.
    pub joined: bool,
    /// Nothing older than this is wanted.
    pub floor: Stamp,
    /// The public name of its key: of two rooms of one name, the one that is meant now. `None` in what was stored before
    /// there were private rooms.
    pub id: Option<RoomKeyId>,
    /// The secret of a private room.
    pub root: Option<RoomRoot>,
}

/// What the person thinks of a key, as it is stored; the default need not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredTrust {
    /// Whose key.
    pub key: PeerKey,
    /// What they think.
    pub trust: Trust,
}

/// How long a room is kept, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredKeep {
    /// The room.
    pub room: RoomKeyId,
    /// The same room as the person knows it.
    pub place: Place,
    /// What is older than so many whole days is erased; `None` for nothing.
    pub days: Option<NonZeroU16>,
    /// Nothing older than this is wanted: it was erased.
    pub from: Stamp,
}

/// Entries of one room that are to be erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forgotten {
    /// The room.
    pub room: RoomKeyId,
    /// Their names, at most [`IDS_MAX`](Self::IDS_MAX).
    pub ids: Vec<EntryId>,
}

impl Forgotten {
    /// Entries that are erased at a time: so few that a store has soon done it, whatever they say.
    pub const IDS_MAX: usize = 128;
}

/// What to read back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Request {
    /// Everything a node needs to begin: the first output of all.
    State,
    /// The bytes of these entries, those that are there.
    Entries {
        /// Their room.
        room: RoomKeyId,
        /// Their names, at most 64.
        ids: Vec<EntryId>,
    },
    /// A piece of a file that was offered from here, exactly this long.
    Piece {
        /// The room in which whoever asks for it is.
        room: RoomKeyId,
        /// The message that offers it.
        file: MessageId,
        /// The first byte.
        offset: u64,
        /// How many, at most 32 KiB.
        length: u32,
    },
    /// Whoever has written in a room.
    Authors {
        /// The room.
        room: RoomKeyId,
    },
    /// The (stamp, id) of the entries with `from <= stamp < to`.
    Ids {
        /// Their room.
        room: RoomKeyId,
        /// The first stamp.
        from: Stamp,
        /// The first stamp that is not meant any more.
        to: Stamp,
    },
}

/// What the store answers. A host without a store answers each with its `default` or an empty list.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// To [`Request::State`].
    State(State),
    /// To [`Request::Entries`]: in the order asked for.
    Entries(Vec<(EntryId, Bytes)>),
    /// To [`Request::Piece`], in the order in which they were asked for; `None` unless that file was offered in that room
    /// from here, is still offered, and has those bytes.
    Piece(Option<Bytes>),
    /// To [`Request::Authors`]: whoever wrote last first, at most [`GIVEN_MAX`](crate::GIVEN_MAX).
    Authors(Vec<StoredAuthor>),
    /// To [`Request::Ids`]: sorted.
    Ids(Vec<(Stamp, EntryId)>),
}

/// What a store knows at start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// Our own nick, unless never set.
    pub nick: Option<Nick>,
    /// The rooms of old.
    pub rooms: Vec<StoredRoom>,
    /// The peers of old, at most 256: those that the person has written to before strangers, of equals the latest
    /// first.
    pub peers: Vec<StoredPeer>,
    /// What the person thinks of keys, where that is anything.
    pub trusts: Vec<StoredTrust>,
    /// How long rooms are kept, where that was ever asked for.
    pub keeps: Vec<StoredKeep>,
    /// The rooms that are to take the place of others, or have.
    pub successors: Vec<StoredSuccessor>,
    /// For each room and day that has entries, what they add up to.
    pub days: Vec<StoredDay>,
    /// For each room, our own newest entry.
    pub own: Vec<OwnEntry>,
    /// The entries with absurd stamps.
    pub strays: Vec<StoredStray>,
}

/// An entry whose stamp was absurd when it came: its place in the order that people see is another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredStray {
    /// The room it belongs to.
    pub room: RoomKeyId,
    /// Its name.
    pub id: EntryId,
    /// Its stamp.
    pub stamp: Stamp,
    /// Who wrote it.
    pub author: PeerKey,
    /// When it came.
    pub placed: Stamp,
}

/// Somebody who has written in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredAuthor {
    /// Who.
    pub key: PeerKey,
    /// Their X25519 key, if they are remembered.
    pub direct: Option<[u8; 32]>,
}

/// What the entries of one room and day add up to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredDay {
    /// The room.
    pub room: RoomKeyId,
    /// Days since 1970: `stamp / 86_400_000_000`.
    pub day: u32,
    /// The ids of that day.
    pub sum: IdSum,
    /// The newest stamp of that day.
    pub newest: Stamp,
}

/// The newest entry of ours in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnEntry {
    /// The room.
    pub room: RoomKeyId,
    /// Its name.
    pub id: EntryId,
    /// Its stamp.
    pub stamp: Stamp,
}

/// The number of ids in a set, and their sum modulo 2^256: changes with every element, needs no order, and can be
/// kept up to date. A hint that sets are equal, no proof (Wagner's algorithm finds collisions).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IdSum {
    /// How many.
    pub count: u64,
    /// The sum of the ids as little-endian numbers.
    pub sum: [u8; 32],
}

impl IdSum {
    /// Adds one id.
    pub fn add(&mut self, id: &EntryId) {
        self.count = self.count.wrapping_add(1);
        let mut carry = 0u16;
        for (digit, &addend) in self.sum.iter_mut().zip(&id.0) {
            let total = u16::from(*digit) + u16::from(addend) + carry;
            let [low, high] = total.to_le_bytes();
            (*digit, carry) = (low, u16::from(high));
        }
    }

    /// Takes one id away that was added before.
    pub fn remove(&mut self, id: &EntryId) {
        self.count = self.count.wrapping_sub(1);
        let mut borrow = 0u8;
        for (digit, &subtrahend) in self.sum.iter_mut().zip(&id.0) {
            let (once, under) = digit.overflowing_sub(subtrahend);
            let (twice, under_again) = once.overflowing_sub(borrow);
            (*digit, borrow) = (twice, u8::from(under || under_again));
        }
    }

    /// Adds a whole set that shares no id with this one.
    pub fn merge(&mut self, other: &Self) {
        let count = self.count;
        self.add(&EntryId(other.sum));
        self.count = count.wrapping_add(other.count);
    }
}

/// Why records were not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// No room is left.
    #[error("the store is full")]
    Full,
    /// It could not be written.
    #[error("the store failed")]
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_does_not_depend_on_order_and_can_be_taken_back() {
        let ids = [EntryId([0xff; 32]), EntryId([1; 32]), EntryId([0x80; 32])];
        let sum = |ids: &[EntryId]| {
            let mut sum = IdSum::default();
            ids.iter().for_each(|id| sum.add(id));
            sum
        };
        let [a, b, c] = ids;
        assert_eq!(sum(&[a, b, c]), sum(&[c, a, b]));
        let mut less = sum(&ids);
        less.remove(&b);
        assert_eq!(less, sum(&[a, c]));
        let mut merged = sum(&[a]);
        merged.merge(&sum(&[b, c]));
        assert_eq!(merged, sum(&ids));
    }
}
