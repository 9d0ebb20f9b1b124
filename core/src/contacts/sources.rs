//! A set of sources, in one byte: there is one for each address of each peer.

use crate::event::Source;

/// Those who name an address.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sources(u8);

const ALL: [Source; 6] =
    [Source::Mdns, Source::Broadcast, Source::Manual, Source::Remembered, Source::Exchange, Source::Outside];

impl Sources {
    pub(super) const fn of(source: Source) -> Self {
        Self(1 << source as u8)
    }

    pub(super) const fn insert(&mut self, source: Source) {
        self.0 |= Self::of(source).0;
    }

    pub(super) const fn remove(&mut self, source: Source) {
        self.0 &= !Self::of(source).0;
    }

    pub(super) const fn contains(self, source: Source) -> bool {
        self.0 & Self::of(source).0 != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Source> {
        ALL.into_iter().filter(move |source| self.contains(*source))
    }
}

impl core::fmt::Debug for Sources {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_in_it_or_not_by_itself() {
        for (number, source) in ALL.into_iter().enumerate() {
            let mut all = Sources::default();
            ALL.into_iter().for_each(|other| all.insert(other));
            all.remove(source);
            assert!(!all.contains(source) && all.iter().count() == ALL.len() - 1, "{source:?}");
            all.insert(source);
            assert!(all.iter().eq(ALL));
            assert_eq!(Sources::of(source), Sources(1 << number), "no two share a bit");
            assert!(Sources::of(source).contains(source) && !Sources::of(source).is_empty());
        }
    }
}
