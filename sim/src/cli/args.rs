//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};
use sim::{
    fault::Kind,
    plan::SuiteChoice,
    scenario::Changes,
    units::{Span, seed},
};

/// The very same node as in the programs, in a network in which everything can go wrong, and every run can be repeated.
///
/// Without a command: a tour of twenty seconds.
#[derive(Debug, Parser)]
#[command(name = "sim", version, args_conflicts_with_subcommands = false, after_help = EXITS)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) what: Option<What>,
    #[command(flatten)]
    pub(super) options: Options,
}

const EXITS: &str = "\
Exit codes: 0 pass, 1 a property or an expectation is broken, 2 usage or a bad scenario, 3 vacuous (something asked for
never happened), 4 nondeterminism, 5 time or memory used up, 6 the simulator panicked, 130 interrupted.";

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Run one scenario: a file, or one of those that `list` shows.
    Run {
        /// Its file or name.
        what: String,
    },
    /// Run a scenario with one seed after the other, a seed on each core.
    Swarm(Swarm),
    /// Repeat a run: one of a swarm by its seed, any by its saved plan.
    Replay(Replay),
    /// Run twice in different ways and find the first difference.
    Check {
        /// A scenario's file or name, or a saved plan.
        #[arg(default_value = "lan")]
        what: String,
    },
    /// Measure how fast it is, beside a bare floor in the same process.
    ///
    /// A ratio of one segment of 1,000 peers (or `--peers`) who discover each other and open no sessions to the same
    /// datagrams in a bare loop of queue, copy, decoder and table; simulated seconds a second of people in session;
    /// a swarm on one core and on all. What falls short of its goal is said, and changes no exit code.
    Bench(Bench),
    /// Show the scenarios that come with the program.
    List,
    /// Say what a property, or something counted, means.
    Explain {
        /// Its name in reports, like S14 or message-late.
        name: String,
    },
}

#[derive(Debug, Group)]
pub(super) struct Swarm {
    /// The scenario's file or name.
    #[arg(default_value = "swarm")]
    pub(super) what: String,
    /// How many seeds.
    #[arg(long, value_name = "N", conflicts_with = "span")]
    pub(super) seeds: Option<u64>,
    /// For how long, like 10m.
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub(super) span: Option<Span>,
    /// How many at once; without it one a core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,
}

#[derive(Debug, Group)]
pub(super) struct Replay {
    /// A seed of the swarm, or the file of a plan.
    pub(super) what: String,
    /// Stop there.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(super) until: Option<Span>,
    /// Print everything that happens to a host.
    #[arg(long, value_name = "host=N", value_parser = host)]
    pub(super) trace: Option<usize>,
}

#[derive(Debug, Group)]
pub(super) struct Bench {
    /// How long all of it may take, about; with less time there are fewer rounds and fewer reach their start.
    #[arg(long = "for", value_name = "TIME", value_parser = span, default_value = "90s")]
    pub(super) span: Span,
}

#[derive(Clone, Debug, Default, Group)]
#[command(next_help_heading = "Options")]
pub(super) struct Options {
    /// The seed: a number, 0x and hexadecimal digits, or `random`.
    #[arg(long, global = true, value_parser = seed_of)]
    pub(super) seed: Option<Seed>,
    /// Other than so many peers.
    #[arg(long, global = true, value_name = "N")]
    pub(super) peers: Option<usize>,
    /// Another duration.
    #[arg(long, global = true, value_name = "TIME", value_parser = span)]
    pub(super) duration: Option<Span>,
    /// Which cryptography: `cheap` proves nothing and is for scale.
    #[arg(long, global = true)]
    pub(super) suite: Option<Suite>,
    /// Of all faults only these kinds, and each of them has to strike.
    #[arg(long, global = true, value_name = "A,B", value_delimiter = ',', value_parser = kind)]
    pub(super) faults: Vec<Kind>,
    /// No faults.
    #[arg(long, global = true, conflicts_with = "faults")]
    pub(super) no_faults: bool,
    /// Go on after a failure.
    #[arg(long, global = true)]
    pub(super) keep_going: bool,
    /// Stop after so much time.
    #[arg(long, global = true, value_name = "TIME", value_parser = span)]
    pub(super) max_wall: Option<Span>,
    /// Stop above so much memory, like 4G.
    #[arg(long, global = true, value_name = "BYTES", value_parser = bytes)]
    pub(super) max_rss: Option<u64>,
    /// One JSON object for each phase, and nothing else, on standard output.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Only what failed, and the last word.
    #[arg(long, short, global = true, action = ArgAction::SetTrue)]
    pub(super) quiet: bool,
    /// When to use colours.
    #[arg(long, global = true, default_value = "auto")]
    pub(super) color: Color,
    /// Where plans of failed runs are saved.
    #[arg(long, global = true, value_name = "DIR", hide = true)]
    pub(super) plans: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seed {
    Random,
    Given(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Suite {
    Real,
    Cheap,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Options {
    /// What they change about a scenario.
    pub(super) fn changes(&self) -> Changes {
        let suite = self.suite.map(|suite| match suite {
            Suite::Real => SuiteChoice::Real,
            Suite::Cheap => SuiteChoice::Cheap,
        });
        let faults = (self.no_faults || !self.faults.is_empty()).then(|| self.faults.clone());
        Changes { peers: self.peers, duration: self.duration, suite, faults }
    }

    /// Those of them that change what a run is, as they are typed.
    pub(super) fn typed(&self) -> String {
        let mut typed = String::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let value = if value.contains(' ') { format!("'{value}'") } else { value };
                typed += &format!(" --{name} {value}");
            }
        };
        add("peers", self.peers.map(|peers| peers.to_string()));
        add("duration", self.duration.map(|duration| duration.to_string()));
        let suite = self.suite.map(|suite| if suite == Suite::Real { "real" } else { "cheap" });
        add("suite", suite.map(str::to_owned));
        let kinds: Vec<_> = self.faults.iter().map(|kind| kind.name()).collect();
        add("faults", (!kinds.is_empty()).then(|| kinds.join(",")));
        if self.no_faults {
            typed += " --no-faults";
        }
        typed
    }
}

fn seed_of(text: &str) -> Result<Seed, String> {
    match text {
        "random" => Ok(Seed::Random),
        _ => seed::parse(text).map(Seed::Given).ok_or("a seed is like 31, 0x1f or random".into()),
    }
}

fn span(text: &str) -> Result<Span, String> {
    match humantime::parse_duration(text) {
        Ok(span) if span.is_zero() => Err("no time at all".into()),
        Ok(span) => Ok(Span(span)),
        Err(error) => Err(format!("{error}; a time is like 250ms, 90s or 2m")),
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.map(Kind::name).join(", ");
    Kind::named(text).ok_or_else(|| format!("the kinds are {}", known()))
}

fn host(text: &str) -> Result<usize, String> {
    let number = text.strip_prefix("host=").and_then(|number| number.parse().ok());
    number.ok_or("whom to trace is written host=3".into())
}

fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "k" | "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return Err("a size is like 500M or 4G".into()),
    };
    let number: u64 = digits.parse().map_err(|_| "a size is like 500M or 4G")?;
    number.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or("that is no size of a memory".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn what_is_typed_again_means_the_same() {
        let line = [
            "sim",
            "run",
            "lan",
            "--peers",
            "4",
            "--duration",
            "1m 30s",
            "--faults",
            "loss,crash",
            "--suite",
            "cheap",
        ];
        let options = Args::try_parse_from(line).unwrap().options;
        assert_eq!(options.typed(), " --peers 4 --duration '1m 30s' --suite cheap --faults loss,crash");
        assert_eq!(options.changes().faults, Some(vec![Kind::Loss, Kind::Crash]));
        let none = Args::try_parse_from(["sim", "run", "lan", "--no-faults"]).unwrap().options;
        assert_eq!((none.typed().as_str(), none.changes().faults), (" --no-faults", Some(Vec::new())));
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(bytes("4G"), Ok(4 << 30));
        assert_eq!(bytes("12"), Ok(12));
        for wrong in ["", "G", "4T", "-1", "0", "99999999999G"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
