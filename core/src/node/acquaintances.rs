//! Everybody who has proven who they are, in this run or an earlier one.

use alloc::collections::BTreeMap;

use crate::{identity::PeerKey, session::Standing, store::StoredPeer, time::UnixMillis};

/// The store may be so many milliseconds behind on when somebody was last here.
const SEEN_WITHIN: u64 = 60_000;

/// Those who are remembered, at most so many.
#[derive(Debug)]
pub(super) struct Acquaintances {
    cap: usize,
    all: BTreeMap<PeerKey, Acquaintance>,
}

#[derive(Debug)]
struct Acquaintance {
    stored: StoredPeer,
    standing: Standing,
}

impl Acquaintances {
    pub(super) const fn new(cap: usize) -> Self {
        Self { cap, all: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn of(&self, key: &PeerKey) -> Option<&StoredPeer> {
        self.all.get(key).map(|known| &known.stored)
    }

    /// Whether it is more than a stranger.
    pub(super) fn is_known(&self, key: &PeerKey) -> bool {
        self.all.get(key).is_some_and(|known| known.standing >= Standing::Known)
    }

    /// Takes in what the store kept of an earlier run; false when there is no room. What was said in this one is
    /// newer.
    pub(super) fn restore(&mut self, stored: StoredPeer, standing: Standing) -> bool {
        let key = stored.key;
        if self.all.len() >= self.cap && !self.all.contains_key(&key) {
            return false;
        }
        self.all.entry(key).or_insert(Acquaintance { stored, standing });
        self.raise(&key, standing);
        true
    }

    /// Somebody has proven who they are. Answers who is forgotten for it: of those who are not here now the one
    /// worth least, and of equals the one seen longest ago; the newcomer when everybody else is here.
    pub(super) fn meet(&mut self, stored: StoredPeer, is_here: impl Fn(&PeerKey) -> bool) -> Option<PeerKey> {
        if let Some(known) = self.all.get_mut(&stored.key) {
            known.stored = stored;
            return None;
        }
        let mut forgotten = None;
        if self.all.len() >= self.cap {
            let away = self.all.iter().filter(|(key, _)| !is_here(key));
            let least = away.min_by_key(|(_, known)| (known.standing, known.stored.seen));
            let Some(key) = least.map(|(&key, _)| key) else { return Some(stored.key) };
            self.all.remove(&key);
            forgotten = Some(key);
        }
        self.all.insert(stored.key, Acquaintance { stored, standing: Standing::Met });
        forgotten
    }

    /// Somebody is worth this much from now on, or more. Whether that is news.
    pub(super) fn raise(&mut self, key: &PeerKey, standing: Standing) -> bool {
        let Some(known) = self.all.get_mut(key) else { return false };
        let former = known.standing;
        known.standing = former.max(standing);
        former < standing
    }

    /// Somebody was here until now. Answers what is to be stored of them, unless the store has it nearly so.
    pub(super) fn leave(&mut self, key: &PeerKey, now: UnixMillis) -> Option<&StoredPeer> {
        let stored = &mut self.all.get_mut(key)?.stored;
        if now.0 <= stored.seen.0.saturating_add(SEEN_WITHIN) {
            return None;
        }
        stored.seen = now;
        Some(stored)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::text::Nick;

    fn peer(number: u8, seen: u64) -> StoredPeer {
        let (key, nick, seen) = (PeerKey([number; 32]), Nick::lenient("peer"), UnixMillis(seen));
        StoredPeer { key, nick, direct: [number; 32], addresses: Vec::new(), seen }
    }

    fn key(number: u8) -> PeerKey {
        PeerKey([number; 32])
    }

    fn full() -> Acquaintances {
        let mut all = Acquaintances::new(4);
        assert!(all.restore(peer(1, 10), Standing::Known));
        assert_eq!(all.meet(peer(2, 20), |_| false), None);
        assert_eq!(all.meet(peer(3, 30), |_| false), None);
        assert_eq!(all.meet(peer(4, 40), |_| false), None);
        all
    }

    #[test]
    fn strangers_seen_longest_ago_are_forgotten_first() {
        let mut all = full();
        assert!(all.raise(&key(2), Standing::Spoken));
        assert_eq!(all.meet(peer(5, 50), |_| false), Some(key(3)));
        for number in 6..200 {
            assert_eq!(all.meet(peer(number, u64::from(number) * 10), |_| false).is_some(), number > 5);
        }
        let left: Vec<_> = all.all.keys().copied().collect();
        assert_eq!(left, [key(1), key(2), key(198), key(199)]);
        assert!(!all.restore(peer(9, 1), Standing::Known));
    }

    #[test]
    fn what_was_heard_before_the_store_answered_is_newer() {
        let mut all = Acquaintances::new(4);
        assert_eq!(all.meet(peer(1, 50), |_| false), None);
        assert!(all.restore(peer(1, 10), Standing::Known));
        assert_eq!(all.of(&key(1)).map(|stored| stored.seen), Some(UnixMillis(50)));
        assert!(!all.raise(&key(1), Standing::Known), "and it is no stranger");
    }

    #[test]
    fn nobody_who_is_here_is_forgotten() {
        let mut all = full();
        assert_eq!(all.meet(peer(5, 50), |here| *here != key(1)), Some(key(1)));
        assert_eq!(all.meet(peer(6, 60), |_| true), Some(key(6)));
        assert!(all.of(&key(6)).is_none() && all.of(&key(5)).is_some());
    }

    #[test]
    fn whoever_was_here_until_now_was_seen_now() {
        let mut all = full();
        let now = UnixMillis(20 + SEEN_WITHIN + 1);
        assert_eq!(all.leave(&key(2), UnixMillis(now.0 - 1)), None, "the store knows that nearly");
        assert_eq!(all.leave(&key(2), now).map(|stored| stored.seen), Some(now));
        assert_eq!(all.leave(&key(2), now), None);
        assert_eq!(all.meet(peer(5, 50), |_| false), Some(key(3)));
        assert_eq!(all.leave(&key(3), now), None);
    }
}
