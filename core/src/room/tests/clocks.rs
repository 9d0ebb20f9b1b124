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

/// By how much a peer's stamp clock is wrong, in milliseconds, to the second.
fn error(world: &World, index: usize) -> i64 {
    let stamp = world.peers[index].rooms.clock.stamp(world.now);
    let true_time = NEW_YEAR + u64::try_from(world.now.since_origin().as_millis()).unwrap();
    let ahead = i64::try_from(stamp.0 / 1000).unwrap() - i64::try_from(true_time).unwrap();
    (ahead + 500).div_euclid(1000) * 1000
}

fn floor_of(world: &World, index: usize, place: &Place) -> u32 {
    world.peers[index].rooms.rooms[&world.id_of(index, place)].floor
}

fn today(world: &World) -> u32 {
    history::day_of(Stamp((NEW_YEAR + u64::try_from(world.now.since_origin().as_millis()).unwrap()) * 1000))
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
    world.set_clock(0, -30_000);
    world.say(0, "two");
    assert_eq!(world.stored(0, &lobby()), ["one", "two"]);
}

#[test]
fn who_speaks_from_four_places_has_one_vote_until_the_last_of_them_is_gone() {
    let mut world = World::new(2);
    let liar = world.add_with(YEAR, |_| {});
    let mut places = alloc::vec![liar];
    places.extend((1..4).map(|boot| world.add_copy(liar, boot, YEAR)));
    world.connect(0, 1);
    places.iter().for_each(|&place| world.connect(0, place));
    world.run_s(12);
    assert_eq!(error(&world, 0), 0, "two against one");
    world.cut(0, 1);
    assert_eq!(error(&world, 0), YEAR, "of two the later");
    for place in places {
        assert_eq!(error(&world, 0), YEAR);
        world.cut(0, place);
    }
    assert_eq!(error(&world, 0), 0);
}

#[test]
fn who_shares_no_room_has_no_vote() {
    let mut world = World::new(1);
    world.add_with(YEAR, |_| {});
    world.command(1, 1, Action::Leave(RoomName::lobby()));
    world.link(0, 1);
    for joined in [false, true, false] {
        let name = RoomName::lobby();
        world.command(1, 1, if joined { Action::Join(name) } else { Action::Leave(name) });
        world.run_s(12);
        assert_eq!(error(&world, 0), if joined { YEAR } else { 0 });
    }
    // Nor has it when it is us who leave.
    world.command(1, 1, Action::Join(RoomName::lobby()));
    world.run_s(12);
    world.command(0, 1, Action::Leave(RoomName::lobby()));
    assert_eq!(error(&world, 0), 0);
}

#[test]
fn a_clock_years_ahead_at_the_start_hides_nothing_once_it_is_right() {
    let mut world = World::unborn();
    world.add_with(2 * YEAR, |_| {});
    world.add();
    world.say(1, "before");
    world.connect(0, 1);
    world.run_s(60);
    assert!(world.peers[0].heard().is_empty() && floor_of(&world, 0, &lobby()) > today(&world));
    world.set_clock(0, 0);
    world.run_s(12);
    world.say(1, "after");
    world.run_s(12);
    assert_eq!(world.stored(0, &lobby()), ["before", "after"]);
    assert_eq!(world.stored(1, &lobby()), ["before", "after"]);
    assert_eq!((world.peers[0].stats.strays, world.peers[1].stats.strays), (0, 0));
    // Nor after the next start.
    let floor = history::day_of(world.peers[0].store.rooms[&RoomName::lobby()].floor);
    assert_eq!((floor, floor_of(&world, 0, &lobby())), (today(&world) - 1, today(&world) - 1));
}

#[test]
fn a_floor_in_the_future_that_was_kept_is_lowered_whenever_the_time_is_told() {
    for told_first in [true, false] {
        let mut world = World::unborn();
        world.add_with(YEAR, |_| {});
        world.add();
        world.say(1, "today");
        world.peers[0].skew = 0;
        let state = world.peers[0].store.state();
        world.unbegin(0);
        if told_first {
            world.start(0, &state);
        } else {
            world.turn(0, |rooms, turn| rooms.restore(turn, &state));
            assert!(floor_of(&world, 0, &lobby()) > today(&world));
            world.tell_time(0);
        }
        assert_eq!(floor_of(&world, 0, &lobby()), today(&world) - 1);
        world.connect(0, 1);
        world.run_s(1);
        assert_eq!(world.stored(0, &lobby()), ["today"]);
    }
}

#[test]
fn a_room_entered_before_anybody_has_told_the_time_begins_yesterday_too() {
    for told_by_host in [true, false] {
        let mut world = World::new(2);
        world.say(1, "long ago");
        world.run_s(5 * 86_400);
        world.say(1, "today");
        world.unbegin(0);
        world.turn(0, |rooms, turn| rooms.restore(turn, &State::default()));
        world.connect(0, 1);
        world.run_s(1);
        assert!(world.peers[0].heard().is_empty());
        if told_by_host {
            world.tell_time(0);
        }
        // Otherwise the other's heartbeat tells it.
        world.run_s(12);
        assert_eq!(world.stored(0, &lobby()), ["today"]);
        assert_eq!(floor_of(&world, 0, &lobby()), today(&world) - 1);
    }
}

#[test]
fn a_room_entered_while_a_neighbour_was_ahead_is_not_hidden_when_it_has_gone() {
    let mut world = World::unborn();
    world.add_with(YEAR, |_| {});
    (0..2).for_each(|_| {
        world.add();
    });
    world.connect(0, 1);
    world.run_s(12);
    let rust = room("#rust");
    (1..3).for_each(|index| world.command(index, 1, Action::Join(RoomName::new("#rust").unwrap())));
    assert!(floor_of(&world, 1, &rust) > today(&world));
    world.connect(1, 2);
    world.run_ms(100);
    world.cut(0, 1);
    assert_eq!(floor_of(&world, 1, &rust), today(&world) - 1);
    world.say_in(2, rust.clone(), "hello");
    world.run_s(12);
    assert_eq!(world.stored(1, &rust), ["hello"]);
    assert_eq!(world.peers[1].stats.strays, 0);
}

/// A peer that says it is `wall` from an address, with a key of its own.
fn add_liar(world: &mut World, host: u8, wall: u64) -> usize {
    let skew = i64::try_from(wall).unwrap() - i64::try_from(NEW_YEAR).unwrap();
    let liar = world.add_with(skew, |_| {});
    world.peers[liar].host = host;
    liar
}

#[test]
fn one_host_with_many_keys_sets_nobodys_clock() {
    for wall in [0, NEW_YEAR - 1_000_000_000, NEW_YEAR + 3_600_000, u64::MAX >> 24] {
        let mut world = World::new(2);
        world.run_s(40 * 86_400);
        world.connect(0, 1);
        let floor = floor_of(&world, 0, &lobby());
        for _ in 0..6 {
            let liar = add_liar(&mut world, 66, wall);
            world.connect(0, liar);
        }
        world.run_s(12);
        assert_eq!((error(&world, 0), floor_of(&world, 0, &lobby())), (0, floor), "{wall}");
        world.say(1, "hello");
        world.run_ms(50);
        assert_eq!(world.stored(0, &lobby()), ["hello"]);
        assert_eq!(world.peers[0].stats.strays, 0);
    }
}

#[test]
fn many_hosts_that_agree_on_the_past_lower_no_floor_for_longer_than_they_stay() {
    let mut world = World::new(1);
    let stored = |world: &World| history::day_of(world.peers[0].store.rooms[&RoomName::lobby()].floor);
    let floor = stored(&world);
    world.run_s(40 * 86_400);
    world.restart(0);
    world.command(0, 1, Action::Join(RoomName::new("#rust").unwrap()));
    let new = floor_of(&world, 0, &room("#rust"));
    assert_eq!(new, today(&world) - 1);
    let liars: Vec<usize> =
        (66..72).map(|host| add_liar(&mut world, host, NEW_YEAR - 86_400_000 * 39)).collect();
    for &liar in &liars {
        world.command(liar, 1, Action::Join(RoomName::new("#rust").unwrap()));
        world.connect(0, liar);
    }
    world.run_s(12);
    assert_eq!(floor_of(&world, 0, &room("#rust")), floor + 1, "they are many");
    liars.into_iter().for_each(|liar| world.cut(0, liar));
    assert_eq!(floor_of(&world, 0, &room("#rust")), new);
    let kept = world.peers[0].store.rooms[&RoomName::new("#rust").unwrap()].floor;
    assert_eq!((history::day_of(kept), stored(&world)), (new, floor));
}

#[test]
fn two_machines_in_1970_talk_and_want_no_more_than_others_once_told_the_time() {
    let mut world = meshed(&[-55 * YEAR, -55 * YEAR]);
    world.cut(0, 1);
    world.say(0, "anybody?");
    world.connect(0, 1);
    world.run_s(12);
    assert_eq!((world.peers[1].heard().len(), world.peers[1].stats.strays), (1, 0));
    (0..2).for_each(|index| world.set_clock(index, 0));
    for index in 0..2 {
        assert_eq!(floor_of(&world, index, &lobby()), today(&world) - 1);
        world.say(index, "now");
        world.run_ms(50);
    }
    assert_eq!((world.peers[0].heard().len(), world.peers[1].heard().len()), (1, 2));
}

#[test]
fn a_floor_from_before_there_was_anything_to_want_is_not_kept() {
    let mut world = World::new(1);
    world.peers[0].store.rooms.get_mut(&RoomName::lobby()).unwrap().floor = Stamp(0);
    world.restart(0);
    assert_eq!(floor_of(&world, 0, &lobby()), today(&world) - 1);
}
