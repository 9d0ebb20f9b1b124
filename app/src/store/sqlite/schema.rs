//! The database's layout and the settings that make it safe and small.

use rusqlite::{Connection, config::DbConfig};

/// `PRAGMA application_id`: "p2pc", so that `file` and we tell our stores from other databases.
pub(super) const APPLICATION: i32 = 0x7032_7063;
/// `PRAGMA user_version`: rises with every change of the layout.
pub(super) const VERSION: i32 = 11;
/// The layout before there were changes; it is completed.
const WITHOUT_CHANGES: i32 = 2;
/// The layout before the person thought anything of keys.
const WITHOUT_TRUST: i32 = 3;
/// The layout before there were files.
const WITHOUT_FILES: i32 = 4;
/// The layout before anybody asked how long rooms are kept.
const WITHOUT_KEEPS: i32 = 5;
/// The layout before rooms took the place of others.
const WITHOUT_SUCCESSORS: i32 = 6;
/// The layout before beginnings of words and names had an index.
const WITHOUT_FINDING: i32 = 7;
/// The layout before changes were found by who made them.
const WITHOUT_AUTHORS: i32 = 8;
/// The layout before a topic was kept of each author.
const WITHOUT_TOPICS: i32 = 9;
/// The layout before entries had another place than their stamp.
const WITHOUT_PLACES: i32 = 10;
/// Bytes in a page of the database.
const PAGE: i64 = 4096;

/// 64-bit numbers that are compared are stored less 2^63, so that SQLite's signed order is their order: stamps
/// and times come from the network and may be anything.
///
/// `cursor` is `AUTOINCREMENT` so that no number is ever given twice, even after deletions.
///
/// `messages` holds changes too, since both are numbered in one order. Their `kind` says what `text`, `action` and
/// `reply` are:
///
/// | kind | text | action | reply |
/// |---|---|---|---|
/// | 0 message | what it says now | told as an action | the message it answers |
/// | 2 edit | what the message says now | | the message |
/// | 3 delete | | | the message |
/// | 4 react | the emoji | it is felt no more | the message |
/// | 5 topic | the topic | | |
///
/// A message that offers a file has it in `file`; its text is the file's name.
///
/// Of what one author does to one message there is the latest of each kind, of reactions of each emoji, and of each
/// room their latest topic: nothing else has any effect. `state` is 0, of a message 1 once it was edited, 2 once it was
/// taken back, and of a change 3 while its message is not there, or if it came behind a later topic: of it nothing is told.
pub(super) const TABLES: &str = "
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE conversations (number INTEGER PRIMARY KEY, room BLOB NOT NULL UNIQUE, place TEXT NOT NULL);
CREATE INDEX conversations_by_place ON conversations (place);
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations,
    id BLOB NOT NULL UNIQUE,
    stamp INTEGER NOT NULL,
    author BLOB NOT NULL,
    bytes BLOB NOT NULL
);
CREATE INDEX entries_by_stamp ON entries (conversation, stamp, id);
CREATE INDEX entries_by_author ON entries (author);
CREATE TABLE messages (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    entry INTEGER NOT NULL REFERENCES entries,
    item INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    nick TEXT NOT NULL,
    text TEXT NOT NULL,
    action INTEGER NOT NULL,
    reply BLOB,
    sent INTEGER NOT NULL,
    late INTEGER NOT NULL,
    own INTEGER NOT NULL,
    kind INTEGER NOT NULL DEFAULT 0,
    state INTEGER NOT NULL DEFAULT 0,
    UNIQUE (entry, item)
);
CREATE TABLE days (
    conversation INTEGER NOT NULL REFERENCES conversations,
    day INTEGER NOT NULL,
    count INTEGER NOT NULL,
    sum BLOB NOT NULL,
    newest INTEGER NOT NULL,
    PRIMARY KEY (conversation, day)
) WITHOUT ROWID;
CREATE TABLE own (
    conversation INTEGER PRIMARY KEY REFERENCES conversations,
    id BLOB NOT NULL,
    stamp INTEGER NOT NULL
);
CREATE TABLE peers (
    key BLOB PRIMARY KEY,
    nick TEXT NOT NULL,
    direct BLOB NOT NULL,
    addresses TEXT NOT NULL,
    seen INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE rooms (name TEXT PRIMARY KEY, joined INTEGER NOT NULL, floor INTEGER NOT NULL) WITHOUT ROWID;
";

/// What changes need; it is added to stores of before.
const CHANGES: &str = "
CREATE TABLE topics (
    conversation INTEGER PRIMARY KEY REFERENCES conversations,
    cursor INTEGER NOT NULL
);
CREATE TRIGGER messages_changed AFTER UPDATE OF text ON messages WHEN old.kind = 0 BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.cursor, old.text);
    INSERT INTO words (rowid, text) VALUES (new.cursor, new.text);
END;
CREATE TRIGGER messages_gone AFTER DELETE ON messages WHEN old.kind = 0 BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.cursor, old.text);
END;
";

/// How what is said is found: by who was called so when saying it, and by its words. What begins so has lists of its own up to three letters: of a million messages those of all
/// words that begin with a letter would be merged for a second.
const FINDING: &str = "
CREATE VIRTUAL TABLE words USING fts5 (
    text, content = 'messages', content_rowid = 'cursor', tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
CREATE INDEX messages_by_nick ON messages (nick COLLATE NOCASE);
";

/// What the person thinks of keys, and which room of a name is meant; it is added to stores of before.
const TRUST: &str = "
ALTER TABLE rooms ADD COLUMN room BLOB;
ALTER TABLE rooms ADD COLUMN root BLOB;
CREATE TABLE trusts (
    key BLOB PRIMARY KEY,
    verified INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    muted INTEGER NOT NULL
) WITHOUT ROWID;
";

/// What is offered with a message; it is added to stores of before. New messages are put into the index by hand: from a
/// trigger each would be written to disk by itself.
const FILES: &str = "
ALTER TABLE messages ADD COLUMN file BLOB;
DROP TRIGGER IF EXISTS messages_said;
";

/// How long rooms are kept; it is added to stores of before. Without `days` it is for ever.
const KEEPS: &str = "
CREATE TABLE keeps (
    room BLOB PRIMARY KEY,
    place TEXT NOT NULL,
    days INTEGER,
    since INTEGER NOT NULL
) WITHOUT ROWID;
";

/// Rooms that are to take the place of others; it is added to stores of before. `without` is a row of keys.
const SUCCESSORS: &str = "
CREATE TABLE successors (
    successor BLOB NOT NULL,
    author BLOB NOT NULL,
    nick TEXT NOT NULL,
    name TEXT NOT NULL,
    former BLOB NOT NULL,
    former_root BLOB NOT NULL,
    root BLOB,
    without BLOB NOT NULL,
    stamp INTEGER NOT NULL,
    followed INTEGER NOT NULL,
    PRIMARY KEY (successor, author)
) WITHOUT ROWID;
";

/// How a change finds the one whose effect it takes, and a message what is felt about it, in the order in which it is
/// shown; it is added to stores of before. Changes, and they alone, have their author in a column of their own: whoever
/// reacts to one message a thousand times, or under a thousand keys, does not have the store go through all of that each
/// time.
const AUTHORS: &str = "
ALTER TABLE messages ADD COLUMN author BLOB;
UPDATE messages SET author = (SELECT author FROM entries WHERE number = messages.entry) WHERE kind > 0;
DROP INDEX IF EXISTS changes_by_target;
CREATE INDEX changes_by_target ON messages (reply, author, kind) WHERE author IS NOT NULL;
CREATE INDEX reactions_by_target ON messages (reply, action, text, author) WHERE kind = 4;
";

/// The latest topic of each author in a room, of before too: that of somebody who is blocked takes the place of no other.
const TOPICS: &str = "
CREATE TABLE topics_of_all (
    conversation INTEGER NOT NULL REFERENCES conversations,
    author BLOB NOT NULL,
    stamp INTEGER NOT NULL,
    id BLOB NOT NULL,
    item INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    PRIMARY KEY (conversation, author)
) WITHOUT ROWID;
INSERT INTO topics_of_all SELECT t.conversation, e.author, e.stamp, e.id, m.item, t.cursor FROM topics t
    JOIN messages m ON m.cursor = t.cursor JOIN entries e ON e.number = m.entry;
DROP TABLE topics;
ALTER TABLE topics_of_all RENAME TO topics;
CREATE INDEX topics_by_stamp ON topics (conversation, stamp, author, id, item);
";

/// `stamp` is the place of an entry in the order that people see. Where its own is absurd, that is in `claimed`: by it days
/// are added up, and compared with others. Entries of before stay where they are.
const PLACES: &str = "
ALTER TABLE entries ADD COLUMN claimed INTEGER;
DROP INDEX entries_by_stamp;
CREATE INDEX entries_by_stamp ON entries (conversation, stamp, id, claimed);
CREATE INDEX entries_by_claim ON entries (conversation, claimed, id) WHERE claimed IS NOT NULL;
";

/// Settings that write nothing: they come before anything is known about the file.
pub(super) fn careful(db: &Connection) -> rusqlite::Result<()> {
    // Closing would otherwise fold the log into a file that we may be about to call damaged.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Or what asks with another value of a partial index is planned anew each time.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The lock of the profile keeps others out; this one is for tools that look into the store meanwhile.
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.pragma_update(None, "cell_size_check", true)?;
    // Negative: KiB. An idle program must stay small.
    db.pragma_update(None, "cache_size", -1024)?;
    db.pragma_update(None, "mmap_size", 0)?;
    db.pragma_update(None, "temp_store", "MEMORY")
}

/// Settings for a store that is ours and whole. Nothing [bounds](bound) it yet.
pub(super) fn durable(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    // In WAL mode anything less loses commits when the power fails.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", 512)?;
    db.pragma_update(None, "journal_size_limit", 4 << 20)?;
    // What was taken back is not to be found in the file.
    db.pragma_update_and_check(None, "secure_delete", true, |row| row.get::<_, i64>(0))?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

/// Lets the file grow to so many bytes; one that is larger grows no more.
pub(super) fn bound(db: &Connection, bytes_max: u64) -> rusqlite::Result<()> {
    // SQLite takes no less than the size that it knows, and knows that only after it has looked.
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let pages = i64::try_from(bytes_max).unwrap_or(i64::MAX) / PAGE;
    db.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0)).map(drop)
}

/// Whether a store of this layout can be used, once it is [completed](complete).
pub(super) const fn is_known(version: i32) -> bool {
    matches!(version, WITHOUT_CHANGES..=VERSION)
}

/// Adds what stores of before lack, all or nothing.
pub(super) fn complete(db: &mut Connection, version: i32) -> rusqlite::Result<()> {
    if version == VERSION {
        return Ok(());
    }
    let added = db.transaction()?;
    if version < WITHOUT_TRUST {
        added.execute_batch(
            "CREATE INDEX IF NOT EXISTS entries_by_author ON entries (author);
             ALTER TABLE messages ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
             ALTER TABLE messages ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
             DROP TRIGGER messages_said;
             DROP TRIGGER messages_gone;",
        )?;
        added.execute_batch(CHANGES)?;
    }
    if version < WITHOUT_FILES {
        added.execute_batch(TRUST)?;
    }
    if version < WITHOUT_KEEPS {
        added.execute_batch(FILES)?;
    }
    if version < WITHOUT_SUCCESSORS {
        added.execute_batch(KEEPS)?;
    }
    if version < WITHOUT_FINDING {
        added.execute_batch(SUCCESSORS)?;
    }
    if version < WITHOUT_AUTHORS {
        added.execute_batch("DROP TABLE words")?;
        added.execute_batch(FINDING)?;
        let fill = "INSERT INTO words (rowid, text) SELECT cursor, text FROM messages WHERE kind = 0";
        added.execute(fill, [])?;
    }
    if version < WITHOUT_TOPICS {
        added.execute_batch(AUTHORS)?;
    }
    if version < WITHOUT_PLACES {
        added.execute_batch(TOPICS)?;
    }
    added.execute_batch(PLACES)?;
    added.pragma_update(None, "user_version", VERSION)?;
    added.commit()
}

/// Makes the tables, all or none.
pub(super) fn create(db: &mut Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "page_size", PAGE)?;
    let made = db.transaction()?;
    made.execute_batch(TABLES)?;
    made.execute_batch(FINDING)?;
    made.execute_batch(CHANGES)?;
    made.execute_batch(TRUST)?;
    made.execute_batch(FILES)?;
    made.execute_batch(KEEPS)?;
    made.execute_batch(SUCCESSORS)?;
    made.execute_batch(AUTHORS)?;
    made.execute_batch(TOPICS)?;
    made.execute_batch(PLACES)?;
    made.pragma_update(None, "application_id", APPLICATION)?;
    made.pragma_update(None, "user_version", VERSION)?;
    made.commit()
}
