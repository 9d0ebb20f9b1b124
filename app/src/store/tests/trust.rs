//! What the person thinks of keys is kept, and whoever is blocked is not seen in what is read back.

use chat_core::{Emoji, StoredTrust, Trust, What};

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
            let (latest, since) = (store.latest(9).unwrap(), store.since(0, 9).unwrap());
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
    db.execute_batch("DROP TABLE trusts; DROP INDEX reactions_by_target; DROP INDEX changes_by_target; ALTER TABLE messages DROP COLUMN author; DROP INDEX messages_by_nick; DROP TABLE keeps; DROP TABLE successors; ALTER TABLE rooms DROP COLUMN room; ALTER TABLE rooms DROP COLUMN root; ALTER TABLE messages DROP COLUMN file; PRAGMA user_version = 3").unwrap();
    drop(db);
    let mut store = disk(&folder);
    think(&mut store, BLOCKED);
    assert_eq!(
        (store.trusts().unwrap().len(), store.find(MessageId { entry: id(1), item: 0 }).unwrap().is_some()),
        (1, true)
    );
}
