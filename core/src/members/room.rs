//! Room for one more where there is none: whoever went first makes it, or one of those whom the neighbour brought that has
//! brought most. Everybody can sign records for as many as it likes, and must not fill the table with them.

use alloc::collections::BTreeMap;

use super::{Member, Members, Timer, graph, graves};
use crate::{record::Tag, time::Instant};

impl Members {
    /// Makes room for `newcomer`, whom the neighbour `by` brings.
    pub(super) fn make_room(&mut self, now: Instant, by: Tag, newcomer: Tag) -> bool {
        if self.all.len() < self.cap {
            return true;
        }
        let gone = self.all.iter().filter_map(|(&tag, member)| Some((member.ended?, tag))).min();
        let Some(tag) = gone.map(|(_, tag)| tag).or_else(|| self.surplus(by, newcomer)) else { return false };
        let Some(member) = self.remove(&tag) else { return false };
        if member.ended.is_some() {
            graves::bury(&mut self.graves, now, tag, &member);
        } else {
            self.forgotten += 1;
            self.look(now, now + graph::PAUSE);
            self.displaced.push(member);
        }
        true
    }

    /// The newest of those whom the neighbour brought that has brought most, if that is not `by` itself. Whoever is in session
    /// with us stays, and comes in.
    fn surplus(&self, by: Tag, newcomer: Tag) -> Option<Tag> {
        let others = || self.all.iter().filter(|(tag, _)| !self.links.contains_key(tag));
        let mut brought: BTreeMap<Tag, usize> = BTreeMap::new();
        others().for_each(|(_, member)| *brought.entry(member.by).or_default() += 1);
        let own = brought.get(&by).copied().unwrap_or(0);
        let (&most_by, &most) = brought.iter().max_by_key(|&(_, &count)| count)?;
        if most <= own + 1 && !self.links.contains_key(&newcomer) {
            return None;
        }
        others()
            .filter(|(_, member)| member.by == most_by)
            .map(|(&tag, member)| (member.since, tag))
            .max()
            .map(|it| it.1)
    }

    fn remove(&mut self, tag: &Tag) -> Option<Member> {
        let member = self.all.remove(tag)?;
        self.timers.clear(Timer::Verdict(*tag));
        self.lost.remove(tag);
        for (accused, _) in &member.record.lost {
            self.accusations.remove(&(*accused, *tag));
        }
        self.digest = self.digest.wrapping_sub(member.counted);
        Some(member)
    }
}
