//! Neighbours who lie about what they have: a few comparisons come of it, and nobody else is kept waiting.

use negentropy::{Id, Negentropy, NegentropyStorageVector};

use super::*;
use crate::frames::RECONCILE_MAX;

/// Two honest ones with a history of some days, and a member who lies to both.
fn with_a_liar() -> World {
    let mut world = World::new(3);
    world.connect(0, 1);
    for _ in 0..5 {
        world.say_many(0, 20);
        world.run_s(86_400);
    }
    world.connect(0, 2);
    world.connect(1, 2);
    world.run_s(60);
    assert!((1..3).all(|index| world.ids(index, lobby_of(&world)) == world.ids(0, lobby_of(&world))));
    world.peers.iter_mut().for_each(|peer| peer.stats = RoomStats::default());
    world
}

fn lobby_of(world: &World) -> RoomKeyId {
    world.id_of(0, &lobby())
}

/// What the honest ones say for an hour arrives at once.
fn the_honest_talk(world: &mut World) {
    for number in 0..60 {
        let text = alloc::format!("honest {number}");
        world.say(number % 2, &text);
        world.run_ms(100);
        assert_eq!(world.peers[1 - number % 2].heard().last(), Some(&text.as_str()));
        world.run_s(60);
    }
}

/// What becomes of a frame where the third one lies: its fingerprints are others each time, and so are those it hears.
fn lie(rng: &mut Rng, from: usize, to: usize, frame: Frame) -> Frame {
    match frame {
        Frame::Heartbeat { counter, clock, members, mut rooms } if from == 2 => {
            rooms.iter_mut().for_each(|pulse| pulse.digest = rng.bytes());
            Frame::Heartbeat { counter, clock, members, rooms }
        }
        Frame::Sums { room, answer, from: first, to: last, mut days } if from == 2 || to == 2 => {
            days.iter_mut().for_each(|(_, digest)| *digest = rng.bytes());
            Frame::Sums { room, answer, from: first, to: last, days }
        }
        other => other,
    }
}

fn comparisons(world: &World) -> u64 {
    world.peers[..2].iter().map(|peer| peer.stats.reconciliations).sum()
}

#[test]
fn fingerprints_that_lie_lead_to_few_comparisons() {
    let mut world = with_a_liar();
    let mut rng = Rng::new([9; 32]);
    // Another one each time, and nothing is as the others have it.
    world.alter = Box::new(move |from, to_whom, frame| lie(&mut rng, from, to_whom, frame));
    the_honest_talk(&mut world);
    assert!((2..60).contains(&comparisons(&world)), "{}", comparisons(&world));
    assert!(world.peers[0].stats.fruitless > 1);
}

#[test]
fn who_lies_every_other_time_gains_nothing() {
    let mut world = with_a_liar();
    let mut rng = Rng::new([9; 32]);
    let mut beats = 0;
    // Twice a lie, which begins a comparison, then the truth, which ends the suspicion.
    world.alter = Box::new(move |from, to_whom, frame| match frame {
        Frame::Heartbeat { .. } if from == 2 => {
            beats += 1;
            if beats % 6 < 4 { lie(&mut rng, from, to_whom, frame) } else { frame }
        }
        other => other,
    });
    the_honest_talk(&mut world);
    assert!((2..60).contains(&comparisons(&world)), "{}", comparisons(&world));
}

#[test]
fn a_reconciliation_that_never_ends_is_ended() {
    let mut world = with_a_liar();
    let mut rng = Rng::new([9; 32]);
    let mut questions: BTreeMap<(Stamp, Stamp), Bytes> = BTreeMap::new();
    // Whatever is asked, the answer comes from another set than the last one, and nothing of it exists.
    world.alter = Box::new(move |from, to_whom, frame| match lie(&mut rng, from, to_whom, frame) {
        Frame::Reconcile { room, from: first, to, round, message } => {
            if to_whom == 2 && round % 2 == 0 {
                questions.insert((first, to), message.clone());
            }
            let invented = (from == 2 && round % 2 == 1).then(|| questions.get(&(first, to))).flatten();
            let message = invented.map_or(message, |question| invent(&mut rng, first, question));
            Frame::Reconcile { room, from: first, to, round, message }
        }
        other => other,
    });
    world.seen.clear();
    the_honest_talk(&mut world);
    let rounds = world.count_seen(|frame| matches!(frame, Frame::Reconcile { .. }));
    assert!((100..20_000).contains(&rounds), "{rounds}");
    assert!((2..60).contains(&comparisons(&world)), "{}", comparisons(&world));
    // What does not exist was asked for, a little at a time, and is given up.
    assert!(world.peers[0].stats.unanswered > 10, "{:?}", world.peers[0].stats);
    let waiting = world.peers[0].rooms.wanted.len();
    assert!(waiting <= 20_000, "{waiting}");
}

/// What somebody with quite another set would answer.
fn invent(rng: &mut Rng, from: Stamp, question: &Bytes) -> Bytes {
    let mut set = NegentropyStorageVector::new();
    for number in 0..500 {
        let stamp = Stamp(from.0 + 1 + number * 1000 + rng.below(999));
        let mark = Mark::new(stamp, &EntryId(rng.bytes()));
        set.insert(stamp.0, Id::from_byte_array(mark.0)).unwrap();
    }
    set.seal().unwrap();
    Negentropy::borrowed(&set, RECONCILE_MAX as u64).unwrap().reconcile(question).unwrap().into()
}

/// A peer who leads, with an entry on each of many days, in the midst of a comparison with one who is a liar; with its
/// link, and the index that the liar uses for the lobby.
fn leading() -> (World, usize, LinkId, u16) {
    const DAYS: u32 = 80;
    let mut world = World::new(2);
    world.run_s(u64::from(DAYS) * 86_400);
    let (leader, liar) = if world.key(0) < world.key(1) { (0, 1) } else { (1, 0) };
    let (id, now, first) = (lobby_of(&world), world.now, history::day_of(Stamp(NEW_YEAR * 1000)));
    let history = &mut world.peers[leader].rooms.rooms.get_mut(&id).unwrap().history;
    (first..first + DAYS).for_each(|day| _ = history.insert(now, history::start_of(day), EntryId([1; 32])));
    world.lose = Box::new(|_, _, frame| matches!(frame, Frame::Sums { answer: true, .. }));
    world.link(leader, liar);
    world.run_ms(700);
    let (&theirs, &(_, link)) = world.peers[liar].links.iter().next().unwrap();
    let index = world.peers[liar].rooms.links[&theirs].index(id).unwrap();
    world.peers[leader].stats = RoomStats::default();
    (world, leader, link, index)
}

/// Answers all questions of the leader: nothing differs on the first day of those asked about. How many there were.
fn answer_day_by_day(world: &mut World, (leader, link, room): (usize, LinkId, u16)) -> usize {
    let mut answered = 0;
    while let Some((by, _, frame)) = world.seen.pop() {
        if let Frame::Sums { answer: false, from, .. } = frame
            && by == leader
        {
            let frame = Frame::Sums { room, answer: true, from, to: from + 1, days: Vec::new() };
            world.turn(leader, |rooms, turn| rooms.on_frame(turn, link, frame));
            answered += 1;
        }
    }
    answered
}

#[test]
fn answers_for_one_day_at_a_time_cost_whoever_gives_them() {
    let (mut world, leader, link, index) = leading();
    let scans = &mut world.peers[leader].rooms.links.get_mut(&link).unwrap().scans;
    assert!(scans.take(world.now, pulse::SCANS, pulse::SCANS.burst - 10_000));
    let answered = answer_day_by_day(&mut world, (leader, link, index));
    assert!((5..15).contains(&answered), "{answered}");
    assert_eq!(world.peers[leader].stats.scans_refused, 1);
    // Later it is compared all the same.
    world.lose = Box::new(|_, _, _| false);
    world.run_s(60);
    assert!(comparisons(&world) > 0);
}

#[test]
fn a_first_day_that_is_told_again_and_again_is_compared_a_few_times() {
    let (mut world, leader, link, index) = leading();
    answer_day_by_day(&mut world, (leader, link, index));
    for number in 0..1000 {
        // The same one, and then two in turn.
        let day = history::day_of(Stamp(NEW_YEAR * 1000)) + 60 + if number < 500 { 0 } else { number % 2 };
        let frame = Frame::Floor { room: index, day, deep: day };
        world.turn(leader, |rooms, turn| rooms.on_frame(turn, link, frame));
        answer_day_by_day(&mut world, (leader, link, index));
    }
    let begun = world.peers[leader].stats.reconciliations;
    assert!((1..=4).contains(&begun), "{begun}");
}
