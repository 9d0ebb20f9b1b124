//! The least that delivering datagrams to a crowd can cost: what the simulator is measured against.
//!
//! An event queue, a copy of the bytes for each receiver, the decoder of the core over all of them, and one entry in a
//! table of peers that each receiver has for itself. No node, no faults, no trace; what a simulator does beyond that
//! is what makes it slower.

use std::{hint::black_box, time::Duration};

use bytes::Bytes;
use chat_core::{DnsCounts, Instant};

use crate::{
    chance::{Chance, Domain, fold},
    queue::{Container, Key, Queue},
};

/// A datagram of multicast DNS that one host sent to all, caught in a [`World`](crate::World).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Multicast {
    /// When its last bit was out.
    pub at: Instant,
    /// Which host sent it.
    pub sender: usize,
    /// What it says.
    pub bytes: Bytes,
}

/// Hosts that do next to nothing.
pub struct Floor {
    chance: Chance,
    queue: Queue<Lot>,
    tables: Vec<Table>,
    /// The copy that a receiver reads.
    buffer: Vec<u8>,
    /// Datagrams so far.
    count: u64,
}

/// What the floor has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// Copies delivered, each of them decoded.
    pub delivered: u64,
    /// Questions and records in them.
    pub items: u64,
    /// Whoever was new to a receiver.
    pub met: u64,
}

/// Some of the receivers of a datagram: those whose number is `class` modulo [`LOTS`].
struct Lot {
    bytes: Bytes,
    sender: usize,
    class: usize,
}

/// As many lots as the simulator makes, at most as far apart as on its `switch`.
const LOTS: usize = 16;
const LATENCY: std::ops::RangeInclusive<Duration> = Duration::from_micros(50)..=Duration::from_micros(200);

impl Floor {
    /// So many hosts who have not heard of each other.
    #[must_use]
    pub fn new(hosts: usize) -> Self {
        Self {
            chance: Chance::new(1),
            queue: Queue::new(Container::Wheel),
            tables: (0..hosts).map(|_| Table::new(hosts)).collect(),
            buffer: Vec::new(),
            count: 0,
        }
    }

    /// Delivers these, which are in order of time, to everybody.
    pub fn deliver(&mut self, sent: &[Multicast]) -> Work {
        let mut work = Work::default();
        for Multicast { at, sender, bytes } in sent {
            self.arrive(*at, &mut work);
            self.count += 1;
            for class in 0..LOTS {
                let delay = self.chance.span(&LATENCY, Domain::Net, &[self.count, class as u64]);
                let lot = Lot { bytes: bytes.clone(), sender: *sender, class };
                self.queue.push(Key::new(*at + delay, 0, class, *sender, self.count), lot);
            }
        }
        self.arrive(Instant::from_nanos(u64::MAX), &mut work);
        work
    }

    /// What is on its way arrives, up to `until`.
    fn arrive(&mut self, until: Instant, work: &mut Work) {
        while let Some((key, Lot { bytes, sender, class })) = self.queue.pop(until) {
            for table in self.tables.iter_mut().skip(class).step_by(LOTS) {
                self.buffer.clear();
                self.buffer.extend_from_slice(&bytes);
                let counts = DnsCounts::of(black_box(&self.buffer)).unwrap_or_default();
                work.delivered += 1;
                work.items += (counts.questions + counts.records()) as u64;
                work.met += u64::from(table.hear(fold(0, sender as u64 + 1), key.at()));
            }
        }
    }
}

/// A table of peers: open addressing, at most half full, 32 bytes a peer.
struct Table(Vec<Peer>);

#[derive(Clone, Copy, Default)]
struct Peer {
    /// 0 for nobody.
    key: u64,
    first: Instant,
    last: Instant,
    times: u64,
}

impl Table {
    fn new(peers: usize) -> Self {
        Self(vec![Peer::default(); (2 * peers).next_power_of_two()])
    }

    /// Somebody is heard. Whether for the first time.
    fn hear(&mut self, key: u64, now: Instant) -> bool {
        let mask = self.0.len() - 1;
        let mut at = key as usize & mask;
        while ![0, key].contains(&self.0[at].key) {
            at = (at + 1) & mask;
        }
        let peer = &mut self.0[at];
        let is_new = peer.key == 0;
        if is_new {
            (peer.key, peer.first) = (key, now);
        }
        (peer.last, peer.times) = (now, peer.times + 1);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::{
        World,
        plan::{Family, Host, Plan, SuiteChoice},
        profile,
        units::Span,
    };

    const PEERS: usize = 20;

    fn caught() -> Vec<Multicast> {
        let mut plan = Plan::empty("floor", 1);
        (plan.duration, plan.suite, plan.family) = (Span::from_secs(2), SuiteChoice::Cheap, Family::V4);
        plan.segments.extend(profile::named("switch"));
        plan.hosts = vec![Host { on: vec![0], starts: Span::default() }; PEERS];
        let mut world = World::new(Rc::new(plan), false).without_checks().without_calls();
        world.take_sent();
        world.run(Duration::from_secs(2));
        world.take_sent()
    }

    #[test]
    fn every_copy_is_decoded_whole_and_everybody_meets_everybody() {
        let sent = caught();
        // Three probes and two announcements each, and two questions, which one asks for all.
        assert!(sent.len() >= 5 * PEERS + 2, "{}", sent.len());
        let items = |sent: &Multicast| {
            let counts = DnsCounts::of(&sent.bytes).expect("a message of ours");
            assert_eq!(counts.bad, 0);
            (counts.questions + counts.records()) as u64
        };
        let each: u64 = sent.iter().map(items).sum();
        assert!(each > sent.len() as u64, "announcements have several records");
        let mut floor = Floor::new(PEERS);
        let (copies, peers) = ((sent.len() * PEERS) as u64, PEERS as u64);
        let work = floor.deliver(&sent);
        assert_eq!(work, Work { delivered: copies, items: each * peers, met: peers * peers });
        assert_eq!(floor.deliver(&sent), Work { met: 0, ..work }, "they know each other by now");
    }

    #[test]
    fn nobody_is_called_and_all_are_found() {
        let mut plan = Plan::empty("quiet", 1);
        (plan.duration, plan.suite) = (Span::from_secs(20), SuiteChoice::Cheap);
        plan.segments.extend(profile::named("switch"));
        plan.hosts = vec![Host { on: vec![0], starts: Span::default() }; 3];
        let plan = Rc::new(plan);
        let ran = |world: World| {
            let mut world = world;
            world.run(Duration::from_secs(15));
            let stats = world.stats(0).expect("it runs");
            (stats.session.dialled + stats.session.proven, world.outcome().figures.happened)
        };
        let (sessions, happened) = ran(World::new(Rc::clone(&plan), false).without_calls());
        assert!(sessions == 0 && happened.contains_key("peer-found"), "{sessions} {happened:?}");
        assert!(ran(World::new(plan, false)).0 > 0);
    }
}
