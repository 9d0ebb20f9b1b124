//! Whole folders: packed into one file and out of it again, wherever that file comes from.

use std::{io, path::PathBuf};

use super::{
    super::{packed::Packed, unpack::unpack},
    *,
};

/// A folder with folders, empty ones too, hidden files and a link.
fn tree(folder: &Folder) -> PathBuf {
    let root = folder.path("photos");
    for name in ["2025", "2025/empty", "2026"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for (name, size) in [("a", 0), ("b.txt", 1), ("2025/c", 100_000), ("2026/d", 3), (".hidden", 9)] {
        fs::write(root.join(name), content(size)).unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
    root
}

#[test]
fn a_folder_comes_out_as_it_went_in() {
    let folder = Folder::new("packed");
    let root = tree(&folder);
    let prepared = Prepared::of(&root).unwrap();
    assert!(prepared.offer.folder);
    assert_eq!(prepared.left_out, if cfg!(unix) { 2 } else { 1 });
    let (size, mut offers) = (prepared.offer.size, Offers::default());
    offers.add(id(1), ROOM, prepared.clone());
    let all = read_all(&mut offers, id(1), size).unwrap();
    assert_eq!(prepared.offer.hash, *blake3::hash(&all).as_bytes());
    // From any byte on it is the same.
    for offset in [0, 3, 4, 50, 99_000] {
        let piece = offers.read(ROOM, id(1), offset, 500).unwrap();
        assert_eq!(piece, all[offset as usize..][..500]);
    }
    let out = folder.path("out");
    fs::create_dir(&out).unwrap();
    let packed = folder.path("packed");
    fs::write(&packed, &all).unwrap();
    unpack(&mut File::open(&packed).unwrap(), &out).unwrap();
    for (name, size) in [("a", 0), ("b.txt", 1), ("2025/c", 100_000), ("2026/d", 3)] {
        assert_eq!(fs::read(out.join(name)).unwrap(), content(size), "{name}");
    }
    assert!(out.join("2025/empty").is_dir());
    assert!(!out.join(".hidden").exists() && !out.join("link").exists());
    fs::write(root.join("2026/d"), b"new").unwrap();
    let mut fresh = Offers::default();
    fresh.restore(offers.stored());
    let changed = fresh.read(ROOM, id(1), 0, 10);
    // Where times are coarse the same length hides it, and the hash finds it out.
    assert!(changed.is_none() || Prepared::of(&root).unwrap().offer.hash != prepared.offer.hash);
}

/// A list and what follows it, as a stranger may send it.
fn packed(items: &[(&[&str], Option<u64>)], rest: &[u8]) -> Vec<u8> {
    let mut list = Vec::new();
    ciborium::into_writer(items, &mut list).unwrap();
    [&u32::try_from(list.len()).unwrap().to_be_bytes()[..], &list, rest].concat()
}

#[test]
fn whatever_a_folder_says_it_stays_where_it_is_put() {
    let folder = Folder::new("hostile");
    let way: Vec<&str> = std::iter::repeat_n("d", 33).collect();
    let deep: [(&[&str], _); 1] = [(&way, Some(1))];
    let cases: [(&str, Vec<u8>, bool); 15] = [
        ("up", packed(&[(&["..", "..", "evil"], Some(1))], b"x"), true),
        ("root", packed(&[(&["/etc/evil"], Some(1))], b"x"), true),
        ("back", packed(&[(&["..\\..\\evil"], Some(1))], b"x"), true),
        ("nul", packed(&[(&["a\0b"], Some(1))], b"x"), true),
        ("twice", packed(&[(&["a"], Some(1)), (&["a"], Some(1))], b"xy"), false),
        ("cleaned alike", packed(&[(&["a"], Some(1)), (&[".a"], Some(1))], b"xy"), true),
        ("folder as file", packed(&[(&["a", "b"], Some(1)), (&["a"], Some(1))], b"xy"), false),
        ("file as folder", packed(&[(&["a"], Some(1)), (&["a", "b"], Some(1))], b"xy"), false),
        ("nowhere", packed(&[(&[], Some(1))], b"x"), false),
        ("deep", packed(&deep, b"x"), false),
        ("short", packed(&[(&["a"], Some(9))], b"x"), false),
        ("long", packed(&[(&["a"], Some(1))], b"xyz"), false),
        ("no list", b"\0\0\0\x01\xff".to_vec(), false),
        ("long list", b"\xff\xff\xff\xffrest".to_vec(), false),
        ("empty", Vec::new(), false),
    ];
    for (name, bytes, is_taken) in cases {
        let out = folder.path(&format!("{name} out"));
        fs::create_dir(&out).unwrap();
        let from = folder.path("from");
        fs::write(&from, bytes).unwrap();
        let before = fs::read_dir(folder.path("")).unwrap().count();
        let unpacked = unpack(&mut File::open(&from).unwrap(), &out);
        assert_eq!(unpacked.is_ok(), is_taken, "{name}: {unpacked:?}");
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), before, "{name}: nothing beside it");
        assert!(!Path::new("/etc/evil").exists() && !folder.path("../evil").exists());
    }
    let many: Vec<_> = (0..70_000).map(|number| format!("{number}")).collect();
    let many: Vec<[&str; 1]> = many.iter().map(|name| [name.as_str()]).collect();
    let many: Vec<(&[&str], Option<u64>)> = many.iter().map(|way| (&way[..], Some(0))).collect();
    let (from, out) = (folder.path("from"), folder.path("many out"));
    fs::create_dir(&out).unwrap();
    fs::write(&from, packed(&many, b"")).unwrap();
    assert!(unpack(&mut File::open(&from).unwrap(), &out).is_err());
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

/// Here some names mean something to other systems, or to programs.
#[cfg(unix)]
#[test]
fn names_that_are_alike_once_they_are_harmless_are_numbered() {
    let folder = Folder::new("alike");
    let root = folder.path("songs");
    for name in ["-x", "x", "x/-y"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for (name, size) in
        [("-x/1", 1), ("x/2", 2), ("x/-y/3", 3), ("a:b.txt", 4), ("a_b.txt", 5), ("a?b.txt", 6)]
    {
        fs::write(root.join(name), content(size)).unwrap();
    }
    let prepared = Prepared::of(&root).unwrap();
    let (size, mut offers) = (prepared.offer.size, Offers::default());
    offers.add(id(1), ROOM, prepared);
    let (out, packed) = (folder.path("out"), folder.path("packed"));
    fs::create_dir(&out).unwrap();
    fs::write(&packed, read_all(&mut offers, id(1), size).unwrap()).unwrap();
    unpack(&mut File::open(&packed).unwrap(), &out).unwrap();
    let names = [
        ("x/1", 1),
        ("x (2)/2", 2),
        ("x (2)/y/3", 3),
        ("a_b.txt", 4),
        ("a_b (2).txt", 6),
        ("a_b (3).txt", 5),
    ];
    for (name, size) in names {
        assert_eq!(fs::read(out.join(name)).unwrap(), content(size), "{name}");
    }
}

/// A list of a few bytes for each folder, so that much comes of little.
#[test]
fn a_folder_is_not_made_of_more_than_can_be_offered() {
    let folder = Folder::new("folders");
    let unpacked = |bytes: &[u8]| {
        let (from, out) = (folder.path("from"), folder.path("out"));
        fs::create_dir(&out).unwrap();
        fs::write(&from, bytes).unwrap();
        let unpacked = unpack(&mut File::open(&from).unwrap(), &out);
        let made = fs::read_dir(&out).unwrap().count();
        fs::remove_dir_all(&out).unwrap();
        (unpacked.map_err(|error| error.kind()), made)
    };
    let ways: Vec<Vec<String>> =
        (0..3000).map(|number| [vec![number.to_string()], vec!["d".into(); 31]].concat()).collect();
    let ways: Vec<Vec<&str>> = ways.iter().map(|way| way.iter().map(String::as_str).collect()).collect();
    let items: Vec<(&[&str], Option<u64>)> = ways.iter().map(|way| (&way[..], None)).collect();
    assert_eq!(unpacked(&packed(&items, b"")), (Err(io::ErrorKind::InvalidData), 0));
    // The same ways again make no folder more.
    let again: Vec<_> = items.iter().take(3).cycle().take(2100).copied().collect();
    assert_eq!(unpacked(&packed(&again, b"")), (Ok(()), 3));
    // Names of a byte, in one way and one each.
    let many = vec![""; 1 << 20];
    assert_eq!(unpacked(&packed(&[(&many, None)], b"")), (Err(io::ErrorKind::InvalidData), 0));
}

#[test]
fn too_deep_a_folder_is_not_offered() {
    let folder = Folder::new("deep");
    let path: PathBuf = std::iter::once(folder.path("d")).chain((0..33).map(|_| "d".into())).collect();
    fs::create_dir_all(path).unwrap();
    assert!(Packed::of(&folder.path("d")).is_err());
}

/// The folder of the page: an empty folder, and a file in another one.
#[test]
fn a_folder_is_packed_as_the_page_about_the_protocol_has_it() {
    const PAGE: &str = include_str!("../../../../docs/PROTOCOL.md");
    let bytes = packed(&[(&["a"], None), (&["b"], None), (&["b", "c.txt"], Some(3))], b"abc");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("folder with a/ and b/c.txt = {hex}\n");
    assert!(PAGE.contains(&line), "the page should say:\n{line}");
    let folder = Folder::new("page");
    for name in ["x/a", "x/b"] {
        fs::create_dir_all(folder.path(name)).unwrap();
    }
    fs::write(folder.path("x/b/c.txt"), "abc").unwrap();
    let mut read = vec![0; bytes.len()];
    Packed::of(&folder.path("x")).unwrap().read_at(0, &mut read).unwrap();
    assert_eq!(read, bytes);
}
