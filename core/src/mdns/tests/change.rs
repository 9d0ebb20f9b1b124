//! Nicks and interfaces change, machines sleep.

use super::*;

#[test]
fn a_new_nick_is_a_new_instance_of_the_same_peer() {
    let mut lan = Lan::new();
    let (a, b) = (lan.settled("ana"), lan.settled("bob"));
    let (old, begin) = (lan.instance(a), lan.now);
    lan.announce(a, "zoe", [1; 32], 1);
    let goodbye = lan.responses(a, begin)[0].message();
    let gone: Vec<_> = goodbye.answers.iter().map(|record| (record.data.kind(), record.ttl)).collect();
    assert_eq!(gone, [(Kind::PTR, 0), (Kind::SRV, 0), (Kind::TXT, 0)]);
    assert_eq!(goodbye.answers[0].data, Data::Ptr(old.clone()));
    lan.run_ms(5_000);
    let queries = lan.queries(a, begin);
    assert_eq!(queries.iter().filter(|sent| !sent.message().authority.is_empty()).count(), 3);
    let last = lan.sightings(b).last().unwrap().1;
    assert_eq!((last.kind, last.nick.as_ref().unwrap().as_str()), (SightingKind::Seen, "zoe"));
    assert!(lan.renamed(a).is_empty(), "the person knows");
    // Told again it is no news.
    let begin = lan.now;
    lan.announce(a, "zoe", [1; 32], 1);
    lan.run_ms(5_000);
    assert!(lan.sent_by(a, begin, true).is_empty());
}

#[test]
fn a_peer_that_is_still_there_is_not_lost_with_its_old_name() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let (mut old, mut new) = (stranger("old", 50, 4500), stranger("new", 50, 4500));
    let text = new[2].data.clone();
    old[2].data = text;
    lan.inject_multicast(a, &response(&old));
    lan.inject_multicast(a, &response(&new));
    new.truncate(0);
    lan.inject_multicast(a, &response(&[Record { ttl: 0, ..old[0].clone() }]));
    lan.run_ms(2_000);
    assert!(lan.sightings(a).iter().all(|(_, seen)| seen.kind == SightingKind::Seen));
}

/// Item 26 (RFC 6762 section 6.2).
#[test]
fn a_new_link_is_asked_and_told() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let b = lan.host_with("b", [2; 32], 2, MdnsSocket::Shared, &[2]);
    lan.run_ms(5_000);
    assert!(lan.sees(a).is_empty());
    let begin = lan.now;
    let second = lan.interface(a, 2);
    lan.hosts[a].interfaces.push(second);
    lan.hosts[a].segments.push(2);
    lan.plug(a);
    lan.run_ms(1_500);
    assert_eq!((lan.sees(a), lan.sees(b)), (vec!["b".into()], vec!["a".into()]));
    assert!(
        lan.sent_by(a, begin, true).iter().all(|sent| sent.transmit.interface == 2),
        "the first is left alone"
    );
    // Only the addresses of the link itself are told there.
    assert_eq!(addresses(lan.sightings(b)[0].1), ["10.2.0.1:27182"]);
    assert_eq!(addresses(lan.sightings(a)[0].1), ["10.2.0.2:27182"]);
}

/// Item 58 (RFC 6762 section 10.3).
#[test]
fn with_its_link_a_peer_is_gone_unless_another_has_it() {
    let mut lan = Lan::new();
    let a = lan.host_with("a", [1; 32], 1, MdnsSocket::Shared, &[1, 2]);
    lan.host_with("b", [2; 32], 2, MdnsSocket::Shared, &[1, 2]);
    lan.host_with("c", [3; 32], 3, MdnsSocket::Shared, &[1]);
    lan.run_ms(5_000);
    let places: Vec<_> = lan.sightings(a).iter().map(|(_, seen)| addresses(seen)).collect();
    assert!(places.contains(&vec!["10.1.0.2:27182".into(), "10.2.0.2:27182".into()]), "{places:?}");
    let unplug = |lan: &mut Lan, segment: u8| {
        lan.hosts[a].interfaces.retain(|interface| interface.index != u32::from(segment));
        lan.hosts[a].segments.retain(|other| *other != segment);
        lan.plug(a);
    };
    unplug(&mut lan, 1);
    assert_eq!(lan.sees(a), ["b"]);
    let seen = lan.sightings(a).into_iter().rfind(|(_, seen)| seen.kind == SightingKind::Seen);
    assert_eq!(addresses(seen.unwrap().1), ["10.2.0.2:27182"]);
    unplug(&mut lan, 2);
    assert_eq!(lan.sees(a), Vec::<String>::new());
    assert_eq!(lan.multicast(a).last(), Some(&Multicast::Off));
    assert_eq!(lan.hosts[a].mdns.next_wake(), None);
}

/// Item 40 (RFC 6762 section 8.4).
#[test]
fn a_new_address_is_announced_and_the_old_one_taken_back() {
    let mut lan = Lan::new();
    let (a, b) = (lan.settled("a"), lan.settled("b"));
    let begin = lan.now;
    lan.hosts[a].interfaces[0].addresses[0].address = [10, 1, 0, 77].into();
    lan.plug(a);
    lan.run_ms(5_000);
    let queries = lan.queries(a, begin);
    assert!(queries.iter().all(|sent| sent.message().authority.is_empty()), "no probes");
    assert_eq!(addresses(lan.sightings(b).last().unwrap().1), ["10.1.0.77:27182"]);
    // The goodbye, which speaks of that address only, and two announcements.
    let sent = lan.responses(a, begin);
    assert_eq!(sent.len(), 3);
    let gone = sent[0].message();
    assert!(gone.answers.len() == 1 && gone.answers[0].ttl == 0 && !gone.answers[0].flush);
}

/// Item 41 (RFC 6762 section 8).
#[test]
fn another_network_on_the_same_interface_is_another_link() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.settled("b");
    assert_eq!(lan.sees(a), ["b"]);
    lan.hosts[a].interfaces[0].addresses[0].address = [172, 16, 0, 1].into();
    lan.plug(a);
    assert_eq!(lan.sees(a), Vec::<String>::new());
    let begin = lan.now;
    lan.run_ms(3_000);
    assert_eq!(conflict::probes(&lan, a, begin).len(), 3);
    assert_eq!(lan.multicast(a), [Multicast::Alone, Multicast::Ok], "the other is still heard");
}

#[test]
fn on_another_network_one_can_be_alone_again() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let b = lan.settled("b");
    lan.kill(b);
    lan.hosts[a].interfaces[0].addresses[0].address = [172, 16, 0, 1].into();
    lan.plug(a);
    lan.run_ms(4_000);
    assert_eq!(lan.multicast(a), [Multicast::Alone, Multicast::Ok, Multicast::Alone]);
}

/// Item 41 (RFC 6762 section 8).
#[test]
fn the_same_interfaces_again_mean_a_wake_up() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.run(Duration::from_secs(1_000));
    let begin = lan.now;
    lan.plug(a);
    lan.run_ms(3_000);
    let probes =
        |lan: &Lan| lan.queries(a, begin).iter().filter(|sent| !sent.message().authority.is_empty()).count();
    let asked = lan.queries(a, begin).iter().filter(|sent| sent.message().authority.is_empty()).count();
    assert_eq!((probes(&lan), asked, lan.responses(a, begin).len()), (3, 2, 2));
    // Not again and again.
    for _ in 0..10 {
        lan.plug(a);
        lan.run_ms(100);
    }
    assert_eq!(probes(&lan), 3);
}

/// Item 46 (RFC 6762 section 5.2).
#[test]
fn a_wake_up_does_not_ask_twice_within_a_second() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.run_ms(8_000);
    let begin = lan.now;
    while lan.queries(a, begin).is_empty() {
        lan.run_ms(1);
    }
    lan.plug(a);
    lan.run_ms(3_000);
    let asked = lan.queries(a, begin).into_iter().filter(|sent| sent.message().authority.is_empty());
    let asked: Vec<_> = asked.map(|sent| sent.at).collect();
    assert_eq!((asked.len(), asked[1] - asked[0]), (3, Duration::from_secs(1)));
}

#[test]
fn a_long_sleep_is_survived() {
    let mut lan = Lan::new();
    let (a, b) = (lan.settled("a"), lan.settled("b"));
    lan.kill(b);
    lan.now += Duration::from_secs(100_000);
    lan.run_ms(5_000);
    assert_eq!(lan.sees(a), Vec::<String>::new());
}

#[test]
fn two_programs_on_one_machine_find_each_other() {
    // Both have all of the machine's addresses, and unicast reaches only the first of them.
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    let b = lan.host("b");
    let shared = lan.hosts[a].interfaces.clone();
    lan.hosts[b].interfaces = shared;
    lan.plug(b);
    lan.run_ms(2_000);
    assert_eq!((lan.sees(a), lan.sees(b)), (vec!["b".into()], vec!["a".into()]));
    let (at, _) = lan.sightings(b)[0];
    assert!(at - begin < Duration::from_millis(250));
    assert_eq!(addresses(lan.sightings(b)[0].1), ["10.1.0.1:27182"]);
    assert_eq!(lan.hosts[a].stats.mdns.conflicts + lan.hosts[b].stats.mdns.conflicts, 0);
}

/// The question of the other program is, byte for byte, the one that we have just asked ourselves.
#[test]
fn the_same_question_of_another_program_is_no_echo() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    while lan.queries(a, begin).is_empty() {
        lan.run_ms(1);
    }
    let (ask, begin) = (lan.queries(a, begin)[0].transmit.bytes.clone(), lan.now);
    lan.inject(a, "10.1.0.1:5353", "224.0.0.251", &ask);
    lan.run_ms(5);
    assert!(lan.responses(a, begin).is_empty());
    lan.inject(a, "10.1.0.1:5353", "224.0.0.251", &ask);
    lan.run_ms(150);
    assert_eq!(lan.responses(a, begin).len(), 1);
}

#[test]
fn loopback_alone_will_do() {
    let mut lan = Lan::new();
    let (a, b) = (lan.host("a"), lan.host("b"));
    for host in [a, b] {
        let addresses = vec![
            Subnet { address: IpAddr::from([127, 0, 0, 1]), prefix: 8 },
            Subnet { address: "::1".parse().unwrap(), prefix: 128 },
        ];
        let (name, index) = ("lo".into(), 1);
        lan.hosts[host].interfaces =
            vec![Interface { index, name, addresses, multicast: false, loopback: true, mtu: 65_536 }];
        lan.plug(host);
    }
    lan.run_ms(2_000);
    assert_eq!(lan.sees(a), ["b"]);
    assert_eq!(addresses(lan.sightings(a)[0].1), ["127.0.0.1:27182", "[::1]:27182"]);
}
