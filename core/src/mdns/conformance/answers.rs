//! BCT II.7 and II.11 to II.14: what is answered, and to several questions at once.

use super::*;

/// Everything that can be asked of us, as one question each, and the types that answer.
fn questions(bench: &Bench) -> Vec<(Name, Kind, Vec<Kind>)> {
    let (instance, host) = (bench.instance(), bench.host());
    vec![
        (instance.clone(), Kind::SRV, vec![Kind::SRV]),
        (instance.clone(), Kind::TXT, vec![Kind::TXT]),
        (instance.clone(), Kind::ANY, vec![Kind::SRV, Kind::TXT]),
        (instance, Kind::AAAA, vec![Kind::NSEC]),
        (host.clone(), Kind::A, vec![Kind::A]),
        (host.clone(), Kind::ANY, vec![Kind::A]),
        (host, Kind::AAAA, vec![Kind::NSEC]),
    ]
}

/// The same name in the other case.
fn flipped(name: &Name) -> Name {
    let flip = |c: &u8| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    let labels: Vec<Vec<u8>> = name.labels().map(|label| label.iter().map(flip).collect()).collect();
    Name::new(labels.iter().map(Vec::as_slice)).unwrap()
}

/// Items 8, 11, 13, 14, 42 (RFC 6762 sections 16, 6, 6.5, 10.2). BCT II.7: at most 10 ms; 1.5: with the flush bit.
#[test]
fn unique_records_are_answered_at_once_whole_and_in_any_case() {
    let mut bench = Bench::settled(1);
    for (name, kind, expected) in questions(&bench) {
        for name in [name.clone(), flipped(&name)] {
            bench.run(2 * SECOND);
            let begin = bench.now;
            bench.hear(&query(&[(&name, kind)], &[]));
            let answers = bench.responses(begin);
            assert_eq!((answers.len(), answers[0].at - begin), (1, Duration::ZERO), "{name:?} {kind:?}");
            let message = answers[0].message();
            assert_eq!((message.id, message.flags), (0, Flags::RESPONSE));
            assert!(answers[0].is_multicast() && message.questions.is_empty());
            assert_eq!(kinds(&message.answers), expected);
            assert!(message.claims().all(|record| record.flush));
            bench.run(SECOND);
            assert_eq!(bench.responses(begin).len(), 1);
        }
    }
}

/// Items 13, 15 (RFC 6762 section 6.5).
#[test]
fn any_asks_for_the_shared_record_too() {
    let mut bench = Bench::settled(1);
    let begin = bench.now;
    bench.hear(&query(&[(&service_name(), Kind::ANY)], &[]));
    let answer = bench.run_until(Packet::is_response);
    assert_eq!(kinds(&answer.message().answers), [Kind::PTR]);
    assert!(answer.at - begin >= 20 * MS);
}

/// Item 27 (RFC 6763 section 12). BCT 1.5: required additional records, no duplicate records.
#[test]
fn what_the_asker_needs_next_comes_along_and_nothing_twice() {
    let interfaces = || {
        let mut ethernet = ethernet(1);
        ethernet.addresses.push(Subnet { address: "2001:db8::1".parse().unwrap(), prefix: 64 });
        vec![ethernet]
    };
    let mut bench = Bench::with(1, MdnsSocket::Shared, interfaces());
    bench.run(10 * SECOND);
    let (instance, host) = (bench.instance(), bench.host());
    let [srv, any] = [(&instance, Kind::SRV), (&instance, Kind::ANY)];
    let service_name = service_name();
    let service = (&service_name, Kind::PTR);
    let (a, all) = ((&host, Kind::A), (&host, Kind::ANY));
    let cases = [
        (vec![service], vec![Kind::SRV, Kind::TXT, Kind::A, Kind::AAAA]),
        (vec![srv], vec![Kind::A, Kind::AAAA]),
        (vec![a], vec![Kind::AAAA]),
        (vec![srv, any, a], vec![Kind::AAAA]),
        (vec![service, any, all], vec![]),
    ];
    for (questions, along) in cases {
        bench.run(2 * SECOND);
        bench.hear(&query(&questions, &[]));
        let answer = bench.run_until(|packet| packet.is_response() && packet.to.is_ipv4());
        let message = answer.message();
        assert_eq!(kinds(&message.additional), along, "{questions:?}");
        let mut all: Vec<_> =
            message.claims().map(|record| (record.name.to_name(), record.data.to_owned())).collect();
        all.sort();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count, "{questions:?}");
    }
}

/// Item 25 (RFC 6762 section 6.1).
#[test]
fn absent_types_are_denied_with_the_list_of_those_that_are_there() {
    let mut bench = Bench::settled(1);
    let cases = [
        (bench.instance(), Kind::A, &[Kind::SRV, Kind::TXT][..]),
        (bench.instance(), Kind(99), &[Kind::SRV, Kind::TXT]),
        (bench.host(), Kind::AAAA, &[Kind::A]),
        (bench.host(), Kind::SRV, &[Kind::A]),
    ];
    for (name, kind, there) in cases {
        bench.run(2 * SECOND);
        bench.hear(&query(&[(&name, kind)], &[]));
        let answer = bench.run_until(Packet::is_response);
        let message = answer.message();
        let [denial] = &message.answers[..] else { panic!("{message:?}") };
        let Data::Nsec { next, types } = &denial.data else { panic!("{denial:?}") };
        assert!(denial.name == name && *next == name && denial.flush && denial.ttl == 120);
        let all = [Kind::A, Kind::PTR, Kind::TXT, Kind::AAAA, Kind::SRV, Kind::NSEC, kind];
        assert!(all.iter().all(|kind| types.has(*kind) == there.contains(kind)), "{kind:?}");
    }
}

/// Items 16, 13 (RFC 6762 section 6.3). BCT II.11 to II.14: unique ones, shared ones, both.
#[test]
fn several_questions_get_one_packet_after_20_to_120_ms() {
    let names = |bench: &Bench| [bench.instance(), bench.host(), service_name(), enumeration()];
    let mixes: [&[(usize, Kind)]; 5] = [
        &[(0, Kind::SRV), (1, Kind::A)],
        &[(0, Kind::TXT), (0, Kind::SRV)],
        &[(2, Kind::PTR), (3, Kind::PTR)],
        &[(2, Kind::PTR), (0, Kind::SRV)],
        &[(0, Kind::ANY), (1, Kind::ANY), (2, Kind::PTR), (3, Kind::PTR)],
    ];
    for mix in mixes {
        let mut waits = Vec::new();
        for seed in 0..SEEDS / 5 {
            let mut bench = Bench::settled(seed);
            let (names, begin) = (names(&bench), bench.now);
            let asked: Vec<_> = mix.iter().map(|(name, kind)| (&names[*name], *kind)).collect();
            bench.hear(&query(&asked, &[]));
            bench.run(SECOND);
            let answers = bench.responses(begin);
            assert_eq!(answers.len(), 1, "{mix:?}");
            for (name, kind) in asked.iter().filter(|(_, kind)| *kind != Kind::ANY) {
                assert!(answers[0].answers(name, *kind), "{name:?} {kind:?}");
            }
            waits.push(answers[0].at - begin);
        }
        assert_even(&waits, 20 * MS, 120 * MS);
    }
}

/// Item 16 (RFC 6762 section 6.3): what defends a name does not wait for the rest of the questions.
#[test]
fn a_probe_with_several_questions_is_answered_at_once() {
    let mut bench = Bench::settled(1);
    let (begin, instance, host) = (bench.now, bench.instance(), bench.host());
    let mut writer = Writer::new(0, Flags::QUERY, 1472);
    for name in [&instance, &host] {
        assert!(writer.question(name, Kind::ANY, false));
    }
    assert!(writer.record(Section::Authority, &record(&instance, 120, false, rival_srv(1))));
    bench.hear(&writer.finish());
    let answers = bench.responses(begin);
    assert!(
        answers.len() == 1 && answers[0].answers(&instance, Kind::SRV) && answers[0].answers(&host, Kind::A)
    );
}
