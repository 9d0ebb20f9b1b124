//! Rooms that are to take the place of ours, as a front end lists them.

use std::collections::BTreeMap;

use chat_core::{PeerKey, Rekey, RekeyState, RoomKeyId, RoomName, hex};

/// What one person is told of from another about one room; more is listed and not told.
const TOLD_MAX: usize = 8;
/// Hex digits of a room's key that are enough to mean it.
const DIGITS_MIN: usize = 4;

/// All that are known.
#[derive(Debug, Default)]
pub(crate) struct Rekeys {
    known: Vec<Rekey>,
    told: BTreeMap<(PeerKey, RoomKeyId), usize>,
}

impl Rekeys {
    /// Takes in what has happened; answers whether the person is to hear of it.
    pub(crate) fn take(&mut self, rekey: &Rekey) -> bool {
        let followed = self.known.iter().find(|known| is_followed(known) && known.former == rekey.former);
        // At start nobody is told again what they have decided, nor of what others have gone on from.
        let is_settled =
            rekey.again && (is_followed(rekey) || followed.is_some() || self.is_superseded(rekey.successor));
        self.known.retain(|known| (known.successor, known.from) != (rekey.successor, rekey.from));
        // Of what is told at start the latest comes first.
        let place = if rekey.again { 0 } else { self.known.len() };
        self.known.insert(place, rekey.clone());
        let told = self.told.entry((rekey.from, rekey.former)).or_default();
        *told += usize::from(!is_settled);
        !is_settled && (is_followed(rekey) || *told <= TOLD_MAX)
    }

    /// A room was left: what would take its place does not concern us any more.
    pub(crate) fn forget(&mut self, room: &RoomName) {
        self.known.retain(|known| known.room != *room || is_followed(known));
    }

    /// Where somebody in `room` may go, the latest last; not where somebody has gone on from.
    pub(crate) fn offers(&self, room: &RoomName) -> Vec<&Rekey> {
        let offered = self.known.iter().filter(|it| it.room == *room && it.state == RekeyState::Offered);
        let is_last = |it: &&Rekey| !self.is_superseded(it.successor);
        let is_new =
            |it: &&Rekey| !self.known.iter().any(|at| is_followed(at) && at.successor == it.successor);
        offered.filter(is_last).filter(is_new).collect()
    }

    /// Whether another room, whose key we have, takes the place of this one.
    fn is_superseded(&self, room: RoomKeyId) -> bool {
        self.known.iter().any(|known| has_key(known) && known.former == room)
    }

    /// Of those the ones for which others leave the very room where we are. Whoever has gone from it to one of several is
    /// not behind.
    pub(crate) fn left_behind(&self, room: &RoomName) -> Vec<&Rekey> {
        let has_gone =
            |it: &&Rekey| self.known.iter().any(|known| is_followed(known) && known.former == it.former);
        self.offers(room).into_iter().filter(|it| !has_gone(it)).collect()
    }
}

/// The offers whose room's key begins with these digits.
pub(crate) fn with_digits<'a>(offers: &[&'a Rekey], digits: &str) -> Vec<&'a Rekey> {
    let digits = digits.to_lowercase();
    let is_meant = |it: &&&Rekey| digits.len() >= DIGITS_MIN && hex(&it.successor.0).starts_with(&digits);
    offers.iter().filter(is_meant).copied().collect()
}

/// The first digits of a room's key.
pub(crate) fn digits(rekey: &Rekey) -> String {
    hex(&rekey.successor.0[..DIGITS_MIN])
}

const fn is_followed(rekey: &Rekey) -> bool {
    matches!(rekey.state, RekeyState::Followed { .. } | RekeyState::Made { .. })
}

fn has_key(rekey: &Rekey) -> bool {
    rekey.state != RekeyState::Announced
}

#[cfg(test)]
mod tests {
    use chat_core::{Nick, RoomRoot};

    use super::*;

    fn rekey(from: u8, (former, successor): (u8, u8), state: RekeyState) -> Rekey {
        Rekey {
            room: RoomName::lobby(),
            former: RoomKeyId([former; 16]),
            successor: RoomKeyId([successor; 16]),
            from: PeerKey([from; 32]),
            nick: Nick::new("bo").unwrap(),
            without: Vec::new(),
            state,
            again: false,
        }
    }

    fn followed() -> RekeyState {
        RekeyState::Followed { root: RoomRoot::new([1; 32]) }
    }

    fn offers(rekeys: &Rekeys) -> Vec<u8> {
        rekeys.offers(&RoomName::lobby()).iter().map(|offer| offer.successor.0[0]).collect()
    }

    #[test]
    fn offered_is_where_nobody_has_gone_on_from_and_we_are_not() {
        let mut rekeys = Rekeys::default();
        for it in [
            rekey(1, (0, 1), RekeyState::Announced),
            rekey(1, (0, 1), RekeyState::Offered),
            rekey(2, (0, 2), RekeyState::Offered),
            rekey(3, (2, 3), RekeyState::Announced),
        ] {
            assert!(rekeys.take(&it));
        }
        assert_eq!(offers(&rekeys), [1, 2]);
        assert!(rekeys.take(&rekey(3, (2, 3), RekeyState::Offered)));
        assert_eq!(offers(&rekeys), [1, 3]);
        let behind = |rekeys: &Rekeys| rekeys.left_behind(&RoomName::lobby()).len();
        assert_eq!(behind(&rekeys), 2);
        assert_eq!(with_digits(&rekeys.offers(&RoomName::lobby()), "0303").len(), 1);
        assert_eq!(with_digits(&rekeys.offers(&RoomName::lobby()), "03").len(), 0);
        assert!(rekeys.take(&rekey(1, (0, 1), followed())));
        assert_eq!(offers(&rekeys), [3], "the other one is still there");
        assert!(rekeys.take(&rekey(4, (0, 5), RekeyState::Offered)));
        assert_eq!((offers(&rekeys), behind(&rekeys)), (vec![3, 5], 1), "nobody is where we were");
        rekeys.forget(&RoomName::lobby());
        assert!(offers(&rekeys).is_empty());
    }

    #[test]
    fn nobody_is_told_again_what_they_have_decided_nor_of_all_that_one_person_makes_up() {
        let mut rekeys = Rekeys::default();
        let again = |it: Rekey| Rekey { again: true, ..it };
        assert!(!rekeys.take(&again(rekey(1, (0, 1), followed()))));
        assert!(!rekeys.take(&again(rekey(2, (0, 2), RekeyState::Offered))));
        assert!(rekeys.take(&again(rekey(1, (1, 4), RekeyState::Offered))));
        assert!(!rekeys.take(&again(rekey(1, (3, 1), RekeyState::Offered))), "they have gone on from there");
        assert_eq!(offers(&rekeys), [4, 2]);
        let told =
            (10..100).filter(|&number| rekeys.take(&rekey(9, (1, number), RekeyState::Offered))).count();
        assert_eq!(told, TOLD_MAX);
        assert!(rekeys.take(&rekey(8, (1, 200), RekeyState::Offered)));
    }
}
