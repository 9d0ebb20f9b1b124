//! Why the network could not be opened.

use std::{fmt, io};

use crate::interfaces::LookedAt;

/// Why a [`Net`](crate::Net) could not be opened. Its text is for the person and may have several lines.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no interface of a name that was asked for.
    #[error("there is no interface {name:?}; there are:{}", Lines(.looked_at))]
    UnknownInterface {
        /// The name.
        name: String,
        /// All there are.
        looked_at: Vec<LookedAt>,
    },
    /// No interface can be used.
    #[error("no network interface is usable; looked at:{}", Lines(.looked_at))]
    NoNetwork {
        /// All there are, and why each is not used.
        looked_at: Vec<LookedAt>,
    },
    /// The port that was asked for belongs to another program.
    #[error("port {port} is in use by another program; leave out --port to take any that is free")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The chat socket could not be opened for another reason.
    #[error("cannot open UDP port {port}: {source}")]
    Socket {
        /// The port, 0 for any.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The system does not tell its interfaces.
    #[error("cannot list the network interfaces: {0}")]
    Interfaces(#[source] io::Error),
}

struct Lines<'a>(&'a [LookedAt]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(" none");
        }
        self.0.iter().try_for_each(|one| write!(f, "\n  {one}"))
    }
}
