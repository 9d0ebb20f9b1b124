//! What is too old is erased, does not come back, and divides nobody.

use core::num::NonZeroU16;

use super::*;
use crate::intake::{Bundle, Intake};

const DAY_S: u64 = 86_400;
const YEAR_MS: i64 = 365 * 86_400_000;

impl World {
    fn keep_in(&mut self, index: usize, place: Place, days: u16) {
        self.command(index, 5000, Action::Keep { place, days: NonZeroU16::new(days) });
    }

    fn keep(&mut self, index: usize, days: u16) {
        self.keep_in(index, lobby(), days);
    }

    /// Lets so many days pass; everybody is told the time each hour, and speaks once a day.
    pub(super) fn pass(&mut self, days: u64) {
        for _ in 0..days {
            (0..self.peers.len()).for_each(|index| self.say(index, "daily"));
            for _ in 0..24 {
                self.run_s(3600);
                (0..self.peers.len()).for_each(|index| self.tell_time(index));
            }
        }
        self.run_s(60);
    }

    fn today(&self) -> u32 {
        history::day_of(Stamp(self.wall(0).0 * 1000))
    }

    /// The days of which a peer's store has anything in a place.
    fn days(&self, index: usize, place: &Place) -> Vec<u32> {
        let entries = self.peers[index].store.entries.values().filter(|entry| entry.place == *place);
        let days: BTreeSet<u32> = entries.map(|entry| history::day_of(entry.stamp)).collect();
        days.into_iter().collect()
    }

    fn floor_of(&self, index: usize) -> u32 {
        self.peers[index].rooms.rooms[&self.id_of(index, &lobby())].floor
    }

    fn sum_from(&self, index: usize, day: u32) -> IdSum {
        let history = &self.peers[index].rooms.rooms[&self.id_of(index, &lobby())].history;
        history.sum(day, Stamp(u64::MAX)).map(|(sum, _)| sum).expect("a whole sum needs no ids")
    }

    fn bundle(&self, of: usize) -> Bundle {
        let entries = self.peers[of].store.entries.values();
        Bundle::new(entries.map(|entry| entry.bytes.clone()).collect()).unwrap()
    }

    fn intake_of(&mut self, index: usize, bundle: &Bundle) -> Intake {
        self.command(index, 5001, Action::Import(bundle.clone()));
        self.run_ms(50);
        let imported = self.peers[index].events.iter().rev().find_map(|event| match event {
            Event::Imported { tag: 5001, intake } => Some(*intake),
            _ => None,
        });
        imported.expect("it is answered")
    }
}

#[test]
fn what_is_too_old_is_erased_by_whole_days_now_and_each_day() {
    let mut world = World::new(1);
    world.pass(10);
    let today = world.today();
    assert_eq!(world.days(0, &lobby()).len(), 10);
    world.peers[0].events.clear();
    world.keep(0, 3);
    let kept = Event::Kept { place: lobby(), days: NonZeroU16::new(3) };
    assert_eq!(world.peers[0].events, [kept.clone(), Event::Done { tag: 5000, message: None }]);
    // Nothing of it is history from now on, and the store follows.
    assert_eq!(world.floor_of(0), today - 3);
    world.run_s(1);
    assert_eq!(world.days(0, &lobby()), [today - 3, today - 2, today - 1]);
    world.pass(2);
    assert_eq!(world.days(0, &lobby()), [today - 1, today, today + 1]);
    // That is so after a restart on a later day, a while after it.
    world.run_s(2 * DAY_S);
    world.restart(0);
    assert!(world.peers[0].events.contains(&kept));
    world.run_s(61);
    world.tell_time(0);
    world.run_s(1);
    assert_eq!(world.days(0, &lobby()), [today + 1]);
    assert_eq!(world.peers[0].stats.forgotten, 12 - 1);
}

#[test]
fn peers_who_keep_for_different_times_are_equal_where_both_keep_and_leave_each_other_alone() {
    let mut world = World::new(3);
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        world.connect(one, other);
    }
    world.run_ms(100);
    world.pass(3);
    world.keep(0, 1);
    world.keep(1, 2);
    world.pass(2);
    let today = world.today();
    assert_eq!([0, 1].map(|index| world.floor_of(index)), [today - 1, today - 2]);
    assert_eq!([0, 1, 2].map(|index| world.days(index, &lobby()).len()), [1, 2, 5]);
    for (one, other, from) in [(0, 1, today - 1), (0, 2, today - 1), (1, 2, today - 2)] {
        assert_eq!(world.sum_from(one, from), world.sum_from(other, from), "{one} and {other}");
    }
    // Each knows the other's floor, so heartbeats agree; only the audits of an hour compare.
    let runs = |world: &World| world.peers.iter().map(|peer| peer.stats.reconciliations).sum::<u64>();
    let before = runs(&world);
    world.run_s(1800);
    world.seen.clear();
    world.run_s(1200);
    assert!(runs(&world) - before <= 9, "{} more", runs(&world) - before);
    assert_eq!(world.count_seen(|frame| matches!(frame, Frame::Want { .. } | Frame::Push { .. })), 0);
    // Somebody new brings nothing back either.
    let newcomer = world.add();
    (0..3).for_each(|other| world.connect(newcomer, other));
    world.pass(1);
    assert_eq!([0, 1].map(|index| world.days(index, &lobby()).len()), [1, 2]);
    assert_eq!(world.peers[0].stats.outdated, 0, "nobody even tries");
}

#[test]
fn what_was_erased_comes_back_by_no_push_no_repair_and_no_import() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world.pass(5);
    let all = world.bundle(1);
    world.keep(0, 2);
    world.run_s(1);
    let kept = world.days(0, &lobby());
    assert_eq!(kept.len(), 2);
    assert_eq!(world.intake_of(0, &all), Intake { known: 4, old: 6, ..Intake::default() });
    let (link, _) = world.peers[1].links.iter().next().map(|(&link, &(_, theirs))| (theirs, link)).unwrap();
    for repair in [true, false] {
        let frame = Frame::Push { room: 0, entries: all.clone().into_entries(), repair };
        world.turn(0, |rooms, turn| rooms.on_frame(turn, link, frame));
    }
    world.run_s(1);
    assert_eq!(world.peers[0].stats.outdated, 6 * 3);
    assert_eq!(world.days(0, &lobby()), kept);
    // Asked to keep all from now on, it does not fetch the old again; but what is brought along is taken in.
    world.keep(0, 0);
    world.run_s(600);
    assert_eq!(world.days(0, &lobby()), kept);
    world.pass(4);
    assert_eq!(world.days(0, &lobby()).len(), 6);
    assert_eq!(world.intake_of(0, &all), Intake { known: 4, new: 6, ..Intake::default() });
    assert_eq!(world.days(0, &lobby()).len(), 9);
    assert_eq!(world.floor_of(0), world.floor_of(1).max(world.days(0, &lobby())[0]));
    let floor = world.floor_of(0);
    world.restart(0);
    assert_eq!(world.floor_of(0), floor);
    assert_eq!(world.days(0, &lobby()).len(), 9);
}

#[test]
fn rooms_that_were_left_and_conversations_are_forgotten_too() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.command(0, 1, Action::Join(RoomName::new("#ops").unwrap()));
    world.run_ms(100);
    let direct = Place::Direct(world.key(1));
    for place in [room("#ops"), direct.clone()] {
        world.say_in(0, place, "old");
    }
    world.run_s(1);
    world.cut(0, 1);
    world.command(0, 2, Action::Leave(RoomName::new("#ops").unwrap()));
    world.run_s(1);
    world.restart(0);
    for place in [room("#ops"), direct.clone()] {
        world.keep_in(0, place, 2);
    }
    for (place, reason) in
        [(room("#never"), Refusal::NotInRoom), (Place::Direct(PeerKey([9; 32])), Refusal::UnknownPeer)]
    {
        world.keep_in(0, place, 2);
        assert_eq!(world.peers[0].events.last(), Some(&Event::Refused { tag: 5000, reason }));
    }
    world.pass(2);
    assert_eq!([&room("#ops"), &direct].map(|place| world.days(0, place).len()), [1, 1]);
    world.pass(1);
    assert_eq!([&room("#ops"), &direct].map(|place| world.days(0, place).len()), [0, 0]);
    assert_eq!(world.days(0, &lobby()).len(), 3);
}

#[test]
fn much_is_erased_bit_by_bit_and_what_is_said_meanwhile_does_not_wait() {
    let mut world = World::new(1);
    world.say_many(0, 1000);
    world.run_s(5 * DAY_S);
    world.peers[0].store.takes = Duration::from_millis(20);
    world.peers[0].events.clear();
    world.keep(0, 3);
    world.run_ms(50);
    world.say(0, "meanwhile");
    world.run_ms(25);
    let is_said = |event: &Event| matches!(event, Event::Done { message: Some(_), .. });
    assert!(world.peers[0].events.iter().any(is_said));
    let left = world.peers[0].store.entries.len();
    assert!((900..1000).contains(&left), "{left}");
    // The power fails: it goes on at the next start, and nothing of it is history again.
    world.restart(0);
    let id = world.id_of(0, &lobby());
    assert_eq!(world.peers[0].rooms.rooms[&id].history.days(0, u32::MAX).count(), 1);
    for _ in 0..2 {
        world.run_s(5);
        world.tell_time(0);
    }
    world.run_s(20);
    assert_eq!(world.peers[0].store.entries.len(), left, "what time it is has to be sure");
    world.tell_time(0);
    world.run_s(5);
    assert_eq!(world.stored(0, &lobby()), ["meanwhile"]);
    let forgets = &world.peers[0].store.forgets;
    assert!(forgets.iter().all(|count| *count <= 16), "{forgets:?}");
    assert_eq!(forgets.iter().sum::<usize>(), 1000);
}

#[test]
fn a_store_that_takes_long_is_told_to_erase_little_at_a_time() {
    // What each entry takes in milliseconds, and how many at a time come of it.
    for (each, most, least) in [(0, 128, 128), (4, 16, 4), (300, 16, 1)] {
        let mut world = World::new(1);
        world.say_many(0, 600);
        world.run_s(5 * DAY_S);
        world.peers[0].store.forgets_in = Duration::from_millis(each);
        world.keep(0, 3);
        world.run_s(300);
        let forgets = &world.peers[0].store.forgets;
        let later = &forgets[5..forgets.len() - 1];
        assert_eq!(forgets.iter().sum::<usize>(), 600);
        assert!(later.iter().all(|count| (least..=most).contains(count)), "{each} ms: {forgets:?}");
    }
}

#[test]
fn a_store_that_fails_is_told_again() {
    let mut world = World::new(1);
    world.pass(5);
    world.peers[0].store.broken = true;
    world.keep(0, 1);
    world.run_s(60);
    assert_eq!(world.days(0, &lobby()).len(), 5);
    let fetches = world.peers[0].store.fetches;
    assert!(fetches < 30, "{fetches}");
    world.peers[0].store.broken = false;
    world.run_s(6);
    assert_eq!(world.days(0, &lobby()), [world.today() - 1]);
}

#[test]
fn a_clock_that_is_ahead_erases_nothing_while_others_know_better_and_hides_nothing_when_it_is_right() {
    let mut world = World::new(2);
    let ahead = world.add();
    (0..3).for_each(|one| (0..one).for_each(|other| world.connect(one, other)));
    world.pass(3);
    (0..3).for_each(|index| world.keep(index, 30));
    let before = world.floor_of(ahead);
    // One of three, and then one of two: whoever is ahead, and whoever hears of it.
    world.set_clock(ahead, YEAR_MS);
    for cut in [false, true] {
        if cut {
            (0..2).for_each(|other| world.cut(1, [0, ahead][other]));
        }
        world.pass(1);
        assert_eq!(
            [0, 1, ahead].map(|index| world.days(index, &lobby())[0]),
            [world.days(0, &lobby())[0]; 3]
        );
    }
    assert!(world.peers.iter().all(|peer| peer.stats.forgotten == 0));
    // Alone it cannot know. But once it is right it speaks and hears as before.
    world.cut(0, ahead);
    world.pass(1);
    assert!(world.peers[ahead].stats.forgotten > 10);
    world.set_clock(ahead, 0);
    world.connect(0, ahead);
    world.run_s(30);
    let floor = world.floor_of(ahead);
    assert_eq!(floor, before);
    world.say(ahead, "I am back");
    world.run_s(1);
    assert!(world.peers[0].heard().contains(&"I am back"));
    world.run_s(60);
    let id = world.id_of(0, &lobby());
    let theirs = world.ids(ahead, id);
    assert!(world.ids(0, id).is_subset(&theirs), "what was erased by mistake came back by repair");
    world.restart(ahead);
    assert_eq!(world.floor_of(ahead), floor);
}

#[test]
fn whoever_is_outvoted_about_the_time_erases_nothing_by_the_word_of_others() {
    let mut world = World::new(3);
    (0..3).for_each(|one| (0..one).for_each(|other| world.connect(one, other)));
    world.pass(2);
    world.keep(0, 30);
    (1..3).for_each(|index| world.set_clock(index, YEAR_MS));
    world.pass(1);
    assert_eq!((world.peers[0].stats.forgotten, world.days(0, &lobby()).len() >= 3), (0, true));
}
