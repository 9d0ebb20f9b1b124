//! What the person thinks of keys is kept, and whoever is blocked is not seen in what is read back.

use chat_core::{Emoji, Forgotten, StoredTrust, Topic, Trust, What};

use super::{super::Memory, changes::change, *};

const OTHER: PeerKey = PeerKey([2; 32]);
const BLOCKED: Trust = Trust { verified: true, blocked: true, muted: false };

fn think(store: &mut dyn Store, trust: Trust) {
    store.append(&[vec![Record::Trust(StoredTrust { key: OTHER, trust })]]).unwrap();
}

fn both(check: impl Fn(&mut dyn Store)) {
    let folder = Folder::new("trust");
    check(&mut Memory::new(OWN, Memory::BYTES_MAX));
    check(&mut disk(&folder));
}

#[test]
fn of_whoever_is_blocked_nothing_is_read_back_until_they_are_not() {
    both(|store| {
        let said = [entry(1, 1, 0, OWN, &["ours"]), entry(2, 2, 0, OTHER, &["theirs"])];
        store.append(&[said.map(Record::Entry).into()]).unwrap();
        let what = What::React {
            target: MessageId { entry: id(1), item: 0 },
            emoji: Emoji::new("+1").unwrap(),
            gone: false,
        };
        store.append(&[vec![Record::Entry(change(3, 3, 0, OTHER, what))]]).unwrap();
        let seen = |store: &mut dyn Store| {
            let history = store.history(&place(0), 9, None).unwrap().unwrap();
            let (latest, since) = (store.latest(None, 9).unwrap(), store.since(0, 9).unwrap());
            let felt: usize = latest.iter().map(|shown| shown.reactions.len()).sum();
            [history.len(), latest.len(), since.len(), felt]
        };
        assert_eq!(seen(store), [2, 2, 3, 1]);
        think(store, BLOCKED);
        assert_eq!(seen(store), [1, 1, 1, 0]);
        assert_eq!(store.trusts(), Ok(vec![StoredTrust { key: OTHER, trust: BLOCKED }]));
        think(store, Trust { blocked: false, ..BLOCKED });
        assert_eq!(seen(store), [2, 2, 3, 1]);
        think(store, Trust::default());
        assert_eq!(store.trusts(), Ok(vec![]));
    });
}

#[test]
fn the_topic_of_somebody_blocked_hides_no_other() {
    both(|store| {
        let topic = |number: u64, stamp, author, text: &str| {
            let what = What::Topic(Topic::new(text).unwrap());
            vec![Record::Entry(change(number, stamp, 0, author, what))]
        };
        let shown = |store: &mut dyn Store| {
            store.topics().unwrap().get(&place(0)).map(|topic| topic.as_str().to_string())
        };
        assert_eq!(store.append(&[topic(1, 1, OTHER, "spam")]).unwrap().len(), 1);
        think(store, BLOCKED);
        assert_eq!(shown(store), None);
        think(store, Trust::default());
        assert_eq!(store.append(&[topic(2, 2, OWN, "tea")]).unwrap().len(), 1);
        assert_eq!(store.append(&[topic(3, 9, OTHER, "more spam")]).unwrap().len(), 1);
        assert_eq!(shown(store).as_deref(), Some("more spam"));
        think(store, BLOCKED);
        assert_eq!(shown(store).as_deref(), Some("tea"), "what it was before");
        assert_eq!(store.append(&[topic(4, 5, OWN, "cake")]).unwrap().len(), 1, "it is what is seen");
        assert_eq!(shown(store).as_deref(), Some("cake"));
        assert_eq!(store.append(&[topic(5, 4, PeerKey([3; 32]), "older")]), Ok(vec![]));
        think(store, Trust::default());
        assert_eq!(shown(store).as_deref(), Some("more spam"));
        assert_eq!(store.append(&[topic(6, 6, OWN, "coffee")]), Ok(vec![]), "a later one hides it");
        think(store, BLOCKED);
        assert_eq!(shown(store).as_deref(), Some("coffee"));
        let forgotten = Forgotten { room: RoomKeyId([0; 16]), ids: vec![id(6)] };
        store.append(&[vec![Record::Forget(forgotten)]]).unwrap();
        assert_eq!(shown(store).as_deref(), Some("older"));
    });
}

#[test]
fn the_topic_is_what_it_was_in_a_store_of_before() {
    let folder = Folder::new("topic-before");
    let what = What::Topic(Topic::new("tea").unwrap());
    disk(&folder).append(&[vec![Record::Entry(change(1, 5, 0, OTHER, what))]]).unwrap();
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    db.execute_batch(WITHOUT_PLACES).unwrap();
    db.execute_batch(
        "CREATE TABLE before (conversation INTEGER PRIMARY KEY REFERENCES conversations, cursor INTEGER NOT NULL);
         INSERT INTO before SELECT conversation, cursor FROM topics;
         DROP TABLE topics; ALTER TABLE before RENAME TO topics; PRAGMA user_version = 9",
    )
    .unwrap();
    drop(db);
    let mut store = disk(&folder);
    assert_eq!(store.topics().unwrap().len(), 1);
    think(&mut store, BLOCKED);
    assert_eq!(store.topics().unwrap().len(), 0);
}

#[test]
fn it_is_there_at_the_next_start() {
    let folder = Folder::new("trust-kept");
    think(&mut disk(&folder), BLOCKED);
    let Ok(Answer::State(state)) = disk(&folder).fetch(&Request::State) else { panic!() };
    assert_eq!(state.trusts, [StoredTrust { key: OTHER, trust: BLOCKED }]);
}

#[test]
fn a_store_of_before_learns_to_keep_it() {
    let folder = Folder::new("trust-before");
    disk(&folder).append(&[vec![Record::Entry(entry(1, 1, 0, OTHER, &["kept"]))]]).unwrap();
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    db.execute_batch(WITHOUT_PLACES).unwrap();
    db.execute_batch("DROP TABLE trusts; DROP INDEX reactions_by_target; DROP INDEX changes_by_target; ALTER TABLE messages DROP COLUMN author; DROP INDEX messages_by_nick; DROP TABLE keeps; DROP TABLE successors; ALTER TABLE rooms DROP COLUMN room; ALTER TABLE rooms DROP COLUMN root; ALTER TABLE messages DROP COLUMN file; PRAGMA user_version = 3").unwrap();
    drop(db);
    let mut store = disk(&folder);
    think(&mut store, BLOCKED);
    assert_eq!(
        (store.trusts().unwrap().len(), store.find(MessageId { entry: id(1), item: 0 }).unwrap().is_some()),
        (1, true)
    );
}
