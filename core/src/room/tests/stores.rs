//! Stores that fail, are slow, or hold more than memory should.

use super::*;

fn pair() -> World {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world
}

#[test]
fn what_the_store_does_not_take_is_refused_and_not_counted() {
    let mut world = pair();
    world.say(0, "kept");
    world.run_ms(50);
    let id = world.id_of(0, &lobby());
    let own = world.peers[0].rooms.rooms[&id].own;
    world.peers[0].store.broken = true;
    world.say(0, "lost");
    world.say(0, "lost too");
    world.run_ms(50);
    assert_eq!(world.peers[0].refused(), [(0, Refusal::StoreFull), (0, Refusal::StoreFull)]);
    assert_eq!(world.peers[0].rooms.rooms[&id].own, own, "the next entry names the last one that exists");
    assert_eq!(world.peers[0].rooms.undurable.says, 0);
    // For a while nothing is even tried.
    let seen = world.seen.len();
    world.say(0, "not even sent");
    assert_eq!(world.peers[0].refused().len(), 3);
    assert_eq!(world.seen.len(), seen);
    // Then all is well again, and what had reached the other comes back.
    world.peers[0].store.broken = false;
    world.run_s(30);
    world.say(0, "kept again");
    world.run_s(30);
    assert_eq!(world.stored(0, &lobby()), ["kept", "lost", "lost too", "kept again"]);
    assert_eq!(world.ids(0, id), world.ids(1, id));
}

#[test]
fn a_receiver_whose_store_fails_gives_no_receipt_and_gets_it_later() {
    let mut world = pair();
    world.peers[1].store.broken = true;
    world.say(0, "hello");
    world.run_s(1);
    assert_eq!(world.peers[1].heard(), ["hello"], "shown all the same");
    assert!(world.peers[0].receipts().is_empty());
    world.peers[1].store.broken = false;
    world.run_s(60);
    assert_eq!(world.peers[0].receipts().len(), 1);
    assert_eq!(world.stored(1, &lobby()), ["hello"]);
    assert_eq!(world.peers[1].messages().count(), 1, "and told once");
}

#[test]
fn after_a_restart_nothing_is_sent_or_told_twice() {
    let mut world = pair();
    world.say_many(0, 50);
    world.run_s(10);
    for index in 0..2 {
        world.restart(index);
        world.connect(0, 1);
        world.seen.clear();
        world.run_s(60);
        assert_eq!(world.count_seen(|frame| matches!(frame, Frame::Push { .. } | Frame::Want { .. })), 0);
        assert!(world.peers[index].heard().is_empty());
    }
    world.say(0, "new");
    world.run_ms(50);
    assert_eq!(world.peers[1].heard(), ["new"]);
    let id = world.id_of(0, &lobby());
    assert_eq!(world.ids(0, id), world.ids(1, id));
}

#[test]
fn a_message_that_comes_before_the_day_is_read_back_is_heard() {
    let mut world = pair();
    world.say_many(0, 20);
    world.run_s(10);
    world.peers[1].store.takes = Duration::from_millis(300);
    world.restart(1);
    world.connect(0, 1);
    world.run_ms(10);
    world.say(0, "early");
    world.say(1, "own");
    world.run_ms(50);
    world.run_s(20);
    assert_eq!(world.peers[1].heard(), ["early"]);
    let id = world.id_of(0, &lobby());
    assert_eq!(world.ids(0, id), world.ids(1, id));
    assert_eq!(world.ids(0, id).len(), 22);
    assert_eq!(world.peers[1].stats.repaired, 0);
}

#[test]
fn the_first_message_after_a_start_waits_for_no_reading() {
    let mut world = pair();
    world.say_many(0, 20);
    world.restart(1);
    world.run_ms(10);
    world.peers[1].store.takes = Duration::from_millis(300);
    world.connect(0, 1);
    world.run_ms(10);
    world.say(0, "quick");
    world.run_ms(2);
    assert_eq!(world.peers[1].heard(), ["quick"]);
}

#[test]
fn days_of_long_ago_are_read_back_only_where_they_differ() {
    let mut world = pair();
    for _ in 0..30 {
        world.say_many(0, 5);
        world.run_ms(100);
        world.cut(0, 1);
        world.run_s(86_400);
        world.link(0, 1);
        world.run_ms(100);
    }
    assert_eq!(world.stored(1, &lobby()).len(), 150);
    // One entry of the tenth day is missing on one side.
    let id = world.id_of(0, &lobby());
    let day = history::day_of(Stamp(NEW_YEAR * 1000)) + 10;
    let from = (id, history::start_of(day), EntryId([0; 32]));
    let lost = *world.peers[1].store.entries.range(from..).next().unwrap().0;
    world.peers[1].store.entries.remove(&lost);
    (0..2).for_each(|index| world.restart(index));
    world.run_s(1);
    (0..2).for_each(|index| world.peers[index].store.fetches = 0);
    world.connect(0, 1);
    world.run_s(5);
    assert!(world.peers[1].store.entries.contains_key(&lost));
    // The last days, the one that differs, and the missing entry.
    assert!((0..2).all(|index| world.peers[index].store.fetches <= 5));
    let history = &world.peers[1].rooms.rooms[&id].history;
    let loaded = history.days(0, u32::MAX).filter(|&day| history.is_loaded(day)).count();
    assert!(loaded <= 4, "{loaded}");
}

#[test]
fn a_store_that_keeps_nothing_still_allows_a_chat() {
    let mut world = pair();
    for peer in &mut world.peers {
        peer.store.forgetful = true;
    }
    world.say_many(0, 20);
    world.run_s(60);
    assert_eq!(world.peers[1].heard(), numbers(20));
    assert_eq!(world.peers[0].done().len(), 20);
    assert_eq!(world.peers[0].receipts().len(), 20);
}

#[test]
fn a_full_day_takes_no_more() {
    let mut world = World::new(1);
    let id = world.id_of(0, &lobby());
    let (now, stamp) = (world.now, Stamp(world.wall(0).0 * 1000));
    let history = &mut world.peers[0].rooms.rooms.get_mut(&id).unwrap().history;
    for number in 0..u64::try_from(history::DAY_ENTRIES_MAX).unwrap() {
        let mut entry = [0; 32];
        entry[..8].copy_from_slice(&number.to_le_bytes());
        history.insert(now, stamp, EntryId(entry));
    }
    world.say(0, "one too many");
    assert_eq!(world.peers[0].refused(), [(0, Refusal::StoreFull)]);
}

/// One member pushes until nothing more is taken of it.
#[test]
fn whoever_floods_a_room_closes_it_for_nobody_else() {
    let mut world = hostile::pair();
    let id = world.id_of(0, &lobby());
    let (now, stamp) = (world.now, Stamp(world.wall(0).0 * 1000));
    let history = &mut world.peers[0].rooms.rooms.get_mut(&id).unwrap().history;
    // What it said before, as somebody who has read it from the store.
    for number in 0..u64::try_from(history::DAY_ENTRIES_MAX).unwrap() / 8 * 7 {
        let mut entry = [0; 32];
        entry[..8].copy_from_slice(&number.to_le_bytes());
        history.insert(now, stamp, EntryId(entry));
    }
    for number in 0..200 {
        let entry = hostile::forge(50, "#lobby", Stamp(stamp.0 + number), "flood");
        hostile::push(&mut world, entry.bytes);
    }
    assert_eq!((world.peers[0].messages().count(), world.peers[0].stats.day_full), (128, 72));
    world.say(1, "heard");
    world.run_ms(100);
    world.say(0, "said");
    world.run_ms(100);
    let texts: Vec<_> = world.peers[0].messages().map(|message| &*message.text).skip(128).collect();
    assert_eq!((texts, world.peers[0].refused().len()), (Vec::from(["heard", "said"]), 0));
}

#[test]
fn what_was_refused_when_the_clock_was_ahead_still_comes_before_what_is_said_later() {
    let mut world = World::unborn();
    let ada = world.add_with(50_000, |_| {});
    world.peers[ada].store.broken = true;
    world.say(ada, "refused, but others may have it");
    world.run_ms(50);
    assert_eq!(world.peers[ada].refused(), [(0, Refusal::StoreFull)]);
    world.peers[ada].store.broken = false;
    world.peers[ada].skew = 0;
    world.tell_time(ada);
    world.run_s(15);
    world.say(ada, "later");
    world.run_ms(50);
    let stamps: Vec<_> = world.peers[ada].messages().map(|message| message.stamp).collect();
    assert!(stamps.len() == 2 && stamps[0] < stamps[1], "{stamps:?}");
}
