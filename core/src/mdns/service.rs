//! From records to peers (RFC 6763): who is there, and where.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr, SocketAddrV6},
    str::from_utf8,
    time::Duration,
};

use super::{
    cache::Owner,
    link::{Link, LinkKey},
    missed::Missed,
    resolve::Unresolved,
    sender::Sender,
};
use crate::{
    config::MdnsSocket,
    discovery::{Found, Sighting, SightingKind},
    dns::{ByName, Data, Digest, Kind, Message, Name, NameRef, Record, txt_value},
    event::Source,
    identity::{BootId, read_hex},
    outbox::Outbox,
    rng::Rng,
    text::Nick,
    time::Instant,
};

/// Addresses told of one peer.
const ADDRESSES_MAX: usize = 8;
/// A peer that is heard again is told again after this time, unchanged as it may be: who lost it can dial it.
const TELL_AGAIN: Duration = Duration::from_secs(10);
/// A prober that has not announced itself by then is gone.
const HINT_FOR: Duration = Duration::from_secs(5);
/// Probers remembered at a time.
const HINTS_MAX: usize = 64;
/// Instances taken out of one probe.
const PROPOSED_MAX: usize = 4;
/// Somebody who answers our questions but no call is not asked again for this long, and then twice as long each time.
const TRUSTED_FOR: Duration = Duration::from_secs(10);
/// The doublings of that.
const TRUSTED_DOUBLINGS: u32 = 8;

/// The instances of our service that are heard on any link.
#[derive(Debug)]
pub(super) struct Directory {
    told: ByName<Told>,
    unresolved: Unresolved,
    missed: Missed,
    /// Instances that were seen in the records they probe with, before they are anybody's.
    hints: ByName<Told>,
    /// When the first of them was seen.
    first_hint: Option<Instant>,
    /// Instances of which something has changed, and whether they were heard just now.
    touched: BTreeMap<Name, bool>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    sighting: Sighting,
    /// Until when it is not doubted, and how many doubts were unfounded.
    trusted: (Instant, u32),
}

/// Who we are, so that we do not discover ourselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Own {
    pub(super) id: [u8; 8],
    pub(super) boot: BootId,
}

impl Directory {
    /// One that knows nobody; nobody but us knows `key`.
    pub(super) fn new(key: u64) -> Self {
        let digest = Digest::new(key);
        Self {
            told: ByName::new(digest),
            unresolved: Unresolved::default(),
            missed: Missed::default(),
            hints: ByName::new(digest),
            first_hint: None,
            touched: BTreeMap::new(),
        }
    }

    /// The pointer to an instance has been heard again, and says nothing new.
    pub(super) fn hear(&mut self, now: Instant, instance: NameRef<'_>) {
        if self.told.get(instance).is_none_or(|told| now - told.at >= TELL_AGAIN) {
            self.touch(instance.to_name(), true);
        }
    }

    /// Where an instance is has been heard again, and is what it was: news if that was doubted.
    pub(super) fn hear_place(&mut self, instance: &Name) {
        if self.unresolved.is_doubted(instance) {
            self.touch(instance.clone(), false);
        }
    }

    /// Whether anybody is doubted at all.
    pub(super) fn has_doubts(&self) -> bool {
        self.unresolved.has_doubts()
    }

    /// Something about an instance has changed, or (`heard`) its pointer has come.
    pub(super) fn touch(&mut self, instance: Name, heard: bool) {
        *self.touched.entry(instance).or_default() |= heard;
    }

    /// Tells what has changed.
    pub(super) fn tell(
        &mut self,
        now: Instant,
        links: &BTreeMap<LinkKey, Link>,
        own: Option<Own>,
        rng: &mut Rng,
        out: &mut Outbox<Found>,
    ) {
        for (instance, heard) in core::mem::take(&mut self.touched) {
            let heard_on: Vec<On<'_>> = links.values().filter_map(|link| On::new(link, &instance)).collect();
            if heard_on.is_empty() {
                self.unresolved.forget(&instance);
                self.on_gone(&instance, out);
                continue;
            }
            match sighting(now, &heard_on) {
                Some(sighting) if is_own(&sighting, own) => self.unresolved.forget(&instance),
                Some(sighting) => {
                    let is_confirmed = self.unresolved.on_resolved(&instance, &heard_on);
                    self.on_seen(now, instance, sighting, heard, is_confirmed, out);
                }
                // What was told once is asked for again only when it is doubted: the session knows better by now.
                None if heard && self.told.get(instance.borrow()).is_none() => {
                    self.unresolved.on_named(now, instance, rng);
                }
                None => {}
            }
        }
    }

    /// Nobody answers at `address`: whoever was seen there is asked for again. Answers of how many there are too many.
    pub(super) fn reconfirm(
        &mut self,
        now: Instant,
        address: SocketAddr,
        links: &mut BTreeMap<LinkKey, Link>,
        rng: &mut Rng,
    ) -> u64 {
        let mut dropped = 0;
        for (instance, told) in
            self.told.iter().filter(|(_, told)| told.sighting.addresses.contains(&address))
        {
            links.values_mut().for_each(|link| link.cache.demote(instance.borrow()));
            if told.trusted.0 <= now {
                dropped += u64::from(!self.unresolved.on_doubted(now, instance.clone(), rng));
            }
        }
        dropped
    }

    /// Whether it is known where an instance is, as far as anybody has tried.
    pub(super) fn is_reachable(&self, instance: &Name) -> bool {
        self.told.get(instance.borrow()).is_some() && !self.unresolved.is_doubted(instance)
    }

    /// Somebody else asks on this link.
    pub(super) fn on_query(&mut self, now: Instant, link: &Link, query: &Message<'_>) {
        self.unresolved.on_query(now, query);
        let Self { told, unresolved, missed, .. } = self;
        missed.on_query(now, link, query, |instance| {
            told.get(instance).is_some()
                && !(unresolved.has_doubts() && unresolved.is_doubted(&instance.to_name()))
        });
    }

    /// Asks for what is missing of those who have been heard of, if it is time.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        service: &Name,
        links: &mut BTreeMap<LinkKey, Link>,
        socket: MdnsSocket,
        sender: &mut Sender<'_>,
    ) {
        for lost in self.unresolved.ask(now, service, links, socket, sender) {
            self.on_gone(&lost, sender.out);
        }
        for lost in self.missed.lost(now, links) {
            sender.stats.unanswered += 1;
            self.on_gone(&lost, sender.out);
        }
    }

    /// Somebody probes for a name of our service. That is not theirs yet, but they are there: two who start
    /// together need not wait for each other's announcements.
    pub(super) fn on_probe(
        &mut self,
        now: Instant,
        service: &Name,
        link: &Link,
        own: Option<Own>,
        probe: &Message<'_>,
        out: &mut Outbox<Found>,
    ) {
        if self.hints.len() >= HINTS_MAX {
            return;
        }
        let instances = probe.authority.iter().filter(|record| record.data.kind() == Kind::SRV);
        for record in instances.filter(|record| record.name.is_child_of(service)).take(PROPOSED_MAX) {
            if self.hints.len() >= HINTS_MAX {
                return;
            }
            let is_known = self.hints.get(record.name).is_some() || link.cache.points(record.name);
            let proposed = if is_known { None } else { proposed(link, record, probe) };
            if let Some(sighting) = proposed.filter(|sighting| !is_own(sighting, own)) {
                out.push(Found::Sighting(sighting.clone()));
                self.hints.insert(record.name.to_name(), Told { at: now, sighting, trusted: (now, 0) });
                self.first_hint.get_or_insert(now);
            }
        }
    }

    /// Takes back hints that have led to nothing.
    pub(super) fn on_tick(&mut self, now: Instant, out: &mut Outbox<Found>) {
        if self.first_hint.is_none_or(|first| first + HINT_FOR > now) {
            return;
        }
        while let Some(Told { sighting, .. }) = self.hints.take_if(|hint| hint.at + HINT_FOR <= now) {
            self.lose(sighting, out);
        }
        self.first_hint = self.hints.values().map(|hint| hint.at).min();
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        let hints = self.first_hint.map(|first| first + HINT_FOR);
        hints.into_iter().chain(self.unresolved.next_wake()).chain(self.missed.next_wake()).min()
    }

    fn on_seen(
        &mut self,
        now: Instant,
        instance: Name,
        sighting: Sighting,
        heard: bool,
        is_confirmed: bool,
        out: &mut Outbox<Found>,
    ) {
        if let Some(hint) = self.hints.remove(&instance) {
            if self.first_hint == Some(hint.at) {
                self.first_hint = self.hints.values().map(|hint| hint.at).min();
            }
            if hint.sighting == sighting {
                self.told.insert(instance, hint);
                return;
            }
        }
        let told = self.told.get_mut(instance.borrow()).filter(|told| told.sighting == sighting);
        if let Some(told) = told {
            if is_confirmed {
                let (_, times) = told.trusted;
                told.trusted =
                    (now + TRUSTED_FOR * (1 << times.min(TRUSTED_DOUBLINGS)), times.saturating_add(1));
            }
            if heard && now - told.at >= TELL_AGAIN {
                told.at = now;
                out.push(Found::Sighting(sighting));
            }
        } else {
            out.push(Found::Sighting(sighting.clone()));
            self.told.insert(instance, Told { at: now, sighting, trusted: (now, 0) });
        }
    }

    fn on_gone(&mut self, instance: &Name, out: &mut Outbox<Found>) {
        let Some(Told { sighting, .. }) = self.told.remove(instance) else { return };
        self.lose(sighting, out);
    }

    fn lose(&mut self, sighting: Sighting, out: &mut Outbox<Found>) {
        // A peer that changed its name is still there.
        if !self.is_there(&sighting) {
            out.push(Found::Sighting(Sighting { kind: SightingKind::Lost, ..sighting }));
        }
    }

    /// Whether the same run of the same peer is seen under any name.
    fn is_there(&self, sighting: &Sighting) -> bool {
        let who = (sighting.id, sighting.boot);
        let is_same = |told: &Told| who.0.is_some() && (told.sighting.id, told.sighting.boot) == who;
        self.told.values().chain(self.hints.values()).any(is_same)
    }
}

/// What the records of all links together say of an instance, if that is enough to reach it.
fn sighting(now: Instant, heard_on: &[On<'_>]) -> Option<Sighting> {
    let texts = heard_on.iter().flat_map(|on| on.instance.of(Kind::TXT));
    let text = texts.max_by_key(|entry| (!entry.is_dying(), entry.heard, entry.left(now)))?;
    let Data::Txt(strings) = &text.data else { return None };
    let mut places = Vec::new();
    heard_on.iter().for_each(|on| on.reach(&mut places));
    seen(strings, places)
}

/// What the records of a probe say of the instance that `service` (an SRV record) is for.
fn proposed<'p>(
    link: &Link,
    service: &Record<NameRef<'p>, &'p [u8]>,
    probe: &Message<'p>,
) -> Option<Sighting> {
    let Data::Srv { port, target, .. } = service.data else { return None };
    let of = |name: NameRef<'p>| probe.authority.iter().filter(move |record| record.name == name);
    let text = of(service.name).find_map(|record| match record.data {
        Data::Txt(strings) => Some(strings),
        _ => None,
    })?;
    let places = of(target).filter_map(|record| match record.data {
        Data::A(v4) => place(link, v4.into(), port),
        Data::Aaaa(v6) => place(link, v6.into(), port),
        _ => None,
    });
    seen(text, places.collect())
}

/// An instance on one link.
#[derive(Clone, Copy)]
pub(super) struct On<'l> {
    pub(super) link: &'l Link,
    instance: &'l Owner,
}

impl<'l> On<'l> {
    /// If there is a pointer to it there.
    fn new(link: &'l Link, instance: &Name) -> Option<Self> {
        Some(Self { link, instance: link.cache.pointed(instance.borrow())? })
    }

    /// Where the link says that the instance is.
    fn reach(&self, places: &mut Vec<Place>) {
        for entry in self.instance.of(Kind::SRV).filter(|entry| !entry.is_dying()) {
            let Data::Srv { port, target, .. } = &entry.data else { continue };
            let Some(host) = self.link.cache.owner(target.borrow()) else { continue };
            let addresses = host.of(Kind::A).chain(host.of(Kind::AAAA)).filter(|entry| !entry.is_dying());
            places.extend(addresses.filter_map(|entry| match entry.data {
                Data::A(v4) => place(self.link, v4.into(), *port),
                Data::Aaaa(v6) => place(self.link, v6.into(), *port),
                _ => None,
            }));
        }
    }
}

/// A socket of an instance; link-local ones come last.
type Place = (bool, SocketAddr);

/// The peer that says this of itself, if there is a place to reach it.
fn seen(strings: &[u8], mut places: Vec<Place>) -> Option<Sighting> {
    let value = |key| txt_value(strings, key).and_then(|value| from_utf8(value).ok());
    places.sort_unstable();
    places.dedup();
    let addresses: Vec<_> = places.into_iter().map(|(_, address)| address).take(ADDRESSES_MAX).collect();
    (!addresses.is_empty()).then(|| Sighting {
        source: Source::Mdns,
        kind: SightingKind::Seen,
        id: value("id").and_then(|id| read_hex(id).ok()),
        boot: value("b").and_then(|boot| read_hex(boot).ok()).map(|boot| BootId(u64::from_be_bytes(boot))),
        nick: value("n").map(Nick::lenient),
        addresses,
    })
}

/// The socket of a neighbour; link-local ones need the interface besides.
fn place(link: &Link, address: IpAddr, port: u16) -> Option<Place> {
    let is_reachable = port != 0 && link.site.has_neighbour(address);
    is_reachable.then(|| match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            (true, SocketAddrV6::new(v6, port, 0, link.key.interface).into())
        }
        _ => (false, SocketAddr::new(address, port)),
    })
}

fn is_own(sighting: &Sighting, own: Option<Own>) -> bool {
    own.is_some_and(|own| sighting.id == Some(own.id) && sighting.boot == Some(own.boot))
}
