//! What the store has for good, and who else has: done, receipts, and what becomes of entries that it did not take.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{LinkId, Rooms, Timer, Turn};
use crate::{
    event::{EntryId, Event, MessageId, Refusal, Stamp},
    frames::{Cause, Frame, LIST_MAX, Mark},
    identity::PeerKey,
    stats::RoomStats,
    store::RoomKeyId,
};

/// Entries of ours whose receipts are counted: the latest ones of this run, and as many older ones that somebody
/// fetched.
const COUNTED_MAX: usize = 4096;
/// Of those, how many receipts one peer is asked for when it comes back, and how long after it has proven the room:
/// what it lacks has mostly reached it by then.
const LACKING_MAX: usize = 1024;
pub(super) const RECEIPTS_WAIT: Duration = Duration::from_millis(500);
/// Received entries that the store has not answered yet; above it no receipt is given.
const ARRIVED_MAX: usize = 16_384;
/// For so long nothing is said after the store took nothing.
const FULL_PAUSE: Duration = Duration::from_secs(5);

/// Entries that the store has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Undurable {
    own: BTreeMap<EntryId, Written>,
    others: BTreeMap<EntryId, Arrived>,
    /// Entries of others that have been shown although the store then did not take them: not shown again when
    /// repair brings them once more.
    refused: BTreeSet<EntryId>,
    /// Commands that wait for it, in entries or still gathering.
    pub(super) says: usize,
}

#[derive(Debug)]
struct Written {
    room: RoomKeyId,
    stamp: Stamp,
    /// Our entry before it.
    previous: Option<(EntryId, Stamp)>,
    tags: Vec<u64>,
}

#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) room: RoomKeyId,
    pub(super) stamp: Stamp,
    pub(super) author: PeerKey,
}

impl Undurable {
    pub(super) fn add_own(
        &mut self,
        id: EntryId,
        room: RoomKeyId,
        stamp: Stamp,
        previous: Option<(EntryId, Stamp)>,
        tags: Vec<u64>,
    ) {
        self.own.insert(id, Written { room, stamp, previous, tags });
    }

    pub(super) fn add(&mut self, id: EntryId, arrived: Arrived) {
        if self.others.len() < ARRIVED_MAX {
            self.others.insert(id, arrived);
        }
    }

    /// Whether the entry has been shown before.
    pub(super) fn was_shown(&mut self, id: &EntryId) -> bool {
        self.refused.remove(id)
    }

    pub(super) fn has(&self, id: &EntryId) -> bool {
        self.own.contains_key(id) || self.others.contains_key(id)
    }

    /// Forgets an entry of others that somebody else answers for.
    pub(super) fn drop(&mut self, id: &EntryId) {
        self.others.remove(id);
    }

    /// Whether anything of `room` is under way.
    pub(super) fn concerns(&self, room: RoomKeyId) -> bool {
        self.own.values().any(|written| written.room == room)
            || self.others.values().any(|arrived| arrived.room == room)
    }
}

/// Who has stored our latest entries.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    counted: BTreeMap<EntryId, Counted>,
    /// Those of this run in the order in which they were said, and others in the order in which they were fetched.
    said: VecDeque<EntryId>,
    fetched: VecDeque<EntryId>,
}

#[derive(Debug)]
struct Counted {
    room: RoomKeyId,
    stamp: Stamp,
    by: BTreeSet<PeerKey>,
}

impl Receipts {
    /// `id` has just been said: from now on its receipts are counted.
    pub(super) fn expect(&mut self, id: EntryId, room: RoomKeyId, stamp: Stamp) {
        note(&mut self.counted, &mut self.said, id, Counted { room, stamp, by: BTreeSet::new() });
    }

    /// Somebody fetches `id`, which may be of an earlier run. However many are fetched, those of this run go on
    /// being counted.
    pub(super) fn expect_again(&mut self, id: EntryId, room: RoomKeyId, stamp: Stamp) {
        if !self.counted.contains_key(&id) {
            note(&mut self.counted, &mut self.fetched, id, Counted { room, stamp, by: BTreeSet::new() });
        }
    }

    /// `peer` has stored the entry; how many have, if that is news. At most `max` are counted: a key costs nothing.
    fn count(
        &mut self,
        stats: &mut RoomStats,
        id: &EntryId,
        room: RoomKeyId,
        peer: PeerKey,
        max: usize,
    ) -> Option<u32> {
        let counted = self.counted.get_mut(id).filter(|counted| counted.room == room)?;
        if counted.by.len() >= max {
            stats.receipts_uncounted += u64::from(!counted.by.contains(&peer));
            return None;
        }
        counted.by.insert(peer).then(|| u32::try_from(counted.by.len()).unwrap_or(u32::MAX))
    }

    /// Our latest entries in `room` that `peer` has not acknowledged.
    fn lacking(&self, room: RoomKeyId, peer: PeerKey) -> impl Iterator<Item = (EntryId, Stamp)> {
        let latest = self.said.iter().rev().chain(self.fetched.iter().rev());
        let latest = latest.filter_map(|id| Some((*id, self.counted.get(id)?)));
        let of_room = latest.filter(move |(_, counted)| counted.room == room && !counted.by.contains(&peer));
        of_room.map(|(id, counted)| (id, counted.stamp))
    }
}

/// Counts `id`, the newest of `order`, and its oldest no more if there are too many.
fn note(
    counted: &mut BTreeMap<EntryId, Counted>,
    order: &mut VecDeque<EntryId>,
    id: EntryId,
    entry: Counted,
) {
    if order.len() >= COUNTED_MAX
        && let Some(oldest) = order.pop_front()
    {
        counted.remove(&oldest);
    }
    counted.insert(id, entry);
    order.push_back(id);
}

impl Rooms {
    /// The store has `entries` for good.
    pub(super) fn on_stored_here(&mut self, turn: &mut Turn<'_>, entries: &[EntryId]) {
        self.full_until = None;
        let mut acknowledged: BTreeMap<(LinkId, RoomKeyId), Vec<EntryId>> = BTreeMap::new();
        for &id in entries {
            if let Some(written) = self.undurable.own.remove(&id) {
                self.undurable.says = self.undurable.says.saturating_sub(written.tags.len());
                for (item, tag) in (0..).zip(written.tags) {
                    turn.event(Event::Done { tag, message: Some(MessageId { entry: id, item }) });
                }
            } else if let Some(Arrived { room, author, .. }) = self.undurable.others.remove(&id) {
                for (&to, _) in self.links.iter().filter(|(_, link)| link.peer() == author) {
                    acknowledged.entry((to, room)).or_default().push(id);
                }
            }
            self.plan_news(turn.now, &id);
        }
        self.on_imported(turn, entries);
        for ((link, room), ids) in acknowledged {
            ids.chunks(LIST_MAX).for_each(|ids| self.acknowledge(turn, link, room, ids));
        }
    }

    pub(super) fn acknowledge(&self, turn: &mut Turn<'_>, id: LinkId, room: RoomKeyId, ids: &[EntryId]) {
        if let Some(link) = self.links.get(&id) {
            turn.send(id, link, room, |room| Frame::Stored { room, ids: ids.to_vec() });
        }
    }

    /// The author of `marks` lacks our receipts: those that a lost link took along are given again. Only authors ask,
    /// and who else did would learn no more than by a comparison.
    pub(super) fn acknowledge_again(&self, turn: &mut Turn<'_>, id: LinkId, room: RoomKeyId, marks: &[Mark]) {
        let Some(history) = self.rooms.get(&room).map(|room| &room.history) else { return };
        let here = marks.iter().filter_map(|mark| history.find(mark));
        let durable: Vec<_> = here.filter(|entry| !self.undurable.has(entry)).collect();
        if !durable.is_empty() {
            self.acknowledge(turn, id, room, &durable);
        }
    }

    /// Asks the peer of `link` for the receipts that we lack, once in each room that it has proven.
    pub(super) fn ask_for_receipts(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.behind.is_empty() || (turn.backlog)(id) > self.backlog_max {
            // What it lacks may well be on its way.
            return self.timers.set(Timer::Receipts(id), turn.now + RECEIPTS_WAIT);
        }
        let peer = link.peer();
        let mut rooms = Vec::new();
        for (&room, shared) in &mut link.shared {
            if !core::mem::replace(&mut shared.asked_for_receipts, true) {
                rooms.push(room);
            }
        }
        let Some(link) = self.links.get(&id) else { return };
        for room in rooms {
            // What our own store has not answered has just been pushed.
            let stored = self.receipts.lacking(room, peer).filter(|(id, _)| !self.undurable.has(id));
            let mut marks: Vec<_> =
                stored.take(LACKING_MAX).map(|(id, stamp)| Mark::new(stamp, &id)).collect();
            marks.sort_unstable();
            for marks in marks.chunks(LIST_MAX) {
                let marks = marks.to_vec();
                turn.send(id, link, room, |room| Frame::Have { room, marks, cause: Cause::Receipt });
            }
        }
    }

    /// The store did not take `entries`: as far as we are concerned they do not exist. Those of others come back by
    /// repair; ours may have reached somebody already, and then do so too.
    pub(super) fn on_not_stored(&mut self, turn: &mut Turn<'_>, entries: &[EntryId]) {
        self.full_until = Some(turn.now + FULL_PAUSE);
        self.on_not_imported(turn, entries);
        let mut before: BTreeMap<RoomKeyId, Option<(EntryId, Stamp)>> = BTreeMap::new();
        for id in entries {
            turn.stats.not_stored += 1;
            self.news.drop(id);
            let (room, stamp) = if let Some(written) = self.undurable.own.remove(id) {
                self.undurable.says = self.undurable.says.saturating_sub(written.tags.len());
                written.tags.iter().for_each(|&tag| turn.refuse(tag, Refusal::StoreFull));
                before.entry(written.room).or_insert(written.previous);
                (written.room, written.stamp)
            } else if let Some(arrived) = self.undurable.others.remove(id) {
                if self.undurable.refused.len() < ARRIVED_MAX {
                    self.undurable.refused.insert(*id);
                }
                (arrived.room, arrived.stamp)
            } else {
                continue;
            };
            self.take_out(room, stamp, *id);
        }
        for (id, previous) in before {
            let Some(room) = self.rooms.get_mut(&id) else {
                if self.aside.own.get(&id).is_some_and(|(own, _)| entries.contains(own)) {
                    self.aside.own.remove(&id);
                    self.aside.own.extend(previous.map(|previous| (id, previous)));
                }
                continue;
            };
            if room.own.is_some_and(|(own, _)| entries.contains(&own)) {
                room.own = previous;
            }
        }
    }

    /// An entry that the store did not take is not in the room's history.
    pub(super) fn take_out(&mut self, room: RoomKeyId, stamp: Stamp, id: EntryId) {
        match self.rooms.get_mut(&room) {
            Some(room) => {
                room.history.remove(stamp, id);
                room.strays.remove(&id);
            }
            None => self.aside.remove(room, stamp, id),
        }
    }

    /// The peer of `link` has stored entries.
    pub(super) fn on_stored(&mut self, turn: &mut Turn<'_>, link: LinkId, room: RoomKeyId, ids: &[EntryId]) {
        let Some(peer) = self.links.get(&link).map(super::Link::peer) else { return };
        let sharing = self.links.values().filter(|link| link.shared.contains_key(&room));
        let neighbours: BTreeSet<_> = sharing.map(super::Link::peer).collect();
        let neighbours = u32::try_from(neighbours.len()).unwrap_or(u32::MAX);
        for id in ids {
            if let Some(stored_by) = self.receipts.count(turn.stats, id, room, peer, self.sessions_max) {
                // Some of those who have it may have left since.
                turn.event(Event::Receipt { entry: *id, stored_by, of: neighbours.max(stored_by) });
            }
        }
    }
}
