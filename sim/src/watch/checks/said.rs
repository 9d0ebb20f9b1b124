//! What is shown: once (S1), and only what was said (S2).

use std::collections::BTreeMap;

use chat_core::{Action, EntryId, Event, Instant, Message, Place, Record};

use crate::watch::{Check, Fact, Truth};

/// S1: no message is shown twice to one run of a program, nor to a later one that has it on its disk.
#[derive(Default)]
pub(super) struct Once {
    /// For each host, of each entry one bit for each message that was shown.
    shown: BTreeMap<usize, BTreeMap<EntryId, u64>>,
    asked: BTreeMap<(usize, u64), String>,
}

impl Check for Once {
    fn name(&self) -> &'static str {
        "S1"
    }

    fn see(&mut self, truth: &Truth, _now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Asked { host, tag, action: Action::Say { text, .. } } => {
                self.asked.insert((*host, *tag), text.as_str().to_owned());
            }
            Fact::Asked { host, tag, action: Action::Offer { offer, .. } } => {
                self.asked.insert((*host, *tag), offer.name.as_str().to_owned());
            }
            Fact::Told { host, event: Event::Done { tag, .. } } => {
                self.asked.remove(&(*host, *tag));
            }
            // Nothing of it remains. It may have reached others before, and come back from them.
            Fact::Told { host, event: Event::Refused { tag, .. } } => {
                let text = self.asked.remove(&(*host, *tag));
                let said = text.and_then(|text| truth.said.get(&text));
                let id = said.and_then(|said| said.id);
                let shown = self.shown.entry(*host).or_default();
                id.and_then(|id| shown.remove(&id.entry));
            }
            Fact::Told { host, event: Event::Message(message) } => {
                let bit = 1u64.checked_shl(message.id.item.into()).unwrap_or(0);
                let shown = self.shown.entry(*host).or_default().entry(message.id.entry).or_default();
                if *shown & bit != 0 {
                    return Err(format!("host {host} is shown {} twice: {:?}", message.id, message.text));
                }
                *shown |= bit;
            }
            // What was erased is new again, and so is what did not survive.
            Fact::Appended { host, records, .. } => {
                for record in *records {
                    if let (Record::Forget(forgotten), Some(shown)) = (record, self.shown.get_mut(host)) {
                        shown.retain(|id, _| !forgotten.ids.contains(id));
                    }
                }
            }
            Fact::Booted { host, disk, .. } => {
                self.shown.entry(*host).or_default().retain(|id, _| disk.holds(id));
            }
            _ => {}
        }
        Ok(())
    }
}

/// S2: what is shown or stored was said by that author, in that place, with those very words.
pub(super) struct Genuine;

impl Check for Genuine {
    fn name(&self) -> &'static str {
        "S2"
    }

    fn see(&mut self, truth: &Truth, _now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Told { host, event: Event::Message(message) } => is_genuine(truth, *host, message),
            Fact::Appended { host, records, .. } => {
                let entries = records.iter().filter_map(|record| match record {
                    Record::Entry(entry) => Some(&entry.messages),
                    _ => None,
                });
                entries.flatten().try_for_each(|message| is_genuine(truth, *host, message))
            }
            _ => Ok(()),
        }
    }
}

fn is_genuine(truth: &Truth, host: usize, message: &Message) -> Result<(), String> {
    if truth.foes.contains(&message.from) {
        return Ok(());
    }
    let Some(said) = truth.said.get(&message.text) else {
        return Err(format!("host {host} is shown what nobody said: {:?}", message.text));
    };
    let wrong = |what: &str| Err(format!("host {host} is shown {:?} {what}", message.text));
    if said.author != message.from {
        return wrong("as if somebody else had said it");
    }
    let place = match &said.place {
        // Each of the two sees the other there.
        Place::Direct(_) if truth.hosts[host].key != said.author => Place::Direct(said.author),
        place => place.clone(),
    };
    if place != message.place {
        return wrong("in another place");
    }
    if message.own && said.host != host {
        return wrong("as its own");
    }
    let own_key = truth.hosts[host].key;
    if matches!(&said.place, Place::Direct(to) if *to != own_key && said.author != own_key) {
        return wrong("although it was not meant for it");
    }
    Ok(())
}
