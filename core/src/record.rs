//! A peer's signed record: what it says about itself, so that nobody else can say it. Records spread over sessions, so
//! everybody knows everybody although each keeps few sessions.

use alloc::{string::String, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::{
    frames::Bounded,
    identity::{BootId, Identity, PeerKey},
    relay::is_made_up,
    suite::{Suite, kdf},
    text::Nick,
};

/// The label of this use of the identity key.
const LABEL: &str = "p2p-chat/1 record";
/// The longest record in bytes: the fields and a nick of 32 code points take about 300, the lists below at their
/// longest 3,600.
pub(crate) const RECORD_MAX: usize = 4096;
/// Nesting that a reader follows; the record has three levels.
const RECURSION_MAX: usize = 8;
/// Addresses that a peer names.
pub(crate) const ADDRESSES_MAX: usize = 4;
/// Neighbours that a peer names; of more the rest is not named.
pub(crate) const NEIGHBOURS_MAX: usize = 32;
/// Neighbours that a peer says to have lost.
pub(crate) const LOST_MAX: usize = 32;
/// Tags of rooms: one for each of `Config::rooms_max`.
pub(crate) const TAGS_MAX: usize = 256;

/// The shortest time between two records of one peer, unless the person asks for one. It doubles as long as the peer goes
/// on at that pace, up to [`pause_most`]: a crowd that accuses each other on a busy link would have room for nothing else.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(200);
/// It is never longer than a change of one's sessions waits anyway.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(5);
const PAUSE_EACH: Duration = Duration::from_millis(20);

/// The longest time that a record waits because of those before it, where so many read them all. Among fifty that is still
/// within the time that the accused have for their answer; among more, whoever has just answered gets more time.
pub(crate) fn pause_most(readers: usize) -> Duration {
    PAUSE_EACH.saturating_mul(u32::try_from(readers).unwrap_or(u32::MAX)).clamp(PAUSE_MIN, PAUSE_MAX)
}

/// The short name of one run of one peer: the beginning of a hash of its key and its boot id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Tag(pub(crate) [u8; 8]);

impl Tag {
    pub(crate) fn of(suite: &'static dyn Suite, key: &PeerKey, boot: BootId) -> Self {
        let hash = kdf(suite, "p2p-chat/1 run", &[&key.0, &boot.0.to_be_bytes()]);
        Self(hash.first_chunk().copied().unwrap_or_default())
    }
}

/// What a peer says about itself. The newest version counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PeerRecord {
    pub(crate) key: PeerKey,
    /// Rises with every change, also over restarts: the wall clock in ms, or one more than the last.
    pub(crate) version: u64,
    pub(crate) boot: BootId,
    pub(crate) nick: Nick,
    /// The X25519 key for direct conversations.
    pub(crate) direct: [u8; 32],
    /// Whether this run is over: its last record.
    pub(crate) gone: bool,
    /// Where its chat socket may be reached; link-local addresses mean nothing elsewhere and are not named.
    pub(crate) addresses: Vec<SocketAddr>,
    /// With whom it has sessions.
    pub(crate) neighbours: Vec<Tag>,
    /// Who has stopped answering it, and the version of their record that it had: whoever lives answers with a
    /// newer one.
    pub(crate) lost: Vec<(Tag, u64)>,
    /// Its rooms, as those who are in them recognise them, and noise.
    pub(crate) rooms: Vec<[u8; 8]>,
}

/// The signed bytes and the signature over them: verified as received, never re-encoded.
#[derive(Serialize, Deserialize)]
struct Envelope(ByteArray<32>, ByteBuf, ByteArray<64>);

/// Version, boot id, nick, direct key, gone, addresses, neighbours, lost, rooms. Fields that a later version appends
/// are skipped.
#[derive(Serialize, Deserialize)]
struct Body(
    u64,
    u64,
    String,
    ByteArray<32>,
    bool,
    Bounded<(ByteBuf, u16), ADDRESSES_MAX>,
    ByteBuf,
    Bounded<(ByteArray<8>, u64), LOST_MAX>,
    ByteBuf,
);

impl PeerRecord {
    /// The record, signed by `identity`, which must be the owner of its key. Lists are cut where they are too long.
    pub(crate) fn sign(&self, suite: &'static dyn Suite, identity: &Identity) -> Bytes {
        let address = |address: &SocketAddr| {
            let ip = match address.ip() {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            (ByteBuf::from(ip), address.port())
        };
        let lost = self.lost.iter().take(LOST_MAX).map(|&(tag, version)| (ByteArray::new(tag.0), version));
        let body = encode(&Body(
            self.version,
            self.boot.0,
            String::from(self.nick.as_str()),
            ByteArray::new(self.direct),
            self.gone,
            Bounded(self.addresses.iter().take(ADDRESSES_MAX).map(address).collect()),
            self.neighbours.iter().take(NEIGHBOURS_MAX).flat_map(|tag| tag.0).collect::<Vec<_>>().into(),
            Bounded(lost.collect()),
            self.rooms.iter().take(TAGS_MAX).flatten().copied().collect::<Vec<_>>().into(),
        ));
        let signature = identity.sign(suite, LABEL, &[&body]);
        encode(&Envelope(ByteArray::new(self.key.0), body.into(), ByteArray::new(signature))).into()
    }

    /// Whether `newer` says the same of everything but sessions.
    pub(crate) fn differs_in_neighbours_only(&self, newer: &Self) -> bool {
        let Self { version: _, neighbours: _, key, boot, nick, direct, gone, addresses, lost, rooms } = self;
        (key, boot, nick, direct, gone) == (&newer.key, &newer.boot, &newer.nick, &newer.direct, &newer.gone)
            && (addresses, lost, rooms) == (&newer.addresses, &newer.lost, &newer.rooms)
    }

    /// Whether `other` says nothing else, in whatever version.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.differs_in_neighbours_only(other) && self.neighbours == other.neighbours
    }

    /// Whom a record says to be of; nothing is verified.
    pub(crate) fn key(bytes: &[u8]) -> Option<PeerKey> {
        let Envelope(key, ..) = decode(bytes)?;
        Some(PeerKey(key.into_array()))
    }

    /// Which run of whom a record says to be about. Nothing of it is verified.
    pub(crate) fn run(bytes: &[u8]) -> Option<(PeerKey, BootId)> {
        let Envelope(key, body, _) = decode(bytes)?;
        let Body(_, boot, ..) = decode(&body)?;
        Some((PeerKey(key.into_array()), BootId(boot)))
    }

    /// Reads a record and verifies its signature; `None` for anything else.
    pub(crate) fn verify(suite: &'static dyn Suite, bytes: &[u8]) -> Option<Self> {
        let Envelope(key, body, signature) = decode(bytes)?;
        let key = PeerKey(key.into_array());
        if !key.has_signed(suite, LABEL, &[&body], &signature) {
            return None;
        }
        let Body(version, boot, nick, direct, gone, addresses, neighbours, lost, rooms) = decode(&body)?;
        let (boot, nick) = (BootId(boot), Nick::lenient(&nick));
        let addresses: Option<Vec<_>> = addresses.0.into_iter().map(address).collect();
        let addresses = addresses?.into_iter().filter(|one| !is_made_up(one.ip())).collect();
        let neighbours = names(&neighbours, NEIGHBOURS_MAX)?.into_iter().map(Tag).collect();
        let lost = lost.0.into_iter().map(|(tag, version)| (Tag(tag.into_array()), version)).collect();
        let (direct, rooms) = (direct.into_array(), names(&rooms, TAGS_MAX)?);
        Some(Self { key, version, boot, nick, direct, gone, addresses, neighbours, lost, rooms })
    }
}

fn address((ip, port): (ByteBuf, u16)) -> Option<SocketAddr> {
    let ip = match ip.len() {
        4 => IpAddr::from(*ip.first_chunk::<4>()?),
        16 => IpAddr::from(*ip.first_chunk::<16>()?),
        _ => return None,
    };
    Some((ip, port).into())
}

/// Short names one after the other.
fn names(packed: &[u8], max: usize) -> Option<Vec<[u8; 8]>> {
    let names = packed.chunks_exact(8);
    (names.remainder().is_empty() && names.len() <= max).then_some(())?;
    Some(names.filter_map(|name| name.first_chunk().copied()).collect())
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail, and these types are made of what CBOR has.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

/// Fields that are more than asked for are skipped: a later version appends some.
fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if bytes.len() > RECORD_MAX {
        return None;
    }
    ciborium::de::from_reader_with_recursion_limit(bytes, RECURSION_MAX).ok()
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;
    use crate::suite::REAL;

    fn example() -> (PeerRecord, Bytes) {
        let identity = Identity::new(REAL, &[1; 32]);
        let record = PeerRecord {
            key: identity.key(),
            version: 7,
            boot: BootId(9),
            nick: Nick::new("ana").unwrap(),
            direct: identity.direct_public(),
            gone: false,
            addresses: ["10.0.0.1:27182", "[2001:db8::1]:27183"]
                .map(|address| address.parse().unwrap())
                .into(),
            neighbours: [Tag([1; 8]), Tag([2; 8])].into(),
            lost: [(Tag([3; 8]), 17)].into(),
            rooms: [[4; 8], [5; 8]].into(),
        };
        let bytes = record.sign(REAL, &identity);
        (record, bytes)
    }

    #[test]
    fn a_signed_record_verifies() {
        let (record, bytes) = example();
        assert_eq!(PeerRecord::verify(REAL, &bytes), Some(record));
    }

    #[test]
    fn lists_are_cut_and_the_longest_record_can_be_read() {
        let identity = Identity::new(REAL, &[1; 32]);
        let many = |count: u16| (0..count).map(|number| [number.to_le_bytes()[0]; 8]);
        let record = PeerRecord {
            version: u64::MAX,
            nick: Nick::lenient(&"\u{10ffff}".repeat(32)),
            addresses: alloc::vec!["[2001:db8::1]:27183".parse().unwrap(); 9],
            neighbours: many(300).map(Tag).collect(),
            lost: many(300).map(|tag| (Tag(tag), u64::MAX)).collect(),
            rooms: many(300).collect(),
            ..example().0
        };
        let bytes = record.sign(REAL, &identity);
        assert!(bytes.len() <= RECORD_MAX, "{}", bytes.len());
        let read = PeerRecord::verify(REAL, &bytes).unwrap();
        let lengths = [read.addresses.len(), read.neighbours.len(), read.lost.len(), read.rooms.len()];
        assert_eq!(lengths, [ADDRESSES_MAX, NEIGHBOURS_MAX, LOST_MAX, TAGS_MAX]);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let (record, bytes) = example();
        for index in 0..bytes.len() * 8 {
            let mut forged = bytes.to_vec();
            forged[index / 8] ^= 1 << (index % 8);
            // A bit in the framing may leave the same record; it must never make another one.
            assert!(PeerRecord::verify(REAL, &forged).is_none_or(|read| read == record), "bit {index}");
        }
    }

    quickcheck! {
        fn any_bytes_are_no_record(bytes: Vec<u8>) -> bool {
            PeerRecord::verify(REAL, &bytes).is_none()
        }
    }
}
