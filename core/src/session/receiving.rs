//! What comes in over an association: packets are opened, and their frames taken in.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;

use super::{
    Wish,
    association::{Association, Fate, Host, State},
    bytes::VARINT_MAX,
    frame::{Frame, Frames},
    streams::{Refused, StreamId},
    trace::Direction,
};
use crate::{stats::SessionStats, time::Instant};

/// How long the goodbye of the other side is still acknowledged: longer than it is repeated.
const DRAINING: Duration = Duration::from_millis(600);

/// A packet that was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    number: u64,
    newest: bool,
    /// Under the keys in use, not the old ones.
    current: bool,
}

/// Where a packet came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) from: SocketAddr,
    pub(super) interface: u32,
    /// Bytes of the datagram.
    pub(super) size: usize,
}

impl Association {
    /// Opens a packet and notes its number; `None` for a forged or repeated one, which changes nothing.
    pub(super) fn open(
        &mut self,
        (to, number): (u64, u64),
        sealed: &[u8],
        plain: &mut Vec<u8>,
        stats: &mut SessionStats,
    ) -> Option<Opened> {
        let (keys, replay, current) = match &mut self.old {
            _ if to == self.space.local => (&self.space.keys, &mut self.space.replay, true),
            Some(old) if to == old.local => (&old.keys, &mut old.replay, false),
            _ => return None,
        };
        if number > VARINT_MAX || !replay.is_fresh(number) {
            stats.replayed += 1;
            return None;
        }
        if !keys.open(number, sealed, plain) {
            stats.forged += 1;
            self.space.failures += 1;
            return None;
        }
        let newest = replay.is_newest(number);
        replay.accept(number);
        Some(Opened { number, newest, current })
    }

    /// Notes the number of the packet that brought the first welcome, which was opened before there was an
    /// association.
    pub(super) fn opened_first(&mut self, number: u64) -> Opened {
        self.space.replay.accept(number);
        Opened { number, newest: true, current: true }
    }

    /// Takes in what an authentic packet says.
    pub(super) fn on_packet(
        &mut self,
        now: Instant,
        arrival: Arrival,
        opened: Opened,
        plain: &[u8],
        host: &mut Host<'_>,
    ) -> Fate {
        if self.trace {
            host.out.push(Wish::Trace(self.told(Direction::In, opened.number, plain)));
        }
        let frames = Frames::new(plain);
        if !frames.are_sound() {
            host.stats.malformed += 1;
            return Fate::Goes;
        }
        if opened.current && !self.space.confirmed {
            self.space.confirmed = true;
            self.retired = self.old.take().map(|old| old.local);
        }
        if self.liveness.on_heard(now) && self.is_live() {
            host.out.push(Wish::Recovered { link: self.link });
        }
        let from = (arrival.from, arrival.interface);
        self.path.on_packet(now, from, arrival.size, opened.newest && opened.current, host.rng);
        let (mut eliciting, mut urgent, mut fate) = (false, false, Fate::Goes);
        let (mut ping, mut datagram) = (false, false);
        for frame in frames.flatten() {
            eliciting |= frame.is_eliciting();
            urgent |= frame.is_urgent();
            ping |= matches!(frame, Frame::Ping);
            datagram |= matches!(frame, Frame::Datagram(_));
            match self.on_frame(now, opened, frame, host) {
                Ok(Fate::Goes) => {}
                Ok(other) => fate = other,
                // Without an acknowledgement its sender will say it again.
                Err(Refused::Full) => return fate,
                Err(Refused::Broken) => return Fate::Broken,
            }
        }
        if ping && datagram && self.is_live() && self.liveness.on_asked(now, host.rng) {
            host.out.push(Wish::HeartbeatDue { link: self.link, is_answer: true });
        }
        if opened.current {
            self.space.received.on_packet(now, opened.number, eliciting, urgent);
        }
        fate
    }

    fn on_frame(
        &mut self,
        now: Instant,
        opened: Opened,
        frame: Frame<'_>,
        host: &mut Host<'_>,
    ) -> Result<Fate, Refused> {
        let live = self.is_live();
        match frame {
            // The numbers in an acknowledgement are those of its own keys.
            Frame::Ack(ack) if opened.current => {
                let lost = self.settled.lost.len();
                if self.recovery.on_ack(now, &ack, &mut self.settled).is_err() {
                    host.stats.acks_invented += 1;
                }
                host.stats.lost += (self.settled.lost.len() - lost) as u64;
                let closed = self.settled.arrived.iter().any(|sent| sent.close);
                self.settle();
                return Ok(if closed { Fate::Over } else { Fate::Goes });
            }
            Frame::Stream { id, offset, bytes } => {
                let stream = StreamId::from_number(id).ok_or(Refused::Broken)?;
                if !live {
                    return Ok(Fate::Goes);
                }
                let whole = self.streams.records.incoming.waiting().len();
                self.streams.of(stream).incoming.on_bytes(offset, bytes)?;
                self.heard = now;
                if self.trace {
                    host.out.extend(self.told_whole(whole).map(Wish::Trace));
                }
            }
            Frame::Credit { id, limit } => {
                if let Some(stream) = StreamId::from_number(id) {
                    self.streams.of(stream).outgoing.on_credit(limit);
                }
            }
            Frame::Datagram(bytes) | Frame::Aside(bytes) if live => {
                host.out.push(Wish::Datagram { link: self.link, bytes: Bytes::copy_from_slice(bytes) });
            }
            Frame::Challenge(token) => self.path.on_challenge(token),
            Frame::Response(token) => {
                if let Some(moved) = self.path.on_response(token) {
                    if moved.other_host {
                        self.recovery.on_new_path();
                    }
                    // The answer shows what has got lost on the way to where the peer was.
                    self.wants.ping = true;
                    host.out.push(Wish::Moved { link: self.link, address: self.path.address });
                }
            }
            Frame::Close(parting) => {
                if !matches!(self.state, State::Draining { .. }) {
                    self.state = State::Draining { until: now + DRAINING };
                }
                return Ok(if live { Fate::Parted(parting) } else { Fate::Goes });
            }
            _ => {}
        }
        Ok(Fate::Goes)
    }
}
