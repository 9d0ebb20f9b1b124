//! Where files that come are put: never over anything.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Names that are tried: `a.txt`, `a (2).txt` and so on.
pub(super) const TRIES: u32 = 10_000;

/// The folder for files that come: `named`, or that of a profile that was named, or the account's own one for downloads,
/// or one in the profile.
pub(crate) fn downloads(named: Option<&Path>, profile: Option<&Path>, is_profile_named: bool) -> PathBuf {
    let within = || profile.map_or_else(|| PathBuf::from("."), |folder| folder.join("files"));
    match named {
        Some(named) => named.to_path_buf(),
        None if is_profile_named => within(),
        None => accounts().unwrap_or_else(within),
    }
}

/// What the desktop calls the folder for downloads, or the one of that name, if it is there.
fn accounts() -> Option<PathBuf> {
    let home = PathBuf::from(env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" })?);
    let config = env::var_os("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let named = fs::read_to_string(config.join("user-dirs.dirs")).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix("XDG_DOWNLOAD_DIR="))?;
        let path = line.trim_matches('"');
        Some(path.strip_prefix("$HOME/").map_or_else(|| PathBuf::from(path), |rest| home.join(rest)))
    });
    named.into_iter().chain([home.join("Downloads")]).find(|folder| folder.is_absolute() && folder.is_dir())
}

/// Moves the file or folder at `from` into `folder` under a name that nothing has there, `name` if it can be. `note` hears
/// each name before anything gets it.
///
/// # Errors
/// When the disk does not do it.
pub(super) fn put(from: &Path, folder: &Path, name: &str, mut note: impl FnMut(&str)) -> io::Result<PathBuf> {
    for number in 1..=TRIES {
        let name = numbered(name, number);
        let path = folder.join(&name);
        if path.symlink_metadata().is_ok() {
            continue;
        }
        note(&name);
        match rename(from, &path) {
            Ok(()) => {
                if let Err(error) = sync_folder(folder) {
                    log::warn!("{}: {error}", folder.display());
                }
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Calls what is at `from` as nothing else is called: what has got that name meanwhile keeps it.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::{
            fs::{CWD, RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The file system does not know how.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return Ok(done?),
        }
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        // Folders have no second name, and on sticks nothing has.
        Err(_) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(_) => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

/// Makes what is in a folder last. Some systems cannot open a folder; they need no help either.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

/// `a.txt`, then `a (2).txt`.
pub(super) fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        _ if number == 1 => name.to_string(),
        Some((stem, ending)) => format!("{stem} ({number}).{ending}"),
        None => format!("{name} ({number})"),
    }
}

/// Bytes that are free for us in `folder`, where the system tells.
pub(super) fn free(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let facts = rustix::fs::statvfs(folder).ok()?;
        Some(facts.f_bavail.saturating_mul(facts.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// A number of bytes as people read it: `3.2 MB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if number < 1000 {
        return if number == 1 { String::from("1 byte") } else { format!("{number} bytes") };
    }
    let (mut value, mut unit) = (number as f64 / 1000.0, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$} {}", UNITS[unit])
}
