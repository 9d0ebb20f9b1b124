//! How two peers come together, and what happens when they do so twice, at once or not at all.

use alloc::vec::Vec;

use super::world::{MS, SECOND, World, address};
use crate::session::{Effort, Failure, Gone, Wish};

#[test]
fn a_dial_brings_both_up_under_one_binding() {
    let mut world = World::new(1, 2);
    world.dial(0, 1);
    world.run(2 * MS);
    let (a, b) = (&world.nodes[0], &world.nodes[1]);
    assert_eq!((a.ups().len(), b.ups().len()), (1, 1));
    let (one, other) = (a.ups()[0], b.ups()[0]);
    assert_eq!((one.peer, other.peer), (b.key, a.key));
    assert_eq!(one.binding, other.binding);
    assert!(one.dialled && !other.dialled);
    assert_eq!((a.failures(), b.failures()), (Vec::new(), Vec::new()));
}

#[test]
fn a_dial_of_little_effort_sends_one_datagram_and_listens_for_as_long() {
    let mut world = World::new(1, 2);
    world.dial_with(0, address(66, 666), Effort::Single);
    let (before, wakes) = (world.log.len(), world.nodes[0].wakes);
    world.run(6 * SECOND);
    assert_eq!((before, world.log.len()), (1, 1));
    assert_eq!(world.nodes[0].wakes, wakes + 1);
    assert_eq!(world.nodes[0].failures(), [Failure::Timeout]);
    // Once it is answered everything is repeated that gets lost.
    let mut finishes = 0;
    world.passes = alloc::boxed::Box::new(move |flight| {
        finishes += u32::from(flight.bytes[0] == 3);
        flight.bytes[0] != 3 || finishes > 3
    });
    let to = world.nodes[1].address;
    world.latency = (SECOND, SECOND);
    world.dial_with(0, to, Effort::Single);
    world.run(6 * SECOND);
    assert_eq!((world.nodes[0].ups().len(), world.nodes[1].ups().len()), (1, 1));
}

/// RFC 9000 section 8: nothing proven, no more than three times the bytes; here it is far less.
#[test]
fn the_first_message_is_the_largest_and_a_whole_datagram() {
    let mut world = World::new(1, 2);
    world.dial(0, 1);
    world.run(5 * MS);
    let sizes: Vec<usize> = world.log.iter().map(|flight| flight.bytes.len()).collect();
    assert_eq!(sizes[0], 1200);
    assert!(sizes[1..].iter().all(|&size| size < 300), "{sizes:?}");
}

#[test]
fn a_handshake_survives_loss_reordering_and_duplicates() {
    let mut met = 0;
    for seed in 0..60 {
        let mut world = World::new(seed, 2);
        (world.loss, world.duplicates, world.latency) = (30, 20, (MS, 30 * MS));
        world.dial(0, 1);
        world.run(6 * SECOND);
        let (a, b) = (world.nodes[0].bindings(), world.nodes[1].bindings());
        if !a.is_empty() {
            assert_eq!(a, b, "seed {seed}");
            met += 1;
        }
    }
    assert!(met >= 58, "{met} of 60");
}

#[test]
fn both_dial_at_once_and_keep_what_the_lower_identity_started() {
    for seed in 0..40 {
        let mut world = World::new(seed, 2);
        world.latency = (MS, (u32::from(seed) % 4 + 1) * MS);
        let apart = MS * (u32::from(seed) % 5) / 2;
        world.dial(0, 1);
        world.run(apart);
        world.dial(1, 0);
        world.run(SECOND);
        let (a, b) = (&world.nodes[0], &world.nodes[1]);
        assert_eq!((a.bindings().len(), a.bindings()), (1, b.bindings()), "seed {seed}");
        assert_eq!((a.downs(), b.downs()), (Vec::new(), Vec::new()));
        let lower = usize::from(b.key < a.key);
        if apart.is_zero() && world.latency.0 == world.latency.1 {
            assert!(world.nodes[lower].ups()[0].dialled, "seed {seed}: the lower one dialled");
        }
        for (from, to) in [(0, 1), (1, 0)] {
            let link = world.nodes[from].link();
            world.send(from, link, b"hello");
            world.run(50 * MS);
            let link = world.nodes[to].link();
            assert_eq!(world.nodes[to].received(link), [&b"hello"[..]]);
        }
        let dials: usize = world.nodes.iter().map(|node| node.sessions.dials.len()).sum();
        assert_eq!(dials, 0, "every dial has ended");
    }
}

#[test]
fn both_dial_at_once_over_a_bad_link() {
    let mut agreed = 0;
    for seed in 0..60 {
        let mut world = World::new(seed, 2);
        (world.loss, world.duplicates, world.latency) = (20, 10, (MS, 20 * MS));
        world.dial(0, 1);
        world.dial(1, 0);
        world.run(4 * SECOND);
        let (a, b) = (&world.nodes[0], &world.nodes[1]);
        assert!(a.bindings().len() <= 1 && b.bindings().len() <= 1, "seed {seed}");
        agreed += usize::from(!a.bindings().is_empty() && a.bindings() == b.bindings());
    }
    assert!(agreed >= 59, "{agreed} of 60");
}

#[test]
fn dialling_oneself_is_found_out() {
    let mut world = World::new(1, 1);
    world.dial(0, 0);
    world.run(5 * MS);
    assert_eq!(world.nodes[0].failures(), [Failure::SelfDial]);
    world.run(10 * SECOND);
    assert!(world.nodes[0].ups().is_empty());
}

#[test]
fn nobody_answers() {
    let mut world = World::new(1, 1);
    world.dial_address(0, address(9, 27182));
    world.dial_address(0, address(9, 27182));
    world.run(4900 * MS);
    assert!(world.nodes[0].failures().is_empty());
    world.run(200 * MS);
    assert_eq!(world.nodes[0].failures(), [Failure::Timeout], "and the second dial was none");
    let (count, _) = world.sent(world.nodes[0].address, address(9, 27182));
    assert!((6..=11).contains(&count), "{count}");
    assert!(world.log[1].at - world.log[0].at <= 250 * MS);
    assert_eq!(world.nodes[0].sessions.next_wake(), None);
}

#[test]
fn a_peer_that_is_reached_already_is_not_reached_again() {
    let (mut world, a, _) = World::pair(1);
    world.dial(0, 1);
    world.run(SECOND);
    assert_eq!(world.nodes[0].failures(), [Failure::Duplicate]);
    assert_eq!(world.nodes[0].standing(), [a]);
    assert_eq!(world.nodes[0].bindings().len(), 1);
}

#[test]
fn a_peer_dialled_at_two_addresses_is_met_once() {
    for seed in 0..10 {
        let mut world = World::new(seed, 2);
        world.nodes[1].alias = Some(address(2, 9999));
        world.dial_address(0, address(2, 9999));
        world.dial(0, 1);
        world.run(SECOND);
        assert_eq!(world.nodes[0].failures(), [Failure::Duplicate], "seed {seed}");
        assert_eq!((world.nodes[0].bindings().len(), world.nodes[1].bindings().len()), (1, 1));
        assert!(world.nodes[0].sessions.dials.is_empty());
    }
}

#[test]
fn a_hello_that_comes_again_gets_the_same_answer() {
    let mut world = World::new(1, 2);
    world.dial(0, 1);
    let hello = world.log[0].clone();
    (0..5).for_each(|_| world.inject(hello.from, 1, &hello.bytes));
    assert_eq!(world.nodes[1].sessions.half_open.len(), 1);
    let answers: Vec<_> = world.log.iter().filter(|flight| flight.bytes[0] == 2).collect();
    assert!(answers.len() == 5 && answers.windows(2).all(|pair| pair[0].bytes == pair[1].bytes));
}

#[test]
fn a_peer_that_starts_anew_is_a_new_one_and_the_old_one_is_soon_gone() {
    let (mut world, old, _) = World::pair(1);
    world.nodes[1].crashed = true;
    let again = world.add(2, 77, address(2, 27182));
    world.run(100 * MS);
    let started = world.now;
    world.dial(again, 0);
    world.run(2 * SECOND);
    let a = &world.nodes[0];
    assert_eq!(a.ups().len(), 2);
    assert_eq!(a.ups()[1].peer, world.nodes[again].key);
    let [(at, link, why)] = a.downs()[..] else { panic!("{:?}", a.downs()) };
    assert_eq!((link, why), (old, Gone::Replaced));
    assert!(at - started < 1500 * MS, "{:?}", at - started);
}

/// One key from two places: both are there.
#[test]
fn two_boots_of_one_identity_live_side_by_side() {
    let (mut world, _, _) = World::pair(1);
    let twin = world.add(2, 77, address(2, 27183));
    world.dial(twin, 0);
    world.run(20 * SECOND);
    assert_eq!(world.nodes[0].standing().len(), 2);
    assert!(world.nodes[0].downs().is_empty());
}

#[test]
fn an_identity_has_at_most_four_live_boots() {
    let mut world = World::new(1, 1);
    for boot in 0..6 {
        let node = world.add(2, boot, address(2, 27182 + boot as u16));
        world.dial(node, 0);
        world.run(SECOND);
    }
    assert_eq!(world.nodes[0].standing().len(), 4);
    assert!(world.nodes[0].stats.refused > 0);
    assert_eq!(world.nodes[6].failures(), [Failure::Full], "it is told");
    world.run(10 * SECOND);
    assert_eq!(world.nodes[0].standing().len(), 4);
    // Once they are gone there is room again.
    (1..5).for_each(|index| world.nodes[index].crashed = true);
    let node = world.add(2, 99, address(2, 30000));
    world.dial(node, 0);
    world.run(2 * SECOND);
    world.dial(0, node);
    world.run(2 * SECOND);
    assert!(world.nodes[0].sessions.peers.contains_key(&world.nodes[node].key));
}

#[test]
fn a_forgotten_session_is_made_anew_by_whoever_remembers() {
    for seed in 0..10 {
        let (mut world, a, b) = World::pair(seed);
        world.send(0, a, b"before");
        world.run(SECOND);
        world.nodes[1].sessions.forget(b);
        world.run(8 * SECOND);
        assert_eq!(world.nodes[0].downs().iter().map(|down| down.2).collect::<Vec<_>>(), [Gone::Replaced]);
        let (a, b) = (world.nodes[0].link(), world.nodes[1].link());
        assert_eq!(world.nodes[0].bindings().last(), world.nodes[1].bindings().last());
        world.send(0, a, b"after");
        world.send(1, b, b"too");
        world.run(SECOND);
        assert_eq!(world.nodes[1].received(b), [&b"after"[..]], "seed {seed}");
        assert_eq!(world.nodes[0].received(a), [&b"too"[..]]);
    }
}

#[test]
fn a_forgotten_session_is_made_anew_by_whoever_forgot() {
    let (mut world, old, b) = World::pair(3);
    world.send(1, b, b"before");
    world.run(SECOND);
    world.nodes[1].sessions.forget(b);
    world.dial(1, 0);
    world.run(20 * MS);
    let [(_, link, why)] = world.nodes[0].downs()[..] else { panic!("not told") };
    assert_eq!((link, why), (old, Gone::Replaced));
    let (a, b) = (world.nodes[0].link(), world.nodes[1].link());
    assert_ne!(a, old);
    world.send(1, b, b"after");
    world.run(SECOND);
    assert_eq!(world.nodes[0].received(a), [&b"after"[..]]);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let (mut world, a, _) = World::pair(1);
    assert!(world.send(0, a, &[1; 64 << 10]));
    assert!(!world.send(0, a, &[1; (64 << 10) + 1]));
    world.run(SECOND);
    assert_eq!(world.nodes[0].sessions.backlog(a), 0);
    world.passes = alloc::boxed::Box::new(|_| false);
    while world.send(0, a, &[1; 64 << 10]) {}
    let backlog = world.nodes[0].sessions.backlog(a);
    assert!((8 << 20..9 << 20).contains(&backlog), "{backlog}");
    world.run(10 * SECOND);
    assert!(!world.send(0, a, b"gone"), "the association is over");
    assert_eq!(world.nodes[0].sessions.backlog(a), 0);
}

#[test]
fn many_peers_of_one_host_meet_at_once() {
    let mut world = World::new(5, 1);
    for port in 0..60u16 {
        let node = world.add(10 + port as u8, 1, address(2, 40000 + port));
        world.dial(node, 0);
    }
    world.run(5 * SECOND);
    let failures: Vec<_> = world.nodes.iter().flat_map(|node| node.failures()).collect();
    assert_eq!((world.nodes[0].standing().len(), failures), (60, Vec::new()));
}

#[test]
fn the_first_sign_of_a_peer_is_that_it_is_up() {
    let (world, a, _) = World::pair(1);
    let first =
        world.nodes[0].seen.first().map(|(_, wish)| matches!(wish, Wish::Up { link, .. } if *link == a));
    assert_eq!(first, Some(true));
}

#[test]
fn where_answers_are_slow_nobody_asks_before_they_can_come() {
    let hellos = |world: &World| world.log.iter().filter(|flight| flight.bytes[0] == 1).count();
    // Answers within a millisecond: whoever is not there is asked at 0, 100, 300, 700 ms and so on.
    let mut world = World::new(1, 2);
    world.dial_with(0, address(66, 666), Effort::Full);
    world.run(5 * SECOND);
    let eager = hellos(&world);
    assert!((6..=7).contains(&eager), "{eager}");
    // Ten who answer after 400 ms. Each time less is asked in vain.
    let mut world = World::new(1, 12);
    world.latency = (200 * MS, 200 * MS);
    let mut asked = Vec::new();
    for other in 1..12 {
        let before = hellos(&world);
        world.dial(0, other);
        world.run(2 * SECOND);
        asked.push(hellos(&world) - before);
    }
    assert_eq!(world.nodes[0].ups().len(), 11);
    assert!(asked[0] == 3 && asked[10] == 1, "{asked:?}");
    assert!(!world.nodes[0].sessions.is_busy(), "the last ones have answered the first question");
    // And whoever is not there costs half.
    let before = hellos(&world);
    world.dial_with(0, address(66, 666), Effort::Full);
    world.run(5 * SECOND);
    assert!(hellos(&world) - before <= eager / 2, "{}", hellos(&world) - before);
}

#[test]
fn whoever_has_to_ask_again_and_again_knows_that_the_link_is_busy() {
    let mut world = World::new(1, 9);
    let mut seen = alloc::collections::BTreeSet::new();
    // The first hello to each gets lost.
    world.passes = alloc::boxed::Box::new(move |flight| flight.bytes[0] != 1 || !seen.insert(flight.to));
    for other in 1..9 {
        world.dial(0, other);
        world.run(SECOND);
    }
    assert!(world.nodes[0].sessions.is_busy());
    assert_eq!(world.nodes[0].ups().len(), 8);
}
