//! Two persons find out whether they have each other's key, and what they think of keys lasts.
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

use chat_core::*;
use world::{World, seconds};

/// What came out of comparisons at a host: with whom, the digits, and whether it was asked for there.
fn compared(world: &World, host: usize) -> Vec<(PeerKey, Digits, bool)> {
    let of = |event: &Event| match *event {
        Event::Compared { key, digits, asked } => Some((key, digits, asked)),
        _ => None,
    };
    world.hosts[host].events.iter().filter_map(|(_, event)| of(event)).collect()
}

fn refusal(world: &World, host: usize, tag: u64) -> Option<Refusal> {
    world.hosts[host].events.iter().find_map(|(_, event)| match *event {
        Event::Refused { tag: refused, reason } if refused == tag => Some(reason),
        _ => None,
    })
}

fn pair() -> World {
    let mut world = World::new(1);
    world.add();
    world.add();
    world.meet(0, 1);
    world
}

#[test]
fn both_see_the_same_digits_and_others_each_time() {
    let mut world = pair();
    let tags = [0, 1].map(|_| {
        let tag = world.command(0, Action::Compare(world.key(1)));
        world.run_to(seconds(1), |world| world.hosts[0].is_done(tag));
        world.run(seconds(1));
        tag
    });
    assert_ne!(tags[0], tags[1]);
    let (asker, asked) = (compared(&world, 0), compared(&world, 1));
    assert_eq!((asker.len(), asked.len()), (2, 2));
    for (one, other) in asker.iter().zip(&asked) {
        assert_eq!((one.0, one.1, one.2), (world.key(1), other.1, true));
        assert_eq!((other.0, other.2), (world.key(0), false));
    }
    assert_ne!(asker[0].1, asker[1].1);
}

#[test]
fn both_ask_at_once_and_see_one_row_of_digits() {
    let mut world = pair();
    let one = world.command(0, Action::Compare(world.key(1)));
    let two = world.command(1, Action::Compare(world.key(0)));
    world.run_to(seconds(1), |world| world.hosts[0].is_done(one) && world.hosts[1].is_done(two));
    world.run(seconds(15));
    let (one, two) = (compared(&world, 0), compared(&world, 1));
    assert_eq!((one.len(), two.len()), (1, 1), "{one:?} {two:?}");
    assert_eq!(one[0].1, two[0].1);
}

#[test]
fn who_does_not_answer_is_given_ten_seconds_and_who_was_never_met_none() {
    let mut world = pair();
    let key = world.key(1);
    world.cut.insert((0, 1));
    let tag = world.command(0, Action::Compare(key));
    let again = world.command(0, Action::Compare(key));
    assert_eq!(refusal(&world, 0, again), Some(Refusal::Busy), "one at a time");
    world.run(seconds(9));
    assert_eq!(refusal(&world, 0, tag), None);
    world.run(seconds(2));
    assert_eq!(refusal(&world, 0, tag), Some(Refusal::NotThere));
    for stranger in [PeerKey([7; 32]), world.key(0)] {
        let tag = world.command(0, Action::Compare(stranger));
        assert_eq!(refusal(&world, 0, tag), Some(Refusal::UnknownPeer));
    }
    assert_eq!(compared(&world, 0), []);
}

#[test]
fn in_a_crowd_whoever_is_no_neighbour_is_called_for_it() {
    let mut world = World::new(3);
    (0..24).for_each(|_| _ = world.add());
    world.run(seconds(60));
    let stranger = (1..24).find(|&other| {
        let key = world.key(other);
        world.hosts[0].sees(key) && !world.hosts[0].meets(key)
    });
    let key = world.key(stranger.expect("not all have a session with all"));
    let tag = world.command(0, Action::Compare(key));
    world.run_to(seconds(10), |world| world.hosts[0].is_done(tag));
    assert_eq!(compared(&world, 0).len(), 1);
}

#[test]
fn one_peer_cannot_have_digits_read_without_end() {
    let mut world = pair();
    let key = world.key(1);
    for _ in 0..20 {
        world.command(0, Action::Compare(key));
        world.run(seconds(1) / 10);
    }
    let asked = compared(&world, 1).len();
    assert!((2..=5).contains(&asked), "{asked}");
    assert!(world.hosts[1].node.as_ref().unwrap().stats().comparisons_refused > 0);
}

#[test]
fn whoever_is_blocked_gets_no_digits_shown_unless_our_person_asks() {
    let mut world = pair();
    let [one, two] = [0, 1].map(|host| world.key(host));
    let tag = world.command(0, Action::Think { key: two, thought: Thought::Blocked(true) });
    assert!(world.hosts[0].is_done(tag));
    let tag = world.command(1, Action::Compare(one));
    world.run(seconds(11));
    assert_eq!((compared(&world, 0), compared(&world, 1)), (vec![], vec![]));
    assert_eq!(refusal(&world, 1, tag), Some(Refusal::NotThere));
    assert_eq!(world.hosts[0].node.as_ref().unwrap().stats().comparisons_refused, 1);
    let tag = world.command(0, Action::Compare(two));
    world.run_to(seconds(1), |world| world.hosts[0].is_done(tag));
    assert_eq!(compared(&world, 0).len(), 1);
}

#[test]
fn what_is_thought_of_a_key_lasts_and_whoever_is_blocked_is_not_heard() {
    let mut world = pair();
    let key = world.key(1);
    let think = |world: &mut World, thought| {
        let tag = world.command(0, Action::Think { key, thought });
        assert!(world.hosts[0].is_done(tag));
    };
    think(&mut world, Thought::Verified(true));
    think(&mut world, Thought::Blocked(true));
    world.say(1, "unheard");
    world.run(seconds(1));
    assert_eq!(world.hosts[0].texts(), Vec::<&str>::new());
    assert_eq!(world.hosts[0].store.entries.len(), 1, "it is kept, so that all have the same");
    world.kill(0);
    world.run(seconds(1));
    world.hosts[0].events.clear();
    world.start(0);
    world.meet(0, 1);
    let trusted = |(_, event): &(Instant, Event)| match *event {
        Event::Trusted { key, trust } => Some((key, trust)),
        _ => None,
    };
    let told: Vec<_> = world.hosts[0].events.iter().filter_map(trusted).collect();
    assert_eq!(told, [(key, Trust { verified: true, blocked: true, muted: false })]);
    world.say(1, "still unheard");
    world.run(seconds(1));
    assert_eq!(world.hosts[0].texts(), Vec::<&str>::new());
    think(&mut world, Thought::Blocked(false));
    world.say(1, "heard");
    world.run(seconds(1));
    assert_eq!(world.hosts[0].texts(), ["heard"]);
    let own = world.key(0);
    let tag = world.command(0, Action::Think { key: own, thought: Thought::Muted(true) });
    assert_eq!(refusal(&world, 0, tag), Some(Refusal::TooMany), "of oneself nothing is thought");
}

#[test]
fn keys_that_something_is_thought_of_have_a_cap() {
    let mut world = World::new(1);
    world.configure = |config| config.peers_max = 8;
    world.add();
    world.run(seconds(1));
    let mut think = |number: u8, muted| {
        let thought = Thought::Muted(muted);
        let tag = world.command(0, Action::Think { key: PeerKey([number; 32]), thought });
        refusal(&world, 0, tag)
    };
    assert!((10..18).all(|number| think(number, true).is_none()));
    assert_eq!(think(18, true), Some(Refusal::TooMany));
    assert_eq!((think(10, false), think(18, true)), (None, None), "there is room again");
}
