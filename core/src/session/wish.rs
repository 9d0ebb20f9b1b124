//! What the sessions want of their node.

use core::net::SocketAddr;

use ::bytes::Bytes;

use super::trace::Told;
use crate::{
    boundary::Transmit,
    identity::{BootId, PeerKey},
};

/// One association: a local number, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct LinkId(pub(crate) u64);

/// What the sessions want of their node.
#[derive(Debug)]
pub(crate) enum Wish {
    Transmit(Transmit),
    /// What the next [`Wish::Transmit`] says, or the datagram that has just come in.
    Trace(Told),
    /// A peer is proven, and can be talked to.
    Up {
        link: LinkId,
        peer: PeerKey,
        boot: BootId,
        address: SocketAddr,
        interface: u32,
        /// The hash of the handshake: the same on both sides, and for no other handshake.
        binding: [u8; 32],
        /// The address that we dialled, if we did.
        dialled: Option<SocketAddr>,
    },
    /// The association goes on under another handshake, with this hash.
    Rebound {
        link: LinkId,
        binding: [u8; 32],
    },
    /// A record came, in order.
    Record {
        link: LinkId,
        bytes: Bytes,
    },
    /// A record of the lower stream came, in order: a piece of a file.
    Bulk {
        link: LinkId,
        bytes: Bytes,
    },
    /// A datagram came, or the payload of a heartbeat.
    Datagram {
        link: LinkId,
        bytes: Bytes,
    },
    /// A heartbeat goes out at the next flush, or the answer to one;
    /// [`Sessions::heartbeat`](super::Sessions::heartbeat) may add a payload to it.
    HeartbeatDue {
        link: LinkId,
        is_answer: bool,
    },
    /// The peer does not answer.
    Suspect {
        link: LinkId,
    },
    /// It does again.
    Recovered {
        link: LinkId,
    },
    /// The peer has shown that it is reached at another address now.
    Moved {
        link: LinkId,
        address: SocketAddr,
    },
    /// The peer is gone.
    Down {
        link: LinkId,
        peer: PeerKey,
        boot: BootId,
        why: Gone,
    },
    /// A dial has ended without a new association. Every dial ends in this or in [`Wish::Up`].
    DialFailed {
        address: SocketAddr,
        why: Failure,
    },
}

/// Why a peer is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gone {
    /// It said goodbye.
    Quit,
    /// It does not answer any more, or broke the protocol.
    Lost,
    /// It started anew, or has forgotten the association.
    Replaced,
    /// It had to make room for somebody who counts for more, or we had to there.
    Crowded,
}

/// Why a dial came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// Nobody answered, or nobody who could prove who he is.
    Timeout,
    /// We answered ourselves.
    SelfDial,
    /// The peer that answered is reached already, or is just about to be.
    Duplicate,
    /// Too many dials are under way: nothing was sent.
    Busy,
    /// Here or there are too many associations, or too many boots of this identity.
    Full,
    /// We are leaving.
    Leaving,
}
