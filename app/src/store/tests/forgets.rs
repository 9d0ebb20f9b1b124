//! What is forgotten is nowhere, in both stores; and there is room again.

use std::num::NonZeroU16;

use chat_core::{Emoji, Forgotten, IdSum, StoreError, StoredKeep, Topic, What};

use super::{
    super::{Author, DAY, Memory, Search},
    changes::change,
    *,
};

const OTHER: PeerKey = PeerKey([9; 32]);
const ROOM: RoomKeyId = RoomKeyId([0; 16]);

fn forget(numbers: impl IntoIterator<Item = u64>) -> Vec<Record> {
    vec![Record::Forget(Forgotten { room: ROOM, ids: numbers.into_iter().map(id).collect() })]
}

fn both(name: &str, check: impl Fn(&mut dyn Store)) {
    let folder = Folder::new(name);
    check(&mut Memory::new(OWN, Memory::BYTES_MAX));
    check(&mut disk(&folder));
}

fn days(store: &mut dyn Store) -> Vec<(u32, u64, Stamp)> {
    let Ok(Answer::State(state)) = store.fetch(&Request::State) else { panic!() };
    state.days.iter().map(|day| (day.day, day.sum.count, day.newest)).collect()
}

#[test]
fn what_is_forgotten_is_found_in_no_way() {
    both("forgotten", |store| {
        let said = [
            entry(1, 5, 0, OTHER, &["an old secret", "and more"]),
            entry(2, 9, 0, OWN, &["kept"]),
            entry(3, DAY + 1, 0, OTHER, &["of another day"]),
            entry(4, 5, 1, OTHER, &["of another room"]),
            change(5, 6, 0, OTHER, What::Topic(Topic::new("an old topic").unwrap())),
        ];
        store.append(&[said.map(Record::Entry).into()]).unwrap();
        // Entries of another room, and some that are not there, change nothing.
        assert_eq!(store.append(&[forget([1, 5, 4, 77])]), Ok(vec![]));
        let ids = Request::Ids { room: ROOM, from: Stamp(0), to: Stamp(u64::MAX) };
        assert_eq!(store.fetch(&ids), Ok(Answer::Ids(vec![(Stamp(9), id(2)), (Stamp(DAY + 1), id(3))])));
        let entries = Request::Entries { room: ROOM, ids: vec![id(1), id(5)] };
        assert_eq!(store.fetch(&entries), Ok(Answer::Entries(vec![])));
        assert_eq!(days(store), [(0, 1, Stamp(9)), (1, 1, Stamp(DAY + 1)), (0, 1, Stamp(5))]);
        let texts =
            |shown: Vec<Shown>| shown.into_iter().map(|shown| shown.message.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(store.latest(None, 9).unwrap()), ["of another room", "kept", "of another day"]);
        let cursors = store.history(&place(0), 9, None).unwrap().unwrap();
        assert_eq!(texts(store.shown(&cursors).unwrap()), ["kept", "of another day"]);
        assert_eq!(store.since(0, 9).unwrap().len(), 3);
        for item in 0..2 {
            assert_eq!(store.find(MessageId { entry: id(1), item }), Ok(None));
        }
        let from = Some(Author { keys: vec![OTHER], nick: String::new() });
        let search = |words: &[&str]| Search {
            words: words.iter().map(ToString::to_string).collect(),
            from: from.clone(),
            place: None,
            since: Stamp(0),
            limit: 9,
        };
        assert_eq!(store.search(&search(&["old"])), Ok(vec![]));
        assert_eq!(store.search(&search(&["another"])).unwrap().len(), 2);
        assert_eq!(store.topics().unwrap().len(), 0);
        // The numbers of what is gone are not given again.
        let fresh = store.append(&[vec![Record::Entry(entry(6, 7, 0, OTHER, &["new"]))]]).unwrap();
        assert_eq!(fresh[0].told.cursor(), store.newest().unwrap());
        assert_eq!(store.append(&[forget([2, 3, 6])]), Ok(vec![]));
        assert_eq!(days(store), [(0, 1, Stamp(5))], "a day with nothing in it is none");
    });
}

#[test]
fn the_newest_of_a_day_is_the_newest_that_is_left() {
    both("newest", |store| {
        for (number, stamp) in [(1, 5), (2, 7), (3, 6), (4, DAY)] {
            store.append(&[vec![Record::Entry(entry(number, stamp, 0, OWN, &["x"]))]]).unwrap();
        }
        store.append(&[forget([2])]).unwrap();
        assert_eq!(days(store), [(0, 2, Stamp(6)), (1, 1, Stamp(DAY))]);
        // In one transaction, as the keeper may have it.
        let again = vec![Record::Entry(entry(2, 7, 0, OWN, &["x"]))];
        store.append(&[again, forget([2, 3])]).unwrap();
        let mut sum = IdSum::default();
        sum.add(&id(1));
        let Ok(Answer::State(state)) = store.fetch(&Request::State) else { panic!() };
        assert_eq!((state.days[0].sum, state.days[0].newest), (sum, Stamp(5)));
        assert_eq!(state.own[0].id, id(4), "what we said last is what the next one follows");
    });
}

#[test]
fn what_was_said_about_it_waits_until_it_comes_back() {
    both("about", |store| {
        let target = MessageId { entry: id(1), item: 0 };
        let message = Record::Entry(entry(1, 5, 0, OTHER, &["first"]));
        let edit = change(2, DAY, 0, OTHER, What::Edit { target, text: "second".into() });
        let felt = What::React { target, emoji: Emoji::new("+1").unwrap(), gone: false };
        let records = vec![message.clone(), Record::Entry(edit), Record::Entry(change(3, DAY, 0, OWN, felt))];
        store.append(&[records]).unwrap();
        assert_eq!(store.since(0, 9).unwrap().len(), 3);
        store.append(&[forget([1])]).unwrap();
        assert_eq!(store.since(0, 9).unwrap(), [], "of what is not there nothing is told");
        store.append(&[vec![message]]).unwrap();
        let shown = store.find(target).unwrap().unwrap();
        assert_eq!((shown.message.text.as_str(), shown.edited, shown.reactions.len()), ("second", true, 1));
        assert_eq!(store.since(0, 9).unwrap().len(), 3);
    });
}

#[test]
fn nothing_of_it_is_left_in_the_files() {
    let folder = Folder::new("erased");
    let secret = "swordfish".repeat(2000);
    let mut store = disk(&folder);
    let mut signed = entry(1, 5, 0, OTHER, &[&secret, "marlinspike"]);
    signed.bytes = Bytes::from(b"narwhale".repeat(1000));
    store.append(&[vec![Record::Entry(signed), Record::Entry(entry(2, 6, 0, OWN, &["plankton"]))]]).unwrap();
    store.append(&[forget([1])]).unwrap();
    drop(store);
    let files = std::fs::read_dir(folder.path("")).unwrap().map(|file| std::fs::read(file.unwrap().path()));
    let all: Vec<u8> = files.flat_map(Result::unwrap).collect();
    let has = |word: &[u8]| all.windows(word.len()).any(|part| part == word);
    assert!(has(b"plankton"), "it is looked for where it would be");
    assert!([&b"swordfish"[..], b"marlinspike", b"narwhale"].iter().all(|word| !has(word)));
}

#[test]
fn a_full_store_can_forget_and_then_has_room() {
    let folder = Folder::new("room");
    let path = folder.path("history.db");
    let mut store = Sqlite::open(&path, OWN, 512 << 10).unwrap();
    let batch = |number: u64| {
        let words: Vec<String> = (0..400).map(|word| format!("w{}", number * 1000 + word)).collect();
        vec![Record::Entry(entry(number, number, 0, OWN, &[words.join(" ").as_str()]))]
    };
    for round in 0..3 {
        let first = round * 10_000;
        let stored = (first..).take_while(|&number| store.append(&[batch(number)]).is_ok()).count() as u64;
        assert!((20..300).contains(&stored), "round {round}: {stored}");
        assert_eq!(store.append(&[batch(first + stored)]), Err(StoreError::Full));
        for number in (first..first + stored).step_by(8) {
            assert_eq!(store.append(&[forget(number..number + 8)]), Ok(vec![]), "round {round}");
        }
    }
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size <= (512 << 10) + (1 << 20), "{size}");

    let mut memory = Memory::new(OWN, 10_000);
    assert!(memory.append(&[batch(1)]).is_ok() && memory.append(&[batch(2)]).is_ok());
    let numbers = (3..).find(|&number| memory.append(&[batch(number)]).is_err()).unwrap();
    memory.append(&[forget(1..numbers)]).unwrap();
    assert!((1..numbers).all(|number| memory.append(&[batch(number)]).is_ok()));
}

#[test]
fn how_long_rooms_are_kept_is_there_at_the_next_start_also_in_a_store_of_before() {
    let folder = Folder::new("keeps");
    disk(&folder).append(&[vec![Record::Entry(entry(1, 1, 0, OTHER, &["said"]))]]).unwrap();
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    db.execute_batch(WITHOUT_PLACES).unwrap();
    db.execute_batch(
        "DROP TABLE keeps; DROP TABLE successors; DROP INDEX messages_by_nick; DROP INDEX reactions_by_target;
         DROP INDEX changes_by_target; ALTER TABLE messages DROP COLUMN author; PRAGMA user_version = 5",
    )
    .unwrap();
    drop(db);
    let keep = |room: u8, days| StoredKeep {
        room: RoomKeyId([room; 16]),
        place: place(room),
        days: NonZeroU16::new(days),
        from: Stamp(u64::from(room) * DAY),
    };
    let records = [keep(0, 30), keep(2, 65_535), keep(1, 0)].map(Record::Keep);
    disk(&folder).append(&[records.into()]).unwrap();
    let Ok(Answer::State(state)) = disk(&folder).fetch(&Request::State) else { panic!() };
    assert_eq!(state.keeps, [keep(0, 30), keep(1, 0), keep(2, 65_535)]);
    assert_eq!(state.days.len(), 1);
}
