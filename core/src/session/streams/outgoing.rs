//! The sending side of a stream.

use alloc::{collections::VecDeque, vec::Vec};

use bytes::Bytes;

use super::HEAD_MAX;
use crate::session::{bytes::put_varint, ranges::Ranges};

/// What was given to be sent and is not yet acknowledged.
#[derive(Debug)]
pub(in crate::session) struct Outgoing {
    /// The records from the first unacknowledged byte on.
    chunks: VecDeque<Chunk>,
    /// All before it is acknowledged.
    acknowledged: u64,
    /// What is acknowledged beyond that.
    islands: Ranges,
    /// What is to be sent again.
    lost: Ranges,
    /// The first byte that was never sent.
    next: u64,
    /// One beyond the last byte.
    end: u64,
    /// Up to where the receiver takes bytes.
    limit: u64,
}

/// One record and its place in the stream.
#[derive(Debug)]
struct Chunk {
    start: u64,
    /// What is written before the record: its length, and its head if it has one.
    prefix: Prefix,
    record: Bytes,
}

#[derive(Debug)]
struct Prefix {
    bytes: [u8; 4 + HEAD_MAX],
    length: usize,
}

impl Outgoing {
    pub(in crate::session) const fn new(window: u64) -> Self {
        Self {
            chunks: VecDeque::new(),
            acknowledged: 0,
            islands: Ranges::new(),
            lost: Ranges::new(),
            next: 0,
            end: 0,
            limit: window,
        }
    }

    /// Queues a record of at most [`RECORD_MAX`](super::RECORD_MAX) bytes.
    pub(in crate::session) fn push(&mut self, record: Bytes) {
        self.push_with(&[], record);
    }

    /// Queues a record that consists of `head`, at most [`HEAD_MAX`] bytes, and `record`, which need not be copied for it.
    pub(in crate::session) fn push_with(&mut self, head: &[u8], record: Bytes) {
        let prefix = Prefix::new(head, record.len());
        let chunk = Chunk { start: self.end, prefix, record };
        self.end = chunk.end();
        self.chunks.push_back(chunk);
    }

    /// Bytes queued or unacknowledged.
    pub(in crate::session) fn backlog(&self) -> usize {
        usize::try_from(self.end - self.acknowledged).unwrap_or(usize::MAX)
    }

    /// Whether there is something that may be sent now.
    pub(in crate::session) fn has_more(&self) -> bool {
        !self.lost.is_empty() || self.next < self.end.min(self.limit)
    }

    /// The offset of what [`take`](Self::take) gives next.
    pub(in crate::session) fn next_offset(&self) -> u64 {
        self.lost.first().map_or(self.next, |range| range.start)
    }

    /// Offset and length of at most `most` bytes to be sent now: what was lost first, then what is new.
    pub(in crate::session) fn take(&mut self, most: usize) -> Option<(u64, usize)> {
        if most == 0 {
            return None;
        }
        let most = most as u64;
        let range = match self.lost.take_first(most) {
            Some(range) => range,
            None => {
                let end = self.end.min(self.limit).min(self.next.saturating_add(most));
                let range = self.next..end.max(self.next);
                self.next = range.end;
                range
            }
        };
        let length = usize::try_from(range.end - range.start).unwrap_or(0);
        (length > 0).then_some((range.start, length))
    }

    /// Offset and length of all that was sent from the first byte on that is not acknowledged.
    pub(in crate::session) fn unacknowledged(&self) -> (u64, usize) {
        let length = usize::try_from(self.next.saturating_sub(self.acknowledged)).unwrap_or(usize::MAX);
        (self.acknowledged, length)
    }

    /// Appends the bytes at `offset`, which have not been acknowledged.
    pub(in crate::session) fn copy(&self, offset: u64, length: usize, out: &mut Vec<u8>) {
        let first = self.chunks.partition_point(|chunk| chunk.end() <= offset);
        let (mut offset, mut left) = (offset, length);
        for chunk in self.chunks.range(first..) {
            let within = usize::try_from(offset.saturating_sub(chunk.start)).unwrap_or(usize::MAX);
            let prefix = chunk.prefix.as_slice();
            for (part, skipped) in [(prefix, 0), (&chunk.record[..], prefix.len())] {
                let part = part.get(within.saturating_sub(skipped)..).unwrap_or_default();
                let part = part.get(..left).unwrap_or(part);
                out.extend_from_slice(part);
                left -= part.len();
                offset += part.len() as u64;
            }
            if left == 0 {
                return;
            }
        }
    }

    /// The records that end in the bytes at `offset`, which have not been acknowledged.
    pub(in crate::session) fn ending_in(&self, offset: u64, length: usize) -> impl Iterator<Item = &Bytes> {
        let range = offset..offset.saturating_add(length as u64);
        let first = self.chunks.partition_point(|chunk| chunk.end() <= range.start);
        let ending = self.chunks.range(first..).take_while(move |chunk| chunk.end() <= range.end);
        ending.map(|chunk| &chunk.record)
    }

    /// These bytes have arrived.
    pub(in crate::session) fn on_acked(&mut self, offset: u64, length: usize) {
        let range = offset..offset.saturating_add(length as u64).min(self.next);
        if !self.lost.is_empty() {
            self.lost.remove(&range);
        }
        if range.start > self.acknowledged {
            self.islands.insert(range);
            return;
        }
        self.acknowledged = self.acknowledged.max(range.end);
        while let Some(island) = self.islands.first().cloned()
            && island.start <= self.acknowledged
        {
            self.acknowledged = self.acknowledged.max(island.end);
            self.islands.remove(&island);
        }
        while self.chunks.front().is_some_and(|chunk| chunk.end() <= self.acknowledged) {
            self.chunks.pop_front();
        }
    }

    /// These bytes are to be sent again, unless another copy of them has arrived.
    pub(in crate::session) fn on_lost(&mut self, offset: u64, length: usize) {
        let range = offset.max(self.acknowledged)..offset.saturating_add(length as u64).min(self.next);
        for part in self.islands.missing(range) {
            self.lost.insert(part);
        }
    }

    /// The receiver takes bytes up to here.
    pub(in crate::session) fn on_credit(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }
}

impl Chunk {
    fn end(&self) -> u64 {
        self.start + (self.prefix.length + self.record.len()) as u64
    }
}

impl Prefix {
    fn new(head: &[u8], length: usize) -> Self {
        let mut written = Vec::with_capacity(4 + HEAD_MAX);
        put_varint(&mut written, (head.len() + length) as u64);
        written.extend_from_slice(head);
        let mut bytes = [0; 4 + HEAD_MAX];
        bytes.iter_mut().zip(&written).for_each(|(byte, &from)| *byte = from);
        Self { bytes, length: written.len() }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
