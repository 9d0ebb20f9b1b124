//! What costs one entry to say costs no more to keep, however much of it there is already.

use std::time::Duration;

use chat_core::{Change, Emoji, What};
use chat_net::Clock;

use super::{super::Memory, changes::change, *};

const OTHER: PeerKey = PeerKey([9; 32]);
/// Reactions that are told in one entry.
const TOGETHER: u64 = 250;
/// Entries that are stored at once, so that not the disk is measured.
const ENTRIES: u64 = 4;

fn target() -> MessageId {
    MessageId { entry: id(1), item: 0 }
}

/// A thousand reactions, by so many authors, all others than those of other rounds.
fn thousand(round: u64, authors: u64) -> Vec<Record> {
    let react = |number: u64| {
        let emoji = Emoji::new(&if authors > 1 { "+1".into() } else { format!("x{number:08}") }).unwrap();
        What::React { target: target(), emoji, gone: number.is_multiple_of(2) && authors == 1 }
    };
    let one = |at: u64| {
        let first = (round * ENTRIES + at) * TOGETHER;
        let by = |number: u64| {
            let mut key = OTHER.0;
            key[..8].copy_from_slice(&(number % authors).to_be_bytes());
            PeerKey(key)
        };
        // Of many authors each needs an entry of their own.
        let (entries, together) = if authors > 1 { (TOGETHER, 1) } else { (1, TOGETHER) };
        (0..entries).map(move |entry| {
            let first = first + entry * together;
            let mut said = change(100 + first, 100 + first, 0, by(first), react(first));
            let more = (1..together).map(|item| {
                let id = MessageId { item: u16::try_from(item).unwrap(), ..said.changes[0].id };
                Change { id, what: react(first + item), ..said.changes[0].clone() }
            });
            let more: Vec<Change> = more.collect();
            said.changes.extend(more);
            Record::Entry(said)
        })
    };
    (0..ENTRIES).flat_map(one).collect()
}

/// Each of `rounds` thousands, and how long the second one and the last one took.
fn fill(store: &mut dyn Store, rounds: u64, authors: u64) -> (Duration, Duration) {
    let clock = Clock::new();
    let mut took = Vec::new();
    for round in 0..rounds {
        let records = thousand(round, authors);
        let begin = clock.now();
        store.append(&[records]).unwrap();
        took.push(clock.now() - begin);
    }
    (took[1], took[took.len() - 1])
}

#[test]
fn the_last_of_many_reactions_costs_what_the_first_ones_did() {
    let (one, many) = (Folder::new("many"), Folder::new("many-authors"));
    for (authors, folder) in [(1, one), (1 << 40, many)] {
        let stores: [Box<dyn Store>; 2] =
            [Box::new(Memory::new(OWN, Memory::BYTES_MAX)), Box::new(disk(&folder))];
        let felt = stores.map(|mut store| {
            store.append(&[vec![Record::Entry(entry(1, 5, 0, OWN, &["liked"]))]]).unwrap();
            let (first, last) = fill(store.as_mut(), 20, authors);
            assert!(last < 5 * (first + Duration::from_millis(100)), "{authors}: {first:?}, {last:?}");
            let clock = Clock::new();
            let begin = clock.now();
            (0..200).for_each(|_| drop(store.find(target()).unwrap()));
            let read = clock.now() - begin;
            assert!(read < Duration::from_secs(1), "{authors}: it is read in {read:?}");
            store.find(target()).unwrap().unwrap().reactions
        });
        assert_eq!(felt[0].len(), 64);
        assert_eq!(felt[0], felt[1]);
    }
}

/// The person who looks at an old history may have felt the same before.
#[test]
fn what_was_felt_in_a_store_of_before_is_known() {
    let folder = Folder::new("felt-before");
    let felt = |number: u64, gone| {
        let what = What::React { target: target(), emoji: Emoji::new("+1").unwrap(), gone };
        vec![Record::Entry(change(number, number, 0, OTHER, what))]
    };
    let mut store = disk(&folder);
    store.append(&[vec![Record::Entry(entry(1, 5, 0, OWN, &["liked"]))], felt(6, false)]).unwrap();
    drop(store);
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    db.execute_batch(WITHOUT_PLACES).unwrap();
    db.execute_batch(
        "DROP INDEX reactions_by_target; DROP INDEX changes_by_target; ALTER TABLE messages DROP COLUMN author;
         CREATE INDEX changes_by_target ON messages (reply) WHERE kind > 0; PRAGMA user_version = 8",
    )
    .unwrap();
    drop(db);
    let mut store = disk(&folder);
    assert_eq!(store.find(target()).unwrap().unwrap().reactions.len(), 1);
    assert_eq!(store.append(&[felt(7, false)]), Ok(vec![]), "felt already");
    assert_eq!(store.append(&[felt(8, true)]).unwrap().len(), 1);
    assert_eq!(store.find(target()).unwrap().unwrap().reactions, []);
}
