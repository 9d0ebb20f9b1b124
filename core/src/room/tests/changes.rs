//! Edits, deletions, reactions and topics travel and stay like what they are about.

use super::*;
use crate::{
    change::{Change, What},
    short::{Emoji, Topic},
};

impl Peer {
    fn changes(&self) -> Vec<Change> {
        let change = |event: &Event| match event {
            Event::Change(change) => Some(change.clone()),
            _ => None,
        };
        self.events.iter().filter_map(change).collect()
    }
}

/// Each kind of change of the message, by command.
fn commands(target: MessageId) -> [Action; 4] {
    let (place, emoji) = (lobby(), Emoji::new("+1").unwrap());
    let text = Text::new("better").unwrap();
    [
        Action::Edit { place: place.clone(), target, text },
        Action::React { place: place.clone(), target, emoji, gone: false },
        Action::Topic { room: RoomName::lobby(), topic: Topic::new("tea").unwrap() },
        Action::Delete { place, target },
    ]
}

fn is_each_kind(changes: &[Change], target: MessageId) -> bool {
    let [edit, react, topic, delete] = changes else { return false };
    edit.what == What::Edit { target, text: "better".into() }
        && react.what == What::React { target, emoji: Emoji::new("+1").unwrap(), gone: false }
        && topic.what == What::Topic(Topic::new("tea").unwrap())
        && delete.what == What::Delete { target }
}

#[test]
fn changes_are_told_stored_and_repaired_like_messages() {
    let mut world = World::new(3);
    world.connect(0, 1);
    world.run_ms(100);
    world.say(0, "first");
    world.run_ms(100);
    let target = world.peers[1].messages().next().unwrap().id;
    for (tag, action) in (7..).zip(commands(target)) {
        world.command(0, tag, action);
        world.run_ms(100);
    }
    let (made, heard) = (world.peers[0].changes(), world.peers[1].changes());
    assert!(is_each_kind(&heard, target), "{heard:?}");
    assert_eq!(made.len(), 4);
    for (made, heard) in made.iter().zip(&heard) {
        assert!(made.own && !heard.own);
        assert_eq!(Change { own: true, ..heard.clone() }, *made);
        assert!(heard.may(world.key(0), &lobby()));
    }
    assert!(heard.is_sorted_by_key(Change::position), "as they were made");
    let done: Vec<_> = world.peers[0].done().into_iter().filter(|(tag, _)| *tag >= 7).collect();
    assert_eq!(done, (7..).zip(made.iter().map(|change| Some(change.id))).collect::<Vec<_>>());
    // Somebody who was not there.
    world.connect(1, 2);
    world.run_s(30);
    assert!(is_each_kind(&world.peers[2].changes(), target));
    assert_eq!(world.stored(0, &lobby()), world.stored(2, &lobby()));
}

/// The core tells what was signed. That it counts is another matter, and the same for everybody.
#[test]
fn nobody_changes_what_others_said() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world.say(0, "first");
    world.run_ms(100);
    let target = world.peers[1].messages().next().unwrap().id;
    for action in commands(target) {
        world.command(1, 0, action);
        world.run_ms(100);
    }
    let heard = world.peers[0].changes();
    let may: Vec<bool> = heard.iter().map(|change| change.may(world.key(0), &lobby())).collect();
    assert_eq!(may, [false, true, true, false]);
    let elsewhere = Place::Room(RoomName::new("#ops").unwrap());
    assert!(heard.iter().all(|change| !change.may(change.from, &elsewhere)));
}

#[test]
fn nothing_is_changed_in_a_room_that_we_are_not_in() {
    let mut world = World::new(1);
    let target = MessageId { entry: EntryId([1; 32]), item: 0 };
    let room = RoomName::new("#ops").unwrap();
    let topic = Topic::new("tea").unwrap();
    for action in [Action::Delete { place: Place::Room(room.clone()), target }, Action::Topic { room, topic }]
    {
        world.command(0, 5, action);
        let refused = world.peers[0].events.pop();
        assert_eq!(refused, Some(Event::Refused { tag: 5, reason: Refusal::NotInRoom }));
    }
}
