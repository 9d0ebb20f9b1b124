//! Rooms that take the place of others.

use chat_core::{RoomRoot, StoredAuthor, StoredPeer, StoredSuccessor};
use quickcheck::{Arbitrary as _, Gen};

use super::{super::Memory, *};
use crate::store::Search;

/// One of a small world.
pub(super) fn any(g: &mut Gen) -> StoredSuccessor {
    let byte = |g: &mut Gen| u8::arbitrary(g) % 3;
    StoredSuccessor {
        name: RoomName::new(&format!("#room{}", byte(g))).unwrap(),
        former: RoomKeyId([byte(g); 16]),
        former_root: RoomRoot::new([byte(g); 32]),
        successor: RoomKeyId([byte(g); 16]),
        root: bool::arbitrary(g).then(|| RoomRoot::new([byte(g); 32])),
        from: [OWN, PeerKey([0; 32]), PeerKey([0xff; 32])][usize::from(byte(g))],
        nick: Nick::lenient(&String::arbitrary(g)),
        without: (0..byte(g)).map(|number| PeerKey([number; 32])).collect(),
        stamp: Stamp(u64::arbitrary(g)),
        followed: bool::arbitrary(g),
    }
}

#[test]
fn what_was_said_before_we_followed_stays_in_the_history() {
    let folder = Folder::new("followed");
    let stores: [Box<dyn Store>; 2] =
        [Box::new(Memory::new(OWN, Memory::BYTES_MAX)), Box::new(disk(&folder))];
    let Place::Room(name) = place(0) else { panic!() };
    for mut store in stores {
        let former = entry(1, 1, 0, OWN, &["before"]);
        let next = StoredEntry { room: RoomKeyId([9; 16]), ..entry(2, 2, 0, OWN, &["after"]) };
        let other = StoredEntry { room: RoomKeyId([8; 16]), ..entry(3, 3, 0, OWN, &["elsewhere"]) };
        let mut known = any(&mut Gen::new(5));
        (known.former, known.successor, known.followed) = (former.room, next.room, false);
        let (id, root) = (Some(next.room), known.root.clone());
        let room = StoredRoom { name: name.clone(), joined: true, floor: Stamp(0), id, root };
        let entries = [former, next, other].map(Record::Entry);
        store.append(&[entries.into_iter().chain([Record::Room(room)]).collect()]).unwrap();
        let mut said = |known: &StoredSuccessor| {
            store.append(&[vec![Record::Successor(Box::new(known.clone()))]]).unwrap();
            let cursors = store.history(&place(0), 9, None).unwrap().unwrap();
            let text = |shown: Shown| shown.message.text.clone();
            let history: Vec<_> = store.shown(&cursors).unwrap().into_iter().map(text).collect();
            let (place, since) = (Some(place(0)), Stamp(0));
            let search = Search { words: Vec::new(), from: None, place, since, limit: 9 };
            let found: Vec<_> = store.search(&search).unwrap().into_iter().map(text).collect();
            assert_eq!(history, found);
            history
        };
        assert_eq!(said(&known), ["after"]);
        known.followed = true;
        assert_eq!(said(&known), ["before", "after"]);
    }
}

#[test]
fn authors_come_with_what_is_known_to_reach_them_by() {
    let folder = Folder::new("authors");
    let stores: [Box<dyn Store>; 2] =
        [Box::new(Memory::new(OWN, Memory::BYTES_MAX)), Box::new(disk(&folder))];
    for mut store in stores {
        let [one, two] = [3, 4].map(|byte| PeerKey([byte; 32]));
        let (nick, seen) = (Nick::new("bo").unwrap(), UnixMillis(1));
        let peer = StoredPeer { key: two, nick, direct: [5; 32], addresses: Vec::new(), seen };
        let said = [entry(1, 9, 0, one, &[]), entry(2, 5, 0, two, &[]), entry(3, 7, 0, one, &[])];
        let elsewhere = entry(4, 1, 1, OWN, &[]);
        let entries = said.into_iter().chain([elsewhere]).map(Record::Entry);
        store.append(&[entries.chain([Record::Peer(peer)]).collect()]).unwrap();
        let room = RoomKeyId([0; 16]);
        let expected = [(one, None), (two, Some([5; 32]))].map(|(key, direct)| StoredAuthor { key, direct });
        assert_eq!(store.fetch(&Request::Authors { room }), Ok(Answer::Authors(expected.into())));
    }
}
