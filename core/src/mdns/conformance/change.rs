//! BCT II.16: the person takes another name, and other changes of what is announced.

use super::*;

/// Items 40, 45 (RFC 6762 sections 8.4, 10.1). BCT II.16: the pointer goes with a TTL of zero, then probe, then tell.
#[test]
fn a_name_changed_by_hand_is_taken_back_and_the_new_one_probed_for_and_announced() {
    let mut bench = Bench::settled(1);
    let (old, begin) = (bench.instance(), bench.now);
    bench.announce("Zoe", 27182);
    let new = bench.instance();
    bench.run(5 * SECOND);
    let sent = bench.since(begin, |packet| packet.is_response() || packet.is_probe());
    let goodbye = sent[0].message();
    assert_eq!((sent[0].at, sent[0].is_multicast()), (begin, true));
    assert_eq!(kinds(&goodbye.answers), [Kind::PTR, Kind::SRV, Kind::TXT]);
    assert!(goodbye.answers.iter().all(|record| record.ttl == 0));
    assert!(goodbye.answers[0].name == service_name() && goodbye.answers[0].data == Data::Ptr(old.clone()));
    let order: Vec<bool> = sent[1..].iter().map(|packet| packet.is_probe()).collect();
    assert_eq!(order, [true, true, true, false, false]);
    for packet in &sent[1..] {
        let message = packet.message();
        let records = message.answers.iter().chain(&message.authority);
        assert!(records.clone().any(|record| record.name == new));
        assert!(!records.clone().any(|record| record.name == old));
    }
    // Nobody answers for the old one any more.
    let begin = bench.now;
    bench.hear(&query(&[(&old, Kind::SRV)], &[]));
    bench.run(2 * SECOND);
    assert!(bench.responses(begin).is_empty());
}

/// Item 40 (RFC 6762 section 8.4).
#[test]
fn changed_data_are_announced_without_probes() {
    let mut bench = Bench::settled(1);
    let (instance, begin) = (bench.instance(), bench.now);
    bench.announce("Ana", 4000);
    bench.run(5 * SECOND);
    assert!(bench.probes(begin).is_empty());
    let told = bench.responses(begin);
    assert_eq!(told.len(), 2);
    for packet in told {
        let message = packet.message();
        let srv = message.answers.iter().find(|record| record.data.kind() == Kind::SRV).unwrap();
        assert!(srv.name == instance && srv.flush && matches!(srv.data, Data::Srv { port: 4000, .. }));
    }
}

/// Item 40 (RFC 6762 section 8.4): not more than ten updates a minute, and the last one is told.
#[test]
fn addresses_that_come_and_go_are_told_ten_times_a_minute() {
    let mut bench = Bench::settled(1);
    let begin = bench.now;
    for n in 0..550_u32 {
        let last = if n % 2 == 0 { 77 } else { 78 };
        bench.interfaces[0].addresses[0].address = [10, 1, 0, last].into();
        bench.plug();
        bench.run(100 * MS);
    }
    let told: Vec<_> = bench.responses(begin).iter().map(|packet| packet.message().answers.len()).collect();
    let updates = told.iter().filter(|answers| **answers == 4).count();
    assert!((10..=20).contains(&updates), "{updates}: ten, each said twice at most");
    assert!(told.len() - updates <= 10, "nor more goodbyes");
    // What has changed meanwhile is answered, and announced when its time has come.
    let now_at: Data = Data::A([10, 1, 0, 78].into());
    let (host, begin) = (bench.host(), bench.now);
    bench.hear(&query(&[(&host, Kind::A)], &[]));
    let answer = bench.run_until(Packet::is_response);
    assert_eq!(answer.message().answers[0].data, now_at);
    bench.run(70 * SECOND);
    let told = bench.since(begin, |packet| packet.is_response() && packet.message().answers.len() == 4);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|packet| packet.message().answers[3].data == now_at));
}

/// Item 45 (RFC 6762 section 10.1).
#[test]
fn the_goodbye_takes_every_record_back_and_is_the_last_word() {
    let mut bench = Bench::settled(1);
    let begin = bench.now;
    bench.act(|mdns, now, _, out| mdns.withdraw(now, out));
    let goodbye = bench.responses(begin)[0].clone();
    let message = goodbye.message();
    assert_eq!(kinds(&message.answers), [Kind::PTR, Kind::SRV, Kind::TXT, Kind::A]);
    assert!(goodbye.is_multicast() && message.answers.iter().all(|record| record.ttl == 0));
    bench.hear(&query(&[(&service_name(), Kind::PTR)], &[]));
    bench.run(60 * SECOND);
    assert_eq!(bench.since(begin, |_| true).len(), 1);
}
