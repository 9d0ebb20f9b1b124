//! What an entry holds: the body that is sealed, and its items.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
    ser::SerializeTuple as _,
};
use serde_bytes::ByteArray;

use super::entry::{BODY_MAX, ITEMS_MAX};
use crate::{
    change::What,
    event::{EntryId, MessageId, Stamp},
    files::{FILE_SIZE_MAX, FileName, Offer},
    frames::Bounded,
    identity::BootId,
    short::{Emoji, Topic},
    text::{NICK_MAX, Nick, TEXT_MAX},
    time::UnixMillis,
};

/// Nothing here nests deeper.
const DEPTH_MAX: usize = 8;
/// Bytes that the body takes beside its items: five fields and their list's head.
const BODY_FRAME: usize = 72 + NICK_BYTES_MAX;
/// Bytes of a nick and of its head.
const NICK_BYTES_MAX: usize = 4 * NICK_MAX + 2;
/// What the items of one entry may add up to.
pub(crate) const ITEMS_BYTES_MAX: usize = BODY_MAX - BODY_FRAME;

/// What an author sealed into an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Body {
    /// The author's entry before this one in the room, by their own store.
    pub(crate) previous: Option<(EntryId, Stamp)>,
    pub(crate) boot: BootId,
    /// The author's own wall clock, right or wrong.
    pub(crate) wall: UnixMillis,
    /// What the author was called when they said it.
    pub(crate) nick: Nick,
    /// At most [`ITEMS_MAX`]. An item's index is part of its name, so those that cannot be read keep their place.
    pub(crate) items: Vec<Item>,
}

/// One thing said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    Text {
        text: String,
        action: bool,
        reply: Option<MessageId>,
    },
    /// A file that is offered.
    File(Offer),
    /// Something about what was said before, or about the room.
    Change(What),
    /// Of a kind from a later version, or beyond its limits: shown nowhere.
    Unknown,
}

impl Item {
    /// No fewer bytes than it takes when written.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text { text, reply, .. } => text.len() + 8 + if reply.is_some() { TARGET } else { 0 },
            Self::File(offer) => offer.name.as_str().len() + 50,
            Self::Change(What::Edit { text, .. }) => text.len() + 6 + TARGET,
            Self::Change(What::Delete { .. }) => 2 + TARGET,
            Self::Change(What::React { emoji, .. }) => emoji.as_str().len() + 6 + TARGET,
            Self::Change(What::Topic(topic)) => topic.as_str().len() + 6,
            Self::Unknown => 2,
        }
    }
}

type Wire<'a> = (Option<(ByteArray<32>, u64)>, u64, u64, &'a str, &'a [Item]);

impl Body {
    /// The body as CBOR; at most [`BODY_MAX`] bytes if the items are at most [`ITEMS_BYTES_MAX`].
    pub(crate) fn encode(&self) -> Vec<u8> {
        let previous = self.previous.map(|(id, stamp)| (ByteArray::new(id.0), stamp.0));
        let wire: Wire<'_> = (previous, self.boot.0, self.wall.0, self.nick.as_str(), &self.items);
        let size = self.items.iter().map(Item::size).sum::<usize>();
        let mut bytes = Vec::with_capacity(size + BODY_FRAME);
        // Writing to memory fails only for types that CBOR cannot hold, and there are none above.
        let _ = ciborium::into_writer(&wire, &mut bytes);
        bytes
    }

    /// Reads a body; `None` when it makes no sense to this version. A nick that is none is cleaned and cut: what
    /// was said under it counts.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        type Previous = Option<(ByteArray<32>, u64)>;
        type Read = (Previous, u64, u64, String, Bounded<Item, ITEMS_MAX>);
        let (previous, boot, wall, nick, items): Read =
            ciborium::de::from_reader_with_recursion_limit(&mut bytes, DEPTH_MAX).ok()?;
        let previous = previous.map(|(id, stamp)| (EntryId(id.into_array()), Stamp(stamp)));
        bytes.is_empty().then_some(Self {
            previous,
            boot: BootId(boot),
            wall: UnixMillis(wall),
            nick: Nick::lenient(&nick),
            items: items.0,
        })
    }
}

/// Bytes that the name of a message takes at most.
const TARGET: usize = 40;

/// The first element of an item: what kind it is.
const TEXT: u8 = 1;
const EDIT: u8 = 2;
const DELETE: u8 = 3;
const REACT: u8 = 4;
const TOPIC: u8 = 5;
const FILE: u8 = 6;

/// The name of a message as it is written.
type Target = (ByteArray<32>, u16);

const fn write(id: MessageId) -> Target {
    (ByteArray::new(id.entry.0), id.item)
}

fn read((entry, item): Target) -> MessageId {
    MessageId { entry: EntryId(entry.into_array()), item }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text { text, action, reply } => {
                let mut item = serializer.serialize_tuple(4)?;
                item.serialize_element(&TEXT)?;
                item.serialize_element(text)?;
                item.serialize_element(action)?;
                item.serialize_element(&reply.map(write))?;
                item.end()
            }
            Self::Change(What::Edit { target, text }) => (EDIT, write(*target), text).serialize(serializer),
            Self::Change(What::Delete { target }) => (DELETE, write(*target)).serialize(serializer),
            Self::Change(What::React { target, emoji, gone }) => {
                (REACT, write(*target), emoji.as_str(), gone).serialize(serializer)
            }
            Self::Change(What::Topic(topic)) => (TOPIC, topic.as_str()).serialize(serializer),
            Self::File(Offer { name, size, hash, folder }) => {
                (FILE, name.as_str(), size, ByteArray::new(*hash), folder).serialize(serializer)
            }
            Self::Unknown => (0u8,).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Item, A::Error> {
        let item = match next(&mut seq)? {
            TEXT => {
                let (text, action) = (next::<String, _>(&mut seq)?, next(&mut seq)?);
                let reply = next::<Option<Target>, _>(&mut seq)?.map(read);
                fits(&text).then_some(Item::Text { text, action, reply })
            }
            EDIT => {
                let (target, text) = (read(next(&mut seq)?), next::<String, _>(&mut seq)?);
                fits(&text).then_some(Item::Change(What::Edit { target, text }))
            }
            DELETE => Some(Item::Change(What::Delete { target: read(next(&mut seq)?) })),
            REACT => {
                let (target, emoji) = (read(next(&mut seq)?), next::<String, _>(&mut seq)?);
                let gone = next(&mut seq)?;
                Emoji::new(&emoji).ok().map(|emoji| Item::Change(What::React { target, emoji, gone }))
            }
            TOPIC => {
                let topic = Topic::new(&next::<String, _>(&mut seq)?).ok();
                topic.map(|topic| Item::Change(What::Topic(topic)))
            }
            FILE => {
                let name = FileName::lenient(&next::<String, _>(&mut seq)?);
                let (size, hash) = (next(&mut seq)?, next::<ByteArray<32>, _>(&mut seq)?.into_array());
                let offer = Offer { name, size, hash, folder: next(&mut seq)? };
                (size <= FILE_SIZE_MAX).then_some(Item::File(offer))
            }
            _ => None,
        };
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(item.unwrap_or(Item::Unknown))
    }
}

/// The next element, which must be there.
fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &"an item with all its elements"))
}

fn fits(text: &str) -> bool {
    (1..=TEXT_MAX).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString as _, vec};

    use quickcheck::{Arbitrary, Gen, quickcheck};

    use super::*;

    impl Arbitrary for Body {
        fn arbitrary(g: &mut Gen) -> Self {
            let id = |g: &mut Gen| EntryId(core::array::from_fn(|_| u8::arbitrary(g)));
            let message = |g: &mut Gen| MessageId { entry: id(g), item: u16::arbitrary(g) };
            let item = |g: &mut Gen| {
                let (target, text) = (message(g), String::arbitrary(g) + "!");
                let emoji = Emoji::new(&text).unwrap_or_else(|_| Emoji::new("+1").unwrap());
                match u8::arbitrary(g) % 5 {
                    0 => Item::Change(What::Edit { target, text }),
                    1 => Item::Change(What::Delete { target }),
                    2 => Item::Change(What::React { target, emoji, gone: bool::arbitrary(g) }),
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
}
