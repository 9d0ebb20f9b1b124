use super::*;
use crate::session::{
    frame::{Frame, Frames, put_ack},
    packet::DATAGRAM_MAX,
    ranges::Ranges,
    streams::StreamId,
};

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn sent(recovery: &mut Recovery, millis: u64, count: u64) {
    for _ in 0..count {
        let offset = recovery.next_number() * 1000;
        let piece = Some(Piece { stream: StreamId::Records, offset, length: 1000 });
        let sent =
            Sent { at: at(millis), size: DATAGRAM_MAX, piece, acked: None, credit: false, close: false };
        recovery.on_sent(Some(sent), &mut Settled::default());
    }
}

fn ack(recovery: &mut Recovery, millis: u64, numbers: &[u64]) -> Result<Settled, Invented> {
    let (mut ranges, mut bytes, mut settled) = (Ranges::new(), Vec::new(), Settled::default());
    numbers.iter().for_each(|&number| ranges.insert(number..number + 1));
    put_ack(&mut bytes, &ranges, Duration::ZERO, 1000);
    let Some(Some(Frame::Ack(ack))) = Frames::new(&bytes).next() else { panic!("no ack") };
    recovery.on_ack(at(millis), &ack, &mut settled)?;
    Ok(settled)
}

fn offsets(sent: &[Sent]) -> Vec<u64> {
    sent.iter().filter_map(|sent| sent.piece).map(|piece| piece.offset).collect()
}

/// RFC 9002 section 6.1.1.
#[test]
fn three_later_packets_prove_a_loss() {
    let mut recovery = Recovery::new(None);
    sent(&mut recovery, 0, 5);
    assert_eq!(offsets(&ack(&mut recovery, 10, &[2]).unwrap().lost), [0; 0]);
    let settled = ack(&mut recovery, 10, &[3, 2]).unwrap();
    assert_eq!(offsets(&settled.lost), [0]);
    assert_eq!(offsets(&settled.arrived), [3000]);
}

/// RFC 9002 section 6.1.2.
#[test]
fn time_proves_a_loss_once_a_later_packet_arrived() {
    let mut recovery = Recovery::new(Some(Duration::from_millis(8)));
    sent(&mut recovery, 0, 2);
    ack(&mut recovery, 8, &[1]).unwrap();
    assert_eq!(recovery.next_wake(), Some(at(9)));
    let mut settled = Settled::default();
    assert!(!recovery.on_tick(at(9), &mut settled));
    assert_eq!(offsets(&settled.lost), [0]);
    assert_eq!(recovery.next_wake(), None);
}

/// RFC 9002 section 6.2: without an answer nothing is lost, but more and more patiently asked for.
#[test]
fn probes_back_off() {
    let mut recovery = Recovery::new(Some(Duration::from_millis(1)));
    sent(&mut recovery, 0, 1);
    let (mut settled, mut now, mut waits) = (Settled::default(), at(0), Vec::new());
    for _ in 0..8 {
        let due = recovery.next_wake().unwrap();
        assert!(due > now && recovery.on_tick(due, &mut settled));
        waits.push((due - now).as_millis());
        now = due;
    }
    assert!(settled.lost.is_empty());
    assert_eq!(waits, [28, 56, 112, 224, 448, 896, 1000, 1000]);
}

/// RFC 9000 section 21.4.
#[test]
fn acknowledging_what_was_never_sent_is_found_out() {
    let mut recovery = Recovery::new(None);
    sent(&mut recovery, 0, 2);
    recovery.skip();
    sent(&mut recovery, 0, 2);
    assert_eq!(ack(&mut recovery, 1, &[0, 1, 2, 3]).unwrap_err(), Invented);
    assert_eq!(ack(&mut recovery, 1, &[5]).unwrap_err(), Invented);
    assert_eq!(
        offsets(&ack(&mut recovery, 1, &[0, 1, 3]).unwrap().arrived),
        [3000, 0, 1000],
        "the newest range first"
    );
}

#[test]
fn nothing_is_kept_of_what_is_settled() {
    let mut recovery = Recovery::new(None);
    for round in 0..1000 {
        sent(&mut recovery, round, 3);
        recovery.on_sent(None, &mut Settled::default());
        let next = recovery.next_number();
        ack(&mut recovery, round + 1, &[next - 4, next - 3, next - 2]).unwrap();
    }
    assert!(recovery.slots.is_empty() && !recovery.has_in_flight());
    assert_eq!(recovery.next_number(), 4000);
}

/// RFC 9002 section 7.6.
#[test]
fn a_long_silence_collapses_the_window() {
    let mut recovery = Recovery::new(Some(Duration::from_millis(1)));
    (0..10).for_each(|step| sent(&mut recovery, step * 100, 1));
    ack(&mut recovery, 1000, &[9]).unwrap();
    assert_eq!(recovery.congestion.window(), 2 * DATAGRAM_MAX);
    assert_eq!(recovery.congestion.held(), None, "that was one loss");
}

/// A peer that leaves one packet unacknowledged for ever, and has us acknowledge its own without end.
#[test]
fn a_packet_that_is_never_acknowledged_holds_a_bounded_number_of_others() {
    let mut recovery = Recovery::new(None);
    let mut settled = Settled::default();
    sent(&mut recovery, 0, 1);
    (0..100_000).for_each(|_| recovery.on_sent(None, &mut settled));
    assert!(recovery.slots.capacity() <= 2 * SLOTS_MAX, "{}", recovery.slots.capacity());
    assert_eq!(offsets(&settled.lost), [0], "it is said again");
    assert!(!recovery.has_in_flight() && recovery.congestion.available() == recovery.congestion.window());
    assert_eq!(recovery.next_number(), 100_001);
    assert!(ack(&mut recovery, 5, &[0]).unwrap().arrived.is_empty());
}
