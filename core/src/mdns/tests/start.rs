//! Two find each other, and what that costs.

use super::*;

#[test]
fn a_newcomer_sees_who_is_there_within_300_ms() {
    let mut times = Vec::new();
    for n in 0..40 {
        let mut lan = Lan::new();
        let old = lan.host_with("old", [1; 32], n, MdnsSocket::Shared, &[1]);
        lan.run_ms(5_000);
        let begin = lan.now;
        let new = lan.host_with("new", [2; 32], 100 + n, MdnsSocket::Shared, &[1]);
        lan.run_ms(1_500);
        let (at, seen) = lan.sightings(new)[0];
        assert_eq!(seen.nick.as_ref().unwrap().as_str(), "old");
        assert_eq!(addresses(seen), ["10.1.0.1:27182"]);
        assert_eq!(seen.id, Some([1; 8]));
        assert_eq!(seen.boot, Some(BootId(n)));
        let (_, seen) = lan.sightings(old)[0];
        assert_eq!(addresses(seen), ["10.1.0.2:27182"]);
        assert_eq!((lan.sightings(new).len(), lan.sightings(old).len()), (1, 1), "told once each");
        times.push(at - begin);
    }
    times.sort();
    let median = times[times.len() / 2];
    assert!(median < Duration::from_millis(170), "{median:?}");
    assert!(times[times.len() - 1] < Duration::from_millis(250), "{times:?}");
    assert!(times[0] >= Duration::from_millis(40), "both waits are kept");
}

/// Nobody answers yet: their probes say that they are there.
#[test]
fn who_starts_at_the_same_time_is_found_by_the_first_probe() {
    let mut lan = Lan::new();
    lan.dual = true;
    let (a, b) = (lan.host("a"), lan.host("b"));
    lan.run_ms(251);
    assert_eq!((lan.sees(a), lan.sees(b)), (vec!["b".into()], vec!["a".into()]));
    lan.run_ms(10_000);
    assert_eq!((lan.sightings(a).len(), lan.sightings(b).len()), (1, 1), "and told once");
    let (_, seen) = *lan.sightings(a).last().unwrap();
    assert_eq!(addresses(seen), ["10.1.0.2:27182", "[fe80::1:2%1]:27182"], "with the index of the interface");
}

#[test]
fn who_only_ever_probed_is_lost_again() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let b = lan.host("b");
    lan.run_ms(300);
    assert_eq!(lan.sees(a), ["b"]);
    lan.kill(b);
    lan.run_ms(5_000);
    assert_eq!(lan.sees(a), Vec::<String>::new());
}

/// Items 30, 44 (RFC 6762 sections 8.1, 10).
#[test]
fn three_probes_come_before_two_announcements() {
    for n in 0..20 {
        let mut lan = Lan::new();
        lan.run_ms(n);
        let begin = lan.now;
        let boot = n + 50;
        let host = lan.host_with("a", [9; 32], boot, MdnsSocket::Exclusive, &[1]);
        lan.run_ms(10_000);
        let (instance, name) = (lan.instance(host), lan.host_name(host));
        let probes: Vec<_> = lan
            .queries(host, begin)
            .into_iter()
            .filter(|sent| !sent.message().authority.is_empty())
            .collect();
        assert_eq!(probes.len(), 3);
        assert!(probes[0].at - begin <= Duration::from_millis(250));
        for pair in probes.windows(2) {
            assert_eq!(pair[1].at - pair[0].at, Duration::from_millis(250));
        }
        for probe in &probes {
            let message = probe.message();
            assert!(message.questions.iter().all(|asked| asked.unicast && asked.kind == Kind::ANY));
            assert!(message.questions[0].name == instance && message.questions[1].name == name);
            let kinds: Vec<_> = message.authority.iter().map(|record| record.data.kind()).collect();
            assert_eq!(kinds, [Kind::SRV, Kind::TXT, Kind::A]);
            assert!(message.authority.iter().all(|record| !record.flush));
            assert!(message.answers.is_empty());
        }
        let told = lan.responses(host, begin);
        assert_eq!(told.len(), 2, "no periodic announcements");
        assert_eq!(told[0].at - probes[2].at, Duration::from_millis(250));
        assert_eq!(told[1].at - told[0].at, Duration::from_secs(1));
        for sent in told {
            let message = sent.message();
            let flags: Vec<_> =
                message.answers.iter().map(|record| (record.data.kind(), record.flush, record.ttl)).collect();
            let all = [
                (Kind::PTR, false, 4500),
                (Kind::SRV, true, 120),
                (Kind::TXT, true, 4500),
                (Kind::A, true, 120),
            ];
            assert_eq!(flags, all);
            assert_eq!((message.id, message.flags), (0, Flags::RESPONSE));
            assert!(message.questions.is_empty());
        }
    }
}

/// Items 46, 47, 63 (RFC 6762 sections 5.2, 5.4, 15.1).
#[test]
fn questions_grow_rare_and_only_the_first_allows_unicast() {
    for socket in [MdnsSocket::Exclusive, MdnsSocket::Shared] {
        let mut lan = Lan::new();
        let begin = lan.now;
        let host = lan.host_with("a", [9; 32], 3, socket, &[1]);
        lan.run(Duration::from_secs(6 * 3600));
        let asked: Vec<_> =
            lan.queries(host, begin).into_iter().filter(|sent| sent.message().authority.is_empty()).collect();
        let first = asked[0].at - begin;
        assert!((Duration::from_millis(20)..=Duration::from_millis(120)).contains(&first));
        let gaps: Vec<_> = asked.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs()).collect();
        let mut expected: Vec<u64> = (0..12).map(|n| 1 << n).collect();
        expected.extend([3600; 4]);
        assert_eq!(gaps, expected);
        for (n, sent) in asked.iter().enumerate() {
            let message = sent.message();
            assert_eq!(message.questions.len(), 1);
            assert_eq!(message.questions[0].unicast, n == 0 && socket == MdnsSocket::Exclusive);
            assert_eq!((message.id, message.flags), (0, Flags::QUERY));
        }
    }
}

/// Items 18, 36 (RFC 6762 sections 6, 8.3).
/// RFC 6762 section 6 holds for announcements too, and they stay whole. Only a rival's probe is answered between.
#[test]
fn probes_while_announcing_do_not_make_it_hasty() {
    for n in 0..8 {
        let mut lan = Lan::new();
        let a = lan.host("a");
        let begin = lan.now;
        while lan.responses(a, begin).is_empty() {
            lan.run_ms(1);
        }
        lan.run_ms(260 + n * 80);
        let instance = lan.instance(a);
        lan.inject_multicast(a, &conflict::rival(&instance, &[conflict::srv(0, 1)]));
        lan.run_ms(5_000);
        let sent = lan.responses(a, begin);
        let count = |sent: &Sent| sent.message().answers.len();
        assert_eq!(sent.iter().map(|sent| count(sent)).collect::<Vec<_>>(), [4, 2, 4]);
        assert_eq!(sent[2].at - sent[1].at, Duration::from_secs(1));
    }
}

#[test]
fn an_idle_pair_hardly_wakes() {
    let mut lan = Lan::new();
    lan.dual = true;
    let (a, b) = (lan.host("a"), lan.host("b"));
    lan.run(Duration::from_secs(60));
    let (wakes, sent) = (lan.hosts[a].wakes + lan.hosts[b].wakes, lan.sent.len());
    lan.run(Duration::from_secs(3600));
    let (wakes, sent) = (lan.hosts[a].wakes + lan.hosts[b].wakes - wakes, lan.sent.len() - sent);
    assert!(wakes < 100, "{wakes} in an hour");
    assert!(sent < 80, "{sent} in an hour");
    assert_eq!((lan.sees(a).len(), lan.sees(b).len()), (1, 1));
}

/// Items 44, 51 (RFC 6762 sections 10, 5.2).
#[test]
fn a_peer_stays_known_for_hours_and_is_lost_when_its_records_expire() {
    let mut lan = Lan::new();
    let (a, b) = (lan.host("a"), lan.host("b"));
    lan.run(Duration::from_secs(5 * 3600));
    assert_eq!(lan.sees(a), ["b"]);
    assert!(lan.sightings(a).iter().all(|(_, seen)| seen.kind == SightingKind::Seen), "never lost between");
    lan.kill(b);
    lan.run(Duration::from_secs(4600));
    assert_eq!(lan.sees(a), Vec::<String>::new());
}

/// Items 45, 54 (RFC 6762 section 10.1).
#[test]
fn a_goodbye_takes_everything_back() {
    let mut lan = Lan::new();
    let (a, b) = (lan.host("a"), lan.host("b"));
    lan.run_ms(5_000);
    let begin = lan.now;
    lan.withdraw(b);
    let kinds: Vec<_> = lan.responses(b, begin)[0]
        .message()
        .answers
        .iter()
        .map(|record| (record.data.kind(), record.ttl))
        .collect();
    assert_eq!(kinds, [(Kind::PTR, 0), (Kind::SRV, 0), (Kind::TXT, 0), (Kind::A, 0)]);
    lan.run_ms(900);
    assert_eq!(lan.sees(a), ["b"], "a second of grace");
    lan.run_ms(200);
    assert_eq!(lan.sees(a), Vec::<String>::new());
    let (_, lost) = *lan.sightings(a).last().unwrap();
    assert_eq!((lost.kind, lost.id, lost.boot), (SightingKind::Lost, Some([2; 8]), Some(BootId(2))));
    lan.run_ms(10_000);
    assert_eq!(lan.responses(b, begin).len(), 1);
    assert_eq!(lan.hosts[b].mdns.next_wake(), None);
}

#[test]
fn multicast_is_judged_by_who_is_heard() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    lan.run_ms(2_900);
    assert_eq!(lan.multicast(a), []);
    lan.run_ms(400);
    assert_eq!(lan.multicast(a), [Multicast::Alone]);
    lan.host("b");
    lan.run_ms(500);
    assert_eq!(lan.multicast(a), [Multicast::Alone, Multicast::Ok]);
    lan.hosts[a].interfaces.clear();
    lan.plug(a);
    assert_eq!(lan.multicast(a)[2..], [Multicast::Off]);
}

#[test]
fn a_link_without_echo_is_silent() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    lan.hosts[a].segments.clear();
    lan.run_ms(3_300);
    assert_eq!(lan.multicast(a), [Multicast::Silent]);
}

#[test]
fn two_cards_on_one_network_hear_each_other_and_nobody_else() {
    let mut lan = Lan::new();
    let a = lan.host_with("a", [1; 32], 1, MdnsSocket::Exclusive, &[1, 2]);
    let mut copied = 0;
    for _ in 0..3_500 {
        lan.run_ms(1);
        // What leaves by the second card comes in by the first one as well.
        let by_second = lan.sent[copied..].iter().filter(|sent| sent.transmit.interface == 2);
        let copies: Vec<_> = by_second.map(|sent| sent.transmit.bytes.clone()).collect();
        copied = lan.sent.len();
        copies.iter().for_each(|bytes| lan.inject(a, "10.2.0.1:5353", "224.0.0.251", bytes));
    }
    assert!(copied > 0);
    assert_eq!(lan.multicast(a), [Multicast::Alone]);
}

#[test]
fn without_a_socket_nothing_happens() {
    let mut lan = Lan::new();
    let a = lan.host_with("a", [1; 32], 1, MdnsSocket::None, &[1]);
    lan.run_ms(10_000);
    assert_eq!(lan.multicast(a), [Multicast::Off]);
    assert!(lan.sent.is_empty());
    assert_eq!(lan.hosts[a].mdns.next_wake(), None);
}

/// RFC 6762 section 5.1.
#[test]
fn from_another_port_one_can_ask_but_not_answer() {
    let mut lan = Lan::new();
    let old = lan.settled("old");
    let begin = lan.now;
    let new = lan.host_with("new", [9; 32], 9, MdnsSocket::OneShot, &[1]);
    lan.run_ms(200);
    assert_eq!(lan.sees(new), ["old"], "answered at once");
    assert_eq!(lan.multicast(new), [Multicast::Off, Multicast::Ok]);
    lan.run(Duration::from_secs(3 * 3600));
    assert_eq!(lan.sees(new), ["old"], "although such answers say ten seconds");
    let asked = lan.queries(new, begin).len();
    assert!(asked < 25, "{asked}: nor are they asked for all the time");
    assert!(lan.sees(old).is_empty());
    assert!(lan.responses(new, begin).is_empty());
    for sent in lan.queries(new, begin) {
        let message = sent.message();
        assert!(message.authority.is_empty() && message.answers.is_empty() && message.id != 0);
    }
    // An answer to somebody else's question.
    let mut forged = response(&stranger("forged", 66, 120)).to_vec();
    forged[1] ^= 1;
    lan.inject(new, "10.1.0.66:5353", "10.1.0.2", &forged);
    assert_eq!(lan.hosts[new].stats.mdns.unasked, 1);
}
