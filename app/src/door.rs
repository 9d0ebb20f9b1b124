//! A room to enter, and the secret of a private one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use chat_core::{Action, RoomName, RoomRoot, read_hex};
use zeroize::Zeroizing;

use crate::{
    fault::Fault,
    phrase::{self, PhraseError},
};

/// Bytes that are read of a file with a secret.
const FILE_MAX: u64 = 4096;

/// How somebody comes into a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Door {
    pub(crate) room: RoomName,
    pub(crate) root: Option<RoomRoot>,
}

impl Door {
    /// Of a private room with the secret in the file at `key`: a phrase, `key:` and 64 hex digits, or those alone.
    ///
    /// # Errors
    /// A file that cannot be read, or has no secret in it.
    pub(crate) fn open(room: RoomName, key: Option<&Path>) -> Result<Self, Fault> {
        let Some(path) = key else { return Ok(Self { room, root: None }) };
        let wrong = |why: String| Fault::usage(format!("--room-key {}: {why}", path.display()));
        let text = read(path).map_err(|error| wrong(error.to_string()))?;
        let text = text.trim();
        let root = match read_hex(text) {
            Ok(bytes) => RoomRoot::new(bytes),
            Err(_) => phrase::root(&room, text, false).map_err(|error| match error {
                PhraseError::Count(_) => wrong(format!(
                    "{error}; for a phrase of your own type /join {room} --weak YOUR OWN WORDS in the chat once, and put what \
                     /invite shows there, from key: on, into the file"
                )),
                error => wrong(error.to_string()),
            })?,
        };
        Ok(Self { room, root: Some(root) })
    }

    /// Whether this is a private room and somebody who is in `rooms`, with these secrets, is in another one of its name:
    /// what is said there is not for those who are in that one.
    pub(crate) fn is_taken(
        &self,
        rooms: &BTreeSet<RoomName>,
        secrets: &BTreeMap<RoomName, RoomRoot>,
    ) -> bool {
        self.root.is_some() && rooms.contains(&self.room) && secrets.get(&self.room) != self.root.as_ref()
    }

    /// Why that does not go.
    pub(crate) fn taken(&self) -> String {
        format!("you are in another room called {}; leave it first", self.room)
    }

    /// What a node does to go through it.
    pub(crate) fn action(&self) -> Action {
        let room = self.room.clone();
        match &self.root {
            Some(root) => Action::JoinPrivate { room, root: root.clone() },
            None => Action::Join(room),
        }
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fault::Exit, testing::Folder};

    #[test]
    fn a_file_has_a_key_or_a_phrase_or_is_refused_in_one_line() {
        let folder = Folder::new("door");
        let room = || RoomName::new("#ops").unwrap();
        let open = |text: &[u8]| {
            std::fs::write(folder.path("key"), text).unwrap();
            Door::open(room(), Some(&folder.path("key")))
        };
        let hex = "07".repeat(32);
        let door = Door { room: room(), root: Some(RoomRoot::new([7; 32])) };
        assert_eq!(open(format!("{hex}\n").as_bytes()).unwrap(), door);
        assert_eq!(open(format!("key:{hex}").as_bytes()).unwrap(), door);
        let words = phrase::Phrase::generate().unwrap().to_string();
        assert!(open(words.as_bytes()).unwrap().root.is_some());
        for bad in [&b""[..], b"abc", b"key:12", &[0xff; 40], "x ".repeat(9000).as_bytes()] {
            let fault = open(bad).unwrap_err();
            assert_eq!((fault.exit, fault.message.lines().count()), (Exit::Usage, 1), "{fault}");
        }
        let weak = open(b"my old dog").unwrap_err().to_string();
        assert!(weak.contains("/join #ops --weak YOUR OWN WORDS") && weak.contains("/invite"), "{weak}");
        assert!(Door::open(room(), Some(&folder.path("none"))).is_err());
        assert_eq!(Door::open(room(), None).unwrap().action(), Action::Join(room()));
    }
}
