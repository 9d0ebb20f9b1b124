//! Writing: one transaction for all that waits.

use std::{
    collections::{BTreeMap, btree_map},
    sync::Arc,
};

use chat_core::{
    IdSum, PeerKey, Record, RoomKeyId, RoomRoot, StoredEntry, StoredPeer, StoredRoom, StoredTrust, Trust,
};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{change::Row, read, record};
use crate::store::{Fresh, PEERS_MAX, Shown, Told, day_of};

/// One transaction.
pub(super) struct Append<'a> {
    pub(super) db: &'a Transaction<'a>,
    pub(super) own: PeerKey,
    pub(super) conversations: &'a mut BTreeMap<RoomKeyId, i64>,
    /// What the touched days add up to, written once at the end.
    pub(super) days: BTreeMap<(i64, u32), (IdSum, i64)>,
}

impl Append<'_> {
    pub(super) fn all(&mut self, batches: &[Vec<Record>]) -> rusqlite::Result<Vec<Fresh>> {
        let mut fresh = Vec::new();
        let mut peers = false;
        for (batch, records) in batches.iter().enumerate() {
            for record in records {
                match record {
                    Record::Entry(entry) => self.entry(entry, |told| fresh.push(Fresh { batch, told }))?,
                    Record::Peer(peer) => {
                        self.peer(peer)?;
                        peers = true;
                    }
                    Record::Room(room) => self.room(room)?,
                    Record::Nick(nick) => {
                        let put = "INSERT OR REPLACE INTO settings (name, value) VALUES ('nick', ?1)";
                        self.db.prepare_cached(put)?.execute([nick.as_str()])?;
                    }
                    Record::Trust(stored) => self.trust(stored)?,
                    Record::Keep(keep) => self.keep(keep)?,
                    Record::Successor(known) => self.successor(known)?,
                    Record::NoSuccessor(room, from) => self.no_successor(*room, *from)?,
                    Record::Forget(forgotten) => self.forget(forgotten)?,
                    Record::Settle(room, ids) => self.settle_places(*room, ids)?,
                    other => log::error!("store: unknown record {other:?}"),
                }
            }
        }
        if peers {
            self.forget_peers()?;
        }
        Ok(fresh)
    }

    fn entry(&mut self, entry: &StoredEntry, mut on_fresh: impl FnMut(Told)) -> rusqlite::Result<()> {
        let conversation = self.conversation(entry)?;
        let (stamp, placed) = (record::ordered(entry.stamp.0), record::ordered(entry.placed.0));
        let put = "INSERT INTO entries (conversation, id, stamp, author, bytes, claimed)
                   VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, ?3)) ON CONFLICT (id) DO NOTHING";
        let row = params![conversation, entry.id.0, placed, entry.author.0, &entry.bytes[..], stamp];
        if self.db.prepare_cached(put)?.execute(row)? == 0 {
            return Ok(());
        }
        let number = self.db.last_insert_rowid();
        let at = Row { conversation, entry: number };
        for message in &entry.messages {
            let put = "INSERT INTO messages (entry, item, boot, nick, text, action, reply, sent, late, own, file)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (entry, item) DO NOTHING";
            let added = self.db.prepare_cached(put)?.execute(params![
                number,
                message.id.item,
                message.boot.0.cast_signed(),
                message.nick.as_str(),
                message.text,
                message.action,
                message.reply.as_ref().map(record::reply),
                record::ordered(message.sent.0),
                message.late,
                message.own,
                message.file.as_deref().map(record::file),
            ])?;
            if added > 0 {
                let cursor = self.db.last_insert_rowid();
                let put = "INSERT INTO words (rowid, text) VALUES (?1, ?2)";
                self.db.prepare_cached(put)?.execute(params![cursor, message.text])?;
                let shown = self.settle(&at, Shown::new(cursor.cast_unsigned(), Arc::clone(message)))?;
                shown.map(Told::Message).into_iter().for_each(&mut on_fresh);
            }
        }
        for change in &entry.changes {
            self.change(&at, change)?.map(Told::from).into_iter().for_each(&mut on_fresh);
        }
        self.count(conversation, entry, stamp)?;
        if entry.author == self.own {
            self.own(conversation, entry, stamp)?;
        }
        Ok(())
    }

    fn trust(&self, stored: &StoredTrust) -> rusqlite::Result<()> {
        let StoredTrust { key, trust } = stored;
        if *trust == Trust::default() {
            self.db.prepare_cached("DELETE FROM trusts WHERE key = ?1")?.execute([key.0])?;
            return Ok(());
        }
        let put = "INSERT OR REPLACE INTO trusts (key, verified, blocked, muted) VALUES (?1, ?2, ?3, ?4)";
        let row = params![key.0, trust.verified, trust.blocked, trust.muted];
        self.db.prepare_cached(put)?.execute(row).map(|_| ())
    }

    fn conversation(&mut self, entry: &StoredEntry) -> rusqlite::Result<i64> {
        if let Some(&number) = self.conversations.get(&entry.room) {
            return Ok(number);
        }
        let put = "INSERT INTO conversations (room, place) VALUES (?1, ?2) ON CONFLICT (room) DO NOTHING";
        self.db.prepare_cached(put)?.execute(params![entry.room.0, entry.place.to_string()])?;
        let find = "SELECT number FROM conversations WHERE room = ?1";
        let number = self.db.prepare_cached(find)?.query_row([entry.room.0], |row| row.get(0))?;
        self.conversations.insert(entry.room, number);
        Ok(number)
    }

    /// Adds a new entry to its day.
    fn count(&mut self, conversation: i64, entry: &StoredEntry, stamp: i64) -> rusqlite::Result<()> {
        let (sum, newest) = self.day(conversation, day_of(entry.stamp))?;
        sum.add(&entry.id);
        *newest = (*newest).max(stamp);
        Ok(())
    }

    /// What a day adds up to, and its newest stamp.
    pub(super) fn day(&mut self, conversation: i64, day: u32) -> rusqlite::Result<&mut (IdSum, i64)> {
        Ok(match self.days.entry((conversation, day)) {
            btree_map::Entry::Occupied(known) => known.into_mut(),
            btree_map::Entry::Vacant(free) => {
                let find = "SELECT count, sum, newest FROM days WHERE conversation = ?1 AND day = ?2";
                let stored = self
                    .db
                    .prepare_cached(find)?
                    .query_row(params![conversation, day], |row| Ok((read::sum(row, 0)?, row.get(2)?)));
                free.insert(stored.optional()?.unwrap_or((IdSum::default(), i64::MIN)))
            }
        })
    }

    pub(super) fn write_days(&self) -> rusqlite::Result<()> {
        let put = "INSERT OR REPLACE INTO days (conversation, day, count, sum, newest)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut put = self.db.prepare_cached(put)?;
        let mut cut = self.db.prepare_cached("DELETE FROM days WHERE conversation = ?1 AND day = ?2")?;
        for ((conversation, day), (sum, newest)) in &self.days {
            if sum.count == 0 {
                cut.execute(params![conversation, day])?;
                continue;
            }
            put.execute(params![conversation, day, record::counted(sum.count), sum.sum, newest])?;
        }
        Ok(())
    }

    /// Keeps the newest entry of our own.
    fn own(&self, conversation: i64, entry: &StoredEntry, stamp: i64) -> rusqlite::Result<()> {
        let put = "INSERT INTO own (conversation, id, stamp) VALUES (?1, ?2, ?3)
                   ON CONFLICT (conversation) DO UPDATE SET id = excluded.id, stamp = excluded.stamp
                   WHERE (excluded.stamp, excluded.id) > (own.stamp, own.id)";
        self.db.prepare_cached(put)?.execute(params![conversation, entry.id.0, stamp])?;
        Ok(())
    }

    fn peer(&self, peer: &StoredPeer) -> rusqlite::Result<()> {
        let put =
            "INSERT OR REPLACE INTO peers (key, nick, direct, addresses, seen) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (addresses, seen) = (record::addresses(peer), record::ordered(peer.seen.0));
        let row = params![peer.key.0, peer.nick.as_str(), peer.direct, addresses, seen];
        self.db.prepare_cached(put)?.execute(row)?;
        Ok(())
    }

    /// Whoever can be reached makes peers for free: only so many are kept.
    fn forget_peers(&self) -> rusqlite::Result<()> {
        let count = "SELECT count(*) FROM peers";
        let count: i64 = self.db.prepare_cached(count)?.query_row([], |row| row.get(0))?;
        if count > PEERS_MAX {
            let last = format!("SELECT key FROM ({} LIMIT -1 OFFSET ?1)", read::PEERS);
            let cut = format!("DELETE FROM peers WHERE key IN ({last})");
            self.db.prepare_cached(&cut)?.execute([PEERS_MAX])?;
        }
        Ok(())
    }

    fn room(&self, room: &StoredRoom) -> rusqlite::Result<()> {
        let put =
            "INSERT OR REPLACE INTO rooms (name, joined, floor, room, root) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (id, root) = (room.id.map(|id| id.0), room.root.as_ref().map(RoomRoot::bytes));
        let row = params![room.name.as_str(), room.joined, record::ordered(room.floor.0), id, root];
        self.db.prepare_cached(put)?.execute(row)?;
        Ok(())
    }
}
