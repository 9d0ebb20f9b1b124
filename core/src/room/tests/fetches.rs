//! Whoever announces and does not deliver holds nobody up.

use super::*;
use crate::frames::Cause;

const IS_PUSH: fn(&Frame) -> bool = |frame| matches!(frame, Frame::Push { .. });
const IS_WANT: fn(&Frame) -> bool = |frame| matches!(frame, Frame::Want { .. });

/// Two peers who have the same three hundred entries, and a newcomer who knows neither yet.
fn two_and_a_newcomer() -> World {
    let mut world = World::new(3);
    world.connect(0, 1);
    world.run_ms(100);
    world.say_many(0, 300);
    world.run_s(5);
    assert_eq!(world.peers[1].heard().len(), 300);
    world.seen.clear();
    world
}

/// A frame of `make`, about the lobby, from one peer to another.
fn deliver(world: &mut World, from: usize, to: usize, make: impl FnOnce(u16) -> Frame) {
    deliver_in(world, &lobby(), from, to, make);
}

/// The same, about what is this place for its sender.
fn deliver_in(world: &mut World, place: &Place, from: usize, to: usize, make: impl FnOnce(u16) -> Frame) {
    let id = world.id_of(from, place);
    let (&theirs, &(_, link)) = world.peers[from].links.iter().find(|(_, other)| other.0 == to).unwrap();
    let room = world.peers[from].rooms.links[&theirs].index(id).unwrap();
    world.turn(to, |rooms, turn| rooms.on_frame(turn, link, make(room)));
}

fn wanted_from(world: &World, peer: usize) -> usize {
    let wants = world.seen.iter().filter(|(_, to, _)| *to == peer).map(|(_, _, frame)| match frame {
        Frame::Want { marks, .. } => marks.len(),
        _ => 0,
    });
    wants.sum()
}

#[test]
fn who_announces_everything_and_delivers_nothing_holds_nothing_up() {
    let mut world = two_and_a_newcomer();
    world.lose = Box::new(|from, to, frame| (from, to) == (1, 2) && IS_PUSH(frame));
    world.connect(1, 2);
    world.run_ms(100);
    assert_eq!(wanted_from(&world, 1), 256);
    world.connect(0, 2);
    world.run_s(3);
    assert_eq!(world.peers[2].heard().len(), 300);
    assert_eq!(world.peers[2].stats.duplicates, 0);
    assert!(world.peers[2].rooms.wanted.is_empty());
    // Who fails is asked for less the next time.
    let (&link, _) = world.peers[2].links.iter().find(|(_, to)| to.0 == 1).unwrap();
    let now = world.wall(0).0 * 1000;
    world.seen.clear();
    let marks: Vec<_> = (0..256).map(|number| Mark::new(Stamp(now + number), &EntryId([3; 32]))).collect();
    deliver(&mut world, 1, 2, |room| Frame::Have { room, marks, cause: Cause::Repair });
    let asked = wanted_from(&world, 1);
    assert_eq!(asked, world.peers[2].rooms.links[&link].asked.len());
    assert!((1..=128).contains(&asked), "{asked}");
}

#[test]
fn who_delivers_one_now_and_then_holds_the_rest_no_longer() {
    let mut world = two_and_a_newcomer();
    world.lose = Box::new(|from, to, frame| (from, to) == (1, 2) && IS_PUSH(frame));
    world.connect(1, 2);
    world.run_ms(100);
    world.connect(0, 2);
    let entries: Vec<_> = world.peers[1].store.entries.values().map(|entry| entry.bytes.clone()).collect();
    for bytes in entries.into_iter().take(7) {
        deliver(&mut world, 1, 2, |room| Frame::Push { room, entries: [bytes].into(), repair: true });
        world.run_ms(400);
    }
    assert_eq!(world.peers[2].heard().len(), 300);
}

#[test]
fn who_is_slow_but_honest_is_asked_for_each_entry_once() {
    let mut world = two_and_a_newcomer();
    world.stream = Duration::from_millis(700);
    // Both offer everything at the same time.
    world.lose = Box::new(|_, _, frame| matches!(frame, Frame::Have { cause: Cause::Receipt, .. }));
    world.connect(1, 2);
    world.connect(0, 2);
    world.run_s(20);
    assert_eq!(world.peers[2].heard().len(), 300);
    assert_eq!((world.peers[2].stats.duplicates, world.peers[2].stats.unanswered), (0, 0));
}

#[test]
fn who_has_made_us_wait_long_is_replaced_by_the_first_who_announces_the_same() {
    let mut world = two_and_a_newcomer();
    world.lose = Box::new(|from, to, frame| (from, to) == (1, 2) && IS_PUSH(frame));
    world.connect(1, 2);
    world.run_s(1);
    // The other one has it all as well, and cannot tell.
    world.lose = Box::new(|_, _, frame| matches!(frame, Frame::Sums { .. } | Frame::Have { .. }));
    world.connect(0, 2);
    world.run_s(4);
    assert!(world.peers[2].heard().is_empty());
    let keys = world.peers[0].store.entries.keys();
    let marks: Vec<_> = keys.take(256).map(|(_, stamp, id)| Mark::new(*stamp, id)).collect();
    world.lose = Box::new(|from, to, frame| (from, to) == (1, 2) && IS_PUSH(frame));
    deliver(&mut world, 0, 2, |room| Frame::Have { room, marks, cause: Cause::Repair });
    assert!(
        world.peers[2].rooms.next_wake() > Some(world.now),
        "a timer is never set for a moment that has come"
    );
    world.run_ms(100);
    assert_eq!(world.peers[2].heard().len(), 256);
}

#[test]
fn what_was_wanted_from_one_who_left_is_asked_of_another() {
    let mut world = two_and_a_newcomer();
    world.lose = Box::new(|from, to, frame| (from, to) == (1, 2) && IS_PUSH(frame));
    world.connect(1, 2);
    world.run_ms(100);
    world.connect(0, 2);
    world.run_ms(100);
    assert!(world.peers[2].heard().len() < 300);
    world.cut(1, 2);
    world.run_ms(100);
    assert_eq!(world.peers[2].heard().len(), 300);
}

#[test]
fn a_broken_copy_of_a_wanted_entry_does_not_stand_for_it() {
    let mut world = two_and_a_newcomer();
    world.lose = Box::new(|from, to, frame| (from, to) == (1, 2) && IS_PUSH(frame));
    world.connect(1, 2);
    world.run_ms(100);
    world.connect(0, 2);
    world.run_ms(100);
    let first = world.peers[1].store.entries.values().next().unwrap();
    let mut bytes = first.bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let broken: Vec<Bytes> = [bytes.into()].into();
    deliver(&mut world, 1, 2, |room| Frame::Push { room, entries: broken, repair: true });
    assert_eq!(world.peers[2].stats.forged, 1);
    assert!(!world.peers[2].heard().contains(&"0"));
    world.run_ms(50);
    assert!(world.peers[2].heard().contains(&"0"), "the other one has it as it was written");
}

#[test]
fn nobody_is_asked_for_anything_while_the_store_is_full() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_s(1);
    world.peers[1].store.broken = true;
    world.say(0, "does not fit");
    world.run_ms(50);
    assert_eq!(world.peers[1].stats.not_stored, 1);
    let now = world.wall(0).0 * 1000;
    let marks: Vec<_> = (0..200).map(|number| Mark::new(Stamp(now + number), &EntryId([3; 32]))).collect();
    deliver(&mut world, 0, 1, |room| Frame::Have { room, marks, cause: Cause::Repair });
    world.run_ms(4900);
    assert_eq!(world.count_seen(IS_WANT), 0);
    assert!(world.peers[1].rooms.wanted.is_empty());
    world.run_ms(100);
    assert_eq!(wanted_from(&world, 0), 200, "after five seconds it is tried again");
}

#[test]
fn what_one_still_has_is_asked_for_when_others_have_sent_all_that_it_was_asked_for() {
    let mut world = two_and_a_newcomer();
    world.lose = Box::new(|from, to, frame| (from, to) == (1, 2) && IS_PUSH(frame));
    world.connect(1, 2);
    world.run_ms(100);
    assert_eq!(wanted_from(&world, 1), 256);
    world.lose = Box::new(|_, _, frame| matches!(frame, Frame::Sums { .. } | Frame::Have { .. }));
    world.connect(0, 2);
    world.run_ms(10);
    let entries: Vec<_> = world.peers[0].store.entries.values().map(|entry| entry.bytes.clone()).collect();
    for entries in entries[..256].chunks(64).map(Vec::from) {
        deliver(&mut world, 0, 2, |room| Frame::Push { room, entries, repair: true });
    }
    assert_eq!(world.peers[2].heard().len(), 256);
    world.run_ms(200);
    assert_eq!(world.peers[2].heard().len(), 300);
}

#[test]
fn what_is_announced_in_another_room_keeps_nobody_from_being_asked_for_it() {
    let mut world = World::new(3);
    world.connect(0, 2);
    world.connect(1, 2);
    world.run_s(1);
    world.lose = Box::new(|_, _, frame| matches!(frame, Frame::Push { repair: false, .. }));
    world.say(0, "hello");
    world.run_ms(50);
    let (&(_, stamp, id), _) = world.peers[0].store.entries.first_key_value().unwrap();
    let have = |room| Frame::Have { room, marks: [Mark::new(stamp, &id)].into(), cause: Cause::Repair };
    let conversation = Place::Direct(world.key(2));
    deliver_in(&mut world, &conversation, 1, 2, have);
    deliver(&mut world, 0, 2, have);
    world.run_ms(50);
    assert_eq!(world.peers[2].heard(), ["hello"]);
    assert_eq!((wanted_from(&world, 0), wanted_from(&world, 1)), (1, 1));
}

#[test]
fn who_lets_nobody_push_gets_it_by_asking() {
    let mut world = World::new(1);
    world.add_with(0, |config| config.author_rate = 0);
    world.connect(0, 1);
    world.run_s(1);
    world.say(0, "hello");
    world.run_s(30);
    assert_eq!(world.peers[1].heard(), ["hello"]);
    assert!(
        world.peers[1].rooms.next_wake() > Some(world.now + Duration::from_secs(60)),
        "and then it rests"
    );
}
