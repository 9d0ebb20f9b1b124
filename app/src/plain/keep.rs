//! `/keep` and `/earlier`: for how long a room is kept, and how far back it goes.

use std::num::NonZeroU16;

use chat_core::{Action, Answer, Place, Request, RoomName, Stamp};

use super::{Pending, Plain, act::NOWHERE, act::room, command::unquoted};
use crate::engine::Engine;

/// How it goes.
const USAGE: &str =
    "it goes like this: /keep 30d, /keep 8w or /keep all, and perhaps a #room or a NICK behind it";

impl Plain {
    /// Shows for how long the room is kept, or has it kept for so long from now on.
    pub(super) fn keep(&mut self, argument: Option<&str>, engine: &mut Engine) -> Result<(), String> {
        let (first, rest) =
            argument.map_or(("", ""), |it| it.split_once(char::is_whitespace).unwrap_or((it, "")));
        let (span, place) = if first.starts_with('#') { ("", first) } else { (first, rest.trim()) };
        let place = match place {
            "" => Place::Room(self.here.clone().ok_or(NOWHERE)?),
            name if name.starts_with('#') => Place::Room(room(name)?),
            name => Place::Direct(self.people.resolve(unquoted(name)).map_err(|error| error.to_string())?),
        };
        if span.is_empty() {
            self.list([self.kept(&place, self.keeps.get(&place).copied())]);
            return Ok(());
        }
        let days = read(span).ok_or(USAGE)?;
        let pending = Pending::Keep { place: place.clone(), days };
        self.act(Action::Keep { place, days }, pending, engine);
        Ok(())
    }

    /// Has more of a room's history fetched from others.
    pub(super) fn earlier(&mut self, argument: Option<&str>, engine: &mut Engine) -> Result<(), String> {
        let name = match argument {
            Some(name) => room(name)?,
            None => self.here.clone().ok_or(NOWHERE)?,
        };
        if self.keeps.contains_key(&Place::Room(name.clone())) {
            return Err(format!("{name} is not kept for ever: /keep all {name} changes that"));
        }
        let before = floor(&name, engine);
        let pending = Pending::Earlier { room: name.clone(), before };
        self.act(Action::Earlier(Place::Room(name)), pending, engine);
        Ok(())
    }

    /// More of a room's history is wanted now, unless it reached back to its beginning before.
    pub(super) fn on_earlier(&self, room: &RoomName, before: Option<Stamp>, engine: &Engine) {
        self.notice(&if before.is_some() && floor(room, engine) == before {
            format!("there is nothing earlier in {room}: all of it has been asked for")
        } else {
            format!(
                "what others have of earlier days in {room} comes as it is found; if nothing comes, nobody here has any: /earlier once \
                 more looks further back"
            )
        });
    }

    pub(super) fn on_kept(&mut self, place: &Place, days: Option<NonZeroU16>) {
        match days {
            Some(days) => _ = self.keeps.insert(place.clone(), days),
            None => _ = self.keeps.remove(place),
        }
    }

    /// What holds for a room from now on.
    pub(super) fn kept(&self, place: &Place, days: Option<NonZeroU16>) -> String {
        let place = match place {
            Place::Room(name) => name.to_string(),
            Place::Direct(key) => format!("what you and {} tell each other", self.people.label(*key, None)),
        };
        match days.map(NonZeroU16::get) {
            None => format!("{place} is kept for ever"),
            Some(1) => format!("{place} is kept for a day; what is older is erased here"),
            Some(days) => format!("{place} is kept for {days} days; what is older is erased here"),
        }
    }
}

/// Since when the history of a room that we are in is wanted.
fn floor(room: &RoomName, engine: &Engine) -> Option<Stamp> {
    let Answer::State(state) = engine.ask(|store| store.fetch(&Request::State))?.ok()? else { return None };
    state.rooms.iter().find(|stored| stored.joined && stored.name == *room).map(|stored| stored.floor)
}

/// A number of days or weeks; without end for `all`. `None` when it is neither.
#[expect(clippy::option_option, reason = "a span without end is one")]
fn read(span: &str) -> Option<Option<NonZeroU16>> {
    if span == "all" {
        return Some(None);
    }
    let (number, each) = match (span.strip_suffix('d'), span.strip_suffix('w')) {
        (Some(days), _) => (days, 1),
        (_, Some(weeks)) => (weeks, 7),
        _ => (span, 1),
    };
    let days = number.parse::<u16>().ok()?.checked_mul(each)?;
    NonZeroU16::new(days).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_of_days_or_weeks_or_all() {
        let days = |days| Some(NonZeroU16::new(days));
        for (text, read_as) in [
            ("30d", days(30)),
            ("30", days(30)),
            ("8w", days(56)),
            ("65535d", days(65_535)),
            ("all", Some(None)),
        ] {
            assert_eq!(read(text), read_as, "{text}");
        }
        for wrong in
            ["", "0", "0d", "0w", "-1d", "65536d", "9999w", "1m", "1y", "d", "w", "All", "1.5d", "3d d"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
