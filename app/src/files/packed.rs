//! A folder as one row of bytes, read from where its files lie: nothing is copied to offer it.
//!
//! ```text
//! 4 bytes  length of the list, big-endian
//! list     CBOR: [[names of the folders on the way and of itself], bytes or null for a folder], in the list's order
//! bytes    of all files, one after the other
//! ```

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Files and folders in one offer.
pub(super) const ITEMS_MAX: usize = 65_536;
/// Bytes of their list.
pub(super) const LIST_MAX: usize = 16 << 20;
/// Folders in each other.
pub(super) const DEPTH_MAX: usize = 32;
/// Bytes before the list.
pub(super) const HEAD: usize = 4;

/// What the list says of one: its way, and its bytes unless it is a folder.
type Item = (Vec<String>, Option<u64>);

/// A folder whose bytes can be read.
#[derive(Debug)]
pub(super) struct Packed {
    head: Vec<u8>,
    files: Vec<Part>,
    pub(super) size: u64,
    /// Changes when any file does.
    pub(super) mark: String,
    /// Links, devices and hidden files, which are not in it.
    pub(super) left_out: usize,
    open: Option<(usize, File)>,
}

#[derive(Debug)]
struct Part {
    /// Where its bytes begin.
    start: u64,
    size: u64,
    path: PathBuf,
}

impl Packed {
    /// Goes through the folder at `path`.
    ///
    /// # Errors
    /// When it cannot be read, or holds too much.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut walk =
            Walk { items: Vec::new(), paths: Vec::new(), times: blake3::Hasher::new(), left_out: 0 };
        walk.go(path, &[])?;
        let mut list = Vec::new();
        ciborium::into_writer(&walk.items, &mut list).map_err(io::Error::other)?;
        if list.len() > LIST_MAX {
            return Err(io::Error::other("too many names in it"));
        }
        let mut head = u32::try_from(list.len()).map_err(io::Error::other)?.to_be_bytes().to_vec();
        head.append(&mut list);
        let (mut files, mut start) = (Vec::new(), head.len() as u64);
        let sizes = walk.items.iter().filter_map(|(_, size)| *size);
        for (path, size) in walk.paths.into_iter().zip(sizes) {
            files.push(Part { start, size, path });
            start = start.checked_add(size).ok_or_else(|| io::Error::other("too large"))?;
        }
        walk.times.update(&head);
        let mark = walk.times.finalize().to_hex().to_string();
        Ok(Self { head, files, size: start, mark, left_out: walk.left_out, open: None })
    }

    /// Fills `bytes` with what stands from `offset` on.
    ///
    /// # Errors
    /// When a file has become shorter or is gone.
    pub(super) fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let (mut offset, mut left) = (offset, bytes);
        while !left.is_empty() {
            let taken = match usize::try_from(offset).ok().filter(|&at| at < self.head.len()) {
                Some(at) => {
                    let taken = left.len().min(self.head.len() - at);
                    left[..taken].copy_from_slice(&self.head[at..at + taken]);
                    taken
                }
                None => self.read_part(offset, left)?,
            };
            offset += taken as u64;
            left = &mut left[taken..];
        }
        Ok(())
    }

    fn read_part(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let index = self.files.partition_point(|part| part.start + part.size <= offset);
        let part = self.files.get(index).ok_or(io::ErrorKind::UnexpectedEof)?;
        let within = offset - part.start;
        let taken = usize::try_from(part.size - within).unwrap_or(usize::MAX).min(bytes.len());
        if self.open.as_ref().is_none_or(|(open, _)| *open != index) {
            self.open = Some((index, File::open(&part.path)?));
        }
        let Some((_, file)) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        file.seek(SeekFrom::Start(within))?;
        file.read_exact(&mut bytes[..taken])?;
        Ok(taken)
    }
}

struct Walk {
    items: Vec<Item>,
    paths: Vec<PathBuf>,
    /// Of what changes when a file does.
    times: blake3::Hasher,
    left_out: usize,
}

impl Walk {
    fn go(&mut self, folder: &Path, way: &[String]) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (kind, name) = (entry.file_type()?, entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') || !(kind.is_file() || kind.is_dir()) {
                self.left_out += 1;
                continue;
            }
            let way: Vec<String> = way.iter().cloned().chain([name.into_owned()]).collect();
            if way.len() > DEPTH_MAX || self.items.len() >= ITEMS_MAX {
                return Err(io::Error::other("too many files, or folders too deep in each other"));
            }
            if kind.is_dir() {
                self.items.push((way.clone(), None));
                self.go(&entry.path(), &way)?;
            } else {
                let facts = entry.metadata()?;
                self.times.update(&time_of(&facts).to_le_bytes());
                self.items.push((way, Some(facts.len())));
                self.paths.push(entry.path());
            }
        }
        Ok(())
    }
}

/// When a file was changed last, in nanoseconds since 1970.
pub(super) fn time_of(facts: &fs::Metadata) -> u64 {
    let time = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
