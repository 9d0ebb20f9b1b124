//! Rooms and entries as `docs/PROTOCOL.md` has them.

use alloc::vec;

use super::*;
use crate::{
    change::What,
    event::MessageId,
    files::{FileName, Offer},
    room::{
        entry::Entry,
        item::{Body, GivenKey, Item, Successor},
        key::RoomKey,
    },
    short::{Emoji, Topic},
    vectors::{ana, bo, check},
};

#[test]
fn rooms_and_what_proves_them() {
    let ((ana, boot), (bo, bo_boot)) = (ana(), bo());
    let (one, two) = (Side(ana.key(), boot), Side(bo.key(), bo_boot));
    let name = RoomName::new("#ops").unwrap();
    let open = RoomKey::open(REAL, &name);
    let private = RoomKey::private(REAL, &name, &RoomRoot::new([6; 32]));
    let successor = RoomKey::private(REAL, &name, &RoomRoot::new([8; 32])).id();
    let direct = RoomKey::direct(REAL, &ana, &bo.key(), &bo.direct_public()).unwrap();
    check(
        "room",
        &[
            ("id of open #ops", &open.id().0),
            ("id of private #ops, secret 06..", &private.id().0),
            ("id of ana and bo", &direct.id().0),
            ("proof of open #ops, ana to bo, binding 07..", &open.proof(REAL, &one, &two, &[7; 32])),
            ("proof of open #ops, bo to ana, binding 07..", &open.proof(REAL, &two, &one, &[7; 32])),
            ("id of private #ops, secret 08..", &successor.0),
            (
                "proof of private #ops, secret 06.., with the key of its successor by ana",
                &private.succession(REAL, &ana.key(), successor),
            ),
            ("tag of open #ops, ana", &open.tag(REAL, &one)),
        ],
    );
}

#[test]
fn entries_of_every_kind() {
    let (identity, boot) = ana();
    let key = RoomKey::open(REAL, &RoomName::new("#ops").unwrap());
    let target = MessageId { entry: EntryId([0xee; 32]), item: 3 };
    let text = |action, reply| Item::Text { text: "hi".into(), action, reply };
    let offer = Offer { name: FileName::lenient("a.txt"), size: 3, hash: [0xcc; 32], folder: false };
    let name = RoomName::new("#ops").unwrap();
    let private = RoomKey::private(REAL, &name, &RoomRoot::new([6; 32]));
    let root = RoomRoot::new([8; 32]);
    let (room, without) = (RoomKey::private(REAL, &name, &root).id(), vec![bo().0.key()]);
    let given = GivenKey {
        former: private.id(),
        name: "#ops".into(),
        root,
        proof: private.succession(REAL, &identity.key(), room),
        without: without.clone(),
    };
    let items = [
        ("text", text(false, None)),
        ("answer told as an action", text(true, Some(target))),
        ("edit", Item::Change(What::Edit { target, text: "ho".into() })),
        ("delete", Item::Change(What::Delete { target })),
        ("reaction", Item::Change(What::React { target, emoji: Emoji::new("+1").unwrap(), gone: false })),
        ("topic", Item::Change(What::Topic(Topic::new("tea").unwrap()))),
        ("file", Item::File(offer)),
        ("key", Item::Key(Box::new(given))),
        ("successor", Item::Successor(Successor { room, without })),
    ];
    let entries = items.map(|(name, item)| {
        let body = Body {
            previous: Some((EntryId([0xdd; 32]), Stamp(1))),
            boot,
            wall: UnixMillis(1_790_000_000_000),
            nick: Nick::new("ana").unwrap(),
            items: vec![item],
        };
        let mut rng = Rng::new([9; 32]);
        let stamp = Stamp(1_790_000_000_000_000);
        (name, body.encode(), Entry::seal(REAL, &mut rng, &identity, &key, stamp, &body))
    });
    let names: Vec<[String; 2]> = entries
        .iter()
        .map(|(name, ..)| [alloc::format!("body of {name}"), alloc::format!("with {name}")])
        .collect();
    let mut vectors: Vec<(&str, &[u8])> = Vec::new();
    for ([body, whole], (_, plain, entry)) in names.iter().zip(&entries) {
        vectors.push((body, plain));
        vectors.push((whole, &entry.bytes));
    }
    vectors.push(("id of the one with text", &entries[0].2.id.0));
    check("entry", &vectors);
}
