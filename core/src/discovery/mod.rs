//! How peers are found: one trait over multicast DNS, broadcast and addresses given by hand.
//!
//! Discovery is only a hint. Who somebody is, is proven in the handshake; a goodbye, an expired record or a name
//! conflict never closes a session, it only removes a candidate address.

mod ask;
pub(crate) mod beacon;
pub(crate) mod manual;

pub(crate) use ask::{Call, Nonce, Word};
pub(crate) use beacon::Beacon;

use alloc::{string::String, vec::Vec};
use core::net::{IpAddr, SocketAddr};

use crate::{
    boundary::{Datagram, Interface, Transmit},
    event::{Multicast, Source},
    findings::Reached,
    identity::{BootId, PeerKey},
    outbox::Outbox,
    stats::Stats,
    text::Nick,
    time::Instant,
};

/// One way of finding peers, without I/O like the rest: it takes what happened and pushes what it wants.
///
/// The node runs any set of them; all feed one address book.
pub(crate) trait PeerDiscovery {
    /// Begins to tell others of us, or tells them what has changed.
    fn announce(&mut self, now: Instant, announcement: &Announcement, out: &mut Outbox<Found>);
    /// The interfaces now are these; also called after a wake-up with the same ones.
    fn on_interfaces(&mut self, now: Instant, interfaces: &[Interface], out: &mut Outbox<Found>);
    /// A datagram came through this discovery's socket.
    fn on_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        stats: &mut Stats,
        out: &mut Outbox<Found>,
    );
    /// Nobody answers at `address`, where somebody was seen: it is time to ask anew where they are.
    fn reconfirm(&mut self, now: Instant, address: SocketAddr, stats: &mut Stats);
    /// Does what is due at `now`; harmless when nothing is.
    fn on_tick(&mut self, now: Instant, stats: &mut Stats, out: &mut Outbox<Found>);
    /// When [`on_tick`](Self::on_tick) is next needed.
    fn next_wake(&self) -> Option<Instant>;
    /// Tells others that we leave.
    fn withdraw(&mut self, now: Instant, out: &mut Outbox<Found>);
}

/// What we tell others about us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Announcement {
    pub(crate) key: PeerKey,
    pub(crate) boot: BootId,
    pub(crate) nick: Nick,
    /// The port of the chat socket.
    pub(crate) port: u16,
}

/// What a discovery wants of its node.
#[derive(Debug)]
pub(crate) enum Found {
    Transmit(Transmit),
    Sighting(Sighting),
    /// Somebody has just come. One who `is_alone` is to be called also if others say that it is here.
    Newcomer {
        sighting: Sighting,
        is_alone: bool,
        share: Share,
    },
    /// Somebody examines the network, or answers us who do.
    Call {
        call: Call,
        by: Reached,
        from: IpAddr,
        interface: u32,
    },
    /// The name we are announced by changed because somebody else has it.
    Renamed(String),
    /// Whether multicast works has changed.
    Multicast(Multicast),
}

/// What of a newcomer is ours, whoever it is; the rest is left to others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Share {
    /// Nothing.
    Nothing,
    /// To keep it in mind.
    Mind,
    /// To call it soon, as one of several.
    Call,
}

/// One discovery source seeing one peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// Who saw it.
    pub source: Source,
    /// Seen, or lost.
    pub kind: SightingKind,
    /// The first eight bytes of its key, if it said so. A hint: anybody can say anything.
    pub id: Option<[u8; 8]>,
    /// Which of its runs, if it said so.
    pub boot: Option<BootId>,
    /// What it calls itself, if it said so.
    pub nick: Option<Nick>,
    /// Where its chat socket may be reached, at most 8. Link-local IPv6 addresses carry the index of the
    /// interface they were seen on as their scope.
    pub addresses: Vec<SocketAddr>,
}

/// Whether a peer was seen or lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SightingKind {
    /// It is there, at these addresses.
    Seen,
    /// This source does not see it any more.
    Lost,
}
