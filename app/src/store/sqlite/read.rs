//! Reading back: for the node, and for the person.

use std::collections::BTreeMap;

use bytes::Bytes;
use chat_core::{
    Answer, EntryId, IdSum, MessageId, OwnEntry, PeerKey, Place, Request, RoomKeyId, State, StoredDay,
    StoredKeep, StoredTrust, Topic, Trust,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{places, record, successor};
use crate::store::{Cursor, Known, PEERS_TOLD, REACTIONS_MAX, Shown, Told};

/// Everybody, those worth most first. The inner lists are the same for all rows: SQLite makes them once, or finds
/// in an index what is in them.
pub(super) const PEERS: &str = "
SELECT key, nick, direct, addresses, seen,
    CASE WHEN '@' || lower(hex(key)) IN
        (SELECT place FROM conversations JOIN own ON own.conversation = conversations.number) THEN 0
    WHEN key IN (SELECT author FROM entries) THEN 1 ELSE 2 END AS worth
FROM peers ORDER BY worth, seen DESC, key";

pub(super) fn fetch(db: &Connection, what: &Request) -> rusqlite::Result<Answer> {
    Ok(match what {
        Request::State => {
            let (trusts, keeps, successors) = (trusts(db)?, keeps(db)?, successor::all(db)?);
            Answer::State(State {
                trusts,
                keeps,
                successors,
                strays: places::strays(db)?,
                ..state(db, true)?
            })
        }
        Request::Authors { room } => Answer::Authors(successor::authors(db, *room)?),
        Request::Entries { room, ids } => {
            let find = "SELECT e.bytes FROM entries e JOIN conversations c ON c.number = e.conversation
                        WHERE e.id = ?1 AND c.room = ?2";
            let mut find = db.prepare_cached(find)?;
            let mut found = Vec::new();
            for id in ids {
                let bytes =
                    find.query_row(params![id.0, room.0], |row| row.get::<_, Vec<u8>>(0)).optional()?;
                found.extend(bytes.map(|bytes| (*id, Bytes::from(bytes))));
            }
            Answer::Entries(found)
        }
        Request::Ids { room, from, to } => {
            let find = "WITH here AS (SELECT number FROM conversations WHERE room = ?1)
                        SELECT stamp, id FROM entries
                        WHERE conversation = (SELECT number FROM here)
                        AND stamp >= ?2 AND stamp < ?3 AND claimed IS NULL
                        UNION ALL
                        SELECT claimed, id FROM entries
                        WHERE conversation = (SELECT number FROM here) AND claimed >= ?2 AND claimed < ?3
                        ORDER BY 1, 2";
            let row = params![room.0, record::ordered(from.0), record::ordered(to.0)];
            let mut find = db.prepare_cached(find)?;
            let ids = find.query_map(row, |row| Ok((record::stamp(row, 0)?, record::entry_id(row, 1)?)))?;
            Answer::Ids(ids.collect::<Result<_, _>>()?)
        }
        other => {
            log::error!("store: unknown request {other:?}");
            Answer::Ids(Vec::new())
        }
    })
}

/// What a node begins with, but for what later layouts have.
///
/// A store of before has no rooms of a kind: `is_complete` says whether this one tells them apart.
pub(super) fn state(db: &Connection, is_complete: bool) -> rusqlite::Result<State> {
    let rooms = if is_complete {
        "SELECT name, joined, floor, room, root FROM rooms ORDER BY name"
    } else {
        "SELECT name, joined, floor, NULL, NULL FROM rooms ORDER BY name"
    };
    let nick = db
        .prepare_cached("SELECT value FROM settings WHERE name = 'nick'")?
        .query_row([], |row| Ok(chat_core::Nick::lenient(row.get_ref(0)?.as_str()?)))
        .optional()?;
    let rooms = db.prepare_cached(rooms)?.query_map([], record::room)?.collect::<Result<_, _>>()?;
    let peers = db
        .prepare_cached(&format!("{PEERS} LIMIT ?1"))?
        .query_map([PEERS_TOLD], record::peer)?
        .collect::<Result<_, _>>()?;
    let days = db
        .prepare_cached(
            "SELECT c.room, d.day, d.count, d.sum, d.newest FROM days d
             JOIN conversations c ON c.number = d.conversation ORDER BY c.room, d.day",
        )?
        .query_map([], |row| {
            let (room, day) = (RoomKeyId(row.get(0)?), row.get(1)?);
            Ok(StoredDay { room, day, sum: sum(row, 2)?, newest: record::stamp(row, 4)? })
        })?
        .collect::<Result<_, _>>()?;
    let own = db
        .prepare_cached(
            "SELECT c.room, o.id, o.stamp FROM own o
             JOIN conversations c ON c.number = o.conversation ORDER BY c.room",
        )?
        .query_map([], |row| {
            let (room, id) = (RoomKeyId(row.get(0)?), record::entry_id(row, 1)?);
            Ok(OwnEntry { room, id, stamp: record::stamp(row, 2)? })
        })?
        .collect::<Result<_, _>>()?;
    Ok(State { nick, rooms, peers, days, own, ..State::default() })
}

/// How long rooms are kept.
pub(super) fn keeps(db: &Connection) -> rusqlite::Result<Vec<StoredKeep>> {
    let mut find = db.prepare_cached("SELECT room, place, days, since FROM keeps ORDER BY room")?;
    find.query_map([], record::keep)?.collect()
}

/// What the person thinks of keys.
pub(super) fn trusts(db: &Connection) -> rusqlite::Result<Vec<StoredTrust>> {
    let mut find = db.prepare_cached("SELECT key, verified, blocked, muted FROM trusts ORDER BY key")?;
    let trusts = find.query_map([], |row| {
        let trust = Trust { verified: row.get(1)?, blocked: row.get(2)?, muted: row.get(3)? };
        Ok(StoredTrust { key: PeerKey(row.get(0)?), trust })
    })?;
    trusts.collect()
}

/// From two columns: `count, sum`.
pub(super) fn sum(row: &Row<'_>, column: usize) -> rusqlite::Result<IdSum> {
    Ok(IdSum { count: record::cursor(row, column)?, sum: row.get(column + 1)? })
}

pub(super) fn history(
    db: &Connection,
    place: &Place,
    limit: usize,
    before: Option<MessageId>,
) -> rusqlite::Result<Option<Vec<Cursor>>> {
    // Nothing comes after this one.
    let mut end = (i64::MAX, [0xff; 32], [0xff; 32], i64::MAX);
    if let Some(before) = before {
        let find = "SELECT e.stamp, e.author FROM messages m JOIN entries e ON e.number = m.entry
                    WHERE e.id = ?1 AND m.item = ?2 AND m.kind = 0";
        let row = params![before.entry.0, before.item];
        let found =
            db.prepare_cached(find)?.query_row(row, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((stamp, author)) = found else { return Ok(None) };
        end = (stamp, author, before.entry.0, i64::from(before.item));
    }
    // The first comparison lets the index find the end; the second one settles equal stamps.
    let find = format!(
        "SELECT m.cursor FROM entries e JOIN messages m ON m.entry = e.number
                WHERE e.conversation IN ({}) AND e.stamp <= ?2
                AND m.kind = 0 AND (e.stamp, e.author, e.id, m.item) < (?2, ?3, ?4, ?5) AND {HEARD}
                ORDER BY e.stamp DESC, e.author DESC, e.id DESC, m.item DESC LIMIT ?6",
        meant()
    );
    let row = params![place.to_string(), end.0, end.1, end.2, end.3, limited(limit)];
    let mut find = db.prepare_cached(&find)?;
    let mut cursors: Vec<Cursor> =
        find.query_map(row, |row| record::cursor(row, 0))?.collect::<Result<_, _>>()?;
    cursors.reverse();
    Ok(Some(cursors))
}

pub(super) fn shown(db: &Connection, cursors: &[Cursor]) -> rusqlite::Result<Vec<Shown>> {
    let find = format!("SELECT {} {JOINED} WHERE m.cursor = ?1 AND m.kind = 0", record::TOLD);
    let mut find = db.prepare_cached(&find)?;
    let mut found = Vec::new();
    for &cursor in cursors {
        found.extend(find.query_row([record::counted(cursor)], record::message).optional()?);
    }
    found.iter_mut().try_for_each(|shown| add_reactions(db, shown))?;
    Ok(found)
}

pub(super) fn since(db: &Connection, cursor: Cursor, limit: usize) -> rusqlite::Result<Vec<Told>> {
    let find = format!(
        "SELECT {} {JOINED} WHERE m.cursor > ?1 AND m.state < 2 AND {HEARD} ORDER BY m.cursor LIMIT ?2",
        record::TOLD
    );
    let row = params![record::counted(cursor), limited(limit)];
    let mut told: Vec<Told> =
        db.prepare_cached(&find)?.query_map(row, record::told)?.collect::<Result<_, _>>()?;
    for told in &mut told {
        if let Told::Message(shown) = told {
            add_reactions(db, shown)?;
        }
    }
    Ok(told)
}

pub(super) fn latest(db: &Connection, place: Option<&Place>, limit: usize) -> rusqlite::Result<Vec<Shown>> {
    let conversations: Vec<i64> = match place {
        None => {
            let mut find = db.prepare_cached("SELECT number FROM conversations")?;
            find.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        }
        Some(place) => {
            let mut find = db.prepare_cached(&meant())?;
            find.query_map([place.to_string()], |row| row.get(0))?.collect::<Result<_, _>>()?
        }
    };
    // Of each as many as are wanted of all: then the index goes through no more.
    let find = format!(
        "SELECT e.stamp, e.author, e.id, m.item, m.cursor
         FROM entries e INDEXED BY entries_by_stamp CROSS JOIN messages m ON m.entry = e.number
         WHERE e.conversation = ?1 AND m.kind = 0 AND m.state <> 2 AND {HEARD}
         ORDER BY e.stamp DESC, e.author DESC, e.id DESC, m.item DESC LIMIT ?2"
    );
    let mut find = db.prepare_cached(&find)?;
    let mut latest: Vec<(Position, Cursor)> = Vec::new();
    for conversation in conversations {
        let rows = find.query_map(params![conversation, limited(limit)], |row| {
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), record::cursor(row, 4)?))
        })?;
        for row in rows {
            latest.push(row?);
        }
    }
    latest.sort_unstable();
    let cursors: Vec<Cursor> = latest.into_iter().map(|(_, cursor)| cursor).collect();
    shown(db, cursors.get(cursors.len().saturating_sub(limit)..).unwrap_or_default())
}

/// The place of a message in the order of what was said: stamp, author, entry and item.
type Position = (i64, [u8; 32], [u8; 32], i64);

/// The conversations of a place that are meant, of several rooms of one name.
fn meant() -> String {
    format!(
        "SELECT c.number FROM conversations c LEFT JOIN rooms r ON r.name = c.place
         WHERE c.place = ?1 AND (r.room IS NULL OR r.room = c.room OR {FOLLOWED})"
    )
}

/// A message as it is now, but for what is felt about it.
pub(super) fn said(db: &Connection, id: MessageId) -> rusqlite::Result<Option<Shown>> {
    let find = format!("SELECT {} {JOINED} WHERE e.id = ?1 AND m.item = ?2 AND m.kind = 0", record::TOLD);
    let row = params![id.entry.0, id.item];
    db.prepare_cached(&find)?.query_row(row, record::message).optional()
}

pub(super) fn find(db: &Connection, id: MessageId) -> rusqlite::Result<Option<Shown>> {
    let mut found = said(db, id)?;
    found.iter_mut().try_for_each(|shown| add_reactions(db, shown))?;
    Ok(found)
}

pub(super) fn room_of(db: &Connection, entry: EntryId) -> rusqlite::Result<Option<RoomKeyId>> {
    let find =
        "SELECT c.room FROM entries e JOIN conversations c ON c.number = e.conversation WHERE e.id = ?1";
    db.prepare_cached(find)?.query_row([entry.0], |row| row.get(0).map(RoomKeyId)).optional()
}

/// Who feels what about a message: as many as are shown, and the others are not looked at.
pub(super) fn add_reactions(db: &Connection, shown: &mut Shown) -> rusqlite::Result<()> {
    // Joined from left to right, or they would have to be put in order first.
    let find = "SELECT m.text, m.author FROM messages m INDEXED BY reactions_by_target
                CROSS JOIN entries e ON e.number = m.entry CROSS JOIN conversations c ON c.number = e.conversation
                WHERE m.reply = ?1 AND m.kind = 4 AND m.action = 0 AND c.place = ?2
                AND m.author NOT IN (SELECT key FROM trusts WHERE blocked)
                ORDER BY m.text, m.author LIMIT ?3";
    let row =
        params![record::reply(&shown.message.id), shown.message.place.to_string(), limited(REACTIONS_MAX)];
    let mut find = db.prepare_cached(find)?;
    let reactions = find.query_map(row, |row| Ok((record::emoji(row, 0)?, PeerKey(row.get(1)?))))?;
    shown.reactions = reactions.collect::<Result<_, _>>()?;
    Ok(())
}

pub(super) fn topics(db: &Connection) -> rusqlite::Result<BTreeMap<Place, Topic>> {
    let find = "SELECT c.place, m.text FROM conversations c CROSS JOIN messages m ON m.cursor = (
                    SELECT t.cursor FROM topics t
                    WHERE t.conversation = c.number AND t.author NOT IN (SELECT key FROM trusts WHERE blocked)
                    ORDER BY t.stamp DESC, t.author DESC, t.id DESC, t.item DESC LIMIT 1
                ) LEFT JOIN rooms r ON r.name = c.place
                WHERE r.room IS NULL OR r.room = c.room ORDER BY m.cursor";
    let mut find = db.prepare_cached(find)?;
    let topics = find.query_map([], |row| {
        let place = record::read_place(row.get_ref(0)?.as_str()?);
        Ok(place.zip(Topic::new(row.get_ref(1)?.as_str()?).ok()))
    })?;
    topics.filter_map(Result::transpose).collect()
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A message with its entry and its conversation.
const JOINED: &str = "FROM messages m JOIN entries e ON e.number = m.entry
                      JOIN conversations c ON c.number = e.conversation";

/// In a room whose place another one has taken, where the person is now.
pub(super) const FOLLOWED: &str = "c.room IN (SELECT former FROM successors WHERE followed)";

/// Not said by somebody whom the person has blocked.
pub(super) const HEARD: &str = "e.author NOT IN (SELECT key FROM trusts WHERE blocked)";

pub(super) fn newest(db: &Connection) -> rusqlite::Result<Cursor> {
    let find = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0)";
    db.prepare_cached(find)?.query_row([], |row| record::cursor(row, 0))
}

pub(super) fn known(db: &Connection) -> rusqlite::Result<Vec<Known>> {
    let known = |row: &Row<'_>| Ok(Known { peer: record::peer(row)?, talked: row.get::<_, i64>(5)? == 0 });
    db.prepare_cached(PEERS)?.query_map([], known)?.collect()
}
