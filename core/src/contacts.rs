//! The address book: where peers may be, from every source, and when to call them.
//!
//! Sources only propose. An address is dialled when nothing else reaches the same peer, at most once in ten
//! seconds, and again after a loss until a day has passed, so that a healed partition is whole within 15 s.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use crate::{
    boundary::{Interface, Subnet},
    discovery::{Sighting, SightingKind},
    event::{Source, Unreached},
    identity::{BootId, PeerKey},
    rng::Rng,
    text::Nick,
    time::Instant,
};

mod schedule;

use schedule::Schedule;

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
/// Addresses kept for one peer.
const ADDRESSES_MAX: usize = 8;
/// The pause after a dial that was not begun since too many are under way.
const DIALS_BUSY: Duration = Duration::from_secs(1);
/// Ports below this are those of system services, which a discovered record must not make us call.
const PORT_MIN: u16 = 1024;

/// Whom an entry of the book is about, as far as anybody said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Who {
    /// The first eight bytes of a key.
    Id([u8; 8]),
    /// Only an address is known.
    Address(SocketAddr),
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
    live: BTreeMap<(PeerKey, BootId), SocketAddr>,
    /// Answered by ourselves: never called again in this run.
    own_addresses: BTreeSet<SocketAddr>,
    subnets: Vec<Subnet>,
    cap: usize,
    rng: Rng,
}

#[derive(Debug)]
struct Contact {
    candidates: Vec<Candidate>,
    nick: Option<Nick>,
    /// When it was last known to be there: seen, typed, remembered or in session.
    fresh: Instant,
    /// Whether it has been in session in this run.
    is_proven: bool,
    /// Whether there was no place for it: it is called patiently.
    is_crowded: bool,
    /// Rounds of calls since there was something new about it.
    rounds: u32,
}

#[derive(Debug)]
struct Candidate {
    address: SocketAddr,
    sources: BTreeSet<Source>,
    /// Who named it first: that one has found the peer.
    first: Source,
    boot: Option<BootId>,
}

impl Contacts {
    pub(crate) const fn new(own: (PeerKey, BootId), cap: usize, rng: Rng) -> Self {
        Self {
            own,
            contacts: BTreeMap::new(),
            schedule: Schedule::new(),
            live: BTreeMap::new(),
            own_addresses: BTreeSet::new(),
            subnets: Vec::new(),
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
        self.subnets = interfaces.iter().flat_map(|interface| interface.addresses.iter().copied()).collect();
        // What was our own address may be somebody else's now.
        self.own_addresses.clear();
        for (&who, contact) in &mut self.contacts {
            contact.rounds = 0;
            self.schedule.set(who, now, contact.is_friend());
        }
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
        let usable = |address: &SocketAddr| self.may_dial(*address, sighting.source);
        let addresses: Vec<_> =
            sighting.addresses.iter().copied().filter(usable).take(ADDRESSES_MAX).collect();
        let first = *addresses.first()?;
        let who = sighting.id.map_or(Who::Address(first), Who::Id);
        let known = self.contacts.contains_key(&who);
        if !known && !self.make_room() {
            return None;
        }
        let contact = self.contacts.entry(who).or_insert_with(|| Contact::new(now));
        contact.fresh = now;
        contact.nick = sighting.nick.clone().or(contact.nick.take());
        let mut fresh = false;
        for address in addresses {
            fresh |= contact.propose(address, sighting);
        }
        let nick = contact.nick.clone();
        // A round that is under way goes on; one that was given up, or is far away, begins now.
        if fresh || sighting.source == Source::Manual || !self.schedule.has(who) {
            contact.rounds = 0;
            self.schedule.set(who, now, contact.is_friend());
        }
        let (boot, via) = (sighting.boot, sighting.source);
        let news = !known && !self.is_live(who, boot, first);
        news.then_some((SightingKind::Seen, Proposal { who, nick, boot, address: first, via }))
    }

    fn on_unseen(&mut self, sighting: &Sighting) -> Option<(SightingKind, Proposal)> {
        let who = sighting.id.map(Who::Id).or(sighting.addresses.first().copied().map(Who::Address))?;
        let contact = self.contacts.get_mut(&who)?;
        let address = contact.candidates.first()?.address;
        contact.candidates.retain_mut(|candidate| {
            if sighting.boot.is_none() || candidate.boot == sighting.boot {
                candidate.sources.remove(&sighting.source);
            }
            !candidate.sources.is_empty()
        });
        if !contact.candidates.is_empty() {
            return None;
        }
        let nick = self.remove(who)?.nick;
        let (boot, via) = (sighting.boot, sighting.source);
        let news = !self.is_live(who, boot, address);
        news.then_some((SightingKind::Lost, Proposal { who, nick, boot, address, via }))
    }

    /// A handshake proved who is at `address`. Answers how it was found.
    pub(crate) fn on_up(&mut self, now: Instant, key: PeerKey, boot: BootId, address: SocketAddr) -> Source {
        self.live.insert((key, boot), address);
        self.schedule.on_end(address);
        let by_address = self.remove(Who::Address(address));
        let who = Who::Id(key.short());
        if !self.contacts.contains_key(&who) && by_address.is_none() && !self.make_room() {
            return Source::Outside;
        }
        let contact = self.contacts.entry(who).or_insert_with(|| Contact::new(now));
        (contact.fresh, contact.is_proven, contact.is_crowded, contact.rounds) = (now, true, false, 0);
        let typed = by_address.into_iter().flat_map(|contact| contact.candidates);
        for source in typed.flat_map(|candidate| candidate.sources) {
            contact.add(address, source, Some(boot));
        }
        let found = contact.candidates.iter_mut().find(|candidate| candidate.address == address);
        let via = found.map(|candidate| {
            candidate.boot = Some(boot);
            candidate.first
        });
        if via.is_none() {
            // It called us: worth calling back there when it is lost.
            contact.add(address, Source::Outside, Some(boot));
        }
        via.unwrap_or(Source::Outside)
    }

    /// The peer in session moved to another address.
    pub(crate) fn on_moved(&mut self, key: PeerKey, boot: BootId, address: SocketAddr) {
        self.live.insert((key, boot), address);
    }

    /// A session ended. After a goodbye that peer is called no more until something new is heard of it; one for which
    /// there is no place is called now and then, for there may be one again.
    pub(crate) fn on_down(&mut self, now: Instant, key: PeerKey, boot: BootId, end: End) {
        self.live.remove(&(key, boot));
        let who = Who::Id(key.short());
        let Some(contact) = self.contacts.get_mut(&who) else { return };
        if end == End::Quit {
            contact.candidates.retain(|candidate| {
                candidate.boot != Some(boot) || candidate.sources.contains(&Source::Manual)
            });
            if contact.candidates.is_empty() {
                self.remove(who);
                return;
            }
        }
        (contact.fresh, contact.is_crowded) = (now, end == End::Crowded);
        let pause = match end {
            End::Quit => self.rng.duration(RETRY_EAGER),
            End::Crowded => self.rng.duration(RETRY_SLOW),
            End::Lost => Duration::ZERO,
        };
        self.schedule.set(who, now + pause, contact.is_friend());
    }

    /// A dial to `address` was not begun since too many are under way: it is tried again soon.
    pub(crate) fn on_busy(&mut self, now: Instant, address: SocketAddr) {
        let Some(who) = self.schedule.on_unbegun(address) else { return };
        if let Some(contact) = self.contacts.get(&who) {
            self.schedule.set(who, now + DIALS_BUSY, contact.is_friend());
        }
    }

    /// The call to `address` is over: nobody answered, or nobody whom we do not know already.
    pub(crate) fn on_call_ended(&mut self, address: SocketAddr) {
        self.schedule.on_end(address);
    }

    /// Why an address that the person asked for is not going to be called.
    pub(crate) fn hindrance(&self, address: SocketAddr) -> Option<Unreached> {
        let named = |contact: &Contact| contact.candidates.iter().any(|known| known.address == address);
        if self.own_addresses.contains(&address) {
            Some(Unreached::Own)
        } else if !self.is_reached(address) && !self.contacts.values().any(named) {
            Some(Unreached::Unusable)
        } else {
            None
        }
    }

    /// Whether somebody is in session at this address.
    pub(crate) fn is_reached(&self, address: SocketAddr) -> bool {
        self.live.values().any(|&at| at == address)
    }

    /// That address is our own.
    pub(crate) fn on_own(&mut self, address: SocketAddr) {
        if self.own_addresses.len() < self.cap {
            self.own_addresses.insert(address);
        }
    }

    /// The addresses to dial now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<SocketAddr> {
        let mut dials = Vec::new();
        while let Some(who) = self.schedule.pop_due(now) {
            dials.extend(self.next_dial(now, who));
        }
        self.schedule.on_pause();
        dials
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// Picks the next address of `who` to dial and sets when the one after it is due.
    fn next_dial(&mut self, now: Instant, who: Who) -> Option<SocketAddr> {
        let wanted: Vec<SocketAddr> = {
            let contact = self.contacts.get(&who)?;
            let open = contact.candidates.iter().filter(|candidate| {
                !self.own_addresses.contains(&candidate.address)
                    && candidate.sources.iter().any(|&source| self.may_dial(candidate.address, source))
                    && !self.is_live(who, candidate.boot, candidate.address)
            });
            open.map(|candidate| candidate.address).collect()
        };
        let (eager, slow) = (self.rng.duration(RETRY_EAGER), self.rng.duration(RETRY_SLOW));
        let contact = self.contacts.get_mut(&who)?;
        let (idle, is_friend) = (now - contact.fresh, contact.is_friend());
        if wanted.is_empty() || idle > GIVE_UP_AFTER {
            return None;
        }
        let mut ready = wanted.into_iter().filter(|&address| self.schedule.may_dial(now, address));
        let (chosen, more) = (ready.next(), ready.next().is_some());
        let pause = if more {
            NEXT_ADDRESS
        } else if !is_friend {
            contact.rounds = contact.rounds.saturating_add(1);
            (eager * (1 << (contact.rounds - 1).min(8))).min(RETRY_STRANGER_MAX)
        } else if idle < EAGER_FOR && !contact.is_crowded {
            eager
        } else {
            slow
        };
        self.schedule.set(who, now + pause, is_friend);
        if let Some(address) = chosen {
            self.schedule.on_dial(now, address, who, is_friend);
        }
        chosen
    }

    fn remove(&mut self, who: Who) -> Option<Contact> {
        self.schedule.clear(who);
        self.contacts.remove(&who)
    }

    /// Whether a session already reaches what a candidate would.
    fn is_live(&self, who: Who, boot: Option<BootId>, address: SocketAddr) -> bool {
        self.live.iter().any(|(&(key, live_boot), &at)| {
            at == address || who == Who::Id(key.short()) && boot.is_none_or(|boot| boot == live_boot)
        })
    }

    /// Whether `address` may be dialled at all: off-link only if typed, and nothing that is no host.
    fn may_dial(&self, address: SocketAddr, source: Source) -> bool {
        let ip = address.ip();
        if ip.is_unspecified() || ip.is_multicast() || address.port() == 0 {
            return false;
        }
        let trusted = matches!(source, Source::Manual);
        let link_local = matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local());
        let on_link = link_local || self.subnets.iter().any(|subnet| subnet.contains(ip));
        // A remembered address was proven once; it is tried wherever the machine is now.
        let proven = matches!(source, Source::Remembered);
        trusted || proven || on_link && address.port() >= PORT_MIN
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

impl Contact {
    const fn new(now: Instant) -> Self {
        Self {
            candidates: Vec::new(),
            nick: None,
            fresh: now,
            is_proven: false,
            is_crowded: false,
            rounds: 0,
        }
    }

    /// Takes an address of a sighting in. Answers whether that is a reason to dial.
    fn propose(&mut self, address: SocketAddr, sighting: &Sighting) -> bool {
        let known = self.candidates.iter().any(|candidate| candidate.address == address);
        if !known && self.candidates.len() >= ADDRESSES_MAX {
            // What the same source does not name any more makes room.
            let old = self.candidates.iter().position(|candidate| {
                candidate.sources.iter().eq([&sighting.source])
                    && !sighting.addresses.contains(&candidate.address)
            });
            old.map(|index| self.candidates.remove(index));
        }
        self.add(address, sighting.source, sighting.boot)
    }

    fn add(&mut self, address: SocketAddr, source: Source, boot: Option<BootId>) -> bool {
        let known = self.candidates.iter_mut().find(|candidate| candidate.address == address);
        if let Some(candidate) = known {
            candidate.sources.insert(source);
            let another = boot.is_some() && candidate.boot != boot;
            candidate.boot = boot.or(candidate.boot);
            return another;
        }
        let room = self.candidates.len() < ADDRESSES_MAX;
        if room {
            let sources = BTreeSet::from([source]);
            self.candidates.push(Candidate { address, sources, first: source, boot });
        }
        room
    }

    /// Whether a handshake has proven who it is, now or in an earlier run.
    fn is_proven(&self) -> bool {
        self.is_proven || self.has_source(Source::Remembered)
    }

    /// Whether more than hearsay makes us call: it has proven itself, or the person asked for it.
    fn is_friend(&self) -> bool {
        self.is_proven() || self.has_source(Source::Manual)
    }

    fn has_source(&self, source: Source) -> bool {
        self.candidates.iter().any(|candidate| candidate.sources.contains(&source))
    }
}

#[cfg(test)]
mod tests;
