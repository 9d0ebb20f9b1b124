//! Who gets a place at the table of associations.
//!
//! ```text
//! |------------ anybody: two thirds ------------|-- whoever is remembered --|
//! ```
//!
//! Keys cost nothing, addresses do: each has a share of the table, whoever comes from there. When a place is lacking
//! for somebody remembered, a stranger leaves: one of those whose address has the most places, and of them the one
//! that has not said anything for longest.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{cmp::Reverse, net::IpAddr};

use super::{Gone, LinkId, Sessions, Wish, origin::Origin};
use crate::{
    identity::{BootId, PeerKey},
    outbox::Outbox,
    stats::SessionStats,
    time::Instant,
};

/// Live boots of one identity: they cost their owner nothing to make up.
const BOOTS_MAX: usize = 4;

/// A place that is taken, or about to be.
#[derive(Clone, Copy, Debug)]
struct Seat {
    /// `None` while our handshake waits for the welcome.
    link: Option<LinkId>,
    peer: PeerKey,
    origin: Origin,
    /// When the peer last said something.
    heard: Instant,
}

impl Sessions {
    /// This peer was met before and counts for more than a stranger, and so do its addresses.
    pub(crate) fn remember(
        &mut self,
        now: Instant,
        peer: PeerKey,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) {
        self.remembered.insert(peer);
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
        address: IpAddr,
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
        address: IpAddr,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) -> bool {
        let most = self.limits.sessions;
        // Those that are being closed count only when they are very many.
        if self.links.len() >= most * 2 {
            return false;
        }
        let (seats, origin) = (self.seats(now), self.gate.origin(address));
        let strangers = seats.iter().filter(|seat| !self.remembered.contains(&seat.peer)).count();
        let is_remembered = self.remembered.contains(&peer);
        let is_crowded = seats.iter().filter(|seat| seat.origin == origin).count() >= share(most, origin);
        let is_full = seats.len() >= most || !is_remembered && strangers >= most - most / 3;
        if !is_crowded && !is_full {
            return true;
        }
        let leaves = self.least(&seats, is_crowded.then_some(origin)).filter(|_| is_remembered);
        stats.crowded += u64::from(is_crowded && leaves.is_none());
        let Some(link) = leaves else { return false };
        self.push_out(now, link, stats, out);
        true
    }

    /// The stranger who leaves first, of all or of those from one origin.
    fn least(&self, seats: &[Seat], of: Option<Origin>) -> Option<LinkId> {
        let mut crowds: BTreeMap<Origin, usize> = BTreeMap::new();
        seats.iter().for_each(|seat| *crowds.entry(seat.origin).or_default() += 1);
        let strangers = seats.iter().filter(|seat| !self.remembered.contains(&seat.peer));
        let asked = strangers.filter(|seat| of.is_none_or(|of| seat.origin == of) && seat.link.is_some());
        asked.max_by_key(|seat| (crowds.get(&seat.origin), Reverse(seat.heard)))?.link
    }

    fn push_out(&mut self, now: Instant, link: LinkId, stats: &mut SessionStats, out: &mut Outbox<Wish>) {
        stats.pushed_out += 1;
        self.live(link).into_iter().for_each(|association| association.close(now));
        self.bury(link, Gone::Crowded, out);
    }

    fn seats(&self, now: Instant) -> Vec<Seat> {
        let taken = self.peers.values().filter_map(|link| self.links.get(link)).map(|association| Seat {
            link: Some(association.link),
            peer: association.peer,
            origin: self.gate.origin(association.path.address.ip()),
            heard: association.heard,
        });
        let coming = self.dials.values().filter_map(|dial| dial.newcomer()).map(|(peer, address)| Seat {
            link: None,
            peer,
            origin: self.gate.origin(address.ip()),
            heard: now,
        });
        taken.chain(coming).collect()
    }

    pub(super) fn boots(&self, peer: PeerKey) -> Vec<LinkId> {
        let all = (peer, BootId(0))..=(peer, BootId(u64::MAX));
        self.peers.range(all).map(|(_, &link)| link).collect()
    }
}

/// How many of `most` places those from one origin may have.
fn share(most: usize, origin: Origin) -> usize {
    let part = match origin {
        Origin::Own | Origin::Prefix(_) => 2,
        Origin::Address(_) => 4,
    };
    (most / part).max(1)
}
