//! The last step of a file that has come, as a crash may leave it behind.

use super::*;

/// A folder of so many files as it is sent.
fn many(count: usize) -> Vec<u8> {
    let items: Vec<([String; 1], u64)> = (0..count).map(|number| ([format!("{number}")], 1)).collect();
    let mut list = Vec::new();
    ciborium::into_writer(&items, &mut list).unwrap();
    [&u32::try_from(list.len()).unwrap().to_be_bytes()[..], &list, &vec![b'x'; count]].concat()
}

fn send_all(bench: &Bench, all: &[u8]) {
    let bytes = Bytes::copy_from_slice(all);
    bench.jobs.send(Job::Write { token: Token(1), file: id(1), offset: 0, bytes }).unwrap();
    bench.jobs.send(Job::Finish(id(1))).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_has_its_name_when_all_of_it_is_there() {
    let folder = Folder::new("whole-folder");
    let (files, all) = (folder.path("files"), many(3000));
    // An earlier run was killed in the middle of it.
    fs::create_dir_all(files.join("photos.010101010.unpacked.part/junk")).unwrap();
    let bench = Bench::new(&folder);
    bench.jobs.send(Job::Accept(Box::new(message(1, "photos", &all, true)))).unwrap();
    let News::Ready { .. } = bench.news() else { panic!() };
    send_all(&bench, &all);
    let place = files.join("photos");
    while !place.exists() {
        thread::yield_now();
    }
    assert_eq!(fs::read_dir(&place).unwrap().count(), 3000);
    let News::Received { path, .. } = bench.news() else { panic!() };
    assert_eq!(path, place);
    assert_eq!(names(&files), ["photos"], "and nothing else is left");
}

#[test]
fn what_was_put_in_its_place_before_a_crash_is_received() {
    for (is_folder, is_whole, is_left) in [
        (false, true, false),
        (false, true, true),
        (false, false, false),
        (true, true, true),
        (true, false, false),
    ] {
        let folder = Folder::new("crashed");
        let (files, ledger, all) = (folder.path("files"), folder.path("transfers.json"), many(9));
        Ledger::open(Some(ledger.clone())).fetch(message(1, "a", &all, is_folder));
        // As it is when its name is known, and before it is written down that it is here.
        let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&ledger).unwrap()).unwrap();
        kept["fetched"][0]["put"] = "a (2)".into();
        fs::write(&ledger, kept.to_string()).unwrap();
        fs::create_dir(&files).unwrap();
        match (is_folder, is_whole) {
            (false, true) => fs::write(files.join("a (2)"), &all).unwrap(),
            // It is somebody else's.
            (false, false) => fs::write(files.join("a (2)"), &all[1..]).unwrap(),
            (true, true) => fs::create_dir(files.join("a (2)")).unwrap(),
            (true, false) => fs::create_dir(files.join("a.010101010.unpacked.part")).unwrap(),
        }
        if is_left {
            fs::write(files.join("a.010101010.part"), &all).unwrap();
        }
        let bench = Bench::new(&folder);
        let is_received = is_whole && (is_folder || !is_left);
        match bench.news() {
            News::Received { path, .. } => {
                assert!(is_received && path == files.join("a (2)"), "{is_folder} {is_whole} {is_left}");
                assert_eq!(names(&files), ["a (2)"]);
                assert!(Past::read(&ledger).received.contains(&id(1)));
                assert_eq!(Ledger::open(Some(ledger)).fetched().len(), 0);
            }
            News::Ready { wanted, .. } => {
                assert!(!is_received, "{is_folder} {is_whole} {is_left}");
                assert_eq!(wanted.have, if is_left { all.len() as u64 } else { 0 });
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_stopped_while_it_is_unpacked_leaves_nothing_behind() {
    let folder = Folder::new("stopped");
    let (files, all) = (folder.path("files"), many(9));
    let mut incoming = Incoming::new(files.clone());
    let accept = |incoming: &mut Incoming| {
        assert_eq!(incoming.accept(&message(1, "photos", &all, true)), Ok(0));
        incoming.write(id(1), 0, &all).unwrap();
        incoming.finish(id(1))
    };
    let finish = accept(&mut incoming).unwrap();
    assert!(incoming.finish(id(1)).is_none(), "once is enough");
    let finished = finish.carry_out();
    incoming.forget(id(1));
    let none = |_: &str| panic!("it gets no name");
    assert!(incoming.put(id(1), finished.clone(), none).is_none(), "nobody waits for it");
    finish.discard();
    assert_eq!(names(&files), [""; 0]);
    // It is fetched once more, and has not come yet.
    incoming.accept(&message(1, "photos", &all, true)).unwrap();
    assert!(incoming.put(id(1), finished, none).is_none(), "that was the one before");
    assert_eq!(names(&files), ["photos.010101010.part"]);
}
