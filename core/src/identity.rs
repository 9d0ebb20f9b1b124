//! Who somebody is: an ed25519 key, and beside it a key to agree on direct conversations.

use alloc::string::String;
use core::{fmt, str::FromStr};

use zeroize::Zeroizing;

use crate::suite::{Suite, kdf};

/// A person's secret keys. One secret of the profile yields both by labelled key derivation.
#[derive(Clone)]
pub struct Identity {
    sign: Zeroizing<[u8; 32]>,
    direct: Zeroizing<[u8; 32]>,
    key: PeerKey,
    direct_public: [u8; 32],
}

impl Identity {
    /// The keys of the profile secret `secret`: 32 bytes from the system's randomness, kept for ever.
    #[must_use]
    pub fn new(suite: &'static dyn Suite, secret: &[u8; 32]) -> Self {
        let sign = Zeroizing::new(kdf(suite, "p2p-chat/1 identity sign", &[secret]));
        let direct = Zeroizing::new(kdf(suite, "p2p-chat/1 identity direct", &[secret]));
        let key = PeerKey(suite.sign_public(&sign));
        let direct_public = suite.agree_public(&direct);
        Self { sign, direct, key, direct_public }
    }

    /// The public key that names this person.
    #[must_use]
    pub const fn key(&self) -> PeerKey {
        self.key
    }

    /// The public X25519 key that others agree with for direct conversations.
    #[must_use]
    pub const fn direct_public(&self) -> [u8; 32] {
        self.direct_public
    }

    /// Signs `label` and `parts`; every use of the key has its own label.
    pub(crate) fn sign(&self, suite: &'static dyn Suite, label: &str, parts: &[&[u8]]) -> [u8; 64] {
        suite.sign(&self.sign, &self.key.0, &labelled(label, parts))
    }

    /// The X25519 secret shared with the owner of `public`, or `None` when that is a point of small order.
    pub(crate) fn agree(&self, suite: &'static dyn Suite, public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let shared = Zeroizing::new(suite.agree(&self.direct, public));
        (*shared != [0; 32]).then_some(shared)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.key)
    }
}

/// An ed25519 public key, shown as 64 lower-case hex digits: the only name that proves anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 32]);

impl PeerKey {
    /// The first eight bytes: the `id` of the TXT record, a hint and no proof.
    #[must_use]
    pub fn short(&self) -> [u8; 8] {
        self.0.first_chunk().copied().unwrap_or_default()
    }

    /// Four decimal digits that tell two people of one nick apart. Decoration: ten thousand keys share each.
    #[must_use]
    pub fn digits(&self) -> u16 {
        let sum = self.0.iter().fold(0u32, |sum, &byte| (sum * 257 + u32::from(byte)) % 10_000);
        u16::try_from(sum).unwrap_or(0)
    }

    /// Whether this key signed `label` and `parts`.
    pub(crate) fn has_signed(
        &self,
        suite: &'static dyn Suite,
        label: &str,
        parts: &[&[u8]],
        signature: &[u8; 64],
    ) -> bool {
        suite.verify(&self.0, &labelled(label, parts), signature)
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.short())
    }
}

impl FromStr for PeerKey {
    type Err = NotHex;

    /// Reads 64 hex digits.
    fn from_str(text: &str) -> Result<Self, NotHex> {
        read_hex(text).map(Self)
    }
}

/// One run of the program under an identity: random at every start, so that one key speaking from two places is
/// two peers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BootId(pub u64);

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not the expected number of hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the expected number of hex digits")]
pub struct NotHex;

/// Writes `bytes` as lower-case hex.
pub(crate) fn write_hex(f: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// `bytes` as lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    let _ = write_hex(&mut text, bytes);
    text
}

/// Reads exactly `N` bytes of hex, in either case.
///
/// # Errors
/// [`NotHex`] for another length or another character.
pub fn read_hex<const N: usize>(text: &str) -> Result<[u8; N], NotHex> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return Err(NotHex);
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        for &digit in pair {
            let value = char::from(digit).to_digit(16).ok_or(NotHex)?;
            *byte = *byte << 4 | u8::try_from(value).map_err(|_| NotHex)?;
        }
    }
    Ok(out)
}

/// The bytes that are signed: the label with its length, then the parts as they are.
fn labelled(label: &str, parts: &[&[u8]]) -> alloc::vec::Vec<u8> {
    let mut message = alloc::vec![u8::try_from(label.len()).unwrap_or(u8::MAX)];
    message.extend_from_slice(label.as_bytes());
    parts.iter().for_each(|part| message.extend_from_slice(part));
    message
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::suite::REAL;

    #[test]
    fn a_signature_holds_for_its_label_only() {
        let identity = Identity::new(REAL, &[3; 32]);
        let signature = identity.sign(REAL, "entry", &[b"text"]);
        assert!(identity.key().has_signed(REAL, "entry", &[b"text"], &signature));
        assert!(!identity.key().has_signed(REAL, "record", &[b"text"], &signature));
        assert!(!identity.key().has_signed(REAL, "entry", &[b"other"], &signature));
    }

    #[test]
    fn two_people_agree_and_a_point_of_small_order_is_refused() {
        let (a, b) = (Identity::new(REAL, &[1; 32]), Identity::new(REAL, &[2; 32]));
        assert_eq!(a.agree(REAL, &b.direct_public()), b.agree(REAL, &a.direct_public()));
        assert_eq!(a.agree(REAL, &[0; 32]), None);
    }

    #[test]
    fn keys_are_read_as_they_are_shown() {
        let key = Identity::new(REAL, &[3; 32]).key();
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(key.to_string().to_uppercase().parse(), Ok(key));
        assert_eq!("12".parse::<PeerKey>(), Err(NotHex));
        assert_eq!(read_hex::<1>("g0"), Err(NotHex));
        assert!(key.digits() < 10_000);
    }
}
