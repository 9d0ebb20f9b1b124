//! The bare work of a network simulator: datagrams from host to host, and no protocol.
#![forbid(unsafe_code)]

use std::{fmt::Write as _, hint::black_box, process::ExitCode, time::Duration};

mod in_madsim;
mod in_sim;
mod in_turmoil;
mod limit;
mod work;

use peers::{
    Compared,
    figures::{number, spread, time},
    machine,
};
use work::Ledger;

/// How often each is measured, in turn.
const ROUNDS: usize = 5;
/// What is asked of `sim`: so many times the others' datagrams a second.
const OF_MADSIM: f64 = 5.0;
const OF_TURMOIL: f64 = 1000.0;

/// Somebody who does the work.
struct Contestant {
    name: String,
    /// So much simulated time, in seconds.
    seconds: u64,
    /// Lets that much pass, and tells what each host received.
    run: fn(u64) -> Vec<Ledger>,
    goal: Option<f64>,
    took: Vec<Duration>,
}

fn main() -> ExitCode {
    peers::part("simulators", &[], |_| compare())
}

/// Lets each do the work, in turn.
fn compare() -> Compared {
    let contestant =
        |name: String, seconds, run, goal| Contestant { name, seconds, run, goal, took: Vec::new() };
    let of = |package: &str| format!("{package} {}", machine::version(package));
    // Turmoil polls every host at every tick: a minute takes it more than a minute.
    let mut all = [
        contestant("limit: a heap, and a boxed copy in and out".into(), 60, limit::run, None),
        contestant("sim".into(), 60, in_sim::run, None),
        contestant(of("madsim"), 60, in_madsim::run, Some(OF_MADSIM)),
        contestant(
            format!("{}, ticks of 1 ms (default)", of("turmoil")),
            3,
            in_turmoil::default,
            Some(OF_TURMOIL),
        ),
        contestant(format!("{}, ticks of 10 ms", of("turmoil")), 3, in_turmoil::coarse, None),
    ];
    for _ in 0..ROUNDS {
        for contestant in &mut all {
            contestant.play();
        }
    }
    tell(&all)
}

impl Contestant {
    fn play(&mut self) {
        let start = machine::spent();
        let received = black_box((self.run)(black_box(self.seconds)));
        self.took.push(machine::spent() - start);
        assert!(
            received == work::expected(self.seconds),
            "{}: everything arrives, where it was sent to",
            self.name
        );
    }

    /// Datagrams a second.
    fn rate(&self) -> f64 {
        work::datagrams(self.seconds) as f64 / spread(&self.took)[0]
    }
}

fn tell(all: &[Contestant]) -> Compared {
    let own = all.iter().find(|one| one.name == "sim").map_or(0.0, Contestant::rate);
    let mut text = format!(
        "{} hosts, each with {} datagrams of {} B per simulated second to random hosts, 1 to 10 ms on their way; \
         nothing is lost, and each simulator proves at the end that all arrived where they should. Medians of {ROUNDS} \
         rounds (shortest to longest), one after the other in each round. What counts is the time of the processor, \
         of which each uses one thread, from building the world to tearing it down; an event is a timer or a \
         delivery.\n\n\
         | | simulated | CPU time | datagrams/s | events/s | simulated / CPU time | sim is |\n|---|---|---|---|---|---|---|\n",
        work::HOSTS,
        work::PER_SECOND,
        work::SIZE,
    );
    for one in all {
        let [median, least, most] = spread(&one.took);
        let _ = writeln!(
            text,
            "| {} | {} s | {} ({} to {}) | {} | {} | {} | {} times as fast |",
            one.name,
            one.seconds,
            time(median),
            time(least),
            time(most),
            number(one.rate()),
            number(2.0 * one.rate()),
            number(one.seconds as f64 / median),
            number(own / one.rate()),
        );
    }
    text.push('\n');
    let mut is_reached = true;
    for (one, goal) in all.iter().filter_map(|one| Some((one, one.goal?))) {
        let ratio = own / one.rate();
        is_reached &= ratio >= goal;
        let said = if ratio >= goal { "reached" } else { "missed" };
        let _ =
            writeln!(text, "- {} times {}: the goal is {}, {said}.", number(ratio), one.name, number(goal));
    }
    Compared { text, is_reached }
}
