//! What is told of the network on request.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use super::{Node, links::Peer};
use crate::{
    discovery::{Beacon, Call, Nonce, Word},
    event::{Event, PeerState, Refusal, Source},
    findings::{EchoFindings, Findings, LinkFindings, PeerFindings, Reached},
    mdns::Mdns,
    members::is_here,
    time::Instant,
};

/// Peers that are told of.
const PEERS_MAX: usize = 256;
/// How long others may take to answer.
const LASTS: Duration = Duration::from_secs(1);
/// Peers that are each asked alone.
const ALONE_MAX: usize = 64;
/// Commands that one examination answers.
const TAGS_MAX: usize = 64;

/// An examination of the network.
#[derive(Debug)]
pub(super) struct Examination {
    tags: Vec<u64>,
    nonce: Nonce,
    until: Instant,
    echoes: BTreeMap<[u8; 8], EchoFindings>,
}

impl Examination {
    pub(super) const fn until(&self) -> Instant {
        self.until
    }
}

impl Node {
    /// Asks everybody, by all ways.
    pub(super) fn examine(&mut self, tag: u64) {
        if let Some(running) = &mut self.examination {
            if running.tags.len() < TAGS_MAX {
                running.tags.push(tag);
            } else {
                self.event(Event::Refused { tag, reason: Refusal::Busy });
            }
            return;
        }
        let nonce = self.rng.bytes();
        let (until, echoes) = (self.now + LASTS, BTreeMap::new());
        self.examination = Some(Examination { tags: Vec::from([tag]), nonce, until, echoes });
        // Whoever was only found has been called before: nobody is written to on hearsay.
        let missing: Vec<SocketAddr> =
            self.contacts.missing().filter(|peer| peer.is_silent).filter_map(|peer| peer.address).collect();
        let all = self.peers.values().filter_map(Peer::address).chain(missing);
        let to: Vec<SocketAddr> = all.take(ALONE_MAX).collect();
        self.call(Word::Ask, nonce, &to);
    }

    /// Somebody answers.
    pub(super) fn on_echo(&mut self, call: &Call, heard: Reached, listens: Reached, by: Reached) {
        let Some(running) = self.examination.as_mut().filter(|one| one.nonce == call.nonce) else { return };
        if running.echoes.len() < PEERS_MAX || running.echoes.contains_key(&call.id) {
            let echo = running.echoes.entry(call.id).or_default();
            *echo = EchoFindings {
                heard: echo.heard.and(heard),
                listens: echo.listens.and(listens),
                came: echo.came.and(by),
            };
        }
    }

    /// Tells what is known of the network, when it is time.
    pub(super) fn on_examined(&mut self) {
        if self.examination.as_ref().is_some_and(|one| one.until <= self.now) {
            self.end_examination();
        }
    }

    /// Tells what is known of the network.
    pub(super) fn end_examination(&mut self) {
        let Some(ended) = self.examination.take() else { return };
        let findings = self.findings(&ended.echoes);
        for tag in ended.tags {
            self.event(Event::Examined { tag, findings: findings.clone().into() });
            self.event(Event::Done { tag, message: None });
        }
    }

    fn findings(&self, echoes: &BTreeMap<[u8; 8], EchoFindings>) -> Findings {
        let mdns = self.discoveries.mdns.iter().flat_map(Mdns::tallies);
        let beacon = self.discoveries.beacon.iter().flat_map(Beacon::tallies);
        let mut links: Vec<LinkFindings> = mdns.chain(beacon).collect();
        links.sort_by_key(|link| (link.interface, link.way));
        let mut peers = self.present();
        peers.extend(self.contacts.missing());
        peers.sort_by_key(|peer| (peer.path.is_none(), peer.state == PeerState::Found));
        peers.truncate(PEERS_MAX);
        for peer in &mut peers {
            peer.echo = peer.id.and_then(|id| echoes.get(&id)).copied();
        }
        Findings { mdns: self.config.mdns_socket, multicast: self.net.multicast(), links, peers }
    }

    /// Those who have proven themselves, or are vouched for.
    fn present(&self) -> Vec<PeerFindings> {
        let here = self.members.all().filter_map(|(tag, member)| {
            let told = member.told.as_ref().filter(|told| is_here(told.state))?;
            let (key, boot) = (member.record.key, member.record.boot);
            let link = self.members.link_of(tag);
            let peer = link.and_then(|link| self.peers.get(&link));
            let mut sources = self.contacts.sources(key);
            if let Some(via) = peer.map(|peer| peer.via).filter(|_| sources.is_empty()) {
                sources.push(via);
            }
            sources.retain(|source| *source != Source::Remembered);
            if peer.is_some_and(Peer::is_relayed) && !sources.contains(&Source::Relay) {
                sources.push(Source::Relay);
            }
            Some(PeerFindings {
                key: Some(key),
                id: Some(key.short()),
                boot: Some(boot),
                nick: Some(told.nick.clone()),
                address: match peer {
                    Some(peer) => peer.address(),
                    None => self.net.reachable(&member.record.addresses),
                },
                state: told.state,
                sources,
                is_silent: false,
                path: link.and_then(|link| self.sessions.path(link)),
                echo: None,
                clock_ahead_ms: self.rooms.clock_ahead_ms(&key),
            })
        });
        here.collect()
    }
}
