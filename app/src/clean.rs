//! Text from the network as it may be shown: nothing in it moves the cursor, hides, or turns the line around.
//!
//! Only the copy that is shown is cleaned; what was signed stays as it is.

use std::borrow::Cow;

use chat_core::is_invisible;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Blank lines that stay together inside a message.
const BLANK_MAX: usize = 2;
/// Braille with no dot: a picture of nothing, and so neither white space nor invisible.
const BRAILLE_BLANK: char = '\u{2800}';

/// A message: keeps line breaks, tabs, joiners and variation selectors, and loses what else cannot be seen.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    keep(text, |c| is_shown(c) || !is_invisible(c))
}

/// A nick, room or other name: loses everything that cannot be seen.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    keep(text, |c| !is_invisible(c))
}

/// A message as lines to show: none at its ends and never more than [`BLANK_MAX`] together are blank, so that
/// nobody can push away what others said. A message that shows nothing has no lines.
pub(crate) fn lines(message: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut blank = 0;
    for line in text(message).lines() {
        if is_blank(line) {
            blank += 1;
            continue;
        }
        let kept = if lines.is_empty() { 0 } else { blank.min(BLANK_MAX) };
        lines.extend(std::iter::repeat_n(String::new(), kept));
        lines.push(line.to_string());
        blank = 0;
    }
    lines
}

/// Whether nothing of `text` can be seen.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(shows_nothing)
}

/// Whether a character by itself leaves the screen as it is; some of them have a width.
pub(crate) fn shows_nothing(c: char) -> bool {
    c == BRAILLE_BLANK || c.is_whitespace() || is_invisible(c) || c.width() == Some(0)
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
    use chat_core::{Nick, NickError, Text, TextError};
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
    fn blank_lines_do_not_push_anything_away() {
        assert_eq!(lines("\n \n\u{2800}\na\n\n\n\t\n\u{3164}\nb\n\nc\n\n"), ["a", "", "", "b", "", "c"]);
        assert_eq!(lines("  indented\n\u{1b}[2J"), ["  indented", "[2J"]);
        assert_eq!(lines(&"\n".repeat(200)), [""; 0]);
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for blank in
            ["", " \u{a0}\u{3000}", "\u{2800}", "\u{3164}", "\u{115f}", "\u{ffa0}", "\u{301}", "\u{200d}"]
        {
            assert!(is_blank(blank), "{blank:?}");
            assert_eq!(Nick::new(blank), Err(NickError::Empty), "{blank:?}");
            assert_eq!(Text::new(blank), Err(TextError::Empty), "{blank:?}");
        }
        for seen in [".", "e\u{301}", "\u{2801}", "\u{ac00}"] {
            assert!(!is_blank(seen), "{seen:?}");
        }
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
