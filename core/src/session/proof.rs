//! Who is speaking: the payload of handshake messages 2 and 3.
//!
//! ```text
//! identity 32 | boot id 8 | number 8 | signature 64 | ciphers 1 | what later versions add
//! ```
//!
//! Of the ciphers, bit 0 is AES-GCM; one that is not there announces none.
//!
//! The signature covers the handshake so far, the speaker's own Noise static key, its boot id and the number. The
//! hash makes it good for this handshake only, the static key ties it to whoever completes the handshake; each role
//! has a label of its own, so no side can be made to speak for the other.

use alloc::vec::Vec;

use super::{
    bytes::Reader,
    noise::{Handshake, Noise},
};
use crate::identity::{BootId, Identity, PeerKey};

const INITIATOR: &str = "p2p-chat/1 handshake initiator";
const RESPONDER: &str = "p2p-chat/1 handshake responder";
/// Of the ciphers.
const AES: u8 = 1;

/// What the other side has proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Proof {
    pub(super) peer: PeerKey,
    pub(super) boot: BootId,
    /// From the responder: its id for this session. From the initiator: the association that it wants to renew,
    /// or 0. Inside, where both are authentic; in a header nothing is.
    pub(super) number: u64,
    /// Whether it has announced AES-GCM. The signature does not cover that, but what it is sealed in does.
    pub(super) has_aes: bool,
}

/// Our own payload. `hash` is that of the handshake before this message.
pub(super) fn write(
    noise: &Noise,
    me: (&Identity, BootId),
    role: Role,
    hash: &[u8; 32],
    number: u64,
) -> Vec<u8> {
    let (identity, boot) = me;
    let (boot, number) = (boot.0.to_be_bytes(), number.to_be_bytes());
    let signature = identity.sign(noise.suite, role.label(), &[hash, &noise.public, &boot, &number]);
    [&identity.key().0[..], &boot, &number, &signature, &[u8::from(noise.has_aes) * AES]].concat()
}

/// Checks the payload of the other side, which has `role`. `hash` is that of the handshake before its message.
pub(super) fn read(
    noise: &Noise,
    role: Role,
    hash: &[u8; 32],
    handshake: &Handshake,
    payload: &[u8],
) -> Option<Proof> {
    let mut reader = Reader::new(payload);
    let (peer, boot, number) = (PeerKey(reader.array()?), reader.array()?, reader.array()?);
    let signature = reader.array()?;
    let has_aes = reader.u8().is_some_and(|ciphers| ciphers & AES != 0);
    let parts: [&[u8]; 4] = [hash, &handshake.remote_static()?, &boot, &number];
    let proof =
        Proof { peer, boot: BootId(u64::from_be_bytes(boot)), number: u64::from_be_bytes(number), has_aes };
    peer.has_signed(noise.suite, role.label(), &parts, &signature).then_some(proof)
}

/// Which side of a handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Initiator,
    Responder,
}

impl Role {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Initiator => INITIATOR,
            Self::Responder => RESPONDER,
        }
    }
}
