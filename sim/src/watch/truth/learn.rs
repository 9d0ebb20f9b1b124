//! How the truth is learnt: from what happens.

use std::collections::BTreeSet;

use chat_core::{
    Action, Answer, BootId, Event, Instant, Interface, PeerChange, PeerState, Place, Record, Request,
    RoomKeyId, RoomName, Stamp, StoredEntry, StoredRoom, Token,
};

use super::{Boot, EntryTruth, Listed, Said, Truth};
use crate::{
    host::disk::Disk,
    watch::{Fact, calm},
};

impl Truth {
    pub(crate) fn see(&mut self, now: Instant, fact: &Fact<'_>) {
        self.shaken.clear();
        match *fact {
            Fact::Booted { host, boot, disk } => self.on_boot(now, host, boot, disk),
            Fact::Ended { host, goodbye } => self.on_end(now, host, goodbye),
            Fact::Cards { host, interfaces, links } => self.on_cards(now, host, interfaces, links),
            Fact::Asked { host, action: Action::Say { place, text, .. }, .. } => {
                let (author, place) = (self.hosts[host].key, place.clone());
                let room = self.room_of(host, &place);
                let said = Said { host, author, place, room, at: now, id: None };
                self.said.insert(text.as_str().to_owned(), said);
                self.stirred = now;
            }
            Fact::Asked { host, action: Action::Offer { place, offer }, .. } => {
                let (author, place) = (self.hosts[host].key, place.clone());
                let room = self.room_of(host, &place);
                let said = Said { host, author, place, room, at: now, id: None };
                self.said.insert(offer.name.as_str().to_owned(), said);
                self.stirred = now;
            }
            Fact::Asked { host, action, .. } => {
                self.hosts[host].leaves |= *action == Action::Quit;
                self.stirred = now;
            }
            Fact::Told { host, event } => self.on_told(now, host, event),
            Fact::Appended { host, token, records } => self.on_append(now, host, token, records),
            Fact::Safe { host, token, result } => self.on_safe(host, token, result.is_ok()),
            Fact::Fault { number, begins, struck } => self.on_fault(now, number, begins, struck),
            Fact::Foe { key } => {
                self.foes.insert(key);
            }
            Fact::Foul { author, text } => {
                self.foul.insert((author, text.to_owned()));
            }
            Fact::Sent { .. } | Fact::Received { .. } | Fact::Sizes { .. } => {}
        }
    }

    /// Which room a host means by a place.
    fn room_of(&self, host: usize, place: &Place) -> Option<RoomKeyId> {
        let Place::Room(name) = place else { return None };
        self.hosts[host].meant.get(name).map(|(room, _)| *room)
    }

    fn shake(&mut self, now: Instant, host: usize) {
        self.hosts[host].calm.on_change(now);
        self.shaken.push(host);
        self.stirred = now;
    }

    fn on_boot(&mut self, now: Instant, host: usize, boot: BootId, disk: &Disk) {
        let it = &mut self.hosts[host];
        (it.boot, it.runs_since, it.leaves) = (boot, Some(now), false);
        it.calm.on_boot(now);
        (it.disk_failed, it.disk_fails) = (it.disk_fails, it.calm.is_disk_lying());
        it.met.clear();
        it.held.clear();
        for (room, stamp, id) in disk.ids() {
            it.held.entry(room).or_default().add(stamp, id);
            // Also what a copied disk brought along.
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.safe.insert((host, it.key));
            }
        }
        let Answer::State(state) = disk.answer(it.key, &Request::State) else { return };
        it.keeps = state.keeps.iter().map(|keep| (keep.room, keep.from)).collect();
        let lobby =
            StoredRoom { name: RoomName::lobby(), joined: true, floor: Stamp(0), id: None, root: None };
        let rooms = if state.rooms.is_empty() { vec![lobby] } else { state.rooms };
        it.meant.clear();
        for room in rooms.iter().filter(|room| room.joined) {
            room.id.into_iter().for_each(|id| it.mean(now, &room.name, id));
        }
        it.rooms = rooms.into_iter().filter(|room| room.joined).map(|room| (room.name, room.floor)).collect();
        self.boots.insert((it.key, boot), Boot { host, ended: None });
        self.shaken.push(host);
        self.stirred = now;
    }

    fn on_cards(&mut self, now: Instant, host: usize, interfaces: &[Interface], links: &[usize]) {
        let subnets = interfaces.iter().flat_map(|interface| &interface.addresses);
        let subnets: Vec<_> = subnets.copied().collect();
        let addresses: Vec<_> = subnets.iter().map(|subnet| subnet.address).collect();
        let it = &mut self.hosts[host];
        it.subnets = subnets;
        it.mtu = interfaces.iter().map(|interface| (interface.index, interface.mtu)).collect();
        it.links = links.iter().copied().collect();
        it.had.extend(&addresses);
        let is_elsewhere = it.addresses.iter().any(|address| !addresses.contains(address));
        let (old, who) = (std::mem::replace(&mut it.addresses, addresses.clone()), (it.key, it.boot));
        for old in old {
            let holders = self.holders.entry(old).or_default();
            holders.remove(&host);
            self.contested -= usize::from(holders.len() == 1);
        }
        for new in addresses {
            let holders = self.holders.entry(new).or_default();
            holders.insert(host);
            self.contested += usize::from(holders.len() == 2);
        }
        if is_elsewhere {
            self.hosts.iter_mut().for_each(|other| {
                other.met.remove(&who);
            });
        }
        self.shake(now, host);
    }

    fn on_end(&mut self, now: Instant, host: usize, goodbye: bool) {
        let it = &mut self.hosts[host];
        it.runs_since = None;
        it.listed.clear();
        it.pending.clear();
        let ran = self.boots.get_mut(&(it.key, it.boot));
        ran.into_iter().for_each(|boot| boot.ended = Some((now, goodbye)));
        self.shaken.push(host);
        self.stirred = now;
    }

    fn on_told(&mut self, now: Instant, host: usize, event: &Event) {
        match event {
            Event::Peer(PeerChange { state, key: Some(key), boot: Some(boot), direct, through, .. }) => {
                let (it, who) = (&mut self.hosts[host], (*key, *boot));
                if matches!(state, PeerState::Quit | PeerState::Lost) {
                    it.listed.remove(&who);
                } else {
                    let listed = it.listed.entry(who).or_insert(Listed::new(now, *direct));
                    listed.turn(now, *direct, *through);
                    if *state == PeerState::Online {
                        it.met.insert(who);
                    }
                }
            }
            Event::Trusted { key, trust } if trust.blocked => _ = self.hosts[host].deaf_to.insert(*key),
            Event::Message(message) if message.own => {
                let said = self.said.get_mut(&message.text);
                said.into_iter().for_each(|said| said.id = Some(message.id));
            }
            _ => {}
        }
    }

    fn on_append(&mut self, now: Instant, host: usize, token: Token, records: &[Record]) {
        let mut pending = Vec::new();
        for record in records {
            match record {
                Record::Entry(StoredEntry { room, id, stamp, author, .. }) => {
                    let (room, stamp, author) = (*room, *stamp, *author);
                    let first = EntryTruth { author, room, stamp, safe: BTreeSet::new() };
                    self.entries.entry(*id).or_insert(first);
                    self.hosts[host].held.entry(room).or_default().add(stamp, *id);
                    pending.push((room, stamp, *id));
                }
                Record::Keep(keep) => _ = self.hosts[host].keeps.insert(keep.room, keep.from),
                Record::Forget(forgotten) => {
                    for id in &forgotten.ids {
                        let stamp = self.entries.get(id).map(|entry| entry.stamp);
                        let held = self.hosts[host].held.get_mut(&forgotten.room);
                        held.zip(stamp).into_iter().for_each(|(held, stamp)| held.remove(stamp, *id));
                    }
                }
                Record::Room(room) if room.joined => {
                    let it = &mut self.hosts[host];
                    it.rooms.insert(room.name.clone(), room.floor);
                    room.id.into_iter().for_each(|id| it.mean(now, &room.name, id));
                }
                Record::Room(room) => {
                    self.hosts[host].rooms.remove(&room.name);
                }
                _ => {}
            }
        }
        self.hosts[host].pending.insert(token, pending);
    }

    fn on_safe(&mut self, host: usize, token: Token, is_safe: bool) {
        let it = &mut self.hosts[host];
        let later = it.pending.split_off(&Token(token.0 + 1));
        for (token_of, entries) in std::mem::replace(&mut it.pending, later) {
            for (room, stamp, id) in entries {
                if is_safe {
                    let entry = self.entries.get_mut(&id);
                    entry.into_iter().for_each(|entry| {
                        entry.safe.insert((host, it.key));
                    });
                } else if token_of == token {
                    it.held.entry(room).or_default().remove(stamp, id);
                }
            }
        }
    }

    fn on_fault(&mut self, now: Instant, number: usize, begins: bool, struck: &[usize]) {
        let Some(fault) = self.faults.get(number).map(|planned| planned.what.clone()) else { return };
        let struck = if begins {
            self.struck.insert(number, struck.to_vec());
            struck.to_vec()
        } else {
            self.struck.remove(&number).unwrap_or_default()
        };
        if calm::lasts(&fault) && !struck.is_empty() {
            self.disturbing = if begins { self.disturbing + 1 } else { self.disturbing.saturating_sub(1) };
        }
        for host in struck {
            self.hosts[host].disk_fails |= begins && calm::loses(&fault);
            if self.hosts[host].calm.on_fault(now, &fault, begins) {
                self.shaken.push(host);
            }
        }
        self.stirred = now;
    }
}
