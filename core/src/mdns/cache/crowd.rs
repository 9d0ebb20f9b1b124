//! Whom to keep where there are more than anybody needs.

use alloc::collections::BTreeSet;

/// Why somebody is kept before others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    /// It is known where it is.
    Placed,
    /// It was only named.
    Named,
    /// Nobody answers there.
    Silent,
}

/// Those whose pointers are kept: where there are more than `most`, those with the best rank, and of equals the ones with the
/// lowest digests. Those are under a key that nobody else has, so everybody keeps others, and nobody can be sure to be kept,
/// however often it is named. And names that were made up, however many, do not keep real ones out for long: nobody says
/// where they are, or nobody answers there.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    kept: BTreeSet<(Rank, u64, u32)>,
}

impl Crowd {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, kept: BTreeSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there are as many as are kept.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= self.most
    }

    /// Whether a newcomer with this digest is kept. Its slot is [added](Self::add) then.
    pub(super) fn admits(&self, rank: Rank, digest: u64) -> bool {
        !self.is_full() || self.kept.last().is_some_and(|&(worst, last, _)| (rank, digest) < (worst, last))
    }

    /// A newcomer is kept. Answers whose pointer has to go for it.
    pub(super) fn add(&mut self, rank: Rank, digest: u64, slot: u32) -> Option<u32> {
        self.kept.insert((rank, digest, slot));
        if self.kept.len() > self.most { self.kept.pop_last().map(|(.., slot)| slot) } else { None }
    }

    /// A pointer is gone.
    pub(super) fn remove(&mut self, digest: u64, slot: u32) {
        for rank in [Rank::Placed, Rank::Named, Rank::Silent] {
            self.kept.remove(&(rank, digest, slot));
        }
    }

    /// It is known where somebody is who was only named until now.
    pub(super) fn place(&mut self, digest: u64, slot: u32) {
        if self.kept.remove(&(Rank::Named, digest, slot)) {
            self.kept.insert((Rank::Placed, digest, slot));
        }
    }

    /// Nobody answers where somebody is said to be.
    pub(super) fn demote(&mut self, digest: u64, slot: u32) {
        if self.kept.remove(&(Rank::Placed, digest, slot)) {
            self.kept.insert((Rank::Silent, digest, slot));
        }
    }
}
