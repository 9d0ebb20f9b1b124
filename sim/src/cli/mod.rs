//! What `sim` does when it is called.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::Parser as _;

mod args;
mod bench;
mod budget;
mod check;
mod clock;
mod drive;
mod list;
mod phase;
mod progress;
mod replay;
mod run;
mod show;
mod subject;
mod swarm;
mod tour;

use args::{Args, What};
use budget::Budget;
use show::Show;

/// How it ended, for whoever called the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Exit {
    /// All is well.
    Pass = 0,
    /// A property is broken, or what had to come did not.
    Broken = 1,
    /// The command line, a scenario or a plan makes no sense.
    Usage = 2,
    /// What the run was made for never happened.
    Vacuous = 3,
    /// The same plan gave two runs.
    Nondeterminism = 4,
    /// The time or the memory allowed is used up.
    Budget = 5,
    /// The simulator itself panicked.
    Panic = 6,
    /// Somebody pressed Ctrl-C.
    Interrupted = 130,
}

/// What cannot even begin, in words.
struct Refusal(String);

pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Pass };
            // Nobody to tell if that fails.
            let _ = error.print();
            return exit.into();
        }
    };
    let show = Show::new(&args.options);
    // A panic in a run is met there; any other is no less one of the simulator.
    match catch_unwind(AssertUnwindSafe(|| begin(&args, &show))) {
        Err(_) => Exit::Panic.into(),
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(Refusal(why))) => {
            show.error(&why);
            Exit::Usage.into()
        }
    }
}

fn begin(args: &Args, show: &Show) -> Result<Exit, Refusal> {
    let budget = Budget::new(&args.options)?;
    let options = &args.options;
    match &args.what {
        None => tour::tour(options, show, &budget),
        Some(What::Run { what }) => run::run(what, options, show, &budget),
        Some(What::Swarm(swarm)) => swarm::swarm(swarm, options, show, &budget),
        Some(What::Replay(replay)) => replay::replay(replay, options, show, &budget),
        Some(What::Check { what }) => check::check(what, options, show, &budget),
        Some(What::Bench(bench)) => bench::bench(bench, options, show, &budget),
        Some(What::List) => Ok(list::list(show)),
        Some(What::Explain { name }) => list::explain(name, show),
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl<E: fmt::Display> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}
