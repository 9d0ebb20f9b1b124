//! Rooms that are to take the place of others, and whom to tell of them.

use chat_core::{GIVEN_MAX, Nick, PeerKey, RoomKeyId, RoomName, RoomRoot, StoredAuthor, StoredSuccessor};
use rusqlite::{Connection, Row, params};

use super::{append::Append, record};

/// A row of [`successor`].
const ROW: &str = "name, former, former_root, successor, root, author, nick, without, stamp, followed";

impl Append<'_> {
    pub(super) fn successor(&self, known: &StoredSuccessor) -> rusqlite::Result<()> {
        let put = format!(
            "INSERT OR REPLACE INTO successors ({ROW}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        );
        let without: Vec<u8> = known.without.iter().flat_map(|key| key.0).collect();
        let (root, stamp) = (known.root.as_ref().map(RoomRoot::bytes), record::ordered(known.stamp.0));
        let row = params![
            known.name.as_str(),
            known.former.0,
            known.former_root.bytes(),
            known.successor.0,
            root,
            known.from.0,
            known.nick.as_str(),
            without,
            stamp,
            known.followed
        ];
        self.db.prepare_cached(&put)?.execute(row).map(|_| ())
    }

    pub(super) fn no_successor(&self, room: RoomKeyId, from: PeerKey) -> rusqlite::Result<()> {
        let cut = "DELETE FROM successors WHERE successor = ?1 AND author = ?2";
        self.db.prepare_cached(cut)?.execute(params![room.0, from.0]).map(|_| ())
    }
}

/// All that are known.
pub(super) fn all(db: &Connection) -> rusqlite::Result<Vec<StoredSuccessor>> {
    let find = format!("SELECT {ROW} FROM successors ORDER BY successor, author");
    db.prepare_cached(&find)?.query_map([], successor)?.collect()
}

/// Whoever has written in a room, who wrote last first.
pub(super) fn authors(db: &Connection, room: RoomKeyId) -> rusqlite::Result<Vec<StoredAuthor>> {
    let find = "SELECT a.author, p.direct FROM (
                    SELECT author, max(stamp) AS newest FROM entries
                    WHERE conversation = (SELECT number FROM conversations WHERE room = ?1) GROUP BY author
                ) a LEFT JOIN peers p ON p.key = a.author ORDER BY a.newest DESC, a.author LIMIT ?2";
    let author = |row: &Row<'_>| Ok(StoredAuthor { key: PeerKey(row.get(0)?), direct: row.get(1)? });
    let most = i64::try_from(GIVEN_MAX).unwrap_or(i64::MAX);
    db.prepare_cached(find)?.query_map(params![room.0, most], author)?.collect()
}

fn successor(row: &Row<'_>) -> rusqlite::Result<StoredSuccessor> {
    let without = row.get_ref(7)?.as_blob()?.as_chunks().0;
    Ok(StoredSuccessor {
        name: RoomName::new(row.get_ref(0)?.as_str()?).map_err(|_| record::unreadable(0))?,
        former: RoomKeyId(row.get(1)?),
        former_root: RoomRoot::new(row.get(2)?),
        successor: RoomKeyId(row.get(3)?),
        root: row.get::<_, Option<[u8; 32]>>(4)?.map(RoomRoot::new),
        from: PeerKey(row.get(5)?),
        nick: Nick::lenient(row.get_ref(6)?.as_str()?),
        without: without.iter().map(|key| PeerKey(*key)).collect(),
        stamp: record::stamp(row, 8)?,
        followed: row.get(9)?,
    })
}
