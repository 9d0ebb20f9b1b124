//! Rooms, conversations, and who is shown what.

use super::*;

fn join(name: &str) -> Action {
    Action::Join(RoomName::new(name).unwrap())
}

fn leave(name: &str) -> Action {
    Action::Leave(RoomName::new(name).unwrap())
}

fn rooms_told(world: &World, index: usize) -> Vec<(String, PeerKey, bool)> {
    let told = |event: &Event| match event {
        Event::Room { room, key, joined } => Some((String::from(room.as_str()), *key, *joined)),
        _ => None,
    };
    world.peers[index].events.iter().filter_map(told).collect()
}

#[test]
fn everybody_starts_in_the_lobby_and_it_is_remembered_that_somebody_left_it() {
    let mut world = World::new(1);
    assert!(world.peers[0].rooms.names.contains_key(&lobby()));
    world.command(0, 1, leave("#lobby"));
    world.command(0, 2, join("#rust"));
    world.restart(0);
    assert!(world.peers[0].rooms.names.keys().eq([&room("#rust")]));
}

#[test]
fn entering_and_leaving_twice_does_no_harm() {
    let mut world = World::new(1);
    world.command(0, 1, join("#rust"));
    world.command(0, 2, join("#rust"));
    world.command(0, 3, leave("#rust"));
    world.command(0, 4, leave("#rust"));
    assert!(world.peers[0].done().iter().map(|&(tag, _)| tag).eq(1..=4));
    assert_eq!(world.peers[0].store.rooms.len(), 2);
}

#[test]
fn others_are_told_who_enters_and_leaves_a_room_that_they_are_in() {
    let mut world = World::new(3);
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        world.connect(one, other);
    }
    world.command(0, 1, join("#rust"));
    world.run_ms(50);
    world.peers.iter_mut().for_each(|peer| peer.events.clear());
    world.command(1, 1, join("#rust"));
    world.run_ms(50);
    let (key0, key1) = (world.key(0), world.key(1));
    assert_eq!(rooms_told(&world, 0), [("#rust".into(), key1, true)]);
    assert_eq!(rooms_told(&world, 1), [("#rust".into(), key0, true)]);
    assert_eq!(rooms_told(&world, 2), []);
    world.command(1, 2, leave("#rust"));
    world.run_ms(50);
    assert_eq!(rooms_told(&world, 0).last(), Some(&("#rust".into(), key1, false)));
}

#[test]
fn nobody_outside_a_room_gets_anything_of_it() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.command(0, 1, join("#rust"));
    world.say_in(0, room("#rust"), "members only");
    world.run_s(30);
    assert!(world.peers[1].heard().is_empty() && world.peers[1].store.entries.is_empty());
    // Later it enters, and gets what was said today.
    world.command(1, 1, join("#rust"));
    world.run_s(1);
    assert_eq!(world.peers[1].heard(), ["members only"]);
}

#[test]
fn who_has_left_hears_nothing_more_and_has_it_all_after_coming_back() {
    let mut world = World::new(2);
    world.connect(0, 1);
    (0..2).for_each(|index| world.command(index, 1, join("#rust")));
    world.run_ms(50);
    world.say_in(0, room("#rust"), "one");
    world.run_ms(50);
    world.command(1, 2, leave("#rust"));
    world.run_ms(50);
    world.say_in(0, room("#rust"), "two");
    world.run_s(20);
    assert_eq!(world.peers[1].heard(), ["one"]);
    world.command(1, 3, join("#rust"));
    world.run_s(1);
    assert_eq!(world.peers[1].heard(), ["one", "two"]);
}

#[test]
fn direct_messages_reach_one_person_only() {
    let mut world = World::new(3);
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        world.connect(one, other);
    }
    world.run_ms(50);
    let (key0, key1) = (world.key(0), world.key(1));
    world.say_in(0, Place::Direct(key1), "between us");
    world.run_s(30);
    let heard: Vec<_> = world.peers[1].messages().map(|message| (&message.place, &*message.text)).collect();
    assert_eq!(heard, [(&Place::Direct(key0), "between us")]);
    assert_eq!(world.peers[0].messages().next().unwrap().place, Place::Direct(key1));
    assert!(world.peers[2].messages().next().is_none() && world.peers[2].store.entries.is_empty());
    let entry = world.peers[0].messages().next().unwrap().id.entry;
    assert_eq!(world.peers[0].receipts(), [(entry, 1, 1)]);
}

#[test]
fn direct_messages_wait_for_somebody_who_is_away_even_for_days_and_over_restarts() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_s(1);
    world.cut(0, 1);
    let (key0, key1) = (world.key(0), world.key(1));
    world.say_in(0, Place::Direct(key1), "are you there?");
    world.run_s(3 * 86_400);
    world.restart(0);
    world.run_s(1);
    world.say_in(0, Place::Direct(key1), "still not?");
    world.run_s(1);
    world.restart(1);
    assert!(!world.peers[1].rooms.names.contains_key(&Place::Direct(key0)), "nobody has asked for it yet");
    world.link(0, 1);
    world.run_s(2);
    assert_eq!(world.peers[1].heard(), ["are you there?", "still not?"]);
    // The one of the earlier run is acknowledged too.
    assert_eq!(world.peers[0].receipts().len(), 2);
    assert_eq!(world.stored(1, &Place::Direct(key0)), world.stored(0, &Place::Direct(key1)));
}

#[test]
fn proofs_come_again_when_the_session_is_renewed_by_either_side_first() {
    for first in [0, 1] {
        let mut world = World::new(2);
        let (a, b) = world.link(0, 1);
        world.run_ms(50);
        let ends = [(0, a), (1, b)];
        world.turn(first, |rooms, turn| rooms.on_rebound(turn, ends[first].1, [9; 32]));
        world.run_ms(50);
        let second = 1 - first;
        world.turn(second, |rooms, turn| rooms.on_rebound(turn, ends[second].1, [9; 32]));
        world.run_ms(50);
        (0..2).for_each(|index| world.command(index, 1, join("#rust")));
        world.run_ms(50);
        world.say_in(0, room("#rust"), "hello");
        world.say_in(1, room("#rust"), "hello");
        world.run_ms(50);
        assert_eq!((world.peers[0].heard(), world.peers[1].heard()), (["hello"].into(), ["hello"].into()));
    }
}

#[test]
fn both_sides_of_a_race_agree_although_their_first_handshakes_differed() {
    // Each side brings the link up with the handshake that it finished first; then one of them is kept.
    for late in 0..2 {
        let mut world = World::new(2);
        let (early, keys) = (1 - late, [world.key(0), world.key(1)]);
        let links = [LinkId(1), LinkId(2)];
        for index in 0..2 {
            world.peers[index].links.insert(links[index], (1 - index, links[1 - index]));
        }
        world.turn(late, |rooms, turn| rooms.on_link_up(turn, links[late], keys[early], BootId(0), [1; 32]));
        world.turn(early, |rooms, turn| rooms.on_link_up(turn, links[early], keys[late], BootId(0), [2; 32]));
        (0..2).for_each(|index| world.say(index, "before"));
        world.run_ms(50);
        assert!(world.peers[early].heard().is_empty());
        world.turn(late, |rooms, turn| rooms.on_rebound(turn, links[late], [2; 32]));
        world.run_ms(50);
        (0..2).for_each(|index| world.say(index, "after"));
        world.run_ms(50);
        (0..2).for_each(|index| assert_eq!(world.peers[index].heard(), ["before", "after"]));
    }
}

#[test]
fn who_knows_the_next_handshake_first_may_speak_before_the_other_has_come_to_it() {
    // The floor comes together with proofs that can only be looked at later.
    for first in 0..2 {
        let mut world = World::new(2);
        let second = 1 - first;
        world.say(first, "hello");
        world.say(second, "hello");
        world.lose = Box::new(move |from, _, frame| {
            from == first && matches!(frame, Frame::Proofs { binding, .. } if *binding == [7; 8])
        });
        let keys = [world.key(0), world.key(1)];
        let links = [LinkId(1), LinkId(2)];
        for index in 0..2 {
            world.peers[index].links.insert(links[index], (1 - index, links[1 - index]));
            let other = keys[1 - index];
            world.turn(index, |rooms, turn| rooms.on_link_up(turn, links[index], other, BootId(0), [7; 32]));
        }
        world.turn(first, |rooms, turn| rooms.on_rebound(turn, links[first], [9; 32]));
        world.run_ms(50);
        world.turn(second, |rooms, turn| rooms.on_rebound(turn, links[second], [9; 32]));
        world.run_ms(50);
        (0..2).for_each(|index| assert_eq!(world.peers[index].heard(), ["hello"]));
    }
}

#[test]
fn rooms_have_a_cap_and_conversations_with_the_absent_make_room() {
    let mut world = World::unborn();
    world.add_with(0, |config| config.rooms_max = 4);
    (0..4).for_each(|_| {
        world.add();
    });
    for other in 1..4 {
        world.connect(0, other);
        let place = Place::Direct(world.key(other));
        world.say_in(0, place, "hello");
        world.run_ms(20);
        world.cut(0, other);
    }
    // The lobby and three conversations; the fourth puts one of them aside.
    world.connect(0, 4);
    world.run_ms(50);
    let place = Place::Direct(world.key(4));
    world.say_in(0, place, "hello");
    world.run_ms(50);
    assert_eq!(world.peers[4].heard(), ["hello"]);
    assert_eq!(world.peers[0].rooms.rooms.len(), 4);
    for (tag, name) in (1..).zip(["#a", "#b", "#c"]) {
        world.command(0, tag, join(name));
    }
    assert_eq!(world.peers[0].refused(), [(3, Refusal::TooManyRooms)]);
}

#[test]
fn strangers_however_many_keep_nobody_from_new_rooms_and_from_friends() {
    let mut world = World::new(2);
    world.connect(0, 1);
    let (key0, friend) = (world.key(0), world.key(1));
    world.say_in(0, Place::Direct(friend), "before");
    world.run_s(1);
    world.cut(0, 1);
    let stamp = Stamp(world.wall(0).0 * 1000);
    let link = |number: u64| LinkId(1_000_000 + number);
    for number in 0..300_u64 {
        let mut seed = [200; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let stranger = Identity::new(REAL, &seed);
        let (key, direct) = (stranger.key(), stranger.direct_public());
        let now = world.now;
        world.turn(0, |rooms, turn| {
            rooms.on_link_up(turn, link(number), key, BootId(1), seed);
            rooms.on_peer_known(turn, key, direct);
            // Every other one has something to say.
            let room = rooms.names.get(&Place::Direct(key)).and_then(|id| rooms.rooms.get_mut(id));
            if let Some(room) = room.filter(|_| number % 2 == 0) {
                room.history.insert(now, stamp, EntryId(seed));
            }
        });
    }
    let config = &world.peers[0].config;
    assert_eq!(world.peers[0].rooms.rooms.len(), config.sessions_max + 2, "theirs have a cap of their own");
    world.command(0, 1, join("#new"));
    world.connect(0, 1);
    world.run_s(1);
    world.say_in(0, Place::Direct(friend), "are you there?");
    world.say_in(1, Place::Direct(key0), "yes");
    world.run_s(1);
    assert_eq!(world.peers[0].refused(), []);
    assert_eq!(world.peers[0].heard(), ["yes"]);
    assert_eq!(world.peers[1].heard(), ["before", "are you there?"]);
    (0..300).for_each(|number| world.turn(0, |rooms, turn| rooms.on_link_down(turn, link(number))));
    assert_eq!(world.peers[0].rooms.rooms.len(), 3, "they take with them what they brought");
    assert_eq!(world.peers[0].rooms.aside.days.len(), 128, "but for what they said");
}

#[test]
fn what_a_stranger_said_is_there_again_when_both_are_back() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(50);
    let (place0, place1) = (Place::Direct(world.key(0)), Place::Direct(world.key(1)));
    world.say_in(1, place0.clone(), "hello?");
    world.run_s(1);
    world.cut(0, 1);
    assert!(!world.peers[0].rooms.names.contains_key(&place1));
    world.say_in(1, place0, "are you there?");
    world.connect(0, 1);
    world.run_s(12);
    assert_eq!(world.peers[0].heard(), ["hello?", "are you there?"]);
    assert_eq!(world.stored(0, &place1).len(), 2);
}

#[test]
fn what_a_session_does_not_take_is_said_again() {
    type Kind = fn(&Frame) -> bool;
    let kinds: [Kind; 3] = [
        |frame| matches!(frame, Frame::Proofs { .. }),
        |frame| matches!(frame, Frame::Floor { .. }),
        |frame| matches!(frame, Frame::Stored { .. }),
    ];
    for (kind, refused) in kinds.into_iter().enumerate() {
        for silent in 0..2 {
            let (mut world, rust) = (World::new(2), room("#rust"));
            let speaker = 1 - silent;
            world.connect(0, 1);
            world.run_ms(100);
            world.refuse = Box::new(move |from, _, frame| from == silent && refused(frame));
            world.command(speaker, 1, join("#rust"));
            world.say_in(speaker, rust.clone(), "early");
            world.command(silent, 1, join("#rust"));
            world.run_s(3);
            assert!(world.peers[speaker].receipts().is_empty() || kind == 1, "{kind} {silent}");
            world.refuse = Box::new(|_, _, _| false);
            world.run_s(3);
            assert_eq!(world.stored(silent, &rust), ["early"], "{kind} {silent}");
            assert_eq!(world.peers[speaker].receipts().len(), 1, "{kind} {silent}");
            world.say_in(silent, rust.clone(), "late");
            world.run_s(1);
            assert_eq!(world.peers[speaker].heard(), ["late"], "{kind} {silent}");
        }
    }
}

#[test]
fn who_cannot_be_forgotten_yet_takes_nobodys_place_and_is_forgotten_later() {
    let mut world = World::unborn();
    world.add_with(0, |config| (config.rooms_max, config.peers_max) = (2, 2));
    (0..4).for_each(|_| {
        world.add();
    });
    let keys: Vec<_> = (0..5).map(|index| world.key(index)).collect();
    let known = |world: &World| world.peers[0].rooms.peers.keys().copied().collect::<BTreeSet<_>>();
    world.connect(0, 1);
    world.say_in(0, Place::Direct(keys[1]), "hello");
    world.run_ms(50);
    world.cut(0, 1);
    world.connect(0, 2);
    // The one has a conversation that is still open, the other is here.
    world.peers[0].rooms.forget(&keys[1]);
    world.peers[0].rooms.forget(&keys[2]);
    assert_eq!(known(&world), [keys[1], keys[2]].into());
    world.connect(0, 3);
    world.connect(0, 4);
    assert_eq!(known(&world), keys[1..].iter().copied().collect());
    world.cut(0, 2);
    assert_eq!(known(&world), [keys[1], keys[3], keys[4]].into());
    world.command(0, 1, join("#new"));
    assert_eq!(known(&world), [keys[3], keys[4]].into());
    // Who is met again meanwhile stays.
    world.peers[0].rooms.forget(&keys[3]);
    let direct = world.known(3).1;
    world.turn(0, |rooms, turn| rooms.on_peer_known(turn, keys[3], direct));
    world.cut(0, 3);
    assert_eq!(known(&world), [keys[3], keys[4]].into());
}
