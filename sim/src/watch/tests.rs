//! Whole runs, right ones and broken ones, under the eyes of all checks.

use std::{cell::RefCell, net::SocketAddr, rc::Rc, time::Duration};

use chat_core::Instant;

use super::{Check, Fact, Truth, Violation, siege};
use crate::{
    World,
    fault::{Class, DiskFate, Fault, Pause, PlannedFault, Target},
    foe::Model,
    plan::{Act, Deed, Family, Foe, Host, Plan, SuiteChoice, VERSION},
    profile,
    units::{Share, Span},
};

pub(crate) fn plan(peers: usize, seconds: u64) -> Plan {
    Plan {
        version: VERSION,
        name: "test".into(),
        seed: 7,
        duration: Span::from_secs(seconds),
        suite: SuiteChoice::Cheap,
        family: Family::Both,
        segments: vec![profile::named("switch").unwrap()],
        routers: Vec::new(),
        hosts: vec![Host { on: vec![0], starts: Span::default() }; peers],
        ..Plan::empty("", 0)
    }
}

pub(crate) fn foe() -> Foe {
    Foe { on: 0, at: Span::default(), span: None, rate: 5, most: 1000, model: Model::Goodbye }
}

fn fault(at: u64, seconds: u64, hosts: &[usize], what: Fault) -> PlannedFault {
    let (at, span) = (Span::from_secs(at), Some(Span::from_secs(seconds)));
    PlannedFault { at, span, on: Target::Hosts(hosts.to_vec()), what }
}

/// Somebody says something every two seconds.
fn talk(plan: &mut Plan) {
    let hosts = plan.hosts.len();
    for number in 0..plan.duration.0.as_secs() / 2 {
        let what = Deed::Say { room: "#lobby".into(), size: 60 };
        let act = Act { at: Span::from_secs(number * 2), host: number as usize % hosts, what };
        plan.acts.push(act);
    }
}

fn run(mut world: World) -> Option<Violation> {
    while world.run(Duration::from_secs(10)) {}
    world.outcome().violation
}

#[test]
fn all_hold_in_runs_with_many_faults() {
    let ppm = Share::from_ppm;
    for (peers, seed) in [(3, 1), (5, 2), (8, 3)] {
        let mut plan = plan(peers, 200);
        plan.seed = seed;
        talk(&mut plan);
        plan.faults = vec![
            fault(5, 20, &[0, 1], Fault::Loss { share: ppm(300_000), class: Class::All }),
            fault(10, 15, &[2], Fault::InterfaceDown),
            fault(30, 10, &[1], Fault::Crash { disk: DiskFate::LoseUnsynced }),
            fault(45, 12, &[0], Fault::Pause { how: Pause::SleepCounted }),
            fault(60, 5, &[0, 2], Fault::Storm { copies: 3 }),
            fault(70, 5, &[2], Fault::Crash { disk: DiskFate::Wiped }),
        ];
        assert_eq!(run(World::new(Rc::new(plan), false)), None, "{peers} peers");
    }
}

#[test]
fn a_disk_that_loses_in_silence_is_found_out_also_beside_foes() {
    for foes in [vec![], vec![foe()]] {
        let mut plan = plan(3, 60);
        talk(&mut plan);
        plan.foes = foes;
        plan.faults.push(fault(30, 5, &[0], Fault::Crash { disk: DiskFate::LoseUnsynced }));
        let world = || World::new(Rc::new(plan.clone()), false);
        assert_eq!(run(world()), None);
        let mut liar = world();
        liar.disk_of(0).mood.lies = true;
        assert_eq!(run(liar).map(|violation| violation.check), Some("S13"));
    }
}

/// Somebody who can keep two apart, and of whom nobody knows: it pulls the plug.
#[test]
fn a_foe_that_keeps_honest_peers_apart_is_noticed() {
    let violation = |foes: usize, pulls: bool| {
        let mut plan = plan(3, 60);
        plan.foes = vec![foe(); foes];
        // With a fault about, the stricter rules are silent.
        plan.faults.push(fault(0, 1, &[0], Fault::Crash { disk: DiskFate::Kept }));
        let mut world = World::new(Rc::new(plan), false);
        world.run(Duration::from_secs(20));
        if pulls {
            world.pull_the_plug(2);
        }
        run(world).map(|violation| violation.check)
    };
    assert_eq!((violation(0, false), violation(1, false)), (None, None));
    assert_eq!((violation(0, true), violation(1, true)), (Some("L1"), Some("L8")));
}

#[test]
fn who_takes_all_the_air_is_not_judged_by_lateness() {
    let names = |rate: u32, profile: &str| {
        let mut plan = plan(3, 60);
        plan.segments = vec![profile::named(profile).unwrap()];
        plan.foes = vec![Foe { rate, ..foe() }; 2];
        siege::checks(&plan).iter().map(|check| check.name()).collect::<Vec<_>>()
    };
    assert!(names(140, "wifi").contains(&"L1"), "two of 1.5 Mbit/s, and the air has 6");
    assert!(!names(150, "wifi").contains(&"L1"));
    assert!(names(150, "wifi").contains(&"S10"));
    assert!(names(10_000, "switch").contains(&"L1"));
}

#[test]
fn a_twin_that_does_something_else_is_found_out() {
    let mut world = World::new(Rc::new(plan(3, 20)), false);
    world.run(Duration::from_secs(5));
    world.estrange_twins();
    assert_eq!(run(world).map(|violation| violation.check), Some("S17"));
}

#[test]
fn nobody_looks_on_without_checks_and_the_run_is_the_same() {
    let mut plan = plan(4, 30);
    talk(&mut plan);
    let outcome = |mut world: World| {
        while world.run(Duration::from_secs(10)) {}
        let outcome = world.outcome();
        (outcome.hash, outcome.events, outcome.counts)
    };
    let plan = Rc::new(plan);
    let watched = outcome(World::new(Rc::clone(&plan), false));
    assert_eq!(outcome(World::new(plan, false).without_checks()), watched);
}

/// When, from which host, to whom and of what size.
type Sending = (Instant, usize, SocketAddr, usize);

#[derive(Default)]
struct Recorder(Rc<RefCell<Vec<Sending>>>);

impl Check for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn see(&mut self, _truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        if let Fact::Sent { host, transmit, .. } = fact {
            self.0.borrow_mut().push((now, *host, transmit.to, transmit.bytes.len()));
        }
        Ok(())
    }
}

#[test]
fn s15_clocks_that_jump_move_no_timer() {
    let sent = |jump_ms| {
        let mut plan = plan(4, 120);
        plan.faults = vec![
            // A clock that stays right is told at the same moments as one that jumps.
            fault(20, 30, &[0, 2], Fault::Clock { jump_ms, drift_ppm: 0 }),
            fault(70, 20, &[1], Fault::Clock { jump_ms: -jump_ms, drift_ppm: 0 }),
        ];
        let recorder = Recorder::default();
        let sent = Rc::clone(&recorder.0);
        assert_eq!(run(World::new(Rc::new(plan), false).only(vec![Box::new(recorder)])), None);
        sent.take()
    };
    let right = sent(0);
    assert!(right.len() > 500, "{}", right.len());
    for jump in [5_000, -5_000, 7_200_000, -7_200_000] {
        let jumped = sent(jump);
        let differs = right.iter().zip(&jumped).find(|(right, jumped)| right != jumped);
        assert_eq!(differs, None, "{jump} ms");
        assert_eq!(right.len(), jumped.len());
    }
}
