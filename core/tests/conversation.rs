//! What people see, on a link that loses and reorders.
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

#[test]
fn two_peers_find_each_other_and_talk_both_ways() {
    let mut world = World::new(1);
    let (a, b) = (world.add(), world.add());
    let took = world.meet(a, b);
    // Nobody answers by a name that is not probed yet (RFC 6762 section 8.1: up to 250 ms and three times 250 ms).
    assert!(took < Duration::from_millis(1200), "{took:?}");
    let tag = world.say(a, "hello");
    world.run_to(seconds(1), |world| world.hosts[b].texts() == ["hello"]);
    world.say(b, "hello yourself");
    world.run_to(seconds(1), |world| world.hosts[a].texts() == ["hello", "hello yourself"]);
    world.run_to(seconds(1), |world| world.hosts[a].receipts().values().eq(&[(1, 1)]));
    assert!(world.hosts[a].is_done(tag));
    let from: Vec<_> = world.hosts[b].messages().map(|message| (message.from, message.own)).collect();
    assert_eq!(from, [(world.key(a), false), (world.key(b), true)]);
}

#[test]
fn a_newcomer_is_in_session_within_300_ms_by_multicast_alone() {
    for seed in 40..60 {
        let mut world = World::new(seed);
        let a = world.add();
        world.run(seconds(5));
        let b = world.add();
        let took = world.meet(a, b);
        assert!(took < Duration::from_millis(300), "seed {seed}: {took:?}");
    }
}

#[test]
fn a_message_is_shown_before_any_disk_is_waited_for() {
    let mut world = World::new(2);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.store_delay = seconds(3);
    world.say(a, "quick");
    let took = world.run_to(seconds(1), |world| world.hosts[b].texts() == ["quick"]);
    assert!(took < Duration::from_millis(1), "{took:?}");
    assert!(world.hosts[a].receipts().is_empty());
    world.run_to(seconds(10), |world| world.hosts[a].receipts().values().eq(&[(1, 1)]));
}

#[test]
fn whoever_cannot_store_takes_no_more_than_a_mebibyte() {
    let mut world = World::new(32);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.run(seconds(1));
    world.store_delay = seconds(60);
    let text = |number: usize| format!("{number:04000}");
    for number in 0..600 {
        world.say(a, &text(number));
        world.run(Duration::from_millis(10));
    }
    world.run(seconds(4));
    let heard = world.hosts[b].texts().len();
    // Each takes about 4,480 bytes with its header and what the record adds.
    assert!((225..=245).contains(&heard), "{heard} of 4,000 bytes each");
    world.run_to(seconds(600), |world| world.hosts[b].texts().len() == 600);
    assert!(world.hosts[b].texts().iter().enumerate().all(|(number, heard)| *heard == text(number)));
}

#[test]
fn everything_arrives_once_and_in_order_over_a_bad_link() {
    for seed in 10..14 {
        let mut world = World::new(seed);
        (world.loss, world.jitter) = (150, Duration::from_millis(20));
        let (a, b) = (world.add(), world.add());
        world.meet(a, b);
        let said: Vec<String> = (0..500).map(|number| format!("message {number}")).collect();
        for (number, text) in said.iter().enumerate() {
            world.say(a, text);
            if number % 7 == 0 {
                world.run(Duration::from_millis(5));
            }
        }
        world.run_to(seconds(120), |world| world.hosts[b].texts().len() >= said.len());
        world.run(seconds(20));
        assert_eq!(world.hosts[b].texts(), said, "seed {seed}");
    }
}

#[test]
fn a_goodbye_is_seen_within_ten_milliseconds() {
    let mut world = World::new(3);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    let key = world.key(a);
    world.command(a, Action::Quit);
    let took = world.run_to(seconds(1), |world| world.hosts[b].states(key).last() == Some(&PeerState::Quit));
    assert!(took < Duration::from_millis(10), "{took:?}");
    let finished = |world: &World| world.hosts[a].events.iter().any(|(_, event)| *event == Event::Finished);
    world.run_to(seconds(1), finished);
    world.kill(a);
    world.run(seconds(30));
    assert_eq!(world.hosts[b].states(key).last(), Some(&PeerState::Quit), "and it stays gone");
}

#[test]
fn the_last_words_before_a_goodbye_are_heard() {
    let mut world = World::new(31);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.run(seconds(1));
    let tags = [world.say(a, "one thing"), world.say(a, "and another")];
    world.command(a, Action::Quit);
    world.run(seconds(1));
    assert_eq!(world.hosts[b].texts(), ["one thing", "and another"]);
    assert!(tags.iter().all(|&tag| world.hosts[a].is_done(tag)));
}

#[test]
fn a_crash_is_seen_within_seven_seconds() {
    for seed in 20..30 {
        let mut world = World::new(seed);
        let (a, b) = (world.add(), world.add());
        world.meet(a, b);
        world.run(Duration::from_millis(u64::from(seed) * 733));
        let key = world.key(a);
        world.kill(a);
        let took =
            world.run_to(seconds(8), |world| world.hosts[b].states(key).last() == Some(&PeerState::Lost));
        assert!(took <= seconds(7), "seed {seed}: {took:?}");
        assert!(world.hosts[b].states(key).contains(&PeerState::Suspect));
    }
}

#[test]
fn whoever_comes_back_is_found_by_its_remembered_address() {
    let mut world = World::new(4);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.say(a, "before");
    world.run(seconds(2));
    world.kill(a);
    world.run(seconds(10));
    world.start(a);
    let (key_a, key_b) = (world.key(a), world.key(b));
    let from = world.hosts[a].events.len();
    let online = |world: &World| {
        world.hosts[a].events[from..].iter().any(|(_, event)| {
            matches!(event, Event::Peer(PeerChange { key, state: PeerState::Online, .. }) if *key == Some(key_b))
        })
    };
    let took = world.run_to(seconds(5), online);
    assert!(took < Duration::from_millis(5), "{took:?}");
    world.run_to(seconds(5), |world| world.hosts[b].sees(key_a));
    world.say(b, "after");
    world.run_to(seconds(5), |world| world.hosts[a].texts().contains(&"after"));
}

#[test]
fn a_third_peer_that_joins_later_gets_the_last_day_from_whoever_has_it() {
    let mut world = World::new(5);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    for number in 0..300 {
        world.say(a, &format!("message {number}"));
        world.run(Duration::from_millis(10));
    }
    world.run(seconds(2));
    world.kill(a);
    world.run(seconds(10));
    let c = world.add();
    world.run_to(seconds(15), |world| world.hosts[c].texts().len() == 300);
    assert_eq!(world.hosts[c].texts(), world.hosts[b].texts());
    assert!(world.hosts[c].messages().all(|message| message.late));
    world.run(seconds(30));
    assert_eq!(world.hosts[c].texts().len(), 300, "each once");
}

#[test]
fn a_healed_partition_is_whole_again() {
    let mut world = World::new(6);
    let peers = [world.add(), world.add(), world.add(), world.add()];
    world.meet(peers[0], peers[3]);
    world.run(seconds(5));
    world.cut.extend([(0, 2), (0, 3), (1, 2), (1, 3)]);
    for number in 0..40 {
        world.say(number % 4, &format!("message {number}"));
        world.run(seconds(1));
    }
    assert_eq!(world.hosts[0].texts().len(), 20);
    world.cut.clear();
    let took = world.run_to(seconds(60), |world| world.hosts.iter().all(|host| host.texts().len() == 40));
    assert!(took < seconds(25), "{took:?}");
    world.run(seconds(60));
    let history = |host: &world::Host| host.store.entries.keys().copied().collect::<Vec<_>>();
    assert!(world.hosts.iter().all(|host| history(host) == history(&world.hosts[0])));
    assert!(world.hosts.iter().all(|host| host.texts().len() == 40), "each once");
}

#[test]
fn a_direct_message_reaches_its_receiver_alone_and_waits_while_he_is_away() {
    let mut world = World::new(7);
    let peers = [world.add(), world.add(), world.add()];
    world.meet(peers[0], peers[1]);
    world.meet(peers[0], peers[2]);
    world.run(seconds(1));
    let to = Place::Direct(world.key(1));
    world.say_in(0, to.clone(), "for you");
    world.run_to(seconds(2), |world| world.hosts[1].texts() == ["for you"]);
    world.kill(1);
    world.run(seconds(10));
    world.say_in(0, to, "while you were out");
    world.run(seconds(5));
    world.start(1);
    world.run_to(seconds(30), |world| world.hosts[1].texts() == ["for you", "while you were out"]);
    assert!(world.hosts[2].texts().is_empty());
    let place = Place::Direct(world.key(0));
    assert!(world.hosts[1].messages().all(|message| message.place == place));
}

#[test]
fn a_nick_taken_twice_and_a_new_nick_are_seen() {
    let mut world = World::new(8);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    let nick = Nick::new("peer1").unwrap();
    world.command(a, Action::Rename(nick.clone()));
    let key = world.key(a);
    let renamed = |world: &World| {
        world.hosts[b].events.iter().any(|(_, event)| {
            matches!(event, Event::Peer(change) if change.key == Some(key) && change.nick == Some(nick.clone()))
        })
    };
    world.run_to(seconds(2), renamed);
    world.say(a, "same name, another key");
    world.run_to(seconds(1), |world| world.hosts[b].texts().len() == 1);
}

#[test]
fn where_little_may_wait_for_a_peer_rooms_are_shared_all_the_same() {
    let mut world = World::new(16);
    // Its own record fills the link, so that the proofs find no space.
    world.configure = |config| config.backlog_max = 50;
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.say(a, "hello");
    world.run_to(seconds(30), |world| world.hosts[b].texts() == ["hello"]);
}

#[test]
fn a_machine_in_1970_is_carried_along_by_the_one_it_talks_to() {
    let mut world = World::new(17);
    let (a, b) = (world.add(), world.add());
    world.input(a, Input::WallClock(UnixMillis(0)));
    world.meet(a, b);
    world.run(seconds(12));
    world.say(a, "what year is it?");
    world.say(b, "look at the stamps");
    world.run(seconds(1));
    let stamps: Vec<u64> = world.hosts[a].messages().map(|message| message.stamp.0 / 1_000_000).collect();
    assert!(stamps.len() == 2 && stamps[0].abs_diff(stamps[1]) < 60, "{stamps:?}");
}

#[test]
fn an_idle_peer_with_one_neighbour_sleeps() {
    let mut world = World::new(9);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world.run(seconds(60));
    let before: Vec<u64> = world.hosts.iter().map(|host| host.wakes).collect();
    let sent = world.trace.len();
    world.run(seconds(600));
    for (host, before) in world.hosts.iter().zip(before) {
        let wakes = host.wakes - before;
        assert!(wakes < 600, "{wakes} wakes in 600 s");
    }
    let datagrams = world.trace.len() - sent;
    assert!(datagrams < 1200, "{datagrams} datagrams in 600 s");
}
