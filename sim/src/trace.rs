//! What happened, as one number: two runs with the same number went the same way.

use std::{fmt, ops::Range};

use chat_core::Instant;

use crate::{chance::fold, queue::Key};

/// A checkpoint is kept after so many events.
pub(crate) const STRIDE: u64 = 1 << 16;

/// The hash of a whole run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Hash(u64, u64);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A rolling hash over all that happens, with checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: Hash,
    events: u64,
    checkpoints: Vec<Checkpoint>,
    /// Of these events each has a checkpoint.
    close: Range<u64>,
}

/// The hash after some event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// How many events had happened.
    pub events: u64,
    /// When that was.
    pub at: Instant,
    /// The hash then.
    pub hash: Hash,
    /// What the last of them was, besides its time: its kind, to whom, from whom and the how-manieth.
    pub tie: u64,
}

impl Trace {
    /// The next event begins.
    pub(crate) fn event(&mut self, key: Key) {
        self.events += 1;
        self.word(fold(key.at().as_nanos(), key.tie()));
        if self.events.is_multiple_of(STRIDE) || self.close.contains(&self.events) {
            let (events, hash) = (self.events, self.hash);
            self.checkpoints.push(Checkpoint { events, at: key.at(), hash, tie: key.tie() });
        }
    }

    pub(crate) fn look_closely(&mut self, events: Range<u64>) {
        self.close = events;
    }

    fn word(&mut self, word: u64) {
        let Hash(one, other) = self.hash;
        // The second half is another hash of the same, and cheaper: a step of xxHash64 (Collet, 2012).
        let step = other.wrapping_add(word.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)).rotate_left(31);
        self.hash = Hash(fold(one, word), step.wrapping_mul(0x9e37_79b1_85eb_ca87));
    }

    /// Bytes that the event brought about, and what else there is to say of them.
    pub(crate) fn bytes(&mut self, about: u64, bytes: &[u8]) {
        self.word(fold(about, digest(bytes)));
    }

    pub(crate) const fn hash(&self) -> Hash {
        self.hash
    }

    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }
}

/// A hash of bytes and their number. Four lanes of it are computed side by side, each by the folded multiplication of
/// wyhash (Wang Yi, 2019).
fn digest(bytes: &[u8]) -> u64 {
    let mut lanes = [(bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15); 4];
    let mut absorb = |block: &[u8; 64]| {
        let words = block.as_chunks().0;
        for (number, (lane, key)) in lanes.iter_mut().zip(KEYS).enumerate() {
            let [one, other] = [0, 1].map(|half| u64::from_le_bytes(words[2 * number + half]));
            *lane = multiply(one ^ key, other ^ *lane);
        }
    };
    let (blocks, rest) = bytes.as_chunks();
    blocks.iter().for_each(&mut absorb);
    if !rest.is_empty() {
        // Some count twice, rather than being copied.
        match bytes.last_chunk() {
            Some(last) => absorb(last),
            None => {
                let mut block = [0; 64];
                block[..rest.len()].copy_from_slice(rest);
                absorb(&block);
            }
        }
    }
    let [one, two, three, four] = lanes;
    fold(multiply(one ^ KEYS[0], two), multiply(three ^ KEYS[1], four))
}

/// Those of wyhash.
const KEYS: [u64; 4] =
    [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3];

/// Both halves of a product in one word.
const fn multiply(one: u64, other: u64) -> u64 {
    let product = one as u128 * other as u128;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_length_and_content_count() {
        let of = |parts: &[&[u8]]| {
            let mut trace = Trace::default();
            parts.iter().for_each(|part| trace.bytes(0, part));
            trace.hash()
        };
        assert_eq!(of(&[b"one", b"two"]), of(&[b"one", b"two"]));
        assert_ne!(of(&[b"one", b"two"]), of(&[b"two", b"one"]));
        assert_ne!(of(&[b"one", b"two"]), of(&[b"onetwo"]));
        assert_ne!(of(&[b"one"]), of(&[b"one\0"]));
    }

    #[test]
    fn every_bit_counts_wherever_it_is() {
        let of = |bytes: &[u8]| {
            let mut trace = Trace::default();
            trace.bytes(0, bytes);
            trace.hash()
        };
        for length in [1, 8, 31, 32, 33, 63, 64, 65, 127, 128, 200] {
            let mut bytes = vec![0; length];
            let mut seen = std::collections::BTreeSet::from([of(&bytes)]);
            for bit in 0..length * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(seen.insert(of(&bytes)), "bit {bit} of {length} bytes");
                bytes[bit / 8] = 0;
            }
        }
    }
}
