//! The history and what else a node keeps: on disk, or in memory when nothing may be left behind.
//!
//! Both stores give the same answers; a property test compares them.

mod memory;
mod sqlite;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use chat_core::{Answer, Message, MessageId, PeerKey, Place, Record, Request, StoreError, UnixMillis};

pub use memory::Memory;
pub use sqlite::{OpenError, Sqlite};

/// Peers that are remembered; of more, friends first.
const PEERS_MAX: i64 = 4096;
/// Peers that a node is told of at start, friends first: it calls them all.
const PEERS_TOLD: i64 = 256;
/// Microseconds in a day: the entries of one day add up to one sum.
const DAY: u64 = 86_400_000_000;

/// The number of a shown message in the order in which it came here: later ones have larger numbers, and none is
/// ever given twice. 0 is before all of them.
pub type Cursor = u64;

/// A message that is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Its number.
    pub cursor: Cursor,
    /// What was said.
    pub message: Message,
}

/// A message that was not there before, as a place in what was given to [`Store::append`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fresh {
    /// Which batch.
    pub batch: usize,
    /// Which record of the batch.
    pub record: usize,
    /// Which of the entry's messages.
    pub message: usize,
    /// The number it was given.
    pub cursor: Cursor,
}

/// Somebody with whom this profile has met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Who, and what was known last.
    pub peer: chat_core::StoredPeer,
    /// Whether anything was said to them alone from here; that they write to us makes nobody a friend.
    pub talked: bool,
}

/// What keeps the history. All methods may take as long as the disk does.
pub trait Store: Send {
    /// Appends all batches in order, all or nothing, and makes them durable. What is there already changes
    /// nothing. The answer names the messages that are new.
    ///
    /// # Errors
    /// When nothing was stored because there is no room, or because the disk failed.
    fn append(&mut self, batches: &[Vec<Record>]) -> Result<Vec<Fresh>, StoreError>;

    /// Answers a node's request.
    ///
    /// # Errors
    /// When the disk failed.
    fn fetch(&mut self, what: &Request) -> Result<Answer, StoreError>;

    /// The numbers of the newest `limit` messages of a conversation, those before `before` if given, in the
    /// conversation's order, oldest first. `None` when `before` is not there.
    ///
    /// # Errors
    /// When the disk failed.
    fn history(
        &mut self,
        place: &Place,
        limit: usize,
        before: Option<MessageId>,
    ) -> Result<Option<Vec<Cursor>>, StoreError>;

    /// The messages of these numbers in the order asked for, those that are there.
    ///
    /// # Errors
    /// When the disk failed.
    fn shown(&mut self, cursors: &[Cursor]) -> Result<Vec<Shown>, StoreError>;

    /// The first `limit` messages with numbers above `cursor`, in the order in which they came.
    ///
    /// # Errors
    /// When the disk failed.
    fn since(&mut self, cursor: Cursor, limit: usize) -> Result<Vec<Shown>, StoreError>;

    /// The number given last, 0 before the first.
    ///
    /// # Errors
    /// When the disk failed.
    fn newest(&mut self) -> Result<Cursor, StoreError>;

    /// Everybody remembered, friends first.
    ///
    /// # Errors
    /// When the disk failed.
    fn known(&mut self) -> Result<Vec<Known>, StoreError>;
}

/// Which day a stamp falls on, counted from 1970.
fn day_of(stamp: chat_core::Stamp) -> u32 {
    u32::try_from(stamp.0 / DAY).unwrap_or(u32::MAX)
}

/// How much somebody is worth remembering: keys cost nothing, so being seen is not enough.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Worth {
    /// Something was said to them alone from here.
    Friend,
    /// Something they wrote is kept.
    Author,
    Seen,
}

/// Those worth most first, of them those seen last; of two seen at once the lower key first.
fn friends_first(worth: Worth, seen: UnixMillis, key: PeerKey) -> (Worth, Reverse<u64>, [u8; 32]) {
    (worth, Reverse(seen.0), key.0)
}
