//! Changes: what was said is edited, taken back and reacted to, and rooms are about something else.
//!
//! A change may come before its message. Then it waits, and the message comes changed. Whatever order things come in,
//! the store ends up the same.

use std::sync::Arc;

use chat_core::{Change, MessageId, Place, What};
use rusqlite::{OptionalExtension as _, ToSql, params};

use super::{
    append::Append,
    read,
    record::{self, AS_SAID, DELETE, DELETED, EDIT, EDITED, REACT, WAITS},
};
use crate::store::{Changed, Shown};

/// Where a new row belongs.
pub(super) struct Row {
    pub(super) conversation: i64,
    pub(super) entry: i64,
}

/// A change that is there, in the order of its room.
struct Rival {
    cursor: i64,
    position: Position,
    gone: bool,
}

type Position = (i64, [u8; 32], [u8; 32], i64);

impl Append<'_> {
    /// Lets a message that has just come be as it is by now. `None` when it was taken back.
    pub(super) fn settle(&self, at: &Row, mut shown: Shown) -> rusqlite::Result<Option<Shown>> {
        let target = record::reply(&shown.message.id);
        let find =
            "SELECT m.cursor, m.kind, m.text, e.author FROM messages m JOIN entries e ON e.number = m.entry
                    WHERE m.reply = ?1 AND m.author IS NOT NULL AND e.conversation = ?2";
        let mut find = self.db.prepare_cached(find)?;
        let waiting = find.query_map(params![target, at.conversation], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?, row.get(3)?))
        })?;
        let waiting: Vec<(i64, i64, String, [u8; 32])> = waiting.collect::<Result<_, _>>()?;
        if waiting.is_empty() {
            return Ok(Some(shown));
        }
        let author = shown.message.from;
        let by_author = |kind| {
            let is = move |row: &&(i64, i64, String, [u8; 32])| row.1 == kind && row.3 == author.0;
            waiting.iter().find(is)
        };
        let (edit, delete) = (by_author(EDIT), by_author(DELETE));
        for row @ (cursor, kind, ..) in &waiting {
            let counts = match *kind {
                DELETE => delete == Some(row),
                EDIT => delete.is_none() && edit == Some(row),
                _ => delete.is_none(),
            };
            if counts {
                let put = "UPDATE messages SET state = ?2 WHERE cursor = ?1";
                self.db.prepare_cached(put)?.execute([*cursor, AS_SAID])?;
            } else {
                self.remove(*cursor)?;
            }
        }
        let cursor = record::counted(shown.cursor);
        if delete.is_some() {
            self.say_instead(cursor, "", DELETED)?;
            return Ok(None);
        }
        if let Some((_, _, text, _)) = edit {
            self.say_instead(cursor, text, EDITED)?;
            shown.say_instead(text);
        }
        read::add_reactions(self.db, &mut shown)?;
        Ok(Some(shown))
    }

    /// Keeps a change, and answers it if it counts and changes anything now.
    pub(super) fn change(&self, at: &Row, change: &Change) -> rusqlite::Result<Option<Changed>> {
        let target = change.what.target();
        let message = target.map(|target| read::said(self.db, target)).transpose()?.flatten();
        // Of what was said elsewhere nobody here knows.
        let message = message.filter(|shown| shown.message.place == change.place);
        let counts = match (&change.what, &message) {
            (What::Topic(_), _) => matches!(change.place, Place::Room(_)),
            (_, Some(shown)) => change.may(shown.message.from, &shown.message.place) && !shown.deleted,
            (_, None) => true,
        };
        let rival = if counts { self.rival(at, change)? } else { None };
        let position = position(change);
        if !counts || rival.as_ref().is_some_and(|rival| rival.position >= position) {
            return Ok(None);
        }
        rival.as_ref().map_or(Ok(()), |rival| self.remove(rival.cursor))?;
        let waits = target.is_some() && message.is_none();
        let is_hidden = target.is_none() && !self.is_seen(at, position)?;
        let cursor = self.put(at, change, if waits || is_hidden { WAITS } else { AS_SAID })?;
        let was_gone = rival.is_none_or(|rival| rival.gone);
        let before = message.as_ref().map(|shown| Arc::clone(&shown.message));
        let changed = Changed { cursor: cursor.cast_unsigned(), change: change.clone(), before };
        let message = message.map(|shown| record::counted(shown.cursor));
        let is_news = match (&change.what, message) {
            (What::Topic(_), _) => {
                let put = "INSERT OR REPLACE INTO topics (conversation, author, stamp, id, item, cursor)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let (stamp, author, id, item) = position;
                let row = params![at.conversation, author, stamp, id, item, cursor];
                self.db.prepare_cached(put)?.execute(row)?;
                !is_hidden
            }
            (What::Edit { text, .. }, Some(message)) => {
                self.say_instead(message, text, EDITED)?;
                true
            }
            (What::Delete { .. }, Some(message)) => {
                self.say_instead(message, "", DELETED)?;
                self.forget_changes(at, target, cursor)?;
                true
            }
            (What::React { gone, .. }, Some(_)) => *gone != was_gone,
            _ => false,
        };
        Ok(is_news.then_some(changed))
    }

    /// The change of before that would lose its effect by `change`, or the other way round.
    fn rival(&self, at: &Row, change: &Change) -> rusqlite::Result<Option<Rival>> {
        let (kind, text, _, target) = record::columns(&change.what);
        let found = |row: &rusqlite::Row<'_>| {
            let position = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            Ok(Rival { cursor: row.get(0)?, position, gone: row.get(5)? })
        };
        let Some(target) = target else {
            let find = "SELECT cursor, stamp, author, id, item, 0 FROM topics
                        WHERE conversation = ?1 AND author = ?2";
            let row = params![at.conversation, change.from.0];
            return self.db.prepare_cached(find)?.query_row(row, found).optional();
        };
        let find = if kind == REACT {
            "SELECT m.cursor, e.stamp, e.author, e.id, m.item, m.action
             FROM messages m INDEXED BY reactions_by_target JOIN entries e ON e.number = m.entry
             WHERE m.reply = ?1 AND m.author = ?2 AND m.kind = 4 AND m.action IN (0, 1) AND m.text = ?3
             AND e.conversation = ?4"
        } else {
            "SELECT m.cursor, e.stamp, e.author, e.id, m.item, m.action FROM messages m
             JOIN entries e ON e.number = m.entry
             WHERE m.reply = ?1 AND m.author = ?2 AND m.kind = ?3 AND e.conversation = ?4"
        };
        let which: &dyn ToSql = if kind == REACT { &text } else { &kind };
        let row = params![target, change.from.0, which, at.conversation];
        self.db.prepare_cached(find)?.query_row(row, found).optional()
    }

    /// Whether the topic at `position` is what the room is about: no other that is seen comes after it.
    fn is_seen(&self, at: &Row, (stamp, author, id, item): Position) -> rusqlite::Result<bool> {
        let find = "SELECT NOT EXISTS (
                        SELECT 1 FROM topics WHERE conversation = ?1 AND stamp >= ?2
                        AND (stamp, author, id, item) > (?2, ?3, ?4, ?5)
                        AND author NOT IN (SELECT key FROM trusts WHERE blocked)
                    )";
        let row = params![at.conversation, stamp, author, id, item];
        self.db.prepare_cached(find)?.query_row(row, |row| row.get(0))
    }

    fn put(&self, at: &Row, change: &Change, state: i64) -> rusqlite::Result<i64> {
        let (kind, text, action, reply) = record::columns(&change.what);
        let put = "INSERT INTO messages
                   (entry, item, boot, nick, text, action, reply, sent, late, own, kind, state, author)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        self.db.prepare_cached(put)?.execute(params![
            at.entry,
            change.id.item,
            change.boot.0.cast_signed(),
            change.nick.as_str(),
            text,
            action,
            reply,
            record::ordered(change.sent.0),
            change.late,
            change.own,
            kind,
            state,
            change.from.0,
        ])?;
        Ok(self.db.last_insert_rowid())
    }

    fn say_instead(&self, message: i64, text: &str, state: i64) -> rusqlite::Result<()> {
        let put =
            "UPDATE messages SET text = ?2, state = ?3, file = iif(?3 = ?4, NULL, file) WHERE cursor = ?1";
        self.db.prepare_cached(put)?.execute(params![message, text, state, DELETED]).map(drop)
    }

    /// Of a message that was taken back nothing remains but `delete`.
    fn forget_changes(&self, at: &Row, target: Option<MessageId>, delete: i64) -> rusqlite::Result<()> {
        let cut = "DELETE FROM messages WHERE reply = ?1 AND author IS NOT NULL AND cursor <> ?2
                   AND (SELECT conversation FROM entries WHERE number = messages.entry) = ?3";
        let row = params![target.as_ref().map(record::reply), delete, at.conversation];
        self.db.prepare_cached(cut)?.execute(row).map(drop)
    }

    fn remove(&self, cursor: i64) -> rusqlite::Result<()> {
        self.db.prepare_cached("DELETE FROM messages WHERE cursor = ?1")?.execute([cursor]).map(drop)
    }
}

fn position(change: &Change) -> Position {
    let (stamp, from, entry, item) = change.position();
    (record::ordered(stamp.0), from.0, entry.0, i64::from(item))
}
