//! Reading a message that may be anything.

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::{
    HEADER, ITEMS_MAX, TOP_BIT,
    name::{NameRef, end_of},
    record::{Data, Flags, Kind, Question, Record, Section, TypeSet},
};

/// A message as far as it could be read, borrowed from its bytes.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) id: u16,
    pub(crate) flags: Flags,
    pub(crate) questions: Vec<Question<'a>>,
    pub(crate) answers: Vec<Record<NameRef<'a>, &'a [u8]>>,
    pub(crate) authority: Vec<Record<NameRef<'a>, &'a [u8]>>,
    pub(crate) additional: Vec<Record<NameRef<'a>, &'a [u8]>>,
    /// Questions and records that could not be read.
    pub(crate) bad: u64,
}

impl<'a> Message<'a> {
    /// Reads `bytes`; `None` when not even a header is there.
    ///
    /// The counts of the header are believed only as long as there are bytes, and nothing is allocated by them.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (header, _) = bytes.split_first_chunk::<HEADER>()?;
        let [id, flags, counts @ ..] = words::<HEADER, 6>(header);
        let mut message = Self {
            id,
            flags: Flags(flags),
            questions: Vec::new(),
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            bad: 0,
        };
        let mut cursor = Cursor { packet: bytes, at: HEADER };
        let mut left = ITEMS_MAX;
        if message.read_all(&mut cursor, counts, &mut left).is_none() {
            message.bad += 1;
        }
        Some(message)
    }

    /// The answers and what was sent along with them.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &Record<NameRef<'a>, &'a [u8]>> {
        self.answers.iter().chain(&self.additional)
    }

    /// `None` when the rest cannot be read, because nobody knows where the next item begins.
    fn read_all(&mut self, cursor: &mut Cursor<'a>, counts: [u16; 4], left: &mut usize) -> Option<()> {
        let [questions, answers, authority, additional] = counts;
        for _ in 0..questions {
            *left = left.checked_sub(1)?;
            match cursor.question()? {
                Some(question) => self.questions.push(question),
                None => self.bad += 1,
            }
        }
        let sections =
            [(Section::Answer, answers), (Section::Authority, authority), (Section::Additional, additional)];
        for (section, count) in sections {
            for _ in 0..count {
                *left = left.checked_sub(1)?;
                match (cursor.record()?, section) {
                    (None, _) => self.bad += 1,
                    (Some(record), Section::Answer) => self.answers.push(record),
                    (Some(record), Section::Authority) => self.authority.push(record),
                    (Some(record), Section::Additional) => self.additional.push(record),
                }
            }
        }
        Some(())
    }
}

/// A place in a packet. Its methods answer `None` at the end, and `Some(None)` for an item that is whole but bad.
struct Cursor<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn question(&mut self) -> Option<Option<Question<'a>>> {
        let name = self.name()?;
        let [kind, class] = words::<4, 2>(self.take()?);
        Some(name.map(|name| Question {
            name,
            kind: Kind(kind),
            class: class & !TOP_BIT,
            unicast: class & TOP_BIT != 0,
        }))
    }

    fn record(&mut self) -> Option<Option<Record<NameRef<'a>, &'a [u8]>>> {
        let name = self.name()?;
        let [kind, class, ttl_high, ttl_low, length] = words::<10, 5>(self.take()?);
        let from = self.at;
        let to = from + usize::from(length);
        let rdata = self.packet.get(from..to)?;
        self.at = to;
        let ttl = u32::from(ttl_high) << 16 | u32::from(ttl_low);
        Some(name.zip(self.data(Kind(kind), from, rdata)).map(|(name, data)| Record {
            name,
            class: class & !TOP_BIT,
            flush: class & TOP_BIT != 0,
            // RFC 2181 section 8: a TTL with its top bit set is zero.
            ttl: if ttl_high & 0x8000 == 0 { ttl } else { 0 },
            data,
        }))
    }

    fn data(&self, kind: Kind, from: usize, rdata: &'a [u8]) -> Option<Data<NameRef<'a>, &'a [u8]>> {
        Some(match kind {
            Kind::A => Data::A(Ipv4Addr::from(*whole::<4>(rdata)?)),
            Kind::AAAA => Data::Aaaa(Ipv6Addr::from(*whole::<16>(rdata)?)),
            Kind::PTR => {
                let (target, []) = self.rdata_name(from, rdata)? else { return None };
                Data::Ptr(target)
            }
            Kind::SRV => {
                let (fixed, rest) = rdata.split_first_chunk::<6>()?;
                let [priority, weight, port] = words::<6, 3>(fixed);
                let (target, []) = self.rdata_name(from + fixed.len(), rest)? else { return None };
                Data::Srv { priority, weight, port, target }
            }
            Kind::TXT => Data::Txt(strings(rdata)?),
            Kind::NSEC => {
                let (next, maps) = self.rdata_name(from, rdata)?;
                Data::Nsec { next, types: TypeSet::read(maps)? }
            }
            _ => Data::Other { kind, bytes: rdata },
        })
    }

    /// The name at `from`, where `rdata` begins, and what of `rdata` is behind it.
    fn rdata_name(&self, from: usize, rdata: &'a [u8]) -> Option<(NameRef<'a>, &'a [u8])> {
        let end = end_of(self.packet, from)?;
        let rest = rdata.get(end - from..)?;
        Some((NameRef::read(self.packet, from)?, rest))
    }

    fn name(&mut self) -> Option<Option<NameRef<'a>>> {
        let name = NameRef::read(self.packet, self.at);
        self.at = end_of(self.packet, self.at)?;
        Some(name)
    }

    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let taken = self.packet.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(taken)
    }
}

/// `bytes` if there are exactly `N`.
fn whole<const N: usize>(bytes: &[u8]) -> Option<&[u8; N]> {
    bytes.try_into().ok()
}

/// The big-endian words of `bytes`.
fn words<const N: usize, const W: usize>(bytes: &[u8; N]) -> [u16; W] {
    let mut words = [0; W];
    for (word, pair) in words.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *word = u16::from_be_bytes(*pair);
    }
    words
}

/// `rdata` if it is a sequence of strings: nothing for the empty one that must be written as a zero byte, and for
/// the one of no bytes that must be accepted (RFC 6763 section 6.1).
fn strings(rdata: &[u8]) -> Option<&[u8]> {
    let mut rest = rdata;
    while let Some((&length, behind)) = rest.split_first() {
        rest = behind.get(usize::from(length)..)?;
    }
    Some(if rdata == [0] { &[] } else { rdata })
}
