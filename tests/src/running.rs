//! A running program that prints lines. Every wait is bounded, and a failure shows what the program said.

use std::{
    fmt::Write as _,
    io::{BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::watch;

/// One line that the program printed.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it was read.
    pub at: Instant,
    /// The line without its end.
    pub text: String,
    /// What it says as JSON, or [`Value::Null`].
    pub json: Value,
}

/// A program that runs until it is told to end, or this is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    begun: Instant,
    stdin: Option<mpsc::Sender<Vec<u8>>>,
    heard: Arc<Heard>,
    errors: Arc<Mutex<String>>,
}

impl Running {
    /// Starts `command`; `name` tells it apart in failure messages.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(name: String, command: &mut Command) -> Self {
        let begun = watch::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let heard = Arc::new(Heard::default());
        let errors = Arc::new(Mutex::new(String::new()));
        if let Some(out) = child.stdout.take() {
            let heard = Arc::clone(&heard);
            thread::spawn(move || heard.listen(BufReader::new(out)));
        }
        if let Some(mut err) = child.stderr.take() {
            let errors = Arc::clone(&errors);
            thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = err.read(&mut piece) {
                    locked(&errors).push_str(&String::from_utf8_lossy(&piece[..length]));
                }
            });
        }
        // A program may stop reading; the test goes on all the same.
        let (stdin, waiting) = mpsc::channel::<Vec<u8>>();
        if let Some(mut pipe) = child.stdin.take() {
            thread::spawn(move || waiting.into_iter().all(|bytes| pipe.write_all(&bytes).is_ok()));
        }
        Self { name, child, begun, stdin: Some(stdin), heard, errors }
    }

    /// When it was started, just before.
    #[must_use]
    pub const fn begun(&self) -> Instant {
        self.begun
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input; nothing happens when it has gone.
    pub fn write(&self, bytes: impl Into<Vec<u8>>) {
        if let Some(stdin) = &self.stdin {
            let _ = stdin.send(bytes.into());
        }
    }

    /// Ends its standard input, after what was written.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for a line that `fits` and takes it, so that no later call sees it. Lines that came earlier and were not
    /// taken count; others stay for later calls.
    ///
    /// # Panics
    /// When there is none within `limit`.
    #[track_caller]
    pub fn expect(&self, what: &str, limit: Duration, fits: impl Fn(&Line) -> bool) -> Line {
        match self.heard.take(limit, fits) {
            Some(line) => line,
            None => panic!("no {what} within {limit:?} from {self}"),
        }
    }

    /// Takes a line that `fits`, as [`expect`](Self::expect) does, if there is one within `limit`.
    #[must_use]
    pub fn take(&self, limit: Duration, fits: impl Fn(&Line) -> bool) -> Option<Line> {
        self.heard.take(limit, fits)
    }

    /// Claims that for `span` no line comes that `fits`, nor has come before without being taken.
    ///
    /// # Panics
    /// When one does.
    #[track_caller]
    pub fn expect_none(&self, what: &str, span: Duration, fits: impl Fn(&Line) -> bool) {
        if let Some(line) = self.heard.take(span, fits) {
            panic!("unwanted {what}: {}\nfrom {self}", line.text);
        }
    }

    /// All lines so far, taken or not.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.gather(|line| Some(line.clone()))
    }

    /// What `pick` makes of all lines so far, taken or not.
    pub fn gather<T>(&self, pick: impl Fn(&Line) -> Option<T>) -> Vec<T> {
        locked(&self.heard.state).lines.iter().filter_map(|(line, _)| pick(line)).collect()
    }

    /// What it has written to its standard error so far.
    #[must_use]
    pub fn errors(&self) -> String {
        locked(&self.errors).clone()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).unwrap_or_else(|error| panic!("{error}: {self}"));
    }

    /// Ends it as a power cut would, with SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it ends, and returns its exit code, or `None` when a signal ended it.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        let child = &mut self.child;
        match watch::until(limit, || child.try_wait().expect("a child can be waited for")) {
            Some(status) => {
                self.heard.wait_for_end();
                status.code()
            }
            None => panic!("still running after {limit:?}: {self}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl std::fmt::Display for Running {
    /// What it said last, for failure messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const LINES: usize = 60;
        const ERRORS: usize = 6000;
        let lines = self.lines();
        let mut said = String::new();
        for line in lines.iter().skip(lines.len().saturating_sub(LINES)) {
            let at = line.at.saturating_duration_since(self.begun).as_millis();
            let text: String = line.text.chars().take(500).collect();
            writeln!(said, "{at:>7} ms  {text}")?;
        }
        let errors = self.errors();
        let cut = errors.char_indices().rev().nth(ERRORS).map_or(0, |(at, _)| at);
        let name = &self.name;
        let hidden = lines.len().saturating_sub(LINES);
        write!(f, "{name}\n--- stdout of {name} ({hidden} lines before)\n{said}--- stderr of {name}\n")?;
        f.write_str(&errors[cut..])
    }
}

/// The lines so far, each with whether a test has taken it.
#[derive(Debug, Default)]
struct Heard {
    state: Mutex<HeardState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct HeardState {
    lines: Vec<(Line, bool)>,
    /// All lines before this one are taken: a flood is not searched again and again.
    taken: usize,
    ended: bool,
}

impl Heard {
    fn listen(&self, mut out: impl std::io::BufRead) {
        let mut bytes = Vec::new();
        while let Ok(1..) = out.read_until(b'\n', &mut bytes) {
            let at = watch::now();
            let text = String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
            let json = serde_json::from_str(&text).unwrap_or(Value::Null);
            locked(&self.state).lines.push((Line { at, text, json }, false));
            self.changed.notify_all();
            bytes.clear();
        }
        locked(&self.state).ended = true;
        self.changed.notify_all();
    }

    fn take(&self, limit: Duration, fits: impl Fn(&Line) -> bool) -> Option<Line> {
        let deadline = watch::now() + limit;
        let mut state = locked(&self.state);
        let mut from = state.taken;
        loop {
            let fresh = state.lines.iter_mut().skip(from);
            if let Some((line, taken)) = fresh.into_iter().find(|(line, taken)| !taken && fits(line)) {
                *taken = true;
                let line = line.clone();
                while state.lines.get(state.taken).is_some_and(|(_, taken)| *taken) {
                    state.taken += 1;
                }
                return Some(line);
            }
            from = state.lines.len();
            let left = deadline.saturating_duration_since(watch::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// After the process: its last lines are still in the pipe.
    fn wait_for_end(&self) {
        let mut state = locked(&self.state);
        let deadline = watch::now() + Duration::from_secs(2);
        while !state.ended && watch::now() < deadline {
            let piece = Duration::from_millis(50);
            state = self.changed.wait_timeout(state, piece).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(line: &str) -> Running {
        Running::start("shell".into(), Command::new("sh").args(["-c", line]))
    }

    #[test]
    fn lines_are_found_in_any_order_and_each_once() {
        let shell = shell("echo one; echo two; echo one; cat");
        shell.expect("two", SOON, |line| line.text == "two");
        shell.expect("one", SOON, |line| line.text == "one");
        shell.expect("one", SOON, |line| line.text == "one");
        assert!(shell.take(Duration::from_millis(100), |line| line.text == "one").is_none());
        shell.write("{\"type\":\"echo\"}\n");
        assert!(shell.expect("echo", SOON, |line| line.is_of("echo")).at > shell.begun());
        assert_eq!(shell.lines().len(), 4);
    }

    #[test]
    fn a_wait_ends_with_the_program_or_in_time() {
        let begun = watch::now();
        assert!(shell("exit").take(SOON, |_| true).is_none());
        assert!(watch::now() - begun < SOON);
        let patient = shell("cat");
        let begun = watch::now();
        assert!(patient.take(Duration::from_millis(50), |_| true).is_none());
        assert!((Duration::from_millis(50)..SOON).contains(&(watch::now() - begun)));
    }

    #[test]
    fn the_end_is_seen_whoever_brings_it() {
        assert_eq!(shell("echo last; exit 7").wait(SOON), Some(7));
        let mut reader = shell("cat");
        reader.write("before the end\n");
        reader.close_stdin();
        assert_eq!(reader.wait(SOON), Some(0));
        assert_eq!(reader.lines()[0].text, "before the end");
        let mut signalled = shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
        signalled.expect("ready", SOON, |line| line.text == "ready");
        assert!(signalled.is_alive());
        signalled.signal(Signal::TERM);
        assert_eq!(signalled.wait(SOON), Some(3));
        let mut killed = shell("exec sleep 60");
        killed.kill();
        assert!(!killed.is_alive());
    }

    #[test]
    fn a_failure_shows_what_was_said() {
        let mut shell = shell("echo the last word; echo a complaint >&2");
        shell.wait(SOON);
        let seen = watch::until(SOON, || shell.errors().contains("a complaint").then_some(()));
        assert!(seen.is_some());
        let shown = shell.to_string();
        assert!(shown.contains("the last word") && shown.contains("a complaint"), "{shown}");
    }
}
