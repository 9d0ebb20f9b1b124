//! What others have said on one link, and until when it holds (RFC 6762 sections 5.2 and 10).

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use agenda::Agenda;
use crowd::{Crowd, Rank};
use entry::lifetime;

use super::density::Density;
use crate::{
    dns::{Data, Digest, Kind, Name, NameRef, Table},
    rng::Rng,
    time::Instant,
};

mod agenda;
mod crowd;
mod entry;
mod owner;

pub(super) use entry::Entry;
pub(super) use owner::Owner;

/// Goodbyes and flushed records live on for this long, so that others can object (RFC 6762 sections 10.1, 10.2).
pub(super) const GRACE: Duration = Duration::from_secs(1);
/// Records of one name and type, for all but the pointers to the instances of the service; also instances that may
/// be on one host, since its addresses concern all of them.
const SET_MAX: usize = 8;
/// What is said of an instance: that it is there, where, and the text.
const RECORDS_USUAL: usize = 3;

/// The records heard on one link: of pointers, only those from the name of the service.
///
/// Thousands of them, each heard again and again, and nothing of it is at hand when it is: what counts is how many
/// places of memory have to be looked at. All that is said of a name lies together and is found by its digest.
#[derive(Debug)]
pub(super) struct Cache {
    digest: Digest,
    owners: Table<Owner>,
    agenda: Agenda,
    /// The owners whose records have changed since they were planned.
    changed: Vec<u32>,
    /// How many records each source has here.
    sources: Table<usize>,
    /// How many records there are, and how many of them are pointers.
    len: usize,
    pointers: usize,
    /// Whose pointers are kept, and of how many.
    crowd: Crowd,
    density: Density,
    /// Before then no question for the instances is the one that is due for a pointer: all of them lie far apart in
    /// memory, and most questions need not look at them.
    near: Instant,
}

/// What the cache wants looked at.
#[derive(Debug)]
pub(super) enum Due {
    /// A pointer should be asked for again, which means all of them.
    Browse,
    /// Another record should be asked for again.
    Refresh { name: Name, kind: Kind },
    /// A record is no more.
    Gone { name: Name, entry: Entry },
}

/// A record to keep.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    pub(super) name: NameRef<'a>,
    pub(super) data: Data<NameRef<'a>, &'a [u8]>,
    pub(super) ttl: u32,
    pub(super) flush: bool,
    pub(super) source: IpAddr,
    /// Of a pointer: whether it comes with what says where the instance is.
    pub(super) is_placed: bool,
    /// It was shortened for us because we asked as a resolver of unicast DNS (RFC 6762 section 6.7).
    pub(super) is_capped: bool,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// There is no room for it.
    Refused,
    /// There are more instances than are kept, and this is one of the others.
    Crowded,
    /// It was here, alone of its name and type or one of the pointers, and holds for longer now.
    Again,
    /// Something is different about what is kept with this name.
    News(Name),
}

impl Cache {
    /// An empty one that keeps so many instances; nobody but us knows `key`.
    pub(super) fn new(now: Instant, key: u64, instances_max: usize) -> Self {
        Self {
            digest: Digest::new(key),
            owners: Table::new(),
            agenda: Agenda::default(),
            changed: Vec::new(),
            sources: Table::new(),
            len: 0,
            pointers: 0,
            crowd: Crowd::new(instances_max),
            density: Density::new(now),
            near: Instant::NEVER,
        }
    }

    /// Takes a record in; [`Cache::plan`] has to follow, once for all records of a message. `room` is what all links
    /// together have left, and one sender may take a quarter of `most`.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        heard: &Heard<'_>,
        room: usize,
        most: usize,
        rng: &mut Rng,
    ) -> Taken {
        let kind = heard.data.kind();
        let is_pointer = kind == Kind::PTR;
        let name = owner_of(heard.name, &heard.data);
        let key = self.digest.of(name);
        if is_pointer && heard.ttl > 0 {
            self.density.hear(now, key);
        }
        let slot = self.owners.find(key);
        let mut owner = slot.and_then(|slot| self.owners.get_mut(slot));
        // Once in 2^64 times two names have the same digest: then there is room for one of them.
        if owner.as_ref().is_some_and(|owner| name != owner.name) {
            return Taken::Refused;
        }
        let (mut others, mut known) = (0, None);
        for (index, entry) in owner.iter().flat_map(|owner| &owner.records).enumerate() {
            if entry.data.kind() == kind {
                if heard.data == entry.data {
                    known = Some(index);
                } else {
                    others += 1;
                }
            }
        }
        if heard.flush && !is_pointer && others > 0 {
            let is_other = |entry: &Entry| entry.data.kind() == kind && heard.data != entry.data;
            let all = owner.iter_mut().flat_map(|owner| &mut owner.records);
            // All other records of the set that were not heard just now are replaced (RFC 6762 section 10.2).
            all.filter(|entry| is_other(entry) && now - entry.heard > GRACE)
                .for_each(|entry| entry.die(now + GRACE));
            self.changed.extend(slot);
        }
        let entry = known.and_then(|known| owner.as_mut()?.records.get_mut(known));
        if heard.ttl == 0 || entry.is_some() {
            let mut is_again = false;
            if let Some(entry) = entry {
                if heard.ttl == 0 {
                    entry.die(now + GRACE);
                } else {
                    is_again = (is_pointer || others == 0) && !entry.is_dying();
                    entry.hear(now, lifetime(kind, heard.ttl, heard.is_capped), rng);
                    if is_pointer {
                        self.near = self.near.min(entry.near());
                    }
                }
            }
            self.changed.extend(slot);
            return if is_again {
                Taken::Again
            } else {
                Taken::News(owner.map_or_else(|| name.to_name(), |owner| owner.name.clone()))
            };
        }
        let source = self.digest_of(heard.source);
        let of_source =
            self.sources.find(source).and_then(|slot| self.sources.get(slot)).copied().unwrap_or(0);
        let is_crowded = !is_pointer && others >= SET_MAX
            || matches!(heard.data, Data::Srv { target, .. } if self.is_full(target));
        if room == 0 || of_source >= most.div_ceil(4) || is_crowded {
            return Taken::Refused;
        }
        let rank = if heard.is_placed { Rank::Placed } else { Rank::Named };
        let is_left_out = match kind {
            Kind::PTR => !self.crowd.admits(rank, key),
            // What is said of those who are not kept is not kept either.
            Kind::SRV | Kind::TXT => self.crowd.is_full() && !self.points(name),
            _ => false,
        };
        if is_left_out {
            return Taken::Crowded;
        }
        let slot = slot.unwrap_or_else(|| self.owners.insert(key, Owner::new(name.to_name())));
        self.changed.push(slot);
        if is_pointer && let Some(other) = self.crowd.add(rank, key, slot) {
            self.drop_all(now, other);
        }
        if kind == Kind::SRV {
            self.crowd.place(key, slot);
        }
        self.sources.insert(source, of_source + 1);
        self.add(now, slot, heard, source, rng);
        Taken::News(self.owners.get(slot).map_or_else(|| name.to_name(), |owner| owner.name.clone()))
    }

    /// Somebody else is kept instead of this instance: its records end now.
    fn drop_all(&mut self, now: Instant, slot: u32) {
        let owner = self.owners.get_mut(slot);
        owner.into_iter().flat_map(|owner| &mut owner.records).for_each(|entry| entry.die(now));
        self.changed.push(slot);
    }

    /// Plans when what has been taken in is to be looked at.
    pub(super) fn plan(&mut self) {
        self.changed.dedup();
        for slot in self.changed.drain(..) {
            self.agenda.plan(slot, &mut self.owners);
        }
    }

    /// Nobody answers where this instance is said to be: it makes room for others first.
    pub(super) fn demote(&mut self, instance: NameRef<'_>) {
        if let Some(slot) = self.slot_of(instance) {
            self.crowd.demote(self.digest.of(instance), slot);
        }
    }

    /// This very record is not to be believed any more.
    pub(super) fn expire(&mut self, now: Instant, name: &Name, data: &Data) {
        let data = data.borrow();
        let Some(slot) = self.slot_of(owner_of(name.borrow(), &data)) else { return };
        let owner = self.owners.get_mut(slot);
        let entry = owner.and_then(|owner| owner.records.iter_mut().find(|entry| data == entry.data));
        entry.into_iter().for_each(|entry| entry.die(now + GRACE));
        self.agenda.plan(slot, &mut self.owners);
    }

    /// Takes what is due at `now`.
    pub(super) fn pop_due(&mut self, now: Instant, rng: &mut Rng) -> Option<Due> {
        let at = self.agenda.next().filter(|at| *at <= now)?;
        let slot = self.agenda.first()?;
        let owner = self.owners.get_mut(slot)?;
        let index = owner.records.iter().position(|entry| entry.due == at)?;
        let entry = owner.records.get_mut(index)?;
        if entry.expires <= now {
            let (name, entry) = (owner.name.clone(), owner.records.remove(index));
            self.on_removed(slot, &entry);
            return Some(Due::Gone { name, entry });
        }
        entry.on_refresh(rng);
        let due = match entry.data.kind() {
            Kind::PTR => Due::Browse,
            kind => Due::Refresh { name: owner.name.clone(), kind },
        };
        self.agenda.plan(slot, &mut self.owners);
        Some(due)
    }

    /// The next instant at which something is due.
    pub(super) const fn next(&self) -> Option<Instant> {
        self.agenda.next()
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many pointers there are.
    pub(super) const fn instances(&self) -> usize {
        self.pointers
    }

    /// How many instances have been heard of, kept or not; about.
    pub(super) fn population(&self) -> usize {
        self.density.estimate().max(self.pointers)
    }

    /// Whether there are as many as are kept.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowd.is_full()
    }

    /// The pointers to the instances of the service.
    pub(super) fn pointers(&self) -> impl Iterator<Item = (&Name, &Entry)> {
        self.owners.iter().filter_map(|(_, owner)| Some((&owner.name, owner.pointer()?)))
    }

    /// The records of this name and type.
    pub(super) fn of<'c>(&'c self, name: &Name, kind: Kind) -> impl Iterator<Item = &'c Entry> + use<'c> {
        self.owner(name.borrow()).into_iter().flat_map(move |owner| owner.of(kind))
    }

    /// Whether there is a pointer to this instance.
    pub(super) fn points(&self, instance: NameRef<'_>) -> bool {
        self.pointed(instance).is_some()
    }

    /// All that is known of an instance, if there is a pointer to it.
    pub(super) fn pointed(&self, instance: NameRef<'_>) -> Option<&Owner> {
        self.owner(instance).filter(|owner| owner.pointer().is_some())
    }

    /// The instances on this host, an instance as often as it has SRV records that say so.
    pub(super) fn instances_on<'c>(&'c self, host: NameRef<'_>) -> impl Iterator<Item = &'c Name> + use<'c> {
        let slots = self.owner(host).into_iter().flat_map(|owner| &owner.instances);
        slots.filter_map(|slot| self.owners.get(*slot)).map(|owner| &owner.name)
    }

    /// Whether an instance is on this host, so that its addresses matter.
    pub(super) fn is_target(&self, host: NameRef<'_>) -> bool {
        self.owner(host).is_some_and(|owner| !owner.instances.is_empty())
    }

    /// A question for the instances leaves now, and pointers that are past half of their time are not in its list of
    /// known answers: whoever would ask for them next need not.
    pub(super) fn on_asked(&mut self, now: Instant, rng: &mut Rng) {
        if now < self.near {
            return;
        }
        self.near = Instant::NEVER;
        for slot in 0..self.owners.slots() {
            let Some(owner) = self.owners.get_mut(slot) else { continue };
            let mut pointers = owner.records.iter_mut().filter(|entry| entry.data.kind() == Kind::PTR);
            let Some(pointer) = pointers.next() else { continue };
            // Old, and so in no list of known answers.
            let is_asked = !pointer.is_dying() && !pointer.is_known(now);
            if is_asked {
                pointer.on_asked(now, rng);
            }
            self.near = self.near.min(pointer.near());
            if is_asked {
                self.agenda.plan(slot, &mut self.owners);
            }
        }
    }

    /// Whether this host has as many instances as it may have.
    fn is_full(&self, host: NameRef<'_>) -> bool {
        let mut all: Vec<&u32> = self.owner(host).into_iter().flat_map(|owner| &owner.instances).collect();
        all.sort_unstable();
        all.dedup();
        all.len() >= SET_MAX
    }

    fn add(&mut self, now: Instant, slot: u32, heard: &Heard<'_>, source: u64, rng: &mut Rng) {
        let data = match heard.data {
            Data::Ptr(_) => self.owners.get(slot).map(|owner| Data::Ptr(owner.name.clone())),
            Data::Srv { target, .. } => Some(heard.data.own(|_| self.join(target, slot))),
            _ => Some(heard.data.to_owned()),
        };
        let (Some(data), Some(owner)) = (data, self.owners.get_mut(slot)) else { return };
        let ttl = lifetime(data.kind(), heard.ttl, heard.is_capped);
        if owner.records.is_empty() && data.kind() == Kind::PTR {
            owner.records.reserve_exact(RECORDS_USUAL);
        } else {
            owner.records.reserve_exact(1);
        }
        let entry = Entry::new(now, data, source, ttl, rng);
        if entry.data.kind() == Kind::PTR {
            self.pointers += 1;
            self.near = self.near.min(entry.near());
        }
        owner.records.push(entry);
        self.len += 1;
    }

    /// An instance is on this host, whose name is answered.
    fn join(&mut self, host: NameRef<'_>, instance: u32) -> Name {
        let key = self.digest.of(host);
        let slot =
            self.owners.find(key).unwrap_or_else(|| self.owners.insert(key, Owner::new(host.to_name())));
        match self.owners.get_mut(slot).filter(|owner| host == owner.name) {
            Some(owner) => {
                owner.instances.reserve_exact(1);
                owner.instances.push(instance);
                owner.name.clone()
            }
            None => host.to_name(),
        }
    }

    /// This record of an owner is no more.
    fn on_removed(&mut self, slot: u32, entry: &Entry) {
        self.len = self.len.saturating_sub(1);
        if let Data::Ptr(instance) = &entry.data {
            self.pointers = self.pointers.saturating_sub(1);
            self.crowd.remove(self.digest.of(instance.borrow()), slot);
        }
        if let Some(source) = self.sources.find(entry.source)
            && let Some(count) = self.sources.get_mut(source)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.sources.remove(source);
            }
        }
        if let Data::Srv { target, .. } = &entry.data
            && let Some(host) = self.slot_of(target.borrow())
            && let Some(owner) = self.owners.get_mut(host)
        {
            let at = owner.instances.iter().position(|instance| *instance == slot);
            if let Some(at) = at {
                owner.instances.swap_remove(at);
            }
            if owner.instances.is_empty() {
                // Of a host that nobody is on nothing is kept.
                owner.records.iter_mut().for_each(|entry| entry.die(Instant::ORIGIN));
            }
            self.forget_empty(host);
            self.agenda.plan(host, &mut self.owners);
        }
        self.forget_empty(slot);
        self.agenda.plan(slot, &mut self.owners);
    }

    fn forget_empty(&mut self, slot: u32) {
        if self.owners.get(slot).is_some_and(Owner::is_empty) {
            self.owners.remove(slot);
        }
    }

    /// All that is known of this name.
    pub(super) fn owner(&self, name: NameRef<'_>) -> Option<&Owner> {
        self.owners.get(self.slot_of(name)?)
    }

    fn slot_of(&self, name: NameRef<'_>) -> Option<u32> {
        let slot = self.owners.find(self.digest.of(name))?;
        self.owners.get(slot).is_some_and(|owner| name == owner.name).then_some(slot)
    }

    fn digest_of(&self, source: IpAddr) -> u64 {
        match source {
            IpAddr::V4(v4) => self.digest.of_data(&Data::A(v4)),
            IpAddr::V6(v6) => self.digest.of_data(&Data::Aaaa(v6)),
        }
    }
}

/// The name that a record is kept with.
fn owner_of<'n>(name: NameRef<'n>, data: &Data<NameRef<'n>, &[u8]>) -> NameRef<'n> {
    match *data {
        Data::Ptr(target) => target,
        _ => name,
    }
}

#[cfg(test)]
mod tests;
