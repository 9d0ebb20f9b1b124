//! What was said before.

use super::{
    Plain,
    show::{self, Shown as Said},
};
use crate::{engine::Engine, query};

/// Messages that are shown.
const FOUND_MAX: usize = 20;

impl Plain {
    pub(super) fn search(&mut self, text: &str, engine: &Engine) -> Result<(), String> {
        let now = self.clock.wall();
        let wanted = query::read(text, FOUND_MAX, &self.people, now, self.show.zone());
        let wanted = wanted.map_err(|error| error.to_string())?;
        let found = engine.ask(move |store| store.search(&wanted)).and_then(Result::ok);
        let found = found.ok_or("the history cannot be read now")?;
        for shown in &found {
            let Said { text, rest } = self.show.message(&shown.message, None, &self.people, now);
            self.list([text + &show::marks(shown).unwrap_or_default()]);
            self.rest = rest.or(self.rest.take());
        }
        self.notice(&match found.len() {
            0 => String::from("nothing was found"),
            FOUND_MAX => format!("the newest {FOUND_MAX}; more words, in:#room or since:2d find fewer"),
            1 => String::from("one was found"),
            count => format!("{count} were found"),
        });
        Ok(())
    }
}
