use std::{path::PathBuf, sync::mpsc::channel};

use super::{super::block::put_section, *};
use crate::clock;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("chat-{name}-{}-{}", std::process::id(), clock::wall_nanos()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn block() -> Vec<u8> {
    let mut blocks = Vec::new();
    put_section(&mut blocks, "test", "");
    blocks
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_owner_alone_and_an_old_one_is_emptied() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("mode");
    let path = folder.path("a");
    drop(Capture::open(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&path, "from before").unwrap();
    drop(Capture::open(&path).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn a_file_of_another_capture_is_left_alone() {
    let folder = Folder::new("lock");
    let path = folder.path("a");
    let first = Capture::open(&path).unwrap();
    fs::write(&path, "something").unwrap();
    assert!(matches!(Capture::open(&path), Err(CaptureError::InUse { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"something");
    drop(first);
    assert!(Capture::open(&path).is_ok());
}

#[test]
fn what_is_no_file_is_refused_in_one_line() {
    let folder = Folder::new("refused");
    let folder_error = Capture::open(&folder.0).unwrap_err();
    assert!(matches!(folder_error, CaptureError::NoFile { .. }), "{folder_error}");
    #[cfg(unix)]
    assert!(matches!(Capture::open(Path::new("/dev/null")), Err(CaptureError::NoFile { .. })));
    let nowhere = Capture::open(&folder.path("no/such/folder")).unwrap_err().to_string();
    assert!(nowhere.starts_with("cannot write ") && !nowhere.contains('\n'), "{nowhere}");
}

#[test]
fn a_file_that_is_long_enough_ends_with_a_whole_block_and_says_so_once() {
    let folder = Folder::new("limit");
    let path = folder.path("a");
    let mut capture = Capture::open(&path).unwrap();
    let length = block().len();
    capture.length_max = 2 * length as u64 + 5;
    let (tell, told) = channel();
    let writer = Writer::start(capture, Box::new(move |end| tell.send(end.to_string()).unwrap())).unwrap();
    assert_eq!(writer.write([block(), block(), block(), block()].concat()), Handed::On);
    assert_eq!(told.recv().unwrap(), "the capture ends: it has reached its limit of 0 MiB");
    drop(writer);
    assert_eq!(fs::read(&path).unwrap(), [block(), block()].concat());
    assert!(told.try_recv().is_err());
}

#[test]
fn all_that_was_handed_on_is_there_at_the_end() {
    let folder = Folder::new("all");
    let path = folder.path("a");
    let writer = Writer::start(Capture::open(&path).unwrap(), Box::new(|end| panic!("{end}"))).unwrap();
    (0..1000).for_each(|_| assert_eq!(writer.write(block()), Handed::On));
    drop(writer);
    assert_eq!(fs::read(&path).unwrap().len(), 1000 * block().len());
}

/// Nobody reads the pipe: what does not fit is left out, nothing waits, and at the end hardly anything does.
#[cfg(unix)]
#[test]
fn a_pipe_without_a_reader_holds_up_nothing() {
    let folder = Folder::new("pipe");
    let path = folder.path("a");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let begun = clock::wall_nanos();
    let writer = Writer::start(Capture::open(&path).unwrap(), Box::new(|_| {})).unwrap();
    let handed: Vec<_> = (0..3).map(|_| writer.write(vec![0; WAITING_MAX / 2])).collect();
    assert_eq!(handed, [Handed::On, Handed::On, Handed::Back]);
    drop(writer);
    assert!(Duration::from_nanos(clock::wall_nanos() - begun) < 4 * PATIENCE);
}
