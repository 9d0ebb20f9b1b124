//! Who is reached over whom: chains of sessions that both ends name. They lead to whoever has ended, as we have noticed, and
//! not over it: its neighbours may name it for some time yet.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{GRACE, LINGER, Member, Members, Timer};
use crate::{record::Tag, time::Instant};

/// What has changed is looked at after this, together with what changes meanwhile.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

impl Members {
    /// Looks at the graph again, by `at` at the latest.
    pub(super) fn look(&mut self, now: Instant, at: Instant) {
        self.timers.set_by(Timer::Graph, at.max(now + Duration::from_nanos(1)));
    }

    pub(super) fn on_graph_due(&mut self, now: Instant) {
        let reached = self.reached(None);
        let (mut changed, mut next) = (Vec::new(), None::<Instant>);
        for (&tag, member) in &mut self.all {
            if reached.contains(&tag) || member.record.gone {
                if member.missed_at.take().is_some() {
                    changed.push(tag);
                }
                continue;
            }
            let at = *member.missed_at.get_or_insert((now + LINGER).max(member.since + GRACE));
            if at > now {
                next = Some(next.map_or(at, |next| next.min(at)));
            } else {
                changed.push(tag);
            }
        }
        self.is_anybody_unreached = self.all.values().any(|member| member.missed_at.is_some());
        changed.into_iter().for_each(|tag| self.touch(now, tag));
        next.into_iter().for_each(|at| self.look(now, at));
    }

    /// Whether a chain of sessions that both ends name leads to `tag` from somebody we have a session with. Where there are
    /// many, a few steps answer that.
    pub(super) fn is_reached(&self, tag: Tag) -> bool {
        let mut seen = BTreeSet::from([tag]);
        let mut open = VecDeque::from([tag]);
        while let Some(tag) = open.pop_front() {
            for other in self.all.get(&tag).map_or(&[][..], Member::neighbours) {
                let names_it = |member: &Member| member.neighbours().contains(&tag);
                if !seen.contains(other) && self.all.get(other).is_some_and(names_it) {
                    if self.links.get(other).is_some_and(|link| !link.is_relayed) {
                        return true;
                    }
                    seen.insert(*other);
                    if self.all.get(other).is_some_and(|member| member.ended.is_none()) {
                        open.push_back(*other);
                    }
                }
            }
        }
        false
    }

    /// Everybody to whom a chain of sessions leads from here that does not lead over `without`.
    pub(super) fn reached(&self, without: Option<Tag>) -> BTreeSet<Tag> {
        // Looking names up is most of the work: they are in order, so that place in a list will do.
        let all: Vec<(&Tag, &[Tag])> =
            self.all.iter().map(|(tag, member)| (tag, member.neighbours())).collect();
        let place = |tag: &Tag| all.binary_search_by_key(&tag, |(other, _)| other).ok();
        let mut is_seen: Vec<bool> = all.iter().map(|(tag, _)| Some(**tag) == without).collect();
        let direct = self.links.iter().filter(|(_, link)| !link.is_relayed).map(|(&tag, _)| tag);
        let mut reached: BTreeSet<Tag> = direct.filter(|tag| Some(*tag) != without).collect();
        let mut open: Vec<usize> = reached.iter().filter_map(place).collect();
        open.iter().for_each(|&place| is_seen.iter_mut().skip(place).take(1).for_each(|seen| *seen = true));
        while let Some((tag, neighbours)) = open.pop().and_then(|place| all.get(place)) {
            for other in neighbours.iter().filter_map(place) {
                let (Some(seen), Some((name, theirs))) = (is_seen.get_mut(other), all.get(other)) else {
                    continue;
                };
                if !*seen && theirs.contains(tag) {
                    *seen = true;
                    reached.insert(**name);
                    if self.all.get(*name).is_some_and(|member| member.ended.is_none()) {
                        open.push(other);
                    }
                }
            }
        }
        reached
    }
}
