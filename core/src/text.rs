//! What a person types, checked when it is built: whatever exists can be sent.

use alloc::{string::String, vec::Vec};
use core::fmt;

use smol_str::{SmolStr, format_smolstr};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The longest message in bytes of UTF-8.
pub const TEXT_MAX: usize = 4096;
/// The longest nick in code points.
pub const NICK_MAX: usize = 32;
/// The longest room name in code points, the `#` not counted.
pub const ROOM_NAME_MAX: usize = 32;

/// A message's text: at most [`TEXT_MAX`] bytes, of which something can be seen, otherwise as it was typed. It is
/// cleaned where it is shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Text(String);

impl Text {
    /// Takes `text` as a message.
    ///
    /// # Errors
    /// When nothing of it can be seen, or it is longer than [`TEXT_MAX`] bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        match text.len() {
            length if length > TEXT_MAX => Err(TextError::TooLong { length }),
            _ if text.chars().all(shows_nothing) => Err(TextError::Empty),
            _ => Ok(Self(text)),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Why a text is no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TextError {
    /// Nothing visible in it.
    #[error("the message is empty")]
    Empty,
    /// Too much in it.
    #[error("the message has {length} bytes, {TEXT_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
}

/// What somebody calls themselves: 1 to [`NICK_MAX`] code points in NFC, something that can be seen and nothing
/// that could hide something, no white space at the ends and only single spaces inside. It names nobody for certain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Nick(SmolStr);

impl Nick {
    /// Takes `nick` after removing what is invisible and folding white space.
    ///
    /// # Errors
    /// When nothing remains that can be seen, or more than [`NICK_MAX`] code points.
    pub fn new(nick: &str) -> Result<Self, NickError> {
        if let Some(plain) = Self::plain(nick) {
            return Ok(plain);
        }
        let nick = one_line(nick);
        match nick.chars().count() {
            _ if nick.chars().all(shows_nothing) => Err(NickError::Empty),
            length if length > NICK_MAX => Err(NickError::TooLong { length }),
            _ => Ok(Self(nick.into())),
        }
    }

    /// What can be saved of a nick that came from the network: cleaned and cut, `?` if nothing is left to see.
    #[must_use]
    pub fn lenient(nick: &str) -> Self {
        Self::plain(nick).unwrap_or_else(|| {
            let cut: String = nick.chars().filter(|&c| !is_invisible(c)).take(NICK_MAX).collect();
            Self::new(&cut).unwrap_or_else(|_| Self(SmolStr::new_static("?")))
        })
    }

    /// Most nicks are one word of ASCII, in which there is nothing to clean.
    fn plain(nick: &str) -> Option<Self> {
        let is_plain =
            (1..=NICK_MAX).contains(&nick.len()) && nick.bytes().all(|byte| byte.is_ascii_graphic());
        is_plain.then(|| Self(SmolStr::new(nick)))
    }

    /// The nick.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why something is no nick.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NickError {
    /// Nothing visible in it.
    #[error("a nick needs at least one visible character")]
    Empty,
    /// Too much in it.
    #[error("the nick has {length} characters, {NICK_MAX} are allowed")]
    TooLong {
        /// Its length in code points.
        length: usize,
    },
}

/// The name of an open room: `#` and 1 to [`ROOM_NAME_MAX`] code points, NFC, lower case, no spaces, nothing
/// invisible. Two people who type the same name in any case are in the same room.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoomName(SmolStr);

impl RoomName {
    /// The room that everybody starts in.
    #[must_use]
    pub fn lobby() -> Self {
        Self(SmolStr::new_static("#lobby"))
    }

    /// Takes `name`, with its `#`, in any case.
    ///
    /// # Errors
    /// When it has no `#`, nothing behind it, too much, a space, or something invisible.
    pub fn new(name: &str) -> Result<Self, RoomNameError> {
        let rest = name.strip_prefix('#').ok_or(RoomNameError::NoHash)?;
        let lower: String = rest.nfc().collect::<String>().to_lowercase().nfc().collect();
        if lower.chars().any(|c| c.is_whitespace() || c == '#' || is_invisible(c)) {
            return Err(RoomNameError::BadCharacter);
        }
        match lower.chars().count() {
            0 => Err(RoomNameError::Empty),
            length if length > ROOM_NAME_MAX => Err(RoomNameError::TooLong { length }),
            _ => Ok(Self(format_smolstr!("#{lower}"))),
        }
    }

    /// The name with its `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why something is no room name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RoomNameError {
    /// It does not begin with `#`.
    #[error("a room name begins with #")]
    NoHash,
    /// Nothing behind the `#`.
    #[error("a room name needs at least one character after the #")]
    Empty,
    /// White space, another `#`, or a character that cannot be seen.
    #[error("a room name has no spaces, no second # and nothing invisible")]
    BadCharacter,
    /// Too many characters.
    #[error("the room name has {length} characters after the #, {ROOM_NAME_MAX} are allowed")]
    TooLong {
        /// Its length in code points.
        length: usize,
    },
}

/// Whether a character of a name could hide something: control, bidirectional and zero-width characters.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a character by itself leaves the screen as it is: white space, what is invisible, Braille without a dot,
/// and what stands only on another character: marks, and the vowels and finals of Hangul.
pub(crate) fn shows_nothing(c: char) -> bool {
    let stands_on_another =
        is_combining_mark(c) || matches!(c, '\u{1160}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FF}');
    c.is_whitespace() || is_invisible(c) || c == '\u{2800}' || stands_on_another
}

/// `text` in NFC without what is invisible, its words with single spaces between them.
pub(crate) fn one_line(text: &str) -> String {
    // Normalised last: what was invisible may have stood between two characters that are one.
    let visible: String = text.chars().map(space_for_white).filter(|&c| !is_invisible(c)).nfc().collect();
    visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn space_for_white(c: char) -> char {
    if c.is_whitespace() { ' ' } else { c }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use quickcheck::quickcheck;

    use super::*;

    /// Of these nothing can be seen.
    const NOTHING: [&str; 10] = [
        "",
        " \t\n",
        "\u{a0}\u{3000}",
        "\u{200b}",
        "\u{2800}",
        " \u{2800}\u{200d}",
        "\u{3164}",
        "\u{301}",
        "\u{1161}",
        "\u{903}",
    ];

    #[test]
    fn texts_have_a_length() {
        for nothing in NOTHING {
            assert_eq!(Text::new(nothing), Err(TextError::Empty), "{nothing:?}");
        }
        for something in ["\u{2801}", " .", "e\u{301}", "\u{1100}\u{1161}", "\u{2764}\u{fe0f}", "\n\u{2800}x"]
        {
            assert_eq!(Text::new(something).unwrap().as_str(), something, "as it was typed");
        }
        assert!(Text::new("x".repeat(TEXT_MAX)).is_ok());
        assert_eq!(Text::new("x".repeat(TEXT_MAX + 1)), Err(TextError::TooLong { length: TEXT_MAX + 1 }));
    }

    #[test]
    fn nicks_lose_what_cannot_be_seen() {
        let nick = |text: &str| Nick::new(text).map(|nick| nick.to_string());
        assert_eq!(nick("  ana\u{202E}  b\t"), Ok("ana b".into()));
        for nothing in NOTHING {
            assert_eq!(nick(nothing), Err(NickError::Empty), "{nothing:?}");
            assert_eq!(Nick::lenient(nothing).as_str(), "?", "{nothing:?}");
        }
        assert_eq!(nick("\u{2800}bo"), Ok("\u{2800}bo".into()));
        assert_eq!(nick("\u{1112}\u{1161}\u{11ab}"), Ok("\u{d55c}".into()));
        assert_eq!(nick("Zoe\u{308}"), Ok("Zo\u{eb}".into()));
        assert_eq!(nick(&"x".repeat(33)), Err(NickError::TooLong { length: 33 }));
        assert_eq!(Nick::lenient(&"\u{1b}[31m".repeat(40)).as_str().chars().count(), NICK_MAX);
        assert_eq!(Nick::lenient("\0").as_str(), "?");
    }

    quickcheck! {
        fn a_nick_is_its_own_nick(start: String, invisible: bool, end: String) -> bool {
            let text = start + if invisible { "e\u{200d}\u{301}" } else { "" } + &end;
            Nick::new(&text).ok().is_none_or(|nick| {
                Nick::lenient(nick.as_str()) == nick && Nick::new(nick.as_str()) == Ok(nick)
            })
        }
    }

    #[test]
    fn room_names_are_one_per_room() {
        let room = |text: &str| RoomName::new(text).map(|room| room.to_string());
        assert_eq!(room("#Lobby"), Ok(RoomName::lobby().to_string()));
        assert_eq!(room("#\u{c9}t\u{e9}"), room("#E\u{301}te\u{301}"));
        assert_eq!(room("lobby"), Err(RoomNameError::NoHash));
        assert_eq!(room("#"), Err(RoomNameError::Empty));
        assert_eq!(room("#a b"), Err(RoomNameError::BadCharacter));
        assert_eq!(room(&("#".to_string() + &"x".repeat(33))), Err(RoomNameError::TooLong { length: 33 }));
    }
}
