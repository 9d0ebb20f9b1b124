//! The store on disk against whatever may happen to it.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{super::OpenError, *};

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
            .args(["--exact", "store::tests::harm::what_was_acknowledged_survives_a_kill", "--nocapture"])
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
