//! `import`, `export` and `keep`: what comes from a file, what goes into one, and what is erased.

use std::path::PathBuf;

use chat_core::{Event, Place, RoomName};

use super::{
    Json,
    line::{Code, Done, Id, Line},
};
use crate::{
    carry::{self, ExportError, Exported, Import, Part, Source, Target, Wanted},
    engine::Engine,
};

/// Of each at most one at a time, with the id of its command.
#[derive(Default)]
pub(super) struct Carrying {
    import: Option<(Option<Id>, Import)>,
    export: Option<Option<Id>>,
}

impl Carrying {
    pub(super) const fn len(&self) -> usize {
        self.import.is_some() as usize + self.export.is_some() as usize
    }
}

impl Json {
    pub(super) fn import(&mut self, id: Option<Id>, path: PathBuf, engine: &Engine) {
        if self.carrying.import.is_some() {
            return self.answer(&Line::error(id, Code::Busy, "another import is under way"));
        }
        match Import::begin(Source::File(path), engine.tell()) {
            Ok(import) => self.carrying.import = Some((id, import)),
            Err(error) => self.answer(&Line::error(id, Code::Busy, &error.to_string())),
        }
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

    /// Answers when it is clear what came of the import; at the program's end with what did until then.
    pub(super) fn end_import(&mut self, is_end: bool) {
        let is_over = |import: &Import| is_end || import.outcome().is_some();
        let Some((id, mut import)) = self.carrying.import.take_if(|(_, import)| is_over(import)) else {
            return;
        };
        if import.outcome().is_none() {
            import.stop();
        }
        self.answer(&Line::imported(id, import.so_far()));
    }

    pub(super) fn export(&mut self, id: Option<Id>, path: PathBuf, room: Option<RoomName>, engine: &Engine) {
        if self.carrying.export.is_some() {
            return self.answer(&Line::error(id, Code::Busy, "another export is under way"));
        }
        let wanted = Wanted { to: Target::File(path), room };
        match carry::spawn(wanted, engine.reader(), engine.tell()) {
            Ok(()) => self.carrying.export = Some(id),
            Err(error) => self.answer(&Line::error(id, Code::Busy, &error.to_string())),
        }
    }

    pub(super) fn on_exported(&mut self, exported: &Result<Exported, ExportError>) {
        let Some(id) = self.carrying.export.take() else { return };
        match exported {
            Ok(Exported { entries, .. }) => {
                self.answer(&Line::Done(Done { id, exported: Some(*entries), ..Done::default() }));
            }
            Err(error) => {
                let code = match error {
                    ExportError::NoRoom(_) => Code::NotInRoom,
                    ExportError::Unreadable(_) => Code::Busy,
                    _ => Code::FileRefused,
                };
                self.answer(&Line::error(id, code, &error.to_string()));
            }
        }
    }

    pub(super) fn on_kept(&mut self, place: &Place, days: Option<std::num::NonZeroU16>) {
        match days {
            Some(days) => _ = self.keeps.insert(place.to_string(), days),
            None => _ = self.keeps.remove(&place.to_string()),
        }
        self.tell(&Line::keep(place, days));
    }
}
