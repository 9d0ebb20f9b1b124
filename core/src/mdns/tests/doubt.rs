//! Whoever does not answer where it was said to be is asked for again (RFC 6762 sections 7.3 and 10.4).

use super::*;

/// The places of a stranger's that the calls of `host` go to in vain from now on.
fn doubt(lan: &mut Lan, host: usize, address: &str) {
    let address = address.parse().unwrap();
    lan.act(host, |mdns, now, stats, _| mdns.reconfirm(now, address, stats));
}

/// When `host` has asked for all of an instance since `since`, in milliseconds.
fn asked(lan: &Lan, host: usize, instance: &Name, since: Instant) -> Vec<u128> {
    let is_it = |sent: &&&Sent| {
        let message = sent.message();
        let mut names = message.questions.iter().filter(|asked| asked.kind == Kind::ANY);
        message.authority.is_empty() && names.any(|asked| asked.name == *instance)
    };
    let queries = lan.queries(host, since);
    queries.iter().filter(is_it).map(|sent| (sent.at - since).as_millis()).collect()
}

/// Known answers in the latest question for everybody.
fn known(lan: &Lan, host: usize) -> usize {
    let queries = lan.queries(host, Instant::ORIGIN);
    let mut browsed = queries.iter().filter(|sent| sent.message().questions[0].kind == Kind::PTR);
    browsed.next_back().unwrap().message().answers.len()
}

/// Item 55 (RFC 6762 section 10.4).
#[test]
fn who_moved_unheard_is_found_once_a_call_has_failed() {
    let mut lan = Lan::new();
    let (a, b) = (lan.settled("a"), lan.settled("b"));
    let deaf = core::mem::take(&mut lan.hosts[a].segments);
    lan.hosts[b].interfaces[0].addresses[0].address = "10.1.0.77".parse().unwrap();
    lan.plug(b);
    lan.run_ms(5_000);
    lan.hosts[a].segments = deaf;
    lan.run(Duration::from_secs(600));
    assert_eq!(addresses(lan.sightings(a).last().unwrap().1), ["10.1.0.2:27182"], "nobody has asked");
    doubt(&mut lan, a, "10.1.0.2:27182");
    lan.run_ms(250);
    assert_eq!(addresses(lan.sightings(a).last().unwrap().1), ["10.1.0.77:27182"]);
    let (begin, b) = (lan.now, lan.instance(b));
    lan.run(Duration::from_secs(600));
    assert_eq!(asked(&lan, a, &b, begin), [], "enough");
}

/// Items 48, 55 (RFC 6762 sections 7.1, 7.2, 10.4).
#[test]
fn who_is_doubted_is_no_known_answer_and_lost_unless_it_answers() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let b = service_name().child(b"b").unwrap();
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    lan.run(Duration::from_secs(4));
    assert_eq!(known(&lan, a), 1);
    let begin = lan.now;
    doubt(&mut lan, a, "10.1.0.50:4000");
    lan.run(Duration::from_secs(10));
    assert_eq!((known(&lan, a), lan.sees(a)), (0, vec!["b".into()]), "it has ten seconds");
    lan.run(Duration::from_secs(6));
    assert_eq!(lan.sees(a), Vec::<String>::new());
    // It is asked for as long as it is named, at growing intervals.
    lan.run(Duration::from_secs(1000));
    let times = asked(&lan, a, &b, begin);
    assert!(times[0] >= 20 && times[0] <= 120, "{times:?}");
    let gaps: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).collect();
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32, 64, 128, 256]);
    // An answer ends that.
    lan.inject_multicast(a, &response(&stranger("b", 51, 4500)));
    assert_eq!(addresses(lan.sightings(a).last().unwrap().1), ["10.1.0.51:4000"]);
    let begin = lan.now;
    lan.run(Duration::from_secs(1100));
    assert_eq!((asked(&lan, a, &b, begin), known(&lan, a)), (vec![], 1));
}

#[test]
fn who_is_doubted_and_not_named_any_more_is_not_asked_for() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    doubt(&mut lan, a, "10.1.0.50:4000");
    lan.run(Duration::from_secs(20));
    lan.inject_multicast(a, &response(&stranger("b", 50, 0)[..1]));
    lan.run(Duration::from_secs(2));
    let begin = lan.now;
    lan.run(Duration::from_secs(4000));
    assert_eq!(asked(&lan, a, &service_name().child(b"b").unwrap(), begin), []);
    assert_eq!(lan.hosts[a].mdns.directory.next_wake(), None, "and forgotten");
}

/// What many questions at nearly the same instant have in common is that they are asked together.
#[test]
fn whoever_is_not_there_is_given_up_in_time_however_many_there_are() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let cached = |lan: &Lan| lan.hosts[a].mdns.links.values().map(|link| link.cache.len()).sum::<usize>();
    for last in 50..90 {
        lan.inject_multicast(a, &response(&stranger(&format!("named {last}"), last, 4500)[..1]));
        lan.inject_multicast(a, &response(&stranger(&format!("doubted {last}"), last, 4500)));
        doubt(&mut lan, a, &format!("10.1.0.{last}:4000"));
    }
    assert_eq!((lan.sees(a).len(), cached(&lan)), (40, 40 + 40 * 4));
    lan.run(Duration::from_secs(18));
    assert_eq!(
        (lan.sees(a).len(), cached(&lan)),
        (0, 40 * 2),
        "where the doubted were is gone, and their hosts"
    );
}

/// Made-up names, of whom each is doubted at another time.
#[test]
fn whoever_is_not_there_is_asked_for_in_waves() {
    let mut lan = Lan::new();
    let (a, begin) = (lan.settled("a"), lan.now);
    for last in 50..100 {
        lan.inject_multicast(a, &response(&stranger(&format!("{last}"), last, 4500)));
        doubt(&mut lan, a, &format!("10.1.0.{last}:4000"));
        lan.run_ms(500);
    }
    let later = lan.now + Duration::from_secs(15);
    lan.run(Duration::from_secs(600));
    let waves: BTreeSet<Instant> = lan.queries(a, later).iter().map(|sent| sent.at).collect();
    let mut questions = 0;
    for last in 50..100 {
        let name = service_name().child(format!("{last}").as_bytes()).unwrap();
        let times = asked(&lan, a, &name, begin);
        let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let together = 2 * 50 + 1;
        assert!(gaps.windows(2).all(|pair| pair[1] + together >= pair[0] * 2), "{gaps:?}");
        questions += asked(&lan, a, &name, later).len();
    }
    assert!(questions >= 50 * 4 && waves.len() <= 50, "{questions} questions in {} waves", waves.len());
}

/// Item 55 (RFC 6762 section 10.4).
/// Somebody behind a filter, who hears and answers questions but no calls.
#[test]
fn who_answers_but_cannot_be_called_is_asked_less_and_less() {
    let mut lan = Lan::new();
    let (a, b) = (lan.settled("a"), lan.settled("b"));
    let begin = lan.now;
    for _ in 0..200 {
        doubt(&mut lan, a, "10.1.0.2:27182");
        lan.run(Duration::from_secs(7));
    }
    let b = lan.instance(b);
    let times = asked(&lan, a, &b, begin);
    assert!((6..=9).contains(&times.len()), "{times:?}");
    assert!(lan.sightings(a).iter().all(|(_, seen)| seen.kind == SightingKind::Seen));
}

#[test]
fn of_a_whole_town_that_is_gone_only_a_part_is_asked_for() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    for n in 0..300 {
        let (host, label) = (format!("host{n}"), format!("{n}"));
        lan.inject_multicast(a, &response(&stranger_on(&host, &label, 66, 4500)));
    }
    let begin = lan.now;
    doubt(&mut lan, a, "10.1.0.66:4000");
    assert_eq!(lan.hosts[a].stats.mdns.doubts_dropped, 300 - 256);
    lan.run_ms(130);
    let asked: Vec<_> = lan.queries(a, begin).iter().map(|sent| sent.message().questions.len()).collect();
    assert_eq!(asked.iter().sum::<usize>(), 256 * 2, "none is left out");
    assert!(
        asked.len() < 30 && asked.iter().all(|&count| count <= 32),
        "as many in each as are answered: {asked:?}"
    );
}

/// Item 50 (RFC 6762 section 7.3).
/// A crash that everybody notices.
#[test]
fn what_many_want_to_know_few_ask() {
    let mut lan = Lan::new();
    let hosts: Vec<_> = (0..30).map(|n| lan.host(&format!("h{n}"))).collect();
    lan.run(Duration::from_secs(10));
    let (dead, living) = (hosts[0], &hosts[1..]);
    lan.kill(dead);
    let begin = lan.now;
    for &host in living {
        doubt(&mut lan, host, "10.1.0.1:27182");
        lan.run_ms(100);
    }
    lan.run(Duration::from_secs(117));
    let dead = lan.instance(dead);
    let asked: usize = living.iter().map(|&host| asked(&lan, host, &dead, begin).len()).sum();
    assert!(
        (7..100).contains(&asked),
        "{asked} questions of {} hosts, each of which has seven or eight",
        living.len()
    );
}
