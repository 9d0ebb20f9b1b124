//! What was said is found again by its words, its author, its place and its time.

use chat_core::{StoredRoom, StoredTrust, Trust, What};

use super::{
    super::{Author, Memory, Search},
    changes::change,
    *,
};

const OTHER: PeerKey = PeerKey([2; 32]);

fn words(words: &[&str]) -> Search {
    let words = words.iter().map(ToString::to_string).collect();
    Search { words, from: None, place: None, since: Stamp(0), limit: 9 }
}

/// What both stores find.
fn check(fill: impl Fn(&mut dyn Store), searches: &[(Search, &[&str])]) {
    let folder = Folder::new("search");
    let stores: [Box<dyn Store>; 2] =
        [Box::new(Memory::new(OWN, Memory::BYTES_MAX)), Box::new(disk(&folder))];
    for mut store in stores {
        fill(store.as_mut());
        for (search, expected) in searches {
            let found = store.search(search).unwrap();
            let texts: Vec<&str> = found.iter().map(|shown| shown.message.text.as_str()).collect();
            assert_eq!(texts, *expected, "{search:?}");
        }
    }
}

#[test]
fn words_are_found_whatever_their_case_and_the_last_one_by_its_beginning() {
    let said = |store: &mut dyn Store| {
        let texts = ["The Red wine", "red whine", "a tired plan", "plan: red wine!", "\"quoted\" OR NEAR(x)"];
        for (number, text) in (1..).zip(texts) {
            store.append(&[vec![Record::Entry(entry(number, 100 - number, 0, OWN, &[text]))]]).unwrap();
        }
    };
    check(
        said,
        &[
            (words(&["RED", "wine"]), &["The Red wine", "plan: red wine!"]),
            (words(&["red"]), &["The Red wine", "red whine", "plan: red wine!"]),
            (words(&["pl"]), &["a tired plan", "plan: red wine!"]),
            (words(&["wi", "red"]), &[]),
            (Search { limit: 1, ..words(&["red"]) }, &["plan: red wine!"]),
            (words(&["quoted"]), &["\"quoted\" OR NEAR(x)"]),
            (words(&["near"]), &["\"quoted\" OR NEAR(x)"]),
            (words(&["plan", "nothing"]), &[]),
        ],
    );
}

#[test]
fn no_word_is_an_order_to_the_database() {
    let said = |store: &mut dyn Store| {
        store.append(&[vec![Record::Entry(entry(1, 1, 0, OWN, &["harmless"]))]]).unwrap();
    };
    let nasty = ["\"", "a\" OR \"harmless", "*", "text:harmless", "NEAR(", "'; DROP TABLE words", "\u{0}"];
    let folder = Folder::new("search-nasty");
    let mut store = disk(&folder);
    said(&mut store);
    for word in nasty {
        assert!(store.search(&words(&[word])).is_ok_and(|found| found.len() <= 1), "{word:?}");
    }
    assert_eq!(store.search(&words(&["harmless"])).unwrap().len(), 1);
}

#[test]
fn author_place_and_time_narrow_it_and_the_blocked_and_deleted_are_not_found() {
    let fill = |store: &mut dyn Store| {
        let said = [
            entry(2, 10, 0, OWN, &["tea of ours"]),
            entry(4, 20, 0, OTHER, &["tea of theirs"]),
            entry(6, 30, 1, OTHER, &["tea elsewhere"]),
            entry(8, 40, 0, OTHER, &["tea taken back"]),
        ];
        store.append(&[said.map(Record::Entry).into()]).unwrap();
        let target = MessageId { entry: id(8), item: 0 };
        store.append(&[vec![Record::Entry(change(9, 50, 0, OTHER, What::Delete { target }))]]).unwrap();
    };
    let by = |keys: &[PeerKey], nick: &str| Some(Author { keys: keys.into(), nick: nick.into() });
    let tea = || words(&["tea"]);
    check(
        fill,
        &[
            (tea(), &["tea of ours", "tea of theirs", "tea elsewhere"]),
            (Search { from: by(&[OTHER], "nobody"), ..tea() }, &["tea of theirs", "tea elsewhere"]),
            // Capitals beyond ASCII are for whoever knows the keys.
            (Search { from: by(&[], "ZO\u{cb} B"), ..tea() }, &[]),
            (
                Search { from: by(&[], "zo\u{eb} B"), ..tea() },
                &["tea of ours", "tea of theirs", "tea elsewhere"],
            ),
            (Search { place: Some(place(0)), ..tea() }, &["tea of ours", "tea of theirs"]),
            (Search { since: Stamp(20), ..tea() }, &["tea of theirs", "tea elsewhere"]),
            (Search { place: Some(place(1)), since: Stamp(1), ..words(&[]) }, &["tea elsewhere"]),
            (Search { from: by(&[OWN], ""), ..words(&[]) }, &["tea of ours"]),
        ],
    );
    let blocked = |store: &mut dyn Store| {
        fill(store);
        let trust = Trust { blocked: true, ..Trust::default() };
        store.append(&[vec![Record::Trust(StoredTrust { key: OTHER, trust })]]).unwrap();
    };
    check(blocked, &[(tea(), &["tea of ours"])]);
    let private = |store: &mut dyn Store| {
        fill(store);
        let Place::Room(name) = place(0) else { panic!() };
        let id = Some(RoomKeyId([9; 16]));
        let room = StoredRoom { name, joined: true, floor: Stamp(0), id, root: None };
        store.append(&[vec![Record::Room(room)]]).unwrap();
    };
    check(private, &[(Search { place: Some(place(0)), ..tea() }, &[])]);
}

/// Which of them leads is the business of the store on disk; the one in memory has no such ways.
#[test]
fn what_is_rare_among_very_much_is_found_whichever_way_is_shorter() {
    let fill = |store: &mut dyn Store| {
        // Odd numbers are somebody without a name.
        let mut said: Vec<_> =
            (0..700).map(|number| entry(2 * number + 1, 1000 + number, 0, OWN, &["much tea"])).collect();
        said.insert(100, entry(2, 1100, 0, OTHER, &["rare tea"]));
        said.insert(500, entry(4, 1500, 1, OTHER, &["rare coffee"]));
        said.push(entry(6, 1200, 1, OTHER, &["late tea"]));
        store.append(&[said.into_iter().map(Record::Entry).collect()]).unwrap();
    };
    let by = |keys: &[PeerKey], nick: &str| Some(Author { keys: keys.into(), nick: nick.into() });
    let (other, zoe, nobody) = (|| by(&[OTHER], "-"), || by(&[], "ZO\u{eb} B"), || by(&[OWN], "?"));
    let (tea, all) = (|| words(&["te"]), || words(&[]));
    let (here, there) = (|| Some(place(0)), || Some(place(1)));
    let much: &[&str] = &["much tea"; 9];
    check(
        fill,
        &[
            (Search { from: other(), ..tea() }, &["rare tea", "late tea"]),
            (Search { from: other(), ..all() }, &["rare tea", "rare coffee", "late tea"]),
            (Search { from: zoe(), ..tea() }, &["rare tea", "late tea"]),
            (Search { from: zoe(), place: here(), ..tea() }, &["rare tea"]),
            (Search { from: nobody(), ..tea() }, much),
            (Search { from: nobody(), place: there(), ..tea() }, &[]),
            (Search { from: other(), since: Stamp(1150), ..tea() }, &["late tea"]),
            (Search { from: other(), since: Stamp(1150), limit: 1, ..all() }, &["late tea"]),
            (Search { place: there(), ..tea() }, &["late tea"]),
            (Search { place: there(), since: Stamp(1201), ..all() }, &["rare coffee"]),
            (Search { place: Some(place(2)), ..tea() }, &[]),
            // More than a few, of which what came late is older than some.
            (Search { since: Stamp(1100), limit: 2, ..words(&["tea"]) }, &["much tea", "late tea"]),
            (Search { since: Stamp(1100), ..words(&["rare"]) }, &["rare tea", "rare coffee"]),
            (Search { since: Stamp(1101), ..words(&["rare"]) }, &["rare coffee"]),
            (Search { since: Stamp(1100), limit: 1, ..all() }, &["late tea"]),
            (Search { since: Stamp(2000), ..tea() }, &[]),
        ],
    );
}

#[test]
fn somebody_reads_while_another_program_writes() {
    let folder = Folder::new("search-beside");
    let path = folder.path("history.db");
    assert!(Sqlite::look(&path, OWN).is_err() && !path.exists(), "looking makes nothing");
    let mut store = disk(&folder);
    store.append(&[vec![Record::Entry(entry(1, 1, 0, OWN, &["first"]))]]).unwrap();
    let mut beside = Sqlite::look(&path, OWN).unwrap();
    assert_eq!(beside.search(&words(&["first"])).unwrap().len(), 1);
    store.append(&[vec![Record::Entry(entry(2, 2, 0, OWN, &["second"]))]]).unwrap();
    assert_eq!(beside.search(&words(&["second"])).unwrap().len(), 1);
    assert!(beside.append(&[vec![Record::Entry(entry(3, 3, 0, OWN, &["third"]))]]).is_err());
    drop(store);
    assert_eq!(
        Sqlite::look(&path, OWN).unwrap().latest(None, 9).unwrap().len(),
        2,
        "also when nobody writes"
    );
}
