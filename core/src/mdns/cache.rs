//! What others have said on one link, and until when it holds (RFC 6762 sections 5.2 and 10).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use super::ours::{HOST_TTL, OTHER_TTL};
use crate::{
    dns::{Data, Kind, Name},
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
#[derive(Debug, Default)]
pub(super) struct Cache {
    sets: BTreeMap<(Name, Kind), BTreeMap<Data, u64>>,
    entries: BTreeMap<u64, Entry>,
    /// When each entry is to be looked at, the next one first.
    due: BTreeSet<(Instant, u64)>,
    /// Who needs the addresses of a host.
    targets: BTreeMap<Name, BTreeSet<Name>>,
    sources: BTreeMap<IpAddr, usize>,
    last: u64,
}

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
pub(super) struct Heard {
    pub(super) name: Name,
    pub(super) data: Data,
    pub(super) ttl: u32,
    pub(super) flush: bool,
    pub(super) source: IpAddr,
    /// It was shortened for us because we asked as a resolver of unicast DNS (RFC 6762 section 6.7).
    pub(super) is_capped: bool,
}

impl Cache {
    /// Takes a record in. False when there is no room for it: `room` is what all links together have left, and
    /// one sender may take a quarter of `most`.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        heard: Heard,
        room: usize,
        most: usize,
        rng: &mut Rng,
    ) -> bool {
        let Heard { name, data, ttl, flush, source, is_capped } = heard;
        let kind = data.kind();
        let set_key = (name.clone(), kind);
        let known = self.sets.get(&set_key).and_then(|set| set.get(&data)).copied();
        if flush && kind != Kind::PTR {
            self.flush(now, &set_key, known);
        }
        if ttl == 0 {
            if let Some(id) = known {
                self.dies(now, id);
            }
            return true;
        }
        let ttl = if is_capped { Duration::ZERO } else { Duration::from_secs(ttl.into()) };
        let ttl = ttl.clamp(if is_capped { usual(kind) } else { floor(kind) }, CEILING);
        let id = match known {
            Some(id) => id,
            None => {
                let of_source = self.sources.get(&source).copied().unwrap_or(0);
                let in_set = self.sets.get(&set_key).map_or(0, BTreeMap::len);
                let on_host = match &data {
                    Data::Srv { target, .. } => self.targets.get(target).map_or(0, BTreeSet::len),
                    _ => 0,
                };
                let is_crowded = kind != Kind::PTR && in_set >= SET_MAX || on_host >= SET_MAX;
                if room == 0 || of_source >= most.div_ceil(4) || is_crowded {
                    return false;
                }
                self.add(set_key, &data, source)
            }
        };
        let mut entry = Entry {
            name,
            data,
            heard: now,
            source: self.entries.get(&id).map_or(source, |entry| entry.source),
            ttl,
            expires: now + ttl,
            dying: false,
            refreshes: 0,
            due: now,
        };
        entry.schedule(rng);
        self.replace(id, entry);
        true
    }

    /// This very record is not to be believed any more.
    pub(super) fn expire(&mut self, now: Instant, name: &Name, data: &Data) {
        let set = self.sets.get(&(name.clone(), data.kind()));
        if let Some(&id) = set.and_then(|set| set.get(data)) {
            self.dies(now, id);
        }
    }

    /// Takes what is due at `now`.
    pub(super) fn pop_due(&mut self, now: Instant, rng: &mut Rng) -> Option<Due> {
        let &(_, id) = self.due.first().filter(|(at, _)| *at <= now)?;
        let mut entry = self.entries.get(&id)?.clone();
        if entry.expires <= now {
            self.remove(id);
            return Some(Due::Gone(entry));
        }
        let (name, kind) = (entry.name.clone(), entry.data.kind());
        entry.refreshes += 1;
        entry.schedule(rng);
        self.replace(id, entry);
        Some(Due::Refresh { name, kind })
    }

    /// The next instant at which something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The records of this name and type.
    pub(super) fn of<'c>(&'c self, name: &Name, kind: Kind) -> impl Iterator<Item = &'c Entry> + use<'c> {
        let ids = self.sets.get(&(name.clone(), kind)).into_iter().flat_map(BTreeMap::values);
        ids.filter_map(|id| self.entries.get(id))
    }

    /// This very record.
    pub(super) fn find(&self, name: &Name, data: &Data) -> Option<&Entry> {
        let set = self.sets.get(&(name.clone(), data.kind()))?;
        self.entries.get(set.get(data)?)
    }

    /// The instances on this host.
    pub(super) fn instances_on(&self, host: &Name) -> impl Iterator<Item = &Name> {
        self.targets.get(host).into_iter().flatten()
    }

    /// Whether an instance is on this host, so that its addresses matter.
    pub(super) fn is_target(&self, host: &Name) -> bool {
        self.targets.contains_key(host)
    }

    /// A question for these records leaves now, and those that are past half of their time are not in its list of
    /// known answers: whoever would ask for them next need not.
    pub(super) fn on_asked(&mut self, now: Instant, name: &Name, kind: Kind, rng: &mut Rng) {
        let old = |entry: &&Entry| !entry.dying && entry.left(now) * 2 < entry.ttl;
        let ids: Vec<u64> = self
            .sets
            .get(&(name.clone(), kind))
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|id| self.entries.get(id).filter(old).is_some())
            .copied()
            .collect();
        for id in ids {
            let Some(mut entry) = self.entries.get(&id).cloned() else { continue };
            while entry.due < entry.expires && entry.due <= now + entry.ttl * COALESCE_PERCENT / 100 {
                entry.refreshes += 1;
                entry.schedule(rng);
            }
            self.replace(id, entry);
        }
    }

    /// All other records of the set that were not heard just now are replaced (RFC 6762 section 10.2).
    fn flush(&mut self, now: Instant, set: &(Name, Kind), known: Option<u64>) {
        let ids: Vec<u64> = self.sets.get(set).into_iter().flat_map(BTreeMap::values).copied().collect();
        for id in ids {
            let is_old = self.entries.get(&id).is_some_and(|entry| now - entry.heard > GRACE);
            if is_old && known != Some(id) {
                self.dies(now, id);
            }
        }
    }

    /// The grace begins, unless the end is nearer anyway.
    fn dies(&mut self, now: Instant, id: u64) {
        let Some(mut entry) = self.entries.get(&id).cloned() else { return };
        entry.dying = true;
        entry.expires = entry.expires.min(now + GRACE);
        entry.due = entry.expires;
        self.replace(id, entry);
    }

    fn add(&mut self, set: (Name, Kind), data: &Data, source: IpAddr) -> u64 {
        self.last += 1;
        if let Data::Srv { target, .. } = data {
            self.targets.entry(target.clone()).or_default().insert(set.0.clone());
        }
        self.sets.entry(set).or_default().insert(data.clone(), self.last);
        *self.sources.entry(source).or_default() += 1;
        self.last
    }

    fn replace(&mut self, id: u64, entry: Entry) {
        self.due.insert((entry.due, id));
        let due = entry.due;
        if let Some(earlier) = self.entries.insert(id, entry)
            && earlier.due != due
        {
            self.due.remove(&(earlier.due, id));
        }
        debug_assert_eq!(self.due.len(), self.entries.len());
    }

    fn remove(&mut self, id: u64) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.due.remove(&(entry.due, id));
        let set_key = (entry.name, entry.data.kind());
        if let Some(set) = self.sets.get_mut(&set_key) {
            set.remove(&entry.data);
            if set.is_empty() {
                self.sets.remove(&set_key);
            }
        }
        if let Some(count) = self.sources.get_mut(&entry.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.sources.remove(&entry.source);
            }
        }
        if let Data::Srv { target, .. } = &entry.data {
            let is_same =
                |other: &Entry| matches!(&other.data, Data::Srv { target: same, .. } if same == target);
            let is_needed = self.of(&set_key.0, Kind::SRV).any(is_same);
            if !is_needed && let Some(instances) = self.targets.get_mut(target) {
                instances.remove(&set_key.0);
                if instances.is_empty() {
                    self.targets.remove(target);
                }
            }
        }
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
