//! What is inside a data packet: a sequence of frames.
//!
//! ```text
//! 1 ping                                             acknowledge this packet at once
//! 2 ack        largest, delay in µs, more, first, (gap, length) * more      as RFC 9000 section 19.3
//! 3 stream     stream id, offset, length, bytes
//! 4 credit     stream id, offset up to which the receiver takes bytes
//! 5 datagram   length, bytes                          with a ping: a heartbeat
//! 6 challenge  8 bytes                               is this your address?
//! 7 response   the same 8 bytes
//! 8 close                                            goodbye: the sender leaves
//! 9 welcome    association id, 8 bytes               the handshake is accepted
//! 10 crowded                                         goodbye: the sender stays, and has no place for the receiver
//! 11 answer    length, bytes                          to a heartbeat: the receiver's own; acknowledged by nobody
//! 64 and above: length, bytes                        skipped by whoever does not know it
//! ```
//!
//! Kinds and stream ids are one byte, all other numbers varints (RFC 9000 section 16).

use alloc::vec::Vec;
use core::{ops::Range, time::Duration};

use super::{
    bytes::{Reader, VARINT_MAX, put_varint, varint_len},
    ranges::Ranges,
    streams::{Piece, StreamId},
};

/// The most ranges in one acknowledgement.
pub(super) const RANGES_MAX: usize = 32;
/// What a datagram frame adds to its bytes, at most.
pub(super) const DATAGRAM_OVERHEAD: usize = 1 + 2;

const PING: u8 = 1;
const ACK: u8 = 2;
const STREAM: u8 = 3;
const CREDIT: u8 = 4;
const DATAGRAM: u8 = 5;
const CHALLENGE: u8 = 6;
const RESPONSE: u8 = 7;
const CLOSE: u8 = 8;
const WELCOME: u8 = 9;
const CROWDED: u8 = 10;
const ASIDE: u8 = 11;
const SKIPPABLE: u8 = 64;

#[derive(Clone, Copy, Debug)]
pub(super) enum Frame<'a> {
    Ping,
    Ack(Ack<'a>),
    Stream {
        id: u8,
        offset: u64,
        bytes: &'a [u8],
    },
    Credit {
        id: u8,
        limit: u64,
    },
    Datagram(&'a [u8]),
    /// A datagram that wants no acknowledgement.
    Aside(&'a [u8]),
    Challenge([u8; 8]),
    Response([u8; 8]),
    Close(Parting),
    Welcome(u64),
    Unknown,
}

impl Frame<'_> {
    /// Whether a packet with it wants to be acknowledged.
    pub(super) const fn is_eliciting(&self) -> bool {
        !matches!(self, Self::Ack(_) | Self::Aside(_))
    }

    /// Whether it cannot wait for the acknowledgement timer.
    pub(super) const fn is_urgent(&self) -> bool {
        matches!(self, Self::Ping | Self::Close(_) | Self::Welcome(_))
    }
}

/// Why somebody says goodbye.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Parting {
    /// It leaves.
    Left,
    /// It stays, and has no place for the other.
    Crowded,
}

/// Reads the frames of a packet one by one; `Some(None)` stands for rubbish and ends it.
#[derive(Clone, Debug)]
pub(super) struct Frames<'a>(Option<Reader<'a>>);

impl<'a> Frames<'a> {
    pub(super) const fn new(plain: &'a [u8]) -> Self {
        Self(Some(Reader::new(plain)))
    }

    /// Whether all of them can be read. One acknowledgement says all that there is to say, and each is work.
    pub(super) fn are_sound(&self) -> bool {
        let mut acks = 0;
        self.clone().all(|frame| {
            acks += u32::from(matches!(frame, Some(Frame::Ack(_))));
            frame.is_some() && acks <= 1
        })
    }

    /// Whether there is a goodbye among them.
    pub(super) fn have_close(&self) -> bool {
        self.clone().flatten().any(|frame| matches!(frame, Frame::Close(_)))
    }

    /// The association id of the welcome among them.
    pub(super) fn welcome(&self) -> Option<u64> {
        self.clone().flatten().find_map(|frame| match frame {
            Frame::Welcome(id) => Some(id),
            _ => None,
        })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Option<Frame<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.0.take().filter(|reader| !reader.is_empty())?;
        let frame = read(&mut reader);
        if frame.is_some() {
            self.0 = Some(reader);
        }
        Some(frame)
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Option<Frame<'a>> {
    Some(match reader.u8()? {
        PING => Frame::Ping,
        ACK => Frame::Ack(Ack::read(reader)?),
        STREAM => {
            let (id, offset, bytes) = (reader.u8()?, reader.varint()?, reader.prefixed()?);
            offset.checked_add(bytes.len() as u64).filter(|&end| end <= VARINT_MAX)?;
            Frame::Stream { id, offset, bytes }
        }
        CREDIT => Frame::Credit { id: reader.u8()?, limit: reader.varint()? },
        DATAGRAM => Frame::Datagram(reader.prefixed()?),
        ASIDE => Frame::Aside(reader.prefixed()?),
        CHALLENGE => Frame::Challenge(reader.array()?),
        RESPONSE => Frame::Response(reader.array()?),
        CLOSE => Frame::Close(Parting::Left),
        CROWDED => Frame::Close(Parting::Crowded),
        WELCOME => Frame::Welcome(reader.u64()?),
        SKIPPABLE.. => {
            reader.prefixed()?;
            Frame::Unknown
        }
        _ => return None,
    })
}

/// Which packets have arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ack<'a> {
    pub(super) largest: u64,
    /// How long the receiver has had the largest before it wrote this.
    pub(super) delay: Duration,
    more: usize,
    /// Begins with the length of the first range.
    ranges: Reader<'a>,
}

impl<'a> Ack<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let (largest, delay) = (reader.varint()?, Duration::from_micros(reader.varint()?));
        let more = usize::try_from(reader.varint()?).ok().filter(|&more| more < RANGES_MAX)?;
        let ack = Self { largest, delay, more, ranges: *reader };
        let mut walk = ack.walk();
        for _ in 0..=more {
            walk.step()?;
        }
        *reader = walk.reader;
        Some(ack)
    }

    /// The packet numbers, from the highest range to the lowest.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let mut walk = self.walk();
        (0..=self.more).map_while(move |_| walk.step())
    }

    const fn walk(&self) -> Walk<'a> {
        Walk { reader: self.ranges, end: self.largest + 1, first: true }
    }
}

/// Goes down through the ranges of an acknowledgement.
struct Walk<'a> {
    reader: Reader<'a>,
    /// One more than the highest number that the next range may hold.
    end: u64,
    first: bool,
}

impl Walk<'_> {
    fn step(&mut self) -> Option<Range<u64>> {
        if !self.first {
            // RFC 9000 section 19.3.1: a gap is one less than the numbers it leaves out.
            self.end = self.end.checked_sub(self.reader.varint()? + 1)?;
        }
        self.first = false;
        let range = self.end.checked_sub(self.reader.varint()? + 1)?..self.end;
        self.end = range.start;
        Some(range)
    }
}

/// Appends an acknowledgement of the highest ranges that fit into `space` bytes; false when not even one does.
pub(super) fn put_ack(out: &mut Vec<u8>, received: &Ranges, delay: Duration, space: usize) -> bool {
    let Some(top) = received.last() else { return false };
    let delay = u64::try_from(delay.as_micros()).unwrap_or(VARINT_MAX).min(VARINT_MAX);
    // The number of further ranges always fits one byte: there are at most 32.
    let fixed = 1 + varint_len(top.end - 1) + varint_len(delay) + 1 + varint_len(top.end - top.start - 1);
    let Some(mut left) = space.checked_sub(fixed) else { return false };
    let below = || {
        let pairs = received.descending().zip(received.descending().skip(1)).take(RANGES_MAX - 1);
        pairs.map(|(above, range)| (above.start - range.end - 1, range.end - range.start - 1))
    };
    let fitting = below().take_while(|&(gap, length)| {
        let rest = left.checked_sub(varint_len(gap) + varint_len(length));
        left = rest.unwrap_or(left);
        rest.is_some()
    });
    let more = fitting.count();
    out.push(ACK);
    for number in [top.end - 1, delay, more as u64, top.end - top.start - 1] {
        put_varint(out, number);
    }
    for (gap, length) in below().take(more) {
        put_varint(out, gap);
        put_varint(out, length);
    }
    true
}

pub(super) fn put_ping(out: &mut Vec<u8>) {
    out.push(PING);
}

/// What a stream frame adds to its bytes when they fill a packet.
pub(super) const fn stream_overhead(offset: u64) -> usize {
    1 + 1 + varint_len(offset) + 2
}

/// Appends all of a stream frame but its bytes.
pub(super) fn put_stream(out: &mut Vec<u8>, piece: Piece) {
    out.extend_from_slice(&[STREAM, piece.stream.number()]);
    put_varint(out, piece.offset);
    put_varint(out, piece.length as u64);
}

pub(super) fn put_credit(out: &mut Vec<u8>, stream: StreamId, limit: u64) {
    out.extend_from_slice(&[CREDIT, stream.number()]);
    put_varint(out, limit);
}

pub(super) fn put_datagram(out: &mut Vec<u8>, bytes: &[u8]) {
    put_prefixed(out, DATAGRAM, bytes);
}

pub(super) fn put_aside(out: &mut Vec<u8>, bytes: &[u8]) {
    put_prefixed(out, ASIDE, bytes);
}

fn put_prefixed(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn put_challenge(out: &mut Vec<u8>, token: [u8; 8]) {
    out.push(CHALLENGE);
    out.extend_from_slice(&token);
}

pub(super) fn put_response(out: &mut Vec<u8>, token: [u8; 8]) {
    out.push(RESPONSE);
    out.extend_from_slice(&token);
}

pub(super) fn put_close(out: &mut Vec<u8>, parting: Parting) {
    out.push(match parting {
        Parting::Left => CLOSE,
        Parting::Crowded => CROWDED,
    });
}

pub(super) fn put_welcome(out: &mut Vec<u8>, association: u64) {
    out.push(WELCOME);
    out.extend_from_slice(&association.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) -> bool {
            for frame in Frames::new(&bytes).flatten() {
                if let Frame::Ack(ack) = frame {
                    let ranges: Vec<_> = ack.ranges().collect();
                    if ranges.is_empty() || ranges.windows(2).any(|pair| pair[1].end >= pair[0].start) {
                        return false;
                    }
                }
            }
            true
        }

        fn acknowledgements_are_read_as_written(parts: Vec<(u16, u8)>, space: u8) -> bool {
            let mut received = Ranges::new();
            for (start, length) in parts {
                received.insert(u64::from(start)..u64::from(start) + u64::from(length) + 1);
            }
            let (mut out, space) = (Vec::new(), usize::from(space));
            let written = put_ack(&mut out, &received, Duration::from_micros(300), space);
            let mut frames = Frames::new(&out);
            match frames.next() {
                Some(Some(Frame::Ack(ack))) => {
                    let ranges: Vec<_> = ack.ranges().collect();
                    let all = ranges.len() == received.descending().len().min(RANGES_MAX);
                    written
                        && out.len() <= space
                        && (all || space < 200)
                        && ranges.iter().eq(received.descending().take(ranges.len()))
                        && frames.next().is_none()
                }
                Some(_) => false,
                None => !written,
            }
        }
    }

    #[test]
    fn frames_are_read_as_written() {
        let mut out = Vec::new();
        put_ping(&mut out);
        put_welcome(&mut out, 5);
        put_credit(&mut out, StreamId::Records, 1 << 20);
        put_datagram(&mut out, b"latest");
        put_challenge(&mut out, [7; 8]);
        put_response(&mut out, [8; 8]);
        out.extend_from_slice(&[200, 2, 0, 0]);
        put_stream(&mut out, Piece { stream: StreamId::Records, offset: 70_000, length: 3 });
        out.extend_from_slice(b"abc");
        put_close(&mut out, Parting::Left);
        put_close(&mut out, Parting::Crowded);
        put_aside(&mut out, b"here");
        let frames = Frames::new(&out);
        assert!(frames.are_sound());
        assert_eq!(frames.welcome(), Some(5));
        let shown: Vec<_> = frames.flatten().map(|frame| alloc::format!("{frame:?}")).collect();
        assert_eq!(shown[2], "Credit { id: 0, limit: 1048576 }");
        assert_eq!(shown[6], "Unknown");
        assert_eq!(shown[7], "Stream { id: 0, offset: 70000, bytes: [97, 98, 99] }");
        assert_eq!(shown[8..], ["Close(Left)", "Close(Crowded)", "Aside([104, 101, 114, 101])"]);
    }

    #[test]
    fn rubbish_behind_good_frames_spoils_the_packet() {
        assert!(!Frames::new(&[PING, 63]).are_sound());
        assert!(!Frames::new(&[DATAGRAM, 2, 0]).are_sound());
        assert!(!Frames::new(&[ACK, 1, 0, 1, 0, 0, 0]).are_sound(), "a range below zero");
        assert!(!Frames::new(&[ACK, 9, 0, 32]).are_sound(), "too many ranges");
        let ack = [ACK, 9, 0, 0, 3];
        assert!(Frames::new(&ack).are_sound() && !Frames::new(&[ack, ack].concat()).are_sound());
    }
}
