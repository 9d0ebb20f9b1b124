//! An entry: the immutable unit of a room's history. Sealed once by its author, signed, and never encoded again.
//!
//! ```text
//! version 2 | room key id 16 | author 32 | stamp 8 | nonce 24 | sealed body + tag 16 | signature 64
//! `------------- header: also the associated data -------'
//! `---------------- what the id is the hash of ---------------------------'
//! ```
//!
//! The signature covers the id: the hash has gone over all bytes once already, and signing goes over what it signs twice.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{item::Body, key::RoomKey};
use crate::{
    event::{EntryId, Stamp},
    identity::{Identity, PeerKey},
    rng::Rng,
    store::RoomKeyId,
    suite::{Suite, TAG},
};

/// Items in one entry: with so many the signature is a small part of what each costs.
pub(crate) const ITEMS_MAX: usize = 256;
/// Bytes of an entry's body before it is sealed.
pub(crate) const BODY_MAX: usize = 32_768;
/// Bytes of a whole entry.
pub(crate) const ENTRY_MAX: usize = HEADER + NONCE + BODY_MAX + TAG + SIGNATURE;
/// The largest stamp: the end of the year 9999. What lies beyond would not fit the integers of many stores.
pub(crate) const STAMP_MAX: Stamp = Stamp(253_402_300_799_999_999);

const VERSION: u8 = 2;
/// The version before: its id is a BLAKE2s hash, and its signature covers all that the id is the hash of. It is still
/// read.
const FORMER: u8 = 1;
const HEADER: usize = 1 + 16 + 32 + 8;
const NONCE: usize = 24;
const SIGNATURE: usize = 64;
const LABEL: &str = "p2p-chat/2 entry";
const FORMER_LABEL: &str = "p2p-chat/1 entry";

/// An entry as far as it can be read without a key. Nothing of it is proven yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) room: RoomKeyId,
    pub(crate) author: PeerKey,
    pub(crate) stamp: Stamp,
    pub(crate) id: EntryId,
    /// All of it.
    pub(crate) bytes: Bytes,
}

impl Entry {
    /// Seals and signs `body`.
    pub(crate) fn seal(
        suite: &'static dyn Suite,
        rng: &mut Rng,
        identity: &Identity,
        key: &RoomKey,
        stamp: Stamp,
        body: &Body,
    ) -> Self {
        let (room, author, plain) = (key.id(), identity.key(), body.encode());
        let mut bytes = Vec::with_capacity(HEADER + NONCE + plain.len() + TAG + SIGNATURE);
        bytes.push(VERSION);
        bytes.extend_from_slice(&room.0);
        bytes.extend_from_slice(&author.0);
        bytes.extend_from_slice(&stamp.0.to_be_bytes());
        let nonce = key.nonce(suite, &rng.bytes(), &bytes, &plain);
        let sealed = key.seal(suite, &nonce, &bytes, &plain);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        let id = id_of(suite, &bytes);
        let signature = identity.sign(suite, LABEL, &[&id.0]);
        bytes.extend_from_slice(&signature);
        Self { room, author, stamp, id, bytes: bytes.into() }
    }

    /// Reads the header and names the entry; `None` for another version or an impossible size or stamp.
    pub(crate) fn read(suite: &'static dyn Suite, bytes: Bytes) -> Option<Self> {
        let fits = (HEADER + NONCE + TAG + SIGNATURE..=ENTRY_MAX).contains(&bytes.len());
        let (signed, _) = fits.then(|| bytes.split_last_chunk::<SIGNATURE>())??;
        let (&version, rest) = signed.split_first()?;
        let (room, rest) = rest.split_first_chunk()?;
        let (author, rest) = rest.split_first_chunk()?;
        let stamp = Stamp(u64::from_be_bytes(*rest.first_chunk()?));
        let (room, author) = (RoomKeyId(*room), PeerKey(*author));
        ([VERSION, FORMER].contains(&version) && stamp <= STAMP_MAX).then_some(())?;
        let id = id_of(suite, signed);
        Some(Self { room, author, stamp, id, bytes })
    }

    /// Opens the entry and checks who wrote it.
    ///
    /// It is opened first: a stranger to the room who strips the signature and puts their own on the same
    /// ciphertext has another author in the header, and that is part of what was sealed.
    ///
    /// A body that makes no sense to this version is `Ok(None)`: it counts as part of the history like any other,
    /// so that peers of different versions do not differ for ever.
    pub(crate) fn open(&self, suite: &'static dyn Suite, key: &RoomKey) -> Result<Option<Body>, Forged> {
        let (signed, signature) = self.bytes.split_last_chunk::<SIGNATURE>().ok_or(Forged)?;
        let (header, rest) = signed.split_at_checked(HEADER).ok_or(Forged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(Forged)?;
        let plain = key.unseal(suite, nonce, header, sealed).ok_or(Forged)?;
        let (label, named) = match signed.first() {
            Some(&FORMER) => (FORMER_LABEL, signed),
            _ => (LABEL, &self.id.0[..]),
        };
        if !self.author.has_signed(suite, label, &[named], signature) {
            return Err(Forged);
        }
        Ok(Body::decode(&plain))
    }
}

/// The name of an entry, of all its bytes but the signature.
fn id_of(suite: &'static dyn Suite, signed: &[u8]) -> EntryId {
    EntryId(match signed.first() {
        Some(&FORMER) => suite.hash(&[signed]),
        _ => suite.digest(&[signed]),
    })
}

/// Who wrote an entry, read off its header.
pub(crate) fn author_of(bytes: &[u8]) -> Option<PeerKey> {
    Some(PeerKey(*bytes.get(17..)?.first_chunk()?))
}

/// Its place in the room's order, read off its header.
pub(crate) fn stamp_of(bytes: &[u8]) -> Option<Stamp> {
    Some(Stamp(u64::from_be_bytes(*bytes.get(49..)?.first_chunk()?)))
}

/// An entry that its author did not write like this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Forged;

#[cfg(test)]
mod tests {
    use alloc::{string::ToString as _, vec};

    use quickcheck::quickcheck;

    use super::*;
    use crate::{
        identity::BootId,
        room::item::Item,
        suite::REAL,
        text::{Nick, RoomName},
        time::UnixMillis,
    };

    fn person(seed: u8) -> Identity {
        Identity::new(REAL, &[seed; 32])
    }

    fn key(name: &str) -> RoomKey {
        RoomKey::open(REAL, &RoomName::new(name).unwrap())
    }

    fn body(text: &str) -> Body {
        let item = Item::Text { text: text.to_string(), action: false, reply: None };
        let nick = Nick::new("ana").unwrap();
        Body { previous: None, boot: BootId(1), wall: UnixMillis(2), nick, items: vec![item] }
    }

    fn entry(text: &str) -> Entry {
        Entry::seal(REAL, &mut Rng::new([1; 32]), &person(1), &key("#lobby"), Stamp(77), &body(text))
    }

    /// The same entry signed by somebody else over the same bytes.
    fn resigned(entry: &Entry, by: &Identity) -> Entry {
        let mut bytes = entry.bytes.to_vec();
        bytes.truncate(bytes.len() - SIGNATURE);
        bytes.extend_from_slice(&by.sign(REAL, LABEL, &[&entry.id.0]));
        Entry::read(REAL, bytes.into()).unwrap()
    }

    quickcheck! {
        fn what_is_sealed_opens(seed: u8, stamp: u32, body: Body) -> bool {
            let (person, key, stamp) = (person(seed), key("#lobby"), Stamp(stamp.into()));
            let entry = Entry::seal(REAL, &mut Rng::new([seed; 32]), &person, &key, stamp, &body);
            let read = Entry::read(REAL, entry.bytes.clone());
            read.as_ref() == Some(&entry)
                && (entry.author, entry.stamp, entry.room) == (person.key(), stamp, key.id())
                && entry.open(REAL, &key) == Ok(Some(body))
        }

        fn any_bytes_are_refused(bytes: Vec<u8>, length: u8) -> bool {
            let mut all = vec![VERSION];
            all.extend_from_slice(&key("#lobby").id().0);
            all.extend_from_slice(&person(1).key().0);
            all.extend_from_slice(&[0; 8]);
            all.extend_from_slice(&vec![7; length.into()]);
            all.extend_from_slice(&bytes);
            Entry::read(REAL, all.into()).is_none_or(|entry| entry.open(REAL, &key("#lobby")) == Err(Forged))
        }

        fn no_bit_may_change(at: usize, bit: u8) -> bool {
            let mut bytes = entry("hello").bytes.to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
            Entry::read(REAL, bytes.into()).is_none_or(|entry| entry.open(REAL, &key("#lobby")) == Err(Forged))
        }
    }

    #[test]
    fn only_members_open() {
        assert_eq!(entry("hello").open(REAL, &key("#other")), Err(Forged));
    }

    #[test]
    fn a_stripped_signature_gives_nobody_the_words_of_another() {
        let original = entry("hello");
        let thief = person(2);
        assert_eq!(resigned(&original, &thief).open(REAL, &key("#lobby")), Err(Forged));
        // With the thief's own key in the header it does not even open.
        let mut bytes = original.bytes.to_vec();
        bytes[17..49].copy_from_slice(&thief.key().0);
        let renamed = Entry::read(REAL, bytes.into()).unwrap();
        assert_eq!(resigned(&renamed, &thief).open(REAL, &key("#lobby")), Err(Forged));
        assert_eq!(author_of(&original.bytes), Some(person(1).key()));
    }

    #[test]
    fn the_id_does_not_depend_on_the_signature() {
        let original = entry("hello");
        assert_eq!(resigned(&original, &person(2)).id, original.id);
    }

    #[test]
    fn the_same_randomness_never_seals_two_entries_with_one_nonce() {
        let nonce = |entry: &Entry| entry.bytes[HEADER..HEADER + NONCE].to_vec();
        assert_ne!(nonce(&entry("one")), nonce(&entry("two")));
    }

    #[test]
    fn a_body_of_a_later_version_still_counts() {
        let (key, person) = (key("#lobby"), person(1));
        let mut bytes = entry("hello").bytes[..HEADER].to_vec();
        let sealed = key.seal(REAL, &[9; 24], &bytes, b"later");
        bytes.extend_from_slice(&[9; 24]);
        bytes.extend_from_slice(&sealed);
        let signature = person.sign(REAL, LABEL, &[&REAL.digest(&[&bytes])]);
        bytes.extend_from_slice(&signature);
        let entry = Entry::read(REAL, bytes.into()).unwrap();
        assert_eq!(entry.open(REAL, &key), Ok(None));
    }

    #[test]
    fn an_entry_of_the_version_before_still_opens_and_none_passes_for_the_other() {
        let (key, person) = (key("#lobby"), person(1));
        let mut header = entry("hello").bytes[..HEADER].to_vec();
        header[0] = FORMER;
        let sealed = key.seal(REAL, &[9; 24], &header, &body("hello").encode());
        let bytes = [&header[..], &[9; 24], &sealed].concat();
        let signed = |label, what: &[u8]| {
            let entry = [&bytes[..], &person.sign(REAL, label, &[what])].concat();
            Entry::read(REAL, entry.into()).unwrap().open(REAL, &key)
        };
        assert_eq!(signed(FORMER_LABEL, &bytes), Ok(Some(body("hello"))));
        assert_eq!(signed(LABEL, &REAL.digest(&[&bytes])), Err(Forged));
        assert_eq!(signed(FORMER_LABEL, &REAL.digest(&[&bytes])), Err(Forged));
    }

    #[test]
    fn impossible_sizes_and_stamps_are_refused() {
        let read = |bytes: Vec<u8>| Entry::read(REAL, bytes.into());
        let bytes = entry("hello").bytes.to_vec();
        assert!(read(bytes[..HEADER + NONCE + TAG + SIGNATURE - 1].to_vec()).is_none());
        assert!(read([&bytes[..], &[0; ENTRY_MAX]].concat()).is_none());
        let mut late = bytes.clone();
        late[49..57].copy_from_slice(&(STAMP_MAX.0 + 1).to_be_bytes());
        assert!(read(late).is_none());
        let mut other = bytes;
        other[0] = VERSION + 1;
        assert!(read(other).is_none());
    }
}
