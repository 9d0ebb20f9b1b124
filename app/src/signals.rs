//! Signals that ask the program to end, and the promise that it does so in time.

use std::{
    io::{self, Write as _},
    process,
    sync::{Once, mpsc},
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

/// Tells of SIGINT, SIGTERM and SIGHUP. A program that has to be ended where it stands ends with `cut`.
///
/// # Errors
/// When the system takes no handler or gives no thread.
#[cfg(unix)]
pub(crate) fn watch(tell: Tell, cut: Exit) -> io::Result<()> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let wait = move || {
        for _ in signals.forever() {
            end_in_time(cut);
            let _ = tell.send(Happening::Stop);
        }
    };
    thread::Builder::new().name(String::from("signals")).spawn(wait).map(drop)
}

/// Here the system ends the program by itself.
#[cfg(not(unix))]
#[expect(clippy::needless_pass_by_value, reason = "as where there are signals")]
pub(crate) fn watch(_tell: Tell, _cut: Exit) -> io::Result<()> {
    Ok(())
}

/// Ends the program when it has not ended by itself, because a disk or a terminal does not answer.
fn end_in_time(cut: Exit) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let end = move || {
            thread::sleep(LAST_RESORT);
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
