//! Saying and hearing, gathering, receipts.

use super::*;

fn pair() -> World {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world
}

#[test]
fn what_is_said_is_heard_once_and_in_order() {
    let mut world = pair();
    world.say_many(0, 200);
    world.say_many(1, 50);
    world.run_s(60);
    assert_eq!(world.peers[1].heard(), numbers(200));
    assert_eq!(world.peers[0].heard(), numbers(50));
    assert!(world.peers[1].messages().all(|message| !message.late));
    assert_eq!(world.stored(0, &lobby()), world.stored(1, &lobby()));
    assert_eq!(world.stored(0, &lobby()).len(), 250);
    let [said, heard] = [0, 1].map(|index| world.peers[index].messages().next().unwrap());
    assert!(said.own && !heard.own);
    assert_eq!(Message { own: true, ..heard.clone() }, *said);
    assert_eq!((heard.from, heard.nick.as_str()), (world.key(0), "peer0"));
}

#[test]
fn a_message_is_on_the_wire_before_the_store_answers() {
    let mut world = pair();
    world.peers[0].store.takes = Duration::from_secs(1);
    world.say(0, "quick");
    world.run_ms(1);
    assert_eq!(world.peers[1].heard(), ["quick"]);
    assert_eq!(world.peers[0].done(), []);
    world.run_s(1);
    let entry = world.peers[0].messages().next().unwrap().id;
    assert_eq!(world.peers[0].done(), [(0, Some(entry))]);
}

#[test]
fn what_is_said_in_bulk_travels_together() {
    let mut world = pair();
    for number in 0..800 {
        let text = Text::new(alloc::format!("{number}")).unwrap();
        world.command(0, number, Action::Say { place: lobby(), text, action: false, reply: None });
    }
    world.run_ms(50);
    assert_eq!(world.peers[1].heard(), numbers(800));
    // The first alone, three full ones, and the rest after two milliseconds.
    let pushes = world.count_seen(|frame| matches!(frame, Frame::Push { .. }));
    assert_eq!(pushes, 5);
    let items: Vec<u16> = world.peers[1].messages().map(|message| message.id.item).collect();
    assert_eq!(&items[..4], [0, 0, 1, 2]);
    let done = world.peers[0].done();
    assert!(done.iter().map(|&(tag, _)| tag).eq(0..800), "done in the order of the commands");
    let said: Vec<_> = world.peers[0].messages().map(|message| Some(message.id)).collect();
    assert!(done.iter().map(|&(_, message)| message).eq(said));
}

#[test]
fn the_second_of_two_waits_at_most_two_milliseconds() {
    let mut world = pair();
    world.say(0, "one");
    world.run(Duration::from_micros(500));
    world.say(0, "two");
    world.run(Duration::from_micros(1499));
    assert_eq!(world.peers[0].messages().count(), 1);
    world.run(Duration::from_micros(1));
    assert_eq!(world.peers[0].messages().count(), 2);
}

#[test]
fn a_message_bears_the_name_under_which_it_was_said() {
    let nicks = |world: &World, index: usize| {
        let stored = world.peers[index].store.entries.values().flat_map(|entry| &entry.messages);
        stored.map(|message| String::from(message.nick.as_str())).collect::<Vec<_>>()
    };
    let mut world = World::new(3);
    world.connect(0, 1);
    world.run_ms(100);
    // The second one still waits for company when the name changes.
    world.say(0, "one");
    world.say(0, "two");
    world.turn(0, |rooms, turn| rooms.rename(turn, Nick::new("nova").unwrap()));
    world.say(0, "three");
    world.run_ms(100);
    // Who comes later hears of it from somebody else and knows its author not at all.
    world.cut(0, 1);
    world.connect(1, 2);
    world.run_s(1);
    for index in 0..3 {
        assert_eq!(nicks(&world, index), ["peer0", "peer0", "nova"], "{index}");
    }
    assert!(world.peers[2].messages().map(|message| message.nick.as_str()).eq(["peer0", "peer0", "nova"]));
}

#[test]
fn big_texts_fill_an_entry_early() {
    let mut world = pair();
    // The first alone, then as many as go into one.
    for size in core::iter::once(1).chain([4096; 16]) {
        world.say(0, &"x".repeat(size));
    }
    world.run_ms(50);
    let sizes: Vec<_> = world.peers[0].store.entries.values().map(|entry| entry.bytes.len()).collect();
    assert_eq!(sizes.len(), 4);
    assert!(sizes.iter().all(|&size| size <= entry::ENTRY_MAX));
    assert_eq!(world.peers[1].heard().len(), 17);
}

#[test]
fn everybody_gives_a_receipt_once_it_is_stored() {
    let mut world = World::new(3);
    world.connect(0, 1);
    world.connect(0, 2);
    world.run_ms(100);
    world.peers[2].store.takes = Duration::from_secs(2);
    world.say(0, "hello");
    world.run_s(1);
    let entry = world.peers[0].messages().next().unwrap().id.entry;
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 2)]);
    world.run_s(2);
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 2), (entry, 2, 2)]);
    assert!(world.peers[1].receipts().is_empty());
}

#[test]
fn who_comes_later_gives_a_receipt_too() {
    let mut world = World::new(3);
    world.connect(0, 1);
    world.run_ms(100);
    world.say(0, "hello");
    world.run_s(15);
    world.connect(0, 2);
    world.run_s(1);
    let entry = world.peers[0].messages().next().unwrap().id.entry;
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 1), (entry, 2, 2)]);
    assert!(world.peers[2].messages().all(|message| message.late));
}

#[test]
fn an_author_in_reach_hears_of_it_whoever_delivered() {
    // 1 had it from 0; 2 gets it from 1 while 0 is away, and tells 0 when it repeats it.
    let mut world = World::new(3);
    world.connect(0, 1);
    world.run_ms(100);
    world.say(0, "hello");
    world.run_s(1);
    world.peers[2].store.takes = Duration::from_millis(500);
    world.connect(1, 2);
    world.run_ms(100);
    world.connect(0, 2);
    world.run_s(1);
    let entry = world.peers[0].messages().next().unwrap().id.entry;
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 1), (entry, 2, 2)]);
}

#[test]
fn replies_and_actions_arrive_as_such() {
    let mut world = pair();
    world.say(0, "hello");
    world.run_ms(50);
    let reply = Some(world.peers[1].messages().next().unwrap().id);
    let text = Text::new("waves").unwrap();
    world.command(1, 1, Action::Say { place: lobby(), text, action: true, reply });
    world.run_ms(50);
    let message = world.peers[0].messages().last().unwrap();
    assert!(message.action && message.reply == reply);
}

#[test]
fn two_runs_of_one_identity_hear_each_other() {
    let mut world = World::new(1);
    world.add_copy(0, 7, 0);
    world.connect(0, 1);
    world.run_ms(100);
    world.say(0, "from here");
    world.say(1, "from there");
    world.run_s(1);
    assert_eq!(world.peers[0].heard(), ["from there"]);
    assert_eq!(world.peers[1].heard(), ["from here"]);
}

#[test]
fn a_command_for_a_room_that_we_are_not_in_is_refused() {
    let mut world = pair();
    world.say_in(0, room("#elsewhere"), "hello");
    world.say_in(0, Place::Direct(PeerKey([9; 32])), "hello");
    assert_eq!(world.peers[0].refused(), [(0, Refusal::NotInRoom), (0, Refusal::UnknownPeer)]);
}

#[test]
fn too_many_unanswered_are_refused_until_the_store_answers() {
    let mut world = pair();
    world.peers[0].store.takes = Duration::from_secs(1);
    (0..5000).for_each(|number| world.say(0, &alloc::format!("{number}")));
    assert_eq!(world.peers[0].refused().len(), 5000 - 4096);
    world.run_s(2);
    assert_eq!(world.peers[0].done().len(), 4096);
    world.say(0, "again");
    world.run_s(2);
    assert_eq!(world.peers[0].done().len(), 4097);
    assert_eq!(world.peers[1].heard().len(), 4097);
}

/// Two cores shall carry 100,000 messages a second between them. What the rooms take of that, both sides and this
/// harness, is printed (`--nocapture`); only a shameful figure fails, since debug builds are slow.
#[test]
fn a_full_entry_costs_little() {
    let mut world = World::unborn();
    for _ in 0..2 {
        world.add_with(0, |config| config.author_rate = 1_000_000);
    }
    world.connect(0, 1);
    world.run_ms(100);
    let text = "x".repeat(100);
    let begin = processor_time();
    for _ in 0..200 {
        (0..64).for_each(|_| world.say(0, &text));
        world.run_ms(10);
    }
    let spent = processor_time() - begin;
    assert_eq!(world.peers[1].heard().len(), 12_800);
    std::println!("an entry of 64 messages takes {} us", spent.as_micros() / 200);
    assert!(spent < Duration::from_secs(4), "{spent:?}");
}

/// What this thread has used of a processor; nothing on systems that do not tell.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}
