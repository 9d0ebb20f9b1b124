//! The clock that stamps entries: one's own wall clock, corrected by those of one's neighbours.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{LinkId, Rooms, Turn, entry::STAMP_MAX, link::Link};
use crate::{
    event::Stamp,
    identity::PeerKey,
    session::Origin,
    time::{Instant, UnixMillis},
};

/// 2026-01-01, the year of the first version: a clock that says less was never set.
pub(super) const FIRST: Stamp = Stamp(1_767_225_600_000_000);

/// The median of one's own wall clock and the neighbours', of an even number the later of the two in the middle.
/// So a machine that thinks it is 1970 is carried along, and one that thinks it is 2099 carries nobody away as soon
/// as two others disagree.
///
/// Keys cost nothing, addresses do: of those from one origin only the word nearest to one's own clock counts (of an
/// IPv6 /64 the nearest two). A neighbour that thinks it is 1970 has no clock, and no say.
#[derive(Debug, Default)]
pub(crate) struct StampClock {
    own: Offset,
    /// The latest word of each, and where it came from: somebody who speaks from four places is heard once.
    neighbours: BTreeMap<PeerKey, (Origin, Offset)>,
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

    /// `peer`, who is at `origin`, says that it is `wall`.
    pub(crate) fn on_neighbour(&mut self, now: Instant, peer: PeerKey, origin: Origin, wall: UnixMillis) {
        self.told = true;
        let word = (origin, offset(now, wall));
        let before = if wall.0 < FIRST.0 / 1000 {
            self.neighbours.remove(&peer);
            None
        } else {
            self.neighbours.insert(peer, word)
        };
        if !before.is_some_and(|before| self.is_as_good_as(before, word)) {
            self.settle();
        }
    }

    /// Whether the median is the same with either of these words: it is the only one from its origin, on one side of it.
    /// Every heartbeat brings a word, and nearly all are like the one before.
    fn is_as_good_as(&self, before: (Origin, Offset), word: (Origin, Offset)) -> bool {
        let side = |word: (Origin, Offset)| word.1.cmp(&self.median);
        let from_there = || self.neighbours.values().filter(|other| other.0 == word.0);
        before == word
            || before.0 == word.0
                && side(before) == side(word)
                && side(word).is_ne()
                && from_there().nth(1).is_none()
    }

    /// Nobody but `voters` has a say any more.
    pub(crate) fn retain(&mut self, voters: &BTreeSet<PeerKey>) {
        self.neighbours.retain(|peer, _| voters.contains(peer));
        self.settle();
    }

    /// Milliseconds that the clock of `peer` was ahead of one's own when it told the time last.
    fn ahead_ms(&self, peer: &PeerKey) -> Option<i64> {
        self.neighbours.get(peer).map(|(_, offset)| offset.saturating_sub(self.own) / 1000)
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

    /// The time that may be relied on beyond the presence of those who tell it: they cannot make it earlier than
    /// one's own wall clock. `None` while no clock that was ever set has told it.
    pub(crate) fn settled(&self, now: Instant) -> Option<Stamp> {
        let told = [self.own, self.median].map(|offset| at(now, offset));
        told.into_iter().filter(|stamp| *stamp >= FIRST).max()
    }

    /// A time that it surely is by now, as far as anybody here knows: neither our own wall clock says less, nor half of
    /// all. `None` before our own was set.
    pub(crate) fn surely(&self, now: Instant) -> Option<Stamp> {
        let offsets = self.offsets();
        let median = offsets.get(offsets.len().saturating_sub(1) / 2).copied().unwrap_or(self.own);
        Some(at(now, self.own.min(median))).filter(|stamp| *stamp >= FIRST)
    }

    fn settle(&mut self) {
        let offsets = self.offsets();
        self.median = offsets.get(offsets.len() / 2).copied().unwrap_or(self.own);
    }

    /// What everybody with a say says, in order.
    fn offsets(&self) -> Vec<Offset> {
        let words = self.neighbours.values();
        let mut words: Vec<_> =
            words.map(|&(origin, offset)| (origin, offset.abs_diff(self.own), offset)).collect();
        words.sort_unstable();
        let heard = words.chunk_by(|one, other| one.0 == other.0).flat_map(|all| all.iter().take(votes(all)));
        let mut offsets: Vec<_> = heard.map(|&(_, _, offset)| offset).chain([self.own]).collect();
        offsets.sort_unstable();
        offsets
    }
}

impl Rooms {
    /// The peer of `id` is reached at `origin` now.
    pub(crate) fn on_reached(&mut self, id: LinkId, origin: Origin) {
        if let Some(link) = self.links.get_mut(&id) {
            link.origin = Some(origin);
            self.spent.give_back(link);
        }
    }

    /// Milliseconds that the wall clock of `peer` is ahead of our own, if it shares a room with us and was ever set.
    pub(crate) fn clock_ahead_ms(&self, peer: &PeerKey) -> Option<i64> {
        self.clock.ahead_ms(peer)
    }

    /// The wall clock says `wall`; until it says something else it goes on with `now`.
    pub(crate) fn on_wall_clock(&mut self, turn: &mut Turn<'_>, wall: UnixMillis) {
        self.clock.on_wall_clock(turn.now, wall);
        self.settle_floors(turn);
        self.settle_strays(turn);
        self.forget_old(turn);
    }

    /// The peer of `id` says that it is `wall`.
    pub(super) fn on_neighbour_clock(&mut self, turn: &mut Turn<'_>, id: LinkId, wall: UnixMillis) {
        let Some(link) = self.links.get(&id).filter(|link| link.votes()) else { return };
        let Some(origin) = link.origin else { return };
        self.clock.on_neighbour(turn.now, link.peer(), origin, wall);
        self.settle_floors(turn);
        self.settle_strays(turn);
    }

    /// Those who share no room with us any more have no say in what time it is.
    pub(super) fn count_votes(&mut self, turn: &mut Turn<'_>) {
        let voters = self.links.values().filter(|link| link.votes()).map(Link::peer).collect();
        self.clock.retain(&voters);
        self.settle_floors(turn);
    }
}

impl Link {
    /// Whether its peer has a say in what time it is.
    fn votes(&self) -> bool {
        !self.shared.is_empty()
    }
}

/// How many of those from one origin have a say: an address is one host, a prefix may be a whole link.
fn votes(all: &[(Origin, u64, Offset)]) -> usize {
    match all.first() {
        Some((Origin::Prefix(_), ..)) => 2,
        _ => 1,
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
    use crate::rng::Rng;

    const HOUR: u64 = 3_600_000;

    fn host(number: u8) -> Origin {
        Origin::Address([10, 0, 0, number].into())
    }

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
        let (ten, late) = (UnixMillis(FIRST.0 / 1000 + 10 * HOUR), UnixMillis(u64::MAX));
        clock.on_wall_clock(now, UnixMillis(0));
        clock.on_neighbour(now, PeerKey([1; 32]), host(1), ten);
        assert_eq!(stamp(&clock), ten.0, "of two the later");
        clock.on_neighbour(now, PeerKey([2; 32]), host(2), late);
        assert_eq!(stamp(&clock), ten.0, "of three the middle");
        clock.retain(&BTreeSet::from([PeerKey([2; 32])]));
        assert_eq!(stamp(&clock), STAMP_MAX.0 / 1000, "of two the later");
        clock.retain(&BTreeSet::new());
        assert_eq!(stamp(&clock), 0);
    }

    #[test]
    fn an_address_has_one_vote_however_many_keys_speak_from_it() {
        let (now, mut clock) = (at_second(0), StampClock::default());
        let right = UnixMillis(FIRST.0 / 1000 + 10 * HOUR);
        clock.on_wall_clock(now, right);
        clock.on_neighbour(now, PeerKey([1; 32]), host(1), UnixMillis(right.0 + 1));
        for number in 10..30 {
            clock.on_neighbour(now, PeerKey([number; 32]), host(66), UnixMillis(u64::MAX));
            assert_eq!(clock.stamp(now).0 / 1000, right.0 + 1, "of three the middle");
        }
        // Those who share an address with a liar are not silenced by it.
        clock.on_neighbour(now, PeerKey([2; 32]), host(66), UnixMillis(right.0 - 1));
        assert_eq!(clock.stamp(now).0 / 1000, right.0);
    }

    #[test]
    fn a_whole_link_of_one_prefix_still_outvotes_one_of_it() {
        let (now, mut clock) = (at_second(0), StampClock::default());
        let right = UnixMillis(FIRST.0 / 1000 + 10 * HOUR);
        clock.on_wall_clock(now, right);
        for (number, wall) in [(1, u64::MAX), (2, right.0 + 1), (3, right.0 + 2), (4, u64::MAX)] {
            clock.on_neighbour(now, PeerKey([number; 32]), Origin::Prefix(0xfe80 << 48), UnixMillis(wall));
        }
        assert_eq!(clock.stamp(now).0 / 1000, right.0 + 1);
    }

    #[test]
    fn a_clock_that_was_never_set_has_no_say() {
        let (now, mut clock) = (at_second(0), StampClock::default());
        clock.on_wall_clock(now, UnixMillis(0));
        (1..9).for_each(|number| clock.on_neighbour(now, PeerKey([number; 32]), host(number), UnixMillis(7)));
        assert_eq!((clock.stamp(now), clock.settled(now)), (Stamp(0), None));
        let right = UnixMillis(FIRST.0 / 1000 + HOUR);
        clock.on_neighbour(now, PeerKey([9; 32]), host(9), right);
        assert_eq!(clock.stamp(now).0 / 1000, right.0, "carried along");
        assert_eq!(clock.settled(now), Some(clock.stamp(now)));
        // Nor has one that was set once and is not any more.
        clock.on_neighbour(now, PeerKey([9; 32]), host(9), UnixMillis(7));
        assert_eq!(clock.stamp(now), Stamp(0));
    }

    #[test]
    fn a_word_that_changes_nothing_need_not_be_counted() {
        let (mut rng, mut clock, now) = (Rng::new([5; 32]), StampClock::default(), at_second(0));
        let right = FIRST.0 / 1000 + 10 * HOUR;
        clock.on_wall_clock(now, UnixMillis(right));
        let mut draw = |bound| rng.below(bound);
        for _ in 0..20_000 {
            let peer = u8::try_from(draw(7)).unwrap();
            let origin = match draw(4) {
                0 => Origin::Prefix(draw(2).into()),
                1 => host(9),
                _ => host(peer),
            };
            let wall = if draw(5) == 0 { 7 } else { right + draw(9) - 4 };
            clock.on_neighbour(now, PeerKey([peer; 32]), origin, UnixMillis(wall));
            let median = clock.median;
            clock.settle();
            assert_eq!(clock.median, median);
        }
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
