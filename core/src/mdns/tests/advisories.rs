//! The packets that felled others, each from an advisory: dropped, counted by a name, and nothing else happens.

use super::*;
use crate::stats::MdnsStats;

const STRANGER: &str = "10.1.0.200:5353";
const GROUP: &str = "224.0.0.251";

/// What the engine is as far as others could notice.
fn state(lan: &Lan, host: usize) -> String {
    let mdns = &lan.hosts[host].mdns;
    let names = (lan.label(host), lan.host_name(host));
    let known = (mdns.cached(), lan.sightings(host).len(), lan.renamed(host).len());
    format!("{mdns:?} {names:?} {known:?} wakes {:?}", mdns.next_wake())
}

/// Gives these datagrams to an engine that has long settled, and asserts that nothing leaves and nothing changes but
/// what is counted; that.
fn dropped(reason: &str, from: &str, to: &str, datagrams: &[Vec<u8>]) -> MdnsStats {
    let mut lan = Lan::new();
    let a = lan.host("a");
    lan.run_ms(40_000);
    lan.inject_multicast(a, &response(&stranger("b", 50, 4500)));
    assert_eq!(lan.sees(a), ["b"]);
    let (before, sent) = (state(&lan, a), lan.sent.len());
    lan.hosts[a].stats.mdns = MdnsStats::default();
    for bytes in datagrams {
        lan.inject(a, from, to, bytes);
        assert_eq!(state(&lan, a), before, "{reason}");
    }
    lan.run_ms(5_000);
    assert_eq!((state(&lan, a), lan.sent.len()), (before, sent), "{reason}");
    // And it is as alive as before.
    lan.inject_multicast(a, &query(&[(&service_name(), Kind::PTR, false)]));
    lan.run_ms(150);
    assert_eq!(lan.responses(a, lan.now).len() + lan.sent.len(), sent + 1, "{reason}");
    let stats = lan.hosts[a].stats.mdns;
    MdnsStats { queries_in: stats.queries_in - 1, responses_out: stats.responses_out - 1, ..stats }
}

/// A header with these counts, and what is behind it.
fn message(flags: u16, counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
    let words = [0, flags].into_iter().chain(counts);
    words.flat_map(u16::to_be_bytes).chain(body.concat()).collect()
}

/// A record owned by `name`, of these bytes; it says that they are `length`.
fn raw(name: &[u8], kind: u16, length: u16, data: &[u8]) -> Vec<u8> {
    let fixed = [&kind.to_be_bytes()[..], &[0x80, 1, 0, 0, 0, 120], &length.to_be_bytes()].concat();
    [name, &fixed, data].concat()
}

/// Compression loops and chains: CVE-2020-6071 (libmicrodns), trust-dns 2018, libmdns #56, PYSEC-2026-3436
/// (python-zeroconf), mdns-sd #253.
#[test]
fn names_that_lead_in_circles_or_never_end() {
    let chain: Vec<u8> = (0..1_500_u16)
        .flat_map(|n| (0xC000 | if n == 0 { 12 } else { 23 + 2 * (n - 1) }).to_be_bytes())
        .collect();
    let opaque = raw(b"\0", 255, 3_000, &chain);
    let chained = raw(&(0xC000_u16 | (23 + 2 * 1_499)).to_be_bytes(), 1, 4, &[10, 1, 0, 9]);
    let a = raw(b"\xC0\x0C", 1, 4, &[10, 1, 0, 9]);
    let cases = [
        ("a question that is a pointer to itself", message(0, [1, 0, 0, 0], &[b"\xC0\x0C\0\x0C\0\x01"])),
        ("two pointers to each other", message(0, [1, 0, 0, 0], &[b"\xC0\x0E\xC0\x0C\0\x0C\0\x01"])),
        ("a label before the loop", message(0, [1, 0, 0, 0], &[b"\x01a\xC0\x0C\0\x0C\0\x01"])),
        ("an owner that is a pointer to itself", message(0x8400, [0, 1, 0, 0], &[&a])),
        ("a pointer beyond the end", message(0, [1, 0, 0, 0], &[b"\xFF\xFF\0\x0C\0\x01"])),
        ("half a pointer", message(0, [1, 0, 0, 0], &[b"\xC0"])),
        (
            "a target that is a pointer to itself",
            message(0x8400, [0, 1, 0, 0], &[&raw(b"\0", 12, 2, b"\xC0\x17")]),
        ),
        ("1500 pointers in a row", message(0x8400, [0, 2, 0, 0], &[&opaque, &chained])),
        ("a label of a reserved kind", message(0, [1, 0, 0, 0], &[b"\x80a\0\0\x0C\0\x01"])),
        ("a name of 300 bytes", message(0, [1, 0, 0, 0], &[&[&[63; 64][..]; 5].concat(), b"\0\0\x0C\0\x01"])),
    ];
    for (reason, bytes) in cases {
        assert_eq!(dropped(reason, STRANGER, GROUP, &[bytes]).bad_records, 1, "{reason}");
    }
}

/// Counts and lengths that are not there: CVE-2020-24340 (picoTCP), CVE-2026-48487 (python-zeroconf), CVE-2015-7987
/// (mDNSResponder); data that are empty: CVE-2023-38472 (Avahi).
#[test]
fn counts_and_lengths_beyond_the_data() {
    let mut cases = vec![
        ("counts without anything", message(0x8400, [0xFFFF; 4], &[]), 1),
        ("a question that is not there", message(0, [1, 0, 0, 0], &[]), 1),
        ("more questions than bytes", message(0, [500, 0, 0, 0], &[&[0; 40]]), 1),
        ("data longer than the packet", message(0x8400, [0, 1, 0, 0], &[&raw(b"\0", 1, 400, &[10; 4])]), 1),
        ("a header of a record cut off", message(0x8400, [0, 1, 0, 0], &[&raw(b"\0", 1, 4, &[])[..7]]), 1),
        (
            "a string longer than its record",
            message(0x8400, [0, 1, 0, 0], &[&raw(b"\0", 16, 2, b"\x09x")]),
            1,
        ),
        ("an address of five bytes", message(0x8400, [0, 1, 0, 0], &[&raw(b"\0", 1, 5, &[10; 5])]), 1),
        ("data that end in their name", message(0x8400, [0, 1, 0, 0], &[&raw(b"\0", 12, 3, b"\x05ab")]), 1),
        ("a name and more behind it", message(0x8400, [0, 1, 0, 0], &[&raw(b"\0", 12, 4, b"\x01a\0x")]), 1),
    ];
    cases.extend(
        [1, 28, 12, 33, 47].map(|kind| {
            ("no data at all", message(0x8400, [0, 1, 0, 0], &[&raw(b"\x01a\0", kind, 0, &[])]), 1)
        }),
    );
    for (reason, bytes, bad) in cases {
        assert_eq!(dropped(reason, STRANGER, GROUP, &[bytes]).bad_records, bad, "{reason}");
    }
    for bytes in [vec![], vec![0; 11], message(0x2800, [0; 4], &[]), message(0x8403, [0; 4], &[])] {
        assert_eq!(dropped("no message", STRANGER, GROUP, &[bytes]).malformed, 1);
    }
}

/// CVE-2025-68468, CVE-2025-68471 (Avahi: announced CNAMEs), CVE-2026-24401 (one that leads to itself): they are
/// followed nowhere, whosever name they stand on.
#[test]
fn aliases_are_nobodys() {
    let names = {
        let mut lan = Lan::new();
        let a = lan.settled("a");
        let b = service_name().child(b"b").unwrap();
        [service_name(), lan.instance(a), lan.host_name(a), b, Name::new([&b"host50"[..], b"local"]).unwrap()]
    };
    let wire = |name: &Name| -> Vec<u8> {
        let labels = name.labels().flat_map(|label| [&[label.len() as u8][..], label].concat());
        labels.chain([0]).collect()
    };
    for from in &names {
        for to in &names {
            let alias = Data::Other { kind: Kind(5), bytes: wire(to).into() };
            let bytes = response(&[record(from, 120, true, alias)]);
            let stats = dropped("an alias", STRANGER, GROUP, &[bytes.to_vec(), bytes.to_vec()]);
            assert_eq!((stats.foreign, stats.conflicts), (2, 0), "{from:?} {to:?}");
        }
    }
}

/// Item 59.
/// Oversize text: CVE-2023-38469 (Avahi).
#[test]
fn texts_larger_than_any_honest_one_are_not_kept() {
    let b = service_name().child(b"b").unwrap();
    let string = [&[250][..], &[b'x'; 250]].concat();
    let text = Data::Txt(string.repeat(30).into());
    let mut writer = Writer::new(0, Flags::RESPONSE, 8_972);
    assert!(writer.record(Section::Answer, &record(&b, 4500, false, text)));
    let stats = dropped("7,530 bytes of text", STRANGER, GROUP, &[writer.finish().to_vec()]);
    assert_eq!((stats.texts_too_large, stats.foreign), (1, 0));
}

/// Item 60 (RFC 6763 sections 4.1, 7.2).
/// CVE-2023-38470 and -38473 (Avahi: labels that are empty, or no text): a label is bytes, and a text of none is read as
/// an empty one (RFC 6763 section 6.1).
#[test]
fn strange_labels_and_empty_texts_are_just_that() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let labels = [&[0xFF; 63][..], b"a.b\\c", b"\0\n\x1B[2J", "\u{202E}\u{200B}".as_bytes(), b" ", b"\xC3"];
    for (last, label) in (50..).zip(labels) {
        let instance = service_name().child(label).unwrap();
        let mut records = stranger("x", last, 4500);
        records[0].data = Data::Ptr(instance.clone());
        records.iter_mut().skip(1).take(2).for_each(|record| record.name = instance.clone());
        records[2].data = Data::Txt(Bytes::new());
        lan.inject_multicast(a, &response(&records));
        let (_, seen) = *lan.sightings(a).last().unwrap();
        assert_eq!((seen.id, seen.boot, seen.nick.as_ref()), (None, None, None));
        assert_eq!(addresses(seen), [format!("10.1.0.{last}:4000")]);
    }
    assert_eq!(lan.sightings(a).len(), labels.len());
    assert_eq!(lan.hosts[a].stats.mdns.bad_records, 0);
    // As it can stand on the wire, of no bytes at all.
    let empty = message(0x8400, [0, 1, 0, 0], &[&raw(b"\x01a\0", 16, 0, &[])]);
    assert_eq!(Message::read(&empty).map(|message| (message.answers.len(), message.bad)), Some((1, 0)));
}

/// State without end: CVE-2026-47180, -47183, -47184, -48045 (python-zeroconf), CVE-2020-6079 (libmicrodns).
#[test]
fn whoever_makes_up_names_and_questions_finds_an_end_of_memory() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    lan.run_ms(40_000);
    lan.hosts[a].mdns.cache_max = 400;
    let (begin, instance) = (lan.now, lan.instance(a));
    for n in 0..2_000_u32 {
        let from = format!("10.1.0.{}:{}", 2 + n % 250, if n % 2 == 0 { 5353 } else { 1024 + n % 60_000 });
        let (label, host) = (format!("{n}"), format!("h{n}"));
        lan.inject(a, STRANGER, GROUP, &response(&stranger_on(&host, &label, 66, 4500)));
        let known = record(&service_name(), 4500, false, Data::Ptr(lan.instance(a)));
        lan.inject(a, &from, GROUP, &query_with(0, Flags::TRUNCATED, &[], &[known]));
        lan.inject(a, &from, GROUP, &query_with(1, Flags::TRUNCATED, &[(&instance, Kind::SRV, true)], &[]));
        lan.run_ms(1);
    }
    assert_eq!(lan.hosts[a].mdns.cached(), 100);
    let stats = lan.hosts[a].stats.mdns;
    assert!(stats.cache_full > 5_000 && stats.known_dropped > 500, "{stats:?}");
    assert!(stats.answers_dropped > 500, "{stats:?}");
    assert!(lan.responses(a, begin).len() < 250, "{}", lan.responses(a, begin).len());
    // One message with a thousand questions.
    let nobody = service_name().child(b"x").unwrap();
    let asks = vec![(&nobody, Kind::ANY, false); 60];
    lan.inject_multicast(a, &query(&asks));
    assert_eq!(lan.hosts[a].stats.mdns.questions_dropped, 60 - 32);
}

/// Item 57 (RFC 6762 sections 6, 11).
/// From beyond the link: VU#550620, CVE-2017-6519 (Avahi).
#[test]
fn nobody_beyond_the_link_is_answered_or_believed() {
    let ask = query_with(9, Flags(0x0100), &[(&service_name(), Kind::PTR, false)], &[]).to_vec();
    let says = response(&stranger("c", 51, 4500)).to_vec();
    for from in
        ["8.8.8.8:53", "8.8.8.8:5353", "127.0.0.1:5353", "10.2.0.9:5353", "0.0.0.0:5353", "10.1.0.255:5353"]
    {
        let stats = dropped(from, from, "10.1.0.1", &[ask.clone(), says.clone()]);
        assert_eq!(stats.off_link, 2, "{from}");
    }
    // By multicast it cannot come from afar, but its answer would go there.
    for from in ["8.8.8.8:53", "10.1.0.255:9", "224.0.0.251:1024", "255.255.255.255:7"] {
        assert_eq!(dropped(from, from, GROUP, core::slice::from_ref(&ask)).answers_dropped, 1, "{from}");
    }
}

/// Storms of reflected unicast: CVE-2009-0758 (Avahi).
#[test]
fn what_seems_to_come_from_ourselves_goes_round_in_no_circle() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    let ask = query_with(7, Flags::QUERY, &[(&service_name(), Kind::PTR, false)], &[]);
    for port in [5353, 40_000] {
        for to in [GROUP, "10.1.0.1"] {
            for _ in 0..500 {
                lan.inject(a, &format!("10.1.0.1:{port}"), to, &ask);
                lan.run_ms(2);
            }
        }
    }
    lan.run_ms(5_000);
    let sent = lan.responses(a, begin).len();
    assert!(sent <= 40, "{sent} answers to two thousand questions in four seconds");
    let stats = lan.hosts[a].stats.mdns;
    assert!(stats.answers_dropped > 900 && stats.unasked > 5, "{stats:?}");
    // Answers nobody asked for, as a reflector sends them back.
    let says = response(&stranger("c", 51, 4500)).to_vec();
    for from in ["10.1.0.1:5353", "10.1.0.200:5353"] {
        assert_eq!(dropped(from, from, "10.1.0.1", &vec![says.clone(); 50]).unasked, 50);
    }
}
