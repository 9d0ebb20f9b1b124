//! When it asks, and what it makes of answers.

use super::*;

const ADA: &str = "ada-4821._p2p-chat._udp.local";
const HOST: &str = "p2pc-0011.local";

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// An answer as `libmdns` and our own engine give it.
fn answer(ttl: u32) -> Vec<(&'static str, u32, RecordKind)> {
    let texts = ["txtvers=1", "id=00112233aabbccdd", "b=0123456789abcdef", "n=Zo\u{eb} \u{1f600}", "n=other"];
    vec![
        (SERVICE, ttl, RecordKind::PTR(ADA.into())),
        (ADA, ttl, RecordKind::SRV { priority: 0, weight: 0, port: 27_182, target: HOST.into() }),
        (ADA, ttl, RecordKind::TXT(texts.map(String::from).into())),
        (HOST, ttl, RecordKind::A(Ipv4Addr::new(10, 0, 0, 2))),
        (HOST, ttl, RecordKind::AAAA("fd00::2".parse().unwrap())),
        ("other.local", ttl, RecordKind::A(Ipv4Addr::new(10, 0, 0, 3))),
    ]
}

fn read(records: &[(&'static str, u32, RecordKind)]) -> Vec<(u32, Report)> {
    reports(&records.iter().map(|(name, ttl, kind)| Said { name, ttl: *ttl, kind }).collect::<Vec<_>>())
}

#[test]
fn an_answer_tells_who_is_where() {
    let expected = Seen {
        instance: Instance::new("ada-4821").unwrap(),
        lasts: 0,
        id: Some([0x00, 0x11, 0x22, 0x33, 0xaa, 0xbb, 0xcc, 0xdd]),
        boot: Some(BootId(0x0123_4567_89ab_cdef)),
        nick: Some(Nick::new("Zo\u{eb} \u{1f600}").unwrap()),
        port: 27_182,
        addresses: vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
    };
    assert_eq!(read(&answer(60)), [(60, Report::Seen(expected))]);
}

#[test]
fn a_pointer_that_lives_no_longer_is_a_goodbye() {
    assert_eq!(read(&answer(0)), [(0, Report::Lost(Instance::new("ada-4821").unwrap()))]);
    assert_eq!(read(&answer(0)[..1]).len(), 1, "it needs nothing else");
}

#[test]
fn whoever_is_not_described_is_left_out() {
    for left_out in [0, 1, 3] {
        let mut records = answer(60);
        records.remove(left_out);
        let expected = usize::from(left_out == 3);
        assert_eq!(read(&records).len(), expected, "without record {left_out}");
    }
    assert!(read(&answer(60)[..3]).is_empty(), "without any address");
    let mut foreign = answer(60);
    foreign[0].2 = RecordKind::PTR("ada-4821._http._tcp.local".into());
    assert!(read(&foreign).is_empty());
    for name in ["._p2p-chat._udp.local", "_p2p-chat._udp.local", ""] {
        foreign[0].2 = RecordKind::PTR(name.into());
        assert!(read(&foreign).is_empty(), "{name}");
    }
}

#[test]
fn one_packet_tells_of_so_many_and_no_more() {
    let many: Vec<_> = (0..1000).map(|_| answer(0).remove(0)).collect();
    assert_eq!(read(&many).len(), INSTANCES_MAX);
}

#[test]
fn it_asks_early_then_ever_more_seldom_and_in_a_crowd_hardly_ever() {
    let first = Duration::from_millis(70);
    let pauses = |others| (0..7).map(|number| pause(number, first, others)).collect::<Vec<_>>();
    let [one, three, nine, later] = QUICK;
    assert_eq!(pauses(1), [first, one, three, nine, later, SLOW, SLOW]);
    assert_eq!(pauses(100)[5..], [seconds(500), seconds(500)]);
    assert_eq!(pauses(u64::MAX)[5..], [SLOWEST, SLOWEST]);
    assert_eq!(pause(5, first, 34), SLOW);
    // No two questions within a second (RFC 6762 section 5.2), and none that was not meant.
    let starts = |number| lifetime(pause(number, first, 1));
    for number in 0..7 {
        assert!(starts(number) < pause(number, first, 1) * 2);
        let gap = starts(number) - pause(number, first, 1) + pause(number + 1, first, 1);
        assert!(gap >= seconds(1), "{number}: {gap:?}");
    }
}

#[test]
fn nobody_is_given_up_before_they_were_asked_twice() {
    for others in [0, 1, 35, 100, 1000] {
        let gap = pause(9, Duration::ZERO, others) + LINGER;
        assert!(silence(others) >= gap * 2, "{others}");
    }
    assert!(silence(1) < seconds(140));
}

#[test]
fn those_who_are_gone_are_not_counted() {
    let at = |number| Instant::ORIGIN + seconds(number);
    let name = |number: usize| Instance::new(&number.to_string()).unwrap();
    let mut crowd = Crowd::default();
    crowd.insert(at(0), name(1), seconds(60));
    crowd.insert(at(0), name(2), seconds(90));
    crowd.insert(at(30), name(1), seconds(60));
    assert_eq!(crowd.size(at(89)), 2);
    crowd.remove(&name(2));
    assert_eq!((crowd.size(at(89)), crowd.size(at(90))), (1, 0));
    (0..COUNTED_MAX + 10).for_each(|number| crowd.insert(at(90), name(number), seconds(60)));
    assert_eq!(crowd.size(at(91)), 4096);
}
