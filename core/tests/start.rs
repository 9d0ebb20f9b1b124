//! How a node starts: before its store has answered, and with what it answers.
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

use std::time::Duration;

use chat_core::*;
use world::{World, seconds};

/// Whoever has a large or slow store is found all the same; what it is called is told when it is known.
#[test]
fn a_node_calls_before_its_store_has_answered_and_says_its_name_after() {
    let mut world = World::new(5);
    world.broadcast = true;
    let first = world.add();
    world.run(seconds(3));
    let begun = world.now;
    world.store_delay = seconds(2);
    let newcomer = world.add();
    let name = world.key(newcomer);
    world.run(seconds(1));
    let by = |(at, host, _): &&(Instant, usize, Transmit)| *at >= begun && *host == newcomer;
    let said: Vec<&Transmit> = world.trace.iter().filter(by).map(|(_, _, transmit)| transmit).collect();
    let count = |via: Via| said.iter().filter(|transmit| transmit.via == via).count();
    assert_eq!(count(Via::Beacon), 1);
    assert!(count(Via::Chat) > 2, "it has taken a handshake up");
    assert!(said.iter().all(|transmit| !transmit.bytes.windows(5).any(|part| part == b"peer1")));
    assert!(!world.hosts[first].sees(name), "without a name it is nobody yet");
    world.run(seconds(1));
    let told = world.run_to(seconds(1), |world| world.hosts[first].sees(name));
    assert!(told <= Duration::from_millis(10), "{told:?}");
    assert!(world.hosts[newcomer].sees(world.key(first)));
}

/// Whoever comes while the store is being asked is remembered with all that is known of it, and met in the rooms of before.
#[test]
fn who_comes_before_the_store_has_answered_is_known_as_before() {
    let mut world = World::new(6);
    let (ana, bo) = (world.add(), world.add());
    world.meet(ana, bo);
    world.command(ana, Action::Join(RoomName::new("#ops").unwrap()));
    world.command(bo, Action::Join(RoomName::new("#ops").unwrap()));
    world.run(seconds(2));
    world.kill(ana);
    let elsewhere = "192.0.2.7:27182".parse().unwrap();
    let key = world.key(bo);
    let known = world.hosts[ana].store.peer_mut(&key).expect("they have met");
    known.addresses.push(elsewhere);
    world.hosts[ana].events.clear();
    (world.broadcast, world.store_delay) = (true, seconds(1));
    world.start(ana);
    world.run(seconds(4));
    assert!(world.hosts[ana].sees(key));
    let known = world.hosts[ana].store.peer_mut(&key).unwrap();
    assert!(known.addresses.contains(&elsewhere), "{:?}", known.addresses);
    let is_met = |event: &Event| match event {
        Event::Room { room, key: met, joined } => *joined && room.as_str() == "#ops" && *met == key,
        _ => false,
    };
    assert!(world.hosts[ana].events.iter().any(|(_, event)| is_met(event)));
}

#[test]
fn a_start_under_the_name_of_before_writes_nothing() {
    let mut world = World::new(7);
    let ana = world.add();
    world.run(seconds(2));
    let stored = world.hosts[ana].stored;
    assert_eq!(stored, 2, "the name and the lobby");
    world.kill(ana);
    world.start(ana);
    world.run(seconds(2));
    assert_eq!(world.hosts[ana].stored, stored);
}
