//! What a node answers when too much is asked of it, too late, or of nobody.
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

use std::{net::SocketAddr, time::Duration};

use chat_core::*;
use world::{World, address_of, seconds};

fn say(text: &str) -> Action {
    let (place, text) = (Place::Room(RoomName::lobby()), Text::new(text).unwrap());
    Action::Say { place, text, action: false, reply: None }
}

/// One of everything that can be asked for, but `Quit`.
fn everything(number: u64) -> Action {
    let room = RoomName::new("#tea").unwrap();
    match number % 5 {
        0 => say("hello"),
        1 => Action::Join(room),
        2 => Action::Rename(Nick::new("other").unwrap()),
        3 => Action::Connect(address_of(200)),
        _ => Action::Leave(room),
    }
}

/// The events about unreachable addresses, as (tag, address, reason).
fn unreachable(world: &World, host: usize) -> Vec<(u64, SocketAddr, Unreached)> {
    let of = |event: &Event| match *event {
        Event::Unreachable { tag, address, reason } => Some((tag, address, reason)),
        _ => None,
    };
    world.hosts[host].events.iter().filter_map(|(_, event)| of(event)).collect()
}

#[test]
fn commands_wait_for_the_store_and_too_many_are_refused() {
    const QUEUED: u64 = 4096;
    let config = Config::new(REAL, Nick::new("ana").unwrap(), world::PORT);
    let mut node = Node::new(config, Identity::new(REAL, &[1; 32]), [1; 32], Instant::ORIGIN);
    let drain = |node: &mut Node| {
        let all = std::iter::from_fn(|| Some(node.poll()).filter(|out| !matches!(out, Output::Wait(_))));
        all.collect::<Vec<_>>()
    };
    let first = drain(&mut node);
    assert!(matches!(first[..], [Output::Fetch { what: Request::State, .. }]));
    for tag in 0..QUEUED + 3 {
        let action = if tag % 5 == 0 { Action::Leave(RoomName::lobby()) } else { everything(tag) };
        node.handle(Instant::ORIGIN, Input::Command(Command { tag, action }));
    }
    let busy = |tag| Output::Event(Event::Refused { tag, reason: Refusal::Busy });
    assert_eq!(drain(&mut node), [busy(QUEUED), busy(QUEUED + 1), busy(QUEUED + 2)]);
    assert_eq!(node.stats().commands_refused, 3);
    node.handle(Instant::ORIGIN, Input::Fetched { token: Token(1), answer: Answer::State(State::default()) });
    let done = drain(&mut node).into_iter().filter_map(|output| match output {
        Output::Event(Event::Done { tag, .. }) => Some(tag),
        _ => None,
    });
    // Joins and leaves are the rooms' and come after what the node does itself, each in the order asked for.
    let mut done: Vec<u64> = done.collect();
    done.sort_unstable();
    assert!(done.into_iter().eq(0..QUEUED));
}

#[test]
fn whoever_has_said_goodbye_does_nothing_more() {
    let mut world = World::new(2);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.run(seconds(1));
    let refused = |world: &World, tag| {
        let refused = Event::Refused { tag, reason: Refusal::Leaving };
        world.hosts[a].events.iter().filter(|(_, event)| *event == refused).count()
    };
    world.command(a, Action::Quit);
    for round in 0..2 {
        for number in 0..5 {
            let tag = world.command(a, everything(number));
            assert_eq!(refused(&world, tag), 1, "{round}: {:?}", everything(number));
            assert!(!world.hosts[a].is_done(tag));
        }
        world.run(seconds(1));
    }
    assert!(world.hosts[a].events.iter().any(|(_, event)| *event == Event::Finished));
    assert!(world.hosts[b].texts().is_empty());
}

#[test]
fn what_was_asked_for_after_an_early_goodbye_is_refused_too() {
    let mut world = World::new(3);
    let a = world.add();
    world.command(a, Action::Quit);
    let tag = world.command(a, say("too late"));
    world.run(seconds(1));
    let refused = Event::Refused { tag, reason: Refusal::Leaving };
    assert!(world.hosts[a].events.iter().any(|(_, event)| *event == refused));
}

#[test]
fn an_address_that_does_not_answer_is_told_of_once_for_each_request() {
    let mut world = World::new(4);
    let a = world.add();
    world.run(seconds(1));
    let address = address_of(76);
    let tags = [world.command(a, Action::Connect(address)), world.command(a, Action::Connect(address))];
    assert!(tags.iter().all(|&tag| world.hosts[a].is_done(tag)));
    world.run(Duration::from_millis(4900));
    assert_eq!(unreachable(&world, a), []);
    world.run(Duration::from_millis(200));
    let told = [(tags[0], address, Unreached::Silent), (tags[1], address, Unreached::Silent)];
    assert_eq!(unreachable(&world, a), told);
    world.run(seconds(60));
    assert_eq!(unreachable(&world, a), told, "it is called on all the same");
    assert!(world.hosts[a].node.as_ref().unwrap().stats().session.dialled > 3);
    let again = world.command(a, Action::Connect(address));
    world.run(seconds(20));
    assert_eq!(unreachable(&world, a).last(), Some(&(again, address, Unreached::Silent)));
    assert_eq!(unreachable(&world, a).len(), 3);
}

#[test]
fn an_address_that_answers_is_never_told_of() {
    let mut world = World::new(5);
    let (a, b) = (world.add(), world.add());
    world.command(a, Action::Connect(address_of(b)));
    world.meet(a, b);
    world.command(a, Action::Connect(address_of(b)));
    world.run(seconds(10));
    world.kill(b);
    world.run(seconds(60));
    assert_eq!(unreachable(&world, a), []);
    // A remembered one that is silent is nobody's request.
    world.kill(a);
    world.start(a);
    world.run(seconds(60));
    assert!(world.hosts[a].node.as_ref().unwrap().stats().session.handshakes_failed > 0);
    assert_eq!(unreachable(&world, a), []);
}

#[test]
fn addresses_of_ours_and_of_nobody_are_told_of() {
    let mut world = World::new(6);
    let a = world.add();
    world.run(seconds(1));
    let own = world.command(a, Action::Connect(address_of(a)));
    world.run(seconds(1));
    let own_again = world.command(a, Action::Connect(address_of(a)));
    let group = "224.0.0.251:5353".parse().unwrap();
    let unusable = world.command(a, Action::Connect(group));
    let told = [
        (own, address_of(a), Unreached::Own),
        (own_again, address_of(a), Unreached::Own),
        (unusable, group, Unreached::Unusable),
    ];
    assert_eq!(unreachable(&world, a), told);
}

#[test]
fn whoever_renames_all_the_time_is_shown_at_a_pace_and_in_the_end_as_they_are() {
    let mut world = World::new(7);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    let (key, before) = (world.key(b), world.hosts[a].states(world.key(b)).len());
    let nick = |number: usize| Nick::new(&format!("nick{number}")).unwrap();
    for number in 0..=140 {
        world.command(b, Action::Rename(nick(number)));
        world.run(Duration::from_millis(100));
    }
    let shown = world.hosts[a].states(key).len() - before;
    assert!((64..=72).contains(&shown), "{shown}");
    world.run(seconds(10));
    let last = world.hosts[a].events.iter().rev().find_map(|(_, event)| match event {
        Event::Peer(change) if change.key == Some(key) => change.nick.clone(),
        _ => None,
    });
    assert_eq!(last, Some(nick(140)), "what was said last was not dropped");
    assert!(world.hosts[a].node.as_ref().unwrap().stats().records_late > 50);
}

#[test]
fn whoever_comes_and_goes_often_is_shown_each_time() {
    let mut world = World::new(9);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    for round in 0..20 {
        world.command(b, Action::Quit);
        world.run(Duration::from_millis(400));
        world.start(b);
        let took = world.meet(a, b);
        assert!(took < seconds(2), "round {round}: {took:?}");
    }
}

#[test]
fn a_friend_of_an_earlier_run_gets_in_when_all_places_for_strangers_are_taken() {
    let mut world = World::new(8);
    world.configure = |config| config.sessions_max = 3;
    let (a, friend) = (world.add(), world.add());
    world.meet(a, friend);
    world.kill(friend);
    world.run(seconds(10));
    world.kill(a);
    world.start(a);
    gets_in_before_strangers(&mut world, a, friend);
}

#[test]
fn whoever_was_in_session_for_long_is_no_stranger_either() {
    let mut world = World::new(11);
    world.configure = |config| config.sessions_max = 3;
    let (a, friend) = (world.add(), world.add());
    world.meet(a, friend);
    world.run(seconds(620));
    let stored = world.hosts[a].stored;
    world.kill(friend);
    world.run(seconds(10));
    assert_eq!(world.hosts[a].stored, stored + 1, "the store knows until when it was there");
    gets_in_before_strangers(&mut world, a, friend);
}

#[test]
fn a_newer_record_that_says_the_same_is_no_news() {
    let mut world = World::new(9);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.run(seconds(1));
    let (key, stored) = (world.key(b), world.hosts[a].stored);
    let before = world.hosts[a].states(key).len();
    for _ in 0..5 {
        world.command(b, Action::Rename(Nick::new("peer1").unwrap()));
        world.run(seconds(1));
    }
    assert_eq!((world.hosts[a].states(key).len(), world.hosts[a].stored), (before, stored));
    world.command(b, Action::Rename(Nick::new("other").unwrap()));
    world.run(seconds(1));
    assert_eq!((world.hosts[a].states(key).len(), world.hosts[a].stored), (before + 1, stored + 1));
}

#[test]
fn a_peer_without_room_is_not_called_all_the_time() {
    let mut world = World::new(10);
    world.configure = |config| config.sessions_max = 1;
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    let c = world.add();
    world.run(seconds(60));
    let stats = |host: usize| world.hosts[host].node.as_ref().unwrap().stats().session;
    let dialled: u64 = [a, b, c].into_iter().map(|host| stats(host).dialled).sum();
    assert!(stats(a).refused > 0 && dialled < 40, "{dialled} calls in a minute");
}

#[test]
fn a_place_is_kept_by_whoever_has_it_for_long_and_whoever_loses_it_comes_back_when_there_is_one() {
    let mut world = World::new(12);
    world.configure = |config| config.sessions_max = 3;
    let (a, old, other) = (world.add(), world.add(), world.add());
    let key = world.key(a);
    world.meet(a, old);
    world.meet(a, other);
    [old, other].into_iter().for_each(|host| world.kill(host));
    world.run(seconds(10));
    world.kill(a);
    world.start(a);
    let friend = world.add();
    world.run(seconds(620));
    let stranger = world.add();
    // Its own places are not what this is about.
    [old, other, friend].into_iter().for_each(|host| {
        world.cut.insert((host, stranger));
    });
    world.meet(a, stranger);
    for host in [old, other] {
        world.start(host);
        world.meet(a, host);
    }
    world.run(seconds(5));
    assert!(world.hosts[a].sees(world.key(friend)), "it has been here for ten minutes");
    assert_eq!(world.hosts[stranger].states(key).last(), Some(&PeerState::Lost), "nobody has quit");
    // It said itself that it is there, and nobody else has a session with it.
    world.run(seconds(10));
    assert_eq!(world.hosts[a].states(world.key(stranger)).last(), Some(&PeerState::Lost));
    world.kill(old);
    world.run_to(seconds(90), |world| world.hosts[stranger].sees(key));
}

#[test]
fn whom_the_person_has_written_to_gets_in_before_those_who_were_only_met() {
    let mut world = World::new(13);
    world.configure = |config| config.sessions_max = 3;
    let a = world.add();
    let others: Vec<usize> = (0..4).map(|_| world.add()).collect();
    others.iter().for_each(|&other| world.kill(other));
    for &other in &others {
        world.start(other);
        world.meet(a, other);
        if other == others[3] {
            world.say_in(a, Place::Direct(world.key(other)), "hello");
            world.run(seconds(1));
        }
        world.kill(other);
        world.run(seconds(10));
    }
    world.kill(a);
    world.start(a);
    for &other in &others {
        world.start(other);
        world.meet(a, other);
    }
}

#[test]
fn when_somebody_was_here_last_is_kept_at_the_end_and_not_all_the_time() {
    let mut world = World::new(14);
    let (a, b) = (world.add(), world.add());
    let seen = |world: &World| match world.hosts[a].store.answer(&Request::State) {
        Answer::State(state) => state.peers[0].seen.0,
        other => panic!("{other:?}"),
    };
    world.meet(a, b);
    let first = seen(&world);
    world.kill(b);
    let stored = world.hosts[a].stored;
    world.run(seconds(20));
    assert_eq!((seen(&world), world.hosts[a].stored), (first, stored), "nearly the same");
    world.start(b);
    world.meet(a, b);
    let second = seen(&world);
    world.run(seconds(3600));
    world.command(a, Action::Quit);
    world.run(seconds(1));
    assert!((3_599_000..3_602_000).contains(&(seen(&world) - second)), "when we leave, too");
}

#[test]
fn a_nick_that_found_no_space_on_a_link_is_told_later() {
    let mut world = World::new(15);
    // One record fills the link.
    world.configure = |config| config.backlog_max = 50;
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.run(seconds(1));
    let key = world.key(b);
    ["one", "two"].into_iter().for_each(|nick| {
        world.command(b, Action::Rename(Nick::new(nick).unwrap()));
    });
    world.run(seconds(12));
    let told = world.hosts[a].events.iter().rev().find_map(|(_, event)| match event {
        Event::Peer(change) if change.key == Some(key) => change.nick.clone(),
        _ => None,
    });
    assert_eq!(told, Some(Nick::new("two").unwrap()));
}

/// Three strangers come, for whom there are two places of three; then `friend` does.
fn gets_in_before_strangers(world: &mut World, a: usize, friend: usize) {
    for _ in 0..3 {
        world.add();
        world.run(seconds(5));
    }
    assert_eq!((2..5).filter(|&other| world.hosts[a].sees(world.key(other))).count(), 2);
    world.start(friend);
    let key = world.key(friend);
    world.run_to(seconds(5), |world| world.hosts[a].sees(key));
}

#[test]
fn a_node_tells_how_full_its_tables_are() {
    let mut world = World::new(14);
    let a = world.add();
    world.run(seconds(1));
    let sizes = |world: &World| world.hosts[a].node.as_ref().unwrap().sizes();
    let alone = sizes(&world);
    assert_eq!((alone.sessions, alone.acquaintances, alone.mdns_records), (0, 0, 0));
    let b = world.add();
    world.meet(a, b);
    world.run(seconds(3));
    let together = sizes(&world);
    assert_eq!((together.sessions, together.contacts, together.acquaintances), (1, 1, 1));
    assert_eq!(together.rooms, alone.rooms + 1, "and what the two say to each other");
    assert!(together.mdns_records > 0);
    world.kill(b);
    world.command(a, say("into the void"));
    world.run(Duration::from_millis(100));
    assert!(sizes(&world).backlog > 100);
    world.run(seconds(20));
    let left = sizes(&world);
    assert_eq!((left.sessions, left.backlog, left.acquaintances), (0, 0, 1));
}
