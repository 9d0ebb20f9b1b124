//! What came out, in words and as tables.

use std::fmt::Write as _;

use peers::figures::{middle, number};

use crate::{
    ROUNDS, Results, bulk, catch_up, durable, goals,
    in_gossipsub::WINDOWS,
    trial::{Figure, Stack, Trial, Work},
    work::{LENGTH, PAUSE, SINGLES, flood},
};

/// The text, and whether all goals are reached.
pub(crate) fn tell(results: &Results) -> (String, bool) {
    let mut text = intro();
    for (work, title) in [(Work::One, "One to one"), (Work::Many, "One to nine")] {
        let _ = write!(
            text,
            "{title}:\n\n\
             | | messages/s | µs of the processor for each | one alone: p50, µs | p99, µs | lost or out of order |\n\
             |---|---|---|---|---|---|\n"
        );
        let columns = [Figure::Rate, Figure::Cpu, Figure::Middle, Figure::Late, Figure::Astray];
        rows(&mut text, results, work, &columns);
    }
    let _ = write!(
        text,
        "One to one, both with the history on disk ({} messages alone, {} ms after the answer to the one before; \
         then {} flat out):\n\n\
         | | messages/s answered | µs of the processor for each | one alone: ms until answered |\n|---|---|---|---|\n",
        durable::SINGLES,
        durable::PAUSE.as_millis(),
        number(flood(Stack::Std, Work::Durable) as f64),
    );
    rows(&mut text, results, Work::Durable, &[Figure::Rate, Figure::Cpu, Figure::Kept]);
    let _ = write!(
        text,
        "In bulk, {} MiB to one:\n\n| | MB/s | ms of the processor |\n|---|---|---|\n",
        bulk::SIZE >> 20
    );
    rows(&mut text, results, Work::Bulk, &[Figure::Rate, Figure::Cpu]);
    text.push_str(
        "The same, and single messages while it is under way:\n\n\
         | | MB/s | one alone: p50, µs | p99, µs |\n|---|---|---|---|\n",
    );
    rows(&mut text, results, Work::Beside, &[Figure::Rate, Figure::Middle, Figure::Late]);
    let _ = write!(
        text,
        "A newcomer gets {} entries of a message each from one who has them, both with the history on disk, from before \
         they meet until the last is told; beside it the time that the checks of as many signatures take on one core, \
         and what the memory of both grows by at its height:\n\n\
         | | entries/s | µs of the processor for each | times the checks | MiB |\n|---|---|---|---|---|\n",
        number(catch_up::ENTRIES as f64),
    );
    let columns = [Figure::Rate, Figure::Cpu, Figure::Checks, Figure::Memory];
    rows(&mut text, results, Work::CatchUp, &columns);
    text.push_str("What is asked of ours:\n");
    let is_reached = goals::tell(&mut text, results);
    (text, is_reached)
}

fn intro() -> String {
    let count = |work| {
        let each = |&stack: &Stack| format!("{} {}", number(flood(stack, work) as f64), stack.name());
        work.stacks().iter().map(each).collect::<Vec<_>>().join(", ")
    };
    format!(
        "Messages of {LENGTH} bytes on the loopback interface, all peers of a stack in one process, which has a network \
         namespace of its own. Medians of {ROUNDS} rounds (least to most), by turns. First {SINGLES} single messages, \
         {} ms apart: *one alone* is the time from before it is given to the stack until a receiver has it, over \
         all receivers. Then as many as the sender gets rid of (one to one: {}; one to nine: {}): *messages/s* at the \
         median receiver, until the last message is there; *the processor's time* is that of sender and receivers \
         together, for each message that somebody receives. Every receiver proves that all came, each once and in \
         order; only gossipsub promises no order, and the bare loop nothing.\n\n\
         Ours have their stores in memory, at most 16,384 messages on the way and 2048 not yet answered, and the limit \
         to what one author may push (`author_rate`) raised above what anybody can say; a message is encrypted and \
         signed by its author, up to 256 under one signature when they come fast. gossipsub is set up as in its \
         example of a chat: TCP, noise and yamux, each message signed, everybody connected to everybody, at most {} \
         messages on the way, {} among ten, beyond which it drops some. quinn has a stream to each receiver with a length before each message, one write a message; \
         it encrypts, and nothing is signed. The bare loop neither encrypts nor signs: a datagram a message, at most 128 \
         on the way, and an acknowledgement for 32.\n\n",
        PAUSE.as_millis(),
        count(Work::One),
        count(Work::Many),
        number(WINDOWS[0] as f64),
        WINDOWS[1],
    )
}

fn rows(text: &mut String, results: &Results, work: Work, columns: &[Figure]) {
    for &stack in work.stacks() {
        let _ = write!(text, "| {} |", stack.name());
        for &figure in columns {
            let values = results.get(&(Trial { stack, work }, figure));
            let _ = write!(text, " {} |", values.map_or("-".into(), |values| cell(work, figure, values)));
        }
        text.push('\n');
    }
    text.push('\n');
}

/// The median, and in brackets the least and the most.
fn cell(work: Work, figure: Figure, values: &[f64]) -> String {
    let (factor, unit) = match (work, figure) {
        (_, Figure::Rate | Figure::Checks) => (1.0, ""),
        (_, Figure::Memory) => (1.0 / f64::from(1 << 20), ""),
        (Work::Bulk, _) | (_, Figure::Kept) => (1e3, ""),
        (_, Figure::Astray) => (1e2, " %"),
        _ => (1e6, ""),
    };
    let [median, least, most] = middle(values).map(|value| number(value * factor));
    if least == most { format!("{median}{unit}") } else { format!("{median}{unit} ({least} to {most})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_stands_in_the_unit_of_its_column() {
        assert_eq!(cell(Work::One, Figure::Rate, &[30_000.0, 10_000.0, 20_000.0]), "20 k (10 k to 30 k)");
        assert_eq!(cell(Work::One, Figure::Cpu, &[2e-6, 1e-6, 3e-6]), "2 (1 to 3)");
        assert_eq!(cell(Work::Bulk, Figure::Cpu, &[0.5]), "500");
        assert_eq!(cell(Work::Durable, Figure::Kept, &[0.004]), "4");
        assert_eq!(cell(Work::Many, Figure::Astray, &[0.0, 0.0, 0.001]), "0 % (0 to 0.1)");
    }
}
