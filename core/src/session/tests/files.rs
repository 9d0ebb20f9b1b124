//! The lower stream: files come whole like records do, and records do not wait for them.

use ::bytes::Bytes;
use alloc::vec::Vec;

use super::world::{MS, SECOND, World};
use crate::session::LinkId;

/// Queues so many pieces of 32 kB, each with its number.
fn send(world: &mut World, link: LinkId, count: u32) {
    world.with(0, |node| {
        for number in 0..count {
            let bytes = Bytes::from(alloc::vec![number as u8; 32_000]);
            node.sessions.send_bulk(link, &number.to_be_bytes(), bytes);
        }
    });
}

/// Whether all pieces have come, in order and with what stands before them.
fn has_come(world: &World, count: u32) -> bool {
    let expected = |number: u32| [&number.to_be_bytes()[..], &alloc::vec![number as u8; 32_000]].concat();
    world.nodes[1].bulk.len() == count as usize
        && (0..count).zip(&world.nodes[1].bulk).all(|(number, bytes)| *bytes == expected(number))
}

#[test]
fn files_and_records_arrive_whole_over_any_link() {
    for seed in 0..8 {
        let (mut world, a, b) = World::pair(seed);
        world.loss = world.rng.below(25);
        world.duplicates = world.rng.below(25);
        world.latency = (MS / 4, MS * (1 + world.rng.below(20) as u32));
        send(&mut world, a, 30);
        let records: Vec<Bytes> = (0..40).map(|number| alloc::vec![number; 300].into()).collect();
        for record in &records {
            world.send(0, a, record);
            world.run(3 * MS);
        }
        let end = world.now + 120 * SECOND;
        world.run_until(end, |world| has_come(world, 30) && world.nodes[1].received(b).len() == 40);
        assert!(has_come(&world, 30), "seed {seed}: {} pieces", world.nodes[1].bulk.len());
        assert_eq!(world.nodes[1].received(b), records, "seed {seed}");
    }
}

#[test]
fn a_record_overtakes_a_file() {
    let (mut world, a, b) = World::pair(1);
    world.latency = (2 * MS, 2 * MS);
    send(&mut world, a, 300);
    world.run(30 * MS);
    for said in 1..=10 {
        let begun = world.now;
        world.send(0, a, b"quick");
        let end = world.now + SECOND;
        world.run_until(end, |world| world.nodes[1].received(b).len() == said);
        // One way, and at most a round trip until the window has room.
        assert!(world.now - begun <= 6 * MS, "{:?}", world.now - begun);
        world.run(MS / 3);
    }
    assert!(!has_come(&world, 300) && world.nodes[1].bulk.len() > 20, "it was under way");
    let end = world.now + 10 * SECOND;
    world.run_until(end, |world| has_come(world, 300));
    assert!(has_come(&world, 300));
}

#[test]
fn who_does_not_read_files_still_reads_what_is_said() {
    let (mut world, a, b) = World::pair(2);
    world.with(1, |node| node.sessions.set_reading(true, false));
    send(&mut world, a, 60);
    world.run(3 * SECOND);
    assert!(world.nodes[1].bulk.is_empty());
    let backlog = world.nodes[0].sessions.bulk_backlog(a).unwrap();
    assert!((1_770_000..1_800_000).contains(&backlog), "{backlog} of 1.9 MB beyond the window");
    world.send(0, a, b"said");
    world.run(MS * 10);
    assert_eq!(world.nodes[1].received(b), [&b"said"[..]]);
    world.run(30 * SECOND);
    world.with(1, |node| node.sessions.set_reading(true, true));
    world.run(3 * SECOND);
    assert!(has_come(&world, 60));
    assert_eq!(world.nodes[0].sessions.bulk_backlog(a), Some(0));
}

#[test]
fn a_file_goes_on_under_new_keys() {
    let (mut world, a, _) = World::pair(3);
    world.latency = (MS / 4, MS / 4);
    send(&mut world, a, 300);
    world.run(10 * MS);
    world.with(0, |node| node.sessions.on_entropy(crate::time::Instant::ORIGIN, &[5; 32]));
    world.run(10 * SECOND);
    assert!(has_come(&world, 300));
}

#[test]
fn what_is_said_after_a_file_goes_before_it() {
    let (mut world, a, b) = World::pair(4);
    world.latency = (MS, MS);
    world.with(0, |node| {
        for _ in 0..3 {
            node.sessions.send_bulk(a, &[0; 4], Bytes::from(alloc::vec![1; 32_000]));
        }
        node.sessions.send(a, Bytes::from_static(b"said"));
    });
    let end = world.now + SECOND;
    world.run_until(end, |world| world.nodes[1].received(b).len() == 1);
    assert_eq!(world.nodes[1].bulk.len(), 0, "not one piece has come before");
}
