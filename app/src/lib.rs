//! What a person sees: command line, front ends, profile and history. No runtime: a program brings its own.
//!
//! ```no_run
//! # fn main_with(start: chat_app::Start) -> std::process::ExitCode {
//! chat_app::main("chat-std", start)
//! # }
//! ```
#![forbid(unsafe_code)]

mod address;
mod carry;
mod clean;
mod cli;
mod doctor;
mod door;
mod engine;
mod fault;
mod files;
mod front;
mod happening;
mod input;
mod json;
mod keeper;
#[cfg(feature = "mdns-crates")]
mod mdns_crates;
mod multicast;
mod offline;
mod oneshot;
mod out;
mod people;
mod phrase;
mod plain;
mod profile;
mod query;
mod rekeys;
mod run;
mod signals;
pub mod store;
mod terminal;
#[cfg(test)]
mod testing;

use std::{io, process::ExitCode};

use chat_core::Node;
use chat_net::{Clock, Net};

pub use chat_net::{OnOutput, Submit};

/// How a runtime drives a node: it takes the sockets, feeds the node what arrives, sends what it transmits, gives
/// everything else it wants to the [`OnOutput`], and returns the way to give it more.
pub type Start = fn(Node, Net, Clock, OnOutput) -> io::Result<Submit>;

/// The whole program: reads the command line, runs until the person or a signal ends it, and tells how it ended.
///
/// `program` is the name by which the person calls it.
#[must_use]
pub fn main(program: &'static str, start: Start) -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    #[cfg(feature = "mdns-crates")]
    if let Some(ended) = mdns_crates::child(&arguments) {
        return ended;
    }
    run::program(program, &arguments, &|options| engine::open_net(program, options, start)).into()
}
