//! Item 56: what others ask in vain (RFC 6762 section 10.5).

use super::*;

/// A host that sees a stranger `b` and has long settled, so that it asks nothing by itself for a while.
fn with_b(lan: &mut Lan) -> (usize, Name) {
    let a = lan.host("a");
    lan.run_ms(35_000);
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    assert_eq!(lan.sees(a), ["b"]);
    (a, service_name().child(b"b").unwrap())
}

fn ask(lan: &mut Lan, host: usize, name: &Name, kind: Kind) {
    lan.inject_multicast(host, &query(&[(name, kind, false)]));
}

/// Item 56 (RFC 6762 section 10.5).
#[test]
fn who_leaves_two_questions_of_others_unanswered_is_lost_without_a_question_of_ours() {
    for kind in [Kind::SRV, Kind::TXT, Kind::ANY] {
        let mut lan = Lan::new();
        let (a, b) = with_b(&mut lan);
        let begin = lan.now;
        ask(&mut lan, a, &b, kind);
        lan.run_ms(2_000);
        ask(&mut lan, a, &b, kind);
        lan.run_ms(9_900);
        assert_eq!(lan.sees(a), ["b"], "ten seconds from the second one");
        lan.run_ms(200);
        assert_eq!(lan.sees(a), Vec::<String>::new());
        assert_eq!(lan.hosts[a].stats.mdns.unanswered, 1);
        lan.run_ms(5_000);
        assert!(lan.queries(a, begin).is_empty(), "not a question of our own");
        // It is there again as soon as it says anything.
        lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
        assert_eq!(lan.sees(a), ["b"]);
    }
}

/// Item 56 (RFC 6762 section 10.5).
#[test]
fn one_question_or_several_in_the_same_moment_prove_nothing() {
    let mut lan = Lan::new();
    let (a, b) = with_b(&mut lan);
    for _ in 0..20 {
        ask(&mut lan, a, &b, Kind::ANY);
        lan.run_ms(30);
    }
    lan.run_ms(15_000);
    // Nor does one every quarter of a minute.
    ask(&mut lan, a, &b, Kind::ANY);
    lan.run_ms(15_000);
    ask(&mut lan, a, &b, Kind::ANY);
    lan.run_ms(15_000);
    assert_eq!(lan.sees(a), ["b"]);
}

/// Item 56 (RFC 6762 section 10.5).
#[test]
fn who_answers_in_time_stays() {
    for wait in [50, 1_500, 9_000] {
        let mut lan = Lan::new();
        let (a, b) = with_b(&mut lan);
        ask(&mut lan, a, &b, Kind::SRV);
        lan.run_ms(1_000);
        ask(&mut lan, a, &b, Kind::SRV);
        lan.run_ms(wait);
        lan.inject_multicast(a, &response(&stranger("b", 50, 4500)[1..2]));
        lan.run_ms(15_000);
        assert_eq!((lan.sees(a), lan.hosts[a].stats.mdns.unanswered), (vec!["b".into()], 0));
    }
}

/// Item 56 (RFC 6762 section 10.5): where no multicast answer is to be expected, none is missed.
#[test]
fn questions_that_need_no_answer_by_multicast_do_not_count() {
    let known = stranger("b", 50, 4500);
    let b = service_name().child(b"b").unwrap();
    let mut probe = Writer::new(0, Flags::QUERY, 1472);
    probe.question(&b, Kind::ANY, false);
    probe.record(Section::Authority, &known[1]);
    let asks = [
        query(&[(&b, Kind::SRV, true)]),
        query_with(0, Flags::TRUNCATED, &[(&b, Kind::SRV, false)], &[]),
        query_with(0, Flags::QUERY, &[(&b, Kind::SRV, false)], &known[1..2]),
        query(&[(&b, Kind::A, false)]),
        query(&[(&service_name(), Kind::PTR, false)]),
        probe.finish(),
    ];
    for (n, bytes) in asks.iter().enumerate() {
        let mut lan = Lan::new();
        let (a, _) = with_b(&mut lan);
        for _ in 0..4 {
            lan.inject_multicast(a, bytes);
            // From a resolver of unicast DNS.
            lan.inject(a, "10.1.0.200:40000", "224.0.0.251", &query(&[(&b, Kind::SRV, false)]));
            lan.run_ms(1_500);
        }
        lan.run_ms(15_000);
        assert_eq!(lan.sees(a), ["b"], "case {n}");
    }
}

/// Item 56 (RFC 6762 section 10.5): on one link of two.
#[test]
fn who_does_not_answer_on_one_link_is_not_lost_on_the_other() {
    let mut lan = Lan::new();
    let a = lan.host_with("a", [1; 32], 1, MdnsSocket::Shared, &[1, 2]);
    lan.host_with("b", [2; 32], 2, MdnsSocket::Shared, &[1, 2]);
    lan.run_ms(35_000);
    let b = lan.instance(1);
    lan.kill(1);
    for _ in 0..2 {
        ask(&mut lan, a, &b, Kind::SRV);
        lan.run_ms(1_000);
    }
    lan.run_ms(15_000);
    assert_eq!(lan.sees(a), ["b"]);
    assert_eq!(addresses(lan.sightings(a).last().unwrap().1), ["10.2.0.2:27182"]);
}

/// Item 56 (RFC 6762 section 10.5), with a cap.
#[test]
fn a_flood_of_such_questions_is_watched_in_part() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    lan.run_ms(35_000);
    for n in 2..=201_u8 {
        lan.inject_multicast(a, &response(&stranger_on(&format!("h{n}"), &format!("{n}"), n, 4500)));
    }
    for _ in 0..2 {
        for n in 2..=201 {
            ask(&mut lan, a, &service_name().child(format!("{n}").as_bytes()).unwrap(), Kind::ANY);
            ask(&mut lan, a, &service_name().child(format!("not {n}").as_bytes()).unwrap(), Kind::ANY);
        }
        lan.run_ms(1_000);
    }
    lan.run_ms(12_000);
    assert_eq!(lan.hosts[a].stats.mdns.unanswered, 64);
    assert_eq!(lan.hosts[a].mdns.directory.next_wake(), None, "all that was watched is decided");
}
