//! What came out, in words and as tables.

use std::{fmt::Write as _, time::Duration};

use peers::figures::{number, spread, time};

use crate::{
    QUIET, QUIET_AFTER, ROUNDS, Results, SETTLED,
    crowd::{LIMIT, Welcome},
    gone::Leaving,
    stack::Stack,
    wire::Frames,
};

/// Our program, whom it is compared with, and how much of their time it may take.
const GOALS: [(Stack, Stack); 2] = [(Stack::Race, Stack::Libp2p), (Stack::Mdns, Stack::MdnsSd)];
const GOAL: f64 = 1.0;
/// From here on a run fails. Below, it may be that others had the machine just then: a time of ten milliseconds
/// doubles when a compiler runs beside it.
const FAILED: f64 = 2.0 * GOAL;
/// Until all others tell that somebody is gone: of two, of more, and after a goodbye.
const LOST_OF_TWO: Duration = Duration::from_secs(7);
const LOST: Duration = Duration::from_secs(5);
const QUIT: Duration = Duration::from_millis(10);

/// The text, and whether the run may pass.
pub(crate) fn tell(results: &Results) -> (String, bool) {
    let mut text = format!(
        "N peers of a kind have been there for {} s or more, each a process on a host of its own (a \
         network namespace; IPv4, no loss, no delay; among fifty the hardware addresses are known \
         beforehand, since the machine keeps too few of them); then one more starts, whom nobody has met \
         before. Medians of {} newcomers, {} where N is 50 (shortest to longest), by turns, in \
         milliseconds from just before the process is started to when the one who started it reads the \
         line: it has told of all N (\"knows all\"), and all N have told of it (\"known to all\"). What \
         counts is the later of the two in each round. For our program that is the line `online`: the \
         other has proven who it is, or somebody who has is its witness; the newcomer's profile exists, \
         and is otherwise new. For the others it is an address and a port that nobody has proven: \
         `mdns::Event::Discovered` of libp2p (a swarm with nothing but its mdns, on one thread of tokio), \
         `ServiceResolved` of mdns-sd, a response with PTR, SRV and A of mdns.\n\n",
        SETTLED.as_secs(),
        ROUNDS[0],
        ROUNDS[1],
    );
    let mut sizes: Vec<_> = results.welcomes.iter().map(|(_, size, _)| *size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    text.push('|');
    sizes.iter().for_each(|size| _ = write!(text, " | N = {size}: knows all | known to all | both"));
    text.push_str(" |\n|---");
    text.push_str(&"|---".repeat(3 * sizes.len()));
    text.push_str("|\n");
    for stack in [Stack::Race, Stack::Libp2p, Stack::Mdns, Stack::MdnsSd, Stack::Pair] {
        let _ = write!(text, "| {}", stack.name());
        for &size in &sizes {
            for cell in cells(of(results, stack, size)) {
                let _ = write!(text, " | {cell}");
            }
        }
        text.push_str(" |\n");
    }
    text.push('\n');
    let mut is_reached = true;
    for (own, other) in GOALS {
        for &size in &sizes {
            let both = |stack| median(of(results, stack, size).iter().map(|welcome| welcome.whole()));
            let ratio = both(own).zip(both(other)).map_or(f64::INFINITY, |(own, other)| own / other);
            is_reached &= ratio <= FAILED;
            let said = if ratio <= GOAL { "reached" } else { "not reached" };
            let _ = writeln!(
                text,
                "- N = {size}: {} takes {} times as long as {}: the goal is at most {}, {said}.",
                own.name(),
                number(ratio),
                other.name(),
                number(GOAL),
            );
        }
    }
    let _ = writeln!(
        text,
        "\nThe times are short and the machine is shared, so a run fails only above {} times.",
        number(FAILED)
    );
    for (stack, size, count) in &results.strangers {
        let pairs = size * (size - 1);
        let _ = writeln!(
            text,
            "\n{}, N = {size}: before the newcomer came, {count} of {pairs} times somebody did not know somebody.",
            stack.name(),
        );
    }
    quiet(&mut text, &results.quiet);
    leaving(&mut text, &results.leaving);
    (text, is_reached)
}

fn of(results: &Results, stack: Stack, size: usize) -> &[Welcome] {
    let fits = |row: &&(Stack, usize, Vec<Welcome>)| (row.0, row.1) == (stack, size);
    results.welcomes.iter().find(fits).map_or(&[], |row| &row.2[..])
}

/// Knows all, known to all, both.
fn cells(welcomes: &[Welcome]) -> [String; 3] {
    [|welcome: &Welcome| welcome.found, |welcome: &Welcome| welcome.seen, |welcome: &Welcome| welcome.whole()]
        .map(|part| cell(&welcomes.iter().map(part).collect::<Vec<_>>()))
}

/// In milliseconds: what is more than the limit counts as more than anything.
fn cell(times: &[Option<Duration>]) -> String {
    if times.is_empty() {
        return "-".into();
    }
    let known: Vec<Duration> = times.iter().copied().flatten().collect();
    let late = times.len() - known.len();
    let ms = |seconds: f64| number(seconds * 1e3);
    match (median(times.iter().copied()), late) {
        (Some(middle), 0) => {
            let [_, least, most] = spread(&known);
            format!("{} ({} to {})", ms(middle), ms(least), ms(most))
        }
        (Some(middle), late) => {
            format!("{} ({late} of {} not within {} s)", ms(middle), times.len(), LIMIT.as_secs())
        }
        (None, late) => format!("not within {} s ({late} of {})", LIMIT.as_secs(), times.len()),
    }
}

/// In seconds, if it is known.
fn median(times: impl Iterator<Item = Option<Duration>>) -> Option<f64> {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable_by_key(|time| time.unwrap_or(Duration::MAX));
    times.get(times.len() / 2).copied().flatten().map(|time| time.as_secs_f64())
}

fn quiet(text: &mut String, all: &[(usize, Frames)]) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nNothing happens: frames that all N of our program together put on the wire in {} s, from {} s after the \
         last of them was started. In brackets frames a second.\n\n\
         | N | multicast DNS (UDP 5353) | broadcast (UDP 27181) | chat | other (ARP, IGMP) | all |\n\
         |---|---|---|---|---|---|",
        QUIET.as_secs(),
        QUIET_AFTER.as_secs(),
    );
    let rate = |frames: u64| format!("{frames} ({})", number(frames as f64 / QUIET.as_secs_f64()));
    for (size, frames) in all {
        let Frames { mdns, beacon, chat, other } = *frames;
        let cells = [mdns, beacon, chat, other, frames.all()].map(rate).join(" | ");
        let _ = writeln!(text, "| {size} | {cells} |");
    }
}

fn leaving(text: &mut String, all: &[Leaving]) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nLeaving: from SIGKILL, and from when `quit` is written, until the last of all others has told `gone`; \
         medians (shortest to longest) in milliseconds, {} rounds each, of N in all.\n\n\
         | N | SIGKILL | goal | `quit` | goal |\n|---|---|---|---|---|",
        all[0].killed.len(),
    );
    for Leaving { size, killed, quit } in all {
        let lost = if *size == 2 { LOST_OF_TWO } else { LOST };
        let [killed, quit] = [(killed, lost), (quit, QUIT)].map(|(times, goal)| {
            let is_reached = median(times.iter().copied()).is_some_and(|middle| middle <= goal.as_secs_f64());
            let said = if is_reached { "reached" } else { "not reached" };
            format!("{} | {}, {said}", cell(times), time(goal.as_secs_f64()))
        });
        let _ = writeln!(text, "| {size} | {killed} | {quit} |");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_too_long_counts_as_longer_than_anybody() {
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(cell(&[ms(9), ms(3), ms(5)]), "5 (3 to 9)");
        assert_eq!(cell(&[None, ms(3), ms(5)]), "5 (1 of 3 not within 20 s)");
        assert_eq!(cell(&[None, ms(3), None]), "not within 20 s (2 of 3)");
        assert_eq!(median([None, ms(3), None].into_iter()), None);
    }
}
