//! What a node has its store keep, and what the store tells it.

use alloc::{collections::BTreeMap, vec::Vec};
use core::net::SocketAddr;

use super::{
    Node,
    ledger::{Asker, Durable},
};
use crate::{
    boundary::Token,
    discovery::manual,
    session::{LinkId, Origin, Standing},
    store::{Answer, Request, State, StoreError},
};

/// Of those who were met at one place, and whom the person has neither written to nor verified, so many are more than
/// strangers from the start: keys cost nothing, and neither does a word in an open room.
const KNOWN_EACH: usize = 8;
/// The same of a place that may be a whole link (IPv6).
const KNOWN_PREFIX: usize = 64;

impl Node {
    pub(super) fn on_persisted(&mut self, token: Token, result: Result<(), StoreError>) {
        for Durable { entries, is_forgetting } in self.ledger.on_persisted(self.now, token, result) {
            self.with_rooms(|rooms, turn| {
                if !entries.is_empty() {
                    rooms.on_durable(turn, &entries, result);
                }
                if is_forgetting {
                    rooms.on_forgotten(turn, result);
                }
            });
        }
    }

    /// What was set and the store did not take is handed out again when it is time.
    pub(super) fn on_settings_due(&mut self) {
        if self.ledger.next_wake().is_some_and(|at| at <= self.now) {
            self.ledger.collect_again();
        }
    }

    pub(super) fn on_fetched(&mut self, token: Token, answer: Answer) {
        match (answer, self.ledger.on_fetched(token)) {
            (Answer::State(state), _) => self.restore(state),
            (Answer::Piece(bytes), Some(Asker::Files(number))) => {
                self.with_files(|files, turn| files.on_read(turn, number, bytes));
            }
            (answer, Some(Asker::Rooms(request))) => {
                self.with_rooms(|rooms, turn| rooms.on_answer(turn, request, answer));
            }
            // A host that mixes its answers up has not got the file.
            (_, Some(Asker::Files(number))) => {
                self.with_files(|files, turn| files.on_read(turn, number, None));
            }
            (_, None) => {}
        }
    }

    /// Begins with what the store knows: from here on commands are carried out and rooms are proven.
    fn restore(&mut self, state: State) {
        let Some(queued) = self.queued.take() else { return };
        let stored_nick = state.nick.clone();
        self.restore_trust(state.trusts.clone());
        self.with_rooms(|rooms, turn| rooms.restore(turn, &state));
        let mut places: BTreeMap<Origin, usize> = BTreeMap::new();
        for peer in state.peers.into_iter().take(self.config.peers_max) {
            if self.config.discovery.remembered {
                self.on_sighting(&manual::remembered(&peer));
            }
            let (key, addresses) = (peer.key, peer.addresses.clone());
            let is_spoken = self.rooms.has_said_to(&key);
            let is_verified = self.trusted.get(&key).is_some_and(|trust| trust.verified);
            let place = addresses.first().map(|&address| self.sessions.origin(address));
            let is_one_of_few = place.is_none_or(|place| {
                let there = places.entry(place).or_default();
                *there += 1;
                *there <= if matches!(place, Origin::Prefix(_)) { KNOWN_PREFIX } else { KNOWN_EACH }
            });
            let is_known = is_spoken || is_verified || is_one_of_few;
            let standing = if is_known { Standing::Known } else { Standing::Met };
            if self.acquaintances.restore(peer, standing) && is_known {
                let addresses = addresses.iter().map(SocketAddr::ip);
                self.sessions.remember(self.now, key, standing, addresses);
                self.regard(key);
            }
            if is_spoken {
                self.acquaint(&key, Standing::Spoken);
                self.want(key);
            }
        }
        match stored_nick.filter(|stored| !self.config.nick_wins || *stored == self.nick) {
            Some(stored) => self.go_by(stored),
            None => self.rename(self.nick.clone()),
        }
        // Some may have come while it was asked for.
        let links: Vec<LinkId> = self.peers.keys().copied().collect();
        links.into_iter().for_each(|link| self.remember(link));
        self.on_rooms_changed();
        queued.into_iter().for_each(|command| self.on_command(command));
    }

    pub(super) fn fetch(&mut self, asker: Asker, what: Request) {
        self.outputs.extend(self.ledger.seal());
        self.outputs.push(self.ledger.fetch(asker, what));
    }
}
