//! What somebody said: the message, where it was said, and what names it.

use alloc::{boxed::Box, string::String};
use core::{fmt, str::FromStr};

use crate::{
    files::Offer,
    identity::{BootId, NotHex, PeerKey, read_hex, write_hex},
    text::{Nick, RoomName},
    time::UnixMillis,
};

/// What somebody said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Names it for ever.
    pub id: MessageId,
    /// Where it was said; for a direct conversation the other's key, also when it is our own.
    pub place: Place,
    /// Who said it.
    pub from: PeerKey,
    /// In which of their runs.
    pub boot: BootId,
    /// What they called themselves when they said it, as signed; `?` when nothing of it can be shown.
    pub nick: Nick,
    /// What they said, as signed: hostile until cleaned.
    pub text: String,
    /// Whether it tells what they do (`/me`).
    pub action: bool,
    /// The message it answers.
    pub reply: Option<MessageId>,
    /// The file that they offer with it; the text is its name.
    pub file: Option<Box<Offer>>,
    /// Their wall clock when they said it; it may be wrong.
    pub sent: UnixMillis,
    /// Its place in the room's order, in µs since 1970; when it came, if it claims an absurd one.
    pub stamp: Stamp,
    /// Whether it came by repair, and was said more than ten seconds ago, or before this run began.
    pub late: bool,
    /// Whether this very run said it.
    pub own: bool,
}

impl Message {
    /// By how many milliseconds their wall clock was ahead of the message's place in the order when they said it.
    #[must_use]
    pub fn skew_ms(&self) -> i64 {
        let [sent, stamp] =
            [self.sent.0, self.stamp.0 / 1000].map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        sent.saturating_sub(stamp)
    }
}

/// Where something is said.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// In an open room.
    Room(RoomName),
    /// To one other person.
    Direct(PeerKey),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(name) => name.fmt(f),
            Self::Direct(key) => write!(f, "@{key}"),
        }
    }
}

/// The place of an entry in its room's order: µs since 1970 on the stamp clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Stamp(pub u64);

/// The name of an entry: the BLAKE3 hash of its bytes without the signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub [u8; 32]);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.0.first_chunk::<4>().unwrap_or(&[0; 4]))
    }
}

impl FromStr for EntryId {
    type Err = NotHex;

    /// Reads 64 hex digits.
    fn from_str(text: &str) -> Result<Self, NotHex> {
        read_hex(text).map(Self)
    }
}

/// The name of a message: its entry and its place inside, written `<entry id in hex>.<item index>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId {
    /// The entry.
    pub entry: EntryId,
    /// The item's index in it.
    pub item: u16,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.entry, self.item)
    }
}

impl FromStr for MessageId {
    type Err = NotHex;

    /// Reads `<64 hex digits>.<index>`.
    fn from_str(text: &str) -> Result<Self, NotHex> {
        let (entry, item) = text.split_once('.').ok_or(NotHex)?;
        Ok(Self { entry: entry.parse()?, item: item.parse().map_err(|_| NotHex)? })
    }
}
