//! Signals, the end of input and a closed output all mean: do what was read, say goodbye, exit 0 within 2 s.
#![forbid(unsafe_code)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    time::Duration,
};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    watch,
};
use rustix::process::Signal;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(2);

#[test]
fn signals() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    for (program, other) in [(Std, Smol), (Smol, Std)] {
        let bob = Chat::start(&there, other, &["--nick", "bob"]);
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            let mut ada = Chat::start(&here, program, &["--nick", "ada"]);
            introduce(&ada, &bob);
            ada.signal(signal);
            assert_eq!(ada.wait(LIMIT), Some(0), "{signal:?}: {ada}");
            bob.expect_gone(ada.key(), "quit", LIMIT);
        }
    }
}

#[test]
fn the_end_of_input() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    for (program, other) in [(Std, Smol), (Smol, Std)] {
        let bob = Chat::start(&there, other, &["--nick", "bob", "--ephemeral"]);
        let mut ada = Chat::start(&here, program, &["--nick", "ada", "--ephemeral"]);
        introduce(&ada, &bob);
        let last: Vec<u64> = (0..20)
            .map(|number| {
                ada.tell(json!({"cmd": "send", "room": "#lobby", "text": format!("word {number}")}))
            })
            .collect();
        ada.close_stdin();
        assert_eq!(ada.wait(LIMIT), Some(0), "{ada}");
        for (id, number) in last.into_iter().zip(0..) {
            ada.expect("done", Duration::ZERO, |line| line.is_of("done") && line.json["id"] == id);
            bob.expect_message(&format!("word {number}"), &ada, "#lobby");
        }
        bob.expect_gone(ada.key(), "quit", LIMIT);
    }
}

#[test]
fn a_pipe_of_commands() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    for program in Program::ALL {
        let commands: String = (0..50)
            .map(|number| {
                format!("{}\n", json!({"cmd": "send", "room": "#lobby", "text": number.to_string()}))
            })
            .collect();
        let profile = host.home().join(program.name()).to_string_lossy().into_owned();
        let outcome = host.run(program.path(), &["--json", "--profile", &profile], &commands);
        outcome.expect_code(0);
        assert_eq!(outcome.out.lines().filter(|line| line.contains(r#""done""#)).count(), 50, "{outcome}");
        // The last line counts without its end, too.
        let last = json!({"cmd": "send", "room": "#lobby", "text": "last"}).to_string();
        host.run(program.path(), &["--json", "--profile", &profile], &last).expect_code(0);
        let mut again = Chat::start(&host, program, &["--profile", &profile]);
        let all: Vec<String> = (0..50).map(|number| number.to_string()).chain(["last".into()]).collect();
        assert_eq!(again.history("#lobby", 100), all);
    }
}

#[test]
fn a_closed_output() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    for program in Program::ALL {
        close_output(&here, program, &bob);
    }
}

/// As `chat-std --json | head -n 1` does.
fn close_output(host: &Host, program: Program, bob: &Chat) {
    let mut command: Command = host.command(program.path());
    let mut child = command
        .args(["--json", "--ephemeral", "--nick", "ada"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut hello = String::new();
    out.read_line(&mut hello).expect("hello");
    let hello: serde_json::Value = serde_json::from_str(&hello).expect("JSON");
    let key = hello["key"].as_str().unwrap_or_default().to_owned();
    bob.expect("peer online", watch::PATIENCE, |line| line.is_peer("online", &key));
    drop(out);
    let mut stdin = child.stdin.take().expect("piped");
    // An answer that nobody can read.
    let _ = stdin.write_all(b"{\"cmd\":\"peers\"}\n");
    let status = watch::until(LIMIT, || child.try_wait().expect("a child can be waited for"));
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", program.name());
    bob.expect_gone(&key, "quit", LIMIT);
}
