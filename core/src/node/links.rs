//! A node's peers in session: who they are, and what came from them.

use alloc::vec::Vec;
use core::net::SocketAddr;

use bytes::Bytes;

use super::Node;
use crate::{
    boundary::Output,
    contacts::{Proposal, Who},
    discovery::{Found, Sighting, SightingKind},
    event::{Event, PeerChange, PeerState, Source},
    frames::Frame,
    identity::{BootId, PeerKey},
    record::PeerRecord,
    session::{Failure, Gone, LinkId, Wish},
    store::{Record, StoredPeer},
};

/// Addresses remembered for one peer (DESIGN section 6, `protocol-review` A11).
const ADDRESSES_MAX: usize = 4;

/// A peer in session.
#[derive(Debug)]
pub(super) struct Peer {
    key: PeerKey,
    boot: BootId,
    address: SocketAddr,
    via: Source,
    /// What it says about itself; it counts as online once this has come.
    record: Option<PeerRecord>,
}

impl Node {
    pub(super) fn on_found(&mut self, found: Found) {
        match found {
            Found::Transmit(transmit) => {
                self.stats.transmits += 1;
                self.outputs.push_back(Output::Transmit(transmit));
            }
            Found::Sighting(sighting) => self.on_sighting(&sighting),
            Found::Renamed(instance) => self.event(Event::Renamed { instance }),
            Found::Multicast(multicast) => {
                if self.net.set_multicast(multicast) {
                    let change = self.net.change();
                    self.event(Event::Net(change));
                }
            }
        }
    }

    pub(super) fn on_sighting(&mut self, sighting: &Sighting) {
        if let Some((kind, proposal)) = self.contacts.on_sighting(self.now, sighting)
            && proposal.via != Source::Remembered
        {
            let state = match kind {
                SightingKind::Seen => PeerState::Found,
                SightingKind::Lost => PeerState::Lost,
            };
            let Proposal { who, nick, boot, address, via } = proposal;
            let id = match who {
                Who::Id(id) => Some(id),
                Who::Address(_) => None,
            };
            let address = Some(address);
            let change = PeerChange { state, key: None, id, boot, nick, address, via, direct: false };
            self.event(Event::Peer(change));
        }
    }

    pub(super) fn on_session(&mut self, wish: Wish) {
        match wish {
            Wish::Transmit(transmit) => {
                self.stats.transmits += 1;
                self.outputs.push_back(Output::Transmit(transmit));
            }
            Wish::Up { link, peer: key, boot, address, interface, binding, dialled } => {
                log::debug!("{key:?} {boot} up at {address}, interface {interface}, dialled {dialled}");
                let via = self.contacts.on_up(self.now, key, boot, address);
                self.peers.insert(link, Peer { key, boot, address, via, record: None });
                self.send_own_record(link);
                self.with_rooms(|rooms, turn| rooms.on_link_up(turn, link, key, boot, binding));
            }
            Wish::Rebound { link, binding } => {
                self.with_rooms(|rooms, turn| rooms.on_rebound(turn, link, binding));
            }
            Wish::Record { link, bytes } | Wish::Datagram { link, bytes } => self.on_frame(link, &bytes),
            Wish::HeartbeatDue { link } => {
                let frame = self.rooms.heartbeat(self.now, link);
                self.sessions.heartbeat(link, frame.encode(), &mut self.stats.session);
            }
            Wish::Suspect { link } => self.tell(link, PeerState::Suspect),
            Wish::Recovered { link } => self.tell(link, PeerState::Online),
            Wish::Moved { link, address } => {
                if let Some(peer) = self.peers.get_mut(&link) {
                    peer.address = address;
                    self.contacts.on_moved(peer.key, peer.boot, address);
                }
            }
            Wish::Down { link, peer, boot, why } => {
                log::debug!("{peer:?} {boot} down: {why:?}");
                let quit = why == Gone::Quit;
                self.tell(link, if quit { PeerState::Quit } else { PeerState::Lost });
                self.with_rooms(|rooms, turn| rooms.on_link_down(turn, link));
                if let Some(peer) = self.peers.remove(&link) {
                    self.contacts.on_down(self.now, peer.key, peer.boot, quit);
                }
            }
            Wish::DialFailed { address, why } => {
                log::debug!("no session with {address}: {why:?}");
                match why {
                    Failure::SelfDial => self.contacts.on_own(address),
                    Failure::Full => self.contacts.on_full(self.now, address),
                    Failure::Timeout | Failure::Duplicate | Failure::Leaving => {}
                }
            }
        }
    }

    pub(super) fn send_own_record(&mut self, link: LinkId) {
        if let Some((_, signed)) = &self.own {
            self.sessions.send(link, Frame::Record(signed.clone()).encode());
        }
    }

    fn on_frame(&mut self, link: LinkId, bytes: &Bytes) {
        match Frame::decode(bytes) {
            Some(Frame::Record(signed)) => self.on_record(link, &signed),
            Some(frame) => self.with_rooms(|rooms, turn| rooms.on_frame(turn, link, frame)),
            None => self.stats.room.malformed += 1,
        }
    }

    /// A peer told about itself. Only the one in session is believed, and only about this run of it.
    fn on_record(&mut self, link: LinkId, signed: &[u8]) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        let known = peer.record.as_ref().map_or(0, |record| record.version);
        let Some(record) = PeerRecord::verify(self.config.suite, signed)
            .filter(|record| record.key == peer.key && record.boot == peer.boot && record.version >= known)
        else {
            self.stats.room.malformed += 1;
            return;
        };
        if peer.record.as_ref() == Some(&record) {
            return;
        }
        let (key, address, nick, direct) = (record.key, peer.address, record.nick.clone(), record.direct);
        peer.record = Some(record);
        self.with_rooms(|rooms, turn| rooms.on_peer_known(turn, key, direct));
        self.tell(link, PeerState::Online);
        let before = self.remembered.get(&key).map_or_else(Vec::new, |stored| stored.addresses.clone());
        let others = before.into_iter().filter(|&other| other != address);
        let addresses = core::iter::once(address).chain(others).take(ADDRESSES_MAX).collect();
        let stored = StoredPeer { key, nick, direct, addresses, seen: self.wall_now() };
        if self.remembered.len() < self.config.peers_max || self.remembered.contains_key(&key) {
            self.remembered.insert(key, stored.clone());
        }
        self.ledger.collect(Record::Peer(stored));
    }

    /// Tells the person what has become of the peer of `link`, unless it never came online.
    fn tell(&mut self, link: LinkId, state: PeerState) {
        let Some(peer) = self.peers.get(&link) else { return };
        let Some(record) = &peer.record else { return };
        self.event(Event::Peer(PeerChange {
            state,
            key: Some(peer.key),
            id: Some(peer.key.short()),
            boot: Some(peer.boot),
            nick: Some(record.nick.clone()),
            address: Some(peer.address),
            via: peer.via,
            direct: true,
        }));
    }
}
