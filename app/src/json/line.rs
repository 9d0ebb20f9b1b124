//! The lines that are written. `docs/JSON.md` describes each.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap, net::SocketAddr, num::NonZeroU16};

use chat_core::{
    Digits, EntryId, Intake, MessageId, NetChange, Nick, PeerChange, PeerKey, PeerState, Place, Refusal,
    RoomName, Stats, Trust, hex,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    files::Moved,
    rekey::Successor,
    told::{About, Said},
};
use crate::{
    address,
    carry::{Outcome, Trouble},
    clean, multicast,
    people::People,
    store::Cursor,
};

/// The version of the format: rises when a reader would misunderstand.
const VERSION: u8 = 1;

/// What a command brought with it to know its answer by: a number or a string, given back to the letter.
pub(super) type Id = Box<RawValue>;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Line<'a> {
    Hello {
        v: u8,
        program: &'a str,
        version: &'a str,
        nick: &'a str,
        key: String,
        port: u16,
        /// The folder, or null when nothing is kept.
        profile: Option<String>,
        cursor: Cursor,
    },
    Peer(Peer<'a>),
    Message(Box<Said<'a>>),
    Receipt {
        id: String,
        stored_by: u32,
        of: u32,
    },
    Edit(Box<About<'a>>),
    Delete(Box<About<'a>>),
    React(Box<About<'a>>),
    Room(Room<'a>),
    Net {
        interfaces: Vec<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<String>,
        multicast: &'a str,
        reason: &'a str,
    },
    /// The digits of a comparison.
    Verify {
        key: String,
        digits: String,
        asked: bool,
    },
    Trust(Thought),
    File(Box<Moved>),
    /// How long a room is kept.
    Keep {
        room: String,
        days: Option<NonZeroU16>,
    },
    /// What the node has counted.
    Stats(&'a Stats),
    Done(Done<'a>),
    Error(Error<'a>),
}

#[derive(Debug, Serialize)]
pub(crate) struct Peer<'a> {
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nick: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) boot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    pub(crate) via: &'static str,
    pub(crate) direct: bool,
    /// Who passes things on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) through: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) verified: bool,
    /// Whom its nick may be taken for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) looks_like: Option<String>,
}

/// What is thought of a key.
#[derive(Debug, Serialize)]
pub(crate) struct Thought {
    key: String,
    verified: bool,
    blocked: bool,
    muted: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Room<'a> {
    pub(super) room: String,
    pub(super) event: &'a str,
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cursor: Option<Cursor>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) successor: Option<Successor>,
}

impl<'a> Room<'a> {
    pub(super) fn new(room: &impl ToString, event: &'a str, key: PeerKey) -> Self {
        let (room, key) = (room.to_string(), key.to_string());
        Self { room, event, key, topic: None, cursor: None, successor: None }
    }
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Done<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peers: Option<Vec<Peer<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rooms: Option<Vec<&'a str>>,
    /// Those of them that are private.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) private: Vec<&'a str>,
    /// Of a private room that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phrase: Option<String>,
    /// With which others come into a private room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// What those rooms are about that are about anything.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) topics: BTreeMap<&'a str, &'a str>,
    /// For how many days those rooms and conversations are kept that are not kept for ever.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) keeps: BTreeMap<String, NonZeroU16>,
    /// What became of imported entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imported: Option<Imported>,
    /// How many entries were exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exported: Option<u64>,
}

/// What became of imported entries.
#[derive(Debug, Serialize)]
pub(crate) struct Imported {
    new: u64,
    known: u64,
    elsewhere: u64,
    old: u64,
    refused: u64,
}

impl Imported {
    pub(crate) const fn of(intake: &Intake) -> Self {
        let Intake { new, known, elsewhere, old, refused } = *intake;
        Self { new, known, elsewhere, old, refused }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Error<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Id>,
    pub(crate) code: Code,
    pub(crate) message: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<Cursor>,
    /// Of an import that ended early, what came before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imported: Option<Imported>,
}

/// What went wrong, for a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    BadCommand,
    UnknownCommand,
    BadRoom,
    BadNick,
    TextTooLong,
    UnknownPeer,
    UnknownId,
    NotInRoom,
    Busy,
    StoreFull,
    FileRefused,
    Unreachable,
    Lagged,
    CaptureEnded,
}

impl Line<'_> {
    /// The line as it is written, without its break.
    pub(crate) fn text(&self) -> String {
        // Strings, numbers and lists of them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl<'a> Line<'a> {
    pub(crate) fn hello(
        program: &'a str,
        nick: &'a Nick,
        key: PeerKey,
        port: u16,
        profile: Option<String>,
        cursor: Cursor,
    ) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self::Hello {
            v: VERSION,
            program,
            version,
            nick: nick.as_str(),
            key: key.to_string(),
            port,
            profile,
            cursor,
        }
    }

    pub(crate) fn receipt(entry: EntryId, stored_by: u32, of: u32) -> Self {
        Self::Receipt { id: entry.to_string(), stored_by, of }
    }

    pub(crate) fn room(room: &RoomName, key: PeerKey, joined: bool) -> Self {
        let event = if joined { "join" } else { "leave" };
        Self::Room(Room::new(room, event, key))
    }

    pub(crate) fn verify(key: PeerKey, digits: Digits, asked: bool) -> Self {
        Self::Verify { key: key.to_string(), digits: digits.to_string(), asked }
    }

    pub(crate) fn trust(key: PeerKey, trust: Trust) -> Self {
        let Trust { verified, blocked, muted } = trust;
        Self::Trust(Thought { key: key.to_string(), verified, blocked, muted })
    }

    pub(crate) fn keep(place: &Place, days: Option<NonZeroU16>) -> Self {
        Self::Keep { room: place.to_string(), days }
    }

    pub(crate) fn net(net: &NetChange, left_out: Vec<String>) -> Self {
        let interfaces = net.interfaces.iter().map(|name| clean::name(name).into_owned()).collect();
        let (multicast, reason) = (net.multicast.word(), multicast::reason(net.multicast));
        Self::Net { interfaces, left_out, multicast, reason }
    }

    pub(crate) fn done(id: Option<Id>) -> Self {
        Self::Done(Done { id, ..Done::default() })
    }

    pub(crate) fn said(id: Option<Id>, message: MessageId) -> Self {
        let (entry, message) = (Some(message.entry.to_string()), Some(message.to_string()));
        Self::Done(Done { id, entry, message, ..Done::default() })
    }

    pub(crate) fn error(id: Option<Id>, code: Code, message: &'a str) -> Self {
        Self::Error(Error { id, code, message: message.into(), cursor: None, imported: None })
    }

    /// What came of an import.
    pub(crate) fn imported(id: Option<Id>, outcome: &Outcome) -> Self {
        let imported = Some(Imported::of(&outcome.intake));
        let Some(trouble) = &outcome.trouble else {
            return Self::Done(Done { id, imported, ..Done::default() });
        };
        let code = match trouble {
            Trouble::File(_) => Code::FileRefused,
            Trouble::Refused(reason) => Code::of(*reason),
            Trouble::Stopped => Code::Busy,
        };
        Self::Error(Error { id, code, message: Cow::Owned(trouble.to_string()), cursor: None, imported })
    }

    pub(crate) fn lagged(cursor: Cursor) -> Self {
        let message =
            "lines were left out because nobody read them; begin again with --since, or ask for history";
        Self::Error(Error {
            id: None,
            code: Code::Lagged,
            message: message.into(),
            cursor: Some(cursor),
            imported: None,
        })
    }
}

impl<'a> Peer<'a> {
    /// All that are there, then those that discovery has seen and who have proven nothing.
    pub(crate) fn all(people: &'a People) -> impl Iterator<Item = Self> {
        let runs = people.present().into_iter().flat_map(|(_, person)| person.runs.values());
        runs.chain(people.found()).map(|change| Self::new(change, people))
    }

    pub(crate) fn new(change: &'a PeerChange, people: &People) -> Self {
        let (state, reason) = match change.state {
            PeerState::Found => ("found", None),
            PeerState::Online => ("online", None),
            PeerState::Suspect => ("suspect", None),
            PeerState::Quit => ("gone", Some("quit")),
            PeerState::Lost => ("gone", Some("lost")),
        };
        Self {
            state,
            nick: change.nick.as_ref().map(Nick::as_str),
            key: change.key.map(|key| key.to_string()),
            id: change.id.filter(|_| change.key.is_none()).map(|id| hex(&id)),
            boot: change.boot.map(|boot| boot.to_string()),
            address: change.address.map(|address: SocketAddr| address::show(address)),
            via: change.via.word(),
            direct: change.direct,
            through: change.through.map(|key| key.to_string()),
            reason,
            verified: change.key.is_some_and(|key| people.trust(key).verified),
            looks_like: change.key.and_then(|key| people.looks_like(key)).map(|key| key.to_string()),
        }
    }
}

impl Code {
    pub(crate) fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownPeer => Self::UnknownPeer,
            Refusal::NotInRoom => Self::NotInRoom,
            Refusal::NameTaken | Refusal::OpenRoom => Self::BadRoom,
            Refusal::LeftOut => Self::BadCommand,
            Refusal::NoKey => Self::UnknownId,
            Refusal::NotThere => Self::Unreachable,
            Refusal::StoreFull => Self::StoreFull,
            _ => Self::Busy,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}
