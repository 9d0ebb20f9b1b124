//! What others have said on one link, and until when it holds (RFC 6762 sections 5.2 and 10).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use super::ours::{HOST_TTL, OTHER_TTL};
use crate::{
    dns::{Data, Digest, Kind, Name, NameRef},
    rng::Rng,
    time::Instant,
};

/// Goodbyes and flushed records live on for this long, so that others can object (RFC 6762 sections 10.1, 10.2).
pub(super) const GRACE: Duration = Duration::from_secs(1);
/// Records that we keep fresh are asked for again when this much of their time has passed (RFC 6762 section 5.2).
const REFRESH_PERCENT: [u32; 4] = [80, 85, 90, 95];
/// The random part of that, in percent: without it all neighbours would ask in the same instant.
const REFRESH_JITTER: u64 = 2;
/// Records due within this much of their time are taken to be asked for by a question that leaves now, in percent.
const COALESCE_PERCENT: u32 = 3;
/// A text comes along with the pointer that is asked for first; so much later it is asked for alone, in percent.
const TEXT_LATER: u32 = 2;
/// Nobody makes us ask again every few seconds. RFC 6762 section 10 recommends 75 minutes for what we keep fresh
/// and 2 minutes for the rest; Apple and others have floors of the kind too.
const FLOOR_KEPT: Duration = Duration::from_secs(120);
const FLOOR_OTHER: Duration = Duration::from_secs(15);
/// Nor makes anybody us remember for ever (RFC 6762 section 10).
const CEILING: Duration = Duration::from_secs(75 * 60);
/// Records of one name and type, for all but the pointers to the instances of the service; also instances that may
/// be on one host, since its addresses concern all of them.
const SET_MAX: usize = 8;

/// The records heard on one link.
///
/// Thousands of them, each heard again and again: they are found by digests, and one that is heard again is looked up
/// once and changed in place.
#[derive(Debug)]
pub(super) struct Cache {
    digest: Digest,
    /// The place of each record: those of one name and type together, among them each by what it says.
    index: BTreeMap<Place, u32>,
    entries: Vec<Option<Entry>>,
    /// Which of `entries` are free.
    free: Vec<u32>,
    /// When each entry is to be looked at, the next one first.
    due: BTreeSet<(Instant, u32)>,
    /// When that is: it is asked for with every datagram.
    next: Option<Instant>,
    /// The SRV records that name a host.
    targets: BTreeSet<(u64, u32)>,
    sources: BTreeMap<IpAddr, usize>,
    /// Names kept last: the records of one message share theirs.
    recent: [Name; 2],
}

/// The digest of a record's name and type, and of what it says.
type Place = (u64, u64);

/// One record, and when it was heard.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) data: Data,
    pub(super) heard: Instant,
    source: IpAddr,
    ttl: Duration,
    expires: Instant,
    /// Taken back or replaced; it lives for the grace only.
    dying: bool,
    /// Times it was asked for again since it was heard.
    refreshes: usize,
    due: Instant,
}

/// What the cache wants looked at.
#[derive(Debug)]
pub(super) enum Due {
    /// A record should be asked for again.
    Refresh { name: Name, kind: Kind },
    /// A record is no more.
    Gone(Entry),
}

/// A record to keep.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    pub(super) name: NameRef<'a>,
    pub(super) data: Data<NameRef<'a>, &'a [u8]>,
    pub(super) ttl: u32,
    pub(super) flush: bool,
    pub(super) source: IpAddr,
    /// It was shortened for us because we asked as a resolver of unicast DNS (RFC 6762 section 6.7).
    pub(super) is_capped: bool,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// There is no room for it.
    Refused,
    /// It was here, alone of its name and type or one of the pointers, and holds for longer now.
    Again,
    /// Something is different.
    News,
}

impl Cache {
    /// An empty one; nobody but us knows `key`.
    pub(super) fn new(key: u64) -> Self {
        Self {
            digest: Digest::new(key),
            index: BTreeMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            due: BTreeSet::new(),
            next: None,
            targets: BTreeSet::new(),
            sources: BTreeMap::new(),
            recent: [Name::default(), Name::default()],
        }
    }

    /// Takes a record in. `room` is what all links together have left, and one sender may take a quarter of `most`.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        heard: &Heard<'_>,
        room: usize,
        most: usize,
        rng: &mut Rng,
    ) -> Taken {
        let kind = heard.data.kind();
        let set = self.set_of(heard.name, kind);
        let place = (set, self.digest.of_data(&heard.data));
        let known = self.at(place, heard);
        let is_pointer = kind == Kind::PTR;
        let is_alone = is_pointer || self.places(set).take(2).count() == usize::from(known.is_some());
        if heard.flush && !is_pointer && !is_alone {
            self.flush(now, set, known);
        }
        if heard.ttl == 0 {
            known.into_iter().for_each(|slot| self.dies(now, slot));
            return Taken::News;
        }
        let ttl = if heard.is_capped { Duration::ZERO } else { Duration::from_secs(heard.ttl.into()) };
        let ttl = ttl.clamp(if heard.is_capped { usual(kind) } else { floor(kind) }, CEILING);
        if let Some(slot) = known {
            let was_dying = self.change(slot, |entry| {
                let was_dying = entry.dying;
                (entry.heard, entry.ttl, entry.expires) = (now, ttl, now + ttl);
                (entry.dying, entry.refreshes) = (false, 0);
                entry.schedule(rng);
                was_dying
            });
            return if is_alone && was_dying == Some(false) { Taken::Again } else { Taken::News };
        }
        let of_source = self.sources.get(&heard.source).copied().unwrap_or(0);
        let is_crowded = !is_pointer && self.places(set).count() >= SET_MAX
            || matches!(heard.data, Data::Srv { target, .. } if self.is_full(target));
        // Another record of the same digests would be in its place, once in 2^128 times.
        if room == 0 || of_source >= most.div_ceil(4) || is_crowded || self.index.contains_key(&place) {
            return Taken::Refused;
        }
        let mut entry = Entry {
            name: self.own(heard.name),
            data: heard.data.own(|name| self.own(name)),
            heard: now,
            source: heard.source,
            ttl,
            expires: now + ttl,
            dying: false,
            refreshes: 0,
            due: now,
        };
        entry.schedule(rng);
        self.add(place, entry);
        Taken::News
    }

    /// This very record is not to be believed any more.
    pub(super) fn expire(&mut self, now: Instant, name: &Name, data: &Data) {
        let data = data.borrow();
        let place = (self.set_of(name.borrow(), data.kind()), self.digest.of_data(&data));
        let slot = self.index.get(&place).copied();
        let slot = slot.filter(|slot| self.entry(*slot).is_some_and(|entry| entry.name == *name));
        slot.into_iter().for_each(|slot| self.dies(now, slot));
    }

    /// Takes what is due at `now`.
    pub(super) fn pop_due(&mut self, now: Instant, rng: &mut Rng) -> Option<Due> {
        if self.next? > now {
            return None;
        }
        let &(_, slot) = self.due.first()?;
        if self.entry(slot)?.expires <= now {
            return self.remove(slot).map(Due::Gone);
        }
        self.change(slot, |entry| {
            entry.refreshes += 1;
            entry.schedule(rng);
            Due::Refresh { name: entry.name.clone(), kind: entry.data.kind() }
        })
    }

    /// The next instant at which something is due.
    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The records of this name and type.
    pub(super) fn of<'c>(&'c self, name: &Name, kind: Kind) -> impl Iterator<Item = &'c Entry> + use<'c> {
        let entries = self.places(self.set_of(name.borrow(), kind)).filter_map(|slot| self.entry(slot));
        let name = name.clone();
        entries.filter(move |entry| entry.name == name)
    }

    /// Whether there is a pointer from `name` to `target`.
    pub(super) fn points(&self, name: &Name, target: NameRef<'_>) -> bool {
        let place = (self.set_of(name.borrow(), Kind::PTR), self.digest.of_data(&Data::Ptr(target)));
        let entry = self.index.get(&place).and_then(|slot| self.entry(*slot));
        entry.is_some_and(|entry| {
            entry.name == *name && matches!(&entry.data, Data::Ptr(known) if target == *known)
        })
    }

    /// The instances on this host, an instance as often as it has SRV records that say so.
    pub(super) fn instances_on<'c>(&'c self, host: NameRef<'c>) -> impl Iterator<Item = &'c Name> {
        let digest = self.digest.of(host);
        let slots = self.targets.range((digest, 0)..=(digest, u32::MAX));
        slots.filter_map(|&(_, slot)| self.entry(slot)).filter_map(move |entry| match &entry.data {
            Data::Srv { target, .. } if host == *target => Some(&entry.name),
            _ => None,
        })
    }

    /// Whether an instance is on this host, so that its addresses matter.
    pub(super) fn is_target(&self, host: NameRef<'_>) -> bool {
        self.instances_on(host).next().is_some()
    }

    /// A question for these records leaves now, and those that are past half of their time are not in its list of
    /// known answers: whoever would ask for them next need not.
    pub(super) fn on_asked(&mut self, now: Instant, name: &Name, kind: Kind, rng: &mut Rng) {
        let set = self.set_of(name.borrow(), kind);
        let old = |entry: &Entry| !entry.dying && entry.left(now) * 2 < entry.ttl && entry.name == *name;
        let old: Vec<u32> = self.places(set).filter(|slot| self.entry(*slot).is_some_and(old)).collect();
        for slot in old {
            self.change(slot, |entry| {
                while entry.due < entry.expires && entry.due <= now + entry.ttl * COALESCE_PERCENT / 100 {
                    entry.refreshes += 1;
                    entry.schedule(rng);
                }
            });
        }
    }

    /// All other records of the set that were not heard just now are replaced (RFC 6762 section 10.2).
    fn flush(&mut self, now: Instant, set: u64, known: Option<u32>) {
        let is_old = |slot: &u32| {
            known != Some(*slot) && self.entry(*slot).is_some_and(|entry| now - entry.heard > GRACE)
        };
        let old: Vec<u32> = self.places(set).filter(is_old).collect();
        old.into_iter().for_each(|slot| self.dies(now, slot));
    }

    /// The grace begins, unless the end is nearer anyway.
    fn dies(&mut self, now: Instant, slot: u32) {
        self.change(slot, |entry| {
            entry.dying = true;
            entry.expires = entry.expires.min(now + GRACE);
            entry.due = entry.expires;
        });
    }

    /// Whether this host has as many instances as it may have.
    fn is_full(&self, host: NameRef<'_>) -> bool {
        let mut all: Vec<&Name> = Vec::new();
        for instance in self.instances_on(host) {
            if !all.contains(&instance) {
                all.push(instance);
            }
        }
        all.len() >= SET_MAX
    }

    /// A name to keep.
    fn own(&mut self, name: NameRef<'_>) -> Name {
        if let Some(known) = self.recent.iter().find(|known| name.is_written_as(known)) {
            return known.clone();
        }
        let new = name.to_name();
        let [last, before] = &mut self.recent;
        *before = core::mem::replace(last, new.clone());
        new
    }

    fn set_of(&self, name: NameRef<'_>, kind: Kind) -> u64 {
        // The type last, in the lowest bits: all that is said of a name lies together.
        self.digest.of(name) & !0xFFFF | u64::from(kind.0)
    }

    fn places(&self, set: u64) -> impl Iterator<Item = u32> + use<'_> {
        self.index.range((set, 0)..=(set, u64::MAX)).map(|(_, &slot)| slot)
    }

    fn at(&self, place: Place, heard: &Heard<'_>) -> Option<u32> {
        let slot = *self.index.get(&place)?;
        let entry = self.entry(slot)?;
        (heard.name == entry.name && heard.data == entry.data).then_some(slot)
    }

    fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(slot).ok()?)?.as_ref()
    }

    /// Changes an entry, and when it is to be looked at.
    fn change<T>(&mut self, slot: u32, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let entry = self.entries.get_mut(usize::try_from(slot).ok()?)?.as_mut()?;
        let before = entry.due;
        let changed = change(entry);
        let due = entry.due;
        if due != before {
            self.plan(slot, Some(before), Some(due));
        }
        Some(changed)
    }

    /// An entry is to be looked at then, instead of as planned before.
    fn plan(&mut self, slot: u32, before: Option<Instant>, due: Option<Instant>) {
        before.map(|at| self.due.remove(&(at, slot)));
        due.map(|at| self.due.insert((at, slot)));
        if before.is_some() && before == self.next {
            self.next = self.due.first().map(|&(at, _)| at);
        } else {
            self.next = self.next.into_iter().chain(due).min();
        }
    }

    fn add(&mut self, place: Place, entry: Entry) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        });
        self.index.insert(place, slot);
        self.plan(slot, None, Some(entry.due));
        if let Data::Srv { target, .. } = &entry.data {
            self.targets.insert((self.digest.of(target.borrow()), slot));
        }
        *self.sources.entry(entry.source).or_default() += 1;
        if let Some(free) = usize::try_from(slot).ok().and_then(|slot| self.entries.get_mut(slot)) {
            *free = Some(entry);
        }
    }

    fn remove(&mut self, slot: u32) -> Option<Entry> {
        let entry = self.entries.get_mut(usize::try_from(slot).ok()?)?.take()?;
        self.free.push(slot);
        self.plan(slot, Some(entry.due), None);
        let data = entry.data.borrow();
        self.index.remove(&(self.set_of(entry.name.borrow(), data.kind()), self.digest.of_data(&data)));
        if let Data::Srv { target, .. } = data {
            self.targets.remove(&(self.digest.of(target), slot));
        }
        if let Some(count) = self.sources.get_mut(&entry.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.sources.remove(&entry.source);
            }
        }
        Some(entry)
    }
}

impl Entry {
    /// Taken back or replaced.
    pub(super) const fn is_dying(&self) -> bool {
        self.dying
    }

    /// How long it still holds.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.expires - now
    }

    /// Whether it may stand in a list of known answers (RFC 6762 section 7.1).
    pub(super) fn is_known(&self, now: Instant) -> bool {
        !self.dying && self.left(now) * 2 >= self.ttl
    }

    /// Sets `due` to the next time it should be asked for, or to its end. Only pointers and texts are kept fresh:
    /// where somebody is, is taken once and handed over; afterwards sessions know better.
    fn schedule(&mut self, rng: &mut Rng) {
        let later = match self.data.kind() {
            Kind::PTR => 0,
            Kind::TXT => TEXT_LATER,
            _ => {
                self.due = self.expires;
                return;
            }
        };
        self.due = REFRESH_PERCENT.get(self.refreshes).map_or(self.expires, |percent| {
            let jitter = u32::try_from(rng.below(REFRESH_JITTER * 100)).unwrap_or(0);
            self.heard + self.ttl * ((percent + later) * 100 + jitter) / 10_000
        });
    }
}

/// What a record of this type holds for, if its owner says it as we do.
fn usual(kind: Kind) -> Duration {
    let seconds = if kind == Kind::PTR || kind == Kind::TXT { OTHER_TTL } else { HOST_TTL };
    Duration::from_secs(seconds.into())
}

fn floor(kind: Kind) -> Duration {
    if kind == Kind::PTR || kind == Kind::TXT { FLOOR_KEPT } else { FLOOR_OTHER }
}
