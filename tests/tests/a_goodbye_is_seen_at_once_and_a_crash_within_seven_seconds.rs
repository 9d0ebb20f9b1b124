//! Who leaves is seen to leave; who falls silent is missed.
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::Lan,
    watch::{self, median},
};
use serde_json::json;

/// A goodbye takes 10 ms on its way; writing what is left to the disk and waking two busy cores take the rest.
const GOODBYE: Duration = Duration::from_millis(100);
/// 7 s between two, and what two busy cores add.
const CRASH: Duration = Duration::from_millis(7_500);

#[test]
fn std_says_goodbye() {
    goodbye(Std, Smol);
}

#[test]
fn smol_says_goodbye() {
    goodbye(Smol, Std);
}

#[test]
fn std_is_killed() {
    crash(Std, Smol);
}

#[test]
fn smol_is_killed() {
    crash(Smol, Std);
}

fn goodbye(leaves: Program, stays: Program) {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let bob = Chat::start(&there, stays, &["--nick", "bob"]);
    let mut times = Vec::new();
    for _ in 0..3 {
        let mut ada = Chat::start(&here, leaves, &["--nick", "ada"]);
        introduce(&ada, &bob);
        ada.say("goodbye");
        let key = ada.key().to_owned();
        let begun = watch::now();
        ada.tell(json!({"cmd": "quit"}));
        let gone = bob.expect_gone(&key, "quit", Duration::from_secs(5));
        times.push(gone.at - begun);
        assert_eq!(ada.wait(Duration::from_secs(2)), Some(0), "{ada}");
        // And stays gone.
        bob.expect_none("return", Duration::from_millis(200), |line| line.is_peer("online", &key));
    }
    println!("goodbye of {} seen after {times:?}", leaves.name());
    assert!(median(&times) < GOODBYE, "{times:?}");
}

fn crash(dies: Program, watches: Program) {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut bob = Chat::start(&there, watches, &["--nick", "bob"]);
    let mut ada = Chat::start(&here, dies, &["--nick", "ada"]);
    introduce(&ada, &bob);
    let begun = watch::now();
    ada.kill();
    let gone = bob.expect_gone(ada.key(), "lost", Duration::from_secs(20));
    let took = gone.at - begun;
    println!("crash of {} seen after {took:?}", dies.name());
    assert!(took < CRASH, "{took:?}: {bob}");
    // What is said meanwhile waits, and the same person comes back.
    bob.say("are you there?");
    let again = Chat::start(&here, dies, &[]);
    assert_eq!(again.key(), ada.key());
    introduce(&again, &bob);
    assert_eq!(again.expect_message("are you there?", &bob, "#lobby")["late"], true);
}
