//! S13: what was called done is still there, and nothing is called so too early.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::{EntryId, Event, Instant, MessageId, PeerKey, Record, RoomKeyId, Stamp};

use crate::watch::{Check, Fact, Truth};

/// S13: what a program or a receipt called stored survives, unless the disk itself lost it; no message's name is
/// given twice.
#[derive(Default)]
pub(super) struct Durable {
    /// What each person was promised, on the disk of which host.
    promised: BTreeMap<(usize, PeerKey), BTreeSet<Place>>,
    named: BTreeSet<MessageId>,
}

/// Where an entry is on a disk.
type Place = (RoomKeyId, Stamp, EntryId);

impl Check for Durable {
    fn name(&self) -> &'static str {
        "S13"
    }

    fn see(&mut self, truth: &Truth, _now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Told { host, event: Event::Done { message: Some(id), .. } } => {
                if !self.named.insert(*id) {
                    return Err(format!("host {host} gives the name {id} a second time"));
                }
                let own = (*host, truth.hosts[*host].key);
                let Some(entry) = truth.entries.get(&id.entry).filter(|entry| entry.safe.contains(&own))
                else {
                    return Err(format!("host {host} calls {id} done before its disk has"));
                };
                self.promised.entry(own).or_default().insert((entry.room, entry.stamp, id.entry));
            }
            Fact::Told { host, event: Event::Receipt { entry, stored_by, of } } => {
                // A copied profile elsewhere is a neighbour like any other.
                let safe = truth.entries.get(entry).map(|entry| &entry.safe);
                let keys: BTreeSet<_> = safe
                    .into_iter()
                    .flatten()
                    .filter(|(other, _)| other != host)
                    .map(|(_, key)| *key)
                    .collect();
                let foes = truth.foes.len();
                if *stored_by as usize > keys.len() + foes || stored_by > of {
                    return Err(format!(
                        "host {host} is told that {stored_by} of {of} have stored {entry}, and {} have",
                        keys.len()
                    ));
                }
            }
            // What is erased since it is too old was not lost.
            Fact::Appended { host, records, .. } => {
                let own = (*host, truth.hosts[*host].key);
                let Some(promised) = self.promised.get_mut(&own) else { return Ok(()) };
                for record in *records {
                    if let Record::Forget(forgotten) = record {
                        promised.retain(|(.., id)| !forgotten.ids.contains(id));
                    }
                }
            }
            Fact::Booted { host, .. } => {
                let it = &truth.hosts[*host];
                // A disk that lied or was set back is not the program's fault, and the promise ends here.
                let own = (*host, it.key);
                if let Some(promised) = self.promised.get_mut(&own) {
                    let lost = promised.iter().find(|(room, stamp, id)| !it.holds(*room, *stamp, *id));
                    if let Some((_, _, id)) = lost
                        && !it.has_disk_failed()
                    {
                        return Err(format!("host {host} has lost {id}, which was done"));
                    }
                    promised.retain(|(room, stamp, id)| it.holds(*room, *stamp, *id));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
