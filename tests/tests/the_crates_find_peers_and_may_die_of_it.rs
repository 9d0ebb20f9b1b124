//! `--discovery mdns-crates`: the crates `libmdns` and `mdns`, in a process beside the chat, find others like them and
//! others with our own engine. One datagram of 18 bytes ends that process; the chat goes on, and so does finding.
//!
//! `cargo test -p chat-tests --features mdns-crates --test the_crates_find_peers_and_may_die_of_it`
#![forbid(unsafe_code)]

use std::{fs, time::Duration};

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    running::Running,
    watch::{self, PATIENCE},
};
use rustix::process::Signal;
use serde_json::json;

/// Only the crates find anybody.
const CRATES: [&str; 4] = ["--discovery", "mdns-crates", "--log", "debug"];
/// What runs as the child.
const CHILD: &str = "mdns-crates-child";
/// A question whose name points to itself (RFC 1035 section 4.1.4): a header that counts one question, then the name, the
/// type PTR and the class IN.
const SELF_REFERENCE: &str = "000000000001000000000000c00c000c0001";
/// How long a program may take to end, and everything that it started.
const LIMIT: Duration = Duration::from_secs(2);

/// A host that knows the way to the group: both crates leave the choice of the interface to the system's routes.
fn host(lan: &mut Lan) -> Host {
    let host = lan.host();
    host.shell("ip route add 224.0.0.0/4 dev eth0");
    host
}

fn start(host: &Host, nick: &str) -> Chat {
    Chat::start(host, Std, &[&CRATES[..], &["--nick", nick]].concat())
}

/// The process ids of the children of `chat`.
fn children(chat: &Chat) -> Vec<u32> {
    let list = format!("/proc/{0}/task", chat.id());
    let tasks = fs::read_dir(list).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

/// The one child, once it is there.
#[track_caller]
fn child(chat: &Chat) -> u32 {
    let found = watch::until(PATIENCE, || children(chat).into_iter().find(|&child| is_child(child)));
    found.unwrap_or_else(|| panic!("no child: {chat}"))
}

/// Whether the process still runs. A zombie has no arguments.
fn is_child(id: u32) -> bool {
    fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(CHILD))
}

#[track_caller]
fn talk(one: &mut Chat, other: &mut Chat) {
    one.say("hello");
    other.expect_message("hello", one, "#lobby");
    other.say("hello yourself");
    one.expect_message("hello yourself", other, "#lobby");
}

#[test]
fn two_with_the_crates_alone_find_each_other_and_talk() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (host(&mut lan), host(&mut lan));
    // As labels of names these would be seen by neither.
    let mut ada = start(&here, "\u{c5}da");
    let mut bob = start(&there, "Zo\u{eb} \u{1f600}");
    let seen = [ada.expect_online(&bob), bob.expect_online(&ada)];
    assert!(seen.iter().any(|line| line.json["via"] == "outside"), "{seen:?}");
    talk(&mut ada, &mut bob);
    for chat in [&ada, &bob] {
        chat.expect_none("mdns", Duration::ZERO, |line| line.is_of("peer") && line.json["via"] == "mdns");
        assert_eq!(children(chat).len(), 1, "{chat}");
    }
    bob.quit();
    ada.quit();
}

#[test]
fn the_child_sees_our_own_engine() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (host(&mut lan), host(&mut lan));
    // Who keeps no addresses and hears no multicast waits to be called: so it is the crates that find.
    let mut ada = Chat::start(&there, Smol, &["--discovery", "mdns", "--nick", "ada"]);
    let mut bob = start(&here, "bob");
    introduce(&bob, &ada);
    found_outside(&bob, ada.key());
    talk(&mut ada, &mut bob);
}

#[test]
fn our_own_engine_sees_the_child() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (host(&mut lan), host(&mut lan));
    let mut bob = start(&here, "bob");
    child(&bob);
    // A label that is not ASCII is one that `mdns` cannot see: what finds here is our own engine.
    let mut zoe = Chat::start(&there, Smol, &["--discovery", "mdns", "--nick", "Zo\u{eb}"]);
    let line = zoe.expect("bob, found", PATIENCE, |line| {
        line.is_of("peer") && line.json["nick"] == "bob" && line.json["via"] == "mdns"
    });
    let port = bob.port();
    let expected = [format!("{}:{port}", here.v4()), format!("[{}]:{port}", here.v6())];
    assert!(expected.iter().any(|address| line.json["address"] == address.as_str()), "{line:?}");
    introduce(&zoe, &bob);
    talk(&mut bob, &mut zoe);
    assert!(!outside(&bob, zoe.key()), "mdns sees no such label: {bob}");
}

/// What the supervisor has logged of sightings of this key.
fn outside(chat: &Chat, key: &str) -> bool {
    let bytes: Vec<String> = (0..16)
        .step_by(2)
        .map(|at| u8::from_str_radix(&key[at..at + 2], 16))
        .map(|byte| byte.map_or(String::new(), |byte| byte.to_string()))
        .collect();
    let id = format!("kind: Seen, id: Some([{}])", bytes.join(", "));
    chat.errors().contains(&id)
}

#[track_caller]
fn found_outside(chat: &Chat, key: &str) {
    let found = watch::until(PATIENCE, || outside(chat, key).then_some(()));
    assert!(found.is_some(), "no sighting of {key}: {chat}");
}

/// Sends the datagram until this child has died of it: `libmdns` overlooks what comes together with something else.
#[track_caller]
fn abort(stranger: &Host, chat: &Chat, child: u32) {
    let mut sent = 0;
    let gone = watch::until(PATIENCE, || {
        if sent % 100 == 0 {
            stranger
                .run(env!("CARGO_BIN_EXE_stranger"), &["forge", "0", "224.0.0.251:5353", SELF_REFERENCE], "")
                .expect_code(0);
        }
        sent += 1;
        (!is_child(child)).then_some(())
    });
    assert!(gone.is_some(), "the child outlives the datagram: {chat}");
}

#[test]
fn eighteen_bytes_end_the_child_and_not_the_chat() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [host(&mut lan), host(&mut lan), host(&mut lan)];
    assert_eq!(SELF_REFERENCE.len(), 36);
    let mut ada = start(&hosts[0], "ada");
    let mut bob = start(&hosts[1], "bob");
    introduce(&ada, &bob);
    let first = child(&ada);
    abort(&hosts[2], &ada, first);
    talk(&mut ada, &mut bob);
    let told = watch::until(PATIENCE, || ada.errors().contains("mdns-crates ended (signal: 6").then_some(()));
    assert!(told.is_some(), "it died of the overflow, and that is logged: {ada}");
    // It is back, and finds and is found.
    let second = child(&ada);
    assert_ne!(first, second);
    let mut eve = start(&hosts[2], "eve");
    introduce(&ada, &eve);
    found_outside(&ada, eve.key());
    talk(&mut ada, &mut eve);
    for chat in [&mut ada, &mut bob] {
        assert!(chat.is_alive());
        chat.expect_none("loss", Duration::ZERO, |line| line.is_of("peer") && line.json["state"] == "gone");
        assert!(chat.errors().contains("overflowed its stack"), "what it said is in the log: {chat}");
    }
    let out = ada.lines();
    assert!(out.iter().all(|line| line.json.is_object()), "none of that is on the chat's own output: {ada}");
}

#[test]
fn a_new_nick_is_announced() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (host(&mut lan), host(&mut lan));
    let mut ada = start(&here, "ada");
    child(&ada);
    ada.ask(json!({"cmd": "nick", "nick": "countess"}));
    // Somebody who looks on and never calls hears it of the announcement alone.
    let heard = hear(&there);
    ada.ask(json!({"cmd": "nick", "nick": "duchess"}));
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let says = |heard: &Running, nick: &str| {
        let entry = format!("{:02x}{}", nick.len() + 2, hex(&format!("n={nick}")));
        heard.take(PATIENCE, |line| line.json["hex"].as_str().is_some_and(|bytes| bytes.contains(&entry)))
    };
    assert!(says(&heard, "countess").is_some(), "a goodbye to what was: {heard}");
    assert!(says(&heard, "duchess").is_some(), "{heard}");
}

fn hear(host: &Host) -> Running {
    let mut stranger = host.command(env!("CARGO_BIN_EXE_stranger"));
    let stranger = Running::start(String::from("listener"), stranger.args(["hear", "224.0.0.251", "5353"]));
    stranger.expect("start", PATIENCE, |line| line.is_of("hearing"));
    stranger
}

#[test]
fn the_end_of_the_chat_is_the_end_of_the_child() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (host(&mut lan), host(&mut lan));
    let heard = hear(&there);
    for way in ["quit", "SIGINT", "SIGKILL"] {
        let mut ada = start(&here, "ada");
        let child = child(&ada);
        // Announced, so that there is something to take back.
        let announced = heard
            .take(PATIENCE, |line| is_pointer(line.json["hex"].as_str().unwrap_or_default(), ada.key(), 60));
        assert!(announced.is_some(), "{way}: {heard}");
        let begun = watch::now();
        match way {
            "quit" => drop(ada.tell(json!({"cmd": "quit"}))),
            "SIGINT" => ada.signal(Signal::INT),
            _ => ada.kill(),
        }
        let gone = watch::until(LIMIT, || (!is_child(child)).then(watch::now));
        assert!(gone.is_some(), "{way}: the child is there after {LIMIT:?}");
        if way != "SIGKILL" {
            assert_eq!(ada.wait(LIMIT), Some(0), "{way}: {ada}");
        }
        println!("FIGURE after {way} chat and child are gone in {:?}", watch::now() - begun);
        assert!(watch::now() - begun < LIMIT, "{way}");
        let goodbye = heard
            .take(PATIENCE, |line| is_pointer(line.json["hex"].as_str().unwrap_or_default(), ada.key(), 0));
        assert!(goodbye.is_some(), "{way}: it says goodbye: {heard}");
        while heard.take(Duration::ZERO, |_| true).is_some() {}
    }
}

/// Whether a datagram points to the instance of this key, for so many seconds: its first record, as `libmdns` writes it.
fn is_pointer(bytes: &str, key: &str, seconds: u32) -> bool {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let service = format!("09{}04{}05{}00", hex("_p2p-chat"), hex("_udp"), hex("local"));
    let label = format!("p2pc-{}", &key[..16]);
    let target = format!("{:02x}{}{service}", label.len(), hex(&label));
    let pointer = format!("{service}000c0001{seconds:08x}{:04x}{target}", target.len() / 2);
    bytes.contains(&pointer)
}

#[test]
fn new_addresses_are_used() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (host(&mut lan), host(&mut lan));
    let ada = start(&here, "ada");
    let child = child(&ada);
    here.shell("ip address add 10.78.0.1/24 brd + dev eth0 && ip address delete 10.77.0.1/24 dev eth0");
    here.shell("ip route replace 224.0.0.0/4 dev eth0");
    there.shell("ip address add 10.78.0.2/24 brd + dev eth0");
    let heard = hear(&there);
    // Its own engine would tell by itself; the crates are told to begin anew.
    let tells = format!("000100010000003c0004{}", "0a4e0001");
    let told =
        heard.take(PATIENCE, |line| line.json["hex"].as_str().is_some_and(|bytes| bytes.contains(&tells)));
    assert!(told.is_some(), "{heard}\n{ada}");
    assert!(is_child(child), "it is the same process: {ada}");
    let bob = start(&there, "bob");
    introduce(&ada, &bob);
    found_outside(&ada, bob.key());
}

#[test]
fn without_a_network_beyond_loopback_it_says_that_it_rests() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.loopback_host();
    let ada = start(&host, "ada");
    let told = watch::until(PATIENCE, || ada.errors().contains("mdns-crates rests").then_some(()));
    assert!(told.is_some(), "{ada}");
    assert!(children(&ada).is_empty(), "{ada}");
}

#[test]
fn without_a_way_to_the_group_it_says_that_it_asks_nobody() {
    let Some(mut lan) = Lan::new() else { return };
    let ada = start(&lan.host(), "ada");
    let told = watch::until(PATIENCE, || ada.errors().contains("mdns-crates asks nobody").then_some(()));
    assert!(told.is_some(), "{ada}");
}
