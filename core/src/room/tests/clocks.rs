//! Clocks that are wrong silence nobody and drag nobody along.

use super::*;

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 365 * 24 * HOUR;

fn meshed(skews: &[i64]) -> World {
    let mut world = World::unborn();
    for &skew in skews {
        world.add_with(skew, |_| {});
    }
    for one in 0..skews.len() {
        (0..one).for_each(|other| world.connect(one, other));
    }
    // A heartbeat or two tell the clocks.
    world.run_s(12);
    world
}

fn last_stamp(world: &World, index: usize) -> i64 {
    let true_time =
        i64::try_from(NEW_YEAR).unwrap() * 1000 + i64::try_from(world.now.as_nanos() / 1000).unwrap();
    i64::try_from(world.peers[index].messages().last().unwrap().stamp.0).unwrap() - true_time
}

#[test]
fn a_machine_in_1970_is_carried_along() {
    let mut world = meshed(&[-55 * YEAR, 0]);
    world.say(0, "what year is it?");
    world.run_ms(50);
    assert_eq!(world.peers[1].heard(), ["what year is it?"]);
    assert!(last_stamp(&world, 1).abs() < 1_000_000);
    // Its raw clock is told as it is.
    assert!(world.peers[1].messages().last().unwrap().sent.0 < NEW_YEAR / 10);
    assert_eq!(world.peers[1].stats.strays, 0);
}

#[test]
fn one_clock_of_three_in_the_future_drags_nobody() {
    let mut world = meshed(&[0, 0, 50 * YEAR]);
    for index in 0..3 {
        world.say(index, "hello");
        world.run_ms(50);
        assert!(last_stamp(&world, index).abs() < 1_000_000, "{index}");
    }
    assert_eq!(world.stored(0, &lobby()).len(), 3);
    assert_eq!(world.stored(0, &lobby()), world.stored(2, &lobby()));
}

#[test]
fn replies_come_after_what_they_answer_when_clocks_differ_by_seconds() {
    let mut world = meshed(&[20_000, 0, 0]);
    // The one that is ahead has neighbours that agree: its stamps are theirs. Alone it would stamp ahead.
    world.cut(0, 1);
    world.cut(0, 2);
    world.say(0, "question");
    world.run_ms(50);
    world.connect(0, 1);
    world.run_ms(50);
    assert_eq!(world.peers[1].heard(), ["question"]);
    world.say(1, "answer");
    world.run_ms(50);
    assert_eq!(world.stored(0, &lobby()), ["question", "answer"]);
    assert_eq!(world.stored(1, &lobby()), ["question", "answer"]);
}

#[test]
fn a_stamp_beyond_a_minute_pushes_nobody_ahead() {
    let mut world = meshed(&[0, 0]);
    let id = world.id_of(0, &lobby());
    let now = world.now;
    let ahead = Stamp(world.wall(0).0 * 1000 + 300_000_000);
    world.peers[0].rooms.rooms.get_mut(&id).unwrap().history.insert(now, ahead, EntryId([1; 32]));
    world.say(0, "now");
    assert!(last_stamp(&world, 0).abs() < 1_000_000);
    // One within a minute does, so that order is kept.
    let soon = Stamp(world.wall(0).0 * 1000 + 30_000_000);
    world.peers[0].rooms.rooms.get_mut(&id).unwrap().history.insert(now, soon, EntryId([2; 32]));
    world.run_ms(10);
    world.say(0, "then");
    assert_eq!(world.peers[0].messages().last().unwrap().stamp, Stamp(soon.0 + 1));
}

#[test]
fn stamps_rise_although_the_clock_is_set_back() {
    let mut world = meshed(&[0]);
    world.say(0, "one");
    world.run_ms(10);
    let now = world.now;
    let back = UnixMillis(world.wall(0).0 - 30_000);
    world.peers[0].rooms.on_wall_clock(now, back);
    world.say(0, "two");
    assert_eq!(world.stored(0, &lobby()), ["one", "two"]);
}
