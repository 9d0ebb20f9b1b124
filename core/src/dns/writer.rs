//! Writing a message that must not grow beyond its packet.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{
    CLASS_IN, HEADER, TOP_BIT,
    digest::Digest,
    name::{HOPS_MAX, Name, POINTER},
    record::{Data, Flags, Kind, Record, Section},
};

/// Offsets above this do not fit a compression pointer (RFC 1035 section 4.1.4).
const OFFSET_MAX: u16 = 0x3FFF;

/// A message in the making. Questions come first, then the sections in their order.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    suffixes: Suffixes,
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
        Self { bytes, suffixes: Suffixes::new(), counts: [0; 4], limit, compress_srv: true }
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
            Data::A(address) => self.bytes.extend_from_slice(&address.octets()),
            Data::Aaaa(address) => self.bytes.extend_from_slice(&address.octets()),
            Data::Txt(strings) if strings.is_empty() => self.bytes.push(0),
            Data::Txt(bytes) | Data::Other { bytes, .. } => self.bytes.extend_from_slice(bytes),
        }
    }

    fn name(&mut self, name: &Name, compress: bool) {
        let (mut wire, begun) = (name.wire(), self.suffixes.len());
        let mut hops = 0;
        // A length of zero is the root, which is as short as a pointer gets.
        while let Some(&length @ 1..) = wire.first() {
            let digest = Suffixes::digest(wire);
            match self.suffixes.find(digest, &self.bytes, wire) {
                Some(known) if compress => {
                    hops = known.hops + 1;
                    self.words(&[u16::from_be_bytes([POINTER, 0]) | known.at]);
                    break;
                }
                Some(_) => {}
                None => self.suffixes.push(digest, self.bytes.len()),
            }
            let (label, rest) = wire.split_at_checked(1 + usize::from(length)).unwrap_or((wire, &[]));
            self.bytes.extend_from_slice(label);
            wire = rest;
        }
        if hops == 0 {
            self.bytes.push(0);
        }
        if hops < HOPS_MAX {
            self.suffixes.lead_on(begun, hops);
        } else {
            self.suffixes.truncate(begun);
        }
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

/// Where names, or the ends of names, begin that later ones may point to. They are found by digest: a packet of 9000
/// bytes has hundreds, and each name is looked for.
#[derive(Debug)]
struct Suffixes {
    all: Vec<Suffix>,
    /// The last one of each chain, counted from one; 0 for none.
    last: [u16; CHAINS],
}

/// The end of a name that is written.
#[derive(Clone, Copy, Debug)]
struct Suffix {
    digest: u32,
    at: u16,
    /// The one before it in its chain, counted from one; 0 for none.
    before: u16,
    /// Pointers that are followed from there on.
    hops: u8,
}

/// A power of two. With a few names they are nearly all empty, with hundreds each is a few long.
const CHAINS: usize = 64;

impl Suffixes {
    const fn new() -> Self {
        Self { all: Vec::new(), last: [0; CHAINS] }
    }

    /// The digest of a name without compression. Letters are not folded: what is written comes back as it was.
    fn digest(wire: &[u8]) -> u32 {
        Digest::new(0).of_bytes(wire) as u32
    }

    const fn len(&self) -> usize {
        self.all.len()
    }

    /// Where `wire` is written in `bytes`, letter for letter.
    fn find(&self, digest: u32, bytes: &[u8], wire: &[u8]) -> Option<Suffix> {
        let mut number = self.last.get(chain(digest)).copied()?;
        loop {
            let suffix = *self.all.get(usize::from(number).checked_sub(1)?)?;
            if suffix.digest == digest && is_written(bytes, suffix.at.into(), wire) {
                return Some(suffix);
            }
            number = suffix.before;
        }
    }

    /// Keeps what is about to be written at `at`, if a pointer can lead there.
    fn push(&mut self, digest: u32, at: usize) {
        let Some(at) = u16::try_from(at).ok().filter(|&at| at <= OFFSET_MAX) else { return };
        let Some(last) = self.last.get_mut(chain(digest)) else { return };
        // There are fewer than offsets.
        let Ok(number) = u16::try_from(self.all.len() + 1) else { return };
        self.all.push(Suffix { digest, at, before: *last, hops: 0 });
        *last = number;
    }

    /// From this one on, all go on through so many pointers.
    fn lead_on(&mut self, from: usize, hops: u8) {
        self.all.iter_mut().skip(from).for_each(|suffix| suffix.hops = hops);
    }

    /// Forgets all but the first so many.
    fn truncate(&mut self, length: usize) {
        while self.all.len() > length {
            let Some(suffix) = self.all.pop() else { return };
            if let Some(last) = self.last.get_mut(chain(suffix.digest)) {
                *last = suffix.before;
            }
        }
    }
}

const fn chain(digest: u32) -> usize {
    digest as usize % CHAINS
}

/// Whether the name at `at`, which we wrote and perhaps have not finished, is `wire`, letter for letter.
fn is_written(bytes: &[u8], mut at: usize, mut wire: &[u8]) -> bool {
    loop {
        match bytes.get(at..).unwrap_or_default() {
            [high, low, ..] if high & POINTER == POINTER => {
                // Only ever backward.
                at = usize::from(u16::from_be_bytes([high & !POINTER, *low]));
            }
            [0, ..] => return wire == [0],
            run => {
                let Some(label) = run.first().and_then(|&length| run.get(..=usize::from(length))) else {
                    return false;
                };
                let Some(rest) = wire.strip_prefix(label) else { return false };
                (at, wire) = (at + label.len(), rest);
            }
        }
    }
}
