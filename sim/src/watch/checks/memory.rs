//! S10: what can be seen from outside of the caps on memory.

use std::collections::BTreeMap;

use chat_core::{Instant, PeerKey, Record, Token};

use crate::watch::{Check, Fact, Truth};

/// A link's stream holds so much that is not read (streams, `WINDOW`).
const WINDOW: usize = 512 << 10;

/// S10: sessions and what waits for the store stay within their caps.
#[derive(Default)]
pub(super) struct Caps {
    /// Bytes of others' entries that wait for each host's store.
    waiting: BTreeMap<usize, BTreeMap<Token, usize>>,
}

impl Check for Caps {
    fn name(&self) -> &'static str {
        "S10"
    }

    fn see(&mut self, truth: &Truth, _now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Told { host, .. } => {
                let listed = truth.hosts[*host].listed.len();
                let most = truth.sessions_max;
                if listed > most {
                    return Err(format!("host {host} is in session with {listed} peers, {most} at most"));
                }
            }
            Fact::Appended { host, token, records } => {
                let own = truth.hosts[*host].key;
                let bytes = records.iter().map(|record| size_of(record, own)).sum();
                let waiting = self.waiting.entry(*host).or_default();
                waiting.insert(*token, bytes);
                // Reading stops above the cap; what comes in before that is seen is a window for each session.
                let most = truth.unpersisted_max + WINDOW * truth.hosts[*host].listed.len().max(1);
                let all: usize = waiting.values().sum();
                if all > most {
                    return Err(format!("{all} bytes wait for the store of host {host}, {most} at most"));
                }
            }
            Fact::Safe { host, token, .. } => {
                let waiting = self.waiting.entry(*host).or_default();
                *waiting = waiting.split_off(&Token(token.0 + 1));
            }
            Fact::Ended { host, .. } => {
                self.waiting.remove(host);
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a record counts: what one says oneself is bounded by its number.
fn size_of(record: &Record, own: PeerKey) -> usize {
    match record {
        Record::Entry(entry) if entry.author != own => entry.bytes.len(),
        _ => 0,
    }
}
