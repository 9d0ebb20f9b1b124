//! What was missed comes later, at little cost.

use super::*;

const IS_RECONCILE: fn(&Frame) -> bool = |frame| matches!(frame, Frame::Reconcile { .. });

#[test]
fn a_third_peer_gets_the_last_day_from_whoever_has_it() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world.say(0, "long ago");
    world.run_s(2 * 86_400 + 3600);
    world.say_many(0, 200);
    world.run_s(10);
    // The author is gone; only the other one is left to ask.
    world.cut(0, 1);
    let third = world.add();
    world.connect(1, third);
    world.run_s(5);
    assert_eq!(world.peers[third].heard(), numbers(200));
    assert!(world.peers[third].messages().all(|message| message.late && message.from == world.key(0)));
    // And there is nothing more to do.
    let seen = world.seen.len();
    world.run_s(600);
    assert_eq!(world.seen.len(), seen);
}

#[test]
fn a_liar_cannot_make_anybody_reach_back_for_more_than_a_year_nor_beyond_what_is_kept() {
    for is_kept_for_a_day in [false, true] {
        let mut world = World::new(2);
        if is_kept_for_a_day {
            world.command(0, 1, Action::Keep { place: lobby(), days: core::num::NonZeroU16::new(1) });
        }
        world.alter = Box::new(|from, _, frame| match frame {
            Frame::Floor { room, .. } if from == 1 => Frame::Floor { room, day: 0, deep: 0 },
            other => other,
        });
        let room = world.id_of(0, &lobby());
        let before = world.peers[0].rooms.rooms[&room].floor;
        world.connect(0, 1);
        world.run_s(10);
        let reached = before - world.peers[0].rooms.rooms[&room].floor;
        assert_eq!(reached, if is_kept_for_a_day { 0 } else { 366 });
    }
}

#[test]
fn each_entry_comes_from_one_neighbour_only() {
    let mut world = World::new(3);
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        world.connect(one, other);
    }
    world.run_ms(100);
    world.say_many(0, 300);
    world.run_s(5);
    let newcomer = world.add();
    (0..3).for_each(|other| world.connect(newcomer, other));
    world.run_s(5);
    assert_eq!(world.peers[newcomer].heard(), numbers(300));
    assert_eq!(world.peers[newcomer].stats.duplicates, 0);
    let wants = world.seen.iter().filter_map(|(_, _, frame)| match frame {
        Frame::Want { marks, .. } => Some(marks.len()),
        _ => None,
    });
    assert_eq!(wants.sum::<usize>(), 300);
}

#[test]
fn two_parts_that_were_apart_become_equal() {
    let mut world = World::new(4);
    world.connect(0, 1);
    world.connect(2, 3);
    world.run_ms(100);
    for index in 0..4 {
        world.say_many(index, 60);
    }
    world.connect(1, 2);
    world.run_s(15);
    // 0 and 3 have only one neighbour each; the fingerprints tell them.
    world.run_s(30);
    let id = world.id_of(0, &lobby());
    let sets: Vec<_> = (0..4).map(|index| world.ids(index, id)).collect();
    assert_eq!(sets[0].len(), 240);
    assert!(sets.iter().all(|set| *set == sets[0]));
    let seen = world.seen.len();
    world.run_s(600);
    assert_eq!(world.seen.len(), seen, "equal sets leave each other alone");
}

#[test]
fn one_missing_of_two_thousand_costs_little() {
    let mut world = World::unborn();
    (0..2).for_each(|_| {
        world.add_with(0, |config| config.author_rate = 1000);
    });
    world.connect(0, 1);
    world.run_ms(100);
    let mut pushed = 0;
    world.lose = Box::new(move |_, _, frame| {
        pushed += usize::from(matches!(frame, Frame::Push { .. }));
        matches!(frame, Frame::Push { .. }) && pushed == 777
    });
    world.say_many(0, 2000);
    assert_eq!(world.peers[1].heard().len(), 1999);
    world.seen.clear();
    world.run_s(16);
    assert_eq!(world.peers[1].heard().len(), 2000);
    assert_eq!(world.peers[1].heard().last(), Some(&"776"));
    assert_eq!(world.peers[1].stats.repaired, 1);
    let repair = world.seen.iter().filter(|(_, _, frame)| !matches!(frame, Frame::Stored { .. }));
    let bytes: usize = repair.map(|(_, _, frame)| frame.encode().len()).sum();
    assert!(bytes < 3000, "{bytes}");
    assert!(world.count_seen(IS_RECONCILE) <= 8);
    assert_eq!(world.peers.iter().map(|peer| peer.stats.unanswered).sum::<u64>(), 0);
}

#[test]
fn a_newcomer_gets_more_than_one_reconciliation_can_hold() {
    // One of the two leads; here it is once the one who has all, and once the one who has nothing.
    (0..2).for_each(a_newcomer_meets);
}

fn a_newcomer_meets(full: usize) {
    let (empty, mut world) = (1 - full, World::new(2));
    let id = world.id_of(0, &lobby());
    // A store of twenty thousand entries with equal stamps here and there, as an import would make it.
    let key = RoomKey::open(REAL, &RoomName::lobby());
    let (identity, mut rng) = (Identity::new(REAL, &[99; 32]), Rng::new([4; 32]));
    let count = 20_000;
    for number in 0..count {
        let stamp = Stamp(NEW_YEAR * 1000 + number / 3);
        let item = item::Item::Text { text: "x".into(), action: false, reply: None };
        let (previous, boot, wall, nick) = (None, BootId(0), UnixMillis(0), Nick::lenient("peer"));
        let body = item::Body { previous, boot, wall, nick, items: [item].into() };
        let entry = entry::Entry::seal(REAL, &mut rng, &identity, &key, stamp, &body);
        world.peers[full].store.hold(lobby(), &entry);
    }
    world.restart(full);
    world.run_s(1);
    // The scan of the whole store for each request would take minutes here.
    let index: BTreeMap<EntryId, Bytes> =
        world.peers[full].store.entries.values().map(|entry| (entry.id, entry.bytes.clone())).collect();
    world.peers[full].store.by_id = Some(index);
    for one in [0, 1] {
        world.peers[one].config.author_rate = 1000;
        world.peers[one].rooms.author_rate = 1000;
    }
    world.connect(0, 1);
    world.run_s(60);
    assert_eq!(world.ids(empty, id).len() as u64, count);
    let stamps: Vec<_> = world.peers[empty].messages().map(|message| message.stamp).collect();
    assert!(stamps.is_sorted(), "the oldest first");
    assert!(world.seen.iter().all(|(_, _, frame)| match frame {
        Frame::Reconcile { message, .. } => message.len() <= 16_384,
        _ => true,
    }));
    assert!(world.count_seen(|frame| matches!(frame, Frame::Reconcile { round: 0, .. })) >= 2);
    // Each answer names hundreds of them: the other side looks through all of its own for each.
    let answers = world.count_seen(IS_RECONCILE) as u64 / 2;
    assert!(answers < count / 400, "{answers} of {count}");
    let seen = world.seen.len();
    world.run_s(60);
    assert_eq!(world.seen.len(), seen);
}

#[test]
fn what_an_author_says_too_fast_is_left_to_repair_and_complete_in_the_end() {
    let mut world = World::unborn();
    world.add_with(0, |config| config.author_rate = 10_000);
    world.add_with(0, |config| config.author_rate = 5);
    world.connect(0, 1);
    world.run_ms(100);
    world.say_many(0, 300);
    let over = world.peers[1].stats.over_rate;
    assert!(over > 100, "{over}");
    world.run_s(60);
    let id = world.id_of(0, &lobby());
    assert_eq!(world.ids(0, id), world.ids(1, id));
    assert_eq!(world.peers[1].stats.repaired, over);
    assert_eq!(world.peers[1].messages().count(), 300);
}

#[test]
fn a_neighbour_that_is_far_behind_is_told_and_asks_in_order() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    let max = world.peers[0].config.backlog_max;
    world.say_many(0, 3);
    world.peers[0].backlog = max + 1;
    world.say_many(0, 500);
    assert_eq!(world.peers[1].heard().len(), 3);
    world.peers[0].backlog = 0;
    world.say(0, "behind all that");
    world.run_ms(300);
    assert_eq!(world.peers[1].heard()[3..503], numbers(500));
    assert_eq!(world.peers[1].heard()[503..], ["behind all that"]);
    assert_eq!(world.count_seen(IS_RECONCILE), 0);
    // And then it is pushed to as before.
    world.say(0, "live");
    world.run_ms(5);
    assert_eq!(world.peers[1].heard().last(), Some(&"live"));
    assert!(!world.peers[1].messages().last().unwrap().late);
}

#[test]
fn a_neighbour_that_asks_for_nothing_is_pushed_to_again() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    let max = world.peers[0].config.backlog_max;
    world.peers[0].backlog = max + 1;
    world.say(0, "missed");
    world.run_ms(5);
    world.peers[0].backlog = 0;
    world.lose = Box::new(|_, _, frame| matches!(frame, Frame::Have { .. }));
    world.run_s(2);
    world.say(0, "live");
    world.run_ms(5);
    assert_eq!(world.peers[1].heard(), ["live"]);
    assert!(
        world.peers.iter().all(|peer| peer.rooms.next_wake() > Some(world.now + Duration::from_secs(60)))
    );
}

#[test]
fn what_is_on_its_way_is_no_difference() {
    let mut world = World::unborn();
    (0..2).for_each(|_| {
        world.add_with(0, |config| config.author_rate = 1000);
    });
    world.stream = Duration::from_millis(400);
    world.connect(0, 1);
    world.run_s(2);
    let runs = |world: &World| world.peers.iter().map(|peer| peer.stats.reconciliations).sum::<u64>();
    let before = runs(&world);
    world.say_many(0, 10_000);
    assert_eq!(runs(&world), before);
    assert!(world.peers[1].messages().all(|message| !message.late));
}

#[test]
fn lossy_heartbeats_and_cut_links_leave_nothing_behind_for_ever() {
    let mut world = World::new(3);
    for (one, other) in [(0, 1), (1, 2)] {
        world.connect(one, other);
    }
    world.run_ms(100);
    let mut rng = Rng::new([5; 32]);
    world.lose = Box::new(move |_, _, frame| match frame {
        Frame::Heartbeat { .. } => rng.below(100) < 30,
        Frame::Push { repair: false, .. } => rng.below(100) < 20,
        _ => false,
    });
    for round in 0..5 {
        world.say_many(round % 3, 40);
        world.cut(1, 2);
        world.say_many(2, 10);
        world.run_s(3);
        world.connect(1, 2);
        world.run_s(1);
    }
    world.run_s(120);
    let id = world.id_of(0, &lobby());
    assert_eq!(world.ids(0, id).len(), 250);
    assert!((1..3).all(|index| world.ids(index, id) == world.ids(0, id)));
    for peer in &world.peers {
        let texts: BTreeSet<_> = peer.messages().map(|message| message.id).collect();
        assert_eq!(texts.len(), peer.messages().count(), "everything is told once");
    }
}

#[test]
fn a_difference_that_cannot_be_repaired_is_not_tried_for_ever() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    // The second peer's store takes nothing that comes in.
    world.peers[1].store.broken = true;
    world.say(0, "hello");
    world.run_s(3600);
    let runs: u64 = world.peers.iter().map(|peer| peer.stats.reconciliations).sum();
    assert!((3..60).contains(&runs), "{runs}");
    assert_eq!(world.peers[1].heard(), ["hello"], "told once, however often it comes");
    world.peers[1].store.broken = false;
    world.run_s(1300);
    let id = world.id_of(0, &lobby());
    assert_eq!(world.ids(1, id), world.ids(0, id));
}

#[test]
fn sums_that_collide_are_found_out_by_the_audit() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world.say(0, "hello");
    world.run_s(10);
    let id = world.id_of(0, &lobby());
    // One peer believes in an entry that the other lacks and the other way round, with equal sums.
    let stamp = Stamp(world.wall(0).0 * 1000);
    for (index, bytes) in [(0, [1u8, 4]), (1, [2, 3])] {
        let now = world.now;
        let history = &mut world.peers[index].rooms.rooms.get_mut(&id).unwrap().history;
        for byte in bytes {
            let mut entry = [0; 32];
            entry[0] = byte;
            history.insert(now, stamp, EntryId(entry));
        }
    }
    world.run_s(60);
    let runs = |world: &World| world.peers.iter().map(|peer| peer.stats.reconciliations).sum::<u64>();
    let before = runs(&world);
    assert_eq!(before, 2, "one when they met in the lobby, one in the conversation");
    world.seen.clear();
    world.run_s(4500);
    assert!(runs(&world) > before);
    assert!(world.count_seen(|frame| matches!(frame, Frame::Want { .. })) > 0);
}

#[test]
fn a_heartbeat_takes_turns_when_there_are_too_many_rooms() {
    let mut world = World::unborn();
    (0..2).for_each(|_| {
        world.add_with(0, |config| config.rooms_max = 256);
    });
    for index in 0..2 {
        for number in 0..255 {
            let name = RoomName::new(&alloc::format!("#room{number}")).unwrap();
            world.command(index, number, Action::Join(name));
        }
    }
    let (link, _) = world.link(0, 1);
    world.run_ms(100);
    let shared: BTreeSet<_> = world.peers[0].rooms.links[&link].shared.keys().copied().collect();
    assert_eq!(shared.len(), 256);
    let mut told = BTreeSet::new();
    for _ in 0..8 {
        let frame = world.peers[0].rooms.heartbeat(world.now, link);
        assert!(frame.encode().len() <= 1100);
        let Frame::Heartbeat { rooms, .. } = frame else { panic!() };
        told.extend(rooms.into_iter().map(|Pulse { room, .. }| room));
    }
    assert_eq!(told.len(), 256);
}
