//! Entries with absurd stamps: they stand where they came, and are not kept for ever.

use super::{
    hostile::{forge, pair, push},
    *,
};

/// A year ahead.
fn far(world: &World, number: u64) -> Stamp {
    Stamp((world.wall(0).0 + 365 * 86_400_000) * 1000 + number)
}

fn push_far(world: &mut World, author: u8, number: u64, text: &str) {
    let entry = forge(author, "#lobby", far(world, number), text);
    push(world, entry.bytes);
}

fn strays(world: &World) -> usize {
    world.peers[0].store.state().strays.len()
}

#[test]
fn nobody_has_the_last_word_by_claiming_to_be_of_next_year() {
    let mut world = pair();
    push_far(&mut world, 50, 0, "of next year");
    world.run_ms(100);
    world.say(1, "of now");
    world.run_ms(100);
    let heard: Vec<_> = world.peers[0].messages().map(|message| (message.stamp, &*message.text)).collect();
    assert_eq!(heard.iter().map(|(_, text)| *text).collect::<Vec<_>>(), ["of next year", "of now"]);
    assert!(heard[0].0 < heard[1].0, "{heard:?}");
    let stored = world.peers[0].store.entries.values().find(|entry| entry.placed != entry.stamp).unwrap();
    assert_eq!((stored.placed, stored.messages[0].stamp), (heard[0].0, heard[0].0));
}

#[test]
fn another_start_gives_nobody_another_share() {
    let mut world = pair();
    for number in 0..100 {
        push_far(&mut world, 50, number, "x");
    }
    world.run_ms(100);
    assert_eq!(strays(&world), 64);
    world.restart(0);
    world.connect(0, 1);
    world.run_ms(100);
    for number in 100..200 {
        push_far(&mut world, 50, number, "x");
    }
    push_far(&mut world, 51, 0, "x");
    world.run_ms(100);
    assert_eq!(strays(&world), 65);
}

#[test]
fn they_are_kept_for_thirty_days() {
    let mut world = pair();
    push_far(&mut world, 50, 0, "x");
    world.pass(29);
    assert_eq!(strays(&world), 1);
    let history = |world: &World| {
        let history = &world.peers[0].rooms.rooms[&world.id_of(0, &lobby())].history;
        history.sum(0, Stamp(u64::MAX)).unwrap().0.count
    };
    let before = history(&world);
    // Its day is not at hand after another start.
    world.restart(0);
    world.pass(3);
    assert_eq!((strays(&world), history(&world)), (0, before - 1 + 3));
    // What others said meanwhile is kept.
    assert!(world.peers[0].store.entries.len() >= 29);
}

/// A machine without a battery was told nothing yet when the first entries came.
#[test]
fn whose_clock_was_behind_has_everything_in_its_place_once_it_is_right() {
    let mut world = World::new(2);
    world.set_clock(0, -7 * 86_400_000);
    world.connect(0, 1);
    world.run_ms(100);
    push_far(&mut world, 50, 0, "x");
    let now = Stamp(world.wall(1).0 * 1000);
    push(&mut world, forge(51, "#lobby", now, "of now").bytes);
    world.run_ms(100);
    world.set_clock(0, 0);
    world.run_s(10);
    let placed: Vec<_> =
        world.peers[0].store.entries.values().map(|entry| (entry.placed, entry.stamp)).collect();
    assert!(placed.iter().any(|(placed, stamp)| (placed, stamp) == (&now, &now)), "{placed:?}");
    assert_eq!(strays(&world), 1);
}
