//! What somebody may mean who types a command that there is not.

/// Words of other chats, and what they are here.
const ELSEWHERE: [(&str, &str); 21] = [
    ("bye", "quit"),
    ("clear", "more"),
    ("disconnect", "quit"),
    ("dm", "msg"),
    ("exit", "quit"),
    ("history", "earlier"),
    ("ignore", "mute"),
    ("list", "rooms"),
    ("logout", "quit"),
    ("name", "nick"),
    ("names", "who"),
    ("part", "leave"),
    ("query", "msg"),
    ("remove", "delete"),
    ("send", "file"),
    ("tell", "msg"),
    ("undo", "delete"),
    ("users", "who"),
    ("w", "msg"),
    ("whisper", "msg"),
    ("h", "help"),
];
/// A word of so many letters for each slip may be meant.
const LETTERS_A_SLIP: usize = 3;

/// The one of `names` that `typed` is near to, if there is one.
pub(super) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let meant = ELSEWHERE.iter().find(|(word, _)| *word == typed).map_or(typed.as_str(), |(_, here)| here);
    let slips_max = meant.chars().count() / LETTERS_A_SLIP;
    let near =
        names.into_iter().map(|name| (slips(meant, name), name)).filter(|(slips, _)| *slips <= slips_max);
    near.min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}

/// How many letters are too many, missing, wrong, or changed places with the next one.
fn slips(one: &str, other: &str) -> usize {
    // Whoever types a page behind the slash means no command.
    if one.chars().count().abs_diff(other.chars().count()) > LETTERS_A_SLIP {
        return usize::MAX;
    }
    strsim::osa_distance(one, other)
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    const NAMES: [&str; 8] = ["help", "msg", "me", "quit", "mute", "unmute", "who", "leave"];

    #[test]
    fn who_slips_or_comes_from_elsewhere_is_understood() {
        for (typed, meant) in [
            ("quti", Some("quit")),
            ("MSG", Some("msg")),
            ("Quit", Some("quit")),
            ("exit", Some("quit")),
            ("EXIT", Some("quit")),
            ("mesg", Some("msg")),
            ("unmut", Some("unmute")),
            ("leafe", Some("leave")),
            ("part", Some("leave")),
            ("frobnicate", None),
            ("x", None),
            ("", None),
            ("usr/bin", None),
        ] {
            assert_eq!(nearest(typed, NAMES), meant, "{typed}");
        }
    }

    #[test]
    fn slips_are_counted() {
        for (one, other, count) in
            [("", "", 0), ("who", "who", 0), ("woh", "who", 1), ("wh", "who", 1), ("abc", "xyz", 3)]
        {
            assert_eq!(slips(one, other), count, "{one} {other}");
        }
    }

    quickcheck! {
        fn nothing_panics_and_both_ways_are_as_far(one: String, other: String) -> bool {
            slips(&one, &other) == slips(&other, &one)
        }
    }
}
