//! What packets say, for [`Output::Trace`](crate::Output::Trace): frame by frame, without tokens and keys.

use alloc::{format, string::String, vec::Vec};

use ::bytes::Bytes;

use super::{
    LinkId,
    association::Association,
    frame::{Ack, Frame, Frames, Parting},
    packet::{DATAGRAM_MAX, Packet, RELAYED_MAX},
    streams::StreamId,
};
use crate::{identity::PeerKey, stats::SessionStats};

/// Ranges of an acknowledgement that are written out.
const RANGES_SHOWN: usize = 4;

/// What one packet said, or more of it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) peer: PeerKey,
    /// Its association, once there is one.
    pub(crate) link: Option<LinkId>,
    pub(crate) direction: Direction,
    /// `None` when this is more of the same packet.
    pub(crate) number: Option<u64>,
    pub(crate) parts: Vec<Part>,
}

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    In,
    Out,
}

/// One thing in a packet.
#[derive(Debug)]
pub(crate) enum Part {
    /// It concerns the session alone.
    Line(String),
    /// What travels inside the session, behind these words.
    Frame(&'static str, Bytes),
}

impl Told {
    /// A packet outside of any association.
    pub(super) fn bare(peer: PeerKey, direction: Direction, number: u64, plain: &[u8]) -> Self {
        let mut parts = Vec::new();
        put_frames(plain, &mut parts, |_, _, _| {});
        Self { peer, link: None, direction, number: Some(number), parts }
    }
}

impl Association {
    /// A packet that goes out or has come in.
    pub(super) fn told(&self, direction: Direction, number: u64, plain: &[u8]) -> Told {
        let mut parts = Vec::new();
        put_frames(plain, &mut parts, |offset, length, parts| {
            if direction == Direction::Out {
                parts.extend(self.streams.records.outgoing.ending_in(offset, length).cloned().map(record));
            }
        });
        Told { peer: self.peer, link: Some(self.link), direction, number: Some(number), parts }
    }

    /// The records that have become whole by what has come in, behind those `before`.
    pub(super) fn told_whole(&self, before: usize) -> Option<Told> {
        let parts: Vec<_> =
            self.streams.records.incoming.waiting().iter().skip(before).cloned().map(record).collect();
        (!parts.is_empty()).then(|| Told {
            peer: self.peer,
            link: Some(self.link),
            direction: Direction::In,
            number: None,
            parts,
        })
    }
}

const fn record(bytes: Bytes) -> Part {
    Part::Frame("record: ", bytes)
}

/// Tells of every frame in `plain`; `on_stream` of what a stretch of the stream holds.
fn put_frames(plain: &[u8], parts: &mut Vec<Part>, mut on_stream: impl FnMut(u64, usize, &mut Vec<Part>)) {
    for frame in Frames::new(plain) {
        let line = match frame {
            Some(Frame::Datagram(bytes)) => {
                parts.push(Part::Frame("datagram: ", Bytes::copy_from_slice(bytes)));
                continue;
            }
            Some(Frame::Aside(bytes)) => {
                parts.push(Part::Frame("aside: ", Bytes::copy_from_slice(bytes)));
                continue;
            }
            Some(Frame::Stream { id, offset, bytes }) => {
                parts.push(Part::Line(format!(
                    "stream {id}: bytes {offset}..{}",
                    offset + bytes.len() as u64
                )));
                if id == StreamId::Records.number() {
                    on_stream(offset, bytes.len(), parts);
                }
                continue;
            }
            Some(Frame::Ping) => String::from("ping: acknowledge this at once"),
            Some(Frame::Ack(ack)) => acknowledgement(&ack),
            Some(Frame::Credit { id, limit }) => format!("credit: stream {id} up to byte {limit}"),
            Some(Frame::Challenge(_)) => String::from("challenge: is this your address?"),
            Some(Frame::Response(_)) => String::from("response: it is"),
            Some(Frame::Close(Parting::Left)) => String::from("close: the sender leaves"),
            Some(Frame::Close(Parting::Crowded)) => {
                String::from("close: the sender has no place for this session")
            }
            Some(Frame::Welcome(_)) => String::from("welcome: the handshake is accepted"),
            Some(Frame::Unknown) => String::from("a frame of a later version"),
            None => String::from("rubbish: the whole packet is dropped"),
        };
        parts.push(Part::Line(line));
    }
}

fn acknowledgement(ack: &Ack<'_>) -> String {
    let mut line = String::from("ack: ");
    for (index, range) in ack.ranges().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        if index == RANGES_SHOWN {
            line.push_str(", and older ones");
            break;
        }
        line.push_str(&match range.end - range.start {
            1 => format!("{comma}{}", range.start),
            _ => format!("{comma}{} to {}", range.start, range.end.saturating_sub(1)),
        });
    }
    line.push_str(&format!("; {} came {} µs ago", ack.largest, ack.delay.as_micros()));
    line
}

/// What a datagram is that no session has sealed.
pub(crate) fn handshake(bytes: &[u8]) -> Option<String> {
    // A hello that a neighbour passes on is shorter.
    let most = if bytes.len() == RELAYED_MAX { RELAYED_MAX } else { DATAGRAM_MAX };
    Some(match Packet::read(bytes, most)? {
        Packet::Hello(hello) => {
            let cookie = if hello.cookie.iter().any(|&byte| byte != 0) { ", with a cookie" } else { "" };
            format!("hello: handshake 1 of 3, to be answered to session {:016x}{cookie}", hello.from)
        }
        Packet::Answer { to, noise } => {
            format!("answer: handshake 2 of 3, {} bytes for session {to:016x}", noise.len())
        }
        Packet::Finish { to, noise } => {
            format!("finish: handshake 3 of 3, {} bytes for session {to:016x}", noise.len())
        }
        Packet::Cookie { to, .. } => format!("cookie: session {to:016x} is to say hello again with it"),
        Packet::Stranger { id } => format!("stranger: nobody here has session {id:016x}"),
        Packet::Data { .. } => return None,
    })
}

/// Why a datagram that has come in means nothing, by what was counted.
pub(crate) fn dropped(before: &SessionStats, after: &SessionStats) -> Option<&'static str> {
    let reasons = [
        (after.stray > before.stray, "dropped: of no known kind, or for no session here"),
        (after.forged > before.forged, "dropped: it does not open with the key of its session"),
        (after.replayed > before.replayed, "dropped: it has come before, or is too old to tell"),
        (after.malformed > before.malformed, "dropped: what is in it cannot be read"),
        (after.refused > before.refused, "dropped: no more handshakes or sessions are taken"),
    ];
    reasons.into_iter().find(|&(grown, _)| grown).map(|(_, reason)| reason)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            frame::{put_ack, put_challenge, put_close, put_credit, put_ping, put_response, put_welcome},
            packet::{self, COOKIE, Hello},
            ranges::Ranges,
        },
        *,
    };

    #[test]
    fn a_packet_reads_frame_by_frame_and_no_token_is_told() {
        let (mut plain, mut received) = (Vec::new(), Ranges::new());
        (0..6).for_each(|part| received.insert(part * 10..part * 10 + 1 + part % 2));
        put_welcome(&mut plain, 0xabab);
        put_challenge(&mut plain, [0xab; 8]);
        put_response(&mut plain, [0xab; 8]);
        put_credit(&mut plain, StreamId::Records, 70);
        assert!(put_ack(&mut plain, &received, core::time::Duration::from_micros(25), 900));
        put_ping(&mut plain);
        put_close(&mut plain, Parting::Left);
        plain.push(63);
        let told = Told::bare(PeerKey([1; 32]), Direction::In, 5, &plain);
        let lines: Vec<_> = told
            .parts
            .into_iter()
            .map(|part| match part {
                Part::Line(line) => line,
                Part::Frame(..) => panic!("no frame inside"),
            })
            .collect();
        let expected = [
            "welcome: the handshake is accepted",
            "challenge: is this your address?",
            "response: it is",
            "credit: stream 0 up to byte 70",
            "ack: 50 to 51, 40, 30 to 31, 20, and older ones; 51 came 25 µs ago",
            "ping: acknowledge this at once",
            "close: the sender leaves",
            "rubbish: the whole packet is dropped",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_handshake_is_told_without_its_cookie_and_its_keys() {
        let hello = Hello { from: 7, cookie: [0xab; COOKIE], noise: [0xcd; 32] }.write(DATAGRAM_MAX);
        let line = "hello: handshake 1 of 3, to be answered to session 0000000000000007, with a cookie";
        assert_eq!(handshake(&hello).as_deref(), Some(line));
        let answer = packet::answer(8, &[0xcd; 208]);
        let line = "answer: handshake 2 of 3, 208 bytes for session 0000000000000008";
        assert_eq!(handshake(&answer).as_deref(), Some(line));
        let cookie = packet::cookie(9, &[0xab; COOKIE]);
        let line = "cookie: session 0000000000000009 is to say hello again with it";
        assert_eq!(handshake(&cookie).as_deref(), Some(line));
        assert_eq!(handshake(&packet::data(1, 2, 3)), None);
    }
}
