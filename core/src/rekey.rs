//! Another key for a private room: a new room takes its place, and its key goes to all but those who are left out.
//!
//! Nobody is moved by anybody else. Whoever is given the key decides whether to follow, and when two people make a
//! successor at the same time there are two to choose from.

use alloc::vec::Vec;

use crate::{
    event::Stamp,
    identity::PeerKey,
    room::RoomRoot,
    store::RoomKeyId,
    text::{Nick, RoomName},
};

/// People who can be left out at a time.
pub const LEFT_OUT_MAX: usize = 32;
/// People to whom the key of a successor is sent.
pub const GIVEN_MAX: usize = 1024;

/// What became of a room's key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rekey {
    /// What both rooms are called.
    pub room: RoomName,
    /// The room whose place is to be taken.
    pub former: RoomKeyId,
    /// The one that takes it.
    pub successor: RoomKeyId,
    /// Who made it.
    pub from: PeerKey,
    /// What they called themselves then.
    pub nick: Nick,
    /// Whom they left out, at most [`LEFT_OUT_MAX`].
    pub without: Vec<PeerKey>,
    /// How far we are with it.
    pub state: RekeyState,
    /// Whether that was told in an earlier run already.
    pub again: bool,
}

/// How far we are with a successor.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RekeyState {
    /// The former room was told of it, and its key has not come here: it may be on its way, or we are left out.
    Announced,
    /// Its key is here: [`Action::Follow`](crate::Action::Follow) moves us there.
    Offered,
    /// We are in it now, and not in the former room any more.
    Followed {
        /// Its secret.
        root: RoomRoot,
    },
    /// We made it, and are in it now.
    Made {
        /// Its secret.
        root: RoomRoot,
        /// How many are sent the key.
        given: u32,
        /// How many are not: their keys for direct conversations are not known, or there are more than [`GIVEN_MAX`].
        missed: u32,
    },
}

/// A successor as it is stored; there is one for each room and person who tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredSuccessor {
    /// What both rooms are called.
    pub name: RoomName,
    /// The room whose place is to be taken.
    pub former: RoomKeyId,
    /// The secret of that one.
    pub former_root: RoomRoot,
    /// The room that takes it.
    pub successor: RoomKeyId,
    /// The secret of this one, once it was given.
    pub root: Option<RoomRoot>,
    /// Who told of it.
    pub from: PeerKey,
    /// What they called themselves then.
    pub nick: Nick,
    /// Whom they left out.
    pub without: Vec<PeerKey>,
    /// When they told of it.
    pub stamp: Stamp,
    /// Whether we have followed.
    pub followed: bool,
}
