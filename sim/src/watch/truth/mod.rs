//! What the simulator knows for certain, and no node has to be asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use chat_core::{BootId, Config, EntryId, Instant, MessageId, Nick, PeerKey, Place, RoomKeyId, Stamp, Suite};

use super::{bounds::Bounds, calm};
use crate::{
    fault::PlannedFault,
    host::{CHAT_PORT, clock::EPOCH},
    plan::{Plan, Segment},
};

mod host;
mod learn;

pub(crate) use host::{Held, HostTruth, Listed};

/// The truth about a run so far.
pub(crate) struct Truth {
    /// Every host.
    pub(crate) hosts: Vec<HostTruth>,
    /// Everything that anybody ever said, by its text: no two are alike.
    pub(crate) said: BTreeMap<String, Said>,
    /// Every run of a program.
    pub(crate) boots: BTreeMap<(PeerKey, BootId), Boot>,
    /// Whose key is whose. A copied profile has several hosts.
    pub(crate) keys: BTreeMap<PeerKey, BTreeSet<usize>>,
    /// Every entry that ever was on a disk.
    pub(crate) entries: BTreeMap<EntryId, EntryTruth>,
    pub(crate) bounds: Bounds,
    /// Keys of hostile peers: whatever they say is not known here.
    pub(crate) foes: BTreeSet<PeerKey>,
    /// Hosts that what just happened has shaken: what is promised for quiet times begins anew.
    pub(crate) shaken: Vec<usize>,
    /// When anything last happened from outside: a start, an end, a fault, a word.
    pub(crate) stirred: Instant,
    /// How far wall clocks are set wrong in this run, at most.
    pub(crate) skew: Duration,
    /// Who has which address now.
    holders: BTreeMap<IpAddr, BTreeSet<usize>>,
    /// How every program is set up.
    pub(crate) config: Config,
    /// Addresses that more than one claims.
    contested: usize,
    links: Vec<Segment>,
    faults: Vec<PlannedFault>,
    struck: BTreeMap<usize, Vec<usize>>,
    /// Faults that disturb somebody now.
    disturbing: usize,
    /// What persons in foes' hands said.
    pub(crate) foul: BTreeSet<(PeerKey, String)>,
}

/// One run of a program.
pub(crate) struct Boot {
    pub(crate) host: usize,
    /// When it ended, and whether with a goodbye.
    pub(crate) ended: Option<(Instant, bool)>,
}

/// An entry as its first appearance shows it.
pub(crate) struct EntryTruth {
    pub(crate) author: PeerKey,
    pub(crate) room: RoomKeyId,
    pub(crate) stamp: Stamp,
    /// The hosts, and as whom, whose disks ever called it safe.
    pub(crate) safe: BTreeSet<(usize, PeerKey)>,
}

/// Something said.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) host: usize,
    pub(crate) author: PeerKey,
    pub(crate) place: Place,
    /// Which of the rooms of that name.
    pub(crate) room: Option<RoomKeyId>,
    pub(crate) at: Instant,
    /// What its author's program calls it, once it does.
    pub(crate) id: Option<MessageId>,
}

impl Truth {
    pub(crate) fn new(plan: &Plan, suite: &'static dyn Suite) -> Self {
        Self {
            hosts: Vec::new(),
            said: BTreeMap::new(),
            boots: BTreeMap::new(),
            keys: BTreeMap::new(),
            entries: BTreeMap::new(),
            bounds: Bounds::new(plan),
            foes: BTreeSet::new(),
            foul: BTreeSet::new(),
            shaken: Vec::new(),
            stirred: Instant::ORIGIN,
            skew: calm::skew(plan),
            holders: BTreeMap::new(),
            config: Config::new(suite, Nick::lenient("anybody"), CHAT_PORT),
            contested: 0,
            links: plan.segments.clone(),
            faults: plan.faults.clone(),
            struck: BTreeMap::new(),
            disturbing: 0,
        }
    }

    /// A host is known by another key from now on.
    pub(crate) fn set_key(&mut self, host: usize, key: PeerKey) {
        if self.hosts.len() <= host {
            self.hosts.resize_with(host + 1, HostTruth::unborn);
        }
        self.hosts[host].key = key;
        self.keys.entry(key).or_default().insert(host);
    }

    /// Whether no foe wrote an entry.
    pub(crate) fn is_honest(&self, entry: &EntryId) -> bool {
        self.entries.get(entry).is_none_or(|entry| !self.foes.contains(&entry.author))
    }

    /// Since when two hosts hear each other by multicast or broadcast and nothing disturbs them; `None` if that is not so.
    pub(crate) fn undisturbed(&self, one: usize, other: usize) -> Option<Instant> {
        let (a, b) = (self.hosts.get(one)?, self.hosts.get(other)?);
        let hears = |link: &usize| self.links.get(*link).is_some_and(|link| link.multicast && !link.isolated);
        let joined = a.links.intersection(&b.links).any(hears);
        let quiet = a.is_quiet() && b.is_quiet() && self.is_alone(a) && self.is_alone(b);
        (one != other && joined && quiet).then(|| a.calm.since.max(b.calm.since))
    }

    /// Whether everybody is in session with everybody: as long as there is room for strangers, to whom a third of
    /// all sessions is not given.
    pub(crate) const fn is_mesh(&self) -> bool {
        self.hosts.len() <= self.config.sessions_max * 2 / 3
    }

    /// What a right clock shows then, in µs since 1970.
    pub(crate) fn wall(&self, at: Instant) -> u64 {
        EPOCH.0 * 1000 + at.as_nanos() / 1000
    }

    /// Whether something disturbs anybody now.
    pub(crate) const fn is_anything_broken(&self) -> bool {
        self.disturbing > 0 || self.contested > 0
    }

    /// When, at the latest, two that are [undisturbed](Self::undisturbed) are in session.
    pub(crate) fn meet_by(&self, one: usize, other: usize) -> Option<Instant> {
        let since = self.undisturbed(one, other)?;
        let (a, b) = (&self.hosts[one], &self.hosts[other]);
        let age = |host: &HostTruth| host.runs_since.map_or(Duration::ZERO, |start| since - start);
        // One who knows where the other is will call.
        let met = a.met.contains(&(b.key, b.boot)) || b.met.contains(&(a.key, a.boot));
        let outage = a.calm.outage().max(b.calm.outage());
        let found = match (met, self.is_filtered(one, other)) {
            (true, _) => Duration::ZERO,
            (false, true) => self.bounds.broadcast(),
            (false, false) => self.bounds.discover(age(a).min(age(b))),
        };
        Some(since + self.bounds.meet(found, outage))
    }

    /// Whether one of the two may not hear the other by multicast, but by broadcast.
    pub(crate) fn is_filtered(&self, one: usize, other: usize) -> bool {
        [one, other].iter().any(|host| self.hosts[*host].calm.is_filtered())
    }

    /// Whether `one` lists the program that runs on `other`.
    pub(crate) fn lists(&self, one: usize, other: usize) -> bool {
        let other = &self.hosts[other];
        self.hosts[one].listed.contains_key(&(other.key, other.boot))
    }

    /// Whether nobody else has its addresses.
    fn is_alone(&self, host: &HostTruth) -> bool {
        host.addresses.iter().all(|address| self.holders.get(address).is_none_or(|who| who.len() == 1))
    }
}
