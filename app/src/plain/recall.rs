//! What was shown a moment ago: commands name a message by who said it, and an answer shows what it answers.

use std::collections::VecDeque;

use chat_core::{Message, MessageId, Nick, PeerKey, Place, RoomName};

use super::delivery::beginning;

/// Messages that are remembered; an answer to an older one does not show it.
const RECALLED_MAX: usize = 256;

/// The latest messages that were shown.
#[derive(Debug, Default)]
pub(super) struct Recall(VecDeque<Recalled>);

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Recalled {
    pub(super) id: MessageId,
    pub(super) place: Place,
    pub(super) from: PeerKey,
    pub(super) nick: Nick,
    /// Its beginning, hostile until cleaned.
    pub(super) text: String,
    /// Whether it offers a file.
    pub(super) offers: bool,
}

impl Recall {
    pub(super) fn push(&mut self, message: &Message) {
        if self.0.len() >= RECALLED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Recalled {
            id: message.id,
            place: message.place.clone(),
            from: message.from,
            nick: message.nick.clone(),
            text: beginning(&message.text),
            offers: message.file.is_some(),
        });
    }

    /// The latest one there that `wanted` says.
    pub(super) fn latest(&self, place: &Place, wanted: impl Fn(PeerKey) -> bool) -> Option<&Recalled> {
        self.0.iter().rev().find(|recalled| recalled.place == *place && wanted(recalled.from))
    }

    pub(super) fn find(&self, id: MessageId) -> Option<&Recalled> {
        self.0.iter().rev().find(|recalled| recalled.id == id)
    }

    /// It says `text` now.
    pub(super) fn edit(&mut self, id: MessageId, text: &str) {
        let recalled = self.0.iter_mut().filter(|recalled| recalled.id == id);
        recalled.for_each(|recalled| recalled.text = beginning(text));
    }

    pub(super) fn forget(&mut self, id: MessageId) {
        self.0.retain(|recalled| recalled.id != id);
    }

    /// Another room goes by the name of that one.
    pub(super) fn forget_room(&mut self, room: &RoomName) {
        self.0.retain(|recalled| !matches!(&recalled.place, Place::Room(there) if there == room));
    }
}
