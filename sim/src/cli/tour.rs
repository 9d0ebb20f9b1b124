//! `sim` without a command: what it can do, in twenty seconds.

use std::{cell::RefCell, rc::Rc, thread, time::Duration};

use serde_json::json;
use sim::{
    World,
    plan::{Plan, SuiteChoice},
};

use super::{
    Exit, Refusal,
    args::Options,
    budget::Budget,
    check::{Twice, twice},
    clock::any_seed,
    drive::drive,
    phase::{PROGRAM, Phase},
    run::one,
    show::{Paint, Show, grouped, time},
    subject::{SWARM, Subject, seed},
    swarm::{Limit, Task, Total, cores, kept},
};

/// All of it is over after this.
const LENGTH: Duration = Duration::from_secs(19);
/// The swarm gets what is left, and not less than this.
const SWARM_MIN: Duration = Duration::from_secs(2);
/// Begun runs are finished, so the swarm stops beginning so much earlier.
const LAST_RUN: Duration = Duration::from_secs(1);
const STEPS: usize = 5;

pub(super) fn tour(options: &Options, show: &Show, budget: &Budget) -> Result<Exit, Refusal> {
    let seed = seed(options, any_seed);
    let again = format!("{PROGRAM} --seed {seed:#x}{}", options.typed());
    let suite = match options.changes().suite {
        None => "real, cheap for the largest two",
        Some(SuiteChoice::Real) => "real",
        Some(SuiteChoice::Cheap) => "cheap",
    };
    show.first(seed, suite, &again);
    let tour = Tour { seed, options, show, budget };
    let mut exit = Exit::Pass;
    type Step = fn(&Tour<'_>) -> Result<Exit, Refusal>;
    let steps: [Step; STEPS - 1] =
        [|tour| tour.small(), |tour| tour.large(), |tour| tour.determinism(), |tour| tour.swarm()];
    for step in steps {
        let next = step(&tour)?;
        exit = if exit == Exit::Pass { next } else { exit };
        if matches!(next, Exit::Budget | Exit::Interrupted) || (next != Exit::Pass && !options.keep_going) {
            break;
        }
    }
    let word = match exit {
        Exit::Pass => show.paint(Paint::Good, "PASS"),
        Exit::Budget | Exit::Interrupted => show.paint(Paint::Odd, "STOP"),
        _ => show.paint(Paint::Bad, "FAIL"),
    };
    show.word(format_args!("{word}  in {}    replay: {again}", time(budget.watch.passed())));
    show.object(&json!({ "type": "tour", "seed": format!("{seed:#x}"), "exit": exit as u8, "wall_s": budget.watch.passed().as_secs_f64() }));
    Ok(exit)
}

struct Tour<'a> {
    seed: u64,
    options: &'a Options,
    show: &'a Show,
    budget: &'a Budget,
}

impl Tour<'_> {
    fn small(&self) -> Result<Exit, Refusal> {
        let (what, plan, replay) = self.planned("lan")?;
        let phase = one(&Rc::new(plan), what, &replay, self.options, self.show, self.budget);
        self.tell(1, phase)
    }

    /// The largest two at the same time, the second one in silence.
    fn large(&self) -> Result<Exit, Refusal> {
        let (crowd, plan, replay) = self.planned("crowd")?;
        let (campus, other_plan, other_replay) = self.planned("campus")?;
        let (first, ran) = thread::scope(|scope| {
            let other = scope.spawn(|| {
                let plan = Rc::new(other_plan.clone());
                drive(|| World::new(Rc::clone(&plan), false), self.budget, |_| None)
            });
            let first = one(&Rc::new(plan), crowd, &replay, self.options, self.show, self.budget);
            (first, other.join())
        });
        let Ok(ran) = ran else { return Err(Refusal(format!("{campus}: its thread has ended"))) };
        let second = Phase::new(campus, &other_replay, &Rc::new(other_plan), ran, &self.options.faults);
        let exits = [self.tell(2, first)?, self.tell(3, second)?];
        Ok(exits.into_iter().find(|exit| *exit != Exit::Pass).unwrap_or(Exit::Pass))
    }

    /// What a scenario is with the tour's seed, and how to repeat it.
    fn planned(&self, what: &'static str) -> Result<(&'static str, Plan, String), Refusal> {
        let subject = Subject::find(what)?;
        let plan = subject.plan(self.seed, &self.options.changes())?;
        Ok((what, plan, subject.replay(self.seed, self.options)))
    }

    fn tell(&self, number: usize, mut phase: Phase) -> Result<Exit, Refusal> {
        phase.keep(&self.options.plans)?;
        let plan = &phase.plan;
        let faults = match plan.faults.len() {
            0 => "no faults".to_owned(),
            count => format!("{count} faults"),
        };
        let peers = grouped(plan.hosts.len() as u64);
        let title = format!("{}, {peers} peers, {faults}", phase.name);
        self.line(number, &title, format_args!("{}  {}", phase.summary(), phase.word(self.show)));
        self.show.failure(&phase);
        self.show.object(&phase.json());
        Ok(phase.exit())
    }

    fn determinism(&self) -> Result<Exit, Refusal> {
        let plan = Subject::find("lan")?.plan(self.seed, &self.options.changes())?;
        let (exit, said) = match twice(&plan, self.show, self.budget)? {
            Twice::Same(said) => (
                Exit::Pass,
                format!(
                    "{}  {}",
                    said.split(';').next().unwrap_or_default(),
                    self.show.paint(Paint::Good, "PASS")
                ),
            ),
            Twice::Different(said) => {
                (Exit::Nondeterminism, format!("{}  {said}", self.show.paint(Paint::Bad, "FAIL")))
            }
            Twice::Unfinished(exit, said) => {
                (exit, format!("{}  {said}", self.show.paint(Paint::Odd, "STOP")))
            }
        };
        self.line(4, "the same run twice", &said);
        self.show.object(&json!({ "type": "phase", "name": "determinism", "seed": format!("{:#x}", self.seed), "exit": exit as u8 }));
        Ok(exit)
    }

    fn swarm(&self) -> Result<Exit, Refusal> {
        let subject = Subject::find(SWARM)?;
        let left = LENGTH.saturating_sub(self.budget.watch.passed()).max(SWARM_MIN);
        let begun = self.budget.watch.passed();
        let (kept, limit) = (kept()?, Limit::Time(left - LAST_RUN));
        let task = Task {
            subject: &subject,
            options: self.options,
            budget: self.budget,
            kept: &kept,
            first: self.seed,
            jobs: cores(),
            limit,
        };
        let total = RefCell::new(Total::default());
        let mut progress = self.show.progress("swarm");
        let exit = task.run(|mut phase| {
            total.borrow_mut().add(&phase);
            let passed = self.budget.watch.passed() - begun;
            progress
                .at(passed.as_secs_f64() / left.as_secs_f64(), || format!("{} runs", total.borrow().runs));
            if phase.exit() != Exit::Pass {
                phase.keep(&self.options.plans)?;
                self.show.word(format_args!("      {}  {}", phase.name, phase.word(self.show)));
                self.show.failure(&phase);
            }
            Ok(phase.exit())
        })?;
        drop(progress);
        let (total, passed) = (total.into_inner(), self.budget.watch.passed() - begun);
        let word = if exit == Exit::Pass {
            self.show.paint(Paint::Good, "PASS")
        } else {
            self.show.paint(Paint::Bad, "FAIL")
        };
        self.line(STEPS, "swarm, a seed a core", format_args!("{}  {word}", total.summary(passed)));
        self.show.object(&json!({ "type": "phase", "name": "swarm", "seed": format!("{:#x}", self.seed), "runs": total.runs,
            "simulated_s": total.simulated.as_secs_f64(), "exit": exit as u8 }));
        Ok(exit)
    }

    fn line(&self, number: usize, title: &str, what: impl std::fmt::Display) {
        self.show.line(format_args!("[{number}/{STEPS}] {title:32} {what}"));
    }
}
