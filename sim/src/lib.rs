//! A network in which everything can go wrong, and every run can be repeated.
//!
//! The very same [`chat_core::Node`] that runs in the programs, driven by virtual time: no threads, no sockets, no
//! wall clock. A [`plan::Plan`] spells a run out; a [`World`] lets it happen.
#![forbid(unsafe_code)]

mod chance;
pub mod fault;
pub mod foe;
mod host;
mod lan;
pub mod plan;
mod queue;
pub mod suite;
mod trace;
pub mod units;
mod watch;
mod world;

pub use lan::profile;
pub use trace::{Checkpoint, Hash};
pub use watch::{Violation, explain};
pub use world::{Counts, Outcome, World};
