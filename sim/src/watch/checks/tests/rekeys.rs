//! Rooms that take the place of others: nobody who was left out is in, and nobody else is forgotten.

use chat_core::{Rekey, RekeyState, RoomRoot, StoredRoom};

use super::{super::*, *};

const NEXT: RoomKeyId = RoomKeyId([8; 16]);

fn in_room(stage: &mut Stage<rekeyed::Rekeyed>, host: usize, id: RoomKeyId) {
    let room =
        StoredRoom { name: RoomName::lobby(), joined: true, floor: Stamp(0), id: Some(id), root: None };
    stage.see(&Fact::Appended { host, token: Token(1), records: &[Record::Room(room)] });
}

fn told(stage: &mut Stage<rekeyed::Rekeyed>, host: usize, state: RekeyState) {
    let (room, nick) = (RoomName::lobby(), Nick::lenient("nick"));
    let (former, successor, from, without) = (ROOM, NEXT, key(0), vec![key(2)]);
    let rekey = Rekey { room, former, successor, from, nick, without, state, again: false };
    stage.tell(host, &Event::Rekey(Box::new(rekey)));
}

/// Host 0 leaves host 2 out.
fn made() -> Stage<rekeyed::Rekeyed> {
    let mut stage = Stage::new(rekeyed::Rekeyed::default());
    (0..3).for_each(|host| in_room(&mut stage, host, ROOM));
    stage.everybody_meets();
    in_room(&mut stage, 0, NEXT);
    told(&mut stage, 0, RekeyState::Made { root: RoomRoot::new([1; 32]), given: 1, missed: 0 });
    stage
}

#[test]
fn whoever_is_left_out_and_has_something_is_noticed() {
    let entry = |host: usize, room: RoomKeyId| {
        let mut stage = made();
        let Message { place, id, stamp, from: author, .. } = message(0, 1, "x");
        let (bytes, messages, changes) = (Bytes::new(), Vec::new(), Vec::new());
        let entry =
            StoredEntry { room, place, id: id.entry, stamp, placed: stamp, author, bytes, messages, changes };
        stage.see(&Fact::Appended { host, token: Token(2), records: &[Record::Entry(entry)] });
        stage.told
    };
    assert_eq!([entry(2, ROOM), entry(1, NEXT), entry(0, NEXT)], [Ok(()), Ok(()), Ok(())]);
    bites(entry(2, NEXT), "host 2 holds");
}

#[test]
fn whoever_is_not_given_the_key_in_time_or_does_not_come_along_is_missed() {
    let mut stage = made();
    stage.wait(1);
    assert_eq!(stage.end(), Ok(()), "there is time");
    let mut stage = made();
    stage.wait(600);
    bites(stage.end(), "host 1 was never given the key that host 0 made");
    let mut stage = made();
    told(&mut stage, 1, RekeyState::Offered);
    stage.wait(600);
    assert_eq!(stage.end(), Ok(()), "host 2 is not owed anything");
    let mut stage = made();
    told(&mut stage, 1, RekeyState::Offered);
    let action = Action::Follow { room: RoomName::lobby(), successor: NEXT };
    stage.see(&Fact::Asked { host: 1, tag: 3, action: &action });
    stage.wait(600);
    bites(stage.end(), "host 1 is not in the #lobby");
}
