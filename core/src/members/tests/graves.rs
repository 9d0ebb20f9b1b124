//! Records of those who have ended, which somebody has kept.

use super::*;

/// 2 has lost 3, which did not answer, and both that and 3 itself are forgotten.
fn forgotten(how: impl Fn(&mut Members)) -> Members {
    let mut members = chain();
    how(&mut members);
    run(&mut members, at(800));
    assert!(members.of(&tag(3)).is_none());
    members
}

fn crash(members: &mut Members) {
    hear(members, at(100), PeerRecord { lost: vec![(tag(3), 10)], ..record(2, 11, &[1]) });
}

#[test]
fn whoever_has_ended_is_not_brought_back_by_a_record_that_somebody_has_kept() {
    let mut members = forgotten(crash);
    assert_eq!(hear(&mut members, at(900), record(3, 10, &[1, 2])), Taken::Old);
    assert_eq!(hear(&mut members, at(900), record(3, 9, &[1, 2])), Taken::Old);
    assert!(members.of(&tag(3)).is_none());
    assert_eq!((members.lost().collect::<Vec<_>>(), members.has_objected()), (vec![(tag(3), 10)], true));
    assert_eq!(members.on_known(at(901), tag(1), &[(tag(3), 10)]), [], "nor is it asked for");
    assert!(!members.has_objected(), "that was said");
    // It lives after all, and says so.
    assert_eq!(hear(&mut members, at(902), record(3, 11, &[1, 2])), Taken::Newcomer);
    assert_eq!((states(&mut members, at(950)), members.lost().count()), (vec![Online; 3], 0));
}

#[test]
fn a_goodbye_is_final_when_it_is_forgotten_too() {
    let mut members =
        forgotten(|members| _ = hear(members, at(5), PeerRecord { gone: true, ..record(3, 11, &[]) }));
    assert_eq!(hear(&mut members, at(900), record(3, 12, &[1, 2])), Taken::Old);
    assert_eq!(hear(&mut members, at(86_300), record(3, 12, &[1, 2])), Taken::Old, "for a day");
}

#[test]
fn those_behind_a_cut_cable_need_not_say_anything_new_when_it_is_mended() {
    let mut members = forgotten(|members| _ = hear(members, at(100), record(1, 11, &[0])));
    hear(&mut members, at(900), record(1, 12, &[0, 2, 3]));
    assert_eq!(hear(&mut members, at(900), record(2, 10, &[1, 3])), Taken::Newcomer);
    assert_eq!(hear(&mut members, at(900), record(3, 10, &[1, 2])), Taken::Newcomer);
    assert_eq!(states(&mut members, at(950)), [Online; 3]);
}

/// It slept, and nothing has changed for it since.
#[test]
fn whoever_is_in_session_with_us_is_here_and_hears_that_it_was_thought_lost() {
    let mut members = forgotten(crash);
    members.on_up(at(900), tag(3), LinkId(3));
    assert_eq!(hear_from(&mut members, at(900), 3, record(3, 10, &[1, 2])), Taken::Newcomer);
    assert_eq!(members.state(at(900), &tag(3)), Some(Online));
    assert_eq!(members.lost().collect::<Vec<_>>(), [(tag(3), 10)]);
    hear_from(&mut members, at(901), 3, record(3, 11, &[0]));
    assert_eq!((members.lost().count(), members.state(at(901), &tag(3))), (0, Some(Online)));
}

/// Its accusers say nothing of it any more, since they have forgotten it.
#[test]
fn whoever_was_lost_for_long_is_not_here_since_nobody_says_so_any_more() {
    let mut members = chain();
    crash(&mut members);
    run(&mut members, at(699));
    hear(&mut members, at(699), record(2, 12, &[1]));
    assert_eq!(states(&mut members, at(699)), [Online, Online, Lost]);
}

#[test]
fn what_is_said_of_old_records_leaves_room_for_news_and_ends() {
    let mut members = Members::new((tag(0), [0; 8]), 64);
    members.on_up(at(0), tag(1), LinkId(1));
    hear(&mut members, at(0), record(1, 10, &[0]));
    for number in 100..140 {
        hear(&mut members, at(0), PeerRecord { gone: true, ..record(number, 10, &[]) });
    }
    run(&mut members, at(700));
    (100..140).for_each(|number| _ = hear(&mut members, at(800), record(number, 9, &[1])));
    assert_eq!((members.len(), members.lost().count()), (1, LOST_MAX / 2));
    run(&mut members, at(1900));
    assert_eq!(members.lost().count(), LOST_MAX / 2, "those who took them in have them still");
    run(&mut members, at(4000));
    assert_eq!((members.lost().count(), members.next_wake()), (0, None));
}

#[test]
fn made_up_runs_that_end_push_out_each_other() {
    let mut members = Members::new((tag(0), [0; 8]), 8);
    members.on_up(at(0), tag(1), LinkId(1));
    members.on_up(at(0), tag(2), LinkId(2));
    hear_from(&mut members, at(0), 2, PeerRecord { gone: true, ..record(3, 10, &[]) });
    for number in 100..200 {
        let gone = PeerRecord { gone: true, ..record(number, 10, &[]) };
        assert_eq!(hear(&mut members, at(1), gone), Taken::Newcomer);
    }
    run(&mut members, at(700));
    assert_eq!(hear_from(&mut members, at(800), 2, record(3, 9, &[])), Taken::Old);
}
