//! What a person sets lasts, also when the store does not take it at first.
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

use std::num::NonZeroU16;

use chat_core::*;
use world::{World, seconds};

fn ops() -> RoomName {
    RoomName::new("#ops").unwrap()
}

fn lobby() -> Place {
    Place::Room(RoomName::lobby())
}

/// A host in two rooms that has met another one.
fn pair() -> World {
    let mut world = World::new(1);
    world.add();
    world.add();
    world.meet(0, 1);
    world.command(0, Action::Join(ops()));
    world.run(seconds(1));
    world
}

/// Ends a node, starts another one on what its store has, and answers what that tells of at first.
fn restart(world: &mut World) -> Vec<Event> {
    world.kill(0);
    world.hosts[0].events.clear();
    world.start(0);
    world.run(seconds(1));
    world.hosts[0].events.iter().map(|(_, event)| event.clone()).collect()
}

#[test]
fn what_was_set_while_the_store_was_full_is_kept_as_soon_as_it_is_not() {
    let (mut world, days) = (pair(), NonZeroU16::new(7));
    let key = world.key(1);
    let nick = Nick::new("ada").unwrap();
    world.hosts[0].store.fails = Some(StoreError::Full);
    world.command(0, Action::Think { key, thought: Thought::Verified(true) });
    world.command(0, Action::Think { key, thought: Thought::Blocked(true) });
    world.command(0, Action::Leave(ops()));
    world.command(0, Action::Keep { place: lobby(), days });
    world.command(0, Action::Rename(nick.clone()));
    let handed = world.hosts[0].stored;
    world.run(seconds(60));
    let again = world.hosts[0].stored - handed;
    assert!((4..200).contains(&again), "now and then, not all the time: {again}");
    world.hosts[0].store.fails = None;
    world.run(seconds(10));
    let settled = world.hosts[0].stored;
    world.run(seconds(30));
    assert!(world.hosts[0].stored - settled < 4, "and not again once it is stored");
    let told = restart(&mut world);
    let trust = Trust { verified: true, blocked: true, muted: false };
    assert!(told.contains(&Event::Trusted { key, trust }), "{told:?}");
    assert!(told.contains(&Event::Kept { place: lobby(), days }), "{told:?}");
    let tag = world.say_in(0, Place::Room(ops()), "am I there?");
    let refused = Event::Refused { tag, reason: Refusal::NotInRoom };
    assert!(world.hosts[0].events.iter().any(|(_, event)| *event == refused));
    world.say(0, "and who am I?");
    world.run(seconds(1));
    assert!(world.hosts[0].messages().all(|message| message.nick == nick));
}

#[test]
fn what_was_set_later_is_what_stays() {
    let mut world = pair();
    let key = world.key(1);
    let think = |world: &mut World, blocked| {
        world.command(0, Action::Think { key, thought: Thought::Blocked(blocked) });
    };
    // The answers to both are on their way when the store has room again.
    world.store_delay = seconds(1);
    world.hosts[0].store.fails = Some(StoreError::Failed);
    think(&mut world, true);
    world.hosts[0].store.fails = None;
    think(&mut world, false);
    world.run(seconds(30));
    let told = restart(&mut world);
    let is_told = |event: &Event| matches!(event, Event::Trusted { trust, .. } if trust.blocked);
    assert!(!told.iter().any(is_told), "{told:?}");
}

#[test]
fn what_was_set_just_before_the_end_is_tried_once_more() {
    let mut world = pair();
    let key = world.key(1);
    world.hosts[0].store.fails = Some(StoreError::Full);
    world.command(0, Action::Think { key, thought: Thought::Blocked(true) });
    world.run(seconds(1) / 10);
    world.hosts[0].store.fails = None;
    world.command(0, Action::Quit);
    world.run(seconds(1));
    let told = restart(&mut world);
    let is_told = |event: &Event| matches!(event, Event::Trusted { trust, .. } if trust.blocked);
    assert!(told.iter().any(is_told), "{told:?}");
}
