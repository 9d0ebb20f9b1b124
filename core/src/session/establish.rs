//! How two peers come together: dials, half-open handshakes, and what becomes of handshakes that cross.
//!
//! A side that has sent message 3 waits for the welcome. When both have, the one with the lower identity does not
//! accept the other's message 3, and the other gives its own up: so both keep what the lower one started. A message
//! 3 whose handshake began before the association that stands is such a leftover too, and means nothing; one that
//! began later comes from a peer that wants new keys for it, or has forgotten it.

use core::{net::SocketAddr, time::Duration};

use ::bytes::Bytes;

use super::{
    Gone, LinkId, Sessions, Wish,
    association::{Association, Host},
    noise::Keys,
    packet,
    path::is_same,
    receiving::Arrival,
    space::Session,
};
use crate::{
    boundary::{Transmit, Via},
    identity::{BootId, PeerKey},
    outbox::Outbox,
    relay::Relayed,
    stats::SessionStats,
    time::Instant,
};

/// How long a handshake may take, on either side.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(5);
/// Word that a peer has forgotten us is heeded this often: anybody can say so.
const HEED: Duration = Duration::from_secs(5);

impl Sessions {
    /// Somebody says that the peer behind our packets has forgotten us. It may be a lie, so nothing ends: the peer
    /// is asked, and keys are made anew, which shows what it remembers.
    pub(super) fn on_stranger(
        &mut self,
        now: Instant,
        arrival: Arrival,
        id: u64,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        let meant = |association: &&mut Association| {
            association.is_live()
                && association.space.remote == id
                && is_same(association.path.address, arrival.from)
        };
        let Some(association) = self.links.values_mut().find(meant) else {
            stats.stray += 1;
            return;
        };
        if association.heedless_until <= now {
            association.heedless_until = now + HEED;
            association.ask(now);
            let link = association.link;
            self.dirty.insert(link);
            self.renew(now, link, stats, out);
        }
    }

    /// Tells the sender that nobody here has this session id. Shorter than what it answers.
    pub(super) fn tell_stranger(&mut self, now: Instant, arrival: Arrival, id: u64, out: &mut Outbox<Wish>) {
        if self.gate.may_answer_stranger(now) {
            transmit(arrival.from, arrival.interface, packet::stranger(id), out);
        }
    }

    /// Whether `peer` may be at `address`: where a neighbour passes things on, only the run that it names is.
    pub(super) fn may_be_at(&self, peer: (PeerKey, BootId), address: SocketAddr) -> bool {
        Relayed::of(address).is_none_or(|way| way.far == self.gate.tag(peer))
    }

    /// Whom a handshake has proven.
    pub(super) fn whois(&self, peer: (PeerKey, BootId)) -> Whois<'_> {
        if peer == (self.identity.key(), self.boot) {
            return Whois::Ourselves;
        }
        let standing = self.peers.get(&peer).and_then(|link| self.links.get(link));
        standing.map_or(Whois::New, Whois::Standing)
    }

    /// Puts a finished handshake to use: under the association that it renews, or as a new one.
    pub(super) fn establish(
        &mut self,
        now: Instant,
        peer: (PeerKey, BootId),
        renewed: Option<LinkId>,
        session: Session,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) -> LinkId {
        stats.proven += 1;
        self.gate.know(now, session.path.address.ip(), self.remembered.contains_key(&peer.0));
        let mut host = Host { rng: &mut self.rng, stats, out };
        let local = session.local;
        if let Some((link, association)) = renewed.and_then(|link| Some((link, self.links.get_mut(&link)?))) {
            association.rebind(now, session, &self.limits, &mut host);
            if let Some(retired) = association.take_retired() {
                self.routes.remove(&retired);
            }
            self.routes.insert(local, link);
            self.dirty.insert(link);
            self.end_renewals(link, out);
            return link;
        }
        if let Some(forgotten) = self.peers.get(&peer).copied() {
            self.bury(forgotten, Gone::Replaced, out);
            self.forget(forgotten);
        }
        self.ask_former_boots(now, peer, session.path.address);
        let link = LinkId(session.serial);
        let id = association_id(&session.keys);
        let (binding, dialled) = (session.keys.binding, session.dialled);
        let association =
            Association::new(now, (link, peer.0, peer.1), id, session, &self.limits, &mut self.rng);
        let (address, interface) = (association.path.address, association.path.interface);
        out.push(Wish::Up { link, peer: peer.0, boot: peer.1, address, interface, binding, dialled });
        self.links.insert(link, association);
        self.peers.insert(peer, link);
        self.routes.insert(local, link);
        self.dirty.insert(link);
        link
    }

    /// A peer that starts anew leaves its former self behind: it is asked at once, and not only at its next turn.
    fn ask_former_boots(&mut self, now: Instant, (peer, _): (PeerKey, BootId), address: SocketAddr) {
        for link in self.boots(peer) {
            if let Some(association) = self.links.get_mut(&link)
                && association.path.address.ip() == address.ip()
            {
                association.is_followed = true;
                association.ask(now);
                self.dirty.insert(link);
            }
        }
    }

    /// A session id that nobody here has.
    pub(super) fn fresh_id(&mut self) -> u64 {
        loop {
            let id = self.rng.u64();
            let taken = self.routes.contains_key(&id)
                || self.dials.contains_key(&id)
                || self.half_open.contains_key(&id);
            if id != 0 && !taken {
                return id;
            }
        }
    }

    pub(super) const fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

/// Whom a handshake has proven.
pub(super) enum Whois<'a> {
    /// We have called ourselves.
    Ourselves,
    /// There is an association with it already.
    Standing(&'a Association),
    /// There is none.
    New,
}

/// What both sides call an association that begins with this handshake.
pub(super) fn association_id(keys: &Keys) -> u64 {
    keys.binding.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

pub(super) fn transmit(to: SocketAddr, interface: u32, bytes: Bytes, out: &mut Outbox<Wish>) {
    out.push(Wish::Transmit(Transmit { via: Via::Chat, interface, to, bytes }));
}
