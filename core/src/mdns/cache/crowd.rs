//! Whom to keep where there are more than anybody needs.

use alloc::collections::BTreeSet;

/// Behind all digests.
const LAST: u64 = u64::MAX;

/// Those whose pointers are kept: where there are more than `most`, the ones with the lowest digests. Those are under a key
/// that nobody else has, so everybody keeps others, and nobody can be sure to be kept, however often it is named.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    kept: BTreeSet<(u64, u32)>,
}

impl Crowd {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, kept: BTreeSet::new() }
    }

    /// Whether there are more than are kept.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= self.most
    }

    /// Whether a newcomer with this digest is kept. Its slot is [added](Self::add) then.
    pub(super) fn admits(&self, digest: u64) -> bool {
        !self.is_full() || self.kept.last().is_some_and(|(worst, _)| digest < *worst)
    }

    /// A newcomer is kept. Answers whose pointer has to go for it.
    pub(super) fn add(&mut self, digest: u64, slot: u32) -> Option<u32> {
        self.kept.insert((digest, slot));
        if self.kept.len() > self.most { self.kept.pop_last().map(|(_, slot)| slot) } else { None }
    }

    /// A pointer is gone.
    pub(super) fn remove(&mut self, digest: u64, slot: u32) {
        self.kept.remove(&(digest, slot));
        self.kept.remove(&(LAST, slot));
    }

    /// Nobody answers there: whoever comes next takes the place, if there is none else. So names that were made up, however
    /// many, do not keep real ones out for long.
    pub(super) fn demote(&mut self, digest: u64, slot: u32) {
        if self.kept.remove(&(digest, slot)) {
            self.kept.insert((LAST, slot));
        }
    }
}
