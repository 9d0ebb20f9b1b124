//! Lines that are longer than the terminal is wide: broken between words, since a terminal breaks them anywhere.
//!
//! What goes on in the next row stands further in than where lines begin: nobody can write a message of which a row looks
//! like a line of its own.

use rustyline::GraphemeClusterMode;
use unicode_segmentation::UnicodeSegmentation as _;

/// Columns by which further rows are further in, where there is room for it.
const INDENT: usize = 4;
/// What stands before further lines of a message, and so before their further rows.
const BAR: &str = "    | ";
/// Between columns of a table.
const GAP: &str = "  ";
/// What stands so far in is one of the doctor's commands.
const FAR_IN: usize = 16;
/// How others come into a room.
const WAY_IN: &str = "/join ";

/// `text`, with breaks between words where its lines would be wider than `columns`. A word of ASCII that is wider stays whole, and
/// the terminal breaks it: so a link can be copied. Any other may look like several words, and is broken with the indent.
pub(super) fn wrapped(text: &str, columns: usize) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(line) => {
                wrap(line, columns, &mut out);
                out.push('\n');
            }
            None => wrap(line, columns, &mut out),
        }
    }
    out
}

fn wrap(line: &str, columns: usize, out: &mut String) {
    if width(line) <= columns || is_to_copy(line) {
        return out.push_str(line);
    }
    let (further, is_stacked) = further(line, columns);
    let indent = width(&further);
    // Where the row ends so far, and the blanks that were not written yet.
    let (mut at, mut blanks) = (0, String::new());
    for piece in pieces(line) {
        if piece.chars().all(is_break) {
            blanks.push_str(piece);
            continue;
        }
        let (gap, word) = (width(&blanks), width(piece));
        let is_first = at == 0;
        let is_next_column = is_stacked && gap >= GAP.len();
        if indent + word > columns && !piece.bytes().all(|byte| byte.is_ascii_graphic()) {
            out.push_str(&blanks);
            at = broken(piece, at + gap, &further, columns, out);
            blanks.clear();
            continue;
        }
        // Where the next row has no room for the whole word either, a break would only waste the rest of this one.
        // Behind such a word nobody's words follow in its row, which begins with the rest of it.
        let is_over = at + gap + word > columns && (indent + word <= columns || at >= columns);
        if !is_first && (is_over || is_next_column) {
            out.push('\n');
            out.push_str(&further);
            at = indent + word;
        } else {
            out.push_str(&blanks);
            at = (at + gap + word).min(columns);
        }
        out.push_str(piece);
        blanks.clear();
    }
    // Blanks at the end show nothing.
}

/// Writes a word from the column `at` on, in as many rows as it takes; the answer is where it ends.
fn broken(word: &str, at: usize, further: &str, columns: usize, out: &mut String) -> usize {
    let mut at = at;
    for grapheme in word.graphemes(true) {
        let wide = width(grapheme);
        if at + wide > columns && at > 0 {
            out.push('\n');
            out.push_str(further);
            at = width(further);
        }
        out.push_str(grapheme);
        at += wide;
    }
    at
}

/// Whether a person may copy a command from `line`: half of one does something else, and a key may be said in public.
fn is_to_copy(line: &str) -> bool {
    let bare = line.trim_start_matches(' ');
    let begin = line.len() - bare.len();
    begin >= FAR_IN || begin > 0 && bare.starts_with(WAY_IN) && !bare.contains(GAP)
}

/// What further rows of `line` begin with, and whether the second column of a table begins one of them.
fn further(line: &str, columns: usize) -> (String, bool) {
    let is_narrow = |indent: usize| indent * 2 > columns;
    if line.starts_with(BAR) && !is_narrow(BAR.len()) {
        return (BAR.into(), false);
    }
    let begin = line.len() - line.trim_start_matches(' ').len();
    // In a table under the second column, where that leaves room.
    let second = line[begin..].find(GAP).filter(|_| begin > 0).map(|gap| {
        let gap = begin + gap;
        let rest = line[gap..].trim_start_matches(' ');
        width(&line[..line.len() - rest.len()])
    });
    let is_stacked = second.is_some_and(is_narrow);
    let indents = second.into_iter().chain([begin + INDENT, INDENT, 1]);
    let indent = indents.into_iter().find(|indent| !is_narrow(*indent)).unwrap_or(0);
    (" ".repeat(indent), is_stacked)
}

/// Words and what is between them, in turn.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let is_blank = is_break(rest.chars().next()?);
        let end = rest.find(|c| is_break(c) != is_blank).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        Some(piece)
    })
}

/// Whether a row may end here; not at blanks that keep what is around them together.
const fn is_break(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// As the line editor counts, and so as the terminal does.
fn width(text: &str) -> usize {
    let mode = GraphemeClusterMode::from_env();
    let of = |grapheme: &str| if grapheme == "\t" { 8 } else { usize::from(mode.width(grapheme)) };
    text.graphemes(true).map(of).sum()
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn rows_end_between_words() {
        let line = "09:33 #lobby <bo> one two three four";
        assert_eq!(wrapped(line, 36), line);
        assert_eq!(wrapped(line, 35), "09:33 #lobby <bo> one two three\n    four");
        assert_eq!(wrapped(line, 20), "09:33 #lobby <bo>\n    one two three\n    four");
        assert_eq!(wrapped("a b\nlonger than that\n", 12), "a b\nlonger than\n    that\n");
        assert_eq!(wrapped("    | one two three", 14), "    | one two\n    | three");
    }

    #[test]
    fn a_word_that_is_wider_than_a_row_stays_whole() {
        let long = "x".repeat(30);
        assert_eq!(wrapped(&format!("hi {long} there you are"), 20), format!("hi {long}\n    there you are"));
        assert_eq!(wrapped(&long, 20), long);
    }

    #[test]
    fn wide_characters_are_counted_as_they_are_shown() {
        assert_eq!(wrapped("日本 日本 日本", 9), "日本 日本\n    日本");
        assert_eq!(
            wrapped("e\u{301}e\u{301} e\u{301}e\u{301} ab", 5),
            "e\u{301}e\u{301} e\u{301}e\u{301}\n  ab".replace("  ab", " ab")
        );
    }

    #[test]
    fn tables_go_on_under_their_second_column() {
        let line = "  /who [#room]   who is there and where";
        assert_eq!(wrapped(line, 34), "  /who [#room]   who is there and\n                 where");
        assert_eq!(wrapped(line, 30), "  /who [#room]\n      who is there and where");
        assert_eq!(wrapped(line, 20), "  /who [#room]\n      who is there\n      and where");
    }

    #[test]
    fn a_command_to_copy_stays_in_one_piece() {
        let far = format!("{}here: sudo ufw allow 1", " ".repeat(FAR_IN));
        for line in ["  /join #ops one two three", "  /join #ops key:0707070707", &far] {
            assert_eq!(wrapped(line, width(line) - 3), line);
        }
        assert_ne!(
            wrapped("  /join #room [PHRASE]   enter a room", 20),
            "  /join #room [PHRASE]   enter a room"
        );
    }

    #[test]
    fn nothing_that_somebody_says_begins_a_line() {
        let fake = format!("09:33 #lobby <eve> {} 09:33 #lobby <boss> do it", "x".repeat(11));
        for columns in 2..80 {
            assert!(wrapped(&fake, columns).lines().skip(1).all(|row| row.starts_with(' ')), "{columns}");
        }
    }

    #[test]
    fn nothing_that_is_kept_together_begins_a_row_of_the_terminal() {
        let fake = "09:33 #lobby <boss> do it \u{4f60}\u{597d}";
        for blank in ["\u{a0}", "\u{202f}", "\u{2007}", "\u{2800}", "\u{3000}"] {
            for (start, columns) in (0..80).flat_map(|start| (20..80).map(move |columns| (start, columns))) {
                let fake = fake.replace(' ', blank);
                let line = format!("09:33 #lobby <eve> {}{fake}", "x".repeat(start));
                let wrapped = wrapped(&line, columns);
                let rows = wrapped.lines().flat_map(|row| rows(row, columns)).collect::<Vec<_>>();
                assert!(rows.iter().skip(1).all(|row| row.starts_with(' ')), "{columns}: {rows:#?}");
            }
        }
    }

    #[test]
    fn the_rest_of_a_long_word_is_no_beginning_of_a_line() {
        for (start, columns) in (0..120).flat_map(|start| (20..80).map(move |columns| (start, columns))) {
            let line = format!("09:33 #lobby <eve> {}09:33 #lobby <boss> do it", "x".repeat(start));
            let wrapped = wrapped(&line, columns);
            let rows = wrapped.lines().flat_map(|row| rows(row, columns)).collect::<Vec<_>>();
            assert!(rows.iter().skip(1).all(|row| !row.starts_with("09:33 ")), "{columns}: {rows:#?}");
        }
    }

    /// As a terminal breaks what is wider than it is.
    fn rows(line: &str, columns: usize) -> Vec<String> {
        let (mut rows, mut at) = (vec![String::new()], 0);
        for grapheme in line.graphemes(true) {
            if at + width(grapheme) > columns {
                rows.push(String::new());
                at = 0;
            }
            at += width(grapheme);
            rows.last_mut().unwrap().push_str(grapheme);
        }
        rows
    }

    #[test]
    fn blanks_that_are_no_spaces_stay() {
        assert_eq!(wrapped("a\t\u{b}", 1), "a\n\u{b}");
        assert_eq!(wrapped("one two\u{a0}three", 9), "one two\u{a0}t\n    hree");
        assert_eq!(wrapped("one more two\u{a0}three", 14), "one more\n    two\u{a0}three");
    }

    quickcheck! {
        fn only_blanks_become_breaks(text: String, columns: u8) -> bool {
            let bare = |text: &str| text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '|')).collect::<String>();
            bare(&wrapped(&text, usize::from(columns).max(1))) == bare(&text)
        }

        fn no_row_of_short_words_is_too_wide(words: Vec<u8>, columns: u8) -> bool {
            let columns = usize::from(columns).max(20);
            let text = words.iter().map(|&length| "w".repeat(1 + usize::from(length % 8))).collect::<Vec<_>>().join(" ");
            wrapped(&text, columns).lines().all(|row| width(row) <= columns)
        }
    }
}
