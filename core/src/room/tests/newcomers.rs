//! How far back a room reaches for whoever enters it, and for whoever wants more.

use alloc::format;
use core::num::NonZeroU16;

use super::*;

/// Two in session, where each of these was said and so many days went by after it.
fn after(said: &[(&str, u64)]) -> World {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    for (text, days) in said {
        world.say(0, text);
        world.run_s(5);
        // Nobody has to hear heartbeats for months.
        world.cut(0, 1);
        world.run_s(days * 86_400);
        world.connect(0, 1);
        world.run_s(5);
    }
    world
}

#[test]
fn where_little_was_said_a_newcomer_gets_what_was_said_last() {
    let mut world = after(&[("too long ago", 400), ("in spring", 90), ("in summer", 90)]);
    let newcomer = world.add();
    world.connect(1, newcomer);
    world.run_s(5);
    assert_eq!(world.peers[newcomer].heard(), ["in spring", "in summer"]);
    // All three agree, also when it starts anew, and there is nothing more to do.
    world.restart(newcomer);
    world.connect(1, newcomer);
    world.run_s(5);
    let (seen, room) = (world.seen.len(), world.id_of(0, &lobby()));
    world.run_s(600);
    assert_eq!((world.seen.len(), world.ids(newcomer, room).len()), (seen, 2));
}

#[test]
fn whoever_asks_for_earlier_days_gets_them_bit_by_bit() {
    let mut world = after(&[("forty days ago", 30), ("ten days ago", 7), ("three days ago", 3)]);
    // A talk that goes on: the last two hundred entries are no older than a day.
    for number in 0..250 {
        world.say(0, &format!("today {number}"));
        world.run_ms(100);
    }
    let newcomer = world.add();
    world.connect(1, newcomer);
    world.run_s(5);
    let room = world.id_of(0, &lobby());
    let earlier = |world: &mut World| {
        world.command(newcomer, 900, Action::Earlier(lobby()));
        world.run_s(30);
        world.ids(newcomer, room).len() - 250
    };
    assert_eq!(world.ids(newcomer, room).len(), 250);
    // Whoever has said for how long a room is kept has said how much of it is wanted.
    for (days, reached) in [(365, [0, 0]), (0, [1, 2])] {
        let days = NonZeroU16::new(days);
        world.command(newcomer, 901, Action::Keep { place: lobby(), days });
        assert_eq!([earlier(&mut world), earlier(&mut world)], reached, "8 days, 16 days");
    }
    assert!(
        ["ten days ago", "three days ago"].iter().all(|text| world.peers[newcomer].heard().contains(text))
    );
    // It stays wanted over a restart.
    world.restart(newcomer);
    world.connect(1, newcomer);
    world.run_s(5);
    assert_eq!([earlier(&mut world), earlier(&mut world)], [2, 3], "32 days, 64 days");
}

#[test]
fn a_newcomer_reaches_no_further_back_than_for_so_many_entries() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    for _ in 0..4 {
        world.say_many(0, 90);
        world.run_s(5 * 86_400);
    }
    let newcomer = world.add();
    world.connect(1, newcomer);
    world.run_s(10);
    assert_eq!(world.peers[newcomer].heard().len(), 270, "three days have more than 200, two have not");
}
