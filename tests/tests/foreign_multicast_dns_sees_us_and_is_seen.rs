//! Other people's multicast DNS and we, each on a host of its own: they see us as we are, under every name, until we go,
//! and we see them.
#![forbid(unsafe_code)]

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    browser::{Browser, Seen},
    chat::{Chat, introduce},
    foreign::{Advert, Foreign, SERVICE, Stack},
    lan::{Families, Host, Lan},
    running::Line,
    watch::PATIENCE,
};
use serde_json::json;

/// A record that is taken back holds for a second (RFC 6762 section 10.1); two busy cores take the rest.
const GOODBYE: Duration = Duration::from_secs(3);
/// Everything that a careless reader of names falls over.
const ZOE: &str = "Zoë. v1.2 😀";

#[test]
fn avahi_sees_us() {
    sees_us(Stack::Avahi, Std, Families::Both);
}

#[test]
fn zeroconf_sees_us() {
    sees_us(Stack::Zeroconf, Smol, Families::Both);
}

#[test]
fn mdns_sd_sees_us() {
    sees_us(Stack::MdnsSd, Std, Families::Both);
}

#[test]
fn mdns_sees_us_as_long_as_our_name_is_ascii() {
    sees_us(Stack::Mdns, Smol, Families::Both);
}

#[test]
fn avahi_sees_us_by_ipv6_alone() {
    sees_us(Stack::Avahi, Smol, Families::V6);
}

#[test]
fn mdns_sd_sees_us_by_ipv6_alone() {
    sees_us(Stack::MdnsSd, Smol, Families::V6);
}

#[test]
fn zeroconf_sees_us_by_ipv6_alone() {
    sees_us(Stack::Zeroconf, Std, Families::V6);
}

#[test]
fn we_see_avahi() {
    is_seen(Stack::Avahi, Smol, Families::Both);
}

#[test]
fn we_see_zeroconf() {
    is_seen(Stack::Zeroconf, Std, Families::Both);
}

#[test]
fn we_see_mdns_sd() {
    is_seen(Stack::MdnsSd, Smol, Families::Both);
}

#[test]
fn we_see_libmdns() {
    is_seen(Stack::Libmdns, Std, Families::Both);
}

#[test]
fn we_see_avahi_by_ipv6_alone() {
    is_seen(Stack::Avahi, Std, Families::V6);
}

#[test]
fn we_see_mdns_sd_by_ipv6_alone() {
    is_seen(Stack::MdnsSd, Std, Families::V6);
}

#[test]
fn we_see_zeroconf_by_ipv6_alone() {
    is_seen(Stack::Zeroconf, Smol, Families::V6);
}

fn sees_us(stack: Stack, program: Program, families: Families) {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host_with(families), lan.host_with(families));
    there.leave_out();
    let Some(foreign) = Foreign::start(stack, &there) else { return };
    let mut ada = Chat::start(&here, program, &["--nick", "ada"]);
    let digits = ada.instance().split_off("ada".len());
    // After the announcements: only an answer can tell.
    std::thread::sleep(Duration::from_secs(3));
    let mut browser = foreign.browse(SERVICE);
    expect_as_it_is(&foreign, &browser, &ada, "ada", &here, families);

    // From now on it hears announcements and goodbyes.
    for (old, new) in [("ada", "countess"), ("countess", ZOE), (ZOE, "ada")] {
        ada.ask(json!({"cmd": "nick", "nick": new}));
        if stack == Stack::Mdns && [old, new].contains(&ZOE) {
            // It drops the message that would tell it so.
            continue;
        }
        browser.expect_gone(&format!("{old}{digits}"), PATIENCE);
        expect_as_it_is(&foreign, &browser, &ada, new, &here, families);
    }
    if stack == Stack::Mdns {
        expect_as_it_is(&foreign, &browser, &ada, "ada", &here, families);
    }
    let key = ada.key().to_owned();
    ada.quit();
    browser.expect_gone(&format!("ada{digits}"), GOODBYE);

    // Somebody new, seen by the announcement.
    let bob = Chat::start(&here, program, &["--nick", "bob"]);
    assert_eq!(bob.key(), key);
    expect_as_it_is(&foreign, &browser, &bob, "bob", &here, families);
    assert!(browser.is_alive(), "{browser}");
    bob.quit();
    browser.expect_gone(&format!("bob{digits}"), GOODBYE);
}

/// Waits until it sees exactly what there is of `chat`.
#[track_caller]
fn expect_as_it_is(
    foreign: &Foreign<'_>,
    browser: &Browser,
    chat: &Chat,
    nick: &str,
    host: &Host,
    families: Families,
) {
    let name = format!("{nick}{}", chat.instance().split_off(chat.nick().len()));
    let (v4, v6) = (IpAddr::from(host.v4()), IpAddr::from(host.v6()));
    let own: &[IpAddr] = match families {
        Families::Both => &[v4, v6],
        Families::V4 => &[v4],
        Families::V6 => &[],
    };
    let link_local = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    // Some tell it again with each address that they learn of; Avahi tells one of each family.
    let is_whole = |seen: &Seen| {
        let addresses = foreign.addresses(seen);
        let has = |own: &IpAddr| match foreign.stack() {
            Stack::Avahi => addresses.iter().any(|one| one.is_ipv4() == own.is_ipv4()),
            _ => addresses.contains(own),
        };
        own.iter().all(has) && !addresses.is_empty()
    };
    let seen = browser.expect_seen(&name, is_whole);
    let addresses = foreign.addresses(&seen);
    assert!(addresses.iter().all(|one| own.contains(one) || link_local(one)), "{addresses:?} of {seen:?}");
    assert_eq!(seen.port, chat.port(), "{seen:?}");
    let id = format!("id={}", &chat.key()[..16]);
    let txt = ["txtvers=1", "v=1", &id, "cap=0", &format!("n={nick}")].map(str::to_owned);
    let (boot, others): (BTreeSet<_>, BTreeSet<_>) =
        seen.txt.iter().cloned().partition(|one| one.starts_with("b="));
    assert_eq!(others, BTreeSet::from(txt), "{seen:?}");
    assert!(boot.len() == 1 && boot.iter().all(|one| one.len() == "b=".len() + 16), "{seen:?}");
}

fn is_seen(stack: Stack, program: Program, families: Families) {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts = [lan.host_with(families), lan.host_with(families), lan.host_with(families)];
    hosts[1].leave_out();
    let Some(foreign) = Foreign::start(stack, &hosts[1]) else { return };
    let early = Chat::start(&hosts[0], program, &["--nick", ZOE]);
    // These two split names at dots: what they send is no name of an instance (RFC 6763 section 4.1.1).
    let splits = matches!(stack, Stack::Libmdns | Stack::Zeroconf);
    let name = if splits { "Zoë 😀-0042" } else { "Zoë. v1.2 😀-0042" };
    let id = "0123456789abcdef";
    let txt =
        ["txtvers=1", "v=1", "id=0123456789abcdef", "b=00000000deadbeef", "cap=0", "n=Zoë. v1.2 😀", "new=1"];
    let advert = Advert { service: SERVICE, name, port: 40_123, txt: &txt };
    let mut advertiser = foreign.advertise(&advert);
    let found = |line: &Line| {
        let address = line.json["address"].as_str().unwrap_or_default();
        let at = [format!("{}:40123", hosts[1].v4()), format!("[{}]:40123", hosts[1].v6())];
        let is_there = match families {
            Families::V6 => address.starts_with("[fe80:") && address.ends_with("%eth0]:40123"),
            Families::V4 | Families::Both => {
                at.iter().any(|at| at == address) || address.starts_with("[fe80:")
            }
        };
        is_there && line.is_of("peer") && line.json["state"] == "found" && line.json["id"] == id
    };
    // By its announcement, and by its answer.
    let late = Chat::start(&hosts[2], program, &["--nick", "bob"]);
    for chat in [&early, &late] {
        let line = chat.expect("sight of the foreign instance", PATIENCE, found);
        let [nick, via] = ["nick", "via"].map(|field| &line.json[field]);
        assert_eq!((nick, via), (&json!(ZOE), &json!("mdns")), "{line:?}");
        assert!(line.json["key"].is_null(), "{line:?}");
    }
    introduce(&early, &late);
    assert!(advertiser.is_alive());
    advertiser.withdraw();
    for chat in [&early, &late] {
        chat.expect("end of the foreign instance", GOODBYE, |line| {
            line.is_of("peer") && line.json["state"] == "gone" && line.json["id"] == id
        });
    }
}
