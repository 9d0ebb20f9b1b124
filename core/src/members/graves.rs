//! Those who went long ago: they are forgotten, but for the version in which they ended. Whoever has kept one of their records
//! cannot bring them back with it; a run that lives after all says something newer as soon as it hears that it is thought lost.

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::{LOST_MAX, Member, Members, RETAIN, Timer};
use crate::{record::Tag, time::Instant};

/// So long it is known in which version a run has ended.
const KEPT_FOR: Duration = Duration::from_secs(86_400);
/// We go on saying so for as long after somebody has shown such a record: until those who took it in have forgotten it too.
const OBJECTING: Duration = Duration::from_secs(2 * RETAIN.as_secs());
/// Of those whom we say to have lost so many may be that: however many old records are shown, there is room for news.
const OBJECTIONS_MAX: usize = LOST_MAX / 2;

/// The runs that have ended, at most so many.
#[derive(Debug)]
pub(super) struct Graves {
    cap: usize,
    all: BTreeMap<Tag, Grave>,
}

#[derive(Debug)]
struct Grave {
    /// A record in this version, or an older one, shows nothing.
    version: u64,
    /// Which neighbour had brought it.
    by: Tag,
    since: Instant,
    /// When somebody has last shown such a record.
    shown: Option<Instant>,
}

impl Graves {
    pub(super) const fn new(cap: usize) -> Self {
        Self { cap, all: BTreeMap::new() }
    }

    /// Whether the run `tag` has ended in this version or a later one.
    pub(super) fn holds(&self, now: Instant, tag: &Tag, version: u64) -> bool {
        self.all.get(tag).is_some_and(|grave| version <= grave.version && now - grave.since < KEPT_FOR)
    }

    fn is_objected_to(&self, now: Instant, tag: &Tag) -> bool {
        let shown = self.all.get(tag).and_then(|grave| grave.shown);
        shown.is_some_and(|shown| now - shown < OBJECTING)
    }

    /// Where there is no room, the oldest of those goes that were brought by whoever has brought most: made-up runs that end
    /// push out each other.
    fn bury(&mut self, now: Instant, tag: Tag, version: u64, by: Tag) {
        if self.all.len() >= self.cap && !self.all.contains_key(&tag) {
            self.all.retain(|_, grave| now - grave.since < KEPT_FOR);
            let mut brought: BTreeMap<Tag, usize> = BTreeMap::new();
            self.all.values().for_each(|grave| *brought.entry(grave.by).or_default() += 1);
            let most = brought.into_iter().max_by_key(|&(_, count)| count).map(|(by, _)| by);
            let theirs = self.all.iter().filter(|(_, grave)| Some(grave.by) == most);
            let oldest = theirs.min_by_key(|(_, grave)| grave.since).map(|(&tag, _)| tag);
            if let (Some(oldest), true) = (oldest, self.all.len() >= self.cap) {
                self.all.remove(&oldest);
            }
        }
        self.all.insert(tag, Grave { version, by, since: now, shown: None });
    }
}

impl Members {
    /// Whether somebody new has been said to have ended: to be told to others.
    pub(crate) fn has_objected(&mut self) -> bool {
        core::mem::take(&mut self.has_objected)
    }

    /// Whether the run `tag` has ended in this version or a later one, as far as we know. Whoever shows it has kept it, or the
    /// run lives: we say that we have lost it, which it can answer and nobody else.
    pub(super) fn is_buried(&mut self, now: Instant, tag: Tag, version: u64) -> bool {
        if !self.graves.holds(now, &tag, version) {
            return false;
        }
        if let Some(grave) = self.graves.all.get_mut(&tag) {
            grave.shown = Some(now);
        }
        if self.lost.len() < OBJECTIONS_MAX && !self.lost.contains_key(&tag) {
            self.lost.insert(tag, version);
            self.has_objected = true;
            self.timers.set_by(Timer::Sweep, now + OBJECTING);
        }
        true
    }

    /// Forgets those who went long ago.
    pub(super) fn sweep(&mut self, now: Instant) {
        let is_over = |member: &Member| member.ended.is_some_and(|ended| now - ended >= RETAIN);
        let over = self.all.iter().filter(|(_, member)| is_over(member));
        over.for_each(|(&tag, member)| bury(&mut self.graves, now, tag, member));
        let before = self.all.len();
        self.all.retain(|_, member| !is_over(member));
        self.forgotten += (before - self.all.len()) as u64;
        self.lost.retain(|tag, _| self.all.contains_key(tag) || self.graves.is_objected_to(now, tag));
        self.accusations.retain(|(_, by), _| self.all.contains_key(by));
        if let Some(next) = self.all.values().filter_map(|member| member.ended).min() {
            self.timers.set(Timer::Sweep, next + RETAIN);
        }
        if self.lost.keys().any(|tag| !self.all.contains_key(tag)) {
            self.timers.set_by(Timer::Sweep, now + RETAIN);
        }
    }
}

/// Keeps in which version `member` has ended, if anybody has seen that. Whoever is only not reached any more lives behind a cut
/// cable, and has nothing new to say when that is mended.
pub(super) fn bury(graves: &mut Graves, now: Instant, tag: Tag, member: &Member) {
    let version = match member.accused {
        _ if member.record.gone => u64::MAX,
        Some((version, _)) => version.max(member.record.version),
        None if member.has_left => member.record.version,
        None => return,
    };
    graves.bury(now, tag, version, member.by);
}
