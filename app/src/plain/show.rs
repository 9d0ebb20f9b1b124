//! How things look in plain lines: `09:33 #lobby <bo> hi`.
//!
//! Whatever somebody says stands behind a time, a place and their name, or behind a bar: nobody can write a line
//! that looks like another's, or like one of ours.

use chat_core::{Message, Nick, PeerChange, PeerState, Place, RoomName, UnixMillis, hex};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    address, clean,
    people::{People, Person, found_by, with_digits},
};

/// Shows times as the person's clock on the wall does.
#[derive(Debug)]
pub(super) struct Show {
    zone: TimeZone,
}

impl Show {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// `09:33`, or with the date when that is not today's.
    pub(super) fn time(&self, at: UnixMillis, now: UnixMillis) -> String {
        let local = |time: UnixMillis| {
            let millis = i64::try_from(time.0).ok()?;
            Some(Timestamp::from_millisecond(millis).ok()?.to_zoned_datetime(self.zone.clone()))
        };
        match (local(at), local(now)) {
            (Some(at), Some(now)) if at.date() == now.date() => at.strftime("%H:%M").to_string(),
            (Some(at), _) => at.strftime("%Y-%m-%d %H:%M").to_string(),
            _ => String::from("--:--"),
        }
    }

    /// A message, with its further lines behind bars.
    pub(super) fn message(&self, message: &Message, people: &People, now: UnixMillis) -> String {
        // The place in the room's order, not the sender's clock, which may be wrong.
        let time = self.time(UnixMillis(message.stamp.0 / 1000), now);
        let name = people.label(message.from, Some(&message.nick));
        let text = clean::text(&message.text);
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let place = place(&message.place, people);
        let mut shown = if message.action {
            format!("{time} {place} * {name} {first}")
        } else {
            format!("{time} {place} <{name}> {first}")
        };
        for line in lines {
            shown.push_str("\n    | ");
            shown.push_str(line);
        }
        shown
    }

    /// Something that we say ourselves.
    pub(super) fn notice(&self, text: &str, now: UnixMillis) -> String {
        format!("{} * {text}", self.time(now, now))
    }
}

/// `#room`, or `@` and what the other is called.
fn place(place: &Place, people: &People) -> String {
    match place {
        Place::Room(room) => room.to_string(),
        Place::Direct(key) => format!("@{}", people.label(*key, None)),
    }
}

/// Who is there, with the rooms they are seen in.
pub(super) fn who(people: &People, keep: impl Fn(&Person) -> bool) -> Vec<String> {
    let present = people.present();
    let rows = present.iter().filter(|(_, person)| keep(person)).map(|(key, person)| {
        let rooms: Vec<&str> = person.rooms.iter().map(RoomName::as_str).collect();
        let places = match person.runs.len() {
            1 => String::new(),
            runs => format!("(in {runs} places)"),
        };
        [people.label(*key, None), rooms.join(" "), places]
    });
    columns(rows.collect())
}

/// Everybody who was found, and how they are reached.
pub(crate) fn peers(people: &People) -> Vec<String> {
    let mut rows = Vec::new();
    for (key, person) in people.present() {
        let name = with_digits(person.nick.as_ref().map_or("?", Nick::as_str), key);
        let short: String = key.to_string().chars().take(16).collect();
        rows.extend(person.runs.values().map(|run| peer(name.clone(), short.clone(), run)));
    }
    for change in people.found() {
        let name = change.nick.as_ref().map_or("?", Nick::as_str).to_string();
        rows.push(peer(name, change.id.map(|id| hex(&id)).unwrap_or_default(), change));
    }
    columns(rows)
}

fn peer(name: String, key: String, change: &PeerChange) -> [String; 5] {
    let state = match change.state {
        PeerState::Found => "found, no answer yet",
        PeerState::Online if change.direct => "connected",
        PeerState::Online => "online through others",
        PeerState::Suspect => "does not answer",
        PeerState::Quit | PeerState::Lost => "gone",
    };
    let at = change.address.map(address::show).unwrap_or_default();
    [name, key, state.to_string(), at, found_by(change.via).to_string()]
}

/// Rows with their columns under each other.
pub(super) fn columns<const N: usize>(rows: Vec<[String; N]>) -> Vec<String> {
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| clean::width(&row[column])).max().unwrap_or(0));
    let line = |row: [String; N]| {
        let cells = row.iter().zip(widths).filter(|(_, width)| *width > 0);
        let line = cells.map(|(cell, width)| clean::padded(cell, width)).collect::<Vec<_>>().join("  ");
        line.trim_end().to_string()
    };
    rows.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use chat_core::{BootId, EntryId, MessageId, PeerKey, Stamp};

    use super::*;

    const NOON: u64 = 1_700_049_600_000; // 2023-11-15 12:00 UTC

    fn message(text: &str, action: bool) -> Message {
        Message {
            id: MessageId { entry: EntryId([0; 32]), item: 0 },
            place: Place::Room(RoomName::lobby()),
            from: PeerKey([1; 32]),
            boot: BootId(1),
            nick: Nick::new("bo").unwrap(),
            text: text.into(),
            action,
            reply: None,
            sent: UnixMillis(0),
            stamp: Stamp(NOON * 1000),
            late: false,
            own: false,
        }
    }

    fn shown(text: &str, action: bool) -> String {
        let people = People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), vec![]);
        Show::new(TimeZone::UTC).message(&message(text, action), &people, UnixMillis(NOON + 1))
    }

    #[test]
    fn messages_are_lines() {
        assert_eq!(shown("hi", false), "12:00 #lobby <bo> hi");
        assert_eq!(shown("waves", true), "12:00 #lobby * bo waves");
    }

    #[test]
    fn nobody_can_write_anothers_line() {
        let text = "hi\n12:00 #lobby <boss> give bo the key\r\n12:00 * bo left\u{1b}[A\u{2028}x";
        assert_eq!(
            shown(text, false),
            "12:00 #lobby <bo> hi\n    | 12:00 #lobby <boss> give bo the key\n    | 12:00 * bo left[Ax"
        );
    }

    #[test]
    fn other_days_have_a_date_and_nonsense_has_none() {
        let show = Show::new(TimeZone::UTC);
        assert_eq!(show.time(UnixMillis(NOON - 86_400_000), UnixMillis(NOON)), "2023-11-14 12:00");
        assert_eq!(show.time(UnixMillis(u64::MAX), UnixMillis(NOON)), "--:--");
        let east = Show::new(TimeZone::fixed(jiff::tz::offset(9)));
        assert_eq!(east.time(UnixMillis(NOON), UnixMillis(NOON)), "21:00");
    }

    #[test]
    fn columns_stand_under_each_other() {
        let row = |cells: [&str; 3]| cells.map(String::from);
        let lines = columns(vec![row(["日本", "", "a"]), row(["bo", "", "b"])]);
        assert_eq!(lines, ["日本  a", "bo    b"]);
    }
}
