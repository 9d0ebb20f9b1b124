//! Somebody is put out of a private room while somebody else is away: who comes back gets the other key and follows, and
//! whoever was put out holds nothing of what is said then.
#![forbid(unsafe_code)]

use std::{fs, time::Duration};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    running::Line,
    watch::PATIENCE,
};
use serde_json::{Value, json};

#[test]
fn by_std() {
    kick(Std, Smol);
}

#[test]
fn by_smol() {
    kick(Smol, Std);
}

fn kick(of_ada: Program, of_bob: Program) {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    let mut ada = Chat::start(&hosts[0], of_ada, &["--nick", "ada"]);
    let mut bob = Chat::start(&hosts[1], of_bob, &["--nick", "bob"]);
    let mut eve = Chat::start(&hosts[2], of_bob, &["--nick", "eve"]);
    introduce(&ada, &bob);
    introduce(&ada, &eve);
    ada.ask(json!({"cmd": "create", "room": "#den"}));
    let key = ada.ask(json!({"cmd": "invite", "room": "#den"}))["key"].clone();
    for other in [&mut bob, &mut eve] {
        other.ask(json!({"cmd": "join", "room": "#den", "key": key}));
    }
    say(&mut bob, "before");
    ada.expect_message("before", &bob, "#den");
    eve.expect_message("before", &bob, "#den");
    bob.quit();

    let eves = eve.key().to_owned();
    ada.refused(json!({"cmd": "kick", "room": "#lobby", "key": eves}), "bad-room");
    ada.ask(json!({"cmd": "kick", "room": "#den", "key": eves}));
    let made = expect(&ada, "rekeyed", ada.key());
    assert_eq!((&made["given"], &made["missed"], &made["without"]), (&json!(1), &json!(0), &json!([eves])));
    let successor = made["successor"].as_str().expect("a room's id").to_owned();
    let seen = expect(&eve, "rekeyed", ada.key());
    assert_eq!((&seen["successor"], &seen["without"]), (&json!(successor), &json!([eves])));
    eve.refused(json!({"cmd": "follow", "room": "#den", "successor": successor}), "unknown-id");
    say(&mut ada, "among us");

    // Whoever was away is offered the key as often as they start, until they follow, and then they are there.
    let bob = Chat::start(&hosts[1], of_bob, &["--nick", "bob"]);
    expect(&bob, "offered", ada.key());
    bob.quit();
    let mut bob = Chat::start(&hosts[1], of_ada, &["--nick", "bob"]);
    let offered = expect(&bob, "offered", ada.key());
    assert_eq!((&offered["successor"], &offered["without"]), (&json!(successor), &json!([eves])));
    bob.ask(json!({"cmd": "follow", "room": "#den", "successor": successor}));
    bob.expect_message("among us", &ada, "#den");
    bob.quit();
    let mut bob = Chat::start(&hosts[1], of_bob, &["--nick", "bob"]);
    introduce(&ada, &bob);
    say(&mut bob, "here I am");
    ada.expect_message("here I am", &bob, "#den");
    assert_eq!(bob.history("#den", 9), ["before", "among us", "here I am"]);

    // Eve goes on in the room that there was, and nobody hears her any more.
    introduce(&eve, &bob);
    say(&mut eve, "is anybody there");
    for (chat, texts) in
        [(&ada, &["is anybody there"][..]), (&bob, &["is anybody there"]), (&eve, &["among us", "here I am"])]
    {
        let is_one = |line: &Line| {
            texts.iter().any(|text| line.json["text"] == *text) && line.json["replay"].is_null()
        };
        chat.expect_none("what is not for them", Duration::from_secs(1), is_one);
    }
    assert_eq!(eve.history("#den", 9), ["before", "is anybody there"]);
    assert_eq!(ada.history("#den", 9), ["before", "among us", "here I am"]);
    let held = |host: &Host, chat: &mut Chat| {
        let path = host.home().join("all");
        chat.ask(json!({"cmd": "export", "path": path}));
        let room: Vec<String> =
            fs::read(path).expect("an export").iter().map(|byte| format!("{byte:02x}")).collect();
        // Once for the room itself, and in each entry's header.
        room.concat().matches(&successor).count()
    };
    assert_eq!([held(&hosts[0], &mut ada), held(&hosts[1], &mut bob), held(&hosts[2], &mut eve)], [3, 3, 0]);
}

fn say(chat: &mut Chat, text: &str) {
    chat.ask(json!({"cmd": "send", "room": "#den", "text": text}));
}

/// Waits until it is told of the room's other key by somebody.
fn expect(chat: &Chat, event: &str, by: &str) -> Value {
    let is_it = |json: &Value| json["type"] == "room" && json["event"] == event && json["key"] == by;
    chat.expect(&format!("{event} by {by}"), PATIENCE, |line| is_it(&line.json)).json
}
