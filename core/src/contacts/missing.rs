//! Those who were found and are not there, for whoever examines the network.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::{Contacts, Who, contact::Contact};
use crate::{
    event::{PeerState, Source},
    findings::PeerFindings,
    identity::PeerKey,
};

impl Contacts {
    /// Whether somebody on one of our links may be at `address`.
    pub(crate) fn is_near(&self, address: SocketAddr) -> bool {
        self.places.allows(address, Source::Broadcast) && !self.places.is_own(address)
    }

    /// By which ways `key` is seen now.
    pub(crate) fn sources(&self, key: PeerKey) -> Vec<Source> {
        self.contacts.get(&Who::Id(key.short())).map_or_else(Vec::new, Contact::sources)
    }

    /// Those who are seen by discovery or were asked for, and who are neither in session nor vouched for. Who is only
    /// remembered may well be at home.
    pub(crate) fn missing(&self) -> impl Iterator<Item = PeerFindings> {
        self.contacts.iter().filter_map(|(&who, contact)| {
            let sources = contact.sources();
            let is_seen = |source: &Source| !matches!(source, Source::Remembered | Source::Exchange);
            let first = contact.candidates().next()?;
            let is_there = self.is_live(who, None, first.address)
                || self.is_here(who, None)
                || contact.candidates().any(|one| self.places.is_own(one.address));
            (sources.iter().any(is_seen) && !is_there).then(|| PeerFindings {
                key: None,
                id: match who {
                    Who::Id(id) => Some(id),
                    Who::Address(_) => None,
                },
                boot: first.boot,
                nick: contact.nick.clone(),
                address: Some(first.address),
                state: PeerState::Found,
                sources,
                is_silent: contact.misses > 0,
                path: None,
                echo: None,
                clock_ahead_ms: None,
            })
        })
    }
}

impl Contact {
    /// Who names it.
    fn sources(&self) -> Vec<Source> {
        let mut all: Vec<Source> = self.candidates().flat_map(|candidate| candidate.sources.iter()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
