//! By whom a newcomer becomes known.

use alloc::collections::VecDeque;

use super::*;
use crate::rng::Rng;

/// Everybody's view of a network of `count` in which each is in session with its follower and some more.
fn network(rng: &mut Rng, count: u8) -> Vec<Members> {
    let mut sessions = vec![BTreeSet::new(); count.into()];
    let mut join = |a: u8, b: u8| {
        if a != b {
            sessions[usize::from(a)].insert(b);
            sessions[usize::from(b)].insert(a);
        }
    };
    let draw = |rng: &mut Rng| u8::try_from(rng.below(count.into())).unwrap();
    (1..count).for_each(|number| join(number - 1, number));
    (0..count).for_each(|number| join(number, draw(rng)));
    let view = |own: u8| {
        let mut members = Members::new((tag(own), [own; 8]), 300);
        for &other in &sessions[usize::from(own)] {
            members.on_up(at(0), tag(other), LinkId(other.into()));
        }
        for other in (0..count).filter(|other| *other != own) {
            let named: Vec<u8> = sessions[usize::from(other)].iter().copied().collect();
            hear(&mut members, at(0), record(other, 1, &named));
        }
        members.news(at(0));
        members
    };
    (0..count).map(view).collect()
}

const NEWCOMER: u8 = 200;

#[test]
fn everybody_hears_of_a_newcomer_once_and_over_the_fewest_steps() {
    let mut rng = Rng::new([3; 32]);
    for round in 0..40 {
        let count = 2 + u8::try_from(rng.below(60)).unwrap();
        let mut all = network(&mut rng, count);
        if round % 2 == 0 {
            // Nobody has missed it yet in an earlier run.
            let former = PeerRecord { boot: BootId(7), ..record(NEWCOMER, 1, &[0]) };
            all.iter_mut().for_each(|members| {
                members.hear(at(0), tag(1), tag(201), (former.clone(), Bytes::new()));
                members.news(at(0));
            });
        }
        let order = |number: &u8| crate::contacts::place_in_order([NEWCOMER; 8], [*number; 8]);
        let first = (0..count).min_by_key(order).unwrap();
        let mut heard = vec![0; usize::from(count)];
        let mut steps = vec![0; usize::from(count)];
        let caller = &mut all[usize::from(first)];
        caller.on_up(at(1), tag(NEWCOMER), LinkId(NEWCOMER.into()));
        hear(caller, at(1), record(NEWCOMER, 1, &[]));
        caller.spread(at(1), tag(NEWCOMER), LinkId(NEWCOMER.into()), Taken::Newcomer);
        let mut open: VecDeque<(u8, LinkId, Frame)> =
            caller.news(at(1)).into_iter().map(|(to, frame)| (first, to, frame)).collect();
        while let Some((from, LinkId(to), frame)) = open.pop_front() {
            assert!(matches!(frame, Frame::Record(_)), "{frame:?}");
            let to = u8::try_from(to).unwrap();
            heard[usize::from(to)] += 1;
            steps[usize::from(to)] = steps[usize::from(from)] + 1;
            let members = &mut all[usize::from(to)];
            hear(members, at(1), record(NEWCOMER, 1, &[]));
            members.spread(at(1), tag(NEWCOMER), LinkId(from.into()), Taken::Newcomer);
            open.extend(members.news(at(1)).into_iter().map(|(next, frame)| (to, next, frame)));
        }
        heard[usize::from(first)] += 1;
        assert_eq!(heard, vec![1; usize::from(count)], "{count}, {first} first");
        for (number, members) in (0..).zip(&all) {
            let nearest =
                members.links.keys().map(|Tag(other)| steps[usize::from(other[0] % NEWCOMER)]).min().unwrap();
            assert!(number == first || steps[usize::from(number)] == nearest + 1, "{number} of {count}");
        }
    }
}

#[test]
fn the_one_who_is_to_call_first_and_hears_it_from_others_passes_it_on_as_if_it_had_called() {
    let mut rng = Rng::new([4; 32]);
    let mut all = network(&mut rng, 30);
    let order = |number: &u8| crate::contacts::place_in_order([NEWCOMER; 8], [*number; 8]);
    let first = &mut all[usize::from((0..30).min_by_key(order).unwrap())];
    let links: Vec<LinkId> = first.links.values().map(|link| link.link).collect();
    hear(first, at(1), record(NEWCOMER, 1, &[]));
    first.spread(at(1), tag(NEWCOMER), links[0], Taken::Newcomer);
    let told: Vec<LinkId> = first.news(at(1)).into_iter().map(|(link, _)| link).collect();
    assert_eq!(told, links[1..], "all but the one it came from");
}
