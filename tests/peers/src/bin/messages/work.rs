//! What all send: single messages with time between them, then many flat out.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::trial::{Stack, Work};

/// Bytes of each message.
pub(crate) const LENGTH: usize = 100;
/// Messages of which each has the network to itself, and the time from one to the next.
pub(crate) const SINGLES: u64 = 1000;
pub(crate) const PAUSE: Duration = Duration::from_millis(2);

/// How many messages follow flat out: a second of it or so for each.
pub(crate) const fn flood(stack: Stack, work: Work) -> u64 {
    match (work, stack) {
        (Work::Many, Stack::Quinn) => 100_000,
        (Work::Many, Stack::Udp) => 20_000,
        (Work::Many, Stack::Gossipsub) => 500,
        (Work::Many, _) => 20_000,
        (Work::Durable, _) => 20_000,
        (_, Stack::Quinn) => 1_000_000,
        (_, Stack::Udp) => 200_000,
        (_, Stack::Gossipsub) => 20_000,
        _ => 150_000,
    }
}

/// The same for those who wait in tokio: sleeping there takes up to a millisecond longer than asked for.
pub(crate) fn pauses() -> Interval {
    let mut pauses = interval(PAUSE);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pauses
}

/// The message with this number, which was sent at `stamp`, in nanoseconds since a time that all know. It is text,
/// since ours are.
pub(crate) fn message(number: u64, stamp: u64) -> [u8; LENGTH] {
    let mut message = [b'.'; LENGTH];
    let (first, rest) = message.split_at_mut(DIGITS);
    write(first, number);
    write(&mut rest[..DIGITS], stamp);
    message
}

/// Number and stamp of a message.
pub(crate) fn read(message: &[u8]) -> (u64, u64) {
    assert_eq!(message.len(), LENGTH, "a message is whole");
    (value(&message[..DIGITS]), value(&message[DIGITS..2 * DIGITS]))
}

/// Hexadecimal digits of a number.
const DIGITS: usize = 16;

fn write(digits: &mut [u8], mut value: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 0xF) as usize];
        value >>= 4;
    }
}

fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, &digit| {
        let digit = if digit > b'9' { digit - b'a' + 10 } else { digit - b'0' };
        value << 4 | u64::from(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_was_written() {
        for number in [0, 9, 10, 0x1234_5678_9abc_def0, u64::MAX] {
            assert_eq!(read(&message(number, !number)), (number, !number));
        }
        assert!(message(10, 11).is_ascii());
    }
}
