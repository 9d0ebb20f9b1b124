//! Clap's errors in one line: what is wrong, and what is allowed.

use clap::{Command, Error, error::ErrorKind};

/// What `error` says, in one line, without what the person can find in `--help`.
pub(super) fn one_line(program: &str, error: &Error, command: &Command) -> String {
    let text = error.to_string();
    let mut line = String::new();
    for part in text.lines().map(str::trim).filter(|part| !part.is_empty()) {
        if part.starts_with("Usage:") || part.starts_with("For more information") {
            continue;
        }
        let part = part.strip_prefix("error: ").unwrap_or(part);
        if !line.is_empty() {
            line.push_str(if line.ends_with(':') { " " } else { "; " });
        }
        line.push_str(part);
    }
    match error.kind() {
        ErrorKind::UnknownArgument => {
            line.push_str("; allowed are ");
            line.push_str(&options(command));
        }
        ErrorKind::MissingRequiredArgument => {
            if let Some(usage) = text.lines().find_map(|line| line.strip_prefix("Usage: ")) {
                line.push_str("; allowed is ");
                line.push_str(usage);
            }
            if text.contains("TEXT") {
                // An unquoted room has vanished before we could see it.
                line.push_str(&format!(
                    "; quote a room, since # begins a comment in a shell: {program} send '#lobby' TEXT"
                ));
            }
        }
        _ => {}
    }
    line
}

/// All options, with their dashes.
fn options(command: &Command) -> String {
    let names = command.get_arguments().filter_map(|option| option.get_long());
    let commands =
        command.get_subcommands().flat_map(Command::get_arguments).filter_map(|option| option.get_long());
    let mut all: Vec<&str> = names.chain(commands).chain(["help", "version"]).collect();
    all.sort_unstable();
    all.dedup();
    all.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(" ")
}
