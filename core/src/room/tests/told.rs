//! What a peer has told its person.

use super::*;

impl Peer {
    /// The messages told to the person, in the order in which they were.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.events.iter().filter_map(|event| match event {
            Event::Message(message) => Some(&**message),
            _ => None,
        })
    }

    pub(super) fn heard(&self) -> Vec<&str> {
        self.messages().filter(|message| !message.own).map(|message| message.text.as_str()).collect()
    }

    pub(super) fn receipts(&self) -> Vec<(EntryId, u32, u32)> {
        let receipt = |event: &Event| match event {
            Event::Receipt { entry, stored_by, of } => Some((*entry, *stored_by, *of)),
            _ => None,
        };
        self.events.iter().filter_map(receipt).collect()
    }

    pub(super) fn done(&self) -> Vec<(u64, Option<MessageId>)> {
        let done = |event: &Event| match event {
            Event::Done { tag, message } => Some((*tag, *message)),
            _ => None,
        };
        self.events.iter().filter_map(done).collect()
    }

    pub(super) fn refused(&self) -> Vec<(u64, Refusal)> {
        let refused = |event: &Event| match event {
            Event::Refused { tag, reason } => Some((*tag, *reason)),
            _ => None,
        };
        self.events.iter().filter_map(refused).collect()
    }
}
