//! Files come whole, whatever gets lost and whoever goes away meanwhile, and only to those who were told of them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test has the standard library, and fails by panicking"
)]

mod world;

use chat_core::*;
use world::{World, seconds};

/// Hosts that have met, and the first one's file of so many bytes, which all have heard of.
fn offered(hosts: usize, size: usize) -> (World, MessageId) {
    let mut world = World::new(1);
    for _ in 0..hosts {
        world.add();
    }
    for other in 1..hosts {
        world.meet(0, other);
    }
    let file = offer(&mut world, Place::Room(RoomName::lobby()), size);
    for other in 1..hosts {
        world.run_to(seconds(5), |world| offer_at(world, other, file).is_some());
    }
    (world, file)
}

fn offer(world: &mut World, place: Place, size: usize) -> MessageId {
    let name = FileName::lenient("holiday.jpg");
    let offer = Offer { name, size: size as u64, hash: [7; 32], folder: false };
    let tag = world.command(0, Action::Offer { place, offer });
    world.run_to(seconds(1), |world| done(world, tag).is_some());
    let file = done(world, tag).unwrap();
    world.hosts[0].offered.insert(file, content(size));
    file
}

fn done(world: &World, tag: u64) -> Option<MessageId> {
    world.hosts[0].events.iter().find_map(|(_, event)| match event {
        Event::Done { tag: answered, message } if *answered == tag => *message,
        _ => None,
    })
}

/// Bytes of which no stretch is like another.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8).wrapping_mul(31) ^ (at >> 16)) as u8).collect()
}

fn offer_at(world: &World, host: usize, file: MessageId) -> Option<&Message> {
    world.hosts[host].messages().find(|message| message.id == file)
}

fn fetch(world: &mut World, host: usize, file: MessageId) -> u64 {
    let have = world.hosts[host].written.get(&file).map_or(0, Vec::len) as u64;
    let message = offer_at(world, host, file).expect("the offer").clone();
    let size = message.file.expect("a file").size;
    let (place, from) = (message.place, message.from);
    // In a conversation everybody calls it by the other's key.
    world.command(host, Action::Fetch(Wanted { file, place, from, size, have }))
}

/// Bytes that are read at a time.
const PIECE: usize = 128 << 10;

/// What was told of a file at a host, as (state, bytes).
fn told(world: &World, host: usize, file: MessageId) -> Vec<(TransferState, u64)> {
    let of = |event: &Event| match event {
        Event::Transfer(transfer) if transfer.file == file => Some((transfer.state, transfer.bytes)),
        _ => None,
    };
    world.hosts[host].events.iter().filter_map(|(_, event)| of(event)).collect()
}

fn last(world: &World, host: usize, file: MessageId) -> Option<TransferState> {
    told(world, host, file).last().map(|&(state, _)| state)
}

fn run_to(world: &mut World, host: usize, file: MessageId, state: TransferState) {
    world.run_to(seconds(60), |world| last(world, host, file) == Some(state));
}

fn is_whole(world: &World, host: usize, file: MessageId, size: usize) -> bool {
    world.hosts[host].written.get(&file) == Some(&content(size))
}

#[test]
fn a_file_comes_whole_and_both_sides_hear_how_it_goes() {
    let size = 5 << 20;
    let (mut world, file) = offered(2, size);
    let message = offer_at(&world, 1, file).unwrap();
    assert_eq!((message.text.as_str(), message.from), ("holiday.jpg", world.key(0)));
    fetch(&mut world, 1, file);
    run_to(&mut world, 1, file, TransferState::Whole);
    world.run(seconds(1));
    assert!(is_whole(&world, 1, file, size));
    for host in [0, 1] {
        let told = told(&world, host, file);
        assert_eq!(told.last(), Some(&(TransferState::Whole, size as u64)), "{host}");
        assert!(told.len() >= 5 && told.is_sorted_by_key(|&(_, bytes)| bytes), "{told:?}");
    }
    // Bytes that have come are not read again, and nothing is asked for after the end.
    assert_eq!(world.hosts[0].pieces_read, size.div_ceil(PIECE));
    let stats = world.hosts[1].node.as_ref().unwrap().stats().files;
    assert_eq!(stats, FileStats::default());
}

#[test]
fn a_network_that_loses_a_tenth_and_swaps_the_rest_delays_it_only() {
    let size = 1 << 20;
    let (mut world, file) = offered(2, size);
    (world.loss, world.jitter) = (100, core::time::Duration::from_millis(3));
    fetch(&mut world, 1, file);
    run_to(&mut world, 1, file, TransferState::Whole);
    assert!(is_whole(&world, 1, file, size));
}

#[test]
fn it_goes_on_after_the_receiver_was_away() {
    let size = 8 << 20;
    let (mut world, file) = offered(2, size);
    fetch(&mut world, 1, file);
    world.run_to(seconds(10), |world| world.hosts[1].written.get(&file).is_some_and(|it| it.len() > 2 << 20));
    world.kill(1);
    let before = world.hosts[1].written[&file].len();
    world.run(seconds(1));
    let read = world.hosts[0].pieces_read;
    world.start(1);
    fetch(&mut world, 1, file);
    run_to(&mut world, 1, file, TransferState::Whole);
    assert!(is_whole(&world, 1, file, size));
    let again = (world.hosts[0].pieces_read - read) * PIECE;
    assert!(again <= size - before + (64 << 10), "{again} bytes after {before} of {size}");
}

#[test]
fn it_goes_on_by_itself_after_the_sender_was_away() {
    let size = 8 << 20;
    let (mut world, file) = offered(2, size);
    fetch(&mut world, 1, file);
    world.run_to(seconds(10), |world| world.hosts[1].written.get(&file).is_some_and(|it| it.len() > 2 << 20));
    world.kill(0);
    run_to(&mut world, 1, file, TransferState::Waiting);
    world.start(0);
    run_to(&mut world, 1, file, TransferState::Whole);
    assert!(is_whole(&world, 1, file, size));
}

#[test]
fn it_waits_for_a_sender_who_is_away_and_begins_when_they_come() {
    let size = 100_000;
    let (mut world, file) = offered(2, size);
    world.kill(0);
    world.run(seconds(20));
    fetch(&mut world, 1, file);
    world.run(seconds(5));
    assert_eq!(told(&world, 1, file), [(TransferState::Waiting, 0)]);
    world.start(0);
    run_to(&mut world, 1, file, TransferState::Whole);
    assert!(is_whole(&world, 1, file, size));
}

#[test]
fn several_fetch_it_at_once() {
    let size = 1 << 20;
    let (mut world, file) = offered(6, size);
    for host in 1..6 {
        fetch(&mut world, host, file);
    }
    (1..6).for_each(|host| run_to(&mut world, host, file, TransferState::Whole));
    assert!((1..6).all(|host| is_whole(&world, host, file, size)));
}

#[test]
fn many_files_go_side_by_side_and_those_beyond_eight_wait_their_turn() {
    let size = 200_000;
    let (mut world, first) = offered(2, size);
    let mut files = vec![first];
    files.extend((1..12).map(|_| offer(&mut world, Place::Room(RoomName::lobby()), size)));
    world.run(seconds(1));
    for &file in &files {
        fetch(&mut world, 1, file);
    }
    files.iter().for_each(|&file| run_to(&mut world, 1, file, TransferState::Whole));
    assert!(files.iter().all(|&file| is_whole(&world, 1, file, size)));
    assert!(world.hosts[0].node.as_ref().unwrap().stats().files.uploads_refused > 0);
}

#[test]
fn what_is_said_alone_to_one_is_offered_to_one() {
    let mut world = World::new(1);
    for _ in 0..3 {
        world.add();
    }
    for other in 1..3 {
        world.meet(0, other);
    }
    let (size, place) = (50_000, Place::Direct(world.key(1)));
    let file = offer(&mut world, place, size);
    world.run(seconds(1));
    assert!(offer_at(&world, 2, file).is_none());
    fetch(&mut world, 1, file);
    run_to(&mut world, 1, file, TransferState::Whole);
    assert!(is_whole(&world, 1, file, size));
    // Whoever has learnt of its name elsewhere gets nothing, through whatever room they ask.
    for place in [Place::Room(RoomName::lobby()), Place::Direct(world.key(0))] {
        let wanted = Wanted { file, place, from: world.key(0), size: size as u64, have: 0 };
        world.command(2, Action::Fetch(wanted));
        run_to(&mut world, 2, file, TransferState::Gone);
    }
    assert!(!world.hosts[2].written.contains_key(&file));
}

#[test]
fn an_empty_file_is_there_at_once() {
    let (mut world, file) = offered(2, 0);
    fetch(&mut world, 1, file);
    assert_eq!(last(&world, 1, file), Some(TransferState::Whole));
}

#[test]
fn what_is_not_offered_any_more_or_has_become_shorter_is_gone() {
    let size = 4 << 20;
    for left in [None, Some(content(3 << 20))] {
        let (mut world, file) = offered(2, size);
        fetch(&mut world, 1, file);
        world.run_to(seconds(10), |world| world.hosts[1].written.contains_key(&file));
        match left {
            None => drop(world.hosts[0].offered.remove(&file)),
            Some(shorter) => drop(world.hosts[0].offered.insert(file, shorter)),
        }
        run_to(&mut world, 1, file, TransferState::Gone);
        world.run(seconds(1));
        assert_eq!(last(&world, 0, file), Some(TransferState::Gone));
        // Whoever has it again goes on where it was.
        world.kill(0);
        world.hosts[0].offered.insert(file, content(size));
        world.start(0);
        run_to(&mut world, 1, file, TransferState::Whole);
        assert!(is_whole(&world, 1, file, size));
    }
}

#[test]
fn a_full_disk_ends_it_and_with_room_again_it_goes_on() {
    let size = 6 << 20;
    let (mut world, file) = offered(2, size);
    fetch(&mut world, 1, file);
    world.run_to(seconds(10), |world| world.hosts[1].written.get(&file).is_some_and(|it| it.len() > 2 << 20));
    world.hosts[1].disk = Err(StoreError::Full);
    run_to(&mut world, 1, file, TransferState::Unwritten(StoreError::Full));
    world.run(seconds(2));
    assert_eq!(last(&world, 0, file), Some(TransferState::Stopped));
    world.hosts[1].disk = Ok(());
    fetch(&mut world, 1, file);
    run_to(&mut world, 1, file, TransferState::Whole);
    assert!(is_whole(&world, 1, file, size));
}

#[test]
fn either_side_stops_it() {
    let size = 20 << 20;
    for (stopper, here, there) in [
        (1, TransferState::Stopped, TransferState::Stopped),
        (0, TransferState::Gone, TransferState::Stopped),
    ] {
        let (mut world, file) = offered(2, size);
        fetch(&mut world, 1, file);
        world.run_to(seconds(10), |world| world.hosts[1].written.contains_key(&file));
        let tag = world.command(stopper, Action::Stop(file));
        world.run(seconds(1));
        assert!(world.hosts[stopper].is_done(tag));
        assert_eq!((last(&world, 1, file), last(&world, 0, file)), (Some(here), Some(there)));
        let written = world.hosts[1].written[&file].len();
        world.run(seconds(5));
        assert_eq!(world.hosts[1].written[&file].len(), written, "nothing more comes");
        assert!(written < size);
    }
}

#[test]
fn a_slow_disk_holds_up_the_stream_and_nobody_talks_slower_for_it() {
    let size = 16 << 20;
    let (mut world, file) = offered(2, size);
    fetch(&mut world, 1, file);
    world.run_to(seconds(10), |world| world.hosts[1].written.contains_key(&file));
    // Nothing is answered any more: two MiB, and what the network holds, is all that may be taken in.
    world.write_delay = seconds(20);
    world.run(seconds(2));
    let taken = world.hosts[1].written[&file].len();
    world.run(seconds(5));
    assert!(world.hosts[1].written[&file].len() <= taken + (4 << 20), "{taken}");
    assert!(taken < 12 << 20, "{taken}");
    world.say(1, "still here");
    world.run(core::time::Duration::from_millis(50));
    assert!(world.hosts[0].texts().contains(&"still here"));
    world.write_delay = core::time::Duration::ZERO;
    run_to(&mut world, 1, file, TransferState::Whole);
    assert!(is_whole(&world, 1, file, size));
}
