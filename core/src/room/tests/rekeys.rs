//! Other keys for private rooms: who gets them, and who decides.

mod lies;

use super::*;
use crate::rekey::LEFT_OUT_MAX;

fn den() -> RoomName {
    RoomName::new("#den").unwrap()
}

fn enter(root: u8) -> Action {
    Action::JoinPrivate { room: den(), root: RoomRoot::new([root; 32]) }
}

/// Peers who are all in session with each other, and in one private room where each has said something.
fn world(count: u8) -> World {
    let mut world = World::new(count);
    for one in 0..usize::from(count) {
        (one + 1..usize::from(count)).for_each(|other| world.connect(one, other));
        world.command(one, 1, enter(7));
    }
    world.run_ms(100);
    for index in 0..usize::from(count) {
        world.say_in(index, room("#den"), &alloc::format!("by {index}"));
        world.run_ms(10);
    }
    world.run_ms(200);
    world.peers.iter_mut().for_each(|peer| peer.events.clear());
    world
}

fn rekey(world: &mut World, index: usize, without: &[usize]) {
    let without = without.iter().map(|&index| world.key(index)).collect();
    world.command(index, 5, Action::Rekey { room: den(), without });
    world.run_ms(100);
}

fn told(world: &World, index: usize) -> Vec<Rekey> {
    let told = |event: &Event| match event {
        Event::Rekey(rekey) => Some((**rekey).clone()),
        _ => None,
    };
    world.peers[index].events.iter().filter_map(told).collect()
}

fn offers(world: &World, index: usize) -> Vec<Rekey> {
    told(world, index).into_iter().filter(|rekey| rekey.state == RekeyState::Offered).collect()
}

/// Follows the newest offer.
fn follow(world: &mut World, index: usize) {
    let successor = offers(world, index).last().unwrap().successor;
    world.command(index, 6, Action::Follow { room: den(), successor });
    world.run_ms(100);
}

fn refusals(world: &World, index: usize) -> Vec<Refusal> {
    let refused = |event: &Event| match *event {
        Event::Refused { reason, .. } => Some(reason),
        _ => None,
    };
    world.peers[index].events.iter().filter_map(refused).collect()
}

fn here(world: &World, index: usize) -> RoomKeyId {
    world.id_of(index, &room("#den"))
}

#[test]
fn whoever_is_left_out_holds_nothing_of_the_room_that_follows() {
    let mut world = world(4);
    let old = here(&world, 0);
    rekey(&mut world, 0, &[3]);
    let new = here(&world, 0);
    assert_ne!(old, new);
    let made = told(&world, 0);
    assert!(matches!(made[0].state, RekeyState::Made { given: 2, missed: 0, .. }), "{made:?}");
    assert_eq!((made.len(), made[0].without.clone()), (1, alloc::vec![world.key(3)]));
    for index in [1, 2] {
        let offer = &offers(&world, index)[0];
        let named = (offer.former, offer.successor, offer.from, offer.without.clone(), offer.again);
        assert_eq!(named, (old, new, world.key(0), alloc::vec![world.key(3)], false));
        assert_eq!(here(&world, index), old, "nobody is moved by anybody else");
        follow(&mut world, index);
        assert_eq!(here(&world, index), new);
    }
    assert_eq!(
        told(&world, 3).iter().map(|it| it.state.clone()).collect::<Vec<_>>(),
        [RekeyState::Announced]
    );
    assert_eq!((told(&world, 3)[0].successor, here(&world, 3)), (new, old));
    world.command(3, 7, Action::Follow { room: den(), successor: new });
    assert_eq!(refusals(&world, 3), [Refusal::NoKey]);
    for index in 0..3 {
        world.say_in(index, room("#den"), "among us");
        world.run_ms(50);
    }
    world.run_s(10);
    let entries = |index: usize| world.ids(index, new).len();
    assert_eq!([0, 1, 2, 3].map(entries), [3, 3, 3, 0]);
    assert_eq!(world.ids(3, old).len(), 5, "with the word that another room follows");
    let stats = world.peers[0].stats;
    assert_eq!((stats.keys_sent, stats.keys_unsent), (2, 0));
}

#[test]
fn whoever_is_away_gets_the_key_when_they_come_and_nothing_is_lost_by_a_restart() {
    let mut world = world(3);
    for other in [0, 1] {
        world.cut(2, other);
    }
    // As long as they are there nobody would put their conversation aside.
    world.restart(0);
    world.connect(0, 1);
    world.run_s(1);
    rekey(&mut world, 0, &[1]);
    let new = here(&world, 0);
    assert!(matches!(told(&world, 0)[0].state, RekeyState::Made { given: 1, missed: 0, .. }));
    assert!(world.peers[0].rooms.has_said_to(&world.key(2)), "they are called on when they come");
    world.restart(0);
    assert_eq!(here(&world, 0), new);
    world.run_s(1);
    world.connect(0, 2);
    world.run_s(10);
    assert_eq!(offers(&world, 2).len(), 1);
    world.restart(2);
    let again = offers(&world, 2);
    assert!(again.len() == 1 && again[0].again, "{again:?}");
    follow(&mut world, 2);
    world.restart(2);
    assert_eq!(here(&world, 2), new);
    let state = &told(&world, 2)[0];
    assert!(state.again && matches!(state.state, RekeyState::Followed { .. }), "{state:?}");
    world.connect(0, 2);
    world.run_s(1);
    world.say_in(0, room("#den"), "here we are");
    world.run_s(1);
    assert_eq!(world.ids(2, new).len(), 1);
    assert_eq!(world.ids(1, new).len(), 0);
}

#[test]
fn rivals_are_two_offers_and_everybody_chooses_even_afterwards() {
    let mut world = world(4);
    for (one, other) in [(0, 1), (0, 3), (2, 1), (2, 3)] {
        world.cut(one, other);
    }
    rekey(&mut world, 0, &[]);
    rekey(&mut world, 1, &[]);
    follow(&mut world, 2);
    follow(&mut world, 3);
    let (by_0, by_1) = (here(&world, 0), here(&world, 1));
    assert_eq!((here(&world, 2), here(&world, 3)), (by_0, by_1));
    for (one, other) in [(0, 1), (0, 3), (2, 1), (2, 3)] {
        world.connect(one, other);
    }
    world.run_s(20);
    for index in [0, 2] {
        assert_eq!(offers(&world, index).last().unwrap().successor, by_1, "{index}");
        follow(&mut world, index);
    }
    world.say_in(0, room("#den"), "so be it");
    world.run_s(10);
    let held: Vec<usize> = (0..4).map(|index| world.ids(index, by_1).len()).collect();
    assert_eq!(held, [1; 4]);
    assert_eq!(offers(&world, 3).last().unwrap().successor, by_0, "they could go there, too");
}

#[test]
fn another_key_after_another_reaches_whoever_has_not_followed_the_first() {
    let mut world = world(4);
    (0..2).chain([3]).for_each(|other| world.cut(2, other));
    rekey(&mut world, 0, &[3]);
    follow(&mut world, 1);
    rekey(&mut world, 1, &[]);
    follow(&mut world, 0);
    assert_eq!(here(&world, 0), here(&world, 1));
    (0..2).chain([3]).for_each(|other| world.connect(2, other));
    world.run_s(10);
    assert_eq!(offers(&world, 2).len(), 2);
    let newest = here(&world, 1);
    world.command(2, 6, Action::Follow { room: den(), successor: newest });
    assert_eq!(here(&world, 2), newest);
    let stats = world.peers[3].stats;
    assert!(
        offers(&world, 3).is_empty() && stats.keys_elsewhere == 0,
        "left out before, and not given a key again"
    );
}

#[test]
fn the_node_hears_who_was_given_a_key_and_of_every_room_that_is_entered_or_left() {
    let mut world = world(3);
    let moves = |world: &mut World, action: Action| {
        let before = world.peers[0].moves;
        world.command(0, 1, action);
        world.run_ms(100);
        world.peers[0].moves - before
    };
    let other = world.key(2);
    assert_eq!(moves(&mut world, Action::Rekey { room: den(), without: [other].into() }), 1);
    assert_eq!(world.peers[0].written, [world.key(1)]);
    assert_eq!(moves(&mut world, Action::Leave(den())), 1);
    assert_eq!(moves(&mut world, Action::Leave(den())), 0, "it was left before");
    assert_eq!(moves(&mut world, enter(8)), 1);
    assert_eq!(moves(&mut world, enter(8)), 0, "it was entered before");
    rekey(&mut world, 1, &[0]);
    assert_eq!(world.peers[1].written, [world.key(2)]);
}

#[test]
fn only_private_rooms_have_a_key_to_change_and_nobody_leaves_themselves_out() {
    let mut world = world(2);
    let (own, other) = (world.key(0), world.key(1));
    let without = Vec::from([other]);
    world.command(0, 1, Action::Rekey { room: RoomName::lobby(), without: without.clone() });
    world.command(0, 2, Action::Rekey { room: RoomName::new("#no").unwrap(), without });
    world.command(0, 3, Action::Rekey { room: den(), without: Vec::from([own]) });
    world.command(0, 4, Action::Rekey { room: den(), without: [other; LEFT_OUT_MAX + 1].into() });
    let expected = [Refusal::OpenRoom, Refusal::NotInRoom, Refusal::LeftOut, Refusal::LeftOut];
    assert_eq!(refusals(&world, 0), expected);
    world.command(0, 5, Action::Rekey { room: den(), without: Vec::new() });
    world.command(0, 6, Action::Rekey { room: den(), without: Vec::new() });
    world.command(0, 7, Action::Leave(den()));
    world.run_s(1);
    assert_eq!(refusals(&world, 0)[4..], [Refusal::Busy, Refusal::NotInRoom]);
    assert!(offers(&world, 1).is_empty());
}

#[test]
fn a_store_that_takes_no_key_is_not_believed_to_have_it() {
    let mut world = world(2);
    world.cut(0, 1);
    world.restart(0);
    world.run_s(1);
    world.peers[0].store.broken = true;
    rekey(&mut world, 0, &[]);
    let rooms = &world.peers[0].rooms;
    let direct = rooms.direct_key(&world.key(1)).unwrap().id();
    assert!(!rooms.aside.own.contains_key(&direct));
    assert!(rooms.aside.days.get(&direct).is_none_or(Vec::is_empty));
}

#[test]
fn whoever_has_never_said_anything_gets_the_key_here_or_away() {
    let mut world = World::new(3);
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        world.connect(one, other);
    }
    (0..3).for_each(|index| world.command(index, 1, enter(7)));
    world.run_ms(100);
    (0..2).for_each(|other| world.cut(2, other));
    rekey(&mut world, 0, &[]);
    assert!(matches!(told(&world, 0)[0].state, RekeyState::Made { given: 2, missed: 0, .. }));
    // And once more, before the one who is away has heard of the first.
    rekey(&mut world, 0, &[1]);
    world.connect(0, 2);
    world.run_s(10);
    assert_eq!((offers(&world, 1).len(), offers(&world, 2).len()), (1, 2));
}
