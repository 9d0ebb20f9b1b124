//! Who is out of reach: for whom a neighbour is asked to pass things on.

use super::*;
use crate::{contacts::choice::HOPE, record::Tag, relay::Relayed, store::RoomKeyId};

const RUN: BootId = BootId(7);

/// She is there, as others say, and was seen at these addresses.
fn told_of(addresses: &[&str]) -> Contacts {
    let mut book = Contacts { cap: 4096, ..book() };
    if !addresses.is_empty() {
        book.on_sighting(at(1), &seen(Source::Exchange, Some(SHE.short()), addresses));
    }
    book.on_here(at(1), SHE, RUN, true);
    book
}

fn over(relay: u16) -> SocketAddr {
    Relayed { relay, far: Tag([5; 8]) }.address()
}

fn is_out(book: &Contacts, now: Instant) -> bool {
    book.out_of_reach(now).0.contains(&SHE.short())
}

#[test]
fn whoever_is_wanted_is_called_first_and_out_of_reach_when_that_was_not_answered() {
    let mut book = told_of(&["10.0.0.2:27182"]);
    book.on_written(at(2), SHE);
    let (unreached, again) = book.out_of_reach(at(2));
    assert!(unreached.is_empty() && again.is_some(), "she is yet to be called");
    assert_eq!(book.due(at(2)), [address("10.0.0.2:27182")]);
    assert_eq!(book.out_of_reach(at(2)), (BTreeSet::new(), Some(at(2) + HOPE)));
    assert!(is_out(&book, at(2) + HOPE));
    // Once she answers after all, she is not.
    book.on_up(at(5), SHE, RUN, address("10.0.0.2:27182"));
    assert_eq!(book.out_of_reach(at(6)), (BTreeSet::new(), None));
    // When that session ends her own addresses come first again.
    book.on_down(at(100), SHE, RUN, End::Lost);
    assert!(!is_out(&book, at(100)) && is_out(&book, at(100) + HOPE));
}

#[test]
fn whoever_may_not_be_called_is_out_of_reach_at_once_but_only_if_wanted_and_there() {
    for addresses in [&[][..], &["192.0.2.7:27182"]] {
        let mut book = told_of(addresses);
        assert_eq!(book.out_of_reach(at(9)), (BTreeSet::new(), None), "nobody wants her");
        book.on_written(at(9), SHE);
        assert!(is_out(&book, at(9)));
        book.on_here(at(10), SHE, RUN, false);
        assert!(!is_out(&book, at(10)), "she has gone");
    }
}

#[test]
fn of_a_room_one_is_wanted_when_nobody_is_reached() {
    let mut book = told_of(&[]);
    let room = [RoomKeyId([1; 16])];
    let others = [PeerKey([6; 32]), PeerKey([7; 32])];
    book.on_rooms(at(1), SHE, &room, &[]);
    for other in others {
        book.on_here(at(1), other, RUN, true);
        book.on_rooms(at(1), other, &room, &[]);
    }
    let (one, _) = book.out_of_reach(at(2));
    assert_eq!(one.len(), 1);
    // Whoever is reached over a neighbour is the one.
    let other = others.into_iter().find(|other| !one.contains(&other.short())).unwrap();
    book.on_up(at(3), other, RUN, over(1));
    assert_eq!(book.out_of_reach(at(3)).0, BTreeSet::from([other.short()]));
    // And whoever needs nobody ends it.
    book.on_up(at(4), SHE, RUN, address("10.0.0.2:27182"));
    assert_eq!(book.out_of_reach(at(4)), (BTreeSet::new(), None));
}

#[test]
fn whoever_is_reached_over_a_neighbour_is_called_once_a_minute_and_never_there() {
    let mut book = told_of(&["10.0.0.2:27182"]);
    book.on_written(at(2), SHE);
    book.due(at(2));
    assert_eq!(book.on_up(at(10), SHE, RUN, over(1)), Source::Relay);
    assert!(is_out(&book, at(10)), "or the neighbour would be given up");
    let mut dials = Vec::new();
    for second in 10..370 {
        // She is told of again and again.
        book.on_here(at(second), SHE, RUN, true);
        dials.extend(book.due(at(second)));
    }
    assert!((5..=7).contains(&dials.len()), "{}", dials.len());
    assert!(dials.iter().all(|dialled| *dialled == address("10.0.0.2:27182")));
    assert_eq!(book.on_moved(SHE, RUN, over(2)), Source::Relay);
    assert_eq!(book.on_moved(SHE, RUN, address("10.0.0.2:27182")), Source::Exchange, "as she was found");
    assert_eq!(book.out_of_reach(at(400)), (BTreeSet::new(), None));
    assert!((400..600).all(|second| book.due(at(second)).is_empty()));
}

#[test]
fn a_session_over_a_neighbour_takes_no_place_of_one_that_needs_nobody() {
    let mut book = told_of(&[]);
    book.on_written(at(1), SHE);
    book.on_up(at(1), SHE, RUN, over(1));
    let others: Vec<PeerKey> = (10..30).map(|number| PeerKey([number; 32])).collect();
    for (number, &key) in (10u8..).zip(&others) {
        book.on_up(at(1), key, RUN, SocketAddr::from(([10, 0, 0, number], 27182)));
    }
    book.due(at(2));
    let direct = others.iter().filter(|key| book.live[&(**key, RUN)].ours != Keep::No).count();
    assert_eq!((direct, book.live[&(SHE, RUN)].ours), (DEGREE, Keep::Choice));
    let spare = others.iter().copied().find(|key| book.live[&(*key, RUN)].ours == Keep::No).unwrap();
    book.set_relays(at(3), &[spare]);
    book.due(at(4));
    assert_eq!(book.live[&(spare, RUN)].ours, Keep::Spare, "whoever passes things on is kept");
    book.set_relays(at(5), &[]);
    book.due(at(6));
    assert_eq!(book.live[&(spare, RUN)].ours, Keep::No);
}
