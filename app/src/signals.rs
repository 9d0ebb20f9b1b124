//! Signals that ask the program to end, and the promise that it does so in time.

use std::{
    io, process,
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

/// Tells of SIGINT, SIGTERM and SIGHUP.
///
/// # Errors
/// When the system takes no handler or gives no thread.
#[cfg(unix)]
pub(crate) fn watch(tell: Tell) -> io::Result<()> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let wait = move || {
        for _ in signals.forever() {
            end_in_time();
            let _ = tell.send(Happening::Stop);
        }
    };
    thread::Builder::new().name(String::from("signals")).spawn(wait).map(drop)
}

/// Here the system ends the program by itself.
#[cfg(not(unix))]
#[expect(clippy::needless_pass_by_value, reason = "as where there are signals")]
pub(crate) fn watch(_tell: Tell) -> io::Result<()> {
    Ok(())
}

/// Ends the program when it has not ended by itself, because a disk or a terminal does not answer.
fn end_in_time() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let end = || {
            thread::sleep(LAST_RESORT);
            leave_the_terminal();
            process::exit(Exit::Done as i32);
        };
        // Without a thread to spare there is nothing to lose by trying the ordinary way.
        let _ = thread::Builder::new().name(String::from("last resort")).spawn(end);
    });
}

/// Leaves the terminal as it was found, or as it is when it does not answer.
fn leave_the_terminal() {
    let (restore, restored) = mpsc::sync_channel(1);
    let work = move || drop((terminal::restore(), restore.send(())));
    if thread::Builder::new().name(String::from("terminal")).spawn(work).is_ok() {
        let _ = restored.recv_timeout(RESTORING);
    }
}
