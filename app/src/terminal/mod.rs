//! A terminal with line editing: what comes in meanwhile is written above the line that is being typed.

use std::{
    env,
    io::{self, IsTerminal as _, Write},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use rustyline::{Config, Editor, ExternalPrinter, error::ReadlineError, history::MemHistory};

use crate::{
    happening::{Happening, Line, Tell},
    input::{Gate, LINE_MAX},
};

/// Typed lines that the arrow keys bring back.
const REMEMBERED: usize = 200;

/// The line editor, before its thread starts.
pub(crate) struct Terminal(Editor<(), MemHistory>);

/// What stands before the line that is typed, and whose turn it is; copies share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt(Arc<(Mutex<Turn>, Condvar)>);

#[derive(Debug, Default)]
struct Turn {
    prompt: String,
    /// The line typed last is not carried out yet.
    is_ours: bool,
}

impl Terminal {
    /// The editor and what writes around it; `None` where input or output is no terminal that can do it.
    pub(crate) fn open() -> Option<(Self, impl Write + Send)> {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if is_dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        mode::remember();
        let config = Config::builder().max_history_size(REMEMBERED).ok()?.auto_add_history(true).build();
        let mut editor = Editor::with_history(config, MemHistory::new()).ok()?;
        let printer = editor.create_external_printer().ok()?;
        Some((Self(editor), Printer(printer)))
    }

    /// Reads lines in a thread of its own, one after the other is carried out.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn spawn(mut self, prompt: Prompt, gate: Gate, tell: Tell) -> io::Result<()> {
        let read_all = move || {
            loop {
                gate.enter();
                let happening = match self.0.readline(&prompt.take_turn()) {
                    Ok(line) if line.len() > LINE_MAX => Happening::Line(Line::TooLong),
                    Ok(line) => Happening::Line(Line::Text(line)),
                    Err(ReadlineError::Interrupted) => Happening::Stop,
                    Err(_) => Happening::InputEnded,
                };
                let is_last = !matches!(happening, Happening::Line(_));
                if tell.send(happening).is_err() || is_last {
                    return;
                }
            }
        };
        thread::Builder::new().name(String::from("input")).spawn(read_all).map(drop)
    }
}

impl Prompt {
    /// Changes what stands before the next line.
    pub(crate) fn set(&self, place: &str) {
        self.with(|turn| turn.prompt = format!("{place}> "));
    }

    /// The line typed last is carried out: the next one may be typed.
    pub(crate) fn give_back(&self) {
        self.with(|turn| turn.is_ours = false);
    }

    /// Waits for the turn to type; the answer is the prompt.
    fn take_turn(&self) -> String {
        let (turn, changed) = &*self.0;
        let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turn = changed.wait_while(turn, |turn| turn.is_ours).unwrap_or_else(PoisonError::into_inner);
        turn.is_ours = true;
        turn.prompt.clone()
    }

    fn with(&self, change: impl FnOnce(&mut Turn)) {
        let (turn, changed) = &*self.0;
        change(&mut turn.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }
}

/// Writes whole lines above the one that is being typed.
struct Printer<P>(P);

impl<P: ExternalPrinter> Write for Printer<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.print(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Leaves the terminal as it was found, also when a line was being typed.
pub(crate) fn restore() {
    mode::restore();
}

#[cfg(unix)]
mod mode {
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
}

#[cfg(not(unix))]
mod mode {
    pub(super) fn remember() {}
    pub(super) fn restore() {}
}
