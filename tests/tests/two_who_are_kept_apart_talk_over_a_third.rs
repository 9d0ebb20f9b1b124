//! An access point that keeps its guests apart, but not from everybody: what two of them say to each other alone goes over
//! somebody who reaches both, and who has nothing of it.
#![forbid(unsafe_code)]

use std::{fs, path::Path, time::Duration};

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::Chat,
    lan::Lan,
    running::Line,
    watch::{self, PATIENCE},
};
use serde_json::json;

/// A handshake over the neighbour, and a message: the two have known of each other for long.
const SOON: Duration = Duration::from_secs(3);

#[test]
fn two_guests_talk_alone_over_whoever_reaches_both() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [lan.host(), lan.host(), lan.host(), lan.host()];
    hosts[..2].iter().for_each(|guest| guest.keep_apart(true));
    let mut ada = Chat::start(&hosts[0], Std, &["--nick", "ada"]);
    let mut bob = Chat::start(&hosts[1], Smol, &["--nick", "bob"]);
    let mut eve = Chat::start(&hosts[2], Std, &["--nick", "eve"]);
    for (one, other, is_direct) in
        [(&ada, &eve, true), (&bob, &eve, true), (&ada, &bob, false), (&bob, &ada, false)]
    {
        one.expect("the others", PATIENCE, |line| is_online(line, other, is_direct));
    }
    // Their calls have had time to come to nothing.
    std::thread::sleep(Duration::from_secs(2));
    let asked = watch::now();
    ada.say_to(&bob, "between you and me");
    bob.expect_message("between you and me", &ada, &ada.direct());
    let first = watch::now() - asked;
    bob.say_to(&ada, "nobody else");
    ada.expect_message("nobody else", &bob, &bob.direct());
    assert!(first < SOON, "{first:?}");
    for (one, other) in [(&ada, &bob), (&bob, &ada)] {
        let line = one.expect("over whom", PATIENCE, |line| is_over(line, other, &eve));
        assert!(line.json["direct"] == true && line.json.get("address").is_none(), "{line:?}");
    }
    let listed = ada.ask(json!({"cmd": "peers"}));
    let bob_listed = listed["peers"].as_array().into_iter().flatten().find(|peer| peer["key"] == bob.key());
    assert_eq!(bob_listed.map(|peer| &peer["through"]), Some(&json!(eve.key())), "{listed}");

    // Whoever passed it on has counted it, and has nothing else of it.
    for key in [ada.key(), bob.key()] {
        assert!(eve.history_objects(json!({"cmd": "history", "to": key})).is_empty(), "{eve}");
    }
    assert!(eve.history("#lobby", 100).is_empty(), "{eve}");
    eve.ask(json!({"cmd": "stats"}));
    let stats = eve.expect("stats", PATIENCE, |line| line.is_of("stats"));
    assert!(stats.json["relay"]["passed"].as_u64() > Some(10), "{stats:?}");

    // Another one takes over when it leaves.
    let zoe = Chat::start(&hosts[3], Smol, &["--nick", "zoe"]);
    for guest in [&ada, &bob] {
        guest.expect("another one", PATIENCE, |line| is_online(line, &zoe, true));
    }
    let left = watch::now();
    eve.quit();
    ada.expect("over another one", PATIENCE, |line| is_over(line, &bob, &zoe));
    let took = watch::now() - left;
    assert!(took < Duration::from_secs(10), "{took:?}");
    ada.say_to(&bob, "still there?");
    bob.expect_message("still there?", &ada, &ada.direct());
    bob.say_to(&ada, "still here");
    ada.expect_message("still here", &bob, &bob.direct());
    eprintln!("the first message took {first:?}, another neighbour {took:?}");
    assert!(!holds(hosts[2].home(), b"between you and me"), "nothing of it is on its disk");
    assert!(holds(hosts[0].home(), b"between you and me"), "where there is, it is found");

    // Nobody is needed any more once there is a way.
    hosts[..2].iter().for_each(|guest| guest.keep_apart(false));
    ada.ask(json!({"cmd": "connect", "address": hosts[1].v4().to_string()}));
    let by_itself = |line: &Line| is_online(line, &bob, true) && line.json.get("through").is_none();
    let line = ada.expect("by itself", PATIENCE, by_itself);
    assert!(line.json["address"].is_string(), "{line:?}");
    ada.say_to(&bob, "face to face");
    bob.expect_message("face to face", &ada, &ada.direct());
    for (one, other) in [(&ada, &bob), (&bob, &ada)] {
        let gone = one.lines().into_iter().any(|line| line.is_peer("gone", other.key()));
        assert!(!gone, "it was there all the time: {one}");
    }
}

/// Whether it says that `other` is there, in session with us or with others.
fn is_online(line: &Line, other: &Chat, is_direct: bool) -> bool {
    line.is_peer("online", other.key()) && line.json["direct"] == is_direct
}

/// Whether it says that `other` is reached over `relay`.
fn is_over(line: &Line, other: &Chat, relay: &Chat) -> bool {
    line.is_peer("online", other.key()) && line.json["via"] == "relay" && line.json["through"] == relay.key()
}

/// Whether a file below `folder` holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.into_iter().any(|path| match path.is_dir() {
        true => holds(&path, bytes),
        false => fs::read(path).is_ok_and(|all| all.windows(bytes.len()).any(|window| window == bytes)),
    })
}
