//! BCT III.3: resolvers of unicast DNS that ask by multicast.

use super::*;

/// Items 24, 1, 42 (RFC 6762 section 6.7).
#[test]
fn a_plain_resolver_gets_an_answer_that_it_understands() {
    let mut bench = Bench::settled(1);
    let (instance, host) = (bench.instance(), bench.host());
    let cases = [
        (service_name(), Kind::PTR),
        (instance.clone(), Kind::SRV),
        (instance.clone(), Kind::ANY),
        (host, Kind::A),
        (instance, Kind::AAAA),
    ];
    for (id, (name, kind)) in (0x1234..).zip(cases) {
        let begin = bench.now;
        let mut writer = Writer::new(id, Flags(0x0100), 512);
        assert!(writer.question(&name, kind, false));
        bench.hear_from("10.1.0.200:49152", GROUP, &writer.finish());
        let answers = bench.responses(begin);
        assert_eq!(answers.len(), 1, "at once, and to nobody else");
        assert_eq!(answers[0].to, "10.1.0.200:49152".parse().unwrap());
        let message = answers[0].message();
        assert_eq!((message.id, message.flags), (id, Flags::RESPONSE));
        let [asked] = &message.questions[..] else { panic!("{message:?}") };
        assert!(asked.name == name && asked.kind == kind && !asked.unicast);
        assert!(!message.answers.is_empty());
        assert!(message.claims().all(|record| !record.flush && (1..=10).contains(&record.ttl)));
        bench.run(SECOND);
    }
}

/// Items 24, 5 (RFC 6762 sections 6.7, 18.14).
#[test]
fn the_target_of_an_srv_record_is_spelled_out_for_it() {
    let mut bench = Bench::settled(1);
    let (instance, host) = (bench.instance(), bench.host());
    let mut writer = Writer::new(7, Flags::QUERY, 512);
    assert!(writer.question(&instance, Kind::SRV, false));
    let spelled: Vec<u8> =
        host.labels().flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label].concat()).collect();
    let spelled = [&spelled[..], &[0]].concat();
    let is_spelled = |packet: &Packet| packet.bytes.windows(spelled.len()).any(|window| window == spelled);
    let begin = bench.now;
    bench.hear_from("10.1.0.200:49152", GROUP, &writer.finish());
    assert!(is_spelled(bench.responses(begin)[0]));
    bench.hear(&query(&[(&instance, Kind::SRV)], &[]));
    assert!(!is_spelled(&bench.run_until(Packet::is_multicast)), "the others read compressed names");
}

/// Item 24 (RFC 6762 section 6.7): it speaks of nobody but itself, so nothing of it is believed or held back.
#[test]
fn a_plain_resolver_changes_nothing_for_the_others() {
    let mut bench = Bench::settled(1);
    let mut writer = Writer::new(7, Flags::QUERY, 512);
    assert!(writer.question(&service_name(), Kind::PTR, false));
    bench.hear(&query(&[(&service_name(), Kind::PTR)], &[]));
    let begin = bench.now;
    bench.hear_from("10.1.0.200:49152", GROUP, &writer.finish());
    bench.run(SECOND);
    let answers = bench.responses(begin);
    assert_eq!(answers.len(), 2);
    assert!(answers[1].is_multicast() && answers[1].answers(&service_name(), Kind::PTR));
}
