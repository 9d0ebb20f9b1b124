//! The program on a terminal: what comes in does not tear the line that is typed, and the terminal is left whole.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{self, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use nix::{
    pty::{Winsize, openpty},
    sys::termios::{LocalFlags, tcgetattr},
};

use super::{child, paper::Paper};

const LONG: Duration = Duration::from_secs(30);
/// Nothing more is being written.
const PAUSE: Duration = Duration::from_millis(100);

struct Screen {
    keys: File,
    shown: Receiver<u8>,
    /// The beginning of a character.
    bytes: Vec<u8>,
    seen: String,
    paper: Paper,
    process: u32,
    /// Nothing is taken from it any more.
    is_frozen: Arc<AtomicBool>,
}

impl Screen {
    fn key(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the terminal was sent `part`.
    fn wait(&mut self, part: &str) {
        while !self.seen.contains(part) {
            match self.shown.recv_timeout(LONG) {
                Ok(byte) => self.take(byte),
                Err(_) => panic!("no {part:?} in {:?}", self.seen),
            }
        }
        let end = self.seen.find(part).unwrap() + part.len();
        self.seen.drain(..end);
    }

    fn take(&mut self, byte: u8) {
        self.bytes.push(byte);
        if let Ok(text) = std::str::from_utf8(&self.bytes) {
            self.seen.push_str(text);
            text.chars().for_each(|c| self.paper.write(c));
            self.bytes.clear();
        }
    }

    /// Takes in what is still being written, until there is a pause.
    fn settle(&mut self) {
        while let Ok(byte) = self.shown.recv_timeout(PAUSE) {
            self.take(byte);
        }
    }

    /// Makes the terminal this wide, which wraps its lines anew before the program hears of it.
    fn resize(&mut self, columns: u16) {
        // What was written for the old width and comes after the change no program can help.
        self.settle();
        self.paper.resize(columns.into());
        let size = rustix::termios::Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // The terminal tells the program.
        rustix::termios::tcsetwinsize(&self.keys, size).unwrap();
    }

    fn signal(&self, signal: &str) {
        let id = self.process.to_string();
        assert!(process::Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// The lines that say or begin with `part`.
    fn lines(&self, part: &str) -> Vec<String> {
        self.paper.lines().into_iter().filter(|line| line.contains(part)).collect()
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
fn on_a_terminal(act: impl FnOnce(&mut Screen)) -> (Option<i32>, LocalFlags, LocalFlags) {
    on_a("xterm", act)
}

/// The same on one of this kind.
fn on_a(kind: &str, act: impl FnOnce(&mut Screen)) -> (Option<i32>, LocalFlags, LocalFlags) {
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).unwrap();
    let slave = || Stdio::from(terminal.slave.try_clone().unwrap());
    let before = tcgetattr(&terminal.slave).unwrap().local_flags;
    let process = child::command(&["--ephemeral"])
        .env("TERM", kind)
        // Whatever the terminal of whoever runs the tests does with its lines.
        .env_remove("XTERM_VERSION")
        .env_remove("STY")
        .stdin(slave())
        .stdout(slave())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = File::from(terminal.master.try_clone().unwrap());
    let (show, shown) = mpsc::channel();
    let is_frozen = Arc::new(AtomicBool::new(false));
    let reads_no_more = Arc::clone(&is_frozen);
    thread::spawn(move || {
        let mut byte = [0; 1];
        while !reads_no_more.load(Relaxed)
            && output.read_exact(&mut byte).is_ok()
            && show.send(byte[0]).is_ok()
        {}
    });
    let mut process = Leaving(process);
    let keys = File::from(terminal.master);
    let mut screen = Screen {
        keys,
        shown,
        bytes: Vec::new(),
        seen: String::new(),
        paper: Paper::new(80),
        process: process.0.id(),
        is_frozen,
    };
    act(&mut screen);
    for _ in 0..LONG.as_millis() / 10 {
        if let Some(status) = process.0.try_wait().unwrap() {
            return (status.code(), before, tcgetattr(&screen.keys).unwrap().local_flags);
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it never ends; last seen: {:?}", screen.seen)
}

#[test]
fn a_typed_line_stays_whole_while_others_talk() {
    let (code, before, after) = on_a_terminal(|screen| {
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
    for key in ["\x03", "\x04"] {
        let (code, before, after) = on_a_terminal(|screen| {
            screen.wait("#lobby> ");
            screen.key(key);
        });
        assert_eq!((code, after), (Some(0), before), "{key:?}");
    }
}

#[test]
fn ctrl_c_takes_a_half_typed_line_back_first() {
    let (code, ..) = on_a_terminal(|screen| {
        screen.wait("#lobby> ");
        screen.key("half a line");
        screen.wait("half a line");
        screen.key("\x03said");
        screen.wait("said");
        assert_eq!(screen.lines("#lobby> "), ["#lobby> said"]);
        screen.key("\r");
        screen.wait("<ana> said");
        screen.key("\x03");
    });
    assert_eq!(code, Some(0));
}

#[test]
fn what_was_said_stands_once_with_its_time() {
    on_a_terminal(|screen| {
        // What is written just when a line is typed leaves the typed line where it is.
        screen.wait("bo is here");
        screen.settle();
        screen.key("first\r");
        screen.wait("<ana> first");
        screen.key("   \r\u{2800}\r/me waves\r");
        screen.wait("* ana waves");
        screen.key("/msg bo psst\r");
        screen.wait("@bo <ana> psst");
        // Longer than a row.
        screen.key(&format!("{}\r", "0123456789".repeat(10)));
        screen.wait("<ana> 0123456789");
        screen.key("/rooms\r");
        screen.wait("you write here");
        screen.key("half");
        screen.wait("half");
        let lines = screen.paper.lines();
        let typed: Vec<&String> = lines.iter().filter(|line| line.starts_with("#lobby> ")).collect();
        assert_eq!(typed, ["#lobby> /rooms", "#lobby> half"], "{lines:#?}");
        let said: Vec<&str> =
            lines.iter().filter_map(|line| line.split_once("ana")).map(|(_, said)| said).collect();
        let long = format!("> {}", "0123456789".repeat(10));
        assert_eq!(said[1..], ["> first", " waves", "> psst", &long], "{lines:#?}");
        screen.key("\x03\x03");
    });
}

#[test]
fn a_long_message_is_cut_and_more_shows_the_rest() {
    on_a_terminal(|screen| {
        screen.wait("#lobby> ");
        // Pasted, so that it is one message.
        let lines: Vec<String> = (1..=40).map(|line| format!("row{line}")).collect();
        screen.key(&format!("\x1b[200~{}\x1b[201~\r", lines.join("\n")));
        screen.wait("19 more lines; /more shows them");
        assert_eq!((screen.lines("    | row").len(), screen.lines("| row22").len()), (20, 0));
        screen.key("/more\r");
        screen.wait("    | row40");
        assert_eq!(screen.lines("    | row").len(), 39);
        screen.key("/more\r");
        screen.wait("! there is no more");
        screen.key("\x03");
    });
}

#[test]
fn a_resize_leaves_every_line_as_it_was() {
    on_a_terminal(|screen| {
        screen.wait("#lobby> ");
        screen.key("fake: hear 3 above\r");
        for _ in 0..3 {
            screen.wait("<bo> above");
        }
        screen.wait("#lobby> ");
        let typed =
            "the quick brown fox jumps over the lazy dog, ".repeat(4).trim_end_matches(", ").to_string()
                + ".$";
        for key in typed.chars() {
            // One by one: a row that fills up is broken there.
            screen.key(&key.to_string());
        }
        screen.wait("$");
        let mut end = String::from(&typed[typed.len() - 20..]);
        // In the first it fills a row to its end.
        for columns in [188, 50, 120, 40, 80, 44] {
            screen.resize(columns);
            screen.wait("#lobby> the quick");
            screen.wait(&end);
            screen.key("!");
            screen.wait("!");
            end.push('!');
            assert_eq!(screen.lines("<bo> above").len(), 3, "{columns}: {:#?}", screen.paper.lines());
            // The line before may have stayed, if somebody spoke just when it was typed.
            let prompts = screen.lines("#lobby> the quick");
            assert_eq!(prompts.len(), 1, "{columns}: {prompts:#?}");
        }
        screen.key("\x03\x03");
    });
}

#[test]
fn what_is_shown_breaks_between_words_at_any_width() {
    on_a_terminal(|screen| {
        screen.wait("#lobby> ");
        for columns in [40u16, 20] {
            screen.resize(columns);
            screen.key(&format!("fake: hear 1 {}end{columns}\r", "日本 words ".repeat(12)));
            screen.wait("<bo>");
            screen.wait(&format!("end{columns}"));
            screen.settle();
            let lines = screen.paper.lines();
            let from = lines.iter().rposition(|line| line.contains("<bo>")).unwrap();
            let shown: Vec<&String> =
                lines[from..].iter().take_while(|line| !line.starts_with("#lobby> ")).collect();
            // The paper gives two rows that were broken by the terminal as one line; of wide characters it counts each once.
            let whole = shown.iter().all(|line| line.chars().count() <= columns.into());
            assert!(whole && shown.len() > 3 && shown[1].starts_with(' '), "{columns}: {shown:#?}");
        }
        screen.key("\x03");
    });
}

#[test]
fn a_signal_in_the_middle_of_a_line_leaves_the_terminal_as_it_was() {
    let (code, before, after) = on_a_terminal(|screen| {
        screen.wait("#lobby> ");
        screen.key("half a line");
        screen.wait("half a line");
        screen.signal("TERM");
    });
    assert_eq!((code, after), (Some(0), before));
}

#[test]
fn a_line_is_said_in_the_room_before_it_or_not_at_all() {
    on_a_terminal(|screen| {
        screen.wait("#lobby> ");
        // What happens while a line is typed does not let the next one begin too early.
        screen.key("fake: rekeys\r");
        screen.wait("type /room follow #lobby to go along");
        screen.key("/join #ops\r");
        screen.wait("#ops> ");
        screen.key("/join #lobby\r");
        screen.wait("#lobby> ");
        screen.key("fake: later !moves\r");
        screen.wait("#lobby> ");
        screen.key("for those");
        screen.wait("you are in the #lobby of bo now");
        screen.key(" before\r");
        screen.wait("! nothing was done, you write in #lobby (private) now: for those before");
        screen.wait("#lobby (private)> ");
        screen.key("for these\r");
        screen.wait("<ana> for these");
        screen.key("\x03");
    });
}

#[test]
fn a_terminal_that_takes_nothing_more_keeps_nobody_from_ending() {
    let (code, before, after) = on_a_terminal(|screen| {
        screen.wait("bo is here");
        screen.wait("#lobby> ");
        screen.is_frozen.store(true, Relaxed);
        screen.key("fake: hear 3000 more than anybody reads\r");
        thread::sleep(Duration::from_secs(1));
        screen.signal("TERM");
    });
    assert_eq!((code, after), (Some(0), before));
}

#[test]
fn where_no_line_can_be_edited_it_is_shown_what_is_typed() {
    let (code, before, after) = on_a("emacs", |screen| {
        screen.wait("nothing is kept");
        let mode = tcgetattr(&screen.keys).unwrap().local_flags;
        assert!(mode.contains(LocalFlags::ECHO | LocalFlags::ICANON), "{mode:?}");
        screen.key("/quit\r");
    });
    assert_eq!((code, after), (Some(0), before));
}
