//! What the system has to tell without being a socket: interfaces, the wall clock, a sleep of the machine.

use std::time::Duration;

use chat_core::{Input, Instant, UnixMillis, Wake};

use crate::{Clock, Net, clock::entropy, os};

/// Looks every few seconds at what the system never announces by itself.
#[derive(Debug)]
pub struct Watch {
    clock: Clock,
    last: Option<Instant>,
    wall: WallWatch,
    sleep: SleepWatch,
}

/// A loop that is awake for another reason looks after this time: short beside the time between two heartbeats, so that
/// an idle loop hardly ever wakes for a look alone.
const EARLIEST: Duration = Duration::from_secs(1);
/// For a look alone a loop wakes after this time: so soon at the latest is a roam or a plugged cable seen.
const LATEST: Duration = Duration::from_secs(5);

impl Watch {
    /// One that has told nothing yet, so its first look tells everything.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let (wall, sleep) = Default::default();
        Self { clock, last: None, wall, sleep }
    }

    /// Looks if it is time to; hands what a node must be told to `feed`.
    pub fn look(&mut self, net: &mut Net, mut feed: impl FnMut(Instant, Input<'_>)) {
        let now = self.clock.now();
        if self.last.is_some_and(|last| now - last < EARLIEST) {
            return;
        }
        let first = self.last.replace(now).is_none();
        let slept = self.sleep.has_slept(now, os::awake());
        if slept {
            net.rejoin();
        }
        let wall = self.clock.wall();
        let time = self.wall.look(now, wall);
        // A virtual machine that goes on from a snapshot stood still with all its clocks, until somebody sets the time;
        // and it may not be the only one that goes on from there.
        if (slept || time == Time::Jumped)
            && let Ok(bytes) = entropy()
        {
            feed(now, Input::Entropy(bytes));
        }
        if time != Time::AsExpected {
            feed(now, Input::WallClock(wall));
        }
        if first || slept || net.refresh() {
            feed(now, Input::Interfaces(net.interfaces()));
        }
    }

    /// Until when a loop may wait, for the node's `wake` and for the next look.
    #[must_use]
    pub fn next(&self, wake: Option<Wake>) -> Instant {
        let look = self.last.map_or(Instant::ORIGIN, |last| last + LATEST);
        wake.map_or(look, |wake| wake.at.min(look))
    }

    /// How long that is from now.
    #[must_use]
    pub fn until(&self, wake: Option<Wake>) -> Duration {
        self.next(wake) - self.clock.now()
    }
}

/// A node is told of a jump of the wall clock of more than this.
const JUMP: Duration = Duration::from_secs(1);
/// And of the time this often, so that a slow drift does not add up.
const TELL: Duration = Duration::from_secs(60);

/// What the wall clock says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Time {
    /// What follows from what it said before.
    AsExpected,
    /// The same, but it is time to tell it.
    Due,
    /// Something else.
    Jumped,
}

/// Knows when the wall clock is worth telling.
#[derive(Debug, Default)]
struct WallWatch {
    told: Option<(Instant, UnixMillis)>,
}

impl WallWatch {
    fn look(&mut self, now: Instant, wall: UnixMillis) -> Time {
        let time = self.told.map_or(Time::Due, |(then, told)| {
            let passed = now - then;
            let shown = Duration::from_millis(wall.0.saturating_sub(told.0));
            if shown.abs_diff(passed) > JUMP {
                Time::Jumped
            } else if passed >= TELL {
                Time::Due
            } else {
                Time::AsExpected
            }
        });
        if time != Time::AsExpected {
            self.told = Some((now, wall));
        }
        time
    }
}

/// Knows when the machine has slept: then the clock that runs on has gained on the one that stands still.
#[derive(Debug, Default)]
struct SleepWatch {
    last: Option<(Instant, Duration)>,
}

impl SleepWatch {
    fn has_slept(&mut self, now: Instant, awake: Duration) -> bool {
        let last = self.last.replace((now, awake));
        last.is_some_and(|(then, was)| (now - then).saturating_sub(awake.saturating_sub(was)) > JUMP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(millis)
    }

    #[test]
    fn the_wall_clock_is_told_at_start_each_minute_and_when_it_jumps() {
        let mut watch = WallWatch::default();
        let mut look = |monotonic, wall: u64| watch.look(at(monotonic), UnixMillis(1_000_000 + wall));
        assert_eq!(look(0, 0), Time::Due);
        assert_eq!(look(5_000, 5_000), Time::AsExpected);
        assert_eq!(look(10_000, 10_900), Time::AsExpected, "drift under a second");
        assert_eq!(look(15_000, 17_000), Time::Jumped, "ahead");
        assert_eq!(look(20_000, 22_000), Time::AsExpected);
        assert_eq!(look(25_000, 20_000), Time::Jumped, "back");
        assert_eq!(look(84_000, 79_000), Time::AsExpected);
        assert_eq!(look(85_000, 80_000), Time::Due, "a minute");
        assert_eq!(look(200_000, 900_000), Time::Jumped, "stood still for a quarter of an hour");
    }

    #[test]
    fn a_sleep_is_seen_by_the_clock_that_stands_still() {
        let mut watch = SleepWatch::default();
        let mut slept = |runs_on, awake| watch.has_slept(at(runs_on), Duration::from_millis(awake));
        assert!(!slept(0, 7_000));
        assert!(!slept(5_000, 12_000));
        assert!(!slept(10_500, 17_000), "half a second is no sleep");
        assert!(slept(3_600_000, 22_000));
        assert!(!slept(3_605_000, 27_000), "told once");
    }

    #[test]
    fn a_loop_waits_for_what_comes_first() {
        let clock = Clock::new();
        let mut watch = Watch::new(clock);
        assert_eq!(watch.until(None), Duration::ZERO, "the first look is due at once");
        watch.last = Some(clock.now());
        let wake = |seconds| {
            let at = clock.now() + Duration::from_secs(seconds);
            Some(Wake { at, reason: chat_core::Reason::Dial })
        };
        assert!(watch.until(None) > Duration::from_secs(4));
        assert!(watch.until(wake(1)) <= Duration::from_secs(1));
        assert!(watch.until(wake(60)) <= Duration::from_secs(5));
    }
}
