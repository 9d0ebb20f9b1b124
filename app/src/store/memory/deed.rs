//! What was done to a message, found by what it is and who did it.

use std::collections::BTreeMap;

use chat_core::{Emoji, PeerKey, What};

use crate::store::Cursor;

/// What was done to one message, by whom: of each there is one.
pub(super) type About = BTreeMap<(Deed, PeerKey), Cursor>;

/// What can be done to a message. What is felt stands in the order in which it is shown, and apart from what is felt no
/// more, so that nobody reads through all of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Deed {
    Edit,
    Delete,
    Felt(Emoji),
    FeltNoMore(Emoji),
}

impl Deed {
    /// `None` of what is done to no message.
    pub(super) fn of(what: &What) -> Option<Self> {
        match what {
            What::Edit { .. } => Some(Self::Edit),
            What::Delete { .. } => Some(Self::Delete),
            What::React { emoji, gone: false, .. } => Some(Self::Felt(emoji.clone())),
            What::React { emoji, gone: true, .. } => Some(Self::FeltNoMore(emoji.clone())),
            _ => None,
        }
    }

    /// What has its effect instead of this one.
    pub(super) fn rivals(self) -> [Self; 2] {
        match self {
            Self::Felt(emoji) | Self::FeltNoMore(emoji) => {
                [Self::Felt(emoji.clone()), Self::FeltNoMore(emoji)]
            }
            other => [other.clone(), other],
        }
    }
}
