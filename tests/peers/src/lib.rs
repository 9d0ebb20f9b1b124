//! The same work done by this project and by others, in one run, on one machine.
//!
//! Each part is a program of its own: `simulators`, `newcomer`, `codec` and `messages`; `neighbour` is what other
//! people's discovery runs in. Start them with `tests/peers/run`; with `--write` a part brings its place in
//! `docs/BENCHMARKS.md` up to date.
#![forbid(unsafe_code)]

use std::process::ExitCode;

pub mod figures;
pub mod machine;
pub mod page;

/// What came out of a part.
pub struct Compared {
    /// In words and as tables.
    pub text: String,
    /// Whether the run may pass.
    pub is_reached: bool,
}

/// Runs the part called `name`, which knows `flags`, and is given those of them that were asked for.
pub fn part(name: &str, flags: &[&str], compare: impl FnOnce(&[String]) -> Compared) -> ExitCode {
    let mut asked: Vec<String> = std::env::args().skip(1).collect();
    if asked.iter().any(|flag| flag != "--write" && !flags.contains(&flag.as_str())) {
        eprintln!("usage: {name} [--write] {}", flags.join(" "));
        return ExitCode::from(2);
    }
    let write = asked.iter().any(|flag| flag == "--write");
    asked.retain(|flag| flag != "--write");
    if machine::packets() != 0 {
        eprintln!("This is no network namespace of its own: start it with tests/peers/run.");
        return ExitCode::from(2);
    }
    let compared = compare(&asked);
    assert_eq!(machine::packets(), 0, "no packet leaves the networks that it made");
    let section = format!("{}\n{}", compared.text, machine::facts());
    print!("{section}");
    if write && let Err(error) = page::put(name, &section) {
        eprintln!("docs/BENCHMARKS.md: {error}");
        return ExitCode::from(2);
    }
    if compared.is_reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
