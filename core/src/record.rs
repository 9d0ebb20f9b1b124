//! A peer's signed record: what it says about itself, so that nobody else can say it.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    identity::{BootId, Identity, PeerKey},
    suite::Suite,
    text::Nick,
};

/// The label of this use of the identity key.
const LABEL: &str = "p2p-chat/1 record";
/// The longest record in bytes: the fields and a nick of 32 code points take about 270.
pub(crate) const RECORD_MAX: usize = 1024;
/// Nesting that a reader follows; the record has two levels.
const RECURSION_MAX: usize = 8;

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
}

/// The signed bytes and the signature over them: verified as received, never re-encoded.
#[derive(Serialize, Deserialize)]
struct Envelope(ByteArray<32>, serde_bytes::ByteBuf, ByteArray<64>);

/// Version, boot id, nick, direct key. Fields that a later version appends are skipped.
#[derive(Serialize, Deserialize)]
struct Body(u64, u64, String, ByteArray<32>);

impl PeerRecord {
    /// The record, signed by `identity`, which must be the owner of its key.
    pub(crate) fn sign(&self, suite: &'static dyn Suite, identity: &Identity) -> Bytes {
        let nick = String::from(self.nick.as_str());
        let body = encode(&Body(self.version, self.boot.0, nick, ByteArray::new(self.direct)));
        let signature = identity.sign(suite, LABEL, &[&body]);
        let key = ByteArray::new(self.key.0);
        encode(&Envelope(key, serde_bytes::ByteBuf::from(body), ByteArray::new(signature))).into()
    }

    /// Reads a record and verifies its signature; `None` for anything else.
    pub(crate) fn verify(suite: &'static dyn Suite, bytes: &[u8]) -> Option<Self> {
        let Envelope(key, body, signature) = decode(bytes)?;
        let key = PeerKey(key.into_array());
        if !key.has_signed(suite, LABEL, &[&body], &signature) {
            return None;
        }
        let Body(version, boot, nick, direct) = decode(&body)?;
        let (boot, nick) = (BootId(boot), Nick::lenient(&nick));
        Some(Self { key, version, boot, nick, direct: direct.into_array() })
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail, and these types are made of what CBOR has.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
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
        let (key, direct) = (identity.key(), identity.direct_public());
        let nick = Nick::new("ana").unwrap();
        let record = PeerRecord { key, version: 7, boot: BootId(9), nick, direct };
        let bytes = record.sign(REAL, &identity);
        (record, bytes)
    }

    #[test]
    fn a_signed_record_verifies() {
        let (record, bytes) = example();
        assert_eq!(PeerRecord::verify(REAL, &bytes), Some(record));
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
