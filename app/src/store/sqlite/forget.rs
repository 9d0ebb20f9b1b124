//! Erasing: signed bytes, texts and their words in the index, and what the days add up to without them.

use chat_core::{Forgotten, StoredKeep};
use rusqlite::{OptionalExtension as _, params};

use super::{
    append::Append,
    record::{self, WAITS},
};
use crate::store::{DAY, day_of};

impl Append<'_> {
    pub(super) fn keep(&self, keep: &StoredKeep) -> rusqlite::Result<()> {
        let put = "INSERT OR REPLACE INTO keeps (room, place, days, since) VALUES (?1, ?2, ?3, ?4)";
        let days = keep.days.map(std::num::NonZeroU16::get);
        let row = params![keep.room.0, keep.place.to_string(), days, record::ordered(keep.from.0)];
        self.db.prepare_cached(put)?.execute(row).map(drop)
    }

    pub(super) fn forget(&mut self, forgotten: &Forgotten) -> rusqlite::Result<()> {
        let find = "SELECT number FROM conversations WHERE room = ?1";
        let found = self.db.prepare_cached(find)?.query_row([forgotten.room.0], |row| row.get(0));
        let Some(conversation) = found.optional()? else { return Ok(()) };
        for id in &forgotten.ids {
            let find =
                "SELECT number, coalesce(claimed, stamp) FROM entries WHERE id = ?1 AND conversation = ?2";
            let row = params![id.0, conversation];
            let found = self
                .db
                .prepare_cached(find)?
                .query_row(row, |row| Ok((row.get::<_, i64>(0)?, record::stamp(row, 1)?)));
            let Some((number, stamp)) = found.optional()? else { continue };
            self.erase(conversation, number, &id.0)?;
            let day = day_of(stamp);
            self.day(conversation, day)?.0.remove(id);
            let newest = self.newest_of(conversation, day)?;
            self.day(conversation, day)?.1 = newest;
        }
        Ok(())
    }

    fn erase(&self, conversation: i64, entry: i64, id: &[u8; 32]) -> rusqlite::Result<()> {
        // What was said about it waits, in case it comes back.
        let (first, last) = ([&id[..], &[0; 2]].concat(), [&id[..], &[0xff; 2]].concat());
        let wait = "UPDATE messages SET state = ?4 WHERE reply BETWEEN ?1 AND ?2 AND author IS NOT NULL
                    AND (SELECT conversation FROM entries WHERE number = messages.entry) = ?3";
        self.db.prepare_cached(wait)?.execute(params![first, last, conversation, WAITS])?;
        let cut = "DELETE FROM topics WHERE conversation = ?1
                   AND author = (SELECT author FROM entries WHERE number = ?2) AND cursor IN (SELECT cursor FROM messages WHERE entry = ?2)";
        self.db.prepare_cached(cut)?.execute([conversation, entry])?;
        self.db.prepare_cached("DELETE FROM messages WHERE entry = ?1")?.execute([entry])?;
        self.db.prepare_cached("DELETE FROM entries WHERE number = ?1")?.execute([entry]).map(drop)
    }

    /// The newest stamp that is left of a day.
    fn newest_of(&self, conversation: i64, day: u32) -> rusqlite::Result<i64> {
        let from = u64::from(day).saturating_mul(DAY);
        let (from, to) = (record::ordered(from), record::ordered(from.saturating_add(DAY - 1)));
        let find = "SELECT coalesce(max(stamp), ?4) FROM (
                        SELECT stamp FROM entries
                        WHERE conversation = ?1 AND stamp BETWEEN ?2 AND ?3 AND claimed IS NULL
                        UNION ALL
                        SELECT claimed FROM entries WHERE conversation = ?1 AND claimed BETWEEN ?2 AND ?3
                    )";
        self.db.prepare_cached(find)?.query_row(params![conversation, from, to, i64::MIN], |row| row.get(0))
    }
}
