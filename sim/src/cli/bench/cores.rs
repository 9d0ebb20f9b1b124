//! Whether a swarm uses all cores.

use std::time::Duration;

use crate::cli::{
    Exit, Refusal,
    args::Options,
    budget::Budget,
    clock::Stopwatch,
    subject::{SWARM, Subject},
    swarm::{Limit, Task, cores},
};

/// The same runs twice.
pub(super) struct Cores {
    pub(super) runs: u64,
    pub(super) jobs: usize,
    /// How long they took with one job, and with all.
    pub(super) walls: [Duration; 2],
}

/// As many runs as one job begins within `limit`.
pub(super) fn measure(options: &Options, limit: Duration, budget: &Budget) -> Result<Cores, Refusal> {
    let subject = Subject::find(SWARM)?;
    let options = Options { peers: None, keep_going: true, ..options.clone() };
    let swarm = |jobs, limit| {
        let task = Task { subject: &subject, options: &options, budget, kept: &[], first: 1, jobs, limit };
        let (watch, mut runs) = (Stopwatch::start(), 0);
        task.run(|_| {
            runs += 1;
            // Whether they pass is for `sim swarm` to say.
            Ok(Exit::Pass)
        })?;
        Ok::<_, Refusal>((runs, watch.passed()))
    };
    let (runs, one) = swarm(1, Limit::Time(limit))?;
    let jobs = cores();
    let (_, all) = swarm(jobs, Limit::Seeds(runs))?;
    Ok(Cores { runs, jobs, walls: [one, all] })
}
