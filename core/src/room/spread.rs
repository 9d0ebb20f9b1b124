//! Spreading: own entries go to every neighbour in the room at once; what neighbours push is verified once, shown,
//! stored, and announced to the others.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::{
    LinkId, Rooms, Side, Timer, Turn, days::Job, entry::Entry, history::day_of, receipts::Arrived,
    say::Shown, strays::Stray,
};
use crate::{
    event::{Place, Stamp},
    frames::{Cause, Frame, LIST_MAX, Mark},
    identity::BootId,
    store::RoomKeyId,
    time::Instant,
};

/// What was said so recently is news to others although it came by repair: said before anybody was there to hear
/// it, as by somebody who comes for one message only, who will have left before a heartbeat shows a difference.
const NEWS_AGE: Duration = Duration::from_secs(60);
/// For a person nothing is late that came so soon, and was said while we were here.
const LATE: Duration = Duration::from_secs(10);
/// A neighbour that pushes need not any more when others were faster so many times in a row. Where the ways of one
/// entry meet depends on who has written it, and the next one may need this way.
const SUPERFLUOUS: u32 = 3;
/// A neighbour that goes on pushing is told so often that it need not.
const PRUNE_AGAIN: Duration = Duration::from_secs(1);
/// Entries that are announced to a neighbour that fell behind; beyond it repair finds them.
const BEHIND_MAX: usize = 32_768;
/// So often we look whether a neighbour has caught up, and after looking so many times we believe that it has.
const BEHIND_CHECK: Duration = Duration::from_millis(50);
const BEHIND_CHECKS: u32 = 20;

/// A neighbour to whom one room's entries are only announced, because it is too far behind. It asks for them in
/// order and at its own pace; when it has asked for the last one announced, or for nothing at all during a while,
/// pushing begins again.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    marks: VecDeque<Mark>,
    last: Option<Mark>,
    /// How often we have looked since the last one was announced.
    looked: u32,
}

impl Behind {
    /// Whether nothing is left to be announced or asked for, now that `marks` have been asked for.
    pub(super) fn has_caught_up(&mut self, marks: &[Mark]) -> bool {
        if self.last.is_some_and(|last| marks.contains(&last)) {
            self.last = None;
        }
        self.marks.is_empty() && self.last.is_none()
    }
}

impl Rooms {
    /// Gives an entry of ours to all neighbours in its room, encoded once.
    pub(super) fn push_own(&mut self, turn: &mut Turn<'_>, room: RoomKeyId, entry: &Entry) {
        for (&id, link) in self.links.iter_mut().filter(|(_, link)| link.shared.contains_key(&room)) {
            if link.behind.contains_key(&room) || (turn.backlog)(id) > self.backlog_max {
                turn.stats.backlogged += 1;
                let behind = link.behind.entry(room).or_default();
                if behind.marks.len() < BEHIND_MAX {
                    behind.marks.push_back(Mark::new(entry.stamp, &entry.id));
                }
                self.timers.set_by(Timer::Behind(id), turn.now + BEHIND_CHECK);
            } else {
                let entries = Vec::from([entry.bytes.clone()]);
                turn.send(id, link, room, |room| Frame::Push { room, entries, repair: false });
            }
        }
    }

    /// Announces to a neighbour that was behind what it has missed, once it has room.
    pub(super) fn announce(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let mut announced = Vec::new();
        if (turn.backlog)(id) <= self.backlog_max / 2 {
            for (&room, behind) in &mut link.behind {
                let count = behind.marks.len().min(LIST_MAX);
                let marks: Vec<_> = behind.marks.drain(..count).collect();
                behind.last = marks.last().copied().or(behind.last);
                behind.looked = if count > 0 { 0 } else { behind.looked + 1 };
                announced.push((room, marks));
            }
        }
        for (room, marks) in announced.into_iter().filter(|(_, marks)| !marks.is_empty()) {
            turn.send(id, link, room, |room| Frame::Have { room, marks, cause: Cause::Repair });
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        link.behind.retain(|_, behind| behind.looked < BEHIND_CHECKS);
        if !link.behind.is_empty() {
            self.timers.set(Timer::Behind(id), turn.now + BEHIND_CHECK);
        }
    }

    pub(super) fn on_push(
        &mut self,
        turn: &mut Turn<'_>,
        link: LinkId,
        room: RoomKeyId,
        entries: Vec<Bytes>,
        repair: bool,
    ) {
        entries.into_iter().for_each(|bytes| self.on_entry(turn, link, room, bytes, repair, false));
        self.ask(turn, link);
    }

    /// An entry came from the peer of `id`. `admitted` when its author's rate has been looked at before.
    pub(super) fn on_entry(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        bytes: Bytes,
        repair: bool,
        admitted: bool,
    ) {
        let Some(entry) = Entry::read(self.suite, bytes).filter(|entry| entry.room == room_id) else {
            turn.stats.malformed += 1;
            return;
        };
        let name = (room_id, Mark::new(entry.stamp, &entry.id));
        let (day, window) = (day_of(entry.stamp), self.window(turn, room_id));
        if self.keeps.is_forgotten(room_id, day) {
            turn.stats.outdated += 1;
            self.settle(turn, id, &name);
            return;
        }
        let (Some(room), Some(link)) = (self.rooms.get_mut(&room_id), self.links.get_mut(&id)) else {
            return;
        };
        let is_here = room.history.has(entry.stamp, entry.id);
        if let (false, Some(shared)) = (repair, link.shared.get_mut(&room_id)) {
            shared.pushed = Some((turn.now, entry.stamp));
            if !is_here {
                shared.superfluous = 0;
            }
        }
        if is_here {
            turn.stats.duplicates += 1;
            let stored = link.peer() == entry.author && !self.undurable.has(&entry.id);
            if !repair && link.peer() != entry.author {
                self.prune(turn, id, room_id);
            }
            self.settle(turn, id, &name);
            self.news.is_known_to(&entry.id, id);
            if stored {
                self.acknowledge(turn, id, room_id, &[entry.id]);
            }
            return;
        }
        let wanted = self.wanted.get(&name).is_some_and(|want| want.is_from(id));
        if !wanted
            && !admitted
            && !link.rates.admit(turn.now, entry.author, entry.bytes.len(), self.author_rate)
        {
            turn.stats.over_rate += 1;
            return;
        }
        if !room.history.is_loaded(day) {
            self.load(turn, room_id, day, Job::Entry(id, entry.bytes, repair));
            return;
        }
        if !room.history.has_room_for(&entry.author, day) {
            turn.stats.day_full += 1;
            self.settle(turn, id, &name);
            return;
        }
        let is_party = match room.place {
            Place::Room(_) => true,
            Place::Direct(other) => [other, self.own.0].contains(&entry.author),
        };
        let body = match entry.open(self.suite, &room.key) {
            Ok(body) if is_party => body,
            _ => {
                turn.stats.forged += 1;
                if wanted {
                    // The mark does not cover the signature: others may have the entry as it was written.
                    self.ask_others(turn, [name].into());
                }
                return;
            }
        };
        let cause = self.settle(turn, id, &name);
        let age = self.age(turn.now, entry.stamp);
        let placed = self.placed(turn.now, entry.stamp);
        let Some(room) = self.rooms.get_mut(&room_id) else { return };
        if !window.contains(&entry.stamp) {
            turn.stats.strays += 1;
            let stray = Stray { author: entry.author, stamp: entry.stamp, placed };
            if !room.strays.admit(entry.id, stray) {
                turn.stats.strays_refused += 1;
                return;
            }
        }
        // What was announced when it was new, and asked for because it did not arrive by itself, is hardly later
        // than a push.
        let grafted = repair && cause == Some(Cause::News);
        let repaired = repair && !grafted;
        turn.stats.grafted += u64::from(grafted);
        turn.stats.repaired += u64::from(repaired);
        let shared = self.links.get_mut(&id).and_then(|link| link.shared.get_mut(&room_id));
        if let Some(tried) = shared.and_then(|shared| shared.tried.as_mut()) {
            tried.is_fruitful |= repaired;
        }
        room.history.insert(turn.now, entry.stamp, entry.id);
        room.history.count_author(entry.author, day);
        room.arrival = Some(turn.now);
        let (stamp, author) = (entry.stamp, entry.author);
        self.undurable.add(entry.id, Arrived { room: room_id, stamp, author });
        if window.contains(&stamp) && (!repaired || age < NEWS_AGE) {
            self.pass_on(turn, id, room_id, &entry);
            if let (false, Some(body)) = (repair, &body) {
                self.forward(turn, id, room_id, &entry, body.boot);
            }
        }
        if let (Some(body), Some(place)) = (&body, self.rooms.get(&room_id).map(|room| room.place.clone())) {
            self.take_successors(turn, &place, room_id, &entry, body);
        }
        let again = self.undurable.was_shown(&entry.id);
        let here = self.restored.map_or(Duration::ZERO, |restored| turn.now - restored);
        let late = repaired && age >= LATE.min(here);
        self.show(turn, room_id, &entry, body, Shown { placed, own: false, late, again });
    }

    /// Gives an entry that has just come over `from` to those neighbours whom its author does not reach, and who have
    /// not told us that others are faster.
    fn forward(&mut self, turn: &mut Turn<'_>, from: LinkId, room: RoomKeyId, entry: &Entry, boot: BootId) {
        let reached = (turn.met)(&Side(entry.author, boot));
        for (&id, link) in self.links.iter().filter(|(id, _)| **id != from) {
            let is_eager = link.shared.get(&room).is_some_and(|shared| shared.eager);
            let is_reached = link.peer() == entry.author || reached.contains(&id);
            if is_eager && !is_reached && (turn.backlog)(id) <= self.backlog_max {
                turn.stats.forwarded += 1;
                let entries = Vec::from([entry.bytes.clone()]);
                turn.send(id, link, room, |room| Frame::Push { room, entries, repair: false });
                self.news.is_known_to(&entry.id, id);
            }
        }
    }

    /// The peer of `id` pushed what was here already. When it does so again and again it is to announce only from now on,
    /// until we ask it for something that did not arrive by itself.
    fn prune(&mut self, turn: &mut Turn<'_>, id: LinkId, room: RoomKeyId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(shared) = link.shared.get_mut(&room) else { return };
        shared.superfluous += 1;
        let is_told = shared.pruned.is_some_and(|at| turn.now - at < PRUNE_AGAIN);
        if shared.superfluous < SUPERFLUOUS || is_told {
            return;
        }
        (shared.superfluous, shared.pruned) = (0, Some(turn.now));
        if let Some(link) = self.links.get(&id) {
            turn.send(id, link, room, |room| Frame::Prune { room });
        }
    }

    /// The peer of `id` gets what is new from others, or (`eager`) has missed something.
    pub(super) fn on_pruned(&mut self, id: LinkId, room: RoomKeyId, eager: bool) {
        let shared = self.links.get_mut(&id).and_then(|link| link.shared.get_mut(&room));
        shared.into_iter().for_each(|shared| shared.eager = eager);
    }

    /// How long ago it was `stamp`.
    pub(super) fn age(&self, now: Instant, stamp: Stamp) -> Duration {
        Duration::from_micros(self.clock.stamp(now).0.saturating_sub(stamp.0))
    }
}
