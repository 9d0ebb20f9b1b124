//! A terminal with line editing: what comes in meanwhile is written above the line that is being typed.

#[cfg(unix)]
mod mode;
mod screen;
mod wrap;

use std::{
    env,
    io::{self, IsTerminal as _, Write},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use rustyline::{
    Cmd, ColorMode, ConditionalEventHandler, Config, Editor, Event, EventContext, EventHandler, KeyEvent,
    Movement, RepeatCount, error::ReadlineError, history::MemHistory,
};

use self::screen::{Printer, Screen, Watch};
use crate::{
    happening::{Happening, Line, Tell},
    input::{Gate, LINE_MAX},
    signals,
};

/// Typed lines that the arrow keys bring back.
const REMEMBERED: usize = 200;

/// The line editor, before its thread starts.
pub(crate) struct Terminal {
    editor: Editor<Watch, MemHistory>,
    screen: Screen,
}

/// What stands before the line that is typed, and whose turn it is; copies share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt(Arc<(Mutex<Turn>, Condvar)>);

#[derive(Debug, Default)]
struct Turn {
    /// What stands before the next line.
    prompt: String,
    /// What stands before the line that is typed, or stood before the one typed last.
    shown: String,
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
        let config = Config::builder()
            .max_history_size(REMEMBERED)
            .ok()?
            .auto_add_history(true)
            .color_mode(ColorMode::Forced)
            .build();
        let mut editor = Editor::with_history(config, MemHistory::new()).ok()?;
        let screen = Screen::default();
        let printer = Printer::new(editor.create_external_printer().ok()?, screen.clone());
        editor.set_helper(Some(Watch::new(screen.clone())));
        editor.bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(Box::new(Cancel)));
        // Not before: where there is no editor the terminal itself shows what is typed.
        mode::quiet();
        Some((Self { editor, screen }, printer))
    }

    /// Reads lines in a thread of its own, one after the other is carried out. A line that `is_said` comes back as a
    /// message, and is taken from the screen until then.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn spawn(
        mut self,
        turn: Prompt,
        is_said: fn(&str) -> bool,
        gate: Gate,
        tell: Tell,
    ) -> io::Result<()> {
        let read_all = move || {
            loop {
                gate.enter();
                let prompt = turn.take();
                if let Some(watch) = self.editor.helper() {
                    watch.begin(&prompt);
                }
                let happening = match self.editor.readline(&prompt) {
                    Ok(line) if line.len() > LINE_MAX => Happening::Line(Line::TooLong),
                    Ok(line) => {
                        if is_said(&line) {
                            self.screen.erase(&prompt, &line);
                        }
                        Happening::Line(Line::Text(line))
                    }
                    Err(ReadlineError::Interrupted) => Happening::Stop,
                    // What is pasted may be of another encoding.
                    Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                        Happening::Line(Line::NotText)
                    }
                    Err(_) => Happening::InputEnded,
                };
                turn.end();
                match happening {
                    Happening::Stop => signals::end_in_time(),
                    Happening::InputEnded => signals::end_when_stuck(),
                    _ => {}
                }
                let is_last = !matches!(happening, Happening::Line(_));
                if tell.send(happening).is_err() || is_last {
                    return;
                }
            }
        };
        thread::Builder::new().name(String::from("input")).spawn(read_all).map(drop)
    }
}

/// Ctrl-C: takes the line back; where there is none it asks to end.
struct Cancel;

impl ConditionalEventHandler for Cancel {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let is_typing = !context.line().is_empty();
        Some(if is_typing { Cmd::Kill(Movement::WholeBuffer) } else { Cmd::Interrupt })
    }
}

impl Prompt {
    /// Changes what stands before the next line.
    pub(crate) fn set(&self, place: &str) {
        self.with(|turn| turn.prompt = format!("{place}> "));
    }

    /// Whether another prompt stands before the line that is typed than before the next one.
    pub(crate) fn is_stale(&self) -> bool {
        let turn = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        turn.shown != turn.prompt
    }

    /// What was typed is carried out: the next line may be typed.
    pub(crate) fn give_back(&self) {
        self.with(|turn| turn.is_ours = false);
    }

    /// Waits for the turn to type; the answer is the prompt.
    fn take(&self) -> String {
        let (turn, changed) = &*self.0;
        let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turn = changed.wait_while(turn, |turn| turn.is_ours).unwrap_or_else(PoisonError::into_inner);
        turn.shown = turn.prompt.clone();
        turn.shown.clone()
    }

    /// A line was typed, and has to be carried out before the next one. Only from now on: what gives the turn back while
    /// a line is typed would let the next one begin before that.
    fn end(&self) {
        self.with(|turn| turn.is_ours = true);
    }

    fn with(&self, change: impl FnOnce(&mut Turn)) {
        let (turn, changed) = &*self.0;
        change(&mut turn.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }
}

/// Leaves the terminal as it was found, also when a line was being typed.
pub(crate) fn restore() {
    mode::restore();
}

#[cfg(not(unix))]
mod mode {
    pub(super) fn quiet() {}
    pub(super) fn restore() {}
}
