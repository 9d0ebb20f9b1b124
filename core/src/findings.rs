//! What a node has found out about its network: the answer to [`Action::Examine`](crate::Action::Examine). Plain data,
//! from which a program concludes what is wrong.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use crate::{
    config::MdnsSocket,
    event::{Multicast, PeerState, Source},
    identity::{BootId, PeerKey},
    text::Nick,
};

/// What was found out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Findings {
    /// How the port of multicast DNS could be had.
    pub mdns: MdnsSocket,
    /// Whether multicast works, on all links together.
    pub multicast: Multicast,
    /// What has been heard on each link by each way, by rising interface.
    pub links: Vec<LinkFindings>,
    /// The others, at most 256: those in session first, then those vouched for, then those who were only found.
    pub peers: Vec<PeerFindings>,
}

/// A way to reach everybody on a link at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    /// Multicast DNS over IPv4.
    MulticastV4,
    /// Multicast DNS over IPv6.
    MulticastV6,
    /// UDP broadcast, which only IPv4 has.
    Broadcast,
}

/// What has been heard on one link by one way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkFindings {
    /// The system's number for the interface.
    pub interface: u32,
    /// By which way.
    pub way: Way,
    /// How much.
    pub tally: Tally,
}

/// Datagrams of one way on one link, since it came up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Sent by us.
    pub sent: u64,
    /// Of those, the ones that came back to us, as they do to everybody who listens.
    pub own: u64,
    /// Received from other machines.
    pub others: u64,
}

/// What is known of one other peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerFindings {
    /// Its key, once proven.
    pub key: Option<PeerKey>,
    /// The first eight bytes of its key, as far as anybody says.
    pub id: Option<[u8; 8]>,
    /// Which of its runs.
    pub boot: Option<BootId>,
    /// What it calls itself, if it said so; it comes from the network.
    pub nick: Option<Nick>,
    /// Where it is, as far as known.
    pub address: Option<SocketAddr>,
    /// What it is: online, suspect, or only found.
    pub state: PeerState,
    /// By which ways it is seen now.
    pub sources: Vec<Source>,
    /// Whether it was called since it was found, and has not answered.
    pub is_silent: bool,
    /// How well our own session with it works; `None`: there is none.
    pub path: Option<PathFindings>,
    /// What it has answered to our asking by all ways, if it did.
    pub echo: Option<EchoFindings>,
    /// Milliseconds that its wall clock is ahead of ours, as far as it has told: rooms that we share, own session.
    pub clock_ahead_ms: Option<i64>,
}

/// How well a session works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathFindings {
    /// The smoothed round-trip time (RFC 9002 section 5.3).
    pub rtt: Duration,
    /// Packets sent that wanted an acknowledgement.
    pub sent: u64,
    /// Of those, the ones that got lost.
    pub lost: u64,
}

/// Which ways lead from here to a peer and back, by its own word and by how that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EchoFindings {
    /// The ways by which it has heard us.
    pub heard: Reached,
    /// The ways by which it listens at all.
    pub listens: Reached,
    /// The ways by which its answer came.
    pub came: Reached,
}

/// A set of ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reached {
    /// By multicast DNS.
    pub multicast: bool,
    /// By UDP broadcast.
    pub broadcast: bool,
    /// From one host to the other alone, at the port of the chat.
    pub unicast: bool,
}

impl Reached {
    /// By multicast alone.
    pub(crate) const MULTICAST: Self = Self { multicast: true, broadcast: false, unicast: false };
    /// By broadcast alone.
    pub(crate) const BROADCAST: Self = Self { multicast: false, broadcast: true, unicast: false };
    /// To one host alone.
    pub(crate) const UNICAST: Self = Self { multicast: false, broadcast: false, unicast: true };

    /// These ways and those.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            multicast: self.multicast || other.multicast,
            broadcast: self.broadcast || other.broadcast,
            unicast: self.unicast || other.unicast,
        }
    }
}
