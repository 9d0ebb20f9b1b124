//! The file: what is written can be read, and whatever else is read does no harm.

use std::{cell::RefCell, io::Read, sync::mpsc};

use bytes::Bytes;
use chat_core::{Answer, Bundle, EntryId, PeerKey, Place, Record, RoomKeyId, RoomName, Stamp, StoredEntry};
use quickcheck::quickcheck;

use super::{
    format::{Flaw, MAGIC, PIECE_MAX, Piece, Reader, Writer},
    import::{Part, read},
    *,
};
use crate::{
    store::{Memory, Store as _},
    testing::Folder,
};

/// What `docs/PROTOCOL.md` has of the file.
const PAGE: &str = include_str!("../../../docs/PROTOCOL.md");
const ROOM: RoomKeyId = RoomKeyId([7; 16]);

fn file(entries: &[&[u8]]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.room(ROOM, RoomName::new("#ops").ok().as_ref()).unwrap();
    entries.iter().for_each(|entry| writer.entry(entry).unwrap());
    writer.end().unwrap()
}

/// The pieces up to the end, or to what is wrong.
fn pieces(bytes: &[u8]) -> (Vec<Piece>, Option<String>) {
    let mut reader = match Reader::new(bytes, 1 << 30) {
        Ok(reader) => reader,
        Err(flaw) => return (Vec::new(), Some(flaw.to_string())),
    };
    let mut pieces = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(piece)) => pieces.push(piece),
            Ok(None) => return (pieces, None),
            Err(flaw) => return (pieces, Some(flaw.to_string())),
        }
    }
}

/// What an import reads of it.
fn bundles(from: impl Read, most: u64) -> (Vec<Bundle>, Result<(), Flaw>) {
    let (more, wanted) = mpsc::channel();
    (0..1000).for_each(|_| more.send(()).unwrap());
    let bundles = RefCell::new(Vec::new());
    let put = |part| {
        if let Part::Bundle(bundle) = part {
            bundles.borrow_mut().push(bundle);
        }
        true
    };
    let end = read(from, most, &wanted, &put);
    (bundles.into_inner(), end)
}

#[test]
fn the_file_is_as_the_page_has_it() {
    let hex: String = file(&[b"signed bytes", b"more"]).iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("export ")).collect();
    assert_eq!(lines, [format!("export of #ops as 07.., two entries = {hex}")]);
}

quickcheck! {
    fn what_is_written_is_read(entries: Vec<Vec<u8>>) -> bool {
        let bytes = file(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let room = Piece::Room(ROOM, RoomName::new("#ops").ok());
        let read = entries.iter().map(|entry| Piece::Entry(Bytes::from(entry.clone())));
        let all = [room].into_iter().chain(read).chain([Piece::End(entries.len() as u64)]);
        pieces(&bytes) == (all.collect(), None)
    }

    fn no_bytes_do_harm(bytes: Vec<u8>, with_magic: bool) -> bool {
        let magic: &[u8] = if with_magic { MAGIC } else { b"" };
        // Whatever comes of it; but it says that it is none.
        pieces(&[magic, &bytes].concat()).1.is_some()
    }

    fn what_comes_before_a_cut_counts(at: usize) -> bool {
        let bytes = file(&[b"one", b"two", b"three"]);
        let at = MAGIC.len() + at % (bytes.len() - MAGIC.len());
        let (read, flaw) = pieces(&bytes[..at]);
        let (all, _) = pieces(&bytes);
        read == all[..read.len()] && read.len() < all.len() && flaw.unwrap().contains("cut off")
    }
}

#[test]
fn what_is_no_such_file_is_named() {
    let flaw = |bytes: &[u8]| pieces(bytes).1.unwrap();
    assert!(flaw(b"").contains("no export") && flaw(b"p2p-chat").contains("no export"));
    assert!(flaw(&[0x89; 4000]).contains("no export"));
    assert!(flaw(b"p2p-chat export 2\nwhatever").contains("a version"));
    assert!(flaw(b"SQLite format 3\0 and so on").contains("a history itself"));
    // Too long a piece, one that is missing, and one that nobody knows yet.
    let whole = file(&[b"one", b"two"]);
    let first = MAGIC.len() + 5 + 16 + 4;
    let mut long = whole.clone();
    long[first + 1] = 1;
    let (read, why) = pieces(&long);
    assert_eq!(read.len(), 1);
    assert!(why.unwrap().contains("16777219 bytes"), "its length is not even read");
    let mut other = whole.clone();
    other[first] = 77;
    let (read, why) = pieces(&other);
    assert_eq!((read.len(), why.unwrap().contains("says to have 2 entries, and has 1")), (2, true));
    let mut later = whole[..first].to_vec();
    later.extend([77, 0, 1, 0, 0]);
    later.extend(vec![0; PIECE_MAX]);
    later.extend(&whole[first..]);
    assert_eq!(pieces(&later), pieces(&whole), "what later versions add is left out");
}

#[test]
fn an_import_is_read_in_bundles_and_no_further_than_any_export_goes() {
    let large = vec![9; 60_000];
    let (read, end) = bundles(&file(&vec![&large[..]; 40])[..], 1 << 30);
    let counts: Vec<usize> = read.into_iter().map(|bundle| bundle.into_entries().len()).collect();
    assert_eq!(counts, [17, 17, 6], "of a mebibyte each");
    assert!(end.is_ok());
    let (read, _) = bundles(&file(&[&b"small"[..]; 130])[..], 1 << 30);
    assert_eq!(
        read.iter().map(|bundle| bundle.clone().into_entries().len()).collect::<Vec<_>>(),
        [64, 64, 2]
    );
    // A file without an end: of things that nobody knows, and of entries.
    for kind in [77u8, 2] {
        let piece = [&[kind, 0, 0, 0, 100][..], &[5; 100]].concat();
        let endless = MAGIC.chain(Endless(piece, 0));
        let (_, end) = bundles(endless, 1 << 20);
        assert!(matches!(end, Err(Flaw::Endless(_))), "{end:?}");
    }
}

/// The same for ever.
struct Endless(Vec<u8>, usize);

impl Read for Endless {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        for byte in to.iter_mut() {
            *byte = self.0[self.1 % self.0.len()];
            self.1 += 1;
        }
        Ok(to.len())
    }
}

#[test]
fn whoever_wants_no_more_gets_no_more() {
    let bytes = file(&[&b"small"[..]; 640]);
    let (more, wanted) = mpsc::channel();
    (0..3).for_each(|_| more.send(()).unwrap());
    drop(more);
    let read_so_far = RefCell::new(0);
    let put = |part| {
        *read_so_far.borrow_mut() += usize::from(matches!(part, Part::Bundle(_)));
        true
    };
    assert!(read(&bytes[..], 1 << 30, &wanted, &put).is_ok());
    assert_eq!(read_so_far.into_inner(), 3);
}

fn entry(number: u64, room: RoomKeyId, place: &Place) -> Record {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Record::Entry(StoredEntry {
        room,
        place: place.clone(),
        id: EntryId(id),
        stamp: Stamp(number * 40_000_000_000),
        placed: Stamp(number * 40_000_000_000),
        author: PeerKey([1; 32]),
        bytes: Bytes::from(format!("signed {number}")),
        messages: Vec::new(),
        changes: Vec::new(),
    })
}

#[test]
fn all_that_is_stored_is_written_in_order_and_names_of_open_rooms_alone() {
    let folder = Folder::new("export");
    let lobby = RoomName::lobby();
    let open = RoomKeyId::of_open(chat_core::REAL, &lobby);
    let mut store = Memory::new(PeerKey([1; 32]), Memory::BYTES_MAX);
    let in_lobby = (0..200).rev().map(|number| entry(number, open, &Place::Room(lobby.clone())));
    let private = entry(999, ROOM, &Place::Room(RoomName::new("#board").unwrap()));
    store.append(&[in_lobby.chain([private]).collect()]).unwrap();
    let room = |name: &str, id| {
        let name = RoomName::new(name).unwrap();
        Record::Room(chat_core::StoredRoom { name, joined: true, floor: Stamp(0), id: Some(id), root: None })
    };
    store.append(&[vec![room("#board", ROOM)]]).unwrap();
    let path = folder.path("all");
    let mut asked = 0;
    let wanted = |name: &str, room: Option<&str>| Wanted {
        to: Target::File(folder.path(name)),
        room: room.map(|room| RoomName::new(room).unwrap()),
    };
    let mut ask = |what| {
        let answer = store.fetch(&what)?;
        if let Answer::Entries(entries) = &answer {
            assert!(entries.len() <= 64, "little is in memory");
        }
        asked += 1;
        Ok(answer)
    };
    let exported = export(&mut ask, &wanted("all", None), &|| false).unwrap();
    assert_eq!(exported, Exported { entries: 201, rooms: 2 });
    let (read, flaw) = pieces(&std::fs::read(&path).unwrap());
    assert_eq!(flaw, None);
    let rooms: Vec<_> = read.iter().filter(|piece| matches!(piece, Piece::Room(..))).collect();
    assert_eq!(rooms, [&Piece::Room(ROOM, None), &Piece::Room(open, Some(lobby))], "by their ids");
    let of_lobby: Vec<_> = read.iter().skip(3).take(200).collect();
    assert!(
        (0..)
            .zip(&of_lobby)
            .all(|(number, piece)| { **piece == Piece::Entry(Bytes::from(format!("signed {number}"))) })
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // One room, none, and never over another file.
    let only = export(&mut ask, &wanted("one", Some("#board")), &|| false).unwrap();
    assert_eq!(only, Exported { entries: 1, rooms: 1 });
    let nothing = export(&mut ask, &wanted("none", Some("#nowhere")), &|| false);
    assert!(matches!(nothing, Err(ExportError::NoRoom(_))));
    let before = std::fs::read(&path).unwrap();
    let again = export(&mut ask, &wanted("all", Some("#board")), &|| false);
    assert!(matches!(again, Err(ExportError::Exists(_))) && std::fs::read(&path).unwrap() == before);
    let stopped = export(&mut ask, &wanted("stopped", None), &|| true);
    assert!(matches!(stopped, Err(ExportError::Stopped)));
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["all", "one"], "no half file stays");
    assert!(asked > 10);
}

#[test]
fn what_a_killed_export_left_is_written_anew_and_what_is_not_ours_is_left_alone() {
    let folder = Folder::new("part");
    let mut store = Memory::new(PeerKey([1; 32]), Memory::BYTES_MAX);
    store.append(&[vec![entry(1, ROOM, &Place::Direct(PeerKey([2; 32])))]]).unwrap();
    let mut try_it = |name: &str| {
        let wanted = Wanted { to: Target::File(folder.path(name)), room: None };
        export(&mut |what| store.fetch(&what), &wanted, &|| false)
    };
    std::fs::write(folder.path("a.part"), [&MAGIC[..], &[1; 100_000]].concat()).unwrap();
    assert!(try_it("a").is_ok() && !folder.path("a.part").exists());
    assert_eq!(pieces(&std::fs::read(folder.path("a")).unwrap()).0.len(), 3);
    std::fs::write(folder.path("b.part"), "a letter of mine").unwrap();
    assert!(matches!(try_it("b"), Err(ExportError::Exists(_))));
    assert_eq!(std::fs::read(folder.path("b.part")).unwrap(), b"a letter of mine");
    let busy = file::Unfinished::begin(&folder.path("c")).unwrap();
    assert!(matches!(try_it("c"), Err(ExportError::Busy(_))));
    drop(busy);
    assert!(try_it("c").is_ok());
    assert!(matches!(try_it("no/such/folder"), Err(ExportError::Unwritable(..))));
    assert!(matches!(try_it("."), Err(ExportError::Exists(_))), "a folder");
}

#[test]
fn numbers_are_grouped() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!([1, 2_000].map(entries), ["1 entry", "2,000 entries"]);
}
