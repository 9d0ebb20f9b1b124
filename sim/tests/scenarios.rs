//! The scenarios that come with the program do what they say.

use std::{rc::Rc, time::Duration};

use sim::{
    Outcome, World,
    expect::{Polite, Verdict},
    fault::Kind,
    foe::Model,
    plan::{Foe, Plan, SuiteChoice},
    scenario::{
        Changes, Scenario,
        library::{FILES, kept, named},
    },
};

fn run(plan: &Plan) -> Outcome {
    let mut world = World::new(Rc::new(plan.clone()), false);
    while world.run(Duration::from_secs(10)) {}
    world.outcome()
}

fn judge(plan: &Plan) -> Verdict {
    plan.expect.judge(plan, &run(plan))
}

/// Hours, crowds and weeks are for `sim run`.
fn is_short(plan: &Plan) -> bool {
    let is_crowd = |foe: &Foe| matches!(foe.model, Model::Sybil { keys } if keys > 20);
    !plan.foes.iter().any(is_crowd)
        && plan.duration.0 <= Duration::from_secs(15 * 60)
        && plan.hosts.len() <= 12
}

fn short(is_pending: bool) -> impl Iterator<Item = Plan> {
    let scenarios = FILES.iter().map(|(name, _)| named(name).expect("one of ours"));
    let wanted = scenarios.filter(move |scenario| scenario.expect().pending.is_some() == is_pending);
    let plans =
        wanted.map(|scenario| scenario.plan(scenario.seed(), &Changes::default()).expect("it was read"));
    plans.filter(is_short)
}

#[test]
fn every_short_scenario_passes() {
    let plans: Vec<_> = short(false).collect();
    assert!(plans.len() > 15, "{}", plans.len());
    for plan in plans {
        assert_eq!(judge(&plan), Verdict::Pass, "{}", plan.name);
    }
}

#[test]
fn every_short_pending_one_fails_and_says_why() {
    for plan in short(true) {
        assert!(matches!(judge(&plan), Verdict::Pending(..)), "{}", plan.name);
    }
    // None may be pending: one that is made so is judged alike, and one that passes is told of.
    let mut plan = short(false).next().expect("there are some");
    plan.expect.pending = Some(String::from("why"));
    assert_eq!(judge(&plan), Verdict::NoMorePending(String::from("why")));
    plan.expect.sometimes.push(String::from("peer-forgotten"));
    assert!(matches!(judge(&plan), Verdict::Pending(why, _) if why == "why"));
}

/// The thousands are for `sim run`; what makes them fall silent does so among fewer.
#[test]
fn engines_alone_are_polite_also_when_provoked() {
    for (name, peers) in [("mdns-1000", 150), ("mdns-hostile", 25)] {
        let scenario = named(name).expect("one of ours");
        let changes = Changes { peers: Some(peers), ..Changes::default() };
        let mut plan = scenario.plan(scenario.seed(), &changes).expect("it was read");
        let outcome = run(&plan);
        assert_eq!(plan.expect.judge(&plan, &outcome), Verdict::Pass, "{name}");
        // What was counted is what is judged.
        let quiet = outcome.figures.quiet.clone().expect("it is counted");
        let fewest = quiet.fewest.expect("some were found").0;
        let polite = plan.expect.polite.expect("it is expected");
        let provoked = quiet.packets > 0;
        assert_eq!(provoked, name == "mdns-hostile");
        for stricter in [
            Polite { candidates: fewest + 1, ..polite },
            Polite { each: u64::try_from(quiet.burst.0 - 1).unwrap() / 5, ..polite },
            Polite { busiest: Some(0), ..polite },
        ] {
            plan.expect.polite = Some(stricter);
            let is_broken = matches!(plan.expect.judge(&plan, &outcome), Verdict::Broken(_));
            assert_eq!(is_broken, stricter.busiest != Some(0) || provoked, "{name}: {stricter:?} {quiet:?}");
        }
    }
}

#[test]
fn plans_that_failed_once_pass() {
    for (file, text) in kept().expect("the folder can be read") {
        let plan = Plan::read(&text).unwrap_or_else(|complaint| panic!("{}: {complaint:?}", file.display()));
        assert_eq!(judge(&plan), Verdict::Pass, "{}", file.display());
    }
}

#[test]
fn a_saved_plan_is_the_same_run_as_its_seed() {
    for name in ["swarm", "nemesis", "boundary", "guest-with-bridge", "cloned-machine"] {
        let scenario = named(name).unwrap();
        let changes = Changes { suite: Some(SuiteChoice::Cheap), ..Changes::default() };
        let plan = scenario.plan(0xffff_ffff_0000_0001, &changes).unwrap();
        let text = plan.write().unwrap();
        let again = Plan::read(&text).unwrap();
        assert_eq!(plan, again, "{text}");
        if name == "swarm" {
            assert_eq!(run(&plan), run(&again));
        }
    }
}

#[test]
fn every_kind_is_drawn_and_stays_within_the_plan() {
    let scenario = named("swarm").unwrap();
    let mut kinds = Vec::new();
    for seed in 0..60 {
        let plan = scenario.plan(seed, &Changes::default()).unwrap();
        let last = plan.duration.0 - plan.expect.settling();
        assert!(plan.calm() <= last, "seed {seed}");
        kinds.extend(plan.faults.iter().map(|fault| fault.what.kind()));
    }
    kinds.sort();
    kinds.dedup();
    // There is one version so far.
    assert_eq!(kinds.len(), Kind::ALL.len() - 1);
}

#[test]
fn a_scenario_with_other_numbers_is_still_one() {
    let scenario = named("swarm").unwrap();
    let none = Changes { faults: Some(Vec::new()), peers: Some(5), ..Changes::default() };
    let plan = scenario.plan(1, &none).unwrap();
    assert_eq!((plan.hosts.len(), plan.faults.len()), (5, 0));
    let one = Changes { faults: Some(vec![Kind::Loss]), ..Changes::default() };
    let drawn = |changes: &Changes| -> Vec<_> {
        (0..20).flat_map(|seed| scenario.plan(seed, changes).unwrap().faults).collect()
    };
    let losses = drawn(&one);
    assert!(!losses.is_empty() && losses.iter().all(|fault| fault.what.kind() == Kind::Loss));
    // What is left out leaves the rest as it was.
    let mut all = drawn(&Changes::default());
    all.retain(|fault| fault.what.kind() == Kind::Loss);
    assert_eq!(losses, all);
}

#[test]
fn segments_are_counted_named_and_filled() {
    let text = "
        peers = 10
        campus = true
        [[segment]]
        name = 'office-{}'
        count = 3
        [[segment]]
        name = 'hall'
        profile = 'wifi'
        multicast-loss = 0.5
        peers = 4
        [[host]]
        hosts = [9]
        on = ['office-0', 'hall']
        starts = '3s'";
    let plan = Scenario::read("segments", text).unwrap().plan(1, &Changes::default()).unwrap();
    let names: Vec<_> = plan.segments.iter().map(|segment| segment.name.as_str()).collect();
    assert_eq!(names, ["office-0", "office-1", "office-2", "hall"]);
    assert_eq!(plan.segments[3].multicast_loss.ppm(), 500_000);
    let on = |link| plan.hosts.iter().filter(|host| host.on.contains(&link)).count();
    assert_eq!([0, 1, 2, 3].map(on), [3, 2, 2, 4]);
    assert_eq!(plan.hosts[9].on, [0, 3]);
    assert_eq!(plan.routers.len(), 6);
}

#[test]
fn foes_are_told_where_they_are_and_must_act() {
    let read = |foe: &str| {
        let text = format!("peers = 2\nduration = '40s'\n[[segment]]\nname = 'hall'\n[[foe]]\n{foe}");
        Scenario::read("foes", &text).and_then(|scenario| scenario.plan(1, &Changes::default()))
    };
    let plan = read("what = 'goodbye'\non = 'hall'\nrate = 3\nfor = '9s'").unwrap();
    assert_eq!((plan.foes[0].on, plan.foes[0].rate), (0, 3));
    assert_eq!(judge(&plan), Verdict::Pass);
    for (foe, wrong) in [
        ("what = 'goodbye'\non = 'attic'", "no segment called `attic`"),
        ("what = 'goodbye'\nrate = 0", "from 1 to"),
        ("what = 'goodbye'\nat = '40s'", "not before the end"),
        ("what = 'good-bye'", "unknown variant"),
        ("what = 'goodbye'\nrage = 1", "unknown field `rage`"),
    ] {
        let complaint = read(foe).unwrap_err();
        assert!(complaint.what.contains(wrong) && complaint.span.is_some(), "{foe}: {complaint:?}");
    }
    // It tells again what it hears, and where it is now nobody is heard.
    let mut idle = read("what = 'goodbye'").unwrap();
    idle.segments.push(idle.segments[0].clone());
    idle.foes[0].on = 1;
    assert_eq!(judge(&idle), Verdict::Vacuous(vec!["foe 0 (Goodbye)".into()]));
}
