//! The joint examination: each side says by which ways it hears the other.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test has the standard library, and fails by panicking"
)]

mod world;

use std::{net::Ipv4Addr, time::Duration};

use chat_core::*;
use world::{PORT, World, address_of, seconds};

const ALL: Reached = Reached { multicast: true, broadcast: true, unicast: true };

/// Two hosts that have had time to meet, and what of one does not reach the other.
fn two(drops: fn(usize, usize, &Transmit) -> bool) -> World {
    let mut world = World::new(7);
    (world.broadcast, world.drops) = (true, drops);
    world.add();
    world.add();
    world.run(seconds(9));
    world
}

/// What `index` finds out now.
fn findings(world: &mut World, index: usize) -> Findings {
    let tag = world.command(index, Action::Examine);
    let took = world.run_to(seconds(2), |world| world.hosts[index].is_done(tag));
    assert!(took >= Duration::from_millis(900), "others have time to answer: {took:?}");
    let told = world.hosts[index].events.iter().find_map(|(_, event)| match event {
        Event::Examined { tag: told, findings } if *told == tag => Some((**findings).clone()),
        _ => None,
    });
    told.expect("findings")
}

fn is_broadcast(transmit: &Transmit) -> bool {
    transmit.to.ip() == Ipv4Addr::BROADCAST
}

fn is_unicast(transmit: &Transmit) -> bool {
    !transmit.to.ip().is_multicast() && !is_broadcast(transmit)
}

#[test]
fn where_all_is_well_all_ways_lead_there_and_back() {
    let mut world = two(|_, _, _| false);
    let found = findings(&mut world, 0);
    let [peer] = found.peers.as_slice() else { panic!("{found:?}") };
    assert_eq!(peer.echo, Some(EchoFindings { heard: ALL, listens: ALL, came: ALL }));
    assert_eq!((peer.key, peer.state, peer.is_silent), (Some(world.key(1)), PeerState::Online, false));
    let path = peer.path.expect("a session");
    assert!(path.sent > 0 && path.lost == 0 && path.rtt < Duration::from_millis(1), "{path:?}");
    assert_eq!(peer.clock_ahead_ms, Some(0), "the hosts of this world have one clock");
    for link in &found.links {
        assert!(
            link.tally.sent > 0 && link.tally.own == link.tally.sent && link.tally.others > 0,
            "{link:?}"
        );
    }
    let ways: Vec<_> = found.links.iter().map(|link| (link.interface, link.way)).collect();
    assert_eq!(ways, [(2, Way::MulticastV4), (2, Way::Broadcast)]);
}

#[test]
fn a_fault_in_one_direction_is_seen_from_both_ends() {
    let mut world = two(|from, _, transmit| from == 0 && is_unicast(transmit));
    let found = findings(&mut world, 0);
    let [peer] = found.peers.as_slice() else { panic!("{found:?}") };
    assert!(peer.path.is_none() && peer.is_silent, "{peer:?}");
    let heard = Reached { unicast: false, ..ALL };
    assert_eq!(peer.echo, Some(EchoFindings { heard, listens: ALL, came: ALL }));
    let found = findings(&mut world, 1);
    let came = Reached { unicast: false, ..ALL };
    assert_eq!(found.peers[0].echo, Some(EchoFindings { heard: ALL, listens: ALL, came }));
}

#[test]
fn each_way_is_told_by_itself() {
    let mut world = two(|from, to, transmit| (from, to) == (0, 1) && transmit.to.ip().is_multicast());
    let echo = findings(&mut world, 0).peers[0].echo.expect("an answer");
    assert_eq!((echo.heard, echo.came), (Reached { multicast: false, ..ALL }, ALL));
    let mut world = two(|from, to, transmit| (from, to) == (1, 0) && is_broadcast(transmit));
    let echo = findings(&mut world, 0).peers[0].echo.expect("an answer");
    assert_eq!((echo.heard, echo.came), (ALL, Reached { broadcast: false, ..ALL }));
}

#[test]
fn whoever_listens_by_fewer_ways_says_so() {
    let mut world = World::new(8);
    world.broadcast = true;
    world.add();
    world.configure = |config| config.discovery.mdns = false;
    world.add();
    world.run(seconds(9));
    let echo = findings(&mut world, 0).peers[0].echo.expect("an answer");
    let without = Reached { multicast: false, ..ALL };
    assert_eq!(echo, EchoFindings { heard: without, listens: without, came: without });
}

#[test]
fn two_who_ask_at_once_are_told_by_one_examination_and_a_quit_ends_it() {
    let mut world = two(|_, _, _| false);
    let sent = world.trace.len();
    let tags = [world.command(0, Action::Examine), world.command(0, Action::Examine)];
    let asks = world.trace[sent..].iter().filter(|(_, _, transmit)| is_broadcast(transmit)).count();
    assert_eq!(asks, 1);
    world.command(0, Action::Quit);
    assert!(tags.iter().all(|tag| world.hosts[0].is_done(*tag)));
}

/// An ask as it is broadcast: `core/src/discovery/ask.rs` has its form.
fn ask(id: u8, nonce: u64, flags: u8) -> Vec<u8> {
    [b"p2pB".as_slice(), &[1, flags], &PORT.to_be_bytes(), &[id; 8], &[9; 8], &nonce.to_be_bytes()].concat()
}

#[test]
fn a_flood_of_asks_is_answered_at_a_pace_and_each_once() {
    let mut world = World::new(9);
    world.add();
    world.run(seconds(9));
    let from = "10.0.0.77:5".parse().unwrap();
    let hear = |world: &mut World, via, bytes: &[u8]| {
        let (interface, to) = (2, address_of(0).ip());
        world.input(0, Input::Datagram(Datagram { via, interface, from, to, bytes }));
    };
    let before = world.trace.len();
    for nonce in 0..200 {
        for _ in 0..3 {
            hear(&mut world, Via::Beacon, &ask(77, nonce, 2));
        }
    }
    world.run(seconds(1));
    let is_answer = |transmit: &&Transmit| transmit.via == Via::Chat && transmit.bytes.starts_with(b"p2pB");
    let answers = world.trace[before..].iter().map(|(_, _, transmit)| transmit).filter(is_answer).count();
    assert!((1..=8).contains(&answers), "{answers}");
    let stats = world.hosts[0].node.as_ref().unwrap().stats();
    assert!(stats.asks_dropped >= 3 * (200 - 8), "{}", stats.asks_dropped);
    // Cut off, of another version, from elsewhere, an echo that nobody waits for, our own: nothing is said.
    world.run(seconds(9));
    let before = world.trace.len();
    let whole = ask(78, 1, 2);
    (0..whole.len()).for_each(|length| hear(&mut world, Via::Chat, &whole[..length]));
    hear(&mut world, Via::Chat, &ask(78, 2, 4));
    hear(&mut world, Via::Beacon, &[ask(78, 3, 4), vec![0xff]].concat());
    let own = world.key(0).short()[0];
    assert_ne!(own, 78);
    world.run(Duration::from_millis(600));
    let answers = world.trace[before..].iter().map(|(_, _, transmit)| transmit).filter(is_answer).count();
    assert_eq!(answers, 0);
    hear(&mut world, Via::Chat, &whole);
    hear(&mut world, Via::Beacon, &whole);
    world.run(Duration::from_millis(600));
    let answers = world.trace[before..].iter().map(|(_, _, transmit)| transmit).filter(is_answer).count();
    assert_eq!(answers, 1, "the whole one is answered, once");
}
