//! Two terminals on one machine, also when loopback is its only interface.
#![forbid(unsafe_code)]

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
};

#[test]
fn with_loopback_alone_std_first() {
    let Some(mut lan) = Lan::new() else { return };
    talk(&lan.loopback_host(), Std, Smol);
}

#[test]
fn with_loopback_alone_smol_first() {
    let Some(mut lan) = Lan::new() else { return };
    talk(&lan.loopback_host(), Smol, Std);
}

#[test]
fn beside_a_network() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    talk(&host, Std, Std);
    talk(&host, Smol, Smol);
}

#[test]
fn in_the_middle_of_a_network() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, Std, &["--nick", "ada"]);
    let mut twin = Chat::start(&here, Smol, &["--nick", "twin", "--ephemeral"]);
    let mut bob = Chat::start(&there, Std, &["--nick", "bob"]);
    introduce(&ada, &twin);
    introduce(&ada, &bob);
    introduce(&twin, &bob);
    bob.say("to both of you");
    for terminal in [&ada, &twin] {
        terminal.expect_message("to both of you", &bob, "#lobby");
    }
    twin.say("from one terminal");
    ada.expect_message("from one terminal", &twin, "#lobby");
    ada.say("to the other");
    twin.expect_message("to the other", &ada, "#lobby");
}

fn talk(host: &Host, first: Program, second: Program) {
    let mut ada = Chat::start(host, first, &["--nick", "ada"]);
    let mut guest = Chat::start(host, second, &["--nick", "guest", "--ephemeral"]);
    assert_ne!(ada.port(), guest.port());
    introduce(&ada, &guest);
    ada.say("hello, other terminal");
    guest.expect_message("hello, other terminal", &ada, "#lobby");
    guest.say("hello, terminal");
    ada.expect_message("hello, terminal", &guest, "#lobby");
    ada.say_to(&guest, "psst");
    guest.expect_message("psst", &ada, &ada.direct());
    // A profile of its own does as well.
    let profile = host.home().join("second").to_string_lossy().into_owned();
    let third = Chat::start(host, second, &["--nick", "third", "--profile", &profile]);
    introduce(&ada, &third);
    introduce(&guest, &third);
    for chat in [third, guest, ada] {
        chat.quit();
    }
}
