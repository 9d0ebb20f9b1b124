//! What the simulator knows for certain, and no node has to be asked for.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::{Action, Instant, PeerKey, Place, Suite};

use super::Fact;
use crate::plan::Plan;

/// The truth about a run so far.
pub(crate) struct Truth {
    /// Every host.
    pub(crate) hosts: Vec<HostTruth>,
    /// Everything that anybody ever said, by its text: no two are alike.
    pub(crate) said: BTreeMap<String, Said>,
    /// What persons in foes' hands said.
    pub(crate) foul: BTreeSet<(PeerKey, String)>,
}

/// What is certain about a host.
pub(crate) struct HostTruth {
    pub(crate) key: PeerKey,
    /// Since when its program runs without a break.
    pub(crate) runs_since: Option<Instant>,
}

/// Something said.
pub(crate) struct Said {
    pub(crate) host: usize,
    pub(crate) author: PeerKey,
    pub(crate) place: Place,
    pub(crate) at: Instant,
}

impl Truth {
    pub(crate) fn new(_plan: &Plan, _suite: &'static dyn Suite) -> Self {
        Self { hosts: Vec::new(), said: BTreeMap::new(), foul: BTreeSet::new() }
    }

    /// A host is known by another key from now on.
    pub(crate) fn set_key(&mut self, host: usize, key: PeerKey) {
        if self.hosts.len() <= host {
            self.hosts.resize_with(host + 1, || HostTruth { key: PeerKey([0; 32]), runs_since: None });
        }
        self.hosts[host].key = key;
    }

    pub(crate) fn see(&mut self, now: Instant, fact: &Fact<'_>) {
        match *fact {
            Fact::Booted { host } => self.hosts[host].runs_since = Some(now),
            Fact::Ended { host, .. } => self.hosts[host].runs_since = None,
            Fact::Asked { host, action: Action::Say { place, text, .. }, .. } => {
                let (author, place) = (self.hosts[host].key, place.clone());
                self.said.insert(text.as_str().to_owned(), Said { host, author, place, at: now });
            }
            Fact::Foul { author, text } => {
                self.foul.insert((author, text.to_owned()));
            }
            _ => {}
        }
    }
}
