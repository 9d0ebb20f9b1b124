//! What is certain about one host.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use chat_core::{BootId, EntryId, Instant, PeerKey, RoomKeyId, RoomName, Stamp, Subnet, Token};

use crate::watch::calm::Calm;

/// What is certain about a host.
pub(crate) struct HostTruth {
    pub(crate) key: PeerKey,
    pub(crate) boot: BootId,
    /// Since when its program runs without a break.
    pub(crate) runs_since: Option<Instant>,
    /// Whether it is saying goodbye.
    pub(super) leaves: bool,
    pub(crate) calm: Calm,
    /// The links that its cards are on, those that are up.
    pub(crate) links: BTreeSet<usize>,
    pub(crate) subnets: Vec<Subnet>,
    pub(super) addresses: Vec<IpAddr>,
    /// All that it ever had.
    pub(crate) had: BTreeSet<IpAddr>,
    /// The largest packet of each of its interfaces.
    pub(crate) mtu: BTreeMap<u32, u32>,
    /// Whom it lists as online, or as suspect.
    pub(crate) listed: BTreeMap<(PeerKey, BootId), Listed>,
    /// Whom this run ever listed, and who is where it then was.
    pub(crate) met: BTreeSet<(PeerKey, BootId)>,
    /// Whom its person has blocked at any time.
    pub(crate) deaf_to: BTreeSet<PeerKey>,
    /// The open rooms that it is in, and from where on it wants their history.
    pub(crate) rooms: BTreeMap<RoomName, Stamp>,
    /// Which of the rooms of each name it means, and since when; from the start if it never meant another one.
    pub(crate) meant: BTreeMap<RoomName, (RoomKeyId, Instant)>,
    /// From where on it keeps those that it does not keep for ever.
    pub(crate) keeps: BTreeMap<RoomKeyId, Stamp>,
    /// The entries on its disk, safe or not.
    pub(crate) held: BTreeMap<RoomKeyId, Held>,
    /// Whether its disk has lost, or may lose, what it called safe; and what that was when the program last started.
    pub(super) disk_fails: bool,
    pub(super) disk_failed: bool,
    /// What its disk was given and has not called safe.
    pub(crate) pending: BTreeMap<Token, Vec<(RoomKeyId, Stamp, EntryId)>>,
}

/// How a host lists somebody.
#[derive(Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) since: Instant,
    /// Whether by a session of its own, and since when that is so.
    direct: bool,
    turned: Instant,
    /// Over whose node such a session went last.
    over: Option<PeerKey>,
}

impl Listed {
    pub(super) const fn new(now: Instant, direct: bool) -> Self {
        Self { since: now, direct, turned: now, over: None }
    }

    pub(super) fn turn(&mut self, now: Instant, direct: bool, over: Option<PeerKey>) {
        if self.direct != direct {
            (self.direct, self.turned) = (direct, now);
        }
        if direct {
            self.over = over;
        }
    }

    /// Over whom its session goes, or went, if it is not its own all the way.
    pub(crate) const fn over(&self) -> Option<PeerKey> {
        self.over
    }

    /// Whether it had a session of its own then, as far as the last turn tells.
    pub(crate) fn was_direct(&self, then: Instant) -> bool {
        self.direct == (self.turned <= then)
    }
}

/// The entries of one room on one disk.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) ids: BTreeSet<(Stamp, EntryId)>,
    /// All ids, xored: two disks with the same entries have the same.
    sum: u64,
}

impl HostTruth {
    pub(super) fn unborn() -> Self {
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
            deaf_to: BTreeSet::new(),
            rooms: BTreeMap::new(),
            meant: BTreeMap::new(),
            keeps: BTreeMap::new(),
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

    /// Whether it means this room by this name, and is in it.
    pub(crate) fn was_in(&self, name: &RoomName, room: RoomKeyId) -> bool {
        self.rooms.contains_key(name) && self.meant.get(name).is_some_and(|(meant, _)| *meant == room)
    }

    /// Another room of this name, or the first one, is meant from `now` on.
    pub(super) fn mean(&mut self, now: Instant, name: &RoomName, room: RoomKeyId) {
        let is_first = !self.meant.contains_key(name);
        let meant = self.meant.entry(name.clone()).or_insert((room, Instant::ORIGIN));
        if !is_first && meant.0 != room {
            *meant = (room, now);
        }
    }

    /// Whether an entry is on its disk.
    pub(crate) fn holds(&self, room: RoomKeyId, stamp: Stamp, id: EntryId) -> bool {
        self.held.get(&room).is_some_and(|held| held.ids.contains(&(stamp, id)))
    }
}

impl Held {
    pub(super) fn add(&mut self, stamp: Stamp, id: EntryId) {
        if self.ids.insert((stamp, id)) {
            self.sum ^= word(&id);
        }
    }

    pub(super) fn remove(&mut self, stamp: Stamp, id: EntryId) {
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
