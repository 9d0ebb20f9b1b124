//! What an association sends: many small things packed into few datagrams.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::{
    Limits, Wish,
    association::{Association, Host, State},
    frame::{
        DATAGRAM_OVERHEAD, put_aside, put_challenge, put_close, put_credit, put_datagram, put_ping,
        put_response, put_stream, put_welcome, stream_overhead,
    },
    packet::{self, DATAGRAM_MAX, OVERHEAD},
    recovery::Sent,
    streams::{Piece, StreamId},
    trace::Direction,
};
use crate::{
    boundary::{Transmit, Via},
    stats::SessionStats,
    time::Instant,
};

/// Less room than this is not worth a packet; all small frames fit into it.
const ROOM_MIN: usize = 64;
/// Fewer bytes of a stream than this wait for the next packet.
const STREAM_MIN: usize = 32;
/// With a window below this a sender asks for an acknowledgement before it has to stop.
const ASKING_WINDOW: usize = 64 * DATAGRAM_MAX;
/// A packet number is left out after so many, and up to twice as many (RFC 9000 section 21.4).
const SKIP_EACH: u64 = 256;

/// What one packet holds, for when it is acknowledged or lost.
#[derive(Debug, Default)]
struct Content {
    /// Whether anything in it is worth sending it for.
    worthwhile: bool,
    eliciting: bool,
    piece: Option<Piece>,
    acked: Option<u64>,
    credit: bool,
    close: bool,
}

impl Association {
    /// Sends all that is to be sent and may be.
    pub(super) fn flush(&mut self, now: Instant, limits: &Limits, host: &mut Host<'_>, plain: &mut Vec<u8>) {
        self.recovery.before_sending(now);
        while self.send_packet(now, host, plain) {}
        self.settle();
        self.ask_elsewhere(host, plain);
        let is_worn = self.space.packets >= limits.packets(self.space.dialled);
        if is_worn || self.space.failures >= limits.failures {
            self.renew_worn(now);
        }
    }

    /// Sends one packet, if there is reason to. `plain` is room to work in.
    fn send_packet(&mut self, now: Instant, host: &mut Host<'_>, plain: &mut Vec<u8>) -> bool {
        // What was said before a goodbye goes before it, as far as it may.
        let talks = self.is_live() || self.wants.close;
        let has_datagrams = !self.datagrams.is_empty() || !self.passing.is_empty();
        let has_data = talks && (self.streams.have_more() || has_datagrams);
        let has_window = self.wants.probes > 0 || has_data && self.recovery.may_send(now);
        if has_data && !has_window {
            self.recovery.congestion.on_limited();
        }
        let with_data = has_data && has_window;
        if !with_data && !self.has_small() {
            return false;
        }
        let room = self.path.room().saturating_sub(OVERHEAD);
        if room < ROOM_MIN {
            host.stats.amplification_held += 1;
            return false;
        }
        plain.clear();
        let mut content = Content::default();
        self.put_small(now, plain, room, host.stats, &mut content);
        if !with_data {
            self.put_goodbye(plain, room, &mut content);
        } else {
            self.put_data(plain, room, host.stats, &mut content);
        }
        if !content.worthwhile {
            return false;
        }
        self.wants.probes = self.wants.probes.saturating_sub(1);
        let size = OVERHEAD + plain.len();
        let sent = Sent {
            at: now,
            size,
            piece: content.piece,
            acked: content.acked,
            credit: content.credit,
            close: content.close,
        };
        self.path.on_sent(size);
        let to = (self.path.address, self.path.interface);
        self.transmit(to, host, plain, content.eliciting.then_some(sent));
        true
    }

    /// Asks where the peer may have moved to. Whether that arrives says nothing of the path in use.
    fn ask_elsewhere(&mut self, host: &mut Host<'_>, plain: &mut Vec<u8>) {
        let Some(token) = self.path.question_elsewhere().filter(|_| self.is_live()) else { return };
        plain.clear();
        if !self.space.confirmed {
            put_welcome(plain, self.id);
        }
        put_challenge(plain, token);
        match self.path.ask_elsewhere(OVERHEAD + plain.len()) {
            Some(to) => self.transmit(to, host, plain, None),
            None => host.stats.amplification_held += 1,
        }
    }

    /// Whether there is anything but data to send.
    fn has_small(&self) -> bool {
        let wants = &self.wants;
        let live =
            wants.ping || wants.probes > 0 || self.streams.want_credit() || self.path.has_something_to_say();
        self.space.received.is_due() || !self.asides.is_empty() || wants.close || (live && self.is_live())
    }

    fn put_small(
        &mut self,
        now: Instant,
        plain: &mut Vec<u8>,
        room: usize,
        stats: &mut SessionStats,
        content: &mut Content,
    ) {
        if !self.space.confirmed {
            put_welcome(plain, self.id);
            content.eliciting = true;
        }
        let before = plain.len();
        if self.is_live() {
            if let Some(token) = self.path.take_response() {
                put_response(plain, token);
            }
            if let Some(token) = self.path.take_challenge() {
                put_challenge(plain, token);
            }
            for stream in [StreamId::Records, StreamId::Bulk] {
                let duplex = self.streams.of(stream);
                if core::mem::take(&mut duplex.wants_credit) {
                    put_credit(plain, stream, duplex.incoming.limit());
                    content.credit = true;
                }
            }
            if core::mem::take(&mut self.wants.ping) || self.wants.probes > 0 {
                put_ping(plain);
            }
        }
        content.eliciting |= plain.len() > before;
        if self.space.received.is_waiting() {
            content.acked = self.space.received.write(now, plain, room.saturating_sub(plain.len()));
        }
        self.put_asides(plain, room, stats);
        content.worthwhile |= plain.len() > before;
    }

    /// Like acknowledgements they want none, and wait for no window.
    fn put_asides(&mut self, plain: &mut Vec<u8>, room: usize, stats: &mut SessionStats) {
        if !self.is_live() {
            self.asides.clear();
        }
        while let Some(aside) = self.asides.front() {
            if plain.len() + DATAGRAM_OVERHEAD + aside.len() <= room {
                put_aside(plain, aside);
            } else if plain.is_empty() {
                stats.datagrams_dropped += 1;
            } else {
                // It begins the next packet.
                return;
            }
            self.asides.pop_front();
        }
    }

    /// Says goodbye, and once more what was said last, if that is little: it may have been overtaken or lost.
    fn put_goodbye(&mut self, plain: &mut Vec<u8>, room: usize, content: &mut Content) {
        let State::Closing { parting, .. } = self.state else { return };
        if !core::mem::take(&mut self.wants.close) {
            return;
        }
        let records = &self.streams.records.outgoing;
        let (offset, length) = records.unacknowledged();
        if length > 0 && plain.len() + stream_overhead(offset) + length < room {
            put_stream(plain, Piece { stream: StreamId::Records, offset, length });
            records.copy(offset, length, plain);
        }
        put_close(plain, parting);
        (content.close, content.worthwhile, content.eliciting) = (true, true, true);
    }

    fn put_data(
        &mut self,
        plain: &mut Vec<u8>,
        room: usize,
        stats: &mut SessionStats,
        content: &mut Content,
    ) {
        let most = self.path.most().saturating_sub(OVERHEAD);
        for waiting in [&mut self.datagrams, &mut self.passing] {
            while let Some(bytes) = waiting.front() {
                let size = DATAGRAM_OVERHEAD + bytes.len();
                if plain.len() + size <= room {
                    put_datagram(plain, bytes);
                    (content.worthwhile, content.eliciting) = (true, true);
                } else if size > most {
                    // It never fits this path, and must not keep others waiting.
                    stats.datagrams_dropped += 1;
                } else {
                    break;
                }
                waiting.pop_front();
            }
        }
        let Some(stream) = self.streams.next() else { return };
        let outgoing = &mut self.streams.of(stream).outgoing;
        // One byte stays for a ping.
        let overhead = plain.len() + stream_overhead(outgoing.next_offset()) + 1;
        let most = room.saturating_sub(overhead);
        if most < STREAM_MIN {
            return;
        }
        let Some((offset, length)) = outgoing.take(most) else { return };
        let piece = Piece { stream, offset, length };
        put_stream(plain, piece);
        outgoing.copy(offset, length, plain);
        content.piece = Some(piece);
        (content.worthwhile, content.eliciting) = (true, true);
        let congestion = &self.recovery.congestion;
        let is_last = congestion.available() < 2 * DATAGRAM_MAX && congestion.window() < ASKING_WINDOW;
        if is_last && self.streams.have_more() {
            put_ping(plain);
        }
    }

    /// `sent`: what is in it, for when it is acknowledged or lost; `None` if it wants no acknowledgement.
    fn transmit(
        &mut self,
        (to, interface): (SocketAddr, u32),
        host: &mut Host<'_>,
        plain: &[u8],
        sent: Option<Sent>,
    ) {
        if self.recovery.next_number() >= self.space.skip {
            self.recovery.skip();
            self.space.skip = self.recovery.next_number() + SKIP_EACH + host.rng.below(SKIP_EACH);
        }
        let number = self.recovery.next_number();
        let mut bytes = packet::data(self.space.remote, number, plain.len());
        self.space.keys.seal(number, plain, &mut bytes);
        self.recovery.on_sent(sent, &mut self.settled);
        self.space.packets += 1;
        if self.trace {
            host.out.push(Wish::Trace(self.told(Direction::Out, number, plain)));
        }
        host.out.push(Wish::Transmit(Transmit { via: Via::Chat, interface, to, bytes: bytes.into() }));
    }
}
