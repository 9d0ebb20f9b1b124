//! Peers that change their address, and those who pretend to.

use alloc::vec::Vec;

use super::world::{MS, SECOND, World, address, interface};
use crate::session::Wish;

fn moved(world: &World, node: usize) -> Vec<core::net::SocketAddr> {
    let to = |(_, wish): &(_, Wish)| match wish {
        Wish::Moved { address, .. } => Some(*address),
        _ => None,
    };
    world.nodes[node].seen.iter().filter_map(to).collect()
}

#[test]
fn a_peer_that_roams_is_followed() {
    let (mut world, a, b) = World::pair(1);
    world.nodes[1].address = address(7, 5000);
    world.send(1, b, b"from elsewhere");
    world.run(20 * MS);
    assert_eq!(moved(&world, 0), [address(7, 5000)]);
    world.send(0, a, &[1; 50_000]);
    world.run(SECOND);
    assert_eq!(world.nodes[1].received(b).len(), 1);
    assert_eq!(world.nodes[0].received(a), [&b"from elsewhere"[..]]);
    assert!(world.nodes[0].downs().is_empty() && moved(&world, 1).is_empty());
}

#[test]
fn a_copy_sent_from_elsewhere_moves_nothing_and_draws_little() {
    let (mut world, a, b) = World::pair(2);
    let victim = address(66, 666);
    // The attacker is faster than the link: its copy comes first, from an address that it does not own.
    world.send(1, b, b"caught");
    let caught = world.log.last().unwrap().bytes.clone();
    world.inject(victim, 0, &caught);
    (0..100).for_each(|_| _ = world.send(0, a, &[1; 5000]));
    world.run(SECOND);
    assert_eq!(world.nodes[1].received(b).len(), 100, "it goes on where the peer really is");
    let (count, bytes) = world.sent(world.nodes[0].address, victim);
    assert!(count == 1 && bytes <= 3 * caught.len(), "{count} packets, {bytes} bytes for {}", caught.len());
    assert!(moved(&world, 0).is_empty());
}

/// Every packet of a peer, its answers too, comes first from elsewhere, for as long as it likes.
#[test]
fn copies_without_end_cost_one_question_a_second() {
    let (mut world, a, b) = World::pair(6);
    let victim = address(66, 666);
    let (from, to) = (world.nodes[1].address, world.nodes[0].address);
    let end = world.now + 10 * SECOND;
    let mut copied = world.log.len();
    while world.now < end {
        world.send(1, b, b"caught");
        world.send(0, a, &[1; 5000]);
        for at in copied..world.log.len() {
            let flight = world.log[at].clone();
            if (flight.from, flight.to) == (from, to) {
                world.inject(victim, 0, &flight.bytes);
            }
        }
        copied = world.log.len();
        world.run(MS);
    }
    world.run(SECOND);
    let (count, _) = world.sent(to, victim);
    assert!((8..=11).contains(&count), "{count} questions");
    let sent = world.nodes[0].received(a).len();
    assert_eq!(world.nodes[1].received(b).len(), sent);
    assert!(moved(&world, 0).is_empty() && world.nodes[0].downs().is_empty());
}

/// It lies still: what was sent to where it was meanwhile comes again from where it is.
#[test]
fn a_peer_that_moves_while_much_is_under_way_misses_nothing_for_long() {
    let (mut world, a, b) = World::pair(7);
    (0..20).for_each(|_| _ = world.send(0, a, &[1; 5000]));
    world.nodes[1].address = address(7, 5000);
    world.send(1, b, b"from elsewhere");
    let end = world.now + 100 * MS;
    world.run_until(end, |world| world.nodes[1].received(b).len() == 20);
    assert_eq!(moved(&world, 0), [address(7, 5000)]);
    assert_eq!(world.nodes[1].received(b).len(), 20);
}

#[test]
fn old_packets_from_elsewhere_move_nothing() {
    let (mut world, a, b) = World::pair(3);
    let old = address(66, 666);
    world.passes = alloc::boxed::Box::new(|flight| flight.bytes[0] != 4 || flight.bytes.len() > 100);
    world.send(1, b, b"never came");
    let held = world.log.last().unwrap().bytes.clone();
    world.passes = alloc::boxed::Box::new(|_| true);
    world.send(1, b, b"came");
    world.run(MS);
    world.inject(old, 0, &held);
    world.run(SECOND);
    assert_eq!(world.sent(world.nodes[0].address, old), (0, 0));
    assert_eq!(world.nodes[0].received(a).len(), 2, "but what they say counts");
}

/// A host with two addresses answers from the other one: it is believed, but has to show that it is there.
#[test]
fn an_answer_from_another_address_has_to_be_confirmed() {
    let mut world = World::new(5, 2);
    world.nodes[1].alias = Some(address(2, 9999));
    world.dial_address(0, address(2, 9999));
    let end = world.now + SECOND;
    world.run_until(end, |world| !world.nodes[0].ups().is_empty());
    let (a, b) = (world.nodes[0].link(), world.nodes[1].link());
    assert!(!world.nodes[0].sessions.links[&a].path.is_sure());
    world.send(0, a, &[1; 60_000]);
    assert!(world.nodes[0].stats.amplification_held > 0);
    world.run(SECOND);
    assert!(world.nodes[0].sessions.links[&a].path.is_sure());
    assert_eq!(world.nodes[1].received(b).len(), 1);
}

#[test]
fn an_interface_that_vanishes_is_left_and_the_peer_asked() {
    let (mut world, a, _) = World::pair(4);
    let (now, own) = (world.now, world.nodes[0].address);
    world.with(0, |node| node.sessions.on_interfaces(now, &[interface(1, own)]));
    assert_eq!(world.nodes[0].sessions.links[&a].path.interface, 1);
    let before = world.log.len();
    world.with(0, |node| node.sessions.on_interfaces(now, &[interface(2, own)]));
    assert_eq!(world.nodes[0].sessions.links[&a].path.interface, 0);
    assert!(world.log.len() > before);
    world.run(SECOND);
    assert!(world.nodes[0].downs().is_empty());
}
