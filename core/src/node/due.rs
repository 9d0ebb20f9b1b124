//! What is due: the deadlines of all machines, and calls to make.

use core::{net::SocketAddr, time::Duration};

use super::{Node, examine::Examination};
use crate::{
    boundary::{Reason, Wake},
    session::Effort,
    time::Instant,
};

impl Node {
    /// Lets every machine do what is due.
    pub(super) fn fire_due(&mut self) {
        let now = self.now;
        let is_due = |wake: Option<Instant>| wake.is_some_and(|at| at <= now);
        self.discoveries.on_tick(now, &mut self.stats, &mut self.found);
        if is_due(self.sessions.next_wake()) {
            self.sessions.on_tick(now, &mut self.stats.session, &mut self.session_wishes);
        }
        if is_due(self.rooms.next_wake()) {
            self.with_rooms(|rooms, turn| rooms.on_tick(turn));
        }
        if is_due(self.files.next_wake()) {
            self.with_files(|files, turn| files.on_tick(turn));
        }
        self.on_members_due();
        self.on_records_due();
        self.on_asked_due();
        self.on_relays_due();
        self.on_comparisons_due();
        self.on_settings_due();
        self.on_examined();
    }

    pub(super) fn wake(&self) -> Option<Wake> {
        if self.is_finished {
            return None;
        }
        let dial = if self.may_call() { self.contacts.next_wake() } else { None };
        let due = [
            (self.sessions.next_wake(), Reason::Session),
            (self.records.next_wake(), Reason::Session),
            (self.members.next_wake(), Reason::Session),
            (self.visit, Reason::Dial),
            (self.comparisons.next_wake(), Reason::Session),
            (self.rooms.next_wake(), Reason::Room),
            (self.files.next_wake(), Reason::File),
            (self.ledger.next_wake(), Reason::Store),
            (dial, Reason::Dial),
            (self.asked.next_wake(), Reason::Dial),
            (if self.may_call() { self.relays.next_wake() } else { None }, Reason::Dial),
            (self.examination.as_ref().map(Examination::until), Reason::Dial),
        ];
        let due = self.discoveries.wakes().chain(due);
        let earliest = due.filter_map(|(at, reason)| Some(Wake { at: at?, reason })).min()?;
        // A machine that left a due timer behind must not make the host spin.
        Some(Wake { at: earliest.at.max(self.now + Duration::from_nanos(1)), ..earliest })
    }

    pub(super) fn dial_due(&mut self) {
        if !self.may_call() {
            return;
        }
        self.contacts.set_busy(self.sessions.is_busy());
        for address in self.contacts.due(self.now) {
            let (to, stats) = ((address, interface_of(&address)), &mut self.stats.session);
            let effort = if self.contacts.is_call_to_silent(address) { Effort::Single } else { Effort::Full };
            self.sessions.dial(self.now, to, effort, stats, &mut self.session_wishes);
        }
    }

    /// Whether anybody is called at all now.
    pub(super) const fn may_call(&self) -> bool {
        self.config.calls && self.quitting.is_none() && self.net.is_up()
    }
}

/// The interface that an address names by its scope, 0 for none.
pub(super) fn interface_of(address: &SocketAddr) -> u32 {
    match address {
        SocketAddr::V6(v6) => v6.scope_id(),
        SocketAddr::V4(_) => 0,
    }
}
