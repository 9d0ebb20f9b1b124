//! `sim swarm`: one seed after the other, one on each core.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::json;
use sim::{World, expect::Verdict, fault::Kind, plan::Plan, scenario::library};

use super::{
    Exit, Refusal,
    args::{self, Options},
    budget::{Budget, Stop},
    clock::{Stopwatch, any_seed},
    drive::{End, Ran, drive},
    phase::{PROGRAM, Phase},
    show::{Show, number, speed, time},
    subject::{SWARM, Subject, seed},
};

/// How long it goes on if nobody says.
const USUAL: Duration = Duration::from_secs(60);
/// A kind of fault that was planned so often and never struck is broken itself.
const MUST_STRIKE: u64 = 20;

pub(super) fn swarm(
    swarm: &args::Swarm,
    options: &Options,
    show: &Show,
    budget: &Budget,
) -> Result<Exit, Refusal> {
    let subject = Subject::find(&swarm.what)?;
    let first = seed(options, any_seed);
    // What was typed is wrong for all seeds or for none.
    let plan = subject.plan(first, &options.changes())?;
    let what = if subject.what == SWARM { String::new() } else { format!(" {}", subject.what) };
    let replay = format!("{PROGRAM} swarm{what} --seed {first:#x}{}", options.typed());
    show.first(first, super::phase::suite(&plan), &replay);
    let jobs = swarm.jobs.map_or_else(cores, usize::from);
    let limit = match (swarm.seeds, swarm.span) {
        (Some(seeds), _) => Limit::Seeds(seeds),
        (None, span) => Limit::Time(span.map_or(USUAL, |span| span.0)),
    };
    let kept = if subject.what == SWARM { kept()? } else { Vec::new() };
    let watch = Stopwatch::start();
    let task = Task { subject: &subject, options, budget, kept: &kept, first, jobs, limit };
    let mut total = Total::default();
    let mut progress = show.progress(&subject.what);
    let exit = task.run(|mut phase| {
        total.add(&phase);
        let what = || format!("{} runs, {} simulated", total.runs, time(total.simulated));
        progress.at(limit.done(total.runs, kept.len(), watch.passed()), what);
        if phase.exit() == Exit::Pass {
            show.line(format_args!("  {:20}  {}  {}", phase.name, phase.word(show), steady(&phase)));
        } else {
            phase.keep(&options.plans)?;
            show.word(format_args!("  {:20}  {}", phase.name, phase.word(show)));
            show.failure(&phase);
        }
        show.object(&phase.json());
        Ok(phase.exit())
    })?;
    drop(progress);
    let (exit, word) = total.word(exit, &plan, show, options);
    for line in total.lines(watch.passed(), jobs) {
        show.line(line);
    }
    show.word(word);
    if exit != Exit::Pass {
        show.word(format_args!("  replay   {replay}"));
    }
    show.object(&total.json(exit, watch.passed()));
    Ok(exit)
}

/// What does not differ from one time to the next.
fn steady(phase: &Phase) -> String {
    let Some(outcome) = &phase.ran.outcome else { return String::new() };
    format!(
        "{} peers, {} faults, {} events, hash {}",
        phase.plan.hosts.len(),
        phase.plan.faults.len(),
        number(outcome.events),
        outcome.hash
    )
}

/// The plans that failed once.
pub(super) fn kept() -> Result<Vec<(String, Plan)>, Refusal> {
    let read = |(file, text): (std::path::PathBuf, String)| match Plan::read(&text) {
        Ok(plan) => Ok((file.display().to_string(), plan)),
        Err(complaint) => Err(Refusal(complaint.show(&file.display().to_string(), &text).to_string())),
    };
    library::kept()?.into_iter().map(read).collect()
}

pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// When no further run is begun.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    Seeds(u64),
    /// So long after the call began its swarm.
    Time(Duration),
}

impl Limit {
    fn done(self, runs: u64, kept: usize, passed: Duration) -> f64 {
        match self {
            Self::Seeds(seeds) => runs as f64 / (seeds + kept as u64).max(1) as f64,
            Self::Time(limit) => passed.as_secs_f64() / limit.as_secs_f64(),
        }
    }
}

/// What the threads of a swarm share.
pub(super) struct Task<'a> {
    pub(super) subject: &'a Subject,
    pub(super) options: &'a Options,
    pub(super) budget: &'a Budget,
    pub(super) kept: &'a [(String, Plan)],
    pub(super) first: u64,
    pub(super) jobs: usize,
    pub(super) limit: Limit,
}

/// A run, as a thread hands it over.
type Handed = (u64, Result<(Plan, Ran), String>);

impl Task<'_> {
    /// Runs one after the other and shows each to `each`, always in the order of the seeds: what is printed does not
    /// depend on the threads. The first exit code that is not a pass; without `--keep-going` it ends there.
    pub(super) fn run(&self, mut each: impl FnMut(Phase) -> Result<Exit, Refusal>) -> Result<Exit, Refusal> {
        let (next, enough) = (AtomicU64::new(0), AtomicBool::new(false));
        let watch = Stopwatch::start();
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel::<Handed>();
            for _ in 0..self.jobs {
                let (sender, next, enough) = (sender.clone(), &next, &enough);
                scope.spawn(move || self.work(&sender, next, enough, watch));
            }
            drop(sender);
            let result = self.collect(&receiver, &mut each);
            enough.store(true, Ordering::Relaxed);
            result
        })
    }

    fn work(&self, sender: &mpsc::Sender<Handed>, next: &AtomicU64, enough: &AtomicBool, watch: Stopwatch) {
        loop {
            if enough.load(Ordering::Relaxed) || self.budget.exceeded().is_some() {
                break;
            }
            let index = next.fetch_add(1, Ordering::Relaxed);
            let kept = self.kept.len() as u64;
            let over = match self.limit {
                Limit::Seeds(seeds) => index >= kept + seeds,
                Limit::Time(limit) => index >= kept.max(1) && watch.passed() >= limit,
            };
            if over {
                break;
            }
            let plan = match self.kept.get(index as usize) {
                Some((_, plan)) => Ok(plan.clone()),
                None => self.subject.plan(self.seed(index), &self.options.changes()),
            };
            let ran = plan.map_err(|refusal| refusal.0).map(|plan| {
                let plan = Rc::new(plan);
                let stop = |_: &World| enough.load(Ordering::Relaxed).then_some(Stop::Dropped);
                let ran = drive(|| World::new(Rc::clone(&plan), false), self.budget, stop);
                (Rc::unwrap_or_clone(plan), ran)
            });
            if sender.send((index, ran)).is_err() {
                break;
            }
        }
    }

    fn seed(&self, index: u64) -> u64 {
        self.first.wrapping_add(index - self.kept.len() as u64)
    }

    fn collect(
        &self,
        receiver: &mpsc::Receiver<Handed>,
        each: &mut impl FnMut(Phase) -> Result<Exit, Refusal>,
    ) -> Result<Exit, Refusal> {
        let (mut waiting, mut due, mut worst) = (BTreeMap::new(), 0, Exit::Pass);
        for (index, ran) in receiver {
            waiting.insert(index, ran);
            while let Some(ran) = waiting.remove(&due) {
                let (plan, ran) = ran.map_err(Refusal)?;
                let exit = each(self.phase(due, plan, ran))?;
                due += 1;
                if worst == Exit::Pass {
                    worst = exit;
                }
                if matches!(exit, Exit::Budget | Exit::Interrupted)
                    || (exit != Exit::Pass && !self.options.keep_going)
                {
                    return Ok(worst);
                }
            }
        }
        match self.budget.exceeded() {
            Some(stop) if worst == Exit::Pass => Ok(stop.exit()),
            _ => Ok(worst),
        }
    }

    fn phase(&self, index: u64, plan: Plan, ran: Ran) -> Phase {
        let (name, replay) = match self.kept.get(index as usize) {
            Some((file, plan)) => (plan.name.clone(), format!("{PROGRAM} replay {file}")),
            None => {
                let seed = self.seed(index);
                (format!("{seed:#x}"), self.subject.replay(seed, self.options))
            }
        };
        let mut phase = Phase::new(&name, &replay, &Rc::new(plan), ran, &[]);
        // One seed need not see everything; all of them together do.
        if let Some(Verdict::Vacuous(_)) = phase.verdict {
            phase.verdict = Some(Verdict::Pass);
        }
        phase
    }
}

/// Everything that a swarm brought about.
#[derive(Debug, Default)]
pub(super) struct Total {
    pub(super) runs: u64,
    failed: Vec<String>,
    pub(super) simulated: Duration,
    events: u64,
    /// How often each kind was planned, and struck.
    faults: BTreeMap<Kind, (u64, u64)>,
    happened: BTreeMap<&'static str, u64>,
}

impl Total {
    pub(super) fn add(&mut self, phase: &Phase) {
        let (Some(outcome), End::Over) = (&phase.ran.outcome, &phase.ran.end) else { return };
        self.runs += 1;
        if phase.exit() != Exit::Pass {
            self.failed.push(phase.name.clone());
        }
        self.simulated += outcome.simulated;
        self.events += outcome.events;
        for (fault, fired) in phase.plan.faults.iter().zip(&outcome.fired) {
            let (planned, struck) = self.faults.entry(fault.what.kind()).or_default();
            *planned += 1;
            *struck += fired;
        }
        for (name, times) in &outcome.figures.happened {
            *self.happened.entry(name).or_default() += times;
        }
    }

    /// The last word: also what all seeds together never saw.
    fn word(&self, exit: Exit, plan: &Plan, show: &Show, options: &Options) -> (Exit, String) {
        use super::show::Paint;
        let idle = self.idle(&plan.expect.sometimes, &options.faults);
        match exit {
            Exit::Pass if idle.is_empty() => (exit, show.paint(Paint::Good, "PASS")),
            Exit::Pass => (
                Exit::Vacuous,
                format!("{}  never happened: {}", show.paint(Paint::Bad, "VACUOUS"), idle.join(", ")),
            ),
            Exit::Budget | Exit::Interrupted => (exit, show.paint(Paint::Odd, "STOP")),
            _ => {
                let failed =
                    format!("{} of {} runs: {}", self.failed.len(), self.runs, self.failed.join(", "));
                (exit, format!("{}  {failed}", show.paint(Paint::Bad, "FAIL")))
            }
        }
    }

    /// What should have happened and never did.
    pub(super) fn idle(&self, sometimes: &[String], asked: &[Kind]) -> Vec<String> {
        let struck = |kind: Kind| self.faults.get(&kind).map_or(0, |(_, struck)| *struck);
        let never = |name: &str| match Kind::named(name) {
            Some(kind) => struck(kind) == 0,
            None => !self.happened.contains_key(name),
        };
        let idle =
            self.faults.iter().filter(|(_, (planned, struck))| *planned >= MUST_STRIKE && *struck == 0);
        let idle = idle.map(|(kind, _)| kind.name());
        let asked = asked.iter().filter(|kind| struck(**kind) == 0).map(|kind| kind.name());
        let sometimes = sometimes.iter().map(String::as_str).filter(|name| never(name));
        let mut all: Vec<_> = idle.chain(asked).chain(sometimes).map(str::to_owned).collect();
        all.sort();
        all.dedup();
        all
    }

    pub(super) fn summary(&self, wall: Duration) -> String {
        let struck = self.faults.values().filter(|(_, struck)| *struck > 0).count();
        format!(
            "{} runs, {} simulated in {}, {} events; {struck} of {} kinds of faults struck",
            self.runs,
            time(self.simulated),
            time(wall),
            number(self.events),
            Kind::ALL.len()
        )
    }

    fn lines(&self, wall: Duration, jobs: usize) -> Vec<String> {
        let speed = speed(self.simulated, wall);
        let faults =
            self.faults.iter().map(|(kind, (_, struck))| format!("{} {}", kind.name(), number(*struck)));
        let happened = self.happened.iter().map(|(name, times)| format!("{name} {}", number(*times)));
        vec![
            format!("{}; {speed} on {jobs} threads", self.summary(wall)),
            format!("struck:   {}", faults.collect::<Vec<_>>().join(", ")),
            format!("happened: {}", happened.collect::<Vec<_>>().join(", ")),
        ]
    }

    fn json(&self, exit: Exit, wall: Duration) -> serde_json::Value {
        let faults: BTreeMap<_, _> = self
            .faults
            .iter()
            .map(|(kind, (planned, struck))| (kind.name(), json!({ "planned": planned, "struck": struck })))
            .collect();
        json!({
            "type": "swarm", "exit": exit as u8, "runs": self.runs, "simulated_s": self.simulated.as_secs_f64(),
            "wall_s": wall.as_secs_f64(), "events": self.events, "faults": faults, "happened": self.happened,
        })
    }
}
