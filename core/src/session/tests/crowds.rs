//! Many strangers at once: keys cost them nothing, so places go by address, and friends come first.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::world::{MS, World, address, interface};
use crate::session::{
    Failure, Gone, Standing,
    packet::{COOKIE, DATAGRAM_MAX, Hello, Packet},
};

/// A node with twelve places, alone.
fn host(seed: u8) -> World {
    let mut world = World::new(seed, 0);
    world.add_with(1, 1, address(1, 27182), |limits| limits.sessions = 12);
    world
}

/// Somebody calls the host.
fn call(world: &mut World, identity: u8, from: SocketAddr) -> usize {
    let caller = world.add(identity, 1, from);
    world.dial(caller, 0);
    world.run(20 * MS);
    caller
}

/// Somebody whom the host remembers calls it.
fn call_as_friend(world: &mut World, identity: u8, from: SocketAddr) -> usize {
    call_as(world, Standing::Known, identity, from)
}

fn call_as(world: &mut World, standing: Standing, identity: u8, from: SocketAddr) -> usize {
    let (caller, now) = (world.add(identity, 1, from), world.now);
    let key = world.nodes[caller].key.0;
    world.nodes[0].sessions.remember(now, key, standing, [from.ip()]);
    world.dial(caller, 0);
    world.run(20 * MS);
    caller
}

fn standing(world: &World) -> usize {
    world.nodes[0].standing().len()
}

fn is_in(world: &World, caller: usize) -> bool {
    world.nodes[0].sessions.peers.contains_key(&world.nodes[caller].key)
}

#[test]
fn one_address_gets_a_quarter_of_the_places_however_many_keys_it_has() {
    let mut world = host(1);
    for number in 0..10u8 {
        call(&mut world, 10 + number, address(66, 1000 + u16::from(number)));
    }
    let stats = world.nodes[0].stats;
    assert_eq!((standing(&world), stats.refused, stats.crowded), (3, 7, 7));
    assert_eq!(world.nodes[10].failures(), [Failure::Full], "it is told");
    let honest = call(&mut world, 50, address(67, 27182));
    assert!(is_in(&world, honest));
}

#[test]
fn a_slash_64_gets_half_of_the_places() {
    let mut world = host(2);
    let v6 =
        |net: u16, number: u8| SocketAddr::from(([0x2001, 0xdb8, 0, net, 0, 0, 0, u16::from(number)], 27182));
    for number in 10..20 {
        call(&mut world, number, v6(0, number));
    }
    assert_eq!(standing(&world), 6);
    let honest = call(&mut world, 50, v6(1, 50));
    assert!(is_in(&world, honest));
}

#[test]
fn our_own_host_gets_half_of_the_places_by_all_its_addresses_together() {
    let mut world = host(3);
    let (now, own) = (world.now, address(1, 27182));
    world.with(0, |node| node.sessions.on_interfaces(now, &[interface(1, own)]));
    for number in 10..20 {
        let ip = if number % 2 == 0 { own.ip() } else { [127, 0, 0, number].into() };
        call(&mut world, number, SocketAddr::new(ip, 3000 + u16::from(number)));
    }
    assert_eq!(standing(&world), 6);
}

#[test]
fn the_same_holds_for_those_whom_we_call() {
    let mut world = host(4);
    for number in 0..10u8 {
        world.add(10 + number, 1, address(66, 1000 + u16::from(number)));
    }
    (1..=10).for_each(|node| world.dial(0, node));
    world.run(100 * MS);
    assert_eq!(standing(&world), 3);
    assert_eq!(world.nodes[0].failures(), [Failure::Full; 7]);
}

#[test]
fn a_third_of_the_places_is_for_friends_and_then_a_stranger_leaves_for_them() {
    let mut world = host(5);
    let lone = call(&mut world, 10, address(67, 27182));
    let crowd: Vec<usize> =
        (0..2u8).map(|number| call(&mut world, 20 + number, address(66, 1000 + u16::from(number)))).collect();
    for number in 30..35 {
        call(&mut world, number, address(number, 27182));
    }
    assert_eq!(standing(&world), 8);
    let stranger = call(&mut world, 40, address(30, 27183));
    let stats = world.nodes[0].stats;
    assert_eq!((is_in(&world, stranger), stats.refused, stats.crowded), (false, 1, 0));
    for number in 50..54 {
        let friend = call_as_friend(&mut world, number, address(number, 27182));
        assert!(is_in(&world, friend));
    }
    assert_eq!((standing(&world), world.nodes[0].stats.pushed_out), (12, 0));
    // Of the crowd all but one say something; the lone stranger has been silent for longest.
    let link = world.nodes[crowd[0]].link();
    world.send(crowd[0], link, b"hello");
    world.run(20 * MS);
    let friend = call_as_friend(&mut world, 60, address(60, 27182));
    assert!(is_in(&world, friend) && is_in(&world, lone) && !is_in(&world, crowd[1]));
    assert_eq!((standing(&world), world.nodes[0].stats.pushed_out), (12, 1));
    let gone = |node: usize| world.nodes[node].downs().iter().map(|down| down.2).collect::<Vec<_>>();
    assert_eq!(
        (gone(0), gone(crowd[1])),
        (Vec::from([Gone::Crowded]), Vec::from([Gone::Crowded])),
        "it is told why"
    );
}

/// A host all whose places for strangers are taken from four addresses.
fn besieged(seed: u8) -> (World, Vec<usize>) {
    let mut world = host(seed);
    let mut crowd = Vec::new();
    for number in 0..8u8 {
        crowd.push(call(&mut world, 20 + number, address(66 + number / 2, 1000 + u16::from(number))));
    }
    assert_eq!(standing(&world), 8);
    (world, crowd)
}

#[test]
fn a_stranger_from_elsewhere_takes_the_place_of_one_of_a_crowd() {
    let (mut world, crowd) = besieged(11);
    let friend = call_as_friend(&mut world, 50, address(66, 27182));
    // One of each two says something.
    for talker in [crowd[0], crowd[3], crowd[5], crowd[7]] {
        let link = world.nodes[talker].link();
        world.send(talker, link, b"hello");
    }
    world.run(20 * MS);
    let newcomers: Vec<usize> =
        (40..44).map(|number| call(&mut world, number, address(number, 27182))).collect();
    assert!(newcomers.iter().all(|&newcomer| is_in(&world, newcomer)) && is_in(&world, friend));
    let left: Vec<bool> = crowd.iter().map(|&one| !is_in(&world, one)).collect();
    assert_eq!(left, [false, true, true, false, true, false, true, false], "the silent one of each address");
    let reason = |node: usize| world.nodes[node].downs().iter().map(|down| down.2).collect::<Vec<_>>();
    assert_eq!(reason(crowd[1]), [Gone::Crowded], "it is told why");
    assert_eq!(world.nodes[0].stats.pushed_out, 4);
    // Nobody is crowded any more: neither those who left nor others get in.
    let late = call(&mut world, 45, address(45, 27182));
    world.dial(crowd[1], 0);
    world.run(20 * MS);
    assert!(!is_in(&world, late) && !is_in(&world, crowd[1]));
    assert_eq!((standing(&world), world.nodes[0].stats.pushed_out), (9, 4));
}

#[test]
fn one_more_of_a_crowd_pushes_nobody_out() {
    let (mut world, crowd) = besieged(12);
    let more = call(&mut world, 40, address(66, 2000));
    assert!(!is_in(&world, more) && crowd.iter().all(|&one| is_in(&world, one)));
    assert_eq!(world.nodes[0].stats.pushed_out, 0);
}

#[test]
fn where_all_share_a_slash_64_addresses_are_told_apart() {
    let mut world = host(13);
    let at = |host: u16, port| SocketAddr::from(([0xfe80, 0, 0, 0, 0, 0, 0, host], port));
    let crowd: Vec<usize> =
        (0..6u8).map(|number| call(&mut world, 20 + number, at(66, 1000 + u16::from(number)))).collect();
    assert_eq!(standing(&world), 6);
    let honest: Vec<usize> =
        (40..45u8).map(|number| call(&mut world, number, at(u16::from(number), 27182))).collect();
    assert!(honest.iter().all(|&one| is_in(&world, one)));
    assert_eq!(crowd.iter().filter(|&&one| is_in(&world, one)).count(), 1);
    let late = call(&mut world, 50, at(50, 27182));
    assert!(!is_in(&world, late), "nobody is left of whom there are two");
}

#[test]
fn friends_do_not_leave_for_friends() {
    let mut world = host(6);
    for number in 10..22 {
        call_as_friend(&mut world, number, address(number, 27182));
    }
    let late = call_as_friend(&mut world, 30, address(30, 27182));
    assert!(!is_in(&world, late));
    let stats = world.nodes[0].stats;
    assert_eq!((standing(&world), stats.refused, stats.pushed_out), (12, 1, 0));
}

#[test]
fn somebody_the_person_has_written_to_gets_in_before_those_who_were_only_met() {
    let mut world = host(10);
    for number in 10..21 {
        call_as_friend(&mut world, number, address(number, 27182));
    }
    let stranger = call(&mut world, 21, address(21, 27182));
    let first = world.nodes[0].sessions.peers[&world.nodes[stranger].key];
    let spoken: Vec<usize> = (30..43)
        .map(|number| call_as(&mut world, Standing::Spoken, number, address(number, 27182)))
        .collect();
    assert!(!is_in(&world, stranger) && spoken[..12].iter().all(|&one| is_in(&world, one)));
    assert!(!is_in(&world, spoken[12]), "nor do they leave for each other");
    assert_eq!((standing(&world), world.nodes[0].stats.pushed_out), (12, 12));
    assert_eq!(world.nodes[stranger].downs().len(), 1, "the stranger was the first to leave");
    assert_eq!(world.nodes[0].downs()[0].1, first);
}

#[test]
fn a_friend_gets_in_beside_many_strangers_of_the_same_address() {
    let mut world = host(7);
    let lone = call(&mut world, 10, address(67, 27182));
    for number in 0..3u8 {
        call(&mut world, 20 + number, address(66, 1000 + u16::from(number)));
    }
    let friend = call_as_friend(&mut world, 60, address(66, 27182));
    assert!(is_in(&world, friend) && is_in(&world, lone));
    assert_eq!(standing(&world), 4);
    let unremembered = world.nodes[friend].key.0;
    world.nodes[0].sessions.unremember(&unremembered);
    let other = call_as_friend(&mut world, 61, address(66, 27183));
    assert!(is_in(&world, other), "those who are forgotten are strangers again");
}

/// The flood comes from one address that does send its cookies back.
#[test]
fn a_flood_of_hellos_from_one_address_leaves_room_for_others() {
    let mut world = World::new(8, 2);
    for number in 1..=200u8 {
        let hello = Hello { from: number.into(), cookie: [0; COOKIE], noise: [number; 32] };
        world.inject(address(66, 666), 1, &hello.write(DATAGRAM_MAX));
        if let Some(Packet::Cookie { cookie, .. }) =
            Packet::read(&world.log.last().unwrap().bytes, DATAGRAM_MAX)
        {
            world.inject(address(66, 666), 1, &Hello { cookie, ..hello }.write(DATAGRAM_MAX));
        }
    }
    world.dial(0, 1);
    world.run(20 * MS);
    assert_eq!(world.nodes[1].standing().len(), 1);
    assert_eq!(world.nodes[1].sessions.half_open.len(), 16, "eight without a cookie and eight with one");
    assert!(world.nodes[1].stats.refused > 100);
}

#[test]
fn a_dial_too_many_is_not_begun() {
    let mut world = World::new(9, 0);
    world.add_with(1, 1, address(1, 27182), |limits| limits.half_open = 2);
    (10..13).for_each(|number| world.dial_address(0, address(number, 27182)));
    assert_eq!((world.nodes[0].failures(), world.log.len()), (Vec::from([Failure::Busy]), 2));
}
