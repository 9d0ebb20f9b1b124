//! What people and peers tell: an address typed by the person, one that is remembered, those that a peer in session says it
//! has itself. Nothing of it needs a timer or a socket, so there is no machine behind it: the address book calls them.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::{Sighting, SightingKind};
use crate::{event::Source, record::PeerRecord, store::StoredPeer};

/// The person has typed an address: the only one that may lead off the link.
pub(crate) fn typed(address: SocketAddr) -> Sighting {
    Sighting {
        source: Source::Manual,
        kind: SightingKind::Seen,
        id: None,
        boot: None,
        nick: None,
        addresses: Vec::from([address]),
    }
}

/// Somebody has proven itself at these addresses in an earlier run.
pub(crate) fn remembered(peer: &StoredPeer) -> Sighting {
    Sighting {
        source: Source::Remembered,
        kind: SightingKind::Seen,
        id: Some(peer.key.short()),
        boot: None,
        nick: Some(peer.nick.clone()),
        addresses: peer.addresses.clone(),
    }
}

/// Somebody says of itself, signed, where it is; it came over a session with itself or with others.
pub(crate) fn told(record: &PeerRecord) -> Sighting {
    Sighting {
        source: Source::Exchange,
        kind: SightingKind::Seen,
        id: Some(record.key.short()),
        boot: Some(record.boot),
        nick: Some(record.nick.clone()),
        addresses: record.addresses.clone(),
    }
}
