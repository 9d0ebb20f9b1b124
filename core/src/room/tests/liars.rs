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
