//! What travels inside a session: one byte that says which kind of frame it is, then a CBOR tuple (RFC 8949).
//!
//! Reading is total: any bytes give a frame, or nothing. Lists are bounded, nothing nests deeper than the frame that is
//! expected, and one that is not used up to its last byte is refused. A kind that is not known is [`Frame::Unknown`], to
//! be skipped.

mod cbor;
mod told;
mod words;

use alloc::vec::Vec;

use bytes::Bytes;
use serde_bytes::{ByteArray, ByteBuf};

pub(crate) use self::cbor::Bounded;
use self::cbor::{list, pack, read, read_list, unpack, write};
pub(crate) use self::told::{counted, seconds};
pub(crate) use self::words::{Cause, Ended, Keep, Step};
use crate::{
    event::{EntryId, MessageId, Stamp},
    record::Tag,
    session::RELAYED_MAX,
    time::UnixMillis,
};

/// Proofs in one frame.
pub(crate) const PROOFS_MAX: usize = 512;
/// Entries in one push.
pub(crate) const PUSH_MAX: usize = 64;
/// Entries that one frame asks for.
pub(crate) const WANT_MAX: usize = 64;
/// Entries that one frame announces or acknowledges.
pub(crate) const LIST_MAX: usize = 256;
/// Of new entries so few are only mentioned, in a datagram that nobody acknowledges.
const MENTION_MAX: usize = 32;
/// Days that one frame compares.
pub(crate) const DAYS_MAX: usize = 512;
/// Bytes of one message of a set reconciliation. Whoever has nothing yet hears of five hundred entries in each; for each the
/// other side counts its own anew.
pub(crate) const RECONCILE_MAX: usize = 16 << 10;
/// Rooms in one heartbeat, so that it fits a datagram of 1100 bytes with room to spare.
pub(crate) const PULSES_MAX: usize = 32;
/// Records that one frame says to have.
pub(crate) const KNOWN_MAX: usize = 1024;
/// Records that one frame asks for.
pub(crate) const ASK_MAX: usize = 256;

/// One frame. `room` is always the index of the room in the sender's latest [`Frame::Proofs`] on the same link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Frame {
    /// A peer's signed record about itself.
    Record(Bytes),
    /// Proofs that the sender knows the keys of rooms, some of them random bytes; a proof's place in the list is
    /// the room's index from now on. `binding` begins the handshake hash that they are made for.
    Proofs { binding: [u8; 8], proofs: Vec<[u8; 32]> },
    /// The first day of the room's history that the sender keeps, and the day from which on its latest 200 entries are.
    Floor { room: u16, day: u32, deep: u32 },
    /// Entries as their authors signed them; `repair` when they are not new.
    Push { room: u16, entries: Vec<Bytes>, repair: bool },
    /// The sender has these entries, in order, and tells it for this reason.
    Have { room: u16, marks: Vec<Mark>, cause: Cause },
    /// The sender asks for these entries.
    Want { room: u16, marks: Vec<Mark> },
    /// The sender's store has these entries for good.
    Stored { room: u16, ids: Vec<EntryId> },
    /// What the sender is to push of others reaches the other end faster over somebody else: from now on it is only
    /// announced, until it is asked for.
    Prune { room: u16 },
    /// What the days from `from` up to, not including, `to` hold. A question lists all days that hold anything at
    /// the sender; its answer lists those that differ at the other.
    Sums { room: u16, answer: bool, from: u32, to: u32, days: Vec<(u32, Digest)> },
    /// One message of the set reconciliation of the entries with `from <= stamp < to`, questions with an even
    /// round and answers with an odd one. An empty answer with an earlier `to` means: ask for less.
    Reconcile { room: u16, from: Stamp, to: Stamp, round: u16, message: Bytes },
    /// The sender lives. `counter` rises with each, `clock` is its wall clock.
    /// `members` sums up whom the sender knows to be there.
    Heartbeat { counter: u64, clock: UnixMillis, members: u64, rooms: Vec<Pulse> },
    /// The sender has the records of these runs, in these versions.
    Known(Vec<(Tag, u64)>),
    /// The sender asks for these records.
    Ask(Vec<Tag>),
    /// How much the sender wants this session.
    Keep(Keep),
    /// What all whom the sender knows to be there add up to: who finds another sum says whose records it has.
    Sum(u64),
    /// A step of comparing keys. `binding` begins the handshake hash that it is made for.
    Compare { step: Step, binding: [u8; 8], value: [u8; 32] },
    /// The sender wants the bytes of a file from `offset` on; `number` names this in what comes.
    FileWant { room: u16, number: u32, file: MessageId, offset: u64, size: u64 },
    /// Nothing more comes of a file, or is wanted of it. `number` is the wanting side's.
    FileEnd { number: u32, by_sender: bool, why: Ended },
    /// A datagram of another session, to be passed on to the run `to`.
    Relay { to: Tag, bytes: Bytes },
    /// The same, passed on, and from the run `from`. Without any bytes: there is no way from here to that run.
    Relayed { from: Tag, bytes: Bytes },
    /// A kind from a later version.
    Unknown { kind: u8 },
}

/// A short fingerprint of a set of entries.
pub(crate) type Digest = [u8; 16];

/// One room in a heartbeat: the fingerprint of the entries before `up_to`, from the later of both floors on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pulse {
    pub(crate) room: u16,
    pub(crate) up_to: Stamp,
    pub(crate) digest: Digest,
}

/// An entry's name together with its place: the stamp in big-endian, then the first 24 bytes of the id. Marks sort
/// like (stamp, id), so who learns of a missing entry also learns where it belongs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Mark(pub(crate) [u8; 32]);

impl Mark {
    pub(crate) fn new(stamp: Stamp, id: &EntryId) -> Self {
        let mut mark = [0; 32];
        let bytes = stamp.0.to_be_bytes().into_iter().chain(id.0);
        mark.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Self(mark)
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp(u64::from_be_bytes(self.0.first_chunk().copied().unwrap_or_default()))
    }

    /// The smallest and the largest id that this mark may stand for.
    pub(crate) fn ids(&self) -> (EntryId, EntryId) {
        let with = |rest: u8| {
            let mut id = [rest; 32];
            id.iter_mut().zip(self.0.iter().skip(8)).for_each(|(to, &from)| *to = from);
            EntryId(id)
        };
        (with(0), with(u8::MAX))
    }
}

impl Frame {
    /// Whether it does not matter when it gets lost. What is pushed is repeated until it arrives, others mention it too,
    /// and heartbeats find what is missing all the same.
    pub(crate) fn is_mention(&self) -> bool {
        matches!(self, Self::Have { marks, cause: Cause::News, .. } if marks.len() <= MENTION_MAX)
    }

    /// The frame as it is sent.
    pub(crate) fn encode(&self) -> Bytes {
        match self {
            Self::Record(record) => write(kind::RECORD, &(serde_bytes::Bytes::new(record),), record.len()),
            Self::Proofs { binding, proofs } => {
                let size = proofs.len() * 32;
                write(kind::PROOFS, &(ByteArray::new(*binding), pack(proofs.iter())), size)
            }
            Self::Floor { room, day, deep } => write(kind::FLOOR, &(room, day, deep), 0),
            Self::Prune { room } => write(kind::PRUNE, &(room,), 0),
            Self::Push { room, entries, repair } => {
                let size = entries.iter().map(|entry| entry.len() + 8).sum();
                let entries: Vec<_> = entries.iter().map(|entry| serde_bytes::Bytes::new(entry)).collect();
                write(kind::PUSH, &(room, entries, repair), size)
            }
            Self::Have { room, marks, cause } => {
                let body = (room, pack(marks.iter().map(|mark| &mark.0)), cause.number());
                write(kind::HAVE, &body, marks.len() * 32)
            }
            Self::Want { room, marks } => list(kind::WANT, *room, marks.iter().map(|mark| &mark.0)),
            Self::Stored { room, ids } => list(kind::STORED, *room, ids.iter().map(|id| &id.0)),
            Self::Sums { room, answer, from, to, days } => {
                let days: Vec<_> = days.iter().map(|&(day, digest)| (day, ByteArray::new(digest))).collect();
                let size = days.len() * 23;
                write(kind::SUMS, &(room, answer, from, to, days), size)
            }
            Self::Reconcile { room, from, to, round, message } => {
                let body = (room, from.0, to.0, round, serde_bytes::Bytes::new(message));
                write(kind::RECONCILE, &body, message.len())
            }
            Self::Heartbeat { counter, clock, members, rooms } => {
                let pulse = |pulse: &Pulse| (pulse.room, pulse.up_to.0, ByteArray::new(pulse.digest));
                let rooms: Vec<_> = rooms.iter().map(pulse).collect();
                let size = rooms.len() * 32;
                write(kind::HEARTBEAT, &(counter, clock.0, members, rooms), size)
            }
            Self::Known(known) => {
                let known: Vec<_> =
                    known.iter().map(|&(tag, version)| (ByteArray::new(tag.0), version)).collect();
                write(kind::KNOWN, &(&known,), known.len() * 19)
            }
            Self::Ask(tags) => {
                let tags: Vec<u8> = tags.iter().flat_map(|tag| tag.0).collect();
                write(kind::ASK, &(serde_bytes::Bytes::new(&tags),), tags.len())
            }
            Self::Keep(keep) => write(kind::KEEP, &(keep.number(),), 0),
            Self::Sum(sum) => write(kind::SUM, &(sum,), 0),
            Self::Compare { step, binding, value } => {
                write(kind::COMPARE, &(step.number(), ByteArray::new(*binding), ByteArray::new(*value)), 32)
            }
            Self::FileWant { room, number, file, offset, size } => {
                let body = (room, number, ByteArray::new(file.entry.0), file.item, offset, size);
                write(kind::FILE_WANT, &body, 64)
            }
            Self::FileEnd { number, by_sender, why } => {
                write(kind::FILE_END, &(number, by_sender, why.number()), 0)
            }
            Self::Relay { to, bytes } => relayed(kind::RELAY, to, bytes),
            Self::Relayed { from, bytes } => relayed(kind::RELAYED, from, bytes),
            Self::Unknown { kind } => Bytes::copy_from_slice(&[*kind]),
        }
    }

    /// The frame in `bytes`, or `None` when they are none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&kind, body) = bytes.split_first()?;
        Some(match kind {
            kind::RECORD => {
                let (record,): (ByteBuf,) = read(body)?;
                Self::Record(record.into_vec().into())
            }
            kind::PROOFS => {
                let (binding, proofs): (ByteArray<8>, ByteBuf) = read(body)?;
                Self::Proofs { binding: binding.into_array(), proofs: unpack(&proofs, PROOFS_MAX)? }
            }
            kind::FLOOR => {
                let (room, day, deep) = read(body)?;
                Self::Floor { room, day, deep }
            }
            kind::PRUNE => {
                let (room,) = read(body)?;
                Self::Prune { room }
            }
            kind::PUSH => {
                let (room, entries, repair): (u16, Bounded<ByteBuf, PUSH_MAX>, bool) = read(body)?;
                let entries = entries.0.into_iter().map(|entry| entry.into_vec().into()).collect();
                Self::Push { room, entries, repair }
            }
            kind::HAVE => {
                let (room, marks, cause): (_, ByteBuf, _) = read(body)?;
                let marks = unpack(&marks, LIST_MAX)?.into_iter().map(Mark).collect();
                Self::Have { room, marks, cause: Cause::from_number(cause) }
            }
            kind::WANT => {
                let (room, marks) = read_list(body, WANT_MAX)?;
                Self::Want { room, marks: marks.map(Mark).collect() }
            }
            kind::STORED => {
                let (room, ids) = read_list(body, LIST_MAX)?;
                Self::Stored { room, ids: ids.map(EntryId).collect() }
            }
            kind::SUMS => {
                type Day = (u32, ByteArray<16>);
                let (room, answer, from, to, days): (_, _, _, _, Bounded<Day, DAYS_MAX>) = read(body)?;
                let days = days.0.into_iter().map(|(day, digest)| (day, digest.into_array())).collect();
                Self::Sums { room, answer, from, to, days }
            }
            kind::RECONCILE => {
                let (room, from, to, round, message): (_, _, _, _, ByteBuf) = read(body)?;
                let message = Bytes::from(message.into_vec());
                (message.len() <= RECONCILE_MAX).then_some(())?;
                Self::Reconcile { room, from: Stamp(from), to: Stamp(to), round, message }
            }
            kind::HEARTBEAT => {
                type Room = (u16, u64, ByteArray<16>);
                let (counter, clock, members, rooms): (_, _, _, Bounded<Room, PULSES_MAX>) = read(body)?;
                let pulse = |(room, up_to, digest): Room| Pulse {
                    room,
                    up_to: Stamp(up_to),
                    digest: digest.into_array(),
                };
                let rooms = rooms.0.into_iter().map(pulse).collect();
                Self::Heartbeat { counter, clock: UnixMillis(clock), members, rooms }
            }
            kind::KNOWN => {
                let (known,): (Bounded<(ByteArray<8>, u64), KNOWN_MAX>,) = read(body)?;
                Self::Known(
                    known.0.into_iter().map(|(tag, version)| (Tag(tag.into_array()), version)).collect(),
                )
            }
            kind::ASK => {
                let (tags,): (ByteBuf,) = read(body)?;
                let tags = tags.chunks_exact(8);
                (tags.remainder().is_empty() && tags.len() <= ASK_MAX).then_some(())?;
                Self::Ask(tags.filter_map(|tag| tag.first_chunk().copied().map(Tag)).collect())
            }
            kind::KEEP => {
                let (keep,) = read(body)?;
                Self::Keep(Keep::from_number(keep))
            }
            kind::SUM => {
                let (sum,) = read(body)?;
                Self::Sum(sum)
            }
            kind::COMPARE => {
                let (step, binding, value): (u8, ByteArray<8>, ByteArray<32>) = read(body)?;
                let (binding, value) = (binding.into_array(), value.into_array());
                Self::Compare { step: Step::from_number(step)?, binding, value }
            }
            kind::FILE_WANT => {
                let (room, number, entry, item, offset, size): (_, _, ByteArray<32>, _, _, _) = read(body)?;
                let file = MessageId { entry: EntryId(entry.into_array()), item };
                Self::FileWant { room, number, file, offset, size }
            }
            kind::FILE_END => {
                let (number, by_sender, why) = read(body)?;
                Self::FileEnd { number, by_sender, why: Ended::from_number(why) }
            }
            kind::RELAY => {
                let (to, bytes) = read_relayed(body)?;
                Self::Relay { to, bytes }
            }
            kind::RELAYED => {
                let (from, bytes) = read_relayed(body)?;
                Self::Relayed { from, bytes }
            }
            kind => Self::Unknown { kind },
        })
    }
}

fn relayed(kind: u8, run: &Tag, bytes: &Bytes) -> Bytes {
    write(kind, &(ByteArray::new(run.0), serde_bytes::Bytes::new(bytes)), bytes.len())
}

fn read_relayed(body: &[u8]) -> Option<(Tag, Bytes)> {
    let (run, bytes): (ByteArray<8>, ByteBuf) = read(body)?;
    (bytes.len() <= RELAYED_MAX).then(|| (Tag(run.into_array()), bytes.into_vec().into()))
}

/// The first byte of each frame.
mod kind {
    pub(super) const RECORD: u8 = 1;
    pub(super) const PROOFS: u8 = 2;
    pub(super) const FLOOR: u8 = 3;
    pub(super) const PUSH: u8 = 4;
    pub(super) const HAVE: u8 = 5;
    pub(super) const WANT: u8 = 6;
    pub(super) const STORED: u8 = 7;
    pub(super) const SUMS: u8 = 8;
    pub(super) const RECONCILE: u8 = 9;
    pub(super) const HEARTBEAT: u8 = 10;
    pub(super) const KNOWN: u8 = 11;
    pub(super) const ASK: u8 = 12;
    pub(super) const KEEP: u8 = 13;
    pub(super) const PRUNE: u8 = 14;
    pub(super) const SUM: u8 = 15;
    pub(super) const COMPARE: u8 = 16;
    pub(super) const FILE_WANT: u8 = 17;
    pub(super) const FILE_END: u8 = 18;
    pub(super) const RELAY: u8 = 19;
    pub(super) const RELAYED: u8 = 20;
}

#[cfg(test)]
mod tests;
