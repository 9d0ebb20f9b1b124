//! Who may be taken for somebody else.

use std::collections::BTreeSet;

use chat_core::{Message, Nick, PeerKey, hex};

use super::Plain;
use crate::people::as_shown;

/// Warnings that are remembered.
const WARNED_MAX: usize = 1024;

/// Of whom, and what they were called, it was told.
#[derive(Debug, Default)]
pub(super) struct Warned(BTreeSet<(PeerKey, Nick)>);

impl Warned {
    /// False when that was told before.
    fn note(&mut self, key: PeerKey, nick: &Nick) -> bool {
        let is_news = self.0.insert((key, as_shown(nick)));
        if self.0.len() > WARNED_MAX {
            self.0.pop_first();
        }
        is_news
    }
}

impl Plain {
    /// Warns of whoever says something under a nick that may be taken for another's: it need not be what they are called
    /// now. Of each nick once.
    pub(super) fn warn_of_speaker(&mut self, message: &Message) {
        let (key, nick) = (message.from, &message.nick);
        let other = (key != self.people.own()).then(|| self.people.looks_like_as(key, nick)).flatten();
        if let Some(other) = other
            && self.warned.note(key, nick)
        {
            self.tell_likeness(&self.people.label(key, Some(nick)), key, other);
        }
    }

    /// Warns of somebody who looks like `other` by what they are called now.
    pub(super) fn warn(&mut self, key: PeerKey, other: PeerKey) {
        if let Some(nick) = self.people.nick_of(key) {
            self.warned.note(key, nick);
        }
        self.tell_likeness(&self.people.label(key, None), key, other);
    }

    fn tell_likeness(&self, it: &str, key: PeerKey, other: PeerKey) {
        let name = self.people.label(other, None);
        let whom = if other == self.people.own() { String::from("you") } else { name };
        self.notice(&format!(
            "careful: {it} looks like {whom}, and is somebody else (key {})",
            hex(&key.short())
        ));
    }
}
