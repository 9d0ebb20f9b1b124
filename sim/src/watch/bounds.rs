//! How long things may take: derived from the constants of the protocol and of the plan's links, never chosen.

use std::time::Duration;

use super::calm;
use crate::plan::Plan;

/// Failures rarer than this do not happen: a million runs of a thousand such waits each see none.
const NEVER: f64 = 1e-9;
/// Query times of mDNS since a link came up: after 20 to 120 ms, then 1, 2, 4 ... s later (RFC 6762 section 5.2).
const FIRST_QUERY: Duration = Duration::from_millis(120);
const QUERY_INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// The longest wait for an answer: 120 ms with others (RFC 6762 section 6), and a second since it was last multicast.
const ANSWER: Duration = Duration::from_millis(1120);
/// Up to 250 ms, three probes 250 ms apart, then the first of two announcements a second apart (RFC 6762 section 8).
const ANNOUNCED: Duration = Duration::from_secs(2);
/// A handshake's message is repeated after 100, 200, 400 and then each 800 ms, a quarter more at most, up to 5 s.
const HANDSHAKE_AGAIN: [u64; 8] = [125, 250, 500, 1000, 1000, 1000, 1000, 1000];
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A lost peer is called in rounds 5 to 10 s apart, but each address only every 10 s, so that a round may pass it
/// by: up to 20 s from call to call, of which the first 5 s are filled with repetitions (contacts, dial).
const ROUND_EAGER: Duration = Duration::from_secs(15);
/// After ten minutes rounds are up to 66 s apart.
const EAGER_FOR: Duration = Duration::from_secs(600);
const ROUND_SLOW: Duration = Duration::from_secs(66);
/// Dials begun at one instant, and the pause after so many; dials under way at a time, and the pause when there is
/// no room for more.
const DIALS_AT_ONCE: u32 = 16;
const DIALS_PAUSE: Duration = Duration::from_millis(20);
const HALF_OPEN: u32 = 64;
const DIALS_FULL: Duration = Duration::from_secs(1);
/// Up to 6 s to the next heartbeat, three units, and one and a half: a unit is the probe timeout between 200 ms and
/// a second (liveness).
const HEARTBEAT: Duration = Duration::from_secs(6);
const UNIT_MIN: Duration = Duration::from_millis(200);
const UNIT_MAX: Duration = Duration::from_secs(1);
/// So many hosts have a session with each other (choice of neighbours), and among two thousand who have about eight
/// sessions each nobody is further away than this.
const EVERYBODY: u32 = 9;
const STEPS: u32 = 4;
/// Whoever is said to be lost has so long to answer; a run that is new counts as there for so long; whoever is cut off
/// is lost after so long (members).
const DEFENCE: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(20);
const LINGER: Duration = Duration::from_secs(12);
/// Who is reached is looked at so long after something has changed (graph).
const LOOK: Duration = Duration::from_secs(1);
/// How long an acknowledgement may wait (acks).
const ACK_DELAY: Duration = Duration::from_millis(25);
/// A goodbye is repeated every 20 ms for so long (association).
const CLOSING: Duration = Duration::from_millis(300);
/// Retransmissions are at most so far apart (recovery).
const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(1);
/// The newest of a room is left out of heartbeats for so long; two that differ start a repair (pulse).
const UNSETTLED: Duration = Duration::from_secs(3);
const DIFFERS: u32 = 2;
/// A comparison or a wish for entries that is not answered holds the next one up for so long (repair, fetch).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A difference that stays is looked at after 5 s, then twice as long each time, up to ten minutes (pulse).
const PAUSE_MIN: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(600);
/// Between two broadcasts of one who has company but no multicast, or has been alone for less than a minute: half a
/// minute and a quarter of it (beacon).
const BROADCAST_AGAIN: Duration = Duration::from_millis(37_500);
/// What waits before it becomes an entry (gather).
const GATHER: Duration = Duration::from_millis(2);
/// Pointers of mDNS live so long, and a second more for late refreshes (RFC 6762 sections 10 and 10.1).
const POINTER_TTL: Duration = Duration::from_secs(4501);

/// The bounds of one plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// What a datagram may take at most: on its link, over routers, in queues.
    way: Duration,
    /// The largest share of datagrams to one and to many that a link loses.
    loss: f64,
    multicast_loss: f64,
    hosts: u32,
    /// Whether all are on the same link.
    is_one_link: bool,
    /// The slowest link's bits a second; 0 for no limit.
    rate: u64,
    /// What a fault may hold a datagram back.
    pub(crate) held_back: Duration,
    drift_ppm: u32,
    /// Everything may take so many times as long: 2 with hostile peers (L8).
    pub(crate) patience: u32,
}

impl Bounds {
    pub(super) fn new(plan: &Plan) -> Self {
        let links = || plan.segments.iter();
        let routers: Duration = plan.routers.iter().map(|router| router.latency.0).sum();
        let way = links().map(|link| {
            let queue = (link.queue * 8).saturating_mul(1_000_000_000).checked_div(link.rate).unwrap_or(0);
            // Only multicast waits for the beacon, but what shares the medium waits behind it.
            link.latency[1].0 + link.beacon.0 + Duration::from_nanos(queue)
        });
        let share = |ppm: Option<u32>| f64::from(ppm.unwrap_or(0)) / 1e6;
        Self {
            way: way.max().unwrap_or_default() + routers,
            loss: share(links().map(|link| link.loss.ppm()).max()),
            multicast_loss: share(links().map(|link| link.multicast_loss.ppm()).max()),
            hosts: u32::try_from(plan.hosts.len()).unwrap_or(u32::MAX),
            rate: links().map(|link| link.rate).filter(|rate| *rate > 0).min().unwrap_or(0),
            is_one_link: plan.segments.len() <= 1,
            held_back: calm::held_back(plan),
            drift_ppm: calm::drift(plan),
            patience: if plan.foes.is_empty() { 1 } else { 2 },
        }
    }

    /// L1 and L5: two that hear each other undisturbed are in session. `found`: after so long they know where the other is;
    /// `outage`: how long they had not heard each other.
    pub(crate) fn meet(&self, found: Duration, outage: Duration) -> Duration {
        let round = if outage < EAGER_FOR { ROUND_EAGER } else { ROUND_SLOW };
        // A session that the trouble broke must be found broken first; where only one hears the other, one after
        // the other.
        let noticed = (self.silence() * 2).saturating_sub(outage);
        // Whoever was found is called at once, unless a call was made just before and came to nothing.
        self.wide(found + noticed + round + self.calls() + self.handshake())
    }

    /// L4: after the last datagram of a program that crashed, whoever listed it knows. `direct`: over a session with it.
    pub(crate) fn crash_noticed(&self, direct: bool) -> Duration {
        // Among more than everybody has sessions with, some hear of it from others; over other links all may, and when
        // those others end too there is nobody left to say so. Where all have sessions with all, one that is not there
        // yet leaves the same gap.
        match (self.is_one_link, self.hosts <= EVERYBODY) {
            (true, true) if direct => self.wide(self.silence()),
            (true, true) => self.hearsay_noticed(),
            (true, false) => self.wide(self.silence() + DEFENCE + self.rumour()),
            (false, _) => self.hearsay(),
        }
    }

    /// L4: whoever others told of is not listed any more so long after the end, or after they told of it if that was
    /// later: whoever is new counts for a while, and so does whoever is cut off once those who told of it are gone too.
    pub(crate) fn hearsay_noticed(&self) -> Duration {
        let steps = if self.is_one_link && self.hosts <= EVERYBODY { Duration::ZERO } else { self.rumour() };
        self.wide((self.silence() + LOOK + LINGER).max(GRACE) + steps)
    }

    /// How long a record takes to everybody: each step is an announcement, a request and an answer.
    fn rumour(&self) -> Duration {
        (self.way + PROBE_TIMEOUT_MAX) * 3 * STEPS
    }

    /// S7: who is told of by others ended this long ago at the latest: they may have heard of it last themselves, and
    /// count whoever is new, and whoever is cut off, for a while.
    pub(crate) fn hearsay(&self) -> Duration {
        self.wide(self.silence() + GRACE + LINGER + self.rumour()) + self.held_back
    }

    /// L4: the same after a goodbye, while nothing is wrong with the network.
    pub(crate) fn goodbye_noticed(&self) -> Duration {
        self.wide(CLOSING + self.way)
    }

    /// S9: what was only found is not listed after its records have expired.
    pub(crate) fn expired(&self) -> Duration {
        self.wide(POINTER_TTL + self.way) + self.held_back
    }

    /// L2: something said has reached everybody in session, when `bytes` are said about that time.
    pub(crate) fn reach(&self, bytes: u64) -> Duration {
        self.wide(GATHER + self.arrive() + self.carry(bytes))
    }

    /// L3: two in session that share a room have the same entries, when `bytes` were said meanwhile. `outage`: how
    /// long a disk had taken nothing.
    pub(crate) fn agree(&self, bytes: u64, outage: Duration) -> Duration {
        let pause = if outage.is_zero() { Duration::ZERO } else { (outage * 2).clamp(PAUSE_MIN, PAUSE_MAX) };
        let noticed = UNSETTLED + HEARTBEAT * DIFFERS;
        // Days, ids, and the entries themselves: a round trip each.
        self.wide(noticed + pause + ANSWER_TIMEOUT + self.arrive() * 6 + self.carry(bytes))
    }

    /// S7: a program that proved itself just now ran this long ago at the latest: when it said its last word in the
    /// handshake, or in a session that began then.
    pub(crate) fn word_travels(&self) -> Duration {
        self.wide(HANDSHAKE + self.way) + self.held_back
    }

    /// L6: datagrams that one of `hosts` may send in `span` while nobody says anything, on `links` of mDNS.
    pub(crate) fn idle(&self, span: Duration, hosts: u64, links: u64) -> u64 {
        // Each pair: a heartbeat each way at least 4 s apart, its answer, and the acknowledgement of that; lost ones
        // again, and once an hour a handshake.
        let beats = span.as_secs() / 4 + 1;
        let peers = hosts.saturating_sub(1) * (beats * 3 + 4);
        // Each link: own questions (their interval has grown beyond half a minute), as many packets as it takes to
        // list everybody as known, and one answer to each question of others.
        let questions = span.as_secs() / 30 + 2;
        let multicast = links * (questions * (1 + hosts / 16) + questions * hosts);
        u64::from(self.patience) * (peers + multicast)
    }

    /// L1 for two that have just begun.
    pub(crate) fn meet_at_first(&self) -> Duration {
        self.meet(self.discover(Duration::ZERO), Duration::ZERO)
    }

    /// When a run has settled after anything happened.
    pub(crate) fn settled(&self) -> Duration {
        self.meet_at_first() + self.agree(0, Duration::ZERO)
    }

    /// The least that a span can be which some clock takes for `span`.
    pub(crate) fn at_least(&self, span: Duration) -> Duration {
        span.saturating_sub(self.drifted(span))
    }

    /// From a program's last datagram to the end of what others wait for the next.
    fn silence(&self) -> Duration {
        // What was held back is in the estimate of the round trip, also a while later.
        let unit = ((self.way + self.held_back) * 6 + ACK_DELAY).clamp(UNIT_MIN, UNIT_MAX);
        self.way + HEARTBEAT + unit * 9 / 2 + self.held_back
    }

    /// The part by which clocks may differ.
    fn drifted(&self, span: Duration) -> Duration {
        span * self.drift_ppm / 1_000_000
    }

    /// So many tries that all of them fail never, when each takes `messages` that may get lost.
    fn tries(loss: f64, messages: i32) -> u32 {
        let fails = 1.0 - (1.0 - loss).powi(messages);
        let tries = (1u32..64).find(|&tries| fails.powi(tries.try_into().unwrap_or(64)) < NEVER);
        tries.unwrap_or(64)
    }

    /// Somebody is found by questions that one of the two asks and the other answers. The younger one's schedule
    /// alone counts; its probes and announcements are not counted unless it has just begun.
    pub(crate) fn discover(&self, age: Duration) -> Duration {
        let tries = Self::tries(self.multicast_loss, 2);
        let (mut at, mut interval, mut left) = (FIRST_QUERY, Duration::from_secs(1), tries);
        loop {
            if at >= age {
                left = left.saturating_sub(1);
            }
            if left == 0 {
                break;
            }
            at += interval;
            interval = (interval * 2).min(QUERY_INTERVAL_MAX);
        }
        (at.saturating_sub(age)).max(ANNOUNCED) + ANSWER + self.way * 2
    }

    /// The same by broadcast: whoever comes calls at once, and, as long as it is alone, after 8 s and ever more rarely. Of
    /// those who have company somebody calls twice a minute.
    pub(crate) fn broadcast(&self) -> Duration {
        let tries = Self::tries(self.multicast_loss, 1);
        BROADCAST_AGAIN * tries + self.way
    }

    /// All calls have had their turn.
    fn calls(&self) -> Duration {
        DIALS_PAUSE * (self.hosts / DIALS_AT_ONCE) + DIALS_FULL * (self.hosts / HALF_OPEN)
    }

    /// A call has come to a session, and the other's record has come over it.
    fn handshake(&self) -> Duration {
        let tries = Self::tries(self.loss, 3) as usize;
        let waits: u64 = HANDSHAKE_AGAIN.iter().cycle().take(tries.saturating_sub(1)).sum();
        Duration::from_millis(waits) + self.way * 3 + self.arrive()
    }

    /// What is sent over a session has arrived, however often it got lost.
    fn arrive(&self) -> Duration {
        let again = Self::tries(self.loss, 1).saturating_sub(1);
        self.way + PROBE_TIMEOUT_MAX * again
    }

    /// So many bytes to everybody are out.
    fn carry(&self, bytes: u64) -> Duration {
        let bits = bytes.saturating_mul(8 * 2).saturating_mul(self.hosts.into());
        Duration::from_millis(bits.saturating_mul(1000).checked_div(self.rate).unwrap_or(0))
    }

    fn wide(&self, span: Duration) -> Duration {
        (span + self.drifted(span)) * self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::plan;

    #[test]
    fn bounds_follow_from_the_links() {
        let switch = Bounds::new(&plan(8, 60));
        // DESIGN sections 4 and 5: a healed partition is whole within 15 s, a crash is seen within 7 s.
        let healed = switch.meet(Duration::ZERO, Duration::from_secs(30));
        assert!(healed > Duration::from_secs(15) && healed < Duration::from_secs(19), "{healed:?}");
        let crash = switch.crash_noticed(true);
        assert!(crash < Duration::from_millis(6_910), "{crash:?}");
        // The longer of 20 s and 6.9 + 1 + 12 s.
        assert!(switch.hearsay_noticed() < Duration::from_millis(20_010), "{:?}", switch.hearsay_noticed());
        let mut plan = plan(8, 60);
        plan.segments = vec![crate::profile::named("wifi").unwrap()];
        let wifi = Bounds::new(&plan);
        assert!(wifi.discover(Duration::ZERO) > switch.discover(Duration::ZERO));
        assert!(Bounds { patience: 2, ..wifi }.reach(0) == wifi.reach(0) * 2);
    }

    #[test]
    fn tries_make_failure_impossible_and_no_more() {
        assert_eq!(Bounds::tries(0.0, 2), 1);
        assert_eq!(Bounds::tries(0.001, 1), 4);
        assert_eq!(Bounds::tries(0.01, 1), 5);
    }
}
