//! News: what comes in live is announced to those neighbours who may lack it, and what they announce and does not
//! arrive by itself is asked for (Plumtree's lazy edges, and its graft).
//!
//! Only the author pushes. Everybody else announces, in batches, what the store has: a mark of 32 bytes for each
//! entry of up to 64 messages, and nothing where all others are known to have it.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{ops::RangeInclusive, time::Duration};

use super::{LinkId, Rooms, Timer, Turn, entry::Entry, history::day_of};
use crate::{
    event::{EntryId, Stamp},
    frames::{Cause, Frame, LIST_MAX, Mark},
    identity::PeerKey,
    store::RoomKeyId,
    time::Instant,
};

/// Announcements wait so long for company. It differs from time to time, so that of two who have the same news
/// mostly only one tells the other.
const GATHER: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_millis(50);
/// What has been announced and is absent after this time is asked for.
const GRAFT_AFTER: Duration = Duration::from_millis(80);
/// For so long in all we wait while somebody is still pushing what is older.
const GRAFT_BY: Duration = Duration::from_secs(2);
/// Entries that wait to be announced; more are left to repair.
const FRESH_MAX: usize = 4096;
/// Entries announced by one peer that may arrive by themselves; more are left to repair.
const AWAITED_MAX: usize = 2048;

/// What has come in live and is to be announced.
#[derive(Debug, Default)]
pub(super) struct News {
    fresh: BTreeMap<EntryId, Fresh>,
}

#[derive(Debug)]
struct Fresh {
    room: RoomKeyId,
    stamp: Stamp,
    author: PeerKey,
    /// The links over which it came, or was announced.
    known: BTreeSet<LinkId>,
    durable: bool,
}

/// An entry that a peer has announced when it was new.
#[derive(Debug)]
pub(crate) struct Awaited {
    room: RoomKeyId,
    mark: Mark,
    since: Instant,
    /// When we look whether it has arrived.
    due: Instant,
}

impl News {
    /// The peer of `link` needs not be told of the entry.
    pub(super) fn is_known_to(&mut self, id: &EntryId, link: LinkId) {
        if let Some(fresh) = self.fresh.get_mut(id) {
            fresh.known.insert(link);
        }
    }

    /// What was on its way to the peer of `link` was not sent: it is to be announced.
    pub(super) fn is_unknown_to(&mut self, id: &EntryId, link: LinkId) {
        if let Some(fresh) = self.fresh.get_mut(id) {
            fresh.known.remove(&link);
        }
    }

    /// The store did not take it: it is no news.
    pub(super) fn drop(&mut self, id: &EntryId) {
        self.fresh.remove(id);
    }
}

impl Rooms {
    /// An entry came in live over `from`: others are told of it once it is stored.
    pub(super) fn pass_on(&mut self, turn: &mut Turn<'_>, from: LinkId, room: RoomKeyId, entry: &Entry) {
        let (stamp, author) = (entry.stamp, entry.author);
        let fresh = Fresh { room, stamp, author, known: [from].into(), durable: false };
        if !self.links.iter().any(|(id, link)| fresh.concerns(*id, link)) {
            return;
        }
        if self.news.fresh.len() >= FRESH_MAX {
            turn.stats.unannounced += 1;
            return;
        }
        self.news.fresh.insert(entry.id, fresh);
    }

    /// The store has the entry: if it is news, it can be announced.
    pub(super) fn plan_news(&mut self, now: Instant, id: &EntryId) {
        let Some(fresh) = self.news.fresh.get_mut(id) else { return };
        fresh.durable = true;
        if self.timers.get(Timer::News).is_none() {
            self.timers.set(Timer::News, now + self.rng.duration(GATHER));
        }
    }

    /// Announces what has come in and is stored to all who may lack it.
    pub(super) fn tell_news(&mut self, turn: &mut Turn<'_>) {
        let mut told: BTreeMap<(LinkId, RoomKeyId), Vec<Mark>> = BTreeMap::new();
        self.news.fresh.retain(|id, fresh| {
            if fresh.durable {
                let lacking = self.links.iter().filter(|(link, it)| fresh.concerns(**link, it));
                for (&link, _) in lacking {
                    told.entry((link, fresh.room)).or_default().push(Mark::new(fresh.stamp, id));
                }
            }
            !fresh.durable
        });
        for ((id, room), mut marks) in told {
            let Some(link) = self.links.get(&id) else { continue };
            if (turn.backlog)(id) > self.backlog_max {
                turn.stats.unannounced += marks.len() as u64;
                continue;
            }
            marks.sort_unstable();
            for marks in marks.chunks(LIST_MAX) {
                let marks = marks.to_vec();
                turn.send(id, link, room, |room| Frame::Have { room, marks, cause: Cause::News });
            }
        }
    }

    /// The peer of `id` has just got these entries, and we may get them too without asking.
    pub(super) fn on_news(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId, marks: &[Mark]) {
        let window = self.window(turn, room_id);
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        for &mark in marks.iter().filter(|mark| window.contains(&mark.stamp())) {
            if !room.history.is_loaded(day_of(mark.stamp())) {
                // We are called again when it is.
                continue;
            }
            if let Some(entry) = room.history.find(&mark) {
                self.news.is_known_to(&entry, id);
            } else if link.awaited.len() < AWAITED_MAX {
                let due = turn.now + GRAFT_AFTER;
                link.awaited.push_back(Awaited { room: room_id, mark, since: turn.now, due });
                self.timers.set_by(Timer::Graft(id), due);
            } else {
                turn.stats.needs_full += 1;
            }
        }
    }

    /// Asks for what the peer of `id` has announced some time ago and has not arrived by itself.
    pub(super) fn on_not_arrived(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let mut absent: BTreeMap<RoomKeyId, Vec<Mark>> = BTreeMap::new();
        while let Some(link) = self.links.get_mut(&id)
            && link.awaited.front().is_some_and(|awaited| awaited.due <= turn.now)
            && let Some(awaited) = link.awaited.pop_front()
        {
            let Awaited { room, mark, since, .. } = awaited;
            if self.is_here(room, &mark) {
                continue;
            }
            if turn.now - since < GRAFT_BY && self.is_coming(turn.now, id, room, &mark) {
                let due = turn.now + GRAFT_AFTER;
                let Some(link) = self.links.get_mut(&id) else { return };
                link.awaited.push_back(Awaited { due, ..awaited });
            } else {
                absent.entry(room).or_default().push(mark);
            }
        }
        if let Some(next) = self.links.get(&id).and_then(|link| link.awaited.front()) {
            self.timers.set(Timer::Graft(id), next.due);
        }
        for (room, marks) in absent {
            self.need(turn, id, room, &marks, Cause::News);
        }
        self.ask(turn, id);
    }

    /// Whether somebody else is pushing what was written before: in a flood one neighbour may be far ahead of the
    /// others, and to ask for what is on its way would only make them slower.
    fn is_coming(&self, now: Instant, announcer: LinkId, room: RoomKeyId, mark: &Mark) -> bool {
        let others = self.links.iter().filter(|(id, _)| **id != announcer);
        let mut pushed = others.filter_map(|(_, link)| link.shared.get(&room)?.pushed);
        pushed.any(|(at, stamp)| now - at < GRAFT_AFTER && stamp < mark.stamp())
    }
}

impl Fresh {
    /// Whether the peer of `id` may lack it and wants it.
    fn concerns(&self, id: LinkId, link: &super::Link) -> bool {
        link.shared.contains_key(&self.room) && !self.known.contains(&id) && link.peer() != self.author
    }
}
