//! Writing a message that must not grow beyond its packet.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{
    CLASS_IN, HEADER, TOP_BIT,
    name::{HOPS_MAX, LABEL_MAX, Name, NameRef, POINTER},
    record::{Data, Flags, Kind, Record, Section},
};

/// Offsets above this do not fit a compression pointer (RFC 1035 section 4.1.4).
const OFFSET_MAX: usize = 0x3FFF;

/// A message in the making. Questions come first, then the sections in their order.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    /// Where names, or the ends of names, begin that later ones may point to, with the hops it takes from there.
    suffixes: Vec<(u16, u8)>,
    counts: [u16; 4],
    limit: usize,
    compress_srv: bool,
}

impl Writer {
    /// An empty message of at most `limit` bytes.
    pub(crate) fn new(id: u16, flags: Flags, limit: usize) -> Self {
        let mut bytes = Vec::with_capacity(limit.min(512));
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&flags.0.to_be_bytes());
        bytes.resize(HEADER, 0);
        Self { bytes, suffixes: Vec::new(), counts: [0; 4], limit, compress_srv: true }
    }

    /// Leaves the targets of SRV records as they are, for resolvers of unicast DNS (RFC 6762 section 18.14).
    pub(crate) fn with_plain_srv(mut self) -> Self {
        self.compress_srv = false;
        self
    }

    /// Adds a question of the Internet class if it fits and no record was written yet.
    pub(crate) fn question(&mut self, name: &Name, kind: Kind, unicast: bool) -> bool {
        let class = CLASS_IN | if unicast { TOP_BIT } else { 0 };
        self.attempt(0, |writer| {
            writer.name(name, true);
            writer.words(&[kind.0, class]);
            Some(())
        })
    }

    /// Adds a record if it fits and its section is not behind us.
    pub(crate) fn record(&mut self, section: Section, record: &Record) -> bool {
        let class = record.class | if record.flush { TOP_BIT } else { 0 };
        let count = match section {
            Section::Answer => 1,
            Section::Authority => 2,
            Section::Additional => 3,
        };
        self.attempt(count, |writer| {
            writer.name(&record.name, true);
            writer.words(&[record.data.kind().0, class]);
            writer.bytes.extend_from_slice(&record.ttl.to_be_bytes());
            let length_at = writer.bytes.len();
            writer.words(&[0]);
            let from = writer.bytes.len();
            writer.data(&record.data);
            let length = u16::try_from(writer.bytes.len() - from).ok()?;
            writer.patch(length_at, length);
            Some(())
        })
    }

    /// Whether nothing but the header is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.counts == [0; 4]
    }

    /// Sets these flags too.
    pub(crate) fn set(&mut self, flags: Flags) {
        if let Some(bytes) = self.bytes.get_mut(2..4) {
            bytes.iter_mut().zip(flags.0.to_be_bytes()).for_each(|(byte, flag)| *byte |= flag);
        }
    }

    #[cfg(test)]
    pub(super) fn bytes_so_far(&self) -> usize {
        self.bytes.len()
    }

    /// The message.
    pub(crate) fn finish(mut self) -> Bytes {
        for (at, count) in (4..).step_by(2).zip(self.counts) {
            self.patch(at, count);
        }
        self.bytes.into()
    }

    /// Writes one item of the section with this count, or takes back every trace of it.
    fn attempt(&mut self, section: usize, write: impl FnOnce(&mut Self) -> Option<()>) -> bool {
        let (bytes, suffixes) = (self.bytes.len(), self.suffixes.len());
        let in_order = self.counts.iter().skip(section + 1).all(|&count| count == 0);
        let written = in_order && write(self).is_some() && self.bytes.len() <= self.limit;
        if let (true, Some(count)) = (written, self.counts.get_mut(section)) {
            *count = count.saturating_add(1);
        } else {
            self.bytes.truncate(bytes);
            self.suffixes.truncate(suffixes);
        }
        written
    }

    /// Which types may be compressed inside: RFC 6762 section 18.14.
    fn data(&mut self, data: &Data) {
        match data {
            Data::Ptr(target) => self.name(target, true),
            Data::Srv { priority, weight, port, target } => {
                self.words(&[*priority, *weight, *port]);
                self.name(target, self.compress_srv);
            }
            Data::Nsec { next, types } => {
                self.name(next, true);
                types.write(&mut self.bytes);
            }
            Data::A(_) | Data::Aaaa(_) | Data::Txt(_) | Data::Other { .. } => {
                self.bytes.extend_from_slice(&data.wire());
            }
        }
    }

    fn name(&mut self, name: &Name, compress: bool) {
        let mut wire = name.wire();
        let mut begun = Vec::new();
        let mut hops = 0;
        loop {
            if let Some((offset, further)) = self.suffix(wire).filter(|_| compress) {
                hops = further + 1;
                self.words(&[u16::from_be_bytes([POINTER, 0]) | offset]);
                break;
            }
            let (Some(&length @ 1..), at) = (wire.first(), self.bytes.len()) else {
                self.bytes.push(0);
                break;
            };
            let (label, rest) = wire.split_at_checked(1 + usize::from(length)).unwrap_or((wire, &[]));
            if at <= OFFSET_MAX {
                begun.extend(u16::try_from(at));
            }
            self.bytes.extend_from_slice(label);
            wire = rest;
        }
        if hops < HOPS_MAX {
            self.suffixes.extend(begun.into_iter().map(|at| (at, hops)));
        }
    }

    /// Where `wire`, the end of a name, is written already, letter for letter.
    fn suffix(&self, wire: &[u8]) -> Option<(u16, u8)> {
        debug_assert!(wire.first().is_none_or(|&length| usize::from(length) <= LABEL_MAX));
        if wire.first().is_none_or(|&length| length == 0) {
            return None;
        }
        let label = wire.get(..1 + usize::from(*wire.first()?))?;
        let wanted = NameRef::read(wire, 0)?;
        self.suffixes.iter().copied().find(|&(at, _)| {
            let at = usize::from(at);
            // Nearly all differ in their first label.
            self.bytes.get(at..).is_some_and(|written| written.starts_with(label))
                && NameRef::read(&self.bytes, at).is_some_and(|written| written.labels().eq(wanted.labels()))
        })
    }

    fn words(&mut self, words: &[u16]) {
        words.iter().for_each(|word| self.bytes.extend_from_slice(&word.to_be_bytes()));
    }

    fn patch(&mut self, at: usize, word: u16) {
        if let Some(bytes) = self.bytes.get_mut(at..at + 2) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
    }
}
