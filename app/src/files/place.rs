//! Where files that come are put: never over anything.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Names that are tried: `a.txt`, `a (2).txt` and so on.
const TRIES: u32 = 10_000;

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

/// Moves the file at `part` into `folder` under a name that nothing has there, `name` if it can be.
///
/// # Errors
/// When the disk does not do it.
pub(super) fn put_file(part: &Path, folder: &Path, name: &str) -> io::Result<PathBuf> {
    // An empty file of ours takes the name, whoever else wants it; then it is replaced by the whole one at once.
    let path = first_free(folder, name, |path| File::create_new(path).map(drop))?;
    match fs::rename(part, &path) {
        Ok(()) => Ok(path),
        Err(error) => {
            let _ = fs::remove_file(&path);
            Err(error)
        }
    }
}

/// Makes a folder in `folder`, called `name` if nothing else is.
///
/// # Errors
/// When the disk does not do it.
pub(super) fn make_folder(folder: &Path, name: &str) -> io::Result<PathBuf> {
    first_free(folder, name, |path| fs::create_dir(path))
}

fn first_free(folder: &Path, name: &str, take: impl Fn(&Path) -> io::Result<()>) -> io::Result<PathBuf> {
    for number in 1..=TRIES {
        let path = folder.join(numbered(name, number));
        match take(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// `a.txt`, then `a (2).txt`.
fn numbered(name: &str, number: u32) -> String {
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
