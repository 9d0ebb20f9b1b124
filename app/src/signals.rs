//! Signals that ask the program to end, and the promise that it does so in time.

use std::{
    io::{self, Write as _},
    process,
    sync::{
        Once, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};

use crate::{
    fault::Exit,
    happening::{Happening, Tell},
    terminal,
};

/// From being asked to end to having ended.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1650);
/// When the program is ended where it stands.
const LAST_RESORT: Duration = Duration::from_millis(1800);
/// How long a terminal may take to be left as it was found after that.
const RESTORING: Duration = Duration::from_millis(100);

/// With what a program ends that has to be ended where it stands.
static CUT: OnceLock<Exit> = OnceLock::new();
/// How often the front end has done something.
static TURNS: AtomicU64 = AtomicU64::new(0);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(100);

/// Tells of SIGINT, SIGTERM and SIGHUP, but of none that was to be ignored. A program that has to be ended where it stands
/// ends with `cut`.
///
/// # Errors
/// When the system takes no handler or gives no thread.
#[cfg(unix)]
pub(crate) fn watch(tell: Tell, cut: Exit) -> io::Result<()> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };
    let _ = CUT.set(cut);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&it| !is_ignored(it)))?;
    let wait = move || {
        for _ in signals.forever() {
            end_in_time();
            let _ = tell.send(Happening::Stop);
        }
    };
    thread::Builder::new().name(String::from("signals")).spawn(wait).map(drop)
}

/// Whether whoever has started the program wants it not to hear of this signal, as `nohup` and a shell in the background
/// do.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| (1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1)
}

/// The others tell it only to whoever sets it at the same time, for which there is no safe way.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const fn is_ignored(_signal: i32) -> bool {
    false
}

/// Here the system ends the program by itself.
#[cfg(not(unix))]
#[expect(clippy::needless_pass_by_value, reason = "as where there are signals")]
pub(crate) fn watch(_tell: Tell, cut: Exit) -> io::Result<()> {
    let _ = CUT.set(cut);
    Ok(())
}

/// The program has been asked to end: it is ended where it stands when it has not by itself in time, because a disk or a
/// terminal does not answer.
pub(crate) fn end_in_time() {
    static ONCE: Once = Once::new();
    last_resort(&ONCE, || thread::sleep(LAST_RESORT));
}

/// There is nothing more to be read, or nobody who reads: as [`end_in_time`], but what was read before is carried out,
/// however long it takes, as long as it goes on.
pub(crate) fn end_when_stuck() {
    static ONCE: Once = Once::new();
    last_resort(&ONCE, || {
        let (mut seen, mut stood) = (TURNS.load(Relaxed), Duration::ZERO);
        while stood < LAST_RESORT {
            thread::sleep(LOOK);
            let turns = TURNS.load(Relaxed);
            stood = if turns == seen { stood + LOOK } else { Duration::ZERO };
            seen = turns;
        }
    });
}

/// The front end has done something, and will look what comes next.
pub(crate) fn goes_on() {
    TURNS.fetch_add(1, Relaxed);
}

/// Ends the program after `wait`, where anybody watches: in tests there is more than one program in it.
fn last_resort(once: &Once, wait: fn()) {
    let Some(&cut) = CUT.get() else { return };
    once.call_once(|| {
        let end = move || {
            wait();
            leave_the_terminal(cut);
            process::exit(cut as i32);
        };
        // Without a thread to spare there is nothing to lose by trying the ordinary way.
        let _ = thread::Builder::new().name(String::from("last resort")).spawn(end);
    });
}

/// Leaves the terminal as it was found, or as it is when it does not answer, and says what was cut off.
fn leave_the_terminal(cut: Exit) {
    let (restore, restored) = mpsc::sync_channel(1);
    let work = move || {
        terminal::restore();
        if cut != Exit::Done {
            let _ = writeln!(io::stderr(), "stopped before it was done");
        }
        let _ = restore.send(());
    };
    if thread::Builder::new().name(String::from("terminal")).spawn(work).is_ok() {
        let _ = restored.recv_timeout(RESTORING);
    }
}
