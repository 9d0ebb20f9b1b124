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
    use snow::resolvers::DefaultResolver;

    use super::*;
    use crate::suite::REAL;

    /// `snow` with its own cryptography understands us: ours is the standard's.
    #[test]
    fn speaks_noise_with_a_stranger() {
        let noise = Noise::new(REAL, &mut Rng::new([1; 32]));
        let mut ours = noise.begin(true, &Seed::new([2; 32]), b"prologue").unwrap();
        struct Borrowed(DefaultResolver);
        impl CryptoResolver for Borrowed {
            fn resolve_rng(&self) -> Option<Box<dyn Random>> {
                Some(Box::new(Seeded(Rng::new([3; 32]))))
            }
            fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
                self.0.resolve_dh(choice)
            }
            fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
                self.0.resolve_hash(choice)
            }
            fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
                self.0.resolve_cipher(choice)
            }
        }
        let builder = Builder::with_resolver(PATTERN.parse().unwrap(), Box::new(Borrowed(DefaultResolver)));
        let builder = builder.local_private_key(&[4; 32]).unwrap().prologue(b"prologue").unwrap();
        let is_aes = Arc::default();
        let mut theirs = Handshake { state: builder.build_responder().unwrap(), is_aes };
        assert_eq!(theirs.read(&ours.write(&[]).unwrap()).unwrap(), b"");
        assert_eq!(ours.read(&theirs.write(b"answer").unwrap()).unwrap(), b"answer");
        assert_eq!(theirs.read(&ours.write(b"finish").unwrap()).unwrap(), b"finish");
        assert_eq!(theirs.remote_static(), Some(noise.public));
        let (ours, theirs) = (ours.finish(false).unwrap(), theirs.finish(false).unwrap());
        assert_eq!(ours.binding, theirs.binding);
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        ours.seal(77, b"hello", &mut sealed);
        assert!(theirs.open(77, &sealed, &mut plain));
        assert_eq!(plain, b"hello");
        assert!(!theirs.open(78, &sealed, &mut plain));
    }

    #[test]
    fn a_point_of_small_order_is_refused() {
        let noise = Noise::new(REAL, &mut Rng::new([1; 32]));
        let mut ours = noise.begin(false, &Seed::new([2; 32]), b"").unwrap();
        assert!(ours.read(&[0; 32]).is_some());
        assert!(ours.write(b"").is_none());
    }
}
