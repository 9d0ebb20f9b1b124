//! Every mistake gets an answer that says what is wrong and what would be right, and an exit code to act on.
#![forbid(unsafe_code)]

use std::{fs, path::Path, time::Duration};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    outcome::Outcome,
};
use serde_json::json;

#[test]
fn a_bad_option_is_named_in_one_line() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let cases: [(&[&str], &[&str]); 10] = [
        (&["--colour"], &["--colour"]),
        (&["--port", "many"], &["--port", "many"]),
        (&["--port", "65536"], &["--port", "65536"]),
        (&["--port"], &["--port"]),
        (&["--discovery", "pigeon"], &["pigeon", "mdns", "manual"]),
        (&["--connect", "not an address"], &["--connect", "not an address"]),
        (&["--nick", "\u{200b}"], &["nick"]),
        (&["--author-rate", "-1"], &["--author-rate"]),
        (&["--log", "shouting"], &["shouting", "debug"]),
        (&["#a room"], &["#a room"]),
    ];
    for program in Program::ALL {
        for (arguments, named) in cases {
            let outcome = host.run(program.path(), &[arguments, &["--json"]].concat(), "");
            outcome.expect_code(1).expect_named(named);
            let lines: Vec<_> = outcome.err.lines().filter(|line| !line.trim().is_empty()).collect();
            assert_eq!(lines.len(), 1, "{arguments:?}: {outcome}");
        }
        let outcome = host.run(program.path(), &["--help"], "");
        outcome.expect_code(0);
        for word in ["--profile", "--nick", "--ephemeral", "--discovery", "--json", "send", "peers"] {
            assert!(outcome.out.contains(word), "{word}: {outcome}");
        }
    }
}

#[test]
fn a_profile_in_use_is_refused_with_the_command_that_works() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let mut ada = Chat::start(&host, Std, &["--nick", "ada"]);
    for program in Program::ALL {
        let outcome = host.run(program.path(), &["--json"], "");
        outcome.expect_code(4).expect_named(&[program.name(), "--ephemeral"]);
        Chat::start(&host, program, &["--ephemeral"]).quit();
    }
    ada.say("undisturbed");
    // A lock dies with its owner, however that happens.
    ada.kill();
    let mut again = Chat::start(&host, Smol, &[]);
    assert_eq!(again.history("#lobby", 50), ["undisturbed"]);
}

#[test]
fn no_usable_network_is_said_with_what_was_looked_at() {
    let Some(mut lan) = Lan::new() else { return };
    let (host, dead) = (lan.host(), lan.dead_host());
    for program in Program::ALL {
        let outcome = host.run(program.path(), &["--json", "--interface", "wlan7"], "");
        outcome.expect_code(2).expect_named(&["wlan7", "eth0", "lo"]);
        let outcome = dead.run(program.path(), &["--json"], "");
        outcome.expect_code(2).expect_named(&["lo"]);
        let named = Chat::start(&host, program, &["--ephemeral", "--interface", "eth0"]);
        named.quit();
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_with_a_way_out() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let locked = host.home().join("locked");
    fs::create_dir(&locked).expect("a directory");
    host.shell(&format!("mount -t tmpfs -o ro,size=64k none '{}'", locked.display()));
    for program in Program::ALL {
        for profile in [locked.clone(), locked.join("profile"), "/dev/null/profile".into()] {
            let profile = profile.to_string_lossy();
            let outcome = host.run(program.path(), &["--json", "--profile", &profile], "");
            outcome.expect_code(1).expect_named(&[&profile, "--ephemeral"]);
        }
    }
}

#[test]
fn a_message_too_long_is_refused_and_nothing_is_lost() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, Std, &["--nick", "ada"]);
    let bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    introduce(&ada, &bob);
    let longest = "é".repeat(2048);
    ada.say("before");
    ada.refused(json!({"cmd": "send", "room": "#lobby", "text": format!("{longest}x")}), "text-too-long");
    ada.refused(json!({"cmd": "send", "to": bob.key(), "text": format!("{longest}x")}), "text-too-long");
    ada.refused(json!({"cmd": "send", "room": "#lobby", "text": ""}), "bad-command");
    ada.say(&longest);
    ada.say("after");
    for text in ["before", &longest, "after"] {
        bob.expect_message(text, &ada, "#lobby");
    }
    bob.expect_none("anything else", Duration::from_millis(200), |line| line.is_of("message"));
    assert_eq!(ada.history("#lobby", 50), ["before", &longest, "after"]);
}

#[test]
fn a_damaged_store_is_left_untouched() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let damages: [fn(&mut Vec<u8>); 3] = [
        |bytes| bytes[..100].fill(0x5a),
        |bytes| bytes[4096..].fill(0x5a),
        |bytes| bytes.truncate(bytes.len() / 2),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let program = Program::ALL[number % 2];
        let profile = host.home().join(format!("profile{number}"));
        let option = profile.to_string_lossy().into_owned();
        let mut ada = Chat::start(&host, program, &["--profile", &option]);
        for message in 0..50 {
            ada.say(&format!("{message} {}", "words ".repeat(100)));
        }
        ada.quit();
        let store = store_in(&profile);
        let mut bytes = fs::read(&store).expect("the store");
        damage(&mut bytes);
        fs::write(&store, &bytes).expect("the store");
        for program in Program::ALL {
            let outcome: Outcome = host.run(program.path(), &["--json", "--profile", &option], "");
            outcome.expect_code(5).expect_named(&[&store.to_string_lossy(), "mv "]);
            assert!(fs::read(&store).expect("the store") == bytes, "the file has changed: {outcome}");
        }
        // Moved away as it says, all works again, under the same identity.
        fs::rename(&store, profile.join("damaged")).expect("moved away");
        let mut again = Chat::start(&host, program, &["--profile", &option]);
        again.say("from the start");
        again.quit();
    }
}

/// The one file of the profile that is a database.
fn store_in(profile: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(profile).expect("a profile");
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    files
        .into_iter()
        .find(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")))
        .unwrap_or_else(|| panic!("no store in {}", profile.display()))
}

#[test]
fn a_taken_port_is_said_or_passed_over() {
    let Some(mut lan) = Lan::new() else { return };
    let host: Host = lan.host();
    let first = Chat::start(&host, Std, &["--ephemeral"]);
    let second = Chat::start(&host, Smol, &["--ephemeral"]);
    assert_eq!((first.port(), second.port()), (27_182, 27_183));
    let asked = Chat::start(&host, Smol, &["--ephemeral", "--port", "40000"]);
    assert_eq!(asked.port(), 40_000);
    // A port that was asked for by name and is taken is a mistake, not a wish.
    let outcome = host.run(Std.path(), &["--json", "--ephemeral", "--port", "40000"], "");
    outcome.expect_code(1).expect_named(&["40000"]);
}
