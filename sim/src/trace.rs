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
        self.word(key.at().as_nanos());
        self.word(key.tie());
        if self.events.is_multiple_of(STRIDE) || self.close.contains(&self.events) {
            let (events, hash) = (self.events, self.hash);
            self.checkpoints.push(Checkpoint { events, at: key.at(), hash, tie: key.tie() });
        }
    }

    pub(crate) fn look_closely(&mut self, events: Range<u64>) {
        self.close = events;
    }

    /// Something that the event brought about.
    pub(crate) fn word(&mut self, word: u64) {
        let Hash(one, other) = self.hash;
        self.hash = Hash(fold(one, word), fold(other ^ one, !word));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_length_and_content_count() {
        let of = |parts: &[&[u8]]| {
            let mut trace = Trace::default();
            parts.iter().for_each(|part| trace.bytes(part));
            trace.hash()
        };
        assert_eq!(of(&[b"one", b"two"]), of(&[b"one", b"two"]));
        assert_ne!(of(&[b"one", b"two"]), of(&[b"two", b"one"]));
        assert_ne!(of(&[b"one", b"two"]), of(&[b"onetwo"]));
        assert_ne!(of(&[b"one"]), of(&[b"one\0"]));
    }
}
