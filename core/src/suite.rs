//! The cryptography as one table of functions, so that hardware, or a cheap one of equal sizes for huge
//! simulations, can take its place.

use alloc::vec::Vec;

use aes_gcm::Aes256Gcm;
use blake2::{Blake2s256, Blake2sMac256, Digest as _, digest::Mac as _};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, AeadInOut as _, Payload},
};
use curve25519_dalek::montgomery::MontgomeryPoint;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey, hazmat};

/// Bytes that sealing adds.
pub const TAG: usize = 16;

/// What a node needs of cryptography. All methods are pure functions of their arguments.
pub trait Suite: Send + Sync {
    /// The public key of an ed25519 seed.
    fn sign_public(&self, seed: &[u8; 32]) -> [u8; 32];
    /// Signs `message`; `public` is the public key of `seed`.
    fn sign(&self, seed: &[u8; 32], public: &[u8; 32], message: &[u8]) -> [u8; 64];
    /// Verifies strictly: no small-order keys, one answer for all peers.
    fn verify(&self, public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool;
    /// The public key of an X25519 secret.
    fn agree_public(&self, secret: &[u8; 32]) -> [u8; 32];
    /// The X25519 shared secret; all zero for a point of small order.
    fn agree(&self, secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32];
    /// Seals an entry: XChaCha20-Poly1305, [`TAG`] bytes longer than `plain`.
    fn seal(&self, key: &[u8; 32], nonce: &[u8; 24], header: &[u8], plain: &[u8]) -> Vec<u8>;
    /// Opens an entry, or `None` when its tag is wrong.
    fn open(&self, key: &[u8; 32], nonce: &[u8; 24], header: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;
    /// Whether this machine has instructions for AES: without them it is slower than ChaCha20, and its time may tell
    /// something of the key.
    fn has_aes(&self) -> bool;
    /// Encrypts a packet in place.
    fn seal_packet(
        &self,
        cipher: PacketCipher,
        key: &[u8; 32],
        counter: u64,
        header: &[u8],
        bytes: &mut [u8],
    ) -> [u8; TAG];
    /// Decrypts a packet in place; false when its tag is wrong, and `bytes` is rubbish then.
    fn open_packet(
        &self,
        cipher: PacketCipher,
        key: &[u8; 32],
        counter: u64,
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG],
    ) -> bool;
    /// BLAKE2s-256 over the parts, one after the other.
    fn hash(&self, parts: &[&[u8]]) -> [u8; 32];
    /// Keyed BLAKE2s-256 over the parts, one after the other.
    fn mac(&self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32];
    /// BLAKE3-256 over the parts, one after the other: for what is long, where it is several times as fast.
    fn digest(&self, parts: &[&[u8]]) -> [u8; 32];
    /// Keyed BLAKE3-256 over the parts, one after the other.
    fn keyed_digest(&self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32];
}

/// What seals packets; both as in Noise section 12.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PacketCipher {
    /// ChaCha20-Poly1305, the nonce a little-endian counter: the handshake's.
    ChaChaPoly,
    /// AES-256-GCM, the nonce a big-endian counter.
    AesGcm,
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
cpufeatures::new!(aes_instructions, "aes", "pclmulqdq");
#[cfg(target_arch = "aarch64")]
cpufeatures::new!(aes_instructions, "aes");
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86", target_arch = "x86_64")))]
mod aes_instructions {
    pub(super) const fn get() -> bool {
        false
    }
}

/// The real cryptography.
pub const REAL: &dyn Suite = &Real;

/// A key for the purpose `label`, derived from the parts. Labels are fixed in the program and differ.
pub(crate) fn kdf(suite: &'static dyn Suite, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let length = [u8::try_from(label.len()).unwrap_or(u8::MAX)];
    let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len() + 2);
    all.extend([&length[..], label.as_bytes()]);
    all.extend(parts);
    suite.hash(&all)
}

/// Whether two secrets are equal, in a time that does not depend on where they differ.
pub(crate) fn equal<const N: usize>(one: &[u8; N], other: &[u8; N]) -> bool {
    one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[derive(Debug)]
struct Real;

impl Suite for Real {
    fn sign_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        SigningKey::from_bytes(seed).verifying_key().to_bytes()
    }

    fn sign(&self, seed: &[u8; 32], public: &[u8; 32], message: &[u8]) -> [u8; 64] {
        // The public key is at hand: deriving it again would cost as much as the signature itself.
        let expanded = hazmat::ExpandedSecretKey::from(seed);
        match VerifyingKey::from_bytes(public) {
            Ok(key) => hazmat::raw_sign::<ed25519_dalek::Sha512>(&expanded, message, &key).to_bytes(),
            Err(_) => [0; 64],
        }
    }

    fn verify(&self, public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(public)
            .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }

    fn agree_public(&self, secret: &[u8; 32]) -> [u8; 32] {
        MontgomeryPoint::mul_base_clamped(*secret).to_bytes()
    }

    fn agree(&self, secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32] {
        MontgomeryPoint(*public).mul_clamped(*secret).to_bytes()
    }

    fn seal(&self, key: &[u8; 32], nonce: &[u8; 24], header: &[u8], plain: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: header };
        // It fails only beyond 256 GiB.
        XChaCha20Poly1305::new(key.into()).encrypt(nonce.into(), payload).unwrap_or_default()
    }

    fn open(&self, key: &[u8; 32], nonce: &[u8; 24], header: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload { msg: sealed, aad: header };
        XChaCha20Poly1305::new(key.into()).decrypt(nonce.into(), payload).ok()
    }

    fn has_aes(&self) -> bool {
        aes_instructions::get()
    }

    fn seal_packet(
        &self,
        cipher: PacketCipher,
        key: &[u8; 32],
        counter: u64,
        header: &[u8],
        bytes: &mut [u8],
    ) -> [u8; TAG] {
        let nonce = noise_nonce(cipher, counter).into();
        let sealed = match cipher {
            PacketCipher::ChaChaPoly => {
                ChaCha20Poly1305::new(key.into()).encrypt_inout_detached(&nonce, header, bytes.into())
            }
            PacketCipher::AesGcm => {
                Aes256Gcm::new(key.into()).encrypt_inout_detached(&nonce, header, bytes.into())
            }
        };
        sealed.map_or([0; TAG], Into::into)
    }

    fn open_packet(
        &self,
        cipher: PacketCipher,
        key: &[u8; 32],
        counter: u64,
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG],
    ) -> bool {
        let nonce = noise_nonce(cipher, counter).into();
        let opened = match cipher {
            PacketCipher::ChaChaPoly => ChaCha20Poly1305::new(key.into()).decrypt_inout_detached(
                &nonce,
                header,
                bytes.into(),
                tag.into(),
            ),
            PacketCipher::AesGcm => {
                Aes256Gcm::new(key.into()).decrypt_inout_detached(&nonce, header, bytes.into(), tag.into())
            }
        };
        opened.is_ok()
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        parts.iter().fold(Blake2s256::new(), |hash, part| hash.chain_update(part)).finalize().into()
    }

    fn mac(&self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        let mac = <Blake2sMac256 as blake2::digest::KeyInit>::new(key.into());
        parts.iter().fold(mac, |mac, part| mac.chain_update(part)).finalize().into_bytes().into()
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        digest(blake3::Hasher::new(), parts)
    }

    fn keyed_digest(&self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        digest(blake3::Hasher::new_keyed(key), parts)
    }
}

fn digest(mut hasher: blake3::Hasher, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Noise sections 12.3 and 12.4: 32 bits of zeros, then the counter.
fn noise_nonce(cipher: PacketCipher, counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(low) = nonce.last_chunk_mut() {
        *low = match cipher {
            PacketCipher::ChaChaPoly => counter.to_le_bytes(),
            PacketCipher::AesGcm => counter.to_be_bytes(),
        };
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_header_only() {
        let sealed = REAL.seal(&[1; 32], &[2; 24], b"header", b"plain");
        assert_eq!(sealed.len(), 5 + TAG);
        assert_eq!(REAL.open(&[1; 32], &[2; 24], b"header", &sealed).as_deref(), Some(&b"plain"[..]));
        assert_eq!(REAL.open(&[1; 32], &[2; 24], b"other", &sealed), None);
        assert_eq!(REAL.open(&[9; 32], &[2; 24], b"header", &sealed), None);
    }

    #[test]
    fn packets_open_in_any_order_and_only_whole() {
        let ciphers = [PacketCipher::ChaChaPoly, PacketCipher::AesGcm];
        for (cipher, other) in ciphers.into_iter().zip(ciphers.into_iter().rev()) {
            let mut bytes = *b"packet";
            let tag = REAL.seal_packet(cipher, &[1; 32], 77, b"", &mut bytes);
            let mut copy = bytes;
            assert!(REAL.open_packet(cipher, &[1; 32], 77, b"", &mut copy, &tag));
            assert_eq!(&copy, b"packet");
            assert!(!REAL.open_packet(cipher, &[1; 32], 78, b"", &mut bytes.clone(), &tag));
            assert!(!REAL.open_packet(other, &[1; 32], 77, b"", &mut bytes.clone(), &tag));
        }
    }

    #[test]
    fn labels_separate_keys() {
        assert_ne!(kdf(REAL, "a", &[b"bc"]), kdf(REAL, "ab", &[b"c"]));
    }

    /// The first of BLAKE3's published test vectors that has something to hash.
    #[test]
    fn digests_like_the_standard() {
        let hashed = "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213";
        let keyed = "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b";
        assert_eq!(crate::identity::hex(&REAL.digest(&[&[], &[0]])), hashed);
        let key = b"whats the Elvish word for friend";
        assert_eq!(crate::identity::hex(&REAL.keyed_digest(key, &[&[0]])), keyed);
    }

    /// RFC 8032 section 7.1, test 2.
    #[test]
    fn signs_like_the_standard() {
        let seed =
            crate::identity::read_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let seed = seed.unwrap();
        let key = REAL.sign_public(&seed);
        assert_eq!(crate::identity::hex(&key), public);
        let signature = REAL.sign(&seed, &key, &[0x72]);
        assert!(crate::identity::hex(&signature).starts_with("92a009a9f0d4cab8720e820b5f642540"));
        assert!(REAL.verify(&key, &[0x72], &signature));
    }
}
