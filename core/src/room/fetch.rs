//! Entries on request: what a neighbour announces and we lack is asked for, each entry of one neighbour only; what a
//! neighbour asks for is read from the store.

use alloc::{collections::BTreeSet, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::{
    LinkId, Rooms, Timer, Turn, bucket::Rate, days::Job, entry::author_of, history::day_of,
    reconcile::RANGE_MAX,
};
use crate::{
    event::EntryId,
    frames::{Frame, Mark, PUSH_MAX, WANT_MAX},
    store::RoomKeyId,
};

/// Below so many needs we look for more.
pub(super) const NEEDS_FEW: usize = 1024;
/// Entries that we know one peer to have and lack ourselves; beyond it the next repair finds them.
const NEEDS_MAX: usize = RANGE_MAX + NEEDS_FEW;
/// Entries that one peer has been asked for and has not sent.
const ASKED_MAX: usize = 4 * WANT_MAX;
/// A peer that sends nothing of what it was asked for during this time has it no longer.
const ASKED_TIMEOUT: Duration = Duration::from_secs(10);
/// Entries are asked for at so many times the rate at which one author may push.
const ASK_FACTOR: u64 = 20;
/// So long until we ask again when that rate is used up.
const ASK_PAUSE: Duration = Duration::from_millis(20);
/// Requests of one peer that the store reads for at a time.
const SERVING_MAX: usize = 8;
/// Bytes of entries in one frame, well below a record's 64 KiB.
const PUSH_BYTES_MAX: usize = 48 << 10;

impl Rooms {
    /// The peer of `id` has these entries.
    pub(super) fn on_have(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId, marks: &[Mark]) {
        let unloaded = self.split_by_load(room_id, marks);
        for (day, marks) in unloaded {
            self.load(turn, room_id, day, Job::Frame(id, Frame::Have { room: 0, marks }));
        }
        self.need(turn, id, room_id, marks);
        self.ask(turn, id);
    }

    /// Notes which of `marks` we lack and want from the peer of `id`.
    pub(super) fn need(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId, marks: &[Mark]) {
        let window = self.window(turn, room_id);
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        for &mark in marks.iter().filter(|mark| window.contains(&mark.stamp())) {
            let day = day_of(mark.stamp());
            let known = room.history.find(&mark).is_some() || self.wanted.contains_key(&mark);
            if known || !room.history.is_loaded(day) || room.history.is_full(day) {
                continue;
            }
            if link.needs.len() >= NEEDS_MAX {
                turn.stats.needs_full += 1;
                return;
            }
            link.needs.insert((room_id, mark));
        }
    }

    /// Asks the peer of `id` for what it has and we lack, the oldest first.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        if let Some(until) = self.full_until.filter(|&until| turn.now < until) {
            self.timers.set_by(Timer::Ask(id), until);
            return;
        }
        let rate = Rate::new(u64::from(self.author_rate).saturating_mul(ASK_FACTOR));
        while let Some(link) = self.links.get_mut(&id)
            && link.asked.len() + WANT_MAX <= ASKED_MAX
            && let Some(&(room_id, _)) = link.needs.first()
        {
            let mut marks = Vec::new();
            while marks.len() < WANT_MAX
                && let Some((_, mark)) = link.needs.pop_first_if_in(room_id)
            {
                let known = self.rooms.get(&room_id).is_none_or(|room| room.history.find(&mark).is_some());
                if !known && !self.wanted.contains_key(&mark) {
                    marks.push(mark);
                }
            }
            if marks.is_empty() {
                continue;
            }
            if !link.asks.take(turn.now, rate, marks.len() as u64) {
                link.needs.extend(marks.into_iter().map(|mark| (room_id, mark)));
                self.timers.set_by(Timer::Ask(id), turn.now + ASK_PAUSE);
                break;
            }
            link.asked.extend(&marks);
            self.wanted.extend(marks.iter().map(|&mark| (mark, id)));
            self.timers.set(Timer::Asked(id), turn.now + ASKED_TIMEOUT);
            let Some(link) = self.links.get(&id) else { return };
            turn.send(id, link, room_id, |room| Frame::Want { room, marks });
        }
        if self.links.get(&id).is_some_and(|link| link.needs.len() < NEEDS_FEW) {
            self.go_on(turn, id);
        }
    }

    /// Nobody needs to send the entry of `mark` any more.
    pub(super) fn settle(&mut self, turn: &Turn<'_>, mark: &Mark) {
        let Some(id) = self.wanted.remove(mark) else { return };
        let Some(link) = self.links.get_mut(&id) else { return };
        link.asked.remove(mark);
        if link.asked.is_empty() {
            self.timers.clear(Timer::Asked(id));
        } else {
            self.timers.set(Timer::Asked(id), turn.now + ASKED_TIMEOUT);
        }
    }

    /// The peer of `id` has sent nothing for too long.
    pub(super) fn on_asked_unanswered(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        for mark in core::mem::take(&mut link.asked) {
            turn.stats.unanswered += 1;
            self.wanted.remove(&mark);
        }
        self.ask(turn, id);
    }

    /// The peer of `id` lacks these entries.
    pub(super) fn on_want(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId, marks: &[Mark]) {
        let unloaded = self.split_by_load(room_id, marks);
        for (day, marks) in unloaded {
            self.load(turn, room_id, day, Job::Frame(id, Frame::Want { room: 0, marks }));
        }
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        if link.behind.get_mut(&room_id).is_some_and(|behind| behind.has_caught_up(marks)) {
            link.behind.remove(&room_id);
        }
        let ids: Vec<EntryId> = marks.iter().filter_map(|mark| room.history.find(mark)).collect();
        if ids.is_empty() {
            return;
        }
        if link.serving >= SERVING_MAX || (turn.backlog)(id) > self.backlog_max {
            turn.stats.backlogged += ids.len() as u64;
            return;
        }
        link.serving += 1;
        self.fetch_entries(turn, id, room_id, ids);
    }

    /// The store has read what the peer of `id` asked for.
    pub(super) fn on_entries(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        entries: Vec<(EntryId, Bytes)>,
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.serving = link.serving.saturating_sub(1);
        let (mut batch, mut size) = (Vec::new(), 0);
        for (entry, bytes) in entries {
            if author_of(&bytes) == Some(self.own.0) {
                // Also those of earlier runs: their author learns at last that they have arrived.
                self.receipts.expect(entry, room_id);
            }
            if batch.len() >= PUSH_MAX || size + bytes.len() > PUSH_BYTES_MAX {
                let entries = core::mem::take(&mut batch);
                turn.send(id, link, room_id, |room| Frame::Push { room, entries, repair: true });
                size = 0;
            }
            size += bytes.len();
            batch.push(bytes);
        }
        if !batch.is_empty() {
            turn.send(id, link, room_id, |room| Frame::Push { room, entries: batch, repair: true });
        }
    }

    /// Those of `marks` whose days are not loaded, by day.
    fn split_by_load(&self, room: RoomKeyId, marks: &[Mark]) -> Vec<(u32, Vec<Mark>)> {
        let Some(room) = self.rooms.get(&room) else { return Vec::new() };
        let mut unloaded: Vec<(u32, Vec<Mark>)> = Vec::new();
        for &mark in marks {
            let day = day_of(mark.stamp());
            if room.history.is_loaded(day) {
                continue;
            }
            match unloaded.iter_mut().find(|(other, _)| *other == day) {
                Some((_, marks)) => marks.push(mark),
                None => unloaded.push((day, Vec::from([mark]))),
            }
        }
        unloaded
    }
}

/// The first element, if it is about `room`.
trait PopFirstIn {
    fn pop_first_if_in(&mut self, room: RoomKeyId) -> Option<(RoomKeyId, Mark)>;
}

impl PopFirstIn for BTreeSet<(RoomKeyId, Mark)> {
    fn pop_first_if_in(&mut self, room: RoomKeyId) -> Option<(RoomKeyId, Mark)> {
        if self.first()?.0 == room { self.pop_first() } else { None }
    }
}
