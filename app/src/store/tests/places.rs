//! Entries that claim an absurd stamp stand where they came, and are compared with others by what they claim.

use chat_core::{Forgotten, StoredStray, Topic, What};

use super::{changes::change, *};
use crate::store::{DAY, Memory};

const OTHER: PeerKey = PeerKey([9; 32]);
/// The year 9999.
const FAR: u64 = 253_370_764_800_000_000;

fn each(test: impl Fn(&mut dyn Store)) {
    let folder = Folder::new("places");
    test(&mut disk(&folder));
    test(&mut Memory::new(OWN, Memory::BYTES_MAX));
}

/// The same as if it had come with this stamp, and stands where it did.
fn claims(entry: StoredEntry, stamp: u64) -> Record {
    Record::Entry(StoredEntry { stamp: Stamp(stamp), ..entry })
}

fn ids(store: &mut dyn Store, from: u64, to: u64) -> Vec<(Stamp, EntryId)> {
    let what = Request::Ids { room: RoomKeyId([0; 16]), from: Stamp(from), to: Stamp(to) };
    let Ok(Answer::Ids(ids)) = store.fetch(&what) else { panic!() };
    ids
}

fn state(store: &mut dyn Store) -> chat_core::State {
    let Ok(Answer::State(state)) = store.fetch(&Request::State) else { panic!() };
    state
}

#[test]
fn what_is_said_after_it_is_the_latest() {
    each(|store| {
        let far = claims(entry(1, 5 * DAY, 0, OTHER, &["of the future"]), FAR);
        let said = Record::Entry(entry(2, 5 * DAY + 1, 0, OTHER, &["now"]));
        store.append(&[vec![far, said]]).unwrap();
        let texts = |store: &mut dyn Store, limit| -> Vec<String> {
            let cursors = store.history(&place(0), limit, None).unwrap().unwrap();
            store.shown(&cursors).unwrap().iter().map(|shown| shown.message.text.clone()).collect()
        };
        assert_eq!(texts(store, 1), ["now"]);
        assert_eq!(texts(store, 9), ["of the future", "now"]);
    });
}

#[test]
fn nobody_has_the_last_word_about_a_room_until_the_year_9999() {
    each(|store| {
        let topic = |text| What::Topic(Topic::new(text).unwrap());
        store.append(&[vec![claims(change(1, 5 * DAY, 0, OTHER, topic("mine for ever")), FAR)]]).unwrap();
        let fresh =
            store.append(&[vec![Record::Entry(change(2, 5 * DAY + 1, 0, OWN, topic("tea")))]]).unwrap();
        assert_eq!(fresh.len(), 1, "it is told of");
        assert_eq!(store.topics().unwrap()[&place(0)].as_str(), "tea");
    });
}

#[test]
fn others_are_told_of_it_by_what_it_claims() {
    each(|store| {
        let far = claims(entry(1, 5 * DAY, 0, OTHER, &["of the future"]), FAR);
        store.append(&[vec![far, Record::Entry(entry(2, 5 * DAY + 1, 0, OTHER, &["now"]))]]).unwrap();
        assert_eq!(ids(store, 5 * DAY, 6 * DAY), [(Stamp(5 * DAY + 1), id(2))]);
        assert_eq!(ids(store, FAR, FAR + 1), [(Stamp(FAR), id(1))]);
        let days: Vec<_> = state(store).days.iter().map(|day| (day.day, day.newest)).collect();
        assert_eq!(days, [(5, Stamp(5 * DAY + 1)), ((FAR / DAY) as u32, Stamp(FAR))]);
        let room = RoomKeyId([0; 16]);
        let stray = StoredStray { room, id: id(1), stamp: Stamp(FAR), author: OTHER, placed: Stamp(5 * DAY) };
        assert_eq!(state(store).strays, [stray]);
        store.append(&[vec![Record::Forget(Forgotten { room, ids: vec![id(1)] })]]).unwrap();
        assert_eq!((state(store).strays.len(), state(store).days.len()), (0, 1));
    });
}

#[test]
fn whose_time_has_come_stands_at_its_stamp() {
    each(|store| {
        let topic = |number, author, text| {
            change(number, 5 * DAY + number, 0, author, What::Topic(Topic::new(text).unwrap()))
        };
        let early = [entry(1, 5 * DAY, 0, OTHER, &["early"]), topic(3, OTHER, "early")];
        let early = early.map(|entry| claims(entry, 7 * DAY)).to_vec();
        let others =
            vec![Record::Entry(entry(2, 6 * DAY, 0, OTHER, &["said"])), Record::Entry(topic(4, OWN, "tea"))];
        store.append(&[early, others]).unwrap();
        let latest = |store: &mut dyn Store| {
            let cursors = store.history(&place(0), 1, None).unwrap().unwrap();
            let shown = store.shown(&cursors).unwrap().remove(0);
            (shown.message.text.clone(), shown.message.stamp)
        };
        assert_eq!(latest(store), ("said".into(), Stamp(6 * DAY)));
        store.append(&[vec![Record::Settle(RoomKeyId([1; 16]), vec![id(1)])]]).unwrap();
        assert_eq!(state(store).strays.len(), 2, "of another room");
        store.append(&[vec![Record::Settle(RoomKeyId([0; 16]), vec![id(1), id(2), id(3), id(9)])]]).unwrap();
        assert_eq!(latest(store), ("early".into(), Stamp(7 * DAY)));
        assert_eq!(store.topics().unwrap()[&place(0)].as_str(), "early");
        assert_eq!((state(store).strays.len(), ids(store, 7 * DAY, 8 * DAY).len()), (0, 2));
        store
            .append(&[vec![Record::Forget(Forgotten { room: RoomKeyId([0; 16]), ids: vec![id(1), id(3)] })]])
            .unwrap();
        assert_eq!(latest(store).0, "said");
        assert_eq!(state(store).days.len(), 2);
    });
}

#[test]
fn a_store_of_before_learns_it() {
    let folder = Folder::new("places-before");
    disk(&folder).append(&[vec![Record::Entry(entry(1, 5, 0, OTHER, &["said"]))]]).unwrap();
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    db.execute_batch(WITHOUT_PLACES).unwrap();
    db.execute_batch("PRAGMA user_version = 10").unwrap();
    drop(db);
    let mut store = disk(&folder);
    store.append(&[vec![claims(entry(2, 6, 0, OTHER, &["of the future"]), FAR)]]).unwrap();
    assert_eq!(ids(&mut store, 0, DAY), [(Stamp(5), id(1))]);
    assert_eq!(store.history(&place(0), 9, None).unwrap().unwrap().len(), 2);
}
