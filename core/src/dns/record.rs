//! Questions and records, borrowed from a packet or owned.

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::name::{Name, NameRef};

/// The flags of a header (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Flags(pub(crate) u16);

impl Flags {
    /// A multicast DNS query: nothing set (RFC 6762 section 18).
    pub(crate) const QUERY: Self = Self(0);
    /// A multicast DNS response: QR and AA (RFC 6762 sections 18.2 and 18.4).
    pub(crate) const RESPONSE: Self = Self(0x8400);
    /// More known answers follow (RFC 6762 section 18.5).
    pub(crate) const TRUNCATED: Self = Self(0x0200);

    pub(crate) const fn is_response(self) -> bool {
        self.0 & 0x8000 != 0
    }

    pub(crate) const fn is_truncated(self) -> bool {
        self.0 & Self::TRUNCATED.0 != 0
    }

    /// Whether operation and response code are zero, as they must be (RFC 6762 sections 18.3 and 18.11).
    pub(crate) const fn is_plain(self) -> bool {
        self.0 & 0x780F == 0
    }
}

/// The type of a record or question (RFC 1035 section 3.2.2 and later ones).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Kind(pub(crate) u16);

impl Kind {
    pub(crate) const A: Self = Self(1);
    pub(crate) const PTR: Self = Self(12);
    pub(crate) const TXT: Self = Self(16);
    /// RFC 3596.
    pub(crate) const AAAA: Self = Self(28);
    /// RFC 2782.
    pub(crate) const SRV: Self = Self(33);
    /// RFC 4034 section 4.
    pub(crate) const NSEC: Self = Self(47);
    /// All types, in questions.
    pub(crate) const ANY: Self = Self(255);
}

/// What somebody asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) name: NameRef<'a>,
    pub(crate) kind: Kind,
    pub(crate) class: u16,
    /// The top bit of the class: the answer may come by unicast (RFC 6762 section 5.4).
    pub(crate) unicast: bool,
}

/// The sections of records, in the order in which they lie in a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Section {
    Answer,
    Authority,
    Additional,
}

/// One resource record; `N` and `B` say whether it is owned or borrowed from a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record<N = Name, B = Bytes> {
    pub(crate) name: N,
    /// Without its top bit.
    pub(crate) class: u16,
    /// The top bit of the class: the sender has sent all there is of this name and type (RFC 6762 section 10.2).
    pub(crate) flush: bool,
    /// Seconds for which it holds; 0 is a goodbye.
    pub(crate) ttl: u32,
    pub(crate) data: Data<N, B>,
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Data<N = Name, B = Bytes> {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Ptr(N),
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: N,
    },
    /// The strings with their lengths, as on the wire; none at all when empty.
    Txt(B),
    Nsec {
        next: N,
        types: TypeSet,
    },
    /// Any other type, unread.
    Other {
        kind: Kind,
        bytes: B,
    },
}

impl<N, B> Data<N, B> {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::A(_) => Kind::A,
            Self::Aaaa(_) => Kind::AAAA,
            Self::Ptr(_) => Kind::PTR,
            Self::Srv { .. } => Kind::SRV,
            Self::Txt(_) => Kind::TXT,
            Self::Nsec { .. } => Kind::NSEC,
            Self::Other { kind, .. } => *kind,
        }
    }
}

impl Data<NameRef<'_>, &[u8]> {
    /// A copy to keep.
    pub(crate) fn to_owned(&self) -> Data {
        self.own(|name| name.to_name())
    }

    /// A copy to keep; `own` makes those of names.
    pub(crate) fn own(&self, mut own: impl FnMut(NameRef<'_>) -> Name) -> Data {
        match *self {
            Self::A(address) => Data::A(address),
            Self::Aaaa(address) => Data::Aaaa(address),
            Self::Ptr(target) => Data::Ptr(own(target)),
            Self::Srv { priority, weight, port, target } => {
                Data::Srv { priority, weight, port, target: own(target) }
            }
            Self::Txt(strings) => Data::Txt(Bytes::copy_from_slice(strings)),
            Self::Nsec { next, types } => Data::Nsec { next: own(next), types },
            Self::Other { kind, bytes } => Data::Other { kind, bytes: Bytes::copy_from_slice(bytes) },
        }
    }
}

impl PartialEq<Data> for Data<NameRef<'_>, &[u8]> {
    /// Whether the two say the same, letters of names folded.
    fn eq(&self, other: &Data) -> bool {
        match (self, other) {
            (Self::A(one), Data::A(other)) => one == other,
            (Self::Aaaa(one), Data::Aaaa(other)) => one == other,
            (Self::Ptr(one), Data::Ptr(other)) => one == other,
            (
                Self::Srv { priority, weight, port, target },
                Data::Srv { priority: priority2, weight: weight2, port: port2, target: target2 },
            ) => (priority, weight, port) == (priority2, weight2, port2) && target == target2,
            (Self::Txt(one), Data::Txt(other)) => one == other,
            (Self::Nsec { next, types }, Data::Nsec { next: next2, types: types2 }) => {
                types == types2 && next == next2
            }
            (Self::Other { kind, bytes }, Data::Other { kind: kind2, bytes: bytes2 }) => {
                kind == kind2 && bytes == bytes2
            }
            _ => false,
        }
    }
}

impl Data {
    /// The same, borrowed.
    pub(crate) fn borrow(&self) -> Data<NameRef<'_>, &[u8]> {
        match self {
            Self::A(address) => Data::A(*address),
            Self::Aaaa(address) => Data::Aaaa(*address),
            Self::Ptr(target) => Data::Ptr(target.borrow()),
            Self::Srv { priority, weight, port, target } => {
                Data::Srv { priority: *priority, weight: *weight, port: *port, target: target.borrow() }
            }
            Self::Txt(strings) => Data::Txt(strings),
            Self::Nsec { next, types } => Data::Nsec { next: next.borrow(), types: *types },
            Self::Other { kind, bytes } => Data::Other { kind: *kind, bytes },
        }
    }

    /// Its bytes on the wire, names uncompressed: what a simultaneous probe is decided by (RFC 6762 section 8.2).
    pub(crate) fn wire(&self) -> Vec<u8> {
        match self {
            Self::A(address) => address.octets().to_vec(),
            Self::Aaaa(address) => address.octets().to_vec(),
            Self::Ptr(target) => target.wire().to_vec(),
            Self::Srv { priority, weight, port, target } => {
                let mut wire: Vec<u8> =
                    [priority, weight, port].into_iter().flat_map(|part| part.to_be_bytes()).collect();
                wire.extend_from_slice(target.wire());
                wire
            }
            Self::Txt(strings) if strings.is_empty() => alloc::vec![0],
            Self::Txt(strings) => strings.to_vec(),
            Self::Nsec { next, types } => {
                let mut wire = next.wire().to_vec();
                types.write(&mut wire);
                wire
            }
            Self::Other { bytes, .. } => bytes.to_vec(),
        }
    }
}

/// The types below 256 that a name has, as an NSEC record of multicast DNS lists them (RFC 6762 section 6.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct TypeSet([u8; 32]);

impl TypeSet {
    /// The set of these types; those above 255 have no place in it.
    pub(crate) fn new(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let mut set = Self::default();
        for Kind(kind) in kinds {
            if let Some(byte) = set.0.get_mut(usize::from(kind / 8)) {
                *byte |= 0x80 >> (kind % 8);
            }
        }
        set
    }

    /// One bit for each type, the first in the top bit of the first byte.
    pub(super) const fn bits(&self) -> &[u8; 32] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn has(&self, Kind(kind): Kind) -> bool {
        self.0.get(usize::from(kind / 8)).is_some_and(|byte| byte & (0x80 >> (kind % 8)) != 0)
    }

    /// Reads the type bit maps of RFC 4034 section 4.1.2; of the blocks only the first is kept.
    pub(super) fn read(mut maps: &[u8]) -> Option<Self> {
        let mut set = Self::default();
        let mut earlier = None;
        while let [block, length @ 1..=32, rest @ ..] = maps {
            let (map, rest) = rest.split_at_checked(usize::from(*length))?;
            if earlier >= Some(*block) {
                return None;
            }
            if *block == 0 {
                set.0.iter_mut().zip(map).for_each(|(byte, read)| *byte = *read);
            }
            (earlier, maps) = (Some(*block), rest);
        }
        maps.is_empty().then_some(set)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let used = self.0.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        if let (Some(map), Ok(length @ 1..)) = (self.0.get(..used), u8::try_from(used)) {
            out.extend_from_slice(&[0, length]);
            out.extend_from_slice(map);
        }
    }
}
