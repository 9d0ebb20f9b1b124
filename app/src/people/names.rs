//! What people are called on the screen, and whom a name means.

use std::collections::BTreeSet;

use chat_core::{Nick, PeerKey};

use super::{People, Person, trust::BADGE};
use crate::clean;

/// Keys that one name is searched for by.
const NAMED_MAX: usize = 64;
/// What nicks may not have in them on the screen: it would look like the badge of those who are verified.
pub(super) const BADGES: [char; 11] = ['✓', '✔', '√', '☑', '✅', '🗸', '🗹', '⍻', '🮱', '⎷', '\u{10102}'];
/// Nor what looks like the end or the beginning of a name, with which the rest would be somebody else's words.
const BEGINS: [char; 7] = ['<', '\u{2039}', '\u{2329}', '\u{276e}', '\u{27e8}', '\u{3008}', '\u{ff1c}'];
const ENDS: [char; 7] = ['>', '\u{203a}', '\u{232a}', '\u{276f}', '\u{27e9}', '\u{3009}', '\u{ff1e}'];
/// What rooms begin with, and nobody on the screen.
const HASH: char = '#';
/// Hex digits of a key that are enough to mean somebody.
const PREFIX_MIN: usize = 8;

/// Why a name means nobody.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    #[error("nobody called {0} has been seen")]
    Unknown(String),
    #[error("{0} is a room and nobody's name")]
    Room(String),
    #[error("that is you")]
    Own,
    /// Another is not told instead: a nick that was given up is anybody's.
    #[error("{name} is called {} now", .now.join(" or "))]
    Renamed { name: String, now: Vec<String> },
    #[error("{name} may be {}; say which", .choices.join(" or "))]
    Ambiguous { name: String, choices: Vec<String> },
}

impl People {
    /// What `key` is called on the screen: `bo`, or `bo-4821` where the nick alone could mean somebody else.
    pub(crate) fn label(&self, key: PeerKey, said_as: Option<&Nick>) -> String {
        let known = self.persons.get(&key).and_then(|person| person.nick.as_ref());
        let own = (key == self.own).then_some(&self.nick);
        let mut label = match said_as.or(own).or(known) {
            None => with_digits("?", key),
            Some(nick) => {
                let nick = as_shown(nick);
                if is_nothing(nick.as_str()) || self.could_be_another(&nick, key) {
                    with_digits(nick.as_str(), key)
                } else {
                    nick.to_string()
                }
            }
        };
        if self.trust(key).verified {
            label.push(BADGE);
        }
        label
    }

    /// Whom `name` means: a nick, a nick with its digits, a key, or the beginning of one; as shown, a badge included.
    ///
    /// # Errors
    /// When it means nobody, or more than one. A nick alone means those who are there, those who were talked to before and
    /// those who are verified, so that nobody can take an absent friend's nick and get what is meant for them; of several the
    /// only one who is verified. Who was called so before counts when nobody is now, or is verified and the others are not.
    pub(crate) fn resolve(&self, name: &str) -> Result<PeerKey, Unresolved> {
        let name = name.trim_end_matches(BADGE);
        if let Ok(key) = name.parse::<PeerKey>() {
            return if key == self.own { Err(Unresolved::Own) } else { Ok(key) };
        }
        // Whoever once had such a name does not get what is meant for all in a room.
        if name.starts_with(HASH) {
            return Err(Unresolved::Room(name.to_string()));
        }
        let (by_nick, exactly) = (self.called(name), self.exactly(name));
        let (near, far): (BTreeSet<_>, BTreeSet<_>) =
            by_nick.into_iter().partition(|key| self.is_verified(key) || self.is_near(key));
        let mut meant = if near.is_empty() { far } else { near };
        meant.extend(exactly);
        let former = self.formerly(name);
        let verified: Vec<PeerKey> = meant.iter().filter(|key| self.is_verified(key)).copied().collect();
        if !meant.is_empty() && verified.is_empty() {
            // A stranger who takes the nick that somebody verified gave up does not get what may be meant for them.
            meant.extend(former.iter().filter(|key| self.is_verified(key)));
        }
        if let [key] = verified[..] {
            return Ok(key);
        }
        let mut keys = meant.iter();
        match (keys.next(), keys.next()) {
            (Some(&key), None) => Ok(key),
            (None, _) if self.is_own_name(name) => Err(Unresolved::Own),
            (None, _) if former.is_empty() => Err(Unresolved::Unknown(name.to_string())),
            (None, _) => Err(Unresolved::Renamed { name: name.to_string(), now: self.choices(&former) }),
            _ => Err(Unresolved::Ambiguous { name: name.to_string(), choices: self.choices(&meant) }),
        }
    }

    /// Whose digits may have been shown when `name` was typed: everybody of that name, of now or before and near or not,
    /// with whom keys were compared. By what came of it nobody else gets the badge who has got the name meanwhile.
    pub(crate) fn compared_as(&self, name: &str) -> Vec<PeerKey> {
        let name = name.trim_end_matches(BADGE);
        let mut keys = self.called(name);
        keys.extend(self.exactly(name));
        keys.extend(self.formerly(name));
        keys.extend(name.parse::<PeerKey>());
        keys.into_iter().filter(|key| self.compared(*key).is_some()).collect()
    }

    /// Everybody whom `name` may mean: of now or before, by digits or by key; ourselves, too.
    pub(crate) fn named(&self, name: &str) -> Vec<PeerKey> {
        let name = name.trim_end_matches(BADGE);
        let mut keys = self.called(name);
        keys.extend(self.exactly(name));
        keys.extend(self.formerly(name));
        keys.extend(name.parse::<PeerKey>());
        keys.extend(self.is_own_name(name).then_some(self.own));
        keys.into_iter().take(NAMED_MAX).collect()
    }

    /// Whether `name` cannot come to mean somebody else when more people are seen.
    pub(crate) fn is_exact(name: &str) -> bool {
        name.parse::<PeerKey>().is_ok() || split_digits(name).is_some() || is_prefix(name)
    }

    /// The keys that have `name` as nick.
    fn called(&self, name: &str) -> BTreeSet<PeerKey> {
        self.keys(|_, person| person.nick.as_ref().is_some_and(|nick| same(nick.as_str(), name)))
    }

    /// The keys that `name` names by digits or as the beginning of the key.
    fn exactly(&self, name: &str) -> BTreeSet<PeerKey> {
        self.keys(|key, person| {
            let nick = person.nick.as_ref().map_or("?", Nick::as_str);
            is_with_digits(name, nick, key) || is_beginning(name, key)
        })
    }

    /// The keys that had `name` as nick, with or without digits.
    fn formerly(&self, name: &str) -> BTreeSet<PeerKey> {
        let means = |nick: &Nick, key| same(nick.as_str(), name) || is_with_digits(name, nick.as_str(), key);
        self.keys(|key, person| person.former.iter().any(|nick| means(nick, key)))
    }

    fn keys(&self, is_meant: impl Fn(PeerKey, &Person) -> bool) -> BTreeSet<PeerKey> {
        self.persons.iter().filter(|(key, person)| is_meant(**key, person)).map(|(key, _)| *key).collect()
    }

    fn is_verified(&self, key: &PeerKey) -> bool {
        self.trust(*key).verified
    }

    fn is_near(&self, key: &PeerKey) -> bool {
        self.persons.get(key).is_some_and(Person::is_near)
    }

    fn is_own_name(&self, name: &str) -> bool {
        let own = self.nick.as_str();
        same(own, name) || is_with_digits(name, own, self.own) || is_beginning(name, self.own)
    }

    /// Names that tell the keys apart: with digits, or by key where even those are the same.
    pub(crate) fn choices(&self, keys: &BTreeSet<PeerKey>) -> Vec<String> {
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
        let is_like = |other: &Nick| same(other.as_str(), nick.as_str());
        let mut others = self.persons.iter().filter(|(other, person)| **other != key && person.is_near());
        split_digits(nick.as_str()).is_some()
            || key != self.own && is_like(&self.nick)
            || others.any(|(_, person)| person.nick.iter().chain(&person.former).any(is_like))
    }
}

impl Person {
    /// Whether it is there, a friend, or has just written to us: it comes first when a nick is typed.
    pub(super) fn is_near(&self) -> bool {
        self.is_there() || self.talked || self.wrote
    }
}

/// `nick-4821`, or `?-4821` where there is nothing to see.
pub(crate) fn with_digits(nick: &str, key: PeerKey) -> String {
    let nick = if is_nothing(nick) { "?" } else { nick };
    format!("{nick}-{:04}", key.digits())
}

/// A nick as it is told of on the screen: whoever writes a badge into theirs, or what makes it look like a room or like
/// somebody else's words, is called, and told apart, as if they had not.
pub(crate) fn as_shown(nick: &Nick) -> Nick {
    let nick = nick.as_str().replace(BADGES, "").replace(BEGINS, "(").replace(ENDS, ")");
    Nick::lenient(nick.trim_start_matches([HASH, ' ']))
}

/// Whether a nick shows nothing, or nothing was left of it.
fn is_nothing(nick: &str) -> bool {
    nick == "?" || clean::is_blank(nick)
}

/// Whether `name` is `nick` with the digits of `key`.
fn is_with_digits(name: &str, nick: &str, key: PeerKey) -> bool {
    let nick = if is_nothing(nick) { "?" } else { nick };
    split_digits(name).is_some_and(|(its, digits)| digits == key.digits() && same(its, nick))
}

/// Whether `name` is the beginning of `key`.
fn is_beginning(name: &str, key: PeerKey) -> bool {
    is_prefix(name) && key.to_string().starts_with(&name.to_ascii_lowercase())
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

/// Whether two nicks look alike enough to be taken for each other, capitals and blanks aside.
fn same(one: &str, other: &str) -> bool {
    let plain = |c| match c {
        c if BEGINS.contains(&c) => '(',
        c if ENDS.contains(&c) => ')',
        c => c,
    };
    let seen = |nick: &str| {
        let seen = nick.chars().filter(|&c| !clean::shows_nothing(c)).map(plain);
        seen.collect::<String>().to_lowercase()
    };
    one == other || seen(one) == seen(other)
}
