//! One more joins those who are there: when it knows all of them, and all of them know it. With `--all` also among
//! fifty, and what our own program puts on the wire when nothing happens, and how leaving is seen.
//!
//! Every peer is a process on a host of its own, all on a switch that no other network touches, with IPv4 alone.
#![forbid(unsafe_code)]

use std::{process::ExitCode, thread, time::Duration};

mod crowd;
mod gone;
mod lan;
mod stack;
mod tables;
mod wire;

use crowd::{Crowd, Welcome};
use gone::Leaving;
use peers::Compared;
use stack::Stack;
use wire::Frames;

/// How many newcomers each crowd gets, one after the other: small ones, and those of fifty.
const ROUNDS: [usize; 2] = [5, 3];
/// A crowd stands this long before the first newcomer, and until nothing is being learnt any more.
const SETTLED: Duration = Duration::from_secs(45);
/// Between two newcomers, for what the one before leaves behind.
const PAUSE: Duration = Duration::from_secs(1);
/// When the count of frames begins, behind the last start, and how long it goes on.
const QUIET_AFTER: Duration = Duration::from_secs(120);
const QUIET: Duration = Duration::from_secs(60);

/// What was measured, row by row.
#[derive(Default)]
pub(crate) struct Results {
    welcomes: Vec<(Stack, usize, Vec<Welcome>)>,
    /// Crowds in which somebody does not know somebody before the newcomer comes, and how often that is.
    strangers: Vec<(Stack, usize, usize)>,
    quiet: Vec<(usize, Frames)>,
    leaving: Vec<Leaving>,
}

fn main() -> ExitCode {
    peers::part("newcomer", &["--all"], |flags| {
        let mut results = Results::default();
        few(&mut results);
        if !flags.is_empty() {
            many(&mut results);
        }
        let (text, is_reached) = tables::tell(&results);
        Compared { text, is_reached }
    })
}

/// Two and ten, of every stack.
fn few(results: &mut Results) {
    let mut fast = start(&[2, 10]);
    // It needs up to one interval of 15 s for each newcomer, and is asleep meanwhile: it goes on beside the others.
    let mut slow: Vec<_> = [2, 10].map(|size| Crowd::start(Stack::Pair, size)).into();
    settle(&fast, results);
    thread::scope(|scope| {
        let slow: Vec<_> =
            slow.iter_mut().map(|crowd| scope.spawn(move || rounds([crowd], ROUNDS[0]))).collect();
        results.welcomes.extend(rounds(&mut fast, ROUNDS[0]));
        slow.into_iter().for_each(|each| results.welcomes.extend(each.join().expect("no panic")));
    });
}

/// Fifty, and our own program alone among two, ten and fifty.
fn many(results: &mut Results) {
    let mut fast = start(&[50]);
    let mut own: Vec<_> = [2, 10].map(|size| Crowd::start(Stack::Race, size)).into();
    let since = chat_tests::watch::now();
    settle(&fast, results);
    thread::sleep(QUIET_AFTER.saturating_sub(chat_tests::watch::now() - since));
    let fifty = fast.iter().find(|crowd| crowd.stack() == Stack::Race);
    let crowds: Vec<_> = own.iter().chain(fifty).collect();
    let taps: Vec<_> = crowds.iter().map(|crowd| (crowd.size(), wire::tap(crowd.lan()))).collect();
    thread::sleep(QUIET);
    results.quiet.extend(taps.into_iter().map(|(size, taps)| (size, wire::count(taps))));
    results.welcomes.extend(rounds(&mut fast, ROUNDS[1]));
    drop(fast);
    thread::scope(|scope| {
        let each: Vec<_> = own.iter_mut().map(|crowd| scope.spawn(move || gone::measure(crowd))).collect();
        each.into_iter().for_each(|each| results.leaving.push(each.join().expect("no panic")));
    });
}

/// A crowd of each size of all stacks but the slow one.
fn start(sizes: &[usize]) -> Vec<Crowd> {
    let of_size = |&size| Stack::FAST.map(|stack| Crowd::start(stack, size));
    sizes.iter().flat_map(of_size).collect()
}

/// Waits until all have been there for long enough, and counts who does not know whom by then.
fn settle(crowds: &[Crowd], results: &mut Results) {
    thread::sleep(SETTLED);
    let strangers = crowds.iter().map(|crowd| (crowd.stack(), crowd.size(), crowd.strangers()));
    results.strangers.extend(strangers.filter(|(_, _, count)| *count > 0));
}

/// The newcomers, by turns: what else the machine does then troubles all alike.
fn rounds<'c>(
    crowds: impl IntoIterator<Item = &'c mut Crowd>,
    count: usize,
) -> Vec<(Stack, usize, Vec<Welcome>)> {
    let mut crowds: Vec<_> = crowds.into_iter().map(|crowd| (crowd, Vec::new())).collect();
    for _ in 0..count {
        for (crowd, welcomes) in &mut crowds {
            welcomes.push(crowd.welcome());
            thread::sleep(PAUSE);
        }
    }
    crowds.into_iter().map(|(crowd, welcomes)| (crowd.stack(), crowd.size(), welcomes)).collect()
}
