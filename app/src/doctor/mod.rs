//! The doctor: what is known of this network, what is wrong with it in order of likelihood, and what to do about it.
//!
//! ```text
//! Surroundings (the system) --+
//! Findings (the node)  -------+-> Facts -> verdict -> causes -> remedy -> words and a command
//! ports, what was asked for --+     |                              |
//!                                   +--> redacted -> json          +-> text: the table, the verdict
//! ```

mod facts;
mod json;
mod remedy;
mod text;
mod verdict;

pub(crate) use self::{
    facts::Facts,
    json::json,
    text::{table, verdict_lines},
    verdict::{Cause, causes},
};
