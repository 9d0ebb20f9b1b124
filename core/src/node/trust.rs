//! What the person thinks of keys: kept by the store, and whoever is blocked is not heard.

use alloc::vec::Vec;

use super::Node;
use crate::{
    event::{Event, Refusal},
    identity::PeerKey,
    store::{Record, StoredTrust},
    trust::{Thought, Trust},
};

impl Node {
    /// The person has decided about `key`.
    pub(super) fn think(&mut self, tag: u64, key: PeerKey, thought: Thought) {
        let trust = self.trusted.get(&key).copied().unwrap_or_default().with(thought);
        let is_full = self.trusted.len() >= self.config.peers_max && !self.trusted.contains_key(&key);
        if key == self.identity.key() || is_full && trust != Trust::default() {
            return self.event(Event::Refused { tag, reason: Refusal::TooMany });
        }
        self.set_trust(key, trust);
        self.ledger.collect(Record::Trust(StoredTrust { key, trust }));
        self.event(Event::Trusted { key, trust });
        self.event(Event::Done { tag, message: None });
    }

    /// As the store has it.
    pub(super) fn restore_trust(&mut self, trusts: Vec<StoredTrust>) {
        for StoredTrust { key, trust } in trusts.into_iter().take(self.config.peers_max) {
            self.set_trust(key, trust);
            self.event(Event::Trusted { key, trust });
        }
    }

    fn set_trust(&mut self, key: PeerKey, trust: Trust) {
        if trust == Trust::default() {
            self.trusted.remove(&key);
        } else {
            self.trusted.insert(key, trust);
        }
        self.regard(key);
    }

    /// What the person thinks of `key`, or has had to do with it, may have changed: those whom they know keep their place among
    /// the members, however many others there are.
    pub(super) fn regard(&mut self, key: PeerKey) {
        let is_verified = self.trusted.get(&key).is_some_and(|trust| trust.verified);
        self.members.regard(key, is_verified || self.acquaintances.is_known(&key));
    }

    /// Whether the person is to hear of it: not if somebody blocked has said it.
    pub(super) fn is_heard(&self, event: &Event) -> bool {
        let author = match event {
            Event::Message(message) => message.from,
            Event::Change(change) => change.from,
            Event::Rekey(rekey) => rekey.from,
            _ => return true,
        };
        !self.is_blocked(&author)
    }

    pub(super) fn is_blocked(&self, key: &PeerKey) -> bool {
        self.trusted.get(key).is_some_and(|trust| trust.blocked)
    }
}
