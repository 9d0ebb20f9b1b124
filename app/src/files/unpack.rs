//! A folder out of its one row of bytes, which a stranger may have made.

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    marker::PhantomData,
    path::Path,
};

use chat_core::FileName;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};

use super::{
    packed::{DEPTH_MAX, HEAD, ITEMS_MAX, LIST_MAX},
    place::sync_folder,
};

/// What the list says of one: its way, and its bytes unless it is a folder.
type Item = (Bounded<String, DEPTH_MAX>, Option<u64>);

/// Writes the files that are packed in `from` under `folder`, which is new and empty, until the disk has all of them. Every
/// name is made harmless, and nothing that is there already is written to: whatever the list says, it stays in the folder,
/// and no more files and folders come of it than can be offered.
///
/// # Errors
/// When it is not such a row of bytes, or the disk does not take it.
pub(super) fn unpack(from: &mut File, folder: &Path) -> io::Result<()> {
    for (way, size) in list(from)? {
        let mut path = folder.to_path_buf();
        let mut names = way.0.iter().map(|name| FileName::lenient(name)).peekable();
        if names.peek().is_none() {
            return Err(bad("a name in it leads nowhere"));
        }
        while let Some(name) = names.next() {
            path.push(name.as_str());
            if names.peek().is_some() || size.is_none() {
                make_folder(&path)?;
            }
        }
        if let Some(size) = size {
            let mut to = File::create_new(&path)?;
            let copied = io::copy(&mut io::Read::by_ref(from).take(size), &mut to)?;
            to.sync_all()?;
            if copied != size {
                return Err(bad("it ends too early"));
            }
        }
    }
    if from.read(&mut [0])? > 0 {
        return Err(bad("there is more in it than its list says"));
    }
    sync(folder)
}

/// Reads the list; the bytes of the files come next.
fn list(from: &mut File) -> io::Result<Vec<Item>> {
    from.seek(SeekFrom::Start(0))?;
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let length = u32::from_be_bytes(head) as usize;
    if length > LIST_MAX {
        return Err(bad("its list is too long"));
    }
    let mut list = vec![0; length];
    from.read_exact(&mut list)?;
    let items: Bounded<Item, ITEMS_MAX> =
        ciborium::from_reader(&list[..]).map_err(|_| bad("its list cannot be read, or is too long"))?;
    if is_too_much(&items.0) {
        return Err(bad("there is too much in it"));
    }
    Ok(items.0)
}

/// Whether more would come of it than can be offered. The folders on the way count too, which a few bytes of the list are
/// enough for.
fn is_too_much(items: &[Item]) -> bool {
    let (mut files, mut folders) = (0, BTreeSet::new());
    items.iter().any(|(way, size)| {
        let mut names = way.0.iter();
        if size.is_some() {
            files += 1;
            names.next_back();
        }
        let mut folder = [0; 32];
        for name in names {
            folder = *blake3::Hasher::new().update(&folder).update(name.as_bytes()).finalize().as_bytes();
            folders.insert(folder);
        }
        files + folders.len() > ITEMS_MAX
    })
}

/// Makes a folder, unless the list has said so before.
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.symlink_metadata()?.is_dir() => {
            Ok(())
        }
        made => made,
    }
}

/// Makes what is in all the folders last.
fn sync(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        }
    }
    sync_folder(folder)
}

/// A row of at most so many, which is not read any further than that: a byte of it may take fifty here.
struct Bounded<T, const MAX: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(Filling(PhantomData))
    }
}

struct Filling<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Filling<T, MAX> {
    type Value = Bounded<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX} in a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(next) = row.next_element()? {
            if all.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            all.push(next);
        }
        Ok(Bounded(all))
    }
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
