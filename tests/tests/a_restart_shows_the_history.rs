//! What was said is there again after a restart, in either program, and leaves no trace where none is wanted.
#![forbid(unsafe_code)]

use std::{fs, path::Path, time::Duration};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    running::{Line, Running},
    watch::PATIENCE,
};
use serde_json::{Value, json};

#[test]
fn std_remembers() {
    restart(Std, Smol);
}

#[test]
fn smol_remembers() {
    restart(Smol, Std);
}

fn restart(program: Program, other: Program) {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, program, &["--nick", "ada"]);
    let mut bob = Chat::start(&there, other, &["--nick", "bob"]);
    introduce(&ada, &bob);
    for number in 0..3 {
        ada.say(&format!("ada {number}"));
        bob.expect_message(&format!("ada {number}"), &ada, "#lobby");
        bob.say(&format!("bob {number}"));
        ada.expect_message(&format!("bob {number}"), &bob, "#lobby");
    }
    bob.say_to(&ada, "between us");
    ada.expect_message("between us", &bob, &bob.direct());
    let (room, direct) =
        (json!({"cmd": "history", "room": "#lobby"}), json!({"cmd": "history", "to": bob.key()}));
    let before = (ada.history_objects(room.clone()), ada.history_objects(direct.clone()));
    let key = ada.key().to_owned();
    ada.quit();

    let mut again = Chat::start(&here, program, &[]);
    assert_eq!((again.key(), again.nick()), (key.as_str(), "ada"));
    introduce(&again, &bob);
    let after = (again.history_objects(room), again.history_objects(direct));
    assert_eq!(strip(&after.0), strip(&before.0));
    assert_eq!(strip(&after.1), strip(&before.1));
    let texts: Vec<_> = after.0.iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["ada 0", "bob 0", "ada 1", "bob 1", "ada 2", "bob 2"]);

    // Nothing is told twice, although Bob has it all too.
    again.expect_none("message of old", Duration::from_secs(1), |line| {
        fresh(line, &["ada", "bob", "between"])
    });
    again.say("one more");
    bob.expect_message("one more", &again, "#lobby");
    bob.expect_none("message twice", Duration::ZERO, |line| fresh(line, &["ada", "bob"]));
    let page = json!({"cmd": "history", "room": "#lobby", "limit": 2});
    let page = again.history_objects(page);
    assert_eq!(page.iter().map(|message| &message["text"]).collect::<Vec<_>>(), ["bob 2", "one more"]);
    let older = json!({"cmd": "history", "room": "#lobby", "limit": 2, "before": page[0]["id"]});
    let older = again.history_objects(older);
    assert_eq!(older.iter().map(|message| &message["text"]).collect::<Vec<_>>(), ["bob 1", "ada 2"]);
}

/// What a message says of itself, without what belongs to the run that shows it.
fn strip(messages: &[Value]) -> Vec<Value> {
    let fields = ["id", "room", "text", "sent_ms"];
    messages
        .iter()
        .map(|message| {
            let kept = fields.iter().map(|&field| message[field].clone());
            kept.chain([message["from"]["key"].clone(), message["from"]["nick"].clone()]).collect()
        })
        .collect()
}

/// A message that is told as new and begins with one of `words`.
fn fresh(line: &Line, words: &[&str]) -> bool {
    let text = line.json["text"].as_str().unwrap_or_default();
    line.is_of("message") && line.json["replay"] != true && words.iter().any(|word| text.starts_with(word))
}

#[test]
fn plain_mode_shows_the_last_twenty_messages() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    for (writes, shows) in [(Std, Smol), (Smol, Std)] {
        let profile = profile(&host, writes.name());
        let mut ada = Chat::start(&host, writes, &["--profile", &profile]);
        for number in 0..25 {
            ada.say(&format!("message {number:02}."));
        }
        ada.quit();
        let mut plain = host.command(shows.path());
        let mut plain = Running::start("plain".into(), plain.args(["--plain", "--profile", &profile]));
        plain.expect("last message", PATIENCE, |line| line.text.contains("message 24."));
        let shown: Vec<_> = plain.lines().into_iter().filter(|line| line.text.contains("message ")).collect();
        assert_eq!(shown.len(), 20, "{plain}");
        assert!(
            shown.iter().zip(5..).all(|(line, n)| line.text.contains(&format!("message {n:02}."))),
            "{plain}"
        );
        plain.close_stdin();
        assert_eq!(plain.wait(Duration::from_secs(5)), Some(0), "{plain}");
    }
}

#[test]
fn plain_lines_are_spoken_and_heard() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    let mut plain = here.command(Std.path());
    let plain = Running::start("plain".into(), plain.args(["--plain", "--nick", "ada"]));
    let ada = bob.expect("peer ada", PATIENCE, |line| {
        line.is_of("peer") && line.json["state"] == "online" && line.json["nick"] == "ada"
    });
    plain.write("typed by hand\n");
    let heard = bob.expect("message", PATIENCE, |line| line.json["text"] == "typed by hand");
    assert_eq!(heard.json["from"]["key"], ada.json["key"]);
    let mut bob = bob;
    bob.say("read \u{1b}[31mby eye");
    let line = plain.expect("message", PATIENCE, |line| line.text.contains("by eye"));
    assert!(line.text.contains("bob") && !line.text.contains('\u{1b}'), "{line:?}");
}

#[test]
fn both_programs_share_a_profile_one_after_the_other() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let profile = profile(&host, "shared");
    let mut keys = Vec::new();
    for (run, program) in [Std, Smol, Std, Smol].into_iter().enumerate() {
        let mut ada = Chat::start(&host, program, &["--profile", &profile]);
        keys.push(ada.key().to_owned());
        ada.say(&format!("run {run}"));
        let all: Vec<_> = (0..=run).map(|run| format!("run {run}")).collect();
        assert_eq!(ada.history("#lobby", 50), all);
        ada.quit();
    }
    keys.dedup();
    assert_eq!(keys.len(), 1, "one profile is one person");
}

#[test]
fn an_ephemeral_run_leaves_no_trace() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let mut keys = Vec::new();
    for program in Program::ALL {
        let mut ada = Chat::start(&host, program, &["--ephemeral"]);
        keys.push(ada.key().to_owned());
        ada.say("written on water");
        assert_eq!(ada.history("#lobby", 50), ["written on water"], "its store answers from memory");
        ada.quit();
    }
    assert_ne!(keys[0], keys[1], "a fresh key each time");
    assert_eq!(files(host.home()), Vec::<String>::new());
}

#[test]
fn a_profile_is_for_its_owner_alone() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    Chat::start(&host, Std, &[]).quit();
    let profile = host.home().join(".local/share/p2p-chat");
    assert!(profile.is_dir(), "{:?}", files(host.home()));
    let modes = host.shell(&format!("stat -c %a '{}'", profile.display()));
    assert_eq!(modes.trim(), "700");
    let open = host.shell(&format!("find '{}' -type f -perm /077", profile.display()));
    assert_eq!(open, "", "files that others could read");
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn profile(host: &Host, name: &str) -> String {
    host.home().join(name).to_string_lossy().into_owned()
}
