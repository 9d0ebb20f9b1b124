//! Two who do not hear each other talk over somebody who hears both.
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

use std::{net::IpAddr, time::Duration};

use chat_core::*;
use world::{World, seconds};

/// So many hosts, the first two of whom never hear each other, and all others have met.
fn filtered(seed: u8, count: usize) -> World {
    let mut world = World::new(seed);
    world.cut.insert((0, 1));
    (0..count).for_each(|_| _ = world.add());
    world.run(seconds(10));
    world
}

/// Host `from` says something to `to` alone. How long it takes to be there.
fn tell(world: &mut World, from: usize, to: usize, text: &str) -> Duration {
    let place = Place::Direct(world.key(to));
    world.say_in(from, place, text);
    world.run_to(seconds(60), |world| world.hosts[to].texts().contains(&text))
}

/// What `host` was told last of `other`.
fn last(world: &World, host: usize, other: usize) -> PeerChange {
    let key = Some(world.key(other));
    let told = world.hosts[host].events.iter().rev().find_map(|(_, event)| match event {
        Event::Peer(change) if change.key == key => Some(change.clone()),
        _ => None,
    });
    told.expect("it was told of")
}

fn counted(world: &World, host: usize) -> RelayStats {
    world.hosts[host].node.as_ref().expect("it runs").stats().relay
}

#[test]
fn what_is_said_to_one_who_cannot_be_reached_goes_over_a_neighbour() {
    let mut world = filtered(1, 3);
    let first = tell(&mut world, 0, 1, "are you there?");
    let back = tell(&mut world, 1, 0, "yes");
    assert!(first < seconds(1) && back < Duration::from_millis(50), "{first:?}, {back:?}");
    for (host, other) in [(0, 1), (1, 0)] {
        let change = last(&world, host, other);
        assert_eq!((change.state, change.via, change.direct), (PeerState::Online, Source::Relay, true));
        assert_eq!((change.through, change.address), (Some(world.key(2)), None));
    }
    let relay = &world.hosts[2];
    assert!(relay.texts().is_empty() && relay.store.entries.is_empty(), "it has nothing of it");
    assert!(counted(&world, 2).passed > 10, "{:?}", counted(&world, 2));
    world.run(seconds(600));
    assert_eq!(world.hosts[0].states(world.key(1)).last(), Some(&PeerState::Online));
    is_never_sent(&world);
}

/// No address that stands for a neighbour ever leaves a node.
fn is_never_sent(world: &World) {
    let is_made_up = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.segments()[..4] == [0x100, 0, 0, 0]);
    assert!(world.trace.iter().all(|(_, _, transmit)| !is_made_up(transmit.to.ip())));
    for host in &world.hosts {
        let addresses = host.events.iter().filter_map(|(_, event)| match event {
            Event::Peer(change) => change.address,
            _ => None,
        });
        assert!(addresses.into_iter().all(|address| !is_made_up(address.ip())));
    }
}
