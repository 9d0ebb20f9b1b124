//! Lines that wait: `/edit` and `/delete` mean what was said before them, and that may be on its way.

use std::collections::VecDeque;

use super::{
    Plain,
    command::{self, Command, Typed},
    delivery::beginning,
    pending::Pending,
};
use crate::{engine::Engine, happening::Line};

/// The lines that were read and not carried out.
pub(super) type Queue = VecDeque<Line>;

impl Plain {
    /// Carries out what was read as far as that is possible, in the order in which it was read.
    pub(super) fn work_off(&mut self, engine: &mut Engine) {
        while let Some(line) = self.queue.pop_front() {
            // As for what is typed after the wish to leave.
            if self.is_leaving {
                self.gate.leave();
            } else if is_about_own(&line) && self.is_saying() {
                self.queue.push_front(line);
                return;
            } else {
                self.on_line(&line, engine);
            }
        }
    }

    /// The same when something that they wait for has come.
    pub(super) fn go_on_with_lines(&mut self, engine: &mut Engine) {
        if !self.queue.is_empty() {
            self.work_off(engine);
            self.go_on();
        }
    }

    /// What was said last is refused: whoever would change it does not mean what was said before that.
    pub(super) fn refuse_waiting(&mut self) {
        let is_meant = self.queue.front().is_some_and(is_about_own);
        if let Some(Line::Text(text)) = is_meant.then(|| self.queue.pop_front()).flatten() {
            self.complain(&format!("nothing was done, what came before was not sent: {}", beginning(&text)));
            self.gate.leave();
            self.go_on();
        }
    }

    /// Those that cannot be carried out any more.
    pub(super) fn tell_undone(&mut self) {
        for line in std::mem::take(&mut self.queue) {
            if let Line::Text(text) = line {
                self.complain(&format!("nothing was done: {}", beginning(&text)));
            }
        }
    }

    /// Whether it is not known yet what we said last. At a terminal nobody waits until a file has been read.
    fn is_saying(&self) -> bool {
        let is_said = |pending: &Pending| matches!(pending, Pending::Say { .. } | Pending::Offer(_));
        self.pending.values().any(is_said) || self.prompt.is_none() && self.desk.preparing() > 0
    }
}

/// Whether it is about what we said last.
fn is_about_own(line: &Line) -> bool {
    let Line::Text(text) = line else { return false };
    matches!(command::read(text), Typed::Command(Command::Edit(_) | Command::Delete(_)))
}
