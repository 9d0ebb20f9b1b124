//! Crashes, goodbyes, suspicion and rest.

use alloc::boxed::Box;

use super::world::{MS, SECOND, World};
use crate::session::{Gone, Wish};

#[test]
fn a_crash_is_seen_within_seven_seconds() {
    for seed in 0..20 {
        let (mut world, a, _) = World::pair(seed);
        world.run(7 * SECOND + 331 * MS * u32::from(seed));
        world.nodes[1].crashed = true;
        let crashed = world.now;
        world.run(7 * SECOND);
        let [(at, link, why)] = world.nodes[0].downs()[..] else { panic!("seed {seed}: not seen") };
        assert_eq!((link, why), (a, Gone::Lost));
        let suspected = world.nodes[0].first(|wish| matches!(wish, Wish::Suspect { .. })).unwrap();
        assert!(suspected > crashed && suspected < at);
        assert!(world.nodes[0].sessions.links.is_empty() && world.nodes[0].sessions.routes.is_empty());
        assert_eq!(world.nodes[0].sessions.next_wake(), None);
    }
}

#[test]
fn a_cut_link_is_seen_by_both() {
    let (mut world, _, _) = World::pair(9);
    world.passes = Box::new(|_| false);
    world.run(7 * SECOND);
    for node in &world.nodes {
        assert_eq!(node.downs().len(), 1);
    }
}

#[test]
fn a_short_silence_only_raises_suspicion() {
    let (mut world, _, _) = World::pair(10);
    let end = world.now + 10 * SECOND;
    let asks =
        |seen: Option<&(_, Wish)>| matches!(seen, Some((_, Wish::HeartbeatDue { is_answer: false, .. })));
    world.run_until(end, |world| asks(world.nodes[0].seen.last()));
    let now = world.now;
    // Beginning with the answer to this heartbeat.
    world.passes = Box::new(move |flight| flight.at < now || flight.at > now + 500 * MS);
    world.run(700 * MS);
    assert!(world.nodes[0].first(|wish| matches!(wish, Wish::Suspect { .. })).is_some());
    assert!(world.nodes[0].first(|wish| matches!(wish, Wish::Recovered { .. })).is_some());
    world.run(20 * SECOND);
    assert!(world.nodes[0].downs().is_empty() && world.nodes[1].downs().is_empty());
}

#[test]
fn a_bad_link_does_not_end_an_association() {
    for seed in 0..6 {
        let (mut world, _, _) = World::pair(seed);
        (world.loss, world.latency) = (30, (MS, 40 * MS));
        world.run(120 * SECOND);
        assert!(world.nodes[0].downs().is_empty() && world.nodes[1].downs().is_empty(), "seed {seed}");
    }
}

#[test]
fn a_goodbye_is_seen_at_once() {
    let (mut world, a, b) = World::pair(11);
    world.run(3 * SECOND);
    world.send(0, a, b"one last word");
    let said = world.now;
    world.close_all(0);
    assert!(!world.nodes[0].sessions.is_closed());
    world.run(10 * MS);
    let [(at, link, why)] = world.nodes[1].downs()[..] else { panic!("not seen") };
    assert_eq!((link, why), (b, Gone::Quit));
    assert!(at - said <= MS);
    assert_eq!(world.nodes[1].received(b), [&b"one last word"[..]]);
    assert!(world.nodes[0].sessions.is_closed() && world.nodes[0].downs().is_empty());
    world.run(SECOND);
    assert!(world.nodes.iter().all(|node| node.sessions.links.is_empty() && node.sessions.routes.is_empty()));
}

#[test]
fn a_goodbye_survives_loss_and_is_given_up_in_time() {
    let mut seen = 0;
    for seed in 0..40 {
        let (mut world, _, _) = World::pair(seed);
        world.loss = 30;
        world.close_all(0);
        world.run(310 * MS);
        assert!(world.nodes[0].sessions.is_closed());
        seen += usize::from(!world.nodes[1].downs().is_empty());
    }
    assert!(seen >= 38, "{seen} of 40");
    let (mut world, _, _) = World::pair(1);
    world.loss = 100;
    world.close_all(0);
    world.run(299 * MS);
    assert!(!world.nodes[0].sessions.is_closed());
    world.run(2 * MS);
    assert!(world.nodes[0].sessions.is_closed());
}

#[test]
fn after_a_goodbye_the_same_two_can_meet_again() {
    let (mut world, a, b) = World::pair(12);
    let now = world.now;
    world.with(0, |node| node.sessions.close(now, a));
    world.run(10 * MS);
    assert_eq!(world.nodes[1].downs().len(), 1);
    assert!(world.nodes[0].downs().is_empty());
    world.dial(1, 0);
    world.run(SECOND);
    let (new_a, new_b) = (world.nodes[0].link(), world.nodes[1].link());
    assert!(new_a != a && new_b != b);
    world.send(0, new_a, b"again");
    world.run(SECOND);
    assert_eq!(world.nodes[1].received(new_b), [&b"again"[..]]);
}

#[test]
fn both_say_goodbye_at_once() {
    let (mut world, _, _) = World::pair(13);
    world.close_all(0);
    world.close_all(1);
    world.run(20 * MS);
    assert!(world.nodes.iter().all(|node| node.sessions.is_closed()));
    world.run(SECOND);
    assert!(world.nodes.iter().all(|node| node.sessions.links.is_empty()));
}

#[test]
fn heartbeats_carry_a_payload_and_are_answered_at_once() {
    let (mut world, _, _) = World::pair(14);
    world.run(30 * SECOND);
    let beats = world.nodes[0].datagrams.iter().filter(|bytes| &bytes[..] == b"beat").count();
    assert!((5..=7).contains(&beats), "{beats}");
    let (from, to) = (world.nodes[1].address, world.nodes[0].address);
    let due = |seen: &&(_, Wish)| matches!(seen.1, Wish::HeartbeatDue { is_answer: false, .. });
    assert!(world.nodes[0].seen.iter().filter(due).count() >= 1);
    for &(at, _) in world.nodes[0].seen.iter().filter(due) {
        let soon = at..at + 2 * MS;
        let answers = world.log.iter().filter(|flight| flight.from == from && flight.to == to);
        assert!(answers.map(|flight| flight.at).any(|at| soon.contains(&at)));
    }
}

#[test]
fn an_idle_association_sleeps() {
    let (mut world, _, _) = World::pair(15);
    world.run(SECOND);
    let (before, datagrams) = (world.nodes[0].wakes, world.log.len());
    world.run(600 * SECOND);
    let wakes = world.nodes[0].wakes - before;
    assert!(wakes <= 220, "{wakes} in ten minutes");
    assert!(world.log.len() - datagrams <= 280, "{} datagrams", world.log.len() - datagrams);
    let kept = &world.nodes[0].sessions;
    assert_eq!((kept.links.len(), kept.routes.len(), kept.dials.len(), kept.half_open.len()), (1, 1, 0, 0));
}

/// A laptop wakes up after an hour: it asks first, and the peer may have lost it meanwhile.
#[test]
fn a_sleeper_asks_before_it_accuses() {
    let (mut world, _, _) = World::pair(16);
    world.now += 3600 * SECOND;
    world.with(0, |_| {});
    assert!(world.nodes[0].downs().is_empty());
    world.run(5 * MS);
    assert!(world.nodes[0].downs().is_empty() && world.nodes[1].downs().is_empty());
}
