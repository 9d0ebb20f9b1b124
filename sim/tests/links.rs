//! What links do to datagrams, seen from outside: every copy is accounted for, and every fault does what its name says,
//! as often as it is told to.

use std::{rc::Rc, time::Duration};

use sim::{
    Counts, Outcome, World,
    fault::{Class, Damage, DiskFate, DiskTrouble, Fault, Kind, Pause, PlannedFault, Shape, Target},
    plan::{Act, Deed, Family, Host, Plan, Router, Segment, SuiteChoice},
    profile,
    units::{Share, Span},
};

fn plan(peers: usize, seconds: u64) -> Plan {
    Plan {
        duration: Span::from_secs(seconds),
        suite: SuiteChoice::Cheap,
        family: Family::V4,
        segments: vec![profile::named("switch").unwrap()],
        hosts: vec![Host { on: vec![0], starts: Span::default() }; peers],
        ..Plan::empty("test", 7)
    }
}

fn with(mut plan: Plan, what: Fault) -> Plan {
    // Programs have to run before they can be struck.
    let at = if what.is_of_the_network() { Span::default() } else { Span::from_secs(5) };
    plan.faults.push(PlannedFault { at, span: None, on: Target::Segment(0), what });
    plan
}

fn run(plan: Plan) -> Outcome {
    let mut world = World::new(Rc::new(plan), false);
    while world.run(Duration::from_secs(1)) {}
    let outcome = world.outcome();
    assert_eq!(outcome.violation, None);
    outcome
}

/// The share of copies that were lost.
fn lost(outcome: &Outcome) -> f64 {
    outcome.counts.lost.iter().sum::<u64>() as f64 / outcome.counts.copies as f64
}

fn ppm(ppm: u32) -> Share {
    Share::from_ppm(ppm)
}

#[test]
fn every_copy_arrives_or_is_counted_as_lost_or_is_under_way() {
    for what in every_fault() {
        let outcome = run(with(plan(5, 40), what.clone()));
        let counts = &outcome.counts;
        let ended = counts.delivered + counts.lost.iter().sum::<u64>();
        // What was lost before it was on its way was never a copy; the last ones are still under way.
        let refused = counts.sent;
        assert!(ended <= counts.copies + refused, "{what:?}: {counts:?}");
        assert!(ended + 1000 >= counts.copies, "{what:?}: {counts:?}");
    }
}

#[test]
fn every_fault_bites_and_says_so() {
    for what in every_fault() {
        let kind = what.kind();
        let mut plan = with(plan(5, 40), what);
        plan.segments.push(profile::named("switch").unwrap());
        let fired = run(plan).fired;
        // One version of the program exists so far.
        assert_eq!(fired[0] > 0, kind != Kind::VersionSkew, "{}: {fired:?}", kind.name());
    }
}

#[test]
fn loss_is_as_much_as_was_asked_for() {
    for share in [50_000, 300_000] {
        let outcome = run(with(plan(8, 900), Fault::Loss { share: ppm(share), class: Class::All }));
        // A host's own multicast is not lost: with eight hosts that is up to an eighth of all copies. And chance has its
        // part: four standard deviations of that many draws.
        let asked = f64::from(share) / 1e6;
        let chance = 4.0 * (asked * (1.0 - asked) / outcome.counts.copies as f64).sqrt();
        let (least, most) = (asked * 0.875 - chance, asked + chance);
        assert!((least..most).contains(&lost(&outcome)), "{share} ppm: {} +- {chance}", lost(&outcome));
    }
}

#[test]
fn bursts_lose_what_their_chain_says() {
    // Half of the time good, half of the time bad.
    let what = Fault::Burst { enter: ppm(50_000), leave: ppm(50_000), good: ppm(0), bad: ppm(400_000) };
    let lost = lost(&run(with(plan(8, 240), what)));
    assert!((0.13..0.23).contains(&lost), "{lost}");
}

#[test]
fn two_segments_hear_each_other_only_over_a_router() {
    let texts = |routed: bool| {
        let mut plan = plan(2, 20);
        plan.segments.push(Segment { name: "other".into(), ..profile::named("switch").unwrap() });
        plan.hosts[1].on = vec![1];
        if routed {
            plan.routers.push(Router { between: [0, 1], latency: Span::from_millis(1) });
        }
        plan.acts.push(Act { at: Span::from_secs(5), host: 0, what: Deed::Connect(1) });
        run(plan).counts
    };
    let (apart, joined) = (texts(false), texts(true));
    // Without a router a host hears nothing but itself: what it calls the other with is lost.
    let lost = |counts: &Counts| counts.lost.iter().sum::<u64>();
    assert!(lost(&apart) > 5 && apart.delivered == apart.sent - lost(&apart), "{apart:?}");
    assert!(lost(&joined) == 0 && joined.delivered == joined.sent, "{joined:?}");
}

#[test]
fn stations_of_a_guest_network_do_not_hear_each_other() {
    let mut plan = plan(3, 20);
    plan.segments = vec![profile::named("guest").unwrap()];
    let counts = run(plan).counts;
    assert_eq!(counts.delivered, 0, "{counts:?}");
}

#[test]
fn those_kept_apart_do_not_hear_each_other_and_everybody_else_does() {
    let lost = |hosts: Vec<usize>| {
        let apart = Fault::Partition { shape: Shape::Apart, class: Class::All, flapping: None };
        let mut plan = plan(4, 20);
        let (at, span, on) = (Span::default(), None, Target::Hosts(hosts));
        plan.faults.push(PlannedFault { at, span, on, what: apart });
        let outcome = run(plan);
        (outcome.fired[0], outcome.figures.missing)
    };
    assert_eq!(lost(vec![2]).0, 0, "one alone is kept from nobody, nor from itself");
    let (fired, missing) = lost(vec![0, 1]);
    assert!(fired > 10 && missing == 0, "{fired} {missing}: others tell them of each other");
}

#[test]
fn a_slow_wire_with_a_short_queue_drops_what_does_not_fit() {
    let mut plan = plan(6, 30);
    for number in 0..200 {
        let (at, what) =
            (Span::from_millis(5_000 + number), Deed::Say { room: "#lobby".into(), size: 3_000 });
        plan.acts.push(Act { at, host: 0, what });
    }
    let free = run(plan.clone());
    let slow = run(with(plan, Fault::Bandwidth { rate: 1_000_000, queue: 16 << 10 }));
    let queue = |outcome: &Outcome| outcome.counts.lost[QUEUE];
    assert_eq!(queue(&free), 0);
    assert!(queue(&slow) > 10, "{:?}", slow.counts);
}

/// Where full queues are counted.
const QUEUE: usize = 4;

/// One of each, so mild that the network works on.
fn every_fault() -> Vec<Fault> {
    let some = ppm(100_000);
    vec![
        Fault::Loss { share: some, class: Class::All },
        Fault::Burst { enter: some, leave: some, good: ppm(0), bad: ppm(500_000) },
        Fault::Duplicate { share: some },
        Fault::Reorder { share: some, by: Span::from_millis(5) },
        Fault::Delay { by: Span::from_millis(20), jitter: Span::from_millis(5) },
        Fault::Corrupt { share: some, how: Damage::Bit },
        Fault::Corrupt { share: some, how: Damage::Truncate },
        Fault::Corrupt { share: some, how: Damage::Splice },
        Fault::Partition { shape: Shape::Ring, class: Class::All, flapping: Some(Span::from_secs(2)) },
        Fault::Filter { class: Class::Multicast },
        Fault::IgmpAgeing { after: Span::from_secs(10) },
        Fault::Bandwidth { rate: 10_000_000, queue: 64 << 10 },
        Fault::Storm { copies: 3 },
        Fault::InterfaceDown,
        Fault::AddressChange { duplicate: false },
        Fault::SecondCard { segment: 0 },
        Fault::Crash { disk: DiskFate::LoseUnsynced },
        Fault::Pause { how: Pause::SleepCounted },
        Fault::Clock { jump_ms: 600_000, drift_ppm: 200 },
        Fault::VersionSkew,
        Fault::Refusal { send: some, receive: some },
        Fault::Disk { how: DiskTrouble::Slow },
    ]
}

/// Their names are right, and to ask for them by multicast would only fill the air more.
#[test]
fn calls_that_do_not_get_through_a_busy_link_raise_no_doubts_about_names() {
    let radio = Segment { rate: 10_000_000, ..profile::named("wifi").unwrap() };
    let plan = Plan {
        hosts: (0..60).map(|host| Host { on: vec![0], starts: Span::from_millis(host * 16) }).collect(),
        segments: vec![radio],
        family: Family::Both,
        ..plan(0, 20)
    };
    let mut world = World::new(Rc::new(plan), false).without_checks();
    let asked = |world: &World| {
        (0..60).filter_map(|host| world.stats(host)).map(|all| all.mdns.queries_out).sum::<u64>()
    };
    world.run(Duration::from_secs(5));
    let before = asked(&world);
    world.run(Duration::from_secs(15));
    let failed: u64 =
        (0..60).filter_map(|host| world.stats(host)).map(|all| all.session.handshakes_failed).sum();
    assert!(failed > 100, "the link is not busy: {failed} calls came to nothing");
    let asked = asked(&world) - before;
    // The browse of each, twice at most, on both families.
    assert!(asked <= 60 * 2 * 2, "{asked} questions");
}
