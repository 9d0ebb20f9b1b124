//! A terminal that keeps everything, and wraps its lines anew when it is resized, as nearly all do.

/// What was written, as rows of a grid.
#[derive(Debug)]
pub(super) struct Paper {
    columns: usize,
    rows: Vec<Row>,
    row: usize,
    /// As many as there are columns when the last one is written and nothing came after it.
    column: usize,
    /// An escape sequence that is not complete.
    escape: String,
}

#[derive(Clone, Debug, Default)]
struct Row {
    text: Vec<char>,
    /// Goes on in the next row: it was full, and nobody broke it.
    goes_on: bool,
}

impl Paper {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, rows: vec![Row::default()], row: 0, column: 0, escape: String::new() }
    }

    /// The lines as they were written, whatever rows they take.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        for row in &self.rows {
            lines.last_mut().unwrap().extend(&row.text);
            if !row.goes_on {
                lines.push(String::new());
            }
        }
        let used = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
        lines.truncate(used);
        lines
    }

    pub(super) fn write(&mut self, c: char) {
        if !self.escape.is_empty() {
            self.escape.push(c);
            let is_whole = self.escape.len() > 2 && c.is_ascii_alphabetic();
            if is_whole {
                let escape = std::mem::take(&mut self.escape);
                self.obey(&escape);
            }
            return;
        }
        match c {
            '\u{1b}' => self.escape.push(c),
            '\r' => self.column = 0,
            '\n' => self.go(self.row + 1),
            c if c.is_control() => {}
            c => self.put(c),
        }
    }

    pub(super) fn resize(&mut self, columns: usize) {
        let mut rows: Vec<Row> = Vec::new();
        let (mut text, mut cursor) = (Vec::new(), None);
        for (index, row) in std::mem::take(&mut self.rows).into_iter().enumerate() {
            if index == self.row {
                cursor = Some(text.len() + self.column);
            }
            text.extend(row.text);
            if row.goes_on {
                continue;
            }
            if let Some(cursor) = cursor.take() {
                let is_full = cursor > 0 && cursor == text.len() && cursor % columns == 0;
                let row = if is_full { cursor / columns - 1 } else { cursor / columns };
                (self.row, self.column) = (rows.len() + row, cursor - row * columns);
            }
            let first = rows.len();
            rows.extend(text.chunks(columns).map(|text| Row { text: text.to_vec(), goes_on: true }));
            rows.resize(rows.len().max(first + 1), Row::default());
            rows.last_mut().unwrap().goes_on = false;
            text.clear();
        }
        (self.rows, self.columns) = (rows, columns);
        self.go(self.row);
    }

    fn put(&mut self, c: char) {
        if self.column == self.columns {
            self.rows[self.row].goes_on = true;
            self.go(self.row + 1);
            self.column = 0;
        }
        let text = &mut self.rows[self.row].text;
        text.resize(text.len().max(self.column + 1), ' ');
        text[self.column] = c;
        self.column += 1;
    }

    fn go(&mut self, row: usize) {
        self.row = row;
        self.rows.resize(self.rows.len().max(row + 1), Row::default());
    }

    fn obey(&mut self, escape: &str) {
        let (number, what) = escape[2..].split_at(escape.len() - 3);
        let number = number.parse().unwrap_or(1);
        match what {
            "A" => self.row = self.row.saturating_sub(number),
            "B" => self.go(self.row + number),
            "C" => self.column = (self.column + number).min(self.columns - 1),
            "D" => self.column = self.column.saturating_sub(number),
            "K" | "J" => {
                let row = &mut self.rows[self.row];
                row.text.truncate(self.column);
                row.goes_on = false;
                if what == "J" {
                    self.rows.truncate(self.row + 1);
                }
            }
            // Pasting, and how the cursor looks.
            _ => {}
        }
    }
}

#[test]
fn lines_are_wrapped_anew() {
    let mut paper = Paper::new(4);
    "ab\r\nabcdef\r\nwxyz\r\nq\u{1b}[?2004h".chars().for_each(|c| paper.write(c));
    assert_eq!((paper.row, paper.column), (4, 1));
    for (columns, row) in [(2, 6), (3, 5), (10, 3), (4, 4)] {
        paper.resize(columns);
        assert_eq!((paper.row, paper.lines().join(" ").as_str()), (row, "ab abcdef wxyz q"), "{columns}");
    }
    "\u{1b}[3A\r\u{1b}[JXY".chars().for_each(|c| paper.write(c));
    assert_eq!(paper.lines(), ["ab", "XY"]);
}
