//! Entries on request: what a neighbour announces and we lack is asked for, each entry of one neighbour at a time;
//! what a neighbour asks for is read from the store.
//!
//! Who announces much and delivers little holds nothing up for long: what has been asked of one and not come in time
//! is asked of the next who has announced it, and of the slow one less is asked at a time until it delivers.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use bytes::Bytes;

use super::{
    LinkId, Rooms, Timer, Turn,
    bucket::Rate,
    days::Job,
    entry::{author_of, stamp_of},
    history::day_of,
    reconcile::RANGE_MAX,
};
use crate::{
    event::EntryId,
    frames::{Cause, Frame, Mark, PUSH_MAX, WANT_MAX},
    store::RoomKeyId,
    time::Instant,
};

/// Who asks for something that was said so recently has missed the news of it, and gets them pushed from now on.
const GRAFT_AGE: Duration = Duration::from_secs(10);
/// Below so many needs we look for more.
pub(super) const NEEDS_FEW: usize = 1024;
/// Entries that we know one peer to have and lack ourselves; beyond it the next repair finds them.
const NEEDS_MAX: usize = RANGE_MAX + NEEDS_FEW;
/// Entries that one peer has been asked for and has not sent, at most.
const ASKED_MAX: usize = 4 * WANT_MAX;
/// So many others who have announced what is asked for already are remembered.
const OTHERS_MAX: usize = 3;
/// After this time another one is asked: sooner for what is new, and for the rest late enough for a whole window to
/// come over a slow link.
const GRAFT_TIMEOUT: Duration = Duration::from_millis(250);
const OTHERS_TIMEOUT: Duration = Duration::from_secs(2);
/// If there is no other, a peer that sends nothing of what it was asked for during this time has it no longer.
const ASKED_TIMEOUT: Duration = Duration::from_secs(10);
/// Entries are asked for at so many times the rate at which one author may push. Who lets nobody push gets all by
/// asking.
const ASK_FACTOR: u64 = 20;
/// So long until we ask again when that rate is used up.
const ASK_PAUSE: Duration = Duration::from_millis(20);
/// Requests of one peer that the store reads for at a time.
const SERVING_MAX: usize = 8;
/// Bytes of entries in one frame, well below a record's 64 KiB.
const PUSH_BYTES_MAX: usize = 48 << 10;

/// An entry of a room. A mark alone names none: a neighbour may speak of any mark in any room that it shares with us.
pub(super) type Name = (RoomKeyId, Mark);

/// That a neighbour has been asked for an entry.
#[derive(Debug)]
pub(super) struct Want {
    link: LinkId,
    at: Instant,
    cause: Cause,
    /// Who else has announced it.
    others: Vec<LinkId>,
}

impl Want {
    pub(super) fn is_from(&self, link: LinkId) -> bool {
        self.link == link
    }

    /// When the neighbour has failed, if it last sent something of what it was asked for at `progress`. As long as
    /// there is nobody else to ask it may take its time.
    fn deadline(&self, progress: Instant) -> Instant {
        match self.cause {
            _ if self.others.is_empty() => self.at.max(progress) + ASKED_TIMEOUT,
            Cause::News => self.at + GRAFT_TIMEOUT,
            Cause::Repair | Cause::Receipt => self.at + OTHERS_TIMEOUT,
        }
    }
}

/// How many entries one peer may owe us: fewer when it lets us wait, more with each one that it sends.
#[derive(Debug)]
pub(crate) struct Window(usize);

impl Default for Window {
    fn default() -> Self {
        Self(ASKED_MAX)
    }
}

impl Window {
    /// For how many to ask a peer that owes us `asked`; for none until it is worth a frame.
    fn allowance(&self, asked: usize) -> usize {
        let batch = (self.0 / 4).clamp(1, WANT_MAX);
        if asked + batch <= self.0 { batch } else { 0 }
    }

    fn grow(&mut self) {
        self.0 = (self.0 + 1).min(ASKED_MAX);
    }

    fn shrink(&mut self) {
        self.0 = (self.0 / 2).max(1);
    }
}

impl Rooms {
    /// The peer of `id` has these entries.
    pub(super) fn on_have(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        marks: &[Mark],
        cause: Cause,
    ) {
        self.load_days_of(turn, id, room_id, marks, |marks| Frame::Have { room: 0, marks, cause });
        match cause {
            Cause::News => return self.on_news(turn, id, room_id, marks),
            Cause::Receipt => self.acknowledge_again(turn, id, room_id, marks),
            Cause::Repair => {}
        }
        self.need(turn, id, room_id, marks, cause);
        self.ask(turn, id);
    }

    /// Notes which of `marks` we lack and want from the peer of `id`.
    pub(super) fn need(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        marks: &[Mark],
        cause: Cause,
    ) {
        let window = self.window(turn, room_id);
        for &mark in marks.iter().filter(|mark| window.contains(&mark.stamp())) {
            let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else {
                return;
            };
            let day = day_of(mark.stamp());
            let known = room.history.find(&mark).is_some();
            if known || !room.history.is_loaded(day) || room.history.is_full(day) {
                continue;
            }
            if self.wanted.contains_key(&(room_id, mark)) {
                self.note_other(turn.now, id, (room_id, mark));
            } else if link.needs.len() < NEEDS_MAX {
                link.needs.entry((room_id, mark)).or_insert(cause);
            } else {
                turn.stats.needs_full += 1;
                return;
            }
        }
    }

    /// The peer of `id`, too, could send what another one has been asked for.
    fn note_other(&mut self, now: Instant, id: LinkId, name: Name) {
        let Some(want) = self.wanted.get_mut(&name) else { return };
        let is_other = want.link != id && !want.others.contains(&id);
        if is_other && want.others.len() < OTHERS_MAX {
            want.others.push(id);
            // It may be overdue already. Nothing is ever set for a moment that has come.
            let deadline = want.deadline(Instant::ORIGIN).max(now + ASK_PAUSE);
            self.timers.set_by(Timer::Asked(want.link), deadline);
        }
    }

    /// Asks the peer of `id` for what it has and we lack, the oldest first.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        if let Some(until) = self.full_until.filter(|&until| turn.now < until) {
            self.timers.set_by(Timer::Ask(id), until);
            return;
        }
        let rate = Rate::new(u64::from(self.author_rate.max(1)).saturating_mul(ASK_FACTOR));
        while let Some(link) = self.links.get(&id)
            && let allowance @ 1.. = link.window.allowance(link.asked.len())
            && let Some((&(room, _), _)) = link.needs.first_key_value()
        {
            let next = core::iter::from_fn(|| self.next_need(turn.now, id, room));
            let needs: Vec<(Mark, Cause)> = next.take(allowance).collect();
            if needs.is_empty() {
                continue;
            }
            let Some(link) = self.links.get_mut(&id) else { return };
            if !link.asks.take(turn.now, rate, needs.len() as u64) {
                link.needs.extend(needs.into_iter().map(|(mark, cause)| ((room, mark), cause)));
                self.timers.set_by(Timer::Ask(id), turn.now + ASK_PAUSE);
                break;
            }
            let marks: Vec<Mark> = needs.iter().map(|&(mark, _)| mark).collect();
            link.asked.extend(marks.iter().map(|&mark| (room, mark)));
            let want = |cause| Want { link: id, at: turn.now, cause, others: Vec::new() };
            self.wanted.extend(needs.into_iter().map(|(mark, cause)| ((room, mark), want(cause))));
            self.timers.set_by(Timer::Asked(id), turn.now + ASKED_TIMEOUT);
            let Some(link) = self.links.get(&id) else { return };
            turn.send(id, link, room, |room| Frame::Want { room, marks });
        }
        if self.links.get(&id).is_some_and(|link| link.needs.len() < NEEDS_FEW) {
            self.go_on(turn, id);
        }
    }

    /// The next entry of `room` that we lack, that the peer of `id` has and that nobody else has been asked for.
    fn next_need(&mut self, now: Instant, id: LinkId, room: RoomKeyId) -> Option<(Mark, Cause)> {
        loop {
            let next = self.links.get_mut(&id)?.needs.first_entry()?;
            let (of, mark) = *next.key();
            if of != room {
                return None;
            }
            let cause = next.remove();
            if self.is_here(room, &mark) {
                continue;
            }
            if !self.wanted.contains_key(&(room, mark)) {
                return Some((mark, cause));
            }
            self.note_other(now, id, (room, mark));
        }
    }

    /// Whether the entry of `mark` needs not be asked for any more.
    pub(super) fn is_here(&self, room: RoomKeyId, mark: &Mark) -> bool {
        self.rooms.get(&room).is_none_or(|room| room.history.find(mark).is_some())
    }

    /// The entry `name` came from the peer of `from`; nobody needs to send it any more. Answers why it had been
    /// asked for.
    pub(super) fn settle(&mut self, turn: &Turn<'_>, from: LinkId, name: &Name) -> Option<Cause> {
        let want = self.wanted.remove(name)?;
        let link = self.links.get_mut(&want.link)?;
        link.asked.remove(name);
        if want.link == from {
            link.progress = turn.now;
            link.window.grow();
        }
        if link.asked.is_empty() {
            self.timers.clear(Timer::Asked(want.link));
            if !link.needs.is_empty() {
                // Others have sent it all, and then nothing of this peer's makes us ask it for more.
                self.timers.set_by(Timer::Ask(want.link), turn.now + ASK_PAUSE);
            }
        }
        Some(want.cause)
    }

    /// The peer of `id` may have let us wait for too long.
    pub(super) fn on_asked_unanswered(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let deadlines = |name: &&Name| self.wanted.get(name).map(|want| want.deadline(link.progress));
        let is_late = |name: &&Name| deadlines(name).is_none_or(|deadline| deadline <= turn.now);
        let late: BTreeSet<Name> = link.asked.iter().filter(is_late).copied().collect();
        link.asked.retain(|name| !late.contains(name));
        let next = link.asked.iter().filter_map(|name| deadlines(&name)).min();
        if let Some(next) = next {
            self.timers.set(Timer::Asked(id), next);
        }
        if !late.is_empty() {
            link.window.shrink();
            turn.stats.unanswered += late.len() as u64;
        }
        let alone = |name| self.wanted.get(name).is_none_or(|want| want.others.is_empty());
        if late.iter().any(alone) {
            // It has sent nothing for long: what else it has announced is left to others, and to repair.
            turn.stats.unanswered += core::mem::take(&mut link.needs).len() as u64;
        }
        self.ask_others(turn, late);
        self.ask(turn, id);
    }

    /// Those who were asked for `names` will not send them: whoever else has announced them is asked.
    pub(super) fn ask_others(&mut self, turn: &mut Turn<'_>, names: BTreeSet<Name>) {
        let mut others = BTreeSet::new();
        for name in names {
            let Some(want) = self.wanted.remove(&name) else { continue };
            if let Some(link) = self.links.get_mut(&want.link) {
                link.asked.remove(&name);
            }
            for other in want.others {
                if let Some(link) = self.links.get_mut(&other)
                    && link.needs.len() < NEEDS_MAX
                {
                    link.needs.insert(name, want.cause);
                    others.insert(other);
                }
            }
        }
        others.into_iter().for_each(|other| self.ask(turn, other));
    }

    /// The peer of `id` lacks these entries.
    pub(super) fn on_want(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId, marks: &[Mark]) {
        self.load_days_of(turn, id, room_id, marks, |marks| Frame::Want { room: 0, marks });
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
        if marks.iter().any(|mark| self.age(turn.now, mark.stamp()) < GRAFT_AGE) {
            self.on_pruned(id, room_id, true);
        }
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
            if author_of(&bytes) == Some(self.own.0)
                && let Some(stamp) = stamp_of(&bytes)
            {
                // Also those of earlier runs: their author learns at last that they have arrived.
                self.receipts.expect_again(entry, room_id, stamp);
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

    /// Loads the days of those of `marks` that concern us and whose days are not loaded, one after the other: then
    /// what `frame` makes of each day's marks comes once more from the peer of `id`.
    fn load_days_of(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        marks: &[Mark],
        frame: impl Fn(Vec<Mark>) -> Frame,
    ) {
        let window = self.window(turn, room_id);
        let Some(room) = self.rooms.get(&room_id) else { return };
        let mut unloaded: BTreeMap<u32, Vec<Mark>> = BTreeMap::new();
        for &mark in marks.iter().filter(|mark| window.contains(&mark.stamp())) {
            let day = day_of(mark.stamp());
            if !room.history.is_loaded(day) {
                unloaded.entry(day).or_default().push(mark);
            }
        }
        for (day, marks) in unloaded {
            self.load_for(turn, id, room_id, day, Job::Frame(id, frame(marks)));
        }
    }
}
