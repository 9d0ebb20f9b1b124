//! A network that drops multicast, or broadcast too, and says nothing: broadcast stands in, then an address by hand, and one
//! that is given to one person leads to all others.
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    lan::{Families, Host, Lan},
    running::Running,
    watch::PATIENCE,
};

/// DESIGN section 4: so soon after its start at the latest a newcomer is found by broadcast.
const FALL_BACK: Duration = Duration::from_secs(10);

#[test]
fn without_multicast_people_are_found_by_broadcast() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    hosts.iter().for_each(Host::filter_multicast);
    let mut ada = Chat::start(&hosts[0], Std, &[]);
    let mut bob = Chat::start(&hosts[1], Smol, &[]);
    introduce(&ada, &bob);
    ada.say("can you hear me");
    bob.expect_message("can you hear me", &ada, "#lobby");
    let eve = Chat::start(&hosts[2], Std, &[]);
    for present in [&ada, &bob] {
        let line = present.expect_online(&eve);
        assert!(line.at - eve.begun() < FALL_BACK, "{present}");
        assert_eq!(line.json["via"], "broadcast", "{line:?}");
        eve.expect_online(present);
    }
    let line = ada.expect("verdict", PATIENCE, |line| line.is_of("net") && line.json["multicast"] == "alone");
    assert!(
        line.json["reason"].as_str().is_some_and(|why| why.contains("only our own multicast")),
        "{line:?}"
    );
    bob.say("all three");
    eve.expect_message("all three", &bob, "#lobby");
}

#[test]
fn broadcast_alone_is_enough_and_mdns_alone_needs_no_broadcast() {
    for way in ["broadcast", "mdns"] {
        let Some(mut lan) = Lan::new() else { return };
        let hosts = [lan.host(), lan.host()];
        let options = ["--discovery", way];
        let ada = Chat::start(&hosts[0], Std, &options);
        let bob = Chat::start(&hosts[1], Smol, &options);
        introduce(&ada, &bob);
        let ways =
            [&ada, &bob].map(|chat| chat.lines().into_iter().find(|line| line.json["state"] == "online"));
        assert!(ways.iter().flatten().any(|line| line.json["via"] == way), "{ways:?}");
    }
}

#[test]
fn where_all_is_filtered_the_program_asks_for_an_address_and_one_leads_to_all() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts: Vec<Host> = (0..4).map(|_| lan.host_with(Families::V4)).collect();
    for host in &hosts {
        let others: Vec<&Host> = hosts.iter().filter(|other| other.v4() != host.v4()).collect();
        host.filter_all_but_unicast(&others);
    }
    let lonely =
        Running::start("a lonely one".into(), hosts[3].command(Std.path()).args(["--plain", "--ephemeral"]));
    let ada = Chat::start(&hosts[0], Std, &[]);
    let address = hosts[0].v4().to_string();
    let mut bob = Chat::start(&hosts[1], Smol, &["--connect", &address]);
    introduce(&ada, &bob);
    let said = lonely.expect("why nobody is there", PATIENCE, |line| line.text.contains("alone so far"));
    for word in ["/connect ADDRESS", "--connect ADDRESS", "/connect 10.77.0.4"] {
        assert!(said.text.contains(word), "{said:?}");
    }
    // Of Bob nobody has told Eve.
    let eve = Chat::start(&hosts[2], Std, &["--connect", &address]);
    for (one, other) in [(&eve, &ada), (&eve, &bob), (&bob, &eve)] {
        one.expect_online(other);
    }
    bob.say("who brought you here?");
    eve.expect_message("who brought you here?", &bob, "#lobby");
}
