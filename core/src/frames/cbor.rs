//! Frames as CBOR (RFC 8949): one byte for the kind, then a tuple.

use alloc::vec::Vec;
use core::{fmt, marker::PhantomData};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _, SeqAccess, Visitor},
};
use serde_bytes::ByteBuf;

/// Room for reading byte strings of fixed length, and pieces of longer ones. The library's own would be 4 KiB, cleared
/// for each frame.
const SCRATCH: usize = 128;

pub(super) fn write(kind: u8, body: &impl Serialize, size: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(size + 64);
    bytes.push(kind);
    // Writing to memory fails only for types that CBOR cannot hold, and there are none above.
    let _ = ciborium::into_writer(body, &mut bytes);
    bytes.into()
}

pub(super) fn list<'a>(kind: u8, room: u16, names: impl ExactSizeIterator<Item = &'a [u8; 32]>) -> Bytes {
    let size = names.len() * 32;
    write(kind, &(room, pack(names)), size)
}

/// Names of 32 bytes one after the other in a single byte string: a list of byte strings would only repeat how long
/// each is.
pub(super) fn pack<'a>(names: impl Iterator<Item = &'a [u8; 32]>) -> ByteBuf {
    names.flatten().copied().collect::<Vec<u8>>().into()
}

pub(super) fn read<T: DeserializeOwned>(mut bytes: &[u8]) -> Option<T> {
    let mut scratch = [0; SCRATCH];
    let body = ciborium::de::from_reader_with_buffer(&mut bytes, &mut scratch).ok()?;
    bytes.is_empty().then_some(body)
}

pub(super) fn read_list(bytes: &[u8], max: usize) -> Option<(u16, impl Iterator<Item = [u8; 32]> + use<>)> {
    let (room, names): (u16, ByteBuf) = read(bytes)?;
    Some((room, unpack(&names, max)?.into_iter()))
}

pub(super) fn unpack(packed: &[u8], max: usize) -> Option<Vec<[u8; 32]>> {
    let names = packed.chunks_exact(32);
    (names.remainder().is_empty() && names.len() <= max).then_some(())?;
    Some(names.filter_map(|name| name.first_chunk().copied()).collect())
}

/// A list of at most `MAX` elements. In what is read a longer one, or one that says to be longer, is an error before any room is
/// made for it.
pub(crate) struct Bounded<T, const MAX: usize>(pub(crate) Vec<T>);

impl<T: Serialize, const MAX: usize> Serialize for Bounded<T, MAX> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BoundedVisitor(PhantomData))
    }
}

struct BoundedVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for BoundedVisitor<T, MAX> {
    type Value = Bounded<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            list.push(element);
        }
        Ok(Bounded(list))
    }
}
