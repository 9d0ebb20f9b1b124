//! BCT II.8 and II.15: when shared records are answered, and what goes together.

use super::*;

/// Item 15 (RFC 6762 section 6). BCT II.8: 20 to 120 ms, each quarter between 5 and 45 %.
#[test]
fn shared_answers_are_spread_evenly_over_20_to_120_ms() {
    let mut waits = Vec::new();
    for seed in 0..SEEDS {
        let mut bench = Bench::settled(seed);
        let begin = bench.now;
        bench.hear(&query(&[(&service_name(), Kind::PTR)], &[]));
        bench.run(SECOND);
        let answers = bench.responses(begin);
        assert_eq!(answers.len(), 1);
        assert!(answers[0].is_multicast() && answers[0].answers(&service_name(), Kind::PTR));
        waits.push(answers[0].at - begin);
    }
    assert_even(&waits, 20 * MS, 120 * MS);
}

/// Item 15 (RFC 6762 section 6): the same of one engine that is asked again and again.
#[test]
fn one_engine_does_not_always_wait_as_long() {
    let mut bench = Bench::settled(1);
    let mut waits = Vec::new();
    for _ in 0..SEEDS {
        bench.run(2 * SECOND);
        let begin = bench.now;
        bench.hear(&query(&[(&service_name(), Kind::PTR)], &[]));
        waits.push(bench.run_until(Packet::is_response).at - begin);
    }
    assert_even(&waits, 20 * MS, 120 * MS);
}

/// Item 17 (RFC 6762 section 6.4). BCT II.15: two questions for shared records one behind the other get one packet.
#[test]
fn two_questions_back_to_back_get_one_packet() {
    for seed in 0..SEEDS {
        let mut bench = Bench::settled(seed);
        let begin = bench.now;
        bench.hear(&query(&[(&service_name(), Kind::PTR)], &[]));
        bench.run(seed % 15 * MS);
        bench.hear(&query(&[(&enumeration(), Kind::PTR)], &[]));
        bench.run(2 * SECOND);
        let answers = bench.responses(begin);
        assert_eq!(answers.len(), 1, "seed {seed}");
        let message = answers[0].message();
        assert_eq!(kinds(&message.answers), [Kind::PTR, Kind::PTR]);
        let wait = answers[0].at - begin;
        assert!((20 * MS..=120 * MS).contains(&wait), "{wait:?}");
    }
}

/// Item 17 (RFC 6762 sections 6.4, 7.2): but nothing is taken along that more known answers could make needless.
#[test]
fn what_waits_for_known_answers_goes_with_no_earlier_packet() {
    for seed in 0..100 {
        let mut bench = Bench::settled(seed);
        let begin = bench.now;
        bench.hear(&query_with(Flags::TRUNCATED, &[(&service_name(), Kind::PTR)], &[]));
        bench.run(10 * MS);
        bench.hear_from("10.1.0.201:5353", GROUP, &query(&[(&enumeration(), Kind::PTR)], &[]));
        bench.run(350 * MS);
        assert!(!bench.responses(begin).iter().any(|sent| sent.answers(&service_name(), Kind::PTR)));
        bench.run(200 * MS);
        let answers = bench.responses(begin);
        assert!(answers.len() == 2 && answers[1].answers(&service_name(), Kind::PTR));
    }
}

/// Items 18, 17 (RFC 6762 section 6): a second after the last time, delayed and not dropped.
#[test]
fn an_answer_just_given_is_given_again_after_a_second() {
    for seed in 0..100 {
        let mut bench = Bench::settled(seed);
        bench.hear(&query(&[(&service_name(), Kind::PTR)], &[]));
        let first = bench.run_until(Packet::is_response);
        bench.run(seed * 9 * MS);
        bench.hear_from("10.1.0.201:5353", GROUP, &query(&[(&service_name(), Kind::PTR)], &[]));
        let second = bench.run_until(Packet::is_response);
        assert!(second.answers(&service_name(), Kind::PTR));
        assert!((SECOND..=1_120 * MS).contains(&(second.at - first.at)), "{:?}", second.at - first.at);
    }
}
