//! Repair, second half: which entries of a day differ. Range-based set reconciliation (negentropy, protocol version
//! 1) over marks, in messages of at most 16 KiB, of at most 16,384 entries at a time.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};

use bytes::Bytes;
use negentropy::{Id, Negentropy, NegentropyStorageBase, NegentropyStorageVector};

use super::{
    LinkId, Room, Rooms, Timer, Turn,
    days::Job,
    fetch::NEEDS_FEW,
    history::day_of,
    pulse::SCANS,
    repair::{ANSWER_TIMEOUT, Phase, whole},
};
use crate::{
    event::Stamp,
    frames::{Cause, Frame, LIST_MAX, Mark, RECONCILE_MAX},
    store::RoomKeyId,
};

/// Entries that are reconciled at a time, on either side.
pub(super) const RANGE_MAX: usize = 16_384;
/// Rounds in a row that bring nothing new, and rounds altogether.
const IDLE_ROUNDS_MAX: u16 = 32;
const ROUNDS_MAX: u16 = 1024;

/// What we reconcile at the moment.
#[derive(Debug)]
pub(super) struct Range {
    from: Stamp,
    to: Stamp,
    set: NegentropyStorageVector,
    /// The round of our latest question.
    round: u16,
    idle: u16,
    needs: BTreeSet<Mark>,
    haves: BTreeSet<Mark>,
}

impl Rooms {
    /// Goes on when nothing else has to be fetched first.
    pub(super) fn go_on(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let run = self.links.get(&id).and_then(|link| link.run.as_ref());
        if run.is_some_and(super::repair::Run::is_between_ranges) {
            self.next_range(turn, id);
        }
    }

    /// Begins with the next range of the days that differ.
    pub(super) fn next_range(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(run) = &mut link.run else { return };
        let Phase::Days { days, part, range: range @ None } = &mut run.phase else { return };
        self.timers.set(Timer::Run(id), turn.now + ANSWER_TIMEOUT);
        if link.needs.len() >= NEEDS_FEW {
            // We are called again when they are fewer.
            return;
        }
        let Some((from, end)) = part.take().or_else(|| days.pop_front().map(whole)) else {
            return self.next_page(turn, id);
        };
        let (room_id, day) = (run.room, day_of(from));
        let Some(room) = self.rooms.get(&room_id) else { return };
        if !room.history.is_loaded(day) {
            *part = Some((from, end));
            return self.load_for(turn, id, room_id, day, Job::Run(id));
        }
        let to = room.cut(from, end).unwrap_or(end);
        *part = (to < end).then_some((to, end));
        let Some((next, question)) = Range::begin(room, from, to) else { return self.finish(turn, id) };
        *range = Some(next);
        let link = &*link;
        turn.send(id, link, room_id, |room| Frame::Reconcile { room, from, to, round: 0, message: question });
    }

    /// The peer of `id` leads a reconciliation.
    pub(super) fn on_reconcile_asked(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        (from, to): (Stamp, Stamp),
        round: u16,
        message: Bytes,
    ) {
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        let day = day_of(from);
        let within = from < to && to <= whole(day).1 && day >= room.floor && round < u16::MAX;
        if !within {
            turn.stats.malformed += 1;
            return;
        }
        if !room.history.is_loaded(day) {
            let frame = Frame::Reconcile { room: 0, from, to, round, message };
            return self.load_for(turn, id, room_id, day, Job::Frame(id, frame));
        }
        // All of the day, until it shows how much of it is meant.
        let steps = room.history.count(day) as u64 + 1;
        if !link.scans.take(turn.now, SCANS, steps) {
            turn.stats.scans_refused += 1;
            return;
        }
        let cut = room.cut(from, to);
        let answer = match cut {
            // Too many here: the other side shall ask about fewer.
            Some(_) => {
                link.scans.put_back(SCANS, steps.saturating_sub(RANGE_MAX as u64 + 1));
                Some(Vec::new())
            }
            None => room.set(from, to).and_then(|set| {
                link.scans.put_back(SCANS, steps.saturating_sub(size(&set) + 1));
                Negentropy::borrowed(&set, RECONCILE_MAX as u64).ok()?.reconcile(&message).ok()
            }),
        };
        let Some(answer) = answer.filter(|answer| answer.len() <= RECONCILE_MAX) else {
            turn.stats.malformed += 1;
            return;
        };
        let (to, round, message) = (cut.unwrap_or(to), round + 1, answer.into());
        let link = &*link;
        turn.send(id, link, room_id, |room| Frame::Reconcile { room, from, to, round, message });
    }

    /// The other side has answered in our reconciliation.
    pub(super) fn on_reconcile_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        (from, to): (Stamp, Stamp),
        round: u16,
        message: &[u8],
    ) {
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        let Some(run) = link.run.as_mut().filter(|run| run.room == room_id) else { return };
        let Phase::Days { part, range: current, .. } = &mut run.phase else { return };
        let Some(range) = current.as_mut().filter(|range| range.from == from && range.round + 1 == round)
        else {
            return;
        };
        self.timers.set(Timer::Run(id), turn.now + ANSWER_TIMEOUT);
        if message.is_empty() && from < to && to < range.to {
            // What was counted out for the whole range is done once more for a part of it.
            if !link.scans.take(turn.now, SCANS, size(&range.set) + 1) {
                turn.stats.scans_refused += 1;
                return self.finish(turn, id);
            }
            let end = part.map_or(range.to, |(_, end)| end);
            *part = Some((to, end));
            let Some((next, question)) = Range::begin(room, from, to) else { return self.finish(turn, id) };
            *current = Some(next);
            let link = &*link;
            return turn.send(id, link, room_id, |room| Frame::Reconcile {
                room,
                from,
                to,
                round: 0,
                message: question,
            });
        }
        match range.answered(room, message) {
            Some(Some(question)) => {
                let (to, round) = (range.to, range.round);
                let link = &*link;
                turn.send(id, link, room_id, |room| Frame::Reconcile {
                    room,
                    from,
                    to,
                    round,
                    message: question,
                });
            }
            Some(None) => {
                let (haves, needs) = (core::mem::take(&mut range.haves), core::mem::take(&mut range.needs));
                *current = None;
                self.on_reconciled(turn, id, room_id, haves, needs);
            }
            None => {
                turn.stats.malformed += 1;
                self.finish(turn, id);
            }
        }
    }

    /// One range is reconciled: tell what they lack, ask for what we lack, and go on.
    fn on_reconciled(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        room_id: RoomKeyId,
        haves: BTreeSet<Mark>,
        needs: BTreeSet<Mark>,
    ) {
        let Some(link) = self.links.get(&id) else { return };
        let mut haves: VecDeque<Mark> = haves.into_iter().collect();
        while !haves.is_empty() {
            let marks = haves.drain(..haves.len().min(LIST_MAX)).collect();
            turn.send(id, link, room_id, |room| Frame::Have { room, marks, cause: Cause::Repair });
        }
        let needs: Vec<_> = needs.into_iter().collect();
        self.need(turn, id, room_id, &needs, Cause::Repair);
        self.ask(turn, id);
        self.go_on(turn, id);
    }
}

impl Range {
    /// The range with its first question.
    fn begin(room: &Room, from: Stamp, to: Stamp) -> Option<(Self, Bytes)> {
        let (needs, haves) = (BTreeSet::new(), BTreeSet::new());
        let range = Self { from, to, set: room.set(from, to)?, round: 0, idle: 0, needs, haves };
        let question = Negentropy::borrowed(&range.set, RECONCILE_MAX as u64).ok()?.initiate().ok()?;
        Some((range, question.into()))
    }

    /// Takes an answer in: the next question, `Some(None)` when nothing is open any more, and `None` when the
    /// answer makes no sense or leads nowhere.
    fn answered(&mut self, room: &Room, message: &[u8]) -> Option<Option<Bytes>> {
        let mut machine = Negentropy::borrowed(&self.set, RECONCILE_MAX as u64).ok()?;
        machine.set_initiator();
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let question = machine.reconcile_with_ids(message, &mut have, &mut need).ok()?;
        let before = self.haves.len() + self.needs.len();
        let within = |mark: &Mark| (self.from..self.to).contains(&mark.stamp());
        self.haves.extend(have.iter().map(|id| Mark(id.to_bytes())));
        let needs = need.iter().map(|id| Mark(id.to_bytes())).filter(within);
        let needs: Vec<_> = needs.filter(|mark| room.history.find(mark).is_none()).collect();
        self.needs.extend(needs);
        let new = self.haves.len() + self.needs.len() > before;
        self.idle = if new { 0 } else { self.idle + 1 };
        let Some(question) = question else { return Some(None) };
        self.round += 2;
        let goes_on = self.idle < IDLE_ROUNDS_MAX
            && self.round / 2 < ROUNDS_MAX
            && self.needs.len() <= RANGE_MAX
            && question.len() <= RECONCILE_MAX;
        // What has been found until now is worth having, whatever the other side is up to.
        if goes_on { Some(Some(question.into())) } else { Some(None) }
    }
}

impl Room {
    /// Where the stamps from `from` up to, not including, `to` must be cut so that not too many entries lie before;
    /// `None` when they need not be. More entries than that with a single stamp cannot be cut.
    fn cut(&self, from: Stamp, to: Stamp) -> Option<Stamp> {
        let (stamp, _) = self.history.ids(from, to).nth(RANGE_MAX)?;
        Some(Stamp(stamp.0.max(from.0.saturating_add(1)))).filter(|&cut| cut < to)
    }

    /// The marks of a range.
    fn set(&self, from: Stamp, to: Stamp) -> Option<NegentropyStorageVector> {
        let mut set = NegentropyStorageVector::new();
        for (stamp, id) in self.history.ids(from, to) {
            set.insert(stamp.0, Id::from_byte_array(Mark::new(stamp, &id).0)).ok()?;
        }
        set.seal().ok()?;
        Some(set)
    }
}

fn size(set: &NegentropyStorageVector) -> u64 {
    NegentropyStorageBase::size(set).unwrap_or(0) as u64
}
