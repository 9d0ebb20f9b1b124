//! A network that breaks and heals: what was said meanwhile arrives afterwards, on both sides.
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    watch,
};

/// A healed partition is whole within 15 s.
const HEALED: Duration = Duration::from_secs(15);

#[test]
fn after_the_other_was_given_up() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, Std, &["--nick", "ada"]);
    let mut bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    introduce(&ada, &bob);
    there.unplug();
    ada.expect_gone(bob.key(), "lost", Duration::from_secs(20));
    bob.expect_gone(ada.key(), "lost", Duration::from_secs(20));
    ada.say("said here meanwhile");
    bob.say("said there meanwhile");
    ada.say_to(&bob, "said to you meanwhile");
    // What comes within ten seconds is not late.
    std::thread::sleep(Duration::from_secs(10));
    let begun = watch::now();
    there.plug_in();
    let late = bob.expect_message("said here meanwhile", &ada, "#lobby");
    assert_eq!(late["late"], true);
    ada.expect_message("said there meanwhile", &bob, "#lobby");
    bob.expect_message("said to you meanwhile", &ada, &ada.direct());
    let took = watch::now() - begun;
    println!("healed after {took:?}");
    assert!(took < HEALED, "{took:?}");
    introduce(&ada, &bob);
    assert_eq!(ada.history("#lobby", 50), bob.history("#lobby", 50));
}

#[test]
fn between_two_switches_where_no_host_sees_it() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts: Vec<Host> = (0..6).map(|_| lan.host()).collect();
    lan.second_switch(&[&hosts[3], &hosts[4], &hosts[5]]);
    let program = |number: usize| if number.is_multiple_of(2) { Std } else { Smol };
    let mut chats: Vec<Chat> = hosts
        .iter()
        .enumerate()
        .map(|(number, host)| Chat::start(host, program(number), &["--nick", &format!("peer{number}")]))
        .collect();
    let pairs: Vec<(usize, usize)> = (0..6)
        .flat_map(|one| (0..6).map(move |other| (one, other)))
        .filter(|(one, other)| one != other)
        .collect();
    for &(one, other) in &pairs {
        chats[one].expect_online(&chats[other]);
    }
    std::thread::sleep(Duration::from_secs(1));
    let nets = |chats: &[Chat]| -> usize {
        chats.iter().map(|chat| chat.gather(|line| line.is_of("net").then_some(())).len()).sum()
    };
    let before = nets(&chats);
    let pulled = watch::now();
    lan.pull_between();
    let is_apart = |&(one, other): &(usize, usize)| (one < 3) != (other < 3);
    for (one, other) in pairs.iter().copied().filter(is_apart) {
        chats[one].expect_gone(chats[other].key(), "lost", Duration::from_secs(20));
    }
    for (number, chat) in chats.iter_mut().enumerate() {
        chat.say(&format!("said by {number} meanwhile"));
    }
    std::thread::sleep(pulled_for().saturating_sub(watch::now() - pulled));
    assert_eq!(nets(&chats), before, "no host saw anything");
    let back = watch::now();
    lan.put_back_between();
    for (one, other) in pairs.iter().copied().filter(is_apart) {
        let word = format!("said by {other} meanwhile");
        chats[one].expect_message(&word, &chats[other], "#lobby");
        chats[one].expect("online again", HEALED, |line| {
            line.at >= back && line.is_peer("online", chats[other].key())
        });
    }
    let took = watch::now() - back;
    println!("whole {took:?} after {:?} apart", back - pulled);
    assert!(took < HEALED, "{took:?}");
}

/// Long enough for everybody to be given up; minutes where somebody has them.
fn pulled_for() -> Duration {
    let seconds = std::env::var("CHAT_PULLED").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(25))
}

#[test]
fn before_anybody_noticed() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, Smol, &["--nick", "ada"]);
    let bob = Chat::start(&there, Std, &["--nick", "bob"]);
    introduce(&ada, &bob);
    there.unplug();
    ada.say("into the gap");
    std::thread::sleep(Duration::from_secs(1));
    there.plug_in();
    // The session itself sends it again.
    bob.expect_message("into the gap", &ada, "#lobby");
}

#[test]
fn when_the_interface_itself_goes_down_and_up() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, Std, &["--nick", "ada"]);
    let mut bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    introduce(&ada, &bob);
    let names_eth0 = |line: &chat_tests::running::Line| line.json["interfaces"].to_string().contains("eth0");
    for (host, chat) in [(&here, &ada), (&there, &bob)] {
        host.shell("ip link set eth0 down");
        chat.expect("net without eth0", Duration::from_secs(20), |line| {
            line.is_of("net") && !names_eth0(line)
        });
    }
    assert!(ada.is_alive() && bob.is_alive());
    ada.say("said while all was dark");
    bob.say("the same here");
    let begun = watch::now();
    for host in [&here, &there] {
        up_again(host);
    }
    bob.expect_message("said while all was dark", &ada, "#lobby");
    ada.expect_message("the same here", &bob, "#lobby");
    let took = watch::now() - begun;
    println!("healed after {took:?}");
    assert!(took < HEALED, "{took:?}");
}

#[test]
fn started_before_there_is_a_network() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    here.shell("ip link set eth0 down");
    let mut ada = Chat::start(&here, Std, &["--nick", "ada"]);
    ada.say("all alone");
    let bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    bob.expect_none("peer", Duration::from_secs(1), |line| line.is_of("peer"));
    up_again(&here);
    introduce(&ada, &bob);
    bob.expect_message("all alone", &ada, "#lobby");
}

#[test]
fn with_another_address_than_before() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, Smol, &["--nick", "ada"]);
    let bob = Chat::start(&there, Std, &["--nick", "bob"]);
    introduce(&ada, &bob);
    here.shell(
        "ip -4 address flush dev eth0; ip -6 address flush dev eth0; ip address add 10.77.0.99/24 dev eth0",
    );
    ada.say("I have moved");
    let begun = watch::now();
    bob.expect_message("I have moved", &ada, "#lobby");
    let took = watch::now() - begun;
    println!("reached again after {took:?}");
    assert!(took < HEALED, "{took:?}");
}

/// Taking an interface down took its IPv6 addresses; IPv4 ones stay.
fn up_again(host: &Host) {
    host.shell(&format!("ip link set eth0 up && ip address add {}/64 dev eth0 nodad || true", host.v6()));
}
