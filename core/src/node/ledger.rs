//! What was asked of the store and is not answered yet.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use bytes::Bytes;

use super::settings::Settings;
use crate::{
    boundary::{Output, Token},
    event::{EntryId, MessageId},
    store::{Record, Request, StoreError},
    time::Instant,
};

/// Bytes that a record takes beside an entry's own.
const RECORD_BYTES: usize = 256;

/// The node's side of the store: what is collected, what is under way, and how much of it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: u64,
    collected: Vec<Record>,
    waiting: VecDeque<Batch>,
    settings: Settings,
    bytes: usize,
    /// What a token of a request stands for.
    fetches: BTreeMap<Token, Asker>,
    /// Which piece of a file a token stands for.
    writes: BTreeMap<Token, u64>,
}

/// Who has asked the store for something, under a number of their own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    Rooms(u64),
    Files(u64),
}

#[derive(Debug)]
struct Batch {
    token: Token,
    durable: Durable,
    bytes: usize,
}

/// What concerns the rooms of something that the store has answered.
#[derive(Debug, Default)]
pub(super) struct Durable {
    pub(super) entries: Vec<EntryId>,
    /// Whether something was to be erased.
    pub(super) is_forgetting: bool,
}

impl Ledger {
    pub(super) fn fetch_state(&mut self) -> Output {
        Output::Fetch { token: self.token(), what: Request::State }
    }

    pub(super) fn fetch(&mut self, asker: Asker, what: Request) -> Output {
        let token = self.token();
        self.fetches.insert(token, asker);
        Output::Fetch { token, what }
    }

    pub(super) fn write(&mut self, number: u64, file: MessageId, offset: u64, bytes: Bytes) -> Output {
        let token = self.token();
        self.writes.insert(token, number);
        Output::Write { token, file, offset, bytes }
    }

    pub(super) fn on_written(&mut self, token: Token) -> Option<u64> {
        self.writes.remove(&token)
    }

    pub(super) fn on_fetched(&mut self, token: Token) -> Option<Asker> {
        self.fetches.remove(&token)
    }

    /// Keeps `record` for the next [`seal`](Self::seal).
    pub(super) fn collect(&mut self, record: Record) {
        self.bytes += size(&record);
        self.settings.note(&record);
        self.collected.push(record);
    }

    /// Collects once more what was set and the store did not take.
    pub(super) fn collect_again(&mut self) {
        self.settings.again().into_iter().for_each(|record| self.collect(record));
    }

    /// When to do so.
    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.settings.next_wake()
    }

    /// Hands out what was collected.
    pub(super) fn seal(&mut self) -> Option<Output> {
        if self.collected.is_empty() {
            return None;
        }
        let records = core::mem::take(&mut self.collected);
        let token = self.token();
        self.settings.on_handed(token);
        let entries = records.iter().filter_map(|record| match record {
            Record::Entry(entry) => Some(entry.id),
            _ => None,
        });
        let (entries, bytes) = (entries.collect(), records.iter().map(size).sum());
        let is_forgetting = records.iter().any(|record| matches!(record, Record::Forget(_)));
        self.waiting.push_back(Batch { token, durable: Durable { entries, is_forgetting }, bytes });
        Some(Output::Persist { token, records })
    }

    /// What there was up to `token`, in the order in which it was handed out.
    pub(super) fn on_persisted(
        &mut self,
        now: Instant,
        token: Token,
        result: Result<(), StoreError>,
    ) -> Vec<Durable> {
        self.settings.on_answered(now, token, result);
        let mut done = Vec::new();
        while self.waiting.front().is_some_and(|batch| batch.token <= token) {
            let Some(batch) = self.waiting.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(batch.bytes);
            if !batch.durable.entries.is_empty() || batch.durable.is_forgetting {
                done.push(batch.durable);
            }
        }
        done
    }

    /// How much the store has not answered yet, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    const fn token(&mut self) -> Token {
        self.next += 1;
        Token(self.next)
    }
}

fn size(record: &Record) -> usize {
    RECORD_BYTES
        + match record {
            Record::Entry(entry) => entry.bytes.len(),
            _ => 0,
        }
}
