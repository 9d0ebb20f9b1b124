//! S10: the caps on memory.

use std::collections::BTreeMap;

use chat_core::{Config, Instant, PeerKey, Record, Sizes, Token};

use crate::watch::{Check, Fact, Truth};

/// A link's stream holds so much that is not read (streams, `WINDOW`).
const WINDOW: usize = 512 << 10;

/// The longest record of a session, with its length (streams, `RECORD_MAX`).
const RECORD: usize = (64 << 10) + 8;

/// S10: every table, and what waits for the store, stay within their caps.
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
            Fact::Sizes { host, sizes } => {
                let over = caps(&truth.config, sizes).into_iter().find(|(_, size, most)| size > most);
                if let Some((what, size, most)) = over {
                    return Err(format!("host {host} has {size} {what}, {most} at most"));
                }
            }
            Fact::Appended { host, token, records } => {
                let own = truth.hosts[*host].key;
                let bytes = records.iter().map(|record| size_of(record, own)).sum();
                let waiting = self.waiting.entry(*host).or_default();
                waiting.insert(*token, bytes);
                // Reading stops above the cap; what comes in before that is seen is a window for each session.
                let most = truth.config.unpersisted_max + WINDOW * truth.hosts[*host].listed.len().max(1);
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

/// What there is how many of, and at most.
fn caps(config: &Config, sizes: &Sizes) -> [(&'static str, usize, usize); 7] {
    [
        ("bytes waiting for one peer", sizes.backlog, config.backlog_max * 2 + RECORD),
        ("sessions", sizes.sessions, config.sessions_max),
        ("half-open handshakes", sizes.half_open, config.half_open_max),
        ("rooms", sizes.rooms, config.rooms_max + config.sessions_max),
        ("contacts", sizes.contacts, config.peers_max),
        ("acquaintances", sizes.acquaintances, config.peers_max),
        ("records of multicast DNS", sizes.mdns_records, config.mdns_cache_max),
    ]
}

/// What a record counts: what one says oneself is bounded by its number.
fn size_of(record: &Record, own: PeerKey) -> usize {
    match record {
        Record::Entry(entry) if entry.author != own => entry.bytes.len(),
        _ => 0,
    }
}
