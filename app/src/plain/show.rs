//! How things look in plain lines: `09:33 #lobby <bo> hi`.
//!
//! Whatever somebody says stands behind a time, a place and their name, or behind a bar: nobody can write a line
//! that looks like another's, or like one of ours.

use std::collections::BTreeMap;

use chat_core::{Message, Nick, Offer, PeerChange, PeerState, Place, RoomName, Trust, UnixMillis, hex};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    address, clean, files,
    people::{People, Person, as_shown, found_by, with_digits},
    store,
};

/// Lines of one message that a screen shows unasked.
const LINES_MAX: usize = 20;

/// Shows times as the person's clock on the wall does.
#[derive(Debug)]
pub(crate) struct Show {
    zone: TimeZone,
    lines_max: usize,
}

/// A message as it is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) text: String,
    /// What a screen does not show unasked, with its bars.
    pub(super) rest: Option<String>,
}

impl Show {
    /// With `shortens`, long messages are cut: on a screen they push away what others say, in a pipe they do no harm.
    pub(crate) fn new(zone: TimeZone, shortens: bool) -> Self {
        Self { zone, lines_max: if shortens { LINES_MAX } else { usize::MAX } }
    }

    pub(super) const fn zone(&self) -> &TimeZone {
        &self.zone
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

    /// When a message was said: its place in the room's order, not the sender's clock, which may be wrong.
    pub(super) fn time_of(&self, message: &Message, now: UnixMillis) -> String {
        self.time(UnixMillis(message.stamp.0 / 1000), now)
    }

    /// A message, with its further lines behind bars, and before them what it answers.
    pub(crate) fn message(
        &self,
        message: &Message,
        answered: Option<&str>,
        people: &People,
        now: UnixMillis,
    ) -> Shown {
        let time = self.time_of(message, now);
        let name = people.label(message.from, Some(&message.nick));
        let mut lines = clean::lines(&message.text).into_iter();
        let first = lines.next().unwrap_or_else(|| String::from("(empty)"));
        let first = message.file.as_ref().map_or(first, |offer| offered(offer));
        let first = answered.map(|answered| format!("({answered}) ")).unwrap_or_default() + &first;
        let place = match &message.place {
            Place::Room(room) => room.to_string(),
            // As it called itself then, when it is the one who speaks.
            Place::Direct(key) if *key == message.from => format!("@{name}"),
            Place::Direct(key) => format!("@{}", people.label(*key, None)),
        };
        let mut text = if message.action || message.file.is_some() {
            format!("{time} {place} * {name} {first}")
        } else {
            format!("{time} {place} <{name}> {first}")
        };
        let further: Vec<String> = lines.map(|line| format!("    | {line}").trim_end().to_string()).collect();
        // One line more takes no more room than saying so.
        let (shown, rest) = match further.split_at_checked(self.lines_max) {
            Some((_, [] | [_])) | None => (further.as_slice(), [].as_slice()),
            Some(split) => split,
        };
        for line in shown {
            text.push('\n');
            text.push_str(line);
        }
        if !rest.is_empty() {
            text.push_str(&format!("\n    \u{2026} {} more lines; /more shows them", rest.len()));
        }
        Shown { text, rest: (!rest.is_empty()).then(|| rest.join("\n")) }
    }

    /// Something that we say ourselves.
    pub(super) fn notice(&self, text: &str, now: UnixMillis) -> String {
        format!("{} * {text}", self.time(now, now))
    }
}

/// `offers holiday.jpg, 3.2 MB`.
fn offered(offer: &Offer) -> String {
    let kind = if offer.folder { "the folder " } else { "" };
    format!("offers {kind}{}, {}", clean::name(offer.name.as_str()), files::bytes(offer.size))
}

/// What has become of a message since it was said: ` (edited)`, ` [+1 by 2]`.
pub(crate) fn marks(shown: &store::Shown) -> Option<String> {
    let mut felt: BTreeMap<&str, usize> = BTreeMap::new();
    for (emoji, _) in &shown.reactions {
        *felt.entry(emoji.as_str()).or_default() += 1;
    }
    let felt = felt.into_iter().map(|(emoji, count)| match count {
        1 => format!(" [{emoji}]"),
        count => format!(" [{emoji} by {count}]"),
    });
    let edited = shown.edited.then(|| String::from(" (edited)"));
    let marks: String = edited.into_iter().chain(felt).collect();
    (!marks.is_empty()).then_some(marks)
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
        // The badge says the rest.
        let thought = words(Trust { verified: false, ..people.trust(*key) });
        let thought = if thought.is_empty() { thought } else { format!("({thought})") };
        [people.label(*key, None), rooms.join(" "), places, thought]
    });
    columns(rows.collect())
}

/// What is thought of somebody.
fn words(trust: Trust) -> String {
    let words = [(trust.verified, "verified"), (trust.blocked, "blocked"), (trust.muted, "muted")];
    words.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word).collect::<Vec<_>>().join(", ")
}

/// Whom the person has verified, blocked or muted.
pub(super) fn trusted(people: &People) -> Vec<String> {
    let rows = people.trusted().map(|(key, trust)| [people.label(key, None), key.to_string(), words(trust)]);
    let lines = columns(rows.collect());
    if lines.is_empty() { vec![String::from("nobody is verified, blocked or muted")] } else { lines }
}

/// Everybody who was found, and how they are reached.
pub(crate) fn peers(people: &People) -> Vec<String> {
    let mut rows = Vec::new();
    for (key, person) in people.present() {
        let name = with_digits(person.nick.as_ref().map_or("?", Nick::as_str), key);
        let short: String = key.to_string().chars().take(16).collect();
        rows.extend(person.runs.values().map(|run| peer(name.clone(), short.clone(), run, people)));
    }
    for change in people.found() {
        let name = change.nick.as_ref().map_or_else(|| String::from("?"), |nick| as_shown(nick).to_string());
        rows.push(peer(name, change.id.map(|id| hex(&id)).unwrap_or_default(), change, people));
    }
    columns(rows)
}

fn peer(name: String, key: String, change: &PeerChange, people: &People) -> [String; 5] {
    let through = change.through.map(|relay| format!("connected through {}", people.label(relay, None)));
    let state = match (change.state, through) {
        (PeerState::Found, _) => String::from("found, no answer yet"),
        (PeerState::Online, Some(through)) => through,
        (PeerState::Online, None) if change.direct => String::from("connected"),
        (PeerState::Online, None) => String::from("online through others"),
        (PeerState::Suspect, _) => String::from("does not answer"),
        (PeerState::Quit | PeerState::Lost, _) => String::from("gone"),
    };
    let at = change.address.map(address::show).unwrap_or_default();
    [name, key, state, at, found_by(change.via).to_string()]
}

/// Rows with their columns under each other.
pub(crate) fn columns<const N: usize>(rows: Vec<[String; N]>) -> Vec<String> {
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
            file: None,
            sent: UnixMillis(0),
            stamp: Stamp(NOON * 1000),
            late: false,
            own: false,
        }
    }

    fn shown(text: &str, action: bool) -> String {
        let people = People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), vec![]);
        Show::new(TimeZone::UTC, true)
            .message(&message(text, action), None, &people, UnixMillis(NOON + 1))
            .text
    }

    #[test]
    fn messages_are_lines() {
        assert_eq!(shown("hi", false), "12:00 #lobby <bo> hi");
        assert_eq!(shown("waves", true), "12:00 #lobby * bo waves");
        let people = People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), vec![]);
        let show = |message: &Message| {
            Show::new(TimeZone::UTC, true).message(message, None, &people, UnixMillis(NOON)).text
        };
        let mut direct = Message { place: Place::Direct(PeerKey([1; 32])), ..message("psst", false) };
        assert_eq!(show(&direct), "12:00 @bo <bo> psst");
        (direct.from, direct.nick) = (people.own(), Nick::new("ana").unwrap());
        assert_eq!(show(&direct), format!("12:00 @{} <ana> psst", people.label(PeerKey([1; 32]), None)));
    }

    #[test]
    fn over_whom_somebody_is_reached_is_said_by_name() {
        let change = |key, nick, through| PeerChange {
            state: PeerState::Online,
            key: Some(PeerKey([key; 32])),
            id: None,
            boot: Some(BootId(1)),
            nick: Nick::new(nick).ok(),
            address: None,
            via: if through { chat_core::Source::Relay } else { chat_core::Source::Mdns },
            direct: true,
            through: through.then_some(PeerKey([2; 32])),
        };
        let mut people = People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), vec![]);
        people.on_peer(change(1, "zoe", true));
        people.on_peer(change(2, "bo", false));
        let lines = peers(&people);
        assert!(lines[0].ends_with("connected             mdns"), "{}", lines[0]);
        assert!(lines[1].ends_with("connected through bo  by a neighbour"), "{}", lines[1]);
    }

    #[test]
    fn what_shows_nothing_says_so_and_blank_lines_are_few() {
        for blank in ["\n".repeat(200), "\u{2800}".into(), " ".into(), "\u{1b}".into()] {
            assert_eq!(shown(&blank, false), "12:00 #lobby <bo> (empty)");
        }
        let sparse = format!("a{}b", "\n".repeat(100));
        assert_eq!(shown(&sparse, false), "12:00 #lobby <bo> a\n    |\n    |\n    | b");
    }

    #[test]
    fn a_long_message_is_cut_on_a_screen_only() {
        let text = |lines: usize| (0..lines).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        let people = People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), vec![]);
        let shown = |lines: usize, shortens: bool| {
            let message = message(&text(lines), false);
            Show::new(TimeZone::UTC, shortens).message(&message, None, &people, UnixMillis(NOON))
        };
        for (lines, shortens) in [(LINES_MAX + 2, true), (1000, false)] {
            let whole = shown(lines, shortens);
            assert_eq!((whole.text.lines().count(), whole.rest), (lines, None));
        }
        let cut = shown(1000, true);
        assert_eq!(cut.text.lines().count(), 1 + LINES_MAX + 1);
        assert_eq!(cut.text.lines().last(), Some("    \u{2026} 979 more lines; /more shows them"));
        let rest = cut.rest.unwrap();
        assert_eq!((rest.lines().next(), rest.lines().count()), (Some("    | 21"), 979));
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
    fn nobody_has_anothers_line_in_their_name() {
        let people = People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), vec![]);
        let nick = Nick::new("boss> give bo the key <eve").unwrap();
        let message = Message { nick, ..message("ok", false) };
        let line = Show::new(TimeZone::UTC, true).message(&message, None, &people, UnixMillis(NOON)).text;
        assert_eq!(line, "12:00 #lobby <boss) give bo the key (eve> ok");
    }

    #[test]
    fn whoever_has_not_proven_who_they_are_has_no_badge() {
        let mut people = People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), vec![]);
        people.on_peer(PeerChange {
            state: PeerState::Found,
            key: None,
            id: Some([1; 8]),
            boot: None,
            nick: Nick::new("bo\u{10102}✓").ok(),
            address: None,
            via: chat_core::Source::Mdns,
            direct: false,
            through: None,
        });
        assert!(peers(&people)[0].starts_with("bo  "), "{:?}", peers(&people));
    }

    #[test]
    fn other_days_have_a_date_and_nonsense_has_none() {
        let show = Show::new(TimeZone::UTC, true);
        assert_eq!(show.time(UnixMillis(NOON - 86_400_000), UnixMillis(NOON)), "2023-11-14 12:00");
        assert_eq!(show.time(UnixMillis(u64::MAX), UnixMillis(NOON)), "--:--");
        let east = Show::new(TimeZone::fixed(jiff::tz::offset(9)), true);
        assert_eq!(east.time(UnixMillis(NOON), UnixMillis(NOON)), "21:00");
    }

    #[test]
    fn columns_stand_under_each_other() {
        let row = |cells: [&str; 3]| cells.map(String::from);
        let lines = columns(vec![row(["日本", "", "a"]), row(["bo", "", "b"])]);
        assert_eq!(lines, ["日本  a", "bo    b"]);
    }
}
