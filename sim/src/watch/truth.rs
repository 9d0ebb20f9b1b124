//! What the simulator knows for certain, and no node has to be asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use chat_core::{
    Action, Answer, BootId, Config, EntryId, Event, Instant, MessageId, Nick, PeerChange, PeerKey, PeerState,
    Place, Record, Request, RoomKeyId, RoomName, Stamp, StoredEntry, StoredRoom, Subnet, Suite, Token,
};

use super::{Fact, bounds::Bounds, calm, calm::Calm};
use crate::{
    fault::PlannedFault,
    host::{CHAT_PORT, clock::EPOCH, disk::Disk},
    plan::{Plan, Segment},
};

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
    pub(crate) sessions_max: usize,
    pub(crate) unpersisted_max: usize,
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

/// What is certain about a host.
pub(crate) struct HostTruth {
    pub(crate) key: PeerKey,
    pub(crate) boot: BootId,
    /// Since when its program runs without a break.
    pub(crate) runs_since: Option<Instant>,
    /// Whether it is saying goodbye.
    leaves: bool,
    pub(crate) calm: Calm,
    /// The links that its cards are on, those that are up.
    pub(crate) links: BTreeSet<usize>,
    pub(crate) subnets: Vec<Subnet>,
    addresses: Vec<IpAddr>,
    /// All that it ever had.
    pub(crate) had: BTreeSet<IpAddr>,
    /// The largest packet of each of its interfaces.
    pub(crate) mtu: BTreeMap<u32, u32>,
    /// Whom it lists as online, or as suspect.
    pub(crate) listed: BTreeMap<(PeerKey, BootId), Instant>,
    /// Whom this run ever listed, and who is where it then was.
    pub(crate) met: BTreeSet<(PeerKey, BootId)>,
    /// The open rooms that it is in, and from where on it wants their history.
    pub(crate) rooms: BTreeMap<RoomName, Stamp>,
    /// The entries on its disk, safe or not.
    pub(crate) held: BTreeMap<RoomKeyId, Held>,
    /// Whether its disk has lost, or may lose, what it called safe; and what that was when the program last started.
    disk_fails: bool,
    disk_failed: bool,
    /// What its disk was given and has not called safe.
    pub(crate) pending: BTreeMap<Token, Vec<(RoomKeyId, Stamp, EntryId)>>,
}

/// The entries of one room on one disk.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) ids: BTreeSet<(Stamp, EntryId)>,
    /// All ids, xored: two disks with the same entries have the same.
    sum: u64,
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
    pub(crate) at: Instant,
    /// What its author's program calls it, once it does.
    pub(crate) id: Option<MessageId>,
}

impl Truth {
    pub(crate) fn new(plan: &Plan, suite: &'static dyn Suite) -> Self {
        // Every program's, as machines set them up.
        let config = Config::new(suite, Nick::lenient("anybody"), CHAT_PORT);
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
            sessions_max: config.sessions_max,
            unpersisted_max: config.unpersisted_max,
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

    /// Somebody hostile has this key: nobody vouches for what is said with it, and everything may take longer.
    #[expect(dead_code, reason = "for when these checks run beside hostile peers, too")]
    pub(crate) fn add_foe(&mut self, key: PeerKey) {
        self.foes.insert(key);
        self.bounds.patience = 2;
    }

    /// Since when two hosts hear each other by multicast and nothing disturbs them; `None` if that is not so.
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
        self.hosts.len() <= self.sessions_max * 2 / 3
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
        Some(since + self.bounds.meet(age(a).min(age(b)), outage, met))
    }

    /// Whether `one` lists the program that runs on `other`.
    pub(crate) fn lists(&self, one: usize, other: usize) -> bool {
        let other = &self.hosts[other];
        self.hosts[one].listed.contains_key(&(other.key, other.boot))
    }

    pub(crate) fn see(&mut self, now: Instant, fact: &Fact<'_>) {
        self.shaken.clear();
        match *fact {
            Fact::Booted { host, boot, disk } => self.on_boot(now, host, boot, disk),
            Fact::Ended { host, goodbye } => self.on_end(now, host, goodbye),
            Fact::Cards { host, interfaces, links } => {
                let subnets = interfaces.iter().flat_map(|interface| &interface.addresses);
                let subnets: Vec<_> = subnets.copied().collect();
                let addresses: Vec<_> = subnets.iter().map(|subnet| subnet.address).collect();
                let it = &mut self.hosts[host];
                it.subnets = subnets;
                it.mtu = interfaces.iter().map(|interface| (interface.index, interface.mtu)).collect();
                it.links = links.iter().copied().collect();
                it.had.extend(&addresses);
                let is_elsewhere = it.addresses.iter().any(|address| !addresses.contains(address));
                let (old, who) = (std::mem::replace(&mut it.addresses, addresses.clone()), (it.key, it.boot));
                for old in old {
                    let holders = self.holders.entry(old).or_default();
                    holders.remove(&host);
                    self.contested -= usize::from(holders.len() == 1);
                }
                for new in addresses {
                    let holders = self.holders.entry(new).or_default();
                    holders.insert(host);
                    self.contested += usize::from(holders.len() == 2);
                }
                if is_elsewhere {
                    self.hosts.iter_mut().for_each(|other| {
                        other.met.remove(&who);
                    });
                }
                self.shake(now, host);
            }
            Fact::Asked { host, action: Action::Say { place, text, .. }, .. } => {
                let (author, place) = (self.hosts[host].key, place.clone());
                let said = Said { host, author, place, at: now, id: None };
                self.said.insert(text.as_str().to_owned(), said);
                self.stirred = now;
            }
            Fact::Asked { host, action, .. } => {
                self.hosts[host].leaves |= *action == Action::Quit;
                self.stirred = now;
            }
            Fact::Told { host, event } => self.on_told(now, host, event),
            Fact::Appended { host, token, records } => self.on_append(host, token, records),
            Fact::Safe { host, token, result } => self.on_safe(host, token, result.is_ok()),
            Fact::Fault { number, begins, struck } => self.on_fault(now, number, begins, struck),
            Fact::Foul { author, text } => {
                self.foul.insert((author, text.to_owned()));
            }
            Fact::Sent { .. } | Fact::Received { .. } => {}
        }
    }

    fn shake(&mut self, now: Instant, host: usize) {
        self.hosts[host].calm.on_change(now);
        self.shaken.push(host);
        self.stirred = now;
    }

    fn on_boot(&mut self, now: Instant, host: usize, boot: BootId, disk: &Disk) {
        let it = &mut self.hosts[host];
        (it.boot, it.runs_since, it.leaves) = (boot, Some(now), false);
        it.calm.on_boot(now);
        (it.disk_failed, it.disk_fails) = (it.disk_fails, it.calm.is_disk_lying());
        it.met.clear();
        it.held.clear();
        for (room, stamp, id) in disk.ids() {
            it.held.entry(room).or_default().add(stamp, id);
            // Also what a copied disk brought along.
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.safe.insert((host, it.key));
            }
        }
        let Answer::State(state) = disk.answer(it.key, &Request::State) else { return };
        let lobby = StoredRoom { name: RoomName::lobby(), joined: true, floor: Stamp(0) };
        let rooms = if state.rooms.is_empty() { vec![lobby] } else { state.rooms };
        it.rooms = rooms.into_iter().filter(|room| room.joined).map(|room| (room.name, room.floor)).collect();
        self.boots.insert((it.key, boot), Boot { host, ended: None });
        self.shaken.push(host);
        self.stirred = now;
    }

    fn on_end(&mut self, now: Instant, host: usize, goodbye: bool) {
        let it = &mut self.hosts[host];
        it.runs_since = None;
        it.listed.clear();
        it.pending.clear();
        let ran = self.boots.get_mut(&(it.key, it.boot));
        ran.into_iter().for_each(|boot| boot.ended = Some((now, goodbye)));
        self.shaken.push(host);
        self.stirred = now;
    }

    fn on_told(&mut self, now: Instant, host: usize, event: &Event) {
        match event {
            Event::Peer(PeerChange { state, key: Some(key), boot: Some(boot), .. }) => {
                let (it, who) = (&mut self.hosts[host], (*key, *boot));
                if matches!(state, PeerState::Quit | PeerState::Lost) {
                    it.listed.remove(&who);
                } else {
                    it.listed.entry(who).or_insert(now);
                    if *state == PeerState::Online {
                        it.met.insert(who);
                    }
                }
            }
            Event::Message(message) if message.own => {
                let said = self.said.get_mut(&message.text);
                said.into_iter().for_each(|said| said.id = Some(message.id));
            }
            _ => {}
        }
    }

    fn on_append(&mut self, host: usize, token: Token, records: &[Record]) {
        let mut pending = Vec::new();
        for record in records {
            match record {
                Record::Entry(StoredEntry { room, id, stamp, author, .. }) => {
                    let (room, stamp, author) = (*room, *stamp, *author);
                    let first = EntryTruth { author, room, stamp, safe: BTreeSet::new() };
                    self.entries.entry(*id).or_insert(first);
                    self.hosts[host].held.entry(room).or_default().add(stamp, *id);
                    pending.push((room, stamp, *id));
                }
                Record::Room(room) if room.joined => {
                    self.hosts[host].rooms.insert(room.name.clone(), room.floor);
                }
                Record::Room(room) => {
                    self.hosts[host].rooms.remove(&room.name);
                }
                _ => {}
            }
        }
        self.hosts[host].pending.insert(token, pending);
    }

    fn on_safe(&mut self, host: usize, token: Token, is_safe: bool) {
        let it = &mut self.hosts[host];
        let later = it.pending.split_off(&Token(token.0 + 1));
        for (token_of, entries) in std::mem::replace(&mut it.pending, later) {
            for (room, stamp, id) in entries {
                if is_safe {
                    let entry = self.entries.get_mut(&id);
                    entry.into_iter().for_each(|entry| {
                        entry.safe.insert((host, it.key));
                    });
                } else if token_of == token {
                    it.held.entry(room).or_default().remove(stamp, id);
                }
            }
        }
    }

    fn on_fault(&mut self, now: Instant, number: usize, begins: bool, struck: &[usize]) {
        let Some(fault) = self.faults.get(number).map(|planned| planned.what.clone()) else { return };
        let struck = if begins {
            self.struck.insert(number, struck.to_vec());
            struck.to_vec()
        } else {
            self.struck.remove(&number).unwrap_or_default()
        };
        if calm::lasts(&fault) && !struck.is_empty() {
            self.disturbing = if begins { self.disturbing + 1 } else { self.disturbing.saturating_sub(1) };
        }
        for host in struck {
            self.hosts[host].disk_fails |= begins && calm::loses(&fault);
            if self.hosts[host].calm.on_fault(now, &fault, begins) {
                self.shaken.push(host);
            }
        }
        self.stirred = now;
    }

    /// Whether nobody else has its addresses.
    fn is_alone(&self, host: &HostTruth) -> bool {
        host.addresses.iter().all(|address| self.holders.get(address).is_none_or(|who| who.len() == 1))
    }
}

impl HostTruth {
    fn unborn() -> Self {
        Self {
            key: PeerKey([0; 32]),
            boot: BootId(0),
            runs_since: None,
            leaves: false,
            calm: Calm::default(),
            links: BTreeSet::new(),
            subnets: Vec::new(),
            addresses: Vec::new(),
            had: BTreeSet::new(),
            mtu: BTreeMap::new(),
            listed: BTreeMap::new(),
            met: BTreeSet::new(),
            rooms: BTreeMap::new(),
            held: BTreeMap::new(),
            disk_fails: false,
            disk_failed: false,
            pending: BTreeMap::new(),
        }
    }

    /// Whether its program runs and nothing disturbs it.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.runs_since.is_some() && !self.leaves && self.calm.is_calm()
    }

    /// Whether its disk lied or was set back before its program last started: then not all that was safe is there.
    pub(crate) const fn has_disk_failed(&self) -> bool {
        self.disk_failed
    }

    /// Whether an entry is on its disk.
    pub(crate) fn holds(&self, room: RoomKeyId, stamp: Stamp, id: EntryId) -> bool {
        self.held.get(&room).is_some_and(|held| held.ids.contains(&(stamp, id)))
    }
}

impl Held {
    fn add(&mut self, stamp: Stamp, id: EntryId) {
        if self.ids.insert((stamp, id)) {
            self.sum ^= word(&id);
        }
    }

    fn remove(&mut self, stamp: Stamp, id: EntryId) {
        if self.ids.remove(&(stamp, id)) {
            self.sum ^= word(&id);
        }
    }

    /// Whether this and `other` are, in all likelihood, the same entries.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.sum == other.sum && self.ids.len() == other.ids.len()
    }
}

fn word(id: &EntryId) -> u64 {
    id.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}
