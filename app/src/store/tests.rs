//! Both stores against each other, and the one on disk against whatever may happen to it.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bytes::Bytes;
use chat_core::{
    Answer, BootId, EntryId, Message, MessageId, Nick, PeerKey, Place, Record, Request, RoomKeyId, RoomName,
    Stamp, StoreError, StoredEntry, StoredPeer, StoredRoom, UnixMillis,
};
use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::{DAY, Memory, OpenError, Sqlite, Store};
use crate::testing::Folder;

const OWN: PeerKey = PeerKey([1; 32]);

fn disk(folder: &Folder) -> Sqlite {
    Sqlite::open(&folder.path("history.db"), OWN, Sqlite::BYTES_MAX).unwrap()
}

fn id(number: u64) -> EntryId {
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
fn entry(number: u64, stamp: u64, room: u8, author: PeerKey, texts: &[&str]) -> StoredEntry {
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
        author,
        bytes: Bytes::from(number.to_be_bytes().repeat(5)),
        messages: texts.iter().enumerate().map(say).collect(),
    }
}

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
        Self(match byte(g) % 6 {
            0 => Record::Nick(Nick::lenient(&String::arbitrary(g))),
            1 => Record::Room(StoredRoom {
                name: RoomName::new(&format!("#{}", byte(g) % 4)).unwrap(),
                joined: bool::arbitrary(g),
                floor: Stamp(u64::arbitrary(g)),
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
            _ => {
                let texts: Vec<String> = (0..byte(g) % 3).map(|_| String::arbitrary(g)).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let number = u64::from(byte(g) % 64);
                let room = byte(g);
                let (stamp, author) = (*g.choose(&stamps).unwrap(), *g.choose(&authors).unwrap());
                Record::Entry(entry(number, stamp, room, author, &texts))
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
fn a_store_of_before_gets_the_index_of_authors() {
    let folder = Folder::new("index");
    drop(disk(&folder));
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    db.execute_batch("DROP INDEX entries_by_author").unwrap();
    let has = || {
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'entries_by_author'", [], |row| {
            row.get(0)
        })
    };
    assert_eq!(has(), Ok(0));
    drop(disk(&folder));
    assert_eq!(has(), Ok(1));
}

#[test]
fn a_duplicate_changes_nothing() {
    let folder = Folder::new("duplicate");
    let mut store = disk(&folder);
    let said = Record::Entry(entry(1, 5, 0, OWN, &["one", "two"]));
    let fresh = store.append(&[vec![said.clone(), said.clone()], vec![said.clone()]]).unwrap();
    assert_eq!(fresh.iter().map(|fresh| fresh.cursor).collect::<Vec<_>>(), [1, 2]);
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
fn words_are_found_again() {
    let folder = Folder::new("words");
    let mut store = disk(&folder);
    store.append(&[vec![Record::Entry(entry(1, 1, 0, OWN, &["a na\u{ef}ve plan", "other"]))]]).unwrap();
    drop(store);
    let db = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    let find = "SELECT m.cursor FROM words w JOIN messages m ON m.cursor = w.rowid WHERE words MATCH 'naive'";
    assert_eq!(db.query_row(find, [], |row| row.get::<_, i64>(0)), Ok(1));
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
    assert_eq!(store.append(&batch(999)), Err(StoreError::Full));
    assert_eq!(store.newest(), Ok(stored as u64));
    drop(store);
    let mut store = disk(&folder);
    assert_eq!(store.newest(), Ok(stored as u64));
    assert!(store.append(&batch(999)).is_ok());

    let mut memory = Memory::new(OWN, 10_000);
    assert!(memory.append(&batch(1)).is_ok());
    assert_eq!(memory.append(&[batch(2).remove(0), batch(3).remove(0)]), Err(StoreError::Full));
    assert_eq!(memory.newest(), Ok(1));
    assert_eq!(memory.append(&batch(1)), Ok(vec![]), "a duplicate needs no room");
}

#[test]
fn a_damaged_store_is_refused_and_left_alone() {
    let folder = Folder::new("damaged");
    let path = folder.path("history.db");
    let mut store = disk(&folder);
    for number in 0..200 {
        store
            .append(&[vec![Record::Entry(entry(number, number, 0, OWN, &["x".repeat(500).as_str()]))]])
            .unwrap();
    }
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], why: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = Sqlite::open(&path, OWN, Sqlite::BYTES_MAX).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{why}: {error}");
        assert!(std::fs::read(&path).unwrap() == bytes, "{why}: touched");
    };
    refused(b"SQLite format 3\0 and no more", "cut in the header");
    refused(b"my diary", "a text");
    refused(&whole[..whole.len() / 2], "cut in the middle");
    let mut newer = whole.clone();
    newer[63] = 99;
    refused(&newer, "from the future");
    let mut foreign = whole.clone();
    foreign[68..72].fill(0);
    refused(&foreign, "of another program");
    // Whole pages of noise: the schema, and then each tenth page.
    for page in (0..whole.len() / 4096).step_by(10) {
        let mut bytes = whole.clone();
        let start = if page == 0 { 100 } else { page * 4096 };
        bytes[start..(page + 1) * 4096].fill(0x5a);
        refused(&bytes, &format!("noise in page {page}"));
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(disk(&folder).newest(), Ok(200));
}

#[test]
fn a_damaged_store_keeps_its_log_too() {
    let folder = Folder::new("damaged-log");
    let path = folder.path("history.db");
    let log = folder.path("history.db-wal");
    let mut store = disk(&folder);
    let say = |number, text: &str| [vec![Record::Entry(entry(number, number, 0, OWN, &[text]))]];
    (0..50).for_each(|number| drop(store.append(&say(number, &"x".repeat(900)))));
    drop(store);
    // The last words are only in the log, as after a kill.
    let mut store = disk(&folder);
    store.append(&say(99, "in the log")).unwrap();
    let (mut file, wal) = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
    drop(store);
    assert!(!wal.is_empty() && file.len() > 10 * 4096);
    for page in file.chunks_mut(4096).skip(1) {
        page.fill(0x5a);
    }
    std::fs::write(&path, &file).unwrap();
    std::fs::write(&log, &wal).unwrap();
    let error = Sqlite::open(&path, OWN, Sqlite::BYTES_MAX).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(std::fs::read(&path).unwrap() == file, "the file was touched");
    assert!(std::fs::read(&log).unwrap() == wal, "the log was touched");
}

#[test]
#[cfg(unix)]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("private");
    let mut store = disk(&folder);
    store.append(&[vec![Record::Nick(Nick::new("ana").unwrap())]]).unwrap();
    for name in ["history.db", "history.db-wal", "history.db-shm"] {
        let mode = std::fs::metadata(folder.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

/// What [`what_was_acknowledged_survives_a_kill`] runs in a process of its own.
fn append_for_ever(path: &Path) -> ! {
    let mut store = Sqlite::open(path, OWN, Sqlite::BYTES_MAX).unwrap();
    for number in 0.. {
        let records = (0..3).map(|part| Record::Entry(entry(number * 3 + part, number, 0, OWN, &["text"])));
        store.append(&[records.collect()]).unwrap();
        println!("acknowledged {number}");
    }
    unreachable!()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    const CHILD: &str = "CHAT_TEST_APPEND_TO";
    if let Some(path) = std::env::var_os(CHILD) {
        append_for_ever(&PathBuf::from(path));
    }
    let folder = Folder::new("kill");
    let mut acknowledged = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::what_was_acknowledged_survives_a_kill", "--nocapture"])
            .env(CHILD, folder.path("history.db"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        // Everything up to some point in the middle of an append; then what was still in the pipe.
        acknowledged = acknowledged.max(said.nth(20 * round).expect("the child appends"));
        child.kill().unwrap();
        acknowledged = acknowledged.max(said.max().unwrap_or(0));
        child.wait().unwrap();

        let mut store = disk(&folder);
        let wanted = Request::Ids { room: RoomKeyId([0; 16]), from: Stamp(0), to: Stamp(u64::MAX) };
        let Ok(Answer::Ids(ids)) = store.fetch(&wanted) else { panic!() };
        let ids: BTreeSet<EntryId> = ids.into_iter().map(|(_, id)| id).collect();
        assert!((0..=acknowledged * 3 + 2).all(|number| ids.contains(&id(number))), "{acknowledged}");
        assert_eq!(ids.len() % 3, 0, "a batch is there whole or not at all");
        let Ok(Answer::State(state)) = store.fetch(&Request::State) else { panic!() };
        assert_eq!(state.days[0].sum.count, ids.len() as u64, "the sum goes with its entries");
    }
}
