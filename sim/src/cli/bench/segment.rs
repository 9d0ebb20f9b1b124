//! Deliveries a second of real nodes that discover each other, and of the floor with the very same datagrams.

use std::{rc::Rc, time::Duration};

use sim::{
    World,
    floor::Floor,
    plan::{Family, Host, Plan},
    profile,
    units::Span,
};

use crate::cli::{Refusal, budget::Budget, clock::Stopwatch};

/// Of so many rounds the median counts.
const ROUNDS: usize = 5;
/// World and floor take turns after so much simulated time, so that neither has the better moments of the machine.
const PART: Duration = Duration::from_millis(5);
/// By then everybody has asked once, probed three times and announced itself: the longest wait before the first
/// probe, three intervals (RFC 6762 section 8.1), and what the switch adds.
pub(super) const END: Duration = Duration::from_millis(1_010);
/// Everybody has started.
const STARTED: Duration = Duration::from_millis(1);

/// What was measured.
pub(super) struct Segment {
    /// At least one, the slowest ratio first.
    pub(super) rounds: Vec<Round>,
    /// How far in simulated time the only round came, if not to its end.
    pub(super) end: Option<Duration>,
}

/// The same time in the world and on the floor.
pub(super) struct Round {
    pub(super) sim: Pace,
    floor: Pace,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    pub(super) deliveries: u64,
    wall: Duration,
}

/// Repeats it as long as a further round fits `limit`.
pub(super) fn measure(peers: usize, limit: Duration, budget: &Budget) -> Result<Segment, Refusal> {
    let watch = Stopwatch::start();
    let mut segment = Segment { rounds: Vec::new(), end: None };
    while segment.rounds.len() < ROUNDS && budget.exceeded().is_none() {
        let begun = watch.passed();
        if !segment.rounds.is_empty() && begun + begun / segment.rounds.len() as u32 > limit {
            break;
        }
        let plan = plan(peers, segment.rounds.len() as u64 + 1);
        plan.check()?;
        let (round, end) = round(&Rc::new(plan), peers, limit - begun, budget);
        segment.rounds.push(round);
        segment.end = end;
        if end.is_some() {
            break;
        }
    }
    segment.rounds.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
    Ok(segment)
}

fn plan(peers: usize, seed: u64) -> Plan {
    let mut plan = Plan::empty("bench-segment", seed);
    (plan.duration, plan.family) = (Span::from_secs(5), Family::V4);
    plan.segments.extend(profile::named("switch"));
    plan.hosts = vec![Host { on: vec![0], starts: Span::default() }; peers];
    plan
}

fn round(plan: &Rc<Plan>, peers: usize, limit: Duration, budget: &Budget) -> (Round, Option<Duration>) {
    let watch = Stopwatch::start();
    let mut world = World::new(Rc::clone(plan), false).without_checks().without_calls();
    world.run(STARTED);
    world.take_sent();
    let mut on_floor = Floor::new(peers);
    let (mut sim, mut floor) = (Pace::default(), Pace::default());
    while world.passed() < END {
        if watch.passed() > limit || budget.exceeded().is_some() {
            return (Round { sim, floor }, Some(world.passed()));
        }
        let before = world.counts().delivered;
        let turn = Stopwatch::start();
        world.run(PART);
        sim.add(world.counts().delivered - before, turn.passed());
        let sent = world.take_sent();
        let turn = Stopwatch::start();
        let work = on_floor.deliver(&sent);
        floor.add(work.delivered, turn.passed());
    }
    (Round { sim, floor }, None)
}

impl Segment {
    /// The median.
    pub(super) fn ratio(&self) -> f64 {
        self.median().map_or(0.0, Round::ratio)
    }

    pub(super) fn sim(&self) -> f64 {
        self.median().map_or(0.0, |round| round.sim.rate())
    }

    pub(super) fn floor(&self) -> f64 {
        self.median().map_or(0.0, |round| round.floor.rate())
    }

    fn median(&self) -> Option<&Round> {
        self.rounds.get(self.rounds.len() / 2)
    }
}

impl Round {
    pub(super) fn ratio(&self) -> f64 {
        self.sim.rate() / self.floor.rate().max(1.0)
    }
}

impl Pace {
    fn add(&mut self, deliveries: u64, wall: Duration) {
        self.deliveries += deliveries;
        self.wall += wall;
    }

    fn rate(self) -> f64 {
        self.deliveries as f64 / self.wall.as_secs_f64().max(1e-9)
    }
}
