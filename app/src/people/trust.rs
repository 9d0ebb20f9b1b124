//! What the person thinks of keys: who is verified, blocked or muted, and who looks like somebody else.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::{Digits, Nick, PeerKey, StoredTrust, Trust};
use unicode_security::skeleton;

use super::{People, Person, as_shown};

/// Comparisons whose digits are remembered.
const COMPARED_MAX: usize = 64;
/// Behind the names of those who are verified.
pub(crate) const BADGE: char = '✓';

/// What is thought of whom.
#[derive(Debug, Default)]
pub(super) struct Trusts {
    of: BTreeMap<PeerKey, Trust>,
    /// The digits shown last for each key with which keys were compared, and whether the person has ever asked for them.
    compared: BTreeMap<PeerKey, (Digits, bool)>,
}

impl Trusts {
    pub(super) fn has(&self, key: &PeerKey) -> bool {
        self.of.contains_key(key) || self.compared.contains_key(key)
    }
}

impl People {
    /// As the store has it.
    pub(crate) fn restore_trust(&mut self, trusts: Vec<StoredTrust>) {
        trusts.into_iter().for_each(|stored| self.set_trust(stored.key, stored.trust));
    }

    /// The person thinks so of `key` from now on.
    pub(crate) fn set_trust(&mut self, key: PeerKey, trust: Trust) {
        if trust == Trust::default() {
            self.trusts.of.remove(&key);
        } else {
            self.trusts.of.insert(key, trust);
        }
    }

    pub(crate) fn trust(&self, key: PeerKey) -> Trust {
        self.trusts.of.get(&key).copied().unwrap_or_default()
    }

    /// Those of whom anything is thought.
    pub(crate) fn trusted(&self) -> impl Iterator<Item = (PeerKey, Trust)> {
        self.trusts.of.iter().map(|(&key, &trust)| (key, trust))
    }

    /// Keys were compared with `key`, and these digits came out; the person has `asked` for that, or the other one has.
    /// Answers whether they take the place of others.
    pub(crate) fn on_compared(&mut self, key: PeerKey, digits: Digits, asked: bool) -> bool {
        let compared = &mut self.trusts.compared;
        let before = compared.remove(&key);
        if compared.len() >= COMPARED_MAX {
            // Whoever compares under many keys does not push out what the person has asked for.
            let unasked = compared.iter().find(|(_, (_, asked))| !asked).map(|(key, _)| *key);
            let surplus = unasked.or_else(|| compared.keys().next().copied());
            surplus.and_then(|key| compared.remove(&key));
        }
        compared.insert(key, (digits, asked || before.is_some_and(|(_, asked)| asked)));
        before.is_some()
    }

    /// The digits that came out last with `key`.
    pub(crate) fn compared(&self, key: PeerKey) -> Option<Digits> {
        self.trusts.compared.get(&key).map(|(digits, _)| *digits)
    }

    /// Somebody else for whom whoever reads `key`'s nick may take it: one who looks alike, or is verified and called the
    /// same. Those who are verified are named first.
    pub(crate) fn looks_like(&self, key: PeerKey) -> Option<PeerKey> {
        self.looks_like_as(key, self.nick_of(key)?)
    }

    /// The same for what it called itself when it said something.
    pub(crate) fn looks_like_as(&self, key: PeerKey, said_as: &Nick) -> Option<PeerKey> {
        let nick = &as_shown(said_as);
        if self.trust(key).verified {
            return None;
        }
        let bones = bones(nick);
        let is_own = bones.iter().any(|bone| self::bones(&self.nick).contains(bone));
        let alike = bones.iter().flat_map(|bone| self.looks.alike(bone)).chain(is_own.then_some(self.own));
        let meant = alike.filter(|&other| {
            let theirs = if other == self.own { Some(&self.nick) } else { self.nick_of(other) };
            let is_same = theirs.is_some_and(|theirs| lower(theirs) == lower(nick));
            let is_near = other == self.own || self.persons.get(&other).is_some_and(Person::is_near);
            other != key && (self.trust(other).verified || is_near && !is_same)
        });
        meant.max_by_key(|other| (self.trust(*other).verified, *other == self.own))
    }

    /// What `key` is called now.
    pub(crate) fn nick_of(&self, key: PeerKey) -> Option<&Nick> {
        self.persons.get(&key)?.nick.as_ref()
    }
}

/// Who looks how: nobody is compared with everybody.
#[derive(Debug, Default)]
pub(super) struct Looks(BTreeMap<String, BTreeSet<PeerKey>>);

impl Looks {
    pub(super) fn of(persons: &BTreeMap<PeerKey, Person>) -> Self {
        let mut looks = Self::default();
        for (key, person) in persons {
            person.nick.iter().for_each(|nick| looks.add(*key, nick));
        }
        looks
    }

    pub(super) fn add(&mut self, key: PeerKey, nick: &Nick) {
        for bone in bones(nick) {
            self.0.entry(bone).or_default().insert(key);
        }
    }

    pub(super) fn remove(&mut self, key: PeerKey, nick: &Nick) {
        for bone in bones(nick) {
            if let Some(alike) = self.0.get_mut(&bone) {
                alike.remove(&key);
                if alike.is_empty() {
                    self.0.remove(&bone);
                }
            }
        }
    }

    fn alike(&self, bone: &str) -> impl Iterator<Item = PeerKey> {
        self.0.get(bone).into_iter().flatten().copied()
    }
}

/// What two nicks share that look the same to somebody who does not look closely (Unicode Technical Standard 39, section 4):
/// a capital letter may look like a small one of another kind, and be one in another case of the same nick.
fn bones(nick: &Nick) -> [String; 2] {
    let as_is = skeleton(nick.as_str()).collect::<String>().to_lowercase();
    [as_is, skeleton(&lower(nick)).collect()]
}

fn lower(nick: &Nick) -> String {
    nick.as_str().to_lowercase()
}

#[cfg(test)]
mod tests {
    use chat_core::{PeerChange, PeerState};
    use quickcheck::quickcheck;

    use super::{
        super::{names::BADGES, tests::*},
        *,
    };

    const VERIFIED: Trust = Trust { verified: true, blocked: false, muted: false };

    fn meet(people: &mut People, key: u8, name: &str) -> PeerKey {
        people.on_peer(change(key, name, 1, PeerState::Online));
        PeerKey([key; 32])
    }

    #[test]
    fn the_badge_is_the_keys_and_goes_with_it_through_every_rename() {
        let mut people = people(vec![]);
        let bo = meet(&mut people, 1, "bo");
        assert_eq!(people.label(bo, None), "bo");
        people.set_trust(bo, VERIFIED);
        assert_eq!(people.label(bo, None), "bo✓");
        meet(&mut people, 1, "robert");
        assert_eq!(people.label(bo, None), "robert✓");
        let copy = meet(&mut people, 2, "robert");
        assert!(people.label(copy, None).starts_with("robert-"), "and no badge");
        assert!(people.label(bo, None).starts_with("robert-") && people.label(bo, None).ends_with('✓'));
        people.set_trust(bo, Trust::default());
        assert!(!people.label(bo, None).contains('✓'));
    }

    #[test]
    fn nobody_writes_the_badge_into_a_nick() {
        let mut people = people(vec![]);
        for (key, name) in [(1, "bo✓"), (2, "zoe ✔"), (3, "✅al"), (4, "✓")] {
            let key = meet(&mut people, key, name);
            let label = people.label(key, None);
            assert!(!label.contains(BADGES), "{label}");
        }
        assert_eq!(people.label(PeerKey([1; 32]), None), "bo");
        let bo = meet(&mut people, 5, "bo");
        let labels = [bo, PeerKey([1; 32])].map(|key| people.label(key, Nick::new("bo✓").ok().as_ref()));
        assert!(labels.iter().all(|label| label.starts_with("bo-")) && labels[0] != labels[1], "{labels:?}");
        assert_eq!(people.resolve(&labels[1]), Ok(PeerKey([1; 32])));
        assert!(people.label(PeerKey([4; 32]), None).starts_with("?-"));
    }

    #[test]
    fn whoever_looks_like_somebody_else_is_found_out() {
        let mut people = people(vec![known(9, "pauline", true)]);
        let alex = meet(&mut people, 1, "alex");
        for (key, name, like) in [
            (2, "аlex", Some(alex)),
            (3, "a1ex", Some(alex)),
            (4, "AIex", Some(alex)),
            (5, "alexa", None),
            (6, "alex", None),
            (7, "pauIine", Some(PeerKey([9; 32]))),
            (8, "аna", Some(PeerKey([0; 32]))),
        ] {
            let key = meet(&mut people, key, name);
            assert_eq!(people.looks_like(key), like, "{name}");
            people.on_peer(change(key.0[0], name, 1, PeerState::Quit));
        }
        people.set_trust(alex, VERIFIED);
        let copy = meet(&mut people, 6, "Alex");
        assert_eq!(people.looks_like(copy), Some(alex), "of whoever is verified a namesake is enough");
        assert_eq!(people.looks_like(alex), None);
    }

    #[test]
    fn whoever_spoke_under_another_nick_is_found_out_too() {
        let mut people = people(vec![]);
        let alex = meet(&mut people, 1, "alex");
        let eve = meet(&mut people, 2, "eve");
        assert_eq!(people.looks_like(eve), None);
        assert_eq!(people.looks_like_as(eve, &nick("аlex")), Some(alex));
        assert_eq!(people.looks_like_as(PeerKey([9; 32]), &nick("a1ex")), Some(alex), "nor met");
    }

    /// As one finds out by comparing everybody with everybody.
    fn compared_with_all(people: &People, key: PeerKey) -> Option<PeerKey> {
        let nick = people.persons[&key].nick.as_ref()?;
        let known = people.persons.iter().filter(|(_, person)| person.is_near());
        let known = known.filter_map(|(&other, person)| Some((other, person.nick.as_ref()?)));
        let alike = known.chain([(people.own, &people.nick)]).filter(|(other, theirs)| {
            let shared = bones(theirs).iter().any(|bone| bones(nick).contains(bone));
            *other != key && shared && lower(theirs) != lower(nick)
        });
        alike.map(|(other, _)| other).max_by_key(|other| *other == people.own).map(|_| key)
    }

    quickcheck! {
        fn whoever_looks_alike_is_found_however_often_names_change(moves: Vec<(u8, u8, bool)>) -> bool {
            const NAMES: [&str; 8] = ["alex", "аlex", "AIex", "ana", "аna", "bo", "b0", "Bo"];
            let mut people = people(vec![]);
            moves.into_iter().all(|(who, name, is_there)| {
                let (who, name) = (1 + who % 6, NAMES[usize::from(name) % NAMES.len()]);
                let state = if is_there { PeerState::Online } else { PeerState::Quit };
                people.on_peer(change(who, name, 1, state));
                let mut keys = people.persons.keys().copied();
                keys.all(|key| people.looks_like(key).map(|_| key) == compared_with_all(&people, key))
            })
        }
    }

    #[test]
    fn who_is_forgotten_looks_like_nobody() {
        let mut people = people(vec![]);
        for number in 0..9000u32 {
            let mut key = [0xcc; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            let named = PeerChange { key: Some(PeerKey(key)), ..change(1, "zoe", 1, PeerState::Online) };
            people.on_peer(named.clone());
            people.on_peer(PeerChange { state: PeerState::Quit, ..named });
        }
        let looks: usize = people.looks.0.values().map(BTreeSet::len).sum();
        assert!(looks <= people.persons.len() && people.persons.len() <= 8192, "{looks}");
    }

    #[test]
    fn digits_are_remembered_for_some() {
        let mut people = people(vec![]);
        let digits = |number: u8| format!("{number:012}").parse::<Digits>().unwrap();
        let first = PeerKey([0; 32]);
        assert!(!people.on_compared(first, digits(0), true));
        (1..=200).for_each(|key| assert!(!people.on_compared(PeerKey([key; 32]), digits(key), false)));
        assert_eq!(people.compared(PeerKey([200; 32])), Some(digits(200)));
        assert_eq!(people.compared(first), Some(digits(0)), "the person has asked for these");
        assert_eq!(people.trusts.compared.len(), COMPARED_MAX);
    }
}
