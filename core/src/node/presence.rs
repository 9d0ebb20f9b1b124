//! Who is here: what the members' records and our own sessions say of somebody goes to the person, to the address book and
//! to the rooms.

use alloc::vec::Vec;
use core::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use super::{Node, links::Peer};
use crate::{
    contacts::{End, Kept},
    discovery::manual,
    event::{Event, Multicast, PeerChange, PeerState},
    frames::Frame,
    identity::{BootId, PeerKey},
    members::{Member, Told, is_here},
    record::Tag,
    session::LinkId,
};

/// Once a minute everybody compares notes with somebody it has no session with (DESIGN section 6).
const VISIT: RangeInclusive<Duration> = Duration::from_secs(54)..=Duration::from_secs(66);

impl Node {
    /// Tells what has changed about those who are here, and what the neighbours lack.
    pub(super) fn settle_members(&mut self) {
        while let Some(tag) = self.members.touched() {
            self.on_touched(tag);
        }
        while let Some(member) = self.members.displaced() {
            self.on_displaced(&member);
        }
        while let Some(link) = self.members.doubted() {
            self.sessions.ask(self.now, link);
        }
        if self.members.has_objected() {
            self.records.sign_by(self.now);
        }
        for (link, frame) in self.members.news(self.now) {
            self.sessions.send(link, frame.encode());
        }
    }

    fn on_touched(&mut self, tag: Tag) {
        let Some(state) = self.members.state(self.now, &tag) else { return };
        let Some(member) = self.members.of(&tag) else { return };
        let session = self.members.link_of(&tag).and_then(|link| self.peers.get(&link));
        let (direct, at) = (session.is_some(), session.map(|peer| (peer.address(), peer.via)));
        // As long as no other neighbour is found it is the last one.
        let through = session.filter(|peer| peer.is_relayed()).and_then(|peer| {
            let before = member.told.as_ref().and_then(|told| told.through);
            self.through(peer.at).or(before)
        });
        let (key, boot) = (member.record.key, member.record.boot);
        let was_here = member.told.as_ref().is_some_and(|told| is_here(told.state));
        let is_known = member.told.as_ref().is_some_and(|told| {
            (told.state, told.direct, told.through) == (state, direct, through)
                && told.nick == member.record.nick
        });
        self.relays.stir(self.now);
        if is_here(state) {
            self.contacts.on_here(self.now, key, boot, true);
            if !was_here || self.members.is_renewed(&tag) {
                self.on_member(tag);
            }
        } else if was_here {
            let end = if state == PeerState::Quit { End::Quit } else { End::Lost };
            self.contacts.on_gone(self.now, key, boot, end);
            self.with_rooms(|rooms, turn| rooms.on_member_gone(turn, key, boot));
        }
        let Some(member) = self.members.of_mut(&tag).filter(|_| !is_known) else { return };
        let nick = member.record.nick.clone();
        member.told = Some(Told { state, nick: nick.clone(), direct, through });
        if was_here || is_here(state) {
            let (address, via) = match at {
                Some(at) => at,
                None => (self.net.reachable(&member.record.addresses), self.contacts.source(key)),
            };
            let (id, nick) = (Some(key.short()), Some(nick));
            let (key, boot) = (Some(key), Some(boot));
            self.event(Event::Peer(PeerChange { state, key, id, boot, nick, address, via, direct, through }));
        }
    }

    /// Others have taken the place of somebody in the table, of whom nothing is known any more.
    fn on_displaced(&mut self, member: &Member) {
        let (key, boot) = (member.record.key, member.record.boot);
        let Some(told) = member.told.as_ref().filter(|told| is_here(told.state)) else { return };
        self.contacts.on_gone(self.now, key, boot, End::Lost);
        self.with_rooms(|rooms, turn| rooms.on_member_gone(turn, key, boot));
        let (address, via) = (self.net.reachable(&member.record.addresses), self.contacts.source(key));
        let (id, nick, state) = (Some(key.short()), Some(told.nick.clone()), PeerState::Lost);
        let (key, boot, direct, through) = (Some(key), Some(boot), false, None);
        self.event(Event::Peer(PeerChange { state, key, id, boot, nick, address, via, direct, through }));
    }

    /// Somebody is here, or says something new about itself.
    fn on_member(&mut self, tag: Tag) {
        let Some(record) = self.members.of(&tag).map(|member| &member.record) else { return };
        let (key, boot, direct, tags) = (record.key, record.boot, record.direct, record.rooms.clone());
        let sighting = manual::told(record);
        // Nobody is told of it: it is here already.
        let _ = self.contacts.on_sighting(self.now, &sighting);
        let (mut rooms, mut former) = (Vec::new(), Vec::new());
        self.with_rooms(|all, turn| {
            all.on_peer_known(turn, key, direct);
            (rooms, former) = all.on_member(turn, key, boot, &tags);
        });
        self.contacts.on_rooms(self.now, key, &rooms, &former);
    }

    /// The rooms that we are in have changed.
    pub(super) fn on_rooms_changed(&mut self) {
        self.records.sign_by(self.now);
        let here: Vec<(Tag, PeerKey, BootId)> = self
            .members
            .all()
            .filter(|(_, member)| member.told.as_ref().is_some_and(|told| is_here(told.state)))
            .map(|(&tag, member)| (tag, member.record.key, member.record.boot))
            .collect();
        for (tag, key, boot) in here {
            let Some(tags) = self.members.of(&tag).map(|member| member.record.rooms.clone()) else {
                continue;
            };
            let (mut rooms, mut former) = (Vec::new(), Vec::new());
            self.with_rooms(|all, turn| (rooms, former) = all.on_member(turn, key, boot, &tags));
            self.contacts.on_rooms(self.now, key, &rooms, &former);
        }
    }

    /// Tells those in session how much they are wanted, and ends what nobody wants.
    pub(super) fn settle_choice(&mut self) {
        for kept in self.contacts.kept() {
            match kept {
                Kept::Tell(key, boot, keep) => {
                    if let Some(link) = self.link_of(key, boot) {
                        self.sessions.send(link, Frame::Keep(keep).encode());
                        self.on_neighbours_changed();
                    }
                }
                Kept::Release(key, boot) => {
                    if let Some(link) = self.link_of(key, boot) {
                        self.sessions.release(self.now, link, &mut self.session_wishes);
                    }
                }
            }
        }
    }

    /// Does what is due about members.
    pub(super) fn on_members_due(&mut self) {
        self.tell_company();
        let mut frames = Vec::new();
        self.members.on_tick(self.now, &mut frames);
        self.stats.members_forgotten = self.members.forgotten;
        for (link, frame) in frames {
            self.sessions.send(link, frame.encode());
        }
        if self.visit.is_some_and(|at| at <= self.now) {
            self.contacts.call_another(self.now);
            self.visit = None;
        }
        if !self.contacts.is_crowd() {
            self.visit = None;
        } else if self.visit.is_none() {
            self.visit = Some(self.now + self.rng.duration(VISIT));
        }
    }

    /// The discoveries learn how much company we have.
    fn tell_company(&mut self) {
        let (known, sessions) = (self.contacts.known(), self.peers.len());
        if let Some(mdns) = &mut self.discoveries.mdns {
            mdns.set_known(known);
            if core::mem::take(&mut self.is_company_new) {
                let addresses: Vec<SocketAddr> = self.peers.values().filter_map(Peer::address).collect();
                mdns.set_company(&addresses);
            }
        }
        let multicast = if self.discoveries.mdns.is_some() { self.net.multicast() } else { Multicast::Off };
        if let Some(beacon) = &mut self.discoveries.beacon {
            beacon.on_company(self.now, sessions, known, multicast);
        }
    }

    /// Frames about members. Answers what it did not take.
    pub(super) fn on_member_frame(&mut self, link: LinkId, frame: Frame) -> Option<Frame> {
        let Some(peer) = self.peers.get(&link) else { return Some(frame) };
        let (key, boot, tag) = (peer.key, peer.boot, peer.tag);
        let answers = match frame {
            Frame::Known(known) => self.members.on_known(self.now, tag, &known),
            Frame::Ask(tags) => match &self.own {
                Some((_, signed)) => self.members.on_ask(self.now, tag, &tags, signed),
                None => Vec::new(),
            },
            Frame::Sum(theirs) => self.members.on_sum(self.now, tag, theirs, self.own_version()),
            Frame::Keep(keep) => {
                self.contacts.on_kept(self.now, key, boot, keep);
                self.on_neighbours_changed();
                Vec::new()
            }
            Frame::Heartbeat { members, .. } => {
                let answers = self.members.on_digest(self.now, tag, members, self.own_version());
                answers.into_iter().for_each(|answer| {
                    self.sessions.send(link, answer.encode());
                });
                return Some(frame);
            }
            Frame::Compare { step, binding, value } => {
                self.on_compare(link, step, binding, value);
                Vec::new()
            }
            frame => return Some(frame),
        };
        for answer in answers {
            if !self.sessions.send(link, answer.encode()) {
                self.stats.records_unsent += 1;
            }
        }
        None
    }

    fn link_of(&self, key: PeerKey, boot: BootId) -> Option<LinkId> {
        self.peers.iter().find(|(_, peer)| (peer.key, peer.boot) == (key, boot)).map(|(&link, _)| link)
    }
}
