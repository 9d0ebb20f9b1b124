//! Bodies and items as they are written and read.

use alloc::{string::ToString as _, vec};

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::*;

impl Arbitrary for Body {
    fn arbitrary(g: &mut Gen) -> Self {
        let id = |g: &mut Gen| EntryId(core::array::from_fn(|_| u8::arbitrary(g)));
        let message = |g: &mut Gen| MessageId { entry: id(g), item: u16::arbitrary(g) };
        let room = |g: &mut Gen| core::array::from_fn::<u8, 16, _>(|_| u8::arbitrary(g));
        let keys = |g: &mut Gen| (0..u8::arbitrary(g) % 5).map(|_| PeerKey(id(g).0)).collect();
        let item = |g: &mut Gen| {
            let (target, text) = (message(g), String::arbitrary(g) + "!");
            let emoji = Emoji::new(&text).unwrap_or_else(|_| Emoji::new("+1").unwrap());
            match u8::arbitrary(g) % 7 {
                0 => Item::Change(What::Edit { target, text }),
                1 => Item::Change(What::Delete { target }),
                2 => Item::Change(What::React { target, emoji, gone: bool::arbitrary(g) }),
                4 => Item::Successor(Successor { room: RoomKeyId(room(g)), without: keys(g) }),
                5 => {
                    let (former, root) = (RoomKeyId(room(g)), RoomRoot::new(id(g).0));
                    let without = keys(g);
                    Item::Key(Box::new(GivenKey { former, name: text, root, proof: id(g).0, without }))
                }
                3 => Item::Change(What::Topic(Topic::new(&text).unwrap_or_default())),
                _ => {
                    let reply = bool::arbitrary(g).then_some(target);
                    Item::Text { text, action: bool::arbitrary(g), reply }
                }
            }
        };
        let mut size = 0;
        let mut fits = |item: &Item| {
            size += item.size();
            size <= ITEMS_BYTES_MAX
        };
        Self {
            previous: bool::arbitrary(g).then(|| (id(g), Stamp(u64::arbitrary(g)))),
            boot: BootId(u64::arbitrary(g)),
            wall: UnixMillis(u64::arbitrary(g)),
            nick: Nick::lenient(&String::arbitrary(g)),
            items: (0..usize::arbitrary(g) % (ITEMS_MAX + 1))
                .map(|_| item(g))
                .take_while(&mut fits)
                .collect(),
        }
    }
}

quickcheck! {
    fn what_is_written_is_read(body: Body) -> bool {
        Body::decode(&body.encode()) == Some(body)
    }

    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) -> bool {
        Body::decode(&bytes).is_none_or(|body| Body::decode(&body.encode()) == Some(body))
    }

    fn sizes_are_not_underrated(body: Body) -> bool {
        let body = Body { nick: Nick::new(&"\u{1f980}".repeat(NICK_MAX)).unwrap(), ..body };
        let items = body.items.iter().map(Item::size).sum::<usize>();
        let length = body.encode().len();
        length <= items + BODY_FRAME && length <= BODY_MAX
    }
}

fn body(items: Vec<Item>) -> Body {
    let nick = Nick::new("ana").unwrap();
    Body { previous: None, boot: BootId(1), wall: UnixMillis(2), nick, items }
}

#[test]
fn a_nick_that_is_none_does_not_lose_what_was_said() {
    let said = || Item::Text { text: "b".to_string(), action: false, reply: None };
    let (long, cut) = ("n".repeat(5000), "n".repeat(NICK_MAX));
    for (nick, shown) in [("", "?"), ("\u{202e}\0", "?"), ("a\u{1b}na", "ana"), (&long, &cut)] {
        let mut bytes = Vec::new();
        ciborium::into_writer(&(None::<()>, 1u64, 2u64, nick, [said()]), &mut bytes).unwrap();
        let read = Body::decode(&bytes).unwrap();
        assert_eq!((read.nick.as_str(), read.items), (shown, vec![said()]));
    }
}

#[test]
fn an_item_of_a_later_kind_keeps_its_place() {
    let text = || Item::Text { text: "b".to_string(), action: false, reply: None };
    let items = [(9u8, "a", vec![1u8, 2]), (TEXT, "b", vec![])];
    let mut bytes = Vec::new();
    let wire = (None::<()>, 1u64, 2u64, "ana", [&items[..1], &[]].concat());
    ciborium::into_writer(&wire, &mut bytes).unwrap();
    assert_eq!(Body::decode(&bytes).unwrap().items, [Item::Unknown]);
    // A known kind with one more field than we know.
    let mut bytes = Vec::new();
    let longer = (None::<()>, 1u64, 2u64, "ana", [(TEXT, "b", false, None::<()>, 77u8)]);
    ciborium::into_writer(&longer, &mut bytes).unwrap();
    assert_eq!(Body::decode(&bytes).unwrap().items, [text()]);
}

#[test]
fn a_change_beyond_its_limits_is_not_shown() {
    let target = write(MessageId { entry: EntryId([1; 32]), item: 2 });
    fn read(item: impl Serialize) -> Vec<Item> {
        let mut bytes = Vec::new();
        ciborium::into_writer(&(None::<()>, 1u64, 2u64, "ana", [item]), &mut bytes).unwrap();
        Body::decode(&bytes).unwrap().items
    }
    for text in ["x".repeat(TEXT_MAX + 1), String::new()] {
        assert_eq!(read((EDIT, target, text)), [Item::Unknown]);
    }
    for emoji in ["", "a b", "\u{202e}x"] {
        assert_eq!(read((REACT, target, emoji, false)), [Item::Unknown]);
    }
    assert_eq!(read((TOPIC, "x".repeat(201))), [Item::Unknown]);
    let topic = What::Topic(Topic::new("a b").unwrap());
    assert_eq!(
        read((TOPIC, " a\u{202e} b", 77u8)),
        [Item::Change(topic)],
        "cleaned, and longer than we know"
    );
}

#[test]
fn a_text_beyond_the_limit_is_not_shown() {
    let body = |length| body(vec![Item::Text { text: "x".repeat(length), action: false, reply: None }]);
    assert_ne!(Body::decode(&body(TEXT_MAX).encode()).unwrap().items, [Item::Unknown]);
    assert_eq!(Body::decode(&body(TEXT_MAX + 1).encode()).unwrap().items, [Item::Unknown]);
}

#[test]
fn too_many_items_are_refused() {
    let body = |count| body(vec![Item::Unknown; count]);
    assert!(Body::decode(&body(ITEMS_MAX).encode()).is_some());
    assert!(Body::decode(&body(ITEMS_MAX + 1).encode()).is_none());
}
