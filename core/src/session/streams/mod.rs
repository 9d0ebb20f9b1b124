//! Two reliable, ordered streams of records, one below the other: what people say, and files.
//!
//! A record is its length as a varint, then its bytes; records follow each other without end. The sender cuts the
//! stream into packets as they come, the receiver puts it together again by offset. The receiver says up to which
//! offset it takes bytes, so a peer that does not read holds up nobody's memory but its own.
//!
//! A packet carries bytes of one stream, those of files only when the other has none to send: a message never waits
//! for more of a file than is on its way already.

mod duplex;
mod incoming;
mod outgoing;
mod window;

pub(super) use duplex::{Piece, StreamId, Streams};
pub(super) use incoming::{Incoming, Refused};
pub(super) use outgoing::Outgoing;
use window::Window;

/// The most bytes of a record that are given apart from the rest of it.
pub(super) const HEAD_MAX: usize = 12;
/// The most bytes of one record, and of one piece of a file without its head.
pub(super) const RECORD_MAX: usize = 64 << 10;
pub(super) const PIECE_MAX: usize = 128 << 10;
/// Bytes that a receiver takes beyond the record that is arriving before those that have arrived are read; at 25 MB/s it
/// lasts for 20 ms.
const WINDOW: u64 = 512 << 10;
/// The same for files: less than what a system keeps for a socket that is not read at once, or what people say would get lost
/// behind it. At 64 MB/s it lasts for two milliseconds; where they come faster it grows.
const BULK_WINDOW: u64 = 128 << 10;
const BULK_WINDOW_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use bytes::Bytes;
    use quickcheck::quickcheck;

    use super::*;
    use crate::{rng::Rng, time::Instant};

    fn incoming(window: u64) -> Incoming {
        Incoming::new(Window::new(window, window), RECORD_MAX)
    }

    #[test]
    fn what_has_arrived_is_not_sent_again() {
        let mut outgoing = Outgoing::new(WINDOW);
        outgoing.push(Bytes::from_static(&[1; 60]));
        outgoing.take(50);
        outgoing.on_acked(10, 10);
        outgoing.on_lost(0, 30);
        assert_eq!((outgoing.take(99), outgoing.take(99)), (Some((0, 10)), Some((20, 10))));
        outgoing.on_acked(0, 5);
        outgoing.on_lost(0, 50);
        let again: Vec<_> = core::iter::from_fn(|| outgoing.take(99)).collect();
        assert_eq!(again, [(5, 5), (20, 30), (50, 11)]);
    }

    #[test]
    fn too_many_gaps_are_refused_and_a_fill_is_not() {
        let mut incoming = incoming(WINDOW);
        let taken = (1..2000).take_while(|number| incoming.on_bytes(number * 2, &[1]).is_ok());
        assert_eq!(taken.count(), 1024);
        assert_eq!(incoming.on_bytes(1, &[1]), Err(Refused::Full));
        assert_eq!(incoming.on_bytes(0, &[1, 1, 1]), Ok(()));
        assert_eq!(incoming.on_bytes(WINDOW, &[9]), Err(Refused::Broken));
    }

    /// Whoever sends the last bytes first has nothing moved for that: in the other order that would be 100 GB.
    #[test]
    fn bytes_in_the_worst_order_are_put_in_their_places_once() {
        let mut incoming = incoming(WINDOW);
        let half = WINDOW / 2;
        for offset in (half..WINDOW).step_by(1024) {
            incoming.on_bytes(offset, &[1; 1024]).unwrap();
        }
        let before = incoming.held();
        let taken = (1..half).rev().take_while(|&offset| incoming.on_bytes(offset, &[1]).is_ok()).count();
        assert_eq!((taken, incoming.held() - before), (1023, 1023), "each is a segment of its own");
        assert_eq!(incoming.on_bytes(1, &[1; 1 << 18]), Err(Refused::Full));
        assert_eq!(incoming.on_bytes(0, &[1; 1 << 18]), Ok(()));
        let records = core::iter::from_fn(|| incoming.pop()).count() as u64;
        assert_eq!((records, incoming.held()), (half, 0));
    }

    /// A record that waits takes as much memory as dozens of bytes.
    #[test]
    fn tiny_records_wait_as_bytes_and_empty_ones_are_none() {
        let mut incoming = incoming(WINDOW);
        incoming.on_bytes(1, &[1; WINDOW as usize - 1]).unwrap();
        incoming.on_bytes(0, &[1]).unwrap();
        assert_eq!(incoming.waiting().len(), 1024);
        assert_eq!(incoming.credit(Instant::default()), None, "none of it is read");
        assert_eq!(core::iter::from_fn(|| incoming.pop()).count() as u64, WINDOW / 2);
        assert_eq!(incoming.credit(Instant::default()), Some(2 * WINDOW));
        assert_eq!(incoming.on_bytes(WINDOW, &[1, 1, 0]), Err(Refused::Broken));
    }

    #[test]
    fn what_is_no_record_behind_many_is_found_when_those_are_read() {
        let mut incoming = incoming(WINDOW);
        let bytes: Vec<u8> = [[1; 2048].as_slice(), &[0, 1, 1]].concat();
        assert_eq!(incoming.on_bytes(0, &bytes), Ok(()));
        assert_eq!(core::iter::from_fn(|| incoming.pop()).count(), 1024);
        assert_eq!(incoming.on_bytes(bytes.len() as u64, &[1]), Err(Refused::Broken));
    }

    #[test]
    fn a_record_that_is_arriving_leaves_the_whole_window_and_one_that_waits_does_not() {
        let window = BULK_WINDOW;
        let mut incoming = incoming(window);
        let mut outgoing = Outgoing::new(window);
        (0..3).for_each(|_| outgoing.push(alloc::vec![7; RECORD_MAX - 3].into()));
        let mut arrive = |incoming: &mut Incoming, most| {
            let (offset, length) = outgoing.take(most).unwrap();
            let mut bytes = Vec::new();
            outgoing.copy(offset, length, &mut bytes);
            incoming.on_bytes(offset, &bytes).unwrap();
        };
        arrive(&mut incoming, RECORD_MAX - 100);
        assert_eq!(incoming.credit(Instant::default()), Some(window + RECORD_MAX as u64 - 100));
        arrive(&mut incoming, 50_000);
        assert_eq!(incoming.credit(Instant::default()), None, "the first waits");
        incoming.pop().unwrap();
        assert_eq!(incoming.credit(Instant::default()), Some(window + RECORD_MAX as u64 - 100 + 50_000));
    }

    quickcheck! {
        /// Whatever is lost, repeated and swapped, all records come out once, whole and in order.
        fn records_survive_any_network(sizes: Vec<u16>, seed: u8, loss: u8) -> bool {
            let mut rng = Rng::new([seed; 32]);
            let (mut outgoing, mut incoming) = (Outgoing::new(WINDOW), incoming(WINDOW));
            let records: Vec<Bytes> = sizes
                .iter()
                .enumerate()
                .map(|(index, &size)| alloc::vec![index as u8; usize::from(size.max(1))].into())
                .collect();
            records.iter().for_each(|record| outgoing.push(record.clone()));
            let (mut read, mut flying) = (Vec::new(), Vec::new());
            while outgoing.backlog() > 0 {
                while let Some((offset, length)) = outgoing.take(1 + rng.below(1200) as usize) {
                    flying.push((offset, length));
                }
                while !flying.is_empty() {
                    let (offset, length) = flying.swap_remove(rng.below(flying.len() as u64) as usize);
                    if rng.below(256) < u64::from(loss % 200) {
                        outgoing.on_lost(offset, length);
                        continue;
                    }
                    let mut bytes = Vec::new();
                    outgoing.copy(offset, length, &mut bytes);
                    match incoming.on_bytes(offset, &bytes) {
                        Ok(()) if rng.below(4) > 0 => outgoing.on_acked(offset, length),
                        Ok(()) | Err(Refused::Full) => outgoing.on_lost(offset, length),
                        Err(Refused::Broken) => return false,
                    }
                }
                read.extend(core::iter::from_fn(|| incoming.pop()));
                if let Some(limit) = incoming.credit(Instant::default()) {
                    outgoing.on_credit(limit);
                }
            }
            read == records && incoming.pop().is_none()
        }

        /// Bytes of a hostile sender: never a panic, never more memory than the window.
        fn any_bytes_are_taken_without_harm(parts: Vec<(u32, Vec<u8>)>) -> bool {
            let mut incoming = incoming(WINDOW);
            for (offset, bytes) in parts {
                let _ = incoming.on_bytes(u64::from(offset) % (WINDOW + 1000), &bytes);
            }
            incoming.held() as u64 <= WINDOW
        }
    }
}
