//! The file, and the thread that writes it.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use super::{OnCaptureEnd, block::whole};

/// The file gets no longer: a forgotten capture must not fill the disk.
const LENGTH_MAX: u64 = 1 << 30;
/// Bytes that wait to be written; what exceeds them is left out.
const WAITING_MAX: usize = 16 << 20;
/// Turns of the loop that wait to be written.
const TURNS: usize = 4096;
/// How long the end of the program waits for what has not been written: the disk, or the reader of a pipe, may be slow.
const PATIENCE: Duration = Duration::from_millis(500);

/// A file that is open for a capture, and empty.
#[derive(Debug)]
pub struct Capture {
    target: Target,
    length_max: u64,
}

#[derive(Debug)]
enum Target {
    File(File),
    /// It can be opened when somebody reads it.
    Pipe(PathBuf),
}

/// Why there can be no capture into a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The system does not open it.
    #[error("cannot write {}: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is a device, a folder or a socket.
    #[error("cannot capture into {}: it is neither a file nor a pipe", .path.display())]
    NoFile {
        /// What was named.
        path: PathBuf,
    },
    /// Another program captures into it.
    #[error("another program captures into {}", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

/// Why a capture ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureEnd {
    /// It has become as long as it may.
    #[error("the capture ends: it has reached its limit of {} MiB", .0 >> 20)]
    Full(u64),
    /// It cannot be written.
    #[error("the capture ends: {0}")]
    Failed(io::Error),
}

impl Capture {
    /// Opens the file and empties it; a new one is for its owner alone. A named pipe is opened when the capture begins.
    ///
    /// # Errors
    /// When it is anything else, cannot be opened, or another capture is under way in it.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let target = match fs::metadata(path) {
            Ok(there) if is_pipe(&there) => Target::Pipe(path.into()),
            Ok(there) if !there.is_file() => return Err(CaptureError::NoFile { path: path.into() }),
            _ => Target::File(open_file(path)?),
        };
        Ok(Self { target, length_max: LENGTH_MAX })
    }
}

fn open_file(path: &Path) -> Result<File, CaptureError> {
    let failed = |source| CaptureError::Open { path: path.into(), source };
    let mut options = OpenOptions::new();
    // Not emptied before it is known to be a file, and nobody else's.
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(CaptureError::NoFile { path: path.into() });
    }
    // Where files cannot be locked it goes without.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(CaptureError::InUse { path: path.into() });
    }
    file.set_len(0).map_err(failed)?;
    Ok(file)
}

#[cfg(unix)]
fn is_pipe(there: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&there.file_type())
}

#[cfg(not(unix))]
const fn is_pipe(_there: &fs::Metadata) -> bool {
    false
}

/// The way to the thread that writes. When it is dropped the rest is written, and waited for a moment.
pub(super) struct Writer {
    turns: Option<SyncSender<Vec<u8>>>,
    waiting: Arc<AtomicUsize>,
    ended: Receiver<()>,
}

impl Writer {
    pub(super) fn start(capture: Capture, on_end: OnCaptureEnd) -> io::Result<Self> {
        let (turns, inbox) = sync_channel::<Vec<u8>>(TURNS);
        let (end, ended) = sync_channel(1);
        let waiting = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&waiting);
        let live = move || {
            if let Err(why) = write(capture, &inbox, &seen) {
                on_end(why);
            }
            let _ = end.send(());
        };
        thread::Builder::new().name("chat-capture".into()).spawn(live)?;
        Ok(Self { turns: Some(turns), waiting, ended })
    }

    /// Hands on whole blocks.
    pub(super) fn write(&self, blocks: Vec<u8>) -> Handed {
        let length = blocks.len();
        if self.waiting.fetch_add(length, Relaxed) + length > WAITING_MAX {
            self.waiting.fetch_sub(length, Relaxed);
            return Handed::Back;
        }
        match self.turns.as_ref().map(|turns| turns.try_send(blocks)) {
            Some(Ok(())) => Handed::On,
            Some(Err(TrySendError::Full(_))) => {
                self.waiting.fetch_sub(length, Relaxed);
                Handed::Back
            }
            Some(Err(TrySendError::Disconnected(_))) | None => Handed::ToNobody,
        }
    }
}

/// What became of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Handed {
    /// They will be written.
    On,
    /// Too much waits already: they are left out.
    Back,
    /// Nobody writes any more.
    ToNobody,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.turns = None;
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// Writes what comes at once, until nothing more comes.
fn write(capture: Capture, inbox: &Receiver<Vec<u8>>, waiting: &AtomicUsize) -> Result<(), CaptureEnd> {
    let (mut file, is_pipe) = match capture.target {
        Target::File(file) => (file, false),
        // This waits for a reader.
        Target::Pipe(path) => (OpenOptions::new().write(true).open(path).map_err(CaptureEnd::Failed)?, true),
    };
    let mut length = 0;
    for blocks in inbox {
        let room = usize::try_from(capture.length_max - length).unwrap_or(usize::MAX);
        let fitting = whole(&blocks, blocks.len().min(room));
        let (mut written, mut result) = (0, Ok(()));
        while written < fitting && result.is_ok() {
            match file.write(blocks.get(written..fitting).unwrap_or_default()) {
                Ok(0) => result = Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => result = Err(error),
            }
        }
        if let Err(error) = result {
            if !is_pipe {
                // So that what is there can be read. If not even this can be done, most readers take it all the same.
                let _ = file.set_len(length + whole(&blocks, written) as u64);
            }
            return Err(CaptureEnd::Failed(error));
        }
        length += fitting as u64;
        waiting.fetch_sub(blocks.len(), Relaxed);
        if fitting < blocks.len() {
            return Err(CaptureEnd::Full(capture.length_max));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
