//! The world lets the very same nodes meet, talk and crash.

use std::{rc::Rc, time::Duration};

use sim::{
    World,
    fault::{Damage, DiskFate, Fault, PlannedFault, Target},
    plan::{Act, Deed, Host, Plan, SuiteChoice},
    profile,
    units::{Share, Span},
};

fn plan(peers: usize, seconds: u64) -> Plan {
    Plan {
        duration: Span::from_secs(seconds),
        suite: SuiteChoice::Cheap,
        segments: vec![profile::named("switch").unwrap()],
        hosts: vec![Host { on: vec![0], starts: Span::default() }; peers],
        ..Plan::empty("test", 7)
    }
}

#[test]
fn the_same_plan_gives_the_same_run_with_either_queue() {
    let mut plan = plan(6, 30);
    plan.acts.push(Act {
        at: Span::from_secs(10),
        host: 1,
        what: Deed::Say { room: "#lobby".into(), size: 40 },
    });
    let on = || Target::Segment(0);
    let fault =
        |at, what| PlannedFault { at: Span::from_secs(at), span: Some(Span::from_secs(5)), on: on(), what };
    plan.faults.push(fault(2, Fault::Loss { share: Share::from_ppm(100_000), class: Default::default() }));
    plan.faults.push(fault(3, Fault::Corrupt { share: Share::from_ppm(100_000), how: Damage::Bit }));
    plan.faults.push(fault(12, Fault::Crash { disk: DiskFate::Torn }));
    let plan = Rc::new(plan);
    let outcome = |tree| {
        let mut world = World::new(Rc::clone(&plan), tree);
        while world.run(Duration::from_secs(1)) {}
        world.outcome()
    };
    let (wheel, tree) = (outcome(false), outcome(true));
    assert_eq!(wheel, tree);
    assert_eq!(wheel.violation, None);
}
