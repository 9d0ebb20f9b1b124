//! How records spread.

use super::{super::exchange::RELAY, *};

#[test]
fn what_one_lacks_is_asked_for_once_and_of_the_next_one_if_it_does_not_come() {
    let mut members = chain();
    members.on_up(at(1), tag(2), LinkId(2));
    let known = [(tag(0), 99), (tag(3), 10), (tag(5), 7), (tag(1), 9)];
    let answer = members.on_known(at(1), tag(1), &known);
    assert_eq!(
        answer,
        [Frame::Known(vec![(tag(1), 10)]), Frame::Ask(vec![tag(5)])],
        "and told what is newer"
    );
    assert_eq!(members.on_known(at(1), tag(2), &known[1..3]), [], "it is asked for already");
    let mut again = Vec::new();
    members.on_tick(at(1) + Duration::from_millis(99), &mut again);
    assert_eq!(again, []);
    members.on_tick(at(1) + Duration::from_millis(100), &mut again);
    assert_eq!(again, [(LinkId(2), Frame::Ask(vec![tag(5)]))], "soon, as there is another one");
    members.on_tick(at(2), &mut again);
    assert_eq!(again.len(), 1, "the last one has a second");
    assert!(members.is_asked(&tag(5)));
    hear(&mut members, at(2), record(5, 7, &[]));
    members.spread(at(2), tag(5), LinkId(2), Taken::Newcomer);
    assert!(!members.is_asked(&tag(5)) && members.on_known(at(3), tag(1), &known[2..3]).is_empty());
    assert_eq!(members.news(at(2)), [], "its source has told others than us, too");
    assert_eq!(
        members.news(at(2) + RELAY),
        [(LinkId(1), Frame::Known(vec![(tag(5), 7)]))],
        "news to all but its source"
    );
    members.on_down(at(3), tag(1), Down::Silent);
    assert_eq!(members.news(at(3)), []);
}

#[test]
fn behind_many_others_an_answer_is_waited_for_longer_before_somebody_else_is_asked() {
    let mut members = Members::new((tag(0), [0; 8]), 64);
    members.on_up(at(1), tag(1), LinkId(1));
    members.on_up(at(1), tag(2), LinkId(2));
    let known: Vec<_> = (10..50).map(|number| (tag(number), 7)).collect();
    members.on_known(at(1), tag(1), &known);
    members.on_known(at(1), tag(2), &known);
    let mut asked_by = |millis| {
        let mut again = Vec::new();
        members.on_tick(at(1) + Duration::from_millis(millis), &mut again);
        again.iter().filter(|(link, _)| *link == LinkId(2)).count()
    };
    assert_eq!([100, 199, 200, 299, 300, 301].map(&mut asked_by), [16, 0, 16, 0, 8, 0]);
}

#[test]
fn however_many_did_not_send_a_record_the_next_one_is_soon_asked() {
    let mut members = chain();
    members.on_known(at(1), tag(1), &[(tag(5), 7)]);
    let mut now = at(1);
    for number in 2..20 {
        members.on_up(now, tag(number), LinkId(number.into()));
        members.on_known(now, tag(number), &[(tag(5), 7)]);
        members.on_down(now, tag(number - 1), Down::Silent);
        now += Duration::from_millis(10);
        members.on_tick(now, &mut Vec::new());
    }
    (20..23).for_each(|number| {
        members.on_up(now, tag(number), LinkId(number.into()));
        members.on_known(now, tag(number), &[(tag(5), 7)]);
    });
    for (seconds, link) in [(1, 20), (2, 21), (3, 22)] {
        let mut again = Vec::new();
        members.on_tick(now + Duration::from_secs(seconds), &mut again);
        assert!(again.contains(&(LinkId(link), Frame::Ask(vec![tag(5)]))), "{link}: {again:?}");
    }
}

#[test]
fn who_sends_an_older_record_than_others_have_is_not_the_last_to_be_asked() {
    let mut members = chain();
    members.on_up(at(1), tag(2), LinkId(2));
    members.on_known(at(1), tag(1), &[(tag(5), 7)]);
    members.on_known(at(1), tag(2), &[(tag(5), 8)]);
    hear(&mut members, at(1), record(5, 7, &[]));
    members.spread(at(1), tag(5), LinkId(1), Taken::Newcomer);
    let mut again = Vec::new();
    members.on_tick(at(1) + Duration::from_millis(1), &mut again);
    assert!(again.contains(&(LinkId(2), Frame::Ask(vec![tag(5)]))), "{again:?}");
    hear(&mut members, at(1), record(5, 8, &[]));
    members.spread(at(1), tag(5), LinkId(2), Taken::News);
    assert!(!members.is_asked(&tag(5)));
}

#[test]
fn one_piece_of_news_leaves_soon_and_those_behind_it_together() {
    let mut members = Members::new((tag(0), [0; 8]), 32);
    members.on_up(at(0), tag(1), LinkId(1));
    members.on_up(at(0), tag(2), LinkId(2));
    members.push_nothing_before(at(100));
    run(&mut members, at(10));
    let come = |members: &mut Members, now: Instant, number: u8| {
        hear(members, now, record(number, 1, &[]));
        members.spread(now, tag(number), LinkId(2), Taken::Newcomer);
        members.news(now)
    };
    assert_eq!(come(&mut members, at(10), 5), []);
    let soon = at(10) + RELAY;
    assert_eq!(members.news(soon), [(LinkId(1), Frame::Known(vec![(tag(5), 1)]))]);
    assert_eq!((6..16).flat_map(|number| come(&mut members, soon, number)).count(), 0);
    let wake = members.next_wake().unwrap();
    assert!(wake <= soon + Duration::from_millis(20), "{wake:?}");
    let mut told = Vec::new();
    members.on_tick(wake, &mut told);
    let [(LinkId(1), Frame::Known(marks))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(marks.len(), 10);
}

#[test]
fn whoever_comes_to_us_is_shown_to_all_neighbours_at_once_and_they_do_not_pass_it_on_in_a_hurry() {
    let mut members = Members::new((tag(0), [0; 8]), 32);
    (1..=4).for_each(|number| members.on_up(at(0), tag(number), LinkId(number.into())));
    members.push_nothing_before(at(100));
    run(&mut members, at(10));
    // Four has just come, and three shows its record as well.
    hear(&mut members, at(10), record(4, 1, &[]));
    members.spread(at(10), tag(4), LinkId(4), Taken::Newcomer);
    members.on_shown(tag(4), LinkId(3));
    let signed = members.all[&tag(4)].signed.clone();
    let sent = [1, 2].map(|link| (LinkId(link), Frame::Record(signed.clone())));
    assert_eq!(members.news(at(10)), sent);
    // A neighbour's neighbour has come: that neighbour has shown it to others already.
    hear(&mut members, at(11), record(9, 1, &[]));
    members.spread(at(11), tag(9), LinkId(1), Taken::Newcomer);
    [2, 3].into_iter().for_each(|link| members.on_shown(tag(9), LinkId(link)));
    assert_eq!(members.news(at(11)), []);
    assert_eq!(members.news(at(11) + RELAY), [(LinkId(4), Frame::Known(vec![(tag(9), 1)]))]);
    // Whoever leaves is told of at once, by everybody.
    hear(&mut members, at(12), PeerRecord { gone: true, ..record(9, 2, &[]) });
    members.spread(at(12), tag(9), LinkId(1), Taken::News);
    assert_eq!(members.news(at(12)).len(), 3);
}

#[test]
fn whoever_knows_nobody_is_sent_a_few_records_and_told_of_many() {
    let frames = |others: u8| {
        let mut members = Members::new((tag(0), [0; 8]), 128);
        members.on_up(at(0), tag(1), LinkId(1));
        (2..2 + others).for_each(|number| {
            hear(&mut members, at(0), record(number, 1, &[1]));
        });
        hear(&mut members, at(0), record(1, 7, &(2..2 + others).collect::<Vec<_>>()));
        let alone = Members::new((tag(1), [1; 8]), 64).digest(7);
        (members.on_sum(at(1), tag(1), alone, 3), members.on_sum(at(1), tag(1), alone, 3))
    };
    let is_record = |frame: &Frame| matches!(frame, Frame::Record(_));
    let (few, again) = frames(9);
    assert!(few.len() == 9 && few.iter().all(is_record), "{few:?}");
    assert_eq!(again, [], "once");
    let (many, _) = frames(80);
    assert!(matches!(&many[..], [Frame::Known(marks)] if marks.len() == 82), "{many:?}");
}

#[test]
fn two_who_know_the_same_sum_up_alike_and_others_are_told_all() {
    let (mut one, mut other) = (Members::new((tag(7), [7; 8]), 8), Members::new((tag(8), [8; 8]), 8));
    for members in [&mut one, &mut other] {
        members.on_up(at(0), tag(1), LinkId(1));
        hear(members, at(0), record(1, 10, &[7, 8]));
    }
    hear(&mut one, at(0), record(8, 5, &[1]));
    hear(&mut other, at(0), record(7, 4, &[1]));
    assert_eq!(one.digest(4), other.digest(5));
    assert_eq!(one.on_digest(at(5), tag(1), other.digest(5), 4), []);
    hear(&mut other, at(5), record(9, 1, &[1]));
    assert_eq!(one.on_digest(at(10), tag(1), other.digest(5), 4), [], "once is no difference");
    let all = vec![(tag(1), 10), (tag(7), 4), (tag(8), 5)];
    assert_eq!(one.on_digest(at(15), tag(1), other.digest(5), 4), [Frame::Known(all)]);
    let told = (16..1016).filter(|&second| !one.on_digest(at(second), tag(1), 0, 4).is_empty()).count();
    assert!((4..8).contains(&told), "{told} times in a thousand seconds");
}

#[test]
fn nobody_is_served_without_end() {
    let mut members = chain();
    let ask = vec![tag(2); 256];
    let served: usize = (0..100).map(|_| members.on_ask(at(1), tag(1), &ask, &Bytes::new()).len()).sum();
    assert_eq!(served, 8192);
    assert!((0..100_000).filter(|_| members.may_hear(at(1), tag(1))).count() <= 8192);
}

#[test]
fn whoever_knows_the_same_is_told_nothing() {
    let mut members = chain();
    let (same, other) = (members.digest(7), members.digest(8));
    assert_eq!(members.on_sum(at(1), tag(1), same, 7), []);
    assert_eq!(members.on_sum(at(1), tag(2), other, 7), [], "we have no session with it");
    let mut members = chain();
    let told = members.on_sum(at(1), tag(1), other, 7);
    let everybody = [(tag(0), 7), (tag(1), 10), (tag(2), 10), (tag(3), 10)];
    assert_eq!(told, [Frame::Known(everybody.to_vec())]);
    assert_eq!(
        members.on_sum(at(2), tag(1), other, 7),
        [],
        "a short question with a long answer is heard once"
    );
}

#[test]
fn a_list_in_order_is_read_like_any_other() {
    let crowd = || {
        let mut members = Members::new((tag(0), [0; 8]), 100);
        members.on_up(at(0), tag(1), LinkId(1));
        (1..60).for_each(|number| _ = hear(&mut members, at(0), record(number, 10, &[1])));
        members
    };
    // Older, as new, newer; and some whom nobody here knows, ourselves among them.
    let known: Vec<_> =
        (0..100).step_by(3).map(|number: u8| (tag(number), u64::from(number % 4) + 8)).collect();
    let answers = |known: Vec<(Tag, u64)>| {
        let told = crowd().on_known(at(1), tag(1), &known);
        let mut all: Vec<(Tag, u64)> = Vec::new();
        for frame in told {
            match frame {
                Frame::Known(newer) => all.extend(newer),
                Frame::Ask(tags) => all.extend(tags.into_iter().map(|tag| (tag, 0))),
                other => panic!("{other:?}"),
            }
        }
        all.sort_unstable();
        all
    };
    let in_order = answers(known.clone());
    assert_eq!((in_order.len(), answers(known.into_iter().rev().collect())), (28, in_order));
}

/// One neighbour says that it has the records of thousands who are not there: others are heard for all that.
#[test]
fn whoever_makes_records_up_leaves_room_for_what_others_have() {
    let mut members = Members::new((tag(0), [0; 8]), 512);
    (1..4).for_each(|number| members.on_up(at(0), tag(number), LinkId(number.into())));
    let made_up = |from: u32| -> Vec<(Tag, u64)> {
        (from..from + 512)
            .map(|number| (Tag([&[0xff; 4][..], &number.to_be_bytes()].concat().try_into().unwrap()), 1))
            .collect()
    };
    let asked = |frames: Vec<Frame>| -> usize {
        frames
            .iter()
            .map(|frame| match frame {
                Frame::Ask(tags) => tags.len(),
                _ => 0,
            })
            .sum()
    };
    assert_eq!(asked(members.on_known(at(1), tag(1), &made_up(0))), 256, "half of what there is room for");
    assert_eq!(asked(members.on_known(at(1), tag(1), &made_up(1000))), 0);
    assert_eq!(asked(members.on_known(at(1), tag(2), &[(tag(9), 1)])), 1);
    // Whoever says first that it has what somebody accused answers, and never sends it, is not waited for.
    members.on_known(at(3), tag(2), &made_up(2000)[..120]);
    hear(&mut members, at(3), record(7, 10, &[2, 3]));
    hear(&mut members, at(3), PeerRecord { lost: vec![(tag(7), 10)], ..record(2, 10, &[0, 7]) });
    assert_eq!(asked(members.on_known(at(3), tag(2), &[(tag(7), u64::MAX)])), 1);
    assert_eq!(asked(members.on_known(at(3), tag(3), &[(tag(7), 12)])), 0);
    let mut frames = Vec::new();
    members.on_tick(at(3) + Duration::from_millis(100), &mut frames);
    assert!(frames.contains(&(LinkId(3), Frame::Ask(vec![tag(7)]))), "it is soon asked of the other");
    // All of them have a few, however many say so.
    (10..40).for_each(|number| members.on_up(at(4), tag(number), LinkId(number.into())));
    let each = |members: &mut Members, number: u8| {
        asked(members.on_known(at(4), tag(number), &made_up(10_000 * u32::from(number))))
    };
    let all: Vec<usize> = (10..40).map(|number| each(&mut members, number)).collect();
    assert_eq!(all.last(), Some(&64));
    while let Some(at) = members.next_wake() {
        members.on_tick(at, &mut Vec::new());
    }
    assert_eq!(asked(members.on_known(at(999), tag(1), &made_up(0))), 256, "what never came is given up");
}
