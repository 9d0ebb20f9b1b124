//! Entries that come in by hand, as from a file: what is handed in, and what became of it.

use alloc::vec::Vec;

use bytes::Bytes;

/// Entries as they were signed, of any rooms and in any order; what they are is found out when they are taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bundle(Vec<Bytes>);

impl Bundle {
    /// Entries in one bundle.
    pub const ENTRIES_MAX: usize = 64;
    /// Bytes of all of them together: more than that many entries have at their largest.
    pub const BYTES_MAX: usize = 1 << 20;

    /// A bundle of these entries.
    ///
    /// # Errors
    /// When they are too many, or too large together.
    pub fn new(entries: Vec<Bytes>) -> Result<Self, BundleError> {
        if entries.len() > Self::ENTRIES_MAX {
            return Err(BundleError::TooMany);
        }
        let bytes = entries.iter().fold(0usize, |sum, entry| sum.saturating_add(entry.len()));
        if bytes > Self::BYTES_MAX { Err(BundleError::TooLarge) } else { Ok(Self(entries)) }
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[Bytes] {
        &self.0
    }

    /// The same, to keep.
    #[must_use]
    pub fn into_entries(self) -> Vec<Bytes> {
        self.0
    }
}

/// Why entries are no bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BundleError {
    /// There are more than [`Bundle::ENTRIES_MAX`].
    #[error("more than {} entries", Bundle::ENTRIES_MAX)]
    TooMany,
    /// They have more than [`Bundle::BYTES_MAX`] bytes.
    #[error("more than {} bytes", Bundle::BYTES_MAX)]
    TooLarge,
}

/// What became of entries that were handed in; each is counted once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Intake {
    /// They are part of the history now.
    pub new: u64,
    /// They were before.
    pub known: u64,
    /// They are of rooms that we have never been in, and of conversations of others.
    pub elsewhere: u64,
    /// They are older than what is kept of their room.
    pub old: u64,
    /// They cannot be read, are not what their authors wrote, have absurd stamps, or are too many for their day.
    pub refused: u64,
}

impl Intake {
    /// How many there were.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let Self { new, known, elsewhere, old, refused } = self;
        new.saturating_add(*known).saturating_add(*elsewhere).saturating_add(*old).saturating_add(*refused)
    }

    /// Counts those of `other`, too.
    pub const fn add(&mut self, other: Self) {
        let Self { new, known, elsewhere, old, refused } = other;
        self.new = self.new.saturating_add(new);
        self.known = self.known.saturating_add(known);
        self.elsewhere = self.elsewhere.saturating_add(elsewhere);
        self.old = self.old.saturating_add(old);
        self.refused = self.refused.saturating_add(refused);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_bundle_has_its_limits() {
        let entries = |count, size| Bundle::new(vec![Bytes::from(vec![0; size]); count]);
        assert_eq!(entries(65, 0), Err(BundleError::TooMany));
        assert_eq!(entries(64, 16_384).map(|bundle| bundle.into_entries().len()), Ok(64));
        assert_eq!(entries(64, 16_385), Err(BundleError::TooLarge));
        assert_eq!(entries(1, (1 << 20) + 1), Err(BundleError::TooLarge));
    }
}
