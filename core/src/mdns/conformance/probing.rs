//! BCT II.1 and II.4: three probes, then the announcements.

use super::*;

/// Items 30, 10 (RFC 6762 section 8.1). BCT II.1 asks for gaps of at least 150 ms.
#[test]
fn three_probes_250_ms_apart_begin_within_250_ms_of_the_start() {
    let mut waits = Vec::new();
    for seed in 0..SEEDS {
        let mut bench = Bench::new(seed);
        let begin = bench.now;
        bench.run(3 * SECOND);
        let probes: Vec<_> = bench.probes(begin).iter().map(|probe| probe.at).collect();
        assert_eq!(probes.len(), 3);
        assert!(probes.windows(2).all(|pair| pair[1] - pair[0] == 250 * MS));
        assert_eq!(bench.responses(begin)[0].at - probes[2], 250 * MS, "nobody objects for as long");
        waits.push(probes[0] - begin);
    }
    assert_even(&waits, Duration::ZERO, 250 * MS);
}

/// Item 31 (RFC 6762 sections 8.1, 8.2).
#[test]
fn a_probe_asks_for_everything_and_proposes_all_records_without_the_flush_bit() {
    let mut bench = Bench::new(1);
    let probe = bench.run_until(Packet::is_probe);
    assert!(probe.is_multicast());
    let message = probe.message();
    assert_eq!((message.id, message.flags), (0, Flags::QUERY));
    assert!(message.answers.is_empty() && message.additional.is_empty());
    let names = [bench.instance(), bench.host()];
    for (asked, name) in message.questions.iter().zip(&names) {
        assert!(asked.name == *name && asked.kind == Kind::ANY && asked.unicast);
    }
    assert_eq!(message.questions.len(), 2);
    assert_eq!(kinds(&message.authority), [Kind::SRV, Kind::TXT, Kind::A]);
    assert!(message.authority.iter().all(|record| !record.flush && record.ttl > 0));
}

/// Items 30, 31 (RFC 6762 section 8.1): while others share the port, unicast could reach them instead of us.
#[test]
fn a_probe_from_a_shared_port_does_not_ask_for_unicast() {
    let mut bench = Bench::with(1, MdnsSocket::Shared, vec![ethernet(1)]);
    let probe = bench.run_until(Packet::is_probe);
    assert!(probe.message().questions.iter().all(|asked| !asked.unicast));
}

/// Items 36, 42 (RFC 6762 sections 8.3, 10.2).
#[test]
fn the_announcements_hold_all_records_and_flush_all_but_the_pointer() {
    for seed in 0..100 {
        let mut bench = Bench::new(seed);
        let begin = bench.now;
        bench.run(60 * SECOND);
        let told = bench.responses(begin);
        assert!((2..=8).contains(&told.len()));
        assert!(told[1].at - told[0].at >= SECOND);
        for packet in told {
            let message = packet.message();
            assert!(packet.is_multicast() && message.questions.is_empty() && message.additional.is_empty());
            let flags: Vec<_> =
                message.answers.iter().map(|record| (record.data.kind(), record.flush)).collect();
            assert_eq!(flags, [(Kind::PTR, false), (Kind::SRV, true), (Kind::TXT, true), (Kind::A, true)]);
        }
    }
}

/// Item 36 (RFC 6762 sections 6, 8.3): an answer between the two must not swallow the second.
#[test]
fn the_second_announcement_comes_although_an_answer_was_sent_between() {
    for wait in [10, 300, 700, 990] {
        let mut bench = Bench::new(1);
        let first = bench.run_until(Packet::is_response);
        bench.run(wait * MS);
        let instance = bench.instance();
        bench.hear(&query(&[(&instance, Kind::SRV)], &[]));
        bench.run(5 * SECOND);
        let whole =
            bench.since(first.at, |packet| packet.is_response() && packet.message().answers.len() == 4);
        assert_eq!(whole.len(), 2, "after {wait} ms");
        assert!(whole[1].at - whole[0].at >= SECOND);
    }
}
