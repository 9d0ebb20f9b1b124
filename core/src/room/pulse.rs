//! Heartbeats: each carries the fingerprints of the rooms that both ends share, so that a difference shows soon and
//! costs next to nothing while there is none.

use alloc::{collections::BTreeSet, vec::Vec};
use core::{ops::Bound, time::Duration};

use super::{LinkId, Rooms, Turn, bucket::Rate, days::Job, history::digest_of, link::Tried};
use crate::{
    event::Stamp,
    frames::{Digest, Frame, PULSES_MAX, Pulse},
    store::{IdSum, RoomKeyId},
    time::{Instant, UnixMillis},
};

/// While entries keep coming, the newest stretch of a room is left out of its fingerprint.
const UNSETTLED: Duration = Duration::from_secs(3);
/// A difference that shows in so many heartbeats in a row is no coincidence.
const DIFFERS: u32 = 2;
/// Between two looks whether too much of the history is in memory.
const MEASURE: Duration = Duration::from_secs(1);
/// When a repair has not removed a difference, or nothing came of it, the next one waits, twice as long each time.
const PAUSE_MIN: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(10 * 60);
/// Days and entries that may be looked through for one peer.
pub(super) const SCANS: Rate = Rate { per_second: 4_000_000, burst: 8_000_000 };

impl Rooms {
    /// What to tell the peer of `id` now.
    pub(crate) fn heartbeat(&mut self, now: Instant, id: LinkId) -> Frame {
        if now - self.measured >= MEASURE {
            self.measured = now;
            self.make_room(now);
        }
        let clock = self.clock.wall(now);
        let Some(link) = self.links.get(&id) else {
            return Frame::Heartbeat { counter: 0, clock, members: 0, rooms: Vec::new() };
        };
        // Not all rooms may fit: those behind the last one of the previous heartbeat come first.
        let after = link.rotation.map_or(Bound::Unbounded, Bound::Excluded);
        let before = link.rotation.map_or(Bound::Excluded(RoomKeyId([0; 16])), Bound::Included);
        let shared =
            link.shared.range((after, Bound::Unbounded)).chain(link.shared.range((Bound::Unbounded, before)));
        let states = shared.filter_map(|(&room, _)| self.state(now, id, room).map(|state| (room, state)));
        let (ids, states): (Vec<_>, Vec<_>) = states.take(PULSES_MAX).unzip();
        let counter = link.beats + 1;
        if let Some(link) = self.links.get_mut(&id) {
            link.beats = counter;
            link.rotation = ids.last().copied();
        }
        let rooms = states
            .into_iter()
            .map(|(room, up_to, sum)| Pulse { room, up_to, digest: self.digest_of(&sum) })
            .collect();
        Frame::Heartbeat { counter, clock, members: 0, rooms }
    }

    /// The peer's index for a room, and what we both may have of it up to which stamp.
    fn state(&self, now: Instant, id: LinkId, room_id: RoomKeyId) -> Option<(u16, Stamp, IdSum)> {
        let (link, room) = (self.links.get(&id)?, self.rooms.get(&room_id)?);
        let from = room.floor.max(link.floor(room_id)?);
        let newest = room.history.newest(self.clock.stamp(now)).map_or(0, |newest| newest.0);
        let coming = room.arrival.is_some_and(|arrival| now - arrival < UNSETTLED);
        let unsettled = u64::try_from(UNSETTLED.as_micros()).unwrap_or(0);
        let up_to = Stamp(if coming { newest.saturating_sub(unsettled) } else { newest + 1 });
        let (sum, _) = room.history.sum(from, up_to).ok()?;
        Some((link.index(room_id)?, up_to, sum))
    }

    /// The digest of this sum: mostly the same one for all neighbours until somebody says something.
    fn digest_of(&mut self, sum: &IdSum) -> Digest {
        match self.digested {
            Some((known, digest)) if known == *sum => digest,
            _ => {
                let digest = digest_of(self.suite, sum);
                self.digested = Some((*sum, digest));
                digest
            }
        }
    }

    pub(super) fn on_heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        id: LinkId,
        counter: u64,
        clock: UnixMillis,
        pulses: &[Pulse],
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        // A datagram may come late; only the latest word counts.
        if link.heard.is_some_and(|heard| heard >= counter) {
            return;
        }
        link.heard = Some(counter);
        self.on_neighbour_clock(turn, id, clock);
        let mut seen = BTreeSet::new();
        for pulse in pulses {
            if let Some(room) = self.links.get(&id).and_then(|link| link.room_at(pulse.room))
                && seen.insert(room)
            {
                self.on_pulse(turn, id, room, pulse);
            }
        }
    }

    fn on_pulse(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId, pulse: &Pulse) {
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        let Some(floor) = link.floor(room_id) else { return };
        let steps = room.history.steps(pulse.up_to);
        if !link.scans.take(turn.now, SCANS, steps as u64) {
            turn.stats.scans_refused += 1;
            return;
        }
        let sum = match room.history.sum(room.floor.max(floor), pulse.up_to) {
            Ok((sum, taken)) => {
                link.scans.put_back(SCANS, steps.saturating_sub(taken) as u64);
                sum
            }
            // The next heartbeat can be compared.
            Err(day) => return self.load(turn, room_id, day, Job::Nothing(Some(id))),
        };
        let pair = (self.digest_of(&sum), pulse.digest);
        let Some(link) = self.links.get_mut(&id) else { return };
        let busy = link.is_busy_with(room_id);
        let Some(shared) = link.shared.get_mut(&room_id) else { return };
        if pair.0 == pair.1 {
            shared.differed = 0;
            shared.tried.take_if(|tried| tried.is_over(turn.now));
            return;
        }
        shared.differed += 1;
        let was_fruitless = shared.tried.as_ref().is_some_and(|tried| !tried.is_fruitful);
        if shared.differed >= DIFFERS && !busy && shared.may_try(turn.now, pair) {
            turn.stats.fruitless += u64::from(was_fruitless);
            shared.differed = 0;
            self.begin(turn, id, room_id);
        }
    }
}

impl super::link::Shared {
    /// Whether to repair this difference now. What no repair has removed is tried less and less often: the other
    /// may have refused what we have for good. So is a neighbour of whose repairs nothing comes, whatever differs: it may
    /// make its fingerprints up.
    fn may_try(&mut self, now: Instant, pair: (Digest, Digest)) -> bool {
        let pause = match &self.tried {
            Some(tried) if now < tried.again_at => return false,
            Some(tried) if tried.pair == pair || !tried.is_fruitful => (tried.pause * 2).min(PAUSE_MAX),
            _ => PAUSE_MIN,
        };
        self.tried = Some(Tried { pair, again_at: now + pause, pause, is_fruitful: false });
        true
    }
}

impl Tried {
    /// Whether it says nothing more about the neighbour, now that nothing differs: not only for as long as it takes to
    /// lie again.
    fn is_over(&self, now: Instant) -> bool {
        self.is_fruitful || now >= self.again_at + self.pause
    }
}

impl super::link::Link {
    /// Whether something is under way that may bring what is missing in `room`.
    fn is_busy_with(&self, room: RoomKeyId) -> bool {
        let running = self.run.as_ref().is_some_and(|run| run.room == room);
        running || self.queue.contains(&room) || self.needs.keys().any(|(other, _)| *other == room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::link::Shared;

    #[test]
    fn a_difference_that_stays_is_tried_less_and_less_often() {
        let mut shared = Shared::new(0);
        let pair = ([1; 16], [2; 16]);
        // One attempt a second, for two hours.
        let at = |second: u64| Instant::ORIGIN + Duration::from_secs(second);
        let tried: Vec<_> = (0..7200).filter(|&second| shared.may_try(at(second), pair)).collect();
        assert_eq!(&tried[..5], [0, 5, 15, 35, 75]);
        let longest = tried.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert_eq!(longest, Some(600));
        let other = ([1; 16], [3; 16]);
        let again = (7200..).find(|&second| shared.may_try(at(second), other));
        assert!(again.is_some_and(|second| second > 7200), "another difference waits as long");
        shared.tried.as_mut().unwrap().is_fruitful = true;
        let next = (8400..).find(|&second| shared.may_try(at(second), pair)).unwrap();
        let after = (next..).find(|&second| shared.may_try(at(second), other)).unwrap();
        assert_eq!(after - next, 5, "unless something came of the last repair");
    }
}
