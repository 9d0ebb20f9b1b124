//! `send` as scripts see it.

use chat_core::{Nick, PeerKey, Record, StoredPeer, UnixMillis};
use serde_json::{Value, json};

use super::{
    Folder,
    child::{Child, Ended},
    exits::{ends, fault},
    fake::BO,
};
use crate::store::{Sqlite, Store as _};

fn objects(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Pipes `input` into `send #lobby -`.
fn pipe(profile: &str, input: &[u8]) -> Ended {
    let mut child = Child::new(&["send", "#lobby", "-", "--profile", profile]);
    child.write(input);
    child.end_input();
    child.ended()
}

/// Sends where nobody else is.
fn alone(to: &str, options: &[&str]) -> Ended {
    ends(&[&["send", to, "hi", "--timeout", "300ms", "--discovery", "manual"], options].concat())
}

/// What a program in JSON answers, as the first object of this type.
fn asked(profile: &str, command: &Value, kind: &str) -> Value {
    let mut child = Child::new(&["--json", "--profile", profile]);
    child.say(&command.to_string());
    let answer = child.object(kind);
    child.end_input();
    assert_eq!(child.ended().code(), Some(0));
    answer
}

#[test]
fn it_waits_for_somebody_to_store_it_and_is_quiet() {
    let folder = Folder::new("send");
    let profile = folder.profile();
    let ended = ends(&["send", "#lobby", "hi", "there", "--profile", &profile]);
    assert_eq!((ended.code(), ended.lines.len(), ended.errors.as_str()), (Some(0), 0, ""), "{ended:?}");
    let said = asked(&profile, &json!({"cmd": "history", "room": "#lobby"}), "message");
    assert_eq!(said["text"], json!("hi there"));
    for name in ["bo", &BO.to_string(), &format!("@{BO}"), "b0b0b0b0"] {
        let ended = ends(&["send", name, "psst", "--profile", &profile, "--json"]);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let [done, receipt] = &objects(&ended.lines)[..] else { panic!("{ended:?}") };
        assert_eq!((&done["type"], done["message"].is_string()), (&json!("done"), true));
        assert_eq!(*receipt, json!({"type": "receipt", "id": done["entry"], "stored_by": 1, "of": 1}));
    }
}

#[test]
fn a_pipe_is_one_message() {
    let folder = Folder::new("send-pipe");
    let profile = folder.profile();
    let newest = json!({"cmd": "history", "room": "#lobby", "limit": 1});
    assert_eq!(pipe(&profile, b"from\na pipe\r\n\n").code(), Some(0));
    assert_eq!(asked(&profile, &newest, "message")["text"], json!("from\na pipe"));
    let longest = "x".repeat(4096);
    assert_eq!(pipe(&profile, format!("{longest}\n").as_bytes()).code(), Some(0));
    assert_eq!(asked(&profile, &newest, "message")["text"], json!(longest));
    for (input, part) in [
        (Vec::new(), "standard input is empty"),
        (b"\n\r\n".to_vec(), "standard input is empty"),
        (b"\xff".to_vec(), "standard input is not UTF-8"),
        (b"x".repeat(4097), "more than the 4096 bytes"),
        // Cut anywhere, it would not even be UTF-8.
        ("\u{20ac}".repeat(100_000).into_bytes(), "more than the 4096 bytes"),
        ([&b"x"[..], &b"\n".repeat(70_000), b"x"].concat(), "more than the 4096 bytes"),
    ] {
        let ended = pipe(&profile, &input);
        assert!(ended.code() == Some(1) && fault(&ended).contains(part), "{part}: {ended:?}");
    }
    let ended = ends(&["send", "#lobby", &"x".repeat(4097), "--ephemeral"]);
    assert!(ended.code() == Some(1) && fault(&ended).contains("4096 are allowed"), "{ended:?}");
    for (to, text, part) in [("", "hi", "to whom?"), ("#lobby", "", "empty"), ("#a b", "hi", "no spaces")] {
        let ended = ends(&["send", to, text, "--ephemeral"]);
        assert!(ended.code() == Some(1) && fault(&ended).contains(part), "{ended:?}");
    }
}

#[test]
fn a_room_is_entered_for_this_message_only() {
    let folder = Folder::new("send-visit");
    let profile = folder.profile();
    let rooms = || asked(&profile, &json!({"cmd": "rooms"}), "done")["rooms"].clone();
    assert_eq!(ends(&["send", "#ops", "hi", "--profile", &profile]).code(), Some(0));
    assert_eq!(rooms(), json!(["#lobby"]));
    let ended = alone("#ops", &["--profile", &profile]);
    assert_eq!(ended.code(), Some(3));
    assert!(fault(&ended).ends_with("goes out when this profile next meets others in #ops"), "{ended:?}");
    assert_eq!(rooms(), json!(["#lobby"]));
    // What was said is kept.
    let said = asked(&profile, &json!({"cmd": "history", "room": "#ops"}), "message");
    assert_eq!(said["text"], json!("hi"));
    // Whoever is there already stays.
    assert_eq!(asked(&profile, &json!({"cmd": "join", "room": "#ops"}), "done")["type"], json!("done"));
    assert_eq!(ends(&["send", "#ops", "again", "--profile", &profile]).code(), Some(0));
    assert_eq!(rooms(), json!(["#lobby", "#ops"]));
}

#[test]
fn undelivered_is_3_and_says_what_becomes_of_it() {
    let folder = Folder::new("undelivered");
    let profile = folder.profile();
    let kept = &["--profile", &profile][..];
    let says = |ended: &Ended, text: &str| {
        assert_eq!((ended.code(), fault(ended)), (Some(3), text), "{ended:?}");
    };
    says(
        &alone("#lobby", kept),
        "nobody else has stored the message in 0.3 s (nobody was met); it is kept and goes out when this profile \
         next meets others in #lobby",
    );
    says(
        &alone("#lobby", &["--ephemeral"]),
        "nobody else has stored the message in 0.3 s (nobody was met); it is lost",
    );
    // Nobody of the name, ever: nothing is kept. Others may be called as we are, and it takes a while to see them.
    for (name, why, hint) in [
        ("ops", "nobody called ops was seen", "; for the room of that name write '#ops'"),
        ("ana", "nobody else called ana was seen", "; for the room of that name write '#ana'"),
        ("ops-1234", "nobody called ops-1234 was seen", ""),
        (&"00".repeat(32), "nobody with that key was met", ""),
    ] {
        says(&alone(name, kept), &format!("{why} in 0.3 s, nothing was sent{hint}"));
    }
    // Somebody known is waited for, now and later.
    assert_eq!(ends(&["send", "bo", "psst", "--profile", &profile]).code(), Some(0));
    let ended = alone("bo", &["--profile", &profile, "--json"]);
    says(
        &ended,
        "bo has not stored the message in 0.3 s; it is kept and goes out when this profile next sees bo",
    );
    let [done] = &objects(&ended.lines)[..] else { panic!("{ended:?}") };
    let newest = json!({"cmd": "history", "to": BO.to_string(), "limit": 1});
    assert_eq!(asked(&profile, &newest, "message")["id"], done["message"]);
}

#[test]
fn who_is_here_comes_before_who_was_here_once() {
    let folder = Folder::new("send-ghosts");
    let profile = folder.profile();
    ends(&["id", "--profile", &profile]);
    let ghost = |key: u8| {
        let (key, nick) = (PeerKey([key; 32]), Nick::lenient("bo"));
        Record::Peer(StoredPeer { key, nick, direct: [1; 32], addresses: vec![], seen: UnixMillis(0) })
    };
    let path = folder.path("profile/history.db");
    let mut store = Sqlite::open(&path, PeerKey([0; 32]), Sqlite::BYTES_MAX).unwrap();
    store.append(&[vec![ghost(1), ghost(2)]]).unwrap();
    drop(store);
    let ended = alone("bo", &["--profile", &profile]);
    assert!(ended.code() == Some(1) && fault(&ended).contains("bo may be bo-"), "{ended:?}");
    let ended = ends(&["send", "bo", "psst", "--profile", &profile, "--timeout", "4s"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let newest = json!({"cmd": "history", "to": BO.to_string(), "limit": 1});
    assert_eq!(asked(&profile, &newest, "message")["text"], json!("psst"));
}

#[test]
#[cfg(unix)]
fn a_signal_ends_the_wait() {
    let child = Child::new(&["send", "#lobby", "hi", "--json", "--ephemeral", "--discovery", "manual"]);
    child.object("done");
    child.signal(signal_hook::consts::SIGTERM);
    let ended = child.ended();
    assert_eq!(ended.code(), Some(3));
    assert!(ended.took.as_secs_f64() < 2.0, "{:?}", ended.took);
    assert!(fault(&ended).ends_with("it is lost"), "{ended:?}");
}
