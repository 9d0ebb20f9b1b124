//! Short texts that a person types, checked when they are built: what a room is about, and what one feels.

use alloc::string::String;
use core::fmt;

use crate::text::{is_invisible, one_line, shows_nothing};

/// The longest topic in code points.
pub const TOPIC_MAX: usize = 200;
/// The longest emoji in bytes of UTF-8: a family with four skin tones has 41.
pub const EMOJI_MAX: usize = 64;

/// What a room is about: one line of at most [`TOPIC_MAX`] code points in NFC, without what cannot be seen. It may be
/// empty: then the room is about nothing any more.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Topic(String);

impl Topic {
    /// Takes `text` after removing what is invisible and folding white space.
    ///
    /// # Errors
    /// When more than [`TOPIC_MAX`] code points remain.
    pub fn new(text: &str) -> Result<Self, ShortError> {
        let topic = one_line(text);
        match topic.chars().count() {
            length if length > TOPIC_MAX => Err(ShortError::TopicTooLong { length }),
            _ => Ok(Self(topic)),
        }
    }

    /// The topic.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reaction to a message: 1 to [`EMOJI_MAX`] bytes, something that can be seen, without white space and without
/// what could hide something; joiners and selectors stay, since pictures are made with them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Emoji(String);

impl Emoji {
    /// Takes `text` as it is.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(text: &str) -> Result<Self, ShortError> {
        let is_part = |c: char| {
            // Zero width joiner, variation selectors, and the tags that make the flags of regions.
            let makes_pictures =
                matches!(c, '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' | '\u{E0020}'..='\u{E007F}');
            makes_pictures || !(is_invisible(c) || c.is_whitespace())
        };
        let is_emoji = (1..=EMOJI_MAX).contains(&text.len()) && text.chars().all(is_part);
        let is_seen = !text.chars().all(shows_nothing);
        if is_emoji && is_seen { Ok(Self(text.into())) } else { Err(ShortError::NoEmoji) }
    }

    /// The emoji.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Emoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a short text is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShortError {
    /// Too much in it.
    #[error("the topic has {length} characters, {TOPIC_MAX} are allowed")]
    TopicTooLong {
        /// Its length in code points.
        length: usize,
    },
    /// Empty, too long, or with something in it that cannot be seen.
    #[error("a reaction is one emoji or a short word without spaces")]
    NoEmoji,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn topics_are_one_line() {
        let topic = |text: &str| Topic::new(text).map(|topic| topic.to_string());
        assert_eq!(topic("  release\n of \u{202e}2.0\t"), Ok("release of 2.0".into()));
        assert_eq!(topic("\u{200b} "), Ok(String::new()));
        assert_eq!(topic(&"x".repeat(201)), Err(ShortError::TopicTooLong { length: 201 }));
    }

    #[test]
    fn a_reaction_is_seen_and_hides_nothing() {
        let england = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
        let family = "\u{1f468}\u{1f3fb}\u{200d}\u{1f469}\u{1f3fc}\u{200d}\u{1f467}\u{1f3fd}\u{200d}\u{1f466}\u{1f3fe}";
        for good in ["\u{1f44d}", "\u{2764}\u{fe0f}", "+1", england, family] {
            assert_eq!(Emoji::new(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(EMOJI_MAX + 1);
        for bad in ["", " ", "a b", "\u{200d}", "\u{202e}x", "x\n", "\u{2800}", "\u{1b}[31m", &long] {
            assert_eq!(Emoji::new(bad), Err(ShortError::NoEmoji), "{bad:?}");
        }
    }

    quickcheck! {
        fn a_topic_is_its_own_topic(text: String) -> bool {
            Topic::new(&text).ok().is_none_or(|topic| Topic::new(topic.as_str()) == Ok(topic))
        }
    }
}
