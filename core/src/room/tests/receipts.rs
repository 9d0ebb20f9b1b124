//! Receipts that a lost link took along, and which ones are counted.

use super::*;
use crate::frames::Cause;

const ASKS_FOR_RECEIPTS: fn(&Frame) -> bool =
    |frame| matches!(frame, Frame::Have { cause: Cause::Receipt, .. });
const IS_STORED: fn(&Frame) -> bool = |frame| matches!(frame, Frame::Stored { .. });

#[test]
fn a_receipt_that_was_lost_is_given_when_the_link_is_back() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_s(1);
    world.lose = Box::new(|_, _, frame| IS_STORED(frame));
    world.say(0, "hello");
    world.run_s(1);
    world.cut(0, 1);
    world.lose = Box::new(|_, _, _| false);
    assert_eq!((world.peers[1].heard(), world.peers[0].receipts().len()), (["hello"].into(), 0));
    world.link(0, 1);
    world.run_s(1);
    let entry = world.peers[0].messages().next().unwrap().id.entry;
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 1)]);
    // Once is enough, however long it goes on and however often they meet again.
    world.run_s(600);
    world.cut(0, 1);
    world.link(0, 1);
    world.run_s(600);
    assert_eq!((world.count_seen(ASKS_FOR_RECEIPTS), world.count_seen(IS_STORED)), (1, 1));
}

#[test]
fn who_does_not_answer_is_asked_once_for_each_link() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_s(1);
    world.lose = Box::new(|_, _, frame| IS_STORED(frame));
    world.say(0, "hello");
    world.run_s(1);
    for links in 1..4 {
        world.cut(0, 1);
        world.link(0, 1);
        world.run_s(300);
        // Another room that both come to be in is no reason to ask in this one.
        let name = RoomName::new(&alloc::format!("#room{links}")).unwrap();
        (0..2).for_each(|index| world.command(index, 1, Action::Join(name.clone())));
        world.run_s(300);
        assert_eq!(world.count_seen(ASKS_FOR_RECEIPTS), links);
    }
}

#[test]
fn who_got_it_from_another_gives_its_author_a_receipt_when_they_meet() {
    let mut world = World::new(3);
    world.connect(0, 1);
    world.connect(1, 2);
    world.run_ms(100);
    world.say(0, "hello");
    world.run_s(10);
    let entry = world.peers[0].messages().next().unwrap().id.entry;
    assert_eq!(world.peers[2].heard(), ["hello"]);
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 1)]);
    world.connect(0, 2);
    world.run_s(1);
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 1), (entry, 2, 2)]);
    // Nobody else asks for receipts, or gets any.
    let asks = |(from, _, frame): &&(usize, usize, Frame)| ASKS_FOR_RECEIPTS(frame) && *from != 0;
    let stored = |(_, to, frame): &&(usize, usize, Frame)| IS_STORED(frame) && *to != 0;
    assert_eq!(world.seen.iter().filter(asks).count() + world.seen.iter().filter(stored).count(), 0);
}

#[test]
fn what_is_not_stored_yet_gets_its_receipt_when_it_is() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world.peers[1].store.takes = Duration::from_secs(3);
    world.say(0, "hello");
    world.run_ms(10);
    world.cut(0, 1);
    world.link(0, 1);
    world.run_s(2);
    assert_eq!((world.count_seen(ASKS_FOR_RECEIPTS), world.peers[0].receipts().len()), (1, 0));
    world.run_s(1);
    assert_eq!(world.peers[0].receipts().len(), 1);
}

#[test]
fn old_entries_that_somebody_fetches_do_not_displace_what_was_just_said() {
    let mut world = World::new(3);
    world.connect(0, 1);
    world.run_s(1);
    world.say(0, "hello");
    world.run_ms(50);
    let (&(room, _, entry), stored) = world.peers[0].store.entries.first_key_value().unwrap();
    let (bytes, link) = (stored.bytes.clone(), *world.peers[0].links.keys().next().unwrap());
    world.lose = Box::new(|_, _, frame| matches!(frame, Frame::Push { .. }));
    let old = |number: u64| {
        let mut id = [9; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        (EntryId(id), bytes.clone())
    };
    for batch in 0..100 {
        let entries = (0..64).map(|number| old(batch * 64 + number)).collect();
        world.turn(0, |rooms, turn| rooms.on_entries(turn, link, room, entries));
    }
    world.lose = Box::new(|_, _, _| false);
    world.connect(0, 2);
    world.run_s(1);
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 1), (entry, 2, 2)]);
}

#[test]
fn one_entry_is_counted_for_as_many_as_there_may_be_sessions() {
    let mut world = World::unborn();
    world.add_with(0, |config| config.sessions_max = 3);
    world.say(0, "hello");
    world.run_ms(50);
    let &(room, _, entry) = world.peers[0].store.entries.first_key_value().unwrap().0;
    for number in 0..10 {
        let (link, key) = (LinkId(1_000_000 + u64::from(number)), PeerKey([number; 32]));
        world.turn(0, |rooms, turn| {
            rooms.on_link_up(turn, link, key, BootId(1), [number; 32]);
            rooms.on_stored(turn, link, room, &[entry]);
            rooms.on_link_down(turn, link);
        });
    }
    assert_eq!((world.peers[0].receipts().len(), world.peers[0].stats.receipts_uncounted), (3, 7));
}
