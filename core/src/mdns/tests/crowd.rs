//! Many on one link, who ask and answer for each other.

use super::*;

const ASKERS: [&str; 3] = ["10.1.0.70:5353", "10.1.0.71:5353", "10.1.0.72:5353"];

fn ask(lan: &mut Lan, host: usize, from: &str) {
    let question = query_with(0, Flags::TRUNCATED, &[(&service_name(), Kind::PTR, false)], &[]);
    lan.inject(host, from, "224.0.0.251", &question);
}

fn ask_plainly(lan: &mut Lan, host: usize, from: &str) {
    lan.inject(
        host,
        from,
        "224.0.0.251",
        &query_with(0, Flags::QUERY, &[(&service_name(), Kind::PTR, false)], &[]),
    );
}

fn tell_known(lan: &mut Lan, host: usize, from: &str) {
    let known = record(&service_name(), 4500, false, Data::Ptr(lan.instance(host)));
    lan.inject(host, from, "224.0.0.251", &query_with(0, Flags::QUERY, &[], &[known]));
}

/// Sessions with eight others on the link.
fn company() -> Vec<SocketAddr> {
    (200..208).map(|host| SocketAddr::from(([10, 1, 0, host], 27182))).collect()
}

/// How often a host has asked for everybody since then.
fn browsed(lan: &Lan, host: usize, since: Instant) -> usize {
    let is_browse = |sent: &&&Sent| {
        sent.message().questions.iter().any(|asked| asked.name == service_name() && asked.kind == Kind::PTR)
    };
    lan.queries(host, since).iter().filter(is_browse).count()
}

/// Item 50 (RFC 6762 section 7.3): what another one asks now need not be asked.
#[test]
fn of_those_who_have_company_one_asks_for_all() {
    let play = |has_company: bool| {
        let mut lan = Lan::new();
        let hosts: Vec<usize> = (0..40).map(|n| lan.host(&format!("n{n}"))).collect();
        lan.run_ms(900);
        let begin = lan.now;
        let company = if has_company { company() } else { Vec::new() };
        hosts.iter().for_each(|&host| lan.hosts[host].mdns.set_company(&company));
        lan.run_ms(6_000);
        assert!(hosts.iter().all(|&host| lan.sees(host).len() == 39), "everybody is found all the same");
        hosts.iter().map(|&host| browsed(&lan, host, begin)).sum::<usize>()
    };
    // After one second and after three; more than one only when two ask within the time that a packet takes.
    for has_company in [true, false] {
        let asked = play(has_company);
        assert!((2..=4).contains(&asked), "{asked} questions of 40 hosts");
    }
}

/// Item 50 (RFC 6762 section 7.3).
/// Whom the other's known answers keep silent we do not know.
#[test]
fn a_question_that_keeps_somebody_silent_is_not_ours() {
    let asked = |known: &[&str], flags: Flags| {
        let mut lan = Lan::new();
        let host = lan.settled("a");
        lan.inject_multicast(host, &response(&stranger("b", 50, 4500)));
        let begin = lan.now;
        // Its next question is in about 2.1 s.
        lan.run_ms(1_500);
        let known: Vec<Record> = known
            .iter()
            .map(|label| {
                record(
                    &service_name(),
                    4500,
                    false,
                    Data::Ptr(service_name().child(label.as_bytes()).unwrap()),
                )
            })
            .collect();
        let question = query_with(0, flags, &[(&service_name(), Kind::PTR, false)], &known);
        lan.inject(host, ASKERS[0], "224.0.0.251", &question);
        lan.run_ms(2_000);
        browsed(&lan, host, begin)
    };
    assert_eq!(asked(&[], Flags::QUERY), 0);
    assert_eq!(asked(&["b"], Flags::QUERY), 0);
    assert_eq!(asked(&["b", "c"], Flags::QUERY), 1, "of c we have not heard");
    assert_eq!(asked(&["b"], Flags::TRUNCATED), 1, "more are to come");
}

/// Item 59.
/// A keynote: a hundred in a room, of whom each needs eight.
#[test]
fn of_a_crowd_everybody_keeps_some_and_others_than_its_neighbour() {
    let mut lan = Lan { peers_max: 16, ..Lan::new() };
    let hosts: Vec<usize> = (0..100).map(|n| lan.host(&format!("n{n}"))).collect();
    lan.run(Duration::from_secs(15));
    let begin = lan.now;
    let mut kept = vec![0; hosts.len()];
    for &host in &hosts {
        let seen = lan.sees(host);
        assert_eq!(seen.len(), 16, "host {host}");
        assert!(lan.hosts[host].mdns.cached() <= 16 * 4);
        seen.iter().for_each(|nick| kept[nick.trim_start_matches('n').parse::<usize>().unwrap()] += 1);
        let estimate = lan.hosts[host].mdns.links.values().next().unwrap().cache.population();
        assert!((93..=106).contains(&estimate), "{estimate} are there, it thinks");
    }
    assert!(
        kept.iter().all(|&times| (4..=40).contains(&times)),
        "everybody is kept by about sixteen: {kept:?}"
    );
    lan.run(Duration::from_secs(3_000));
    assert_eq!(lan.sent.iter().filter(|sent| sent.at > begin).count(), 0, "nobody needs more");
    // A tool for Bonjour asks and is answered by all, spread over the wider window.
    let begin = lan.now;
    for &host in &hosts {
        ask_plainly(&mut lan, host, ASKERS[0]);
    }
    lan.run_ms(1_000);
    let answers: Vec<Duration> =
        lan.sent.iter().filter(|sent| sent.at >= begin).map(|sent| sent.at - begin).collect();
    assert_eq!(answers.len(), 100);
    let last = answers.iter().max().unwrap();
    assert!(*last > Duration::from_millis(105) && *last <= Duration::from_millis(20 + 106), "{last:?}");
}

/// Item 59.
/// Names without anybody behind them do not keep real ones out.
#[test]
fn whoever_answers_no_call_makes_room() {
    let mut lan = Lan { peers_max: 8, ..Lan::new() };
    let a = lan.settled("a");
    for last in 50..250 {
        lan.inject_multicast(a, &response(&stranger(&format!("made up {last}"), last, 4500)));
    }
    let real: Vec<_> = (0..8).map(|n| lan.settled(&format!("real{n}"))).collect();
    lan.run(Duration::from_secs(5));
    let is_real = |nick: &&String| nick.starts_with("real");
    assert!(lan.sees(a).iter().filter(is_real).count() < 4, "they are lost among the others");
    // It calls those it knows, and nobody answers.
    for _ in 0..30 {
        for nick in lan.sees(a) {
            if let Some(last) = nick.strip_prefix("made up ") {
                let place = format!("10.1.0.{last}:4000").parse().unwrap();
                lan.act(a, |mdns, now, stats, _| mdns.reconfirm(now, place, stats));
            }
        }
        // Meanwhile the real ones are heard now and then.
        real.iter().for_each(|&host| ask_plainly(&mut lan, host, ASKERS[0]));
        lan.run(Duration::from_secs(2));
    }
    assert_eq!(lan.sees(a).iter().filter(is_real).count(), 8);
}

/// Item 50 (RFC 6762 section 7.3).
#[test]
fn a_question_long_before_ours_is_not_ours() {
    let asked = |waits: u64| {
        let mut lan = Lan::new();
        let host = lan.settled("a");
        lan.hosts[host].mdns.set_company(&company());
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

/// Item 20 (RFC 6762 section 7.2).
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

/// Item 20 (RFC 6762 section 7.2).
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
