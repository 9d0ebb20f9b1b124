//! What the person asks for.

use alloc::{boxed::Box, vec::Vec};
use core::net::SocketAddr;

use super::Node;
use crate::{
    command::{Action, Command},
    discovery::{Announcement, manual},
    event::{Event, Place, Refusal, Unreached},
    identity::PeerKey,
    session::Standing,
    store::Record,
    text::Nick,
};

/// Commands that may wait for the store's first answer.
const QUEUED_MAX: usize = 4096;

impl Node {
    pub(super) fn on_command(&mut self, command: Command) {
        let Command { tag, action } = command;
        if let Some(queued) = &mut self.queued {
            if queued.len() < QUEUED_MAX {
                queued.push_back(Command { tag, action });
            } else {
                self.stats.commands_refused += 1;
                self.event(Event::Refused { tag, reason: Refusal::Busy });
            }
            return;
        }
        if self.quitting.is_some() && action != Action::Quit {
            return self.event(Event::Refused { tag, reason: Refusal::Leaving });
        }
        match action {
            Action::Rename(nick) => {
                self.rename(nick);
                self.event(Event::Done { tag, message: None });
            }
            Action::Connect(address) => self.connect(tag, address),
            Action::Compare(key) => self.compare(tag, key),
            Action::Think { key, thought } => self.think(tag, key, thought),
            Action::Examine => self.examine(tag),
            Action::Count => {
                let stats = Box::new(self.stats());
                self.event(Event::Counted { tag, stats });
                self.event(Event::Done { tag, message: None });
            }
            Action::Fetch(wanted) => self.fetch_file(tag, wanted),
            Action::Stop(file) => {
                self.with_files(|files, turn| files.stop(turn, file));
                self.event(Event::Done { tag, message: None });
            }
            Action::Quit => self.quit(tag),
            action => {
                let place = match &action {
                    Action::Say { place, .. }
                    | Action::Edit { place, .. }
                    | Action::Delete { place, .. }
                    | Action::React { place, .. }
                    | Action::Offer { place, .. } => Some(place),
                    _ => None,
                };
                if let Some(Place::Direct(key)) = place {
                    self.acquaint(key, Standing::Spoken);
                    self.want(*key);
                }
                self.with_rooms(|rooms, turn| rooms.command(turn, tag, action));
            }
        }
    }

    /// Has an address called. The person hears once whether that came to nothing.
    fn connect(&mut self, tag: u64, address: SocketAddr) {
        self.on_sighting(&manual::typed(address));
        self.event(Event::Done { tag, message: None });
        let hindrance = self.contacts.hindrance(address);
        if let Some(reason) = hindrance.or((!self.config.calls).then_some(Unreached::Unusable)) {
            self.event(Event::Unreachable { tag, address, reason });
        } else if !self.contacts.is_reached(address) && !self.calls.push(tag, address) {
            self.stats.calls_forgotten += 1;
        }
    }

    /// Takes `nick` from now on, and tells everybody.
    pub(super) fn rename(&mut self, nick: Nick) {
        self.ledger.collect(Record::Nick(nick.clone()));
        self.go_by(nick);
    }

    /// Tells everybody that we are called `nick`.
    pub(super) fn go_by(&mut self, nick: Nick) {
        self.with_rooms(|rooms, turn| rooms.rename(turn, nick.clone()));
        self.nick = nick;
        self.publish(false);
        let announcement = self.announcement();
        for discovery in self.discoveries.each() {
            discovery.announce(self.now, &announcement, &mut self.found);
        }
    }

    /// What the discoveries tell of us.
    pub(super) fn announcement(&self) -> Announcement {
        let (key, port) = (self.identity.key(), self.config.chat_port);
        Announcement { key, boot: self.boot, nick: self.nick.clone(), port }
    }

    /// Says goodbye once, after the last words.
    fn quit(&mut self, tag: u64) {
        if self.quitting.is_some() {
            return self.event(Event::Done { tag, message: None });
        }
        self.end_examination();
        self.with_rooms(|rooms, turn| rooms.on_quit(turn));
        if self.own.is_some() {
            self.publish(true);
        }
        // Those who pass things on are still there.
        let relayed = self.peers.iter().filter(|(_, peer)| peer.is_relayed()).map(|(&link, _)| link);
        relayed.for_each(|link| self.sessions.close(self.now, link));
        self.settle();
        self.quitting = Some(tag);
        for discovery in self.discoveries.each() {
            discovery.withdraw(self.now, &mut self.found);
        }
        // Nothing more will be told of them.
        let here: Vec<PeerKey> = self.peers.values().map(|peer| peer.key).collect();
        here.iter().for_each(|key| self.keep_seen(key));
        self.ledger.collect_again();
        self.sessions.close_all(self.now, &mut self.session_wishes);
    }
}
