//! Edits, deletions, reactions and topics: the same in both stores, and the same whatever order they come in.

use std::{collections::BTreeMap, sync::Arc};

use chat_core::{Change, Emoji, Topic, What};
use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::{super::Memory, *};
use crate::store::{Search, Told, settle};

/// An entry that changes something, or says something in answer to nothing.
pub(crate) fn change(number: u64, stamp: u64, room: u8, author: PeerKey, what: What) -> StoredEntry {
    let mut entry = entry(number, stamp, room, author, &["x"]);
    let Message { id, place, from, boot, nick, sent, stamp, late, own, .. } =
        Arc::unwrap_or_clone(entry.messages.remove(0));
    entry.changes = vec![Change { id, place, from, boot, nick, what, sent, stamp, late, own }];
    entry
}

/// A change that quickcheck makes up, of the first message of one of a few entries.
pub(super) fn any(g: &mut Gen) -> What {
    let target = MessageId { entry: id(u64::from(u8::arbitrary(g)) % 8), item: 0 };
    let emoji = Emoji::new(["+1", "\u{2764}\u{fe0f}"][usize::from(bool::arbitrary(g))]).unwrap();
    match u8::arbitrary(g) % 5 {
        0 => What::Edit { target, text: String::arbitrary(g) + "!" },
        1 => What::Delete { target },
        2 => What::Topic(Topic::new(["", "tea", "cake"][usize::from(u8::arbitrary(g)) % 3]).unwrap()),
        _ => What::React { target, emoji, gone: bool::arbitrary(g) },
    }
}

/// Some entries of one room by two authors: messages, and changes of them.
#[derive(Clone, Debug)]
struct Said(Vec<StoredEntry>);

impl Arbitrary for Said {
    fn arbitrary(g: &mut Gen) -> Self {
        let count = 1 + u64::from(u8::arbitrary(g) % 14);
        let one = |number: u64, g: &mut Gen| {
            let author = [OWN, PeerKey([9; 32])][usize::from(bool::arbitrary(g))];
            let stamp = u64::from(u8::arbitrary(g) % 8);
            if number < 4 {
                entry(number, stamp, 0, author, &[String::arbitrary(g).as_str()])
            } else {
                change(number + 10, stamp, 0, author, any(g))
            }
        };
        Self((0..count).map(|number| one(number, g)).collect())
    }
}

/// What a person sees in the end, cursors aside.
fn seen(store: &mut dyn Store) -> (Vec<Shown>, BTreeMap<Place, Topic>) {
    let cursors = store.history(&place(0), 99, None).unwrap().unwrap();
    let mut shown = store.shown(&cursors).unwrap();
    shown.iter_mut().for_each(|shown| shown.cursor = 0);
    (shown, store.topics().unwrap())
}

#[test]
fn the_order_in_which_things_come_changes_nothing() {
    fn same(said: Said, turns: Vec<u8>) -> bool {
        let mut shuffled = said.0.clone();
        for (index, turn) in turns.into_iter().enumerate() {
            let count = shuffled.len();
            shuffled.swap(index % count, usize::from(turn) % count);
        }
        let see = |entries: Vec<StoredEntry>| {
            let mut store = Memory::new(OWN, Memory::BYTES_MAX);
            for entry in entries {
                store.append(&[vec![Record::Entry(entry)]]).unwrap();
            }
            seen(&mut store)
        };
        assert_eq!(see(said.0), see(shuffled));
        true
    }
    QuickCheck::new().tests(2000).quickcheck(same as fn(Said, Vec<u8>) -> bool);
}

/// Both kinds of store, so that each promise holds in both.
fn each(name: &str, check: impl Fn(&mut dyn Store)) {
    let folder = Folder::new(name);
    check(&mut Memory::new(OWN, Memory::BYTES_MAX));
    check(&mut disk(&folder));
}

fn put(store: &mut dyn Store, entry: StoredEntry) -> Vec<Told> {
    let fresh = store.append(&[vec![Record::Entry(entry)]]).unwrap();
    fresh.into_iter().map(|fresh| fresh.told).collect()
}

const OTHER: PeerKey = PeerKey([9; 32]);

fn target() -> MessageId {
    MessageId { entry: id(1), item: 0 }
}

fn edit(text: &str) -> What {
    What::Edit { target: target(), text: text.into() }
}

#[test]
fn only_the_author_edits_and_deletes() {
    each("authority", |store| {
        put(store, entry(1, 5, 0, OWN, &["first"]));
        assert_eq!(put(store, change(2, 6, 0, OTHER, edit("forged"))), []);
        assert_eq!(put(store, change(3, 6, 0, OTHER, What::Delete { target: target() })), []);
        // From another room, where the message was never said.
        assert_eq!(put(store, change(4, 6, 1, OWN, edit("elsewhere"))), []);
        assert_eq!(store.find(target()).unwrap().unwrap().message.text, "first");
        let told = put(store, change(5, 7, 0, OWN, edit("second")));
        let [Told::Change(changed)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(changed.before.as_ref().unwrap().text, "first");
        let shown = store.find(target()).unwrap().unwrap();
        assert_eq!((shown.message.text.as_str(), shown.edited), ("second", true));
        // An older edit comes late.
        assert_eq!(put(store, change(6, 6, 0, OWN, edit("between"))), []);
        assert_eq!(store.find(target()).unwrap().unwrap().message.text, "second");
    });
}

#[test]
fn a_forged_change_that_comes_first_is_worth_nothing_either() {
    each("early", |store| {
        assert_eq!(put(store, change(2, 6, 0, OTHER, edit("forged"))), []);
        assert_eq!(put(store, change(3, 6, 0, OTHER, What::Delete { target: target() })), []);
        assert_eq!(put(store, change(4, 6, 0, OWN, edit("second"))), []);
        assert_eq!(store.since(0, 9).unwrap(), [], "nothing of what waits is told");
        let told = put(store, entry(1, 5, 0, OWN, &["first"]));
        let [Told::Message(shown)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((shown.message.text.as_str(), shown.edited), ("second", true));
    });
}

#[test]
fn what_was_taken_back_is_gone() {
    each("taken-back", |store| {
        put(store, entry(1, 5, 0, OWN, &["a secret word"]));
        put(store, change(2, 6, 0, OWN, edit("another secret word")));
        let react = What::React { target: target(), emoji: Emoji::new("+1").unwrap(), gone: false };
        assert_eq!(put(store, change(3, 6, 0, OTHER, react.clone())).len(), 1);
        assert_eq!(put(store, change(4, 1, 0, OWN, What::Delete { target: target() })).len(), 1);
        let shown = store.find(target()).unwrap().unwrap();
        assert_eq!((shown.message.text.as_str(), shown.deleted, shown.reactions.len()), ("", true, 0));
        // Nothing brings it back.
        assert_eq!(put(store, change(5, 99, 0, OWN, edit("again"))), []);
        assert_eq!(put(store, change(6, 99, 0, OTHER, react)), []);
        assert_eq!(store.find(target()).unwrap().unwrap(), shown);
        // It is taken back before it comes.
        let early = MessageId { entry: id(7), item: 0 };
        put(store, change(8, 9, 0, OWN, What::Delete { target: early }));
        assert_eq!(put(store, entry(7, 5, 0, OWN, &["too late"])), []);
        assert_eq!(store.latest(None, 9).unwrap().iter().filter(|shown| !shown.deleted).count(), 0);
    });
}

#[test]
fn what_was_taken_back_is_neither_among_the_latest_nor_told_to_those_who_read_on() {
    each("taken-back", |store| {
        put(store, entry(1, 5, 0, OWN, &["taken back"]));
        put(store, entry(2, 4, 0, OWN, &["kept"]));
        put(store, change(3, 6, 0, OWN, What::Delete { target: target() }));
        let latest = store.latest(None, 1).unwrap();
        assert_eq!(latest.iter().map(|shown| shown.message.text.as_str()).collect::<Vec<_>>(), ["kept"]);
        let told = store.since(0, 9).unwrap();
        let said = told.iter().filter(|told| matches!(told, Told::Message(_)));
        assert_eq!((said.count(), told.len()), (1, 2), "and that it was taken back");
        assert_eq!(store.latest(Some(&place(0)), 1).unwrap(), latest);
    });
}

#[test]
fn what_was_said_last_is_not_what_came_last() {
    each("latest", |store| {
        // Of three conversations, and the oldest come last, as from a file.
        for (number, stamp, room) in [(1, 9, 0), (2, 8, 1), (3, 7, 2), (4, 3, 0), (5, 2, 1), (6, 1, 2)] {
            put(store, entry(number, stamp, room, OWN, &["a", "b"]));
        }
        let latest = store.latest(None, 5).unwrap();
        let latest = latest.iter().map(|shown| (shown.message.stamp.0, shown.message.id.item));
        assert_eq!(latest.collect::<Vec<_>>(), [(7, 1), (8, 0), (8, 1), (9, 0), (9, 1)]);
    });
}

#[test]
fn the_file_does_not_keep_what_was_taken_back() {
    let folder = Folder::new("erased");
    let mut store = disk(&folder);
    // So long that it has pages of its own.
    put(&mut store, entry(1, 5, 0, OWN, &[&"xyzzyplugh ".repeat(1000)]));
    put(&mut store, entry(2, 6, 0, OWN, &["other"]));
    drop(store);
    let holds = |folder: &Folder| {
        let bytes = std::fs::read(folder.path("history.db")).unwrap();
        bytes.windows(10).any(|window| window == b"xyzzyplugh")
    };
    assert!(holds(&folder), "closing folds the log into the file");
    let mut store = disk(&folder);
    put(&mut store, change(3, 6, 0, OWN, What::Delete { target: target() }));
    drop(store);
    assert!(!holds(&folder));
}

#[test]
fn reactions_are_felt_once_and_taken_back() {
    each("reactions", |store| {
        put(store, entry(1, 5, 0, OWN, &["first"]));
        let react =
            |emoji: &str, gone| What::React { target: target(), emoji: Emoji::new(emoji).unwrap(), gone };
        assert_eq!(put(store, change(2, 6, 0, OTHER, react("+1", false))).len(), 1);
        assert_eq!(put(store, change(3, 7, 0, OTHER, react("+1", false))), [], "felt already");
        assert_eq!(put(store, change(4, 8, 0, OTHER, react("-1", true))), [], "never felt");
        assert_eq!(put(store, change(5, 8, 0, OWN, react("+1", false))).len(), 1);
        let felt = store.find(target()).unwrap().unwrap().reactions;
        assert_eq!(felt.iter().map(|(_, key)| *key).collect::<Vec<_>>(), [OWN, OTHER]);
        assert_eq!(put(store, change(6, 9, 0, OTHER, react("+1", true))).len(), 1);
        assert_eq!(store.find(target()).unwrap().unwrap().reactions.len(), 1);
    });
}

#[test]
fn the_latest_topic_counts() {
    each("topics", |store| {
        let topic = |text: &str| What::Topic(Topic::new(text).unwrap());
        assert_eq!(put(store, change(1, 5, 0, OTHER, topic("tea"))).len(), 1);
        assert_eq!(put(store, change(2, 4, 0, OWN, topic("older"))), []);
        assert_eq!(
            store.since(0, 9).unwrap().len(),
            1,
            "nor is it told at the next start, as if it were the latest"
        );
        assert_eq!(put(store, change(3, 9, 2, OWN, topic("of a conversation"))), []);
        assert_eq!(store.topics().unwrap(), BTreeMap::from([(place(0), Topic::new("tea").unwrap())]));
        assert_eq!(put(store, change(4, 6, 0, OWN, topic(""))).len(), 1);
        assert_eq!(store.topics().unwrap(), BTreeMap::from([(place(0), Topic::default())]));
    });
}

#[test]
fn a_store_of_before_is_completed() {
    let folder = Folder::new("before");
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    db.execute_batch(include_str!("layout2.sql")).unwrap();
    drop(db);
    let mut store = disk(&folder);
    let latest = store.latest(None, 9).unwrap();
    assert_eq!(latest.iter().map(|shown| shown.message.text.as_str()).collect::<Vec<_>>(), ["from before"]);
    let words = ["from", "bef"].map(String::from).into();
    let search = Search { words, from: None, place: None, since: Stamp(0), limit: 9 };
    assert_eq!(store.search(&search), Ok(latest.clone()));
    let target = latest[0].message.id;
    let author = latest[0].message.from;
    let edited = change(5, u64::MAX, 0, author, What::Edit { target, text: "from now".into() });
    let edited = StoredEntry { room: RoomKeyId([3; 16]), ..edited };
    assert_eq!(put(&mut store, edited).len(), 1);
    drop(store);
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    let found = |word: &str| {
        let find = "SELECT count(*) FROM words WHERE words MATCH ?1";
        db.query_row(find, [word], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((found("before"), found("now")), (0, 1));
    let layout = |path: &str| {
        let db = rusqlite::Connection::open(path).unwrap();
        let mut find = db.prepare("SELECT name FROM sqlite_schema ORDER BY name").unwrap();
        find.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<String>, _>>().unwrap()
    };
    let new = Folder::new("before-new");
    drop(disk(&new));
    let paths = [&folder, &new].map(|folder| folder.path("history.db").display().to_string());
    assert_eq!(layout(&paths[0]), layout(&paths[1]));
}

/// What is told together is told as it is in the end, whatever order it came in.
#[test]
fn what_is_told_together_is_told_as_it_is_by_then() {
    fn holds(said: Said) -> bool {
        let mut store = Memory::new(OWN, Memory::BYTES_MAX);
        let one = |entry| store.append(&[vec![Record::Entry(entry)]]).unwrap();
        let told = settle(said.0.into_iter().flat_map(one).collect());
        let told: Vec<Told> = told.into_iter().map(|fresh| fresh.told).collect();
        let messages = told.iter().filter_map(|told| match told {
            Told::Message(shown) => Some(shown),
            Told::Change(_) => None,
        });
        let mut as_it_is = |shown: &Shown| {
            let now = store.find(shown.message.id).unwrap().unwrap();
            !now.deleted && (&now.message, now.edited) == (&shown.message, shown.edited)
        };
        let told_of: Vec<MessageId> = messages.clone().map(|shown| shown.message.id).collect();
        messages.clone().all(&mut as_it_is)
            && told.iter().all(|told| match told {
                Told::Change(changed) => match changed.change.what {
                    What::Edit { target, .. } | What::Delete { target } => !told_of.contains(&target),
                    _ => true,
                },
                Told::Message(_) => true,
            })
            && seen(&mut store).0.iter().all(|shown| shown.deleted || told_of.contains(&shown.message.id))
    }
    QuickCheck::new().tests(2000).quickcheck(holds as fn(Said) -> bool);
}

#[test]
fn what_was_taken_back_meanwhile_is_not_told_at_all() {
    let target = MessageId { entry: id(1), item: 0 };
    let before = MessageId { entry: id(9), item: 0 };
    let heart = Emoji::new("+1").unwrap();
    let mut store = Memory::new(OWN, Memory::BYTES_MAX);
    store.append(&[vec![Record::Entry(entry(9, 1, 0, OWN, &["long ago"]))]]).unwrap();
    let said = [
        entry(1, 2, 0, OWN, &["too much"]),
        change(2, 3, 0, OWN, What::Edit { target, text: "still too much".into() }),
        change(3, 4, 0, OWN, What::React { target, emoji: heart, gone: false }),
        change(4, 5, 0, OWN, What::Delete { target }),
        change(5, 6, 0, OWN, What::Edit { target: before, text: "once".into() }),
    ];
    let told = store.append(&[said.map(Record::Entry).into()]).unwrap();
    assert_eq!(told.len(), 5);
    let told = settle(told);
    let whats = told.iter().map(|fresh| match &fresh.told {
        Told::Change(changed) => changed.change.what.clone(),
        Told::Message(_) => panic!("{fresh:?}"),
    });
    assert!(whats.eq([What::Edit { target: before, text: "once".into() }]));
}
