//! Who is here, and what becomes of what was said to those who are not.

use std::time::Duration;

use chat_core::{Instant, PeerChange, PeerKey, Place};

use super::{Plain, crowd::Move};
use crate::{
    address,
    people::{Turn, found_by},
};

/// How long both runs of a key must answer before it is in two places: a run that was killed is missed by then
/// (DESIGN section 6: within seven seconds).
const TWO_PLACES: Duration = Duration::from_secs(9);

impl Plain {
    pub(super) fn on_peer(&mut self, now: Instant, change: PeerChange) {
        let key = change.key;
        let at = change.address.map(|at| format!(", {}", address::show(at))).unwrap_or_default();
        let how = match change.through {
            Some(relay) => format!("(through {})", self.people.label(relay, None)),
            None => format!("({}{at})", found_by(change.via)),
        };
        let turn = self.people.on_peer(change);
        let (Some(key), Some(turn)) = (key, turn) else { return };
        if key == self.people.own() {
            return self.on_own(now, &turn);
        }
        // Whoever was here can have left: then nobody needs to wait for others to be found.
        self.settled = now;
        self.alone.on_company();
        if self.people.trust(key).blocked {
            return;
        }
        let name = self.people.label(key, None);
        let (what, line) = match &turn {
            Turn::CameAgain => {
                self.twice.insert(key, now + TWO_PLACES);
                return;
            }
            Turn::Came { was: Some(was) } => {
                (Move::Came, format!("{name} is here, called {was} before {how}"))
            }
            Turn::Came { was: None } => (Move::Came, format!("{name} is here {how}")),
            Turn::Renamed { was } => (Move::Renamed, format!("{was} is now called {name}")),
            Turn::Silent => (Move::Silent, format!("{name} does not answer")),
            Turn::Back => (Move::Back, format!("{name} answers again")),
            Turn::Quit => (Move::Quit, format!("{name} left")),
            Turn::Lost => (Move::Lost, format!("{name} is gone without a goodbye")),
        };
        let who = if let Turn::Renamed { was } = turn { format!("{was} (now {name})") } else { name };
        let is_told = self.crowd.on_move(now, what, &who);
        if is_told {
            self.notice(&line);
        }
        if matches!(what, Move::Came | Move::Renamed) {
            self.warn_of(key, is_told);
        }
    }

    /// Somebody else has our key: told only when they are still there once a run of ours that was killed is missed.
    fn on_own(&mut self, now: Instant, turn: &Turn) {
        let own = self.people.own();
        match turn {
            Turn::Came { .. } => _ = self.twice.insert(own, now + TWO_PLACES),
            Turn::Quit | Turn::Lost if self.twice.remove(&own).is_none() => {
                self.notice("your key speaks from nowhere else any more");
            }
            _ => {}
        }
    }

    /// Tells of those whose first run is still there with the second, and of a second one of our own.
    pub(super) fn tell_places(&mut self, now: Instant) {
        let due: Vec<PeerKey> =
            self.twice.iter().filter(|(_, due)| **due <= now).map(|(key, _)| *key).collect();
        for key in due {
            self.twice.remove(&key);
            if key == self.people.own() {
                self.tell_own();
            } else if self.people.is_in_places(key) && !self.people.trust(key).blocked {
                self.notice(&format!("{} is here from one more place", self.people.label(key, None)));
            }
        }
    }

    fn tell_own(&self) {
        let own = self.people.own();
        let there = self.people.present().into_iter().find(|(key, _)| *key == own);
        let Some((_, person)) = there else { return };
        let at = person.runs.values().filter_map(|run| run.address).next();
        let at = at.map(|at| format!(", at {}", address::show(at))).unwrap_or_default();
        self.notice(&format!(
            "your key speaks from another place too{at}: what is said there comes from you as well; if no copy of this \
             profile is yours, somebody has taken one, and only a new profile is yours alone"
        ));
    }

    /// Whoever writes to nobody learns when it will be read.
    pub(super) fn explain_absence(&mut self, now: Instant, place: Place) {
        let (key, who) = match &place {
            Place::Direct(key) if self.people.is_there(*key) => return,
            Place::Room(_) if !self.people.is_alone() => return self.delivery.forget_absence(),
            _ if now < self.settled => {
                self.unsettled = Some(place);
                return;
            }
            Place::Direct(key) => (Some(*key), format!("{} is not", self.people.label(*key, None))),
            Place::Room(_) => (None, String::from("nobody else is")),
        };
        if self.delivery.is_news_absence(key) {
            let whom = if key.is_some() { "they come" } else { "somebody comes" };
            let kept = if self.is_kept { "" } else { " while this program runs" };
            self.notice(&format!("{who} here; what you say goes out when {whom}{kept}"));
        }
    }

    pub(super) fn tell_unheard(&self) {
        let left = self.delivery.unheard();
        if left > 0 {
            let fate = if self.is_kept { "go out next time" } else { "are lost" };
            self.complain(&format!("messages that nobody else has stored yet: {left}; they {fate}"));
        }
    }
}
