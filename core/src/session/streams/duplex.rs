//! Both directions of one stream, and its name.

use bytes::Bytes;

use super::{
    BULK_WINDOW, BULK_WINDOW_MAX, HEAD_MAX, Incoming, Outgoing, PIECE_MAX, RECORD_MAX, WINDOW, Window,
};
use crate::time::Instant;

/// One of the two streams of an association, by its number in frames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::session) enum StreamId {
    /// What people say, and all that keeps it in step.
    Records,
    /// Files: it is sent when there is nothing else to send.
    Bulk,
}

impl StreamId {
    pub(in crate::session) const fn number(self) -> u8 {
        match self {
            Self::Records => 0,
            Self::Bulk => 1,
        }
    }

    pub(in crate::session) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Records),
            1 => Some(Self::Bulk),
            _ => None,
        }
    }
}

/// Bytes of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::session) struct Piece {
    pub(in crate::session) stream: StreamId,
    pub(in crate::session) offset: u64,
    pub(in crate::session) length: usize,
}

/// Both streams.
#[derive(Debug)]
pub(in crate::session) struct Streams {
    pub(in crate::session) records: Duplex,
    pub(in crate::session) bulk: Duplex,
}

impl Streams {
    pub(in crate::session) fn new() -> Self {
        Self {
            records: Duplex::new(Window::new(WINDOW, WINDOW), RECORD_MAX),
            bulk: Duplex::new(Window::new(BULK_WINDOW, BULK_WINDOW_MAX), PIECE_MAX + HEAD_MAX),
        }
    }

    pub(in crate::session) const fn of(&mut self, stream: StreamId) -> &mut Duplex {
        match stream {
            StreamId::Records => &mut self.records,
            StreamId::Bulk => &mut self.bulk,
        }
    }

    /// Whether there are bytes that may be sent now.
    pub(in crate::session) fn have_more(&self) -> bool {
        self.next().is_some()
    }

    /// The stream whose bytes go next.
    pub(in crate::session) fn next(&self) -> Option<StreamId> {
        if self.records.outgoing.has_more() {
            Some(StreamId::Records)
        } else {
            self.bulk.outgoing.has_more().then_some(StreamId::Bulk)
        }
    }

    /// Whether a sender is to be told how far it may send now.
    pub(in crate::session) const fn want_credit(&self) -> bool {
        self.records.wants_credit || self.bulk.wants_credit
    }

    /// What was told of credit got lost.
    pub(in crate::session) fn tell_credit_again(&mut self) {
        self.records.wants_credit = true;
        self.bulk.wants_credit = self.bulk.incoming.has_begun();
    }
}

/// Both directions of one stream.
#[derive(Debug)]
pub(in crate::session) struct Duplex {
    pub(in crate::session) outgoing: Outgoing,
    pub(in crate::session) incoming: Incoming,
    /// Whether the sender is to be told how far it may send now.
    pub(in crate::session) wants_credit: bool,
}

impl Duplex {
    fn new(window: Window, record_max: usize) -> Self {
        let outgoing = Outgoing::new(window.bytes());
        Self { outgoing, incoming: Incoming::new(window, record_max), wants_credit: false }
    }

    /// Hands out the records that have come whole.
    pub(in crate::session) fn deliver(&mut self, now: Instant, mut to: impl FnMut(Bytes)) {
        while let Some(bytes) = self.incoming.pop() {
            to(bytes);
        }
        self.wants_credit |= self.incoming.credit(now).is_some();
    }
}
