//! The program on a terminal: what comes in does not tear the line that is typed, and the terminal is left whole.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{self, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use nix::{
    pty::{Winsize, openpty},
    sys::termios::{LocalFlags, tcgetattr},
};

use super::child;

const LONG: Duration = Duration::from_secs(30);

struct Screen {
    keys: File,
    shown: Receiver<u8>,
    seen: String,
}

impl Screen {
    fn key(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the terminal was sent `part`.
    fn wait(&mut self, part: &str) {
        let mut bytes = Vec::new();
        while !self.seen.contains(part) {
            match self.shown.recv_timeout(LONG) {
                Ok(byte) => bytes.push(byte),
                Err(_) => panic!("no {part:?} in {:?}", self.seen),
            }
            if let Ok(text) = std::str::from_utf8(&bytes) {
                self.seen.push_str(text);
                bytes.clear();
            }
        }
        let end = self.seen.find(part).unwrap() + part.len();
        self.seen.drain(..end);
    }
}

/// A program that does not outlive a test that failed.
struct Leaving(process::Child);

impl Drop for Leaving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the program on a terminal, lets `act` use it, and gives back how it ended and the terminal's mode.
fn on_a_terminal(act: impl FnOnce(&mut Screen, u32)) -> (Option<i32>, LocalFlags, LocalFlags) {
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).unwrap();
    let slave = || Stdio::from(terminal.slave.try_clone().unwrap());
    let before = tcgetattr(&terminal.slave).unwrap().local_flags;
    let process = child::command(&["--ephemeral"])
        .env("TERM", "xterm")
        .stdin(slave())
        .stdout(slave())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = File::from(terminal.master.try_clone().unwrap());
    let (show, shown) = mpsc::channel();
    thread::spawn(move || {
        let mut byte = [0; 1];
        while output.read_exact(&mut byte).is_ok() && show.send(byte[0]).is_ok() {}
    });
    let mut screen = Screen { keys: File::from(terminal.master), shown, seen: String::new() };
    let mut process = Leaving(process);
    act(&mut screen, process.0.id());
    let status = process.0.wait().unwrap();
    (status.code(), before, tcgetattr(&terminal.slave).unwrap().local_flags)
}

#[test]
fn a_typed_line_stays_whole_while_others_talk() {
    let (code, before, after) = on_a_terminal(|screen, _| {
        screen.wait("nothing is kept");
        screen.wait("#lobby> ");
        screen.key("fake: hear 1 knock\r");
        screen.wait("#lobby <bo> knock");
        screen.key("fake: later psst\r");
        screen.wait("#lobby> ");
        screen.key("fake: hear 1 wh");
        screen.wait("fake: hear 1 wh");
        // Somebody says something meanwhile: it is shown, and below it the line again as it was.
        screen.wait("#lobby <bo> psst");
        screen.wait("#lobby> fake: hear 1 wh");
        screen.key("ole\r");
        screen.wait("#lobby <bo> whole");
        screen.key("/join #ops\r");
        screen.wait("#ops> ");
        screen.key("/quit\r");
    });
    assert_eq!((code, after), (Some(0), before));
}

#[test]
fn ctrl_c_and_ctrl_d_say_goodbye() {
    for key in ["half a line\x03", "\x04"] {
        let (code, before, after) = on_a_terminal(|screen, _| {
            screen.wait("#lobby> ");
            screen.key(key);
        });
        assert_eq!((code, after), (Some(0), before), "{key:?}");
    }
}

#[test]
fn a_signal_in_the_middle_of_a_line_leaves_the_terminal_as_it_was() {
    let (code, before, after) = on_a_terminal(|screen, id| {
        screen.wait("#lobby> ");
        screen.key("half a line");
        screen.wait("half a line");
        let killed = process::Command::new("kill").arg(id.to_string()).status().unwrap();
        assert!(killed.success());
    });
    assert_eq!((code, after), (Some(0), before));
}
