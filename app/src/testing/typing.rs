//! What stands on a terminal when lines are typed one after the other.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::pty::{Winsize, openpty};

use serde_json::json;

use super::{
    Folder,
    child::{self, Child},
};

/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// Types each line when what it waits for is shown; the answer is all that the terminal has shown.
fn typed(arguments: &[&str], lines: &[(&str, &str)]) -> String {
    let lines: Vec<(&str, &[u8])> = lines.iter().map(|(wait, line)| (*wait, line.as_bytes())).collect();
    typed_bytes(arguments, &lines)
}

fn typed_bytes(arguments: &[&str], lines: &[(&str, &[u8])]) -> String {
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).unwrap();
    let slave = || Stdio::from(terminal.slave.try_clone().unwrap());
    let mut command = child::command(arguments);
    command.env("TERM", "xterm").stdin(slave()).stdout(slave()).stderr(slave());
    let mut process = command.spawn().unwrap();
    // The terminal ends when nobody has it any more.
    drop((command, terminal.slave));
    let mut keys = File::from(terminal.master);
    let mut screen = keys.try_clone().unwrap();
    let (show, read) = mpsc::channel();
    thread::spawn(move || {
        let mut byte = [0; 1];
        while screen.read_exact(&mut byte).is_ok() && show.send(byte[0]).is_ok() {}
    });
    let (mut shown, mut waited) = (Vec::new(), 0);
    for (wait, line) in lines {
        while !String::from_utf8_lossy(&shown[waited..]).contains(wait) {
            let Ok(byte) = read.recv_timeout(LONG) else {
                process.kill().unwrap();
                panic!("no {wait:?} in {}", String::from_utf8_lossy(&shown));
            };
            shown.push(byte);
        }
        waited = shown.len();
        keys.write_all(&[line, b"\n".as_slice()].concat()).unwrap();
    }
    shown.extend(read.iter());
    assert!(process.wait().unwrap().success());
    String::from_utf8_lossy(&shown).into_owned()
}

#[test]
fn what_is_typed_in_plain_lines_is_not_said_twice() {
    let shown = typed(
        &["--ephemeral", "--plain"],
        &[("bo is here", "hello"), ("hello", "fake: hear 1 knock"), ("<bo> knock", "/quit")],
    );
    assert_eq!(shown.matches("hello").count(), 1, "{shown}");
    assert_eq!(shown.matches("knock").count(), 2, "{shown}");
    assert!(!shown.contains("<ana>"), "{shown}");
}

#[test]
fn the_prompt_is_never_that_of_a_room_that_was_refused() {
    let shown = typed(
        &["--ephemeral"],
        &[("#lobby> ", "/join #toomany"), ("; you write in #lobby", "hello"), ("<ana> hello", "/quit")],
    );
    assert!(shown.contains("#lobby <ana> hello") && !shown.contains("#toomany> "), "{shown}");
}

#[test]
fn a_byte_that_is_no_text_ends_nothing() {
    let shown = typed_bytes(
        &["--ephemeral"],
        &[("#lobby> ", b"caf\xe9"), ("it is not UTF-8", b"hello"), ("<ana> hello", b"/quit")],
    );
    assert!(!shown.contains("<ana> caf"), "{shown}");
}

#[test]
fn more_shows_the_rest_of_what_was_found() {
    let folder = Folder::new("typing-more");
    let profile = folder.profile();
    let mut bot = Child::new(&["--json", "--profile", &profile]);
    let text: Vec<String> = (1..=30).map(|line| format!("line{line}")).collect();
    bot.say(&json!({"cmd": "send", "room": "#lobby", "text": text.join("\n")}).to_string());
    bot.object("done");
    bot.end_input();
    bot.ended();
    typed(
        &["--profile", &profile],
        &[
            ("bo is here", "/more"),
            ("| line30", "/search line7"),
            ("one was found", "/more"),
            ("| line30", "/edit short"),
            ("ana corrects", "/more"),
            ("there is no more", "/quit"),
        ],
    );
}
