//! A node's peers in session: who they are, and what came from them.

use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;

use super::{Node, records::SESSIONS_PAUSE};
use crate::{
    boundary::Output,
    contacts::{End, Proposal, Who},
    discovery::{Found, Share, Sighting, SightingKind},
    event::{Event, PeerChange, PeerState, Source, Unreached},
    frames::Frame,
    identity::{BootId, PeerKey},
    members::Down,
    record::Tag,
    relay::Relayed,
    session::{Failure, Gone, LinkId, Standing, Wish},
    store::Record,
    text::Nick,
    time::Instant,
};

/// Addresses remembered for one peer (DESIGN section 6, `protocol-review` A11).
pub(super) const ADDRESSES_MAX: usize = 4;
/// Whoever was in session for so long is no stranger any more.
const ACQUAINTED_AFTER: Duration = Duration::from_secs(600);

/// A peer in session.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) key: PeerKey,
    pub(super) boot: BootId,
    /// Where it is in the eyes of the sessions.
    pub(super) at: SocketAddr,
    /// Whether it does not answer.
    pub(super) is_suspect: bool,
    pub(super) tag: Tag,
    /// The hash of the session's handshake, the latest one.
    pub(super) binding: [u8; 32],
    pub(super) via: Source,
    since: Instant,
    /// Whether it has told us about itself in this session.
    pub(super) has_told: bool,
    /// As what it was remembered: nick and key for direct conversations.
    pub(super) remembered: Option<(Nick, [u8; 32])>,
    /// A signed record that waits for its turn.
    pub(super) late: Option<Bytes>,
    /// Whether it has yet to be sent our own.
    pub(super) is_untold: bool,
}

impl Peer {
    /// Where it is; of somebody whom a neighbour passes things on to, that is not known.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        Some(self.at).filter(|_| !self.is_relayed())
    }

    pub(super) fn is_relayed(&self) -> bool {
        Relayed::of(self.at).is_some()
    }
}

impl Node {
    pub(super) fn on_found(&mut self, found: Found) {
        match found {
            Found::Transmit(transmit) => {
                self.stats.transmits += 1;
                self.outputs.push(Output::Transmit(transmit));
            }
            Found::Sighting(sighting) => self.on_sighting(&sighting),
            Found::Newcomer { sighting, is_alone, share } => {
                let is_first = share != Share::Call && self.contacts.is_ours_to_call(self.now, &sighting);
                if share != Share::Nothing {
                    self.on_sighting(&sighting);
                } else if is_first {
                    // Nobody will tell when it is not seen any more.
                    let _ = self.contacts.on_sighting(self.now, &sighting);
                }
                if is_first || share == Share::Call {
                    self.contacts.answer(self.now, &sighting, is_alone);
                }
            }
            Found::Call { call, by, from, interface } => self.on_call(&call, by, from, interface),
            Found::Renamed(instance) => self.event(Event::Renamed { instance }),
            Found::Multicast(multicast) => {
                if self.net.set_multicast(multicast) {
                    let change = self.net.change();
                    self.event(Event::Net(change));
                }
            }
        }
    }

    pub(super) fn on_sighting(&mut self, sighting: &Sighting) {
        if let Some((kind, proposal)) = self.contacts.on_sighting(self.now, sighting)
            && proposal.via != Source::Remembered
        {
            let state = match kind {
                SightingKind::Seen => PeerState::Found,
                SightingKind::Lost => PeerState::Lost,
            };
            let Proposal { who, nick, boot, address, via } = proposal;
            let id = match who {
                Who::Id(id) => Some(id),
                Who::Address(_) => None,
            };
            let address = Some(address);
            let (key, through) = (None, None);
            let change = PeerChange { state, key, id, boot, nick, address, via, direct: false, through };
            self.event(Event::Peer(change));
        }
    }

    pub(super) fn on_session(&mut self, wish: Wish) {
        self.is_company_new |= matches!(wish, Wish::Up { .. } | Wish::Down { .. } | Wish::Moved { .. });
        match wish {
            Wish::Trace(told) => self.on_trace(told),
            Wish::Transmit(transmit) if let Some(way) = Relayed::of(transmit.to) => {
                self.send_over(way, transmit.bytes);
            }
            Wish::Transmit(transmit) => {
                self.trace_handshake(&transmit.bytes);
                self.stats.transmits += 1;
                self.outputs.push(Output::Transmit(transmit));
            }
            Wish::Up { link, peer: key, boot, address, interface, binding, dialled } => {
                log::debug!("{key:?} {boot} up at {address}, interface {interface}, dialled {dialled:?}");
                let via = self.contacts.on_up(self.now, key, boot, address);
                let tag = Tag::of(self.config.suite, &key, boot);
                let (since, late, is_untold) = (self.now, None, false);
                let (has_told, remembered, is_suspect) = (false, None, false);
                let peer = Peer {
                    key,
                    boot,
                    at: address,
                    is_suspect,
                    tag,
                    binding,
                    via,
                    since,
                    has_told,
                    remembered,
                    late,
                    is_untold,
                };
                let is_relayed = peer.is_relayed();
                if !is_relayed {
                    self.relays.on_up(link);
                }
                self.peers.insert(link, peer);
                self.on_way_found(tag, address);
                self.members.on_up(self.now, tag, link);
                self.members.on_moved(self.now, tag, is_relayed);
                for former in self.contacts.runs(&key).into_iter().filter(|run| *run != boot) {
                    let former = Tag::of(self.config.suite, &key, former);
                    if self.members.on_followed(self.now, former, address) {
                        self.records.sign_by(self.now);
                    }
                }
                for reached in dialled.into_iter().chain([address]) {
                    self.calls.end(reached);
                }
                self.send_own_record(link);
                let sum = Frame::Sum(self.members.digest(self.own_version()));
                self.sessions.send(link, sum.encode());
                self.with_rooms(|rooms, turn| rooms.on_link_up(turn, link, key, boot, binding));
                self.rooms.on_reached(link, self.sessions.origin(address));
                self.remember(link);
                self.on_neighbours_changed();
                self.begin_comparison(link);
            }
            Wish::Rebound { link, binding } => {
                if let Some(peer) = self.peers.get_mut(&link) {
                    peer.binding = binding;
                }
                self.with_rooms(|rooms, turn| rooms.on_rebound(turn, link, binding));
            }
            Wish::Record { link, bytes } | Wish::Datagram { link, bytes } => self.on_frame(link, &bytes),
            Wish::Bulk { link, bytes } => self.with_files(|files, turn| files.on_bulk(turn, link, &bytes)),
            Wish::HeartbeatDue { link, is_answer } => {
                self.look_after(link);
                let digest = self.members.digest(self.own_version());
                let mut frame = self.rooms.heartbeat(self.now, link);
                if let Frame::Heartbeat { members, .. } = &mut frame {
                    *members = digest;
                }
                self.sessions.heartbeat(link, is_answer, frame.encode(), &mut self.stats.session);
            }
            Wish::Suspect { link } => self.on_doubt(link, true),
            Wish::Recovered { link } => self.on_doubt(link, false),
            Wish::Moved { link, address } => {
                self.on_moved(link, address);
            }
            Wish::Down { link, peer, boot, why } => {
                log::debug!("{peer:?} {boot} down: {why:?}");
                self.with_rooms(|rooms, turn| rooms.on_link_down(turn, link));
                self.with_files(|files, turn| files.on_down(turn, link));
                self.on_relay_doubtful(link);
                self.relays.on_down(link);
                if let Some(peer) = self.peers.remove(&link) {
                    self.records.forget(link);
                    self.end_comparisons(link);
                    self.keep_seen(&peer.key);
                    let (end, how) = match why {
                        Gone::Quit => (End::Quit, Down::Quit),
                        Gone::Crowded => (End::Crowded, Down::Released),
                        // Those at both ends say nothing of each other.
                        Gone::Lost if peer.is_relayed() => (End::Lost, Down::Cut),
                        Gone::Lost => (End::Lost, Down::Silent),
                        Gone::Replaced => (End::Lost, Down::Replaced),
                    };
                    if let Some(way) = Relayed::of(peer.at) {
                        self.on_way_failed(way, Failure::Timeout);
                    }
                    let is_news = self.members.on_down(self.now, peer.tag, how);
                    let pause = if is_news { Duration::ZERO } else { SESSIONS_PAUSE };
                    self.records.sign_by(self.now + pause);
                    self.contacts.on_down(self.now, peer.key, peer.boot, end);
                }
            }
            Wish::DialFailed { address, why } => {
                log::debug!("no session with {address}: {why:?}");
                self.on_dial_failed(address, why);
            }
        }
    }

    /// The peer of `link` is reached elsewhere now.
    fn on_moved(&mut self, link: LinkId, address: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        let was_relayed = peer.is_relayed();
        peer.at = address;
        let (tag, is_relayed) = (peer.tag, peer.is_relayed());
        peer.via = self.contacts.on_moved(peer.key, peer.boot, address);
        if was_relayed && !is_relayed {
            // It can be remembered where it is, and others reached over it.
            peer.remembered = None;
            self.relays.on_up(link);
            self.remember(link);
        }
        if was_relayed || is_relayed {
            self.on_neighbours_changed();
            self.on_way_found(tag, address);
            self.members.on_moved(self.now, tag, is_relayed);
        }
        self.rooms.on_reached(link, self.sessions.origin(address));
    }

    /// What is done for a peer now and then, while it is in session.
    fn look_after(&mut self, link: LinkId) {
        let Some(peer) = self.peers.get(&link) else { return };
        let (key, is_untold) = (peer.key, peer.is_untold);
        if self.now - peer.since >= ACQUAINTED_AFTER {
            self.acquaint(&key, Standing::Known);
        }
        if is_untold {
            self.send_own_record(link);
        }
    }

    /// A peer was in session until now.
    pub(super) fn keep_seen(&mut self, key: &PeerKey) {
        if let Some(stored) = self.acquaintances.leave(key, self.wall_now()) {
            self.ledger.collect(Record::Peer(stored.clone()));
        }
    }

    /// Somebody is worth remembering this much.
    pub(super) fn acquaint(&mut self, key: &PeerKey, standing: Standing) {
        let is_news = self.acquaintances.raise(key, standing);
        self.regard(*key);
        if is_news && let Some(stored) = self.acquaintances.of(key) {
            let addresses = stored.addresses.iter().map(SocketAddr::ip);
            self.sessions.remember(self.now, *key, standing, addresses);
        }
    }

    fn on_dial_failed(&mut self, address: SocketAddr, why: Failure) {
        if why != Failure::Busy {
            self.contacts.on_call_ended(self.now, address);
        }
        // Where calls do not get through because the link is busy the name is right, and to ask all for it would fill the
        // air more.
        if why == Failure::Timeout && !self.sessions.is_busy() && self.contacts.is_missed(address) {
            self.discoveries.each().for_each(|one| one.reconfirm(self.now, address, &mut self.stats));
        }
        if let Some(way) = Relayed::of(address) {
            return self.on_way_failed(way, why);
        }
        let reason = match why {
            Failure::Busy => return self.contacts.on_busy(self.now, address),
            Failure::SelfDial => {
                self.contacts.on_own(address);
                Some(Unreached::Own)
            }
            Failure::Timeout => Some(Unreached::Silent),
            Failure::Full => Some(Unreached::Full),
            Failure::Duplicate | Failure::Leaving => None,
        };
        let asked = self.calls.end(address);
        if let Some(reason) = reason {
            asked.into_iter().for_each(|tag| self.event(Event::Unreachable { tag, address, reason }));
        }
    }

    fn on_frame(&mut self, link: LinkId, bytes: &Bytes) {
        match Frame::decode(bytes) {
            Some(Frame::Record(signed)) => self.on_record(link, &signed),
            Some(Frame::FileWant { room, number, file, offset, size }) => {
                self.on_file_wanted(link, (room, number), file, offset..size);
            }
            Some(Frame::Relay { to, bytes }) => self.on_relay(link, to, bytes),
            Some(Frame::Relayed { from, bytes }) => self.on_relayed(link, from, &bytes),
            Some(Frame::FileEnd { number, by_sender, why }) => {
                self.with_files(|files, turn| files.on_end(turn, link, number, by_sender, why));
            }
            Some(frame) => {
                if let Some(frame) = self.on_member_frame(link, frame) {
                    self.with_rooms(|rooms, turn| rooms.on_frame(turn, link, frame));
                }
            }
            None => self.stats.room.malformed += 1,
        }
    }

    /// Whether the peer of `link` answers.
    fn on_doubt(&mut self, link: LinkId, is_suspect: bool) {
        if is_suspect {
            self.on_relay_doubtful(link);
        }
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.is_suspect = is_suspect;
            if let Some(way) = Relayed::of(peer.at) {
                // Whoever passes things on may be to blame, and those at both ends say nothing of each other.
                if is_suspect {
                    self.on_way_failed(way, Failure::Timeout);
                }
                return;
            }
            self.members.on_doubt(self.now, peer.tag, is_suspect);
            let pause = if is_suspect { Duration::ZERO } else { SESSIONS_PAUSE };
            self.records.sign_by(self.now + pause);
        }
    }
}
