//! What the node works on for the person, and what is said when that is done or refused.

use std::num::NonZeroU16;

use chat_core::{Instant, Nick, PeerKey, Place, Refusal, RoomName, Stamp, Thought};

use super::{Plain, act::NOWHERE, change, delivery};
use crate::{
    door::Door,
    engine::Engine,
    files::{Job, Prepared},
    people::with_digits,
    phrase::Phrase,
};

/// A command that the node works on.
#[derive(Debug)]
pub(super) enum Pending {
    Say {
        text: String,
        place: Place,
    },
    Join {
        door: Door,
        /// Its phrase, if it was made here.
        made: Option<Phrase>,
    },
    Leave(RoomName),
    Rename(Nick),
    Connect,
    /// Keys are compared; digits come of it.
    Compare(PeerKey),
    /// What is thought of somebody.
    Think {
        whom: String,
        thought: Thought,
        is_news: bool,
    },
    /// A file was offered.
    Offer(Prepared),
    /// For how long a room is kept from now on.
    Keep {
        place: Place,
        days: Option<NonZeroU16>,
    },
    /// More of a room's history is wanted than since `before`.
    Earlier {
        room: RoomName,
        before: Option<Stamp>,
    },
    /// An edit or the like: it is shown when it is stored.
    Change,
    /// What the network is like: `asked` for by the person, or by ourselves since nobody is there.
    Examine {
        asked: bool,
    },
    /// What the node has counted.
    Count,
    /// A room at start: that we are in it is nothing new.
    Enter(Door),
}

impl Plain {
    pub(super) fn on_done(&mut self, now: Instant, pending: Pending, engine: &Engine) {
        match pending {
            Pending::Say { place, .. } => {
                self.gate.leave();
                if let Place::Room(room) = &place {
                    self.warn_of_stale_key(room);
                }
                self.explain_absence(now, place);
            }
            Pending::Join { door, made } => {
                let room = door.room.clone();
                self.on_joined(door, made);
                if let Some(topic) = change::topic_of(&room, engine) {
                    self.notice(&format!("{room} is about: {topic}"));
                }
                self.go_on();
            }
            Pending::Leave(room) => {
                let here = self.here.as_ref().map(|here| format!("you write in {here}"));
                let here = here.unwrap_or_else(|| String::from(NOWHERE));
                self.notice(&format!("you left {room}; {here}"));
            }
            Pending::Rename(nick) => {
                self.notice(&format!("you are {} now", with_digits(nick.as_str(), self.people.own())));
                self.people.rename(nick);
            }
            Pending::Connect => self.notice("trying that address, now and whenever it is lost"),
            Pending::Think { whom, thought, is_news } => self.tell_thought(&whom, thought, is_news),
            Pending::Keep { place, days } => self.notice(&self.kept(&place, days)),
            Pending::Earlier { room, before } => self.on_earlier(&room, before, engine),
            Pending::Enter(Door { room, root: Some(root) }) => _ = self.secrets.insert(room, root),
            Pending::Enter(_)
            | Pending::Examine { .. }
            | Pending::Count
            | Pending::Change
            | Pending::Offer(_)
            | Pending::Compare(_) => {}
        }
    }

    pub(super) fn on_refused(&mut self, pending: Pending, reason: Refusal, engine: &Engine) {
        let why = &reason.to_string();
        match pending {
            Pending::Say { text, .. } => {
                self.gate.leave();
                self.complain(&format!("not sent, {why}: {}", delivery::beginning(&text)));
                self.refuse_waiting();
            }
            Pending::Join { door: Door { room, .. }, .. } | Pending::Enter(Door { room, .. })
                if reason == Refusal::NameTaken =>
            {
                self.complain(&format!("{room}: {why}"));
                self.go_on();
            }
            Pending::Join { door: Door { room, .. }, .. } | Pending::Enter(Door { room, .. }) => {
                let was_here = self.here.as_ref() == Some(&room);
                self.leave(&room);
                let here = self.here.as_ref().filter(|_| was_here);
                let here = here.map(|here| format!("; you write in {here}")).unwrap_or_default();
                self.complain(&format!("{room}: {why}{here}"));
                self.go_on();
            }
            Pending::Examine { asked: false } => {}
            Pending::Compare(key) => {
                let whom = self.people.label(key, None);
                self.complain(&format!(
                    "keys are not compared with {whom}: {why}; without a session compare the whole keys: /verify {whom} KEY"
                ));
            }
            Pending::Offer(prepared) => {
                engine.files(Job::NotOffered);
                self.complain(&format!("{} is not offered: {why}", prepared.offer.name));
                self.refuse_waiting();
            }
            _ => self.complain(why),
        }
    }
}
