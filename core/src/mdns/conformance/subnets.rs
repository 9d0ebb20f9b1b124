//! BCT III.1 and III.2: an asker whose address is of another network, though it is on this link.

use super::*;

/// Item 29 (RFC 6762 section 11): link-local beside routable, and the other way round.
#[test]
fn who_seems_to_be_elsewhere_is_answered_by_multicast_even_if_it_wants_unicast() {
    let cases = [([10, 1, 0, 1], "169.254.7.7:5353"), ([169, 254, 1, 1], "10.1.0.200:5353")];
    for (own, from) in cases {
        for unicast in [false, true] {
            let mut here = ethernet(1);
            here.addresses[0] = Subnet { address: own.into(), prefix: if own[0] == 10 { 24 } else { 16 } };
            let mut bench = Bench::with(1, MdnsSocket::Exclusive, vec![here]);
            bench.run(10 * SECOND);
            let names = [(bench.instance(), Kind::SRV), (bench.host(), Kind::A), (service_name(), Kind::PTR)];
            for (name, kind) in names {
                bench.run(2 * SECOND);
                let mut writer = Writer::new(0, Flags::QUERY, 1472);
                assert!(writer.question(&name, kind, unicast));
                bench.hear_from(from, GROUP, &writer.finish());
                let answer = bench.run_until(Packet::is_response);
                assert!(answer.is_multicast() && answer.answers(&name, kind), "{from} {kind:?} {unicast}");
            }
        }
    }
}

/// Items 22, 29 (RFC 6762 sections 5.4, 11): a neighbour gets what it wants, unless all should hear it again.
#[test]
fn a_neighbour_that_wants_unicast_gets_it_while_the_multicast_is_fresh() {
    for (wait, is_fresh) in [(1, true), (29, true), (31, false)] {
        let mut bench = Bench::new(1);
        let announced = bench.run_until(Packet::is_response).at + SECOND;
        bench.run(announced - bench.now + wait * SECOND);
        let (begin, instance) = (bench.now, bench.instance());
        let mut writer = Writer::new(0, Flags::QUERY, 1472);
        assert!(writer.question(&instance, Kind::SRV, true));
        bench.hear(&writer.finish());
        let answers = bench.responses(begin);
        assert!(answers.len() == 1 && answers[0].answers(&instance, Kind::SRV));
        assert_eq!(answers[0].is_multicast(), !is_fresh, "{wait} s of 120 after it");
        assert!(!is_fresh || answers[0].to == PEER.parse().unwrap());
    }
}

/// Item 23 (RFC 6762 section 5.5): asked directly, only neighbours are answered, and directly.
#[test]
fn a_direct_question_is_answered_directly_and_only_to_neighbours() {
    let mut bench = Bench::settled(1);
    let instance = bench.instance();
    let ask = query(&[(&instance, Kind::SRV)], &[]);
    let begin = bench.now;
    bench.hear_from(PEER, "10.1.0.1", &ask);
    assert_eq!(bench.responses(begin)[0].to, PEER.parse().unwrap());
    let begin = bench.now + MS;
    bench.run(MS);
    for from in ["169.254.7.7:5353", "8.8.8.8:5353", "10.2.0.200:5353", "10.1.0.255:5353"] {
        bench.hear_from(from, "10.1.0.1", &ask);
    }
    bench.run(2 * SECOND);
    assert!(bench.responses(begin).is_empty());
    assert_eq!(bench.stats.mdns.off_link, 4);
}
