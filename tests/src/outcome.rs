//! A program that is run to its end.

use std::{
    io::{Read, Write as _},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::watch;

/// How a program ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code, or `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub out: String,
    /// What it wrote to its standard error.
    pub err: String,
    /// How long it ran.
    pub took: Duration,
}

impl Outcome {
    /// Runs `command` with `input` on its standard input, for at most `limit`.
    ///
    /// # Panics
    /// When it cannot be started or does not end in time; then it is killed.
    #[must_use]
    pub fn of(command: &mut Command, input: &[u8], limit: Duration) -> Self {
        let begun = watch::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let (out, err) = (read(child.stdout.take()), read(child.stderr.take()));
        let mut stdin = child.stdin.take().expect("it was piped");
        let input = input.to_vec();
        let writer = thread::spawn(move || {
            // A program that ends before it has read everything is judged by how it ended.
            let _ = stdin.write_all(&input);
        });
        let status = watch::until(limit, || child.try_wait().expect("a child can be waited for"));
        let took = watch::now() - begun;
        if status.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = writer.join();
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        let Some(status) = status else {
            panic!("{command:?} still runs after {limit:?}\n--- stdout\n{out}\n--- stderr\n{err}")
        };
        Self { code: status.code(), out, err, took }
    }

    /// Claims that it ended with `code`.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Claims that standard error names each of `words`, whatever their case.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn expect_named(&self, words: &[&str]) -> &Self {
        for word in words {
            let found = self.err.to_lowercase().contains(&word.to_lowercase());
            assert!(found, "{word:?} is not named\n{self}");
        }
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, out, err, took } = self;
        write!(f, "exit code {code:?} after {took:?}\n--- stdout\n{out}\n--- stderr\n{err}")
    }
}

fn read(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
