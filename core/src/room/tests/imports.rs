//! Entries that come in by hand: an air gap heals, nothing false comes in, and whoever meets afterwards agrees.

use alloc::vec;

use quickcheck::quickcheck;

use super::*;
use crate::intake::{Bundle, Intake};

const TAG: u64 = 7000;
const DAY_S: u64 = 86_400;

impl World {
    /// All entries of a peer's store, as a file would have them.
    fn carried(&self, of: usize) -> Vec<Bytes> {
        self.peers[of].store.entries.values().map(|entry| entry.bytes.clone()).collect()
    }

    /// Has a peer import these entries, as many at once as go, and waits for all that becomes of it.
    fn import(&mut self, index: usize, entries: &[Bytes]) -> Intake {
        let before = self.peers[index].events.len();
        for entries in entries.chunks(Bundle::ENTRIES_MAX) {
            self.command(index, TAG, Action::Import(Bundle::new(entries.to_vec()).unwrap()));
            self.run_ms(10);
        }
        let mut intake = Intake::default();
        for event in &self.peers[index].events[before..] {
            if let Event::Imported { tag: TAG, intake: more } = event {
                intake.add(*more);
            }
        }
        let is_done = |event: &&Event| matches!(event, Event::Done { tag: TAG, .. });
        let done = self.peers[index].events[before..].iter().filter(is_done).count();
        assert_eq!((done, intake.total()), (entries.len().div_ceil(64), entries.len() as u64));
        intake
    }

    /// What came of the last command.
    fn last(&self, index: usize) -> &Event {
        self.peers[index].events.last().unwrap()
    }

    fn floor(&self, index: usize) -> u32 {
        self.peers[index].rooms.rooms[&self.id_of(index, &lobby())].floor
    }

    fn runs(&self) -> u64 {
        self.peers.iter().map(|peer| peer.stats.reconciliations).sum()
    }
}

fn intake(new: u64, known: u64, elsewhere: u64, refused: u64) -> Intake {
    Intake { new, known, elsewhere, refused, old: 0 }
}

#[test]
fn a_file_heals_an_air_gap_and_others_get_it_by_repair() {
    let mut world = World::new(4);
    world.connect(0, 1);
    world.connect(2, 3);
    world.run_ms(100);
    (0..4).for_each(|index| world.say_many(index, 50));
    let carried = world.carried(1);
    assert_eq!(carried.len(), 100);
    let heard = world.peers[2].heard().len();
    assert_eq!(world.import(2, &carried), intake(100, 0, 0, 0));
    assert_eq!(world.peers[2].heard().len(), heard, "nobody is told of a hundred things one by one");
    assert_eq!(world.peers[2].stats.imported, 100);
    assert!(
        world.peers[2]
            .store
            .entries
            .values()
            .filter(|entry| entry.author == world.key(0))
            .all(|entry| { entry.messages.iter().all(|message| message.late && !message.own) })
    );
    world.run_s(30);
    let id = world.id_of(0, &lobby());
    assert_eq!(world.ids(3, id).len(), 200, "the one who did not import");
    assert_eq!(world.ids(3, id), world.ids(2, id));
    // Once more, after a restart too, it is all known; and nothing is left to do for anybody.
    assert_eq!(world.import(2, &carried), intake(0, 100, 0, 0));
    world.restart(2);
    world.connect(2, 3);
    world.run_s(10);
    assert_eq!(world.import(2, &carried), intake(0, 100, 0, 0));
    let (seen, runs) = (world.seen.len(), world.runs());
    world.run_s(600);
    assert_eq!((world.seen.len(), world.runs()), (seen, runs));
}

#[test]
fn an_import_is_done_when_it_is_durable_and_not_before() {
    let mut world = World::new(2);
    world.say(0, "hello");
    world.run_ms(10);
    let bundle = Bundle::new(world.carried(0)).unwrap();
    world.peers[1].store.takes = Duration::from_millis(50);
    world.command(1, TAG, Action::Import(bundle.clone()));
    world.run_ms(99);
    assert_eq!(world.peers[1].events, []);
    world.run_ms(2);
    assert_eq!(world.peers[1].events[0], Event::Imported { tag: TAG, intake: intake(1, 0, 0, 0) });
    assert_eq!(world.peers[1].events[1], Event::Done { tag: TAG, message: None });
    // What the store does not take is not there, and comes again another time.
    let mut other = World::new(2);
    other.peers[1].store.broken = true;
    other.command(1, TAG, Action::Import(bundle.clone()));
    other.run_ms(10);
    assert_eq!(other.peers[1].events, [Event::Refused { tag: TAG, reason: Refusal::StoreFull }]);
    let id = other.id_of(1, &lobby());
    assert_eq!(other.peers[1].rooms.rooms[&id].history.days(0, u32::MAX).next(), None);
    other.command(1, TAG, Action::Import(bundle.clone()));
    assert_eq!(other.last(1), &Event::Refused { tag: TAG, reason: Refusal::StoreFull }, "not so soon");
    other.peers[1].store.broken = false;
    other.run_s(6);
    assert_eq!(other.import(1, &bundle.into_entries()), intake(1, 0, 0, 0));
}

#[test]
fn what_has_just_come_over_a_link_is_known_and_waited_for() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world.peers[1].store.takes = Duration::from_millis(50);
    world.say(0, "hello");
    world.run_ms(5);
    let carried = world.carried(0);
    // Its store is quick to say that it has not got it, and slow to get it.
    world.peers[1].store.takes = Duration::from_millis(1);
    let of_store = core::mem::take(&mut world.peers[1].store.entries);
    world.command(1, TAG, Action::Import(Bundle::new(carried).unwrap()));
    world.run_ms(40);
    assert!(!world.peers[1].events.iter().any(|event| matches!(event, Event::Imported { .. })));
    world.peers[1].store.entries = of_store;
    world.run_ms(20);
    let tail = &world.peers[1].events[world.peers[1].events.len() - 2..];
    assert_eq!(tail[0], Event::Imported { tag: TAG, intake: intake(0, 1, 0, 0) });
}

#[test]
fn rooms_that_were_left_and_people_who_are_away_get_theirs_and_nobody_else() {
    let mut world = World::new(4);
    let ops = RoomName::new("#ops").unwrap();
    let board = RoomName::new("#board").unwrap();
    let root = || RoomRoot::new([5; 32]);
    for index in [0, 1] {
        world.command(index, 1, Action::Join(ops.clone()));
        world.command(index, 2, Action::JoinPrivate { room: board.clone(), root: root() });
    }
    world.connect(0, 1);
    world.run_ms(100);
    let to_one = Place::Direct(world.key(1));
    for place in [lobby(), room("#ops"), room("#board"), to_one] {
        world.say_in(0, place, "hello");
        world.run_ms(50);
    }
    world.say_in(1, Place::Direct(world.key(0)), "hello to you");
    world.run_ms(50);
    let carried = world.carried(0);
    assert_eq!(carried.len(), 5);
    // Somebody else has only ever been in the lobby: the conversation is not theirs, whomever they know.
    world.connect(2, 0);
    world.connect(2, 1);
    world.run_ms(5);
    (0..2).for_each(|other| world.cut(2, other));
    let mut fresh = world.import(3, &carried);
    assert_eq!(fresh, intake(1, 0, 4, 0));
    assert_eq!(world.peers[3].stats.elsewhere, 4);
    // The first one's profile again, empty but for the rooms that were left and the other's key.
    for name in [&ops, &board] {
        world.command(0, 3, Action::Leave(name.clone()));
    }
    world.run_ms(10);
    world.peers[0].store.entries.clear();
    world.peers[0].store.own.clear();
    world.restart(0);
    fresh = world.import(0, &carried);
    assert_eq!(fresh, intake(5, 0, 0, 0));
    assert_eq!(world.import(0, &carried), intake(0, 5, 0, 0));
    for place in [room("#ops"), room("#board"), Place::Direct(world.key(1))] {
        assert!(world.stored(0, &place).contains(&"hello".into()), "{place:?}");
        assert!(!world.peers[0].rooms.names.contains_key(&place), "nothing is entered by it");
    }
    // What was put aside adds up: whoever enters again agrees at once.
    world.command(0, 4, Action::Join(ops));
    let ops = world.id_of(0, &room("#ops"));
    let history = &world.peers[0].rooms.rooms[&ops].history;
    assert_eq!(history.days(0, u32::MAX).map(|day| history.count(day)).collect::<Vec<_>>(), [1]);
    world.connect(0, 1);
    world.run_s(2);
    let id = world.id_of(0, &room("#ops"));
    let sum = |world: &World, index: usize| {
        let history = &world.peers[index].rooms.rooms[&id].history;
        history.sum(0, Stamp(u64::MAX)).map(|(sum, _)| sum)
    };
    assert_eq!(sum(&world, 0), sum(&world, 1));
}

#[test]
fn nothing_false_comes_in_and_the_true_one_still_may() {
    let mut world = World::new(2);
    world.say(0, "true words");
    world.run_ms(10);
    let whole = world.carried(0).remove(0);
    let (thief, key) = (Identity::new(REAL, &[66; 32]), RoomKey::open(REAL, &RoomName::lobby()));
    let flipped = |at: usize| {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1;
        Bytes::from(bytes)
    };
    let resigned = |bytes: &[u8]| {
        let signed = &bytes[..bytes.len() - 64];
        let signature = thief.sign(REAL, "p2p-chat/2 entry", &[&REAL.digest(&[signed])]);
        Bytes::from([signed, &signature].concat())
    };
    let mut stolen = whole.to_vec();
    stolen[17..49].copy_from_slice(&thief.key().0);
    let false_ones = vec![
        flipped(0),               // another version
        flipped(30),              // another author
        flipped(52),              // another stamp
        flipped(100),             // other words
        flipped(whole.len() - 1), // another signature
        resigned(&whole),         // somebody else's signature on these words
        resigned(&stolen),        // these words as somebody else's
        whole.slice(..whole.len() - 1),
        Bytes::new(),
        Bytes::from(vec![1; 33_000]),
    ];
    let count = false_ones.len() as u64;
    assert_eq!(world.import(1, &false_ones), intake(0, 0, 0, count));
    assert_eq!(world.import(1, &[flipped(5)]), intake(0, 0, 1, 0), "of another room");
    assert!(world.peers[1].store.entries.is_empty() && world.peers[1].stats.forged >= 6);
    assert_eq!(world.import(1, &[whole]), intake(1, 0, 0, 0));
    // Absurd stamps are strays as those that come over a link: few of one author, and no floor goes back for them.
    let floor = world.floor(1);
    let said_at = |stamp| sealed(&thief, &key, Stamp(stamp));
    let year_9999: Vec<_> = (0..40).map(|number| said_at(entry::STAMP_MAX.0 - number)).collect();
    let year_1970: Vec<_> = (0..60).map(said_at).collect();
    assert_eq!(world.import(1, &[year_9999, year_1970].concat()), intake(64, 0, 0, 36));
    assert_eq!(world.floor(1), floor);
    assert_eq!(world.peers[1].stats.strays_refused, 36);
}

/// An entry that says something under this key.
fn sealed(by: &Identity, key: &RoomKey, stamp: Stamp) -> Bytes {
    let item = item::Item::Text { text: "x".into(), action: false, reply: None };
    let (boot, wall, nick) = (BootId(0), UnixMillis(0), Nick::lenient("peer"));
    let body = item::Body { previous: None, boot, wall, nick, items: [item].into() };
    entry::Entry::seal(REAL, &mut Rng::new([3; 32]), by, key, stamp, &body).bytes
}

#[test]
fn nobody_else_speaks_in_a_conversation_and_whoever_tries_hides_nothing() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world.say_in(1, Place::Direct(world.key(0)), "only for you");
    world.run_ms(50);
    let carried = world.carried(1);
    // The other one has lent somebody the key of the conversation.
    let (ours, third) = (world.peers[0].identity.clone(), Identity::new(REAL, &[66; 32]));
    let (other, direct) = (world.key(1), world.peers[1].identity.direct_public());
    let key = RoomKey::direct(REAL, &ours, &other, &direct).unwrap();
    let lent = sealed(&third, &key, Stamp(world.wall(0).0 * 1000));
    assert_eq!(world.import(0, core::slice::from_ref(&lent)), intake(0, 0, 0, 1), "while the other is here");
    world.cut(0, 1);
    world.peers[0].store.entries.clear();
    world.restart(0);
    assert_eq!(world.import(0, &[lent, carried[0].clone()]), intake(1, 0, 1, 0), "and while they are away");
}

#[test]
fn a_day_that_is_full_takes_no_more_by_hand_either() {
    let mut world = World::new(2);
    let ops = RoomName::new("#ops").unwrap();
    (0..2).for_each(|index| world.command(index, 1, Action::Join(ops.clone())));
    world.say(0, "one too many");
    world.say_in(0, room("#ops"), "one too many");
    world.run_ms(10);
    let carried = world.carried(0);
    let (now, stamp) = (world.now, Stamp(world.wall(0).0 * 1000));
    for place in [lobby(), room("#ops")] {
        let id = world.id_of(1, &place);
        let history = &mut world.peers[1].rooms.rooms.get_mut(&id).unwrap().history;
        for number in 0..history::DAY_ENTRIES_MAX as u64 {
            let mut entry = [0; 32];
            entry[..8].copy_from_slice(&number.to_le_bytes());
            history.insert(now, stamp, EntryId(entry));
        }
    }
    world.command(1, 2, Action::Leave(ops));
    world.run_ms(10);
    assert_eq!(world.import(1, &carried), intake(0, 0, 0, 2));
    assert_eq!(world.peers[1].stats.day_full, 2);
}

#[test]
fn what_is_older_than_a_newcomer_wants_counts_once_it_is_imported() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    for day in 0..10 {
        world.say_many(0, if day < 9 { 3 } else { 200 });
        world.run_s(DAY_S);
        (0..2).for_each(|index| world.tell_time(index));
    }
    let carried = world.carried(1);
    // Two come who want the last day only, which has enough, and one brings the file of half a week ago.
    let (bringer, other) = (world.add(), world.add());
    let floor = world.floor(other);
    assert!(floor > world.floor(0) + 5);
    assert_eq!(world.import(bringer, &carried[15..18]), intake(3, 0, 0, 0));
    let back = history::day_of(entry::stamp_of(&carried[15]).unwrap());
    assert_eq!((world.floor(bringer), world.floor(other)), (back, floor));
    // The two agree on what both want, and do not compare for ever.
    world.connect(bringer, other);
    world.run_s(60);
    let (seen, runs) = (world.seen.len(), world.runs());
    world.run_s(600);
    assert_eq!((world.seen.len(), world.runs()), (seen, runs));
    // Whoever has kept it all makes it whole from that day on.
    world.connect(bringer, 0);
    world.run_s(60);
    let id = world.id_of(0, &lobby());
    let since = |index: usize| -> BTreeSet<_> {
        let all = world.peers[index].store.entries.keys();
        all.filter(|(_, stamp, _)| history::day_of(*stamp) >= back).map(|(.., id)| *id).collect()
    };
    assert_eq!(since(bringer).len(), 212);
    assert_eq!(since(bringer), since(0));
    assert_eq!(world.ids(bringer, id).len(), 212);
    // And that is so after a restart.
    world.restart(bringer);
    assert_eq!(world.floor(bringer), back);
}

#[test]
fn too_many_at_once_wait_for_their_turn_or_are_refused() {
    let mut world = World::new(2);
    world.say_many(0, 20);
    let carried = world.carried(0);
    for (number, entry) in (0..).zip(&carried) {
        world.command(1, number, Action::Import(Bundle::new(vec![entry.clone()]).unwrap()));
    }
    let refused = |event: &&Event| matches!(event, Event::Refused { reason: Refusal::Busy, .. });
    let refused = world.peers[1].events.iter().filter(refused).count() as u64;
    assert_eq!(world.peers[1].stats.imports_refused, refused);
    assert!((1..10).contains(&refused), "{refused}");
    world.run_s(1);
    let id = world.id_of(1, &lobby());
    assert_eq!(world.ids(1, id).len() as u64, 20 - refused);
}

#[test]
fn a_bundle_may_hold_the_same_entry_twice() {
    let mut world = World::new(3);
    world.say(0, "once");
    world.run_ms(10);
    let entry = world.carried(0).remove(0);
    let id = world.id_of(1, &lobby());
    // Also of a room that was left.
    for index in [1, 2] {
        if index == 2 {
            world.command(2, 1, Action::Leave(RoomName::lobby()));
        }
        assert_eq!(world.import(index, &[entry.clone(), entry.clone()]), intake(1, 1, 0, 0));
        world.command(index, 2, Action::Join(RoomName::lobby()));
        let history = &world.peers[index].rooms.rooms[&id].history;
        assert_eq!(history.days(0, u32::MAX).map(|day| history.count(day)).collect::<Vec<_>>(), [1]);
    }
}

quickcheck! {
    fn any_bytes_are_answered_and_each_is_counted_once(entries: Vec<Vec<u8>>) -> bool {
        let mut world = World::new(1);
        let entries: Vec<Bytes> = entries.into_iter().take(64).map(Bytes::from).collect();
        let count = entries.len() as u64;
        count == 0 || world.import(0, &entries) == intake(0, 0, 0, count)
    }
}
