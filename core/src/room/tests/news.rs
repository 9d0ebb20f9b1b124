//! What comes in live is passed on, and costs next to nothing where nobody lacks it.

use super::*;
use crate::frames::Cause;

const IS_WANT: fn(&Frame) -> bool = |frame| matches!(frame, Frame::Want { .. });
const IS_HAVE: fn(&Frame) -> bool = |frame| matches!(frame, Frame::Have { .. });
const IS_PUSH: fn(&Frame) -> bool = |frame| matches!(frame, Frame::Push { .. });

/// Peers of whom these are linked, after they have settled.
fn linked(count: u8, pairs: &[(usize, usize)]) -> World {
    let mut world = World::unborn();
    for _ in 0..count {
        world.add_with(0, |config| config.author_rate = 1_000_000);
    }
    pairs.iter().for_each(|&(one, other)| world.connect(one, other));
    world.run_s(2);
    world.seen.clear();
    world
}

fn mesh(count: u8) -> World {
    let peers = usize::from(count);
    let pairs: Vec<_> = (0..peers).flat_map(|one| (0..one).map(move |other| (other, one))).collect();
    linked(count, &pairs)
}

#[test]
fn who_is_not_linked_with_the_author_hears_it_at_once() {
    let mut world = linked(3, &[(0, 1), (1, 2)]);
    world.say(0, "hello");
    world.run_ms(300);
    assert_eq!(world.peers[2].heard(), ["hello"]);
    assert!(world.peers[2].messages().all(|message| !message.late));
    assert_eq!((world.peers[2].stats.grafted, world.peers[2].stats.repaired), (1, 0));
}

#[test]
fn an_author_who_leaves_with_one_receipt_has_told_everybody() {
    let mut world = linked(4, &[(0, 1), (1, 2), (2, 3)]);
    world.say(0, "hello and goodbye");
    while world.peers[0].receipts().is_empty() {
        world.run_ms(1);
    }
    world.cut(0, 1);
    world.run_ms(300);
    assert_eq!(world.peers[2].heard(), ["hello and goodbye"]);
    world.run_ms(200);
    assert_eq!(world.peers[3].heard(), ["hello and goodbye"], "what was asked for is announced in turn");
}

#[test]
fn in_a_full_mesh_everything_comes_from_its_author_and_nobody_asks() {
    let mut world = mesh(4);
    world.say_many(0, 50);
    world.say_many(3, 50);
    world.run_s(3);
    assert!((1..3).all(|index| world.peers[index].heard().len() == 100));
    assert_eq!(world.count_seen(IS_WANT), 0);
    let pushes = world.seen.iter().filter(|(_, _, frame)| IS_PUSH(frame));
    let mut edges: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    pushes.for_each(|(from, to, _)| *edges.entry((*from, *to)).or_default() += 1);
    assert!(edges.keys().all(|(from, _)| [0, 3].contains(from)) && edges.values().all(|&count| count == 50));
    assert_eq!(edges.len(), 6);
    assert!(world.count_seen(IS_HAVE) > 0);
}

#[test]
fn a_neighbour_need_not_push_after_three_times_in_a_row_for_nothing() {
    let mut world = mesh(3);
    // Nobody knows that the author reaches all.
    world.meet = false;
    let prunes = |world: &World| {
        let told = world.seen.iter().filter(|(_, _, frame)| matches!(frame, Frame::Prune { .. }));
        told.map(|(from, to, _)| (*from, *to)).collect::<Vec<_>>()
    };
    world.say_many(0, 2);
    world.run_s(1);
    assert_eq!(world.peers[1].stats.duplicates, 2);
    // What comes from 2 is of use to 1 in between.
    world.cut(0, 1);
    world.say(0, "by another way");
    world.run_s(1);
    world.connect(0, 1);
    world.run_s(1);
    world.say_many(0, 1);
    world.run_s(1);
    assert_eq!(prunes(&world), [(2, 1)], "2 has heard three in vain, and 1 only one");
    let forwarded = world.peers[1].stats.forwarded;
    world.say_many(0, 2);
    world.run_s(1);
    assert_eq!(world.peers[1].stats.forwarded, forwarded, "1 pushes to 2 no more");
    assert_eq!(prunes(&world), [(2, 1), (1, 2)]);
    world.say(0, "once more");
    world.run_s(1);
    assert_eq!((world.peers[1].heard().len(), world.peers[2].heard().len()), (7, 7));
    assert_eq!(world.peers[1].stats.duplicates, 5);
}

#[test]
fn what_was_pushed_is_announced_only_if_it_could_not_be_sent() {
    for is_refused in [false, true] {
        let mut world = linked(3, &[(0, 1), (1, 2)]);
        world.meet = false;
        if is_refused {
            world.refuse = Box::new(|from, _, frame| from == 1 && IS_PUSH(frame));
        }
        world.say(0, "hello");
        world.run_ms(40);
        world.refuse = Box::new(|_, _, _| false);
        world.run_ms(260);
        assert_eq!(world.peers[2].heard(), ["hello"]);
        assert_eq!(world.count_seen(IS_HAVE), usize::from(is_refused));
        assert_eq!(world.peers[2].stats.grafted, u64::from(is_refused));
    }
}

#[test]
fn two_alone_announce_nothing() {
    let mut world = linked(2, &[(0, 1)]);
    world.say_many(0, 50);
    world.say_many(1, 50);
    world.run_s(60);
    assert_eq!(world.count_seen(IS_HAVE), 0);
}

#[test]
fn when_one_announcer_does_not_deliver_the_next_one_is_asked() {
    let mut world = linked(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]);
    // The one who is asked first keeps it to itself.
    let mut withheld = false;
    world.lose = Box::new(move |_, to, frame| to == 3 && IS_PUSH(frame) && !replace(&mut withheld));
    world.say(0, "hello");
    world.run_ms(250);
    assert_eq!((world.count_seen(IS_WANT), world.peers[3].heard().len()), (1, 0));
    world.run_ms(250);
    assert_eq!(world.count_seen(IS_WANT), 2);
    assert_eq!(world.peers[3].heard(), ["hello"]);
    assert_eq!(world.peers[3].stats.unanswered, 1);
}

fn replace(flag: &mut bool) -> bool {
    core::mem::replace(flag, true)
}

#[test]
fn what_others_have_long_got_and_is_on_its_way_is_not_asked_for() {
    let mut world = mesh(3);
    // The third one is behind, as the last of a flood is.
    world.slow.insert((0, 2), Duration::from_millis(600));
    world.say_many(0, 1000);
    world.run_s(3);
    assert_eq!(world.peers[2].heard().len(), 1000);
    // Until the flood reaches it nothing tells the third one that it will.
    let wanted: usize = world.seen.iter().map(|(_, _, frame)| wanted(frame)).sum();
    assert!((100..250).contains(&wanted), "{wanted}");
}

fn wanted(frame: &Frame) -> usize {
    if let Frame::Want { marks, .. } = frame { marks.len() } else { 0 }
}

#[test]
fn what_the_store_did_not_take_is_not_announced() {
    let mut world = linked(3, &[(0, 1), (1, 2)]);
    world.peers[1].store.broken = true;
    world.say(0, "hello");
    world.run_s(1);
    assert_eq!(world.peers[1].heard(), ["hello"]);
    assert_eq!(world.count_seen(IS_HAVE), 0);
    assert_eq!(alloc::format!("{:?}", world.peers[1].rooms.news), "News { fresh: {} }", "nor remembered");
}

#[test]
fn what_the_store_has_not_answered_yet_is_announced_when_it_has() {
    let mut world = linked(3, &[(0, 1), (1, 2)]);
    world.say(0, "one");
    world.run_ms(10);
    world.peers[1].store.takes = Duration::from_secs(1);
    world.say(0, "two");
    world.run_ms(100);
    let announced = |world: &World| -> usize {
        let marks = |frame: &Frame| if let Frame::Have { marks, .. } = frame { marks.len() } else { 0 };
        world.seen.iter().map(|(_, _, frame)| marks(frame)).sum()
    };
    assert_eq!(announced(&world), 1);
    world.run_s(1);
    assert_eq!(announced(&world), 2);
}

#[test]
fn a_liar_who_announces_much_news_is_not_remembered_without_end() {
    let mut world = linked(3, &[(0, 1), (0, 2)]);
    let link = *world.peers[0].links.iter().find(|(_, to)| to.0 == 1).unwrap().0;
    let (id, now) = (world.id_of(0, &lobby()), world.wall(0).0 * 1000);
    let room = world.peers[1].rooms.links.values().next().unwrap().index(id).unwrap();
    for frame in 0..100 {
        let mark = |number| Mark::new(Stamp(now + frame * 256 + number), &EntryId([3; 32]));
        let marks = (0..256).map(mark).collect();
        let frame = Frame::Have { room, marks, cause: Cause::News };
        world.turn(0, |rooms, turn| rooms.on_frame(turn, link, frame));
    }
    assert_eq!(world.peers[0].rooms.links[&link].awaited.len(), 2048);
    assert_eq!(world.peers[0].stats.needs_full, 25_600 - 2048);
    // What the other one says is not held up by it, and in the end it is all given up.
    world.say(2, "alive");
    world.run_ms(10);
    assert_eq!(world.peers[0].heard(), ["alive"]);
    world.run_s(3600);
    assert!(world.peers[0].rooms.links[&link].awaited.is_empty() && world.peers[0].rooms.wanted.is_empty());
}

/// What announcing adds to a flood, printed (`--nocapture`).
#[test]
fn announcing_adds_little_to_a_flood() {
    // As a bot says them, all at once, and as many people would, each in an entry of its own; among three and nine.
    for (peers, count, burst, percent) in
        [(3, 10_000, 1000, 1), (3, 2000, 1, 10), (9, 2000, 1000, 3), (9, 500, 1, 60)]
    {
        let mut world = mesh(peers);
        let text = "x".repeat(100);
        for _ in 0..count / burst {
            (0..burst).for_each(|_| world.say(0, &text));
            world.run_ms(3);
        }
        world.run_s(3);
        assert!(world.peers.iter().skip(1).all(|peer| peer.heard().len() == count));
        let bytes = |is: fn(&Frame) -> bool| -> usize {
            let seen = world.seen.iter().filter(|(_, _, frame)| is(frame));
            seen.map(|(_, _, frame)| frame.encode().len()).sum()
        };
        let (haves, pushes) = (bytes(IS_HAVE), bytes(IS_PUSH));
        let frames = (world.count_seen(IS_HAVE), world.count_seen(IS_PUSH), world.count_seen(IS_WANT));
        std::println!("{peers} peers, bursts of {burst}: {haves} of {pushes} bytes, frames {frames:?}");
        assert_eq!(frames.2, 0);
        assert!(haves * 100 <= pushes * percent, "{haves} of {pushes}");
    }
}

#[test]
fn what_was_said_before_anybody_was_there_reaches_everybody_at_once() {
    let mut world = linked(4, &[(1, 2), (2, 3)]);
    world.say(0, "hello and goodbye");
    world.run_ms(500);
    let begun = world.now;
    world.connect(0, 1);
    while world.peers[0].receipts().is_empty() {
        world.run_ms(1);
    }
    assert!(world.now - begun < Duration::from_millis(100));
    world.cut(0, 1);
    world.run_ms(500);
    for peer in &world.peers[1..] {
        assert_eq!(peer.heard(), ["hello and goodbye"]);
        assert!(peer.messages().all(|message| !message.late));
    }
}

#[test]
fn what_was_said_seconds_ago_is_not_late_and_what_was_said_long_ago_is_no_news() {
    for (age, late, passed_on) in [(8, false, true), (30, true, true), (120, true, false)] {
        let mut world = linked(3, &[(1, 2)]);
        world.run_s(200);
        world.say(0, "hello");
        world.run_s(age);
        world.connect(0, 1);
        world.run_ms(500);
        assert!(world.peers[1].messages().map(|message| message.late).eq([late]), "{age}");
        assert_eq!(!world.peers[2].heard().is_empty(), passed_on, "{age}");
        assert_eq!(world.peers[1].stats.repaired, 1);
    }
}

#[test]
fn what_was_said_before_one_was_there_is_late_however_short_ago() {
    let mut world = World::new(1);
    world.say(0, "hello");
    world.run_s(1);
    let newcomer = world.add();
    world.connect(0, newcomer);
    world.run_s(1);
    assert!(world.peers[newcomer].messages().map(|message| message.late).eq([true]));
}
