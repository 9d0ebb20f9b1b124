//! Where the peer is reached, and how sure that is.
//!
//! An address is sure once something came from it that only a receiver there could know. To any other no more than
//! three times the bytes go that came from it (RFC 9000 section 8), so nobody can aim our traffic at a third party.
//!
//! When packets begin to come from elsewhere, either the peer has moved or somebody passes its packets on. Nobody
//! moves before it is known which: both addresses are asked (RFC 9000 section 9.3.3), and the one that answers first
//! is where the peer is. Whoever has really moved does not answer at the old one, and a copy that was sent from a
//! false address draws one small packet there.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use super::packet;
use crate::{relay::Relayed, rng::Rng, time::Instant};

/// RFC 9000 section 8.1.
const AMPLIFICATION: usize = 3;
/// How long an answer to a challenge may take before it is repeated.
const CHALLENGE_EACH: Duration = Duration::from_millis(250);
const CHALLENGES_MAX: u8 = 4;
/// An address is looked into at most once in this time after another one: answers are packets that may be copied too.
const LOOK_EACH: Duration = Duration::from_secs(1);
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
    challenge: Option<Challenge>,
    /// Where packets come from since a moment ago.
    elsewhere: Option<Elsewhere>,
    /// Before then no other address is looked into.
    look: Instant,
    responses: Vec<[u8; 8]>,
}

/// An address that the peer may have moved to.
#[derive(Debug)]
struct Elsewhere {
    address: SocketAddr,
    interface: u32,
    allowance: usize,
    challenge: Challenge,
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
        let (challenge, elsewhere, look) = (None, None, Instant::ORIGIN);
        Self { address, interface, allowance, challenge, elsewhere, look, responses: Vec::new() }
    }

    /// The most bytes that the next datagram may have.
    pub(super) fn room(&self) -> usize {
        self.allowance.map_or(self.most(), |allowance| allowance.min(self.most()))
    }

    /// The same once the address is sure.
    pub(super) const fn most(&self) -> usize {
        packet::most(self.address)
    }

    /// Whether a neighbour passes on what goes there.
    pub(super) fn is_relayed(&self) -> bool {
        Relayed::of(self.address).is_some()
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
            if !self.is_sure() && self.challenge.is_none() && now >= self.look {
                // Whatever was asked, or answered, got lost.
                self.look = now + LOOK_EACH;
                self.challenge(now, rng);
            }
            if newest {
                self.interface = interface;
                // It was never away: somebody had only repeated its packets faster than they came.
                self.elsewhere = None;
            }
        } else if newest && self.may_lead_to(from) {
            self.look_into(now, from, interface, size.saturating_mul(AMPLIFICATION), rng);
        }
    }

    /// Asks the peer to show that it is reached at its address.
    pub(super) fn challenge(&mut self, now: Instant, rng: &mut Rng) {
        self.challenge = Some(Challenge::new(now, rng));
    }

    /// The other side asks.
    pub(super) fn on_challenge(&mut self, token: [u8; 8]) {
        if self.responses.len() < RESPONSES_MAX {
            self.responses.push(token);
        }
    }

    /// The other side answers: whether it has moved. What counts is where the question went, for the answer may
    /// have been passed on too.
    pub(super) fn on_response(&mut self, token: [u8; 8]) -> Option<Moved> {
        if self.challenge.as_ref().is_some_and(|challenge| challenge.token == token) {
            (self.challenge, self.allowance, self.elsewhere) = (None, None, None);
            return None;
        }
        let new = self.elsewhere.take_if(|elsewhere| elsewhere.challenge.token == token)?;
        let moved = Moved { other_host: new.address.ip() != self.address.ip() };
        (self.address, self.interface) = (new.address, new.interface);
        (self.challenge, self.allowance) = (None, None);
        Some(moved)
    }

    pub(super) fn take_response(&mut self) -> Option<[u8; 8]> {
        self.responses.pop()
    }

    pub(super) fn take_challenge(&mut self) -> Option<[u8; 8]> {
        let challenge = self.challenge.as_mut().filter(|challenge| challenge.due)?;
        challenge.due = false;
        Some(challenge.token)
    }

    /// What is to be asked elsewhere.
    pub(super) fn question_elsewhere(&self) -> Option<[u8; 8]> {
        let challenge = self.elsewhere.as_ref().map(|elsewhere| &elsewhere.challenge);
        challenge.filter(|challenge| challenge.due).map(|challenge| challenge.token)
    }

    /// Where a datagram of `size` bytes with that question goes; nowhere if too little came from there.
    pub(super) fn ask_elsewhere(&mut self, size: usize) -> Option<(SocketAddr, u32)> {
        let elsewhere = self.elsewhere.as_mut()?;
        elsewhere.challenge.due = false;
        elsewhere.allowance = elsewhere.allowance.checked_sub(size)?;
        Some((elsewhere.address, elsewhere.interface))
    }

    pub(super) fn has_something_to_say(&self) -> bool {
        !self.responses.is_empty() || self.challenge.as_ref().is_some_and(|challenge| challenge.due)
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        let elsewhere = self.elsewhere.as_ref().map(|elsewhere| &elsewhere.challenge);
        self.challenge.iter().chain(elsewhere).map(|challenge| challenge.next).min()
    }

    /// Asks again, or gives up: then the peer stays where it is, under its limit if that is not sure.
    pub(super) fn on_tick(&mut self, now: Instant) {
        self.challenge.take_if(|challenge| challenge.is_over(now));
        self.elsewhere.take_if(|elsewhere| elsewhere.challenge.is_over(now));
    }

    /// Whether the peer may be looked for at `address`. A neighbour that passes things on is no better than the way
    /// that the peer has by itself, and names the peer that it has named before.
    fn may_lead_to(&self, address: SocketAddr) -> bool {
        match (Relayed::of(self.address), Relayed::of(address)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(here), Some(there)) => here.far == there.far,
        }
    }

    /// Packets come from there that are newer than those from where the peer is.
    fn look_into(&mut self, now: Instant, address: SocketAddr, interface: u32, earned: usize, rng: &mut Rng) {
        if let Some(known) = self.elsewhere.as_mut().filter(|known| is_same(known.address, address)) {
            known.allowance = known.allowance.saturating_add(earned);
            return;
        }
        if self.elsewhere.is_none() {
            if now < self.look {
                return;
            }
            self.look = now + LOOK_EACH;
            self.challenge(now, rng);
        }
        let challenge = Challenge::new(now, rng);
        self.elsewhere = Some(Elsewhere { address, interface, allowance: earned, challenge });
    }
}

impl Challenge {
    fn new(now: Instant, rng: &mut Rng) -> Self {
        Self { token: rng.bytes(), tries: 1, due: true, next: now + CHALLENGE_EACH }
    }

    /// Whether it has been asked often enough; otherwise it is asked again when it is time.
    fn is_over(&mut self, now: Instant) -> bool {
        let is_late = self.next <= now;
        let is_over = is_late && self.tries >= CHALLENGES_MAX;
        if is_late && !is_over {
            (self.due, self.tries, self.next) = (true, self.tries + 1, now + CHALLENGE_EACH);
        }
        is_over
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

    fn path() -> (Path, Rng) {
        (Path::new(address("10.0.0.1:7"), 2, true, 0), Rng::new([1; 32]))
    }

    /// A packet of 50 bytes came from elsewhere; with what is asked where the peer was, and there.
    fn doubted() -> (Path, Rng, [[u8; 8]; 2]) {
        let (mut path, mut rng) = path();
        path.on_packet(NOW, (address("10.0.0.2:7"), 3), 50, true, &mut rng);
        let asked = [path.take_challenge().unwrap(), path.question_elsewhere().unwrap()];
        (path, rng, asked)
    }

    fn is_at(path: &Path, text: &str, interface: u32) -> bool {
        (path.address, path.interface) == (address(text), interface) && path.is_sure()
    }

    #[test]
    fn only_the_newest_packet_raises_a_doubt() {
        let (mut path, mut rng) = path();
        path.on_packet(NOW, (address("10.0.0.2:7"), 3), 100, false, &mut rng);
        assert_eq!((path.question_elsewhere(), path.has_something_to_say()), (None, false));
        path.on_packet(NOW, (address("10.0.0.2:7"), 3), 100, true, &mut rng);
        assert!(path.question_elsewhere().is_some() && path.has_something_to_say());
        assert!(is_at(&path, "10.0.0.1:7", 2), "both are asked before it moves");
    }

    #[test]
    fn a_peer_that_answers_elsewhere_has_moved() {
        let (mut path, _, [_, there]) = doubted();
        assert_eq!(path.on_response([0; 8]), None);
        assert_eq!(path.on_response(there), Some(Moved { other_host: true }));
        assert!(is_at(&path, "10.0.0.2:7", 3));
        assert_eq!((path.on_response(there), path.next_wake()), (None, None));
    }

    /// Whoever passes packets on passes the answers on too.
    #[test]
    fn a_peer_that_answers_where_it_was_has_not_moved() {
        let (mut path, mut rng, [here, there]) = doubted();
        assert_eq!(path.on_response(here), None);
        assert_eq!((path.on_response(there), path.next_wake()), (None, None));
        assert!(is_at(&path, "10.0.0.1:7", 2));
        let elsewhere = (address("10.0.0.2:7"), 3);
        path.on_packet(NOW + LOOK_EACH / 2, elsewhere, 50, true, &mut rng);
        assert_eq!(path.question_elsewhere(), None, "its answer may have been copied as well");
        path.on_packet(NOW + LOOK_EACH, elsewhere, 50, true, &mut rng);
        assert!(path.question_elsewhere().is_some(), "but it may move later");
    }

    #[test]
    fn elsewhere_gets_three_times_its_bytes_until_it_has_answered() {
        let there = Some((address("10.0.0.2:7"), 3));
        let (mut path, mut rng, _) = doubted();
        assert_eq!([151, 150, 1].map(|size| path.ask_elsewhere(size)), [None, there, None]);
        path.on_tick(NOW + CHALLENGE_EACH);
        assert!(path.question_elsewhere().is_some());
        path.on_packet(NOW, (address("10.0.0.2:7"), 3), 50, true, &mut rng);
        assert_eq!([151, 150, 1].map(|size| path.ask_elsewhere(size)), [None, there, None]);
    }

    #[test]
    fn an_address_that_does_not_answer_is_given_up() {
        let (mut path, _, [_, there]) = doubted();
        let mut questions = 0;
        while let Some(at) = path.next_wake() {
            questions += usize::from(path.question_elsewhere().is_some());
            path.ask_elsewhere(10);
            path.on_tick(at);
        }
        assert_eq!(questions, usize::from(CHALLENGES_MAX));
        assert_eq!(path.on_response(there), None);
        assert!(is_at(&path, "10.0.0.1:7", 2));
    }

    #[test]
    fn whoever_goes_on_talking_from_an_address_that_is_not_sure_is_asked_again() {
        let (from, mut rng) = ((address("10.0.0.2:7"), 3), Rng::new([1; 32]));
        let mut path = Path::new(from.0, 3, false, 217);
        path.challenge(NOW, &mut rng);
        let mut now = NOW;
        while let Some(at) = path.next_wake() {
            assert!(path.take_challenge().is_some());
            (now, _) = (at, path.on_tick(at));
        }
        path.on_packet(now, from, 50, true, &mut rng);
        let asked = path.take_challenge().expect("it is asked again");
        path.on_tick(now + CHALLENGE_EACH * 4);
        path.on_packet(now + LOOK_EACH / 2, from, 50, true, &mut rng);
        assert_eq!((path.on_response(asked), path.is_sure()), (None, true));
    }

    #[test]
    fn a_newer_packet_from_where_it_was_ends_the_doubt() {
        let (mut path, mut rng, [_, there]) = doubted();
        path.on_packet(NOW, (address("10.0.0.1:7"), 2), 100, true, &mut rng);
        assert_eq!(path.on_response(there), None);
        assert!(is_at(&path, "10.0.0.1:7", 2) && path.question_elsewhere().is_none());
    }
}
