//! The bytes of messages: what of them matters, and how many there are (RFC 6762 sections 17 and 18).

use super::*;

/// Items 3, 4 (RFC 6762 sections 6, 18.5).
#[test]
fn questions_in_a_response_and_its_truncation_mean_nothing() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    let mut writer = Writer::new(0, Flags(Flags::RESPONSE.0 | Flags::TRUNCATED.0), 1472);
    assert!(writer.question(&service_name(), Kind::PTR, false));
    stranger("b", 50, 4500).iter().for_each(|record| assert!(writer.record(Section::Answer, record)));
    lan.inject_multicast(a, &writer.finish());
    assert_eq!(lan.sees(a), ["b"], "at once");
    lan.run_ms(1_000);
    assert!(lan.responses(a, begin).is_empty(), "nobody has asked");
}

/// Items 1, 2, 3, 4 (RFC 6762 sections 18.1, 18.2 to 18.11, 6, 18.5).
#[test]
fn all_that_is_multicast_has_the_id_zero_and_plain_flags() {
    let mut lan = Lan::new();
    lan.dual = true;
    let (a, b) = (lan.host("a"), lan.host("b"));
    lan.run(Duration::from_secs(4_000));
    lan.announce(a, "other", [1; 32], 1);
    lan.run_ms(5_000);
    lan.withdraw(b);
    assert!(lan.sent.len() > 40);
    for sent in lan.sent.iter().filter(|sent| sent.is_multicast()) {
        let message = sent.message();
        let flags = if message.flags.is_response() { Flags::RESPONSE } else { Flags::QUERY };
        assert_eq!((message.id, message.flags), (0, flags));
        assert!(!message.flags.is_response() || message.questions.is_empty());
    }
}

/// Item 5 (RFC 6762 section 18.14).
#[test]
fn names_are_compressed_where_all_can_read_it_and_nowhere_else() {
    let host = Name::new([&b"host"[..], b"local"]).unwrap();
    let spelled = b"\x04host\x05local\0";
    let count = |data: Data| {
        let mut writer = Writer::new(0, Flags::RESPONSE, 1472);
        assert!(writer.record(Section::Answer, &record(&host, 120, true, data)));
        let bytes = writer.finish();
        assert_eq!(Message::read(&bytes).map(|message| message.bad), Some(0));
        bytes.windows(spelled.len()).filter(|window| window == spelled).count()
    };
    let types = crate::dns::TypeSet::new([Kind::A]);
    assert_eq!(count(Data::Ptr(host.clone())), 1, "the owner alone");
    assert_eq!(count(Data::Srv { priority: 0, weight: 0, port: 1, target: host.clone() }), 1);
    assert_eq!(count(Data::Nsec { next: host.clone(), types }), 1);
    // A mail exchanger, of which we know nothing but the bytes, and a type that does not exist.
    for kind in [15, 65_280] {
        let bytes = [&b"\0\x0A"[..], spelled].concat().into();
        assert_eq!(count(Data::Other { kind: Kind(kind), bytes }), 2);
    }
}

/// Item 6 (RFC 6762 section 17): 28 bytes of headers with IPv4, 48 with IPv6; never more than Ethernet carries.
#[test]
fn no_packet_is_larger_than_its_link_carries() {
    for (mtu, carried) in
        [(1280, 1280), (1400, 1400), (1500, 1500), (9000, 1500), (65_536, 1500), (576, 1280)]
    {
        let mut lan = Lan::new();
        lan.dual = true;
        let a = lan.host("a");
        lan.hosts[a].interfaces[0].mtu = mtu;
        lan.plug(a);
        for n in 2..=201 {
            let peer = response(&stranger(&format!("somebody-{n:04}"), n, 4500));
            lan.inject(a, &format!("10.1.0.{n}:5353"), "224.0.0.251", &peer);
            lan.inject(a, &format!("[fe80::1:{n}]:5353"), "ff02::fb", &peer);
        }
        lan.run_ms(1_000);
        let largest = |is_v4: bool| {
            let sent = lan.queries(a, Instant::ORIGIN).into_iter();
            sent.filter(|sent| sent.transmit.to.is_ipv4() == is_v4)
                .map(|sent| sent.transmit.bytes.len())
                .max()
        };
        for (is_v4, headers) in [(true, 28), (false, 48)] {
            let largest = largest(is_v4).unwrap() + headers;
            assert!((carried - 60..=carried).contains(&largest), "{largest} of {carried}, IPv4: {is_v4}");
        }
    }
}

/// Item 6 (RFC 6762 section 17).
#[test]
fn a_message_of_9000_bytes_is_read_to_its_end() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let mut writer = Writer::new(0, Flags::RESPONSE, 8_972);
    let mut filling = 0;
    let others = Name::new([&b"_other"[..], b"_tcp", b"local"]).unwrap();
    while filling < 110 {
        let other = others.child(format!("{filling:060}").as_bytes()).unwrap();
        assert!(writer.record(Section::Answer, &record(&others, 4500, false, Data::Ptr(other))));
        filling += 1;
    }
    stranger("b", 50, 4500).iter().for_each(|record| assert!(writer.record(Section::Additional, record)));
    let bytes = writer.finish();
    assert!(bytes.len() > 8_000);
    lan.inject_multicast(a, &bytes);
    assert_eq!(lan.sees(a), ["b"]);
    assert_eq!(lan.hosts[a].stats.mdns.foreign, 110);
}

/// Item 7 (RFC 6762 section 6.1): what no reader of ours knows, and what nobody can read.
#[test]
fn what_cannot_be_read_hides_nobody() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let host = Name::new([&b"host50"[..], b"local"]).unwrap();
    let other = |kind, bytes| record(&host, 120, true, Data::Other { kind: Kind(kind), bytes });
    let mut records = vec![
        // An NSEC record whose map says that it is longer than it is, and one that ends in its name.
        other(47, Bytes::from_static(b"\x01x\0\0\x20\x40")),
        other(47, Bytes::from_static(b"\xC0")),
        // HTTPS (RFC 9460), HINFO, OPT.
        other(65, Bytes::from_static(b"\0\x01\0")),
        other(13, Bytes::from_static(b"\x03ARM\x05Linux")),
        other(41, Bytes::new()),
    ];
    records.extend(stranger("b", 50, 4500));
    lan.inject_multicast(a, &response(&records));
    assert_eq!(lan.sees(a), ["b"]);
    let stats = &lan.hosts[a].stats.mdns;
    assert_eq!((stats.bad_records, stats.foreign), (2, 3));
}

/// Item 61 (RFC 6763 section 6.4).
#[test]
fn what_a_later_version_says_besides_is_passed_over() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let mut records = stranger("b", 50, 4500);
    let text = b"\x03new\x09txtvers=9\x04N=b2\x03n=x\x05=odd=\x13id=0000000000000032\0";
    records[2].data = Data::Txt(Bytes::from_static(text));
    lan.inject_multicast(a, &response(&records));
    let (_, seen) = lan.sightings(a)[0];
    assert_eq!(seen.nick.as_ref().map(Nick::as_str), Some("b2"), "the first of its key, in any case");
    assert_eq!((seen.id, seen.boot), (Some([0, 0, 0, 0, 0, 0, 0, 0x32]), None));
}
