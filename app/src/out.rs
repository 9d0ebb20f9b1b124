//! What is written to the person or the program that reads us: by a thread of its own, so that a reader who
//! sleeps holds up nobody but itself.

use std::{
    cell::Cell,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::{
    happening::{Happening, Tell},
    signals,
};

/// Bytes that may wait for a reader: then nothing more is told, and its further wishes are left to wait.
pub(crate) const UNREAD_MAX: usize = 16 << 20;
/// How soon to try again when nothing is taken, where it cannot be waited for.
const AGAIN: Duration = Duration::from_millis(10);

/// A writer's queue; copies share it.
#[derive(Clone)]
pub(crate) struct Out(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Bytes that the writer has taken and not yet written.
    writing: usize,
    /// Nobody reads any more.
    closed: bool,
    /// Tell when everything is written.
    tell_drained: bool,
}

impl Out {
    /// Starts the writer.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn new(sink: impl Write + Send + 'static, tell: Tell) -> io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name(String::from("output")).spawn(move || writer.write(sink, &tell))?;
        Ok(Self(shared))
    }

    /// Queues `line` and a line break.
    pub(crate) fn line(&self, line: &str) {
        let mut state = self.0.lock();
        if !state.closed {
            state.waiting.extend_from_slice(line.as_bytes());
            state.waiting.push(b'\n');
            self.0.changed.notify_all();
        }
    }

    /// Bytes that nobody has read yet.
    pub(crate) fn backlog(&self) -> usize {
        self.0.lock().backlog()
    }

    /// Asks for one [`Happening::Drained`] when everything is written.
    pub(crate) fn tell_drained(&self) {
        self.0.lock().tell_drained = true;
        self.0.changed.notify_all();
    }

    /// Waits until at most `bytes` are queued, or nobody reads any more.
    pub(crate) fn wait_below(&self, bytes: usize) {
        let state = self.0.lock();
        let wait = self.0.changed.wait_while(state, |state| !state.closed && state.backlog() > bytes);
        drop(wait);
    }

    /// Waits until everything is written, at most `patience`.
    pub(crate) fn finish(&self, patience: Duration) {
        let state = self.0.lock();
        let unfinished = |state: &mut State| !state.closed && state.backlog() > 0;
        drop(self.0.changed.wait_timeout_while(state, patience, unfinished));
    }
}

/// Tells a reader what it did not ask for, as long as it keeps up.
pub(crate) struct Teller {
    out: Out,
    left_out: Cell<u64>,
}

impl Teller {
    pub(crate) fn new(out: Out) -> Self {
        Self { out, left_out: Cell::new(0) }
    }

    /// Queues `line`, or leaves it out when too much waits. The answer says whether it will be read.
    pub(crate) fn tell(&self, line: &str) -> bool {
        let before = self.left_out.get();
        if before == 0 && self.out.backlog() + line.len() <= UNREAD_MAX {
            self.out.line(line);
            return true;
        }
        self.left_out.set(before + 1);
        if before == 0 {
            self.out.tell_drained();
        }
        false
    }

    /// Whether lines are being left out.
    pub(crate) fn is_lagging(&self) -> bool {
        self.left_out.get() > 0
    }

    /// How many lines were left out until now, when everything before them is read.
    pub(crate) fn on_drained(&self) -> u64 {
        self.left_out.take()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut sink: impl Write, tell: &Tell) {
        loop {
            let mut state = self.lock();
            if state.tell_drained && state.waiting.is_empty() {
                state.tell_drained = false;
                let _ = tell.send(Happening::Drained);
            }
            let idle = |state: &mut State| state.waiting.is_empty() && !state.tell_drained;
            state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            let bytes = std::mem::take(&mut state.waiting);
            state.writing = bytes.len();
            drop(state);
            let written = write_all(&mut sink, &bytes);
            let mut state = self.lock();
            state.writing = 0;
            state.closed |= written.is_err();
            let closed = state.closed;
            drop(state);
            self.changed.notify_all();
            if closed {
                signals::end_when_stuck();
                let _ = tell.send(Happening::OutputClosed);
                return;
            }
        }
    }
}

/// Writes all, however long it takes: that nothing is taken just now does not mean that nobody reads any more. Others who
/// have the same pipe or terminal may have said that it is not to be waited for.
fn write_all(sink: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        let written = if bytes.is_empty() { sink.flush().map(|()| 0) } else { sink.write(bytes) };
        match written {
            Ok(0) if bytes.is_empty() => return Ok(()),
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(error) => return Err(error),
        }
    }
}

impl State {
    fn backlog(&self) -> usize {
        self.waiting.len() + self.writing
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read as _,
        sync::mpsc::{self, Receiver},
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    fn out() -> (Out, io::PipeReader, Receiver<Happening>) {
        let (reader, writer) = io::pipe().unwrap();
        let (tell, told) = mpsc::channel();
        (Out::new(writer, tell).unwrap(), reader, told)
    }

    #[test]
    fn a_sleeping_reader_holds_up_nobody() {
        let (out, mut reader, told) = out();
        let line = "x".repeat(999);
        (0..1000).for_each(|_| out.line(&line));
        assert!(out.backlog() > 900_000, "a pipe holds 64 KiB");
        out.tell_drained();
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
        reader.read_exact(&mut vec![0; 1_000_000]).unwrap();
        assert!(matches!(told.recv_timeout(LONG), Ok(Happening::Drained)));
        assert_eq!(out.backlog(), 0);
        out.tell_drained();
        assert!(
            matches!(told.recv_timeout(LONG), Ok(Happening::Drained)),
            "also when there is nothing to do"
        );
    }

    #[test]
    fn all_is_written_only_when_what_came_last_is() {
        let (out, mut reader, told) = out();
        let mut read = |length| reader.read_exact(&mut vec![0; length]).unwrap();
        out.line(&"a".repeat(200_000));
        // From here on the writer has the first line only.
        read(1);
        out.line(&"b".repeat(200_000));
        out.tell_drained();
        read(200_000);
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
        read(200_001);
        assert!(matches!(told.recv_timeout(LONG), Ok(Happening::Drained)));
    }

    #[test]
    fn a_reader_who_fell_behind_is_told_how_far() {
        let (out, mut reader, told) = out();
        let teller = Teller::new(out);
        let line = "x".repeat((1 << 20) - 1);
        assert_eq!((0..20).filter(|_| teller.tell(&line)).count(), 16);
        assert!(teller.is_lagging() && !teller.tell("short"), "what comes later is left out too");
        let read = thread::spawn(move || reader.read_exact(&mut vec![0; 16 << 20]).map(|()| reader));
        assert!(matches!(told.recv_timeout(LONG), Ok(Happening::Drained)));
        assert_eq!((teller.on_drained(), teller.is_lagging(), teller.tell("again")), (5, false, true));
        drop(read.join().unwrap());
    }

    #[test]
    fn a_reader_who_takes_nothing_just_now_has_not_gone() {
        struct Hesitant(io::PipeWriter, u32);
        impl Write for Hesitant {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.1 += 1;
                match self.1 % 3 {
                    1 => Err(io::ErrorKind::WouldBlock.into()),
                    2 => Err(io::ErrorKind::Interrupted.into()),
                    _ => self.0.write(&bytes[..bytes.len().min(2)]),
                }
            }

            fn flush(&mut self) -> io::Result<()> {
                self.write(b"").map(drop)
            }
        }
        let (mut reader, writer) = io::pipe().unwrap();
        let (tell, told) = mpsc::channel();
        let out = Out::new(Hesitant(writer, 0), tell).unwrap();
        out.line("patience");
        out.tell_drained();
        assert!(matches!(told.recv_timeout(LONG), Ok(Happening::Drained)));
        let mut read = [0; 9];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"patience\n");
    }

    #[test]
    fn a_reader_who_went_is_told_once_and_not_waited_for() {
        let (out, reader, told) = out();
        drop(reader);
        out.line("anybody?");
        assert!(matches!(told.recv_timeout(LONG), Ok(Happening::OutputClosed)));
        (0..1000).for_each(|_| out.line("no"));
        assert_eq!(out.backlog(), 0);
        out.wait_below(0);
        out.finish(LONG);
    }
}
