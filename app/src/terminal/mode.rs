//! The terminal's mode, as it was found.

use std::{
    io::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Keys typed while nobody edits a line are kept for the next one instead of being shown wherever the cursor is.
pub(super) fn quiet() {
    if let Ok(mode) = tcgetattr(io::stdin()) {
        let mut quiet = mode.clone();
        // Signals stay: Ctrl-C ends a program that does not come back to its line.
        quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON);
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(mode);
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &quiet);
    }
}

pub(super) fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(mode) = before {
        // The mode first, and at once: a terminal that takes nothing more would keep it as it is.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &mode);
        // The editor asks the terminal to mark what is pasted; then a fresh line for the shell.
        let _ = io::stdout().write_all(b"\x1b[?2004l\r\x1b[K").and_then(|()| io::stdout().flush());
    }
}
