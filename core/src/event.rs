//! What the person is told.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::{fmt, net::SocketAddr, num::NonZeroU16, str::FromStr};

use crate::{
    change::Change,
    files::{Offer, Transfer},
    findings::Findings,
    identity::{BootId, NotHex, PeerKey, read_hex, write_hex},
    intake::Intake,
    rekey::Rekey,
    stats::Stats,
    text::{Nick, RoomName},
    time::UnixMillis,
    trust::{Digits, Trust},
};

/// Something the person should know.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A command was carried out; for `Say`: the message is durable here.
    Done {
        /// The command's tag.
        tag: u64,
        /// What was said, for `Say`.
        message: Option<MessageId>,
    },
    /// A command was not carried out, and nothing of it remains.
    Refused {
        /// The command's tag.
        tag: u64,
        /// Why.
        reason: Refusal,
    },
    /// A peer was found, came online, is suspected or is gone.
    Peer(PeerChange),
    /// Somebody said something; also our own, so that every front end shows it alike.
    Message(Arc<Message>),
    /// Somebody changed what was said, reacted to it, or said what a room is about; also our own. It counts as far
    /// as [`Change::may`] says.
    Change(Change),
    /// The first dial to the address of a `Connect` came to nothing; told once for each command. The address is
    /// called on all the same, unless it is our own or unusable.
    Unreachable {
        /// The command's tag; its [`Done`](Self::Done) came before.
        tag: u64,
        /// Where.
        address: SocketAddr,
        /// Why.
        reason: Unreached,
    },
    /// Who has stored an entry of ours.
    Receipt {
        /// The entry.
        entry: EntryId,
        /// How many of the author's neighbours in the room have stored it.
        stored_by: u32,
        /// How many neighbours prove the room.
        of: u32,
    },
    /// Somebody entered or left a room that we are in.
    Room {
        /// The room.
        room: RoomName,
        /// Who.
        key: PeerKey,
        /// Whether they entered.
        joined: bool,
    },
    /// Here and at the peer the same digits came out. When the persons see that, by voice or side by side, the key is
    /// the right one.
    Compared {
        /// The peer.
        key: PeerKey,
        /// What both are to see.
        digits: Digits,
        /// Whether it was asked for here.
        asked: bool,
    },
    /// What the person thinks of a key: at start for each of whom they think anything, and when it changes.
    Trusted {
        /// Whose key.
        key: PeerKey,
        /// What is thought of it now.
        trust: Trust,
    },
    /// A file comes, or goes, or does not any more.
    Transfer(Transfer),
    /// What the network looks like now.
    Net(NetChange),
    /// The name that others see in discovery changed because somebody else has it.
    Renamed {
        /// The instance name now.
        instance: String,
    },
    /// What is known of the network, asked for by `Examine`; its [`Done`](Self::Done) comes next.
    Examined {
        /// The command's tag.
        tag: u64,
        /// What was found out.
        findings: Box<Findings>,
    },
    /// What has been counted since the start, asked for by `Count`; its [`Done`](Self::Done) comes next.
    Counted {
        /// The command's tag.
        tag: u64,
        /// The counters.
        stats: Box<Stats>,
    },
    /// What became of imported entries, which are not told one by one; the command's [`Done`](Self::Done) comes next.
    Imported {
        /// The command's tag.
        tag: u64,
        /// How many are new, and what the others are.
        intake: Intake,
    },
    /// How long a room or conversation is kept: at start for each that is not kept for ever, and when it changes.
    Kept {
        /// Where.
        place: Place,
        /// So many days; `None` for ever.
        days: Option<NonZeroU16>,
    },
    /// Another room takes the place of one of ours, or may; at start once more for each that still may.
    Rekey(Box<Rekey>),
    /// After `Quit`: everything that will be sent has been handed out.
    Finished,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody of that key has ever been met, so there is no key to agree with.
    #[error("nobody with that key has been met")]
    UnknownPeer,
    /// We are not in that room.
    #[error("not in that room")]
    NotInRoom,
    /// Too much is waiting for the store.
    #[error("too much is waiting to be stored")]
    Busy,
    /// The store is full or failed.
    #[error("the store takes nothing more")]
    StoreFull,
    /// The goodbye has been said already.
    #[error("leaving")]
    Leaving,
    /// A cap of the configuration is reached.
    #[error("too many rooms")]
    TooManyRooms,
    /// Another room of that name is entered.
    #[error("you are in another room of that name; leave it first")]
    NameTaken,
    /// Everybody can have the key of an open room.
    #[error("it is an open room: whoever knows its name is in; only a private room has a key to change")]
    OpenRoom,
    /// More than [`LEFT_OUT_MAX`](crate::LEFT_OUT_MAX) people, or ourselves.
    #[error("at most 32 people can be left out at a time, and nobody leaves themselves out")]
    LeftOut,
    /// Nobody has given us the key of that room.
    #[error("nobody has given you the key of that room")]
    NoKey,
    /// They did not answer in time.
    #[error("they do not answer now")]
    NotThere,
    /// That key is our own, or too many keys have been decided about.
    #[error("nothing more can be decided about keys, and nothing about one's own")]
    TooMany,
}

/// Why an address that the person asked for was not reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreached {
    /// Nobody answered for as long as a handshake may take, 5 s.
    #[error("nobody answers there")]
    Silent,
    /// We answered ourselves.
    #[error("that is this program itself")]
    Own,
    /// There are too many sessions here or there.
    #[error("there is no room for another session")]
    Full,
    /// It names no single host, the address book is full, or nobody is called (`Config::calls`); nothing was sent.
    #[error("that address cannot be called")]
    Unusable,
}

/// One peer's new state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerChange {
    /// What it is now.
    pub state: PeerState,
    /// Its key, once proven; `None` while only found.
    pub key: Option<PeerKey>,
    /// The first eight bytes of its key, as far as discovery says.
    pub id: Option<[u8; 8]>,
    /// Which of its runs.
    pub boot: Option<BootId>,
    /// What it calls itself, as far as known; it comes from the network.
    pub nick: Option<Nick>,
    /// Where it is, unless that cannot be reached from here.
    pub address: Option<SocketAddr>,
    /// How it was found.
    pub via: Source,
    /// Whether we have a session of our own with it.
    pub direct: bool,
    /// Who passes that session's datagrams on, sealed, since no way leads there ([`Source::Relay`]).
    pub through: Option<PeerKey>,
}

/// How far a peer is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PeerState {
    /// Discovery has seen it; nothing is proven.
    Found,
    /// It has proven who it is.
    Online,
    /// It does not answer.
    Suspect,
    /// It said goodbye.
    Quit,
    /// It stopped answering.
    Lost,
}

/// How a peer was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Source {
    /// By multicast DNS.
    Mdns,
    /// By UDP broadcast.
    Broadcast,
    /// By an address that the person typed.
    Manual,
    /// By an address kept from an earlier run.
    Remembered,
    /// By an address that another peer told.
    Exchange,
    /// By a discovery outside the core, or by its own call.
    Outside,
    /// Not at all: a neighbour of both passes on what we say to each other.
    Relay,
}

impl Source {
    /// The word for it in JSON and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mdns => "mdns",
            Self::Broadcast => "broadcast",
            Self::Manual => "manual",
            Self::Remembered => "remembered",
            Self::Exchange => "exchange",
            Self::Outside => "outside",
            Self::Relay => "relay",
        }
    }
}

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
    /// Its place in the room's order, in µs since 1970.
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

/// What the network looks like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetChange {
    /// The interfaces in use, as `name address/prefix`.
    pub interfaces: Vec<String>,
    /// Whether multicast works.
    pub multicast: Multicast,
}

/// Whether multicast works, as far as seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Multicast {
    /// Nothing can be said yet.
    Unknown,
    /// Others have been heard by it.
    Ok,
    /// Only our own has been heard: nobody else is there, or theirs does not come through.
    Alone,
    /// Not even our own has been heard.
    Silent,
    /// No interface takes part, or the port could not be had.
    Off,
}

impl Multicast {
    /// The word for it in JSON and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Alone => "alone",
            Self::Silent => "silent",
            Self::Off => "off",
        }
    }
}
