//! BCT II.2 and II.4 to II.6: denials, simultaneous probes, conflicts after the start.

use super::*;

/// A bench that has just sent its first probe.
fn probing(seed: u32) -> (Bench, Packet) {
    let mut bench = Bench::new(seed);
    let probe = bench.run_until(Packet::is_probe);
    (bench, probe)
}

/// A probe of the scripted peer for `name`.
fn probe(name: &Name, data: &[Data]) -> Bytes {
    probe_of_class(name, CLASS_IN, data)
}

fn probe_of_class(name: &Name, class: u16, data: &[Data]) -> Bytes {
    let mut writer = Writer::new(0, Flags::QUERY, 1472);
    assert!(writer.question(name, Kind::ANY, true));
    for data in data {
        let proposed = Record { class, ..record(name, 120, false, data.clone()) };
        assert!(writer.record(Section::Authority, &proposed));
    }
    writer.finish()
}

/// Items 33, 39 (RFC 6762 sections 8.1, 9): whatever its type, with or without the flush bit, in any section.
#[test]
fn any_record_of_the_name_is_a_denial_and_leads_to_another_name() {
    let host = Name::new([&b"other"[..], b"local"]).unwrap();
    let all = [
        rival_srv(1),
        Data::Txt(Bytes::from_static(b"\x01x")),
        Data::A([10, 1, 0, 200].into()),
        Data::Ptr(host),
        Data::Other { kind: Kind(99), bytes: Bytes::from_static(b"x") },
    ];
    for data in all {
        for (flush, section) in
            [(true, Section::Answer), (false, Section::Answer), (true, Section::Additional)]
        {
            for probes in 0..3 {
                let (mut bench, _) = probing(1);
                bench.run((250 * probes + 1) * MS);
                let (taken, label) = (bench.instance(), bench.label());
                let mut writer = Writer::new(0, Flags::RESPONSE, 1472);
                assert!(writer.record(section, &record(&taken, 120, flush, data.clone())));
                bench.hear(&writer.finish());
                assert_eq!(bench.label(), alloc::format!("{label} (2)"), "{data:?} after {probes} more");
                let begin = bench.now;
                bench.run(5 * SECOND);
                let told = bench.responses(begin);
                assert!(!told.iter().any(|packet| packet.answers(&taken, Kind::SRV)), "it is not ours");
                assert_eq!(bench.probes(begin).len(), 3, "and the new name is probed for in full");
                assert!(matches!(&bench.found[..], [.., Found::Renamed(now)] if *now == bench.label()));
            }
        }
    }
}

/// Items 33, 62 (RFC 6762 section 8.1; RFC 6763 sections 7.1, 9, 12), for the host's name.
#[test]
fn a_denied_host_name_is_changed_and_the_instance_is_not() {
    let (mut bench, _) = probing(1);
    let (instance, host) = (bench.instance(), bench.host());
    bench.hear(&response(&[record(&host, 120, true, Data::A([10, 1, 0, 200].into()))]));
    bench.run(5 * SECOND);
    assert!(bench.host() != host && bench.instance() == instance);
    let label = bench.host().labels().next().unwrap().to_vec();
    assert!(label.ends_with(b"-2") && label.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'-'));
}

/// Item 32 (RFC 6762 section 8.1).
#[test]
fn a_denial_from_before_the_first_probe_counts_for_nothing() {
    let mut bench = Bench::new(1);
    let taken = bench.instance();
    bench.hear(&response(&[record(&taken, 120, true, rival_srv(1)), pointer(&taken, 4500)]));
    bench.run(5 * SECOND);
    assert_eq!(bench.instance(), taken, "neither is what the cache says of it");
}

/// Items 34, 30 (RFC 6762 section 8.2). BCT 1.5.4 II.2: to defer, not to rename.
#[test]
fn whoever_loses_a_tie_waits_a_second_and_probes_for_the_same_name() {
    for seed in 0..100 {
        let (mut bench, _) = probing(seed);
        bench.run(seed % 3 * 250 * MS);
        let (instance, lost) = (bench.instance(), bench.now);
        bench.hear(&probe(&instance, &[rival_srv(u16::MAX)]));
        bench.run(5 * SECOND);
        let again: Vec<_> = bench.probes(lost + MS).iter().map(|probe| probe.at).collect();
        assert_eq!(again.len(), 3, "from the first on");
        assert_eq!(again[0] - lost, SECOND);
        assert_eq!(bench.instance(), instance);
        assert_eq!(bench.stats.mdns.conflicts, 1);
    }
}

/// Item 34 (RFC 6762 section 8.2): whoever wins hears of a name that is taken, when the loser comes back.
#[test]
fn whoever_lost_a_tie_finds_the_name_taken_and_chooses_another() {
    let (mut bench, _) = probing(1);
    let taken = bench.instance();
    bench.hear(&probe(&taken, &[rival_srv(u16::MAX)]));
    bench.run_until(Packet::is_probe);
    bench.hear(&response(&[record(&taken, 120, true, rival_srv(u16::MAX))]));
    bench.run(5 * SECOND);
    assert!(bench.label().ends_with(" (2)"));
}

/// Items 34, 30, 36 (RFC 6762 section 8.2): BCT II.4 with the host's address, II.5 with the instance's SRV record.
#[test]
fn whoever_wins_a_tie_goes_on_with_three_probes_and_announces() {
    for of_host in [true, false] {
        let (mut bench, first) = probing(1);
        let (name, data) = if of_host {
            (bench.host(), vec![Data::A([1, 0, 0, 1].into())])
        } else {
            (bench.instance(), vec![Data::Txt(Bytes::from_static(b"\x01x")), rival_srv(1)])
        };
        for _ in 0..3 {
            bench.hear(&probe(&name, &data));
            bench.run(200 * MS);
        }
        bench.run(5 * SECOND);
        let probes: Vec<_> = bench.probes(first.at).iter().map(|probe| probe.at).collect();
        assert_eq!(probes.len(), 3);
        assert!(probes.windows(2).all(|pair| pair[1] - pair[0] >= 150 * MS));
        let told =
            bench.since(first.at, |packet| packet.is_response() && packet.message().answers.len() == 4);
        assert_eq!(told.len(), 2);
        for packet in told {
            let message = packet.message();
            assert!(message.answers.iter().all(|record| record.flush != (record.data.kind() == Kind::PTR)));
        }
    }
}

/// Item 34 (RFC 6762 section 8.2): by class, then type, then data as it is without compression.
#[test]
fn ties_are_broken_by_class_and_type_and_raw_data() {
    let (bench, _) = probing(1);
    let machine = bench.mdns.ours.as_ref().unwrap();
    let site = &bench.mdns.links.values().next().unwrap().site;
    let [srv, text] = [Own::Srv, Own::Txt].map(|own| machine.record(own, site).data);
    let Data::Srv { priority, weight, port, .. } = srv else { panic!("{srv:?}") };
    // The first byte of a name is the length of its first label; that of ours is 17.
    let to = |length: usize| {
        let target = Name::new([&vec![b'a'; length][..], b"local"]).unwrap();
        Data::Srv { priority, weight, port, target }
    };
    let text_of = |length: u8| Data::Txt([vec![length], vec![b'x'; length.into()]].concat().into());
    let more = Data::Other { kind: Kind(99), bytes: Bytes::new() };
    let cases = [
        ("equal", CLASS_IN, vec![text.clone(), srv.clone()], false),
        ("equal in another order", CLASS_IN, vec![srv.clone(), text.clone()], false),
        ("a later target", CLASS_IN, vec![text.clone(), to(40)], true),
        ("an earlier target", CLASS_IN, vec![text.clone(), to(1)], false),
        ("a later text, ours begins with 9", CLASS_IN, vec![text_of(10)], true),
        ("an earlier text", CLASS_IN, vec![text_of(1), rival_srv(u16::MAX)], false),
        ("an earlier type, however late the data", CLASS_IN, vec![Data::A([255; 4].into())], false),
        ("a later type in place of our text", CLASS_IN, vec![rival_srv(0)], true),
        ("a later class, however early the rest", 3, vec![Data::A([0; 4].into())], true),
        ("ours and one more", CLASS_IN, vec![text, srv, more], true),
    ];
    for (reason, class, data, loses) in cases {
        let (mut bench, _) = probing(1);
        let (instance, begin) = (bench.instance(), bench.now);
        bench.hear(&probe_of_class(&instance, class, &data));
        assert_eq!(bench.stats.mdns.conflicts, u64::from(loses), "{reason}");
        let next = bench.run_until(Packet::is_probe).at - begin;
        assert_eq!(next, if loses { SECOND } else { 250 * MS }, "{reason}");
    }
}

/// Items 38, 28 (RFC 6762 section 9). BCT II.6: ten seconds after the start.
#[test]
fn a_later_conflict_is_probed_for_with_the_same_name_first() {
    for which in [0, 1] {
        let mut bench = Bench::settled(1);
        bench.run(10 * SECOND);
        let (instance, host) = (bench.instance(), bench.host());
        let claim = match which {
            0 => record(&instance, 120, true, rival_srv(1)),
            _ => record(&host, 120, true, Data::A([10, 1, 0, 200].into())),
        };
        let begin = bench.now;
        bench.hear(&response(core::slice::from_ref(&claim)));
        let again = bench.run_until(Packet::is_probe);
        let asked = again.message();
        assert!(again.at - begin <= 250 * MS);
        assert!(asked.questions.iter().any(|asked| asked.name == claim.name), "with the same name");
        bench.hear(&response(&[claim]));
        bench.run(5 * SECOND);
        assert_eq!((bench.instance() == instance, bench.host() == host), (which == 1, which == 0));
        assert!(bench.responses(again.at).len() >= 2, "and announces the new one");
    }
}
