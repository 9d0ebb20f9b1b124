//! Who is there and who was met before: for lists, for names on the screen, and to know whom a name means.

mod names;
#[cfg(test)]
mod tests;
mod trust;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use chat_core::{BootId, Nick, PeerChange, PeerKey, PeerState, RoomName, Source};

use self::trust::{Looks, Trusts};
pub(crate) use self::{
    names::{Unresolved, as_shown, with_digits},
    trust::BADGE,
};
use crate::store::Known;

/// People kept in the table; of more, those that are gone and were never talked to are forgotten.
const PERSONS_MAX: usize = 8192;
/// Peers that discovery has seen and that have not proven who they are.
const FOUND_MAX: usize = 256;
/// Nicks of before that are kept of one person.
const FORMER_MAX: usize = 4;

/// Everybody this program knows of.
#[derive(Debug)]
pub(crate) struct People {
    own: PeerKey,
    nick: Nick,
    persons: BTreeMap<PeerKey, Person>,
    found: BTreeMap<(Option<[u8; 8]>, Option<SocketAddr>), PeerChange>,
    trusts: Trusts,
    looks: Looks,
}

/// One key, and the runs of the program that have it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) nick: Option<Nick>,
    /// What it was called before in this run of ours, the newest last.
    former: Vec<Nick>,
    /// Its runs that are there.
    pub(crate) runs: BTreeMap<BootId, PeerChange>,
    /// The rooms it is seen in.
    pub(crate) rooms: BTreeSet<RoomName>,
    /// Whether something was said to it alone from here: a friend, who is never forgotten.
    talked: bool,
    /// Whether it has said something to us alone in this run: an answer by nick is meant for it, gone or not.
    wrote: bool,
}

/// What a change means to the person who reads. What somebody was called before is as it was shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It is here, and may have another nick than when it was met.
    Came {
        was: Option<String>,
    },
    /// A second run of the same key answers: somebody restarted, or is in two places. Which of them, only
    /// [`People::is_in_places`] tells, when the older one has had time to be missed.
    CameAgain,
    Renamed {
        was: String,
    },
    Silent,
    Back,
    Quit,
    Lost,
}

impl People {
    pub(crate) fn new(own: PeerKey, nick: Nick, known: Vec<Known>) -> Self {
        let person = |known: Known| {
            let person =
                Person { nick: Some(as_shown(&known.peer.nick)), talked: known.talked, ..Person::default() };
            (known.peer.key, person)
        };
        let persons: BTreeMap<PeerKey, Person> = known.into_iter().map(person).collect();
        let looks = Looks::of(&persons);
        Self { own, nick, persons, found: BTreeMap::new(), trusts: Trusts::default(), looks }
    }

    pub(crate) fn own(&self) -> PeerKey {
        self.own
    }

    pub(crate) fn rename(&mut self, nick: Nick) {
        self.nick = nick;
    }

    /// Takes a change in. The answer says what it means, `None` when a person need not be told.
    pub(crate) fn on_peer(&mut self, change: PeerChange) -> Option<Turn> {
        let Some(key) = change.key else {
            self.on_found(change);
            return None;
        };
        self.found.retain(|(id, _), _| *id != Some(key.short()));
        let was = self.on_nick(key, change.nick.as_ref());
        let person = self.persons.entry(key).or_default();
        let boot = change.boot.unwrap_or_default();
        let is_another =
            |(&run, change): (&BootId, &PeerChange)| run != boot && change.state == PeerState::Online;
        let is_elsewhere = person.runs.iter().any(is_another);
        let turn = match change.state {
            PeerState::Found => None,
            PeerState::Online => match person.runs.insert(boot, change).map(|before| before.state) {
                None if is_elsewhere => Some(Turn::CameAgain),
                None if person.runs.len() > 1 => Some(Turn::Back),
                None => Some(Turn::Came { was }),
                Some(PeerState::Suspect) if !is_elsewhere => Some(Turn::Back),
                Some(_) => was.map(|was| Turn::Renamed { was }),
            },
            PeerState::Suspect => {
                let before = person.runs.insert(boot, change).map(|before| before.state);
                (before != Some(PeerState::Suspect) && !is_elsewhere).then_some(Turn::Silent)
            }
            state @ (PeerState::Quit | PeerState::Lost) => {
                let was_there = person.runs.remove(&boot).is_some();
                let left = if state == PeerState::Quit { Turn::Quit } else { Turn::Lost };
                // Whoever restarts is there again before the old run is missed.
                (was_there && person.runs.is_empty()).then_some(left)
            }
        };
        if person.runs.is_empty() {
            person.rooms.clear();
        }
        self.forget();
        turn
    }

    /// Notes what `key` is called now. The answer is what it was called on the screen, if that was something else.
    fn on_nick(&mut self, key: PeerKey, nick: Option<&Nick>) -> Option<String> {
        let nick = &as_shown(nick?);
        let before = self.persons.get(&key).and_then(|person| person.nick.clone());
        let was = before.as_ref().filter(|before| *before != nick).map(|_| self.label(key, None));
        let person = self.persons.entry(key).or_default();
        person.nick = Some(nick.clone());
        if before.as_ref() != Some(nick) {
            before.iter().for_each(|before| self.looks.remove(key, before));
            self.looks.add(key, nick);
        }
        if was.is_some() {
            person.former.retain(|former| former != nick && Some(former) != before.as_ref());
            person.former.extend(before);
            let surplus = person.former.len().saturating_sub(FORMER_MAX);
            person.former.drain(..surplus);
        }
        was
    }

    pub(crate) fn on_room(&mut self, room: RoomName, key: PeerKey, joined: bool) {
        let rooms = &mut self.persons.entry(key).or_default().rooms;
        if joined {
            rooms.insert(room);
        } else {
            rooms.remove(&room);
        }
        self.forget();
    }

    /// Notes that `from` has said something in the direct conversation with `key`.
    pub(crate) fn on_talk(&mut self, key: PeerKey, from: PeerKey) {
        let person = self.persons.entry(key).or_default();
        if from == self.own {
            person.talked = true;
        } else {
            person.wrote = true;
        }
        self.forget();
    }

    /// Those who are there, by nick.
    pub(crate) fn present(&self) -> Vec<(PeerKey, &Person)> {
        let mut present: Vec<_> = self
            .persons
            .iter()
            .filter(|(_, person)| person.is_there())
            .map(|(key, person)| (*key, person))
            .collect();
        present.sort_by_key(|(key, person)| (person.nick.clone(), *key));
        present
    }

    /// Those that discovery has seen and who have not answered.
    pub(crate) fn found(&self) -> impl Iterator<Item = &PeerChange> {
        self.found.values()
    }

    pub(crate) fn is_there(&self, key: PeerKey) -> bool {
        self.persons.get(&key).is_some_and(Person::is_there)
    }

    /// Whether more than one run of `key` answers.
    pub(crate) fn is_in_places(&self, key: PeerKey) -> bool {
        let online = |person: &Person| {
            person.runs.values().filter(|change| change.state == PeerState::Online).count() > 1
        };
        self.persons.get(&key).is_some_and(online)
    }

    pub(crate) fn is_alone(&self) -> bool {
        !self.persons.values().any(Person::is_there)
    }

    fn on_found(&mut self, change: PeerChange) {
        let name = (change.id, change.address);
        if change.state == PeerState::Found {
            if self.found.len() >= FOUND_MAX && !self.found.contains_key(&name) {
                self.found.pop_first();
            }
            self.found.insert(name, change);
        } else {
            self.found.remove(&name);
        }
    }

    fn forget(&mut self) {
        if self.persons.len() > PERSONS_MAX {
            let is_kept = |key, person: &Person| person.is_there() || person.talked || self.trusts.has(key);
            let gone = self.persons.iter().filter(|(key, person)| !is_kept(key, person));
            for key in gone.map(|(key, _)| *key).collect::<Vec<_>>() {
                let nick = self.persons.remove(&key).and_then(|person| person.nick);
                nick.iter().for_each(|nick| self.looks.remove(key, nick));
            }
        }
    }
}

impl Person {
    pub(crate) fn is_there(&self) -> bool {
        !self.runs.is_empty()
    }
}

/// How somebody was found, in words.
pub(crate) fn found_by(via: Source) -> &'static str {
    match via {
        Source::Manual => "by address",
        Source::Remembered => "remembered",
        Source::Exchange => "by others",
        Source::Outside => "came to us",
        Source::Relay => "by a neighbour",
        other => other.word(),
    }
}
