//! What measurements have in common: when they say anything at all, and what the system tells of a program.

use std::fs;

use crate::{bin::is_release, chat::Chat, lan::Lan};

/// A network, unless the programs are debug builds: those say nothing about a promise.
#[must_use]
pub fn measured() -> Option<Lan> {
    if !is_release() {
        println!("not measured: these are debug builds; set CHAT_RELEASE=1");
        return None;
    }
    Lan::new()
}

/// Memory that a program occupies, in KiB.
///
/// # Panics
/// When it has ended.
#[must_use]
pub fn resident(chat: &Chat) -> u64 {
    number(&status(chat), "VmRSS:")
}

/// The threads of a program.
///
/// # Panics
/// When it has ended.
#[must_use]
pub fn threads(chat: &Chat) -> u64 {
    number(&status(chat), "Threads:")
}

/// How often the threads of a program have gone to sleep, which is how often they were woken.
///
/// # Panics
/// When it has ended.
#[must_use]
pub fn wakes(chat: &Chat) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", chat.id())).expect("a living process");
    tasks
        .map(|task| fs::read_to_string(task.expect("a task").path().join("status")).expect("a living thread"))
        .map(|status| number(&status, "voluntary_ctxt_switches:"))
        .sum()
}

fn status(chat: &Chat) -> String {
    fs::read_to_string(format!("/proc/{}/status", chat.id())).expect("a living process")
}

fn number(status: &str, field: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
