//! Settings that the store has not got for good: what the person was told is done must not be lost because the disk was
//! full for a moment. What it did not take is handed out again, the latest of each, now and then.
//!
//! Entries are none: those of others come back by repair, and ours are refused. Nor are peers, who come again themselves.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use crate::{
    boundary::Token,
    identity::PeerKey,
    store::{Record, RoomKeyId, StoreError},
    text::RoomName,
    time::Instant,
};

/// So long after it took nothing the store is asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// Settings that are kept for it.
const SETTINGS_MAX: usize = 4096;

/// What was set and is not known to be stored.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pending: BTreeMap<Subject, Pending>,
    again: Option<Instant>,
}

/// What a setting is about: a later one replaces it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Subject {
    Nick,
    Room(RoomName),
    Trust(PeerKey),
    Keep(RoomKeyId),
    Successor(RoomKeyId, PeerKey),
}

#[derive(Debug)]
struct Pending {
    record: Record,
    at: At,
}

/// How far a setting has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Collected,
    Handed(Token),
    Refused,
}

impl Settings {
    /// `record` is going to be handed out.
    pub(super) fn note(&mut self, record: &Record) {
        let Some(subject) = Subject::of(record) else { return };
        self.pending.insert(subject, Pending { record: record.clone(), at: At::Collected });
        if self.pending.len() > SETTINGS_MAX {
            // What others can make up without end goes first.
            let spare = self.pending.iter().rev().find(|(_, pending)| pending.is_spare());
            let spare = spare.map(|(subject, _)| subject.clone());
            match spare {
                Some(spare) => _ = self.pending.remove(&spare),
                None => _ = self.pending.pop_last(),
            }
        }
    }

    /// All that was collected has been handed out under this token.
    pub(super) fn on_handed(&mut self, token: Token) {
        for pending in self.pending.values_mut().filter(|pending| pending.at == At::Collected) {
            pending.at = At::Handed(token);
        }
    }

    /// The store has answered all up to this token.
    pub(super) fn on_answered(&mut self, now: Instant, token: Token, result: Result<(), StoreError>) {
        let is_answered = |pending: &Pending| matches!(pending.at, At::Handed(handed) if handed <= token);
        if result.is_ok() {
            self.pending.retain(|_, pending| !is_answered(pending));
            return;
        }
        for pending in self.pending.values_mut().filter(|pending| is_answered(pending)) {
            pending.at = At::Refused;
            self.again = self.again.or(Some(now + AGAIN));
        }
    }

    /// What is to be handed out again: all that the store did not take.
    pub(super) fn again(&mut self) -> Vec<Record> {
        self.again = None;
        let refused = self.pending.values().filter(|pending| pending.at == At::Refused);
        refused.map(|pending| pending.record.clone()).collect()
    }

    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.again
    }
}

impl Subject {
    fn of(record: &Record) -> Option<Self> {
        Some(match record {
            Record::Nick(_) => Self::Nick,
            Record::Room(room) => Self::Room(room.name.clone()),
            Record::Trust(stored) => Self::Trust(stored.key),
            Record::Keep(keep) => Self::Keep(keep.room),
            Record::Successor(known) => Self::Successor(known.successor, known.from),
            Record::NoSuccessor(room, from) => Self::Successor(*room, *from),
            Record::Entry(_) | Record::Peer(_) | Record::Forget(_) | Record::Settle(..) => return None,
        })
    }
}

impl Pending {
    /// Whether it says only what somebody else has told.
    fn is_spare(&self) -> bool {
        match &self.record {
            Record::Successor(known) => !known.followed,
            Record::NoSuccessor(..) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::StoredTrust,
        trust::{Thought, Trust},
    };

    fn blocked(number: u16) -> Record {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&number.to_le_bytes());
        let trust = Trust::default().with(Thought::Blocked(true));
        Record::Trust(StoredTrust { key: PeerKey(key), trust })
    }

    #[test]
    fn what_others_make_up_pushes_out_nothing_that_the_person_set() {
        let mut settings = Settings::default();
        (0..100).for_each(|number| settings.note(&blocked(number)));
        for number in 0..20_000u64 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            settings.note(&Record::NoSuccessor(RoomKeyId([0; 16]), PeerKey(key)));
        }
        settings.on_handed(Token(1));
        settings.on_answered(Instant::ORIGIN, Token(1), Err(StoreError::Full));
        let again = settings.again();
        assert_eq!(again.len(), SETTINGS_MAX);
        assert!((0..100).all(|number| again.contains(&blocked(number))));
        (0..5000).for_each(|number| settings.note(&blocked(number)));
        assert_eq!(settings.pending.len(), SETTINGS_MAX);
    }

    #[test]
    fn what_is_under_way_again_is_not_handed_out_twice() {
        let (mut settings, now) = (Settings::default(), Instant::ORIGIN);
        let fail = |settings: &mut Settings, number| {
            settings.on_handed(Token(number));
            settings.on_answered(now, Token(number), Err(StoreError::Failed));
        };
        settings.note(&blocked(1));
        fail(&mut settings, 1);
        assert_eq!(settings.next_wake(), Some(now + AGAIN));
        let again = settings.again();
        assert_eq!((again.clone(), settings.next_wake()), ([blocked(1)].into(), None));
        again.iter().for_each(|record| settings.note(record));
        assert_eq!(settings.again(), []);
        fail(&mut settings, 2);
        settings.again().iter().for_each(|record| settings.note(record));
        settings.on_handed(Token(3));
        settings.on_answered(now, Token(3), Ok(()));
        assert_eq!((settings.pending.len(), settings.next_wake()), (0, None));
    }
}
