//! The whole boundary on one page: what goes into a node and what comes out.

use alloc::{string::String, vec::Vec};
use core::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::{
    command::Command,
    discovery::Sighting,
    event::{Event, MessageId},
    store::{Answer, Record, Request, StoreError},
    time::{Instant, UnixMillis},
};

/// Everything that ever happens to a peer.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram arrived.
    Datagram(Datagram<'a>),
    /// The person asks for something.
    Command(Command),
    /// The full list of network interfaces: at start, after every change, wake-up or roam.
    Interfaces(&'a [Interface]),
    /// The wall clock: at start, each minute, and when it jumps by more than a second.
    WallClock(UnixMillis),
    /// Fresh randomness, mixed in: after a wake-up, after a resume, and when the wall clock jumps, before that is told. The
    /// machine may be a copy that goes on beside another: sessions go on at other packet numbers and get new keys.
    Entropy([u8; 32]),
    /// A peer seen or lost by a discovery that lives outside the core.
    Sighting(Sighting),
    /// The store's word on an [`Output::Persist`]: everything up to this token is durable, or was not stored.
    Persisted {
        /// The token of the newest records this speaks of.
        token: Token,
        /// Whether they are durable now.
        result: Result<(), StoreError>,
    },
    /// The store's answer to an [`Output::Fetch`].
    Fetched {
        /// The token of the request.
        token: Token,
        /// What was asked for, or as much of it as there is.
        answer: Answer,
    },
    /// The host has written what an [`Output::Write`] gave it, or could not.
    Written {
        /// The token of that output.
        token: Token,
        /// Whether it is there now; it need not be durable.
        result: Result<(), StoreError>,
    },
    /// Time has passed.
    Tick,
}

/// Everything a peer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Output {
    /// Send these bytes. Failures are not reported: datagrams get lost anyway.
    Transmit(Transmit),
    /// What a datagram of the chat says, for captures: only with [`Config::trace`](crate::Config::trace).
    Trace(Trace),
    /// Tell the person.
    Event(Event),
    /// Append these records to the store, atomically and in order, then answer with [`Input::Persisted`].
    Persist {
        /// Rises with every `Persist`.
        token: Token,
        /// What to append.
        records: Vec<Record>,
    },
    /// Read from the store, then answer with [`Input::Fetched`].
    Fetch {
        /// Names this request in the answer.
        token: Token,
        /// What to read.
        what: Request,
    },
    /// Write this piece of a file that the person has accepted, then answer with [`Input::Written`]. Pieces of one file
    /// come in order, each where the one before ended.
    Write {
        /// Names this request in the answer.
        token: Token,
        /// The message that offered the file.
        file: MessageId,
        /// Where in the file.
        offset: u64,
        /// What to write, never empty.
        bytes: Bytes,
    },
    /// Nothing more to do until then, or until the next input.
    Wait(Option<Wake>),
}

/// Names one request to the store in its answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Token(pub u64);

/// When a node wants to be called again, and why: for logs and traces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wake {
    /// Always later than the `now` of the last input.
    pub at: Instant,
    /// Whose timer it is.
    pub reason: Reason,
}

/// The part of a node whose timer is the next one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// A question, answer, probe, announcement or cached record of multicast DNS.
    Mdns,
    /// A broadcast that is due.
    Beacon,
    /// An acknowledgement, retransmission, heartbeat or handshake of a session.
    Session,
    /// An open entry, or the repair of a room.
    Room,
    /// A peer to be dialled again.
    Dial,
    /// A file that does not come, or may be asked for again.
    File,
    /// Something to store that the store did not take.
    Store,
    /// The end of the node's life.
    Quit,
}

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The socket it came through.
    pub via: Via,
    /// The index of the interface it arrived on, 0 when the system did not say.
    pub interface: u32,
    /// Who says to have sent it.
    pub from: SocketAddr,
    /// Where it was sent to: a multicast group, or one of our own addresses.
    pub to: IpAddr,
    /// What it says.
    pub bytes: &'a [u8],
}

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The socket to send it through.
    pub via: Via,
    /// The index of the interface to send it from, or 0 to let the routing table decide. Multicast always names one.
    pub interface: u32,
    /// Whom to send it to.
    pub to: SocketAddr,
    /// What to say: shared, so that one encoding can go to many.
    pub bytes: Bytes,
}

/// What a datagram of the chat says, in plain text and without any key or proof.
///
/// That of a datagram to send comes right before it, as one. What came in may be traced in several, after its
/// [`Input::Datagram`] and before anything that a later input brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Which of the datagrams that were handed in, counted from 1; `None` for the [`Output::Transmit`] that is next.
    pub received: Option<u64>,
    /// One for each thing in it, most of them less than 200 bytes; a message stands there whole, as Rust would write
    /// it in quotes.
    pub lines: Vec<String>,
}

/// Which of the host's sockets; no socket ever enters the core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Via {
    /// Multicast DNS, one socket for each family on port 5353.
    Mdns,
    /// UDP broadcast on port 27181.
    Beacon,
    /// Sessions, one socket for each family on the chat port.
    Chat,
}

/// A network interface that the node may use. The host leaves out those it may not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Interface {
    /// The system's number for it, never 0.
    pub index: u32,
    /// The system's name for it.
    pub name: String,
    /// Its addresses with their prefix lengths, sorted.
    pub addresses: Vec<Subnet>,
    /// Whether it takes part in multicast.
    pub multicast: bool,
    /// Whether it is the loopback interface.
    pub loopback: bool,
    /// The largest IP packet it carries, in bytes.
    pub mtu: u32,
}

/// An address of an interface, and how many of its leading bits the link shares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Subnet {
    /// The interface's own address.
    pub address: IpAddr,
    /// The length of the prefix in bits: up to 32 for IPv4, up to 128 for IPv6.
    pub prefix: u8,
}

impl Subnet {
    /// Whether `other` is on this link.
    #[must_use]
    pub fn contains(&self, other: IpAddr) -> bool {
        let shift = |width: u32| width.saturating_sub(u32::from(self.prefix));
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(shift(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(shift(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Whether `address` is on one of the links that have these subnets.
pub(crate) fn is_on_link(subnets: &[Subnet], address: IpAddr) -> bool {
    let is_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    is_local || subnets.iter().any(|subnet| subnet.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_contains_what_shares_its_prefix() {
        let net = |address: &str, prefix| Subnet { address: address.parse().unwrap(), prefix };
        let has = |net: Subnet, other: &str| net.contains(other.parse().unwrap());
        assert!(has(net("10.1.2.3", 24), "10.1.2.200"));
        assert!(!has(net("10.1.2.3", 24), "10.1.3.3"));
        assert!(has(net("10.1.2.3", 0), "8.8.8.8"));
        assert!(has(net("fe80::1", 64), "fe80::2"));
        assert!(!has(net("fe80::1", 64), "10.1.2.3"));
        assert!(has(net("::1", 128), "::1") && !has(net("::1", 128), "::2"));
    }
}
