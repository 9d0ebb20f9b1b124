//! Two want the same name (RFC 6762 sections 8.1, 8.2 and 9).

use super::*;

const KEY: [u8; 32] = [5; 32];

/// A copied profile: the same key and nick, another boot.
fn twin(lan: &mut Lan, boot: u64) -> usize {
    lan.host_with("ana", KEY, boot, MdnsSocket::Shared, &[1])
}

/// Item 33 (RFC 6762 section 8.1).
#[test]
fn the_second_of_a_name_takes_another() {
    let mut lan = Lan::new();
    let first = twin(&mut lan, 1);
    lan.run_ms(5_000);
    let base = lan.label(first);
    let second = twin(&mut lan, 2);
    lan.run_ms(5_000);
    assert_eq!(lan.label(first), base);
    assert_eq!(lan.label(second), format!("{base} (2)"));
    assert_eq!(lan.renamed(second), [format!("{base} (2)")]);
    assert!(lan.renamed(first).is_empty());
    assert_ne!(lan.host_name(first), lan.host_name(second), "two boots of one key have two host names");
    let boots = |host| lan.sightings(host).last().unwrap().1.boot;
    assert_eq!((boots(first), boots(second)), (Some(BootId(2)), Some(BootId(1))));
    let third = twin(&mut lan, 3);
    lan.run_ms(5_000);
    assert_eq!(lan.label(third), format!("{base} (3)"));
    assert!(lan.hosts[third].stats.mdns.conflicts >= 2);
}

/// Item 34 (RFC 6762 section 8.2).
/// Whoever loses the tie waits a second and finds the name taken.
#[test]
fn of_two_that_start_together_one_gives_way() {
    for boot in 0..20 {
        let mut lan = Lan::new();
        let (one, other) = (twin(&mut lan, 100 + boot), twin(&mut lan, 200 + boot));
        lan.run_ms(8_000);
        let labels = [lan.label(one), lan.label(other)];
        let renamed = labels.iter().filter(|label| label.ends_with(" (2)")).count();
        assert_eq!(renamed, 1, "{labels:?}");
        assert_eq!(lan.sees(one), ["ana"]);
        assert_eq!(lan.sees(other), ["ana"]);
    }
}

/// Item 34 (RFC 6762 section 8.2).
/// By type first, then by data; more wins over less, and nobody changes its name for that.
#[test]
fn ties_are_decided_by_the_data() {
    let text = |lan: &Lan| {
        let machine = &lan.hosts[0].mdns;
        let site = &machine.links.values().next().unwrap().site;
        machine.ours.as_ref().unwrap().record(Own::Txt, site).data
    };
    let address = || Data::A([255, 255, 255, 255].into());
    for (n, loses) in [false, true, false, true, false, false].into_iter().enumerate() {
        let mut lan = Lan::new();
        let a = lan.host("a");
        let begin = lan.now;
        while probes(&lan, a, begin).is_empty() {
            lan.run_ms(10);
        }
        let (instance, sent) = (lan.instance(a), lan.now);
        let text = text(&lan);
        let theirs = match n {
            0 => vec![address()],
            1 => vec![srv(0, 0)],
            2 => vec![srv(0, 1), text],
            3 => vec![srv(0, 65_535), text],
            4 => vec![srv(0, 65_535), text, address()],
            _ => vec![text.clone(), text, srv(0, 0)],
        };
        lan.inject_multicast(a, &rival(&instance, &theirs));
        lan.run_ms(3_000);
        let probes = probes(&lan, a, begin);
        if loses {
            assert_eq!(probes.len(), 4, "begins again in case {n}");
            assert_eq!((probes[1] - sent).as_millis(), 1000);
        } else {
            assert_eq!(probes.len(), 3, "case {n}");
        }
        assert_eq!(lan.instance(a), instance, "the other may be gone by then");
    }
}

/// Items 28, 43 (RFC 6762 sections 6.6, 14).
/// A probe that says the same is our own echo, or a twin that cannot be told from us.
#[test]
fn equal_data_is_no_conflict() {
    let mut lan = Lan::new();
    lan.dual = true;
    lan.bridged = true;
    // One machine, two interfaces on one bridge: everything comes back on the other, with other addresses in it.
    let a = lan.host_with("a", [1; 32], 1, MdnsSocket::Exclusive, &[1, 2]);
    let begin = lan.now;
    lan.run(Duration::from_secs(600));
    let probes =
        lan.queries(a, begin).into_iter().filter(|sent| !sent.message().authority.is_empty()).count();
    assert_eq!(probes, 3 * 4, "on four links");
    assert_eq!(lan.hosts[a].stats.mdns.conflicts, 0);
    assert!(lan.renamed(a).is_empty() && lan.sightings(a).is_empty());
    let b = lan.host("b");
    lan.run_ms(3_000);
    assert_eq!((lan.sees(a), lan.sees(b)), (vec!["b".into()], vec!["a".into()]));
}

/// Item 43 (RFC 6762 section 14).
#[test]
fn a_reflector_that_changes_the_bytes_is_no_rival() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    // Every packet comes back once more, written anew, from another address and later.
    for _ in 0..400 {
        let from = lan.sent.len();
        lan.run_ms(10);
        let echoes: Vec<_> = lan.sent[from..].iter().map(|sent| reflected(&sent.message())).collect();
        echoes.iter().for_each(|bytes| lan.inject_multicast(a, bytes));
    }
    assert_eq!(lan.hosts[a].stats.mdns.conflicts, 0);
    assert!(lan.renamed(a).is_empty() && lan.sightings(a).is_empty());
    assert!(lan.sent.len() < 12, "{}", lan.sent.len());
}

/// Item 32 (RFC 6762 section 8.1).
#[test]
fn what_came_before_the_first_probe_is_no_conflict() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    let instance = lan.instance(a);
    let taken = response(&[record(&instance, 120, true, Data::Txt(Bytes::from_static(b"\x01x")))]);
    lan.inject_multicast(a, &taken);
    assert_eq!(lan.instance(a), instance);
    lan.run_ms(300);
    lan.inject_multicast(a, &taken);
    assert_ne!(lan.instance(a), instance);
}

/// Item 31 (RFC 6762 section 8.1).
#[test]
fn another_host_name_does_not_hurry_the_probes_for_the_instance() {
    for boot in 0..20 {
        let mut lan = Lan::new();
        let a = twin(&mut lan, boot);
        lan.run_ms(300);
        let host = lan.host_name(a);
        let taken = record(&host, 120, true, Data::A([10, 9, 9, 9].into()));
        lan.inject_multicast(a, &response(&[taken]));
        assert_ne!(lan.host_name(a), host);
        lan.run_ms(2_000);
        let queries = lan.queries(a, Instant::default()).into_iter();
        let probes: Vec<_> =
            queries.filter(|sent| !sent.message().authority.is_empty()).map(|sent| sent.at).collect();
        assert!(probes.len() > 3, "{probes:?}");
        let apart = Duration::from_millis(250);
        assert!(probes.windows(2).all(|pair| pair[1] - pair[0] >= apart), "boot {boot}: {probes:?}");
    }
}

/// Item 38 (RFC 6762 section 9).
#[test]
fn a_later_conflict_asks_again_before_it_renames() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let (instance, begin) = (lan.instance(a), lan.now);
    let taken = |name: &Name| response(&[record(name, 120, true, Data::Txt(Bytes::from_static(b"\x01x")))]);
    lan.inject_multicast(a, &taken(&instance));
    lan.run_ms(5_000);
    assert_eq!(lan.instance(a), instance, "nobody answers the probes");
    let probes =
        lan.queries(a, begin).into_iter().filter(|sent| !sent.message().authority.is_empty()).count();
    assert_eq!((probes, lan.responses(a, begin).len()), (3, 2));
    // A record of another type, or a goodbye, contradicts nothing.
    let other = record(&instance, 120, true, Data::A([1, 2, 3, 4].into()));
    let gone = record(&instance, 0, true, Data::Txt(Bytes::from_static(b"\x01y")));
    lan.inject_multicast(a, &response(&[other, gone]));
    assert_eq!(lan.hosts[a].stats.mdns.conflicts, 1);
    // And somebody who insists gets it.
    lan.inject_multicast(a, &taken(&instance));
    lan.run_ms(400);
    lan.inject_multicast(a, &taken(&instance));
    lan.run_ms(3_000);
    assert_eq!(lan.renamed(a).len(), 1);
}

/// Items 18, 22 (RFC 6762 sections 6, 5.4).
#[test]
fn a_probe_for_our_name_is_answered_at_once() {
    let mut lan = Lan::new();
    let a = lan.settled("a");
    let (instance, begin) = (lan.instance(a), lan.now);
    lan.inject_multicast(a, &rival(&instance, &[srv(0, 1)]));
    let answers = lan.responses(a, begin);
    assert!(answers.iter().any(|sent| sent.is_multicast() && sent.has_answer(&instance, Kind::SRV)));
    // Again after a quarter of a second, although the second of other answers has not passed.
    lan.run_ms(250);
    let begin = lan.now;
    lan.inject_multicast(a, &rival(&instance, &[srv(0, 1)]));
    assert_eq!(lan.responses(a, begin).len(), 1);
    // Asked for unicast, it gets that in any case, and all hear it from time to time.
    lan.run_ms(40_000);
    let begin = lan.now;
    let mut writer = Writer::new(0, Flags::QUERY, 1472);
    writer.question(&instance, Kind::ANY, true);
    writer.record(Section::Authority, &record(&instance, 120, false, srv(0, 1)));
    lan.inject_multicast(a, &writer.finish());
    let answers = lan.responses(a, begin);
    assert!(answers.iter().any(|sent| !sent.is_multicast() && sent.has_answer(&instance, Kind::SRV)));
    assert!(answers.iter().any(|sent| sent.is_multicast() && sent.has_answer(&instance, Kind::SRV)));
    assert_eq!(lan.instance(a), instance);
}

/// Item 35 (RFC 6762 section 8.1): fifteen in ten seconds.
#[test]
fn who_takes_every_name_slows_us_down() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    let begin = lan.now;
    for _ in 0..6_000 {
        lan.run_ms(10);
        let taken = record(&lan.instance(a), 120, true, Data::Txt(Bytes::from_static(b"\x01x")));
        lan.inject_multicast(a, &response(&[taken]));
    }
    let probes = probes(&lan, a, begin);
    assert!((15..=28).contains(&probes.len()), "{} in a minute", probes.len());
    let late = probes.windows(2).skip(15);
    assert!(late.clone().count() > 3);
    assert!(late.into_iter().all(|pair| pair[1] - pair[0] >= Duration::from_secs(5)));
    assert!(lan.renamed(a).is_empty(), "nothing is told while nothing is settled");
    // It ends when they do.
    lan.run_ms(10_000);
    assert_eq!(lan.renamed(a).len(), 1);
}

#[test]
fn a_name_lost_on_one_link_is_taken_back_on_the_others() {
    let mut lan = Lan::new();
    let a = lan.host_with("ana", KEY, 1, MdnsSocket::Shared, &[1]);
    let b = lan.host("b");
    lan.host_with("ana", KEY, 2, MdnsSocket::Shared, &[2]);
    lan.run_ms(5_000);
    let (old, begin) = (lan.instance(a), lan.now);
    let second = lan.interface(a, 2);
    lan.hosts[a].interfaces.push(second);
    lan.hosts[a].segments.push(2);
    lan.plug(a);
    lan.run_ms(5_000);
    assert!(lan.label(a).ends_with(" (2)"));
    let gone = lan.responses(a, begin)[0];
    assert_eq!(gone.transmit.interface, 1);
    assert!(gone.message().answers.iter().all(|record| record.ttl == 0));
    assert_eq!(gone.message().answers[0].data, Data::Ptr(old));
    assert_eq!(lan.sees(b), ["ana"]);
    assert_eq!(lan.hosts[b].mdns.links.values().map(|link| link.cache.pointers().count()).sum::<usize>(), 1);
}

#[test]
fn a_host_name_that_is_taken_is_changed_too() {
    let mut lan = Lan::new();
    let a = lan.host("a");
    let host = lan.host_name(a);
    lan.run_ms(300);
    lan.inject_multicast(a, &response(&[record(&host, 120, true, Data::A([10, 1, 0, 99].into()))]));
    lan.run_ms(5_000);
    let label = |name: &Name| String::from_utf8(name.labels().next().unwrap().to_vec()).unwrap();
    assert_eq!(label(&lan.host_name(a)), format!("{}-2", label(&host)));
    assert!(lan.renamed(a).is_empty(), "nobody sees that name");
}

/// When a host has sent probes.
pub(super) fn probes(lan: &Lan, host: usize, since: Instant) -> Vec<Instant> {
    let queries = lan.queries(host, since).into_iter();
    queries.filter(|sent| !sent.message().authority.is_empty()).map(|sent| sent.at).collect()
}

pub(super) fn srv(priority: u16, port: u16) -> Data {
    Data::Srv { priority, weight: 0, port, target: Name::new([&b"rival"[..], b"local"]).unwrap() }
}

/// Somebody else's probe for `instance`, with these data.
pub(super) fn rival(instance: &Name, data: &[Data]) -> Bytes {
    let mut writer = Writer::new(0, Flags::QUERY, 1472);
    writer.question(instance, Kind::ANY, false);
    for data in data {
        writer.record(Section::Authority, &record(instance, 120, false, data.clone()));
    }
    writer.finish()
}

/// The same message with its records in another order and no compression of targets.
fn reflected(message: &Message<'_>) -> Bytes {
    let mut writer = Writer::new(0, message.flags, 1472).with_plain_srv();
    for asked in &message.questions {
        writer.question(&asked.name.to_name(), asked.kind, asked.unicast);
    }
    let sections = [
        (Section::Answer, &message.answers),
        (Section::Authority, &message.authority),
        (Section::Additional, &message.additional),
    ];
    for (section, records) in sections {
        for seen in records.iter().rev() {
            let copy = record(&seen.name.to_name(), seen.ttl, seen.flush, seen.data.to_owned());
            writer.record(section, &copy);
        }
    }
    writer.finish()
}
