//! The history and what else a node keeps: on disk, or in memory when nothing may be left behind.
//!
//! Both stores give the same answers; a property test compares them.

mod memory;
mod settle;
mod sqlite;
#[cfg(test)]
pub(crate) mod tests;

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use chat_core::{
    Answer, Change, Emoji, EntryId, Message, MessageId, PeerKey, Place, Record, Request, RoomKeyId, Stamp,
    StoreError, StoredTrust, Topic, UnixMillis,
};

pub use memory::Memory;
pub(crate) use settle::settle;
pub use sqlite::{OpenError, Sqlite};

/// Peers that are remembered; of more, friends first.
const PEERS_MAX: i64 = 4096;
/// Peers that a node is told of at start, friends first: it calls them all.
const PEERS_TOLD: i64 = 256;
/// Reactions that are shown with a message.
const REACTIONS_MAX: usize = 64;
/// Microseconds in a day: the entries of one day add up to one sum.
const DAY: u64 = 86_400_000_000;

/// The number of a message or change in the order in which it came here: later ones have larger numbers, and none
/// is ever given twice. 0 is before all of them.
pub type Cursor = u64;

/// A message that is stored, as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Its number.
    pub cursor: Cursor,
    /// What was said, with the text of its latest edit; without any once it was taken back.
    pub message: Arc<Message>,
    /// Whether it says something else than at first.
    pub edited: bool,
    /// Whether it was taken back.
    pub deleted: bool,
    /// Who feels what about it, by emoji, then by key; at most 64.
    pub reactions: Vec<(Emoji, PeerKey)>,
}

impl Shown {
    /// A message that nothing has been said about.
    pub(crate) const fn new(cursor: Cursor, message: Arc<Message>) -> Self {
        Self { cursor, message, edited: false, deleted: false, reactions: Vec::new() }
    }

    /// It was edited.
    fn say_instead(&mut self, text: &str) {
        Arc::make_mut(&mut self.message).text = text.into();
        self.edited = true;
    }

    /// It was taken back.
    fn take_back(&mut self) {
        let message = Arc::make_mut(&mut self.message);
        message.text.clear();
        message.file = None;
        (self.edited, self.deleted) = (false, true);
    }
}

/// A change that counts, and what it was about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    /// Its number, one of those that messages have.
    pub cursor: Cursor,
    /// What it does.
    pub change: Change,
    /// The message as it was before; only when it has just changed.
    pub before: Option<Arc<Message>>,
}

/// What a front end tells of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// Somebody said something.
    Message(Shown),
    /// Somebody changed something.
    Change(Box<Changed>),
}

impl From<Changed> for Told {
    fn from(changed: Changed) -> Self {
        Self::Change(Box::new(changed))
    }
}

impl Told {
    /// Its number.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Message(shown) => shown.cursor,
            Self::Change(changed) => changed.cursor,
        }
    }

    /// Whose key said it.
    #[must_use]
    pub fn author(&self) -> PeerKey {
        match self {
            Self::Message(shown) => shown.message.from,
            Self::Change(changed) => changed.change.from,
        }
    }

    /// Whether this very run of the profile said it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        match self {
            Self::Message(shown) => shown.message.own,
            Self::Change(changed) => changed.change.own,
        }
    }
}

/// What is searched for: all of it must be so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// Words that a message has in it, whatever their case and accents; the last one may be the beginning of one.
    pub words: Vec<String>,
    /// Who said it.
    pub from: Option<Author>,
    /// Where.
    pub place: Option<Place>,
    /// Not before that; 0 for any time.
    pub since: Stamp,
    /// At most so many.
    pub limit: usize,
}

/// Somebody who is searched for by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Author {
    /// Those who are called so.
    pub keys: Vec<PeerKey>,
    /// What whoever said it was called then.
    pub nick: String,
}

/// Something that was not there before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fresh {
    /// In which of the batches that were given to [`Store::append`].
    pub batch: usize,
    /// What it is.
    pub told: Told,
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
///
/// What somebody blocked has said is kept, and neither in histories nor among reactions as long as they are blocked; what
/// is new from them is told.
pub trait Store: Send {
    /// Appends all batches in order, all or nothing, and makes them durable. What is there already changes
    /// nothing. The answer names what is new: messages unless they were taken back before they came, and changes
    /// that count. Of changes whose message is not there yet nothing is told, and it comes changed.
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

    /// The first `limit` messages and changes with numbers above `cursor`, in the order in which they came; without messages that
    /// were taken back.
    ///
    /// # Errors
    /// When the disk failed.
    fn since(&mut self, cursor: Cursor, limit: usize) -> Result<Vec<Told>, StoreError>;

    /// The `limit` messages that were said last, in one conversation or anywhere, in the order in which they were said; without
    /// those that were taken back.
    ///
    /// # Errors
    /// When the disk failed.
    fn latest(&mut self, place: Option<&Place>, limit: usize) -> Result<Vec<Shown>, StoreError>;

    /// One message, if it is there.
    ///
    /// # Errors
    /// When the disk failed.
    fn find(&mut self, id: MessageId) -> Result<Option<Shown>, StoreError>;

    /// The room of one entry, if it is there.
    ///
    /// # Errors
    /// When the disk failed.
    fn room_of(&mut self, entry: EntryId) -> Result<Option<RoomKeyId>, StoreError>;

    /// The newest messages that are searched for, in the order in which they came.
    ///
    /// # Errors
    /// When the disk failed.
    fn search(&mut self, search: &Search) -> Result<Vec<Shown>, StoreError>;

    /// What rooms are about.
    ///
    /// # Errors
    /// When the disk failed.
    fn topics(&mut self) -> Result<BTreeMap<Place, Topic>, StoreError>;

    /// What the person thinks of keys, by key.
    ///
    /// # Errors
    /// When the disk failed.
    fn trusts(&mut self) -> Result<Vec<StoredTrust>, StoreError>;

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
fn day_of(stamp: Stamp) -> u32 {
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
