//! The real cryptography, computed once where many hosts of one simulation compute the same.
//!
//! What one person has signed is checked by everybody, and both ends of a handshake agree on the same secret. These are
//! pure functions of their arguments, so what came of them the first time is what comes of them each time: every bit of
//! a run is as if each had been computed anew. All arguments are compared, and nothing is taken on trust.

use std::cell::RefCell;

use chat_core::{PacketCipher, REAL, Suite, TAG};

/// The real suite, which remembers.
pub static ONCE: &dyn Suite = &Once;

/// What is remembered at a time, of each kind.
const PLACES: usize = 1 << 13;

thread_local! {
    static VERIFIED: RefCell<Places<Signed, bool>> = const { RefCell::new(Places(Vec::new())) };
    static PUBLICS: RefCell<Places<[u8; 32], [u8; 32]>> = const { RefCell::new(Places(Vec::new())) };
    static AGREED: RefCell<Places<[[u8; 32]; 2], [u8; 32]>> = const { RefCell::new(Places(Vec::new())) };
}

#[derive(Debug)]
struct Once;

/// What is verified.
struct Signed {
    public: [u8; 32],
    signature: [u8; 64],
    message: Vec<u8>,
}

/// One question and its answer in each place; a newer one takes it.
struct Places<Q, A>(Vec<Option<(Q, A)>>);

impl<Q, A: Copy> Places<Q, A> {
    fn find(&self, place: usize, is_it: impl Fn(&Q) -> bool) -> Option<A> {
        let (question, answer) = self.0.get(place)?.as_ref()?;
        is_it(question).then_some(*answer)
    }

    fn put(&mut self, place: usize, question: Q, answer: A) {
        if self.0.is_empty() {
            self.0.resize_with(PLACES, || None);
        }
        self.0[place] = Some((question, answer));
    }
}

/// Where something is kept that begins with these bytes, which are as good as random.
fn place_of(bytes: &[u8]) -> usize {
    let start = bytes.first_chunk().copied().unwrap_or_default();
    u64::from_le_bytes(start) as usize % PLACES
}

impl Suite for Once {
    fn sign_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        REAL.sign_public(seed)
    }

    fn sign(&self, seed: &[u8; 32], public: &[u8; 32], message: &[u8]) -> [u8; 64] {
        REAL.sign(seed, public, message)
    }

    fn verify(&self, public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        let is_it = |signed: &Signed| {
            signed.signature == *signature && signed.public == *public && signed.message == message
        };
        let place = place_of(signature);
        VERIFIED.with_borrow(|verified| verified.find(place, is_it)).unwrap_or_else(|| {
            let is_valid = REAL.verify(public, message, signature);
            let signed = Signed { public: *public, signature: *signature, message: message.to_vec() };
            VERIFIED.with_borrow_mut(|verified| verified.put(place, signed, is_valid));
            is_valid
        })
    }

    fn agree_public(&self, secret: &[u8; 32]) -> [u8; 32] {
        let place = place_of(secret);
        PUBLICS.with_borrow(|publics| publics.find(place, |known| known == secret)).unwrap_or_else(|| {
            let public = REAL.agree_public(secret);
            PUBLICS.with_borrow_mut(|publics| publics.put(place, *secret, public));
            public
        })
    }

    /// The other end agrees on the same with its secret and our public key.
    fn agree(&self, secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32] {
        let own = self.agree_public(secret);
        let pair = if own < *public { [own, *public] } else { [*public, own] };
        let place = place_of(&pair[0]) ^ place_of(&pair[1]);
        AGREED.with_borrow(|agreed| agreed.find(place, |known| *known == pair)).unwrap_or_else(|| {
            let shared = REAL.agree(secret, public);
            AGREED.with_borrow_mut(|agreed| agreed.put(place, pair, shared));
            shared
        })
    }

    fn seal(&self, key: &[u8; 32], nonce: &[u8; 24], header: &[u8], plain: &[u8]) -> Vec<u8> {
        REAL.seal(key, nonce, header, plain)
    }

    fn open(&self, key: &[u8; 32], nonce: &[u8; 24], header: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        REAL.open(key, nonce, header, sealed)
    }

    /// A run must not depend on the machine.
    fn has_aes(&self) -> bool {
        true
    }

    fn seal_packet(
        &self,
        cipher: PacketCipher,
        key: &[u8; 32],
        counter: u64,
        header: &[u8],
        bytes: &mut [u8],
    ) -> [u8; TAG] {
        REAL.seal_packet(cipher, key, counter, header, bytes)
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
        REAL.open_packet(cipher, key, counter, header, bytes, tag)
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        REAL.hash(parts)
    }

    fn mac(&self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        REAL.mac(key, parts)
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        REAL.digest(parts)
    }

    fn keyed_digest(&self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        REAL.keyed_digest(key, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_the_real_one_computes() {
        let secrets = [[1; 32], [2; 32], [3; 32]];
        let publics = secrets.map(|secret| REAL.agree_public(&secret));
        // Twice: computed, and remembered.
        for _ in 0..2 {
            for (one, other) in (0..3).flat_map(|one| (0..3).map(move |other| (one, other))) {
                let shared = ONCE.agree(&secrets[one], &publics[other]);
                assert_eq!(shared, REAL.agree(&secrets[one], &publics[other]), "{one} {other}");
            }
            assert_eq!(ONCE.agree(&secrets[0], &[0; 32]), [0; 32], "a point of small order");
        }
    }

    #[test]
    fn a_signature_is_good_for_its_message_and_key_alone_however_often_it_is_asked_for() {
        let [one, other] = [[7; 32], [8; 32]].map(|seed| REAL.sign_public(&seed));
        let signature = REAL.sign(&[7; 32], &one, b"text");
        let mut forged = signature;
        forged[63] ^= 1;
        for _ in 0..2 {
            assert!(ONCE.verify(&one, b"text", &signature));
            assert!(!ONCE.verify(&one, b"next", &signature), "another message in the same place");
            assert!(!ONCE.verify(&other, b"text", &signature));
            assert!(!ONCE.verify(&one, b"text", &forged));
        }
    }
}
