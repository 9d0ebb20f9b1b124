//! `/import` and `/export`: the history in a file.

use std::path::PathBuf;

use chat_core::{Event, Intake};

use super::{Plain, act::room};
use crate::{
    carry::{self, ExportError, Exported, Import, Part, Source, Target, Wanted, entries, grouped},
    engine::Engine,
};

/// Of each at most one at a time, with the file.
#[derive(Default)]
pub(super) struct Carrying {
    import: Option<(PathBuf, Import)>,
    export: Option<PathBuf>,
}

impl Carrying {
    pub(super) const fn len(&self) -> usize {
        self.import.is_some() as usize + self.export.is_some() as usize
    }

    /// Whether what is new in the store may come from a file.
    pub(super) const fn is_importing(&self) -> bool {
        self.import.is_some()
    }
}

impl Plain {
    pub(super) fn import(&mut self, file: &str, engine: &Engine) -> Result<(), String> {
        if self.carrying.import.is_some() {
            return Err(String::from("another import is under way"));
        }
        let path = path(file);
        let import = Import::begin(Source::File(path.clone()), engine.tell());
        self.carrying.import = Some((path, import.map_err(|error| error.to_string())?));
        Ok(())
    }

    pub(super) fn on_part(&mut self, part: Part, engine: &mut Engine) {
        if let Some((_, import)) = &mut self.carrying.import {
            import.on_part(part, engine);
            self.end_import(false);
        }
    }

    /// Whether the event was about the import.
    pub(super) fn on_import_event(&mut self, event: &Event) -> bool {
        let is_ours = self.carrying.import.as_mut().is_some_and(|(_, import)| import.on_event(event));
        if is_ours {
            self.end_import(false);
        }
        is_ours
    }

    /// Tells what came of the import as soon as that is clear; at the program's end what did until then.
    pub(super) fn end_import(&mut self, is_end: bool) {
        let is_over = |import: &Import| is_end || import.outcome().is_some();
        let Some((path, mut import)) = self.carrying.import.take_if(|(_, it)| is_over(it)) else { return };
        if import.outcome().is_none() {
            import.stop();
        }
        let outcome = import.so_far();
        if outcome.intake != Intake::default() || outcome.trouble.is_none() {
            self.notice(&outcome.report(&self.rooms));
        }
        if let Some(trouble) = &outcome.trouble {
            self.complain(&format!("{}: {trouble}", path.display()));
        }
    }

    pub(super) fn export(&mut self, file: &str, only: Option<&str>, engine: &Engine) -> Result<(), String> {
        if self.carrying.export.is_some() {
            return Err(String::from("another export is under way"));
        }
        let path = path(file);
        let wanted = Wanted { to: Target::File(path.clone()), room: only.map(room).transpose()? };
        carry::spawn(wanted, engine.reader(), engine.tell()).map_err(|error| error.to_string())?;
        self.carrying.export = Some(path);
        Ok(())
    }

    pub(super) fn on_exported(&mut self, exported: &Result<Exported, ExportError>) {
        let Some(path) = self.carrying.export.take() else { return };
        match exported {
            Ok(exported) => {
                let (count, of) = (entries(exported.entries), grouped(exported.rooms));
                let rooms = if exported.rooms == 1 { "room" } else { "rooms" };
                self.notice(&format!("exported {count} of {of} {rooms} to {}", path.display()));
            }
            Err(error) => self.complain(&error.to_string()),
        }
    }
}

/// A file as a person types it: no shell puts the home directory in place of the `~`.
fn path(file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(file),
    }
}
