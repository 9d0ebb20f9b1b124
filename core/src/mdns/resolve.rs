//! Asking for what is missing: where an instance is that was only named, and whether one that does not answer is still
//! where its records say (RFC 6762 section 10.4).
//!
//! Addresses are not kept fresh, since sessions know better; so whoever is not in session has to be asked for again.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use super::{
    link::{Link, LinkKey},
    query::{FIRST_WAIT, INTERVAL_MAX, SECOND_AFTER},
    sender::Sender,
    service::On,
};
use crate::{
    config::MdnsSocket,
    dns::{CLASS_IN, Data, Kind, Message, Name},
    rng::Rng,
    session::Pace,
    time::Instant,
};

/// Whoever does not answer so many questions is not there.
const ASKS: u32 = 4;
/// Instances of which only the name is known, and which are asked for, at a time.
const NAMED_MAX: usize = 64;
/// Instances in doubt at a time: half of a full office may be cut off.
const DOUBTED_MAX: usize = 256;
/// Names that come without the rest. Those of peers of any make come with it; a flood of made-up ones makes nobody ask more.
const NAMING: Pace = Pace { each: Duration::from_secs(1), burst: 64 };
/// Times that we ask, for all that is due then.
const ASKING: Pace = Pace { each: Duration::from_secs(1), burst: 16 };
/// What is asked for so much later is asked for together.
const TOGETHER: Duration = Duration::from_millis(50);
/// Whoever has been given up waits up to an eighth of the interval for others to be asked for together with: hundreds
/// who were never there are asked for in a few waves, not one by one.
const COMPANY: u32 = 8;

/// The instances that cannot be reached by what is known of them.
#[derive(Debug, Default)]
pub(super) struct Unresolved {
    /// Named, but nobody said where they are.
    named: BTreeMap<Name, Asking>,
    /// Nobody answers where they were said to be. They are asked for, less and less, as long as anybody names them.
    doubted: BTreeMap<Name, Asking>,
    /// When all names, and all times that we asked, are paid for.
    paid_names: Instant,
    paid: Instant,
}

impl Unresolved {
    /// An instance was named, but the rest is not known.
    pub(super) fn on_named(&mut self, now: Instant, instance: Name, rng: &mut Rng) {
        let is_new = !self.named.contains_key(&instance) && !self.doubted.contains_key(&instance);
        if is_new && self.named.len() < NAMED_MAX && NAMING.take(now, &mut self.paid_names) {
            self.named.insert(instance, Asking::new(now, rng));
        }
    }

    /// Nobody answers where this instance was said to be. False when there are too many already.
    pub(super) fn on_doubted(&mut self, now: Instant, instance: Name, rng: &mut Rng) -> bool {
        let has_room = self.doubted.len() < DOUBTED_MAX;
        let is_known = self.doubted.contains_key(&instance);
        if has_room && !is_known {
            self.doubted.insert(instance, Asking::new(now, rng));
        }
        has_room || is_known
    }

    /// These links say where an instance is. Whether that ends a doubt.
    pub(super) fn on_resolved(&mut self, instance: &Name, heard_on: &[On<'_>]) -> bool {
        self.named.remove(instance);
        let Some(doubt) = self.doubted.get(instance) else { return false };
        let is_answered = heard_on.iter().any(|on| is_heard_since(on.link, instance, doubt.since));
        is_answered && self.doubted.remove(instance).is_some()
    }

    /// Nobody names this instance any more.
    pub(super) fn forget(&mut self, instance: &Name) {
        self.named.remove(instance);
        self.doubted.remove(instance);
    }

    pub(super) fn has_doubts(&self) -> bool {
        !self.doubted.is_empty()
    }

    pub(super) fn is_doubted(&self, instance: &Name) -> bool {
        self.doubted.contains_key(instance)
    }

    /// Somebody else asks what we would ask soon (RFC 6762 section 7.3).
    pub(super) fn on_query(&mut self, now: Instant, query: &Message<'_>) {
        if self.doubted.is_empty() || !query.answers.is_empty() || !query.authority.is_empty() {
            return;
        }
        for asked in query.questions.iter().filter(|asked| asked.kind == Kind::ANY && !asked.unicast) {
            if asked.class == CLASS_IN
                && let Some(asking) = self.doubted.get_mut(&asked.name.to_name())
                && (asking.asked == 0 || asking.at - now <= asking.interval / 2)
            {
                asking.on_asked(now);
            }
        }
    }

    /// Asks for what it is time to ask for. Answers which instances in doubt are not there (RFC 6762 section 10.4).
    pub(super) fn ask(
        &mut self,
        now: Instant,
        service: &Name,
        links: &mut BTreeMap<LinkKey, Link>,
        socket: MdnsSocket,
        sender: &mut Sender<'_>,
    ) -> Vec<Name> {
        if self.next_wake().is_none_or(|at| at > now) {
            return Vec::new();
        }
        ASKING.take(now, &mut self.paid);
        let is_due = |asking: &Asking| asking.at <= now + TOGETHER;
        let is_over = |asking: &Asking| asking.asked >= ASKS && is_due(asking);
        let hopeless = self.named.iter().filter(|(_, asking)| is_over(asking));
        let hopeless: BTreeSet<Name> = hopeless.map(|(instance, _)| instance.clone()).collect();
        self.named.retain(|instance, _| !hopeless.contains(instance));
        let lost: Vec<Name> = {
            let lost = self.doubted.iter().filter(|(_, asking)| is_over(asking));
            lost.map(|(instance, _)| instance.clone()).collect()
        };
        for link in links.values_mut() {
            for instance in &hopeless {
                link.cache.expire(now, service, &Data::Ptr(instance.clone()));
            }
            for instance in &lost {
                let since = self.doubted.get(instance).map_or(now, |doubt| doubt.since);
                let old = link.cache.of(instance, Kind::SRV).filter(|entry| entry.heard <= since);
                let places: Vec<Data> = old.map(|entry| entry.data.clone()).collect();
                places.iter().for_each(|place| link.cache.expire(now, instance, place));
            }
        }
        for link in links.values_mut() {
            let is_here = |instance: &Name| link.cache.points(instance.borrow());
            let due = |all: &BTreeMap<Name, Asking>, questions: fn(&Link, &Name) -> Vec<(Name, Kind)>| {
                let due = all.iter().filter(|(instance, asking)| is_due(asking) && is_here(instance));
                due.flat_map(|(instance, _)| questions(link, instance)).collect::<Vec<_>>()
            };
            let questions = [due(&self.named, missing), due(&self.doubted, everything)].concat();
            link.ask(now, &questions, socket, sender);
        }
        let all = self.named.values_mut().chain(self.doubted.values_mut());
        all.filter(|asking| is_due(asking)).for_each(|asking| asking.on_asked(now));
        lost
    }

    /// When the last one is due of those who can be asked for together.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let all = || self.named.values().chain(self.doubted.values());
        let latest = all().map(Asking::latest).min()?;
        let at = all().map(|asking| asking.at).filter(|at| *at <= latest).max()?;
        Some(at.max(ASKING.next(self.paid)))
    }
}

/// Questions for one instance, each interval at least twice as long as the one before (RFC 6762 section 5.2).
#[derive(Clone, Copy, Debug)]
struct Asking {
    since: Instant,
    /// The earliest time of the next question.
    at: Instant,
    asked: u32,
    /// From the latest question to the next one.
    interval: Duration,
}

impl Asking {
    fn new(now: Instant, rng: &mut Rng) -> Self {
        let first = rng.duration(FIRST_WAIT);
        Self { since: now, at: now + first, asked: 0, interval: first }
    }

    fn on_asked(&mut self, now: Instant) {
        let due = SECOND_AFTER * (1 << self.asked.min(16));
        // Whoever waited for company waits twice as long as that took.
        let waited = self.interval + (now - self.at);
        self.asked = self.asked.saturating_add(1);
        self.interval = due.max(waited * 2).min(INTERVAL_MAX);
        self.at = now + self.interval;
    }

    /// Until when the next question may wait for company.
    fn latest(&self) -> Instant {
        self.at + if self.asked > ASKS { self.interval / COMPANY } else { Duration::ZERO }
    }
}

/// Whether a link has said since then where an instance is.
fn is_heard_since(link: &Link, instance: &Name, since: Instant) -> bool {
    let fresh = |name: &Name, kind| {
        link.cache.of(name, kind).filter(move |entry| entry.heard > since && !entry.is_dying())
    };
    fresh(instance, Kind::SRV).any(|entry| match &entry.data {
        Data::Srv { target, .. } => fresh(target, Kind::A).chain(fresh(target, Kind::AAAA)).next().is_some(),
        _ => false,
    })
}

/// What to ask on a link to be able to reach an instance.
fn missing(link: &Link, instance: &Name) -> Vec<(Name, Kind)> {
    let mut questions = Vec::new();
    if link.cache.of(instance, Kind::TXT).next().is_none() {
        questions.push((instance.clone(), Kind::TXT));
    }
    let hosts = hosts(link, instance);
    if hosts.is_empty() {
        questions.push((instance.clone(), Kind::SRV));
    }
    for host in hosts {
        if [Kind::A, Kind::AAAA].iter().all(|kind| link.cache.of(&host, *kind).next().is_none()) {
            questions.extend([(host.clone(), Kind::A), (host, Kind::AAAA)]);
        }
    }
    questions
}

/// What to ask on a link to hear anew of an instance.
fn everything(link: &Link, instance: &Name) -> Vec<(Name, Kind)> {
    let mut questions = Vec::from([(instance.clone(), Kind::ANY)]);
    questions.extend(hosts(link, instance).into_iter().map(|host| (host, Kind::ANY)));
    questions
}

/// Where a link says that an instance is.
fn hosts(link: &Link, instance: &Name) -> Vec<Name> {
    let places = link.cache.of(instance, Kind::SRV).filter_map(|entry| match &entry.data {
        Data::Srv { target, .. } => Some(target.clone()),
        _ => None,
    });
    places.collect()
}
