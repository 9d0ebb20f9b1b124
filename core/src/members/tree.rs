//! By whom somebody who has just come becomes known at once: along the shortest chains of sessions from the one who calls
//! newcomers first (see [`Contacts::is_first_to_call`](crate::contacts::Contacts::is_first_to_call)), each of the others hearing
//! it from one. Everybody knows who is in session with whom, so all reckon the same tree; whoever is left out since somebody
//! does not, hears it a moment later as any other news.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::{Member, Members};
use crate::{contacts::place_in_order, record::Tag, session::LinkId, time::Instant};

/// Among more the other news are as quick: reckoning costs each of them a look at every session.
const SIZE_MAX: usize = 256;

impl Members {
    /// The neighbours to whom we pass the record of `newcomer` on at once.
    pub(super) fn branches(&self, now: Instant, newcomer: Tag) -> Vec<LinkId> {
        let Some(steps) = self.steps(now, newcomer) else { return Vec::new() };
        let is_ours = |tag: &Tag| {
            let above = |other: &Tag| {
                steps.get(other).zip(steps.get(tag)).is_some_and(|(at, below)| at + 1 == *below)
            };
            let named = self.all.get(tag).map_or(&[][..], Member::neighbours);
            let parents = named.iter().copied().filter(|other| *other != self.own).chain([self.own]);
            parents.filter(above).min_by_key(|parent| place_in_order(newcomer.0, parent.0)) == Some(self.own)
        };
        self.links
            .iter()
            .filter(|(tag, _)| **tag != newcomer && is_ours(tag))
            .map(|(_, link)| link.link)
            .collect()
    }

    /// How many sessions everybody is away from the one who calls `newcomer` first.
    fn steps(&self, now: Instant, newcomer: Tag) -> Option<BTreeMap<Tag, u32>> {
        let id = self.all.get(&newcomer).filter(|_| self.all.len() <= SIZE_MAX)?.record.key.short();
        // Not an earlier run of it that has not been missed yet.
        let others = self.here(now).map(|(&tag, other)| (other.record.key.short(), tag));
        let all = others.filter(|(other, _)| *other != id).chain([(self.own_id, self.own)]);
        let (_, first) = all.min_by_key(|(other, _)| place_in_order(id, *other))?;
        let mut steps = BTreeMap::from([(first, 0)]);
        let mut open = VecDeque::from([first]);
        while let Some(tag) = open.pop_front() {
            let next = steps.get(&tag).map_or(0, |at| at + 1);
            let named = self.all.get(&tag).map_or(&[][..], Member::neighbours);
            let ours = self.links.keys().filter(|_| tag == self.own);
            for &other in named.iter().chain(ours) {
                steps.entry(other).or_insert_with(|| {
                    open.push_back(other);
                    next
                });
            }
        }
        Some(steps)
    }
}
