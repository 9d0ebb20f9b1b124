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

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use chat_core::*;
use world::{Logged, World, seconds};

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

#[test]
fn nobody_asks_a_neighbour_without_need() {
    let mut world = filtered(2, 4);
    world.say(0, "to all");
    world.run(seconds(120));
    assert!(world.hosts[1].texts().contains(&"to all"), "others pass that on, who are in the room");
    assert!((0..4).all(|host| counted(&world, host) == RelayStats::default()));
    // Whoever is reached needs no neighbour either.
    tell(&mut world, 0, 2, "to you alone");
    world.run(seconds(120));
    assert!((0..4).all(|host| counted(&world, host) == RelayStats::default()));
}

#[test]
fn when_the_neighbour_goes_another_one_takes_over() {
    // A crash is found out by heartbeats, a goodbye is heard.
    let kill: fn(&mut World, usize) = World::kill;
    let quit: fn(&mut World, usize) = |world, host| _ = world.command(host, Action::Quit);
    for (goes, limit) in [(kill, seconds(7)), (quit, seconds(1))] {
        let mut world = filtered(3, 4);
        tell(&mut world, 0, 1, "over the first");
        let first = last(&world, 0, 1).through.expect("over a neighbour");
        let first = (2..4).find(|host| world.key(*host) == first).expect("one of both");
        goes(&mut world, first);
        let other = world.key(5 - first);
        let took = world.run_to(seconds(10), |world| last(world, 0, 1).through == Some(other));
        assert!(took < limit, "{took:?}");
        assert!(tell(&mut world, 0, 1, "over the other") < seconds(1));
        assert!(tell(&mut world, 1, 0, "and back") < seconds(1));
        world.run(seconds(30));
        let states = world.hosts[0].states(world.key(1));
        assert!(!states.contains(&PeerState::Lost), "it was there all the time: {states:?}");
        is_never_sent(&world);
    }
}

#[test]
fn once_there_is_a_way_it_is_taken_and_nothing_is_lost() {
    let mut world = filtered(4, 3);
    tell(&mut world, 0, 1, "over a neighbour");
    world.cut.clear();
    let mut number = 0;
    while last(&world, 0, 1).through.is_some() || last(&world, 1, 0).through.is_some() {
        number += 1;
        for (from, to) in [(0, 1), (1, 0)] {
            let place = Place::Direct(world.key(to));
            world.say_in(from, place, &format!("{from} {number}"));
        }
        world.run(Duration::from_millis(100));
        assert!(number < 900, "it is called once in 66 s");
    }
    world.run(seconds(1));
    for (from, to) in [(0, 1), (1, 0)] {
        let texts = world.hosts[to].texts();
        let all =
            (1..=number).all(|it| texts.iter().filter(|text| **text == format!("{from} {it}")).count() == 1);
        assert!(all, "each once");
        let change = last(&world, from, to);
        assert_eq!((change.direct, change.address), (true, Some(world::address_of(to))));
        assert!(change.via != Source::Relay);
    }
    let passed = counted(&world, 2).passed;
    world.run(seconds(120));
    assert_eq!(counted(&world, 2).passed, passed, "nobody is asked any more");
    let states = world.hosts[0].states(world.key(1));
    assert!(
        states.iter().all(|state| *state == PeerState::Online || *state == PeerState::Found),
        "{states:?}"
    );
}

#[test]
fn a_neighbour_passes_no_more_on_than_its_share() {
    let mut world = filtered(5, 3);
    tell(&mut world, 0, 1, "a file comes");
    let size = 1 << 20;
    let (name, place) = (FileName::lenient("holiday.jpg"), Place::Direct(world.key(1)));
    let offer = Offer { name, size, hash: [7; 32], folder: false };
    world.command(0, Action::Offer { place, offer });
    world.run(seconds(1));
    let offered = world.hosts[1].messages().find(|message| message.file.is_some()).expect("the offer");
    let (file, place, from) = (offered.id, offered.place.clone(), offered.from);
    world.hosts[0].offered.insert(file, vec![5; 1 << 20]);
    world.command(1, Action::Fetch(Wanted { file, place, from, size, have: 0 }));
    let is_whole = |world: &World| world.hosts[1].written.get(&file).map_or(0, Vec::len) as u64 == size;
    let took = world.run_to(seconds(60), is_whole);
    // A burst of 256 KiB, then 64 KiB a second, of which headers and what gets lost take their part.
    assert!(took > seconds(12) && took < seconds(25), "{took:?}");
    let relay = counted(&world, 2);
    assert!(relay.over_quota > 0, "{relay:?}");
    assert!(relay.passed_bytes < (256 << 10) + (64 << 10) * (took.as_secs() + 12) * 11 / 10, "{relay:?}");
    assert!(tell(&mut world, 0, 2, "hi") < Duration::from_millis(50), "and is as quick as ever for others");
}

#[test]
fn a_private_room_of_two_is_whole_and_nobody_else_has_anything_of_it() {
    let mut world = filtered(6, 3);
    let (name, root) = (RoomName::new("#two").unwrap(), RoomRoot::new([9; 32]));
    for host in [0, 1] {
        world.command(host, Action::JoinPrivate { room: name.clone(), root: root.clone() });
    }
    world.run(seconds(15));
    world.say_in(0, Place::Room(name.clone()), "between us");
    world.run_to(seconds(1), |world| world.hosts[1].texts().contains(&"between us"));
    assert!(world.hosts[2].store.entries.is_empty());
    assert_eq!(last(&world, 0, 1).through, Some(world.key(2)));
    // Once somebody who is in it too reaches both, nobody has to pass anything on.
    world.command(2, Action::JoinPrivate { room: name.clone(), root });
    world.run(seconds(15));
    world.say_in(1, Place::Room(name), "among three");
    world.run_to(seconds(1), |world| world.hosts[0].texts().contains(&"among three"));
    is_never_sent(&world);
}

#[test]
fn in_a_crowd_somebody_is_found_who_reaches_both() {
    let mut world = filtered(7, 40);
    world.run(seconds(60));
    let took = tell(&mut world, 0, 1, "are you there?");
    assert!(took < seconds(15), "{took:?}");
    let back = tell(&mut world, 1, 0, "yes");
    assert!(back < seconds(1), "{back:?}");
    world.run(seconds(120));
    assert_eq!(last(&world, 0, 1).via, Source::Relay, "it lasts");
    is_never_sent(&world);
}

#[test]
fn an_address_that_stands_for_a_neighbour_is_never_believed() {
    let mut world = World::new(8);
    world.add();
    world.run(seconds(1));
    let made_up: SocketAddr = "[100::1:2:3:4]:1".parse().unwrap();
    let before = world.hosts[0].node.as_ref().unwrap().stats().session.stray;
    let (interface, to, bytes) = (2, world::address_of(0).ip(), vec![1; 1080]);
    for via in [Via::Chat, Via::Beacon, Via::Mdns] {
        world.input(0, Input::Datagram(Datagram { via, interface, from: made_up, to, bytes: &bytes }));
    }
    assert_eq!(world.hosts[0].node.as_ref().unwrap().stats().session.stray, before + 3);
    let tag = world.command(0, Action::Connect(made_up));
    let unusable = |(_, event): &(Instant, Event)| matches!(event, Event::Unreachable { tag: told, reason: Unreached::Unusable, .. } if *told == tag);
    assert!(world.hosts[0].events.iter().any(unusable));
    let (source, kind, id) = (Source::Outside, SightingKind::Seen, Some([3; 8]));
    let sighting = Sighting { source, kind, id, boot: None, nick: None, addresses: vec![made_up] };
    world.input(0, Input::Sighting(sighting));
    world.run(seconds(30));
    assert!(!world.hosts[0].events.iter().any(|(_, event)| matches!(event, Event::Peer(_))));
    is_never_sent(&world);
}

#[test]
fn a_trace_has_what_is_said_inside_and_only_those_at_both_ends_know_it() {
    let mut world = World::new(9);
    world.configure = |config| config.trace = true;
    world.cut.insert((0, 1));
    (0..3).for_each(|_| _ = world.add());
    world.run(seconds(10));
    world.log = Some(Vec::new());
    tell(&mut world, 0, 1, "a word");
    world.run(seconds(1));
    let log = world.log.take().unwrap();
    let traces = |host: usize| {
        let traces = log.iter().filter(|(its, _)| *its == host).filter_map(|(_, logged)| match logged {
            Logged::Output(output) => match &**output {
                Output::Trace(trace) => Some(trace.clone()),
                _ => None,
            },
            Logged::Datagram(_) => None,
        });
        traces.collect::<Vec<_>>()
    };
    let says = |trace: &Trace, what: &str| trace.lines.iter().any(|line| line.contains(what));
    let word =
        |host: usize| traces(host).into_iter().filter(|trace| says(trace, "a word")).collect::<Vec<_>>();
    let [sent] = &word(0)[..] else { panic!("{:?}", word(0)) };
    assert!(
        says(sent, "relay to run") && says(sent, "inside: packet") && sent.received.is_none(),
        "{sent:?}"
    );
    assert!(word(1).iter().all(|trace| trace.received.is_some()) && !word(1).is_empty());
    assert!(word(2).is_empty(), "{:?}", word(2));
    assert!(traces(2).iter().any(|trace| says(trace, "relayed from run")));
    assert!(traces(0).iter().any(|trace| says(trace, "hello: handshake 1 of 3")));
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
