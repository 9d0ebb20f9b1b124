//! How fast time passes among people who know each other.

use std::{rc::Rc, time::Duration};

use sim::{
    World,
    plan::{Act, Deed, Host, Plan, SuiteChoice},
    profile,
    units::Span,
};

use crate::cli::{budget::Budget, clock::Stopwatch};

/// They start over this time.
const JOIN: Duration = Duration::from_secs(1);
/// What a start brings along is over by then.
const CALM: Duration = Duration::from_secs(45);
/// From one message to the next, whoever says it.
const MESSAGES: Duration = Duration::from_secs(10);
const MESSAGE_SIZE: usize = 64;
/// No longer than this is looked at.
const LENGTH: Duration = Duration::from_secs(615);
/// Simulated time between two looks at the clock.
const STEP: Duration = Duration::from_millis(20);

/// What was measured.
pub(super) struct Chat {
    pub(super) peers: usize,
    pub(super) suite: SuiteChoice,
    /// How long it took until everybody knew everybody and it was calm, or until it was given up.
    pub(super) start: Duration,
    pub(super) end: End,
}

pub(super) enum End {
    /// From when everybody knew everybody.
    Measured { simulated: Duration, wall: Duration },
    /// So many of them knew all others when time was up.
    NotBegun { simulated: Duration, ready: usize },
}

/// Measures for at most `limits`: from the start until everybody knows everybody and it is calm, and from there.
pub(super) fn measure(peers: usize, suite: SuiteChoice, limits: [Duration; 2], budget: &Budget) -> Chat {
    let [start, length] = limits;
    let watch = Stopwatch::start();
    let mut world = World::new(Rc::new(plan(peers, suite)), false).without_checks();
    let (start, end) = loop {
        world.run(STEP);
        let (simulated, passed) = (world.passed(), watch.passed());
        let is_late = passed > start || budget.exceeded().is_some();
        if simulated >= CALM || is_late {
            let ready = ready(&world, peers);
            if is_late || simulated >= LENGTH / 2 {
                break (passed, End::NotBegun { simulated, ready });
            }
            if ready == peers {
                break (passed, run(&mut world, length, budget));
            }
        }
    };
    Chat { peers, suite, start, end }
}

fn run(world: &mut World, limit: Duration, budget: &Budget) -> End {
    let (watch, begun) = (Stopwatch::start(), world.passed());
    while world.run(STEP) && watch.passed() < limit && budget.exceeded().is_none() {}
    End::Measured { simulated: world.passed() - begun, wall: watch.passed() }
}

/// How many know all others.
fn ready(world: &World, peers: usize) -> usize {
    let is_ready = |host: &usize| world.sizes(*host).is_some_and(|sizes| sizes.members + 1 >= peers);
    (0..peers).filter(is_ready).count()
}

fn plan(peers: usize, suite: SuiteChoice) -> Plan {
    let mut plan = Plan::empty("bench-chat", 1);
    (plan.duration, plan.suite) = (Span(LENGTH), suite);
    plan.segments.extend(profile::named("switch"));
    let starts = |host: usize| Span(JOIN * host as u32 / peers as u32);
    plan.hosts = (0..peers).map(|host| Host { on: vec![0], starts: starts(host) }).collect();
    let times = (1..).map(|turn| CALM + MESSAGES * turn).take_while(|at| *at < LENGTH);
    let say = || Deed::Say { room: "#lobby".into(), size: MESSAGE_SIZE };
    let acts = times.enumerate().map(|(turn, at)| Act { at: Span(at), host: turn * 7 % peers, what: say() });
    plan.acts = acts.collect();
    plan
}
