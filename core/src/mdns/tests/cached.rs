//! What is remembered of others, and for how long (RFC 6762 sections 5.2 and 10).

use super::*;

#[test]
fn a_stranger_of_another_make_is_seen() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    // The address first, the pointer last.
    let mut records = stranger("Zo\u{eb}. dot", 50, 4500);
    records.reverse();
    lan.inject_multicast(a, &response(&records));
    assert_eq!(lan.sees(a), ["Zo\u{eb}. dot"]);
    assert_eq!(addresses(lan.sightings(a)[0].1), ["10.1.0.50:4000"]);
}

/// Items 51, 52, 62 (RFC 6762 section 5.2; RFC 6763 sections 7.1, 9, 12): answers may come without the rest.
#[test]
fn what_is_missing_is_asked_for() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let records = stranger("b", 50, 4500);
    let begin = lan.now;
    lan.inject_multicast(a, &response(&records[..1]));
    lan.run_ms(150);
    let asked = |lan: &Lan, since| -> Vec<(usize, Kind)> {
        let queries = lan.queries(a, since);
        queries
            .iter()
            .flat_map(|sent| sent.message().questions.iter().map(|asked| (0, asked.kind)).collect::<Vec<_>>())
            .collect()
    };
    assert_eq!(asked(&lan, begin), [(0, Kind::TXT), (0, Kind::SRV)]);
    let wait = lan.queries(a, begin)[0].at - begin;
    assert!((Duration::from_millis(20)..=Duration::from_millis(120)).contains(&wait));
    lan.inject_multicast(a, &response(&records[1..3]));
    let begin = lan.now;
    lan.run_ms(1_100);
    assert_eq!(asked(&lan, begin), [(0, Kind::A), (0, Kind::AAAA)]);
    lan.inject_multicast(a, &response(&records[3..]));
    assert_eq!(lan.sees(a), ["b"]);
    let begin = lan.now;
    lan.run_ms(20_000);
    assert!(asked(&lan, begin).iter().all(|(_, kind)| *kind == Kind::PTR), "enough");
}

/// Item 52 (RFC 6762 section 5.2).
#[test]
fn who_never_tells_where_it_is_is_not_asked_for_ever() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let (begin, before) = (lan.now, cached(&lan, a));
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)[..1]));
    lan.run(Duration::from_secs(600));
    let asked = lan.queries(a, begin);
    let asked =
        asked.iter().filter(|sent| sent.message().questions.iter().any(|asked| asked.kind == Kind::SRV));
    assert_eq!(asked.count(), 4);
    assert_eq!(cached(&lan, a), before, "nor remembered");
}

/// Items 42, 48, 51 (RFC 6762 sections 10.2, 7.1, 7.2, 5.2).
#[test]
fn known_answers_are_sent_as_long_as_they_hold_half() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.inject_multicast(a, &response(&stranger("b", 50, 3600)));
    let heard = lan.now;
    lan.run(Duration::from_secs(4000));
    let mut known = Vec::new();
    for sent in lan.queries(a, heard) {
        let message = sent.message();
        if message.questions.iter().any(|asked| asked.kind == Kind::PTR) {
            let age = (sent.at - heard).as_secs();
            assert!(
                message.answers.iter().all(|record| !record.flush && u64::from(record.ttl) == 3600 - age - 1)
            );
            known.push((age, message.answers.len()));
        }
    }
    assert!(known.iter().all(|(age, count)| *count == usize::from(*age < 1800)), "{known:?}");
    assert!(known.iter().any(|(_, count)| *count == 1));
    // RFC 6762 section 5.2: at 80, 85, 90 and 95 %, up to two more.
    let late: Vec<_> =
        known.iter().map(|(age, _)| age * 100 / 3600).filter(|percent| *percent >= 80).collect();
    for step in [80, 85, 90, 95] {
        assert!(late.iter().filter(|percent| (step..=step + 2).contains(*percent)).count() == 1, "{late:?}");
    }
    assert_eq!(lan.sees(a), Vec::<String>::new(), "nobody answered");
}

/// Item 46 (RFC 6762 section 5.2).
/// RFC 6762 section 5.2, however many records want to be asked for.
#[test]
fn questions_are_a_second_apart() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    for last in 1..=100 {
        lan.inject_multicast(a, &response(&stranger(&format!("{last}"), last, 200)));
        lan.run_ms(50);
    }
    lan.run_ms(230_000);
    let asks = |sent: &&Sent| sent.message().questions.iter().any(|asked| asked.kind == Kind::PTR);
    let browsed: Vec<_> = lan.queries(a, begin).into_iter().filter(asks).map(|sent| sent.at).collect();
    assert!(browsed.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)));
    assert!((8..25).contains(&browsed.len()), "{}", browsed.len());
}

/// Items 6, 48 (RFC 6762 sections 17, 7.1, 7.2).
#[test]
fn many_known_answers_go_into_several_packets() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    for last in 2..=201 {
        let from = format!("10.1.0.{last}:5353");
        lan.inject(a, &from, "224.0.0.251", &response(&stranger(&format!("somebody-{last:04}"), last, 4500)));
    }
    let begin = lan.now;
    lan.run_ms(130);
    let queries: Vec<_> = lan
        .queries(a, begin)
        .into_iter()
        .filter(|sent| {
            sent.message().authority.is_empty()
                && !sent.message().questions.iter().any(|asked| asked.kind == Kind::SRV)
        })
        .collect();
    assert!(queries.len() > 3, "{}", queries.len());
    let last = queries.len() - 1;
    let mut known = 0;
    for (n, sent) in queries.iter().enumerate() {
        let message = sent.message();
        assert_eq!(message.questions.len(), usize::from(n == 0));
        assert_eq!(message.flags.is_truncated(), n != last);
        known += message.answers.len();
    }
    assert_eq!(known, 200);
}

/// Item 53 (RFC 6762 section 10.2).
#[test]
fn a_flush_replaces_the_old_after_a_second() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    lan.run_ms(2_000);
    let host = Name::new([&b"host50"[..], b"local"]).unwrap();
    let address = |last: u8, flush| record(&host, 120, flush, Data::A([10, 1, 0, last].into()));
    // Two in one burst do not flush each other.
    lan.inject_multicast(a, &response(&[address(51, true)]));
    lan.run_ms(100);
    lan.inject_multicast(a, &response(&[address(52, true)]));
    lan.run_ms(2_000);
    let told = addresses(lan.sightings(a).last().unwrap().1);
    assert_eq!(told, ["10.1.0.51:4000", "10.1.0.52:4000"]);
    // Without the bit nothing is replaced.
    lan.inject_multicast(a, &response(&[address(53, false)]));
    lan.run_ms(2_000);
    assert_eq!(addresses(lan.sightings(a).last().unwrap().1).len(), 3);
}

/// Item 53 (RFC 6762 section 10.2).
#[test]
fn what_is_replaced_is_told_no_more() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let mut records = stranger("b", 50, 4500);
    lan.inject_multicast(a, &response(&records));
    lan.run_ms(2_000);
    let target = Name::new([&b"host50"[..], b"local"]).unwrap();
    records[1].data = Data::Srv { priority: 0, weight: 0, port: 4001, target };
    lan.inject_multicast(a, &response(&records));
    lan.run_ms(2_000);
    records[3].data = Data::A([10, 1, 0, 51].into());
    lan.inject_multicast(a, &response(&records));
    lan.run_ms(2_000);
    let places: Vec<_> = lan.sightings(a).iter().map(|(_, seen)| addresses(seen)).collect();
    assert_eq!(places, [["10.1.0.50:4000"], ["10.1.0.50:4001"], ["10.1.0.51:4001"]]);
}

/// Item 54 (RFC 6762 section 10.1).
#[test]
fn a_goodbye_never_lengthens_a_life() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let goodbye = response(&stranger("b", 50, 0)[..1]);
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    lan.inject_multicast(a, &goodbye);
    lan.run_ms(800);
    lan.inject_multicast(a, &goodbye);
    lan.run_ms(300);
    assert_eq!(lan.sees(a), Vec::<String>::new());
    // Of somebody unknown it says nothing.
    lan.inject_multicast(a, &response(&stranger("c", 51, 0)));
    lan.run_ms(2_000);
    assert_eq!(lan.sightings(a).len(), 2);
    // And taken back in time it is no goodbye.
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    lan.inject_multicast(a, &goodbye);
    lan.run_ms(500);
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    lan.run_ms(5_000);
    assert_eq!(lan.sees(a), ["b"]);
}

/// Item 59.
/// The floor: five seconds are not asked after every four.
#[test]
fn short_lives_do_not_make_us_ask_all_the_time() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    lan.inject_multicast(a, &response(&stranger("b", 50, 5)));
    lan.run_ms(90_000);
    assert!(lan.queries(a, begin).len() < 6);
    assert_eq!(lan.sees(a), ["b"]);
    lan.run_ms(60_000);
    assert_eq!(lan.sees(a), Vec::<String>::new());
}

#[test]
fn only_places_on_the_link_are_told() {
    let mut lan = Lan::new();
    lan.dual = true;
    let a = lan.settled("a");
    let mut records = stranger("b", 50, 4500);
    let host = records.pop().unwrap().name;
    let strange =
        ["8.8.8.8", "127.0.0.1", "0.0.0.0", "224.0.0.1", "10.1.0.255", "10.2.0.50", "255.255.255.255"];
    for address in strange {
        records.push(record(&host, 120, true, Data::A(address.parse().unwrap())));
    }
    for address in ["2001:db8::1", "::1", "::", "ff02::1", "::ffff:10.1.0.50"] {
        records.push(record(&host, 120, true, Data::Aaaa(address.parse().unwrap())));
    }
    lan.inject_multicast(a, &response(&records));
    assert!(lan.sightings(a).is_empty(), "{:?}", lan.sightings(a));
    lan.inject_multicast(a, &response(&[record(&host, 120, false, Data::Aaaa("fe80::50".parse().unwrap()))]));
    assert_eq!(addresses(lan.sightings(a)[0].1), ["[fe80::50%1]:4000"]);
}

#[test]
fn only_our_kind_of_service_is_kept() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let printers = Name::new([&b"_ipp"[..], b"_tcp", b"local"]).unwrap();
    let printer = printers.child(b"printer").unwrap();
    let host = Name::new([&b"printer"[..], b"local"]).unwrap();
    let srv = |target: &Name| Data::Srv { priority: 0, weight: 0, port: 631, target: target.clone() };
    let before = cached(&lan, a);
    lan.inject_multicast(
        a,
        &response(&[
            record(&printers, 4500, false, Data::Ptr(printer.clone())),
            record(&service_name(), 4500, false, Data::Ptr(printer.clone())),
            record(&printers, 4500, false, Data::Ptr(service_name().child(b"x").unwrap())),
            record(&printer, 120, true, srv(&host)),
            record(&host, 120, true, Data::A([10, 1, 0, 9].into())),
            record(&service_name(), 120, true, srv(&host)),
            record(
                &service_name(),
                4500,
                false,
                Data::Other { kind: Kind(5), bytes: Bytes::from_static(&[0]) },
            ),
        ]),
    );
    assert_eq!(cached(&lan, a), before);
}

/// Items 12, 57 (RFC 6762 sections 6, 11).
#[test]
fn responses_come_from_the_port_and_when_asked_for() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let bytes = response(&stranger("b", 50, 4500));
    lan.inject(a, "10.1.0.50:5354", "224.0.0.251", &bytes);
    lan.inject(a, "10.1.0.50:5353", "10.1.0.1", &bytes);
    lan.inject(a, "192.168.0.50:5353", "10.1.0.1", &bytes);
    assert!(lan.sightings(a).is_empty());
    assert_eq!((lan.hosts[a].stats.mdns.unasked, lan.hosts[a].stats.mdns.off_link), (2, 1));

    // Within two seconds of a question that allows it.
    let b = lan.host_with("b", [2; 32], 2, MdnsSocket::Exclusive, &[1]);
    lan.run_ms(130);
    lan.inject(b, "10.1.0.50:5353", "10.1.0.2", &bytes);
    assert!(lan.sees(b).contains(&"b".into()));
    lan.run_ms(3_000);
    lan.inject(b, "10.1.0.50:5353", "10.1.0.2", &bytes);
    assert_eq!(lan.hosts[b].stats.mdns.unasked, 1);
}

/// Item 59.
#[test]
fn the_cache_has_a_cap_and_a_share_for_each_sender() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.hosts[a].mdns.cache_max = 400;
    for n in 0..2_000 {
        let (host, label) = (format!("host{n}"), format!("{n}"));
        lan.inject(a, "10.1.0.66:5353", "224.0.0.251", &response(&stranger_on(&host, &label, 66, 4500)));
        lan.run_ms(1);
    }
    assert_eq!(cached(&lan, a), 100);
    for n in 0..2_000 {
        let (host, label) = (format!("host{n}"), format!("{n}"));
        let from = format!("10.1.0.{}:5353", 100 + n % 100);
        lan.inject(a, &from, "224.0.0.251", &response(&stranger_on(&host, &label, 66, 4500)));
    }
    assert_eq!(cached(&lan, a), 400);
    let counted = lan.hosts[a].stats.mdns.cache_full;
    assert!(counted > 10_000, "{counted}");
    // One name has not more than eight of a type.
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    let host = Name::new([&b"host50"[..], b"local"]).unwrap();
    for n in 51..200 {
        lan.inject_multicast(a, &response(&[record(&host, 120, false, Data::A([10, 1, 0, n].into()))]));
    }
    assert_eq!(cached(&lan, a), 3 + 8);
    assert_eq!(lan.sightings(a).last().unwrap().1.addresses.len(), 8);
    // Nor are there more instances on one host.
    for n in 0..20 {
        let label = format!("on one {n}");
        lan.inject_multicast(a, &response(&stranger(&label, 67, 4500)));
    }
    let host = Name::new([&b"host67"[..], b"local"]).unwrap();
    assert!(lan.hosts[a].mdns.links.values().all(|link| link.cache.instances_on(host.borrow()).count() == 8));
}

#[test]
fn what_is_heard_again_is_told_again_but_not_always() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    for _ in 0..100 {
        lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
        lan.run_ms(300);
    }
    assert!((2..=4).contains(&lan.sightings(a).len()), "{}", lan.sightings(a).len());
}

#[test]
fn a_new_run_is_news() {
    let mut lan = Lan::new();
    let (a, b) = (lan.settled("a"), lan.settled("b"));
    lan.kill(b);
    lan.run(Duration::from_secs(300));
    lan.host_with("b", [2; 32], 77, MdnsSocket::Shared, &[1]);
    lan.run_ms(3_000);
    let boots: Vec<_> = lan.sightings(a).iter().map(|(_, seen)| (seen.kind, seen.boot)).collect();
    assert_eq!(boots, [(SightingKind::Seen, Some(BootId(2))), (SightingKind::Seen, Some(BootId(77)))]);
    assert_eq!(addresses(lan.sightings(a)[1].1), ["10.1.0.3:27182"], "the old address has been replaced");
}

fn cached(lan: &Lan, host: usize) -> usize {
    lan.hosts[host].mdns.links.values().map(|link| link.cache.len()).sum()
}
