use std::time::Duration;

use chat_core::{
    EchoFindings, Findings, LinkFindings, MdnsSocket, Multicast, Nick, PathFindings, PeerKey, Reached,
    Source, Subnet,
};
use chat_net::{Firewall, Holder, LookedAt, Membership, Surroundings};

use super::*;
use crate::{
    cli::Discovery,
    doctor::{json, table, verdict_lines},
};

fn interface(index: u32, name: &str, address: &str, left_out: Option<Why>) -> LookedAt {
    let (address, prefix) = address.split_once('/').unwrap();
    let addresses = vec![Subnet { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }];
    let (multicast, loopback, mtu) = (true, name == "lo", 1500);
    LookedAt {
        interface: Interface { index, name: name.into(), addresses, multicast, loopback, mtu },
        left_out,
    }
}

fn tally(sent: u64, own: u64, others: u64) -> Tally {
    Tally { sent, own, others }
}

/// Where all is well: two others are there, multicast and broadcast are heard.
fn well() -> Facts {
    let links = [(Way::MulticastV4, tally(6, 6, 9)), (Way::Broadcast, tally(1, 1, 0))];
    Facts {
        surroundings: Surroundings {
            interfaces: vec![
                interface(1, "lo", "127.0.0.1/8", Some(Why::Loopback)),
                interface(2, "eth0", "192.168.1.5/24", None),
            ],
            groups: Some(vec![Membership { interface: 2, group: "ff02::1:ff67:3625".parse().unwrap() }]),
            mdns_holders: Some(vec![]),
            firewall: Firewall::Ufw,
        },
        findings: Findings {
            mdns: MdnsSocket::Exclusive,
            multicast: Multicast::Ok,
            links: links.map(|(way, tally)| LinkFindings { interface: 2, way, tally }).into(),
            peers: vec![peer("bo", 7), peer("li", 9)],
        },
        port: 27_182,
        discovery: Discovery { mdns: true, broadcast: true, manual: true, mdns_crates: false },
    }
}

fn peer(nick: &str, host: u8) -> PeerFindings {
    PeerFindings {
        key: Some(PeerKey([host; 32])),
        id: Some([host; 8]),
        boot: None,
        nick: Nick::new(nick).ok(),
        address: format!("192.168.1.{host}:27182").parse().ok(),
        state: PeerState::Online,
        sources: vec![Source::Mdns],
        is_silent: false,
        path: Some(PathFindings { rtt: Duration::from_millis(3), sent: 50, lost: 0 }),
        echo: None,
        clock_ahead_ms: Some(20),
    }
}

fn found(nick: &str, host: u8) -> PeerFindings {
    let (key, path, clock_ahead_ms) = (None, None, None);
    PeerFindings { key, path, clock_ahead_ms, state: PeerState::Found, is_silent: true, ..peer(nick, host) }
}

fn said(facts: &Facts) -> String {
    verdict_lines(facts, &causes(facts), "chat-std").join("\n")
}

#[test]
fn where_all_is_well_nothing_else_is_said() {
    assert_eq!(causes(&well()), [Cause::AllWell]);
    assert_eq!(said(&well()), "verdict     all is well: 2 others are there");
}

#[test]
fn without_a_network_that_is_the_only_cause() {
    let mut facts = well();
    facts.surroundings.interfaces[1].left_out = Some(Why::NotRunning);
    assert_eq!(causes(&facts), [Cause::NoNetwork]);
    facts.surroundings.interfaces[0].left_out = None;
    assert_eq!(causes(&facts), [Cause::OnlyThisMachine]);
    facts.surroundings.interfaces.push(interface(3, "tun0", "10.8.0.2/24", Some(Why::Virtual)));
    let behind = Cause::VirtualLeftOut { interface: "tun0".into() };
    assert_eq!(causes(&facts), [Cause::OnlyThisMachine, behind]);
    assert!(said(&facts).contains("here: chat-std --interface tun0"));
}

#[test]
fn what_does_not_come_back_is_dropped_by_this_machine() {
    let mut facts = well();
    facts.findings.peers.clear();
    facts.findings.links[0].tally = tally(6, 0, 0);
    let cause = |multicast, broadcast| Cause::OwnUnheard { interface: "eth0".into(), multicast, broadcast };
    assert_eq!(causes(&facts), [cause(true, false)]);
    assert!(said(&facts).contains("here: sudo ufw allow proto udp to any port 5353"), "{}", said(&facts));
    facts.findings.links[1].tally = tally(1, 0, 0);
    assert_eq!(causes(&facts), [cause(true, true)]);
    for (firewall, command) in [
        (Firewall::Ufw, "sudo ufw allow proto udp to any port 5353,27181,27182"),
        (
            Firewall::Firewalld,
            "sudo firewall-cmd --add-port=5353/udp --add-port=27181/udp --add-port=27182/udp",
        ),
        (
            Firewall::Nftables,
            "sudo nft 'insert rule inet filter input udp dport { 5353,27181,27182 } accept'",
        ),
        (
            Firewall::Iptables,
            "sudo iptables -I INPUT -p udp -m multiport --dports 5353,27181,27182 -j ACCEPT",
        ),
        (
            Firewall::MacOs,
            "open 'x-apple.systempreferences:com.apple.preference.security?Privacy_LocalNetwork'",
        ),
    ] {
        facts.surroundings.firewall = firewall;
        assert!(said(&facts).ends_with(&format!("here: {command}")), "{}", said(&facts));
    }
    // Somebody is heard, or nothing was sent, or nobody wants it: no fault.
    facts.findings.links[0].tally = tally(6, 0, 1);
    facts.findings.links[1].tally = tally(0, 0, 0);
    assert_eq!(causes(&facts), [Cause::NobodyElse]);
    facts.findings.links[0].tally = tally(6, 0, 0);
    facts.discovery.mdns = false;
    assert_eq!(causes(&facts), [Cause::NobodyElse]);
}

#[test]
fn multicast_is_filtered_where_somebody_is_there_and_unheard() {
    let mut facts = well();
    facts.findings.links[0].tally = tally(6, 6, 0);
    let filtered = Cause::MulticastFiltered { interface: "eth0".into() };
    assert_eq!(causes(&facts), [filtered]);
    assert!(said(&facts).contains("sudo tcpdump -ni eth0 udp port 5353"));
    // Whoever is on this machine, on another link, or only said to be there, proves nothing.
    facts.findings.peers = vec![peer("own", 5)];
    assert_eq!(causes(&facts), [Cause::NobodyElse]);
    facts.findings.peers = vec![PeerFindings { address: "10.1.1.1:5".parse().ok(), ..peer("far", 1) }];
    assert_eq!(causes(&facts), [Cause::AllWell]);
    facts.findings.peers = vec![PeerFindings { path: None, ..peer("vouched", 8) }];
    assert_eq!(causes(&facts), [Cause::AllWell]);
}

#[test]
fn who_is_found_and_does_not_answer_is_named_with_host_and_port() {
    let mut facts = well();
    facts.findings.peers.push(found("eve", 66));
    assert_eq!(causes(&facts), [Cause::Silent { peer: 2 }]);
    let said = said(&facts);
    for part in ["eve was found by mdns", "192.168.1.66:27182", "on eve: sudo ufw allow 27182/udp"] {
        assert!(said.contains(part), "{said}");
    }
    // One who has just been found has had no time to answer.
    facts.findings.peers[2].is_silent = false;
    assert_eq!(causes(&facts), [Cause::AllWell]);
    facts.findings.peers = (1..9).map(|host| found("x", host)).collect();
    assert_eq!(causes(&facts).len(), SILENT_MAX);
}

const ALL: Reached = Reached { multicast: true, broadcast: true, unicast: true };

/// One who answers, and has heard, and was heard, by these ways.
fn answering(peer: PeerFindings, heard: Reached, came: Reached) -> PeerFindings {
    PeerFindings { echo: Some(EchoFindings { heard, listens: ALL, came }), ..peer }
}

#[test]
fn of_a_fault_in_one_direction_the_guilty_host_is_named() {
    let alone = Reached { unicast: false, ..ALL };
    let mut facts = well();
    facts.findings.peers.push(answering(found("li", 66), alone, ALL));
    assert_eq!(causes(&facts), [Cause::PeerDeaf { peer: 2 }]);
    assert!(said(&facts).contains("on li: sudo ufw allow 27182/udp"), "{}", said(&facts));
    facts.findings.peers[2] = answering(found("li", 66), ALL, alone);
    assert_eq!(causes(&facts), [Cause::WeAreDeaf { peer: 2 }]);
    assert!(said(&facts).contains("here: sudo ufw allow proto udp to any port 27182"), "{}", said(&facts));
    facts.findings.peers[2] = answering(found("li", 66), alone, alone);
    assert_eq!(causes(&facts), [Cause::KeptApart { peer: 2 }]);
    assert!(said(&facts).contains("ping -c 3 192.168.1.66"), "{}", said(&facts));
    facts.findings.peers[2] = answering(found("li", 66), ALL, ALL);
    assert_eq!(causes(&facts), [Cause::AllWell]);
}

#[test]
fn who_does_not_hear_what_we_say_to_all_is_named_if_it_listens() {
    let mut facts = well();
    let without = Reached { multicast: false, ..ALL };
    facts.findings.peers[1] = answering(peer("li", 9), without, ALL);
    assert_eq!(causes(&facts), [Cause::MulticastUnheard { peer: 1 }]);
    assert!(said(&facts).contains(": sudo ufw allow 5353/udp"), "{}", said(&facts));
    facts.findings.peers[1].echo = Some(EchoFindings { heard: without, listens: without, came: ALL });
    assert_eq!(causes(&facts), [Cause::AllWell]);
    facts.findings.peers[1] = answering(peer("li", 9), Reached { broadcast: false, ..ALL }, ALL);
    assert_eq!(causes(&facts), [Cause::BroadcastUnheard { peer: 1 }]);
    let without_both = Reached { broadcast: false, ..ALL };
    facts.findings.peers[1] = answering(peer("li", 9), without_both, without_both);
    assert_eq!(causes(&facts), [Cause::AllWell], "nobody needs it while multicast works");
    // Filtered in both directions: one cause is enough.
    facts.findings.peers[1] = answering(peer("li", 9), without, without);
    facts.findings.links[0].tally = tally(6, 6, 0);
    assert_eq!(causes(&facts), [Cause::MulticastFiltered { interface: "eth0".into() }]);
}

#[test]
fn a_port_that_others_keep_is_told_with_their_names() {
    let mut facts = well();
    facts.findings.mdns = MdnsSocket::OneShot;
    facts.surroundings.mdns_holders =
        Some(vec![Holder { name: Some("foreignd".into()), user: 0 }, Holder { name: None, user: 114 }]);
    facts.findings.links[0].tally = tally(6, 0, 0);
    assert_eq!(causes(&facts), [Cause::PortTaken]);
    assert!(said(&facts).contains("foreignd, a program of user 114 has UDP port 5353"), "{}", said(&facts));
}

#[test]
fn of_two_clocks_both_are_named_and_of_more_the_odd_one() {
    let mut facts = well();
    facts.findings.peers[1].clock_ahead_ms = Some(-10_001);
    assert_eq!(causes(&facts), [Cause::Clock { peer: 1, ahead_ms: -10_001 }]);
    assert!(said(&facts).contains("ours is 10 s ahead"), "{}", said(&facts));
    facts.findings.peers[0].clock_ahead_ms = Some(7_300_000);
    facts.findings.peers[1].clock_ahead_ms = Some(7_200_000);
    assert_eq!(causes(&facts), [Cause::OwnClock { ahead_ms: 7_300_000 }]);
    assert!(said(&facts).contains("it is 2 h behind"), "{}", said(&facts));
    facts.findings.peers.truncate(1);
    facts.findings.peers[0].clock_ahead_ms = Some(10_000);
    assert_eq!(causes(&facts), [Cause::AllWell]);
    facts.findings.peers[0].clock_ahead_ms = Some(i64::MIN);
    assert_eq!(causes(&facts), [Cause::Clock { peer: 0, ahead_ms: i64::MIN }]);
    assert!(!said(&facts).is_empty());
}

#[test]
fn loss_counts_from_twenty_packets_and_a_tenth_on() {
    let mut facts = well();
    let mut with = |sent, lost| {
        facts.findings.peers[0].path = Some(PathFindings { rtt: Duration::ZERO, sent, lost });
        causes(&facts)
    };
    assert_eq!(with(19, 19), [Cause::AllWell]);
    assert_eq!(with(0, 0), [Cause::AllWell]);
    assert_eq!(with(100, 9), [Cause::AllWell]);
    assert_eq!(with(100, 10), [Cause::Lossy { peer: 0, percent: 10 }]);
}

#[test]
fn the_likeliest_cause_comes_first() {
    let mut facts = well();
    facts.findings.links[1].tally = tally(1, 0, 0);
    facts.findings.links[0].tally = tally(6, 6, 0);
    facts.findings.peers[0].clock_ahead_ms = Some(99_000);
    facts.findings.peers.push(found("eve", 66));
    facts.findings.mdns = MdnsSocket::Shared;
    let words: Vec<_> = causes(&facts).iter().map(Cause::word).collect();
    assert_eq!(words, ["own-unheard", "peer-silent", "multicast-filtered", "clock"]);
}

#[test]
fn no_line_but_a_command_is_wider_than_a_hundred_columns() {
    let mut facts = well();
    let mut wide = interface(4, "enp0s31f6x", "2001:db8:1111:2222:3333:4444:5555:6666/64", None);
    wide.interface.addresses = vec![wide.interface.addresses[0]; 5];
    facts.surroundings.interfaces.push(wide);
    facts.findings.mdns = MdnsSocket::OneShot;
    facts.findings.peers = (1..60).map(|host| found("a rather long name of 32 letters", host)).collect();
    let lines = table(&facts, &causes(&facts), "chat-std");
    assert!(lines.len() < 60, "{}", lines.len());
    for line in lines.iter().filter(|line| !line.contains(": sudo ")) {
        assert!(crate::clean::width(line) <= 100, "{line}");
    }
}

#[test]
fn a_report_names_nobody() {
    let mut facts = well();
    facts.findings.peers.push(found("eve", 66));
    facts.findings.peers[0].address = "93.184.216.34:27182".parse().ok();
    let report = json(&facts, &causes(&facts), "chat-std");
    for secret in ["ff67:3625", "\"bo", "eve", "li-", "216.34", &PeerKey([7; 32]).to_string()[..8]] {
        assert!(!report.contains(secret), "{secret}: {report}");
    }
    for kept in ["peer-3 was found", "93.184.0.0", "192.168.1.9", "\"cause\":\"peer-silent\"", "on peer-3"] {
        assert!(report.contains(kept), "{kept}: {report}");
    }
}
