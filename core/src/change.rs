//! What is said about what was said before, and about a room.
//!
//! A change is an item of an entry like any message: signed, stored and spread in the same way, and the same to
//! everybody whatever order it comes in. The core tells of it and knows no messages; whoever keeps them decides by
//! [`Change::may`] whether it counts, and by [`Change::position`] which of two is the later one.

use alloc::string::String;

use crate::{
    event::{EntryId, MessageId, Place, Stamp},
    identity::{BootId, PeerKey},
    short::{Emoji, Topic},
    text::Nick,
    time::UnixMillis,
};

/// A change that somebody made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Names it for ever.
    pub id: MessageId,
    /// Where it was made; what it is about was said there too, or is not meant.
    pub place: Place,
    /// Who made it.
    pub from: PeerKey,
    /// In which of their runs.
    pub boot: BootId,
    /// What they called themselves then.
    pub nick: Nick,
    /// What it changes.
    pub what: What,
    /// Their wall clock then; it may be wrong.
    pub sent: UnixMillis,
    /// Its place in the room's order, in µs since 1970; when it came, if it claims an absurd one.
    pub stamp: Stamp,
    /// Whether it came by repair, and long after it was made.
    pub late: bool,
    /// Whether this very run made it.
    pub own: bool,
}

/// What a change does.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum What {
    /// The message says this from now on; of several the latest counts.
    Edit {
        /// The message.
        target: MessageId,
        /// What it says, 1 to [`TEXT_MAX`](crate::TEXT_MAX) bytes: hostile until cleaned.
        text: String,
    },
    /// The message is taken back, for good.
    Delete {
        /// The message.
        target: MessageId,
    },
    /// Somebody feels something about the message; for each person and emoji the latest counts.
    React {
        /// The message.
        target: MessageId,
        /// What they feel.
        emoji: Emoji,
        /// Whether they do not any more.
        gone: bool,
    },
    /// The room is about this from now on; of several the latest counts.
    Topic(Topic),
}

impl What {
    /// The message that it is about, unless it is about the room.
    #[must_use]
    pub const fn target(&self) -> Option<MessageId> {
        match self {
            Self::Edit { target, .. } | Self::Delete { target } | Self::React { target, .. } => Some(*target),
            Self::Topic(_) => None,
        }
    }
}

impl Change {
    /// Whether it counts for what `author` said in `place`: only they themselves edit and delete.
    #[must_use]
    pub fn may(&self, author: PeerKey, place: &Place) -> bool {
        let is_open = match self.what {
            What::Edit { .. } | What::Delete { .. } => self.from == author,
            What::React { .. } | What::Topic(_) => true,
        };
        is_open && self.place == *place
    }

    /// Its place among others: the same for everybody.
    #[must_use]
    pub const fn position(&self) -> (Stamp, PeerKey, EntryId, u16) {
        (self.stamp, self.from, self.id.entry, self.id.item)
    }
}
