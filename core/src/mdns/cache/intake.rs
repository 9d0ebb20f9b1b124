//! What is taken into the cache, and what is not.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::{
    Cache, GRACE, Owner,
    crowd::Rank,
    entry::{Entry, lifetime},
    owner_of,
};
use crate::{
    dns::{Data, Kind, Name, NameRef},
    rng::Rng,
    time::Instant,
};

/// Records of one name and type, for all but the pointers to the instances of the service; also instances that may
/// be on one host, since its addresses concern all of them.
const SET_MAX: usize = 8;
/// What is said of an instance: that it is there, where, and the text.
const RECORDS_USUAL: usize = 3;

/// A record to keep.
#[derive(Debug)]
pub(in super::super) struct Heard<'a> {
    pub(in super::super) name: NameRef<'a>,
    pub(in super::super) data: Data<NameRef<'a>, &'a [u8]>,
    pub(in super::super) ttl: u32,
    pub(in super::super) flush: bool,
    pub(in super::super) source: IpAddr,
    /// Of a pointer: whether it comes with what says where the instance is.
    pub(in super::super) is_placed: bool,
    /// It was shortened for us because we asked as a resolver of unicast DNS (RFC 6762 section 6.7).
    pub(in super::super) is_capped: bool,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) enum Taken {
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
    /// Takes a record in; [`Cache::plan`] has to follow, once for all records of a message. `room` is what all links
    /// together have left, and one sender may take a quarter of `most`.
    pub(in super::super) fn insert(
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

    fn digest_of(&self, source: IpAddr) -> u64 {
        match source {
            IpAddr::V4(v4) => self.digest.of_data(&Data::A(v4)),
            IpAddr::V6(v6) => self.digest.of_data(&Data::Aaaa(v6)),
        }
    }
}
