//! Signals that ask the program to end, and the promise that it does so in time.

use std::{io, process, thread, time::Duration};

use crate::{
    fault::Exit,
    happening::{Happening, Tell},
};

/// From being asked to end to having ended.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1900);

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
pub(crate) fn watch(_tell: Tell) -> io::Result<()> {
    Ok(())
}

/// Ends the program when it has not ended by itself, because a disk or a terminal does not answer.
pub(crate) fn end_in_time() {
    let end = || {
        thread::sleep(PATIENCE);
        crate::terminal::restore();
        process::exit(Exit::Done as i32);
    };
    // Without a thread to spare there is nothing to lose by trying the ordinary way.
    let _ = thread::Builder::new().name(String::from("last resort")).spawn(end);
}
