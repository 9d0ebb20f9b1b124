//! Files one by one: offered, read, fetched, and what is written down of them.

mod beside;
mod crash;
mod folders;

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use chat_core::{
    BootId, EntryId, FileName, Nick, Offer, PeerKey, Place, RoomName, Stamp, StoreError, UnixMillis,
};

use super::{offered::Prepared, *};
use crate::testing::Folder;

const ROOM: RoomKeyId = RoomKeyId([3; 16]);

fn id(byte: u8) -> MessageId {
    MessageId { entry: EntryId([byte; 32]), item: 0 }
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 7)) as u8).collect()
}

fn message(byte: u8, name: &str, bytes: &[u8], folder: bool) -> Message {
    let (size, hash) = (bytes.len() as u64, *blake3::hash(bytes).as_bytes());
    Message {
        id: id(byte),
        place: Place::Room(RoomName::lobby()),
        from: PeerKey([8; 32]),
        boot: BootId(1),
        nick: Nick::lenient("bo"),
        text: name.into(),
        action: false,
        reply: None,
        file: Some(Box::new(Offer { name: FileName::lenient(name), size, hash, folder })),
        sent: UnixMillis(0),
        stamp: Stamp(0),
        late: false,
        own: false,
    }
}

/// All bytes of an offer, read in pieces of an odd length.
fn read_all(offers: &mut Offers, file: MessageId, size: u64) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while (all.len() as u64) < size {
        let length = (size - all.len() as u64).min(1009) as u32;
        all.extend_from_slice(&offers.read(ROOM, file, all.len() as u64, length)?);
    }
    Some(all)
}

#[test]
fn what_is_offered_is_read_as_long_as_it_is_what_it_was() {
    let folder = Folder::new("offered");
    let path = folder.path("a.bin");
    fs::write(&path, content(5000)).unwrap();
    let prepared = Prepared::of(&path).unwrap();
    assert_eq!((prepared.offer.name.as_str(), prepared.offer.size), ("a.bin", 5000));
    assert_eq!(prepared.offer.hash, *blake3::hash(&content(5000)).as_bytes());
    let mut offers = Offers::default();
    offers.add(id(1), ROOM, prepared.clone());
    assert_eq!(read_all(&mut offers, id(1), 5000).unwrap(), content(5000));
    assert_eq!(offers.read(RoomKeyId([4; 16]), id(1), 0, 10), None, "who asks is in another room");
    assert_eq!(offers.read(ROOM, id(2), 0, 10), None);
    assert_eq!(offers.read(ROOM, id(1), 4990, 11), None, "beyond its end");
    assert_eq!(offers.read(ROOM, id(1), u64::MAX, 11), None);
    let mut again = Offers::default();
    again.restore(offers.stored());
    assert_eq!(read_all(&mut again, id(1), 5000).unwrap(), content(5000));
    // Another file of the same length.
    fs::write(&path, content(5001)).unwrap();
    again = Offers::default();
    again.restore(offers.stored());
    assert_eq!(again.read(ROOM, id(1), 0, 10), None);
    assert!(offers.remove(id(1)) && !offers.remove(id(1)));
    assert_eq!(offers.read(ROOM, id(1), 0, 10), None);
}

#[test]
fn what_is_no_file_is_not_offered() {
    let folder = Folder::new("no-file");
    let refused = |path: &Path| Prepared::of(path).unwrap_err();
    assert!(refused(&folder.path("gone")).contains("gone"));
    assert!(refused(Path::new("/")).contains("no name"));
    #[cfg(unix)]
    {
        assert!(refused(Path::new("/dev/null")).contains("neither a file nor a folder"));
        let pipe = folder.path("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert!(refused(&pipe).contains("neither a file nor a folder"), "and it is not waited for");
    }
}

/// Puts what has come whole in its place, which nothing has before its name is noted.
fn put(incoming: &mut Incoming, byte: u8) -> PathBuf {
    let finished = incoming.finish(id(byte)).unwrap().carry_out();
    let mut noted = Vec::new();
    let note = |name: &str| noted.push(name.to_string());
    let (_, path) = incoming.put(id(byte), finished, note).unwrap().unwrap();
    assert_eq!(noted, [path.file_name().unwrap().to_str().unwrap()]);
    path
}

/// The list of transfers is text: one such path, and nothing of it could be written any more.
#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_no_text_is_not_offered() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = Folder::new("no-text");
    let path = folder.path("").join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt"));
    fs::write(&path, "x").unwrap();
    let link = folder.path("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for path in [path, link] {
        let why = Prepared::of(&path).unwrap_err();
        assert!(why.contains("not UTF-8"), "{why}");
    }
}

#[test]
fn pieces_become_a_file_that_replaces_none() {
    let folder = Folder::new("incoming");
    let all = content(3000);
    let offered = message(1, "a.txt", &all, false);
    let mut incoming = Incoming::new(folder.path("files"));
    for name in ["a.txt", "a (2).txt", "a (3).txt"] {
        assert_eq!(incoming.accept(&offered), Ok(0));
        incoming.write(id(1), 0, &all[..1000]).unwrap();
        assert_eq!(incoming.accept(&offered), Ok(1000), "to accept it twice is harmless");
        assert_eq!(incoming.write(id(1), 900, &all[900..]), Err(StoreError::Failed), "not the next piece");
        incoming.write(id(1), 1000, &all[1000..]).unwrap();
        let path = put(&mut incoming, 1);
        assert_eq!(path, folder.path("files").join(name));
        assert_eq!(fs::read(path).unwrap(), all);
        incoming.close(id(1));
    }
    assert_eq!(fs::read_dir(folder.path("files")).unwrap().count(), 3, "and nothing else is left");
    assert_eq!(incoming.write(id(9), 0, b"x"), Err(StoreError::Failed), "nobody accepted that");
}

#[test]
fn what_came_before_the_end_of_the_program_is_not_fetched_again() {
    let folder = Folder::new("resumed");
    let all = content(3000);
    let offered = message(1, "a.txt", &all, false);
    let mut incoming = Incoming::new(folder.path("files"));
    incoming.accept(&offered).unwrap();
    incoming.write(id(1), 0, &all[..1234]).unwrap();
    drop(incoming);
    let mut incoming = Incoming::new(folder.path("files"));
    assert_eq!(incoming.accept(&offered), Ok(1234));
    incoming.write(id(1), 1234, &all[1234..]).unwrap();
    put(&mut incoming, 1);
    // More than there can be was something else.
    let other = message(1, "a.txt", &all[..10], false);
    let part = fs::read_dir(folder.path("files")).unwrap().count();
    assert_eq!(part, 1);
    let mut incoming = Incoming::new(folder.path("files"));
    incoming.accept(&offered).unwrap();
    incoming.write(id(1), 0, &all[..1234]).unwrap();
    drop(incoming);
    assert_eq!(Incoming::new(folder.path("files")).accept(&other), Ok(0));
}

#[test]
fn other_bytes_than_those_offered_are_not_kept() {
    let folder = Folder::new("damaged");
    let (all, mut other) = (content(3000), content(3000));
    other[1500] ^= 1;
    let mut incoming = Incoming::new(folder.path("files"));
    incoming.accept(&message(1, "a.txt", &all, false)).unwrap();
    incoming.write(id(1), 0, &other).unwrap();
    let (why, is_damaged) = incoming.finish(id(1)).unwrap().carry_out().unwrap_err();
    assert!(is_damaged && why.contains("not what was offered"), "{why}");
    incoming.forget(id(1));
    assert_eq!(fs::read_dir(folder.path("files")).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_way_is_not_followed() {
    let folder = Folder::new("link");
    let (all, files) = (content(100), folder.path("files"));
    fs::create_dir(&files).unwrap();
    let victim = folder.path("victim");
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, files.join("a.txt.010101010.part")).unwrap();
    std::os::unix::fs::symlink(&victim, files.join("b.txt")).unwrap();
    let mut incoming = Incoming::new(files.clone());
    assert!(incoming.accept(&message(1, "a.txt", &all, false)).unwrap_err().contains("in the way"));
    incoming.accept(&message(2, "b.txt", &all, false)).unwrap();
    incoming.write(id(2), 0, &all).unwrap();
    assert_eq!(put(&mut incoming, 2), files.join("b (2).txt"));
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
}

#[test]
fn more_than_the_disk_has_is_refused_at_once() {
    let folder = Folder::new("large");
    let mut offered = message(1, "a.txt", b"", false);
    offered.file.as_mut().unwrap().size = 1 << 60;
    let mut incoming = Incoming::new(folder.path("files"));
    let why = incoming.accept(&offered).unwrap_err();
    assert!(why.contains("a.txt needs 1.2 EB") && why.contains("free"), "{why}");
    assert_eq!(fs::read_dir(folder.path("files")).unwrap().count(), 0);
}

#[test]
fn the_ledger_is_read_again_and_rubbish_is_put_aside() {
    let folder = Folder::new("ledger");
    let path = folder.path("transfers.json");
    let mut ledger = Ledger::open(Some(path.clone()));
    let offered = ledger::Offered { file: id(1), room: ROOM, path: "/x".into(), mark: "m".into() };
    ledger.set_offers(vec![offered]);
    ledger.fetch(message(2, "a.txt", b"abc", true));
    ledger.fetch(message(2, "a.txt", b"abc", true));
    let again = Ledger::open(Some(path.clone()));
    let offers = again.offers();
    assert_eq!((offers.len(), offers[0].file, offers[0].room), (1, id(1), ROOM));
    let fetched = again.fetched();
    let expected = message(2, "a.txt", b"abc", true);
    assert_eq!((fetched.len(), &fetched[0].file, fetched[0].from), (1, &expected.file, expected.from));
    ledger.forget(id(2));
    assert_eq!(Ledger::open(Some(path.clone())).fetched().len(), 0);
    for rubbish in ["", "{", "[]", r#"{"version":99,"offers":[],"fetched":[]}"#] {
        fs::write(&path, rubbish).unwrap();
        assert_eq!(Ledger::open(Some(path.clone())).offers().len(), 0);
        assert_eq!(fs::read_to_string(folder.path("transfers.damaged")).unwrap(), rubbish);
    }
    let bad = r#"{"version":1,"offers":[{"file":"x","room":"y","path":"/","mark":""}],"fetched":[
        {"file":"x","place":"y","from":"z","name":"","size":0,"hash":"","folder":false}]}"#;
    fs::write(&path, bad).unwrap();
    let ledger = Ledger::open(Some(path));
    assert_eq!((ledger.offers().len(), ledger.fetched().len()), (0, 0));
}

#[test]
fn sizes_are_read_by_people() {
    for (number, text) in [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (3_200_000, "3.2 MB"),
        (u64::MAX, "18 EB"),
    ] {
        assert_eq!(bytes(number), text);
    }
}

/// The thread with a node that only notes what it hears.
struct Bench {
    jobs: Jobs,
    told: Receiver<Happening>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new(folder: &Folder) -> Self {
        let (jobs, waiting) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        let submit: Submit = Arc::new(move |input| into.lock().unwrap().push(format!("{input:?}")));
        let places = Places { downloads: folder.path("files"), ledger: Some(folder.path("transfers.json")) };
        spawn(places, waiting, jobs.clone(), submit, tell).unwrap();
        Self { jobs, told, heard }
    }

    fn news(&self) -> News {
        match self.told.recv_timeout(Duration::from_secs(10)).unwrap() {
            Happening::File(news) => news,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_file_goes_through_the_thread_and_a_new_one_goes_on_with_it() {
    let folder = Folder::new("thread");
    let all = content(2000);
    let offered = message(1, "a.txt", &all, false);
    let write = |bench: &Bench, from: usize, to: usize| {
        let bytes = Bytes::copy_from_slice(&all[from..to]);
        bench.jobs.send(Job::Write { token: Token(1), file: id(1), offset: from as u64, bytes }).unwrap();
    };
    {
        let bench = Bench::new(&folder);
        bench.jobs.send(Job::Accept(Box::new(offered))).unwrap();
        let News::Ready { wanted, .. } = bench.news() else { panic!() };
        assert_eq!((wanted.file, wanted.size, wanted.have), (id(1), 2000, 0));
        write(&bench, 0, 1500);
        // What is asked after it is answered after it.
        bench.jobs.send(Job::Prepare { ask: 5, path: folder.path("transfers.json") }).unwrap();
        assert!(matches!(bench.news(), News::Prepared { ask: 5, prepared: Ok(_) }));
    }
    // The thread of the first one still has its file, as no program has that has ended.
    let part = folder.path("files/a.txt.010101010.part");
    let come = fs::read(&part).unwrap();
    fs::remove_file(&part).unwrap();
    fs::write(&part, come).unwrap();
    let bench = Bench::new(&folder);
    let News::Ready { wanted, .. } = bench.news() else { panic!() };
    assert_eq!((wanted.have, wanted.from), (1500, PeerKey([8; 32])));
    write(&bench, 1500, 2000);
    bench.jobs.send(Job::Finish(id(1))).unwrap();
    let News::Received { path, .. } = bench.news() else { panic!() };
    assert_eq!(fs::read(path).unwrap(), all);
    assert_eq!(bench.heard.lock().unwrap().as_slice(), ["Written { token: Token(1), result: Ok(()) }"]);
    let mut log = File::options().append(true).open(folder.path("files/a.txt")).unwrap();
    log.write_all(b"changed by its owner").unwrap();
    drop(bench);
    let bench = Bench::new(&folder);
    assert!(bench.told.recv_timeout(Duration::from_millis(100)).is_err(), "it is done with");
    assert!(Past::read(&folder.path("transfers.json")).received.contains(&id(1)));
}

#[test]
fn what_is_not_wanted_any_more_leaves_nothing_behind() {
    let folder = Folder::new("dropped");
    let bench = Bench::new(&folder);
    bench.jobs.send(Job::Accept(Box::new(message(1, "a.txt", &content(2000), false)))).unwrap();
    assert!(matches!(bench.news(), News::Ready { .. }));
    bench.jobs.send(Job::Drop(id(1))).unwrap();
    bench.jobs.send(Job::Prepare { ask: 1, path: folder.path("gone") }).unwrap();
    assert!(matches!(bench.news(), News::Prepared { prepared: Err(_), .. }));
    assert_eq!(fs::read_dir(folder.path("files")).unwrap().count(), 0);
    assert_eq!(Ledger::open(Some(folder.path("transfers.json"))).fetched().len(), 0);
}

#[test]
fn a_list_of_transfers_that_cannot_be_read_now_is_not_put_aside() {
    let folder = Folder::new("unread");
    let path = folder.path("transfers.json");
    // As a disk that fails, or a right that is lacking for a while.
    fs::create_dir(&path).unwrap();
    let mut ledger = Ledger::open(Some(path.clone()));
    ledger.receive(id(1));
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1, "nor written over");
    assert!(path.is_dir());
    let path = folder.path("broken.json");
    fs::write(&path, "{\"version\":").unwrap();
    drop(Ledger::open(Some(path.clone())));
    assert!(!path.exists() && folder.path("broken.damaged").exists(), "nobody can read that");
}

#[test]
fn what_is_withdrawn_before_it_is_known_to_be_offered_is_not_offered() {
    let folder = Folder::new("withdrawn");
    let path = folder.path("a.bin");
    fs::write(&path, content(5000)).unwrap();
    let bench = Bench::new(&folder);
    for (ask, is_withdrawn) in [(1, true), (2, false)] {
        bench.jobs.send(Job::Prepare { ask, path: path.clone() }).unwrap();
        let News::Prepared { prepared: Ok(prepared), .. } = bench.news() else { panic!() };
        let file = id(ask as u8);
        if is_withdrawn {
            bench.jobs.send(Job::Drop(file)).unwrap();
        }
        bench.jobs.send(Job::Offered { file, room: ROOM, prepared }).unwrap();
    }
    bench.jobs.send(Job::Prepare { ask: 3, path: folder.path("gone") }).unwrap();
    assert!(matches!(bench.news(), News::Prepared { prepared: Err(_), .. }));
    let offers = Ledger::open(Some(folder.path("transfers.json"))).offers();
    assert_eq!(offers.iter().map(|offered| offered.file).collect::<Vec<_>>(), [id(2)]);
}
