//! `sim replay`: a run once more, as far as wanted, with a look at one host.

use std::rc::Rc;

use chat_core::Instant;
use sim::{World, expect::Expect, units::seed as seeds};

use super::{
    Exit, Refusal,
    args::{Options, Replay},
    budget::Budget,
    drive::drive,
    phase::{PROGRAM, Phase, suite},
    run::{look, tell},
    show::Show,
    subject::{SWARM, Subject, plan_of},
};

pub(super) fn replay(
    replay: &Replay,
    options: &Options,
    show: &Show,
    budget: &Budget,
) -> Result<Exit, Refusal> {
    let (mut plan, again) = match seeds::parse(&replay.what) {
        Some(seed) => {
            let subject = Subject::find(SWARM)?;
            (subject.plan(seed, &options.changes())?, subject.replay(seed, options))
        }
        None => {
            // What a plan spells out is not changed from beside it.
            if options.changes() != Default::default() || options.seed.is_some() {
                return Err(Refusal("a plan is replayed as it is: --peers, --duration, --suite, --faults and --seed are for scenarios".into()));
            }
            (plan_of(&replay.what)?, format!("{PROGRAM} replay {}", replay.what))
        }
    };
    if let Some(host) = replay.trace.filter(|host| *host >= plan.hosts.len()) {
        return Err(Refusal(format!(
            "there is no host {host}: there are {}, counted from 0",
            plan.hosts.len()
        )));
    }
    let whole = plan.duration;
    let until = replay.until.map_or(whole, |until| until.min(whole));
    if until < whole {
        // What was expected of the whole is not expected of a part; a broken property shows all the same.
        plan.expect = Expect { apart: true, certain: Some(0), ..Expect::default() };
    }
    let plan = Rc::new(plan);
    show.first(plan.seed, suite(&plan), &again);
    let make = || {
        let mut world = World::until(Rc::clone(&plan), false, Instant::ORIGIN + until.0);
        if let Some(host) = replay.trace {
            let show = *show;
            world.follow(host, Box::new(move |line| show.line(line)));
        }
        world
    };
    // A bar between the lines of a trace would only disturb.
    let mut progress =
        if replay.trace.is_some() { super::progress::Progress::Nothing } else { show.progress(&plan.name) };
    let ran = drive(make, budget, |world| look(world, &plan, &mut progress));
    drop(progress);
    let mut phase = Phase::new(&plan.name, &again, &plan, ran, &[]);
    if until == whole && seeds::parse(&replay.what).is_some() {
        phase.keep(&options.plans)?;
    }
    tell(&phase, show);
    Ok(phase.exit())
}
