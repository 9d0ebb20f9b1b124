//! The store on disk: SQLite, safe against `kill -9` and power loss at any moment.

mod append;
mod change;
mod forget;
mod places;
mod read;
mod record;
mod schema;
mod search;
mod successor;

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use chat_core::{
    Answer, EntryId, MessageId, PeerKey, Place, Record, Request, RoomKeyId, StoreError, StoredTrust, Topic,
};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use self::append::Append;
use super::{Cursor, Fresh, Known, Search, Shown, Store, Told};

/// A store larger than this is not read through at every start: that would take longer than a person waits.
const CHECKED_WHOLE: u64 = 8 << 20;
/// Bytes by which a full store may grow to erase something: the index of words is rewritten for it.
const ERASING: u64 = 1 << 20;
/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A store in one SQLite file, with its log beside it.
#[derive(Debug)]
pub struct Sqlite {
    db: Connection,
    own: PeerKey,
    bytes_max: u64,
    /// The rows of the rooms, so that an entry need not look for its own.
    conversations: BTreeMap<RoomKeyId, i64>,
}

impl Sqlite {
    /// Bytes that a history may take on disk.
    pub const BYTES_MAX: u64 = 4 << 30;

    /// Opens the store at `path`, or makes it; `own` is the profile's key, and `bytes_max` bounds the file.
    ///
    /// # Errors
    /// [`OpenError`]; whatever is at `path` stays as it is.
    pub fn open(path: &Path, own: PeerKey, bytes_max: u64) -> Result<Self, OpenError> {
        let size = look_at(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags).map_err(|error| refused(path, error))?;
        let version = check(&db, size).map_err(|why| why.at(path))?;
        schema::durable(&db).map_err(|error| refused(path, error))?;
        let made = match version {
            None => schema::create(&mut db),
            Some(version) => schema::complete(&mut db, version),
        };
        // Only now: a store of before that is full takes more while it is completed.
        made.and_then(|()| schema::bound(&db, bytes_max)).map_err(|error| refused(path, error))?;
        Ok(Self { db, own, bytes_max, conversations: BTreeMap::new() })
    }
}

impl Sqlite {
    fn commit(&mut self, batches: &[Vec<Record>]) -> Result<Vec<Fresh>, StoreError> {
        let Self { db, own, conversations, .. } = self;
        let appended = db.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|commit| {
            let mut append = Append { db: &commit, own: *own, conversations, days: BTreeMap::new() };
            let fresh = append.all(batches)?;
            append.write_days()?;
            commit.commit()?;
            Ok(fresh)
        });
        appended.map_err(|error| {
            // Rows remembered from a transaction that was rolled back do not exist.
            self.conversations.clear();
            failed(&error)
        })
    }

    /// Opens the store at `path` to read in it, also while another program writes there.
    ///
    /// # Errors
    /// [`OpenError`]; a store of another layout cannot be read before somebody who may write has completed it.
    pub fn look(path: &Path, own: PeerKey) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(|error| refused(path, error))?;
        let version = check(&db, u64::MAX).map_err(|why| why.at(path))?;
        if version != Some(schema::VERSION) {
            let why = String::from("its layout is another one; start the chat once");
            return Err(OpenError::Unusable { path: path.into(), why });
        }
        Ok(Self { db, own, bytes_max: 0, conversations: BTreeMap::new() })
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is there, but not what this program wrote.
    #[error("{path:?} is damaged ({why})")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was seen.
        why: String,
    },
    /// It cannot be read and written.
    #[error("{path:?} cannot be used ({why})")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl Store for Sqlite {
    fn append(&mut self, batches: &[Vec<Record>]) -> Result<Vec<Fresh>, StoreError> {
        let is_erasing = batches.iter().flatten().any(|record| matches!(record, Record::Forget(_)));
        if !is_erasing {
            return self.commit(batches);
        }
        let widened = schema::bound(&self.db, self.bytes_max.saturating_add(ERASING));
        widened.map_err(|error| failed(&error))?;
        let done = self.commit(batches);
        schema::bound(&self.db, self.bytes_max).map_err(|error| failed(&error))?;
        done
    }

    fn fetch(&mut self, what: &Request) -> Result<Answer, StoreError> {
        read::fetch(&self.db, what).map_err(|error| failed(&error))
    }

    fn history(
        &mut self,
        place: &Place,
        limit: usize,
        before: Option<MessageId>,
    ) -> Result<Option<Vec<Cursor>>, StoreError> {
        read::history(&self.db, place, limit, before).map_err(|error| failed(&error))
    }

    fn shown(&mut self, cursors: &[Cursor]) -> Result<Vec<Shown>, StoreError> {
        read::shown(&self.db, cursors).map_err(|error| failed(&error))
    }

    fn since(&mut self, cursor: Cursor, limit: usize) -> Result<Vec<Told>, StoreError> {
        read::since(&self.db, cursor, limit).map_err(|error| failed(&error))
    }

    fn latest(&mut self, place: Option<&Place>, limit: usize) -> Result<Vec<Shown>, StoreError> {
        read::latest(&self.db, place, limit).map_err(|error| failed(&error))
    }

    fn find(&mut self, id: MessageId) -> Result<Option<Shown>, StoreError> {
        read::find(&self.db, id).map_err(|error| failed(&error))
    }

    fn room_of(&mut self, entry: EntryId) -> Result<Option<RoomKeyId>, StoreError> {
        read::room_of(&self.db, entry).map_err(|error| failed(&error))
    }

    fn search(&mut self, search: &Search) -> Result<Vec<Shown>, StoreError> {
        search::search(&self.db, search).map_err(|error| failed(&error))
    }

    fn topics(&mut self) -> Result<BTreeMap<Place, Topic>, StoreError> {
        read::topics(&self.db).map_err(|error| failed(&error))
    }

    fn trusts(&mut self) -> Result<Vec<StoredTrust>, StoreError> {
        read::trusts(&self.db).map_err(|error| failed(&error))
    }

    fn newest(&mut self) -> Result<Cursor, StoreError> {
        read::newest(&self.db).map_err(|error| failed(&error))
    }

    fn known(&mut self) -> Result<Vec<Known>, StoreError> {
        read::known(&self.db).map_err(|error| failed(&error))
    }
}

/// Looks at the file before SQLite does, and makes it if it is not there: 0600, which its log inherits.
/// The answer is its size in bytes.
fn look_at(path: &Path) -> Result<u64, OpenError> {
    let unusable = |error: io::Error| OpenError::Unusable { path: path.into(), why: error.to_string() };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path).map_err(unusable)?;
    let size = file.metadata().map_err(unusable)?.len();
    let mut magic = [0; MAGIC.len()];
    if size > 0 && (file.read_exact(&mut magic).is_err() || magic != *MAGIC) {
        return Err(OpenError::Damaged { path: path.into(), why: String::from("it is not a database") });
    }
    Ok(size)
}

/// Reads what can be read quickly, writing nothing. The answer is the layout's number, unless the store has yet to be
/// made.
fn check(db: &Connection, size: u64) -> Result<Option<i32>, Unfit> {
    schema::careful(db)?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = pragma("user_version")?;
    match (pragma("application_id")?, version) {
        (0, 0) if tables == 0 => return Ok(None),
        (schema::APPLICATION, version) if schema::is_known(version) => {}
        (schema::APPLICATION, newer) => {
            return Err(Unfit::Damaged(format!(
                "its layout is number {newer}, this program knows number {}",
                schema::VERSION
            )));
        }
        _ => return Err(Unfit::Damaged(String::from("it belongs to another program"))),
    }
    if size <= CHECKED_WHOLE {
        let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(Unfit::Damaged(verdict.lines().collect::<Vec<_>>().join(" ")));
        }
    }
    read::state(db, version == schema::VERSION)?;
    if version == schema::VERSION {
        read::trusts(db)?;
        read::keeps(db)?;
        places::strays(db)?;
        successor::all(db)?;
    }
    db.query_row("SELECT count(*) FROM (SELECT text FROM messages LIMIT 1)", [], |_| Ok(()))?;
    read::known(db)?;
    Ok(Some(version))
}

/// Why a file is no store, before its path is known.
#[derive(Debug)]
enum Unfit {
    Damaged(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Unfit {
    fn at(self, path: &Path) -> OpenError {
        match self {
            Self::Damaged(why) => OpenError::Damaged { path: path.into(), why },
            Self::Sqlite(error) => refused(path, error),
        }
    }
}

/// Tells a file that cannot be used from one whose contents are wrong.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn refused(path: &Path, error: rusqlite::Error) -> OpenError {
    let (path, why) = (path.into(), error.to_string());
    match error.sqlite_error_code() {
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory,
        ) => OpenError::Unusable { path, why },
        _ => OpenError::Damaged { path, why },
    }
}

fn failed(error: &rusqlite::Error) -> StoreError {
    // The person is told by the front end, once.
    log::warn!("store: {error}");
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        _ => StoreError::Failed,
    }
}
