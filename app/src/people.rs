//! Who is there and who was met before: for lists, for names on the screen, and to know whom a name means.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use chat_core::{BootId, Nick, PeerChange, PeerKey, PeerState, RoomName, Source};

use crate::store::Known;

/// People kept in the table; of more, those that are gone and were never talked to are forgotten.
const PERSONS_MAX: usize = 8192;
/// Peers that discovery has seen and that have not proven who they are.
const FOUND_MAX: usize = 256;
/// Hex digits of a key that are enough to mean somebody.
const PREFIX_MIN: usize = 8;

/// Everybody this program knows of.
#[derive(Debug)]
pub(crate) struct People {
    own: PeerKey,
    nick: Nick,
    persons: BTreeMap<PeerKey, Person>,
    found: BTreeMap<(Option<[u8; 8]>, Option<SocketAddr>), PeerChange>,
}

/// One key, and the runs of the program that have it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) nick: Option<Nick>,
    /// Its runs that are there.
    pub(crate) runs: BTreeMap<BootId, PeerChange>,
    /// The rooms it is seen in.
    pub(crate) rooms: BTreeSet<RoomName>,
    /// Whether there is a direct conversation with it.
    talked: bool,
}

/// What a change means to the person who reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    Came,
    /// The same key is now here from a second place.
    CameAgain,
    Silent,
    Back,
    Quit,
    Lost,
}

/// Why a name means nobody.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    #[error("nobody called {0} has been seen")]
    Unknown(String),
    #[error("that is you")]
    Own,
    #[error("{name} may be {}; say which", .choices.join(" or "))]
    Ambiguous { name: String, choices: Vec<String> },
}

impl People {
    pub(crate) fn new(own: PeerKey, nick: Nick, known: Vec<Known>) -> Self {
        let person = |known: Known| {
            let person = Person { nick: Some(known.peer.nick), talked: known.talked, ..Person::default() };
            (known.peer.key, person)
        };
        Self { own, nick, persons: known.into_iter().map(person).collect(), found: BTreeMap::new() }
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
        let person = self.persons.entry(key).or_default();
        if change.nick.is_some() {
            person.nick.clone_from(&change.nick);
        }
        let boot = change.boot.unwrap_or_default();
        let turn = match change.state {
            PeerState::Found => None,
            PeerState::Online => {
                let others = person.runs.keys().any(|&run| run != boot);
                match person.runs.insert(boot, change).map(|before| before.state) {
                    None if others => Some(Turn::CameAgain),
                    None => Some(Turn::Came),
                    Some(PeerState::Suspect) => Some(Turn::Back),
                    Some(_) => None,
                }
            }
            PeerState::Suspect => {
                let before = person.runs.insert(boot, change).map(|before| before.state);
                (before != Some(PeerState::Suspect)).then_some(Turn::Silent)
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

    pub(crate) fn on_room(&mut self, room: RoomName, key: PeerKey, joined: bool) {
        let rooms = &mut self.persons.entry(key).or_default().rooms;
        if joined {
            rooms.insert(room);
        } else {
            rooms.remove(&room);
        }
    }

    /// Notes that there is a direct conversation with `key`.
    pub(crate) fn on_talk(&mut self, key: PeerKey) {
        self.persons.entry(key).or_default().talked = true;
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

    pub(crate) fn is_alone(&self) -> bool {
        !self.persons.values().any(Person::is_there)
    }

    /// What `key` is called on the screen: `bo`, or `bo-4821` where the nick alone could mean somebody else.
    pub(crate) fn label(&self, key: PeerKey, said_as: Option<&Nick>) -> String {
        let known = self.persons.get(&key).and_then(|person| person.nick.as_ref());
        let own = (key == self.own).then_some(&self.nick);
        match said_as.or(own).or(known) {
            None => with_digits("?", key),
            Some(nick) if self.could_be_another(nick, key) => with_digits(nick.as_str(), key),
            Some(nick) => nick.to_string(),
        }
    }

    /// Whom `name` means: a nick, a nick with its digits, a key, or the beginning of one.
    ///
    /// # Errors
    /// When it means nobody, or more than one. A nick alone means those who are there and those who were talked
    /// to before, so that nobody can take an absent friend's nick and get what is meant for them.
    pub(crate) fn resolve(&self, name: &str) -> Result<PeerKey, Unresolved> {
        if let Ok(key) = name.parse::<PeerKey>() {
            return if key == self.own { Err(Unresolved::Own) } else { Ok(key) };
        }
        let (by_nick, exactly): (BTreeSet<_>, BTreeSet<_>) = self.matching(name);
        let (near, far): (BTreeSet<_>, BTreeSet<_>) = by_nick
            .into_iter()
            .partition(|key| self.persons.get(key).is_some_and(|person| person.is_there() || person.talked));
        let mut meant = if near.is_empty() { far } else { near };
        meant.extend(exactly);
        let mut keys = meant.iter();
        match (keys.next(), keys.next()) {
            (Some(&key), None) => Ok(key),
            (None, _) if same(self.nick.as_str(), name) => Err(Unresolved::Own),
            (None, _) => Err(Unresolved::Unknown(name.to_string())),
            _ => Err(Unresolved::Ambiguous { name: name.to_string(), choices: self.choices(&meant) }),
        }
    }

    /// Whether `name` cannot come to mean somebody else when more people are seen.
    pub(crate) fn is_exact(name: &str) -> bool {
        name.parse::<PeerKey>().is_ok() || split_digits(name).is_some() || is_prefix(name)
    }

    /// The keys that have `name` as nick, and those that it names by digits or as the beginning of the key.
    fn matching(&self, name: &str) -> (BTreeSet<PeerKey>, BTreeSet<PeerKey>) {
        let is_prefix = is_prefix(name);
        let prefix = name.to_ascii_lowercase();
        let called =
            |person: &Person, name: &str| person.nick.as_ref().is_some_and(|nick| same(nick.as_str(), name));
        let (mut by_nick, mut exactly) = (BTreeSet::new(), BTreeSet::new());
        for (&key, person) in &self.persons {
            if called(person, name) {
                by_nick.insert(key);
            }
            let by_digits = split_digits(name)
                .is_some_and(|(nick, digits)| digits == key.digits() && called(person, nick));
            if by_digits || is_prefix && key.to_string().starts_with(&prefix) {
                exactly.insert(key);
            }
        }
        (by_nick, exactly)
    }

    /// Names that tell the keys apart: with digits, or by key where even those are the same.
    fn choices(&self, keys: &BTreeSet<PeerKey>) -> Vec<String> {
        let name = |key: &PeerKey| {
            let nick = self.persons.get(key).and_then(|person| person.nick.as_ref());
            with_digits(nick.map_or("?", Nick::as_str), *key)
        };
        let names: BTreeSet<String> = keys.iter().map(name).collect();
        if names.len() == keys.len() {
            return names.into_iter().collect();
        }
        keys.iter().map(|key| key.to_string().chars().take(2 * PREFIX_MIN).collect()).collect()
    }

    fn could_be_another(&self, nick: &Nick, key: PeerKey) -> bool {
        let others = self.persons.iter().filter(|(_, person)| person.is_there() || person.talked);
        let mut nicks = others.filter_map(|(key, person)| Some((*key, person.nick.as_ref()?)));
        split_digits(nick.as_str()).is_some()
            || key != self.own && same(self.nick.as_str(), nick.as_str())
            || nicks.any(|(other, its)| other != key && same(its.as_str(), nick.as_str()))
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
            self.persons.retain(|_, person| person.is_there() || person.talked);
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
        other => other.word(),
    }
}

/// `nick-4821`.
pub(crate) fn with_digits(nick: &str, key: PeerKey) -> String {
    format!("{nick}-{:04}", key.digits())
}

/// Whether `name` may be the beginning of a key.
fn is_prefix(name: &str) -> bool {
    name.len() >= PREFIX_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `nick-4821` in its two parts.
fn split_digits(name: &str) -> Option<(&str, u16)> {
    let (nick, digits) = name.rsplit_once('-')?;
    let four = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    four.then(|| Some((nick, digits.parse().ok()?))).flatten()
}

/// Whether two nicks look alike enough to be taken for each other, capitals aside.
fn same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use chat_core::{StoredPeer, UnixMillis};

    use super::*;

    fn nick(name: &str) -> Nick {
        Nick::new(name).unwrap()
    }

    fn change(key: u8, name: &str, boot: u64, state: PeerState) -> PeerChange {
        PeerChange {
            state,
            key: Some(PeerKey([key; 32])),
            id: None,
            boot: Some(BootId(boot)),
            nick: Some(nick(name)),
            address: None,
            via: Source::Mdns,
            direct: true,
        }
    }

    fn known(key: u8, name: &str, talked: bool) -> Known {
        let peer = StoredPeer {
            key: PeerKey([key; 32]),
            nick: nick(name),
            direct: [0; 32],
            addresses: vec![],
            seen: UnixMillis(0),
        };
        Known { peer, talked }
    }

    fn people(known: Vec<Known>) -> People {
        People::new(PeerKey([0; 32]), nick("ana"), known)
    }

    #[test]
    fn a_restart_is_not_told_as_a_loss() {
        let mut people = people(vec![]);
        assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Online)), Some(Turn::Came));
        assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Online)), None);
        assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Suspect)), Some(Turn::Silent));
        assert_eq!(people.on_peer(change(1, "bo", 2, PeerState::Online)), Some(Turn::CameAgain));
        assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Lost)), None);
        assert!(!people.is_alone());
        assert_eq!(people.on_peer(change(1, "bo", 2, PeerState::Quit)), Some(Turn::Quit));
        assert_eq!(people.on_peer(change(1, "bo", 2, PeerState::Lost)), None);
        assert!(people.is_alone());
    }

    #[test]
    fn an_ambiguous_nick_is_refused_and_digits_or_key_decide() {
        let mut people = people(vec![]);
        people.on_peer(change(1, "Bo", 1, PeerState::Online));
        assert_eq!(people.resolve("bo"), Ok(PeerKey([1; 32])));
        assert_eq!(people.label(PeerKey([1; 32]), None), "Bo");
        people.on_peer(change(2, "bo", 1, PeerState::Online));
        let Err(Unresolved::Ambiguous { choices, .. }) = people.resolve("bo") else { panic!() };
        assert_eq!(choices.len(), 2);
        for choice in &choices {
            assert!(people.resolve(choice).is_ok(), "{choice}");
        }
        assert_eq!(people.label(PeerKey([1; 32]), None), with_digits("Bo", PeerKey([1; 32])));
        assert_eq!(people.resolve("02020202"), Ok(PeerKey([2; 32])));
        assert_eq!(people.resolve("0202"), Err(Unresolved::Unknown("0202".into())));
        assert_eq!(people.resolve(&PeerKey([9; 32]).to_string()), Ok(PeerKey([9; 32])));
        assert_eq!(people.resolve("ana"), Err(Unresolved::Own));
        assert_eq!(people.resolve("bo-99999"), Err(Unresolved::Unknown("bo-99999".into())));
    }

    #[test]
    fn a_stranger_does_not_get_what_is_meant_for_an_absent_friend() {
        let mut people = people(vec![known(1, "bo", true), known(2, "bo", false)]);
        assert_eq!(people.resolve("bo"), Ok(PeerKey([1; 32])), "the one who was talked to");
        people.on_peer(change(3, "bo", 1, PeerState::Online));
        assert!(matches!(people.resolve("bo"), Err(Unresolved::Ambiguous { .. })));
    }

    #[test]
    fn ghosts_of_earlier_runs_do_not_make_a_nick_ambiguous() {
        let mut people = people(vec![known(1, "bo", false), known(2, "bo", false)]);
        assert!(matches!(people.resolve("bo"), Err(Unresolved::Ambiguous { .. })), "nobody is there");
        people.on_peer(change(3, "bo", 1, PeerState::Online));
        assert_eq!(people.resolve("bo"), Ok(PeerKey([3; 32])));
    }

    #[test]
    fn nobody_can_wear_anothers_digits_or_our_nick() {
        let mut people = people(vec![]);
        let real = with_digits("bo", PeerKey([1; 32]));
        people.on_peer(change(1, "bo", 1, PeerState::Online));
        people.on_peer(change(2, &real, 1, PeerState::Online));
        people.on_peer(change(3, "ANA", 1, PeerState::Online));
        assert_eq!(people.label(PeerKey([2; 32]), None), with_digits(&real, PeerKey([2; 32])));
        assert!(matches!(people.resolve(&real), Err(Unresolved::Ambiguous { .. })));
        assert_eq!(people.label(PeerKey([3; 32]), None), with_digits("ANA", PeerKey([3; 32])));
    }

    #[test]
    fn whoever_proves_a_key_is_no_longer_only_found() {
        let mut people = people(vec![]);
        let mut found = change(1, "bo", 1, PeerState::Found);
        (found.id, found.key) = (Some([1; 8]), None);
        people.on_peer(found);
        assert_eq!(people.found().count(), 1);
        assert!(people.is_alone());
        people.on_peer(change(1, "bo", 1, PeerState::Online));
        assert_eq!(people.found().count(), 0);
    }
}
