//! Where discovery does not help: addresses given by hand, and those of people met before.
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::Lan,
    watch::PATIENCE,
};
use serde_json::json;

const MANUAL: [&str; 2] = ["--discovery", "manual"];

#[test]
fn by_option_over_ipv4() {
    by_option(Std, Smol, false);
}

#[test]
fn by_option_over_ipv6() {
    by_option(Smol, Std, true);
}

fn by_option(called: Program, calls: Program, v6: bool) {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, called, &MANUAL);
    let port = ada.port();
    let address = if v6 { format!("[{}]:{port}", here.v6()) } else { format!("{}:{port}", here.v4()) };
    let mut bob = Chat::start(&there, calls, &[&MANUAL[..], &["--connect", &address]].concat());
    let seen = bob.expect_online(&ada);
    assert_eq!(seen.json["via"], "manual", "{seen:?}");
    assert_eq!(seen.json["address"], address.as_str(), "{seen:?}");
    ada.expect_online(&bob);
    bob.say("knock knock");
    ada.expect_message("knock knock", &bob, "#lobby");
    ada.say("come in");
    bob.expect_message("come in", &ada, "#lobby");
}

#[test]
fn by_command_and_without_a_port() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let ada = Chat::start(&here, Std, &MANUAL);
    assert_eq!(ada.port(), 27_182, "the first on a machine has the port that others try");
    let mut bob = Chat::start(&there, Smol, &MANUAL);
    // Nobody has been asked to look for anybody.
    ada.expect_none("peer", Duration::from_secs(2), |line| line.is_of("peer"));
    bob.ask(json!({"cmd": "connect", "address": here.v4().to_string()}));
    introduce(&ada, &bob);
}

#[test]
fn an_address_that_answers_later_is_tried_again() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let address = format!("{}:27182", here.v4());
    let bob = Chat::start(&there, Smol, &[&MANUAL[..], &["--connect", &address]].concat());
    bob.expect_none("peer", Duration::from_secs(2), |line| line.is_of("peer") && !line.json["key"].is_null());
    let ada = Chat::start(&here, Std, &MANUAL);
    // Within 5 to 10 s; and what a handshake's own repetitions add.
    introduce(&bob, &ada);
}

#[test]
fn whoever_was_met_is_remembered() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    for (one, other) in [(Std, Smol), (Smol, Std)] {
        let names = [one.name(), other.name()];
        let profiles = [here.home().join(names[0]), there.home().join(names[1])];
        let [first, second] = profiles.each_ref().map(|path| path.to_string_lossy().into_owned());
        let ada = Chat::start(&here, one, &["--profile", &first]);
        let bob = Chat::start(&there, other, &["--profile", &second]);
        introduce(&ada, &bob);
        bob.quit();
        ada.expect("goodbye", PATIENCE, |line| line.json["state"] == "gone");
        ada.quit();

        let ada = Chat::start(&here, one, &[&MANUAL[..], &["--profile", &first]].concat());
        let mut bob = Chat::start(&there, other, &[&MANUAL[..], &["--profile", &second]].concat());
        introduce(&ada, &bob);
        let via = bob.lines().into_iter().find(|line| line.is_peer("online", ada.key()));
        let via = via.map(|line| line.json["via"].clone());
        // Ada tries Bob too, and may have called first.
        assert!(matches!(via.as_ref().and_then(|via| via.as_str()), Some("remembered" | "outside")), "{bob}");
        bob.say("long time no see");
        ada.expect_message("long time no see", &bob, "#lobby");
    }
}
