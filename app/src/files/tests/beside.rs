//! What others fetch at the same time.

use super::*;

#[test]
fn two_who_fetch_the_same_into_one_folder_have_nothing_in_common() {
    let folder = Folder::new("shared");
    let [mut one, mut other, mut third] = [(); 3].map(|()| Incoming::new(folder.path("d")));
    let bytes = content(3000);
    let message = message(1, "a.bin", &bytes, false);
    for incoming in [&mut one, &mut other, &mut third] {
        assert_eq!(incoming.accept(&message), Ok(0));
        incoming.write(id(1), 0, &bytes[..1000]).unwrap();
    }
    third.forget(id(1));
    // Whoever is first to have all of it has its name.
    for (incoming, name) in [(&mut other, "a.bin"), (&mut one, "a (2).bin")] {
        incoming.write(id(1), 1000, &bytes[1000..]).unwrap();
        let path = put(incoming, 1);
        incoming.close(id(1));
        assert_eq!(
            (path.file_name().unwrap().to_str(), fs::read(&path).unwrap()),
            (Some(name), bytes.clone())
        );
    }
    assert_eq!(fs::read_dir(folder.path("d")).unwrap().count(), 2, "nothing else is left");
}

#[cfg(unix)]
#[test]
fn what_is_still_to_come_of_all_has_to_fit_together() {
    let folder = Folder::new("together");
    let mut incoming = Incoming::new(folder.path("d"));
    let free = place::free(&folder.path("")).unwrap();
    let part = (free - (128 << 20)) / 5;
    let of = |byte, folder, size| {
        let mut message = message(byte, &format!("{byte}"), b"x", folder);
        message.file.as_mut().unwrap().size = size;
        message
    };
    // A folder is there twice while it is unpacked.
    assert_eq!(incoming.accept(&of(1, true, part)), Ok(0));
    assert_eq!(incoming.accept(&of(2, false, part)), Ok(0));
    let why = incoming.accept(&of(3, false, 3 * part)).unwrap_err();
    assert!(why.contains("3 needs") && why.contains("are still to come of others"), "{why}");
    incoming.forget(id(1));
    assert_eq!(incoming.accept(&of(3, false, 3 * part)), Ok(0));
}
