use quickcheck::quickcheck;

use super::*;
use crate::suite::REAL;

const NOW: Instant = Instant::ORIGIN;

fn id(byte: u8) -> EntryId {
    EntryId([byte; 32])
}

#[test]
fn digests_are_as_the_page_about_the_protocol_has_them() {
    let history = history(&[(5, 0xee), (7, 0xff)]);
    let sum = sum([(Stamp(5), id(0xee)), (Stamp(7), id(0xff))].iter());
    crate::vectors::check(
        "digest",
        &[
            ("of a room with ee.. and ff..", &digest_of(REAL, &sum)),
            ("of a day with ee.. at 5 and ff.. at 7", &history.digest(REAL, 0, None)),
            ("of this day, binding 07..", &history.digest(REAL, 0, Some(&[7; 32]))),
        ],
    );
}

fn history(entries: &[(u64, u8)]) -> History {
    let mut history = History::default();
    for &(stamp, byte) in entries {
        history.insert(NOW, Stamp(stamp), id(byte));
    }
    history
}

quickcheck! {
    fn a_sum_is_that_of_the_entries_in_its_window(entries: Vec<(u16, u8)>, from: u8, to: u16) -> bool {
        // Sixteen hours a step, so that days and stamps are crossed in every way.
        let at = |stamp: u16| Stamp(u64::from(stamp) * DAY * 2 / 3);
        let mut history = History::default();
        let mut set = BTreeSet::new();
        for (stamp, byte) in entries {
            let stamp = at(stamp % 64);
            assert_eq!(history.insert(NOW, stamp, id(byte)), set.insert((stamp, id(byte))));
        }
        let (from, to) = (u32::from(from % 50), at(to % 70));
        let within = set.iter().filter(|(stamp, _)| *stamp >= start_of(from) && *stamp < to);
        let summed = history.sum(from, to);
        assert!(summed.is_ok_and(|(_, taken)| taken <= history.steps(to)));
        summed.map(|(sum, _)| sum) == Ok(sum(within))
    }
}

#[test]
fn what_was_put_aside_and_loaded_again_is_the_same() {
    let mut before = history(&[(5, 1), (7, 2), (DAY + 1, 3)]);
    let stored = history(&[(5, 1), (7, 2), (DAY + 1, 3)]).into_stored(RoomKeyId([0; 16]));
    let mut after = History::default();
    stored.iter().for_each(|day| after.restore(day));
    assert!(!after.is_loaded(0) && after.is_loaded(9));
    assert_eq!(after.sum(0, Stamp(8)), before.sum(0, Stamp(8)).map(|(sum, _)| (sum, 1)));
    assert_eq!(after.sum(0, Stamp(7)), Err(0));
    assert_eq!(after.newest(Stamp(DAY * 2)), Some(Stamp(DAY + 1)));
    // One of our own is added before the day is loaded.
    assert!(after.insert(NOW, Stamp(6), id(9)) && before.insert(NOW, Stamp(6), id(9)));
    after.load(NOW, 0, [(Stamp(5), id(1)), (Stamp(7), id(2))].into_iter());
    assert_eq!(after.sum(0, Stamp(7)), before.sum(0, Stamp(7)));
    assert_eq!(after.digest(REAL, 0, Some(&[1; 32])), before.digest(REAL, 0, Some(&[1; 32])));
    assert_eq!(after.ids(Stamp(0), Stamp(8)).count(), 3);
}

#[test]
fn the_newest_within_a_limit_ignores_what_lies_beyond() {
    let history = history(&[(5, 1), (90, 2), (DAY * 9, 3)]);
    assert_eq!(history.newest(Stamp(100)), Some(Stamp(90)));
    assert_eq!(history.newest(Stamp(89)), Some(Stamp(5)));
    assert_eq!(history.newest(Stamp(4)), None);
}

#[test]
fn marks_find_their_entries() {
    let history = history(&[(5, 1), (5, 2)]);
    assert_eq!(history.find(&Mark::new(Stamp(5), &id(2))), Some(id(2)));
    assert_eq!(history.find(&Mark::new(Stamp(6), &id(2))), None);
    assert_eq!(history.find(&Mark::new(Stamp(5), &id(3))), None);
}

#[test]
fn what_is_removed_leaves_no_trace() {
    let (once, mut history) = (history(&[(5, 1)]), history(&[(5, 1), (7, 2)]));
    history.remove(Stamp(7), id(2));
    history.remove(Stamp(7), id(2));
    assert_eq!(history.sum(0, Stamp(99)), once.sum(0, Stamp(99)));
    history.remove(Stamp(5), id(1));
    assert_eq!(history.days(0, u32::MAX).next(), None);
}

#[test]
fn days_long_unused_are_put_aside() {
    let mut history = history(&[(5, 1), (DAY, 2)]);
    let later = NOW + core::time::Duration::from_secs(60);
    history.insert(later, Stamp(DAY + 1), id(3));
    assert_eq!(history.unused_since(NOW).count(), 0);
    assert_eq!(history.unused_since(later).collect::<Vec<_>>(), [(NOW, 0)]);
    assert_eq!((history.unload(0), history.unload(0)), (1 + DAY_WEIGHT, 0));
    assert!(!history.is_loaded(0) && history.is_loaded(1));
    assert_eq!(history.unused_since(later).count(), 0);
    assert_eq!(history.loaded(), 2 + DAY_WEIGHT);
}
