//! Full-text search, newest first.

use rusqlite::{Connection, ToSql};

use super::{
    read::{self, FOLLOWED, HEARD},
    record,
};
use crate::store::{Search, Shown};

/// The newest messages that are meant, oldest first.
pub(super) fn search(db: &Connection, search: &Search) -> rusqlite::Result<Vec<Shown>> {
    let mut conditions = vec![String::from("m.kind = 0 AND m.state <> 2"), String::from(HEARD)];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut put = |value: Box<dyn ToSql>| {
        values.push(value);
        format!("?{}", values.len())
    };
    let source = if search.words.is_empty() {
        "messages m"
    } else {
        let wanted = put(Box::new(phrase(&search.words)));
        conditions.push(format!("words MATCH {wanted}"));
        "words w CROSS JOIN messages m ON m.cursor = w.rowid"
    };
    if let Some(from) = &search.from {
        let nick = put(Box::new(from.nick.clone()));
        let mut any = vec![format!("m.nick = {nick} COLLATE NOCASE")];
        any.extend(from.keys.iter().map(|key| format!("e.author = {}", put(Box::new(key.0)))));
        conditions.push(format!("({})", any.join(" OR ")));
    }
    if let Some(place) = &search.place {
        let place = put(Box::new(place.to_string()));
        conditions.push(format!(
            "c.place = {place}
             AND ({FOLLOWED}
                  OR NOT EXISTS (SELECT 1 FROM rooms r WHERE r.name = c.place AND r.room <> c.room))"
        ));
    }
    if search.since.0 > 0 {
        conditions.push(format!("e.stamp >= {}", put(Box::new(record::ordered(search.since.0)))));
    }
    let limit = put(Box::new(i64::try_from(search.limit).unwrap_or(i64::MAX)));
    let order = if search.words.is_empty() { "m.cursor" } else { "w.rowid" };
    // CROSS keeps the order of the loops: the outer one goes through numbers or the index, and ends at the limit.
    let find = format!(
        "SELECT {} FROM {source} CROSS JOIN entries e ON e.number = m.entry
         CROSS JOIN conversations c ON c.number = e.conversation
         WHERE {} ORDER BY {order} DESC LIMIT {limit}",
        record::TOLD,
        conditions.join(" AND ")
    );
    let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
    let mut find = db.prepare(&find)?;
    let mut found: Vec<Shown> =
        find.query_map(values.as_slice(), record::message)?.collect::<Result<_, _>>()?;
    found.reverse();
    found.iter_mut().try_for_each(|shown| read::add_reactions(db, shown))?;
    Ok(found)
}

/// The words in the language of FTS5: all of them, each as it is, the last one perhaps only begun.
fn phrase(words: &[String]) -> String {
    // A NUL would end the whole of it.
    let quote = |word: &String| format!("\"{}\"", word.replace('"', "\"\"").replace('\0', " "));
    let quoted: Vec<String> = words.iter().map(quote).collect();
    quoted.join(" ") + "*"
}
