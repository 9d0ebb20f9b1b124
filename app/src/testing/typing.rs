//! What stands on a terminal when lines are typed one after the other.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::Stdio,
};

use nix::pty::{Winsize, openpty};

use super::child;

/// Types each line when what it waits for is shown; the answer is all that the terminal has shown.
fn typed(arguments: &[&str], lines: &[(&str, &str)]) -> String {
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).unwrap();
    let slave = || Stdio::from(terminal.slave.try_clone().unwrap());
    let mut command = child::command(arguments);
    command.env("TERM", "xterm").stdin(slave()).stdout(slave()).stderr(slave());
    let mut process = command.spawn().unwrap();
    // The terminal ends when nobody has it any more.
    drop((command, terminal.slave));
    let mut master = File::from(terminal.master);
    let (mut shown, mut waited) = (Vec::new(), 0);
    for (wait, line) in lines {
        while !String::from_utf8_lossy(&shown[waited..]).contains(wait) {
            let mut bytes = [0; 4096];
            match master.read(&mut bytes) {
                Ok(count @ 1..) => shown.extend_from_slice(&bytes[..count]),
                _ => panic!("no {wait:?} in {}", String::from_utf8_lossy(&shown)),
            }
        }
        waited = shown.len();
        writeln!(master, "{line}").unwrap();
    }
    let _ = master.read_to_end(&mut shown);
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
