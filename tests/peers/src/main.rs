//! The same work done by this project and by others, in one run, on one machine.
//!
//! Start it with `tests/peers/run`; with `--write` it brings its part of `docs/BENCHMARKS.md` up to date.
#![forbid(unsafe_code)]

use std::process::ExitCode;

mod machine;
mod page;
mod simulators;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let write = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--write"] => true,
        _ => {
            eprintln!("usage: peers [--write]");
            return ExitCode::from(2);
        }
    };
    if machine::packets() != 0 {
        eprintln!("This is no network namespace of its own: start it with tests/peers/run.");
        return ExitCode::from(2);
    }
    let compared = simulators::compare();
    assert_eq!(machine::packets(), 0, "no packet leaves a simulator");
    let section = format!("{}\n{}", compared.text, machine::facts());
    print!("{section}");
    if write && let Err(error) = page::put("simulators", &section) {
        eprintln!("docs/BENCHMARKS.md: {error}");
        return ExitCode::from(2);
    }
    if compared.is_reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
