//! Rooms to enter: open ones by name, private ones by their secret.

use chat_core::RoomName;

use super::{Pending, Plain, act::NOWHERE, act::room};
use crate::{
    door::Door,
    engine::Engine,
    phrase::{self, Phrase, PhraseError},
};

/// Before a phrase of one's own.
const WEAK: &str = "--weak";

impl Plain {
    /// Enters a room; `given` is the phrase or the key of a private one.
    pub(super) fn join(
        &mut self,
        name: &str,
        given: Option<&str>,
        engine: &mut Engine,
    ) -> Result<(), String> {
        let room = room(name)?;
        let root = given.map(|given| {
            let weak = without_weak(given);
            phrase::root(&room, weak.unwrap_or(given).trim(), weak.is_some()).map_err(|error| match error {
                // What was typed is a secret, and stays out of logs.
                PhraseError::Count(_) | PhraseError::Word(_) => format!(
                    "{room} is not entered: {error}; a phrase of your own goes like this: /join {room} {WEAK} YOUR OWN WORDS"
                ),
                error => format!("{room} is not entered: {error}"),
            })
        });
        let door = Door { room, root: root.transpose()? };
        if door.is_taken(&self.rooms, &self.secrets) {
            return Err(door.taken());
        }
        self.enter(door, None, engine);
        Ok(())
    }

    /// Makes a private room.
    pub(super) fn make_private(&mut self, name: &str, engine: &mut Engine) -> Result<(), String> {
        let room = room(name)?;
        if self.rooms.contains(&room) {
            return Err(format!("you are in {room}; /leave it first, or take another name"));
        }
        let phrase =
            Phrase::generate().map_err(|error| format!("the system gives no randomness: {error}"))?;
        let root = Some(phrase.root(&room));
        self.enter(Door { room, root }, Some(phrase), engine);
        Ok(())
    }

    fn enter(&mut self, door: Door, made: Option<Phrase>, engine: &mut Engine) {
        let room = door.room.clone();
        self.here = Some(room.clone());
        self.rooms.insert(room.clone());
        self.act(door.action(), Pending::Join { door, made }, engine);
    }

    /// We are in a room that was asked for.
    pub(super) fn on_joined(&mut self, door: Door, made: Option<Phrase>) {
        let Door { room, root } = door;
        if let Some(root) = root {
            self.secrets.insert(room.clone(), root);
        }
        if let Some(phrase) = made {
            self.notice(&format!(
                "you have made the private room {room}. Keep these seven words, they are shown this once only. Whoever types this \
                 line comes in, and reads all that was and will be said there:"
            ));
            self.list([format!("/join {room} {phrase}")]);
        } else if self.secrets.contains_key(&room) {
            self.notice(&format!("you are in {room}, a private room; /invite shows how others come in"));
        } else {
            self.notice(&format!("you are in {room}; anybody on this network can read along"));
        }
    }

    /// How others come into a room.
    pub(super) fn invite(&self, name: Option<&str>) -> Result<String, String> {
        let room = name.map(room).transpose()?.or_else(|| self.here.clone()).ok_or(NOWHERE)?;
        if !self.rooms.contains(&room) {
            return Err(format!("you are not in {room}"));
        }
        Ok(match self.secrets.get(&room) {
            Some(root) => format!("/join {room} {}", *phrase::key(root)),
            None => format!("/join {room}"),
        })
    }

    /// The rooms we are in, and of what kind.
    pub(super) fn list_rooms(&self) -> Vec<String> {
        let line = |room: &RoomName| {
            let kind = if self.secrets.contains_key(room) { " (private)" } else { "" };
            let mark = if self.here.as_ref() == Some(room) { " (you write here)" } else { "" };
            format!("{room}{kind}{mark}")
        };
        self.rooms.iter().map(line).collect()
    }
}

/// A phrase of one's own, with the mark before or behind it.
fn without_weak(given: &str) -> Option<&str> {
    let is_apart = |rest: &str, end: Option<char>| rest.is_empty() || end.is_some_and(char::is_whitespace);
    let before = given.strip_prefix(WEAK).filter(|rest| is_apart(rest, rest.chars().next()));
    let behind = given.strip_suffix(WEAK).filter(|rest| is_apart(rest, rest.chars().next_back()));
    before.or(behind)
}
