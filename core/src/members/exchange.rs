//! How records spread: a neighbour says which ones it has, and those that are missing are asked of it. Those of a newcomer
//! go to everybody without being asked for, along a [`tree`](super::tree), and everybody's to it.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::{Link, Member, Members, Taken, Timer, asked::AskedFor, is_here};
use crate::{
    frames::{ASK_MAX, Frame, KNOWN_MAX},
    record::Tag,
    rng::mixed,
    session::{LinkId, Pace},
    time::Instant,
};

/// A record that was asked for and has not come is asked of somebody else after this, then after twice as long each
/// time: of four within the time that the accused have for their answer, however slow the link of the first one is.
const ANSWER: Duration = Duration::from_millis(100);
/// The last of those who have it may take so long.
const ANSWER_LAST: Duration = Duration::from_secs(1);
/// What only says who has sessions with whom is told after this, together with what else comes in.
const COMPANY: Duration = Duration::from_millis(500);
/// Whoever has heard of something from others tells its own neighbours after this: most have heard it from the same ones.
pub(super) const RELAY: Duration = Duration::from_millis(10);
/// After a telling the next one waits so long for each record that was told, up to so many: when a crowd comes, most of
/// it is told together.
const TELLING: Duration = Duration::from_millis(20);
const TELLING_MAX: u32 = 5;
/// Records that a newcomer who knows nobody is sent at once; of more it is told, and asks each of one neighbour.
const WELCOME_MAX: usize = 64;
/// Others who have said to have a record, in case the first one does not send it.
const SOURCES_MAX: usize = 4;
/// A summary that differs in so many heartbeats in a row is no coincidence.
const DIFFERS: u32 = 2;
/// When telling everything has not removed a difference, the next time waits, twice as long each time.
const PAUSE_MIN: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_secs(600);
/// Records that one neighbour may ask for: all of them at first, then as many as there is news.
const SERVED: Pace = Pace { each: Duration::from_millis(4), burst: 8192 };

/// Newcomers that are passed on at once (a keynote's worth); of more it is only told.
const PUSHED: Pace = Pace { each: Duration::from_millis(20), burst: 64 };

/// Which records are asked for, and which are news to neighbours.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    asked: AskedFor,
    news: BTreeMap<Tag, News>,
    /// What goes out at once, and when all of it is paid for.
    pushed: Vec<(LinkId, Frame)>,
    paid: Instant,
    /// No news are told before this.
    next: Instant,
}

/// A record that has come in.
#[derive(Debug)]
struct News {
    /// Whom it need not be told.
    known: Vec<LinkId>,
    /// Whether the record itself is sent, and not only that we have it.
    is_sent: bool,
}

/// How what one neighbour knows compares with what we know.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Whether its sum has been compared when the session began.
    is_summed: bool,
    differed: u32,
    pause: Duration,
    again: Instant,
    /// When all records that it asked for, and that it sent, are paid for.
    served: Instant,
    heard: Instant,
}

impl Members {
    /// What all who are there add up to: one number for everybody's records, ours in the version `own` among them.
    /// Whoever wants to can make two sets add up alike; that only delays what the news bring anyway.
    pub(crate) fn digest(&self, own: u64) -> u64 {
        self.digest.wrapping_add(share(self.own, own))
    }

    /// A heartbeat of `link` told what its sender's members add up to. Answers what it is to be told.
    pub(crate) fn on_digest(&mut self, now: Instant, from: Tag, theirs: u64, own: u64) -> Vec<Frame> {
        let ours = self.digest(own);
        let Some(Link { comparison, .. }) = self.links.get_mut(&from) else { return Vec::new() };
        if ours == theirs {
            (comparison.differed, comparison.pause, comparison.again) = (0, Duration::ZERO, now);
            return Vec::new();
        }
        comparison.differed += 1;
        if comparison.differed < DIFFERS || now < comparison.again {
            return Vec::new();
        }
        comparison.pause = (comparison.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        comparison.again = now + comparison.pause;
        self.everybody(now, own)
    }

    /// At the beginning of a session its peer tells what its members add up to. Answers what it is to be told, once: who
    /// comes for a visit mostly knows it all, and whoever asks again waits for heartbeats.
    pub(crate) fn on_sum(&mut self, now: Instant, from: Tag, theirs: u64, own: u64) -> Vec<Frame> {
        let is_told = self
            .links
            .get_mut(&from)
            .is_none_or(|link| core::mem::replace(&mut link.comparison.is_summed, true));
        if is_told || self.digest(own) == theirs {
            return Vec::new();
        }
        let knows_nobody = self.all.get(&from).is_some_and(|it| theirs == share(from, it.record.version));
        if knows_nobody && self.all.len() <= WELCOME_MAX {
            self.welcome(now, from)
        } else {
            self.everybody(now, own)
        }
    }

    /// Everybody's record but its own and ours for somebody who has just come.
    fn welcome(&mut self, now: Instant, newcomer: Tag) -> Vec<Frame> {
        let others: Vec<Tag> = self.here(now).map(|(&tag, _)| tag).filter(|tag| *tag != newcomer).collect();
        self.on_ask(now, newcomer, &others, &Bytes::new())
    }

    pub(super) fn here(&self, now: Instant) -> impl Iterator<Item = (&Tag, &Member)> {
        self.all.iter().filter(move |(tag, _)| self.state(now, tag).is_some_and(is_here))
    }

    /// Says whose records we have of those who are there.
    fn everybody(&self, now: Instant, own: u64) -> Vec<Frame> {
        let marks = self.here(now).map(|(&tag, member)| (tag, member.record.version));
        let mut marks: Vec<_> = marks.chain([(self.own, own)]).collect();
        // In order, which makes reading them cheap.
        marks.sort_unstable();
        marks.chunks(KNOWN_MAX).map(|marks| Frame::Known(marks.to_vec())).collect()
    }

    /// The neighbour `from` has these records. Answers what it is asked for and told.
    pub(crate) fn on_known(&mut self, now: Instant, from: Tag, known: &[(Tag, u64)]) -> Vec<Frame> {
        let (mut newer, mut wanted, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        let Some(Link { link, .. }) = self.links.get(&from) else { return Vec::new() };
        let link = *link;
        // Long lists are in order, and so is what we have: it is gone through once, not searched for each.
        let mut in_order = self.all.iter().peekable();
        let is_long = known.len() > self.all.len() / 8 && known.is_sorted();
        for &(tag, version) in known.iter().filter(|(tag, _)| *tag != self.own) {
            let ours = if is_long {
                while in_order.next_if(|(other, _)| **other < tag).is_some() {}
                in_order.peek().filter(|(other, _)| **other == tag).map(|(_, member)| *member)
            } else {
                self.all.get(&tag)
            };
            match ours {
                Some(ours) if ours.record.version > version => newer.push((tag, ours.record.version)),
                Some(ours) if ours.record.version == version || ours.record.gone => {}
                None if self.graves.holds(now, &tag, version) => shown.push((tag, version)),
                _ => {
                    let patience = self.exchange.asked.patience(link);
                    let Some(asked) = self.exchange.asked.ask(tag, link, self.cap) else { continue };
                    asked.version = asked.version.max(version);
                    // What the accused answer is worth a second copy: whoever was asked first may keep it to itself.
                    if asked.sources.is_empty() || ours.is_some_and(|ours| ours.accused.is_some()) {
                        asked.pause = asked.pause.min(ANSWER * patience);
                    }
                    if asked.sources.is_empty() {
                        wanted.push(tag);
                        self.timers.set(Timer::Asked(tag), now + ANSWER_LAST * patience);
                    } else {
                        self.timers.set_by(Timer::Asked(tag), now + asked.pause);
                    }
                    if asked.sources.len() < SOURCES_MAX && !asked.sources.contains(&link) {
                        asked.sources.push_back(link);
                    }
                }
            }
        }
        shown.into_iter().for_each(|(tag, version)| _ = self.is_buried(now, tag, version));
        let newer = newer.chunks(KNOWN_MAX).map(|marks| Frame::Known(marks.to_vec()));
        newer.chain(wanted.chunks(ASK_MAX).map(|tags| Frame::Ask(tags.to_vec()))).collect()
    }

    /// The neighbour `from` asks for these records, as many of which are answered as it may ask for.
    pub(crate) fn on_ask(&mut self, now: Instant, from: Tag, tags: &[Tag], own: &Bytes) -> Vec<Frame> {
        let Some(Link { comparison, .. }) = self.links.get_mut(&from) else { return Vec::new() };
        let served = tags.iter().take_while(|_| SERVED.take(now, &mut comparison.served)).count();
        let record = |tag: &Tag| match self.all.get(tag) {
            Some(member) => Some(member.signed.clone()),
            None => (*tag == self.own).then(|| own.clone()),
        };
        tags.iter().take(served).filter_map(record).map(Frame::Record).collect()
    }

    /// Whether one more record of somebody else may come from the neighbour `from`: each costs a verification.
    pub(crate) fn may_hear(&mut self, now: Instant, from: Tag) -> bool {
        let link = self.links.get_mut(&from);
        link.is_some_and(|Link { comparison, .. }| SERVED.take(now, &mut comparison.heard))
    }

    /// As when too many newcomers have been passed on at once.
    #[cfg(test)]
    pub(super) fn push_nothing_before(&mut self, at: Instant) {
        self.exchange.paid = at + PUSHED.each * PUSHED.burst;
    }

    /// Whether the record of `tag` has been asked for.
    #[cfg(test)]
    pub(super) fn is_asked(&self, tag: &Tag) -> bool {
        self.exchange.asked.of(tag).is_some()
    }

    /// The record of `tag` has come over `link` once more: there it need not be told.
    pub(crate) fn on_shown(&mut self, tag: Tag, link: LinkId) {
        if let Some(news) = self.exchange.news.get_mut(&tag) {
            news.known.push(link);
        }
    }

    /// The record of `tag` has come over `link`, and is news to others unless they have said to have it. What is
    /// routine waits for company.
    pub(crate) fn spread(&mut self, now: Instant, tag: Tag, link: LinkId, taken: Taken) {
        let mut known = Vec::from([link]);
        let version = self.all.get(&tag).map_or(0, |member| member.record.version);
        if self.exchange.asked.of(&tag).is_some_and(|asked| asked.version > version) {
            // Others have a newer one.
            self.skip(now, tag, link);
        } else if let Some(asked) = self.exchange.asked.forget(&tag) {
            self.timers.clear(Timer::Asked(tag));
            known.extend(asked.sources);
        }
        if taken != Taken::Routine {
            self.renewed.insert(tag);
        }
        let is_first_hand = self.link_of(&tag) == Some(link);
        let is_sent = is_first_hand && taken == Taken::Newcomer;
        let is_pushed = taken == Taken::Newcomer
            && !is_first_hand
            && self.links.values().any(|other| !known.contains(&other.link));
        if is_pushed && PUSHED.take(now, &mut self.exchange.paid) {
            let mut branches = self.branches(now, tag);
            branches.retain(|link| !known.contains(link));
            let signed = self.all.get(&tag).map(|member| member.signed.clone());
            let frames = signed
                .iter()
                .flat_map(|signed| branches.iter().map(|&link| (link, Frame::Record(signed.clone()))));
            self.exchange.pushed.extend(frames);
            known.extend(branches);
        }
        self.exchange.news.insert(tag, News { known, is_sent });
        let is_gone = self.all.get(&tag).is_some_and(|member| member.record.gone);
        let wait = match taken {
            Taken::Routine => COMPANY,
            _ if is_first_hand || is_gone => Duration::ZERO,
            _ => RELAY,
        };
        self.timers.set_by(Timer::News, (now + wait).max(self.exchange.next));
    }

    /// What is news to which neighbour, when that is due.
    pub(crate) fn news(&mut self, now: Instant) -> Vec<(LinkId, Frame)> {
        let is_due = self.timers.get(Timer::News).is_some_and(|at| at <= now);
        let mut frames = core::mem::take(&mut self.exchange.pushed);
        if is_due {
            frames.extend(self.tell_news(now));
        }
        frames
    }

    pub(super) fn tell_news(&mut self, now: Instant) -> Vec<(LinkId, Frame)> {
        self.timers.clear(Timer::News);
        let news = core::mem::take(&mut self.exchange.news);
        let count = u32::try_from(news.len()).unwrap_or(TELLING_MAX).min(TELLING_MAX);
        self.exchange.next = now + TELLING * count;
        let mut frames = Vec::new();
        for Link { link, .. } in self.links.values() {
            let unknown = news.iter().filter(|(_, news)| !news.known.contains(link));
            let mut marks = Vec::new();
            for (tag, news) in unknown {
                match self.all.get(tag) {
                    Some(member) if news.is_sent => {
                        frames.push((*link, Frame::Record(member.signed.clone())));
                    }
                    Some(member) => marks.push((*tag, member.record.version)),
                    None => {}
                }
            }
            frames.extend(marks.chunks(KNOWN_MAX).map(|marks| (*link, Frame::Known(marks.to_vec()))));
        }
        frames
    }

    /// A record that was asked for has not come.
    pub(super) fn on_not_sent(&mut self, now: Instant, tag: Tag, out: &mut Vec<(LinkId, Frame)>) {
        let Some(asked) = self.exchange.asked.of_mut(&tag) else { return };
        asked.sources.pop_front();
        let Some(&next) = asked.sources.front() else {
            self.exchange.asked.forget(&tag);
            return;
        };
        let longest = ANSWER_LAST * self.exchange.asked.patience(next);
        let Some(asked) = self.exchange.asked.of_mut(&tag) else { return };
        asked.pause = (asked.pause * 2).min(longest);
        let wait = if asked.sources.len() > 1 { asked.pause } else { longest };
        self.timers.set(Timer::Asked(tag), now + wait);
        out.push((next, Frame::Ask(Vec::from([tag]))));
    }

    /// Whoever is asked over `link` will not answer.
    pub(super) fn on_silent(&mut self, now: Instant, link: LinkId) {
        let tags = self.exchange.asked.of_source(link);
        tags.into_iter().for_each(|tag| self.skip(now, tag, link));
    }

    /// The record of `tag` will not come over `link`: if it is being asked there, the next one is.
    fn skip(&mut self, now: Instant, tag: Tag, link: LinkId) {
        let Some(asked) = self.exchange.asked.of_mut(&tag) else { return };
        if asked.sources.front() == Some(&link) {
            // It is taken out then.
            self.timers.set(Timer::Asked(tag), now + Duration::from_nanos(1));
        } else {
            asked.sources.retain(|source| *source != link);
        }
    }
}

/// What one record adds to a summary.
pub(super) fn share(tag: Tag, version: u64) -> u64 {
    mixed(u64::from_be_bytes(tag.0) ^ mixed(version))
}
