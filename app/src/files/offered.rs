//! What is offered from here: found where it lies, as long as it is what it was.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use chat_core::{FILE_SIZE_MAX, FileName, MessageId, Offer, RoomKeyId};

use super::{
    ledger,
    packed::{Packed, time_of},
};

/// Offers that are kept; of more the oldest are offered no more.
const OFFERS_MAX: usize = 1024;
/// Of them so many are open at a time.
const OPEN_MAX: usize = 16;
/// Bytes that are hashed at once.
const STRIDE: usize = 256 << 10;

/// Something that can be offered: it was read once, whole.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) offer: Offer,
    /// Links, devices and hidden files of a folder, which are not in it.
    pub(crate) left_out: usize,
    pub(super) path: PathBuf,
    /// Is another one when what is there changes.
    pub(super) mark: String,
}

impl Prepared {
    /// Reads the file or folder at `path`.
    ///
    /// # Errors
    /// Why it cannot be offered, for the person.
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let path = path.canonicalize().map_err(failed)?;
        // It is to be written down, with all that is offered and fetched, as text.
        if path.to_str().is_none() {
            return Err(format!("{}: its name, or that of a folder it is in, is not UTF-8", path.display()));
        }
        let name = path.file_name().ok_or_else(|| String::from("the root of everything has no name"))?;
        let name = FileName::lenient(&name.to_string_lossy());
        let (mut source, mark) = Source::open(&path).map_err(failed)?;
        let (size, folder) = (source.size(), matches!(source, Source::Folder(_)));
        if size > FILE_SIZE_MAX {
            return Err(format!("{}: too large", path.display()));
        }
        let hash = source.hash().map_err(failed)?;
        // Whoever writes to it now would have others fetch something else.
        if Source::open(&path).map_err(failed)?.1 != mark {
            return Err(format!("{}: it changed while it was read", path.display()));
        }
        let left_out = if let Source::Folder(packed) = &source { packed.left_out } else { 0 };
        Ok(Self { offer: Offer { name, size, hash, folder }, left_out, path, mark })
    }
}

/// What can be read from any byte on.
#[derive(Debug)]
enum Source {
    File(File, u64),
    Folder(Box<Packed>),
}

impl Source {
    fn open(path: &Path) -> io::Result<(Self, String)> {
        let facts = path.metadata()?;
        if facts.is_dir() {
            let packed = Packed::of(path)?;
            let mark = packed.mark.clone();
            return Ok((Self::Folder(Box::new(packed)), mark));
        }
        // Opening a pipe or a device may take for ever.
        if !facts.is_file() {
            return Err(io::Error::other("neither a file nor a folder"));
        }
        let mark = format!("{}-{}", facts.len(), time_of(&facts));
        Ok((Self::File(File::open(path)?, facts.len()), mark))
    }

    fn size(&self) -> u64 {
        match self {
            Self::File(_, size) => *size,
            Self::Folder(packed) => packed.size,
        }
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File(file, _) => {
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(bytes)
            }
            Self::Folder(packed) => packed.read_at(offset, bytes),
        }
    }

    fn hash(&mut self) -> io::Result<[u8; 32]> {
        let (mut hasher, size) = (blake3::Hasher::new(), self.size());
        let mut bytes = vec![0; STRIDE];
        let mut offset = 0;
        while offset < size {
            let length = usize::try_from(size - offset).unwrap_or(STRIDE).min(STRIDE);
            self.read_at(offset, &mut bytes[..length])?;
            hasher.update(&bytes[..length]);
            offset += length as u64;
        }
        Ok(*hasher.finalize().as_bytes())
    }
}

/// All that is offered.
#[derive(Debug, Default)]
pub(super) struct Offers {
    offers: BTreeMap<MessageId, Offered>,
    /// The oldest first.
    order: VecDeque<MessageId>,
    /// Those that were read from last, the latest at the end.
    open: VecDeque<(MessageId, Source)>,
}

#[derive(Clone, Debug)]
struct Offered {
    room: RoomKeyId,
    path: PathBuf,
    mark: String,
}

impl Offers {
    pub(super) fn restore(&mut self, stored: Vec<ledger::Offered>) {
        for ledger::Offered { file, room, path, mark } in stored {
            self.insert(file, Offered { room, path, mark });
        }
    }

    pub(super) fn stored(&self) -> Vec<ledger::Offered> {
        let of = |&file: &MessageId| {
            let Offered { room, path, mark } = self.offers.get(&file)?.clone();
            Some(ledger::Offered { file, room, path, mark })
        };
        self.order.iter().filter_map(of).collect()
    }

    pub(super) fn add(&mut self, file: MessageId, room: RoomKeyId, prepared: Prepared) {
        self.insert(file, Offered { room, path: prepared.path, mark: prepared.mark });
    }

    fn insert(&mut self, file: MessageId, offered: Offered) {
        if self.offers.insert(file, offered).is_none() {
            self.order.push_back(file);
        }
        while self.order.len() > OFFERS_MAX
            && let Some(oldest) = self.order.front().copied()
        {
            self.remove(oldest);
        }
    }

    pub(super) fn has(&self, file: MessageId) -> bool {
        self.offers.contains_key(&file)
    }

    /// False when it was not offered.
    pub(super) fn remove(&mut self, file: MessageId) -> bool {
        self.order.retain(|other| *other != file);
        self.open.retain(|(other, _)| *other != file);
        self.offers.remove(&file).is_some()
    }

    /// A piece of what was offered with this message in this room; `None` when that is not so, or it is not what it was.
    pub(super) fn read(
        &mut self,
        room: RoomKeyId,
        file: MessageId,
        offset: u64,
        length: u32,
    ) -> Option<Bytes> {
        self.offers.get(&file).filter(|offered| offered.room == room)?;
        let mut bytes = vec![0; length as usize];
        self.source(file)?.read_at(offset, &mut bytes).ok()?;
        Some(bytes.into())
    }

    fn source(&mut self, file: MessageId) -> Option<&mut Source> {
        if self.open.back().is_none_or(|(open, _)| *open != file) {
            let known = self.open.iter().position(|(open, _)| *open == file);
            let source = match known.and_then(|at| self.open.remove(at)) {
                Some((_, source)) => source,
                None => {
                    let Offered { path, mark, .. } = self.offers.get(&file)?;
                    let (source, is) = Source::open(path).ok()?;
                    if is != *mark {
                        log::info!("{} is not what was offered any more", path.display());
                        return None;
                    }
                    source
                }
            };
            self.open.push_back((file, source));
            if self.open.len() > OPEN_MAX {
                self.open.pop_front();
            }
        }
        self.open.back_mut().map(|(_, source)| source)
    }
}
