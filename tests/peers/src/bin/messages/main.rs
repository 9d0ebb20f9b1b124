//! Messages of 100 bytes on the loopback interface: how many arrive in a second, what one costs, and how soon one
//! alone is there. Ours through both runtimes, gossipsub of libp2p, a stream of quinn, and a bare loop over UDP.
//!
//! Every trial is a process of its own in a network of its own, with all peers of one stack in it.
#![forbid(unsafe_code)]

use std::{collections::BTreeMap, process::ExitCode};

mod board;
mod bulk;
mod catch_up;
mod durable;
mod file;
mod gauge;
mod goals;
mod in_gossipsub;
mod in_quinn;
mod in_udp;
mod ours;
mod tables;
mod trial;
mod work;

use peers::Compared;
use trial::{Figure, Trial};

/// How often each is measured, by turns.
const ROUNDS: usize = 5;

/// What was measured, round by round.
type Results = BTreeMap<(Trial, Figure), Vec<f64>>;

fn main() -> ExitCode {
    if let Some(trial) = Trial::asked_for() {
        trial.carry_out();
        return ExitCode::SUCCESS;
    }
    peers::part("messages", &[], |_| compare())
}

fn compare() -> Compared {
    let mut results = Results::new();
    for _ in 0..ROUNDS {
        // What else the machine does meanwhile troubles all alike.
        for trial in Trial::all() {
            for (figure, value) in trial.measure() {
                results.entry((trial, figure)).or_default().push(value);
            }
        }
    }
    let (text, is_reached) = tables::tell(&results);
    Compared { text, is_reached }
}
