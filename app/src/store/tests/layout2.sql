-- A history of layout 2, before there were changes and, in the oldest, without the index of authors.
PRAGMA page_size = 4096;
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
    UNIQUE (entry, item)
);
CREATE VIRTUAL TABLE words USING fts5 (
    text, content = 'messages', content_rowid = 'cursor', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER messages_said AFTER INSERT ON messages BEGIN
    INSERT INTO words (rowid, text) VALUES (new.cursor, new.text);
END;
CREATE TRIGGER messages_gone AFTER DELETE ON messages BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.cursor, old.text);
END;
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
INSERT INTO conversations (number, room, place) VALUES (1, x'03030303030303030303030303030303', '#room0');
INSERT INTO entries (number, conversation, id, stamp, author, bytes) VALUES (1, 1, x'7777777777777777777777777777777777777777777777777777777777777777', 5, x'0101010101010101010101010101010101010101010101010101010101010101', x'00');
INSERT INTO messages (entry, item, boot, nick, text, action, reply, sent, late, own)
VALUES (1, 0, 1, 'ana', 'from before', 0, NULL, 5, 0, 1);
INSERT INTO days (conversation, day, count, sum, newest) VALUES (1, 106751991, 1, x'7777777777777777777777777777777777777777777777777777777777777777', 5);
INSERT INTO own (conversation, id, stamp) VALUES (1, x'7777777777777777777777777777777777777777777777777777777777777777', 5);
PRAGMA application_id = 0x70327063;
PRAGMA user_version = 2;
