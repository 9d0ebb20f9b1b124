//! What is told of the network on request.

use alloc::vec::Vec;

use super::Node;
use crate::{
    discovery::Beacon,
    event::{Event, PeerState, Source},
    findings::{Findings, LinkFindings, PeerFindings},
    mdns::Mdns,
    members::is_here,
};

/// Peers that are told of.
const PEERS_MAX: usize = 256;

impl Node {
    /// Tells what is known of the network now.
    pub(super) fn examine(&mut self, tag: u64) {
        let findings = self.findings();
        self.event(Event::Examined { tag, findings: findings.into() });
        self.event(Event::Done { tag, message: None });
    }

    fn findings(&self) -> Findings {
        let mdns = self.discoveries.mdns.iter().flat_map(Mdns::tallies);
        let beacon = self.discoveries.beacon.iter().flat_map(Beacon::tallies);
        let mut links: Vec<LinkFindings> = mdns.chain(beacon).collect();
        links.sort_by_key(|link| (link.interface, link.way));
        let mut peers = self.present();
        peers.extend(self.contacts.missing());
        peers.sort_by_key(|peer| (peer.path.is_none(), peer.state == PeerState::Found));
        peers.truncate(PEERS_MAX);
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
            Some(PeerFindings {
                key: Some(key),
                id: Some(key.short()),
                boot: Some(boot),
                nick: Some(told.nick.clone()),
                address: peer.map(|peer| peer.address).or(member.record.addresses.first().copied()),
                state: told.state,
                sources,
                is_silent: false,
                path: link.and_then(|link| self.sessions.path(link)),
                clock_ahead_ms: self.rooms.clock_ahead_ms(&key),
            })
        });
        here.collect()
    }
}
