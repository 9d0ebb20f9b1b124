//! When, how and to whom we answer (RFC 6762 sections 5.4, 6 and 7).

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Items 15, 27 (RFC 6762 section 6; RFC 6763 section 12): 20 to 120 ms, and all of that range.
#[test]
fn what_others_may_answer_too_waits_a_little() {
    let mut waits = Vec::new();
    let mut lan = Lan::new();
    let a = lan.settled("a");
    for _ in 0..60 {
        lan.run_ms(2_000);
        let begin = lan.now;
        lan.inject_multicast(a, &query(&[(&service_name(), Kind::PTR, false)]));
        lan.run_ms(500);
        let answers = lan.responses(a, begin);
        assert_eq!(answers.len(), 1);
        let kinds =
            |records: &[Record<_, _>]| records.iter().map(|record| record.data.kind()).collect::<Vec<_>>();
        let message = answers[0].message();
        assert_eq!(kinds(&message.answers), [Kind::PTR]);
        // And that the host has no AAAA.
        assert_eq!(kinds(&message.additional), [Kind::SRV, Kind::TXT, Kind::A, Kind::NSEC]);
        assert!(message.questions.is_empty() && answers[0].is_multicast());
        waits.push(answers[0].at - begin);
    }
    assert!(waits.iter().all(|wait| (20 * MS..=120 * MS).contains(wait)), "{waits:?}");
    for quarter in 0..4 {
        let range = (20 + quarter * 25) * MS..(45 + quarter * 25) * MS;
        let share = waits.iter().filter(|wait| range.contains(wait)).count();
        assert!((3..=27).contains(&share), "{share} of 60 in {range:?}");
    }
}

/// Items 13, 14 (RFC 6762 sections 6.5, 6).
#[test]
fn what_only_we_can_answer_goes_out_at_once() {
    let mut lan = Lan::new();
    lan.dual = true;
    let a = lan.settled("a");
    let (instance, host) = (lan.instance(a), lan.host_name(a));
    let ask = |lan: &mut Lan, name: &Name, kind: Kind| {
        lan.run_ms(2_000);
        let begin = lan.now;
        lan.inject_multicast(a, &query(&[(name, kind, false)]));
        let answers = lan.responses(a, begin);
        assert_eq!(answers.len(), 1, "{kind:?}");
        let message = answers[0].message();
        assert!(message.claims().all(|record| record.flush), "all there is of the name and type");
        let kinds =
            |records: &[Record<_, _>]| records.iter().map(|record| record.data.kind()).collect::<Vec<_>>();
        (kinds(&message.answers), kinds(&message.additional))
    };
    assert_eq!(ask(&mut lan, &instance, Kind::SRV), (vec![Kind::SRV], vec![Kind::A, Kind::AAAA]));
    assert_eq!(ask(&mut lan, &instance, Kind::TXT), (vec![Kind::TXT], vec![]));
    assert_eq!(ask(&mut lan, &instance, Kind::ANY), (vec![Kind::SRV, Kind::TXT], vec![Kind::A, Kind::AAAA]));
    assert_eq!(ask(&mut lan, &host, Kind::A), (vec![Kind::A], vec![Kind::AAAA]));
    assert_eq!(ask(&mut lan, &host, Kind::ANY), (vec![Kind::A, Kind::AAAA], vec![]));
    // What is not there is said too (RFC 6762 section 6.1).
    assert_eq!(ask(&mut lan, &instance, Kind::A), (vec![Kind::NSEC], vec![]));
    assert_eq!(ask(&mut lan, &host, Kind::SRV), (vec![Kind::NSEC], vec![]));
    // Letters are folded.
    let loud: Vec<Vec<u8>> = host.labels().map(<[u8]>::to_ascii_uppercase).collect();
    let loud = Name::new(loud.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(ask(&mut lan, &loud, Kind::A), (vec![Kind::A], vec![Kind::AAAA]));
}

/// Item 25 (RFC 6762 section 6.1).
#[test]
fn what_is_absent_is_denied_with_what_is_there() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.run_ms(2_000);
    let (host, begin) = (lan.host_name(a), lan.now);
    lan.inject_multicast(a, &query(&[(&host, Kind::AAAA, false)]));
    let answer = lan.responses(a, begin)[0].message();
    let denial = &answer.answers[0];
    let Data::Nsec { next, types } = &denial.data else { panic!("{denial:?}") };
    assert!(*next == host && denial.name == host && denial.flush && denial.ttl == 120);
    assert!(types.has(Kind::A) && !types.has(Kind::AAAA) && !types.has(Kind::NSEC));
}

/// Item 11 (RFC 6762 section 6).
#[test]
fn nobody_answers_for_others() {
    let mut lan = Lan::new();
    let (a, _) = (lan.settled("a"), lan.settled("b"));
    lan.run_ms(2_000);
    let (begin, b) = (lan.now, (lan.instance(1), lan.host_name(1)));
    lan.inject_multicast(a, &query(&[(&b.0, Kind::SRV, false)]));
    lan.inject_multicast(a, &query(&[(&b.1, Kind::A, false), (&Name::default(), Kind::ANY, false)]));
    lan.run_ms(2_000);
    assert!(lan.responses(a, begin).is_empty());
}

/// Item 62 (RFC 6763 sections 7.1, 9, 12).
#[test]
fn the_type_of_service_is_listed() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    let all = Name::new([&b"_services"[..], b"_dns-sd", b"_udp", b"local"]).unwrap();
    lan.inject_multicast(a, &query(&[(&all, Kind::PTR, false)]));
    lan.run_ms(200);
    let answer = lan.responses(a, begin)[0].message();
    assert_eq!((answer.answers.len(), answer.additional.len()), (1, 0));
    assert_eq!(answer.answers[0].data, Data::Ptr(service_name()));
    assert!(!answer.answers[0].flush);
}

/// Item 16 (RFC 6762 section 6.3).
#[test]
fn several_questions_are_answered_together() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.run_ms(2_000);
    let (begin, instance, host) = (lan.now, lan.instance(a), lan.host_name(a));
    lan.inject_multicast(a, &query(&[(&instance, Kind::SRV, false), (&host, Kind::A, false)]));
    assert!(lan.responses(a, begin).is_empty());
    lan.run_ms(150);
    let answers = lan.responses(a, begin);
    assert_eq!(answers.len(), 1);
    assert!(answers[0].at - begin >= 20 * MS);
    let message = answers[0].message();
    assert_eq!((message.answers.len(), message.additional.len()), (2, 1), "none of them twice");
}

/// Item 17 (RFC 6762 section 6.4).
#[test]
fn two_questions_close_together_get_one_answer() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.run_ms(2_000);
    let begin = lan.now;
    lan.inject_multicast(a, &query(&[(&service_name(), Kind::PTR, false)]));
    lan.run_ms(10);
    lan.inject(a, "10.1.0.201:5353", "224.0.0.251", &query(&[(&service_name(), Kind::PTR, false)]));
    lan.run_ms(1_000);
    assert_eq!(lan.responses(a, begin).len(), 1);
}

/// Item 18 (RFC 6762 section 6): delayed, not dropped.
#[test]
fn no_record_is_multicast_twice_within_a_second() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.run_ms(2_000);
    let (begin, instance) = (lan.now, lan.instance(a));
    for _ in 0..40 {
        lan.inject_multicast(a, &query(&[(&instance, Kind::SRV, false)]));
        lan.run_ms(100);
        lan.inject_multicast(a, &query(&[(&service_name(), Kind::PTR, false)]));
    }
    lan.run_ms(2_000);
    let sent: Vec<_> =
        lan.responses(a, begin).into_iter().filter(|sent| sent.has_answer(&instance, Kind::SRV)).collect();
    assert!((4..=6).contains(&sent.len()), "{}", sent.len());
    let mut last: BTreeMap<String, Instant> = BTreeMap::new();
    for sent in lan.responses(a, begin) {
        for record in sent.message().claims() {
            let key = format!("{:?} {:?}", record.name, record.data);
            if let Some(last) = last.insert(key, sent.at) {
                assert!(sent.at - last >= 1_000 * MS, "{record:?}");
            }
        }
    }
}

/// Item 19 (RFC 6762 section 7.1).
#[test]
fn known_answers_are_not_repeated() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let instance = lan.instance(a);
    for (ttl, is_answered) in [(4500, false), (2250, false), (2249, true), (0, true)] {
        lan.run_ms(2_000);
        let begin = lan.now;
        let known = record(&service_name(), ttl, false, Data::Ptr(instance.clone()));
        let other = record(&service_name(), 4500, false, Data::Ptr(service_name().child(b"other").unwrap()));
        let bytes = query_with(0, Flags::QUERY, &[(&service_name(), Kind::PTR, false)], &[other, known]);
        lan.inject_multicast(a, &bytes);
        lan.run_ms(200);
        assert_eq!(lan.responses(a, begin).len(), usize::from(is_answered), "{ttl}");
    }
}

/// Item 20 (RFC 6762 section 7.2).
#[test]
fn more_known_answers_may_follow() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let ask = query_with(0, Flags::TRUNCATED, &[(&service_name(), Kind::PTR, false)], &[]);
    let known = record(&service_name(), 4500, false, Data::Ptr(lan.instance(a)));
    let more = query_with(0, Flags::QUERY, &[], &[known]);

    lan.run_ms(2_000);
    let begin = lan.now;
    lan.inject_multicast(a, &ask);
    lan.run_ms(300);
    lan.inject_multicast(a, &more);
    lan.run_ms(1_000);
    assert!(lan.responses(a, begin).is_empty());

    // From somebody else, it says nothing of what the first one knows.
    let begin = lan.now;
    lan.inject_multicast(a, &ask);
    lan.run_ms(300);
    lan.inject(a, "10.1.0.201:5353", "224.0.0.251", &more);
    lan.run_ms(1_000);
    let wait = lan.responses(a, begin)[0].at - begin;
    assert!((400 * MS..=500 * MS).contains(&wait), "{wait:?}");

    // However long it goes on, others are not kept waiting for ever.
    lan.run_ms(2_000);
    let begin = lan.now;
    lan.inject_multicast(a, &ask);
    for _ in 0..40 {
        lan.inject_multicast(a, &query_with(0, Flags::TRUNCATED, &[], &[]));
        lan.run_ms(100);
    }
    let wait = lan.responses(a, begin)[0].at - begin;
    assert!((1_000 * MS..=2_500 * MS).contains(&wait), "{wait:?}");
}

/// Items 22, 29 (RFC 6762 sections 5.4, 11).
#[test]
fn unicast_is_used_when_asked_for_unless_all_should_hear_it() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let instance = lan.instance(a);
    let ask = query(&[(&instance, Kind::SRV, true)]);
    let begin = lan.now;
    lan.inject_multicast(a, &ask);
    let answers = lan.responses(a, begin);
    assert_eq!(answers[0].transmit.to, "10.1.0.200:5353".parse().unwrap(), "just announced");
    assert_eq!(answers.len(), 1);
    // Half a minute is a quarter of its time.
    lan.run_ms(31_000);
    let begin = lan.now;
    lan.inject_multicast(a, &ask);
    assert!(lan.responses(a, begin)[0].is_multicast());
    // Who seems to be elsewhere is answered by multicast (RFC 6762 section 11).
    lan.run_ms(2_000);
    let begin = lan.now;
    lan.inject(a, "192.168.7.7:5353", "224.0.0.251", &ask);
    let answers = lan.responses(a, begin);
    assert!(answers.len() == 1 && answers[0].is_multicast());
}

/// Item 23 (RFC 6762 section 5.5).
#[test]
fn who_asks_us_alone_must_be_on_the_link() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let (begin, instance) = (lan.now, lan.instance(a));
    let ask = query(&[(&instance, Kind::SRV, false)]);
    lan.inject(a, "10.1.0.200:5353", "10.1.0.1", &ask);
    assert_eq!(lan.responses(a, begin)[0].transmit.to, "10.1.0.200:5353".parse().unwrap());
    lan.inject(a, "10.2.0.200:5353", "10.1.0.1", &ask);
    lan.inject(a, "127.0.0.1:5353", "10.1.0.1", &ask);
    lan.inject(a, "10.1.0.255:5353", "10.1.0.1", &ask);
    lan.run_ms(2_000);
    assert_eq!(lan.responses(a, begin).len(), 1);
    assert_eq!(lan.hosts[a].stats.mdns.off_link, 3);
}

/// Item 24 (RFC 6762 section 6.7).
#[test]
fn resolvers_of_unicast_dns_are_answered_in_their_way() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    let ask = query_with(0x1234, Flags(0x0100), &[(&service_name(), Kind::PTR, false)], &[]);
    lan.inject(a, "10.1.0.200:49152", "224.0.0.251", &ask);
    let answers = lan.responses(a, begin);
    assert_eq!(answers.len(), 1, "at once");
    assert_eq!(answers[0].transmit.to, "10.1.0.200:49152".parse().unwrap());
    let message = answers[0].message();
    assert_eq!(message.id, 0x1234);
    assert!(message.questions.len() == 1 && message.questions[0].name == service_name());
    assert!(message.claims().all(|record| !record.flush && record.ttl <= 10));
    assert_eq!(message.claims().count(), 5);
    // The target of the SRV record is spelled out.
    let spelled: Vec<u8> =
        lan.host_name(a).labels().flat_map(|label| [&[label.len() as u8], label].concat()).collect();
    let bytes = &answers[0].transmit.bytes;
    assert!(
        bytes
            .windows(spelled.len() + 1)
            .any(|window| window[..spelled.len()] == spelled && window.ends_with(&[0]))
    );
    // Not beyond the link.
    lan.inject(a, "192.168.7.7:49152", "224.0.0.251", &ask);
    assert_eq!(lan.responses(a, begin).len(), 1);
}

#[test]
fn nobody_is_flooded_with_unicast_answers() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    let ask = query_with(1, Flags::QUERY, &[(&service_name(), Kind::PTR, false)], &[]);
    for n in 0..1000 {
        let from = format!("10.1.0.{}:49152", 10 + n % 100);
        lan.inject(a, &from, "224.0.0.251", &ask);
        lan.inject(a, "10.1.0.200:49152", "224.0.0.251", &ask);
        lan.run_ms(1);
    }
    let answers = lan.responses(a, begin);
    let to_one = answers.iter().filter(|sent| sent.transmit.to.ip() == IpAddr::from([10, 1, 0, 200])).count();
    assert!((3..=10).contains(&to_one), "{to_one}");
    assert!((10..=14).contains(&answers.len()), "{}", answers.len());
    assert_eq!(lan.hosts[a].stats.mdns.answers_dropped, 2000 - answers.len() as u64);
}

/// Item 21 (RFC 6762 section 7.4).
#[test]
fn what_another_has_just_said_needs_no_saying() {
    let mut lan = Lan::new();
    let hosts = [lan.settled("a"), lan.settled("b"), lan.settled("c")];
    let begin = lan.now;
    let all = Name::new([&b"_services"[..], b"_dns-sd", b"_udp", b"local"]).unwrap();
    let ask = query(&[(&all, Kind::PTR, false)]);
    hosts.into_iter().for_each(|host| lan.inject_multicast(host, &ask));
    lan.run_ms(200);
    let answers: usize = hosts.into_iter().map(|host| lan.responses(host, begin).len()).sum();
    assert_eq!(answers, 1);
}

/// Item 28 (RFC 6762 section 6.6).
#[test]
fn a_forged_goodbye_is_corrected() {
    let mut lan = Lan::new();
    let (a, b) = (lan.settled("a"), lan.settled("b"));
    let begin = lan.now;
    let forged = response(&[record(&service_name(), 0, false, Data::Ptr(lan.instance(a)))]);
    lan.inject_multicast(a, &forged);
    lan.inject_multicast(b, &forged);
    lan.run_ms(3_000);
    assert_eq!(lan.responses(a, begin).len(), 1);
    assert_eq!(lan.sees(b), ["a"]);
    assert!(lan.sightings(b).iter().all(|(_, seen)| seen.kind == SightingKind::Seen));
    // What all have said need not be corrected by all.
    let begin = lan.now;
    let all = Name::new([&b"_services"[..], b"_dns-sd", b"_udp", b"local"]).unwrap();
    lan.inject_multicast(a, &response(&[record(&all, 0, false, Data::Ptr(service_name()))]));
    lan.run_ms(3_000);
    assert!(lan.responses(a, begin).is_empty());
}
