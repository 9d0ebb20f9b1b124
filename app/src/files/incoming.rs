//! What is fetched: written beside its place under another name, and put there when its hash is the offered one.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use chat_core::{FileName, Message, MessageId, Offer, StoreError};

use super::{place, unpack};

/// Bytes that stay free on the disk, for the history and for others.
const SPARED: u64 = 64 << 20;
/// Bytes that are hashed at once.
const STRIDE: usize = 256 << 10;
/// Runs that fetch the same into the same folder.
const RUNS_MAX: u32 = 64;
/// Times that what they have is opened just when it gets another name.
const TRIES: usize = 8;

/// All that is fetched.
#[derive(Debug)]
pub(super) struct Incoming {
    folder: PathBuf,
    files: BTreeMap<MessageId, Fetched>,
}

#[derive(Debug)]
struct Fetched {
    offer: Offer,
    part: PathBuf,
    file: Arc<File>,
    /// Bytes that it has.
    length: u64,
    /// Whether its hash is being compared.
    is_finishing: bool,
}

impl Incoming {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder, files: BTreeMap::new() }
    }

    /// Makes ready for what `message` offers. Answers how many bytes are here from before.
    ///
    /// # Errors
    /// Why it cannot be had, for the person.
    pub(super) fn accept(&mut self, message: &Message) -> Result<u64, String> {
        let offer = message.file.as_deref().ok_or("that message offers no file")?.clone();
        if let Some(fetched) = self.files.get(&message.id) {
            return Ok(fetched.length);
        }
        let failed = |error: io::Error| format!("{}: {error}", self.folder.display());
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let (part, file) = open_part(&self.folder, &offer.name, message.id).map_err(failed)?;
        let mut length = file.metadata().map_err(failed)?.len();
        // It is of something else.
        if length > offer.size {
            file.set_len(0).map_err(failed)?;
            length = 0;
        }
        let fetched = Fetched { offer, part, file: file.into(), length, is_finishing: false };
        if let Err(why) = self.check_room(&fetched) {
            if length == 0 {
                let _ = fs::remove_file(&fetched.part);
            }
            return Err(why);
        }
        self.files.insert(message.id, fetched);
        Ok(length)
    }

    /// Whether the disk takes `next` beside all that is being fetched already.
    fn check_room(&self, next: &Fetched) -> Result<(), String> {
        let Some(free) = place::free(&self.folder) else { return Ok(()) };
        let (needed, others) = (next.to_come(), self.files.values().map(Fetched::to_come));
        let others = others.fold(0, u64::saturating_add);
        if needed.saturating_add(others) <= free.saturating_sub(SPARED) {
            return Ok(());
        }
        let (name, folder) = (&next.offer.name, self.folder.display());
        let (needed, free) = (place::bytes(needed), place::bytes(free));
        let why = format!("{name} needs {needed}, and {folder} has {free} free");
        Err(match others {
            0 => why,
            _ => format!("{why}, of which {} are still to come of others", place::bytes(others)),
        })
    }

    /// Writes the next piece.
    pub(super) fn write(&mut self, id: MessageId, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let fetched = self.files.get_mut(&id).filter(|it| it.length == offset).ok_or(StoreError::Failed)?;
        let write = || {
            let mut file = fetched.file.as_ref();
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)
        };
        match write() {
            Ok(()) => {
                fetched.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                log::warn!("{}: {error}", fetched.part.display());
                // What was written of it is not known.
                let _ = fetched.file.set_len(offset);
                self.close(id);
                Err(match error.kind() {
                    io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge => StoreError::Full,
                    _ => StoreError::Failed,
                })
            }
        }
    }

    /// All is here; what has to be done now takes its time.
    pub(super) fn finish(&mut self, id: MessageId) -> Option<Finish> {
        let fetched = self.files.get_mut(&id).filter(|fetched| !fetched.is_finishing)?;
        fetched.is_finishing = true;
        let Fetched { offer, part, file, .. } = fetched;
        Some(Finish { offer: offer.clone(), part: part.clone(), file: Arc::clone(file) })
    }

    /// Puts in its place what was [finished](Finish). `note` hears under which name, before it has it. `None` when it is
    /// not wanted any more.
    ///
    /// # Errors
    /// Why not, for the person, and whether it is damaged.
    pub(super) fn put(
        &self,
        id: MessageId,
        finished: Result<(), (String, bool)>,
        note: impl FnMut(&str),
    ) -> Option<Result<(Offer, PathBuf), (String, bool)>> {
        let Fetched { offer, part, .. } = self.files.get(&id).filter(|fetched| fetched.is_finishing)?;
        Some(finished.and_then(|()| {
            let name = offer.name.as_str();
            let from = if offer.folder { unpacked(part) } else { part.clone() };
            let path = place::put(&from, &self.folder, name, note)
                .map_err(|error| (format!("{name}: {error}"), false))?;
            if offer.folder {
                let _ = fs::remove_file(part);
            }
            Ok((offer.clone(), path))
        }))
    }

    /// Where lies what `message` offers, if an earlier run has put it there as `name` and no more.
    pub(super) fn put_before(&self, message: &Message, name: &str) -> Option<PathBuf> {
        let offer = message.file.as_deref()?;
        let (part, path) = (self.folder.join(part_name(&offer.name, message.id, 1)), self.folder.join(name));
        let facts = path.symlink_metadata().ok()?;
        let is_gone = |path: &Path| path.symlink_metadata().is_err();
        if offer.folder {
            // Its bytes stay until it has its name.
            (facts.is_dir() && is_gone(&unpacked(&part))).then(|| drop(fs::remove_file(part)))?;
        } else {
            (facts.is_file() && facts.len() == offer.size && is_gone(&part)).then_some(())?;
        }
        Some(path)
    }

    /// It is not written to any more; what has come of it stays.
    pub(super) fn close(&mut self, id: MessageId) {
        self.files.remove(&id);
    }

    /// It is not wanted any more, nor what has come of it.
    pub(super) fn forget(&mut self, id: MessageId) {
        if let Some(fetched) = self.files.remove(&id) {
            let _ = fs::remove_file(fetched.part);
        }
    }
}

impl Fetched {
    /// Bytes that it will take and does not yet. A folder is there twice while it is unpacked.
    const fn to_come(&self) -> u64 {
        let unpacked = if self.offer.folder { self.offer.size } else { 0 };
        self.offer.size.saturating_sub(self.length).saturating_add(unpacked)
    }
}

/// What is left to do with a file that is here.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    offer: Offer,
    part: PathBuf,
    file: Arc<File>,
}

impl Finish {
    /// Compares the hash, and makes a folder of what is one, beside its place.
    ///
    /// # Errors
    /// Why not, and whether the bytes are not those that were offered.
    pub(super) fn carry_out(&self) -> Result<(), (String, bool)> {
        let name = self.offer.name.as_str();
        let failed = |error: io::Error| (format!("{name}: {error}"), false);
        // The one that is locked: some systems let no other be read then, nor one be synced that is only read.
        let mut file = self.file.try_clone().map_err(failed)?;
        if hash(&mut file).map_err(failed)? != self.offer.hash {
            return Err((format!("{name}: what has come is not what was offered"), true));
        }
        file.sync_all().map_err(failed)?;
        if self.offer.folder {
            // An earlier run may have been killed in the middle of it.
            self.discard();
            let folder = unpacked(&self.part);
            fs::create_dir(&folder).map_err(failed)?;
            unpack::unpack(&mut file, &folder)
                .map_err(|error| (format!("{name}: {error}"), error.kind() == io::ErrorKind::InvalidData))?;
        }
        Ok(())
    }

    /// Nothing stays of a folder that is not put in its place.
    pub(super) fn discard(&self) {
        if self.offer.folder {
            let _ = fs::remove_dir_all(unpacked(&self.part));
        }
    }
}

/// Where a folder is until it has its name, which others take for a whole one.
fn unpacked(part: &Path) -> PathBuf {
    part.with_extension("unpacked.part")
}

/// What comes goes into a file that shows that it is not all there, and for which message it is. The first is for the run
/// that fetches it, further ones for others that do so at the same time.
fn part_name(name: &FileName, id: MessageId, number: u32) -> String {
    let digits: String = id.entry.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let run = if number > 1 { format!("-{number}") } else { String::new() };
    format!("{name}.{digits}{}{run}.part", id.item)
}

/// Opens what has come of it before, for us alone as long as it is open: another run of the same account may fetch the
/// same, and neither is to write into the file of the other, or to take it away.
fn open_part(folder: &Path, name: &FileName, id: MessageId) -> io::Result<(PathBuf, File)> {
    for number in 1..=RUNS_MAX {
        let path = folder.join(part_name(name, id, number));
        for _ in 0..TRIES {
            let file = open(&path)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => break,
                // Where there are no locks nobody else is likely to be.
                Ok(()) | Err(TryLockError::Error(_)) if is_at(&file, &path) => return Ok((path, file)),
                // Whoever had it has put it in its place, or thrown it away, just before we got it.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
        }
    }
    Err(io::Error::other("too many fetch the same"))
}

/// Whether it is still the one of that name, where the system tells.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let [own, there] = [file.metadata(), path.symlink_metadata()];
        let which = |facts: io::Result<fs::Metadata>| facts.ok().map(|facts| (facts.dev(), facts.ino()));
        which(own) == which(there)
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}

/// Somebody may have put a link there: that is not followed.
fn open(path: &Path) -> io::Result<File> {
    if let Ok(facts) = path.symlink_metadata()
        && !facts.is_file()
    {
        return Err(io::Error::other(format!("{} is in the way", path.display())));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn hash(file: &mut File) -> io::Result<[u8; 32]> {
    let (mut hasher, mut bytes) = (blake3::Hasher::new(), vec![0; STRIDE]);
    file.seek(SeekFrom::Start(0))?;
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(*hasher.finalize().as_bytes()),
            length => _ = hasher.update(&bytes[..length]),
        }
    }
}
