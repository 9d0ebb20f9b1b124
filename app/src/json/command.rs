//! The lines that are read: any bytes in, a wish or the reason why not out.

use std::collections::BTreeMap;

use chat_core::{Action, Emoji, MessageId, Nick, PeerKey, Place, RoomName, Text, TextError, Thought, Topic};
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
            "history" => return self.history(),
            "search" => {
                let (text, limit) = (self.needed("text", "a string")?, self.limit(SEARCH_MAX)?);
                return Ok(Wish::Search { text, limit });
            }
            "peers" => return Ok(Wish::Peers),
            "rooms" => return Ok(Wish::Rooms),
            "quit" => return Ok(Wish::Quit),
            _ => {
                let known = "send edit delete react topic history search join create invite leave nick connect verify block mute \
                             peers rooms quit";
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
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    const KEY: &str = "00000000000000000000000000000000000000000000000000000000000000ff";

    fn wish(line: &str) -> Result<Wish, Code> {
        read(Line::Text(line.to_string())).1.map_err(|wrong| {
            assert_eq!(wrong.message.lines().count(), 1);
            wrong.code
        })
    }

    fn id(line: &str) -> Option<String> {
        read(Line::Text(line.to_string())).0.map(|id| id.get().to_string())
    }

    #[test]
    fn every_command_is_read() {
        let lobby = RoomName::lobby();
        let say = |place, text: &str| Action::Say {
            place,
            text: Text::new(text).unwrap(),
            action: false,
            reply: None,
        };
        let act = |line: &str, action: Action| assert_eq!(wish(line), Ok(Wish::Act(action)), "{line}");
        act(
            r##"{"cmd":"send","room":"#Lobby","text":"hi\nyou","new":[{}]}"##,
            say(Place::Room(lobby.clone()), "hi\nyou"),
        );
        act(
            &format!(r#"{{"cmd":"send","to":"{KEY}","room":null,"text":"x"}}"#),
            say(Place::Direct(KEY.parse().unwrap()), "x"),
        );
        act(
            &format!(r#"{{"cmd":"send","room":"@{KEY}","text":"x"}}"#),
            say(Place::Direct(KEY.parse().unwrap()), "x"),
        );
        act(r##"{"cmd":"join","room":"#lobby"}"##, Action::Join(lobby.clone()));
        act(r##"{"cmd":"leave","room":"#lobby"}"##, Action::Leave(lobby.clone()));
        act(r#"{"cmd":"nick","nick":" ana "}"#, Action::Rename(Nick::new("ana").unwrap()));
        act(r#"{"cmd":"connect","address":"10.0.0.1"}"#, Action::Connect("10.0.0.1:27182".parse().unwrap()));
        let place = Place::Room(lobby);
        assert_eq!(
            wish(&format!(r##"{{"cmd":"history","room":"#lobby","limit":7,"before":"{KEY}.3"}}"##)),
            Ok(Wish::History { place: place.clone(), limit: 7, before: format!("{KEY}.3").parse().ok() })
        );
        assert_eq!(
            wish(r##"{"cmd":"history","room":"#lobby"}"##),
            Ok(Wish::History { place, limit: 50, before: None })
        );
        assert_eq!(wish(r#"{"cmd":"peers"}"#), Ok(Wish::Peers));
        assert_eq!(wish(r#"{"cmd":"rooms"}"#), Ok(Wish::Rooms));
        let target: MessageId = format!("{KEY}.3").parse().unwrap();
        let about = |rest: &str| wish(&format!(r#"{{"target":"{KEY}.3",{rest}}}"#));
        let change = |how| Ok(Wish::Change { target, how });
        assert_eq!(about(r#""cmd":"edit","text":"b""#), change(How::Edit(Text::new("b").unwrap())));
        assert_eq!(about(r#""cmd":"delete""#), change(How::Delete));
        let emoji = || Emoji::new("+1").unwrap();
        assert_eq!(
            about(r#""cmd":"react","emoji":"+1""#),
            change(How::React { emoji: emoji(), gone: false })
        );
        let gone = change(How::React { emoji: emoji(), gone: true });
        assert_eq!(about(r#""cmd":"react","emoji":"+1","remove":true"#), gone);
        let topic = Action::Topic { room: RoomName::lobby(), topic: Topic::new("tea").unwrap() };
        assert_eq!(wish(r##"{"cmd":"topic","room":"#lobby","text":" tea "}"##), Ok(Wish::Act(topic)));
        assert_eq!(wish(r#" {"cmd":"quit"} "#), Ok(Wish::Quit));
    }

    #[test]
    fn what_is_wrong_has_its_code() {
        let long = format!(r##"{{"cmd":"send","room":"#a","text":"{}"}}"##, "x".repeat(4097));
        for (line, code) in [
            ("", Code::BadCommand),
            ("hello", Code::BadCommand),
            ("[]", Code::BadCommand),
            ("{}", Code::BadCommand),
            (r#"{"cmd":1}"#, Code::BadCommand),
            (r#"{"cmd":"quit"} {"cmd":"quit"}"#, Code::BadCommand),
            (r#"{"cmd":"quit","id":{}}"#, Code::BadCommand),
            (r#"{"cmd":"quit","id":true}"#, Code::BadCommand),
            (r#"{"cmd":"frobnicate"}"#, Code::UnknownCommand),
            (r#"{"cmd":"edit","text":"x"}"#, Code::BadCommand),
            (r#"{"cmd":"delete","target":"x"}"#, Code::BadCommand),
            (&format!(r#"{{"cmd":"edit","target":"{KEY}.0","text":" "}}"#), Code::BadCommand),
            (
                &format!(r#"{{"cmd":"edit","target":"{KEY}.0","text":"{}"}}"#, "x".repeat(4097)),
                Code::TextTooLong,
            ),
            (&format!(r#"{{"cmd":"react","target":"{KEY}.0","emoji":"a b"}}"#), Code::BadCommand),
            (&format!(r#"{{"cmd":"react","target":"{KEY}.0"}}"#), Code::BadCommand),
            (&format!(r##"{{"cmd":"topic","room":"#a","text":"{}"}}"##, "x".repeat(201)), Code::TextTooLong),
            (&format!(r#"{{"cmd":"topic","room":"@{KEY}","text":"x"}}"#), Code::BadRoom),
            (r#"{"cmd":"send","text":"x"}"#, Code::BadCommand),
            (r##"{"cmd":"send","room":"#a","to":"ff","text":"x"}"##, Code::BadCommand),
            (r##"{"cmd":"send","room":"#a","text":""}"##, Code::BadCommand),
            (r##"{"cmd":"send","room":"#a","text":7}"##, Code::BadCommand),
            (r##"{"cmd":"send","room":"#a","text":"x","action":1}"##, Code::BadCommand),
            (r##"{"cmd":"send","room":"#a","text":"x","reply":"x"}"##, Code::BadCommand),
            (r#"{"cmd":"send","to":"bo","text":"x"}"#, Code::BadCommand),
            (&long, Code::TextTooLong),
            (r#"{"cmd":"send","room":"@bo","text":"x"}"#, Code::BadCommand),
            (r#"{"cmd":"join","room":"lobby"}"#, Code::BadRoom),
            (&format!(r#"{{"cmd":"join","room":"@{KEY}"}}"#), Code::BadRoom),
            (r##"{"cmd":"join","room":"#a b"}"##, Code::BadRoom),
            (r##"{"cmd":"join","room":"#a","phrase":7}"##, Code::BadCommand),
            (r##"{"cmd":"create","room":"a"}"##, Code::BadRoom),
            (r##"{"cmd":"send","room":"#a","text":" \n\u2800"}"##, Code::BadCommand),
            (r#"{"cmd":"nick","nick":"\u200b"}"#, Code::BadNick),
            (r#"{"cmd":"nick","nick":"\u2800"}"#, Code::BadNick),
            (r#"{"cmd":"connect","address":"bo.local"}"#, Code::BadCommand),
            (r##"{"cmd":"history","room":"#a","limit":10001}"##, Code::BadCommand),
            (r##"{"cmd":"history","room":"#a","limit":-1}"##, Code::BadCommand),
            (r##"{"cmd":"history","room":"#a","before":"1.1"}"##, Code::BadCommand),
        ] {
            assert_eq!(wish(line), Err(code), "{line}");
        }
        assert_eq!(read(Line::TooLong).1.unwrap_err().code, Code::BadCommand);
        assert_eq!(read(Line::NotText).1.unwrap_err().code, Code::BadCommand);
        let deep = "[".repeat(30_000) + &"]".repeat(30_000);
        assert_eq!(wish(&format!(r#"{{"cmd":"quit","x":{deep}}}"#)), Ok(Wish::Quit));
        assert_eq!(wish(&"[".repeat(60_000)), Err(Code::BadCommand));
    }

    #[test]
    fn the_examples_of_the_page_about_it_are_commands() {
        let page = include_str!("../../../docs/JSON.md");
        let examples: Vec<&str> =
            page.lines().filter(|line| line.starts_with('{') && line.contains(r#""cmd":"#)).collect();
        assert!(examples.len() > 10);
        for example in examples {
            let whole =
                example.replace("1f9a\u{2026}", KEY).replace("c2f0\u{2026}", KEY).replace("%wlp3s0", "%1");
            let read = wish(&whole);
            assert!(read.is_ok(), "{example}: {read:?}");
        }
    }

    #[test]
    fn an_id_comes_back_to_the_letter() {
        for given in ["7", "-1.50e3", "12345678901234567890123", r#""a\u0041""#, "1e999"] {
            assert_eq!(id(&format!(r#"{{"id":{given},"cmd":"quit"}}"#)).as_deref(), Some(given));
        }
        assert_eq!(id(r#"{"id":3,"cmd":"frobnicate"}"#).as_deref(), Some("3"), "also beside an error");
        assert_eq!(id(r#"{"cmd":"quit"}"#), None);
        assert_eq!(id(r#"{"cmd":"quit","id":null}"#), None);
    }

    quickcheck! {
        fn nothing_panics(text: String, cut: usize) -> bool {
            let _ = read(Line::Text(text.clone()));
            let whole = format!(r##"{{"cmd":"send","id":{cut},"room":"#{text}","text":"\ud83d\ude00"}}"##);
            let end = (0..=cut % (whole.len() + 1)).rev().find(|&end| whole.is_char_boundary(end)).unwrap_or(0);
            let _ = read(Line::Text(whole[..end].to_string()));
            true
        }
    }
}
