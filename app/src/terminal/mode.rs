//! The terminal's mode, as it was found.

use std::{
    io::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

pub(super) fn remember() {
    if let Ok(mode) = tcgetattr(io::stdin()) {
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(mode);
    }
}

pub(super) fn restore() {
    if let Some(mode) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // The editor asks the terminal to mark what is pasted; then a fresh line for the shell.
        let _ = io::stdout().write_all(b"\x1b[?2004l\r\x1b[K").and_then(|()| io::stdout().flush());
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &mode);
    }
}
