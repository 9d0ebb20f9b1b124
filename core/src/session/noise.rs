//! Noise_XX_25519_ChaChaPoly_BLAKE2s by `snow`, with the suite's cryptography and our own randomness.
//!
//! Every handshake draws from a seed of its own. That makes it repeatable in the simulator, and lets a handshake be
//! built again after a forged message: `snow` goes back after a message that it cannot read, but not after one that
//! it can read and whose sender then proves nobody.
//!
//! Where both ends have instructions for it, packets are sealed by AES-GCM once the handshake is through: with as many
//! bytes as files have, the cipher is most of the work.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use snow::{
    Builder, Error, HandshakeState, StatelessTransportState,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::CryptoResolver,
    types::{Cipher, Dh, Hash, Random},
};
use zeroize::Zeroizing;

use crate::{
    rng::Rng,
    suite::{PacketCipher, Suite, TAG},
};

const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
/// Larger than any handshake message of ours.
const MESSAGE_MAX: usize = 512;

/// Our side of all handshakes: the suite and a static key, new at every boot and never stored.
pub(super) struct Noise {
    pub(super) suite: &'static dyn Suite,
    secret: Zeroizing<[u8; 32]>,
    pub(super) public: [u8; 32],
    /// Whether we announce AES-GCM.
    pub(super) has_aes: bool,
}

impl Noise {
    pub(super) fn new(suite: &'static dyn Suite, rng: &mut Rng) -> Self {
        let secret = Zeroizing::new(rng.bytes());
        let public = suite.agree_public(&secret);
        Self { suite, secret, public, has_aes: suite.has_aes() }
    }

    /// A handshake that has not begun. The prologue is bound into all that follows.
    pub(super) fn begin(&self, initiator: bool, seed: &Seed, prologue: &[u8]) -> Option<Handshake> {
        let is_aes = Arc::new(AtomicBool::new(false));
        let resolver = Resolver { suite: self.suite, seed: seed.clone(), is_aes: Arc::clone(&is_aes) };
        let resolver = Box::new(resolver);
        let builder = Builder::with_resolver(PATTERN.parse().ok()?, resolver);
        let builder = builder.local_private_key(&*self.secret).ok()?.prologue(prologue).ok()?;
        let state = if initiator { builder.build_initiator() } else { builder.build_responder() };
        state.ok().map(|state| Handshake { state, is_aes })
    }
}

/// What the randomness of one handshake comes from.
pub(super) type Seed = Zeroizing<[u8; 32]>;

/// A handshake under way.
pub(super) struct Handshake {
    state: HandshakeState,
    /// Tells the ciphers that `snow` holds what they are.
    is_aes: Arc<AtomicBool>,
}

impl Handshake {
    pub(super) fn write(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let mut message = alloc::vec![0; MESSAGE_MAX];
        let length = self.state.write_message(payload, &mut message).ok()?;
        message.truncate(length);
        Some(message)
    }

    pub(super) fn read(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let mut payload = alloc::vec![0; MESSAGE_MAX];
        let length = self.state.read_message(message, &mut payload).ok()?;
        payload.truncate(length);
        Some(payload)
    }

    /// Of all that has been said so far.
    pub(super) fn hash(&self) -> [u8; 32] {
        self.state.get_handshake_hash().first_chunk().copied().unwrap_or_default()
    }

    pub(super) fn remote_static(&self) -> Option<[u8; 32]> {
        self.state.get_remote_static()?.first_chunk().copied()
    }

    /// The keys, once all three messages are through; `is_aes`: both ends have announced it.
    pub(super) fn finish(self, is_aes: bool) -> Option<Keys> {
        let binding = self.hash();
        self.is_aes.store(is_aes, Relaxed);
        let transport = self.state.into_stateless_transport_mode().ok()?;
        Some(Keys { transport, binding })
    }
}

/// The keys of one finished handshake.
pub(super) struct Keys {
    transport: StatelessTransportState,
    /// The hash of the whole handshake: the same on both sides, and for no other handshake.
    pub(super) binding: [u8; 32],
}

impl Keys {
    /// Appends `plain`, sealed under `number`, which is used once.
    pub(super) fn seal(&self, number: u64, plain: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + plain.len() + TAG, 0);
        if let Some(message) = out.get_mut(start..) {
            // It fails only for the last of all numbers; the packet is rubbish then, and the peer drops it.
            let _ = self.transport.write_message(number, plain, message);
        }
    }

    /// Opens into `plain`; false when the tag is wrong.
    pub(super) fn open(&self, number: u64, sealed: &[u8], plain: &mut Vec<u8>) -> bool {
        plain.resize(sealed.len(), 0);
        let opened = self.transport.read_message(number, sealed, plain);
        plain.truncate(opened.as_ref().map_or(0, |&length| length));
        opened.is_ok()
    }
}

struct Resolver {
    suite: &'static dyn Suite,
    seed: Seed,
    is_aes: Arc<AtomicBool>,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Seeded(Rng::new(*self.seed))))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(Agreement { suite: self.suite, secret: Zeroizing::default(), public: [0; 32] }))
    }

    fn resolve_hash(&self, _: &HashChoice) -> Option<Box<dyn Hash>> {
        Some(Box::new(Digest { suite: self.suite, input: Vec::new() }))
    }

    fn resolve_cipher(&self, _: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::new(Aead {
            suite: self.suite,
            key: Zeroizing::default(),
            is_aes: Arc::clone(&self.is_aes),
        }))
    }
}

struct Seeded(Rng);

impl Random for Seeded {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill(out);
        Ok(())
    }
}

struct Agreement {
    suite: &'static dyn Suite,
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl Dh for Agreement {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        self.secret = Zeroizing::new(secret.first_chunk().copied().unwrap_or_default());
        self.public = self.suite.agree_public(&self.secret);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut secret = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *secret)?;
        self.set(&*secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &*self.secret
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public = public.first_chunk().ok_or(Error::Dh)?;
        let shared = Zeroizing::new(self.suite.agree(&self.secret, public));
        // A point of small order: everybody would know the secret (RFC 7748 section 6.1).
        if *shared == [0; 32] {
            return Err(Error::Dh);
        }
        *out.first_chunk_mut().ok_or(Error::Dh)? = *shared;
        Ok(())
    }
}

struct Digest {
    suite: &'static dyn Suite,
    input: Vec<u8>,
}

impl Hash for Digest {
    fn name(&self) -> &'static str {
        "BLAKE2s"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.input.clear();
    }

    fn input(&mut self, data: &[u8]) {
        self.input.extend_from_slice(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        if let Some(out) = out.first_chunk_mut() {
            *out = self.suite.hash(&[&self.input]);
        }
        self.input.clear();
    }
}

struct Aead {
    suite: &'static dyn Suite,
    key: Zeroizing<[u8; 32]>,
    is_aes: Arc<AtomicBool>,
}

impl Aead {
    fn cipher(&self) -> PacketCipher {
        if self.is_aes.load(Relaxed) { PacketCipher::AesGcm } else { PacketCipher::ChaChaPoly }
    }
}

impl Cipher for Aead {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.key = Zeroizing::new(*key);
    }

    fn encrypt(&self, nonce: u64, header: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        let Some((message, rest)) = out.split_at_mut_checked(plain.len()) else { return 0 };
        let Some(tag) = rest.first_chunk_mut::<TAG>() else { return 0 };
        message.copy_from_slice(plain);
        *tag = self.suite.seal_packet(self.cipher(), &self.key, nonce, header, message);
        plain.len() + TAG
    }

    fn decrypt(&self, nonce: u64, header: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let (bytes, tag) = sealed.split_last_chunk::<TAG>().ok_or(Error::Decrypt)?;
        let message = out.get_mut(..bytes.len()).ok_or(Error::Decrypt)?;
        message.copy_from_slice(bytes);
        let opened = self.suite.open_packet(self.cipher(), &self.key, nonce, header, message, tag);
        opened.then_some(bytes.len()).ok_or(Error::Decrypt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::REAL;

    /// The test vector that Noise's implementations check each other by, of the project cacophony: all six messages and
    /// the hash.
    #[test]
    fn speaks_noise_as_others_do() {
        let hex = |text: &str| -> Vec<u8> {
            let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
            digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
        };
        let begin = |secret, ephemeral, is_initiator| {
            let (secret, ephemeral, is_aes) = (hex(secret), hex(ephemeral), Arc::default());
            let resolver = Resolver { suite: REAL, seed: Seed::default(), is_aes: Arc::clone(&is_aes) };
            let builder = Builder::with_resolver(PATTERN.parse().unwrap(), Box::new(resolver));
            let builder = builder.local_private_key(&secret).unwrap().prologue(b"John Galt").unwrap();
            let builder = builder.fixed_ephemeral_key_for_testing_only(&ephemeral);
            let state = if is_initiator { builder.build_initiator() } else { builder.build_responder() };
            Handshake { state: state.unwrap(), is_aes }
        };
        let mut one = begin(
            "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
            "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
            true,
        );
        let mut other = begin(
            "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
            "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
            false,
        );
        for (place, (payload, message)) in [
            (
                &b"Ludwig von Mises"[..],
                "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d69736573",
            ),
            (
                b"Murray Rothbard",
                "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088437c365eb362a1c991b0557fe8a7fb187d\
                 99346765d93ec63db6c1b01504ebeec55a2298d2dbff80eff034d20595153f63a196a6cead1e11b2bb13e336fa13616d\
                 d3e8b0a070c882ed3f1a78c7c06c93",
            ),
            (
                b"F. A. Hayek",
                "46c3307de83b014258717d97781c1f50936d8b7d50c0722a1739654d10392d415b670c114f79b9a4f80541570f77ce88\
                 802efa4220cff733e7b5668ba38059ec904b4b8eef9448085faf51",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let (from, to) = if place % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
            assert_eq!(from.write(payload).unwrap(), hex(message));
            assert_eq!(to.read(&hex(message)).unwrap(), payload);
        }
        let (one, other) = (one.finish(false).unwrap(), other.finish(false).unwrap());
        let binding = hex("6c4c56cf71612f72d05ceb96c0155e6f4ea54a26b504c93de632a2db4a49d200");
        assert_eq!((&one.binding[..], &other.binding[..]), (&binding[..], &binding[..]));
        for (from, to, number, payload, message) in [
            (&other, &one, 0, &b"Carl Menger"[..], "d5e83adfaac5dc324a68f1862df54549e56d209fba707205f328b2"),
            (
                &one,
                &other,
                0,
                b"Jean-Baptiste Say",
                "d102c9029b1f55c788f561ba7737afbccef9c9f1bf2f238167fd40ba9c1c134867",
            ),
            (
                &other,
                &one,
                1,
                b"Eugen B\xf6hm von Bawerk",
                "cb1ce80960382c6d5d5e740ffb724d1432f0310b200fb6f8424120f506092744baa415e155",
            ),
        ] {
            let (mut sealed, mut plain) = (Vec::new(), Vec::new());
            from.seal(number, payload, &mut sealed);
            assert_eq!(sealed, hex(message));
            assert!(!to.open(number + 1, &sealed, &mut plain));
            assert!(to.open(number, &sealed, &mut plain));
            assert_eq!(plain, payload);
        }
    }

    #[test]
    fn a_point_of_small_order_is_refused() {
        let noise = Noise::new(REAL, &mut Rng::new([1; 32]));
        let mut ours = noise.begin(false, &Seed::new([2; 32]), b"").unwrap();
        assert!(ours.read(&[0; 32]).is_some());
        assert!(ours.write(b"").is_none());
    }
}
