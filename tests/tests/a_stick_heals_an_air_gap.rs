//! What was said where no network leads is carried over in a file, by either program, and reaches the others there.
#![forbid(unsafe_code)]

use std::fs;

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::Lan,
    watch::PATIENCE,
};
use serde_json::json;

#[test]
fn from_std_to_smol() {
    carry(Std, Smol);
}

#[test]
fn from_smol_to_std() {
    carry(Smol, Std);
}

fn carry(from: Program, to: Program) {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there, beside) = (lan.host(), lan.host(), lan.host());
    lan.second_switch(&[&there, &beside]);
    lan.pull_between();
    let mut ada = Chat::start(&here, from, &["--nick", "ada"]);
    let mut bob = Chat::start(&there, to, &["--nick", "bob"]);
    let eve = Chat::start(&beside, from, &["--nick", "eve"]);
    introduce(&bob, &eve);
    for number in 0..70 {
        ada.say(&format!("far away {number}"));
    }
    ada.ask(json!({"cmd": "join", "room": "#ops"}));
    ada.ask(json!({"cmd": "send", "room": "#ops", "text": "not for them"}));
    bob.say("nearby");
    eve.expect_message("nearby", &bob, "#lobby");

    // Beside the chat that runs, and into one that does.
    let stick = here.home().join("stick");
    let path = stick.to_string_lossy().into_owned();
    here.run(from.path(), &["export", &path], "").expect_code(0);
    let again = here.run(from.path(), &["export", &path], "");
    again.expect_code(1).expect_named(&["is there already"]);
    let beside_a_chat = there.run(to.path(), &["import", &path], "");
    beside_a_chat.expect_code(4).expect_named(&["/import", &path]);
    let done = bob.ask(json!({"cmd": "import", "path": path}));
    let imported = json!({"new": 70, "known": 0, "elsewhere": 1, "old": 0, "refused": 0});
    assert_eq!(done["imported"], imported);
    let line = eve.expect("by repair", PATIENCE, |line| line.json["text"] == "far away 69");
    // Whether it is late depends on how fast this test is.
    assert_eq!(line.json["from"]["key"], ada.key());
    assert_eq!(bob.history("#lobby", 100).len(), 71);

    // And back, into a profile that nobody uses now; what was cut off on the way is told, and the rest counts.
    let ada_key = ada.key().to_owned();
    bob.ask(json!({"cmd": "export", "path": there.home().join("stick")}));
    ada.quit();
    let whole = fs::read(there.home().join("stick")).expect("an export");
    fs::write(here.home().join("cut"), &whole[..whole.len() - 20]).expect("a file");
    let cut = here.run(from.path(), &["import", &here.home().join("cut").to_string_lossy()], "");
    cut.expect_code(1).expect_named(&["cut off"]);
    assert!(cut.out.contains("imported 0 entries (70 known already"), "{cut}");
    let stick = there.home().join("stick");
    here.run(from.path(), &["import", &stick.to_string_lossy()], "").expect_code(0);
    let tail = here.run(from.path(), &["tail", "#lobby", "-n", "80", "--json"], "");
    assert!(
        tail.out.lines().count() == 71 && tail.out.contains("nearby") && tail.out.contains(&ada_key),
        "{tail}"
    );
}
