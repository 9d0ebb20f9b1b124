//! What of others' words is believed, and what of ours is said again because of them.

use super::*;

/// Item 49 (RFC 6762 section 7.1).
#[test]
fn what_others_know_is_not_kept() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let known = stranger("b", 50, 4500);
    let before = lan.hosts[a].mdns.cached();
    lan.inject_multicast(a, &query_with(0, Flags::QUERY, &[(&service_name(), Kind::PTR, false)], &known));
    lan.inject_multicast(a, &query_with(0, Flags::TRUNCATED, &[], &known));
    lan.inject(a, "10.1.0.200:5353", "10.1.0.1", &query_with(0, Flags::QUERY, &[], &known));
    assert_eq!(lan.hosts[a].mdns.cached(), before);
    assert!(lan.sightings(a).is_empty());
}

/// Item 21 (RFC 6762 section 7.4).
#[test]
fn only_the_same_for_as_long_is_said_in_our_place() {
    let all = Name::new([&b"_services"[..], b"_dns-sd", b"_udp", b"local"]).unwrap();
    let other = service_name().child(b"x").unwrap();
    let cases =
        [(4500, service_name(), 0), (9000, service_name(), 0), (4499, service_name(), 1), (4500, other, 1)];
    for (ttl, says, answers) in cases {
        let mut lan = Lan::new();
        let a = lan.settled("a");
        lan.run_ms(2_000);
        let begin = lan.now;
        lan.inject_multicast(a, &query(&[(&all, Kind::PTR, false)]));
        lan.run_ms(5);
        lan.inject_multicast(a, &response(&[record(&all, ttl, false, Data::Ptr(says.clone()))]));
        lan.run_ms(500);
        assert_eq!(lan.responses(a, begin).len(), answers, "{ttl} {says:?}");
        // As said by us: not again within a second.
        if answers == 0 {
            lan.inject_multicast(a, &query(&[(&all, Kind::PTR, false)]));
            lan.run_ms(400);
            assert!(lan.responses(a, begin).is_empty());
            lan.run_ms(200);
            assert_eq!(lan.responses(a, begin).len(), 1);
        }
    }
}

/// Item 28 (RFC 6762 section 6.6).
#[test]
fn our_own_words_are_no_conflict_and_are_repeated_when_said_for_less_than_half_as_long() {
    for (ttl, answers) in [(120, 0), (60, 0), (59, 1), (1, 1)] {
        let mut lan = Lan::new();
        let a = lan.settled("a");
        lan.run_ms(2_000);
        let site = lan.hosts[a].mdns.links.values().next().unwrap().site.clone();
        let srv = lan.hosts[a].mdns.ours.as_ref().unwrap().record(Own::Srv, &site);
        let begin = lan.now;
        lan.inject_multicast(a, &response(&[Record { ttl, ..srv }]));
        lan.run_ms(2_000);
        let said = lan.responses(a, begin);
        assert_eq!(said.len(), answers, "{ttl}");
        assert!(said.iter().all(|sent| sent.message().answers[0].ttl == 120));
        assert_eq!(lan.hosts[a].stats.mdns.conflicts, 0);
    }
}

/// Item 43 (RFC 6762 section 14): two interfaces on one bridged link, where each flushes what the other said.
#[test]
fn what_our_other_interface_says_here_makes_us_say_ours_again() {
    let mut lan = Lan::new();
    let a = lan.host_with("a", [1; 32], 1, MdnsSocket::Shared, &[1, 2]);
    lan.run_ms(10_000);
    let (host, begin) = (lan.host_name(a), lan.now);
    let elsewhere = |flush| response(&[record(&host, 120, flush, Data::A([10, 2, 0, 1].into()))]);
    lan.inject(a, "10.2.0.1:5353", "224.0.0.251", &elsewhere(false));
    assert!(lan.responses(a, begin).is_empty(), "it replaces nothing");
    for _ in 0..5 {
        lan.inject(a, "10.2.0.1:5353", "224.0.0.251", &elsewhere(true));
        lan.run_ms(100);
    }
    lan.run_ms(2_000);
    let said = lan.responses(a, begin);
    assert_eq!(said.len(), 1, "what was said within the last second need not be repeated, nor later");
    assert_eq!((said[0].at, said[0].transmit.interface), (begin, 1));
    let message = said[0].message();
    assert!(
        message.answers.len() == 1 && message.answers[0].data == Data::<_, Bytes>::A([10, 1, 0, 1].into())
    );
    assert!(message.answers[0].flush);
    assert_eq!(lan.hosts[a].stats.mdns.conflicts, 0);
    assert!(lan.renamed(a).is_empty());
}

/// Item 26 (RFC 6762 section 6.2): all addresses of the interface, none of another, whatever the question came by.
#[test]
fn each_link_is_told_the_addresses_of_both_families_and_of_no_other_link() {
    let mut lan = Lan::new();
    lan.dual = true;
    let a = lan.host_with("a", [1; 32], 1, MdnsSocket::Shared, &[1, 2]);
    lan.run_ms(10_000);
    let host = lan.host_name(a);
    for (from, group) in [("10.1.0.200:5353", "224.0.0.251"), ("[fe80::1:200]:5353", "ff02::fb")] {
        for kind in [Kind::A, Kind::AAAA] {
            lan.run_ms(2_000);
            let begin = lan.now;
            lan.inject(a, from, group, &query(&[(&host, kind, false)]));
            let said = lan.responses(a, begin);
            assert_eq!((said.len(), said[0].transmit.interface), (1, 1));
            assert_eq!(said[0].transmit.to.ip(), group.parse::<IpAddr>().unwrap());
            let message = said[0].message();
            let mut all: Vec<String> =
                message.claims().map(|record| format!("{:?}", record.data.to_owned())).collect();
            all.sort();
            assert_eq!(all, ["A(10.1.0.1)", "Aaaa(fe80::1:1)"], "{kind:?} by {group}");
            assert!(message.answers.iter().all(|record| record.data.kind() == kind));
        }
    }
}

/// Item 59: nobody makes us remember for longer than 75 minutes.
#[test]
fn nobody_is_remembered_for_days_because_it_says_so() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    for ttl in [1_000_000, 0x7FFF_FFFF] {
        lan.inject_multicast(a, &response(&stranger("b", 50, ttl)));
    }
    lan.run(Duration::from_secs(4_400));
    assert_eq!(lan.sees(a), ["b"]);
    lan.run(Duration::from_secs(200));
    assert_eq!(lan.sees(a), Vec::<String>::new());
    assert_eq!(lan.hosts[a].mdns.cached(), 0);
}
