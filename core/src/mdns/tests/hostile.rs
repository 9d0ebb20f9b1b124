//! Packets of nobody's making.

use quickcheck::quickcheck;

use super::*;

quickcheck! {
    fn any_bytes_leave_the_engine_alive(packets: Vec<(Vec<u8>, bool)>) -> bool {
        let mut lan = Lan::new();
        let a = lan.host("a");
        for (bytes, is_multicast) in packets {
            let to = if is_multicast { "224.0.0.251" } else { "10.1.0.1" };
            lan.inject(a, "10.1.0.200:5353", to, &bytes);
            lan.run_ms(37);
        }
        is_sound(&mut lan, a)
    }

    fn damaged_packets_leave_the_engine_alive(damage: Vec<(u8, u16, u8)>) -> bool {
        let packets = conversation();
        let mut lan = Lan::new();
        let (a, _) = (lan.host("a"), lan.host("b"));
        lan.run_ms(1_300);
        for (packet, at, byte) in damage {
            let mut bytes = packets[usize::from(packet) % packets.len()].to_vec();
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
            bytes[2] &= 0x86;
            lan.inject_multicast(a, &bytes);
            lan.inject(a, "10.1.0.9:777", "224.0.0.251", &bytes);
            lan.run_ms(91);
        }
        is_sound(&mut lan, a)
    }
}

/// Every packet of two hosts that find each other, of questions and of a goodbye.
fn conversation() -> Vec<Bytes> {
    let mut lan = Lan::new();
    lan.dual = true;
    let (a, b) = (lan.host("a"), lan.host("b"));
    lan.run_ms(5_000);
    let (instance, host) = (lan.instance(a), lan.host_name(a));
    lan.inject_multicast(a, &query(&[(&instance, Kind::A, true), (&host, Kind::ANY, false)]));
    lan.run_ms(5_000);
    lan.withdraw(b);
    let mut packets: Vec<_> = lan.sent.iter().map(|sent| sent.transmit.bytes.clone()).collect();
    packets.push(response(&stranger("somebody", 50, 4500)));
    packets
}

/// The engine is quiet after a while, its names are its own, and a newcomer still finds it.
fn is_sound(lan: &mut Lan, host: usize) -> bool {
    lan.run_ms(20_000);
    let (sent, wakes) = (lan.sent.len(), lan.hosts[host].wakes);
    lan.run_ms(10_000);
    let calm = lan.sent.len() - sent < 20 && lan.hosts[host].wakes - wakes < 20;
    let new = lan.host("new");
    lan.run_ms(3_000);
    calm && lan.sees(new).contains(&"a".into())
}

/// Items 1, 2 (RFC 6762 sections 18.1, 18.2 to 18.11).
#[test]
fn packets_that_are_no_messages_are_counted() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let ask = query(&[(&service_name(), Kind::PTR, false)]);
    let begin = lan.now;
    lan.inject_multicast(a, &ask[..11]);
    // An operation and a response code that are not zero (RFC 6762 sections 18.3 and 18.11).
    for (at, byte) in [(2, 0x28), (3, 0x03)] {
        let mut bytes = ask.to_vec();
        bytes[at] = byte;
        lan.inject_multicast(a, &bytes);
    }
    assert_eq!(lan.hosts[a].stats.mdns.malformed, 3);
    lan.run_ms(1_000);
    assert!(lan.responses(a, begin).is_empty());
    // The other bits are ignored.
    let mut bytes = ask.to_vec();
    (bytes[0], bytes[2], bytes[3]) = (9, 0x05, 0xF0);
    lan.inject_multicast(a, &bytes);
    lan.run_ms(200);
    assert_eq!(lan.responses(a, begin).len(), 1);
}

/// The datagram that ends every process with libmdns in it.
#[test]
fn a_pointer_to_itself_is_one_bad_question() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    lan.inject_multicast(a, &[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 0x0C, 0, 12, 0, 1]);
    assert_eq!(lan.hosts[a].stats.mdns.bad_records, 1);
}

#[test]
fn a_storm_of_questions_costs_one_multicast_a_second() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let (begin, instance) = (lan.now, lan.instance(a));
    let asks: Vec<_> = [Kind::SRV, Kind::TXT, Kind::A, Kind::ANY]
        .iter()
        .map(|kind| query(&[(&instance, *kind, false)]))
        .collect();
    for n in 0..10_000 {
        lan.inject_multicast(a, &asks[n % 4]);
        lan.run_ms(1);
    }
    let count = lan.responses(a, begin).len();
    assert!(count <= 40, "{count} in ten seconds");
    // The same by unicast answers.
    let begin = lan.now;
    let ask = query(&[(&instance, Kind::SRV, true)]);
    for _ in 0..10_000 {
        lan.inject(a, "10.1.0.200:5353", "10.1.0.1", &ask);
        lan.run_ms(1);
    }
    assert!(lan.responses(a, begin).len() <= 60);
}

#[test]
fn a_storm_of_instances_costs_few_questions() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let begin = lan.now;
    for n in 0..5_000 {
        lan.inject_multicast(a, &response(&stranger(&format!("{n}"), 50, 4500)[..1]));
    }
    lan.run_ms(20_000);
    let asked = lan.queries(a, begin).len();
    assert!(asked <= 64 * 4 + 2 * 32, "{asked}");
}

#[test]
fn a_storm_of_probes_is_told_in_part() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    for n in 2..200 {
        let mut writer = Writer::new(0, Flags::QUERY, 1472);
        for record in &stranger(&format!("{n}"), n, 120)[1..] {
            writer.record(Section::Authority, record);
        }
        lan.inject_multicast(a, &writer.finish());
    }
    assert_eq!(lan.sightings(a).len(), 64);
    lan.run_ms(6_000);
    assert_eq!(lan.sees(a), Vec::<String>::new());
}

#[test]
fn unknown_interfaces_and_none_at_all() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let bytes = response(&stranger("b", 50, 4500));
    let (from, to) = ("10.1.0.50:5353".parse().unwrap(), "224.0.0.251".parse().unwrap());
    for interface in [9, 0] {
        let datagram = Datagram { via: crate::Via::Mdns, interface, from, to, bytes: &bytes };
        lan.act(a, |mdns, now, stats, out| mdns.on_datagram(now, &datagram, stats, out));
        // When the system does not say, the sender's address does.
        assert_eq!(lan.sightings(a).len(), usize::from(interface == 0));
    }
    assert_eq!(lan.hosts[a].stats.mdns.off_link, 1);
}
