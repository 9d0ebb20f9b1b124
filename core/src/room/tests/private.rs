//! Private rooms: who has the secret is in, and nobody else.

use super::*;

fn ops(root: u8) -> Action {
    Action::JoinPrivate { room: RoomName::new("#ops").unwrap(), root: RoomRoot::new([root; 32]) }
}

fn join() -> Action {
    Action::Join(RoomName::new("#ops").unwrap())
}

fn leave() -> Action {
    Action::Leave(RoomName::new("#ops").unwrap())
}

/// Peers who are all in session with each other.
fn world(count: u8) -> World {
    let mut world = World::new(count);
    for one in 0..usize::from(count) {
        (one + 1..usize::from(count)).for_each(|other| world.connect(one, other));
    }
    world
}

fn refusals(world: &World, index: usize) -> Vec<(u64, Refusal)> {
    let refused = |event: &Event| match *event {
        Event::Refused { tag, reason } => Some((tag, reason)),
        _ => None,
    };
    world.peers[index].events.iter().filter_map(refused).collect()
}

#[test]
fn who_has_the_secret_is_in_and_others_see_and_hold_nothing() {
    let mut world = world(4);
    world.command(0, 1, ops(7));
    world.command(1, 1, ops(7));
    world.command(2, 1, ops(8));
    world.command(3, 1, join());
    world.run_ms(100);
    world.peers.iter_mut().for_each(|peer| peer.events.clear());
    for index in 0..4 {
        world.say_in(index, room("#ops"), &alloc::format!("by {index}"));
    }
    world.run_ms(200);
    let stored = |index: usize| world.stored(index, &room("#ops")).into_iter().collect::<BTreeSet<_>>();
    let said = |numbers: &[usize]| numbers.iter().map(|number| alloc::format!("by {number}")).collect();
    assert_eq!([0, 1, 2, 3].map(stored), [said(&[0, 1]), said(&[0, 1]), said(&[2]), said(&[3])]);
    let ids: BTreeSet<_> = (0..4).map(|index| world.id_of(index, &room("#ops"))).collect();
    assert_eq!(ids.len(), 3);
    let told =
        |index: usize| world.peers[index].events.iter().any(|event| matches!(event, Event::Room { .. }));
    assert!(!(0..4).any(told), "nobody came or went since");
}

#[test]
fn two_rooms_of_one_name_exclude_each_other_and_a_private_one_is_entered_again() {
    let mut world = world(2);
    world.command(0, 1, ops(7));
    world.command(0, 2, ops(7));
    world.command(0, 3, ops(8));
    world.command(0, 4, join());
    assert_eq!(refusals(&world, 0), [(3, Refusal::NameTaken)]);
    let private = world.id_of(0, &room("#ops"));
    world.command(0, 5, leave());
    world.restart(0);
    assert!(!world.peers[0].rooms.names.contains_key(&room("#ops")));
    world.command(0, 6, join());
    assert_eq!(world.id_of(0, &room("#ops")), private, "not an open room that happens to be called so");
    world.restart(0);
    assert_eq!(world.id_of(0, &room("#ops")), private);
    world.command(0, 7, leave());
    world.command(0, 8, ops(8));
    assert_ne!(world.id_of(0, &room("#ops")), private);
    world.command(1, 1, join());
    world.command(1, 2, ops(7));
    assert_eq!(refusals(&world, 1), [(2, Refusal::NameTaken)], "nor does a private one replace an open one");
}

#[test]
fn newcomers_get_what_was_said_before() {
    let mut world = world(2);
    world.command(0, 1, ops(7));
    (0..5).for_each(|number| world.say_in(0, room("#ops"), &alloc::format!("{number}")));
    world.run_ms(200);
    world.command(1, 1, ops(7));
    world.run_ms(30_000);
    assert_eq!(world.stored(1, &room("#ops")).len(), 5);
    assert!(world.peers[1].store.rooms[&RoomName::new("#ops").unwrap()].root.is_some());
}
