//! What others have said on one link, and until when it holds (RFC 6762 sections 5.2 and 10).

use alloc::vec::Vec;
use core::time::Duration;

use agenda::Agenda;
use crowd::Crowd;

use super::density::Density;
use crate::{
    dns::{Data, Digest, Kind, Name, NameRef, Table},
    rng::Rng,
    time::Instant,
};

mod agenda;
mod crowd;
mod entry;
mod intake;
mod owner;

pub(super) use entry::Entry;
pub(super) use intake::{Heard, Taken};
pub(super) use owner::Owner;

/// Goodbyes and flushed records live on for this long, so that others can object (RFC 6762 sections 10.1, 10.2).
pub(super) const GRACE: Duration = Duration::from_secs(1);
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
    /// How many records there are.
    len: usize,
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
            crowd: Crowd::new(instances_max),
            density: Density::new(now),
            near: Instant::NEVER,
        }
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

    /// How many instances there are.
    pub(super) fn instances(&self) -> usize {
        self.crowd.len()
    }

    /// How many instances have been heard of, kept or not; about.
    pub(super) fn population(&self) -> usize {
        self.density.estimate().max(self.crowd.len())
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

    /// This record of an owner is no more.
    fn on_removed(&mut self, slot: u32, entry: &Entry) {
        self.len = self.len.saturating_sub(1);
        if let Data::Ptr(instance) = &entry.data {
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
