//! What to search the history for, as a person types it: `plan from:bo in:#ops since:2d`.

use chat_core::{Place, RoomName, Stamp, UnixMillis};
use jiff::{civil::Date, tz::TimeZone};

use crate::{
    people::People,
    store::{Author, Search},
};

/// Words of one search, and bytes of each.
const WORDS_MAX: usize = 16;
const WORD_MAX: usize = 64;
/// Milliseconds of what may stand behind a number.
const UNITS: [(&str, u64); 4] = [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Why a search is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("search for what? Words, from:NICK, in:#room and since:2d may be combined")]
    Empty,
    #[error("at most {WORDS_MAX} words of {WORD_MAX} bytes are searched for")]
    TooMuch,
    #[error("{0}")]
    Who(String),
    #[error("in: takes a #room, or @ and a nick or key")]
    Place,
    #[error("since: takes a number with m, h, d or w behind it, or a day like 2026-11-29")]
    Since,
    #[error("{0} stands there twice")]
    Twice(&'static str),
}

/// Reads what was typed; `now` and `zone` say which day is meant.
pub(crate) fn read(
    text: &str,
    limit: usize,
    people: &People,
    now: UnixMillis,
    zone: &TimeZone,
) -> Result<Search, QueryError> {
    let mut search = Search { words: Vec::new(), from: None, place: None, since: Stamp(0), limit };
    for word in words(text) {
        if let Some(name) = word.strip_prefix("from:") {
            let from = author(name, people);
            once(search.from.replace(from), "from:")?;
        } else if let Some(name) = word.strip_prefix("in:") {
            once(search.place.replace(place(name, people)?), "in:")?;
        } else if let Some(time) = word.strip_prefix("since:") {
            let before = std::mem::replace(&mut search.since, since(time, now, zone)?);
            once((before != Stamp(0)).then_some(()), "since:")?;
        } else {
            search.words.push(word);
        }
    }
    if search.words.len() > WORDS_MAX || search.words.iter().any(|word| word.len() > WORD_MAX) {
        return Err(QueryError::TooMuch);
    }
    let is_empty = search.words.is_empty() && search.from.is_none() && search.place.is_none();
    if is_empty && search.since == Stamp(0) { Err(QueryError::Empty) } else { Ok(search) }
}

fn once<T>(before: Option<T>, what: &'static str) -> Result<(), QueryError> {
    before.map_or(Ok(()), |_| Err(QueryError::Twice(what)))
}

/// Splits at spaces; quotes keep a name of several words together: `from:"ana maria"`.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Everybody who is, or was when they spoke, called so.
fn author(name: &str, people: &People) -> Author {
    Author { keys: people.named(name), nick: name.to_string() }
}

fn place(name: &str, people: &People) -> Result<Place, QueryError> {
    match name.strip_prefix('@') {
        Some(name) => {
            people.resolve(name).map(Place::Direct).map_err(|error| QueryError::Who(error.to_string()))
        }
        None => RoomName::new(name).map(Place::Room).map_err(|_| QueryError::Place),
    }
}

fn since(text: &str, now: UnixMillis, zone: &TimeZone) -> Result<Stamp, QueryError> {
    let millis = if let Ok(day) = text.parse::<Date>() {
        let start = day.to_zoned_datetime(zone.clone()).map_err(|_| QueryError::Since)?;
        u64::try_from(start.timestamp().as_millisecond()).map_err(|_| QueryError::Since)?
    } else {
        let (_, unit) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit)).ok_or(QueryError::Since)?;
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| QueryError::Since)?;
        now.0.saturating_sub(number.saturating_mul(unit))
    };
    Ok(Stamp(millis.saturating_mul(1000).max(1)))
}

#[cfg(test)]
mod tests {
    use chat_core::{Nick, PeerKey};
    use quickcheck::quickcheck;

    use super::*;

    const NOON: UnixMillis = UnixMillis(1_700_049_600_000); // 2023-11-15 12:00 UTC

    fn people() -> People {
        People::new(PeerKey([1; 32]), Nick::new("ana").unwrap(), vec![])
    }

    fn query(text: &str) -> Result<Search, QueryError> {
        read(text, 20, &people(), NOON, &TimeZone::UTC)
    }

    #[test]
    fn words_and_conditions_may_be_combined_in_any_order() {
        let search = query(" since:2d plan  in:#Ops from:\"zo\u{eb} b\" \"red wine\" ").unwrap();
        assert_eq!(search.words, ["plan", "red wine"]);
        assert_eq!(search.place, Some(Place::Room(RoomName::new("#ops").unwrap())));
        assert_eq!(search.from.unwrap().nick, "zo\u{eb} b");
        assert_eq!(search.since, Stamp((NOON.0 - 172_800_000) * 1000));
        assert_eq!(query("from:ana").unwrap().from.unwrap().keys, [PeerKey([1; 32])], "oneself");
        assert_eq!(query("since:2023-11-15").unwrap().since, Stamp((NOON.0 - 43_200_000) * 1000));
        let direct = query(&format!("in:@{}", PeerKey([7; 32]))).unwrap();
        assert_eq!(direct.place, Some(Place::Direct(PeerKey([7; 32]))));
    }

    #[test]
    fn what_is_no_search_says_why() {
        assert_eq!(query("  "), Err(QueryError::Empty));
        assert_eq!(query(&"x ".repeat(17)), Err(QueryError::TooMuch));
        assert_eq!(query(&"x".repeat(65)), Err(QueryError::TooMuch));
        assert_eq!(query("in:ops"), Err(QueryError::Place));
        assert!(matches!(query("in:@nobody"), Err(QueryError::Who(_))));
        for time in ["", "2", "d", "2y", "-1d", "2023-13-01", "\u{2003}d"] {
            assert_eq!(query(&format!("x since:{time}")), Err(QueryError::Since), "{time}");
        }
        assert_eq!(query("from:a from:b"), Err(QueryError::Twice("from:")));
        assert!(query(&format!("since:{}w", u64::MAX)).is_ok(), "long ago");
    }

    quickcheck! {
        fn nothing_panics(text: String) -> bool {
            let _ = query(&text);
            let _ = query(&format!("since:{text} in:{text} from:{text}"));
            true
        }
    }
}
