//! Properties over the simulator: whatever the plan, its run breaks no promise, and is the same run again; and what
//! is alike in two plans happens alike in both.
//!
//! Every test prints the seed of its plans: `CHAT_SEED` repeats them; `QUICKCHECK_TESTS` asks for more or fewer.
#![forbid(unsafe_code)]

use std::{cell::RefCell, env, rc::Rc, time::Duration};

use quickcheck::{Arbitrary, Gen, QuickCheck, TestResult, Testable};
use sim::{
    Outcome, World,
    fault::{Class, Damage, Fault, PlannedFault, Target},
    plan::{Act, Deed, Host, Plan, Segment},
    profile,
    units::{Share, Span},
};

mod plans;

use plans::{Any, below, last, one_of, some_hosts};

#[test]
fn nothing_promised_is_broken() {
    fn holds(Any(plan): Any) -> TestResult {
        match run(&plan).violation {
            None => TestResult::passed(),
            Some(broken) => {
                TestResult::error(format!("{} at {:?}: {}", broken.check, broken.at, broken.what))
            }
        }
    }
    check(100, holds as fn(Any) -> TestResult);
}

#[test]
fn a_run_is_the_same_with_another_queue() {
    fn same(Any(plan): Any) -> bool {
        let (heap, tree) =
            (ran(World::new(Rc::new(plan.clone()), false)), ran(World::new(Rc::new(plan), true)));
        heap == tree
    }
    check(20, same as fn(Any) -> bool);
}

#[test]
fn a_plan_is_read_as_it_was_written() {
    fn same(Any(plan): Any) -> bool {
        let text = plan.write().unwrap();
        Plan::read(&text).is_ok_and(|again| again == plan)
    }
    check(300, same as fn(Any) -> bool);
}

/// Chance is asked about each thing by itself: what one fault draws shifts nothing of what another one gets.
#[test]
fn a_fault_that_never_bites_changes_nothing() {
    fn nothing(Any(plan): Any, Harmless(fault): Harmless) -> TestResult {
        let mut more = plan.clone();
        more.faults.push(PlannedFault { on: within(&fault.on, plan.hosts.len()), ..fault });
        alike(&told(&plan), &told(&more))
    }
    check(20, nothing as fn(Any, Harmless) -> TestResult);
}

/// The same for a machine that nobody hears.
#[test]
fn a_silent_peer_changes_nothing_for_the_others() {
    fn nothing(Any(plan): Any) -> TestResult {
        let mut more = plan.clone();
        let link = profile::named("switch").unwrap();
        more.segments.push(Segment { name: "cellar".into(), ..link });
        more.hosts.push(Host { on: vec![plan.segments.len()], starts: Span::default() });
        let mut others = told(&more);
        others.pop();
        alike(&told(&plan), &others)
    }
    check(20, nothing as fn(Any) -> TestResult);
}

/// Later, the very same happens, where people only come and meet. (What is said or done has the time in it.)
#[test]
fn the_same_happens_later() {
    fn later(Any(mut plan): Any, beacons: u8) -> TestResult {
        (plan.faults, plan.acts) = (Vec::new(), Vec::new());
        // Radio's beacons come at fixed times.
        let shift = Duration::from_micros(102_400) * (1 + u32::from(beacons));
        let mut shifted = plan.clone();
        let hosts = shifted.hosts.iter_mut().map(|host| &mut host.starts);
        let acts = shifted.acts.iter_mut().map(|act| &mut act.at);
        let faults = shifted.faults.iter_mut().map(|fault| &mut fault.at);
        hosts.chain(acts).chain(faults).for_each(|at| at.0 += shift);
        shifted.duration.0 += shift;
        let sent = |plan, shift| {
            let told = told(plan);
            let lines =
                told.into_iter().map(|lines| lines.into_iter().filter_map(move |line| line.earlier(shift)));
            lines.map(Iterator::collect).collect::<Vec<Vec<_>>>()
        };
        alike(&sent(&plan, Duration::ZERO), &sent(&shifted, shift))
    }
    check(20, later as fn(Any, u8) -> TestResult);
}

/// Who is called what does not matter: everybody is shown the same in the end.
#[test]
fn everybody_has_the_same_in_the_end_whoever_is_who() {
    fn permuted(Any(plan): Any, by: usize) -> TestResult {
        let plan = calm(plan);
        let count = plan.hosts.len();
        let number = |host: usize| (host + by % count) % count;
        let mut other = plan.clone();
        for (host, planned) in plan.hosts.iter().enumerate() {
            other.hosts[number(host)] = planned.clone();
        }
        for act in &mut other.acts {
            act.host = number(act.host);
            if let Deed::Tell { to, .. } = &mut act.what {
                *to = number(*to);
            }
        }
        let shown = |plan: &Plan| -> Vec<Vec<_>> {
            let texts = |lines: Vec<Line>| {
                let mut texts: Vec<_> = lines.iter().filter_map(Line::shown).collect();
                texts.sort();
                texts
            };
            told(plan).into_iter().map(texts).collect()
        };
        let (one, mut two) = (shown(&plan), shown(&other));
        two.rotate_left(by % count);
        alike(&one, &two)
    }
    check(20, permuted as fn(Any, usize) -> TestResult);
}

/// A defect planted into the judgement: whoever looks for it is led to the three things that it takes.
#[test]
fn what_fails_is_made_small() {
    thread_local!(static FAILED: RefCell<Option<Plan>> = const { RefCell::new(None) });
    fn planted(Any(plan): Any) -> bool {
        let crashes = plan.faults.iter().any(|fault| matches!(fault.what, Fault::Crash { .. }));
        let talks = plan.acts.iter().any(|act| act.host == 1 && act.what.is_talk());
        let fails = crashes && talks;
        if fails {
            FAILED.set(Some(plan));
        }
        !fails
    }
    let outcome = quickcheck(2000).quicktest(planted as fn(Any) -> bool);
    assert!(outcome.is_err_and(|result| result.is_failure()), "the defect was never found");
    // The last one that failed is the one that is shown.
    let small = FAILED.take().unwrap();
    assert_eq!((small.faults.len(), small.acts.len()), (1, 1), "{:?}", Any(small));
    // Host 1 talks, and the fault may strike another one with a higher number.
    assert!(small.hosts.len() <= 3, "{:?}", Any(small));
    let end = last(&small) + Duration::from_secs(1);
    assert!(small.duration.0 <= end, "{} after {end:?}", small.duration);
    small.check().unwrap();
}

/// A fault that strikes and never bites.
#[derive(Clone, Debug)]
struct Harmless(PlannedFault);

impl Arbitrary for Harmless {
    fn arbitrary(g: &mut Gen) -> Self {
        let none = Share::default();
        let what = one_of(
            g,
            &[
                Fault::Loss { share: none, class: Class::All },
                Fault::Burst { enter: Share::WHOLE, leave: none, good: none, bad: none },
                Fault::Duplicate { share: none },
                Fault::Reorder { share: none, by: Span::from_secs(1) },
                Fault::Corrupt { share: none, how: Damage::Splice },
                Fault::Refusal { send: none, receive: none },
            ],
        );
        let Any(like) = Any::arbitrary(g);
        let (at, span) = (Span::from_millis(below(g, 30_000)), Some(Span::from_millis(1 + below(g, 30_000))));
        Self(PlannedFault { at, span, on: Target::Hosts(some_hosts(g, &like)), what })
    }
}

/// The same target, in a plan of so many hosts.
fn within(on: &Target, hosts: usize) -> Target {
    match on {
        Target::Hosts(of) => Target::Hosts(of.iter().map(|host| host % hosts).collect()),
        on => on.clone(),
    }
}

/// The plan on one link, without faults, and with words alone, the last of them long before the end.
fn calm(mut plan: Plan) -> Plan {
    plan.faults.clear();
    plan.routers.clear();
    plan.segments = vec![profile::named("wifi").unwrap()];
    plan.hosts.iter_mut().for_each(|host| host.on = vec![0]);
    plan.acts.retain(|act| act.what.is_talk());
    let hosts = plan.hosts.len();
    let joins = (0..hosts).map(|host| Act {
        at: Span(plan.hosts[host].starts.0 + Duration::from_millis(1)),
        host,
        what: Deed::Join("#tea".into()),
    });
    // At the end, so that every word keeps its number, which is in it.
    plan.acts.extend(joins);
    for act in &mut plan.acts {
        let starts = plan.hosts[act.host].starts.0;
        act.at.0 = act.at.0.max(starts + Duration::from_millis(1));
    }
    plan
}

/// A line of what is told about a host.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Line {
    at: Duration,
    what: String,
}

impl Line {
    fn new(line: &str) -> Self {
        let (at, what) = line.trim_start().split_once("  ").expect("a time, and what happens then");
        let (seconds, nanos) = at.split_once('.').expect("seconds with their digits");
        Self { at: Duration::new(seconds.parse().unwrap(), nanos.parse().unwrap()), what: what.to_owned() }
    }

    /// The same `shift` earlier, and without words that name the day.
    fn earlier(self, shift: Duration) -> Option<Self> {
        let what = if self.what.starts_with("tell") || self.what.starts_with("foul") {
            self.what.split(['(', '{']).next().unwrap_or_default().to_owned()
        } else {
            self.what
        };
        Some(Self { at: self.at.checked_sub(shift)?, what })
    }

    /// The text of a message that its person is shown.
    fn shown(&self) -> Option<String> {
        let message = self.what.strip_prefix("tell   Message(")?;
        let (_, text) = message.split_once("text: \"")?;
        Some(text.split('"').next().unwrap_or_default().to_owned())
    }
}

/// Everything that happens to each host, faults aside.
fn told(plan: &Plan) -> Vec<Vec<Line>> {
    let lines = Rc::new(RefCell::new(vec![Vec::new(); plan.hosts.len()]));
    let mut world = World::new(Rc::new(plan.clone()), false);
    for host in 0..plan.hosts.len() {
        let lines = Rc::clone(&lines);
        world.follow(
            host,
            Box::new(move |line| {
                let line = Line::new(line);
                if !line.what.starts_with("fault") {
                    lines.borrow_mut()[host].push(line);
                }
            }),
        );
    }
    ran(world);
    lines.take()
}

/// Whether two are the same; if not, where they part.
fn alike<T: PartialEq + std::fmt::Debug>(one: &[Vec<T>], other: &[Vec<T>]) -> TestResult {
    for (host, (one, other)) in one.iter().zip(other).enumerate() {
        if one != other {
            let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
            let (first, second) = (one.get(same), other.get(same));
            return TestResult::error(format!("host {host}, line {same}: {first:?}, not {second:?}"));
        }
    }
    TestResult::from_bool(one.len() == other.len())
}

fn run(plan: &Plan) -> Outcome {
    ran(World::new(Rc::new(plan.clone()), false))
}

fn ran(mut world: World) -> Outcome {
    while world.run(Duration::from_secs(10)) {}
    world.outcome()
}

/// Tries a property with so many plans.
fn check(tests: u64, property: impl Testable) {
    quickcheck(tests).quickcheck(property);
}

fn quickcheck(tests: u64) -> QuickCheck {
    let given = env::var("CHAT_SEED").ok().map(|seed| seed.parse().expect("CHAT_SEED is a number"));
    // Its single numbers are often none or the largest.
    let any = |g: &mut Gen| (0..4).fold(0, |seed: u64, _| seed.rotate_left(16) ^ u64::arbitrary(g));
    let seed = given.unwrap_or_else(|| any(&mut Gen::new(1)));
    println!("CHAT_SEED={seed}");
    let tests = env::var("QUICKCHECK_TESTS").map_or(tests, |tests| tests.parse().expect("a number"));
    QuickCheck::new().rng(Gen::from_size_and_seed(10, seed)).tests(tests)
}
