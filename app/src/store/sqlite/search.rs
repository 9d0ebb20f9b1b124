//! Full-text search, newest first.
//!
//! What is rarer leads: either the words, of which the index has the messages from the newest on, or the few messages
//! of an author, a place or a time, of which each is asked whether it has the words.

use rusqlite::{Connection, OptionalExtension as _, ToSql, params_from_iter};

use super::{
    read::{self, FOLLOWED, HEARD},
    record,
};
use crate::store::{Author, Search, Shown};

/// To ask so many messages for words takes some 20 ms.
const FEW: i64 = 500;
/// Entries that are looked at to learn where a time begins: some 10 ms.
const COUNTED_MAX: i64 = 100_000;
/// The entries of conversations.
const IN_PLACE: &str = "conversations c CROSS JOIN entries e ON e.conversation = c.number";
/// With all that is in each.
const IN_ENTRY: &str = "CROSS JOIN messages m ON m.entry = e.number";

/// The newest messages that are meant, oldest first.
pub(super) fn search(db: &Connection, search: &Search) -> rusqlite::Result<Vec<Shown>> {
    let mut values = Values::default();
    let mut conditions = vec![String::from("m.kind = 0 AND m.state <> 2"), String::from(HEARD)];
    let few = few(db, search)?;
    let leads = few.is_none() && !search.words.is_empty();
    let source = if leads { "words w CROSS JOIN messages m ON m.cursor = w.rowid" } else { "messages m" };
    if !search.words.is_empty() {
        let wanted = values.put(phrase(&search.words));
        conditions.push(if leads {
            format!("words MATCH {wanted}")
        } else {
            format!("EXISTS (SELECT 1 FROM words w WHERE w.words MATCH {wanted} AND w.rowid = m.cursor)")
        });
    }
    let number = if leads { "w.rowid" } else { "m.cursor" };
    if let Some(few) = few {
        let few: Vec<String> = few.iter().map(i64::to_string).collect();
        conditions.push(format!("m.cursor IN ({})", few.join(",")));
    } else if search.since.0 > 0 {
        conditions.push(format!("{number} >= {}", values.put(first_since(db, search)?)));
    }
    if let Some(from) = &search.from {
        conditions.push(format!(
            "(m.nick = {} COLLATE NOCASE OR {})",
            values.put(from.nick.clone()),
            values.author(from)
        ));
    }
    if let Some(place) = &search.place {
        conditions.push(format!(
            "c.place = {}
             AND ({FOLLOWED}
                  OR NOT EXISTS (SELECT 1 FROM rooms r WHERE r.name = c.place AND r.room <> c.room))",
            values.put(place.to_string())
        ));
    }
    if search.since.0 > 0 {
        conditions.push(format!("e.stamp >= {}", values.put(record::ordered(search.since.0))));
    }
    let limit = values.put(i64::try_from(search.limit).unwrap_or(i64::MAX));
    // CROSS keeps the order of the loops: the outer one goes through numbers or the index, and ends at the limit.
    let find = format!(
        "SELECT {} FROM {source} CROSS JOIN entries e ON e.number = m.entry
         CROSS JOIN conversations c ON c.number = e.conversation
         WHERE {} ORDER BY {number} DESC LIMIT {limit}",
        record::TOLD,
        conditions.join(" AND ")
    );
    let mut find = db.prepare(&find)?;
    let mut found: Vec<Shown> =
        find.query_map(params_from_iter(values.0), record::message)?.collect::<Result<_, _>>()?;
    found.reverse();
    found.iter_mut().try_for_each(|shown| read::add_reactions(db, shown))?;
    Ok(found)
}

/// What is put into a question.
#[derive(Default)]
struct Values(Vec<Box<dyn ToSql>>);

impl Values {
    /// Its place in the question.
    fn put(&mut self, value: impl ToSql + 'static) -> String {
        self.0.push(Box::new(value));
        format!("?{}", self.0.len())
    }

    /// The condition that one of an author's keys has signed.
    fn author(&mut self, author: &Author) -> String {
        let keys: Vec<String> = author.keys.iter().map(|key| self.put(key.0)).collect();
        format!("e.author IN ({})", keys.join(","))
    }

    /// The condition that an entry is in the place and not before the time that are asked for.
    fn where_and_when(&mut self, search: &Search) -> String {
        let mut conditions = vec![format!("e.stamp >= {}", self.put(record::ordered(search.since.0)))];
        conditions
            .extend(search.place.as_ref().map(|place| format!("c.place = {}", self.put(place.to_string()))));
        conditions.join(" AND ")
    }
}

/// The numbers of all that the author said, or of what was said in the place since the time, if they are few.
fn few(db: &Connection, search: &Search) -> rusqlite::Result<Option<Vec<i64>>> {
    if let Some(from) = &search.from {
        let mut values = Values::default();
        let (author, nick) = (values.author(from), values.put(from.nick.clone()));
        let signed = format!("SELECT m.cursor FROM entries e {IN_ENTRY} WHERE {author}");
        let named = format!("SELECT m.cursor FROM messages m WHERE m.nick = {nick} COLLATE NOCASE");
        if let Some(few) = at_most_few(db, &[signed, named], values)? {
            return Ok(Some(few));
        }
    }
    if search.place.is_none() && search.since.0 == 0 {
        return Ok(None);
    }
    let mut values = Values::default();
    let wanted = values.where_and_when(search);
    let there = format!("SELECT m.cursor FROM {IN_PLACE} {IN_ENTRY} WHERE {wanted}");
    at_most_few(db, &[there], values)
}

/// The numbers that any of the questions is answered with, unless they are too many.
fn at_most_few(db: &Connection, any: &[String], mut values: Values) -> rusqlite::Result<Option<Vec<i64>>> {
    let limit = values.put(FEW + 1);
    let any: Vec<String> = any.iter().map(|one| format!("SELECT * FROM ({one} LIMIT {limit})")).collect();
    let mut find = db.prepare(&any.join(" UNION "))?;
    let numbers: Vec<i64> =
        find.query_map(params_from_iter(values.0), |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok((numbers.len() as i64 <= FEW).then_some(numbers))
}

/// The number below which no message is as late as is asked for, so that not all that is older is gone through. It is
/// not looked for among very many: of those the newest will do.
fn first_since(db: &Connection, search: &Search) -> rusqlite::Result<i64> {
    let mut values = Values::default();
    let find = format!(
        "SELECT count(*), min(number) FROM
         (SELECT e.number FROM {IN_PLACE} WHERE {} LIMIT {})",
        values.where_and_when(search),
        values.put(COUNTED_MAX)
    );
    let (count, number): (i64, Option<i64>) =
        db.query_row(&find, params_from_iter(values.0), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if count == COUNTED_MAX {
        return Ok(0);
    }
    // Entries and what is in them are numbered in one order.
    let find = "SELECT cursor FROM messages WHERE entry >= ?1 ORDER BY entry, item LIMIT 1";
    let first = db.prepare_cached(find)?.query_row([number], |row| row.get(0)).optional()?;
    Ok(first.unwrap_or(i64::MAX))
}

/// The words in the language of FTS5: all of them, each as it is, the last one perhaps only begun.
fn phrase(words: &[String]) -> String {
    // A NUL would end the whole of it.
    let quote = |word: &String| format!("\"{}\"", word.replace('"', "\"\"").replace('\0', " "));
    let quoted: Vec<String> = words.iter().map(quote).collect();
    quoted.join(" ") + "*"
}
