//! Repair, first half: which days differ. One side leads; it lists what its days add up to, the other answers with
//! those that differ there, and one after the other is reconciled.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{
    LinkId, Room, Rooms, Timer, Turn,
    days::Job,
    history::{day_of, start_of},
    pulse::SCANS,
    reconcile::Range,
};
use crate::{
    event::Stamp,
    frames::{DAYS_MAX, Digest, Frame},
    store::RoomKeyId,
    suite::Suite,
    time::Instant,
};

/// The last days of a list are compared entry by entry, under a key that nobody could know before: their sums could
/// have been made to collide.
const STRONG_DAYS: u32 = 3;
/// A peer that does not answer during this time is left alone until its heartbeats differ again.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The digest of a day's sum takes as long as looking through so many entries.
const DAY_COST: usize = 16;
/// So often all days are compared although no sum differs, with a fifth of it more or less.
const AUDIT: Duration = Duration::from_secs(3600);

/// A comparison of one room that we lead.
#[derive(Debug)]
pub(crate) struct Run {
    pub(super) room: RoomKeyId,
    /// The days that are being compared, and where the window ends.
    page: (u32, u32),
    end: u32,
    pub(super) phase: Phase,
}

/// How far a [`Run`] has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// Our days are being loaded, to be listed.
    Listing,
    /// The other side is comparing them.
    Compared,
    /// The days that differ are reconciled, one after the other; `part` is what remains of the present one.
    Days { days: VecDeque<u32>, part: Option<(Stamp, Stamp)>, range: Option<Range> },
}

impl Rooms {
    /// Compares `room` with the peer of `id`, as soon as nothing else is being compared with it.
    pub(super) fn begin(&mut self, turn: &mut Turn<'_>, id: LinkId, room: RoomKeyId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.queue.contains(&room) {
            link.queue.push_back(room);
        }
        self.start(turn, id);
    }

    fn start(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        while let Some(link) = self.links.get_mut(&id)
            && link.run.is_none()
            && let Some(room_id) = link.queue.pop_front()
        {
            let (Some(room), Some(floor)) = (self.rooms.get(&room_id), link.floor(room_id)) else { continue };
            let from = room.floor.max(floor);
            let end = day_of(*self.window(turn, room_id).end()).saturating_add(1);
            if from >= end {
                continue;
            }
            turn.stats.reconciliations += 1;
            let run = Run { room: room_id, page: (from, end), end, phase: Phase::Listing };
            if let Some(link) = self.links.get_mut(&id) {
                link.run = Some(run);
            }
            self.list(turn, id);
        }
    }

    /// Ends our comparison with the peer of `id`; the next one may begin.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        self.timers.clear(Timer::Run(id));
        if let Some(link) = self.links.get_mut(&id) {
            link.run = None;
        }
        self.start(turn, id);
    }

    /// Sends what our days add up to.
    fn list(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let binding = link.binding;
        let Some(run) = &mut link.run else { return };
        let (room_id, from) = (run.room, run.page.0);
        let Some(room) = self.rooms.get(&room_id) else { return };
        let to = room.history.days(from, run.end).nth(DAYS_MAX).unwrap_or(run.end);
        run.page.1 = to;
        self.timers.set(Timer::Run(id), turn.now + ANSWER_TIMEOUT);
        if let Some(day) = room.missing_day(to) {
            return self.load_for(turn, id, room_id, day, Job::Run(id));
        }
        if !link.scans.take(turn.now, SCANS, room.comparing((from, to))) {
            // Whoever answers for one day at a time has us list the others again. It may wait, like whoever does not answer.
            turn.stats.scans_refused += 1;
            return;
        }
        run.phase = Phase::Compared;
        let days = room.digests(self.suite, (from, to), &binding).into_iter().collect();
        let Some(link) = self.links.get(&id) else { return };
        turn.send(id, link, room_id, |room| Frame::Sums { room, answer: false, from, to, days });
    }

    /// The peer of `id` leads a comparison and lists its days.
    pub(super) fn on_sums_asked(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        (from, to): (u32, u32),
        days: Vec<(u32, Digest)>,
    ) {
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        if let Some(day) = room.missing_day(to) {
            let frame = Frame::Sums { room: 0, answer: false, from, to, days };
            return self.load_for(turn, id, room_id, day, Job::Frame(id, frame));
        }
        if !link.scans.take(turn.now, SCANS, room.comparing((from, to))) {
            turn.stats.scans_refused += 1;
            return;
        }
        if let Some(shared) = link.shared.get_mut(&room_id) {
            // What differs is being dealt with.
            shared.differed = 0;
        }
        let own = room.digests(self.suite, (from.max(room.floor), to), &link.binding);
        let theirs: BTreeMap<_, _> =
            days.into_iter().filter(|(day, _)| (from.max(room.floor)..to).contains(day)).collect();
        let all: BTreeSet<_> = own.keys().chain(theirs.keys()).copied().collect();
        let mut differ = all.into_iter().filter(|day| own.get(day) != theirs.get(day));
        let listed: Vec<_> = differ.by_ref().take(DAYS_MAX).collect();
        let to = differ.next().unwrap_or(to);
        let digest = |day| (day, own.get(&day).copied().unwrap_or_default());
        let days = listed.into_iter().map(digest).collect();
        let link = &*link;
        turn.send(id, link, room_id, |room| Frame::Sums { room, answer: true, from, to, days });
    }

    /// The other side of our comparison has told which days differ.
    pub(super) fn on_sums_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room: RoomKeyId,
        (from, to): (u32, u32),
        days: &[(u32, Digest)],
    ) {
        let Some(run) = self.links.get_mut(&id).and_then(|link| link.run.as_mut()) else { return };
        let expected = run.room == room && matches!(run.phase, Phase::Compared);
        if !expected || from != run.page.0 || to <= from || to > run.page.1 {
            return;
        }
        run.page.1 = to;
        let days = days.iter().map(|&(day, _)| day).filter(|day| (from..to).contains(day));
        run.phase = Phase::Days { days: days.collect(), part: None, range: None };
        self.next_range(turn, id);
    }

    /// All days of the page are reconciled: the next page, if there is one.
    pub(super) fn next_page(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(run) = self.links.get_mut(&id).and_then(|link| link.run.as_mut()) else { return };
        if run.page.1 >= run.end {
            return self.finish(turn, id);
        }
        run.page.0 = run.page.1;
        run.phase = Phase::Listing;
        self.list(turn, id);
    }

    /// A day that our comparison waited for is loaded.
    pub(super) fn resume(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(run) = self.links.get(&id).and_then(|link| link.run.as_ref()) else { return };
        match run.phase {
            Phase::Listing => self.list(turn, id),
            Phase::Compared => {}
            Phase::Days { .. } => self.go_on(turn, id),
        }
    }

    /// The other side has not answered in time, or what it has sent us keeps us busy.
    pub(super) fn on_run_unanswered(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(run) = self.links.get(&id).and_then(|link| link.run.as_ref()) else { return };
        if run.is_between_ranges() {
            return self.next_range(turn, id);
        }
        turn.stats.unanswered += 1;
        self.finish(turn, id);
    }

    pub(super) fn plan_audit(&mut self, now: Instant, id: LinkId) {
        let pause = self.rng.duration(AUDIT * 4 / 5..=AUDIT * 6 / 5);
        self.timers.set(Timer::Audit(id), now + pause);
    }

    pub(super) fn on_audit(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.links.get(&id) else { return };
        if self.own < link.side {
            let rooms: Vec<_> = link.shared.keys().copied().collect();
            rooms.into_iter().for_each(|room| self.begin(turn, id, room));
        }
        self.plan_audit(turn.now, id);
    }
}

impl Run {
    pub(super) const fn is_between_ranges(&self) -> bool {
        matches!(self.phase, Phase::Days { range: None, .. })
    }
}

impl Room {
    /// The first of the strongly compared days of a list up to `to` that is not loaded.
    fn missing_day(&self, to: u32) -> Option<u32> {
        let mut days = self.history.days(strong(to), to);
        days.find(|&day| day >= self.floor && !self.history.is_loaded(day))
    }

    /// What it takes to compare these days, in entries looked through.
    fn comparing(&self, (from, to): (u32, u32)) -> u64 {
        let days = self.history.days(from, to).count();
        let strong = self.history.days(strong(to), to).map(|day| self.history.count(day));
        (days * DAY_COST + strong.sum::<usize>()) as u64
    }

    fn digests(
        &self,
        suite: &'static dyn Suite,
        (from, to): (u32, u32),
        binding: &[u8; 32],
    ) -> BTreeMap<u32, Digest> {
        let key = |day| (day >= strong(to)).then_some(binding);
        self.history.days(from, to).map(|day| (day, self.history.digest(suite, day, key(day)))).collect()
    }
}

const fn strong(to: u32) -> u32 {
    to.saturating_sub(STRONG_DAYS)
}

/// The stamps of one day.
pub(super) fn whole(day: u32) -> (Stamp, Stamp) {
    (start_of(day), start_of(day.saturating_add(1)))
}
