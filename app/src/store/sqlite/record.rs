//! How the types of the core look in columns.

use std::{net::SocketAddr, num::NonZeroU16, str::FromStr as _, sync::Arc};

use chat_core::{
    BootId, Change, Emoji, EntryId, FileName, Message, MessageId, Nick, Offer, PeerKey, Place, RoomKeyId,
    RoomName, RoomRoot, Stamp, StoredKeep, StoredPeer, StoredRoom, Topic, UnixMillis, What,
};
use rusqlite::{Row, types::Type};

use super::{Cursor, Shown, Told};
use crate::store::Changed;

/// What [`told`] reads, in its order.
pub(super) const TOLD: &str = "m.cursor, e.id, m.item, c.place, e.author, m.boot, m.nick, m.text, m.action, \
     m.reply, m.sent, e.stamp, m.late, m.own, m.kind, m.state, m.file";

/// The kinds of rows; the layout says what is in them.
pub(super) const MESSAGE: i64 = 0;
pub(super) const EDIT: i64 = 2;
pub(super) const DELETE: i64 = 3;
pub(super) const REACT: i64 = 4;
pub(super) const TOPIC: i64 = 5;

/// The states of rows.
pub(super) const AS_SAID: i64 = 0;
pub(super) const EDITED: i64 = 1;
pub(super) const DELETED: i64 = 2;
pub(super) const WAITS: i64 = 3;

/// What a change is in columns: `kind, text, action, reply`.
pub(super) fn columns(what: &What) -> (i64, &str, bool, Option<[u8; 34]>) {
    let target = what.target().as_ref().map(reply);
    match what {
        What::Edit { text, .. } => (EDIT, text, false, target),
        What::Delete { .. } => (DELETE, "", false, target),
        What::React { emoji, gone, .. } => (REACT, emoji.as_str(), *gone, target),
        What::Topic(topic) => (TOPIC, topic.as_str(), false, None),
        other => {
            log::error!("store: unknown change {other:?}");
            (i64::MAX, "", false, target)
        }
    }
}

/// A number that may be anything, as one that SQLite orders alike.
pub(super) fn ordered(number: u64) -> i64 {
    (number ^ (1 << 63)).cast_signed()
}

/// The number again.
pub(super) fn unordered(column: i64) -> u64 {
    column.cast_unsigned() ^ (1 << 63)
}

/// A cursor or count: never above 2^63.
pub(super) fn counted(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn stamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Stamp> {
    row.get(column).map(|value| Stamp(unordered(value)))
}

fn boot(row: &Row<'_>, column: usize) -> rusqlite::Result<BootId> {
    row.get::<_, i64>(column).map(|value| BootId(value.cast_unsigned()))
}

pub(super) fn entry_id(row: &Row<'_>, column: usize) -> rusqlite::Result<EntryId> {
    row.get(column).map(EntryId)
}

/// A conversation's name as it is shown: `#room`, or `@` and the other's key.
pub(super) fn read_place(text: &str) -> Option<Place> {
    match text.strip_prefix('@') {
        Some(key) => key.parse().ok().map(Place::Direct),
        None => RoomName::new(text).ok().map(Place::Room),
    }
}

/// A message or a change. Reactions are rows of their own.
pub(super) fn told(row: &Row<'_>) -> rusqlite::Result<Told> {
    let kind: i64 = row.get(14)?;
    if kind == MESSAGE { message(row).map(Told::Message) } else { change(row, kind).map(Told::from) }
}

pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<Shown> {
    let entry = entry_id(row, 1)?;
    let message = Message {
        id: MessageId { entry, item: row.get(2)? },
        place: read_place(row.get_ref(3)?.as_str()?).ok_or_else(|| unreadable(3))?,
        from: PeerKey(row.get(4)?),
        boot: boot(row, 5)?,
        nick: Nick::lenient(row.get_ref(6)?.as_str()?),
        text: row.get(7)?,
        action: row.get(8)?,
        reply: target(row)?,
        file: row.get_ref(16)?.as_blob_or_null()?.map(|bytes| read_file(bytes).map(Box::new)).transpose()?,
        sent: UnixMillis(unordered(row.get(10)?)),
        stamp: stamp(row, 11)?,
        late: row.get(12)?,
        own: row.get(13)?,
    };
    let state: i64 = row.get(15)?;
    let (edited, deleted) = (state == EDITED, state == DELETED);
    Ok(Shown { cursor: cursor(row, 0)?, message: Arc::new(message), edited, deleted, reactions: Vec::new() })
}

fn change(row: &Row<'_>, kind: i64) -> rusqlite::Result<Changed> {
    let (text, wanted) = (row.get_ref(7)?.as_str()?, target(row)?);
    let target = || wanted.ok_or_else(|| unreadable(9));
    let what = match kind {
        EDIT => What::Edit { target: target()?, text: text.into() },
        DELETE => What::Delete { target: target()? },
        REACT => What::React { target: target()?, emoji: emoji(row, 7)?, gone: row.get(8)? },
        _ => What::Topic(Topic::new(text).map_err(|_| unreadable(7))?),
    };
    let change = Change {
        id: MessageId { entry: entry_id(row, 1)?, item: row.get(2)? },
        place: read_place(row.get_ref(3)?.as_str()?).ok_or_else(|| unreadable(3))?,
        from: PeerKey(row.get(4)?),
        boot: boot(row, 5)?,
        nick: Nick::lenient(row.get_ref(6)?.as_str()?),
        what,
        sent: UnixMillis(unordered(row.get(10)?)),
        stamp: stamp(row, 11)?,
        late: row.get(12)?,
        own: row.get(13)?,
    };
    Ok(Changed { cursor: cursor(row, 0)?, change, before: None })
}

fn target(row: &Row<'_>) -> rusqlite::Result<Option<MessageId>> {
    let bytes = row.get_ref(9)?.as_blob_or_null()?;
    bytes.map(|bytes| read_reply(bytes).ok_or_else(|| unreadable(9))).transpose()
}

pub(super) fn emoji(row: &Row<'_>, column: usize) -> rusqlite::Result<Emoji> {
    Emoji::new(row.get_ref(column)?.as_str()?).map_err(|_| unreadable(column))
}

pub(super) fn cursor(row: &Row<'_>, column: usize) -> rusqlite::Result<Cursor> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

pub(super) fn reply(id: &MessageId) -> [u8; 34] {
    let mut bytes = [0; 34];
    bytes[..32].copy_from_slice(&id.entry.0);
    bytes[32..].copy_from_slice(&id.item.to_be_bytes());
    bytes
}

fn read_reply(bytes: &[u8]) -> Option<MessageId> {
    let (entry, item) = bytes.split_first_chunk()?;
    Some(MessageId { entry: EntryId(*entry), item: u16::from_be_bytes(item.try_into().ok()?) })
}

/// An offer as it is kept: its size, its hash, whether it is a folder, and its name.
pub(super) fn file(offer: &Offer) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FILE_HEAD + offer.name.as_str().len());
    bytes.extend_from_slice(&offer.size.to_be_bytes());
    bytes.extend_from_slice(&offer.hash);
    bytes.push(u8::from(offer.folder));
    bytes.extend_from_slice(offer.name.as_str().as_bytes());
    bytes
}

/// Bytes before the name of an offer.
const FILE_HEAD: usize = 8 + 32 + 1;

fn read_file(bytes: &[u8]) -> rusqlite::Result<Offer> {
    let read = |bytes: &[u8]| {
        let (size, rest) = bytes.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        let (folder, name) = rest.split_first()?;
        let name = FileName::lenient(std::str::from_utf8(name).ok()?);
        Some(Offer { name, size: u64::from_be_bytes(*size), hash: *hash, folder: *folder != 0 })
    };
    read(bytes).ok_or_else(|| unreadable(16))
}

/// From `key, nick, direct, addresses, seen`.
pub(super) fn peer(row: &Row<'_>) -> rusqlite::Result<StoredPeer> {
    let addresses = row.get_ref(3)?.as_str()?;
    Ok(StoredPeer {
        key: PeerKey(row.get(0)?),
        nick: Nick::lenient(row.get_ref(1)?.as_str()?),
        direct: row.get(2)?,
        addresses: addresses.lines().filter_map(|line| SocketAddr::from_str(line).ok()).collect(),
        seen: UnixMillis(unordered(row.get(4)?)),
    })
}

/// One address a line.
pub(super) fn addresses(peer: &StoredPeer) -> String {
    peer.addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join("\n")
}

/// From `name, joined, floor, room, root`.
pub(super) fn room(row: &Row<'_>) -> rusqlite::Result<StoredRoom> {
    let name = RoomName::new(row.get_ref(0)?.as_str()?).map_err(|_| unreadable(0))?;
    let id = row.get::<_, Option<[u8; 16]>>(3)?.map(RoomKeyId);
    let root = row.get::<_, Option<[u8; 32]>>(4)?.map(RoomRoot::new);
    Ok(StoredRoom { name, joined: row.get(1)?, floor: stamp(row, 2)?, id, root })
}

/// From `room, place, days, since`.
pub(super) fn keep(row: &Row<'_>) -> rusqlite::Result<StoredKeep> {
    let place = read_place(row.get_ref(1)?.as_str()?).ok_or_else(|| unreadable(1))?;
    let days = row.get::<_, Option<u16>>(2)?.and_then(NonZeroU16::new);
    Ok(StoredKeep { room: RoomKeyId(row.get(0)?), place, days, from: stamp(row, 3)? })
}

pub(super) fn unreadable(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, String::from("unreadable"), Type::Text)
}
