//! How much there may be of everything, and how long keys last.

use core::time::Duration;

use crate::{config::Config, time::Instant};

/// The limits of all sessions: those of the configuration, and what is not in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) sessions: usize,
    pub(super) half_open: usize,
    pub(super) backlog: usize,
    /// Keys are renewed after this time.
    pub(super) renewal: Duration,
    /// Keys are renewed after so many packets.
    pub(super) packets: u64,
    /// Keys are renewed after so many forged packets.
    pub(super) failures: u64,
    /// Whether it is told what packets say.
    pub(super) trace: bool,
}

impl Limits {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            sessions: config.sessions_max,
            half_open: config.half_open_max,
            // Entries stop at once the limit; what is said about them must still get through.
            backlog: config.backlog_max.saturating_mul(2),
            renewal: Duration::from_secs(3600),
            packets: 1 << 32,
            failures: 1 << 36,
            trace: config.trace,
        }
    }

    /// When keys made now are renewed. The side that dialled is first, so that both do not begin at once.
    pub(super) fn renewal(&self, now: Instant, dialled: bool) -> Instant {
        now + if dialled { self.renewal } else { self.renewal * 17 / 16 }
    }

    /// After how many packets they are.
    pub(super) const fn packets(&self, dialled: bool) -> u64 {
        if dialled { self.packets } else { self.packets.saturating_add(self.packets / 16) }
    }
}
