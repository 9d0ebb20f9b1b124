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

/// How often a host has asked for everybody since then.
fn browsed(lan: &Lan, host: usize, since: Instant) -> usize {
    let is_browse = |sent: &&&Sent| {
        sent.message().questions.iter().any(|asked| asked.name == service_name() && asked.kind == Kind::PTR)
    };
    lan.queries(host, since).iter().filter(is_browse).count()
}

/// RFC 6762 section 7.3: what another one asks now need not be asked.
#[test]
fn of_those_who_have_company_one_asks_for_all() {
    let play = |has_company: bool| {
        let mut lan = Lan::new();
        let hosts: Vec<usize> = (0..40).map(|n| lan.host(&format!("n{n}"))).collect();
        lan.run_ms(900);
        let begin = lan.now;
        hosts.iter().for_each(|&host| lan.hosts[host].mdns.set_company(has_company));
        lan.run_ms(6_000);
        assert!(hosts.iter().all(|&host| lan.sees(host).len() == 39), "everybody is found all the same");
        hosts.iter().map(|&host| browsed(&lan, host, begin)).sum::<usize>()
    };
    // After one second and after three, all within a tenth of a second.
    let asked = play(true);
    assert!((2..=4).contains(&asked), "{asked} questions of 40 hosts");
    assert_eq!(play(false), 80);
}

#[test]
fn a_question_long_before_ours_is_not_ours() {
    let asked = |waits: u64| {
        let mut lan = Lan::new();
        let host = lan.settled("a");
        lan.hosts[host].mdns.set_company(true);
        let begin = lan.now;
        // It has been there for five seconds: its next questions are in about 2.1, 10.1 and 26.1 s.
        lan.run_ms(waits);
        ask(&mut lan, host, ASKERS[0]);
        lan.run_ms(12_000 - waits);
        browsed(&lan, host, begin)
    };
    assert_eq!(asked(11_000), 2);
    assert_eq!(asked(3_000), 2);
    assert_eq!(asked(8_000), 1);
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
