//! `sim check`: the same plan in two ways, which have to be the same run.

use std::{
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::json;
use sim::{World, compare::first_difference, plan::Plan};

use super::{
    Exit, Refusal,
    args::Options,
    budget::Budget,
    drive::{End, Ran, drive},
    phase::{PROGRAM, suite},
    run::look,
    show::{Paint, Show, number, time},
    subject::{Subject, plan_of, seed},
    swarm::cores,
};

pub(super) fn check(what: &str, options: &Options, show: &Show, budget: &Budget) -> Result<Exit, Refusal> {
    let (plan, replay) = find(what, options)?;
    show.first(plan.seed, suite(&plan), &replay);
    let exit = match twice(&plan, show, budget)? {
        Twice::Same(said) => {
            show.line(said);
            show.word(show.paint(Paint::Good, "PASS"));
            Exit::Pass
        }
        Twice::Different(said) => {
            show.word(said.trim_end());
            show.word(format_args!("{}  the same plan gives two runs", show.paint(Paint::Bad, "FAIL")));
            show.word(format_args!("  replay   {replay}"));
            Exit::Nondeterminism
        }
        Twice::Unfinished(exit, said) => {
            show.word(format_args!("{}  {said}", show.paint(Paint::Odd, "STOP")));
            exit
        }
    };
    show.object(&json!({ "type": "check", "name": plan.name, "seed": format!("{:#x}", plan.seed), "exit": exit as u8 }));
    Ok(exit)
}

/// The plan in a file of plans, or that of a scenario with its seed.
fn find(what: &str, options: &Options) -> Result<(Plan, String), Refusal> {
    if what.ends_with(".toml")
        && let Ok(plan) = plan_of(what)
    {
        return Ok((plan, format!("{PROGRAM} check {what}")));
    }
    let subject = Subject::find(what)?;
    let seed = seed(options, || subject.scenario.seed());
    let replay = format!("{PROGRAM} check {what} --seed {seed:#x}{}", options.typed());
    Ok((subject.plan(seed, &options.changes())?, replay))
}

/// How two runs of one plan compare.
pub(super) enum Twice {
    /// They are the same; the hash and the figures.
    Same(String),
    /// Where they part.
    Different(String),
    /// There was no end to compare.
    Unfinished(Exit, String),
}

/// Runs `plan` here, and once more with the other queue, on another thread, beside threads that keep the cores busy.
pub(super) fn twice(plan: &Plan, show: &Show, budget: &Budget) -> Result<Twice, Refusal> {
    let here = Rc::new(plan.clone());
    let mut progress = show.progress(&plan.name);
    let one = drive(|| World::new(Rc::clone(&here), false), budget, |world| look(world, plan, &mut progress));
    let done = AtomicBool::new(false);
    let other = thread::scope(|scope| {
        for number in 0..cores() {
            let done = &done;
            scope.spawn(move || disturb(number as u64, done));
        }
        let run = scope.spawn(|| {
            let plan = Rc::new(plan.clone());
            drive(|| World::new(plan, true), budget, |_| None)
        });
        let other = run.join();
        done.store(true, Ordering::Relaxed);
        other
    });
    drop(progress);
    let other = other.map_err(|_| Refusal("a thread panicked".into()))?;
    for ran in [&one, &other] {
        match &ran.end {
            End::Over => {}
            End::Stopped(stop) => return Ok(Twice::Unfinished(stop.exit(), stop.to_string())),
            End::Panicked(what) => return Ok(Twice::Unfinished(Exit::Panic, what.clone())),
        }
    }
    Ok(compare(&here, &one, &other))
}

fn compare(plan: &Rc<Plan>, one: &Ran, other: &Ran) -> Twice {
    let (Some(first), Some(second)) = (&one.outcome, &other.outcome) else {
        return Twice::Unfinished(Exit::Panic, "a run has no outcome".into());
    };
    if first == second {
        return Twice::Same(format!(
            "hash {} both times: a wheel here in {}, a tree on another thread beside {} busy ones in {}; {} events, {} checkpoints",
            first.hash,
            time(one.wall),
            cores(),
            time(other.wall),
            number(first.events),
            first.checkpoints.len()
        ));
    }
    let difference =
        first_difference(|| World::new(Rc::clone(plan), false), || World::new(Rc::clone(plan), true));
    let hashes = format!("hash {} and {}\n", first.hash, second.hash);
    Twice::Different(match difference {
        Some(difference) => format!("{hashes}{difference}"),
        None => format!("{hashes}both are the same again when they run one after the other on one thread"),
    })
}

/// Keeps a core and its caches busy.
fn disturb(number: u64, done: &AtomicBool) {
    let mut cells = vec![number; 1 << 16];
    let mut at = 0usize;
    while !done.load(Ordering::Relaxed) {
        for _ in 0..4096 {
            at = (at * 5 + 12_345) % cells.len();
            cells[at] = cells[at].wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ at as u64;
        }
        thread::yield_now();
    }
}
