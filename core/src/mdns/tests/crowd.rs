//! Many on one link, who ask and answer for each other.

use super::*;

const ASKERS: [&str; 3] = ["10.1.0.70:5353", "10.1.0.71:5353", "10.1.0.72:5353"];

fn ask(lan: &mut Lan, host: usize, from: &str) {
    let question = query_with(0, Flags::TRUNCATED, &[(&service_name(), Kind::PTR, false)], &[]);
    lan.inject(host, from, "224.0.0.251", &question);
}

fn tell_known(lan: &mut Lan, host: usize, from: &str) {
    let known = record(&service_name(), 4500, false, Data::Ptr(lan.instance(host)));
    lan.inject(host, from, "224.0.0.251", &query_with(0, Flags::QUERY, &[], &[known]));
}

#[test]
fn whoever_has_company_leaves_asking_to_a_few() {
    let mut lan = Lan::new();
    let hosts: Vec<usize> = (0..40).map(|n| lan.host(&format!("n{n}"))).collect();
    lan.run_ms(900);
    let begin = lan.now;
    hosts.iter().for_each(|&host| lan.hosts[host].mdns.set_company(true));
    lan.run_ms(6_000);
    // Each would have asked after one second and after three.
    let asked: usize = hosts.iter().map(|&host| lan.queries(host, begin).len()).sum();
    assert!((4..=36).contains(&asked), "{asked} questions of 40 hosts");
    assert!(hosts.iter().all(|&host| lan.sees(host).len() == 39), "everybody is found all the same");
}

/// RFC 6762 section 7.2, with several who ask in the same moment.
#[test]
fn what_all_askers_know_is_answered_to_none_of_them() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.run_ms(2_000);
    let begin = lan.now;
    ASKERS.iter().for_each(|from| ask(&mut lan, a, from));
    lan.run_ms(10);
    ASKERS.iter().for_each(|from| tell_known(&mut lan, a, from));
    lan.run_ms(2_000);
    assert_eq!(lan.responses(a, begin).len(), 0, "all of them know");
    let begin = lan.now;
    ASKERS.iter().for_each(|from| ask(&mut lan, a, from));
    ASKERS[1..].iter().for_each(|from| tell_known(&mut lan, a, from));
    lan.run_ms(2_000);
    assert_eq!(lan.responses(a, begin).len(), 1, "one of them does not");
}

#[test]
fn known_answers_may_overtake_their_question_but_not_by_long() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    for (ahead, answers) in [(10, 0), (900, 1)] {
        lan.run_ms(2_000);
        tell_known(&mut lan, a, ASKERS[0]);
        lan.run_ms(ahead);
        let begin = lan.now;
        ask(&mut lan, a, ASKERS[0]);
        lan.run_ms(2_000);
        assert_eq!(lan.responses(a, begin).len(), answers, "{ahead} ms ahead");
    }
}
