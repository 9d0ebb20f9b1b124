//! The records that are asked for, and because of whom: whoever makes up what it has leaves room for others.

use alloc::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    vec::Vec,
};
use core::time::Duration;

use crate::{record::Tag, session::LinkId};

/// For each so many that are asked for because of one neighbour its answers may take that much longer, up to so many times.
const ASKED_AT_ONCE: usize = 16;
const PATIENCE_MAX: u32 = 10;
/// Records of which one neighbour was the first to say that it has them, and that are asked for however many are asked for
/// because of others.
const SHARE_MIN: usize = 64;

/// All that are asked for.
#[derive(Debug, Default)]
pub(super) struct AskedFor {
    all: BTreeMap<Tag, Asked>,
    /// How many of them are because of whom.
    shares: BTreeMap<LinkId, usize>,
}

#[derive(Debug)]
pub(super) struct Asked {
    pub(super) version: u64,
    /// Who was the first to say that it has it.
    by: LinkId,
    /// Whom we ask, and whom we may ask then.
    pub(super) sources: VecDeque<LinkId>,
    /// How long we wait for it.
    pub(super) pause: Duration,
}

impl AskedFor {
    /// The record of `tag`, which is asked for already or is now; `None` when too many are because of `link`: whatever it
    /// says to have leaves half of the room to others.
    pub(super) fn ask(&mut self, tag: Tag, link: LinkId, cap: usize) -> Option<&mut Asked> {
        let free = cap.saturating_sub(self.all.len()).max(SHARE_MIN);
        match self.all.entry(tag) {
            Entry::Occupied(asked) => Some(asked.into_mut()),
            Entry::Vacant(place) => {
                let share = self.shares.entry(link).or_default();
                if *share >= free {
                    return None;
                }
                *share += 1;
                Some(place.insert(Asked {
                    version: 0,
                    by: link,
                    sources: VecDeque::new(),
                    pause: Duration::MAX,
                }))
            }
        }
    }

    /// It is asked for no more.
    pub(super) fn forget(&mut self, tag: &Tag) -> Option<Asked> {
        let asked = self.all.remove(tag)?;
        if let Some(share) = self.shares.get_mut(&asked.by) {
            *share -= 1;
            if *share == 0 {
                self.shares.remove(&asked.by);
            }
        }
        Some(asked)
    }

    /// How many times longer an answer over `link` may take behind the others that are asked for because of it: on a busy
    /// link asking others too would only make it busier.
    pub(super) fn patience(&self, link: LinkId) -> u32 {
        let asked = self.shares.get(&link).copied().unwrap_or(0);
        u32::try_from(1 + asked / ASKED_AT_ONCE).unwrap_or(u32::MAX).min(PATIENCE_MAX)
    }

    pub(super) fn of(&self, tag: &Tag) -> Option<&Asked> {
        self.all.get(tag)
    }

    pub(super) fn of_mut(&mut self, tag: &Tag) -> Option<&mut Asked> {
        self.all.get_mut(tag)
    }

    /// Those that may come over `link`.
    pub(super) fn of_source(&self, link: LinkId) -> Vec<Tag> {
        let asked = self.all.iter().filter(|(_, asked)| asked.sources.contains(&link));
        asked.map(|(&tag, _)| tag).collect()
    }
}
