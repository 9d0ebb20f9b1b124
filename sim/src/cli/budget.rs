//! What a call may use: time, memory, and the patience of whoever watches.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Exit, Refusal, args::Options, clock::Stopwatch};

/// Shared by all threads.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    pub(super) watch: Stopwatch,
    wall: Option<Duration>,
    rss: Option<u64>,
    interrupted: Arc<AtomicBool>,
}

/// Why a run was ended before its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// So much time was allowed.
    Wall(Duration),
    /// So many bytes were allowed, and these are used.
    Rss(u64, u64),
    /// Ctrl-C.
    Interrupt,
    /// Another run has failed, and this one is not needed any more.
    Dropped,
}

impl Budget {
    pub(super) fn new(options: &Options) -> Result<Self, Refusal> {
        let interrupted = Arc::new(AtomicBool::new(false));
        listen(&interrupted)?;
        if options.max_rss.is_some() && rss().is_none() {
            return Err(Refusal("this system does not tell how much memory is used: no --max-rss".into()));
        }
        let wall = options.max_wall.map(|wall| wall.0);
        Ok(Self { watch: Stopwatch::start(), wall, rss: options.max_rss, interrupted })
    }

    /// Whether it is used up.
    pub(super) fn exceeded(&self) -> Option<Stop> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Some(Stop::Interrupt);
        }
        if let Some(wall) = self.wall.filter(|wall| self.watch.passed() >= *wall) {
            return Some(Stop::Wall(wall));
        }
        let allowed = self.rss?;
        rss().filter(|used| *used > allowed).map(|used| Stop::Rss(allowed, used))
    }
}

impl Stop {
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Wall(_) | Self::Rss(..) => Exit::Budget,
            Self::Interrupt | Self::Dropped => Exit::Interrupted,
        }
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wall(wall) => write!(f, "the time of {} is used up", humantime::format_duration(*wall)),
            Self::Rss(allowed, used) => {
                write!(f, "{} MiB of memory are used, {} are allowed", used >> 20, allowed >> 20)
            }
            Self::Interrupt => f.write_str("interrupted"),
            Self::Dropped => f.write_str("not needed any more"),
        }
    }
}

/// Bytes of memory in use.
fn rss() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse::<u64>().ok()?;
    Some(pages * 4096)
}

/// The first Ctrl-C asks to stop, the second ends the program.
#[cfg(unix)]
fn listen(interrupted: &Arc<AtomicBool>) -> std::io::Result<()> {
    use signal_hook::{consts::SIGINT, flag};

    flag::register_conditional_shutdown(SIGINT, Exit::Interrupted as i32, Arc::clone(interrupted))?;
    flag::register(SIGINT, Arc::clone(interrupted))?;
    Ok(())
}

#[cfg(not(unix))]
fn listen(_: &Arc<AtomicBool>) -> std::io::Result<()> {
    Ok(())
}
