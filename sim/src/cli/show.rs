//! What is printed, and how.

use std::{
    fmt,
    io::{IsTerminal as _, Write as _, stderr, stdout},
    time::Duration,
};

use serde_json::Value;

use super::{
    args::{Color, Options},
    phase::Phase,
    progress::Progress,
};

/// Prints as the options say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Show {
    json: bool,
    quiet: bool,
    paint: bool,
}

/// What a colour is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paint {
    Good,
    Bad,
    Odd,
    Dim,
    Bold,
}

impl Show {
    pub(super) fn new(options: &Options) -> Self {
        let paint = match options.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        Self { json: options.json, quiet: options.quiet, paint: paint && !options.json }
    }

    /// For whoever reads along.
    pub(super) fn line(&self, line: impl fmt::Display) {
        if !self.json && !self.quiet {
            out(line);
        }
    }

    /// For whoever reads at all.
    pub(super) fn word(&self, word: impl fmt::Display) {
        if !self.json {
            out(word);
        }
    }

    /// For programs.
    pub(super) fn object(&self, object: &Value) {
        if self.json {
            out(object);
        }
    }

    pub(super) fn error(&self, what: &str) {
        if self.json {
            out(serde_json::json!({ "type": "error", "message": what }));
        }
        // Nobody to tell if that fails.
        let _ = writeln!(stderr(), "error: {what}");
    }

    /// Version, what runs, and how to repeat it.
    pub(super) fn first(&self, seed: u64, suite: &str, replay: &str) {
        let head = format!("sim {}  seed {seed:#x}  suite {suite}", env!("CARGO_PKG_VERSION"));
        self.line(format_args!("{head}  {}", self.paint(Paint::Dim, format_args!("(replay: {replay})"))));
    }

    /// What a failed phase leaves behind, also with `--quiet`.
    pub(super) fn failure(&self, phase: &Phase) {
        for line in phase.failure() {
            self.word(format_args!("  {line}"));
        }
    }

    pub(super) fn progress(&self, name: &str) -> Progress {
        Progress::new(name, !self.json && !self.quiet)
    }

    pub(super) fn paint(&self, paint: Paint, text: impl fmt::Display) -> String {
        let code = match paint {
            Paint::Good => 32,
            Paint::Bad => 31,
            Paint::Odd => 33,
            Paint::Dim => 2,
            Paint::Bold => 1,
        };
        if self.paint { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// The program goes on when nobody reads any more: its exit code may still be wanted.
fn out(line: impl fmt::Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// A number as people read it: `12,345`, `1.2 M`.
pub(super) fn number(number: u64) -> String {
    match number {
        0..100_000 => grouped(number),
        100_000..10_000_000 => format!("{} k", grouped(number / 1_000)),
        10_000_000..10_000_000_000 => format!("{} M", grouped(number / 1_000_000)),
        _ => format!("{} G", grouped(number / 1_000_000_000)),
    }
}

/// The same in full: `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", grouped(number / 1_000), number % 1_000)
    }
}

/// A time in three or four digits.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        ..0.001 => format!("{:.0} us", seconds * 1e6),
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        ..10.0 => format!("{seconds:.2} s"),
        ..1000.0 => format!("{seconds:.1} s"),
        ..10_000.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// How many times as fast as real time.
pub(super) fn speed(simulated: Duration, wall: Duration) -> String {
    let times = simulated.as_secs_f64() / wall.as_secs_f64().max(1e-9);
    if times < 10.0 { format!("{times:.1}x") } else { format!("{}x", grouped(times as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!(
            [0, 999, 12_345, 123_456, 12_345_678].map(number),
            ["0", "999", "12,345", "123 k", "12 M"]
        );
        assert_eq!(number(12_345_678_901), "12 G");
        let times =
            [250, 12_345, 1_310_000, 59_000_000, 7_200_000_000, 86_400_000_000].map(Duration::from_micros);
        assert_eq!(times.map(time), ["250 us", "12 ms", "1.31 s", "59.0 s", "120 min", "24.0 h"]);
    }
}
