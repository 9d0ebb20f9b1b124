//! What is offered and fetched, as the profile keeps it: one small file, replaced as a whole.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use chat_core::{
    BootId, FileName, Message, MessageId, Nick, Offer, Place, RoomKeyId, RoomName, Stamp, UnixMillis, hex,
    read_hex,
};
use serde::{Deserialize, Serialize};

use super::place::sync_folder;

/// The version of the file.
const VERSION: u32 = 1;
/// Bytes of it that are read.
const BYTES_MAX: u64 = 16 << 20;
/// Files that have come and are remembered; at start fewer offers than that are shown.
const RECEIVED_MAX: usize = 1024;

/// The file, and what is in it.
#[derive(Debug)]
pub(super) struct Ledger {
    path: Option<PathBuf>,
    kept: Kept,
}

/// What earlier runs have left behind, as front ends want to know it.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// What is offered from here, the latest last.
    pub(crate) offered: Vec<MessageId>,
    /// What is here.
    pub(crate) received: BTreeSet<MessageId>,
}

impl Past {
    /// Reads the file at `path`; of one that cannot be read nothing is known.
    pub(crate) fn read(path: &Path) -> Self {
        let Ok(kept) = read(path) else { return Self::default() };
        Self {
            offered: kept.offers.iter().filter_map(|offer| offer.file.parse().ok()).collect(),
            received: kept.received.iter().filter_map(|file| file.parse().ok()).collect(),
        }
    }
}

/// Something that is offered.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    pub(super) file: MessageId,
    pub(super) room: RoomKeyId,
    pub(super) path: PathBuf,
    pub(super) mark: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    version: u32,
    offers: Vec<KeptOffer>,
    fetched: Vec<KeptFetch>,
    /// What has come, the latest last: it is not to be accepted once more.
    #[serde(default)]
    received: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptOffer {
    file: String,
    room: String,
    path: PathBuf,
    mark: String,
}

/// As much of a message as it takes to go on.
#[derive(Debug, Serialize, Deserialize)]
struct KeptFetch {
    file: String,
    place: String,
    from: String,
    name: String,
    size: u64,
    hash: String,
    folder: bool,
    /// What it is called where it is put, as soon as that is about to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    put: Option<String>,
}

impl Ledger {
    /// Reads the file at `path`. One in which nothing can be understood is put aside: what was offered is offered no more,
    /// and what was fetched must be accepted again. One that the disk does not give now is left alone until the next start.
    pub(super) fn open(path: Option<PathBuf>) -> Self {
        let Some(path) = path else { return Self { path: None, kept: Kept::default() } };
        match read(&path) {
            Ok(kept) => Self { path: Some(path), kept },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self { path: Some(path), kept: Kept::default() }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                log::error!("{}: {error}; it is put aside", path.display());
                let _ = fs::rename(&path, path.with_extension("damaged"));
                Self { path: Some(path), kept: Kept::default() }
            }
            Err(error) => {
                log::error!("{}: {error}; what is offered and fetched now is not kept", path.display());
                Self { path: None, kept: Kept::default() }
            }
        }
    }

    pub(super) fn offers(&self) -> Vec<Offered> {
        let read = |offer: &KeptOffer| {
            let (file, room) = (offer.file.parse().ok()?, RoomKeyId(read_hex(&offer.room).ok()?));
            Some(Offered { file, room, path: offer.path.clone(), mark: offer.mark.clone() })
        };
        self.kept.offers.iter().filter_map(read).collect()
    }

    pub(super) fn set_offers(&mut self, offers: Vec<Offered>) {
        let keep = |Offered { file, room, path, mark }: Offered| KeptOffer {
            file: file.to_string(),
            room: hex(&room.0),
            path,
            mark,
        };
        self.kept.offers = offers.into_iter().map(keep).collect();
        self.write();
    }

    /// What was being fetched, as the messages that offered it, of which not all is known.
    pub(super) fn fetched(&self) -> Vec<Message> {
        self.kept.fetched.iter().filter_map(KeptFetch::message).collect()
    }

    /// What `message` offers is being fetched.
    pub(super) fn fetch(&mut self, message: Message) {
        let Some(offer) = message.file else { return };
        let file = message.id.to_string();
        if self.kept.fetched.iter().any(|fetch| fetch.file == file) {
            return;
        }
        self.kept.fetched.push(KeptFetch {
            file,
            place: message.place.to_string(),
            from: message.from.to_string(),
            name: offer.name.to_string(),
            size: offer.size,
            hash: hex(&offer.hash),
            folder: offer.folder,
            put: None,
        });
        self.write();
    }

    /// It is about to be put in its place under this name; without one it is not.
    pub(super) fn put(&mut self, file: MessageId, name: Option<&str>) {
        let file = file.to_string();
        let fetch = self.kept.fetched.iter_mut().find(|fetch| fetch.file == file);
        if let Some(fetch) = fetch.filter(|fetch| fetch.put.as_deref() != name) {
            fetch.put = name.map(String::from);
            self.write();
        }
    }

    /// Under which name it was about to be put in its place.
    pub(super) fn put_as(&self, file: MessageId) -> Option<&str> {
        let file = file.to_string();
        self.kept.fetched.iter().find(|fetch| fetch.file == file)?.put.as_deref()
    }

    /// It is here.
    pub(super) fn receive(&mut self, file: MessageId) {
        let file = file.to_string();
        self.kept.received.retain(|received| *received != file);
        self.kept.received.push(file);
        let surplus = self.kept.received.len().saturating_sub(RECEIVED_MAX);
        self.kept.received.drain(..surplus);
        self.write();
    }

    /// It is not fetched any more.
    pub(super) fn forget(&mut self, file: MessageId) {
        let (file, before) = (file.to_string(), self.kept.fetched.len());
        self.kept.fetched.retain(|fetch| fetch.file != file);
        if self.kept.fetched.len() < before {
            self.write();
        }
    }

    fn write(&mut self) {
        let Some(path) = &self.path else { return };
        self.kept.version = VERSION;
        if let Err(error) = write(path, &self.kept) {
            log::error!("{}: {error}", path.display());
        }
    }
}

impl KeptFetch {
    fn message(&self) -> Option<Message> {
        let place = match self.place.strip_prefix('@') {
            Some(key) => Place::Direct(key.parse().ok()?),
            None => Place::Room(RoomName::new(&self.place).ok()?),
        };
        let (name, hash) = (FileName::lenient(&self.name), read_hex(&self.hash).ok()?);
        Some(Message {
            id: self.file.parse().ok()?,
            place,
            from: self.from.parse().ok()?,
            boot: BootId(0),
            nick: Nick::lenient(""),
            text: self.name.clone(),
            action: false,
            reply: None,
            file: Some(Box::new(Offer { name, size: self.size, hash, folder: self.folder })),
            sent: UnixMillis(0),
            stamp: Stamp(0),
            late: false,
            own: false,
        })
    }
}

/// What is in it. What is no such list is [`InvalidData`](io::ErrorKind::InvalidData), all else the disk's.
fn read(path: &Path) -> io::Result<Kept> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if path.metadata()?.len() > BYTES_MAX {
        return Err(invalid("it is too long".into()));
    }
    let kept = serde_json::from_slice(&fs::read(path)?).map_err(|error| invalid(error.to_string()))?;
    match kept {
        Kept { version: VERSION, .. } => Ok(kept),
        _ => Err(invalid("it is of another version".into())),
    }
}

/// Writes a new file beside it, and puts that in its place: after a power cut one of the two is there.
fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(&new)?;
    file.write_all(&serde_json::to_vec(kept)?)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}
