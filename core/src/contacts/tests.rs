use crate::suite::REAL;
use alloc::vec;

use super::{
    calls::{NEXT_ADDRESS, PATIENCE_EACH},
    contact::ADDRESSES_MAX,
    *,
};
use crate::boundary::Subnet;

mod calls;
mod reach;
mod rooms;

const ME: (PeerKey, BootId) = (PeerKey([9; 32]), BootId(1));
const SHE: PeerKey = PeerKey([5; 32]);

fn book() -> Contacts {
    let mut book = Contacts::new(REAL, ME, 4, Rng::new([1; 32]));
    book.on_interfaces(Instant::ORIGIN, &[card(2)]);
    book
}

fn card(index: u32) -> Interface {
    let addresses = vec![Subnet { address: "10.0.0.1".parse().unwrap(), prefix: 24 }];
    Interface { index, name: "eth".into(), addresses, multicast: true, loopback: false, mtu: 1500 }
}

fn at(seconds: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(seconds)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn seen(source: Source, id: Option<[u8; 8]>, addresses: &[&str]) -> Sighting {
    let addresses = addresses.iter().map(|text| address(text)).collect();
    Sighting { source, kind: SightingKind::Seen, id, boot: Some(BootId(7)), nick: None, addresses }
}

#[test]
fn a_sighting_is_dialled_at_once_and_the_next_address_a_little_later() {
    let mut book = book();
    let found = book
        .on_sighting(at(1), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182", "10.0.0.3:27182"]));
    assert_eq!(
        found.map(|(kind, found)| (kind, found.who)),
        Some((SightingKind::Seen, Who::Id(SHE.short())))
    );
    assert_eq!(book.due(at(1)), [address("10.0.0.2:27182")]);
    assert_eq!(book.next_wake(), Some(at(1) + NEXT_ADDRESS));
    assert_eq!(book.due(at(1) + NEXT_ADDRESS), [address("10.0.0.3:27182")]);
}

#[test]
fn one_address_is_dialled_once_in_ten_seconds_however_often_it_is_seen() {
    let mut book = book();
    let mut dials = 0;
    for tenth in 0..300 {
        let now = at(1) + Duration::from_millis(100 * tenth);
        let boot = Some(BootId(tenth));
        book.on_sighting(
            now,
            &Sighting { boot, ..seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]) },
        );
        dials += book.due(now).len();
    }
    assert_eq!(dials, 3);
}

#[test]
fn a_peer_in_session_is_not_dialled_and_again_once_it_is_lost() {
    let mut book = book();
    book.on_sighting(at(1), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182", "10.0.0.3:27182"]));
    assert_eq!(book.due(at(1)).len(), 1);
    assert_eq!(book.on_up(at(1), SHE, BootId(7), address("10.0.0.2:27182")), Source::Mdns);
    assert!(book.due(at(60)).is_empty());
    assert_eq!(book.next_wake(), None);
    book.on_down(at(100), SHE, BootId(7), End::Lost);
    assert_eq!(book.due(at(100)), [address("10.0.0.2:27182")]);
    let dials = (101..116).map(|second| book.due(at(second)).len()).sum::<usize>();
    assert!(dials >= 2, "within 15 s both addresses were tried: {dials}");
}

#[test]
fn whoever_said_goodbye_is_called_no_more() {
    let mut book = book();
    book.on_sighting(at(1), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]));
    book.on_up(at(1), SHE, BootId(7), address("10.0.0.2:27182"));
    book.on_down(at(2), SHE, BootId(7), End::Quit);
    assert_eq!(book.next_wake(), None);
}

#[test]
fn another_run_of_the_same_identity_is_another_peer() {
    let mut book = book();
    book.on_up(at(1), SHE, BootId(3), address("10.0.0.2:27182"));
    book.on_sighting(at(2), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.3:27182"]));
    assert_eq!(book.due(at(2)), [address("10.0.0.3:27182")]);
}

#[test]
fn only_the_person_makes_us_dial_off_link() {
    let mut book = book();
    for off_link in ["8.8.8.8:27182", "10.0.0.2:80", "224.0.0.251:5353", "0.0.0.0:27182"] {
        assert_eq!(book.on_sighting(at(1), &seen(Source::Mdns, None, &[off_link])), None, "{off_link}");
    }
    assert!(book.on_sighting(at(1), &seen(Source::Manual, None, &["8.8.8.8:80"])).is_some());
    assert_eq!(book.due(at(1)), [address("8.8.8.8:80")]);
}

#[test]
fn we_never_call_ourselves() {
    let mut book = book();
    let mine = Sighting { boot: Some(ME.1), ..seen(Source::Mdns, Some(ME.0.short()), &["10.0.0.1:27182"]) };
    assert_eq!(book.on_sighting(at(1), &mine), None);
    book.on_sighting(at(1), &seen(Source::Manual, None, &["10.0.0.1:27182"]));
    book.on_own(address("10.0.0.1:27182"));
    assert!(book.due(at(1)).is_empty());
}

#[test]
fn calls_get_rare_and_end_after_a_day() {
    let mut book = book();
    book.on_sighting(at(0), &seen(Source::Remembered, Some(SHE.short()), &["10.0.0.2:27182"]));
    let mut dials = Vec::new();
    while let Some(wake) = book.next_wake() {
        dials.extend(book.due(wake).iter().map(|_| wake));
    }
    let early = dials.iter().filter(|&&dial| dial < at(600)).count();
    assert!((40..=60).contains(&early), "{early} in the first ten minutes");
    let hour = dials.iter().filter(|&&dial| dial > at(3600) && dial < at(7200)).count();
    assert!((54..=67).contains(&hour), "{hour} in an hour");
    assert!(dials.iter().all(|&dial| dial <= at(86_400 + 66)));
}

#[test]
fn the_book_is_full_of_the_latest_and_keeps_whom_it_talks_to() {
    let mut book = book();
    book.on_up(at(0), SHE, BootId(7), address("10.0.0.2:27182"));
    for number in 10..30u8 {
        let address = std::format!("10.0.0.{number}:27182");
        book.on_sighting(at(number.into()), &seen(Source::Mdns, Some([number; 8]), &[&address]));
    }
    assert_eq!(book.contacts.len(), 4);
    assert!(book.contacts.contains_key(&Who::Id(SHE.short())));
    assert!(book.contacts.contains_key(&Who::Id([29; 8])));
}

#[test]
fn addresses_that_are_not_named_any_more_make_room_for_new_ones() {
    let mut book = book();
    let who = Some(SHE.short());
    book.on_up(at(0), SHE, BootId(7), address("10.0.0.99:27182"));
    book.on_down(at(1), SHE, BootId(7), End::Lost);
    for port in 2000..2030u16 {
        let now = std::format!("10.0.0.2:{port}");
        book.on_sighting(at(2), &seen(Source::Mdns, who, &[&now]));
    }
    let she = &book.contacts[&Who::Id(SHE.short())];
    let has = |wanted: &str| she.candidates().any(|candidate| candidate.address == address(wanted));
    assert_eq!(she.candidates().count(), ADDRESSES_MAX);
    assert!(has("10.0.0.2:2029") && has("10.0.0.99:27182") && !has("10.0.0.2:2000"));
}

#[test]
fn whoever_was_given_up_is_called_when_seen_or_typed_again() {
    let mut book = book();
    let sighting = seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]);
    book.on_sighting(at(0), &sighting);
    while let Some(wake) = book.next_wake() {
        book.due(wake);
    }
    book.on_sighting(at(200_000), &sighting);
    assert_eq!(book.due(at(200_000)), [address("10.0.0.2:27182")]);
}

#[test]
fn a_dial_that_was_not_begun_is_tried_again_within_a_second() {
    let mut book = book();
    book.on_sighting(at(0), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]));
    assert_eq!(book.due(at(0)).len(), 1);
    book.on_busy(at(0), address("10.0.0.2:27182"));
    assert_eq!(book.due(at(1)), [address("10.0.0.2:27182")]);
}

#[test]
fn an_address_of_another_network_is_not_dialled_after_a_move() {
    let mut book = book();
    book.on_sighting(at(0), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]));
    let net = Subnet { address: "192.168.7.1".parse().unwrap(), prefix: 24 };
    let (name, addresses) = ("wlan0".into(), vec![net]);
    let wlan0 = Interface { index: 3, name, addresses, multicast: true, loopback: false, mtu: 1500 };
    book.on_interfaces(at(1), &[wlan0]);
    assert!(book.due(at(1)).is_empty());
}

#[test]
fn names_on_the_wire_do_not_push_out_whom_we_have_met() {
    let mut book = book();
    let met = Sighting { boot: None, ..seen(Source::Remembered, Some(SHE.short()), &["10.0.0.2:27182"]) };
    book.on_sighting(at(0), &met);
    for number in 10..60u8 {
        let address = std::format!("10.0.0.{number}:27182");
        book.on_sighting(at(number.into()), &seen(Source::Mdns, Some([number; 8]), &[&address]));
    }
    assert!(book.contacts.contains_key(&Who::Id(SHE.short())));
}

#[test]
fn whoever_named_an_address_first_has_found_the_peer() {
    let mut book = book();
    let remembered =
        Sighting { boot: None, ..seen(Source::Remembered, Some(SHE.short()), &["10.0.0.2:27182"]) };
    book.on_sighting(at(0), &remembered);
    book.on_sighting(at(0), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]));
    assert_eq!(book.on_up(at(0), SHE, BootId(7), address("10.0.0.2:27182")), Source::Remembered);
}

#[test]
fn whoever_has_proven_itself_is_called_whatever_becomes_of_those_who_named_it() {
    let mut book = book();
    let named = seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182", "10.0.0.3:27182"]);
    book.on_sighting(at(1), &named);
    assert_eq!(book.on_up(at(1), SHE, BootId(7), address("10.0.0.3:27182")), Source::Mdns);
    book.on_down(at(2), SHE, BootId(7), End::Lost);
    let lost = Sighting { kind: SightingKind::Lost, ..named };
    assert_eq!(book.on_sighting(at(4500), &lost), None, "nobody is told of it");
    let dials = (4500..4700).flat_map(|second| book.due(at(second))).collect::<Vec<_>>();
    assert!((3..5).contains(&dials.len()), "{dials:?}");
    assert!(dials.iter().all(|dial| *dial == address("10.0.0.3:27182")), "only where it has proven itself");
    assert_eq!(
        book.on_up(at(4700), SHE, BootId(7), address("10.0.0.3:27182")),
        Source::Mdns,
        "as it was found"
    );
    book.on_down(at(4701), SHE, BootId(7), End::Quit);
    assert_eq!(book.next_wake(), None, "a goodbye is the end");
}

#[test]
fn a_goodbye_ends_the_calls_to_earlier_runs_but_not_those_to_another_device() {
    let mut book = book();
    let stored = Sighting { boot: None, ..seen(Source::Remembered, Some(SHE.short()), &["10.0.0.9:27182"]) };
    book.on_sighting(at(0), &stored);
    book.on_up(at(1), SHE, BootId(6), address("10.0.0.2:27182"));
    book.on_down(at(2), SHE, BootId(6), End::Lost);
    book.on_up(at(3), SHE, BootId(7), address("10.0.0.3:27182"));
    book.on_up(at(3), SHE, BootId(8), address("10.0.0.4:27182"));
    book.on_down(at(4), SHE, BootId(7), End::Quit);
    let dials = (4..100).flat_map(|second| book.due(at(second))).collect::<Vec<_>>();
    assert_eq!(dials, [], "there is nobody else");
    book.on_down(at(100), SHE, BootId(8), End::Lost);
    assert_eq!(book.due(at(100)), [address("10.0.0.4:27182")]);
}

#[test]
fn whoever_moved_is_called_at_its_last_address_first_and_at_few_of_those_before() {
    let mut book = book();
    book.on_sighting(at(1), &seen(Source::Manual, Some(SHE.short()), &["10.0.0.2:27182"]));
    book.on_up(at(1), SHE, BootId(7), address("10.0.0.2:27182"));
    for host in 10..30u8 {
        book.on_moved(SHE, BootId(7), SocketAddr::from(([10, 0, 0, host], 27182)));
    }
    book.on_down(at(100), SHE, BootId(7), End::Lost);
    let dials = (0..10).flat_map(|step| book.due(at(100) + NEXT_ADDRESS * step)).collect::<Vec<_>>();
    let expected = ["10.0.0.29:27182", "10.0.0.28:27182", "10.0.0.27:27182", "10.0.0.26:27182"];
    let expected: Vec<_> = expected.into_iter().chain(["10.0.0.2:27182"]).map(address).collect();
    assert_eq!(dials, expected, "the typed one too");
}

#[test]
fn an_address_on_the_link_of_a_card_that_is_gone_waits_for_the_card() {
    for source in [Source::Mdns, Source::Remembered, Source::Manual] {
        let mut book = book();
        book.on_interfaces(at(0), &[card(2), card(3)]);
        book.on_sighting(at(1), &seen(source, Some(SHE.short()), &["[fe80::2%3]:27182"]));
        assert_eq!(book.due(at(1)), [address("[fe80::2%3]:27182")]);
        book.on_interfaces(at(20), &[card(2)]);
        let dials = (20..2000).map(|second| book.due(at(second)).len()).sum::<usize>();
        assert_eq!(dials, 0, "{source:?}");
        book.on_interfaces(at(2000), &[card(2), card(3)]);
        assert_eq!(book.due(at(2000)), [address("[fe80::2%3]:27182")]);
    }
}

#[test]
fn whoever_starts_where_somebody_said_goodbye_is_called_at_once() {
    let (next, place) = (PeerKey([6; 32]), "10.0.0.2:27182");
    for (end, calls) in [(End::Quit, 1), (End::Lost, 0), (End::Crowded, 0)] {
        let mut book = book();
        book.on_sighting(at(1), &seen(Source::Mdns, Some(SHE.short()), &[place]));
        assert_eq!(book.due(at(1)), [address(place)]);
        book.on_up(at(1), SHE, BootId(7), address(place));
        book.on_down(at(2), SHE, BootId(7), end);
        book.on_sighting(at(3), &seen(Source::Mdns, Some(next.short()), &[place]));
        assert_eq!(book.due(at(3)).len(), calls, "{end:?}");
    }
}
