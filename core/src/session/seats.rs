//! Who gets a place at the table of associations.
//!
//! ```text
//! |------------ anybody: two thirds ------------|-- whoever is remembered --|
//! ```
//!
//! Keys cost nothing, addresses do: each has a share of the table, whoever comes from there. When a place is lacking
//! for somebody remembered, a stranger leaves; when one is lacking for somebody the person has written to, and all are
//! remembered, one of those to whom the person has not. When one is lacking for a stranger, one leaves from where there
//! are at least two more of them than where it comes from: so nobody fills the table from a few addresses, and whoever
//! left does not push out the next one in turn. Of those who may have to leave it is one of those whose address has
//! the most places, and of them the one that has not said anything for longest.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{
    cmp::Reverse,
    net::{IpAddr, SocketAddr},
};

use super::{Gone, LinkId, Sessions, Wish, frame::Parting, origin::Origin};
use crate::{
    identity::{BootId, PeerKey},
    outbox::Outbox,
    stats::SessionStats,
    time::Instant,
};

/// Live boots of one identity: they cost their owner nothing to make up.
const BOOTS_MAX: usize = 4;

/// How much somebody is worth keeping, in memory and in session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Standing {
    /// A stranger: proven in this run, which costs a key.
    Met,
    /// Proven in an earlier run, or in session for long in this one.
    Known,
    /// The person has written to them.
    Spoken,
}

/// A place that is taken, or about to be.
#[derive(Clone, Copy, Debug)]
struct Seat {
    /// `None` while our handshake waits for the welcome.
    link: Option<LinkId>,
    standing: Standing,
    origin: Origin,
    address: IpAddr,
    /// When the peer last said something.
    heard: Instant,
}

impl Sessions {
    /// This peer counts for more than a stranger, and so do its addresses.
    pub(crate) fn remember(
        &mut self,
        now: Instant,
        peer: PeerKey,
        standing: Standing,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) {
        self.remembered.insert(peer, standing);
        addresses.into_iter().for_each(|address| self.gate.know(now, address, true));
    }

    /// This peer is a stranger again.
    pub(crate) fn unremember(&mut self, peer: &PeerKey) {
        self.remembered.remove(peer);
    }

    /// Whether an association with `peer`, who is at `address`, may begin; a stranger may have to leave for it.
    pub(super) fn has_room(
        &mut self,
        now: Instant,
        (peer, _): (PeerKey, BootId),
        address: SocketAddr,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) -> bool {
        let granted = self.may_have_boot(now, peer) && self.has_seat(now, peer, address, stats, out);
        stats.refused += u64::from(!granted);
        granted
    }

    /// Whether one more boot of an identity may come. Those that are in the way must show that they live.
    fn may_have_boot(&mut self, now: Instant, peer: PeerKey) -> bool {
        let boots = self.boots(peer);
        let few = boots.len() < BOOTS_MAX;
        for link in boots.into_iter().filter(|_| !few) {
            self.live(link).into_iter().for_each(|association| association.ask(now));
        }
        few
    }

    fn has_seat(
        &mut self,
        now: Instant,
        peer: PeerKey,
        address: SocketAddr,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) -> bool {
        let most = self.limits.sessions;
        // Those that are being closed count only when they are very many.
        if self.links.len() >= most * 2 {
            return false;
        }
        let (seats, origin) = (self.seats(now), self.gate.origin(address));
        let strangers = seats.iter().filter(|seat| seat.standing == Standing::Met).count();
        let standing = self.standing(&peer);
        let is_crowded = seats.iter().filter(|seat| seat.origin == origin).count() >= share(most, origin);
        let is_full = seats.len() >= most || standing == Standing::Met && strangers >= most - most / 3;
        if !is_crowded && !is_full {
            return true;
        }
        let leaves = if standing == Standing::Met {
            crowding(&seats, (origin, address.ip().to_canonical()), is_crowded)
        } else {
            let lesser = seats.iter().filter(|seat| seat.standing < standing);
            least(&seats, lesser.filter(|seat| !is_crowded || seat.origin == origin))
        };
        stats.crowded += u64::from(is_crowded && leaves.is_none());
        let Some(link) = leaves else { return false };
        self.push_out(now, link, stats, out);
        true
    }

    fn push_out(&mut self, now: Instant, link: LinkId, stats: &mut SessionStats, out: &mut Outbox<Wish>) {
        stats.pushed_out += 1;
        self.live(link).into_iter().for_each(|association| association.close(now, Parting::Crowded));
        self.bury(link, Gone::Crowded, out);
    }

    fn seats(&self, now: Instant) -> Vec<Seat> {
        let seat = |link, peer, address: SocketAddr, heard| Seat {
            link,
            standing: self.standing(&peer),
            origin: self.gate.origin(address),
            address: address.ip().to_canonical(),
            heard,
        };
        let taken = self.peers.values().filter_map(|link| self.links.get(link));
        let taken = taken.map(|taken| seat(Some(taken.link), taken.peer, taken.path.address, taken.heard));
        let coming = self.dials.values().filter_map(|dial| dial.newcomer());
        taken.chain(coming.map(|(peer, address)| seat(None, peer, address, now))).collect()
    }

    fn standing(&self, peer: &PeerKey) -> Standing {
        self.remembered.get(peer).copied().unwrap_or(Standing::Met)
    }

    pub(super) fn boots(&self, peer: PeerKey) -> Vec<LinkId> {
        let all = (peer, BootId(0))..=(peer, BootId(u64::MAX));
        self.peers.range(all).map(|(_, &link)| link).collect()
    }
}

/// Which of those who may have to leave does.
fn least<'a>(seats: &[Seat], lesser: impl Iterator<Item = &'a Seat>) -> Option<LinkId> {
    let crowds = crowds(seats.iter().map(|seat| seat.origin));
    let asked = lesser.filter(|seat| seat.link.is_some());
    asked.max_by_key(|seat| (Reverse(seat.standing), crowds.get(&seat.origin), Reverse(seat.heard)))?.link
}

/// Which stranger leaves for another one: somebody from where two more are than from where that one comes. Where its
/// origin has all that it may have (`alike`), addresses within that are told apart.
fn crowding(seats: &[Seat], newcomer: (Origin, IpAddr), alike: bool) -> Option<LinkId> {
    let is_asked = |seat: &&Seat| seat.standing == Standing::Met && (!alike || seat.origin == newcomer.0);
    let strangers: Vec<Seat> = seats.iter().filter(is_asked).copied().collect();
    let place = |(origin, address): (Origin, IpAddr)| (origin, alike.then_some(address));
    let of = |seat: &Seat| place((seat.origin, seat.address));
    let crowds = crowds(strangers.iter().map(of));
    let few = crowds.get(&place(newcomer)).copied().unwrap_or(0);
    let many = |seat: &&Seat| crowds.get(&of(seat)).is_some_and(|&crowd| crowd >= few + 2);
    let asked = strangers.iter().filter(many).filter(|seat| seat.link.is_some());
    asked.max_by_key(|seat| (crowds.get(&of(seat)), Reverse(seat.heard)))?.link
}

/// How many there are of each.
fn crowds<K: Ord>(places: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    places.fold(BTreeMap::new(), |mut crowds, place| {
        *crowds.entry(place).or_default() += 1;
        crowds
    })
}

/// How many of `most` places those from one origin may have.
fn share(most: usize, origin: Origin) -> usize {
    let part = match origin {
        Origin::Own | Origin::Prefix(_) => 2,
        Origin::Address(_) | Origin::Relay(_) => 4,
    };
    (most / part).max(1)
}
