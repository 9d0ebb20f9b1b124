//! What becomes of one datagram on its way to one receiver, under the faults of the moment.

use std::{collections::BTreeMap, time::Duration};

use chat_core::Instant;

use super::{Flight, Lan, Lost};
use crate::{
    chance::{Chance, Domain, nanos},
    fault::{Class, Damage, Fault, Shape},
};

/// A set of hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostSet {
    words: Vec<u64>,
    /// Its members in order, for those shapes that ask who is beside whom.
    members: Vec<usize>,
}

impl HostSet {
    pub(crate) fn new(mut members: Vec<usize>) -> Self {
        members.sort_unstable();
        members.dedup();
        let mut words = vec![0; members.last().map_or(0, |last| last / 64 + 1)];
        members.iter().for_each(|host| words[host / 64] |= 1 << (host % 64));
        Self { words, members }
    }

    pub(crate) fn has(&self, host: usize) -> bool {
        self.words.get(host / 64).is_some_and(|word| word >> (host % 64) & 1 == 1)
    }

    pub(crate) fn members(&self) -> &[usize] {
        &self.members
    }
}

/// The faults that strike datagrams now.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    active: Vec<Active>,
}

#[derive(Debug)]
struct Active {
    /// Its number in the plan.
    number: usize,
    since: Instant,
    fault: Fault,
    struck: HostSet,
    /// For bursts: whose link is bad.
    bad: BTreeMap<usize, bool>,
}

/// What a receiver gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Nothing.
    Lost(Lost),
    /// The datagram.
    Comes {
        /// So much later than the link alone makes it.
        late: Duration,
        /// So many copies more.
        more: u8,
        damage: Option<Damage>,
    },
}

/// One receiver and what there is to know of its card.
#[derive(Clone, Copy)]
struct Receiver {
    host: usize,
    reported: Instant,
}

impl Conditions {
    pub(crate) fn begin(&mut self, now: Instant, number: usize, fault: Fault, struck: HostSet) {
        self.active.push(Active { number, since: now, fault, struck, bad: BTreeMap::new() });
    }

    pub(crate) fn end(&mut self, number: usize) {
        self.active.retain(|active| active.number != number);
    }

    /// A wire that a fault has slowed: bits a second and bytes of queue. Counts in `fired`.
    #[inline]
    pub(crate) fn limit(&self, host: usize, fired: &mut [u64]) -> Option<(u64, u64)> {
        self.active.iter().find_map(|active| match active.fault {
            Fault::Bandwidth { rate, queue } if active.struck.has(host) => {
                fired[active.number] += 1;
                Some((rate, queue))
            }
            _ => None,
        })
    }

    /// Whether the system refuses a host's datagram: at sending, or at receiving.
    #[inline]
    pub(crate) fn refuses(
        &self,
        chance: &Chance,
        host: usize,
        at_sending: bool,
        datagram: u64,
        fired: &mut [u64],
    ) -> bool {
        self.active.iter().any(|active| match active.fault {
            Fault::Refusal { send, receive } if active.struck.has(host) => {
                let share = if at_sending { send } else { receive };
                let about = [active.number as u64, host as u64, datagram, u64::from(at_sending)];
                let refused = chance.hits(share.ppm(), Domain::Fault, &about);
                fired[active.number] += u64::from(refused);
                refused
            }
            _ => false,
        })
    }

    /// What becomes of `flight` on its way to the card `to` of a host. Counts what bites in `fired`.
    #[inline]
    pub(crate) fn fate(
        &mut self,
        now: Instant,
        chance: &Chance,
        lan: &Lan,
        flight: &Flight,
        (host, card): (usize, usize),
        fired: &mut [u64],
    ) -> Fate {
        let plan = &lan.link(flight.link).plan;
        let loss = if flight.many { plan.multicast_loss } else { plan.loss };
        if chance.hits(loss.ppm(), Domain::Net, &[flight.id, host as u64]) {
            return Fate::Lost(Lost::Link);
        }
        if self.active.is_empty() {
            return Fate::Comes { late: Duration::ZERO, more: 0, damage: None };
        }
        let reported = lan.card(host, card).map_or(Instant::ORIGIN, |card| card.reported);
        self.bite(now, chance, flight, Receiver { host, reported }, fired)
    }

    fn bite(
        &mut self,
        now: Instant,
        chance: &Chance,
        flight: &Flight,
        to: Receiver,
        fired: &mut [u64],
    ) -> Fate {
        let (mut late, mut more, mut damage) = (Duration::ZERO, 0u8, None);
        for active in &mut self.active {
            match active.bite(now, chance, flight, to) {
                Bite::None => continue,
                Bite::Takes => {
                    fired[active.number] += 1;
                    return Fate::Lost(Lost::Fault);
                }
                Bite::Delays(span) => late += span,
                Bite::Repeats(copies) => more = more.saturating_add(copies),
                Bite::Damages(how) => damage = Some(how),
            }
            fired[active.number] += 1;
        }
        Fate::Comes { late, more, damage }
    }
}

/// What one fault does to one datagram on its way to one receiver.
enum Bite {
    None,
    Takes,
    Delays(Duration),
    Repeats(u8),
    Damages(Damage),
}

impl Active {
    fn bite(&mut self, now: Instant, chance: &Chance, flight: &Flight, to: Receiver) -> Bite {
        let (from_struck, to_struck) = (self.struck.has(flight.sender), self.struck.has(to.host));
        if !from_struck && !to_struck {
            return Bite::None;
        }
        let about = |what: u64| [self.number as u64, flight.id, to.host as u64, what];
        let hits = |share: crate::units::Share| chance.hits(share.ppm(), Domain::Fault, &about(0));
        let takes = |taken: bool| if taken { Bite::Takes } else { Bite::None };
        match &self.fault {
            Fault::Loss { share, class } => takes(class.has(flight.many) && hits(*share)),
            Fault::Burst { enter, leave, good, bad } => {
                let is_bad = self.bad.entry(to.host).or_default();
                let turn = if *is_bad { leave } else { enter };
                *is_bad ^= chance.hits(turn.ppm(), Domain::Fault, &about(1));
                takes(hits(if *is_bad { *bad } else { *good }))
            }
            Fault::Duplicate { share } if hits(*share) => Bite::Repeats(1),
            Fault::Reorder { share, by } if hits(*share) => {
                Bite::Delays(chance.span(&(Duration::ZERO..=by.0), Domain::Fault, &about(2)))
            }
            Fault::Delay { by, jitter } => {
                let jitter = chance.span(&(Duration::ZERO..=jitter.0), Domain::Fault, &about(2));
                Bite::Delays(by.0 + jitter)
            }
            Fault::Corrupt { share, how } if hits(*share) => Bite::Damages(*how),
            Fault::Partition { shape, class, flapping } => {
                let whole = flapping.is_some_and(|span| {
                    nanos(now - self.since).checked_div(nanos(span.0)).unwrap_or(0) % 2 == 1
                });
                takes(!whole && class.has(flight.many) && self.struck.parts(*shape, flight.sender, to.host))
            }
            Fault::Filter { class } => takes(class.has(flight.many) && flight.sender != to.host),
            // A broadcast is for no group.
            Fault::IgmpAgeing { after } => {
                takes(flight.to.ip().is_multicast() && to_struck && now - to.reported > after.0)
            }
            Fault::Storm { copies } if flight.many => Bite::Repeats(*copies),
            _ => Bite::None,
        }
    }
}

impl Class {
    const fn has(self, many: bool) -> bool {
        match self {
            Self::All => true,
            Self::Multicast => many,
            Self::Unicast => !many,
        }
    }
}

impl HostSet {
    /// Whether `to` does not hear `from`, when this set is one side of a partition.
    fn parts(&self, shape: Shape, from: usize, to: usize) -> bool {
        let sides = (self.has(from), self.has(to));
        match shape {
            Shape::Split => sides.0 != sides.1,
            Shape::OneWay => sides == (true, false),
            Shape::Apart => sides == (true, true) && from != to,
            Shape::Bridge => {
                let bridge = self.members.first().copied();
                sides.0 != sides.1 && bridge != Some(from) && bridge != Some(to)
            }
            Shape::Ring => match (self.members.binary_search(&from), self.members.binary_search(&to)) {
                (Ok(one), Ok(other)) => {
                    let apart = one.abs_diff(other);
                    apart > 1 && apart + 1 != self.members.len()
                }
                _ => false,
            },
        }
    }
}
