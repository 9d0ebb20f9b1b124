//! The profile: a folder with the person's secret, the history, and a lock that one program at a time holds.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use chat_core::{Nick, PeerKey, hex, read_hex};
use etcetera::BaseStrategy as _;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use zeroize::Zeroizing;

use crate::{
    cli::Options,
    fault::{Exit, Fault},
    store::{Memory, OpenError, Sqlite, Store},
};

/// The folder's name in the platform's data directory.
const FOLDER: &str = "p2p-chat";
const SECRET: &str = "secret";
const HISTORY: &str = "history.db";
/// How long the other program may keep us from reading.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who we are, and where it is kept.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) secret: Zeroizing<[u8; 32]>,
    /// `None` when nothing is kept.
    pub(crate) folder: Option<PathBuf>,
    /// Held until the end of the program, however it comes.
    _lock: Option<File>,
}

impl Seen {
    /// The history, to read in it; `None` where there is none yet.
    ///
    /// # Errors
    /// A store that is damaged, or cannot be read.
    pub(crate) fn history(&self, own: PeerKey) -> Result<Option<Box<dyn Store>>, Fault> {
        let path = self.folder.join(HISTORY);
        if !path.exists() {
            return Ok(None);
        }
        match Sqlite::look(&path, own) {
            Ok(store) => Ok(Some(Box::new(store))),
            Err(error @ OpenError::Unusable { .. }) => Err(Fault::usage(error.to_string())),
            Err(error @ OpenError::Damaged { .. }) => Err(Fault::new(Exit::Damaged, error.to_string())),
        }
    }
}

impl Profile {
    /// Opens the profile that `options` name and makes it if it is not there; `again` is the command that would
    /// work beside a program that holds it.
    ///
    /// # Errors
    /// A profile in use, a folder that cannot be written, a secret that cannot be read.
    pub(crate) fn open(options: &Options, again: &str) -> Result<Self, Fault> {
        if options.ephemeral {
            return Ok(Self { secret: fresh_secret()?, folder: None, _lock: None });
        }
        let folder = folder(options)?;
        let unwritable = |error: io::Error| unwritable(&folder, &error);
        make(&folder).map_err(unwritable)?;
        let lock = lock(&folder.join("lock")).map_err(|error| match error {
            TryLockError::WouldBlock => Fault::new(
                Exit::InUse,
                format!(
                    "the profile {} is in use by another chat; beside it this works: {again} (or --profile \
                     with another folder)",
                    folder.display()
                ),
            ),
            TryLockError::Error(error) => unwritable(error),
        })?;
        let path = folder.join(SECRET);
        let secret = match read_secret(&path)? {
            Some(secret) => secret,
            None => {
                let secret = fresh_secret()?;
                write_secret(&folder, &secret).map_err(unwritable)?;
                secret
            }
        };
        Ok(Self { secret, folder: Some(folder), _lock: Some(lock) })
    }

    /// Only reads who we are, also beside a program that holds the profile; `None` where there is nobody yet.
    ///
    /// # Errors
    /// As [`open`](Self::open), without that of a profile in use.
    pub(crate) fn look(options: &Options) -> Result<Option<Seen>, Fault> {
        let folder = folder(options)?;
        let Some(secret) = read_secret(&folder.join(SECRET))? else { return Ok(None) };
        Ok(Some(Seen { secret, nick: nick(&folder.join(HISTORY)), folder }))
    }

    /// Opens the history of the person `own`.
    ///
    /// # Errors
    /// A store that is damaged, or cannot be written.
    pub(crate) fn store(&self, own: PeerKey) -> Result<Box<dyn Store>, Fault> {
        let Some(folder) = &self.folder else {
            return Ok(Box::new(Memory::new(own, Memory::BYTES_MAX)));
        };
        match Sqlite::open(&folder.join(HISTORY), own, Sqlite::BYTES_MAX) {
            Ok(store) => Ok(Box::new(store)),
            Err(error @ OpenError::Unusable { .. }) => {
                Err(Fault::usage(format!("{error}; with --ephemeral nothing is kept")))
            }
            Err(error @ OpenError::Damaged { .. }) => {
                let (all, aside) = (folder.join(HISTORY), folder.join("damaged"));
                let (all, aside) = (quote(&all.to_string_lossy()), quote(&aside.to_string_lossy()));
                Err(Fault::new(
                    Exit::Damaged,
                    format!(
                        "{error}; it was left as it is; to begin a new history move it away: \
                         mkdir -p {aside} && mv {all}* {aside}"
                    ),
                ))
            }
        }
    }
}

/// A profile that somebody else holds.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) secret: Zeroizing<[u8; 32]>,
    /// What its person was called last, if that can be read.
    pub(crate) nick: Option<Nick>,
    pub(crate) folder: PathBuf,
}

/// What the account is called, or `guest`.
pub(crate) fn account() -> Nick {
    let names = ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(env::var_os);
    let nick = names.filter_map(|name| Nick::new(&name.to_string_lossy()).ok()).next();
    nick.unwrap_or_else(|| Nick::lenient("guest"))
}

/// `word` as a shell reads it as one word.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn folder(options: &Options) -> Result<PathBuf, Fault> {
    if let Some(folder) = &options.profile {
        return Ok(folder.clone());
    }
    match etcetera::base_strategy::choose_native_strategy() {
        Ok(places) => Ok(places.data_dir().join(FOLDER)),
        Err(_) => {
            Err(Fault::usage("no home directory is known; name a folder with --profile, or use --ephemeral"))
        }
    }
}

/// The nick in the history at `path`. Another program may be writing there, or be about to make it: this one only
/// reads.
fn nick(path: &Path) -> Option<Nick> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).ok()?;
    db.busy_timeout(PATIENCE).ok()?;
    let find = "SELECT value FROM settings WHERE name = 'nick'";
    let nick = db.query_row(find, [], |row| row.get::<_, String>(0)).optional().ok()?;
    Some(nick.map_or_else(account, |nick| Nick::lenient(&nick)))
}

fn unwritable(folder: &Path, error: &io::Error) -> Fault {
    Fault::usage(format!(
        "the profile {} cannot be written ({error}); name another with --profile, or keep nothing with --ephemeral",
        folder.display()
    ))
}

/// Makes the folder for its owner alone; one that is there stays as it is.
fn make(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

fn lock(path: &Path) -> Result<File, TryLockError> {
    let file = private().create(true).truncate(false).open(path).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

fn fresh_secret() -> Result<Zeroizing<[u8; 32]>, Fault> {
    let secret = chat_net::entropy();
    secret
        .map(Zeroizing::new)
        .map_err(|error| Fault::usage(format!("the system gives no randomness: {error}")))
}

/// The secret, `None` if there is none yet.
fn read_secret(path: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, Fault> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Zeroizing::new(String::new()),
        Err(error) => return Err(unwritable(path, &error)),
    };
    match read_hex(text.trim_end()) {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(_) => {
            let file = quote(&path.to_string_lossy());
            Err(Fault::new(
                Exit::Damaged,
                format!(
                    "the secret {} is damaged; it was left as it is; put a copy back, or move it away to become \
                     somebody new: mv {file} {file}.damaged",
                    path.display()
                ),
            ))
        }
    }
}

/// Writes the secret so that it is there whole or not at all, also when the power fails.
fn write_secret(folder: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let unfinished = folder.join("secret.new");
    let mut file = private().create(true).truncate(true).open(&unfinished)?;
    file.write_all(Zeroizing::new(hex(secret) + "\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(SECRET))?;
    // The folder's own entry must last too. Some systems cannot open a folder; they need no help either.
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

/// A file that only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use chat_core::Record;

    use super::*;
    use crate::{cli::Cli, testing::Folder};

    const OWN: PeerKey = PeerKey([1; 32]);

    fn options(folder: &Path) -> Options {
        Cli::read("chat-std", &["--profile".into(), folder.into()]).unwrap().options
    }

    fn fault(folder: &Path) -> Fault {
        Profile::open(&options(folder), "chat-std --ephemeral").unwrap_err()
    }

    #[test]
    fn the_secret_stays_and_is_private() {
        let folder = Folder::new("profile");
        let path = folder.path("deep/er");
        let first = Profile::open(&options(&path), "").unwrap().secret;
        assert_eq!(Profile::open(&options(&path), "").unwrap().secret, first);
        assert_eq!(Profile::look(&options(&path)).unwrap().unwrap().secret, first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(""), mode("secret"), mode("lock")), (0o700, 0o600, 0o600));
        }
    }

    #[test]
    fn one_program_at_a_time() {
        let folder = Folder::new("lock");
        let held = Profile::open(&options(&folder.path("p")), "").unwrap();
        let fault = fault(&folder.path("p"));
        assert_eq!(fault.exit, Exit::InUse);
        assert!(fault.message.contains("this works: chat-std --ephemeral"), "{fault}");
        let nick = || Profile::look(&options(&folder.path("p"))).unwrap().unwrap().nick;
        assert_eq!(nick(), None, "there is no history");
        assert!(!folder.path("p/history.db").exists(), "looking makes none");
        let mut store = held.store(OWN).unwrap();
        assert_eq!(nick(), Some(account()), "nobody has said otherwise");
        store.append(&[vec![Record::Nick(Nick::lenient("somebody else"))]]).unwrap();
        assert_eq!(nick(), Nick::new("somebody else").ok());
        drop((held, store));
        assert!(Profile::open(&options(&folder.path("p")), "").is_ok());
    }

    #[test]
    fn an_unwritable_folder_names_the_way_out() {
        let folder = Folder::new("unwritable");
        fs::write(folder.path("file"), "").unwrap();
        for path in [folder.path("file"), folder.path("file/below")] {
            let fault = fault(&path);
            assert_eq!(fault.exit, Exit::Usage);
            assert!(fault.message.contains("--ephemeral"), "{fault}");
            assert_eq!(fault.message.lines().count(), 1);
        }
    }

    #[test]
    fn damage_is_told_and_left_alone() {
        let folder = Folder::new("damage it's");
        let path = folder.path("p");
        let profile = Profile::open(&options(&path), "").unwrap();
        fs::write(path.join("history.db"), "my diary").unwrap();
        let fault = profile.store(OWN).err().unwrap();
        assert_eq!(fault.exit, Exit::Damaged);
        assert!(fault.message.contains("mv '") && fault.message.contains(r"it'\''s/p/damaged'"), "{fault}");
        assert_eq!(fs::read(path.join("history.db")).unwrap(), b"my diary");
        drop(profile);
        for secret in [&b"short"[..], &[0xff; 64]] {
            fs::write(path.join("secret"), secret).unwrap();
            assert_eq!(self::fault(&path).exit, Exit::Damaged);
            assert_eq!(fs::read(path.join("secret")).unwrap(), secret);
        }
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(["#a", "a/b-c", "", "it's"].map(quote), ["'#a'", "a/b-c", "''", r"'it'\''s'"]);
    }
}
