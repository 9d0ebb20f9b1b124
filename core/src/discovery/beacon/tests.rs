use alloc::{string::String, vec};

use super::*;
use crate::{PeerKey, text::Nick};

const KEY: PeerKey = PeerKey([7; 32]);

fn at(millis: u64) -> Instant {
    Instant::ORIGIN + Duration::from_millis(millis)
}

fn subnet(address: &str, prefix: u8) -> Subnet {
    Subnet { address: address.parse().unwrap(), prefix }
}

fn card(index: u32, addresses: &[Subnet]) -> Interface {
    let name = String::from("eth");
    Interface { index, name, addresses: addresses.to_vec(), multicast: true, loopback: false, mtu: 1500 }
}

fn said(key: PeerKey, boot: u64, port: u16) -> Announcement {
    Announcement { key, boot: BootId(boot), nick: Nick::lenient("ana"), port }
}

/// One that has come up on a link.
struct Played {
    beacon: Beacon,
    stats: Stats,
    out: Outbox<Found>,
}

impl Played {
    fn new() -> Self {
        let (beacon, stats, out) = (Beacon::new(Rng::new([3; 32])), Stats::default(), Outbox::new());
        let mut played = Self { beacon, stats, out };
        played.beacon.on_interfaces(at(0), &[card(2, &[subnet("10.0.0.1", 24)])], &mut played.out);
        played.beacon.announce(at(0), &said(KEY, 1, 4000), &mut played.out);
        played
    }

    /// The times at which it speaks up to `end`, one for each link.
    fn spoken(&mut self, end: Instant) -> Vec<u64> {
        let mut times = Vec::new();
        while let Some(next) = self.beacon.next_wake().filter(|at| *at <= end) {
            self.beacon.on_tick(next, &mut self.stats, &mut self.out);
            times.extend(self.transmits().into_iter().map(|_| (next - Instant::ORIGIN).as_millis() as u64));
            assert!(self.beacon.next_wake().is_none_or(|at| at > next), "it spins");
        }
        times
    }

    fn transmits(&mut self) -> Vec<Transmit> {
        core::iter::from_fn(|| self.out.pop())
            .filter_map(|found| match found {
                Found::Transmit(transmit) => Some(transmit),
                _ => None,
            })
            .collect()
    }

    fn hear(&mut self, now: Instant, interface: u32, from: &str, bytes: &[u8]) -> Vec<Found> {
        let (from, to) = (from.parse().unwrap(), Ipv4Addr::BROADCAST.into());
        let datagram = Datagram { via: Via::Beacon, interface, from, to, bytes };
        self.beacon.on_datagram(now, &datagram, &mut self.stats, &mut self.out);
        core::iter::from_fn(|| self.out.pop()).collect()
    }
}

#[test]
fn one_goes_out_at_the_start_and_says_who_we_are() {
    let mut one = Played::new();
    one.beacon.on_company(at(0), 0, 0, Multicast::Unknown);
    one.beacon.on_tick(at(0), &mut one.stats, &mut one.out);
    let sent = one.transmits();
    let [Transmit { via: Via::Beacon, interface: 2, to, bytes }] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(*to, "255.255.255.255:27181".parse().unwrap());
    let written =
        [b"p2pB".as_slice(), &[1, 1], &4000_u16.to_be_bytes(), &[7; 8], &1_u64.to_be_bytes()].concat();
    assert_eq!(**bytes, written);
    let id = KEY.short();
    assert_eq!(read(bytes), Some(Said { is_alone: true, port: 4000, id, boot: BootId(1), call: None }));
    one.beacon.on_company(at(900), 1, 1, Multicast::Ok);
    assert!(one.spoken(at(3_600_000)).is_empty(), "there is company, and multicast works");
}

#[test]
fn whoever_is_alone_goes_on_ever_more_rarely() {
    let mut one = Played::new();
    one.beacon.on_company(at(0), 0, 0, Multicast::Unknown);
    let spoken = one.spoken(at(400_000));
    assert_eq!(spoken[..2], [0, 8_000], "nobody within eight seconds");
    let gaps: Vec<u64> = spoken.windows(2).map(|two| two[1] - two[0]).collect();
    for (gap, usual) in gaps[1..].iter().zip([10_000, 20_000, 40_000, 80_000, 80_000]) {
        assert!((usual * 3 / 4..=usual * 5 / 4).contains(gap), "{gaps:?}");
    }
    // Somebody comes and goes again: it begins anew.
    one.beacon.on_company(at(400_000), 1, 1, Multicast::Ok);
    assert!(one.spoken(at(500_000)).is_empty());
    one.beacon.on_company(at(500_000), 0, 1, Multicast::Ok);
    assert_eq!(one.spoken(at(509_000)), [508_000]);
}

#[test]
fn where_multicast_fails_all_together_stay_below_two_a_second() {
    for known in [1, 7, 40, 100, 1_000, 4_000] {
        let mut one = Played::new();
        one.beacon.on_company(at(0), 0, 0, Multicast::Unknown);
        one.beacon.on_tick(at(0), &mut one.stats, &mut one.out);
        one.beacon.on_company(at(100), 3, known, Multicast::Alone);
        one.transmits();
        let end = 400_000_000;
        let spoken = one.spoken(at(end)).len();
        let rate = (known + 1) as f64 * spoken as f64 * 1000.0 / end as f64;
        assert!(rate < 2.0 && spoken > 10, "{known}: {rate} packets/s on the link, {spoken} of them ours");
    }
}

#[test]
fn a_new_network_hears_us_and_one_that_flaps_hears_little() {
    let mut one = Played::new();
    one.beacon.on_company(at(0), 1, 1, Multicast::Ok);
    assert_eq!(one.spoken(at(10_000)), [0]);
    let both =
        [card(2, &[subnet("10.0.0.1", 24)]), card(3, &[subnet("10.9.0.1", 16), subnet("fe80::1", 64)])];
    one.beacon.on_interfaces(at(10_000), &both, &mut one.out);
    assert_eq!(one.spoken(at(10_500)), [10_000, 10_000]);
    for flap in 0..20 {
        let now = at(10_500 + flap * 100);
        one.beacon.on_interfaces(now, if flap % 2 == 0 { &[] } else { &both }, &mut one.out);
        one.spoken(now);
    }
    assert!(one.stats.beacon.sent <= 3 + 2 * 3, "{:?}", one.stats.beacon);
    // Neither IPv6 nor a link for two has broadcast.
    let none = [card(2, &[subnet("fe80::1", 64), subnet("10.1.1.1", 31)])];
    one.beacon.on_interfaces(at(20_000), &none, &mut one.out);
    assert!(one.spoken(at(30_000)).is_empty());
}

#[test]
fn about_eight_of_all_call_a_newcomer() {
    for known in [3, 8, 50, 1_000] {
        let mut one = Played::new();
        one.beacon.on_company(at(0), 8, known, Multicast::Ok);
        let calls = (0..4_000_u64).filter(|&number| {
            let mut key = [9; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            let bytes = write(&said(PeerKey(key), 5, 4001), true);
            let found = one.hear(at(number * 1_000), 2, "10.0.0.9:27181", &bytes);
            let [Found::Newcomer { sighting, is_alone: true, share }] = found.as_slice() else {
                panic!("{found:?}");
            };
            assert!(*share != Share::Nothing || known >= CANDIDATES, "{found:?}");
            let address = "10.0.0.9:4001".parse().unwrap();
            assert_eq!((&sighting.addresses, sighting.boot), (&vec![address], Some(BootId(5))));
            assert_eq!((sighting.source, sighting.id), (Source::Broadcast, Some(PeerKey(key).short())));
            *share == Share::Call
        });
        let each = calls.count() as f64 / 4_000.0;
        let all = each * known as f64;
        assert!(
            (known.min(8) as f64 * 0.6..=known.min(8) as f64 * 1.4).contains(&all),
            "{known}: {all} call"
        );
        assert!(one.beacon.heard.len() <= HEARD_MAX);
    }
}

#[test]
fn what_is_no_beacon_of_a_neighbour_is_counted_and_does_nothing() {
    let mut one = Played::new();
    one.beacon.on_company(at(0), 0, 0, Multicast::Unknown);
    let good = write(&said(PeerKey([9; 32]), 5, 4001), false);
    for len in 0..good.len() {
        assert!(one.hear(at(1), 2, "10.0.0.9:27181", &good[..len]).is_empty(), "{len} bytes");
    }
    let changed = |at: usize, to: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = to;
        bytes
    };
    let no_port = [&good[..6], &[0, 0], &good[8..]].concat();
    for bytes in [changed(0, b'q'), changed(4, 2), changed(4, 0), no_port] {
        assert!(one.hear(at(1), 2, "10.0.0.9:27181", &bytes).is_empty());
    }
    assert_eq!(one.stats.beacon.malformed, 24 + 4);
    for (interface, from) in
        [(2, "10.0.1.9:27181"), (3, "10.0.0.9:27181"), (2, "[fe80::9]:27181"), (0, "10.0.1.9:1")]
    {
        assert!(one.hear(at(1), interface, from, &good).is_empty());
    }
    assert_eq!((one.stats.beacon.off_link, one.stats.beacon.heard), (4, 0));
    // Our own comes back, from whatever card.
    assert!(one.hear(at(1), 2, "10.0.0.1:27181", &write(&said(KEY, 1, 4000), true)).is_empty());
    assert_eq!(one.stats.beacon.own, 1);
    // Another run of our key is somebody else, and so is what says more than we understand.
    assert_eq!(one.hear(at(1), 2, "10.0.0.1:27181", &write(&said(KEY, 2, 4000), true)).len(), 1);
    let longer = [&good[..], &[1; 400]].concat();
    assert_eq!(one.hear(at(1), 2, "10.0.0.9:27181", &longer).len(), 1);
}

#[test]
fn a_flood_of_newcomers_makes_us_call_few() {
    let mut one = Played::new();
    one.beacon.on_company(at(0), 3, 4, Multicast::Ok);
    let mut calls = 0;
    for number in 0..10_000_u32 {
        let mut key = [1; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        let bytes = write(&said(PeerKey(key), 1, 5000), true);
        let found = one.hear(at(1_000 + u64::from(number) / 10), 2, "10.0.0.9:27181", &bytes);
        calls +=
            found.iter().filter(|found| matches!(found, Found::Newcomer { share: Share::Call, .. })).count();
    }
    assert!(calls <= 64 + 20, "{calls} calls in a second");
    assert_eq!(one.beacon.heard.len(), HEARD_MAX);
    assert_eq!(one.stats.beacon.left_to_others, 10_000 - calls as u64);
}

#[test]
fn whoever_is_not_heard_any_more_is_not_seen_any_more() {
    let mut one = Played::new();
    one.beacon.on_company(at(0), 1, 1, Multicast::Ok);
    one.hear(at(1_000), 2, "10.0.0.9:27181", &write(&said(PeerKey([9; 32]), 5, 4001), false));
    let mut found = Vec::new();
    while let Some(next) = one.beacon.next_wake() {
        one.beacon.on_tick(next, &mut one.stats, &mut one.out);
        found.extend(core::iter::from_fn(|| one.out.pop()).map(|found| (next, found)));
    }
    let lost = found.iter().filter_map(|(when, found)| match found {
        Found::Sighting(sighting) if sighting.kind == SightingKind::Lost => Some((*when, sighting.id)),
        _ => None,
    });
    assert!(lost.eq([(at(301_000), Some(PeerKey([9; 32]).short()))]));
}

#[test]
fn after_the_goodbye_nothing_is_said_or_heard() {
    let mut one = Played::new();
    one.beacon.on_company(at(0), 0, 0, Multicast::Unknown);
    one.beacon.withdraw(at(0), &mut one.out);
    assert_eq!(one.beacon.next_wake(), None);
    assert!(one.hear(at(1), 2, "10.0.0.9:27181", &write(&said(PeerKey([9; 32]), 5, 4001), true)).is_empty());
}

#[test]
fn it_looks_as_the_page_about_the_protocol_has_it() {
    let (ana, boot) = crate::vectors::ana();
    let own = said(ana.key(), boot.0, 27_182);
    let ask = Call { word: Word::Ask, nonce: [0xab; 8], id: ana.key().short(), port: 27_182 };
    let echo = Call { word: echo(0x73), ..ask };
    let label = |call: &Call| call.label().into_bytes();
    crate::vectors::check(
        "beacon",
        &[
            ("of ana, alone", &write(&own, true)),
            ("ask of ana", &write_call(&own, false, &ask)),
            ("echo of ana, ways 73", &write_call(&own, false, &echo)),
            ("ask as a label, in ASCII", &label(&ask)),
            ("echo as a label, in ASCII", &label(&echo)),
        ],
    );
}

#[test]
fn where_the_system_does_not_say_on_which_link_it_came_its_sender_does() {
    let mut one = Played::new();
    let cards = [card(2, &[subnet("10.0.0.1", 24)]), card(3, &[subnet("10.0.1.1", 24)])];
    one.beacon.on_interfaces(at(0), &cards, &mut one.out);
    let beacon = write(&said(PeerKey([8; 32]), 2, 5000), false);
    assert_eq!(one.hear(at(1), 0, "10.0.1.9:27181", &beacon).len(), 1);
    assert!(one.hear(at(1), 0, "10.0.2.9:27181", &beacon).is_empty());
    let others: Vec<_> = one.beacon.tallies().map(|link| (link.interface, link.tally.others)).collect();
    assert_eq!((others, one.stats.beacon.off_link), (vec![(2, 0), (3, 1)], 1));
}
