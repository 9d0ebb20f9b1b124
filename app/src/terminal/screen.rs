//! What is on the screen where the line is typed, and below it: the line editor counts rows as they were drawn, and
//! a terminal that became wider or narrower has wrapped them anew.

use std::{
    cell::RefCell,
    env,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustyline::{
    Context, ExternalPrinter, GraphemeClusterMode, Helper,
    completion::Completer,
    highlight::{CmdKind, Highlighter},
    hint::Hinter,
    validate::{ValidationContext, ValidationResult, Validator},
};
use unicode_segmentation::UnicodeSegmentation as _;

use super::wrap::wrapped;

/// Columns between tabs, as the line editor has them.
const TAB: u16 = 8;
/// Columns of the widest character.
const WIDEST: u16 = 2;
/// How long a line that comes in may take to be written; when it takes longer it waits for the next prompt.
const WRITTEN: Duration = Duration::from_millis(50);

/// Who writes to the terminal; copies share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Screen(Arc<(Mutex<Writing>, Condvar)>);

#[derive(Debug, Default)]
struct Writing {
    begun: u64,
    ended: u64,
    /// How many had begun, and ended, when the line was accepted.
    at_accept: Option<u64>,
}

impl Writing {
    const fn is_going_on(&self) -> bool {
        self.begun != self.ended
    }
}

impl Screen {
    /// Takes an accepted line from the screen, unless something was written below it since.
    pub(super) fn erase(&self, prompt: &str, line: &str) {
        let Some(columns) = columns() else { return };
        // Held until it is erased: nobody begins to write meanwhile.
        let mut writing = self.when_written();
        let is_last = writing.at_accept.take() == Some(writing.begun);
        if is_last {
            let rows = Rows::new(prompt, line, line.len(), columns).end.row + 1;
            write_now(&format!("\x1b[{rows}A\r\x1b[J"));
        }
    }

    fn on_accept(&self) {
        // Whoever writes can have been seen on the screen, and answered, before he knows himself that he has written.
        let mut writing = self.when_written();
        writing.at_accept = (!writing.is_going_on()).then_some(writing.begun);
    }

    /// Waits for who is writing now; not for long, since he may wait for the line editor.
    fn when_written(&self) -> MutexGuard<'_, Writing> {
        let (_, changed) = &*self.0;
        let waited = changed.wait_timeout_while(self.lock(), WRITTEN, |writing| writing.is_going_on());
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes whole lines above the one that is being typed.
pub(super) struct Printer<P> {
    printer: P,
    screen: Screen,
}

impl<P> Printer<P> {
    pub(super) const fn new(printer: P, screen: Screen) -> Self {
        Self { printer, screen }
    }
}

impl<P: ExternalPrinter> Write for Printer<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.screen.lock().begun += 1;
        let text = String::from_utf8_lossy(bytes);
        let printed = self.printer.print(match columns() {
            Some(columns) => wrapped(&text, columns.into()),
            None => text.into_owned(),
        });
        self.screen.lock().ended += 1;
        self.screen.0.1.notify_all();
        printed.map_err(io::Error::other).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line editor asks it at every change of the line and of the terminal's size, before it draws.
pub(super) struct Watch {
    screen: Screen,
    drawn: RefCell<Drawn>,
}

/// What the line editor has drawn.
#[derive(Debug, Default)]
struct Drawn {
    prompt: String,
    line: String,
    columns: Option<u16>,
}

impl Watch {
    pub(super) const fn new(screen: Screen) -> Self {
        let drawn = Drawn { prompt: String::new(), line: String::new(), columns: None };
        Self { screen, drawn: RefCell::new(drawn) }
    }

    /// A line is about to be typed.
    pub(super) fn begin(&self, prompt: &str) {
        let mut drawn = self.drawn.borrow_mut();
        (drawn.prompt, drawn.line, drawn.columns) = (prompt.to_string(), String::new(), None);
    }

    /// The line editor is about to draw. When it does so because the size changed, it goes up and clears by the
    /// rows that it has drawn; so that this ends at the right row, the rows as they are now are cleared before, and
    /// the cursor is put where it thinks that it is.
    fn on_draw(&self, line: &str, cursor: usize) {
        let now = columns();
        let mut drawn = self.drawn.borrow_mut();
        if drawn.line == line
            && let (Some(before), Some(now)) = (drawn.columns, now)
            && before != now
            && is_rewrapping()
        {
            let old = Rows::new(&drawn.prompt, line, cursor, before);
            let new = Rows::new(&drawn.prompt, line, cursor, now);
            write_now(&mended(&old, &new, cursor == line.len()));
        }
        drawn.columns = now;
        if drawn.line != line {
            drawn.line = line.to_string();
        }
    }
}

/// What puts a line that was drawn as `old` and wrapped anew as `new` where it is cleared as if it still were as old.
fn mended(old: &Rows, new: &Rows, is_at_end: bool) -> String {
    // The editor breaks a line that fills its last row, and this break stays.
    let broken = u16::from(is_at_end && old.end.is_at_break());
    let up = if new.cursor.is_at_break() { new.cursor.row - 1 } else { new.cursor.row } + broken;
    let mut codes = String::new();
    if up > 0 {
        codes += &format!("\x1b[{up}A");
    }
    codes += "\r\x1b[J";
    codes += &"\n".repeat(old.end.row.into());
    let back = old.end.row - old.cursor.row;
    if back > 0 {
        codes += &format!("\x1b[{back}A");
    }
    codes
}

/// Where the cursor and the end of a line are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rows {
    cursor: Position,
    end: Position,
}

/// From where the prompt begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Position {
    row: u16,
    column: u16,
}

impl Rows {
    /// As the line editor counts.
    fn new(prompt: &str, line: &str, cursor: usize, columns: u16) -> Self {
        let (before, behind) = line.split_at_checked(cursor).unwrap_or((line, ""));
        let cursor = Position::default().after(prompt, columns).after(before, columns);
        Self { cursor, end: cursor.after(behind, columns) }
    }
}

impl Position {
    fn after(mut self, text: &str, columns: u16) -> Self {
        let mode = GraphemeClusterMode::from_env();
        for grapheme in text.graphemes(true) {
            if grapheme == "\n" {
                (self.row, self.column) = (self.row.saturating_add(1), 0);
                continue;
            }
            let width = if grapheme == "\t" { TAB - self.column % TAB } else { mode.width(grapheme) };
            self.column = self.column.saturating_add(width);
            if self.column > columns {
                (self.row, self.column) = (self.row.saturating_add(1), width);
            }
        }
        if self.column == columns {
            (self.row, self.column) = (self.row.saturating_add(1), 0);
        }
        self
    }

    const fn is_at_break(self) -> bool {
        self.row > 0 && self.column == 0
    }
}

/// The width of the terminal.
#[cfg(unix)]
fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(size.ws_col).filter(|columns| *columns > 0)
}

/// The line editor of other systems asks them where the cursor is.
#[cfg(not(unix))]
fn columns() -> Option<u16> {
    None
}

/// Whether the terminal wraps its lines anew when it is resized, as nearly all do. Those known here cut them.
fn is_rewrapping() -> bool {
    let has = |name| env::var_os(name).is_some();
    let term = env::var("TERM").unwrap_or_default();
    let cuts = has("XTERM_VERSION") || has("STY") || term == "linux" || term.starts_with("st-");
    has("TMUX") || !cuts
}

fn write_now(codes: &str) {
    let mut out = io::stdout().lock();
    // A terminal that is gone is noticed elsewhere.
    let _ = out.write_all(codes.as_bytes()).and_then(|()| out.flush());
}

impl Hinter for Watch {
    type Hint = String;

    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<String> {
        self.on_draw(line, cursor);
        None
    }
}

impl Validator for Watch {
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.screen.on_accept();
        Ok(ValidationResult::Valid(None))
    }
}

impl Completer for Watch {
    type Candidate = String;
}

impl Highlighter for Watch {
    /// Has the line drawn anew when it goes beyond a row: the editor broke it there when it filled the row, and a
    /// terminal that is resized keeps such a break.
    fn highlight_char(&self, line: &str, cursor: usize, _: CmdKind) -> bool {
        let drawn = self.drawn.borrow();
        drawn.columns.is_some_and(|columns| {
            let end = Rows::new(&drawn.prompt, line, cursor, columns).end;
            end.row > 0 && end.column <= WIDEST
        })
    }
}

impl Helper for Watch {}
