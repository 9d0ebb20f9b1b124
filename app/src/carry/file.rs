//! A file that is there whole or not at all, and never in place of another.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::{export::ExportError, format::MAGIC};

/// Where an export goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Standard output.
    Output,
    File(PathBuf),
}

/// A file that is being written under another name.
#[derive(Debug)]
pub(super) struct Unfinished {
    file: File,
    part: PathBuf,
    path: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    /// Begins one that is to be at `path`. What a program left that was killed while it wrote there is begun anew.
    ///
    /// # Errors
    /// When something is there already, or nothing can be written there.
    pub(super) fn begin(path: &Path) -> Result<Self, ExportError> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(ExportError::Exists(path.into()));
        }
        let Some(name) = path.file_name() else { return Err(ExportError::Exists(path.into())) };
        let mut part = name.to_owned();
        part.push(".part");
        let part = path.with_file_name(part);
        let unwritable = |error| ExportError::Unwritable(path.into(), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part).map_err(unwritable)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(ExportError::Busy(path.into())),
            // Where there are no locks nobody else is likely to be.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let mut beginning = Vec::new();
        Read::by_ref(&mut file).take(MAGIC.len() as u64).read_to_end(&mut beginning).map_err(unwritable)?;
        if !MAGIC.starts_with(&beginning) {
            return Err(ExportError::Exists(part));
        }
        file.set_len(0).map_err(unwritable)?;
        io::Seek::rewind(&mut file).map_err(unwritable)?;
        Ok(Self { file, part, path: path.into(), is_finished: false })
    }

    /// Gives it its name, as soon as it is safe on the disk.
    ///
    /// # Errors
    /// When that does not go, or something has got the name meanwhile.
    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        let unwritable = |error| ExportError::Unwritable(self.path.clone(), error);
        self.file.sync_all().map_err(unwritable)?;
        match fs::hard_link(&self.part, &self.path) {
            Ok(()) => fs::remove_file(&self.part).map_err(unwritable)?,
            Err(_) if fs::symlink_metadata(&self.path).is_ok() => {
                return Err(ExportError::Exists(self.path.clone()));
            }
            // Sticks have mostly file systems without links.
            Err(_) => fs::rename(&self.part, &self.path).map_err(unwritable)?,
        }
        self.is_finished = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        // The folder's own entry must last too. Some systems cannot open a folder; they need no help either.
        File::open(folder.unwrap_or_else(|| Path::new(".")))
            .map_or(Ok(()), |folder| folder.sync_all())
            .map_err(unwritable)
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(&self.part);
        }
    }
}
