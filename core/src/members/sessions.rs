//! Our own sessions: how they begin and end, and what follows for those they are with.

use alloc::vec::Vec;

use super::{Down, LINGER, LOST_MAX, Link, Members, Timer, accuse::DOUBT, exchange, graph};
use crate::{record::Tag, session::LinkId, time::Instant};

impl Members {
    /// Our session with the run `tag`.
    pub(crate) fn link_of(&self, tag: &Tag) -> Option<LinkId> {
        self.links.get(tag).map(|link| link.link)
    }

    /// A session with the run `tag` begins.
    pub(crate) fn on_up(&mut self, now: Instant, tag: Tag, link: LinkId) {
        let entry =
            Link { link, is_suspect: false, is_relayed: false, comparison: exchange::Comparison::default() };
        if self.links.insert(tag, entry).is_none() && self.links.len() == 1 {
            self.all.keys().copied().collect::<Vec<_>>().into_iter().for_each(|other| self.touch(now, other));
            self.look(now, now + graph::PAUSE);
        }
        self.lost.remove(&tag);
        if let Some(member) = self.all.get_mut(&tag) {
            (member.accused, member.missed_at) = (None, None);
            self.timers.clear(Timer::Verdict(tag));
        }
        self.touch(now, tag);
    }

    /// The session with `tag` goes on elsewhere: over a neighbour, another one, or by itself.
    pub(crate) fn on_moved(&mut self, now: Instant, tag: Tag, is_relayed: bool) {
        if let Some(link) = self.links.get_mut(&tag) {
            link.is_relayed = is_relayed;
        }
        self.touch(now, tag);
    }

    /// The session with `tag` is over. Whether that is to be told to others.
    pub(crate) fn on_down(&mut self, now: Instant, tag: Tag, how: Down) -> bool {
        let Some(link) = self.links.remove(&tag) else { return false };
        self.on_silent(now, link.link);
        if self.links.is_empty() {
            // There is nobody left to tell of others.
            self.all.keys().copied().collect::<Vec<_>>().into_iter().for_each(|other| self.touch(now, other));
        }
        // Most sessions that end are visits, and whoever leaves is named by its neighbours.
        let is_reached = matches!(how, Down::Released | Down::Cut) && self.is_reached(tag);
        if !is_reached {
            self.look(now, now + graph::PAUSE);
        }
        let is_vouched = how == Down::Silent && self.is_vouched(&tag);
        let accused_in = self.accused_in(tag);
        let Some(member) = self.all.get_mut(&tag) else { return false };
        member.has_left = how == Down::Quit;
        let (version, is_news) =
            (member.record.version, matches!(how, Down::Silent | Down::Quit) && !member.record.gone);
        if is_news && self.lost.len() < LOST_MAX {
            self.lost.insert(tag, version);
        }
        match how {
            Down::Quit => {}
            // Whatever it has said before it ended is no answer to that.
            Down::Replaced => self.accuse(now, tag, version, now + DOUBT),
            Down::Silent if is_vouched => self.accuse(now, tag, version, now + DOUBT),
            // A neighbour of its own has said so while we were asking.
            Down::Cut if accused_in >= Some(version) => self.accuse(now, tag, version, now + DOUBT),
            Down::Released | Down::Cut if is_reached => {}
            Down::Silent => self.accuse(now, tag, version, now),
            // It is still there, and its other sessions have to show that.
            Down::Released | Down::Cut => {
                member.missed_at.get_or_insert(now + LINGER);
            }
        }
        self.touch(now, tag);
        is_news
    }
}
