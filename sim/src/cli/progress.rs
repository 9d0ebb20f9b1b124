//! How far a run is: a bar on a terminal, else a line now and then.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::clock::Stopwatch;

/// Shows how far something is.
pub(super) enum Progress {
    Nothing,
    Bar(ProgressBar),
    Lines {
        name: String,
        watch: Stopwatch,
        /// When the next line is due; it doubles.
        due: Duration,
    },
}

/// The first line comes after so long.
const FIRST: Duration = Duration::from_secs(2);
const STEPS: u64 = 1000;

impl Progress {
    pub(super) fn new(name: &str, wanted: bool) -> Self {
        if !wanted {
            return Self::Nothing;
        }
        if !stderr().is_terminal() {
            return Self::Lines { name: name.to_owned(), watch: Stopwatch::start(), due: FIRST };
        }
        let bar = ProgressBar::new(STEPS).with_prefix(name.to_owned());
        let style =
            ProgressStyle::with_template("{prefix}  {bar:30}  {percent} %  {msg}  {elapsed}, {eta} left");
        Self::Bar(style.map_or(bar.clone(), |style| bar.with_style(style.progress_chars("##-"))))
    }

    /// So much of it is done, between 0 and 1.
    pub(super) fn at(&mut self, done: f64, what: impl FnOnce() -> String) {
        match self {
            Self::Nothing => {}
            Self::Bar(bar) => {
                bar.set_message(what());
                bar.set_position((done * STEPS as f64) as u64);
            }
            Self::Lines { name, watch, due } if watch.passed() >= *due => {
                *due *= 2;
                let _ = writeln!(stderr(), "{name}: {:.0} %, {}", done * 100.0, what());
            }
            Self::Lines { .. } => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
