//! What the person is told.

mod message;

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::{net::SocketAddr, num::NonZeroU16};

use crate::{
    change::Change,
    files::Transfer,
    findings::Findings,
    identity::{BootId, PeerKey},
    intake::Intake,
    rekey::Rekey,
    stats::Stats,
    text::{Nick, RoomName},
    trust::{Digits, Trust},
};

pub use message::{EntryId, Message, MessageId, Place, Stamp};

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
