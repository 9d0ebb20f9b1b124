//! What the chat's datagrams say, in lines for people: only when the host asks for it.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use bytes::Bytes;

use super::{Node, links::Peer};
use crate::{
    boundary::{Output, Trace},
    frames::{Frame, counted},
    identity::PeerKey,
    record::PeerRecord,
    session::{self, Direction, LinkId, Part, Told},
    stats::SessionStats,
};

/// Packets inside others that wait for those: as many as wait for one neighbour.
const INSIDE_MAX: usize = 64;

impl Node {
    /// What a packet says that is about to be sent, or that has just come in.
    pub(super) fn on_trace(&mut self, told: Told) {
        let name = self.told_peer(told.link, &told.peer);
        let mut lines = Vec::new();
        lines.extend(told.number.map(|number| match told.direction {
            Direction::In => format!("packet {number} from {name}"),
            Direction::Out => format!("packet {number} to {name}"),
        }));
        for part in told.parts {
            match part {
                Part::Line(line) => lines.push(line),
                Part::Frame(way, bytes) => {
                    self.tell_frame(way, &bytes, (told.link, told.direction), &mut lines);
                }
            }
        }
        if told.direction == Direction::Out
            && told.link.and_then(|link| self.peers.get(&link)).is_some_and(Peer::is_relayed)
        {
            // It goes out inside another packet, and is told with that one.
            self.relays.saying = lines;
            return;
        }
        self.trace(told.direction, lines);
    }

    /// What a packet says that is about to be passed on by a neighbour is told with the packet that it goes in.
    pub(super) fn trace_inside(&mut self, bytes: &Bytes) {
        let lines = core::mem::take(&mut self.relays.saying);
        if self.config.trace {
            let lines = session::handshake(bytes).into_iter().chain(lines).collect();
            let inside = &mut self.relays.inside;
            inside.truncate(INSIDE_MAX - 1);
            inside.push_front((bytes.clone(), lines));
        }
    }

    /// What a datagram says that no session has sealed and that is about to be sent.
    pub(super) fn trace_handshake(&mut self, bytes: &[u8]) {
        if self.config.trace
            && let Some(line) = session::handshake(bytes)
        {
            self.trace(Direction::Out, Vec::from([line]));
        }
    }

    /// The same of one that has come in, and why it was dropped if it was. `before` is what was counted before it came.
    pub(super) fn trace_arrival(&mut self, bytes: &[u8], before: &SessionStats) {
        if self.config.trace {
            let dropped = session::dropped(before, &self.stats.session).map(String::from);
            let lines: Vec<_> = session::handshake(bytes).into_iter().chain(dropped).collect();
            self.trace(Direction::In, lines);
        }
    }

    fn trace(&mut self, direction: Direction, lines: Vec<String>) {
        if !lines.is_empty() {
            let received = (direction == Direction::In).then_some(self.stats.datagrams);
            self.outputs.push(Output::Trace(Trace { received, lines }));
        }
    }

    fn tell_frame(
        &mut self,
        way: &'static str,
        bytes: &Bytes,
        (link, direction): (Option<LinkId>, Direction),
        lines: &mut Vec<String>,
    ) {
        let Some(frame) = Frame::decode(bytes) else {
            return lines.push(format!("{way}{} bytes that are no frame", bytes.len()));
        };
        match &frame {
            Frame::Record(signed) => lines.push(format!("{way}{}", self.told_record(signed))),
            Frame::Push { entries, .. } if entries.len() == 1 => {
                let said = entries.iter().flat_map(|entry| self.rooms.told_entry(entry));
                lines.extend(said.map(|said| format!("{way}push, {said}")));
            }
            frame => {
                let room = |index| self.rooms.told_room(link, direction == Direction::Out, index);
                lines.push(format!("{way}{}", frame.told(room)));
                if let Frame::Relay { bytes, .. } = frame {
                    let at = self.relays.inside.iter().position(|(inside, _)| inside == bytes);
                    let told = at.and_then(|at| self.relays.inside.remove(at)).map(|(_, told)| told);
                    lines.extend(told.into_iter().flatten().map(|line| format!("inside: {line}")));
                }
                if let Frame::Push { entries, .. } = frame {
                    lines.extend(entries.iter().flat_map(|entry| self.rooms.told_entry(entry)));
                }
            }
        }
    }

    fn told_record(&self, signed: &[u8]) -> String {
        let Some(record) = PeerRecord::verify(self.config.suite, signed) else {
            return String::from("a peer's record that is forged");
        };
        let addresses: Vec<_> = record.addresses.iter().map(ToString::to_string).collect();
        let list = |names: Vec<String>| if names.is_empty() { String::from("none") } else { names.join(" ") };
        format!(
            "record of {}-{:04} ({:?}), version {}, boot {}, {}, at {}, in session with {}, misses {}, {}",
            record.nick,
            record.key.digits(),
            record.key,
            record.version,
            record.boot,
            if record.gone { "gone" } else { "here" },
            list(addresses),
            counted(record.neighbours.len(), "peer"),
            counted(record.lost.len(), "peer"),
            counted(record.rooms.len(), "room tag"),
        )
    }

    /// Who is at the other end, as far as it has told.
    fn told_peer(&self, link: Option<LinkId>, key: &PeerKey) -> String {
        let peer = link.and_then(|link| self.peers.get(&link));
        match peer.and_then(|peer| peer.remembered.as_ref()) {
            Some((nick, _)) => format!("{nick}-{:04} ({key:?})", key.digits()),
            None => format!("{key:?}"),
        }
    }
}
