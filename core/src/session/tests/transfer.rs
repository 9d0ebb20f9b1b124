//! Records and datagrams over good links and bad ones.

use alloc::vec::Vec;
use core::time::Duration;

use ::bytes::Bytes;
use quickcheck::{QuickCheck, TestResult};

use super::world::{MS, SECOND, World};
use crate::rng::Rng;

/// Records of many sizes, each with its number in it.
fn records(rng: &mut Rng, count: u32) -> Vec<Bytes> {
    let record = |number: u32| {
        let length = 4 + rng.below(if number.is_multiple_of(10) { 20_000 } else { 400 }) as usize;
        let mut bytes = alloc::vec![number as u8; length];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Bytes::from(bytes)
    };
    (0..count).map(record).collect()
}

/// Sends records both ways over a bad link; all arrive once and in order.
fn arrive(seed: u8, loss: u64, duplicates: u64, jitter: Duration) {
    let (mut world, a, b) = World::pair(seed);
    (world.loss, world.duplicates, world.latency) = (loss, duplicates, (MS / 4, MS / 4 + jitter));
    let mut rng = Rng::new([seed; 32]);
    let (there, back) = (records(&mut rng, 150), records(&mut rng, 100));
    for (index, record) in there.iter().enumerate() {
        world.send(0, a, record);
        if let Some(record) = back.get(index) {
            world.send(1, b, record);
        }
        if index % 7 == 0 {
            world.run(MS);
        }
    }
    let end = world.now + 120 * SECOND;
    let all = |world: &World| {
        world.nodes[1].received(b).len() == there.len() && world.nodes[0].received(a).len() == back.len()
    };
    world.run_until(end, all);
    assert!(world.nodes[1].received(b) == there, "seed {seed}");
    assert!(world.nodes[0].received(a) == back, "seed {seed}");
    // What tells the sender so is lost as well, and each repetition waits twice as long as the one before.
    let end = world.now + 20 * SECOND;
    world.run_until(end, |world| world.nodes[0].sessions.backlog(a) == 0);
    assert_eq!((world.nodes[0].sessions.backlog(a), world.nodes[1].received(b).len()), (0, there.len()));
}

#[test]
fn records_arrive_once_and_in_order() {
    arrive(1, 0, 0, Duration::ZERO);
}

#[test]
fn records_survive_any_link() {
    fn property(seed: u8, loss: u8, duplicates: u8, jitter: u8) -> TestResult {
        arrive(seed, u64::from(loss % 31), u64::from(duplicates % 31), MS * u32::from(jitter % 30));
        TestResult::passed()
    }
    QuickCheck::new().tests(12).quickcheck(property as fn(u8, u8, u8, u8) -> TestResult);
}

#[test]
fn a_lossless_link_needs_no_repetition() {
    let (mut world, a, b) = World::pair(2);
    world.latency = (MS / 4, MS / 4);
    let record = [7; 7000];
    for _ in 0..300 {
        world.send(0, a, &record);
    }
    world.run(10 * SECOND);
    assert_eq!(world.nodes[1].received(b).len(), 300);
    assert_eq!((world.nodes[0].stats.lost, world.nodes[0].stats.probes), (0, 0));
    let (to, from) = (world.nodes[1].address, world.nodes[0].address);
    let (_, bytes) = world.sent(from, to);
    assert!(bytes < 2_100_000 * 106 / 100, "{bytes} bytes for 2.1 MB");
    let (acks, _) = world.sent(to, from);
    assert!(acks < 600, "{acks} datagrams back");
}

/// Acknowledgements clock the sender: a window of the size of the link is full all the time.
#[test]
fn a_good_link_is_used_well() {
    let (mut world, a, b) = World::pair(3);
    world.latency = (MS / 4, MS / 4);
    let begun = world.now;
    for _ in 0..570 {
        assert!(world.send(0, a, &[7; 7000]));
    }
    let end = world.now + 10 * SECOND;
    world.run_until(end, |world| world.nodes[1].received(b).len() == 570);
    let rate = 570.0 * 7000.0 / (world.now - begun).as_secs_f64() / 1e6;
    assert!(rate > 100.0, "{rate:.1} MB/s at a round trip of 0.5 ms");
}

/// With a window of two datagrams a sender asks for its acknowledgements instead of waiting for their timer.
#[test]
fn a_small_window_is_no_waiting_room() {
    let (mut world, a, b) = World::pair(3);
    world.latency = (MS / 4, MS / 4);
    world.nodes[0].sessions.links.get_mut(&a).unwrap().recovery.congestion.on_collapse();
    let begun = world.now;
    world.send(0, a, &[7; 20_000]);
    let end = world.now + 10 * SECOND;
    world.run_until(end, |world| world.nodes[1].received(b).len() == 1);
    assert!(world.now - begun < 15 * MS, "{:?}", world.now - begun);
}

/// Round-trip times that jump move deadlines about; the harness checks that none is in the past.
#[test]
fn a_link_of_many_moods() {
    for seed in 0..10 {
        let (mut world, a, b) = World::pair(seed);
        for step in 0..200u32 {
            let slow = world.rng.below(3) == 0;
            world.latency = if slow { (100 * MS, 300 * MS) } else { (MS / 10, MS) };
            world.loss = world.rng.below(20);
            world.send(0, a, &step.to_be_bytes());
            world.send(1, b, &step.to_be_bytes());
            world.run(MS * (step % 40));
        }
        (world.loss, world.latency) = (0, (MS, MS));
        world.run(10 * SECOND);
        assert_eq!((world.nodes[0].received(a).len(), world.nodes[1].received(b).len()), (200, 200));
    }
}

#[test]
fn small_records_share_datagrams() {
    let (mut world, a, b) = World::pair(4);
    let before = world.log.len();
    let now = world.now;
    world.with(0, |node| (0..100).for_each(|_| _ = node.sessions.send(a, Bytes::from_static(&[1; 20]))));
    let sent = world.log[before..].iter().filter(|flight| flight.at == now).count();
    assert_eq!(sent, 2, "2.1 kB fit into two datagrams");
    world.run(SECOND);
    assert_eq!(world.nodes[1].received(b).len(), 100);
}

#[test]
fn a_reader_that_stops_holds_the_sender_up_and_nothing_is_lost() {
    let (mut world, a, b) = World::pair(5);
    world.with(1, |node| node.sessions.set_reading(false, true));
    for _ in 0..200 {
        world.send(0, a, &[7; 10_000]);
    }
    world.run(3 * SECOND);
    assert!(world.nodes[1].received(b).is_empty());
    let backlog = world.nodes[0].sessions.backlog(a);
    assert!((1_400_000..1_600_000).contains(&backlog), "{backlog} of 2 MB beyond the window");
    world.run(30 * SECOND);
    assert!(world.nodes[0].downs().is_empty(), "it lives");
    world.with(1, |node| node.sessions.set_reading(true, true));
    world.run(3 * SECOND);
    assert_eq!(world.nodes[1].received(b).len(), 200);
    assert_eq!(world.nodes[0].sessions.backlog(a), 0);
}

#[test]
fn datagrams_arrive_at_most_once_and_do_not_wait_for_records() {
    let (mut world, a, _) = World::pair(6);
    world.duplicates = 50;
    for number in 0..50u8 {
        world.send_datagram(0, a, &[number; 1100]);
        world.run(MS);
    }
    world.run(SECOND);
    let mut got: Vec<u8> = world.nodes[1].datagrams.iter().map(|bytes| bytes[0]).collect();
    got.sort_unstable();
    assert_eq!(got, (0..50).collect::<Vec<u8>>());
    world.send_datagram(0, a, &[0; 1101]);
    assert_eq!(world.nodes[0].stats.datagrams_dropped, 1);
}

#[test]
fn too_many_datagrams_push_the_oldest_out() {
    let (mut world, a, _) = World::pair(6);
    world.with(0, |node| {
        for number in 0..100u8 {
            node.sessions.send_datagram(a, Bytes::copy_from_slice(&[number]), &mut node.stats);
        }
    });
    world.run(SECOND);
    let got: Vec<u8> = world.nodes[1].datagrams.iter().map(|bytes| bytes[0]).collect();
    assert_eq!(got, (36..100).collect::<Vec<u8>>());
    assert_eq!(world.nodes[0].stats.datagrams_dropped, 36);
}

#[test]
fn what_is_said_aside_goes_once_and_nobody_acknowledges_it() {
    let (mut world, a, _) = World::pair(6);
    let before = world.log.len();
    let say = |world: &mut World, numbers: core::ops::Range<u8>, length| {
        world.with(0, |node| {
            for number in numbers {
                let bytes = Bytes::from(alloc::vec![number; length]);
                node.sessions.send_aside(a, bytes, &mut node.stats);
            }
        });
    };
    say(&mut world, 0..3, 1000);
    world.run(SECOND);
    let mut got: Vec<u8> = world.nodes[1].datagrams.iter().map(|bytes| bytes[0]).collect();
    got.sort_unstable();
    assert_eq!((got, world.log.len() - before), (Vec::from([0, 1, 2]), 3), "no two fit into one packet");
    say(&mut world, 10..30, 1);
    world.run(SECOND);
    let got: Vec<u8> = world.nodes[1].datagrams.iter().skip(3).map(|bytes| bytes[0]).collect();
    assert_eq!(got, (22..30).collect::<Vec<u8>>(), "the latest eight");
    assert_eq!(world.log.len() - before, 4);
    say(&mut world, 0..1, 1101);
    assert_eq!(world.nodes[0].stats.datagrams_dropped, 12 + 1);
}

/// Acknowledgements are not acknowledged: after the last word there is silence.
#[test]
fn silence_falls_when_all_is_said() {
    let (mut world, a, _) = World::pair(7);
    world.send(0, a, b"last");
    world.run(100 * MS);
    let before = world.log.len();
    world.run(2 * SECOND);
    assert_eq!(world.log.len(), before);
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let run = |seed| {
        let (mut world, a, _) = World::pair(seed);
        (world.loss, world.duplicates, world.latency) = (20, 10, (MS, 5 * MS));
        (0..50).for_each(|number| _ = world.send(0, a, &[number; 500]));
        world.run(20 * SECOND);
        world.log.into_iter().map(|flight| (flight.at, flight.to, flight.bytes)).collect::<Vec<_>>()
    };
    assert!(run(1) == run(1));
    assert!(run(1) != run(2));
}
