//! The clock that stamps entries: one's own wall clock, corrected by those of one's neighbours.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{LinkId, Rooms, Turn, entry::STAMP_MAX, link::Link};
use crate::{
    event::Stamp,
    identity::PeerKey,
    time::{Instant, UnixMillis},
};

/// The median of one's own wall clock and the neighbours', of an even number the later of the two in the middle.
/// So a machine that thinks it is 1970 is carried along, and one that thinks it is 2099 carries nobody away as soon
/// as two others disagree.
#[derive(Debug, Default)]
pub(crate) struct StampClock {
    own: Offset,
    /// The latest word of each: somebody who speaks from four places has one vote, like everybody.
    neighbours: BTreeMap<PeerKey, Offset>,
    median: Offset,
    told: bool,
}

/// What a wall clock is ahead of the host's [`Instant`], in µs.
type Offset = i64;

impl StampClock {
    /// One's own wall clock says `wall`. Before the first such word it is 1970 at the host's origin.
    pub(crate) fn on_wall_clock(&mut self, now: Instant, wall: UnixMillis) {
        self.own = offset(now, wall);
        self.told = true;
        self.settle();
    }

    /// `peer` says that it is `wall`.
    pub(crate) fn on_neighbour(&mut self, now: Instant, peer: PeerKey, wall: UnixMillis) {
        self.neighbours.insert(peer, offset(now, wall));
        self.told = true;
        self.settle();
    }

    /// Nobody but `voters` has a say any more.
    pub(crate) fn retain(&mut self, voters: &BTreeSet<PeerKey>) {
        self.neighbours.retain(|peer, _| voters.contains(peer));
        self.settle();
    }

    /// Whether anybody has told the time yet.
    pub(crate) const fn is_told(&self) -> bool {
        self.told
    }

    /// One's own wall clock.
    pub(crate) fn wall(&self, now: Instant) -> UnixMillis {
        UnixMillis(at(now, self.own).0 / 1000)
    }

    /// The time that all can agree on.
    pub(crate) fn stamp(&self, now: Instant) -> Stamp {
        at(now, self.median)
    }

    fn settle(&mut self) {
        let mut offsets: Vec<_> = self.neighbours.values().copied().chain([self.own]).collect();
        offsets.sort_unstable();
        self.median = offsets.get(offsets.len() / 2).copied().unwrap_or(self.own);
    }
}

impl Rooms {
    /// The wall clock says `wall`; until it says something else it goes on with `now`.
    pub(crate) fn on_wall_clock(&mut self, turn: &mut Turn<'_>, wall: UnixMillis) {
        self.clock.on_wall_clock(turn.now, wall);
        self.lower_floors(turn);
    }

    /// The peer of `id` says that it is `wall`.
    pub(super) fn on_neighbour_clock(&mut self, turn: &mut Turn<'_>, id: LinkId, wall: UnixMillis) {
        let Some(link) = self.links.get(&id).filter(|link| link.votes()) else { return };
        self.clock.on_neighbour(turn.now, link.peer(), wall);
        self.lower_floors(turn);
    }

    /// Those who share no room with us any more have no say in what time it is.
    pub(super) fn count_votes(&mut self, turn: &mut Turn<'_>) {
        let voters = self.links.values().filter(|link| link.votes()).map(Link::peer).collect();
        self.clock.retain(&voters);
        self.lower_floors(turn);
    }
}

impl Link {
    /// Whether its peer has a say in what time it is.
    fn votes(&self) -> bool {
        !self.shared.is_empty()
    }
}

fn offset(now: Instant, wall: UnixMillis) -> Offset {
    let micros = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let wall = wall.0.saturating_mul(1000).min(STAMP_MAX.0);
    micros(wall) - micros(now.as_nanos() / 1000)
}

fn at(now: Instant, offset: Offset) -> Stamp {
    Stamp((now.as_nanos() / 1000).saturating_add_signed(offset).min(STAMP_MAX.0))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at_second(seconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(seconds)
    }

    #[test]
    fn it_runs_on_between_two_words_of_the_host() {
        let mut clock = StampClock::default();
        assert_eq!(clock.wall(at_second(5)), UnixMillis(5000));
        clock.on_wall_clock(at_second(5), UnixMillis(1_000_000));
        assert_eq!(clock.wall(at_second(7)), UnixMillis(1_002_000));
        assert_eq!(clock.stamp(at_second(7)), Stamp(1_002_000_000));
    }

    #[test]
    fn the_median_decides() {
        let now = at_second(0);
        let mut clock = StampClock::default();
        let stamp = |clock: &StampClock| clock.stamp(now).0 / 1000;
        clock.on_wall_clock(now, UnixMillis(0));
        clock.on_neighbour(now, PeerKey([1; 32]), UnixMillis(10 * HOUR));
        assert_eq!(stamp(&clock), 10 * HOUR, "of two the later");
        clock.on_neighbour(now, PeerKey([2; 32]), UnixMillis(u64::MAX));
        assert_eq!(stamp(&clock), 10 * HOUR, "of three the middle");
        clock.retain(&BTreeSet::from([PeerKey([2; 32])]));
        assert_eq!(stamp(&clock), STAMP_MAX.0 / 1000, "of two the later");
        clock.retain(&BTreeSet::new());
        assert_eq!(stamp(&clock), 0);
    }

    #[test]
    fn absurd_clocks_saturate() {
        let mut clock = StampClock::default();
        clock.on_wall_clock(Instant::NEVER, UnixMillis(0));
        assert_eq!(clock.stamp(at_second(0)), Stamp(0));
        clock.on_wall_clock(at_second(0), UnixMillis(u64::MAX));
        assert_eq!(clock.stamp(Instant::NEVER), STAMP_MAX);
    }
}
