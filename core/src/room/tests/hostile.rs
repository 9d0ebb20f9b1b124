//! What liars and strangers achieve: nothing.

use quickcheck::{TestResult, quickcheck};

use super::{entry::Entry, item::Body, item::Item, key::RoomKey, *};
use crate::frames::Cause;

/// The only link of a peer.
fn link_of(world: &World, index: usize) -> LinkId {
    *world.peers[index].links.keys().next().unwrap()
}

/// A frame that arrives at a peer as if its neighbour had sent it.
fn inject(world: &mut World, index: usize, frame: &Frame) {
    let link = link_of(world, index);
    let frame = Frame::decode(&frame.encode()).unwrap();
    world.turn(index, |rooms, turn| rooms.on_frame(turn, link, frame));
}

/// The index that `from` uses for the lobby on its link.
fn index_of_lobby(world: &World, from: usize) -> u16 {
    let id = world.id_of(from, &lobby());
    world.peers[from].rooms.links[&link_of(world, from)].index(id).unwrap()
}

pub(super) fn pair() -> World {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run_ms(100);
    world
}

pub(super) fn forge(seed: u8, name: &str, stamp: Stamp, text: &str) -> Entry {
    let key = RoomKey::open(REAL, &RoomName::new(name).unwrap());
    let body = Body {
        previous: None,
        boot: BootId(5),
        wall: UnixMillis(0),
        nick: Nick::new("forger").unwrap(),
        items: [Item::Text { text: text.into(), action: false, reply: None }].into(),
    };
    let identity = Identity::new(REAL, &[seed; 32]);
    Entry::seal(REAL, &mut Rng::new([seed; 32]), &identity, &key, stamp, &body)
}

pub(super) fn push(world: &mut World, bytes: Bytes) {
    let room = index_of_lobby(world, 1);
    inject(world, 0, &Frame::Push { room, entries: [bytes].into(), repair: false });
}

#[test]
fn an_echo_of_our_own_proofs_proves_nothing() {
    // The second peer is in no room, and sends back whatever it is sent.
    let mut world = World::new(2);
    world.command(1, 1, Action::Leave(RoomName::lobby()));
    let (a, _) = world.link(0, 1);
    let proofs = world.seen.iter().find_map(|(from, _, frame)| match frame {
        Frame::Proofs { .. } if *from == 0 => Some(frame.clone()),
        _ => None,
    });
    inject(&mut world, 0, &proofs.unwrap());
    world.say(0, "secret");
    world.run_s(20);
    assert!(world.peers[0].rooms.links[&a].shared.is_empty());
    assert_eq!(world.count_seen(|frame| matches!(frame, Frame::Push { .. } | Frame::Floor { .. })), 0);
}

#[test]
fn proofs_from_another_session_or_of_another_peer_prove_nothing() {
    let mut world = World::new(3);
    let third = 2;
    world.command(1, 1, Action::Leave(RoomName::lobby()));
    world.link(0, 1);
    world.run_ms(50);
    world.seen.clear();
    world.link(0, third);
    world.run_ms(50);
    let (binding, proofs) = world
        .seen
        .iter()
        .find_map(|(from, _, frame)| match frame {
            Frame::Proofs { binding, proofs } if *from == third => Some((*binding, proofs.clone())),
            _ => None,
        })
        .unwrap();
    // Peer 1 replays what peer 2 has shown to peer 0, as it is and under the binding of its own link.
    let link = world.peers[0].links.iter().find(|(_, to)| to.0 == 1).map(|(&id, _)| id).unwrap();
    let own = *world.peers[0].rooms.links[&link].binding.first_chunk().unwrap();
    for binding in [binding, own] {
        let frame = Frame::Proofs { binding, proofs: proofs.clone() };
        world.turn(0, |rooms, turn| rooms.on_frame(turn, link, frame));
        assert!(world.peers[0].rooms.links[&link].shared.is_empty());
    }
}

#[test]
fn how_many_rooms_we_are_in_does_not_show() {
    let mut world = World::new(2);
    world.link(0, 1);
    let proofs = |world: &World| {
        let proofs = world.seen.iter().filter_map(|(from, _, frame)| match frame {
            Frame::Proofs { proofs, .. } if *from == 0 => Some(proofs.clone()),
            _ => None,
        });
        proofs.collect::<Vec<_>>()
    };
    world.command(0, 1, Action::Join(RoomName::new("#rust").unwrap()));
    let lists = proofs(&world);
    assert!(lists.iter().all(|list| list.len() == 16));
    // What stands for no room stays as it is, like what stands for one.
    let [before, after] = [&lists[0], lists.last().unwrap()];
    assert_eq!(before.iter().zip(after).filter(|(one, other)| one != other).count(), 1);
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), 16);
}

#[test]
fn forged_entries_are_counted_and_never_seen_again() {
    let mut world = pair();
    let now = Stamp(world.wall(0).0 * 1000);
    let honest = forge(50, "#lobby", now, "honest");
    // Somebody else's signature, a flipped bit, another room's key, and rubbish.
    let mut bytes = honest.bytes.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    push(&mut world, bytes.clone().into());
    bytes[100] ^= 1;
    push(&mut world, bytes.into());
    let mut other = forge(50, "#other", now, "other").bytes.to_vec();
    push(&mut world, other.clone().into());
    other[1..17].copy_from_slice(&honest.bytes[1..17]);
    push(&mut world, other.into());
    push(&mut world, Bytes::from_static(b"rubbish"));
    assert_eq!((world.peers[0].stats.forged, world.peers[0].stats.malformed), (3, 2));
    assert!(world.peers[0].heard().is_empty());
    // A bad signature does not stand in the way of the good one.
    push(&mut world, honest.bytes);
    assert_eq!(world.peers[0].heard(), ["honest"]);
}

#[test]
fn nobody_else_speaks_in_a_conversation() {
    let mut world = pair();
    let (key0, key1) = (world.key(0), world.key(1));
    let identity = world.peers[1].identity.clone();
    let direct = world.peers[0].identity.direct_public();
    let key = RoomKey::direct(REAL, &identity, &key0, &direct).unwrap();
    let id = world.id_of(0, &Place::Direct(key1));
    assert_eq!(key.id(), id);
    let stamp = Stamp(world.wall(0).0 * 1000);
    let nick = Nick::new("stranger").unwrap();
    let body = Body { previous: None, boot: BootId(1), wall: UnixMillis(0), nick, items: Vec::new() };
    let stranger = Identity::new(REAL, &[77; 32]);
    let entry = Entry::seal(REAL, &mut Rng::new([1; 32]), &stranger, &key, stamp, &body);
    let room = world.peers[1].rooms.links[&link_of(&world, 1)].index(id).unwrap();
    inject(&mut world, 0, &Frame::Push { room, entries: [entry.bytes].into(), repair: false });
    assert_eq!(world.peers[0].stats.forged, 1);
    assert!(world.ids(0, id).is_empty());
}

#[test]
fn repair_is_no_way_around_the_rate() {
    let mut world = pair();
    let now = world.wall(0).0 * 1000;
    let room = index_of_lobby(&world, 1);
    for number in 0..2500 {
        let entry = forge(50, "#lobby", Stamp(now + number), "flood");
        inject(&mut world, 0, &Frame::Push { room, entries: [entry.bytes].into(), repair: true });
    }
    assert_eq!(world.peers[0].messages().count(), 2000);
    assert_eq!(world.peers[0].stats.over_rate, 500);
}

#[test]
fn announcements_of_what_does_not_exist_are_given_up() {
    let mut world = pair();
    let now = world.wall(0).0 * 1000;
    let room = index_of_lobby(&world, 1);
    let marks: Vec<_> = (0..200).map(|number| Mark::new(Stamp(now + number), &EntryId([3; 32]))).collect();
    inject(&mut world, 0, &Frame::Have { room, marks: marks.clone(), cause: Cause::Repair });
    assert_eq!(world.peers[0].rooms.wanted.len(), 200);
    world.run_s(60);
    assert!(world.peers[0].rooms.wanted.is_empty());
    assert_eq!(world.peers[0].stats.unanswered, 200);
    // Those outside the window are not even asked for.
    let marks = [Stamp(0), Stamp(now * 2)].map(|stamp| Mark::new(stamp, &EntryId([4; 32])));
    inject(&mut world, 0, &Frame::Have { room, marks: marks.into(), cause: Cause::Repair });
    assert!(world.peers[0].rooms.wanted.is_empty());
}

#[test]
fn a_peer_that_goes_leaves_nothing_wanted() {
    let mut world = pair();
    let now = world.wall(0).0 * 1000;
    let room = index_of_lobby(&world, 1);
    let marks = [Mark::new(Stamp(now), &EntryId([3; 32]))].into();
    inject(&mut world, 0, &Frame::Have { room, marks, cause: Cause::Repair });
    world.cut(0, 1);
    assert!(world.peers[0].rooms.wanted.is_empty());
    assert_eq!(world.peers[0].rooms.next_wake(), None);
}

#[test]
fn frames_for_rooms_that_are_not_shared_are_counted() {
    let mut world = pair();
    let id = EntryId([1; 32]);
    inject(&mut world, 0, &Frame::Stored { room: 999, ids: [id].into() });
    inject(&mut world, 0, &Frame::Unknown { kind: 99 });
    assert_eq!((world.peers[0].stats.malformed, world.peers[0].stats.unknown), (1, 1));
}

#[test]
fn a_receipt_for_an_entry_that_we_have_not_written_is_ignored() {
    let mut world = pair();
    let room = index_of_lobby(&world, 1);
    inject(&mut world, 0, &Frame::Stored { room, ids: [EntryId([1; 32])].into() });
    assert!(world.peers[0].receipts().is_empty());
}

#[test]
fn a_query_for_everything_gives_one_frame() {
    let mut world = World::unborn();
    world.add();
    world.add_with(0, |config| config.author_rate = 10_000);
    world.connect(0, 1);
    world.run_ms(100);
    world.say_many(0, 1000);
    world.seen.clear();
    let day = history::day_of(Stamp(world.wall(0).0 * 1000));
    let (from, to) = (history::start_of(day), history::start_of(day + 1));
    // Protocol version 1, an infinite bound, an empty list of ids: what do you have?
    let message = Bytes::from_static(&[0x61, 0, 0, 2, 0]);
    let room = index_of_lobby(&world, 1);
    inject(&mut world, 0, &Frame::Reconcile { room, from, to, round: 0, message });
    let answer: Vec<_> = world.seen.iter().filter(|(from, _, _)| *from == 0).collect();
    let [(_, _, Frame::Reconcile { message, round: 1, .. })] = &answer[..] else { panic!("{answer:?}") };
    assert!((15_800..=16_384).contains(&message.len()), "{}", message.len());
    // And not again and again without end: the allowance is used up, but for a hundred.
    let link = link_of(&world, 0);
    let now = world.now;
    let scans = &mut world.peers[0].rooms.links.get_mut(&link).unwrap().scans;
    assert!(scans.take(now, pulse::SCANS, pulse::SCANS.burst - 100_000));
    for _ in 0..200 {
        let message = Bytes::from_static(&[0x61, 0, 0, 2, 0]);
        inject(&mut world, 0, &Frame::Reconcile { room, from, to, round: 0, message });
    }
    assert!(
        (100..=102).contains(&world.peers[0].stats.scans_refused),
        "{}",
        world.peers[0].stats.scans_refused
    );
}

#[test]
fn what_a_neighbour_may_not_ask_for_is_not_even_begun() {
    let mut world = pair();
    world.say_many(0, 3);
    world.run_s(5 * 86_400);
    world.restart(0);
    world.connect(0, 1);
    world.run_s(60);
    let (id, link, now) = (world.id_of(0, &lobby()), link_of(&world, 0), world.now);
    let day = history::day_of(Stamp(NEW_YEAR * 1000));
    assert!(!world.peers[0].rooms.rooms[&id].history.is_loaded(day));
    let scans = &mut world.peers[0].rooms.links.get_mut(&link).unwrap().scans;
    while scans.take(now, pulse::SCANS, 1000) {}
    while scans.take(now, pulse::SCANS, 1) {}
    let fetches = world.peers[0].store.fetches;
    let room = index_of_lobby(&world, 1);
    let rooms = [Pulse { room, up_to: Stamp(NEW_YEAR * 1000), digest: [1; 16] }].into();
    inject(&mut world, 0, &Frame::Heartbeat { counter: 1 << 40, clock: UnixMillis(0), members: 0, rooms });
    let (from, to) = (history::start_of(day), history::start_of(day + 1));
    let message = Bytes::from_static(&[0x61, 0, 0, 2, 0]);
    inject(&mut world, 0, &Frame::Reconcile { room, from, to, round: 0, message });
    let marks: Vec<_> = [Mark::new(from, &EntryId([3; 32]))].into();
    inject(&mut world, 0, &Frame::Have { room, marks: marks.clone(), cause: Cause::Repair });
    inject(&mut world, 0, &Frame::Want { room, marks });
    inject(&mut world, 0, &Frame::Sums { room, answer: false, from: day, to: day + 1, days: Vec::new() });
    assert_eq!(world.peers[0].store.fetches, fetches, "a day was read for it");
    assert_eq!(world.peers[0].stats.scans_refused, 5);
}

#[test]
fn a_room_that_a_heartbeat_lists_twice_is_looked_at_once() {
    let mut world = pair();
    world.say(0, "hello");
    world.run_s(30);
    let runs = world.peers[0].stats.reconciliations;
    let (room, up_to) = (index_of_lobby(&world, 1), Stamp(world.wall(0).0 * 1000));
    let rooms = [1, 2].map(|byte| Pulse { room, up_to, digest: [byte; 16] });
    inject(
        &mut world,
        0,
        &Frame::Heartbeat { counter: 1 << 40, clock: UnixMillis(0), members: 0, rooms: rooms.into() },
    );
    assert_eq!(world.peers[0].stats.reconciliations, runs, "one heartbeat is not two");
}

#[test]
fn authors_who_make_up_stamps_fill_no_more_than_their_share() {
    let mut world = pair();
    let far = world.wall(0).0 * 1000 + 86_400_000_000 * 365;
    for number in 0..200 {
        let entry = forge(50, "#lobby", Stamp(far + number * 86_400_000_000), "from the future");
        push(&mut world, entry.bytes);
    }
    assert_eq!(world.peers[0].messages().count(), 64);
    assert_eq!((world.peers[0].stats.strays, world.peers[0].stats.strays_refused), (200, 136));
    // They do not make the neighbours differ.
    world.seen.clear();
    world.run_s(60);
    assert_eq!(world.count_seen(|frame| matches!(frame, Frame::Sums { .. })), 0);
}

#[test]
fn a_new_link_gives_nobody_a_new_share() {
    let mut world = pair();
    let now = world.wall(0).0 * 1000;
    // Of many authors: what one link may bring is bounded, too.
    let flood = |world: &mut World, round: u8| {
        let before = world.peers[0].stats.over_rate;
        for number in 0..400 {
            let author = 100 + u8::try_from(number % 100).unwrap();
            push(world, forge(author, "#lobby", Stamp(now + u64::from(round) * 1000 + number), "x").bytes);
        }
        world.peers[0].stats.over_rate - before
    };
    world.peers[0].rooms.author_rate = 1;
    let first = flood(&mut world, 0);
    world.cut(0, 1);
    world.connect(0, 1);
    world.run_ms(100);
    let second = flood(&mut world, 1);
    assert!(first > 200 && second >= 390, "{first}, {second}");
    // After some seconds it is whole again.
    world.cut(0, 1);
    world.run_s(20);
    world.connect(0, 1);
    world.run_ms(100);
    assert_eq!(flood(&mut world, 2), first);
}

quickcheck! {
    fn no_frame_of_a_neighbour_breaks_anything(frames: Vec<Frame>) -> TestResult {
        let mut world = pair();
        world.say_many(0, 3);
        for frame in frames {
            // Half of them about a room that is shared.
            let lobby = index_of_lobby(&world, 1);
            inject(&mut world, 0, &about(frame, lobby));
            world.run_ms(7);
        }
        world.run_s(20);
        world.say(0, "alive");
        world.run_s(20);
        TestResult::from_bool(world.peers[1].heard().last() == Some(&"alive"))
    }
}

/// The same frame about the room of `index`, if its own number is even.
fn about(mut frame: Frame, index: u16) -> Frame {
    match &mut frame {
        Frame::Push { room, .. }
        | Frame::Have { room, .. }
        | Frame::Want { room, .. }
        | Frame::Stored { room, .. }
        | Frame::Sums { room, .. }
        | Frame::Reconcile { room, .. }
            if *room % 2 == 0 =>
        {
            *room = index;
        }
        _ => {}
    }
    frame
}
