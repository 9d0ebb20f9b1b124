//! The history in a file that can be carried elsewhere: entries as they were signed, nothing secret beside them.
//!
//! ```text
//! store -> export -> file (a stick, a mail) -> import -> node, which verifies each as if it had come over the network
//! ```

mod export;
mod file;
pub(crate) mod format;
mod import;
#[cfg(test)]
mod tests;

pub(crate) use export::{ExportError, Exported, Wanted, export, spawn};
pub(crate) use file::Target;
pub(crate) use import::{Import, Outcome, Part, Source, Trouble};

/// A number as people read it: `1,234`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 entry`, `1,234 entries`.
pub(crate) fn entries(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "entry" } else { "entries" })
}
