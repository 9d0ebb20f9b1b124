//! More who are known than there is room for.

use super::*;
use crate::members::exchange;

#[test]
fn the_table_has_a_cap_and_those_who_went_make_room() {
    let mut members = chain();
    (10..15)
        .for_each(|number| assert_eq!(hear(&mut members, at(1), record(number, 1, &[])), Taken::Newcomer));
    assert_eq!(hear(&mut members, at(1), record(20, 1, &[])), Taken::Full);
    hear(&mut members, at(2), PeerRecord { gone: true, ..record(12, 2, &[]) });
    assert_eq!(hear(&mut members, at(2), record(20, 1, &[])), Taken::Newcomer);
    assert!(members.of(&tag(12)).is_none() && members.len() == 8);
}

/// One neighbour has signed records for as many as fit.
#[test]
fn whoever_brings_most_makes_room_for_what_others_bring() {
    let mut members = chain();
    (10..15).for_each(|number| _ = hear(&mut members, at(number.into()), record(number, 1, &[])));
    members.on_up(at(20), tag(30), LinkId(30));
    assert_eq!(
        hear_from(&mut members, at(20), 30, record(30, 1, &[0])),
        Taken::Newcomer,
        "in session with us"
    );
    let brought = |members: &mut Members, from| {
        (40..50)
            .filter(|&number| hear_from(members, at(21), from, record(number, 1, &[])) == Taken::Newcomer)
            .count()
    };
    assert_eq!((brought(&mut members, 1), brought(&mut members, 30)), (0, 3), "half of the six who are not");
    let displaced: Vec<u8> =
        core::iter::from_fn(|| members.displaced()).map(|it| it.record.key.0[0]).collect();
    assert_eq!(
        (displaced, members.len(), members.forgotten),
        (vec![11, 12, 13, 14], 8, 4),
        "the newest first"
    );
    assert_eq!(hear(&mut members, at(22), record(2, 11, &[1])), Taken::Routine, "who is known has a place");
    members.on_up(at(23), tag(60), LinkId(60));
    assert_eq!(hear_from(&mut members, at(23), 60, record(60, 1, &[0])), Taken::Newcomer);
    assert!(members.of(&tag(30)).is_some());
    let digest = members.here(at(23)).fold(0, |sum, (&tag, it)| exchange_share(sum, tag, it));
    assert_eq!(members.digest, digest);
}

/// One neighbour, or several together, have signed records for more than fit.
#[test]
fn whom_the_person_knows_makes_room_for_nobody_and_comes_in() {
    let mut members = chain();
    [2, 3, 60].into_iter().for_each(|number| members.regard(PeerKey([number; 32]), true));
    (10..15).for_each(|number| _ = hear(&mut members, at(number.into()), record(number, 1, &[])));
    for by in 30..40 {
        members.on_up(at(20), tag(by), LinkId(by.into()));
        (0..10).for_each(|other| {
            _ = hear_from(&mut members, at(20), by, record(100 + (by - 30) * 10 + other, 1, &[]));
        });
    }
    assert!([1, 2, 3].iter().all(|&number| members.of(&tag(number)).is_some()));
    assert_eq!(hear(&mut members, at(21), record(60, 1, &[])), Taken::Newcomer);
    assert_eq!(members.len(), 8);
    // Nor do they fill it with runs of theirs.
    let run = |number: u8| (PeerRecord { key: PeerKey([60; 32]), ..record(number, 1, &[]) }, Bytes::new());
    (70..80).for_each(|number| _ = members.hear(at(22), tag(1), tag(number), run(number)));
    members.on_up(at(23), tag(90), LinkId(90));
    assert_eq!(hear_from(&mut members, at(23), 90, record(90, 1, &[0])), Taken::Newcomer);
    assert!([1, 2, 3].iter().all(|&number| members.of(&tag(number)).is_some()));
}

fn exchange_share(sum: u64, tag: Tag, member: &Member) -> u64 {
    exchange::share(tag, member.record.version).wrapping_add(sum)
}
