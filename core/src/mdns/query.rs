//! Asking: who is there, again and again at growing intervals, and what is missing of whom (RFC 6762 section 5).

use alloc::vec::Vec;
use core::{ops::RangeInclusive, time::Duration};

use bytes::Bytes;

use super::{link::Link, respond::QUESTIONS_MAX, sender::Sender};
use crate::{
    config::MdnsSocket,
    dns::{CLASS_IN, Data, Flags, Kind, Message, Name, NameRef, Record, Section, Writer},
    rng::Rng,
    time::Instant,
};

/// The wait before the first question (RFC 6762 section 5.2).
pub(super) const FIRST_WAIT: RangeInclusive<Duration> =
    Duration::from_millis(20)..=Duration::from_millis(120);
/// From the first question to the second; the interval doubles from there on (RFC 6762 section 5.2).
pub(super) const SECOND_AFTER: Duration = Duration::from_secs(1);
/// The longest interval (RFC 6762 section 5.2).
pub(super) const INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Packets of known answers that one question brings along; whoever would come behind them answers once more.
const KNOWN_PACKETS_MAX: usize = 32;
/// Whoever has company enough leaves asking to so many on the link: everybody hears the answers.
const ASKING: u64 = 8;
/// Unicast answers are taken for this long after a question that allows them (RFC 6762 section 6).
const UNICAST_FOR: Duration = Duration::from_secs(2);

/// The question for everybody, repeated for ever.
#[derive(Debug)]
pub(super) struct Browse {
    /// When it is asked next.
    pub(super) at: Instant,
    /// The interval after that.
    interval: Duration,
    is_first: bool,
    /// A record must be asked for again, whoever else is known.
    is_refresh: bool,
    asked: Option<Instant>,
    /// Until when unicast answers are taken.
    unicast_until: Instant,
    /// The id of one-shot questions.
    id: u16,
}

impl Browse {
    pub(super) fn new(now: Instant, rng: &mut Rng) -> Self {
        Self {
            at: now + rng.duration(FIRST_WAIT),
            interval: SECOND_AFTER,
            is_first: true,
            is_refresh: false,
            asked: None,
            unicast_until: Instant::ORIGIN,
            id: u16::try_from(1 + rng.below(u64::from(u16::MAX))).unwrap_or(1),
        }
    }

    /// Begins the series again.
    pub(super) fn restart(&mut self, now: Instant, rng: &mut Rng) {
        *self =
            Self { asked: self.asked, unicast_until: self.unicast_until, id: self.id, ..Self::new(now, rng) };
        self.hold();
    }

    /// A record must be asked for again: soon, whatever the series says.
    pub(super) fn hasten(&mut self, now: Instant) {
        (self.at, self.is_refresh) = (self.at.min(now), true);
        self.hold();
    }

    /// Somebody else on the link asks for everybody: whether that counts as our next question, since it is near
    /// (RFC 6762 section 7.3).
    fn is_spared(&self, now: Instant) -> bool {
        self.at - now <= self.interval / 4
    }

    /// We have asked.
    fn on_turn(&mut self, now: Instant) {
        (self.is_first, self.is_refresh) = (false, false);
        self.asked = Some(now);
        self.at = now + self.interval;
        self.interval = (self.interval * 2).min(INTERVAL_MAX);
    }

    /// Others have asked for us. Next time it is their turn again, unless they are gone; those left must not ask as one.
    fn on_others_turn(&mut self, now: Instant, rng: &mut Rng) {
        let later = rng.duration(Duration::ZERO..=self.interval / 4);
        self.on_turn(now);
        self.at += later;
    }

    /// A question of any kind was sent that allows unicast answers, or not.
    pub(super) fn on_asked(&mut self, now: Instant, unicast: bool) {
        if unicast {
            self.unicast_until = now + UNICAST_FOR;
        }
    }

    /// Whether a unicast answer with this id answers something that we asked.
    pub(super) fn is_asked(&self, now: Instant, id: u16, socket: MdnsSocket) -> bool {
        now <= self.unicast_until && (socket != MdnsSocket::OneShot || id == self.id)
    }

    /// The id of a question through this socket (RFC 6762 section 18.1).
    fn id(&self, socket: MdnsSocket) -> u16 {
        if socket == MdnsSocket::OneShot { self.id } else { 0 }
    }

    /// Two questions are at least a second apart (RFC 6762 section 5.2).
    fn hold(&mut self) {
        if let Some(asked) = self.asked {
            self.at = self.at.max(asked + SECOND_AFTER);
        }
    }
}

/// How everybody is asked for.
#[derive(Clone, Copy)]
pub(super) struct Browsing<'a> {
    pub(super) service: &'a Name,
    /// Who need not answer.
    pub(super) is_known: &'a dyn Fn(&Name) -> bool,
    pub(super) socket: MdnsSocket,
}

impl Link {
    /// Asks for everybody if that is due and anybody is still wanted.
    pub(super) fn browse(
        &mut self,
        now: Instant,
        browsing: Browsing<'_>,
        rng: &mut Rng,
        sender: &mut Sender<'_>,
    ) {
        if self.browse.at > now {
            return;
        }
        if self.is_asking(rng) {
            let unicast = self.browse.is_first && browsing.socket == MdnsSocket::Exclusive;
            let is_one_shot = browsing.socket == MdnsSocket::OneShot;
            for bytes in self.browse_packets(now, browsing, unicast) {
                sender.query(self.transmit(self.group(), bytes));
            }
            self.browse.on_asked(now, unicast || is_one_shot);
        }
        self.cache.on_asked(now, rng);
        self.browse.on_turn(now);
    }

    /// Another one asks everybody to tell everybody. We need not ask as well, unless its known answers keep somebody
    /// silent whom we do not know; in company others tell us of those (RFC 6762 section 7.3).
    pub(super) fn on_browse_heard(
        &mut self,
        now: Instant,
        ours: Option<&Name>,
        query: &Message<'_>,
        rng: &mut Rng,
    ) {
        let is_known = |record: &Record<NameRef<'_>, &[u8]>| match record.data {
            Data::Ptr(instance) => self.cache.points(instance) || ours.is_some_and(|own| instance == *own),
            _ => true,
        };
        let knows_all = || !query.flags.is_truncated() && query.answers.iter().all(is_known);
        if self.browse.is_spared(now) && (self.has_company || self.cache.is_crowded() || knows_all()) {
            self.cache.on_asked(now, rng);
            self.browse.on_others_turn(now, rng);
        }
    }

    /// Whether anybody is still to be found by asking, and it is for us to ask: in company one of a few asks, and who knows
    /// more than it can ever need asks for nobody.
    fn is_asking(&self, rng: &mut Rng) -> bool {
        let others = self.cache.instances() as u64;
        match (self.has_company, self.cache.is_crowded()) {
            (true, true) => false,
            (true, false) => others < ASKING || rng.below(others + 1) < ASKING,
            (false, true) => self.browse.is_refresh,
            (false, false) => true,
        }
    }

    /// Asks for single records of others.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        questions: &[(Name, Kind)],
        socket: MdnsSocket,
        sender: &mut Sender<'_>,
    ) {
        if questions.is_empty() {
            return;
        }
        let new = || Writer::new(self.browse.id(socket), Flags::QUERY, self.limit());
        let (mut writer, mut packets, mut count) = (new(), Vec::new(), 0);
        for (name, kind) in questions {
            if count == QUESTIONS_MAX || !writer.question(name, *kind, false) {
                packets.push(core::mem::replace(&mut writer, new()).finish());
                writer.question(name, *kind, false);
                count = 0;
            }
            count += 1;
        }
        packets.push(writer.finish());
        for bytes in packets {
            sender.query(self.transmit(self.group(), bytes));
        }
        self.browse.on_asked(now, socket == MdnsSocket::OneShot);
    }

    /// The question and what we know already; what does not fit one packet follows in others without a question
    /// (RFC 6762 section 7.2).
    fn browse_packets(
        &self,
        now: Instant,
        Browsing { service, is_known, socket }: Browsing<'_>,
        unicast: bool,
    ) -> Vec<Bytes> {
        let new = || Writer::new(self.browse.id(socket), Flags::QUERY, self.limit());
        let mut writer = new();
        let mut packets = Vec::new();
        writer.question(service, Kind::PTR, unicast);
        // The resolvers whose way of asking this is know nothing of known answers.
        let known = self.cache.pointers().filter(|(instance, entry)| {
            socket != MdnsSocket::OneShot && entry.is_known(now) && is_known(instance)
        });
        for (_, entry) in known {
            let record = known_answer(service, &entry.data, entry.left(now));
            if !writer.record(Section::Answer, &record) {
                if packets.len() + 1 == KNOWN_PACKETS_MAX {
                    break;
                }
                writer.set(Flags::TRUNCATED);
                packets.push(core::mem::replace(&mut writer, new()).finish());
                writer.record(Section::Answer, &record);
            }
        }
        packets.push(writer.finish());
        packets
    }
}

fn known_answer(service: &Name, data: &Data, left: Duration) -> Record {
    let ttl = u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
    Record { name: service.clone(), class: CLASS_IN, flush: false, ttl, data: data.clone() }
}
