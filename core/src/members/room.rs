//! Room for one more where there is none: whoever went first makes it, or one of those whom the neighbour brought that has
//! brought most. Everybody can sign records for as many as it likes, and must not fill the table with them, nor push those out
//! whom the person knows (`protocol-review` B22).

use alloc::collections::BTreeMap;

use super::{Member, Members, Timer, graph, graves};
use crate::{identity::PeerKey, record::Tag, time::Instant};

/// Of one identity that the person knows so many runs keep their place: they cost their owner nothing to make up.
const RUNS_MAX: usize = 4;

impl Members {
    /// Whether the person knows `key`.
    pub(crate) fn regard(&mut self, key: PeerKey, is_known: bool) {
        if is_known {
            self.regarded.insert(key);
        } else {
            self.regarded.remove(&key);
        }
    }

    /// Makes room for `newcomer`, whom the neighbour `by` brings.
    pub(super) fn make_room(&mut self, now: Instant, by: Tag, newcomer: (Tag, PeerKey)) -> bool {
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
    /// with us, or known to the person, stays, and comes in.
    fn surplus(&self, by: Tag, (newcomer, key): (Tag, PeerKey)) -> Option<Tag> {
        let mut runs: BTreeMap<PeerKey, usize> = BTreeMap::new();
        for member in self.all.values().filter(|member| self.regarded.contains(&member.record.key)) {
            *runs.entry(member.record.key).or_default() += 1;
        }
        let is_kept = |tag: &Tag, key: &PeerKey| {
            self.links.contains_key(tag) || runs.get(key).is_some_and(|&runs| runs <= RUNS_MAX)
        };
        let is_coming = self.links.contains_key(&newcomer)
            || self.regarded.contains(&key) && runs.get(&key).is_none_or(|&runs| runs < RUNS_MAX);
        let others = || self.all.iter().filter(|(tag, member)| !is_kept(tag, &member.record.key));
        let mut brought: BTreeMap<Tag, usize> = BTreeMap::new();
        others().for_each(|(_, member)| *brought.entry(member.by).or_default() += 1);
        let own = brought.get(&by).copied().unwrap_or(0);
        let (&most_by, &most) = brought.iter().max_by_key(|&(_, &count)| count)?;
        if most <= own + 1 && !is_coming {
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
