//! The address book: where peers may be, from every source, and whom to call.
//!
//! Sources only propose. An address is dialled when nothing else reaches the same peer, at most once in ten
//! seconds, and again after a loss until a day has passed, so that a healed partition is whole within 15 s.

use alloc::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    vec::Vec,
};
use core::{cmp::Ordering, net::SocketAddr, time::Duration};

use crate::{
    boundary::Interface,
    discovery::{Sighting, SightingKind},
    event::Source,
    frames::Keep,
    identity::{BootId, PeerKey},
    rng::Rng,
    store::RoomKeyId,
    suite::Suite,
    text::Nick,
    time::Instant,
};

mod calls;
mod choice;
mod contact;
mod missing;
mod places;
mod reach;
mod schedule;
mod sources;

pub(crate) use calls::place_in_order;
use calls::{RETRY_EAGER, RETRY_SLOW};
pub(crate) use choice::Kept;
use choice::{Choice, Circle, DEGREE, Live};
use contact::Contact;
use places::Places;
use schedule::Schedule;

/// Whom an entry of the book is about, as far as anybody said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// The first eight bytes of a key.
    Id([u8; 8]),
    /// Only an address is known.
    Address(SocketAddr),
}

impl Ord for Who {
    /// Ids first, as the numbers that they are: they are looked up with every sighting.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Id(one), Self::Id(other)) => u64::from_be_bytes(*one).cmp(&u64::from_be_bytes(*other)),
            (Self::Address(one), Self::Address(other)) => one.cmp(other),
            (Self::Id(_), Self::Address(_)) => Ordering::Less,
            (Self::Address(_), Self::Id(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Who {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The peer said goodbye.
    Quit,
    /// Here or there was no place for it any more.
    Crowded,
    /// It does not answer.
    Lost,
}

/// What changed in the book that the person should hear of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Proposal {
    pub(crate) who: Who,
    pub(crate) nick: Option<Nick>,
    pub(crate) boot: Option<BootId>,
    pub(crate) address: SocketAddr,
    pub(crate) via: Source,
}

/// The address book.
#[derive(Debug)]
pub(crate) struct Contacts {
    own: (PeerKey, BootId),
    contacts: BTreeMap<Who, Contact>,
    schedule: Schedule,
    /// Who is in session: (peer, boot, address) of every link.
    live: BTreeMap<(PeerKey, BootId), Live>,
    /// Runs that are known to be there, by the first bytes of their keys, whether or not in session.
    here: BTreeMap<[u8; 8], BTreeSet<BootId>>,
    choice: Choice,
    kept: Vec<Kept>,
    /// Those who pass things on for us.
    relays: BTreeSet<Who>,
    /// When all looks at newcomers are paid for.
    looked: Instant,
    places: Places,
    cap: usize,
    rng: Rng,
}

impl Contacts {
    pub(crate) fn new(suite: &'static dyn Suite, own: (PeerKey, BootId), cap: usize, mut rng: Rng) -> Self {
        Self {
            choice: Choice::new(suite, &mut rng),
            here: BTreeMap::new(),
            kept: Vec::new(),
            relays: BTreeSet::new(),
            looked: Instant::ORIGIN,
            own,
            contacts: BTreeMap::new(),
            schedule: Schedule::new(),
            live: BTreeMap::new(),
            places: Places::new(cap),
            cap,
            rng,
        }
    }

    /// How many it is about.
    pub(crate) fn len(&self) -> usize {
        self.contacts.len()
    }

    /// The interfaces now are these: everybody not in session is called again soon.
    pub(crate) fn on_interfaces(&mut self, now: Instant, interfaces: &[Interface]) {
        self.places.set_interfaces(interfaces);
        for (&who, contact) in &mut self.contacts {
            (contact.rounds, contact.misses) = (0, 0);
            self.schedule.set(who, now, contact.regard());
        }
        self.choice.stir(now);
    }

    /// Takes a sighting in. Answers what is new about it: a peer found, or one that is no longer seen.
    pub(crate) fn on_sighting(
        &mut self,
        now: Instant,
        sighting: &Sighting,
    ) -> Option<(SightingKind, Proposal)> {
        if sighting.id == Some(self.own.0.short()) && sighting.boot.is_none_or(|boot| boot == self.own.1) {
            return None;
        }
        match sighting.kind {
            SightingKind::Seen => self.on_seen(now, sighting),
            SightingKind::Lost => self.on_unseen(sighting),
        }
    }

    fn on_seen(&mut self, now: Instant, sighting: &Sighting) -> Option<(SightingKind, Proposal)> {
        let usable = |address: &SocketAddr| self.places.allows(*address, sighting.source);
        let addresses: Vec<_> =
            sighting.addresses.iter().copied().filter(usable).take(contact::ADDRESSES_MAX).collect();
        let first = *addresses.first()?;
        let who = sighting.id.map_or(Who::Address(first), Who::Id);
        if self.contacts.len() >= self.cap && !self.contacts.contains_key(&who) && !self.make_room() {
            return None;
        }
        let contact = self.contacts.entry(who);
        let known = matches!(contact, Entry::Occupied(_));
        let contact = contact.or_insert_with(|| Contact::new(now));
        contact.fresh = now;
        contact.nick = sighting.nick.clone().or(contact.nick.take());
        let mut fresh = false;
        for address in addresses {
            fresh |= contact.propose(address, sighting);
        }
        let nick = contact.nick.clone();
        let (boot, via) = (sighting.boot, sighting.source);
        // A round that is under way goes on; one that was given up, or is far away, begins now.
        if fresh || sighting.source == Source::Manual || !self.schedule.has(who) {
            (contact.rounds, contact.misses) = (0, 0);
            let regard = contact.regard();
            self.choice.enter(Circle::Everybody, who);
            if sighting.source == Source::Remembered {
                self.choice.enter(Circle::Proven, who);
            }
            self.choice.stir(now);
            let at = self.first_call(now, who, sighting.source);
            self.schedule.set(who, at, regard);
        }
        let news = !known && !self.is_live(who, boot, first) && !self.is_here(who, boot);
        news.then_some((SightingKind::Seen, Proposal { who, nick, boot, address: first, via }))
    }

    fn on_unseen(&mut self, sighting: &Sighting) -> Option<(SightingKind, Proposal)> {
        let who = sighting.id.map(Who::Id).or(sighting.addresses.first().copied().map(Who::Address))?;
        let contact = self.contacts.get_mut(&who)?;
        let address = contact.first_address()?;
        contact.withdraw(sighting.source, sighting.boot);
        if contact.first_address().is_some() {
            return None;
        }
        let nick = self.remove(who)?.nick;
        let (boot, via) = (sighting.boot, sighting.source);
        let news = !self.is_live(who, boot, address) && !self.is_here(who, boot);
        news.then_some((SightingKind::Lost, Proposal { who, nick, boot, address, via }))
    }

    /// A handshake proved who is at `address`. Answers how it was found.
    pub(crate) fn on_up(&mut self, now: Instant, key: PeerKey, boot: BootId, address: SocketAddr) -> Source {
        let live = Live::new(now, address);
        let is_relayed = live.is_relayed();
        self.live.insert((key, boot), live);
        self.choice.stir(now);
        self.schedule.on_end(address);
        let by_address = self.remove(Who::Address(address));
        let who = Who::Id(key.short());
        if !self.contacts.contains_key(&who) && by_address.is_none() && !self.make_room() {
            return Source::Outside;
        }
        self.choice.enter(Circle::Everybody, who);
        self.choice.enter(Circle::Proven, who);
        let contact = self.contacts.entry(who).or_insert_with(|| Contact::new(now));
        (contact.fresh, contact.is_proven, contact.is_crowded) = (now, true, false);
        if is_relayed {
            // That says nothing of where it is, and of whether it is reached there.
            return Source::Relay;
        }
        (contact.rounds, contact.misses) = (0, 0);
        by_address.into_iter().for_each(|typed| contact.merge(typed, boot));
        contact.prove(address, boot)
    }

    /// A session ended. After a goodbye that peer is called no more until something new is heard of it; one for which
    /// there is no place is called now and then, for there may be one again.
    pub(crate) fn on_down(&mut self, now: Instant, key: PeerKey, boot: BootId, end: End) {
        let live = self.live.remove(&(key, boot));
        // A visit that is over changes nothing.
        if !live.as_ref().is_some_and(Live::is_unwanted) {
            self.choice.stir(now);
        }
        // Whoever was let go because neither side needs it has room for us.
        let is_released = end == End::Crowded && live.as_ref().is_some_and(|live| live.ours == Keep::No);
        let was_direct = live.as_ref().is_some_and(|live| !live.is_relayed());
        let address = live.map(|live| live.address);
        if end == End::Quit {
            address.into_iter().for_each(|address| self.schedule.on_goodbye(address));
        }
        let who = Who::Id(key.short());
        // Others look after those who are not ours, or all who have lost each other on a busy link would keep it busy.
        let lost = if self.is_everybodys(who) { Duration::ZERO } else { self.wait() };
        let Some(contact) = self.contacts.get_mut(&who) else { return };
        if end == End::Quit {
            contact.quit(boot, |other| self.live.contains_key(&(key, other)));
            if contact.first_address().is_none() {
                self.remove(who);
                return;
            }
        }
        (contact.fresh, contact.is_crowded) = (now, end == End::Crowded && !is_released);
        contact.misses = u32::from(!is_released);
        contact.lost = if was_direct { Some(now) } else { contact.lost };
        let pause = match end {
            End::Quit => self.rng.duration(RETRY_EAGER),
            End::Crowded => self.rng.duration(RETRY_SLOW),
            End::Lost => lost,
        };
        self.schedule.set(who, now + pause, contact.regard());
    }

    /// That address is our own.
    pub(crate) fn on_own(&mut self, address: SocketAddr) {
        self.places.on_own(address);
    }

    fn remove(&mut self, who: Who) -> Option<Contact> {
        self.schedule.clear(who);
        if !self.live.keys().any(|(key, _)| Who::Id(key.short()) == who) {
            self.choice.forget(who);
        }
        self.contacts.remove(&who)
    }

    /// A run is known to be there, or not any more: whoever is not chosen is not called for it.
    pub(crate) fn on_here(&mut self, now: Instant, key: PeerKey, boot: BootId, is_here: bool) {
        let runs = self.here.entry(key.short()).or_default();
        let changed = if is_here { runs.insert(boot) } else { runs.remove(&boot) };
        if let (true, Some(contact)) = (is_here, self.contacts.get_mut(&Who::Id(key.short()))) {
            contact.fresh = now;
            if changed {
                contact.misses = 0;
            }
        }
        if runs.is_empty() {
            self.here.remove(&key.short());
        }
        if changed {
            self.choice.stir(now);
        }
    }

    /// The runs of `key` that are known to be there.
    pub(crate) fn runs(&self, key: &PeerKey) -> Vec<BootId> {
        self.here.get(&key.short()).map_or_else(Vec::new, |runs| runs.iter().copied().collect())
    }

    /// Others have lost this run, or it has told them that it goes.
    pub(crate) fn on_gone(&mut self, now: Instant, key: PeerKey, boot: BootId, end: End) {
        self.on_here(now, key, boot, false);
        if !self.live.contains_key(&(key, boot)) {
            self.on_down(now, key, boot, end);
        }
    }

    /// How `key` was found.
    pub(crate) fn source(&self, key: PeerKey) -> Source {
        let contact = self.contacts.get(&Who::Id(key.short()));
        contact.and_then(Contact::found_by).unwrap_or(Source::Exchange)
    }

    /// How many are known by more than an address.
    pub(crate) fn known(&self) -> usize {
        self.choice.known()
    }

    /// Whether there are more than everybody has a session with.
    pub(crate) fn is_crowd(&self) -> bool {
        self.choice.known() > DEGREE
    }

    /// The member `key` is in these rooms of ours, and has been in those.
    pub(crate) fn on_rooms(&mut self, now: Instant, key: PeerKey, rooms: &[RoomKeyId], former: &[RoomKeyId]) {
        let who = Who::Id(key.short());
        former.iter().for_each(|&room| self.choice.leave(Circle::Room(room), who));
        rooms.iter().for_each(|&room| self.choice.enter(Circle::Room(room), who));
        self.choice.stir(now);
    }

    /// The person has written to `key` alone: a session with them is wanted.
    pub(crate) fn on_written(&mut self, now: Instant, key: PeerKey) {
        self.choice.enter(Circle::Friends, Who::Id(key.short()));
        self.choice.stir(now);
    }

    /// Whether this run is known to be there; of somebody whose run is not known, any.
    fn is_here(&self, who: Who, boot: Option<BootId>) -> bool {
        let Who::Id(id) = who else { return false };
        self.here.get(&id).is_some_and(|runs| boot.is_none_or(|boot| runs.contains(&boot)))
    }

    fn is_in_session(&self, who: Who) -> bool {
        let Who::Id(id) = who else { return false };
        self.live.keys().any(|(key, _)| key.short() == id)
    }

    /// Whether a session already reaches what a candidate would, and needs no neighbour for it. Whoever else has answered at
    /// its address does not stand for it (`protocol-review` A17).
    fn is_live(&self, who: Who, boot: Option<BootId>, address: SocketAddr) -> bool {
        let direct = self.live.iter().filter(|(_, live)| !live.is_relayed());
        direct.into_iter().any(|(&(key, live_boot), live)| {
            let is_there = live.address == address;
            match who {
                Who::Id(id) => id == key.short() && (is_there || boot.is_none_or(|boot| boot == live_boot)),
                Who::Address(_) => is_there,
            }
        })
    }

    /// Makes room for one more contact: somebody not in session and heard of longest ago goes.
    fn make_room(&mut self) -> bool {
        if self.contacts.len() < self.cap {
            return true;
        }
        let live: BTreeSet<Who> = self.live.keys().map(|(key, _)| Who::Id(key.short())).collect();
        let typed = |contact: &Contact| contact.has_source(Source::Manual);
        let idle = self.contacts.iter().filter(|(who, contact)| !live.contains(who) && !typed(contact));
        // Whoever has proven itself in this run or an earlier one is worth more than a name on the wire.
        let Some(oldest) =
            idle.min_by_key(|(_, contact)| (contact.is_proven(), contact.fresh)).map(|(who, _)| *who)
        else {
            return false;
        };
        self.remove(oldest).is_some()
    }
}

#[cfg(test)]
mod tests;
