//! Both stores against each other: what is in memory answers as what is on disk does.

use std::{collections::BTreeSet, num::NonZeroU16};

use chat_core::{Forgotten, RoomRoot, StoreError, StoredKeep, StoredPeer, StoredRoom, StoredTrust, Trust};
use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::{
    super::{DAY, Memory},
    *,
};

fn peer(key: PeerKey, seen: u64) -> StoredPeer {
    let (nick, seen) = (Nick::new("bo").unwrap(), UnixMillis(seen));
    StoredPeer { key, nick, direct: [0; 32], addresses: Vec::new(), seen }
}

/// A record that quickcheck makes up: from a small world, so that there are duplicates and ties.
#[derive(Clone, Debug)]
struct Any(Record);

impl Arbitrary for Any {
    fn arbitrary(g: &mut Gen) -> Self {
        let byte = |g: &mut Gen| u8::arbitrary(g);
        let stamps = [0, 1, DAY - 1, DAY, 1 << 63, u64::MAX, u64::from(byte(g)) * DAY / 3];
        let authors = [OWN, PeerKey([0; 32]), PeerKey([0xff; 32])];
        Self(match byte(g) % 14 {
            13 => {
                Record::Settle(RoomKeyId([byte(g) % 3; 16]), (0..64).map(|number| id(number + 80)).collect())
            }
            0 => Record::Nick(Nick::lenient(&String::arbitrary(g))),
            1 => Record::Room(StoredRoom {
                name: RoomName::new(&format!("#room{}", byte(g) % 3)).unwrap(),
                joined: bool::arbitrary(g),
                floor: Stamp(u64::arbitrary(g)),
                id: bool::arbitrary(g).then(|| RoomKeyId([byte(g) % 3; 16])),
                root: bool::arbitrary(g).then(|| RoomRoot::new([byte(g); 32])),
            }),
            2 => Record::Peer(StoredPeer {
                key: PeerKey([byte(g) % 8; 32]),
                nick: Nick::lenient(&String::arbitrary(g)),
                direct: [byte(g); 32],
                addresses: ["10.0.0.1:27182", "[fe80::1%3]:27182", "[::1]:1"][..usize::from(byte(g) % 4)]
                    .iter()
                    .map(|text| text.parse().unwrap())
                    .collect(),
                seen: UnixMillis(*g.choose(&stamps).unwrap()),
            }),
            3 | 4 => {
                let (number, stamp) = (100 + u64::from(byte(g)), *g.choose(&stamps).unwrap());
                let (room, author) = (byte(g), *g.choose(&authors).unwrap());
                let entry = changes::change(number, stamp, room, author, changes::any(g));
                let stamp = if byte(g) % 4 == 0 { Stamp(*g.choose(&stamps).unwrap()) } else { entry.stamp };
                Record::Entry(StoredEntry { stamp, ..entry })
            }
            6 => Record::Keep(StoredKeep {
                room: RoomKeyId([byte(g) % 3; 16]),
                place: place(byte(g)),
                days: NonZeroU16::new(byte(g).into()),
                from: Stamp(*g.choose(&stamps).unwrap()),
            }),
            7 => Record::Forget(Forgotten {
                room: RoomKeyId([byte(g) % 3; 16]),
                ids: (0..byte(g) % 64)
                    .map(|_| id([0, 100][usize::from(byte(g) % 2)] + u64::from(byte(g) % 64)))
                    .collect(),
            }),
            8 => Record::Successor(Box::new(successors::any(g))),
            9 => Record::NoSuccessor(RoomKeyId([byte(g) % 3; 16]), *g.choose(&authors).unwrap()),
            5 => Record::Trust(StoredTrust {
                key: *g.choose(&authors).unwrap(),
                trust: Trust { verified: bool::arbitrary(g), blocked: bool::arbitrary(g), muted: false },
            }),
            _ => {
                let texts: Vec<String> = (0..byte(g) % 3).map(|_| String::arbitrary(g)).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let number = u64::from(byte(g) % 64);
                let room = byte(g);
                let (stamp, author) = (*g.choose(&stamps).unwrap(), *g.choose(&authors).unwrap());
                let entry = entry(number, stamp, room, author, &texts);
                let stamp = if byte(g) % 4 == 0 { Stamp(*g.choose(&stamps).unwrap()) } else { entry.stamp };
                Record::Entry(StoredEntry { stamp, ..entry })
            }
        })
    }
}

/// Batches that are appended together.
type Transaction = Vec<Vec<Any>>;

#[test]
fn memory_answers_like_the_disk() {
    fn alike(batches: Vec<Transaction>, before: u8, cursor: u8, limit: u8, reopen: bool) -> bool {
        let folder = Folder::new("alike");
        let (mut memory, mut kept) = (Memory::new(OWN, Memory::BYTES_MAX), disk(&folder));
        for transaction in batches {
            let transaction: Vec<Vec<Record>> =
                transaction.into_iter().map(|batch| batch.into_iter().map(|any| any.0).collect()).collect();
            assert_eq!(memory.append(&transaction), kept.append(&transaction));
            if reopen {
                drop(kept);
                kept = disk(&folder);
            }
        }
        assert_eq!(memory.fetch(&Request::State), kept.fetch(&Request::State));
        for number in 0..3 {
            let room = RoomKeyId([number; 16]);
            let ids = (0..64).rev().map(id).collect();
            let wanted = Request::Entries { room, ids };
            assert_eq!(memory.fetch(&wanted), kept.fetch(&wanted));
            for (from, to) in [(0, u64::MAX), (1, DAY), (DAY, 1 << 63), (u64::MAX, 0)] {
                let wanted = Request::Ids { room, from: Stamp(from), to: Stamp(to) };
                assert_eq!(memory.fetch(&wanted), kept.fetch(&wanted));
            }
            let wanted = Request::Authors { room };
            assert_eq!(memory.fetch(&wanted), kept.fetch(&wanted));
            let known = MessageId { entry: id(u64::from(before)), item: 0 };
            for before in [None, Some(known)] {
                let (one, other) = (
                    memory.history(&place(number), limit.into(), before).unwrap(),
                    kept.history(&place(number), limit.into(), before).unwrap(),
                );
                assert_eq!(one, other);
                let cursors = one.unwrap_or_default();
                assert_eq!(memory.shown(&cursors), kept.shown(&cursors));
            }
        }
        let since = |store: &mut dyn Store| store.since(cursor.into(), limit.into());
        assert_eq!(since(&mut memory), since(&mut kept));
        for place in [None, Some(&place(0)), Some(&place(2))] {
            assert_eq!(memory.latest(place, limit.into()), kept.latest(place, limit.into()));
        }
        let wanted = MessageId { entry: id(u64::from(before) % 8), item: 0 };
        assert_eq!(memory.find(wanted), kept.find(wanted));
        assert_eq!(memory.topics(), kept.topics());
        assert_eq!(memory.newest(), kept.newest());
        assert_eq!(memory.known(), kept.known());
        true
    }
    let check: fn(Vec<Transaction>, u8, u8, u8, bool) -> bool = alike;
    QuickCheck::new().rng(Gen::new(10)).tests(60).quickcheck(check);
}

#[test]
fn a_duplicate_elsewhere_begins_no_conversation() {
    let folder = Folder::new("elsewhere");
    let with = PeerKey([7; 32]);
    let first = entry(1, 5, 0, OWN, &["one"]);
    let again = StoredEntry { room: RoomKeyId([2; 16]), place: Place::Direct(with), ..first.clone() };
    let stores: [Box<dyn Store>; 2] =
        [Box::new(Memory::new(OWN, Memory::BYTES_MAX)), Box::new(disk(&folder))];
    for mut store in stores {
        let records =
            vec![Record::Peer(peer(with, 1)), Record::Entry(first.clone()), Record::Entry(again.clone())];
        store.append(&[records]).unwrap();
        assert!(store.known().unwrap().iter().all(|known| !known.talked));
    }
}

#[test]
fn a_crowd_of_strangers_pushes_no_friend_out() {
    let folder = Folder::new("crowd");
    let [friend, author, writer] = [7, 8, 9].map(|byte| PeerKey([byte; 32]));
    let direct = |with: PeerKey, said: StoredEntry| {
        let room = RoomKeyId(*with.0.first_chunk().unwrap());
        Record::Entry(StoredEntry { room, place: Place::Direct(with), ..said })
    };
    let stranger = |number: u32| {
        let mut key = [0xee; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        Record::Peer(peer(PeerKey(key), 1000 + u64::from(number)))
    };
    let stores: [Box<dyn Store>; 2] =
        [Box::new(Memory::new(OWN, Memory::BYTES_MAX)), Box::new(disk(&folder))];
    for mut store in stores {
        let said = vec![
            Record::Entry(entry(1, 5, 0, author, &["in the room"])),
            direct(friend, entry(2, 6, 2, OWN, &["to a friend"])),
            direct(writer, entry(3, 7, 2, writer, &["buy this"])),
        ];
        let met = [friend, writer, author].map(|key| Record::Peer(peer(key, u64::from(key.0[0]))));
        store.append(&[met.into(), said]).unwrap();
        store.append(&[(0..4200).map(stranger).collect()]).unwrap();
        let known = store.known().unwrap();
        let first: Vec<_> = known.iter().take(3).map(|known| (known.peer.key, known.talked)).collect();
        assert_eq!(first, [(friend, true), (writer, false), (author, false)]);
        assert_eq!(known.len(), 4096);
        let seen: BTreeSet<_> = known[3..].iter().map(|known| known.peer.seen.0).collect();
        assert_eq!((seen.first(), seen.last()), (Some(&(1000 + 4200 - 4093)), Some(&5199)), "the latest");
        let Ok(Answer::State(state)) = store.fetch(&Request::State) else { panic!() };
        assert_eq!((state.peers.len(), state.peers[0].key, state.peers[2].key), (256, friend, author));
    }
}

#[test]
fn a_full_store_says_so_and_keeps_what_it_has() {
    let folder = Folder::new("full");
    let path = folder.path("history.db");
    let mut store = Sqlite::open(&path, OWN, 400 << 10).unwrap();
    let batch =
        |number: u64| vec![vec![Record::Entry(entry(number, number, 0, OWN, &["x".repeat(4000).as_str()]))]];
    let stored = (0..1000).take_while(|&number| store.append(&batch(number)).is_ok()).count();
    assert!((10..100).contains(&stored), "{stored}");
    assert_eq!(store.append(&batch(stored as u64)), Err(StoreError::Full));
    assert_eq!(store.newest(), Ok(stored as u64));
    drop(store);
    let mut store = disk(&folder);
    assert_eq!(store.newest(), Ok(stored as u64));
    assert!(store.append(&batch(1000)).is_ok());

    let mut memory = Memory::new(OWN, 10_000);
    assert!(memory.append(&batch(1)).is_ok());
    assert_eq!(memory.append(&[batch(2).remove(0), batch(3).remove(0)]), Err(StoreError::Full));
    assert_eq!(memory.newest(), Ok(1));
    assert_eq!(memory.append(&batch(1)), Ok(vec![]), "a duplicate needs no room");
}
