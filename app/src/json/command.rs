//! The lines that are read: any bytes in, a wish or the reason why not out.

use std::{collections::BTreeMap, path::PathBuf};

use chat_core::{
    Action, Emoji, MessageId, Nick, PeerKey, Place, RoomKeyId, RoomName, Text, TextError, Thought, Topic,
    read_hex,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::line::{Code, Id};
use crate::{address, happening::Line};

/// Messages in the answer to a `history` without `limit`.
const HISTORY: u64 = 50;
/// Messages in the answer to a `history`, at most.
const HISTORY_MAX: u64 = 10_000;
/// Messages in the answer to a `search`, at most: they are written at once.
const SEARCH_MAX: u64 = 1000;

/// For whoever is named by something else.
const NO_KEY: &str = "a person must be named by a key of 64 hex digits";

/// What a line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Something that the node does.
    Act(Action),
    History {
        place: Place,
        limit: usize,
        before: Option<MessageId>,
    },
    /// A private room: one to enter, by what was given, or one to make.
    Enter {
        room: RoomName,
        given: String,
        weak: bool,
    },
    Make(RoomName),
    /// What was said before; it is read when it is known who is called how.
    Search {
        text: String,
        limit: usize,
    },
    /// How others come into a room.
    Invite(RoomName),
    /// Something about a message, which has yet to be found.
    Change {
        target: MessageId,
        how: How,
    },
    /// A file or folder.
    Offer {
        place: Place,
        path: PathBuf,
    },
    Accept(MessageId),
    Stop(MessageId),
    /// What a file has.
    Import(PathBuf),
    /// The history, or what was said in one room, into a file.
    Export {
        path: PathBuf,
        room: Option<RoomName>,
    },
    Peers,
    Rooms,
    Quit,
}

/// What is to become of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum How {
    Edit(Text),
    Delete,
    React { emoji: Emoji, gone: bool },
}

/// Why a line is no wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wrong {
    pub(super) code: Code,
    pub(super) message: String,
}

/// Reads a line. The id is there whenever it could be read, also beside an error.
pub(super) fn read(line: Line) -> (Option<Id>, Result<Wish, Wrong>) {
    let text = match line {
        Line::Text(text) => text,
        Line::TooLong => return (None, Err(bad("the line is longer than 65536 bytes"))),
        Line::NotText => return (None, Err(bad("the line is not UTF-8"))),
    };
    match serde_json::from_str(&text).map(Fields) {
        Err(error) => (None, Err(bad(format!("not a JSON object: {error}")))),
        Ok(fields) => match fields.id() {
            Ok(id) => (id, fields.wish()),
            Err(wrong) => (None, Err(wrong)),
        },
    }
}

/// The members of an object, each as it was written; those that nobody asks for are ignored.
struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    fn id(&self) -> Result<Option<Id>, Wrong> {
        let id = self.0.get("id").filter(|id| id.get() != "null");
        let is_name = |id: &Id| id.get().starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
        match id {
            Some(id) if !is_name(id) => Err(bad("id must be a number or a string")),
            id => Ok(id.cloned()),
        }
    }

    fn wish(&self) -> Result<Wish, Wrong> {
        let name: String = self.needed("cmd", "a string")?;
        Ok(Wish::Act(match name.as_str() {
            "send" => self.say()?,
            "join" if self.has("phrase") || self.has("key") => {
                let name = if self.has("phrase") { "phrase" } else { "key" };
                let (room, given) = (self.room()?, self.needed(name, "a string")?);
                let weak = self.wanted("weak", "true or false")?.unwrap_or(false);
                return Ok(Wish::Enter { room, given, weak });
            }
            "create" => return Ok(Wish::Make(self.room()?)),
            "invite" => return Ok(Wish::Invite(self.room()?)),
            "join" => Action::Join(self.room()?),
            "leave" => Action::Leave(self.room()?),
            "kick" => Action::Rekey { room: self.room()?, without: vec![self.key()?] },
            "rekey" => Action::Rekey { room: self.room()?, without: Vec::new() },
            "follow" => Action::Follow { room: self.room()?, successor: self.successor()? },
            "nick" => Action::Rename(self.nick()?),
            "connect" => {
                let address: String = self.needed("address", "a string")?;
                Action::Connect(address::parse(&address).map_err(bad)?)
            }
            "topic" => {
                let topic = Topic::new(&self.needed::<String>("text", "a string")?);
                Action::Topic {
                    room: self.room()?,
                    topic: topic.map_err(|error| too_long(error.to_string()))?,
                }
            }
            "edit" => return self.change(How::Edit(self.text()?)),
            "delete" => return self.change(How::Delete),
            "react" => {
                let emoji = Emoji::new(&self.needed::<String>("emoji", "a string")?);
                let emoji = emoji.map_err(|error| bad(error.to_string()))?;
                let gone = self.wanted("remove", "true or false")?.unwrap_or(false);
                return self.change(How::React { emoji, gone });
            }
            "verify" => {
                let key = self.key()?;
                match self.wanted("same", "true or false")? {
                    Some(same) => Action::Think { key, thought: Thought::Verified(same) },
                    None => Action::Compare(key),
                }
            }
            "block" => {
                let blocked = self.wanted("blocked", "true or false")?.unwrap_or(true);
                Action::Think { key: self.key()?, thought: Thought::Blocked(blocked) }
            }
            "mute" => {
                let muted = self.wanted("muted", "true or false")?.unwrap_or(true);
                Action::Think { key: self.key()?, thought: Thought::Muted(muted) }
            }
            "keep" => self.keep()?,
            "earlier" => Action::Earlier(self.place()?),
            "stats" => Action::Count,
            "import" => return Ok(Wish::Import(self.path()?)),
            "export" => {
                let room = if self.has("room") { Some(self.room()?) } else { None };
                return Ok(Wish::Export { path: self.path()?, room });
            }
            "history" => return self.history(),
            "search" => {
                let (text, limit) = (self.needed("text", "a string")?, self.limit(SEARCH_MAX)?);
                return Ok(Wish::Search { text, limit });
            }
            "file" => {
                let path = PathBuf::from(self.needed::<String>("path", "a string")?);
                return Ok(Wish::Offer { place: self.place()?, path });
            }
            "accept" => return Ok(Wish::Accept(self.file()?)),
            "stop" => return Ok(Wish::Stop(self.file()?)),
            "peers" => return Ok(Wish::Peers),
            "rooms" => return Ok(Wish::Rooms),
            "quit" => return Ok(Wish::Quit),
            _ => {
                let known = "send edit delete react topic history search join create invite leave kick rekey follow nick connect verify \
                             block mute file accept stop peers rooms keep earlier import export stats quit";
                let message = format!("there is no such command; there are {known}");
                return Err(Wrong { code: Code::UnknownCommand, message });
            }
        }))
    }

    fn say(&self) -> Result<Action, Wrong> {
        let action = self.wanted("action", "true or false")?.unwrap_or(false);
        Ok(Action::Say { place: self.place()?, text: self.text()?, action, reply: self.message("reply")? })
    }

    fn change(&self, how: How) -> Result<Wish, Wrong> {
        let target = self
            .message("target")?
            .ok_or_else(|| bad("target is missing; it must be the id of a message"))?;
        Ok(Wish::Change { target, how })
    }

    fn file(&self) -> Result<MessageId, Wrong> {
        self.message("file")?
            .ok_or_else(|| bad("file is missing; it must be the id of the message that offers it"))
    }

    fn text(&self) -> Result<Text, Wrong> {
        Text::new(self.needed::<String>("text", "a string")?).map_err(|error| match error {
            TextError::TooLong { .. } => too_long(error.to_string()),
            TextError::Empty => bad(error.to_string()),
        })
    }

    fn history(&self) -> Result<Wish, Wrong> {
        Ok(Wish::History {
            place: self.place()?,
            limit: self.limit(HISTORY_MAX)?,
            before: self.message("before")?,
        })
    }

    /// `days` must stand there, be it as null: nothing is erased by an oversight.
    fn keep(&self) -> Result<Action, Wrong> {
        let days = match self.0.get("days") {
            Some(days) if days.get() == "null" => None,
            _ => Some(self.needed("days", "a number from 1 to 65535, or null for ever")?),
        };
        Ok(Action::Keep { place: self.place()?, days })
    }

    fn path(&self) -> Result<PathBuf, Wrong> {
        let path: String = self.needed("path", "a string")?;
        if path.is_empty() { Err(bad("path is empty")) } else { Ok(path.into()) }
    }

    fn limit(&self, most: u64) -> Result<usize, Wrong> {
        let limit = self.wanted("limit", "a whole number")?.unwrap_or(HISTORY);
        if limit > most {
            return Err(bad(format!("limit must be at most {most}")));
        }
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// `room`, or `to`. A room may also be one of the kind that `message` lines have: `@` and a key.
    fn place(&self) -> Result<Place, Wrong> {
        match (self.has("room"), self.has("to")) {
            (true, false) => {
                let name: String = self.needed("room", "a string")?;
                name.strip_prefix('@').map_or_else(|| self.room().map(Place::Room), direct)
            }
            (false, true) => direct(&self.needed::<String>("to", "a string")?),
            (true, true) => Err(bad("room and to exclude each other")),
            (false, false) => Err(bad("room or to is needed")),
        }
    }

    fn successor(&self) -> Result<RoomKeyId, Wrong> {
        let id: String = self.needed("successor", "a string")?;
        read_hex(&id).map(RoomKeyId).map_err(|_| bad("successor must be the 32 hex digits of a room line"))
    }

    fn key(&self) -> Result<PeerKey, Wrong> {
        let key: String = self.needed("key", "a string")?;
        key.parse().map_err(|_| bad(NO_KEY))
    }

    fn room(&self) -> Result<RoomName, Wrong> {
        let name: String = self.needed("room", "a string")?;
        RoomName::new(&name).map_err(|error| Wrong { code: Code::BadRoom, message: error.to_string() })
    }

    fn nick(&self) -> Result<Nick, Wrong> {
        let name: String = self.needed("nick", "a string")?;
        Nick::new(&name).map_err(|error| Wrong { code: Code::BadNick, message: error.to_string() })
    }

    fn message(&self, name: &str) -> Result<Option<MessageId>, Wrong> {
        let text: Option<String> = self.wanted(name, "a string")?;
        let read =
            |text: String| text.parse().map_err(|_| bad(format!("{name} must be the id of a message")));
        text.map(read).transpose()
    }

    fn needed<'de, T: Deserialize<'de>>(&'de self, name: &str, what: &str) -> Result<T, Wrong> {
        self.wanted(name, what)?.ok_or_else(|| bad(format!("{name} is missing; it must be {what}")))
    }

    /// A member that may be absent or null.
    fn wanted<'de, T: Deserialize<'de>>(&'de self, name: &str, what: &str) -> Result<Option<T>, Wrong> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => {
                serde_json::from_str(value.get()).map_err(|_| bad(format!("{name} must be {what}")))
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.get() != "null")
    }
}

fn direct(key: &str) -> Result<Place, Wrong> {
    key.parse().map(Place::Direct).map_err(|_| bad(NO_KEY))
}

fn bad(message: impl Into<String>) -> Wrong {
    Wrong { code: Code::BadCommand, message: message.into() }
}

fn too_long(message: String) -> Wrong {
    Wrong { code: Code::TextTooLong, message }
}

#[cfg(test)]
mod tests;
