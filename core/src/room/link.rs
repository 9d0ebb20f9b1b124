//! What the rooms know of one link: which rooms are shared over it, and what is under way.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use super::{
    bucket::{Bucket, Rate},
    fetch::{Name, Window},
    key::Side,
    news::Awaited,
    repair::Run,
    spread::Behind,
};
use crate::{
    event::{EntryId, Place, Stamp},
    frames::{Cause, Digest, Frame, PROOFS_MAX},
    identity::PeerKey,
    session::Origin,
    store::RoomKeyId,
    time::Instant,
};

/// Authors whose rates are kept for one link.
const AUTHORS_MAX: usize = 256;
/// Bytes of an entry that counts as one.
const COUNTED_ONCE: usize = 8 << 10;
/// One link may bring so many times the rate of one author.
const LINK_FACTOR: u64 = 16;

/// One link to a proven peer.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) side: Side,
    /// Where the peer is reached.
    pub(crate) origin: Option<Origin>,
    /// The handshake hash now, and the one before.
    pub(crate) binding: [u8; 32],
    pub(crate) previous: Option<[u8; 32]>,
    /// Whether our proofs for this handshake hash have gone out.
    pub(crate) told: bool,
    /// What else has not gone out: first days of rooms, and receipts.
    pub(crate) unsent_floors: BTreeSet<RoomKeyId>,
    pub(crate) unsent_receipts: BTreeSet<(RoomKeyId, EntryId)>,
    /// Our rooms in the order of our latest proofs; `None` where there is a random one.
    pub(crate) slots: Vec<Option<RoomKeyId>>,
    /// The peer's latest proofs, and the handshake hash they are made for.
    pub(crate) proofs: Option<([u8; 32], Vec<[u8; 32]>)>,
    /// Proofs for a handshake hash that we have not come to yet.
    pub(crate) early: Option<([u8; 8], Vec<[u8; 32]>)>,
    /// The first days that the peer keeps, by its own room indices.
    pub(crate) floors: BTreeMap<u16, u32>,
    /// The rooms that the peer has proven and that we are in.
    pub(crate) shared: BTreeMap<RoomKeyId, Shared>,
    /// The counters of heartbeats: ours, and the latest of the peer's.
    pub(crate) beats: u64,
    pub(crate) heard: Option<u64>,
    /// The room whose fingerprint went out last when not all fit.
    pub(crate) rotation: Option<RoomKeyId>,
    pub(crate) rates: Rates,
    /// How many entries may be looked through for this peer.
    pub(crate) scans: Bucket,
    /// The reconciliation that we lead, and the rooms that wait for theirs.
    pub(crate) run: Option<Run>,
    pub(crate) queue: VecDeque<RoomKeyId>,
    /// Entries that this peer has and we lack, and those that we have asked it for.
    pub(crate) needs: BTreeMap<Name, Cause>,
    pub(crate) asked: BTreeSet<Name>,
    pub(crate) asks: Bucket,
    pub(crate) window: Window,
    /// When the peer last sent something that we had asked it for.
    pub(crate) progress: Instant,
    /// What the peer has announced and others may be sending us already.
    pub(crate) awaited: VecDeque<Awaited>,
    /// Requests of the peer that the store is reading for.
    pub(crate) serving: usize,
    /// Rooms in which we only announce until the peer has caught up.
    pub(crate) behind: BTreeMap<RoomKeyId, Behind>,
}

/// A room that both ends of a link are in.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The peer's index for it.
    pub(crate) index: u16,
    /// The first day of the comparison that began last because a floor was told, and how many of these may begin.
    pub(crate) met: Option<u32>,
    pub(crate) meetings: Bucket,
    /// Heartbeats in a row whose fingerprint differed.
    pub(crate) differed: u32,
    /// The latest repair that fingerprints led to.
    pub(crate) tried: Option<Tried>,
    /// When the peer last pushed something unasked, and its stamp.
    pub(crate) pushed: Option<(Instant, Stamp)>,
    /// Whether it has been asked for the receipts that we lack.
    pub(crate) asked_for_receipts: bool,
    /// Whether what comes in is pushed on to it, and not only announced.
    pub(crate) eager: bool,
    /// What it pushed of others was here already, so many times since it last was not.
    pub(crate) superfluous: u32,
    /// When it was told to announce only.
    pub(crate) pruned: Option<Instant>,
}

impl Shared {
    pub(crate) fn new(index: u16) -> Self {
        Self {
            index,
            met: None,
            meetings: Bucket::default(),
            differed: 0,
            tried: None,
            pushed: None,
            asked_for_receipts: false,
            eager: true,
            superfluous: 0,
            pruned: None,
        }
    }
}

/// A repair that has been tried.
#[derive(Debug)]
pub(crate) struct Tried {
    /// The fingerprints that led to it, ours and theirs.
    pub(crate) pair: (Digest, Digest),
    /// Not again before then.
    pub(crate) again_at: Instant,
    pub(crate) pause: core::time::Duration,
    /// Whether anything came of it that was missing here.
    pub(crate) is_fruitful: bool,
}

impl Link {
    pub(crate) fn new(side: Side, binding: [u8; 32]) -> Self {
        Self {
            side,
            origin: None,
            binding,
            previous: None,
            told: false,
            unsent_floors: BTreeSet::new(),
            unsent_receipts: BTreeSet::new(),
            slots: Vec::new(),
            proofs: None,
            early: None,
            floors: BTreeMap::new(),
            shared: BTreeMap::new(),
            beats: 0,
            heard: None,
            rotation: None,
            rates: Rates::default(),
            scans: Bucket::default(),
            run: None,
            queue: VecDeque::new(),
            needs: BTreeMap::new(),
            asked: BTreeSet::new(),
            asks: Bucket::default(),
            window: Window::default(),
            progress: Instant::ORIGIN,
            awaited: VecDeque::new(),
            serving: 0,
            behind: BTreeMap::new(),
        }
    }

    /// What it may bring, have looked through, and ask for.
    pub(crate) fn share(&mut self) -> [&mut Bucket; 3] {
        [&mut self.rates.all, &mut self.scans, &mut self.asks]
    }

    /// Who is at the other end.
    pub(crate) const fn peer(&self) -> PeerKey {
        self.side.0
    }

    /// Whether this peer may be shown that we are in `place`: a direct conversation concerns its counterpart only.
    pub(crate) fn may_see(&self, place: &Place) -> bool {
        match place {
            Place::Room(_) => true,
            Place::Direct(key) => *key == self.peer(),
        }
    }

    /// Our index for `room`, if it is shared.
    pub(crate) fn index(&self, room: RoomKeyId) -> Option<u16> {
        self.shared.get(&room)?;
        let index = self.slots.iter().position(|&slot| slot == Some(room))?;
        u16::try_from(index).ok()
    }

    /// The room that the peer means by `index`.
    pub(crate) fn room_at(&self, index: u16) -> Option<RoomKeyId> {
        self.shared.iter().find(|(_, shared)| shared.index == index).map(|(&room, _)| room)
    }

    /// The first day of `room` that the peer keeps, once it has told.
    pub(crate) fn floor(&self, room: RoomKeyId) -> Option<u32> {
        self.floors.get(&self.shared.get(&room)?.index).copied()
    }

    pub(crate) fn set_floor(&mut self, index: u16, day: u32) {
        if usize::from(index) < PROOFS_MAX {
            self.floors.insert(index, day);
        }
    }

    /// Makes the slots hold exactly `rooms`, each where it was; answers whether anything changed.
    pub(crate) fn arrange(&mut self, rooms: &BTreeSet<RoomKeyId>) -> bool {
        let before = self.slots.clone();
        for slot in &mut self.slots {
            *slot = slot.filter(|room| rooms.contains(room));
        }
        for &room in rooms {
            if self.slots.contains(&Some(room)) {
                continue;
            }
            if let Some(free) = self.slots.iter_mut().find(|slot| slot.is_none()) {
                *free = Some(room);
            } else if self.slots.len() < PROOFS_MAX {
                self.slots.push(Some(room));
            }
        }
        self.slots != before
    }
}

/// How fast entries may come in unasked over one link: from each author, and altogether.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    all: Bucket,
    authors: BTreeMap<PeerKey, Bucket>,
}

impl Rates {
    /// Whether one more entry of `author`, with so many bytes, may come in. A long one counts as several.
    pub(crate) fn admit(&mut self, now: Instant, author: PeerKey, bytes: usize, per_second: u32) -> bool {
        let count = bytes.div_ceil(COUNTED_ONCE) as u64;
        let rate = Rate::new(per_second.into());
        if self.authors.len() >= AUTHORS_MAX && !self.authors.contains_key(&author) {
            self.authors.retain(|_, bucket| !bucket.is_full(now));
            if self.authors.len() >= AUTHORS_MAX {
                return false;
            }
        }
        let all = Rate::new(rate.per_second.saturating_mul(LINK_FACTOR));
        self.authors.entry(author).or_default().take(now, rate, count) && self.all.take(now, all, count)
    }
}

/// A frame about a room of one link, addressed by our index for it; `None` when the room is not shared.
pub(crate) fn frame_for(link: &Link, room: RoomKeyId, frame: impl FnOnce(u16) -> Frame) -> Option<Frame> {
    link.index(room).map(frame)
}

#[cfg(test)]
mod tests {
    use super::{super::entry::ENTRY_MAX, *};
    use crate::identity::BootId;

    fn room(byte: u8) -> RoomKeyId {
        RoomKeyId([byte; 16])
    }

    #[test]
    fn a_room_keeps_its_place_among_the_proofs() {
        let mut link = Link::new(Side(PeerKey([1; 32]), BootId(1)), [0; 32]);
        assert!(link.arrange(&[room(2), room(3)].into()));
        assert!(!link.arrange(&[room(2), room(3)].into()));
        assert!(link.arrange(&[room(1), room(3)].into()));
        assert_eq!(link.slots, [Some(room(1)), Some(room(3))]);
        assert!(link.arrange(&[room(3)].into()));
        assert_eq!(link.slots, [None, Some(room(3))]);
    }

    #[test]
    fn many_authors_do_not_make_many_rates() {
        let mut rates = Rates::default();
        let author = |number: u64| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            PeerKey(key)
        };
        let now = Instant::ORIGIN;
        let admitted = (0..10_000).filter(|&number| rates.admit(now, author(number), 300, 200)).count();
        assert_eq!(admitted, AUTHORS_MAX);
        let later = now + core::time::Duration::from_secs(1);
        assert!(rates.admit(later, author(9_999), 300, 200), "those that have not spoken for long make room");
    }

    #[test]
    fn long_entries_count_as_several() {
        let admitted = |bytes| {
            let mut rates = Rates::default();
            let admits = |_: &_| rates.admit(Instant::ORIGIN, PeerKey([1; 32]), bytes, 200);
            (0..10_000).filter(admits).count()
        };
        assert_eq!([200, 8192, 8193, ENTRY_MAX].map(admitted), [2000, 2000, 1000, 400]);
    }
}
