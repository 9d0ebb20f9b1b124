//! The program with a scripted node, as a process of its own: signals, pipes and exit codes are the real ones.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _},
    process::{self, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::fake;
use crate::run;

/// The test that becomes the program when its arguments are there.
const BECOME: &str = "testing::child::becomes_the_program";
const ARGUMENTS: &str = "CHAT_TEST_ARGUMENTS";
/// Between arguments.
const UNIT: &str = "\u{1f}";
/// What the test harness prints ends here.
const BEGIN: &str = "the program begins";
/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn becomes_the_program() {
    let Some(arguments) = std::env::var_os(ARGUMENTS) else { return };
    let arguments = arguments.into_string().unwrap();
    let arguments: Vec<OsString> = arguments.split_terminator(UNIT).map(OsString::from).collect();
    println!("{BEGIN}");
    own_terminal();
    process::exit(run::program("chat-test", &arguments, &fake::open) as i32);
}

/// As a shell arranges it: the terminal, if there is one, sends its signals to the program.
#[cfg(unix)]
fn own_terminal() {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        rustix::process::setsid().unwrap();
        rustix::process::ioctl_tiocsctty(stdin).unwrap();
    }
}

#[cfg(not(unix))]
fn own_terminal() {}

/// The command that runs the program.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let arguments: String = arguments.iter().flat_map(|argument| [argument, UNIT]).collect();
    command
        .args(["--exact", BECOME, "--nocapture", "--test-threads=1"])
        .env(ARGUMENTS, arguments)
        .env("USER", "ana");
    command
}

/// A program that runs.
pub(crate) struct Child {
    process: process::Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
}

/// How a program ended, and what it said from then on.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) lines: Vec<String>,
    pub(crate) errors: String,
    pub(crate) took: Duration,
}

impl Child {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let (mut child, stdout) = Self::silent(arguments);
        child.listen(stdout);
        child
    }

    /// Begins to read what a silent one says.
    pub(crate) fn listen(&mut self, stdout: BufReader<ChildStdout>) {
        let (line, lines) = mpsc::channel();
        let read = move || {
            let all = stdout.lines().map_while(Result::ok);
            all.take_while(|text| line.send(text.clone()).is_ok()).for_each(drop);
        };
        thread::spawn(read);
        self.lines = lines;
    }

    /// One whose output nobody reads but the caller.
    pub(crate) fn silent(arguments: &[&str]) -> (Self, BufReader<ChildStdout>) {
        Self::begun(command(arguments))
    }

    /// One to whom whoever starts it has said that it is not to hear of this signal.
    #[cfg(unix)]
    pub(crate) fn deaf_to(signal: &str, arguments: &[&str]) -> Self {
        let program = command(arguments);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("trap '' {signal}; exec \"$@\""), "sh"]);
        shell.arg(program.get_program()).args(program.get_args());
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let (mut child, stdout) = Self::begun(shell);
        child.listen(stdout);
        child
    }

    fn begun(mut command: Command) -> (Self, BufReader<ChildStdout>) {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut stderr = process.stderr.take().unwrap();
        let mut line = String::new();
        while !line.trim_end().ends_with(BEGIN) {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the program does not begin");
        }
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let stdin = process.stdin.take();
        (Self { process, stdin, lines: mpsc::channel().1, errors: Some(errors) }, stdout)
    }

    pub(crate) fn say(&mut self, line: &str) {
        // Whether it is still there to hear is for the test to find out.
        let _ = writeln!(self.stdin.as_mut().unwrap(), "{line}");
    }

    /// Bytes that are no line, perhaps more than will be read.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.stdin.as_mut().unwrap().write_all(bytes);
    }

    /// The next line that has `part` in it.
    pub(crate) fn line(&self, part: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(LONG) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no line with {part:?} in {seen:#?}"),
            }
        }
    }

    /// The next object of this type.
    pub(crate) fn object(&self, kind: &str) -> Value {
        let line = self.line(&format!(r#""type":"{kind}""#));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: i32) {
        let signal = format!("-{signal}");
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, id]).status().unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for the end.
    pub(crate) fn ended(mut self) -> Ended {
        let clock = chat_net::Clock::new();
        let begin = clock.now();
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(clock.now() - begin < LONG, "it does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let took = clock.now() - begin;
        let errors = self.errors.take().unwrap().join().unwrap();
        Ended { status, lines: self.lines.iter().collect(), errors, took }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }
}
