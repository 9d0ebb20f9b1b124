//! A folder out of its one row of bytes, which a stranger may have made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    marker::PhantomData,
    path::{Path, PathBuf},
};

use chat_core::FileName;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};

use super::{
    packed::{DEPTH_MAX, HEAD, ITEMS_MAX, LIST_MAX},
    place::{TRIES, numbered, sync_folder},
};

/// What the list says of one: its way, and its bytes unless it is a folder.
type Item = (Bounded<String, DEPTH_MAX>, Option<u64>);

/// Writes the files that are packed in `from` under `folder`, which is new and empty, until the disk has all of them. Every
/// name is made harmless, and nothing that is there already is written to: whatever the list says, it stays in the folder,
/// and no more files and folders come of it than can be offered. Names that are alike then, or to this disk, are numbered.
///
/// # Errors
/// When it is not such a row of bytes, or the disk does not take it.
pub(super) fn unpack(from: &mut File, folder: &Path) -> io::Result<()> {
    let mut made = Made::default();
    for (way, size) in list(from)? {
        let Some((last, folders)) = way.0.split_last() else {
            return Err(bad("a name in it leads nowhere"));
        };
        let (mut path, mut at) = (folder.to_path_buf(), [0; 32]);
        for name in folders {
            (path, at) = made.folder(path, at, name)?;
        }
        if let Some(size) = size {
            let mut to = made.file(&path, at, last)?;
            let copied = io::copy(&mut io::Read::by_ref(from).take(size), &mut to)?;
            to.sync_all()?;
            if copied != size {
                return Err(bad("it ends too early"));
            }
        } else {
            made.folder(path, at, last)?;
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
            folder = within(folder, name);
            folders.insert(folder);
        }
        files + folders.len() > ITEMS_MAX
    })
}

/// What stands for the way that leads to `name` in a folder.
fn within(folder: [u8; 32], name: &str) -> [u8; 32] {
    *blake3::Hasher::new().update(&folder).update(name.as_bytes()).finalize().as_bytes()
}

/// What has been made of the list so far.
#[derive(Default)]
struct Made {
    /// What each way of the list is called here; `None` for a file.
    ways: BTreeMap<[u8; 32], Option<String>>,
    /// How many of a folder would have the same name, for most of which no number need be tried in vain.
    alike: BTreeMap<[u8; 32], u32>,
}

impl Made {
    /// Makes the folder `name` in the one at `path`, whose way is `at`, unless the list has said so before. Answers where it
    /// is, and its way.
    fn folder(&mut self, mut path: PathBuf, at: [u8; 32], name: &str) -> io::Result<(PathBuf, [u8; 32])> {
        let way = within(at, name);
        let called = match self.ways.get(&way) {
            Some(Some(called)) => called.clone(),
            Some(None) => return Err(bad("a file in it is a folder too")),
            None => {
                let (called, ()) = self.new_name(&path, at, name, |path| fs::create_dir(path))?;
                self.ways.insert(way, Some(called.clone()));
                called
            }
        };
        path.push(called);
        Ok((path, way))
    }

    /// Makes the file `name` in the folder at `path`, whose way is `at`.
    fn file(&mut self, path: &Path, at: [u8; 32], name: &str) -> io::Result<File> {
        let way = within(at, name);
        if self.ways.contains_key(&way) {
            return Err(bad("a name is in it twice"));
        }
        let (_, file) = self.new_name(path, at, name, |path| File::create_new(path))?;
        self.ways.insert(way, None);
        Ok(file)
    }

    /// Has `make` make something that is called `name`, or so and a number.
    fn new_name<T>(
        &mut self,
        folder: &Path,
        at: [u8; 32],
        name: &str,
        make: impl Fn(&Path) -> io::Result<T>,
    ) -> io::Result<(String, T)> {
        let name = FileName::lenient(name);
        let tried = self.alike.entry(within(at, &name.as_str().to_lowercase())).or_default();
        for _ in 0..TRIES {
            *tried += 1;
            let called = numbered(name.as_str(), *tried);
            match make(&folder.join(&called)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return Ok((called, made?)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
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
