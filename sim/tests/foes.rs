//! Honest peers among foes: they find each other, stay together, hear each other, and harm nobody.
//!
//! What must hold is in `sim/src/watch/siege.rs`; here are the plans, and what shows that an attack has arrived.

use std::{rc::Rc, time::Duration};

use chat_core::Stats;
use sim::{
    Violation, World,
    foe::Model,
    plan::{Act, Deed, Family, Foe, Host, Plan, SuiteChoice, VERSION},
    profile,
    units::Span,
};

const SECONDS: u64 = 60;
const SEEDS: [u64; 3] = [1, 2, 3];
/// What a foe does in all: enough to fill every table.
const MOST: u64 = 20_000;

/// Three at the start, one who comes in the midst of it; everybody says something every ten seconds.
fn plan(seed: u64, model: &Model, rate: u32) -> Plan {
    let host = |starts| Host { on: vec![0], starts: Span::from_millis(starts) };
    let say = |index: u64| Act {
        at: Span::from_millis(6_000 + index * 2_500),
        host: (index % if index < 12 { 3 } else { 4 }) as usize,
        what: Deed::Say { room: "#lobby".into(), size: 40 },
    };
    Plan {
        version: VERSION,
        name: "foe".into(),
        seed,
        duration: Span::from_secs(SECONDS),
        suite: SuiteChoice::Cheap,
        family: if seed == 3 { Family::V6 } else { Family::Both },
        runs: Default::default(),
        segments: vec![profile::named("switch").unwrap()],
        routers: Vec::new(),
        hosts: vec![host(0), host(1), host(700), host(30_000)],
        faults: Vec::new(),
        foes: vec![Foe { on: 0, at: Span::default(), span: None, rate, most: MOST, model: model.clone() }],
        acts: (0..20).map(say).collect(),
        expect: Default::default(),
    }
}

/// How a run went: what broke, how often the foe acted, and what the hosts have counted.
fn run(plan: Plan) -> (Option<Violation>, u64, Vec<Stats>) {
    let hosts = plan.hosts.len();
    let mut world = World::new(Rc::new(plan), false);
    while world.run(Duration::from_secs(1)) {}
    let stats = (0..hosts).filter_map(|host| world.stats(host)).collect();
    let outcome = world.outcome();
    (outcome.violation, outcome.foes[0], stats)
}

/// An attack: who, how often a second, and with which cryptography it is to be withstood.
struct Attack {
    model: Model,
    rate: u32,
    suite: SuiteChoice,
}

/// `arrived` tells from what a host has counted whether the attack got so far as to be turned away.
fn withstands(name: &str, seeds: &[u64], attack: &Attack, arrived: impl Fn(&Stats) -> bool) {
    let mut broken = Vec::new();
    for &seed in seeds {
        let plan = Plan { suite: attack.suite, ..plan(seed, &attack.model, attack.rate) };
        let (violation, fired, stats) = run(plan);
        assert!(fired > 0, "{name}, seed {seed}: the foe did nothing");
        assert!(
            violation.is_some() || stats.iter().any(&arrived),
            "{name}, seed {seed}: nobody noticed: {stats:?}"
        );
        broken.extend(violation.map(|violation| (seed, violation)));
    }
    assert!(broken.is_empty(), "{name}: {broken:#?}");
}

macro_rules! models {
    ($($suite:ident $name:ident: $model:expr, $rate:expr, $arrived:expr;)*) => {$(
        #[test]
        fn $name() {
            let attack = Attack { model: $model, rate: $rate, suite: SuiteChoice::$suite };
            withstands(stringify!($name), &SEEDS, &attack, $arrived);
        }
    )*};
}

models! {
    Cheap goodbye: Model::Goodbye, 20, |stats| stats.mdns.responses_in > 500;
    Cheap squat: Model::Squat, 5, |stats| stats.mdns.conflicts > 0;
    Cheap tiebreak: Model::Tiebreak, 20, |stats| stats.mdns.queries_in > 500;
    Cheap cache_flush: Model::CacheFlush, 20, |stats| stats.mdns.responses_in > 500;
    Cheap record_flood: Model::RecordFlood, 120, |stats| stats.mdns.crowded > 500;
    Cheap query_storm: Model::QueryStorm, 300, |stats| stats.mdns.queries_in > 1000;
    Cheap cname_loop: Model::CnameLoop, 20, |stats| stats.mdns.responses_in > 500;
    Cheap cname_twice: Model::CnameTwice, 5, |stats| stats.mdns.responses_in > 300;
    Cheap empty_data: Model::EmptyData, 20, |stats| stats.mdns.bad_records > 500;
    Cheap compression: Model::Compression, 20, |stats| stats.mdns.bad_records > 500;
    Cheap truncated: Model::Truncated, 100, |stats| stats.mdns.queries_in > 1000;
    Cheap off_link: Model::OffLink, 50, |stats| stats.mdns.off_link > 10;
    Cheap eclipse: Model::Eclipse, 20, |stats| stats.session.dialled > 100;
    Cheap cannon: Model::Cannon, 10, |stats| stats.session.dialled > 0;
    Real hello_flood_from_one: Model::HelloFlood { addresses: 0 }, 200, |stats| stats.session.cookies > 100;
    Real hello_flood_from_many: Model::HelloFlood { addresses: 5000 }, 500, |stats| stats.session.cookies > 100;
    Real unfinished: Model::Unfinished, 100, |stats| stats.session.cookies > 100;
    Real junk: Model::Junk, 200, |stats| stats.session.stray > 100;
    Real replay: Model::Replay { after: Span::from_secs(5) }, 100, |stats| stats.session.replayed > 100;
    Cheap divert: Model::Divert, 20, |stats| stats.session.replayed > 10;
    Real nonce_bait: Model::NonceBait, 100, |stats| stats.session.forged > 100;
    Real stranger: Model::Stranger, 20, |stats| stats.session.dialled > 10;
    Cheap sizes: Model::Sizes, 100, |stats| stats.session.stray > 100 && stats.mdns.malformed > 100;
    Cheap slow_acks: Model::SlowAcks, 1, |stats| stats.session.proven > 3;
    Cheap silence: Model::Silence, 1, |stats| stats.session.proven > 3;
    Cheap equivocation: Model::Equivocation, 1, |stats| stats.session.proven > 3;
    Cheap future_stamps: Model::FutureStamps, 1, |stats| stats.room.strays > 0;
    Cheap sybil: Model::Sybil { keys: 10 }, 10, |stats| stats.session.proven > 10;
    Cheap loud: Model::Loud, 300, |stats| stats.room.over_rate > 0;
    Cheap masks: Model::Masks, 5, |stats| stats.session.proven > 3;
}

/// 257 real nodes, each with all others: one seed takes as long as all of another model.
#[test]
fn sybil_beyond_all_sessions() {
    let attack = Attack { model: Model::Sybil { keys: 257 }, rate: 10, suite: SuiteChoice::Cheap };
    withstands("sybil_beyond_all_sessions", &[3], &attack, |stats| stats.session.pushed_out > 0);
}

/// Keys are renewed hourly and records forgotten after 75 minutes: what was recorded before means nothing afterwards.
#[test]
fn what_was_said_hours_ago_means_nothing() {
    let model = Model::Replay { after: Span::from_secs(5400) };
    let mut plan = Plan { duration: Span::from_secs(7200), suite: SuiteChoice::Real, ..plan(1, &model, 5) };
    plan.acts.iter_mut().for_each(|act| act.at = Span::from_secs(5400 + act.at.0.as_secs() * 20));
    let (violation, fired, stats) = run(plan);
    assert_eq!(violation, None);
    assert!(fired > 5000 && stats.iter().any(|stats| stats.session.stray > 500), "{fired}, {stats:?}");
}

#[test]
fn foes_are_read_as_they_are_written() {
    let models = [Model::Goodbye, Model::Sybil { keys: 3 }, Model::Replay { after: Span::from_secs(90) }];
    for model in models {
        let plan = plan(1, &model, 7);
        let text = toml::to_string(&plan).unwrap();
        assert_eq!(toml::from_str::<Plan>(&text).as_ref(), Ok(&plan), "{text}");
        let unknown = text.replace("rate = 7", "rate = 7\nrage = 8");
        assert!(toml::from_str::<Plan>(&unknown).unwrap_err().message().contains("rage"));
    }
}

/// Once a foe has gone, those whom it made up are asked for, called less and less, and forgotten: soon there is little
/// left to do for it. It comes in waves, so some minutes count together.
#[test]
fn an_eclipse_leaves_nothing_behind() {
    let spent = |attacked: bool| {
        let mut plan = Plan { duration: Span::from_secs(360), ..plan(1, &Model::Eclipse, 20) };
        plan.foes[0].span = Some(Span::from_secs(20));
        plan.foes.truncate(usize::from(attacked));
        let mut world = World::new(Rc::new(plan), false);
        world.run(Duration::from_secs(160));
        let before = world.outcome().counts;
        world.run(Duration::from_secs(200));
        let after = world.outcome().counts;
        (after.bytes - before.bytes, after.wakes - before.wakes)
    };
    let (quiet, attacked) = (spent(false), spent(true));
    let is_calm = attacked.0 <= 2 * quiet.0 && attacked.1 <= 2 * quiet.1;
    assert!(is_calm, "bytes and wakes: {attacked:?}, not {quiet:?}");
}

#[test]
fn an_attack_can_be_repeated() {
    let outcome = |tree| {
        let mut world = World::new(Rc::new(plan(7, &Model::Junk, 100)), tree);
        while world.run(Duration::from_secs(1)) {}
        world.outcome()
    };
    assert_eq!(outcome(false), outcome(true));
}
