//! BCT II.9 and II.10: known answers, in one packet and in several.

use super::*;

const OTHER: &str = "10.1.0.201:5353";

/// What the scripted peer knows of each of our records, for `ttl` seconds.
fn known(bench: &Bench, own: Own, ttl: u32) -> Record {
    let site = &bench.mdns.links.values().next().unwrap().site;
    Record { ttl, flush: false, ..bench.mdns.ours.as_ref().unwrap().record(own, site) }
}

/// Item 19 (RFC 6762 section 7.1). BCT II.9: with each question a little less is left of what the asker knows.
#[test]
fn known_answers_are_left_out_as_long_as_half_of_their_time_is_left() {
    let mut bench = Bench::settled(1);
    let (instance, host) = (bench.instance(), bench.host());
    let address = Own::Address([10, 1, 0, 1].into());
    let cases = [
        (Own::Service, service_name(), Kind::PTR, 4500),
        (Own::Srv, instance.clone(), Kind::SRV, 120),
        (Own::Txt, instance, Kind::TXT, 4500),
        (address, host, Kind::A, 120),
    ];
    for (own, name, kind, full) in cases {
        let series = (0..=20).rev().map(|step| full * step / 20).chain([full / 2, full / 2 - 1]);
        for ttl in series {
            bench.run(2 * SECOND);
            let begin = bench.now;
            let ask = query(&[(&name, kind)], &[known(&bench, own, ttl)]);
            bench.hear(&ask);
            bench.run(SECOND);
            let is_known = ttl * 2 >= full;
            assert_eq!(bench.responses(begin).len(), usize::from(!is_known), "{kind:?} for {ttl} s");
        }
    }
}

/// Item 19 (RFC 6762 section 7.1): of what is similar to ours nothing is known.
#[test]
fn only_the_very_record_is_a_known_answer() {
    let mut bench = Bench::settled(1);
    let pointer_to = |label: &[u8]| pointer(&service_name().child(label).unwrap(), 4500);
    let ours = known(&bench, Own::Service, 4500);
    let others = [
        pointer_to(b"other"),
        Record { class: 3, ..ours.clone() },
        Record { name: enumeration(), ..ours.clone() },
    ];
    for other in others {
        bench.run(2 * SECOND);
        bench.hear(&query(&[(&service_name(), Kind::PTR)], &[other]));
        assert!(bench.run_until(Packet::is_response).answers(&service_name(), Kind::PTR));
    }
    // In another case it is the same.
    bench.run(2 * SECOND);
    let begin = bench.now;
    let label = bench.label().to_uppercase();
    bench.hear(&query(&[(&service_name(), Kind::PTR)], &[pointer_to(label.as_bytes())]));
    bench.run(SECOND);
    assert!(bench.responses(begin).is_empty());
}

/// Item 20 (RFC 6762 section 7.2). BCT II.10.
#[test]
fn a_truncated_question_is_answered_after_400_to_500_ms() {
    let mut waits = Vec::new();
    for seed in 0..SEEDS {
        let mut bench = Bench::settled(seed);
        let begin = bench.now;
        let (name, kind) =
            if seed % 2 == 0 { (service_name(), Kind::PTR) } else { (bench.instance(), Kind::SRV) };
        bench.hear(&query_with(Flags::TRUNCATED, &[(&name, kind)], &[]));
        waits.push(bench.run_until(Packet::is_response).at - begin);
    }
    assert_even(&waits, 400 * MS, 500 * MS);
}

/// Item 20 (RFC 6762 section 7.2): whenever they come within that time, and the more there are to come.
#[test]
fn known_answers_that_follow_take_the_answer_back() {
    for packets in 1..8_u32 {
        let mut bench = Bench::settled(packets);
        let begin = bench.now;
        bench.hear(&query_with(Flags::TRUNCATED, &[(&service_name(), Kind::PTR)], &[]));
        for n in 1..=packets {
            bench.run(200 * MS);
            let is_last = n == packets;
            let label = alloc::format!("other {n}");
            let other = pointer(&service_name().child(label.as_bytes()).unwrap(), 4500);
            let tells = if is_last { known(&bench, Own::Service, 4500) } else { other };
            let flags = if is_last { Flags::QUERY } else { Flags::TRUNCATED };
            bench.hear(&query_with(flags, &[], &[tells]));
        }
        bench.run(3 * SECOND);
        assert!(bench.responses(begin).is_empty(), "{packets} packets, each postpones it");
    }
}

/// Item 20 (RFC 6762 section 7.2): known answers speak for the asker alone, and for that record alone.
#[test]
fn known_answers_of_one_asker_do_not_silence_us_towards_another() {
    let mut bench = Bench::settled(1);
    for follower in [PEER, OTHER] {
        bench.run(2 * SECOND);
        let begin = bench.now;
        bench.hear(&query_with(Flags::TRUNCATED, &[(&service_name(), Kind::PTR)], &[]));
        if follower == PEER {
            // And so does another one's plain question.
            bench.hear_from(OTHER, GROUP, &query(&[(&service_name(), Kind::PTR)], &[]));
        }
        bench.run(10 * MS);
        let tells = query(&[], &[known(&bench, Own::Service, 4500)]);
        bench.hear_from(follower, GROUP, &tells);
        bench.run(2 * SECOND);
        let answers = bench.responses(begin);
        assert_eq!(answers.len(), 1, "{follower}");
        let wait = answers[0].at - begin;
        assert_eq!(wait < 400 * MS, follower == PEER, "the plain question is not kept waiting: {wait:?}");
    }
    bench.run(2 * SECOND);
    let instance = bench.instance();
    bench.hear(&query_with(Flags::TRUNCATED, &[(&instance, Kind::ANY)], &[]));
    bench.hear(&query(&[], &[known(&bench, Own::Txt, 4500)]));
    assert_eq!(kinds(&bench.run_until(Packet::is_response).message().answers), [Kind::SRV]);
}

/// Item 20 (RFC 6762 section 7.2): however long somebody goes on, nobody waits for ever, and memory has an end.
#[test]
fn endless_known_answers_keep_nobody_waiting() {
    let mut bench = Bench::settled(1);
    let begin = bench.now;
    bench.hear(&query_with(Flags::TRUNCATED, &[(&service_name(), Kind::PTR)], &[]));
    for n in 0..1_000 {
        let from = alloc::format!("10.1.0.{}:5353", 2 + n % 250);
        bench.hear(&query_with(Flags::TRUNCATED, &[], &[]));
        let tells = query_with(Flags::TRUNCATED, &[], &[known(&bench, Own::Srv, 120)]);
        bench.hear_from(&from, GROUP, &tells);
        bench.run(5 * MS);
    }
    let answers = bench.responses(begin);
    assert_eq!(answers.len(), 1);
    let wait = answers[0].at - begin;
    assert!((SECOND..=2_500 * MS).contains(&wait), "{wait:?}");
    assert!(bench.stats.mdns.known_dropped > 900, "{:?}", bench.stats.mdns);
}
