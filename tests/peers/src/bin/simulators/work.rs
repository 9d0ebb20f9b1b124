//! What has to be done: who sends what to whom, and when.

use std::time::Duration;

pub const HOSTS: usize = 100;
/// Datagrams of each host in a second.
pub const PER_SECOND: u64 = 10;
/// Bytes of a datagram.
pub const SIZE: usize = 200;
/// The shortest and longest way.
pub const LATENCY: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
pub const SEED: u64 = 7;
pub const PORT: u16 = 27182;

/// How many datagrams a host sends in so many seconds.
pub const fn numbers(seconds: u64) -> u64 {
    seconds * PER_SECOND
}

/// How many all do.
pub const fn datagrams(seconds: u64) -> u64 {
    numbers(seconds) * HOSTS as u64
}

/// When a host sends its datagram of this number: each has its own millisecond.
pub fn due(sender: usize, number: u64) -> Duration {
    Duration::from_millis(1000 / PER_SECOND * number + sender as u64)
}

/// When all have arrived, also where time goes in steps of 10 ms.
pub fn end(seconds: u64) -> Duration {
    Duration::from_secs(seconds) + LATENCY[1] * 3
}

/// To whom.
pub fn receiver(sender: usize, number: u64) -> usize {
    let drawn = mix(SEED ^ (sender as u64) << 32 ^ number);
    // Not to itself.
    (sender + 1 + (drawn % (HOSTS as u64 - 1)) as usize) % HOSTS
}

/// What.
pub fn payload(sender: usize, number: u64) -> [u8; SIZE] {
    let mut bytes = [number as u8; SIZE];
    bytes[..8].copy_from_slice(&(sender as u64).to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// What a host received, whatever the order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    datagrams: u64,
    sum: u64,
}

impl Ledger {
    /// Something arrived.
    pub fn note(&mut self, bytes: &[u8]) {
        let (Some(&sender), Some(&number)) = (bytes.first_chunk(), bytes[8..].first_chunk()) else { return };
        let is_whole = bytes.len() == SIZE && bytes.last() == number.first();
        self.add(u64::from_le_bytes(sender), u64::from_le_bytes(number), is_whole);
    }

    fn add(&mut self, sender: u64, number: u64, is_whole: bool) {
        self.datagrams += u64::from(is_whole);
        self.sum = self.sum.wrapping_add(mix(sender << 32 ^ number));
    }
}

/// What each host must have received after so many seconds.
pub fn expected(seconds: u64) -> Vec<Ledger> {
    let mut ledgers = vec![Ledger::default(); HOSTS];
    for sender in 0..HOSTS {
        for number in 0..numbers(seconds) {
            ledgers[receiver(sender, number)].add(sender as u64, number, true);
        }
    }
    ledgers
}

/// The finalizer of SplitMix64.
pub fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}
