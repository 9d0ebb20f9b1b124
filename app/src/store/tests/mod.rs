//! What is stored is found again; both stores against each other, and the one on disk against harm.

use std::sync::Arc;

use bytes::Bytes;
use chat_core::{
    Answer, BootId, EntryId, FileName, Message, MessageId, Nick, Offer, PeerKey, Place, Record, Request,
    RoomKeyId, RoomName, Stamp, StoredEntry, StoredRoom, UnixMillis,
};

use super::{Shown, Sqlite, Store};
use crate::testing::Folder;

mod alike;
pub(crate) mod changes;
mod forgets;
mod harm;
mod many;
mod places;
mod search;
mod successors;
mod trust;

const OWN: PeerKey = PeerKey([1; 32]);

/// Takes back what the last layout added.
const WITHOUT_PLACES: &str = "
DROP INDEX entries_by_claim;
DROP INDEX entries_by_stamp;
ALTER TABLE entries DROP COLUMN claimed;
CREATE INDEX entries_by_stamp ON entries (conversation, stamp, id);
";

fn disk(folder: &Folder) -> Sqlite {
    Sqlite::open(&folder.path("history.db"), OWN, Sqlite::BYTES_MAX).unwrap()
}

pub(crate) fn id(number: u64) -> EntryId {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    EntryId(bytes)
}

fn place(number: u8) -> Place {
    match number % 3 {
        2 => Place::Direct(PeerKey([7; 32])),
        number => Place::Room(RoomName::new(&format!("#room{number}")).unwrap()),
    }
}

/// An entry that says `texts`.
pub(crate) fn entry(number: u64, stamp: u64, room: u8, author: PeerKey, texts: &[&str]) -> StoredEntry {
    let place = place(room);
    let say = |(item, text): (usize, &&str)| Message {
        id: MessageId { entry: id(number), item: u16::try_from(item).unwrap() },
        place: place.clone(),
        from: author,
        boot: BootId(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        nick: Nick::new(if number.is_multiple_of(2) { "zo\u{eb} b" } else { "?" }).unwrap(),
        text: (*text).to_string(),
        action: number.is_multiple_of(3),
        reply: number.is_multiple_of(5).then(|| MessageId { entry: id(number / 2), item: 700 }),
        file: number.is_multiple_of(4).then(|| {
            let name = FileName::lenient(text);
            Box::new(Offer { name, size: number, hash: [9; 32], folder: number.is_multiple_of(8) })
        }),
        sent: UnixMillis(stamp.wrapping_mul(3)),
        stamp: Stamp(stamp),
        late: number.is_multiple_of(7),
        own: author == OWN,
    };
    StoredEntry {
        room: RoomKeyId([room % 3; 16]),
        place: place.clone(),
        id: id(number),
        stamp: Stamp(stamp),
        placed: Stamp(stamp),
        author,
        bytes: Bytes::from(number.to_be_bytes().repeat(5)),
        messages: texts.iter().enumerate().map(say).map(Arc::new).collect(),
        changes: Vec::new(),
    }
}

#[test]
fn a_duplicate_changes_nothing() {
    let folder = Folder::new("duplicate");
    let mut store = disk(&folder);
    let said = Record::Entry(entry(1, 5, 0, OWN, &["one", "two"]));
    let fresh = store.append(&[vec![said.clone(), said.clone()], vec![said.clone()]]).unwrap();
    assert_eq!(fresh.iter().map(|fresh| fresh.told.cursor()).collect::<Vec<_>>(), [1, 2]);
    let before = store.fetch(&Request::State);
    assert_eq!(store.append(&[vec![said]]), Ok(vec![]));
    assert_eq!(store.fetch(&Request::State), before);
    let Ok(Answer::State(state)) = before else { panic!() };
    assert_eq!(state.days[0].sum.count, 1);
    assert_eq!(state.own[0].id, id(1));
}

#[test]
fn history_pages_backwards_in_the_order_of_the_room() {
    let folder = Folder::new("history");
    let mut store = disk(&folder);
    // They arrive in another order than they were said in.
    for number in [3, 1, 5, 2, 4] {
        store.append(&[vec![Record::Entry(entry(number, number, 0, OWN, &["a", "b"]))]]).unwrap();
    }
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let page = store.history(&place(0), 3, before).unwrap().unwrap();
        let page = store.shown(&page).unwrap();
        let Some(first) = page.first() else { break };
        before = Some(first.message.id);
        seen.splice(0..0, page.iter().map(|shown| (shown.message.stamp.0, shown.message.id.item)));
    }
    assert_eq!(seen, (1..=5).flat_map(|stamp| [(stamp, 0), (stamp, 1)]).collect::<Vec<_>>());
    assert_eq!(store.history(&place(0), 3, Some(MessageId { entry: id(9), item: 0 })), Ok(None));
}

#[test]
fn of_two_rooms_of_one_name_the_history_is_that_of_the_one_that_is_meant() {
    let folder = Folder::new("namesakes");
    let stores: [Box<dyn Store>; 2] =
        [Box::new(super::Memory::new(OWN, super::Memory::BYTES_MAX)), Box::new(disk(&folder))];
    for mut store in stores {
        let open = entry(1, 1, 0, OWN, &["in the open room"]);
        let private =
            StoredEntry { room: RoomKeyId([9; 16]), ..entry(2, 2, 0, OWN, &["in the private one"]) };
        let (in_open, in_private) = (open.room, private.room);
        store.append(&[vec![Record::Entry(open), Record::Entry(private)]]).unwrap();
        let mut shown = |id: Option<RoomKeyId>| {
            let Place::Room(name) = place(0) else { panic!() };
            let room = StoredRoom { name, joined: true, floor: Stamp(0), id, root: None };
            store.append(&[vec![Record::Room(room)]]).unwrap();
            let cursors = store.history(&place(0), 9, None).unwrap().unwrap();
            let shown = store.shown(&cursors).unwrap();
            shown.into_iter().map(|shown| shown.message.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(shown(Some(in_open)), ["in the open room"]);
        assert_eq!(shown(Some(in_private)), ["in the private one"]);
        assert_eq!(shown(None).len(), 2, "stored before rooms were told apart");
    }
}

#[test]
fn words_are_found_again() {
    let folder = Folder::new("words");
    let mut store = disk(&folder);
    store.append(&[vec![Record::Entry(entry(1, 1, 0, OWN, &["a na\u{ef}ve plan", "other"]))]]).unwrap();
    drop(store);
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    let find = "SELECT m.cursor FROM words w JOIN messages m ON m.cursor = w.rowid WHERE words MATCH 'naive'";
    assert_eq!(db.query_row(find, [], |row| row.get::<_, i64>(0)), Ok(1));
}
