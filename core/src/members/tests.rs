use alloc::vec;

use super::*;
use crate::{
    frames::Frame,
    identity::{BootId, PeerKey},
};

mod exchange;
mod graves;
mod room;
mod tree;

fn tag(number: u8) -> Tag {
    Tag([number; 8])
}

fn record(number: u8, version: u64, neighbours: &[u8]) -> PeerRecord {
    PeerRecord {
        key: PeerKey([number; 32]),
        version,
        boot: BootId(number.into()),
        nick: Nick::lenient("peer"),
        direct: [number; 32],
        gone: false,
        addresses: Vec::new(),
        neighbours: neighbours.iter().map(|&number| tag(number)).collect(),
        lost: Vec::new(),
        rooms: Vec::new(),
    }
}

fn at(seconds: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(seconds)
}

/// Number 0 is us.
fn hear(members: &mut Members, now: Instant, record: PeerRecord) -> Taken {
    hear_from(members, now, 1, record)
}

fn hear_from(members: &mut Members, now: Instant, by: u8, record: PeerRecord) -> Taken {
    let number = record.key.0[0];
    members.hear(now, tag(by), tag(number), (record, Bytes::new()))
}

/// We are in session with 1, who is in session with 2 and 3, who are in session with each other.
fn chain() -> Members {
    let mut members = Members::new((tag(0), [0; 8]), 8);
    members.on_up(at(0), tag(1), LinkId(1));
    hear(&mut members, at(0), record(1, 10, &[0, 2, 3]));
    hear(&mut members, at(0), record(2, 10, &[1, 3]));
    hear(&mut members, at(0), record(3, 10, &[1, 2]));
    members
}

fn run(members: &mut Members, until: Instant) {
    while let Some(wake) = members.next_wake().filter(|wake| *wake <= until) {
        members.on_tick(wake, &mut Vec::new());
    }
}

fn states(members: &mut Members, now: Instant) -> Vec<PeerState> {
    run(members, now);
    (1..4).filter_map(|number| members.state(now, &tag(number))).collect()
}

use PeerState::{Lost, Online, Quit, Suspect};

#[test]
fn everybody_to_whom_sessions_lead_is_here_for_good() {
    let mut members = chain();
    assert_eq!(states(&mut members, at(0)), [Online; 3]);
    assert_eq!(states(&mut members, at(10_000)), [Online; 3]);
    assert_eq!(members.next_wake(), None, "and there is nothing to do");
}

#[test]
fn whoever_is_cut_off_is_lost_though_nobody_says_so() {
    let mut members = chain();
    assert_eq!(states(&mut members, at(99)), [Online; 3]);
    // 1 has no session with the two any more.
    hear(&mut members, at(100), record(1, 11, &[0]));
    assert_eq!(states(&mut members, at(102)), [Online; 3], "records may be on their way");
    assert_eq!(states(&mut members, at(120)), [Online, Lost, Lost]);
    hear(&mut members, at(200), record(1, 12, &[0, 2]));
    assert_eq!(states(&mut members, at(202)), [Online; 3], "the cable is back");
}

#[test]
fn whoever_is_told_of_and_named_by_nobody_is_lost_once_it_is_not_new_any_more() {
    let mut members = chain();
    run(&mut members, at(99));
    hear(&mut members, at(100), record(5, 10, &[6]));
    run(&mut members, at(119));
    assert_eq!(members.state(at(119), &tag(5)), Some(Online), "records follow sessions after a pause");
    run(&mut members, at(121));
    assert_eq!(members.state(at(121), &tag(5)), Some(Lost));
}

#[test]
fn a_neighbour_that_heard_nothing_is_enough_unless_the_accused_answers() {
    let mut members = chain();
    let accuses = PeerRecord { lost: vec![(tag(3), 10)], ..record(2, 11, &[1]) };
    hear(&mut members, at(100), accuses.clone());
    assert_eq!(states(&mut members, at(100)), [Online, Online, Suspect]);
    assert_eq!(states(&mut members, at(101)), [Online, Online, Lost], "whoever else names it");
    hear(&mut members, at(102), record(3, 11, &[1]));
    assert_eq!(states(&mut members, at(102)), [Online; 3], "nobody buries the living");
    hear(&mut members, at(103), PeerRecord { version: 12, ..accuses });
    assert_eq!(states(&mut members, at(200)), [Online; 3], "an old accusation again");
}

/// The accused may have answered its neighbour after all, and never have heard of the accusation.
#[test]
fn whoever_nobody_accuses_any_more_is_here() {
    let mut members = chain();
    let says = |number, version, lost: &[u64]| PeerRecord {
        lost: lost.iter().map(|&version| (tag(3), version)).collect(),
        ..record(number, version, &[0, 3])
    };
    hear(&mut members, at(100), says(2, 11, &[10]));
    hear(&mut members, at(100), says(1, 11, &[10]));
    assert_eq!(states(&mut members, at(102)), [Online, Online, Lost]);
    hear(&mut members, at(103), says(2, 12, &[]));
    assert_eq!(states(&mut members, at(103)), [Online, Online, Lost], "another one still accuses it");
    hear(&mut members, at(104), says(1, 12, &[]));
    assert_eq!(states(&mut members, at(104)), [Online; 3]);
    assert_eq!(states(&mut members, at(200)), [Online; 3]);
}

#[test]
fn an_accusation_that_came_first_is_not_forgotten() {
    let mut members = Members::new((tag(0), [0; 8]), 8);
    members.on_up(at(0), tag(1), LinkId(1));
    hear(&mut members, at(0), PeerRecord { lost: vec![(tag(3), 10)], ..record(1, 10, &[0]) });
    hear(&mut members, at(0), record(3, 10, &[1]));
    assert_eq!(members.state(at(0), &tag(3)), Some(Suspect));
    run(&mut members, at(2));
    assert_eq!(members.state(at(2), &tag(3)), Some(Lost));
}

#[test]
fn strangers_and_liars_accuse_in_vain() {
    let mut members = chain();
    let accuses = |number, version| PeerRecord { lost: vec![(tag(3), version)], ..record(number, 11, &[1]) };
    hear(&mut members, at(100), accuses(4, 10));
    assert_eq!(states(&mut members, at(101)), [Online; 3], "no neighbour of it");
    hear(&mut members, at(100), accuses(2, u64::MAX));
    assert_eq!(states(&mut members, at(101)), [Online; 3], "in a version that nobody could exceed");
    let us = |version| PeerRecord { lost: vec![(tag(0), version)], ..record(1, 11, &[]) };
    assert_eq!(members.accuses_us(&us(7), 7), Some(7));
    assert_eq!(members.accuses_us(&us(6), 7), None, "we have answered that");
    assert_eq!(members.accuses_us(&us(u64::MAX), 7), None);
}

#[test]
fn with_the_last_session_everybody_is_lost() {
    let mut members = chain();
    assert!(members.on_down(at(50), tag(1), Down::Silent));
    assert_eq!(states(&mut members, at(50)), [Lost; 3]);
    members.on_up(at(60), tag(1), LinkId(2));
    assert_eq!(states(&mut members, at(62)), [Online; 3]);
    assert_eq!(members.lost().count(), 0);
}

#[test]
fn our_own_neighbour_is_suspect_as_long_as_somebody_vouches_for_it() {
    let mut members = chain();
    members.on_up(at(1), tag(2), LinkId(2));
    hear(&mut members, at(1), record(2, 11, &[0, 1, 3]));
    members.on_down(at(50), tag(2), Down::Silent);
    assert_eq!(states(&mut members, at(50)), [Online, Suspect, Online]);
    assert_eq!(members.lost().collect::<Vec<_>>(), [(tag(2), 11)]);
    assert_eq!(states(&mut members, at(51)), [Online, Lost, Online]);
    hear(&mut members, at(52), record(2, 12, &[1, 3]));
    assert_eq!(states(&mut members, at(52)), [Online; 3], "only we cannot reach it");
    assert_eq!(members.lost().count(), 0);
}

#[test]
fn a_goodbye_is_final_for_that_run() {
    let mut members = chain();
    hear(&mut members, at(5), PeerRecord { gone: true, ..record(3, 11, &[]) });
    assert_eq!(hear(&mut members, at(6), record(3, 12, &[1, 2])), Taken::Old);
    assert_eq!(states(&mut members, at(7)), [Online, Online, Quit]);
    assert!(members.of(&tag(3)).is_some());
    run(&mut members, at(700));
    assert!(members.of(&tag(3)).is_none(), "and is forgotten");
    assert_eq!(members.forgotten, 1);
}

/// It may say so once a second, and whoever it names answers each time: later and later, in a crowd.
#[test]
fn nobody_is_kept_lost_by_a_neighbour_whom_it_has_to_answer_again_and_again() {
    let mut members = Members::new((tag(0), [0; 8]), 300);
    members.on_up(at(0), tag(1), LinkId(1));
    hear(&mut members, at(0), record(1, 10, &[0, 2]));
    hear(&mut members, at(0), record(2, 10, &[1, 3]));
    hear(&mut members, at(0), record(3, 10, &[1, 2]));
    (100..250).for_each(|number| _ = hear(&mut members, at(0), record(number, 1, &[1])));
    let (mut now, mut pause, mut lost) = (at(100), Duration::from_millis(200), Duration::ZERO);
    for version in 10..30 {
        let accuses = PeerRecord { lost: vec![(tag(3), version)], ..record(2, version + 1, &[1, 3]) };
        hear(&mut members, now, accuses);
        for _ in 0..pause.as_millis() / 100 {
            now += Duration::from_millis(100);
            run(&mut members, now);
            if members.state(now, &tag(3)) == Some(Lost) {
                lost += Duration::from_millis(100);
            }
        }
        hear(&mut members, now, record(3, version + 1, &[1, 2]));
        pause = (pause * 2).min(crate::record::pause_most(members.len()));
    }
    assert_eq!(lost, Duration::ZERO);
    // It does not answer any more.
    hear(&mut members, now, PeerRecord { lost: vec![(tag(3), 30)], ..record(2, 31, &[1, 3]) });
    run(&mut members, now + Duration::from_secs(4));
    assert_eq!(members.state(now + Duration::from_secs(4), &tag(3)), Some(Lost));
}

/// Everybody may name as many as it likes: that costs nothing when others say something.
#[test]
fn what_one_says_of_whom_it_has_lost_is_taken_back_with_its_next_record() {
    let mut members = chain();
    let lost: Vec<(Tag, u64)> = (100..132).map(|number| (tag(number), 1)).collect();
    hear(&mut members, at(1), PeerRecord { lost, ..record(2, 11, &[1, 3]) });
    assert_eq!(members.accusations.len(), 32);
    hear(&mut members, at(2), PeerRecord { lost: vec![(tag(100), 1)], ..record(2, 12, &[1, 3]) });
    hear(&mut members, at(2), record(3, 12, &[1, 2]));
    assert_eq!(members.accusations.len(), 1);
}

#[test]
fn whoever_lets_us_go_is_here_until_nobody_turns_out_to_have_a_session_with_it() {
    let mut members = chain();
    members.on_up(at(0), tag(2), LinkId(2));
    members.on_down(at(30), tag(2), Down::Released);
    assert_eq!(states(&mut members, at(99)), [Online; 3], "1 has one");
    members.on_up(at(100), tag(4), LinkId(4));
    hear(&mut members, at(100), record(4, 10, &[0]));
    members.on_down(at(100), tag(4), Down::Released);
    run(&mut members, at(110));
    assert_eq!(members.state(at(110), &tag(4)), Some(Online), "it has just said that it is there");
    run(&mut members, at(115));
    assert_eq!(members.state(at(115), &tag(4)), Some(Lost));
}

/// We ask it over a neighbour while that one says already that it does not answer: that is not forgotten when we give up.
#[test]
fn whoever_was_accused_while_we_asked_is_gone_when_nothing_comes_of_it() {
    let play = |accused_in: u64, how: Down| {
        let mut members = chain();
        members.on_up(at(0), tag(3), LinkId(3));
        members.on_moved(at(0), tag(3), true);
        let accuser = PeerRecord { lost: vec![(tag(3), accused_in)], ..record(1, 11, &[0, 2, 3]) };
        hear(&mut members, at(100), accuser);
        members.on_down(at(101), tag(3), how);
        states(&mut members, at(102))
    };
    assert_eq!(play(10, Down::Cut), [Online, Online, Lost]);
    assert_eq!(play(9, Down::Cut), [Online; 3], "it has answered that");
    assert_eq!(play(10, Down::Released), [Online; 3], "it has answered us");
}

/// Others pass on what it said before it ended, in answer to something else.
#[test]
fn whoever_has_another_run_in_its_place_is_gone_with_its_session() {
    let mut members = chain();
    members.on_up(at(0), tag(3), LinkId(3));
    members.on_doubt(at(100), tag(3), true);
    hear(&mut members, at(101), record(3, 11, &[0, 1]));
    members.on_down(at(102), tag(3), Down::Replaced);
    assert_eq!(states(&mut members, at(103)), [Online, Online, Lost]);
}

#[test]
fn another_run_at_its_place_shows_that_a_run_has_ended() {
    let place: core::net::SocketAddr = "10.0.0.3:27182".parse().unwrap();
    let mut members = chain();
    hear(&mut members, at(0), PeerRecord { addresses: vec![place], ..record(3, 11, &[1, 2]) });
    let elsewhere = "10.0.0.3:27183".parse().unwrap();
    assert!(!members.on_followed(at(10), tag(3), elsewhere), "two programs of one host");
    assert!(!members.on_followed(at(10), tag(9), place), "nobody knows it");
    assert_eq!(states(&mut members, at(10)), [Online; 3]);
    assert!(members.on_followed(at(11), tag(3), place), "and it is told to others");
    assert_eq!(members.lost().collect::<Vec<_>>(), [(tag(3), 11)]);
    assert!(!members.on_followed(at(11), tag(3), place), "once");
    assert_eq!(states(&mut members, at(11)), [Online, Online, Suspect]);
    assert_eq!(states(&mut members, at(12)), [Online, Online, Lost]);
    hear(&mut members, at(13), record(3, 12, &[1, 2]));
    assert_eq!(states(&mut members, at(13)), [Online; 3], "whoever lives all the same answers");
    // One that we are in session with has to show that it is there.
    hear(&mut members, at(13), PeerRecord { addresses: vec![place], ..record(1, 12, &[0, 2, 3]) });
    assert!(!members.on_followed(at(14), tag(1), place));
    assert_eq!((members.doubted(), states(&mut members, at(14))), (Some(LinkId(1)), vec![Online; 3]));
}

#[test]
fn whoever_goes_and_is_still_named_is_not_missed() {
    let mut members = chain();
    hear(&mut members, at(0), record(1, 11, &[0, 2, 3, 4]));
    hear(&mut members, at(0), record(4, 10, &[1]));
    members.on_up(at(1), tag(4), LinkId(4));
    run(&mut members, at(100));
    members.on_down(at(100), tag(4), Down::Released);
    assert_eq!(members.next_wake(), None, "a chain of sessions leads to it: nothing is to be looked at");
    // It and 5 have each other, and nobody whom we reach otherwise has them.
    members.on_up(at(101), tag(4), LinkId(5));
    hear(&mut members, at(101), record(1, 12, &[0, 2, 3]));
    hear(&mut members, at(101), record(4, 11, &[1, 5]));
    hear(&mut members, at(101), record(5, 10, &[4]));
    run(&mut members, at(110));
    members.on_down(at(110), tag(4), Down::Released);
    run(&mut members, at(110) + LINGER);
    assert_eq!(
        [4, 5].map(|number| members.state(at(110) + LINGER, &tag(number))),
        [Some(Lost), Some(Online)]
    );
    run(&mut members, at(125));
    assert_eq!(members.state(at(125), &tag(5)), Some(Lost), "looked at a moment later, with GRACE over");
}

/// Records follow sessions after a pause: 1 names 2 still when all know that 2 has ended, and no chain leads over it.
#[test]
fn whoever_is_reached_over_somebody_who_has_ended_is_missed_with_them() {
    let mut members = chain();
    hear(&mut members, at(0), record(1, 11, &[0, 2]));
    hear(&mut members, at(0), record(3, 11, &[2]));
    assert_eq!(states(&mut members, at(99)), [Online; 3]);
    hear(&mut members, at(100), PeerRecord { lost: vec![(tag(2), 10)], ..record(1, 12, &[0, 2]) });
    assert_eq!(states(&mut members, at(102)), [Online, Lost, Online]);
    assert_eq!(states(&mut members, at(115)), [Online, Lost, Lost], "a second and LINGER after the verdict");
    // It lives all the same, and so does whoever is behind it.
    hear(&mut members, at(116), record(2, 11, &[1, 3]));
    assert_eq!(states(&mut members, at(118)), [Online; 3]);
    assert_eq!((states(&mut members, at(1000)), members.next_wake()), (vec![Online; 3], None));
}
