//! What is wrong with a text, and where.

use std::{fmt, ops::Range};

/// A file that somebody wrote cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// What is wrong.
    pub what: String,
    /// Which bytes of the text, where that can be told.
    pub span: Option<Range<usize>>,
}

impl Complaint {
    /// Something wrong at these bytes.
    pub(crate) fn at(span: Range<usize>, what: impl Into<String>) -> Self {
        Self { what: what.into(), span: Some(span) }
    }

    pub(crate) fn of_toml(error: &toml::de::Error) -> Self {
        Self { what: error.message().trim_end().replace('\n', "; "), span: error.span() }
    }

    /// As a compiler would say it: the file, the line and the column, both from 1, and the line itself with a mark.
    #[must_use]
    pub fn show(&self, file: &str, text: &str) -> impl fmt::Display {
        let Some(span) = self.span.clone().filter(|span| text.is_char_boundary(span.start)) else {
            return format!("{file}: {}", self.what);
        };
        let before = &text[..span.start];
        let number = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        let column = text[start..span.start].chars().count() + 1;
        let rest = line.chars().count().saturating_sub(column - 1);
        let marked = text.get(span).map_or(1, |part| part.chars().count()).clamp(1, rest.max(1));
        let width = number.to_string().len();
        format!(
            "{file}:{number}:{column}: {what}\n{number} | {line}\n{blank:width$} | {blank:indent$}{mark}",
            what = self.what,
            blank = "",
            indent = column - 1,
            mark = "^".repeat(marked),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_shown_as_a_compiler_does() {
        let text = "name = 'ä'\npeers = 0\n";
        let start = text.find('0').unwrap();
        let shown = Complaint::at(start..start + 1, "nobody is there").show("a.toml", text).to_string();
        assert_eq!(shown, "a.toml:2:9: nobody is there\n2 | peers = 0\n  |         ^");
    }

    #[test]
    fn a_place_at_the_end_or_over_several_lines_has_a_mark_too() {
        let text = "a = 1\nb = [\n2]";
        let end = Complaint::at(text.len()..text.len(), "more is missing").show("a.toml", text).to_string();
        assert!(end.starts_with("a.toml:3:3: ") && end.ends_with('^'), "{end}");
        let several = Complaint::at(10..text.len(), "a list").show("a.toml", text).to_string();
        assert!(several.ends_with("2 | b = [\n  |     ^"), "{several}");
    }
}
