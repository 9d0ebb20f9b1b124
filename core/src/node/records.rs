//! What peers say about themselves, at a pace for each identity.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::{Node, links::ADDRESSES_MAX};
use crate::{
    event::PeerState,
    frames::Frame,
    identity::PeerKey,
    record::{PeerRecord, RECORD_MAX},
    session::{LinkId, Pace},
    store::{Record, StoredPeer},
    time::Instant,
    timers::Timers,
};

/// Records of one identity: more than anybody renames themselves, or loses sessions.
const RECORDS: Pace = Pace { each: Duration::from_secs(5), burst: 16 };
/// Identities whose pace is kept; the records of further ones wait.
const PACED_MAX: usize = 1024;

/// How often each identity has told of itself, and which links have a record that waits.
#[derive(Debug)]
pub(super) struct Records {
    paces: BTreeMap<PeerKey, Instant>,
    late: Timers<LinkId>,
}

impl Records {
    pub(super) const fn new() -> Self {
        Self { paces: BTreeMap::new(), late: Timers::new() }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.late.next().map(|(at, _)| at)
    }

    /// The link is down.
    pub(super) fn forget(&mut self, link: LinkId) {
        self.late.clear(link);
    }

    fn take(&mut self, now: Instant, key: PeerKey) -> bool {
        if self.paces.len() >= PACED_MAX {
            self.paces.retain(|_, free| *free > now);
        }
        let room = self.paces.len() < PACED_MAX || self.paces.contains_key(&key);
        room && RECORDS.take(now, self.paces.entry(key).or_default())
    }
}

impl Node {
    pub(super) fn send_own_record(&mut self, link: LinkId) {
        if let Some((_, signed)) = &self.own {
            self.sessions.send(link, Frame::Record(signed.clone()).encode());
        }
    }

    /// A record came over a link. Of those that come too fast the latest waits for its turn, so that whoever is in
    /// a hurry still ends up as what it said last.
    pub(super) fn on_record(&mut self, link: LinkId, signed: &[u8]) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        if signed.len() > RECORD_MAX {
            self.stats.room.malformed += 1;
        } else if peer.late.is_none() && self.records.take(self.now, peer.key) {
            self.take_record(link, signed);
        } else {
            self.stats.records_late += 1;
            peer.late = Some(Bytes::copy_from_slice(signed));
            self.records.late.set_by(link, self.now + RECORDS.each);
        }
    }

    /// Takes in what waited long enough.
    pub(super) fn on_records_due(&mut self) {
        while let Some(link) = self.records.late.pop_due(self.now) {
            let late = self.peers.get_mut(&link).and_then(|peer| peer.late.take());
            late.into_iter().for_each(|signed| self.on_record(link, &signed));
        }
    }

    /// A peer told about itself. Only the one in session is believed, and only about this run of it.
    fn take_record(&mut self, link: LinkId, signed: &[u8]) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        let least = peer.record.as_ref().map_or(0, |record| record.version);
        let Some(record) = PeerRecord::verify(self.config.suite, signed)
            .filter(|record| record.key == peer.key && record.boot == peer.boot && record.version >= least)
        else {
            self.stats.room.malformed += 1;
            return;
        };
        let (key, address, nick, direct) = (record.key, peer.address, record.nick.clone(), record.direct);
        let former = peer.record.replace(record);
        if former.is_some_and(|former| former.nick == nick && former.direct == direct) {
            return;
        }
        let known = self.acquaintances.of(&key).map_or_else(Vec::new, |stored| stored.addresses.clone());
        let others = known.into_iter().filter(|&other| other != address);
        let addresses = core::iter::once(address).chain(others).take(ADDRESSES_MAX).collect();
        let stored = StoredPeer { key, nick, direct, addresses, seen: self.wall_now() };
        // Somebody may have to be forgotten first.
        self.meet(stored.clone());
        self.with_rooms(|rooms, turn| rooms.on_peer_known(turn, key, direct));
        self.tell(link, PeerState::Online);
        self.ledger.collect(Record::Peer(stored));
    }

    /// Remembers somebody, and forgets somebody else when there are too many.
    pub(super) fn meet(&mut self, stored: StoredPeer) {
        let is_here = |key: &PeerKey| self.peers.values().any(|peer| peer.key == *key);
        if let Some(forgotten) = self.acquaintances.meet(stored, is_here) {
            self.sessions.unremember(&forgotten);
            self.rooms.forget(&forgotten);
            self.stats.peers_forgotten += 1;
        }
    }
}
