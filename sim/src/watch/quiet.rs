//! How polite discovery is: what all together put on the link, and what the busiest does.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use chat_core::{Event, Instant, PeerState, Via};

use super::Fact;
use crate::{expect::Polite, lan::is_for_many};

/// A limit of packets a second holds for so long.
const WINDOW: Duration = Duration::from_secs(5);

/// What was seen of discovery, where something is expected of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Quiet {
    /// The fewest candidates that any host has at the time by which it should have some, and which host that is.
    pub fewest: Option<(usize, usize)>,
    /// How long it went on from then.
    pub span: Duration,
    /// What all hosts sent in that time by multicast or broadcast: packets ...
    pub packets: u64,
    /// ... and bytes.
    pub bytes: u64,
    /// The most of them that one host sent, and which.
    pub busiest: (u64, usize),
    /// The most packets of any kind that a host sent within five seconds, and which.
    pub burst: (usize, usize),
}

/// Counts as the run goes.
pub(super) struct Counter {
    wanted: Polite,
    hosts: Vec<Host>,
    quiet: Quiet,
}

#[derive(Clone, Default)]
struct Host {
    found: BTreeSet<[u8; 8]>,
    recent: VecDeque<Instant>,
    late: u64,
}

impl Counter {
    pub(super) fn new(wanted: Polite, hosts: usize) -> Self {
        Self { wanted, hosts: vec![Host::default(); hosts], quiet: Quiet::default() }
    }

    pub(super) fn see(&mut self, now: Instant, fact: &Fact<'_>) {
        let due = Instant::ORIGIN + self.wanted.within.0;
        if now > due && self.quiet.fewest.is_none() {
            let all = self.hosts.iter().enumerate();
            self.quiet.fewest = all.map(|(host, of)| (of.found.len(), host)).min();
        }
        match fact {
            Fact::Sent { host, transmit, .. } if transmit.via != Via::Chat => {
                let of = &mut self.hosts[*host];
                of.recent.push_back(now);
                while of.recent.front().is_some_and(|first| now - *first >= WINDOW) {
                    of.recent.pop_front();
                }
                self.quiet.burst = self.quiet.burst.max((of.recent.len(), *host));
                if now > due && is_for_many(transmit.to.ip()) {
                    of.late += 1;
                    self.quiet.busiest = self.quiet.busiest.max((of.late, *host));
                    self.quiet.packets += 1;
                    self.quiet.bytes += transmit.bytes.len() as u64;
                }
            }
            Fact::Told { host, event: Event::Peer(change) } => {
                let Some(id) = change.id else { return };
                match change.state {
                    PeerState::Found | PeerState::Online => self.hosts[*host].found.insert(id),
                    _ => self.hosts[*host].found.remove(&id),
                };
            }
            _ => {}
        }
    }

    /// What came of it by `now`.
    pub(super) fn quiet(&self, now: Instant) -> Quiet {
        Quiet { span: now - (Instant::ORIGIN + self.wanted.within.0), ..self.quiet.clone() }
    }
}

impl Polite {
    /// What was not as expected.
    pub(crate) fn unmet(&self, quiet: &Quiet) -> Option<String> {
        let within = self.within;
        let window = WINDOW.as_secs();
        let seconds = quiet.span.as_secs_f64().max(1e-9);
        let (packets, bytes) = (quiet.packets as f64 / seconds, quiet.bytes as f64 / seconds);
        let busiest = quiet.busiest.0 as f64 / seconds;
        match quiet.fewest {
            Some((has, host)) if has < self.candidates => {
                return Some(format!(
                    "after {within} host {host} has found {has} and not {}",
                    self.candidates
                ));
            }
            None => return Some(format!("it ended before the {within} of its expectation")),
            Some(_) => {}
        }
        let (burst, host) = quiet.burst;
        if burst as u64 > self.each * window {
            return Some(format!(
                "host {host} sent {burst} packets in {window} s, {} a second are allowed",
                self.each
            ));
        }
        let over = |what: &str, have: f64, limit: Option<u64>| {
            let limit = limit.filter(|limit| have > *limit as f64)?;
            Some(format!("after {within} {what} a second: {have:.2}, and {limit} are allowed"))
        };
        over("packets of all", packets, self.packets)
            .or_else(|| over("bytes of all", bytes, self.bytes))
            .or_else(|| over(&format!("packets of host {}", quiet.busiest.1), busiest, self.busiest))
    }
}
