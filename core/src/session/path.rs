//! Where the peer is reached, and how sure that is.
//!
//! An address is sure once something came from it that only a receiver there could know. To any other no more than
//! three times the bytes go that came from it (RFC 9000 section 8), so nobody can aim our traffic at a third party.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use super::packet::DATAGRAM_MAX;
use crate::{rng::Rng, time::Instant};

/// RFC 9000 section 8.1.
const AMPLIFICATION: usize = 3;
/// How long an answer to a challenge may take before it is repeated.
const CHALLENGE_EACH: Duration = Duration::from_millis(250);
const CHALLENGES_MAX: u8 = 4;
/// Responses that wait to be sent.
const RESPONSES_MAX: usize = 4;

/// The address of one peer.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) address: SocketAddr,
    /// The interface it is reached through, or 0 to let the routing table decide.
    pub(super) interface: u32,
    /// Bytes that may still be sent there, while it is not sure.
    allowance: Option<usize>,
    /// The last address that was sure, when this one is not.
    former: Option<(SocketAddr, u32)>,
    challenge: Option<Challenge>,
    responses: Vec<[u8; 8]>,
}

#[derive(Debug)]
struct Challenge {
    token: [u8; 8],
    tries: u8,
    /// Whether it is to be sent now.
    due: bool,
    /// When it is repeated or given up.
    next: Instant,
}

impl Path {
    /// `sure`: a handshake has shown that the peer is reached there; otherwise `received` bytes came from it.
    pub(super) const fn new(address: SocketAddr, interface: u32, sure: bool, received: usize) -> Self {
        let allowance = if sure { None } else { Some(received.saturating_mul(AMPLIFICATION)) };
        Self { address, interface, allowance, former: None, challenge: None, responses: Vec::new() }
    }

    /// The most bytes that the next datagram may have.
    pub(super) fn room(&self) -> usize {
        self.allowance.map_or(DATAGRAM_MAX, |allowance| allowance.min(DATAGRAM_MAX))
    }

    pub(super) const fn is_sure(&self) -> bool {
        self.allowance.is_none()
    }

    pub(super) fn on_sent(&mut self, size: usize) {
        self.allowance = self.allowance.map(|allowance| allowance.saturating_sub(size));
    }

    /// An authentic packet of `size` bytes came; `newest`: no other had a higher number. Only such a one moves
    /// the peer, or an old packet repeated from elsewhere would.
    pub(super) fn on_packet(
        &mut self,
        now: Instant,
        (from, interface): (SocketAddr, u32),
        size: usize,
        newest: bool,
        rng: &mut Rng,
    ) {
        if is_same(from, self.address) {
            let earned = size.saturating_mul(AMPLIFICATION);
            self.allowance = self.allowance.map(|allowance| allowance.saturating_add(earned));
            if newest {
                self.interface = interface;
            }
        } else if newest {
            self.move_to(now, from, interface, size, rng);
        }
    }

    /// Asks whoever is at an address that is not sure to show that it is reached there.
    pub(super) fn challenge(&mut self, now: Instant, rng: &mut Rng) {
        self.challenge =
            Some(Challenge { token: rng.bytes(), tries: 1, due: true, next: now + CHALLENGE_EACH });
    }

    /// The other side asks.
    pub(super) fn on_challenge(&mut self, token: [u8; 8]) {
        if self.responses.len() < RESPONSES_MAX {
            self.responses.push(token);
        }
    }

    /// The other side answers: whether the address has become sure by it, and is not the one it was before.
    pub(super) fn on_response(&mut self, token: [u8; 8]) -> Option<Moved> {
        if self.challenge.as_ref()?.token != token {
            return None;
        }
        (self.challenge, self.allowance) = (None, None);
        let (former, _) = self.former.take()?;
        Some(Moved { other_host: former.ip() != self.address.ip() })
    }

    pub(super) fn take_response(&mut self) -> Option<[u8; 8]> {
        self.responses.pop()
    }

    pub(super) fn take_challenge(&mut self) -> Option<[u8; 8]> {
        let challenge = self.challenge.as_mut().filter(|challenge| challenge.due)?;
        challenge.due = false;
        Some(challenge.token)
    }

    pub(super) fn has_something_to_say(&self) -> bool {
        !self.responses.is_empty() || self.challenge.as_ref().is_some_and(|challenge| challenge.due)
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.challenge.as_ref().map(|challenge| challenge.next)
    }

    pub(super) fn on_tick(&mut self, now: Instant) {
        let Some(challenge) = self.challenge.as_mut().filter(|challenge| challenge.next <= now) else {
            return;
        };
        if challenge.tries < CHALLENGES_MAX {
            challenge.due = true;
            challenge.tries += 1;
            challenge.next = now + CHALLENGE_EACH;
            return;
        }
        // Nobody there: back to where it was. Without such a place the peer stays where it is, under its limit.
        self.challenge = None;
        if let Some((address, interface)) = self.former.take() {
            (self.address, self.interface, self.allowance) = (address, interface, None);
        }
    }

    fn move_to(&mut self, now: Instant, to: SocketAddr, interface: u32, size: usize, rng: &mut Rng) {
        if self.is_sure() {
            self.former = Some((self.address, self.interface));
        }
        (self.address, self.interface) = (to, interface);
        if self.former.is_some_and(|(former, _)| is_same(former, to)) {
            // It was never away: somebody had only repeated its packets faster than they came.
            (self.former, self.challenge, self.allowance) = (None, None, None);
            return;
        }
        self.allowance = Some(size.saturating_mul(AMPLIFICATION));
        self.challenge(now, rng);
    }
}

/// The peer is now reached at another address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moved {
    /// Not only another port: nothing measured before holds.
    pub(super) other_host: bool,
}

/// Whether two addresses are one, whatever scope or flow they carry.
pub(super) fn is_same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(1_000_000_000);

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn moved() -> (Path, Rng) {
        let (mut path, mut rng) = (Path::new(address("10.0.0.1:7"), 2, true, 0), Rng::new([1; 32]));
        path.on_packet(NOW, (address("10.0.0.2:7"), 3), 100, true, &mut rng);
        (path, rng)
    }

    #[test]
    fn only_the_newest_packet_moves_a_peer() {
        let (mut path, mut rng) = (Path::new(address("10.0.0.1:7"), 2, true, 0), Rng::new([1; 32]));
        path.on_packet(NOW, (address("10.0.0.2:7"), 3), 100, false, &mut rng);
        assert_eq!((path.address, path.interface), (address("10.0.0.1:7"), 2));
        path.on_packet(NOW, (address("10.0.0.2:7"), 3), 100, true, &mut rng);
        assert_eq!((path.address, path.interface), (address("10.0.0.2:7"), 3));
    }

    #[test]
    fn a_new_address_gets_three_times_its_bytes_until_it_has_answered() {
        let (mut path, _) = moved();
        assert_eq!(path.room(), 300);
        path.on_sent(290);
        assert_eq!(path.room(), 10);
        let token = path.take_challenge().unwrap();
        assert_eq!(path.on_response([0; 8]), None);
        assert_eq!(path.room(), 10);
        assert_eq!(path.on_response(token), Some(Moved { other_host: true }));
        assert_eq!(path.room(), DATAGRAM_MAX);
        assert_eq!(path.on_response(token), None);
    }

    #[test]
    fn an_address_that_does_not_answer_is_given_up() {
        let (mut path, _) = moved();
        let mut challenges = 0;
        while let Some(at) = path.next_wake() {
            challenges += usize::from(path.take_challenge().is_some());
            path.on_tick(at);
        }
        assert_eq!(challenges, usize::from(CHALLENGES_MAX));
        assert_eq!((path.address, path.interface), (address("10.0.0.1:7"), 2));
        assert!(path.is_sure());
    }

    #[test]
    fn the_old_address_needs_no_answer() {
        let (mut path, mut rng) = moved();
        path.on_packet(NOW, (address("10.0.0.1:7"), 2), 100, true, &mut rng);
        assert!(path.is_sure() && !path.has_something_to_say());
    }
}
