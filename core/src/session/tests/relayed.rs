//! Sessions that a neighbour passes on: to them it is an address that takes smaller datagrams, and stands back.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::world::{MS, SECOND, World, address};
use crate::{
    record::Tag,
    relay::Relayed,
    session::{
        Wish,
        packet::{COOKIE, Hello, RELAYED_MAX},
    },
    suite::REAL,
};

/// Two nodes, each of whom the other reaches over its neighbour number 7.
fn apart(seed: u8) -> World {
    let mut world = World::new(seed, 2);
    (0..2).for_each(|node| world.nodes[node].address = over(&world, node, 7));
    world
}

fn over(world: &World, node: usize, relay: u16) -> SocketAddr {
    let (key, boot) = world.nodes[node].key;
    Relayed { relay, far: Tag::of(REAL, &key, boot) }.address()
}

fn connected(seed: u8) -> World {
    let mut world = apart(seed);
    world.dial(0, 1);
    world.run(20 * MS);
    assert_eq!(world.nodes[0].standing().len(), 1);
    world
}

#[test]
fn whatever_a_session_says_fits_into_another_one() {
    let mut world = connected(1);
    let links = [world.nodes[0].link(), world.nodes[1].link()];
    let record = alloc::vec![5; 60_000];
    for (node, link) in links.into_iter().enumerate() {
        (0..10).for_each(|_| assert!(world.send(node, link, &record)));
        world.send_datagram(node, link, &[1; 1044]);
    }
    world.run(SECOND);
    assert!(world.nodes.iter().zip(links).all(|(node, link)| node.received(link).len() == 10));
    assert!(world.nodes.iter().all(|node| node.datagrams.iter().any(|datagram| datagram.len() == 1044)));
    let sizes: Vec<_> = world.log.iter().map(|flight| flight.bytes.len()).collect();
    assert!(sizes.iter().all(|size| *size <= RELAYED_MAX) && sizes[0] == RELAYED_MAX);
    assert!(sizes.iter().filter(|size| **size > RELAYED_MAX - 40).count() > 1000, "and they are full");
}

#[test]
fn a_datagram_that_never_fits_keeps_nothing_waiting() {
    let mut world = connected(2);
    let link = world.nodes[0].link();
    world.send_datagram(0, link, &[1; 1045]);
    world.send_datagram(0, link, b"after it");
    world.run(MS);
    assert_eq!(world.nodes[1].datagrams, [&b"after it"[..]]);
    assert_eq!(world.nodes[0].stats.datagrams_dropped, 1);
}

#[test]
fn nobody_else_is_taken_for_the_one_whom_the_neighbour_names() {
    // As the one who dials sees it: the neighbour leads to somebody else.
    let mut world = apart(3);
    let named = Relayed { relay: 7, far: Tag([9; 8]) }.address();
    world.nodes[1].address = named;
    world.dial(0, 1);
    world.run(6 * SECOND);
    assert!(world.nodes.iter().all(|node| node.ups().is_empty()));
    assert_eq!(world.nodes[0].stats.forged, 1);
    // As the one who is dialled does: somebody else comes than the one who was named.
    let mut world = apart(4);
    world.nodes[0].alias = Some(over(&world, 0, 7));
    world.nodes[0].address = named;
    world.dial(0, 1);
    world.run(6 * SECOND);
    assert!(world.nodes.iter().all(|node| node.ups().is_empty()));
    assert!(world.nodes[1].stats.forged > 0);
}

#[test]
fn the_way_that_needs_nobody_takes_over_and_nothing_is_lost() {
    let mut world = connected(5);
    let links = [world.nodes[0].link(), world.nodes[1].link()];
    for (node, link) in links.into_iter().enumerate() {
        (0..50).for_each(|_| assert!(world.send(node, link, &[7; 3000])));
    }
    // What is under way over the neighbour still comes, and what is said from now on goes by itself.
    for (node, host) in [(0, 1), (1, 2)] {
        world.nodes[node].alias = Some(world.nodes[node].address);
        world.nodes[node].address = address(host, 27182);
    }
    world.dial(0, 1);
    world.run(SECOND);
    for (node, (host, link)) in [(2, links[0]), (1, links[1])].into_iter().enumerate() {
        let seen = &world.nodes[node];
        let moved = |(_, wish): &(_, Wish)| matches!(wish, Wish::Moved { address: to, .. } if *to == address(host, 27182));
        assert!(seen.seen.iter().any(moved) && seen.downs().is_empty() && seen.ups().len() == 1);
        assert_eq!(seen.received(link).len(), 50, "each once");
    }
    assert!(world.nodes.iter().all(|node| node.sessions.links.values().all(|one| !one.path.is_relayed())));
}

#[test]
fn another_neighbour_takes_over_and_nothing_is_lost() {
    let mut world = connected(6);
    let links = [world.nodes[0].link(), world.nodes[1].link()];
    // Over the first one nothing comes any more.
    for (node, link) in links.into_iter().enumerate() {
        (0..20).for_each(|_| assert!(world.send(node, link, &[7; 3000])));
        world.nodes[node].address = over(&world, node, 8);
    }
    world.dial(0, 1);
    world.run(SECOND);
    for (node, link) in links.into_iter().enumerate() {
        assert!(world.nodes[node].downs().is_empty() && world.nodes[node].ups().len() == 1);
        assert_eq!(world.nodes[node].received(link).len(), 20);
    }
    let over_8 = over(&world, 1, 8);
    assert!(world.nodes[0].sessions.links.values().all(|one| one.path.address == over_8));
}

#[test]
fn a_session_that_needs_nobody_never_goes_over_a_neighbour() {
    let (mut world, _, b) = World::pair(7);
    let before = world.log.len();
    // The neighbour has caught a packet, and passes it on before it comes by itself.
    world.send(1, b, b"caught");
    let caught = world.log.last().unwrap().bytes.clone();
    let named = over(&world, 1, 7);
    world.inject(named, 0, &caught);
    world.run(SECOND);
    assert!(world.log[before..].iter().all(|flight| flight.to != named), "it is not even asked");
    assert!(world.nodes[0].sessions.links.values().all(|one| !one.path.is_relayed()));
}

#[test]
fn all_whom_one_neighbour_names_are_one_crowd() {
    let mut world = World::new(8, 1);
    let answered = |world: &World, relay: u16| {
        let of = |to: SocketAddr| Relayed::of(to).is_some_and(|way| way.relay == relay);
        world.log.iter().filter(|flight| of(flight.to) && flight.bytes[0] == 2).count()
    };
    let call = |world: &mut World, relay: u16, number: u64| {
        let from = Relayed { relay, far: Tag(number.to_be_bytes()) }.address();
        let hello = Hello { from: number, cookie: [0; COOKIE], noise: [7; 32] };
        world.inject(from, 0, &hello.write(RELAYED_MAX));
    };
    (1..500).for_each(|number| call(&mut world, 7, number));
    assert_eq!(answered(&world, 7), 64 / 8);
    (1..5).for_each(|number| call(&mut world, 8, number));
    assert_eq!(answered(&world, 8), 4, "others have their own share");
    assert!(world.nodes[0].sessions.half_open.len() <= 64 / 3);
}
