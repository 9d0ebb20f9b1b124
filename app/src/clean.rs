//! Text from the network as it may be shown: nothing in it moves the cursor, hides, or turns the line around.
//!
//! Only the copy that is shown is cleaned; what was signed stays as it is.

use std::borrow::Cow;

use chat_core::is_invisible;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// A message: keeps line breaks, tabs, joiners and variation selectors, and loses what else cannot be seen.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    keep(text, |c| is_shown(c) || !is_invisible(c))
}

/// A nick, room or other name: loses everything that cannot be seen.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    keep(text, |c| !is_invisible(c))
}

/// The columns of a terminal that `text` takes: a family of four is one picture, not four.
pub(crate) fn width(text: &str) -> usize {
    text.graphemes(true).map(|grapheme| grapheme.width()).sum()
}

/// `text` filled up with spaces to `columns`.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// What is invisible and yet changes what is seen: without it many scripts and pictures fall apart.
fn is_shown(c: char) -> bool {
    matches!(c, '\n' | '\t' | '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn keep(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&kept) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|&c| kept(c)).collect())
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn nothing_dangerous_comes_through() {
        assert_eq!(text("a\u{1b}[2J\u{7}b\r\nc\td"), "a[2Jb\nc\td");
        assert_eq!(text("\u{9b}31mred\u{85}"), "31mred");
        assert_eq!(text("user\u{202E}gpj.exe\u{2066}\u{200B}\u{FEFF}"), "usergpj.exe");
        assert_eq!(name("a\nb\u{200D}\u{FE0F}c"), "abc");
    }

    #[test]
    fn pictures_and_scripts_stay_whole() {
        for whole in ["👨‍👩‍👧", "❤️", "می‌خواهم", "e\u{301}", "日本"] {
            assert_eq!(text(whole), whole);
        }
    }

    #[test]
    fn width_is_counted_by_what_is_seen() {
        let widths = ["👨‍👩‍👧", "🇩🇪", "e\u{301}", "日本", "ana"].map(width);
        assert_eq!(widths, [2, 2, 1, 4, 3]);
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(padded("long", 2), "long");
    }

    quickcheck! {
        fn cleaning_twice_is_cleaning_once(any: String) -> bool {
            let once = text(&any).into_owned();
            text(&once) == once && once.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control())
        }
    }
}
