//! New keys for an association that goes on.

use alloc::vec::Vec;

use super::world::{MS, SECOND, World, address};
use crate::session::Limits;

fn pair(seed: u8, change: impl Fn(&mut Limits)) -> (World, crate::session::LinkId, crate::session::LinkId) {
    let mut world = World::new(seed, 0);
    for number in 1..=2 {
        world.add_with(number, u64::from(number), address(number, 27182), &change);
    }
    world.dial(0, 1);
    world.run(20 * MS);
    let (a, b) = (world.nodes[0].link(), world.nodes[1].link());
    (world, a, b)
}

#[test]
fn keys_are_renewed_by_time_and_nothing_is_lost_over_it() {
    for seed in 0..4 {
        let (mut world, a, b) = pair(seed, |limits| limits.renewal = SECOND);
        (world.loss, world.latency) = (10, (MS, 4 * MS));
        for number in 0..1000u32 {
            world.send(0, a, &number.to_be_bytes());
            world.send(1, b, &number.to_be_bytes());
            world.run(5 * MS);
        }
        world.loss = 0;
        world.run(3 * SECOND);
        let expected: Vec<_> = (0..1000u32).map(|number| number.to_be_bytes().to_vec()).collect();
        assert_eq!(world.nodes[1].received(b), expected, "seed {seed}");
        assert_eq!(world.nodes[0].received(a), expected);
        let bindings = world.nodes[0].bindings();
        assert_eq!(bindings, world.nodes[1].bindings());
        assert!((5..12).contains(&bindings.len()), "{}", bindings.len());
        assert!(world.nodes.iter().all(|node| node.downs().is_empty() && node.ups().len() == 1));
        assert!(world.nodes.iter().all(|node| node.failures().is_empty()));
        // Acknowledgements under the old keys are about other numbers.
        assert!(world.nodes.iter().all(|node| node.stats.acks_invented == 0));
        assert!(world.nodes.iter().all(|node| node.sessions.routes.len() <= 2));
    }
}

#[test]
fn keys_are_renewed_by_packets() {
    let (mut world, a, b) = pair(3, |limits| limits.packets = 100);
    for _ in 0..300 {
        world.send(0, a, &[1; 1000]);
        world.run(2 * MS);
    }
    world.run(SECOND);
    assert_eq!(world.nodes[1].received(b).len(), 300);
    assert!(world.nodes[0].bindings().len() >= 3, "{}", world.nodes[0].bindings().len());
    assert_eq!(world.nodes[0].bindings(), world.nodes[1].bindings());
}

#[test]
fn keys_are_renewed_after_too_many_forged_packets() {
    let (mut world, a, _) = pair(3, |limits| limits.failures = 50);
    let from = world.nodes[1].address;
    let good = world.log.iter().rev().find(|flight| flight.from == from && flight.bytes[0] == 4).unwrap();
    let mut forged = good.bytes.to_vec();
    for number in 0..60u8 {
        forged[16] = 100 + number;
        world.inject(from, 0, &forged);
    }
    world.run(8 * SECOND);
    assert!(world.nodes[0].stats.forged >= 60);
    assert_eq!(world.nodes[0].bindings().len(), 2);
    assert_eq!(world.nodes[0].standing(), [a]);
}

/// Both sides begin at the same time: one renewal comes of it.
#[test]
fn both_renew_at_once() {
    for seed in 0..20 {
        let (mut world, a, b) = pair(seed, |_| {});
        world.latency = (MS, 3 * MS);
        let now = world.now;
        for (node, link) in [(0, a), (1, b)] {
            world.with(node, |node| {
                node.sessions.links.get_mut(&link).unwrap().renew_soon(now);
                node.sessions.dirty.insert(link);
            });
        }
        world.run(50 * MS);
        world.send(0, a, b"there");
        world.send(1, b, b"back");
        world.run(6 * SECOND);
        let (one, other) = (world.nodes[0].bindings(), world.nodes[1].bindings());
        assert_eq!(one, other, "seed {seed}");
        assert!(one.len() == 2 || one.len() == 3, "{}", one.len());
        assert_eq!(world.nodes[1].received(b), [&b"there"[..]]);
        assert_eq!(world.nodes[0].received(a), [&b"back"[..]]);
        assert!(world.nodes.iter().all(|node| node.sessions.dials.is_empty() && node.downs().is_empty()));
    }
}

/// The old keys open packets until the first one under the new keys, at most 30 s.
#[test]
fn old_keys_are_thrown_away() {
    let (mut world, a, b) = pair(5, |_| {});
    let now = world.now;
    let old: Vec<u64> = world.nodes[1].sessions.links[&b].ids().collect();
    world.with(0, |node| {
        node.sessions.links.get_mut(&a).unwrap().renew_soon(now);
        node.sessions.dirty.insert(a);
    });
    // The welcome does not come through, so only one side has moved on.
    world.passes = alloc::boxed::Box::new(|flight| flight.from == address(1, 27182) || flight.bytes[0] != 4);
    world.run(50 * MS);
    assert_eq!(world.nodes[1].sessions.links[&b].ids().count(), 2);
    world.send(0, a, b"under the old keys");
    world.run(50 * MS);
    assert_eq!(world.nodes[1].received(b).len(), 1);
    world.passes = alloc::boxed::Box::new(|_| true);
    world.run(SECOND);
    assert_eq!(world.nodes[1].sessions.links[&b].ids().count(), 1);
    assert!(!world.nodes[1].sessions.routes.contains_key(&old[0]));
    assert_eq!(world.nodes[0].bindings(), world.nodes[1].bindings());
}

/// A copy of a machine must not use the numbers and keys of its twin.
#[test]
fn fresh_entropy_leads_to_new_numbers_and_new_keys() {
    let (mut world, a, b) = pair(6, |_| {});
    let number = |world: &World| {
        let last =
            world.log.iter().rev().find(|flight| flight.from == address(1, 27182) && flight.bytes[0] == 4);
        u64::from_be_bytes(last.unwrap().bytes[9..17].try_into().unwrap())
    };
    let (before, now) = (number(&world), world.now);
    world.with(0, |node| {
        node.sessions.on_entropy(now, &[9; 32]);
        node.sessions.send(a, b"after the copy"[..].into());
    });
    assert!(number(&world) > before + 1_000_000);
    world.run(SECOND);
    assert_eq!(world.nodes[0].bindings().len(), 2);
    assert_eq!(world.nodes[0].bindings(), world.nodes[1].bindings());
    assert_eq!(world.nodes[1].received(b), [&b"after the copy"[..]]);
}
