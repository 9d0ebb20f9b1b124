//! Questions of others that nobody answers: whoever they ask for is not there (RFC 6762 section 10.5, "passive
//! observation of failures").
//!
//! Only of questions for one instance, whose answer is known to be expected. Of a question for all of them it would
//! take a look at every pointer and at the whole list of known answers to tell who failed to answer, with every
//! question that anybody asks.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use super::{
    link::{Link, LinkKey},
    respond::QUESTIONS_MAX,
};
use crate::{
    dns::{CLASS_IN, Kind, Message, Name, NameRef},
    time::Instant,
};

/// An answer to a question of others comes within this time, or is none (RFC 6762 section 10.5).
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Questions closer together than this are one: several neighbours miss somebody in the same moment. Apple counts so.
const APART: Duration = Duration::from_millis(750);
/// Instances watched at a time.
const WATCHED_MAX: usize = 64;

/// The instances that others ask for.
#[derive(Debug, Default)]
pub(super) struct Missed {
    watched: BTreeMap<(LinkKey, Name), Miss>,
}

#[derive(Clone, Copy, Debug)]
struct Miss {
    /// When the first question was heard.
    since: Instant,
    /// When the second was.
    again: Option<Instant>,
}

impl Miss {
    /// When it is decided.
    fn end(&self) -> Instant {
        self.again.unwrap_or(self.since) + ANSWER_WITHIN
    }
}

impl Missed {
    /// Somebody else asks on `link`. `is_believed`: whether an instance is thought to be where its records say.
    pub(super) fn on_query(
        &mut self,
        now: Instant,
        link: &Link,
        query: &Message<'_>,
        is_believed: impl Fn(NameRef<'_>) -> bool,
    ) {
        // Who has more to say, knows something already, or probes, need not be answered.
        if query.flags.is_truncated() || !query.answers.is_empty() || !query.authority.is_empty() {
            return;
        }
        for asked in query.questions.iter().take(QUESTIONS_MAX) {
            let is_for_one = [Kind::SRV, Kind::TXT, Kind::ANY].contains(&asked.kind);
            // The answer to whoever wants unicast may well pass us by.
            if is_for_one && asked.class == CLASS_IN && !asked.unicast && is_believed(asked.name) {
                self.on_asked(now, link, asked.name.to_name());
            }
        }
    }

    /// Tells who has left two questions unanswered. On the link where that was, they are not believed any more; who is
    /// named on no other is returned.
    pub(super) fn lost(&mut self, now: Instant, links: &mut BTreeMap<LinkKey, Link>) -> Vec<Name> {
        if self.next_wake().is_none_or(|end| end > now) {
            return Vec::new();
        }
        let all = core::mem::take(&mut self.watched).into_iter();
        let (over, watched): (BTreeMap<_, _>, _) = all.partition(|(_, miss)| miss.end() <= now);
        self.watched = watched;
        let mut lost = Vec::new();
        for ((key, instance), Miss { since, again }) in over {
            let Some(link) = links.get_mut(&key).filter(|_| again.is_some()) else { continue };
            if is_heard_since(link, &instance, since) {
                continue;
            }
            let places: Vec<_> =
                link.cache.of(&instance, Kind::SRV).map(|entry| entry.data.clone()).collect();
            places.iter().for_each(|place| link.cache.expire(now, &instance, place));
            let is_here =
                |(other, link): (&LinkKey, &Link)| *other != key && link.cache.points(instance.borrow());
            if !links.iter().any(is_here) {
                lost.push(instance);
            }
        }
        lost
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.watched.values().map(Miss::end).min()
    }

    fn on_asked(&mut self, now: Instant, link: &Link, instance: Name) {
        if !link.cache.points(instance.borrow()) {
            return;
        }
        let (key, has_room) = ((link.key, instance), self.watched.len() < WATCHED_MAX);
        match self.watched.get_mut(&key) {
            Some(miss) if is_heard_since(link, &key.1, miss.since) => {
                *miss = Miss { since: now, again: None }
            }
            Some(miss) if miss.again.is_none() && now - miss.since >= APART => miss.again = Some(now),
            None if has_room => {
                self.watched.insert(key, Miss { since: now, again: None });
            }
            _ => {}
        }
    }
}

/// Whether an instance has said anything of itself since then.
fn is_heard_since(link: &Link, instance: &Name, since: Instant) -> bool {
    let all = [Kind::PTR, Kind::SRV, Kind::TXT].into_iter().flat_map(|kind| link.cache.of(instance, kind));
    all.filter(|entry| !entry.is_dying()).any(|entry| entry.heard > since)
}
