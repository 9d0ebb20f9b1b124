//! Answering questions about us (RFC 6762 sections 6 and 7).

use alloc::{collections::BTreeSet, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use bytes::Bytes;

use super::{
    PORT,
    answers::{DEFEND_AFTER, REPEAT_AFTER, Wait},
    budget::Budget,
    link::Link,
    ours::{Ours, Own, Unique},
    sender::Sender,
};
use crate::{
    dns::{CLASS_ANY, CLASS_IN, Flags, Message, Question, Record, Section, Writer},
    rng::Rng,
    time::Instant,
};

/// The shortest wait before an answer that others may give too, or one of several (RFC 6762 sections 6 and 6.3).
const SHARED_MIN: Duration = Duration::from_millis(20);
/// The window after that: wider by a millisecond for each who may answer, within the half second of RFC 6762 section 6.4: a thousand
/// answers in a tenth of a second are too many for radio, and for whoever asked.
const NARROW: Duration = Duration::from_millis(100);
const WIDE: Duration = Duration::from_millis(480);
/// The wait while more known answers are to come (RFC 6762 section 7.2).
const MORE_KNOWN_WAIT: RangeInclusive<Duration> = Duration::from_millis(400)..=Duration::from_millis(500);
/// The longest that a resolver of unicast DNS may keep our answer, in seconds (RFC 6762 section 6.7).
const LEGACY_TTL: u32 = 10;
/// Questions answered of one message, and asked in one.
pub(super) const QUESTIONS_MAX: usize = 32;

/// A message, and how it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) from: SocketAddr,
    pub(super) by_multicast: bool,
    pub(super) message: &'a Message<'a>,
}

impl Incoming<'_> {
    /// Whether it comes from a resolver of unicast DNS that cannot hear multicast (RFC 6762 section 6.7).
    const fn is_legacy(&self) -> bool {
        self.from.port() != PORT
    }

    /// Whether it proposes records of its own (RFC 6762 section 8.1).
    const fn is_probe(&self) -> bool {
        !self.message.authority.is_empty()
    }
}

impl Link {
    /// Plans the answer; [`Link::flush`] sends it when it is due, which may be at once.
    pub(super) fn on_query(
        &mut self,
        now: Instant,
        ours: &Ours,
        query: &Incoming<'_>,
        rng: &mut Rng,
        budget: &mut Budget,
        sender: &mut Sender<'_>,
    ) {
        let message = query.message;
        let mut known = self.known(ours, message);
        if message.questions.is_empty() {
            sender.stats.known_dropped += self.on_more_known(now, &known, query, rng);
            return;
        }
        sender.stats.questions_dropped += message.questions.len().saturating_sub(QUESTIONS_MAX) as u64;
        known.extend(self.answers.known_early(now, query.from.ip()));
        let mut wanted = BTreeSet::new();
        let mut direct = BTreeSet::new();
        for question in message.questions.iter().take(QUESTIONS_MAX) {
            if ![CLASS_IN, CLASS_ANY].contains(&question.class) {
                continue;
            }
            let asked = ours.asked(question, &self.site);
            for own in asked.into_iter().filter(|own| !known.contains(own)) {
                if query.is_legacy() {
                    direct.insert(own);
                    continue;
                }
                let is_direct = self.is_direct(query, question);
                // Others should hear it from time to time, and a rival's probe must not depend on whether the
                // unicast reaches the right one of those who share the port.
                if is_direct && (query.is_probe() || self.is_fresh(now, own)) {
                    direct.insert(own);
                }
                if !is_direct || !self.is_fresh(now, own) {
                    wanted.insert(own);
                }
            }
        }
        if query.is_legacy() {
            self.answer_legacy(now, ours, query, &direct, budget, sender);
            return;
        }
        let is_single =
            message.questions.len() == 1 && !wanted.iter().chain(&direct).any(|own| own.is_shared());
        let delay = if message.flags.is_truncated() {
            rng.duration(MORE_KNOWN_WAIT)
        } else if query.is_probe() || is_single {
            Duration::ZERO
        } else {
            rng.duration(self.shared_wait())
        };
        let gap = if query.is_probe() { DEFEND_AFTER } else { REPEAT_AFTER };
        // Known answers that are still to come could make it needless.
        let least = if message.flags.is_truncated() { delay } else { Duration::ZERO };
        let is_planned = direct.is_empty()
            || budget.take(now, query.from.ip()) && self.answers.unicast(now + delay, query.from, &direct);
        if !is_planned {
            // One packet to all instead of one to each.
            sender.stats.answers_shared += 1;
            wanted.append(&mut direct);
        }
        for own in wanted {
            self.answers.multicast(now, own, Wait { least, delay, gap }, query.from.ip());
        }
    }

    /// The wait before an answer that others may give too, or one of several (RFC 6762 sections 6 and 6.3).
    fn shared_wait(&self) -> RangeInclusive<Duration> {
        let others = u64::try_from(self.cache.population().max(self.known)).unwrap_or(u64::MAX);
        SHARED_MIN..=SHARED_MIN + Duration::from_millis(others).clamp(NARROW, WIDE)
    }

    /// Sends the answers that are due.
    pub(super) fn flush(&mut self, now: Instant, ours: &Ours, sender: &mut Sender<'_>) {
        while let Some(direct) = self.answers.due_direct(now) {
            let answers: Vec<_> = direct.answers.into_iter().collect();
            let along = self.companions(ours, &answers);
            let render = |own| ours.record(own, &self.site);
            for bytes in compose(Flags::RESPONSE, self.limit(), &answers, &along, render).0 {
                sender.response(self.transmit(direct.to, bytes));
            }
        }
        let answers = self.answers.due(now);
        if !answers.is_empty() {
            let mut along = self.companions(ours, &answers);
            along.retain(|own| !self.answers.is_sent_within(now, *own, REPEAT_AFTER));
            multicast(self, now, ours, &answers, &along, sender);
        }
    }

    /// Somebody else says what we say: then we need not, or must, if they do not mean it for long
    /// (RFC 6762 sections 6.6 and 7.4).
    pub(super) fn on_same(&mut self, now: Instant, own: Own, ttl: u32, from: IpAddr) {
        if ttl >= own.ttl() {
            self.answers.on_duplicate(now, own);
        } else if is_below_half(ttl, own) && own != Own::Enumeration {
            self.answers.multicast(now, own, Wait::FOR_REPEAT, from);
        }
    }

    /// What we said of our addresses on another link has come here and, by its flush bit, replaces those that we said
    /// here: then they are said again (RFC 6762 section 14).
    pub(super) fn on_elsewhere(&mut self, now: Instant, ours: &Ours, from: IpAddr) {
        for own in ours.of(Unique::Host, &self.site) {
            if !self.answers.is_sent_within(now, own, REPEAT_AFTER) {
                self.answers.multicast(now, own, Wait::FOR_REPEAT, from);
            }
        }
    }

    /// More known answers to an earlier query. They speak for the asker only (RFC 6762 sections 7.1 and 7.2). Answers
    /// of how many there are too many.
    fn on_more_known(
        &mut self,
        now: Instant,
        known: &BTreeSet<Own>,
        query: &Incoming<'_>,
        rng: &mut Rng,
    ) -> u64 {
        let asker = query.from.ip();
        let dropped = known.iter().map(|own| self.answers.on_known(now, *own, asker)).sum();
        if query.message.flags.is_truncated() {
            self.answers.postpone(now, asker, rng.duration(MORE_KNOWN_WAIT));
        }
        dropped
    }

    /// Which of our records the asker knows, and for at least half of their time (RFC 6762 section 7.1).
    fn known(&self, ours: &Ours, message: &Message<'_>) -> BTreeSet<Own> {
        let known = message.answers.iter().filter_map(|known| {
            let own = ours.same(known, &self.site).or_else(|| ours.same_types(known, &self.site))?;
            (!is_below_half(known.ttl, own)).then_some(own)
        });
        known.collect()
    }

    /// Whether this question may be answered by unicast. An asker that seems to be elsewhere, but was heard by
    /// multicast, is answered by multicast (RFC 6762 section 11).
    fn is_direct(&self, query: &Incoming<'_>, question: &Question<'_>) -> bool {
        !query.by_multicast || question.unicast && self.site.has_neighbour(query.from.ip())
    }

    /// Whether a record was multicast within the last quarter of its time (RFC 6762 section 5.4).
    fn is_fresh(&self, now: Instant, own: Own) -> bool {
        self.answers.is_sent_within(now, own, Duration::from_secs(own.ttl().into()) / 4)
    }

    fn companions(&self, ours: &Ours, answers: &[Own]) -> Vec<Own> {
        let along: BTreeSet<_> = answers.iter().flat_map(|own| ours.companions(*own, &self.site)).collect();
        along.into_iter().filter(|own| !answers.contains(own)).collect()
    }

    fn answer_legacy(
        &mut self,
        now: Instant,
        ours: &Ours,
        query: &Incoming<'_>,
        answers: &BTreeSet<Own>,
        budget: &mut Budget,
        sender: &mut Sender<'_>,
    ) {
        if answers.is_empty() {
            return;
        }
        if !(self.site.has_neighbour(query.from.ip()) && budget.take(now, query.from.ip())) {
            sender.stats.answers_dropped += 1;
            return;
        }
        let answers: Vec<_> = answers.iter().copied().collect();
        let mut writer = Writer::new(query.message.id, Flags::RESPONSE, self.limit()).with_plain_srv();
        for asked in query.message.questions.iter().take(QUESTIONS_MAX) {
            writer.question(&asked.name.to_name(), asked.kind, false);
        }
        let along = self.companions(ours, &answers);
        let sections = [(Section::Answer, &answers), (Section::Additional, &along)];
        for (section, own) in
            sections.into_iter().flat_map(|(section, all)| all.iter().map(move |own| (section, own)))
        {
            let record = ours.record(*own, &self.site);
            let ttl = record.ttl.min(LEGACY_TTL);
            writer.record(section, &Record { ttl, flush: false, ..record });
        }
        sender.response(self.transmit(query.from, writer.finish()));
    }
}

/// Multicasts our records on a link.
pub(super) fn multicast(
    link: &mut Link,
    now: Instant,
    ours: &Ours,
    answers: &[Own],
    along: &[Own],
    sender: &mut Sender<'_>,
) {
    let render = |own| ours.record(own, &link.site);
    let (packets, along) = compose(Flags::RESPONSE, link.limit(), answers, along, render);
    for bytes in packets {
        sender.response(link.transmit(link.group(), bytes));
    }
    link.answers.on_sent(now, answers);
    link.answers.on_sent(now, &along);
}

/// Packets that hold all of `answers`, and what of `along` fits the last of them.
pub(super) fn compose(
    flags: Flags,
    limit: usize,
    answers: &[Own],
    along: &[Own],
    render: impl Fn(Own) -> Record,
) -> (Vec<Bytes>, Vec<Own>) {
    let mut packets = Vec::new();
    let mut writer = Writer::new(0, flags, limit);
    for &own in answers {
        let record = render(own);
        if !writer.record(Section::Answer, &record) {
            let full = core::mem::replace(&mut writer, Writer::new(0, flags, limit));
            packets.push(full.finish());
            writer.record(Section::Answer, &record);
        }
    }
    let along =
        along.iter().copied().filter(|&own| writer.record(Section::Additional, &render(own))).collect();
    if !writer.is_empty() {
        packets.push(writer.finish());
    }
    (packets, along)
}

/// Whether `ttl` is less than half of what we give this record.
const fn is_below_half(ttl: u32, own: Own) -> bool {
    ttl < own.ttl().div_ceil(2)
}
