//! The receiving side of a stream.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use bytes::{Buf as _, Bytes, BytesMut};

use super::Window;
use crate::{
    session::bytes::{Reader, varint_len},
    time::Instant,
};

/// Segments at a time, as many as a whole window has packets; what would make another is left for the sender to repeat.
const SEGMENTS_MAX: usize = 1024;
/// Records that wait to be read; what is behind them waits as bytes, for a record takes more than it says.
const WAITING_MAX: usize = 1024;
/// What is set aside for a record before its bytes come: a length costs its sender nothing.
const RESERVED: usize = 16 << 10;

/// What has arrived, until it is read as records.
#[derive(Debug)]
pub(in crate::session) struct Incoming {
    /// All before it has arrived.
    next: u64,
    /// What has arrived beyond that, by offset; they do not overlap.
    segments: BTreeMap<u64, Vec<u8>>,
    /// The record that is arriving, and how many bytes it will have.
    partial: Vec<u8>,
    expected: Option<usize>,
    /// The bytes of a length that has not arrived whole.
    prefix: Vec<u8>,
    records: VecDeque<Bytes>,
    /// What has arrived behind them.
    uncut: BytesMut,
    /// What was behind them was nothing that an honest sender sends.
    is_broken: bool,
    /// Bytes of the records that wait to be read, with their lengths.
    unread: u64,
    /// Up to where the sender was told that it may send.
    limit: u64,
    /// Bytes that are taken before they are read.
    window: Window,
    /// The longest record.
    record_max: usize,
}

/// Why bytes were not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::session) enum Refused {
    /// Too many gaps: the packet counts as not received.
    Full,
    /// No honest sender does this: more than it may, or a record that is too long.
    Broken,
}

impl Incoming {
    pub(in crate::session) fn new(window: Window, record_max: usize) -> Self {
        Self {
            next: 0,
            segments: BTreeMap::new(),
            partial: Vec::new(),
            expected: None,
            prefix: Vec::new(),
            records: VecDeque::new(),
            uncut: BytesMut::new(),
            is_broken: false,
            unread: 0,
            limit: window.bytes(),
            window,
            record_max,
        }
    }

    /// Bytes came.
    pub(in crate::session) fn on_bytes(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Refused> {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > self.limit || self.is_broken {
            return Err(Refused::Broken);
        }
        if offset > self.next {
            return self.keep(offset, bytes);
        }
        let known = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
        if let Some(new) = bytes.get(known..) {
            self.append(new)?;
        }
        while let Some(segment) = self.segments.first_entry()
            && *segment.key() <= self.next
        {
            let (start, bytes) = segment.remove_entry();
            let known = usize::try_from(self.next - start).unwrap_or(usize::MAX);
            self.append(bytes.get(known..).unwrap_or_default())?;
        }
        Ok(())
    }

    /// The next whole record.
    pub(in crate::session) fn pop(&mut self) -> Option<Bytes> {
        let record = self.records.pop_front()?;
        self.unread -= stretch(&record);
        if self.records.is_empty() && !self.uncut.is_empty() {
            let mut uncut = core::mem::take(&mut self.uncut);
            match self.cut(&uncut) {
                Ok(length) => uncut.advance(length),
                Err(_) => (self.is_broken, uncut) = (true, BytesMut::new()),
            }
            self.uncut = uncut;
        }
        Some(record)
    }

    /// The whole records that wait to be read.
    pub(in crate::session) const fn waiting(&self) -> &VecDeque<Bytes> {
        &self.records
    }

    /// A new limit, when it is so much higher that the sender should hear of it. The record that is arriving counts as
    /// read: otherwise long ones would leave little of the window.
    pub(in crate::session) fn credit(&mut self, now: Instant) -> Option<u64> {
        self.window.measure(now, self.next);
        let window = self.window.bytes();
        let limit = self.next - self.unread - self.uncut.len() as u64 + window;
        // Less than before, when that record has come whole and waits, or the rate has fallen.
        (limit.saturating_sub(self.limit) >= window / 4).then(|| {
            self.limit = limit;
            limit
        })
    }

    /// The limit last told: what is told again when that was lost.
    pub(in crate::session) const fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether anything has ever come.
    pub(in crate::session) const fn has_begun(&self) -> bool {
        self.next > 0
    }

    /// Bytes in memory.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let segments: usize = self.segments.values().map(Vec::len).sum();
        segments + self.partial.len() + self.uncut.len() + self.records.iter().map(Bytes::len).sum::<usize>()
    }

    /// Keeps what came too early: at the end of the segment that it touches, never by moving one. Whoever sends the last
    /// bytes first would have all that he ever sent moved for each of them.
    fn keep(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Refused> {
        let (mut offset, mut bytes) = (offset, bytes);
        while !bytes.is_empty() {
            let above = self.segments.range(offset + 1..).next().map(|(&start, _)| start - offset);
            let room = above.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX);
            let (part, rest) = bytes.split_at(bytes.len().min(room));
            let is_full = self.segments.len() >= SEGMENTS_MAX;
            let below = self.segments.range_mut(..=offset).next_back();
            let below =
                below.map(|(&start, held)| (usize::try_from(offset - start).unwrap_or(usize::MAX), held));
            match below.filter(|(place, held)| *place <= held.len()) {
                Some((place, held)) => {
                    held.extend_from_slice(part.get(held.len() - place..).unwrap_or_default());
                }
                None if is_full => return Err(Refused::Full),
                None => _ = self.segments.insert(offset, part.to_vec()),
            }
            (offset, bytes) = (offset + part.len() as u64, rest);
        }
        Ok(())
    }

    /// Takes bytes in order.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.next += bytes.len() as u64;
        let taken = if self.uncut.is_empty() { self.cut(bytes)? } else { 0 };
        self.uncut.extend_from_slice(bytes.get(taken..).unwrap_or_default());
        Ok(())
    }

    /// Cuts bytes into records; answers how many until enough of those wait.
    fn cut(&mut self, all: &[u8]) -> Result<usize, Refused> {
        let mut bytes = all;
        while !bytes.is_empty() && self.records.len() < WAITING_MAX {
            let expected = match self.expected {
                Some(expected) => expected,
                None => {
                    let Some((&byte, rest)) = bytes.split_first() else { break };
                    bytes = rest;
                    self.prefix.push(byte);
                    let Some(length) = Reader::new(&self.prefix).varint() else { continue };
                    // Only the shortest form, or what was read could not be counted from the record alone.
                    let shortest = varint_len(length) == self.prefix.len();
                    self.prefix.clear();
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    if length == 0 || length > self.record_max || !shortest {
                        return Err(Refused::Broken);
                    }
                    self.expected = Some(length);
                    self.partial = Vec::with_capacity(length.min(RESERVED));
                    length
                }
            };
            let (part, rest) = bytes.split_at(bytes.len().min(expected - self.partial.len()));
            self.partial.extend_from_slice(part);
            bytes = rest;
            if self.partial.len() == expected {
                self.expected = None;
                let record = core::mem::take(&mut self.partial).into();
                self.unread += stretch(&record);
                self.records.push_back(record);
            }
        }
        Ok(all.len() - bytes.len())
    }
}

/// How much of the stream a record takes up.
fn stretch(record: &Bytes) -> u64 {
    (varint_len(record.len() as u64) + record.len()) as u64
}
