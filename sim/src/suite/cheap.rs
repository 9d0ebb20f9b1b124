//! Cryptography that costs nothing and proves nothing, of the same sizes as the real one: for the scale of a
//! simulation, never for its correctness.
//!
//! Whoever knows a public key can forge its signatures; only accidents are noticed.

use chat_core::{PacketCipher, Suite, TAG};

use crate::chance::fold;

/// The cheap suite.
pub static CHEAP: &dyn Suite = &Cheap;

#[derive(Debug)]
struct Cheap;

/// What a secret becomes in public, so that nothing is its own public key.
const PUBLIC: u64 = 0x7075_626c_6963;

impl Suite for Cheap {
    fn sign_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        digest(PUBLIC, &[seed])
    }

    fn sign(&self, _seed: &[u8; 32], public: &[u8; 32], message: &[u8]) -> [u8; 64] {
        signature(public, message)
    }

    fn verify(&self, public: &[u8; 32], message: &[u8], given: &[u8; 64]) -> bool {
        signature(public, message) == *given
    }

    fn agree_public(&self, secret: &[u8; 32]) -> [u8; 32] {
        digest(PUBLIC, &[secret])
    }

    fn agree(&self, secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32] {
        let own = self.agree_public(secret);
        let (low, high) = if own < *public { (&own, public) } else { (public, &own) };
        digest(1, &[low, high])
    }

    fn seal(&self, key: &[u8; 32], nonce: &[u8; 24], header: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        sealed.extend_from_slice(&tag(2, &[key, nonce, header, plain]));
        sealed
    }

    fn open(&self, key: &[u8; 32], nonce: &[u8; 24], header: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (plain, given) = sealed.split_last_chunk::<TAG>()?;
        (tag(2, &[key, nonce, header, plain]) == *given).then(|| plain.to_vec())
    }

    fn has_aes(&self) -> bool {
        false
    }

    fn seal_packet(
        &self,
        _: PacketCipher,
        key: &[u8; 32],
        counter: u64,
        header: &[u8],
        bytes: &mut [u8],
    ) -> [u8; TAG] {
        tag(3, &[key, &counter.to_le_bytes(), header, bytes])
    }

    fn open_packet(
        &self,
        _: PacketCipher,
        key: &[u8; 32],
        counter: u64,
        header: &[u8],
        bytes: &mut [u8],
        given: &[u8; TAG],
    ) -> bool {
        tag(3, &[key, &counter.to_le_bytes(), header, bytes]) == *given
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        digest(4, parts)
    }

    fn mac(&self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        digest(fold(5, digest_word(key)), parts)
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        digest(8, parts)
    }

    fn keyed_digest(&self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        digest(fold(9, digest_word(key)), parts)
    }
}

/// A hash of the parts one after the other: where one ends and the next begins does not count, as with the real one.
fn state_of(start: u64, parts: &[&[u8]]) -> u64 {
    // The word that is not whole yet, and how many bits of it are there.
    let (mut state, mut word, mut filled, mut length) = (start, 0u64, 0, 0u64);
    for part in parts {
        length += part.len() as u64;
        let (whole, rest) = part.as_chunks::<8>();
        for next in whole.iter().map(|chunk| u64::from_le_bytes(*chunk)) {
            state = fold(state, word | next << filled);
            word = next.checked_shr(64 - filled).unwrap_or(0);
        }
        for &byte in rest {
            word |= u64::from(byte) << filled;
            filled += 8;
            if filled == 64 {
                state = fold(state, word);
                (word, filled) = (0, 0);
            }
        }
    }
    fold(fold(state, word), length)
}

fn digest(start: u64, parts: &[&[u8]]) -> [u8; 32] {
    spread(state_of(start, parts))
}

fn tag(start: u64, parts: &[&[u8]]) -> [u8; TAG] {
    spread(state_of(start, parts))
}

fn signature(public: &[u8; 32], message: &[u8]) -> [u8; 64] {
    spread(state_of(6, &[public, message]))
}

pub(crate) fn digest_word(bytes: &[u8]) -> u64 {
    state_of(7, &[bytes])
}

fn spread<const N: usize>(state: u64) -> [u8; N] {
    let mut out = [0; N];
    for (index, word) in (0..).zip(out.chunks_mut(8)) {
        word.copy_from_slice(&fold(state, index).to_le_bytes()[..word.len()]);
    }
    out
}

#[cfg(test)]
mod tests {
    use chat_core::{Identity, REAL};

    use super::*;

    #[test]
    fn both_ends_agree_and_accidents_are_noticed() {
        let (one, other) = ([1; 32], [2; 32]);
        let publics = [CHEAP.agree_public(&one), CHEAP.agree_public(&other)];
        assert_eq!(CHEAP.agree(&one, &publics[1]), CHEAP.agree(&other, &publics[0]));
        assert_ne!(CHEAP.agree(&one, &publics[1]), CHEAP.agree(&one, &publics[0]));
        let public = CHEAP.sign_public(&one);
        let signed = CHEAP.sign(&one, &public, b"text");
        assert!(CHEAP.verify(&public, b"text", &signed) && !CHEAP.verify(&public, b"next", &signed));
        let sealed = CHEAP.seal(&one, &[0; 24], b"header", b"plain");
        assert_eq!(CHEAP.open(&one, &[0; 24], b"header", &sealed).as_deref(), Some(&b"plain"[..]));
        assert_eq!(CHEAP.open(&one, &[0; 24], b"leader", &sealed), None);
    }

    #[test]
    fn sizes_are_those_of_the_real_one() {
        let sealed = |suite: &'static dyn Suite| suite.seal(&[1; 32], &[0; 24], b"", b"plain").len();
        assert_eq!(sealed(CHEAP), sealed(REAL));
        assert_ne!(Identity::new(CHEAP, &[1; 32]).key(), Identity::new(CHEAP, &[2; 32]).key());
    }

    #[test]
    fn parts_are_hashed_as_one() {
        assert_eq!(CHEAP.hash(&[b"ab", b"c"]), CHEAP.hash(&[b"abc"]));
        assert_ne!(CHEAP.hash(&[b"abc"]), CHEAP.hash(&[b"abc\0"]));
        let all: Vec<u8> = (1..=50).collect();
        for (one, other) in (0..50).flat_map(|one| (one..50).map(move |other| (one, other))) {
            let parts = [&all[..one], &all[one..other], &all[other..]];
            assert_eq!(CHEAP.hash(&parts), CHEAP.hash(&[&all]), "{one} {other}");
        }
    }
}
