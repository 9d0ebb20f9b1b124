//! The table of associations: which one a packet is for, and what becomes of it after something happened.

use super::{
    Gone, LinkId, Sessions, Timer, Wish,
    association::{Association, Fate, Host},
    frame::Parting,
    receiving::Arrival,
};
use crate::{outbox::Outbox, stats::SessionStats, time::Instant};

impl Sessions {
    pub(super) fn on_data(
        &mut self,
        now: Instant,
        arrival: Arrival,
        (to, number): (u64, u64),
        sealed: &[u8],
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        if self.dials.contains_key(&to) {
            return self.on_welcome(now, arrival, (to, number), sealed, stats, out);
        }
        let link = self.routes.get(&to).copied();
        let Some((link, association)) = link.and_then(|link| Some((link, self.links.get_mut(&link)?))) else {
            stats.stray += 1;
            return self.tell_stranger(now, arrival, to, out);
        };
        let Some(opened) = association.open((to, number), sealed, &mut self.plain, stats) else {
            return;
        };
        let mut host = Host { rng: &mut self.rng, stats, out };
        let fate = association.on_packet(now, arrival, opened, &self.plain, &mut host);
        self.settle(now, link, fate, stats, out);
    }

    /// Follows up on what happened to an association.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        link: LinkId,
        fate: Fate,
        stats: &mut SessionStats,
        out: &mut Outbox<Wish>,
    ) {
        self.dirty.insert(link);
        let Some(association) = self.links.get_mut(&link) else { return };
        if let Some(retired) = association.take_retired() {
            self.routes.remove(&retired);
        }
        // Before anything else is told of the peer, what it had said.
        association.deliver(now, self.reading, out);
        let why = match fate {
            Fate::Goes => return,
            Fate::Ages => return self.renew(now, link, stats, out),
            Fate::Over => return self.forget(link),
            Fate::Parted(Parting::Left) => Gone::Quit,
            Fate::Parted(Parting::Crowded) => Gone::Crowded,
            Fate::Lost if association.is_followed => Gone::Replaced,
            Fate::Lost | Fate::Broken => Gone::Lost,
        };
        if fate == Fate::Broken {
            association.close(now, Parting::Left);
        }
        self.bury(link, why, out);
        if fate == Fate::Lost {
            self.forget(link);
        }
    }

    /// Tells that a peer is gone, unless it is known already.
    pub(super) fn bury(&mut self, link: LinkId, why: Gone, out: &mut Outbox<Wish>) {
        let Some(association) = self.links.get(&link) else { return };
        let (peer, boot) = (association.peer, association.boot);
        if self.peers.get(&(peer, boot)) == Some(&link) {
            self.peers.remove(&(peer, boot));
            out.push(Wish::Down { link, peer, boot, why });
        }
    }

    /// Lets go of an association and all that leads to it.
    pub(super) fn forget(&mut self, link: LinkId) {
        let Some(association) = self.links.remove(&link) else { return };
        let key = (association.peer, association.boot);
        if self.peers.get(&key) == Some(&link) {
            self.peers.remove(&key);
        }
        for id in association.ids() {
            self.routes.remove(&id);
        }
        self.schedule.set(Timer::Link(link), None);
        self.dirty.remove(&link);
    }

    /// An association that can be used; it will be looked at by the next flush.
    pub(super) fn live(&mut self, link: LinkId) -> Option<&mut Association> {
        let association = self.links.get_mut(&link).filter(|association| association.is_live())?;
        self.dirty.insert(link);
        Some(association)
    }
}
