//! The order of a room: what one says rises (S3), nothing stands before what it answers, and an entry is the same
//! to everybody (S4).

use std::{collections::BTreeMap, time::Duration};

use chat_core::{EntryId, Event, Instant, MessageId, Record, RoomKeyId, Stamp};

use crate::watch::{Check, Fact, Truth};

/// Stamps are pushed ahead only by what claims to be at most a minute ahead (DESIGN section 6), so in a run whose
/// clocks are set wrong by more, what one says may stand before what one said.
const AHEAD: Duration = Duration::from_secs(60);

/// S3: the stamps of what one says in a room rise in the order in which one says it.
#[derive(Default)]
pub(super) struct Rising {
    newest: BTreeMap<usize, BTreeMap<RoomKeyId, (Stamp, MessageId)>>,
}

impl Check for Rising {
    fn name(&self) -> &'static str {
        "S3"
    }

    fn see(&mut self, truth: &Truth, _now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Appended { host, records, .. } if truth.skew < AHEAD => {
                for record in *records {
                    let Record::Entry(entry) = record else { continue };
                    for message in entry.messages.iter().filter(|message| message.own) {
                        let id = (message.stamp, message.id);
                        let before = self.newest.entry(*host).or_default().insert(entry.room, id);
                        let rises = before.is_none_or(|(stamp, before)| {
                            stamp < id.0 || before.entry == id.1.entry && before.item < id.1.item
                        });
                        if !rises || message.stamp != entry.stamp {
                            return Err(format!(
                                "host {host} says {:?} with a stamp not above that of what it said before",
                                message.text
                            ));
                        }
                    }
                }
            }
            Fact::Booted { host, .. } => {
                let it = &truth.hosts[*host];
                let newest = self.newest.entry(*host).or_default();
                newest.clear();
                for (&room, held) in &it.held {
                    let own = |(_, id): &&(Stamp, EntryId)| {
                        truth.entries.get(id).is_some_and(|entry| entry.author == it.key)
                    };
                    if let Some(&(stamp, entry)) = held.ids.iter().rev().find(own) {
                        newest.insert(room, (stamp, MessageId { entry, item: u16::MAX }));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Entries further ahead than this are strays, and stand where they came (DESIGN section 6); a clock may be told to the
/// minute.
const STRAY_AHEAD: Duration = Duration::from_secs(600 - 60);

/// Whether somebody may take this stamp for absurd now: it is, or clocks are wrong.
fn is_stray(truth: &Truth, now: Instant, stamp: Stamp) -> bool {
    let ahead = Duration::from_micros(stamp.0.saturating_sub(truth.wall(now)));
    ahead > STRAY_AHEAD || truth.skew > STRAY_AHEAD
}

/// S4: an entry has one author, stamp and room, whoever shows or stores it, and stands after what it answers.
#[derive(Default)]
pub(super) struct Agreed {
    /// What an entry says, from its first appearance: a hash of its bytes.
    bytes: BTreeMap<EntryId, u64>,
}

impl Check for Agreed {
    fn name(&self) -> &'static str {
        "S4"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Appended { host, records, .. } => {
                for record in *records {
                    let Record::Entry(entry) = record else { continue };
                    if entry.placed != entry.stamp && !is_stray(truth, now, entry.stamp) {
                        return Err(format!("host {host} has entry {} elsewhere than others", entry.id));
                    }
                    let known = truth.entries.get(&entry.id).is_some_and(|first| {
                        (first.author, first.stamp, first.room) == (entry.author, entry.stamp, entry.room)
                    });
                    let hash = crate::suite::digest_word(&entry.bytes);
                    if !known || *self.bytes.entry(entry.id).or_insert(hash) != hash {
                        return Err(format!(
                            "host {host} has another idea of entry {} than others",
                            entry.id
                        ));
                    }
                }
                Ok(())
            }
            Fact::Told { host, event: Event::Message(message) } => {
                let first = truth.entries.get(&message.id.entry).filter(|first| {
                    first.author != message.from
                        || first.stamp != message.stamp && !is_stray(truth, now, first.stamp)
                });
                if first.is_some() {
                    return Err(format!("host {host} is shown {} elsewhere than others", message.id));
                }
                let answered = message.reply.and_then(|reply| truth.entries.get(&reply.entry));
                if answered.is_some_and(|answered| answered.stamp > message.stamp) {
                    return Err(format!("host {host} is shown {} before what it answers", message.id));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
