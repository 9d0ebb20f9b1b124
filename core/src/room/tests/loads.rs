//! Days of long ago: who may have them read, and how many.

use super::{hostile::forge, *};
use crate::frames::Cause;

const DAYS: u64 = 80;

/// A peer whose store holds an entry of each of the last days and reads slowly, and two neighbours who compare
/// nothing; with the marks of those entries.
fn old_days() -> (World, Vec<Mark>) {
    let mut world = World::new(3);
    world.run_s(DAYS * 86_400);
    let mut marks = Vec::new();
    for day in 0..DAYS {
        let stamp = Stamp((NEW_YEAR + day * 86_400_000) * 1000);
        let entry = forge(50, "#lobby", stamp, "long ago");
        marks.push(Mark::new(stamp, &entry.id));
        world.peers[0].store.hold(lobby(), &entry);
    }
    world.restart(0);
    world.run_s(1);
    world.peers[0].store.takes = Duration::from_millis(300);
    world.lose = Box::new(|_, _, frame| matches!(frame, Frame::Sums { .. }));
    world.connect(0, 1);
    world.connect(0, 2);
    world.run_ms(700);
    world.peers[0].store.fetches = 0;
    (world, marks)
}

/// A frame of `make`, about the lobby, from a neighbour.
fn deliver(world: &mut World, from: usize, make: impl FnOnce(u16) -> Frame) {
    let id = world.id_of(from, &lobby());
    let (&theirs, &(_, link)) = world.peers[from].links.iter().next().unwrap();
    let room = world.peers[from].rooms.links[&theirs].index(id).unwrap();
    world.turn(0, |rooms, turn| rooms.on_frame(turn, link, make(room)));
}

#[test]
fn who_asks_for_many_old_days_leaves_space_for_others() {
    let (mut world, marks) = old_days();
    deliver(&mut world, 1, |room| Frame::Want { room, marks: marks[..64].into() });
    assert_eq!(world.peers[0].stats.waiting_full, 32);
    // Nor does one day, asked for again and again, leave others nothing.
    for _ in 0..1000 {
        deliver(&mut world, 1, |room| Frame::Want { room, marks: marks[..1].into() });
    }
    deliver(&mut world, 2, |room| Frame::Want { room, marks: marks[70..74].into() });
    world.run_s(1);
    assert_eq!(world.peers[2].heard().len(), 4);
    let stats = &world.peers[0].stats;
    assert_eq!(stats.waiting_full + stats.scans_refused, 32 + 1000 - 480);
}

#[test]
fn what_lies_outside_the_window_is_not_even_read() {
    let (mut world, marks) = old_days();
    let id = world.id_of(0, &lobby());
    let floor = history::day_of(marks[40].stamp());
    world.peers[0].rooms.rooms.get_mut(&id).unwrap().floor = floor;
    for marks in [&marks[..40], &marks[39..41]] {
        let marks = marks.to_vec();
        deliver(&mut world, 1, |room| Frame::Want { room, marks: marks.clone() });
        deliver(&mut world, 1, |room| Frame::Have { room, marks, cause: Cause::Repair });
    }
    assert_eq!(world.peers[0].store.fetches, 1, "the day at the floor, for both");
}

#[test]
fn each_day_that_is_read_for_a_neighbour_is_charged() {
    let (mut world, marks) = old_days();
    let link = world.peers[1].links.values().next().unwrap().1;
    let scans = &mut world.peers[0].rooms.links.get_mut(&link).unwrap().scans;
    assert!(scans.take(world.now, pulse::SCANS, pulse::SCANS.burst - 55_000));
    deliver(&mut world, 1, |room| Frame::Want { room, marks: marks[..30].into() });
    assert_eq!((world.peers[0].store.fetches, world.peers[0].stats.scans_refused), (5, 25));
}

#[test]
fn days_that_hold_next_to_nothing_are_put_aside_too_and_those_used_last_stay() {
    const MANY: u32 = 40_000;
    let mut world = World::new(1);
    let (id, now) = (world.id_of(0, &lobby()), world.now);
    let history = &mut world.peers[0].rooms.rooms.get_mut(&id).unwrap().history;
    for day in 0..MANY {
        let used = now + Duration::from_micros(u64::from(MANY - day));
        history.insert(used, history::start_of(day), EntryId([1; 32]));
    }
    world.run_s(20);
    world.turn(0, |rooms, turn| rooms.make_room(turn.now));
    let history = &world.peers[0].rooms.rooms[&id].history;
    let loaded = (0..MANY).filter(|&day| history.is_loaded(day)).count();
    assert!((10_000..=16_384).contains(&loaded), "{loaded}");
    assert!((0..10_000).all(|day| history.is_loaded(day)));
}
