//! What an entry holds: the body that is sealed, and its items.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
    ser::SerializeTuple as _,
};
use serde_bytes::ByteArray;

use super::{
    entry::{BODY_MAX, ITEMS_MAX},
    key::RoomRoot,
};
use crate::{
    change::What,
    event::{EntryId, MessageId, Stamp},
    files::{FILE_SIZE_MAX, FileName, Offer},
    frames::Bounded,
    identity::{BootId, PeerKey},
    short::{Emoji, Topic},
    store::RoomKeyId,
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
    /// Another room is to take this one's place.
    Successor(Successor),
    /// The key of such a room, told to one person.
    Key(Box<GivenKey>),
    /// Of a kind from a later version, or beyond its limits: shown nowhere.
    Unknown,
}

/// What a room is told of the one that is to take its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Successor {
    pub(crate) room: RoomKeyId,
    /// Who is not given its key.
    pub(crate) without: Vec<PeerKey>,
}

/// The secret of a room that is to take another one's place, as it was read: nothing of it is checked yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GivenKey {
    pub(crate) former: RoomKeyId,
    /// What both rooms are called.
    pub(crate) name: String,
    pub(crate) root: RoomRoot,
    /// Shows that whoever gives it knows the key of the former room.
    pub(crate) proof: [u8; 32],
    /// Who is not given it.
    pub(crate) without: Vec<PeerKey>,
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
            Self::Successor(Successor { without, .. }) => 24 + KEY_BYTES * without.len(),
            Self::Key(key) => key.name.len() + 100 + KEY_BYTES * key.without.len(),
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
/// Bytes of a person's key and of its head.
const KEY_BYTES: usize = 34;

/// The first element of an item: what kind it is.
const TEXT: u8 = 1;
const EDIT: u8 = 2;
const DELETE: u8 = 3;
const REACT: u8 = 4;
const TOPIC: u8 = 5;
const FILE: u8 = 6;
const KEY: u8 = 7;
const SUCCESSOR: u8 = 8;

/// The name of a message as it is written.
type Target = (ByteArray<32>, u16);

const fn write(id: MessageId) -> Target {
    (ByteArray::new(id.entry.0), id.item)
}

fn read((entry, item): Target) -> MessageId {
    MessageId { entry: EntryId(entry.into_array()), item }
}

fn write_keys(keys: &[PeerKey]) -> Vec<ByteArray<32>> {
    keys.iter().map(|key| ByteArray::new(key.0)).collect()
}

fn read_keys(keys: Vec<ByteArray<32>>) -> Vec<PeerKey> {
    keys.into_iter().map(|key| PeerKey(key.into_array())).collect()
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
            Self::Successor(Successor { room, without }) => {
                (SUCCESSOR, ByteArray::new(room.0), write_keys(without)).serialize(serializer)
            }
            Self::Key(key) => {
                let GivenKey { former, name, root, proof, without } = &**key;
                let (former, root) = (ByteArray::new(former.0), ByteArray::new(*root.bytes()));
                (KEY, former, name, root, ByteArray::new(*proof), write_keys(without)).serialize(serializer)
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
            KEY => {
                let former = RoomKeyId(next::<ByteArray<16>, _>(&mut seq)?.into_array());
                let name = next(&mut seq)?;
                let root = RoomRoot::new(next::<ByteArray<32>, _>(&mut seq)?.into_array());
                let proof = next::<ByteArray<32>, _>(&mut seq)?.into_array();
                let without = read_keys(next(&mut seq)?);
                Some(Item::Key(Box::new(GivenKey { former, name, root, proof, without })))
            }
            SUCCESSOR => {
                let room = RoomKeyId(next::<ByteArray<16>, _>(&mut seq)?.into_array());
                Some(Item::Successor(Successor { room, without: read_keys(next(&mut seq)?) }))
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
mod tests;
