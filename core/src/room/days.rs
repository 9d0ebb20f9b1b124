//! Days that must be read back from the store before something can go on, and what waits for them.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::{
    LinkId, Room, Rooms, Turn, Wish,
    history::{day_of, start_of},
    pulse::SCANS,
};
use crate::{
    event::EntryId,
    frames::Frame,
    store::{Answer, Request, RoomKeyId},
    time::Instant,
};

/// What may wait for days to be loaded, in number and in bytes.
const JOBS_MAX: usize = 1024;
const JOBS_BYTES_MAX: usize = 2 << 20;
/// Days that are loaded at the same time.
const LOADS_MAX: usize = 64;
/// To have the store read a day takes as long as looking through so many entries, and through those of the day.
const LOAD_COST: u64 = 10_000;
/// Ids in memory, of all rooms. When there are more, so many are forgotten that it need not be done again soon.
const LOADED_MAX: usize = 1 << 18;
const LOADED_AFTER: usize = LOADED_MAX / 8 * 7;
/// A day in use is not forgotten.
const IN_USE: Duration = Duration::from_secs(10);

/// What was asked of the store.
#[derive(Debug, Default)]
pub(super) struct Loads {
    next: u64,
    asked: BTreeMap<u64, Asked>,
    waiting: BTreeMap<(RoomKeyId, u32), Vec<Job>>,
}

#[derive(Debug)]
enum Asked {
    Day(RoomKeyId, u32),
    /// For the peer of this link.
    Entries(LinkId, RoomKeyId),
    /// Which of what is being imported is there already.
    Known,
    /// What is to be erased of a day.
    Forgotten,
    /// Who has written in this room, for another key of this number.
    Authors(u64, RoomKeyId),
}

/// What goes on when a day is loaded.
#[derive(Debug)]
pub(super) enum Job {
    /// This entry came; whether it came by repair.
    Entry(LinkId, Bytes, bool),
    /// This frame came.
    Frame(LinkId, Frame),
    /// Our own reconciliation.
    Run(LinkId),
    /// Nothing but the day itself, for the peer of this link or for ourselves.
    Nothing(Option<LinkId>),
}

impl Loads {
    /// Whether `job` may wait, too; whether it `begins` a load. A link may take no more than it leaves to others: so
    /// whoever has nothing waiting finds space, however much somebody else asks for.
    fn has_space(&self, job: &Job, begins: bool) -> bool {
        let takes = |job: &Job, begins: bool| [usize::from(begins), 1, job.size()];
        let mut taken = [0; 3];
        for (place, other) in self.waiting.values().flat_map(|jobs| jobs.iter().enumerate()) {
            // What the same link has waiting counts twice.
            let weight = if other.link().is_some() && other.link() == job.link() { 2 } else { 1 };
            let takes = takes(other, place == 0);
            taken.iter_mut().zip(takes).for_each(|(taken, takes)| *taken += weight * takes);
        }
        let limits = [LOADS_MAX, JOBS_MAX, JOBS_BYTES_MAX];
        let mut all = takes(job, begins).into_iter().zip(taken).zip(limits);
        all.all(|((takes, taken), limit)| takes == 0 || taken + takes <= limit)
    }
}

impl Job {
    /// For whose sake.
    const fn link(&self) -> Option<LinkId> {
        match self {
            Self::Entry(link, ..) | Self::Frame(link, _) | Self::Run(link) => Some(*link),
            Self::Nothing(link) => *link,
        }
    }

    fn size(&self) -> usize {
        64 + match self {
            Self::Entry(_, bytes, _) => bytes.len(),
            Self::Frame(_, Frame::Reconcile { message, .. }) => message.len(),
            Self::Frame(_, Frame::Have { marks, .. } | Frame::Want { marks, .. }) => marks.len() * 32,
            Self::Frame(_, Frame::Sums { days, .. }) => days.len() * 20,
            _ => 0,
        }
    }
}

impl Rooms {
    /// Loads `day` of `room`, then does `job`.
    pub(super) fn load(&mut self, turn: &mut Turn<'_>, room: RoomKeyId, day: u32, job: Job) {
        let begins = !self.loads.waiting.contains_key(&(room, day));
        if !self.loads.has_space(&job, begins) {
            turn.stats.waiting_full += 1;
            return;
        }
        self.loads.waiting.entry((room, day)).or_default().push(job);
        if begins {
            let (from, to) = (start_of(day), start_of(day.saturating_add(1)));
            self.fetch(turn, Asked::Day(room, day), Request::Ids { room, from, to });
        }
    }

    /// Loads `day` of `room`, then does `job`, for the peer of `id`, unless that asks for too much.
    pub(super) fn load_for(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        day: u32,
        job: Job,
    ) {
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        if link.scans.take(turn.now, SCANS, room.history.count(day) as u64 + LOAD_COST) {
            self.load(turn, room_id, day, job);
        } else {
            turn.stats.scans_refused += 1;
        }
    }

    /// Loads today in a room that has just been entered, so that nobody's first message waits for it.
    pub(super) fn load_today(&mut self, turn: &mut Turn<'_>, id: RoomKeyId) {
        let Some(room) = self.rooms.get(&id) else { return };
        let today = day_of(self.clock.stamp(turn.now));
        if !room.history.is_loaded(today) {
            self.load(turn, id, today, Job::Nothing(None));
        }
    }

    /// Reads entries for the peer of `link`.
    pub(super) fn fetch_entries(
        &mut self,
        turn: &mut Turn<'_>,
        link: LinkId,
        room: RoomKeyId,
        ids: Vec<EntryId>,
    ) {
        self.fetch(turn, Asked::Entries(link, room), Request::Entries { room, ids });
    }

    /// Asks which of `ids` the store has.
    pub(super) fn fetch_known(&mut self, turn: &mut Turn<'_>, room: RoomKeyId, ids: Vec<EntryId>) {
        self.fetch(turn, Asked::Known, Request::Entries { room, ids });
    }

    /// Asks what the store has of a day that is to be erased.
    pub(super) fn fetch_forgotten(&mut self, turn: &mut Turn<'_>, room: RoomKeyId, day: u32) {
        let (from, to) = (start_of(day), start_of(day.saturating_add(1)));
        self.fetch(turn, Asked::Forgotten, Request::Ids { room, from, to });
    }

    /// Asks who has written in a room.
    pub(super) fn fetch_authors(&mut self, turn: &mut Turn<'_>, number: u64, room: RoomKeyId) {
        self.fetch(turn, Asked::Authors(number, room), Request::Authors { room });
    }

    fn fetch(&mut self, turn: &mut Turn<'_>, asked: Asked, what: Request) {
        let request = self.loads.next;
        self.loads.next += 1;
        self.loads.asked.insert(request, asked);
        turn.out.push(Wish::Fetch { request, what });
    }

    pub(super) fn on_fetched(&mut self, turn: &mut Turn<'_>, request: u64, answer: Answer) {
        match (self.loads.asked.remove(&request), answer) {
            (Some(Asked::Day(room, day)), Answer::Ids(ids)) => self.on_day(turn, room, day, ids),
            // A store that does not understand has nothing.
            (Some(Asked::Day(room, day)), _) => self.on_day(turn, room, day, Vec::new()),
            (Some(Asked::Entries(link, room)), Answer::Entries(entries)) => {
                self.on_entries(turn, link, room, entries);
            }
            (Some(Asked::Entries(link, room)), _) => self.on_entries(turn, link, room, Vec::new()),
            (Some(Asked::Known), Answer::Entries(entries)) => {
                self.on_known(turn, entries.into_iter().map(|(id, _)| id));
            }
            (Some(Asked::Known), _) => self.on_known(turn, core::iter::empty()),
            (Some(Asked::Forgotten), Answer::Ids(ids)) => self.on_forgotten_day(turn, ids),
            (Some(Asked::Forgotten), _) => self.on_forgotten_day(turn, Vec::new()),
            (Some(Asked::Authors(number, room)), Answer::Authors(authors)) => {
                self.on_authors(turn, number, room, &authors);
            }
            (Some(Asked::Authors(number, room)), _) => self.on_authors(turn, number, room, &[]),
            (None, _) => {}
        }
    }

    fn on_day(
        &mut self,
        turn: &mut Turn<'_>,
        id: RoomKeyId,
        day: u32,
        ids: Vec<(crate::event::Stamp, EntryId)>,
    ) {
        if let Some(room) = self.rooms.get_mut(&id) {
            room.history.load(turn.now, day, ids.into_iter());
        }
        self.make_room(turn.now);
        let jobs = self.loads.waiting.remove(&(id, day)).unwrap_or_default();
        for job in jobs {
            let shares = |link| self.links.get(&link).is_some_and(|link| link.shared.contains_key(&id));
            match job {
                Job::Entry(link, bytes, repair) if shares(link) => {
                    self.on_entry(turn, link, id, bytes, repair, true);
                    self.ask(turn, link);
                }
                Job::Frame(link, frame) if shares(link) => self.on_room_frame(turn, link, id, frame),
                Job::Run(link) if shares(link) => self.resume(turn, link),
                _ => {}
            }
        }
    }

    /// Forgets the ids of days that nobody has asked about for long, if there are too many in memory.
    pub(super) fn make_room(&mut self, now: Instant) {
        let mut loaded: usize = self.rooms.values().map(|room| room.history.loaded()).sum();
        if loaded <= LOADED_MAX {
            return;
        }
        let before = Instant::ORIGIN + now.since_origin().saturating_sub(IN_USE);
        let idle = |(&id, room): (&RoomKeyId, &Room)| {
            room.history.unused_since(before).map(move |(used, day)| (used, id, day)).collect::<Vec<_>>()
        };
        let mut idle: Vec<_> = self.rooms.iter().flat_map(idle).collect();
        idle.sort_unstable();
        for (_, id, day) in idle {
            if loaded <= LOADED_AFTER {
                break;
            }
            let Some(room) = self.rooms.get_mut(&id) else { continue };
            loaded = loaded.saturating_sub(room.history.unload(day));
        }
    }
}
