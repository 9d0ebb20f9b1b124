//! What the person types or a program sends, line by line, and no faster than it can be carried out.

use std::{
    io::{self, BufRead},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::{
    happening::{Happening, Line, Tell},
    out::{Out, UNREAD_MAX},
    signals,
};

/// The longest line that is read, in bytes: the longest message with every character escaped, and to spare.
pub(crate) const LINE_MAX: usize = 64 << 10;
/// Lines that may wait for their answer before the input is left to wait.
pub(crate) const UNANSWERED_MAX: usize = 1024;
/// How soon to look again when nothing has come, where it cannot be waited for.
const AGAIN: Duration = Duration::from_millis(20);

/// Counts the lines that are not answered yet; copies share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<(Mutex<usize>, Condvar)>);

impl Gate {
    /// Takes a place, as soon as there is one.
    pub(crate) fn enter(&self) {
        let (_, freed) = &*self.0;
        let waited = freed.wait_while(self.lock(), |unanswered| *unanswered >= UNANSWERED_MAX);
        *waited.unwrap_or_else(PoisonError::into_inner) += 1;
    }

    /// Frees a place: a line was answered.
    pub(crate) fn leave(&self) {
        let mut unanswered = self.lock();
        *unanswered = unanswered.saturating_sub(1);
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads `source` to its end in a thread of its own, a place in `gate` for each line.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn spawn(
    source: impl BufRead + Send + 'static,
    gate: Gate,
    out: Out,
    tell: Tell,
) -> io::Result<()> {
    let mut source = source;
    let read_all = move || {
        loop {
            gate.enter();
            out.wait_below(UNREAD_MAX);
            let Some(line) = read_line(&mut source) else { break };
            if tell.send(Happening::Line(line)).is_err() {
                return;
            }
        }
        signals::end_when_stuck();
        let _ = tell.send(Happening::InputEnded);
    };
    thread::Builder::new().name(String::from("input")).spawn(read_all).map(drop)
}

/// The next line without its break; `None` at the end, also when the source fails.
fn read_line(source: &mut impl BufRead) -> Option<Line> {
    let mut bytes = Vec::new();
    let mut length = 0;
    loop {
        let part = match source.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Whoever shares it with us has said that it is not to be waited for.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(AGAIN);
                continue;
            }
            Ok([]) | Err(_) if length == 0 => return None,
            Ok([]) | Err(_) => break,
            Ok(part) => part,
        };
        let (line, used, ended) = match part.iter().position(|&byte| byte == b'\n') {
            Some(end) => (&part[..end], end + 1, true),
            None => (part, part.len(), false),
        };
        // What is too long is read to its end, but not kept.
        if bytes.len() + line.len() <= LINE_MAX {
            bytes.extend_from_slice(line);
        }
        length += used;
        let too_long = length > LINE_MAX + 1;
        source.consume(used);
        if ended {
            return Some(if too_long { Line::TooLong } else { text(bytes) });
        }
    }
    Some(if length > LINE_MAX { Line::TooLong } else { text(bytes) })
}

fn text(mut bytes: Vec<u8>) -> Line {
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_or(Line::NotText, Line::Text)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufReader, Write as _},
        sync::mpsc,
    };

    use super::*;

    fn lines(input: &[u8]) -> Vec<Line> {
        // A small buffer, so that lines come in parts.
        let mut source = BufReader::with_capacity(7, input);
        std::iter::from_fn(|| read_line(&mut source)).collect()
    }

    #[test]
    fn lines_are_bounded_and_may_be_anything() {
        let text = |text: &str| Line::Text(text.to_string());
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"a\r\n\nlast words"), [text("a"), text(""), text("last words")]);
        assert_eq!(lines(b"\xff\xfe\nb\n"), [Line::NotText, text("b")]);
        let longest = "x".repeat(LINE_MAX);
        assert_eq!(
            lines(format!("{longest}\n{longest}x\nb\n").as_bytes()),
            [text(&longest), Line::TooLong, text("b")]
        );
        assert_eq!(lines(format!("{longest}x").as_bytes()), [Line::TooLong]);
    }

    #[test]
    fn what_does_not_come_at_once_is_waited_for() {
        use io::ErrorKind::{Interrupted, WouldBlock};
        struct Hesitant(Vec<Result<&'static [u8], io::ErrorKind>>);
        impl io::Read for Hesitant {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                match self.0.pop() {
                    None => Ok(0),
                    Some(Err(kind)) => Err(kind.into()),
                    Some(Ok(bytes)) => io::Read::read(&mut &*bytes, into),
                }
            }
        }
        let mut parts =
            vec![Err(Interrupted), Err(WouldBlock), Ok(&b"a\nb"[..]), Err(WouldBlock), Err(Interrupted)];
        parts.push(Ok(b"c\n"));
        parts.extend([Err(Interrupted), Err(WouldBlock), Ok(&b"d"[..])]);
        parts.reverse();
        let mut source = BufReader::new(Hesitant(parts));
        let lines: Vec<_> = std::iter::from_fn(|| read_line(&mut source)).collect();
        assert_eq!(lines, ["a", "bc", "d"].map(|line| Line::Text(line.to_string())));
    }

    #[test]
    fn input_waits_for_answers() {
        let (reader, mut writer) = io::pipe().unwrap();
        let (tell, told) = mpsc::channel();
        let gate = Gate::default();
        let out = Out::new(io::sink(), tell.clone()).unwrap();
        spawn(BufReader::new(reader), gate.clone(), out, tell).unwrap();
        let feed =
            thread::spawn(move || writer.write_all("x\n".repeat(UNANSWERED_MAX + 1).as_bytes()).unwrap());
        for _ in 0..UNANSWERED_MAX {
            assert!(matches!(told.recv_timeout(Duration::from_secs(10)), Ok(Happening::Line(_))));
        }
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
        gate.leave();
        assert!(matches!(told.recv_timeout(Duration::from_secs(10)), Ok(Happening::Line(_))));
        gate.leave();
        assert!(matches!(told.recv_timeout(Duration::from_secs(10)), Ok(Happening::InputEnded)));
        feed.join().unwrap();
    }
}
