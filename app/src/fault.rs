//! Why the program ends early: one line for the person, and an exit code for whoever started it.

use std::process::ExitCode;

/// A reason to end the program.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fault {
    pub(crate) exit: Exit,
    /// What is wrong and what can be done about it, in one line.
    pub(crate) message: String,
}

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    Done = 0,
    /// A bad option, or a place that cannot be written.
    Usage = 1,
    /// Nothing to talk through.
    NoNetwork = 2,
    /// `send` was not stored by anybody in time.
    Undelivered = 3,
    /// Another program has the profile.
    InUse = 4,
    /// The store, or the secret beside it, cannot be read.
    Damaged = 5,
    /// A part of the program has failed, as Rust itself says it.
    Failed = 101,
}

impl Fault {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A thread without which nothing goes on has failed.
    pub(crate) fn failed(what: &str) -> Self {
        Self::new(
            Exit::Failed,
            format!("{what} has failed, which is a fault of this program; start it again"),
        )
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
