//! Started without any option on two machines of one network, in every combination of the two programs: they find
//! each other by multicast DNS or broadcast and talk in both directions, to all and to one.
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::{Families, Lan},
    watch::PATIENCE,
};
use serde_json::json;

#[test]
fn std_and_std() {
    meet(Std, Std, Families::Both);
}

#[test]
fn std_and_smol() {
    meet(Std, Smol, Families::Both);
}

#[test]
fn smol_and_std() {
    meet(Smol, Std, Families::Both);
}

#[test]
fn smol_and_smol() {
    meet(Smol, Smol, Families::Both);
}

#[test]
fn where_there_is_only_ipv4() {
    meet(Std, Smol, Families::V4);
}

#[test]
fn where_there_are_only_link_local_addresses_of_ipv6() {
    meet(Smol, Std, Families::V6);
}

fn meet(first: Program, second: Program, families: Families) {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host_with(families), lan.host_with(families));
    let mut ada = Chat::start(&here, first, &[]);
    let mut bob = Chat::start(&there, second, &[]);
    let seen = [ada.expect_online(&bob), bob.expect_online(&ada)];
    // The one that was called knows only that it was called.
    let ways: &[&str] = if families == Families::V6 { &["mdns"] } else { &["mdns", "broadcast"] };
    assert!(seen.iter().any(|line| ways.iter().any(|way| line.json["via"] == *way)), "{seen:?}");
    assert!(seen.iter().all(|line| line.json["direct"] == true), "{seen:?}");

    let id = ada.say("hello, is anybody there?");
    let heard = bob.expect_message("hello, is anybody there?", &ada, "#lobby");
    assert_eq!(heard["id"], id.as_str());
    assert_eq!(heard["from"]["nick"], ada.nick());
    assert_eq!(heard["own"], false, "{heard}");
    assert!(heard["sent_ms"].as_u64().is_some_and(|sent| sent > 1_700_000_000_000), "{heard}");
    assert!(!heard["cursor"].is_null(), "{heard}");
    let entry = id.split('.').next().unwrap_or_default();
    ada.expect("receipt of Bob", PATIENCE, |line| {
        let [stored_by, of] = ["stored_by", "of"].map(|field| &line.json[field]);
        line.is_of("receipt") && line.json["id"] == entry && stored_by == 1 && of == 1
    });

    bob.say("yes: naïve 日本 👩‍👩‍👧");
    let heard = ada.expect_message("yes: naïve 日本 👩‍👩‍👧", &bob, "#lobby");
    assert_eq!(heard["late"], false, "both have proven the room by now: {heard}");

    ada.say_to(&bob, "between us");
    bob.expect_message("between us", &ada, &ada.direct());
    bob.say_to(&ada, "of course");
    ada.expect_message("of course", &bob, &bob.direct());

    // What one has said oneself is not told again.
    ada.expect_none("own message", Duration::ZERO, |line| line.is_of("message") && line.json["own"] == true);
    for chat in [&mut ada, &mut bob] {
        assert_eq!(chat.history("#lobby", 50), ["hello, is anybody there?", "yes: naïve 日本 👩‍👩‍👧"]);
    }
    let key = bob.key().to_owned();
    let direct = ada.history_objects(json!({"cmd": "history", "to": key}));
    let own: Vec<_> = direct.iter().map(|message| message["own"] == true).collect();
    assert_eq!(own, [true, false], "{direct:?}");
    bob.quit();
    ada.quit();
}

#[test]
fn a_direct_message_is_for_one_alone() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    let mut ada = Chat::start(&hosts[0], Std, &["--nick", "ada"]);
    let bob = Chat::start(&hosts[1], Smol, &["--nick", "bob"]);
    let mut eve = Chat::start(&hosts[2], Std, &["--nick", "eve"]);
    introduce(&ada, &bob);
    introduce(&ada, &eve);
    introduce(&bob, &eve);
    ada.say_to(&bob, "not for eve");
    bob.expect_message("not for eve", &ada, &ada.direct());
    // Eve hears what is said to all afterwards, so she would have heard the other by now.
    ada.say("for eve too");
    eve.expect_message("for eve too", &ada, "#lobby");
    eve.expect_none("direct message", Duration::from_millis(300), |line| line.is_of("message"));
    assert_eq!(eve.history("#lobby", 50), ["for eve too"]);
    let key = ada.key().to_owned();
    assert!(eve.history_objects(json!({"cmd": "history", "to": key})).is_empty());
}

#[test]
fn a_room_is_heard_by_those_in_it() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    let mut ada = Chat::start(&hosts[0], Std, &["--nick", "ada"]);
    let mut bob = Chat::start(&hosts[1], Smol, &["--nick", "bob"]);
    let mut eve = Chat::start(&hosts[2], Smol, &["--nick", "eve"]);
    introduce(&ada, &bob);
    introduce(&ada, &eve);
    let send = |text: &str| json!({"cmd": "send", "room": "#garden", "text": text});
    ada.refused(send("too early"), "not-in-room");
    for chat in [&mut ada, &mut bob] {
        chat.ask(json!({"cmd": "join", "room": "#garden"}));
        chat.ask(json!({"cmd": "join", "room": "#garden"}));
    }
    ada.ask(send("roses"));
    bob.expect_message("roses", &ada, "#garden");
    bob.ask(json!({"cmd": "leave", "room": "#garden"}));
    bob.refused(send("too late"), "not-in-room");
    ada.say("back to all");
    for chat in [&bob, &eve] {
        chat.expect_message("back to all", &ada, "#lobby");
    }
    eve.expect_none("message of a room she is not in", Duration::ZERO, |line| line.json["room"] == "#garden");
    eve.refused(json!({"cmd": "join", "room": "no hash, and spaces"}), "bad-room");
}

#[test]
fn a_new_nick_is_known_to_all() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, Smol, &["--nick", "ada"]);
    let bob = Chat::start(&there, Std, &["--nick", "bob"]);
    introduce(&ada, &bob);
    ada.ask(json!({"cmd": "nick", "nick": "countess"}));
    let renamed = |line: &chat_tests::running::Line| {
        line.is_of("peer") && line.json["key"] == ada.key() && line.json["nick"] == "countess"
    };
    bob.expect("peer with the new nick", PATIENCE, renamed);
    ada.say("it is still me");
    assert_eq!(bob.expect_message("it is still me", &ada, "#lobby")["from"]["nick"], "countess");
    ada.refused(json!({"cmd": "nick", "nick": ""}), "bad-nick");
    ada.quit();
    // It is kept.
    let again = Chat::start(&here, Smol, &[]);
    assert_eq!(again.nick(), "countess");
}
