//! Whoever is on the link can send anything. It must cost them more than us, and change nothing.

use alloc::vec::Vec;
use core::net::SocketAddr;

use quickcheck::{QuickCheck, TestResult};

use super::world::{MS, SECOND, World, address};
use crate::session::Gone;

/// Bytes of a data packet before what is sealed.
const HEADER: usize = 1 + 8 + 8;

/// What a node believes, as far as others could change it.
fn belief(world: &World, node: usize) -> (usize, Vec<SocketAddr>, usize) {
    let node = &world.nodes[node];
    let addresses = node.sessions.links.values().map(|association| association.path.address).collect();
    (node.seen.len(), addresses, node.records.values().map(Vec::len).sum())
}

#[test]
fn everything_ever_sent_can_be_sent_again_without_effect() {
    let (mut world, a, b) = World::pair(1);
    for _ in 0..20 {
        world.send(0, a, &[1; 3000]);
        world.send(1, b, &[2; 300]);
        world.run(3 * MS);
    }
    world.run(SECOND);
    let (before, log) = ([belief(&world, 0), belief(&world, 1)], world.log.clone());
    for flight in &log {
        for from in [flight.from, address(66, 666)] {
            let to = usize::from(flight.to == world.nodes[1].address);
            world.inject(from, to, &flight.bytes);
        }
    }
    assert_eq!([belief(&world, 0), belief(&world, 1)], before);
    let replayed = world.nodes[0].stats.replayed + world.nodes[1].stats.replayed;
    assert!(replayed as usize > log.len(), "{replayed}");
    world.run(10 * SECOND);
    assert_eq!((world.nodes[0].standing(), world.nodes[1].standing()), (Vec::from([a]), Vec::from([b])));
}

#[test]
fn a_flipped_bit_spoils_a_packet_and_nothing_else() {
    let (mut world, a, b) = World::pair(2);
    world.send(0, a, b"target");
    let good = world.log.last().unwrap().clone();
    let before = belief(&world, 1);
    for bit in 0..good.bytes.len() * 8 {
        let mut forged = good.bytes.to_vec();
        forged[bit / 8] ^= 1 << (bit % 8);
        world.inject(good.from, 1, &forged);
        assert_eq!(belief(&world, 1), before, "bit {bit}");
    }
    let sealed = (good.bytes.len() - HEADER) * 8;
    assert!(world.nodes[1].stats.forged >= sealed as u64, "{:?}", world.nodes[1].stats);
    world.run(SECOND);
    assert_eq!(world.nodes[1].received(b), [&b"target"[..]], "the window did not move");
}

#[test]
fn any_bytes_of_any_kind_change_nothing() {
    fn property(parts: Vec<(u8, Vec<u8>, u8)>) -> TestResult {
        let (mut world, a, b) = World::pair(3);
        let ids: Vec<u64> = world.nodes[0].sessions.routes.keys().copied().collect();
        world.dial_address(0, address(9, 1));
        let dial = *world.nodes[0].sessions.dials.keys().next().unwrap();
        let before = belief(&world, 0);
        let (strays, mut short) = (world.nodes[0].stats.stray, 0);
        for (kind, bytes, id) in parts {
            // Not even a kind and an id.
            short += u64::from(bytes.len() < 9);
            let id = match id % 4 {
                0 => ids[0],
                1 => dial,
                _ => u64::from(id),
            };
            let mut datagram = [&[kind % 8][..], &id.to_be_bytes(), &bytes].concat();
            if kind % 2 == 1 && kind > 100 {
                datagram.resize(1200, id as u8);
            }
            world.inject(if kind > 128 { address(9, 1) } else { address(2, 27182) }, 0, &datagram);
            world.inject(address(2, 27182), 0, &bytes);
        }
        let same = belief(&world, 0) == before && world.nodes[0].stats.stray >= strays + short;
        world.send(0, a, b"still");
        world.run(SECOND);
        TestResult::from_bool(same && world.nodes[1].received(b).len() == 1)
    }
    QuickCheck::new().tests(60).quickcheck(property as fn(Vec<(u8, Vec<u8>, u8)>) -> TestResult);
}

#[test]
fn a_forged_hint_closes_nothing() {
    let (mut world, a, b) = World::pair(4);
    let peer = world.nodes[1].address;
    let hint = |world: &World| {
        let remote = world.nodes[0].sessions.links[&a].space.remote;
        [&[6][..], &remote.to_be_bytes()].concat()
    };
    let from_elsewhere = hint(&world);
    world.inject(address(66, 666), 0, &from_elsewhere);
    world.run(MS * 10);
    assert_eq!(world.nodes[0].bindings().len(), 1);
    for _ in 0..100 {
        let hint = hint(&world);
        world.inject(peer, 0, &hint);
        world.run(10 * MS);
    }
    world.run(4 * SECOND);
    assert!(world.nodes[0].downs().is_empty() && world.nodes[1].downs().is_empty());
    assert_eq!(world.nodes[0].bindings().len(), 2, "one renewal, however often it is said");
    world.send(0, a, b"still here");
    world.run(SECOND);
    assert_eq!(world.nodes[1].received(b), [&b"still here"[..]]);
}

/// We call somebody, whose answer has the address of a third party for its sender.
#[test]
fn an_answer_from_a_false_address_draws_three_times_its_bytes() {
    let (mut world, victim) = (World::new(11, 2), address(66, 666));
    (world.nodes[1].alias, world.nodes[1].address) = (Some(address(2, 9999)), victim);
    world.dial_address(0, address(2, 9999));
    let end = world.now + SECOND;
    world.run_until(end, |world| world.log.iter().any(|flight| flight.from == victim));
    world.nodes[1].address = address(2, 27182);
    let answer = world.log.iter().find(|flight| flight.from == victim).unwrap().bytes.len();
    world.run(6 * SECOND);
    let (count, bytes) = world.sent(world.nodes[0].address, victim);
    assert!(count > 1 && bytes <= 3 * answer, "{count} packets, {bytes} bytes for {answer}");
}

#[test]
fn packets_of_unknown_sessions_draw_few_and_tiny_answers() {
    let mut world = World::new(5, 1);
    let mut packet = alloc::vec![4; 60];
    for number in 0..2000u16 {
        packet[1..3].copy_from_slice(&number.to_be_bytes());
        world.inject(address(66, 666), 0, &packet);
    }
    let (count, bytes) = world.sent(world.nodes[0].address, address(66, 666));
    assert!(count > 0 && count <= 20 && bytes <= count * 9, "{count} of {bytes} bytes");
}

/// A flood of first messages under made-up addresses: a friend still gets in, by a cookie.
#[test]
fn a_flood_of_hellos_does_not_shut_others_out() {
    let mut world = World::new(6, 2);
    let flood = |world: &mut World, second: u8| {
        for number in 0..250u8 {
            let mut hello = alloc::vec![1; 1200];
            hello[1..3].copy_from_slice(&[second, number]);
            world.inject(address(number, 1000 + u16::from(second)), 1, &hello);
        }
    };
    flood(&mut world, 0);
    let half_open = world.nodes[1].sessions.half_open.len();
    assert_eq!(half_open, 21, "a third of the table");
    assert!(world.nodes[1].stats.cookies > 200);
    world.dial(0, 1);
    world.run(20 * MS);
    assert_eq!(world.nodes[1].standing().len(), 1);
    for second in 1..7 {
        flood(&mut world, second);
        world.run(SECOND);
        assert!(world.nodes[1].sessions.half_open.len() <= 22);
    }
    assert_eq!(world.nodes[1].standing().len(), 1);
    world.run(10 * SECOND);
    assert!(world.nodes[1].sessions.half_open.is_empty());
}

#[test]
fn whoever_asks_for_cookies_again_and_again_gets_few() {
    let mut world = World::new(6, 1);
    world.dial_address(0, address(9, 1));
    let id = *world.nodes[0].sessions.dials.keys().next().unwrap();
    for number in 1..50 {
        let reply = [&[5][..], &id.to_be_bytes(), &[number; 16]].concat();
        world.inject(address(9, 1), 0, &reply);
        world.inject(address(66, 666), 0, &reply);
    }
    assert_eq!(world.sent(world.nodes[0].address, address(9, 1)).0, 5);
}

/// RFC 9000 section 8.1.
#[test]
fn nobody_can_aim_more_than_three_times_his_bytes_at_another() {
    let mut world = World::new(7, 2);
    let victim = address(66, 666);
    world.dial(0, 1);
    let hello = world.log[0].bytes.clone();
    for _ in 0..50 {
        world.inject(victim, 1, &hello);
        world.inject(victim, 1, &[4; 40]);
        world.inject(victim, 1, &[3; 200]);
    }
    world.run(20 * SECOND);
    let (_, bytes) = world.sent(world.nodes[1].address, victim);
    assert!(bytes > 0 && bytes <= 3 * 50 * 1440 / 3, "{bytes}");
}

/// A third message with a genuine first half spoils the state of the Noise library; the true one must still count.
#[test]
fn a_forged_finish_does_not_keep_the_true_one_out() {
    let mut world = World::new(8, 2);
    let held = alloc::rc::Rc::new(core::cell::Cell::new(true));
    let closed = held.clone();
    world.passes = alloc::boxed::Box::new(move |flight| flight.bytes[0] != 3 || !closed.get());
    world.dial(0, 1);
    world.run(5 * MS);
    let finish = world.log.iter().find(|flight| flight.bytes[0] == 3).unwrap().clone();
    let mut forged = finish.bytes.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    (0..3).for_each(|_| world.inject(finish.from, 1, &forged));
    world.inject(address(66, 666), 1, &finish.bytes);
    assert!(world.nodes[1].standing().is_empty());
    held.set(false);
    world.run(SECOND);
    assert_eq!(world.nodes[1].standing().len(), 1);
}

/// Packets with more gaps than we keep are not acknowledged, so nothing in them is lost.
#[test]
fn what_cannot_be_kept_is_not_acknowledged() {
    let (mut world, a, b) = World::pair(10);
    let incoming = &mut world.nodes[1].sessions.links.get_mut(&b).unwrap().streams.records.incoming;
    (0..256).for_each(|gap| incoming.on_bytes(400_000 + gap * 2, &[0]).unwrap());
    let mut dropped = 0;
    world.passes = alloc::boxed::Box::new(move |flight| {
        dropped += usize::from(flight.bytes.len() == 1200);
        flight.bytes.len() < 1200 || dropped != 1
    });
    world.send(0, a, &[7; 9000]);
    world.run(5 * SECOND);
    assert_eq!(world.nodes[1].received(b).len(), 1);
    assert_eq!(world.nodes[0].sessions.backlog(a), 0);
}

#[test]
fn a_peer_that_sends_more_than_it_may_is_left() {
    let (mut world, a, b) = World::pair(9);
    // It claims to have credit that nobody gave, while its reader sleeps.
    world.with(1, |node| node.sessions.set_reading(false, true));
    let association = world.nodes[0].sessions.links.get_mut(&a).unwrap();
    association.streams.records.outgoing.on_credit(u64::MAX >> 3);
    for _ in 0..60 {
        world.send(0, a, &[1; 60_000]);
    }
    world.run(SECOND);
    assert_eq!(
        world.nodes[1].downs().iter().map(|down| (down.1, down.2)).collect::<Vec<_>>(),
        [(b, Gone::Lost)]
    );
    assert_eq!(world.nodes[0].downs().iter().map(|down| down.2).collect::<Vec<_>>(), [Gone::Quit]);
}
