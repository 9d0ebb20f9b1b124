//! The six kinds of datagram on the chat socket.
//!
//! ```text
//! hello    1 | sender's id | cookie 16 | Noise message 1: 32          | zeros up to 1200, inside another session 1080
//! answer   2 | receiver's id           | Noise message 2: 208
//! finish   3 | receiver's id           | Noise message 3: 176
//! data     4 | receiver's id | number  | sealed frames
//! cookie   5 | receiver's id | cookie 16
//! stranger 6 | the id that nobody here knows
//! ```
//!
//! Ids are 64 random bits that the receiver picked; numbers are big-endian. Noise authenticates no header, so none
//! of this means anything by itself: a wrong id or number only makes the tag fail.

use alloc::vec::Vec;

use core::net::SocketAddr;

use bytes::Bytes;

use super::bytes::Reader;
use crate::{relay::is_made_up, suite::TAG};

/// The most UDP payload a session ever sends: fits every link that carries IPv6 (RFC 8200 section 5) with room
/// for tunnels.
pub(super) const DATAGRAM_MAX: usize = 1200;
/// The same of one that is carried inside another session: what a datagram there has room for, less what says whose it
/// is, and a little for what that may say one day.
pub(super) const RELAYED_MAX: usize = 1080;
/// What a data packet adds to its frames.
pub(super) const OVERHEAD: usize = DATA_HEADER + TAG;
/// Bytes of a cookie.
pub(super) const COOKIE: usize = 16;

const DATA_HEADER: usize = 1 + 8 + 8;
/// Bytes of Noise message 1: an ephemeral key.
const MESSAGE_1: usize = 32;

const HELLO: u8 = 1;
const ANSWER: u8 = 2;
const FINISH: u8 = 3;
const DATA: u8 = 4;
const COOKIE_REPLY: u8 = 5;
const STRANGER: u8 = 6;

/// A datagram as it came in, with nothing proven.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packet<'a> {
    /// Starts a handshake.
    Hello(Hello),
    /// The responder's half.
    Answer { to: u64, noise: &'a [u8] },
    /// The initiator's second half.
    Finish { to: u64, noise: &'a [u8] },
    /// Everything afterwards.
    Data { to: u64, number: u64, sealed: &'a [u8] },
    /// Say hello again with this.
    Cookie { to: u64, cookie: [u8; COOKIE] },
    /// Nobody here has this id.
    Stranger { id: u64 },
}

/// Message 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hello {
    /// The initiator's id: where the answer goes.
    pub(super) from: u64,
    /// What the responder asked to have back, or zeros.
    pub(super) cookie: [u8; COOKIE],
    pub(super) noise: [u8; MESSAGE_1],
}

impl<'a> Packet<'a> {
    /// Reads a datagram; `None` when it is of no known kind or has a wrong length. `most`: see [`most`].
    pub(super) fn read(bytes: &'a [u8], most: usize) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (kind, id) = (reader.u8()?, reader.u64()?);
        match kind {
            // A shorter one would let the answer be more than three times its size.
            HELLO if bytes.len() == most => {
                Some(Self::Hello(Hello { from: id, cookie: reader.array()?, noise: reader.array()? }))
            }
            ANSWER => Some(Self::Answer { to: id, noise: reader.rest() }),
            FINISH => Some(Self::Finish { to: id, noise: reader.rest() }),
            DATA if bytes.len() <= most && bytes.len() > OVERHEAD => {
                Some(Self::Data { to: id, number: reader.u64()?, sealed: reader.rest() })
            }
            COOKIE_REPLY => Some(Self::Cookie { to: id, cookie: reader.array()? }),
            STRANGER => Some(Self::Stranger { id }),
            _ => None,
        }
    }
}

impl Hello {
    /// The datagram, padded: whoever asks for an answer shows that its path carries full ones.
    pub(super) fn write(&self, most: usize) -> Bytes {
        let mut out = start(HELLO, self.from);
        out.extend_from_slice(&self.cookie);
        out.extend_from_slice(&self.noise);
        out.resize(most, 0);
        out.into()
    }
}

/// The most bytes of a datagram to or from `address`.
pub(super) const fn most(address: SocketAddr) -> usize {
    if is_made_up(address.ip()) { RELAYED_MAX } else { DATAGRAM_MAX }
}

pub(super) fn answer(to: u64, noise: &[u8]) -> Bytes {
    with(start(ANSWER, to), noise)
}

pub(super) fn finish(to: u64, noise: &[u8]) -> Bytes {
    with(start(FINISH, to), noise)
}

pub(super) fn cookie(to: u64, cookie: &[u8; COOKIE]) -> Bytes {
    with(start(COOKIE_REPLY, to), cookie)
}

pub(super) fn stranger(id: u64) -> Bytes {
    start(STRANGER, id).into()
}

/// The header of a data packet, with room for what follows.
pub(super) fn data(to: u64, number: u64, plain: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(OVERHEAD + plain);
    out.push(DATA);
    out.extend_from_slice(&to.to_be_bytes());
    out.extend_from_slice(&number.to_be_bytes());
    out
}

fn start(kind: u8, id: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(DATAGRAM_MAX);
    out.push(kind);
    out.extend_from_slice(&id.to_be_bytes());
    out
}

fn with(mut out: Vec<u8>, rest: &[u8]) -> Bytes {
    out.extend_from_slice(rest);
    out.shrink_to_fit();
    out.into()
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>, kind: u8) -> bool {
            let mut bytes = bytes;
            bytes.iter_mut().take(1).for_each(|first| *first = kind % 8);
            let read = Packet::read(&bytes, DATAGRAM_MAX).is_some();
            !read || bytes.len() >= 9
        }
    }

    #[test]
    fn a_hello_is_as_long_as_a_datagram_may_be_and_no_other_length_counts() {
        for most in [DATAGRAM_MAX, RELAYED_MAX] {
            let hello = Hello { from: 7, cookie: [1; COOKIE], noise: [2; 32] }.write(most);
            assert_eq!(hello.len(), most);
            let Some(Packet::Hello(read)) = Packet::read(&hello, most) else { panic!("not read") };
            assert_eq!((read.from, read.cookie, read.noise), (7, [1; COOKIE], [2; 32]));
            assert!(Packet::read(&hello[..most - 1], most).is_none());
            assert!(Packet::read(&hello, most + 1).is_none());
        }
    }

    #[test]
    fn a_full_data_packet_is_exactly_as_long_as_a_datagram_may_be() {
        let plain = DATAGRAM_MAX - OVERHEAD;
        let header = data(1, 2, plain);
        assert_eq!(header.len() + plain + TAG, DATAGRAM_MAX);
        assert_eq!(header.capacity(), DATAGRAM_MAX);
    }
}
