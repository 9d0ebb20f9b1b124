//! S5: what a person thinks of keys.

use std::collections::BTreeMap;

use chat_core::{Action, Digits, Event, Instant, PeerKey, Thought, Trust};

use crate::watch::{Check, Fact, Truth};

/// S5: who compares keys sees what the other sees, nobody counts as verified but by the person's word, and whoever is
/// blocked is not heard.
#[derive(Default)]
pub(super) struct Trusted {
    /// The last digits that the one who asked was shown, by both keys.
    digits: BTreeMap<(PeerKey, PeerKey), Digits>,
    /// What the persons of a key have said about another.
    decided: BTreeMap<(PeerKey, PeerKey), Vec<Thought>>,
    /// What this run of a program has said that its person thinks.
    told: BTreeMap<(usize, PeerKey), Trust>,
}

impl Check for Trusted {
    fn name(&self) -> &'static str {
        "S5"
    }

    fn see(&mut self, truth: &Truth, _now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        let own = |host: usize| truth.hosts[host].key;
        match *fact {
            Fact::Booted { host, .. } => self.told.retain(|(other, _), _| *other != host),
            Fact::Asked { host, action: &Action::Think { key, thought }, .. } => {
                self.decided.entry((own(host), key)).or_default().push(thought);
            }
            Fact::Told { host, event: &Event::Trusted { key, trust } } => {
                let decided = self.decided.get(&(own(host), key));
                let is_said = |thought| decided.is_some_and(|decided| decided.contains(&thought));
                let nothing = trust == Trust::default();
                if trust.verified && !is_said(Thought::Verified(true))
                    || trust.blocked && !is_said(Thought::Blocked(true))
                    || trust.muted && !is_said(Thought::Muted(true))
                    || nothing && decided.is_none()
                {
                    return Err(format!(
                        "host {host} thinks {trust:?} of {key:?}, and its person never said so"
                    ));
                }
                self.told.insert((host, key), trust);
            }
            Fact::Told { host, event: &Event::Compared { key, digits, asked: true } } => {
                self.digits.insert((own(host), key), digits);
            }
            Fact::Told { host, event: &Event::Compared { key, digits, asked: false } } => {
                let holders = |key| truth.keys.get(&key).map_or(0, |holders| holders.len());
                // With a copied profile two may compare with the same person at a time.
                let theirs =
                    self.digits.get(&(key, own(host))).filter(|_| holders(key) + holders(own(host)) == 2);
                if theirs.is_some_and(|theirs| *theirs != digits) {
                    return Err(format!("host {host} and {key:?} compare {digits} with other digits"));
                }
            }
            Fact::Told { host, event } => {
                let author = match event {
                    Event::Message(message) => message.from,
                    Event::Change(change) => change.from,
                    Event::Rekey(rekey) => rekey.from,
                    _ => return Ok(()),
                };
                if self.told.get(&(host, author)).is_some_and(|trust| trust.blocked) {
                    return Err(format!("host {host} hears {author:?}, whom its person has blocked"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
