//! `sim run`, and what every other command does with one plan.

use std::rc::Rc;

use sim::{World, plan::Plan};

use super::{
    Exit, Refusal,
    args::Options,
    budget::{Budget, Stop},
    drive::drive,
    phase::{Phase, suite},
    show::{Show, number, time},
    subject::{Subject, seed},
};

pub(super) fn run(what: &str, options: &Options, show: &Show, budget: &Budget) -> Result<Exit, Refusal> {
    let subject = Subject::find(what)?;
    let seed = seed(options, || subject.scenario.seed());
    let plan = Rc::new(subject.plan(seed, &options.changes())?);
    let replay = subject.replay(seed, options);
    show.first(seed, suite(&plan), &replay);
    if !subject.scenario.about().is_empty() {
        show.line(subject.scenario.about());
    }
    let mut phase = one(&plan, &plan.name, &replay, options, show, budget);
    phase.keep(&options.plans)?;
    tell(&phase, show);
    Ok(phase.exit())
}

/// Runs one plan.
pub(super) fn one(
    plan: &Rc<Plan>,
    name: &str,
    replay: &str,
    options: &Options,
    show: &Show,
    budget: &Budget,
) -> Phase {
    let mut progress = show.progress(name);
    let ran = drive(|| World::new(Rc::clone(plan), false), budget, |world| look(world, plan, &mut progress));
    Phase::new(name, replay, plan, ran, &options.faults)
}

/// Shows how far a world is.
pub(super) fn look(world: &World, plan: &Plan, progress: &mut super::progress::Progress) -> Option<Stop> {
    let done = world.passed().as_secs_f64() / plan.duration.0.as_secs_f64();
    progress.at(done, || format!("{} simulated, {} events", time(world.passed()), number(world.events())));
    None
}

/// Says everything about one run.
pub(super) fn tell(phase: &Phase, show: &Show) {
    for line in phase.details() {
        show.line(format_args!("  {line}"));
    }
    show.word(phase.word(show));
    show.failure(phase);
    show.object(&phase.json());
}
