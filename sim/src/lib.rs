//! A network in which everything can go wrong, and every run can be repeated.
//!
//! The very same [`chat_core::Node`] that runs in the programs, driven by virtual time: no threads, no sockets, no
//! wall clock. A [`plan::Plan`] spells a run out; a [`World`] lets it happen. [`Program`] is for whoever has a state
//! machine of their own to try.
#![forbid(unsafe_code)]

mod chance;
pub mod compare;
mod complaint;
pub mod expect;
pub mod fault;
pub mod floor;
pub mod foe;
mod host;
mod lan;
pub mod plan;
mod program;
mod queue;
pub mod scenario;
pub mod suite;
mod trace;
pub mod units;
mod watch;
mod world;

pub use complaint::Complaint;
pub use lan::profile;
pub use program::{Program, Start};
pub use trace::{Checkpoint, Hash};
pub use watch::{Violation, quiet::Quiet, tally::Figures};
pub use world::{Counts, Outcome, World};

/// Every property that is watched over: its name and what it says.
#[must_use]
pub const fn checks() -> &'static [(&'static str, &'static str)] {
    watch::explain::CHECKS
}

/// What the property `name` says, or what it means that something called so happened.
#[must_use]
pub fn explain(name: &str) -> Option<&'static str> {
    let check = checks().iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    check.map(|(_, meaning)| *meaning).or_else(|| expect::describe(name))
}
