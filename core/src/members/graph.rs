//! Who is reached over whom: chains of sessions that both ends name.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{GRACE, LINGER, Members, Timer};
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
                if member.unreached.take().is_some() {
                    changed.push(tag);
                }
                continue;
            }
            let due = if now - member.since < GRACE {
                member.since + GRACE
            } else {
                let since = *member.unreached.get_or_insert(now);
                if now - since >= LINGER {
                    changed.push(tag);
                    continue;
                }
                since + LINGER
            };
            next = Some(next.map_or(due, |next| next.min(due)));
        }
        changed.into_iter().for_each(|tag| self.touch(now, tag));
        next.into_iter().for_each(|at| self.look(now, at));
    }

    /// Everybody to whom a chain of sessions leads from here that does not lead over `without`.
    pub(super) fn reached(&self, without: Option<Tag>) -> BTreeSet<Tag> {
        let mut reached: BTreeSet<Tag> =
            self.links.keys().copied().filter(|tag| Some(*tag) != without).collect();
        let mut open: VecDeque<Tag> = reached.iter().copied().collect();
        while let Some(tag) = open.pop_front() {
            let Some(member) = self.all.get(&tag).filter(|member| !member.record.gone) else { continue };
            for &other in &member.record.neighbours {
                let is_mutual = || self.all.get(&other).is_some_and(|it| it.record.neighbours.contains(&tag));
                if Some(other) != without && !reached.contains(&other) && is_mutual() {
                    reached.insert(other);
                    open.push_back(other);
                }
            }
        }
        reached
    }
}
