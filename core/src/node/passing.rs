//! What goes from one neighbour to another through us, as part of a session of theirs.
//!
//! We see who talks to whom, and how much, and nothing of what they say. Only between two sessions of our own that need
//! nobody else: so nothing goes over two, and nothing in a circle. Nothing is kept, and what exceeds the quota is dropped,
//! which those at both ends take for a path that carries no more.

use core::{net::Ipv6Addr, time::Duration};

use bytes::Bytes;

use super::Node;
use crate::{
    boundary::{Datagram, Via},
    frames::Frame,
    record::Tag,
    relay::Relayed,
    room::Rate,
    session::{LinkId, Pace},
};

/// What one neighbour may have us pass on, in bytes a second: a file of some MB in a minute, and little beside what even
/// radio carries.
const QUOTA: Rate = Rate { per_second: 64 << 10, burst: 256 << 10 };
/// The same for all together.
const QUOTA_OF_ALL: Rate = Rate { per_second: 256 << 10, burst: 1 << 20 };
/// Whoever asks for a way that does not exist is told so, which saves the wait for an answer.
const NO_WAY: Pace = Pace { each: Duration::from_millis(250), burst: 8 };

impl Node {
    /// The neighbour of `link` wants this passed on.
    pub(super) fn on_relay(&mut self, link: LinkId, to: Tag, bytes: Bytes) {
        let Some(from) = self.peers.get(&link).filter(|peer| !peer.is_relayed()).map(|peer| peer.tag) else {
            self.stats.relay.refused += 1;
            return;
        };
        let far = self.members.link_of(&to).filter(|other| *other != link);
        let far = far.filter(|other| self.peers.get(other).is_some_and(|peer| !peer.is_relayed()));
        let Some(far) = far.filter(|_| !bytes.is_empty()) else { return self.tell_no_way(link, to) };
        let size = bytes.len() as u64;
        let used = self.relays.used.entry(link).or_default();
        // What one uses up is not taken from all.
        let fits = used.take(self.now, QUOTA, size);
        if !fits || !self.relays.used_by_all.take(self.now, QUOTA_OF_ALL, size) {
            self.stats.relay.over_quota += 1;
        } else if self.sessions.pass(far, Frame::Relayed { from, bytes }.encode()) {
            (self.stats.relay.passed, self.stats.relay.passed_bytes) =
                (self.stats.relay.passed + 1, self.stats.relay.passed_bytes + size);
        } else {
            self.stats.relay.dropped += 1;
        }
    }

    /// The neighbour of `link` passes on what the run `from` says to us.
    pub(super) fn on_relayed(&mut self, link: LinkId, from: Tag, bytes: &Bytes) {
        let own = Tag::of(self.config.suite, &self.identity.key(), self.boot);
        let relay = self.peers.get(&link).map(|peer| peer.tag);
        let number = self.relays.number(link).filter(|_| from != own && relay != Some(from));
        // Everybody who is there is known; whoever is not may come a moment later.
        let is_known = self.members.of(&from).is_some_and(|member| !member.record.gone);
        let Some(number) = number.filter(|_| is_known) else {
            self.stats.relay.refused += 1;
            return;
        };
        if bytes.is_empty() {
            return self.on_no_way(link, from);
        }
        self.stats.relay.received += 1;
        let from = Relayed { relay: number, far: from }.address();
        let to = Ipv6Addr::UNSPECIFIED.into();
        let datagram = Datagram { via: Via::Chat, interface: 0, from, to, bytes };
        let before = self.stats.session;
        self.sessions.on_datagram(self.now, &datagram, &mut self.stats.session, &mut self.session_wishes);
        self.trace_arrival(bytes, &before);
    }

    fn tell_no_way(&mut self, link: LinkId, to: Tag) {
        self.stats.relay.no_way += 1;
        if NO_WAY.take(self.now, self.relays.told.entry(link).or_default()) {
            let frame = Frame::Relayed { from: to, bytes: Bytes::new() };
            self.sessions.pass(link, frame.encode());
        }
    }
}
