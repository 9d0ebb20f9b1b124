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
    event::{Source, Unreached},
    frames::Keep,
    identity::{BootId, PeerKey},
    rng::Rng,
    store::RoomKeyId,
    suite::Suite,
    text::Nick,
    time::Instant,
};

mod choice;
mod contact;
mod places;
mod schedule;
mod sources;

use choice::{Choice, Circle, Live};
pub(crate) use choice::{DEGREE, Kept};
use contact::{Candidate, Contact};
use places::Places;
use schedule::{Regard, Schedule};

/// The head start of an address over the next one of the same peer (RFC 8305 section 5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// The pause between rounds for a peer that was there within [`EAGER_FOR`].
const RETRY_EAGER: core::ops::RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(10);
/// How long a peer is called often.
const EAGER_FOR: Duration = Duration::from_secs(600);
/// The pause between rounds after that.
const RETRY_SLOW: core::ops::RangeInclusive<Duration> = Duration::from_secs(54)..=Duration::from_secs(66);
/// The longest pause between rounds for a peer that has never proven itself: each is twice as long as the one before.
const RETRY_STRANGER_MAX: Duration = Duration::from_secs(600);
/// How long a peer is called at all.
const GIVE_UP_AFTER: Duration = Duration::from_secs(86_400);
/// Whoever is not chosen, and not known to be there, is called after this, and some more for each who is known.
const PATIENCE_MIN: Duration = Duration::from_secs(2);
const PATIENCE_EACH: Duration = Duration::from_millis(20);
const PATIENCE_MAX: Duration = Duration::from_secs(10);
/// The pause after a dial that was not begun since too many are under way.
const DIALS_BUSY: Duration = Duration::from_secs(1);

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
            let at = if self.is_everybodys(who) { now } else { now + self.patience() };
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
        self.live.insert((key, boot), Live::new(now, address));
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
        (contact.rounds, contact.misses) = (0, 0);
        by_address.into_iter().for_each(|typed| contact.merge(typed, boot));
        contact.prove(address, boot)
    }

    /// The peer in session moved to another address.
    pub(crate) fn on_moved(&mut self, key: PeerKey, boot: BootId, address: SocketAddr) {
        if let Some(live) = self.live.get_mut(&(key, boot)) {
            live.address = address;
        }
        if let Some(contact) = self.contacts.get_mut(&Who::Id(key.short())) {
            contact.prove(address, boot);
        }
    }

    /// A session ended. After a goodbye that peer is called no more until something new is heard of it; one for which
    /// there is no place is called now and then, for there may be one again.
    pub(crate) fn on_down(&mut self, now: Instant, key: PeerKey, boot: BootId, end: End) {
        let live = self.live.remove(&(key, boot));
        self.choice.stir(now);
        // Whoever was let go because neither side needs it has room for us.
        let is_released = end == End::Crowded && live.as_ref().is_some_and(|live| live.ours == Keep::No);
        let address = live.map(|live| live.address);
        if end == End::Quit {
            address.into_iter().for_each(|address| self.schedule.on_goodbye(address));
        }
        let who = Who::Id(key.short());
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
        let pause = match end {
            End::Quit => self.rng.duration(RETRY_EAGER),
            End::Crowded => self.rng.duration(RETRY_SLOW),
            End::Lost => Duration::ZERO,
        };
        self.schedule.set(who, now + pause, contact.regard());
    }

    /// A dial to `address` was not begun since too many are under way: it is tried again soon.
    pub(crate) fn on_busy(&mut self, now: Instant, address: SocketAddr) {
        let Some(who) = self.schedule.on_unbegun(address) else { return };
        if let Some(contact) = self.contacts.get_mut(&who) {
            contact.rounds = contact.rounds.saturating_sub(1);
            self.schedule.set(who, now + DIALS_BUSY, contact.regard());
        }
    }

    /// The call to `address` is over: nobody answered, or nobody whom we do not know already.
    pub(crate) fn on_call_ended(&mut self, now: Instant, address: SocketAddr) {
        self.schedule.on_end(address);
        // Somebody else may have to take its place.
        self.choice.stir(now + Duration::from_millis(1));
    }

    /// Whether the call to `address` goes to somebody who did not answer before, and is not to be repeated.
    pub(crate) fn is_call_to_silent(&self, address: SocketAddr) -> bool {
        self.schedule.is_to_silent(address)
    }

    /// Why an address that the person asked for is not going to be called.
    pub(crate) fn hindrance(&self, address: SocketAddr) -> Option<Unreached> {
        let is_named = |contact: &Contact| contact.candidates().any(|known| known.address == address);
        if self.places.is_own(address) {
            Some(Unreached::Own)
        } else if !self.is_reached(address) && !self.contacts.values().any(is_named) {
            Some(Unreached::Unusable)
        } else {
            None
        }
    }

    /// Whether somebody is in session at this address.
    pub(crate) fn is_reached(&self, address: SocketAddr) -> bool {
        self.live.values().any(|live| live.address == address)
    }

    /// Whether somebody who is not in session was said to be at this address.
    pub(crate) fn is_missed(&self, address: SocketAddr) -> bool {
        self.contacts.iter().any(|(&who, contact)| {
            let mut there = contact.candidates().filter(|candidate| candidate.address == address);
            there.any(|candidate| !self.is_live(who, candidate.boot, address))
        })
    }

    /// That address is our own.
    pub(crate) fn on_own(&mut self, address: SocketAddr) {
        self.places.on_own(address);
    }

    /// Whether calls are answered, but most of them late: then fewer are made at a time.
    pub(crate) const fn set_busy(&mut self, is_busy: bool) {
        self.schedule.is_busy = is_busy;
    }

    /// The addresses to dial now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<SocketAddr> {
        self.choose(now);
        let mut dials = Vec::new();
        while let Some(who) = self.schedule.pop_due(now) {
            dials.extend(self.next_dial(now, who));
        }
        self.schedule.on_pause();
        dials
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.schedule.next().into_iter().chain(self.choice.due()).min()
    }

    /// Picks the next address of `who` to dial and sets when the one after it is due.
    fn next_dial(&mut self, now: Instant, who: Who) -> Option<SocketAddr> {
        let everybodys = self.is_everybodys(who);
        let wanted: Vec<SocketAddr> = {
            let open = self.contacts.get(&who)?.candidates().filter(|candidate| {
                self.may_call(candidate)
                    && !self.is_live(who, candidate.boot, candidate.address)
                    && (everybodys || !self.is_here(who, candidate.boot))
            });
            open.map(|candidate| candidate.address).collect()
        };
        // Whoever is not ours to look after is looked after by others too.
        let share =
            if everybodys { 1 } else { u32::try_from(self.choice.known() / DEGREE).unwrap_or(u32::MAX) };
        let (eager, slow) = (self.rng.duration(RETRY_EAGER), self.rng.duration(RETRY_SLOW));
        let contact = self.contacts.get_mut(&who)?;
        let (idle, regard) = (now - contact.fresh, contact.regard());
        if wanted.is_empty() || idle > GIVE_UP_AFTER {
            return None;
        }
        let mut ready = wanted.into_iter().filter(|&address| self.schedule.may_dial(now, address));
        let (chosen, more) = (ready.next(), ready.next().is_some());
        let pause = if more {
            NEXT_ADDRESS
        } else if regard != Regard::Friend {
            contact.rounds = contact.rounds.saturating_add(1);
            (eager * (1 << (contact.rounds - 1).min(8))).min(RETRY_STRANGER_MAX)
        } else if idle < EAGER_FOR && !contact.is_crowded {
            (eager * share.max(1)).min(slow)
        } else {
            slow
        };
        self.schedule.set(who, now + pause, contact.regard());
        contact.misses += u32::from(!more);
        if let Some(address) = chosen {
            contact.dialled = Some(now);
            self.schedule.on_dial(now, address, who, regard);
        }
        chosen
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

    /// Somebody who is there and with whom we have no session, to compare notes with: it is called soon.
    pub(crate) fn call_another(&mut self, now: Instant) {
        let here: Vec<Who> =
            self.here.keys().map(|&id| Who::Id(id)).filter(|who| !self.is_in_session(*who)).collect();
        let picked = usize::try_from(self.rng.below(here.len() as u64)).unwrap_or(0);
        if let Some(&who) = here.get(picked)
            && let Some(contact) = self.contacts.get_mut(&who)
        {
            contact.misses = 0;
            self.choice.visited = Some(who);
            self.schedule.set(who, now, contact.regard());
        }
    }

    /// How `key` was found.
    pub(crate) fn source(&self, key: PeerKey) -> Source {
        let contact = self.contacts.get(&Who::Id(key.short()));
        contact.and_then(Contact::found_by).unwrap_or(Source::Exchange)
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

    /// Whether `who` is called whatever others do: chosen, asked for by the person, or one of few.
    fn is_everybodys(&self, who: Who) -> bool {
        let is_typed = || self.contacts.get(&who).is_some_and(|contact| contact.has_source(Source::Manual));
        matches!(who, Who::Address(_))
            || self.choice.known() <= DEGREE
            || self.choice.is_chosen(who)
            || self.choice.visited == Some(who)
            || is_typed()
    }

    /// How long somebody who is nobody's choice yet waits for our call: others may call first.
    fn patience(&mut self) -> Duration {
        let known = u64::try_from(self.choice.known()).unwrap_or(u64::MAX);
        let spread = PATIENCE_EACH.saturating_mul(u32::try_from(known).unwrap_or(u32::MAX)).min(PATIENCE_MAX);
        PATIENCE_MIN + self.rng.duration(Duration::ZERO..=spread)
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

    fn may_call(&self, candidate: &Candidate) -> bool {
        candidate.sources.iter().any(|source| self.places.allows(candidate.address, source))
            && !self.places.is_own(candidate.address)
    }

    /// Whether a session already reaches what a candidate would.
    fn is_live(&self, who: Who, boot: Option<BootId>, address: SocketAddr) -> bool {
        self.live.iter().any(|(&(key, live_boot), live)| {
            live.address == address
                || who == Who::Id(key.short()) && boot.is_none_or(|boot| boot == live_boot)
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
