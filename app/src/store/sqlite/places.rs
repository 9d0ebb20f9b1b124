//! Entries that claim an absurd stamp stand where they came, until their time has come.

use chat_core::{EntryId, PeerKey, RoomKeyId, StoredStray};
use rusqlite::{Connection, params};

use super::{append::Append, record};

impl Append<'_> {
    /// From now on these stand at the stamps that they claim.
    pub(super) fn settle_places(&self, room: RoomKeyId, ids: &[EntryId]) -> rusqlite::Result<()> {
        let mut settle = self.db.prepare_cached(
            "UPDATE entries SET stamp = claimed, claimed = NULL WHERE id = ?1 AND claimed IS NOT NULL
             AND conversation = (SELECT number FROM conversations WHERE room = ?2)",
        )?;
        let mut follow = self.db.prepare_cached(
            "UPDATE topics SET stamp = (SELECT stamp FROM entries WHERE id = ?1) WHERE id = ?1
             AND conversation = (SELECT number FROM conversations WHERE room = ?2)",
        )?;
        for id in ids {
            if settle.execute(params![id.0, room.0])? > 0 {
                follow.execute(params![id.0, room.0])?;
            }
        }
        Ok(())
    }
}

/// The entries with absurd stamps.
pub(super) fn strays(db: &Connection) -> rusqlite::Result<Vec<StoredStray>> {
    let mut find = db.prepare_cached(
        "SELECT c.room, e.id, e.claimed, e.author, e.stamp FROM entries e INDEXED BY entries_by_claim
         JOIN conversations c ON c.number = e.conversation WHERE e.claimed IS NOT NULL ORDER BY e.id",
    )?;
    let strays = find.query_map([], |row| {
        let (room, id) = (RoomKeyId(row.get(0)?), record::entry_id(row, 1)?);
        let (stamp, placed) = (record::stamp(row, 2)?, record::stamp(row, 4)?);
        Ok(StoredStray { room, id, stamp, author: PeerKey(row.get(3)?), placed })
    })?;
    strays.collect()
}
