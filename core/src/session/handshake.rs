//! The three messages of a handshake, from both sides.
//!
//! ```text
//! initiator                                             responder
//!   hello    e                                 ------>
//!            <------   answer   e, ee, s, es, proof (its session id)
//!   finish   s, se, proof (association or 0)   ------>
//!            <------   first data packet: welcome (association)
//! ```
//!
//! The prologue holds the protocol's name and the initiator's session id. The responder's id cannot be in it: nobody
//! knows it before message 2, and one in a header could be exchanged on the way. It travels in the proof of message
//! 2 instead, so it is authentic and part of the handshake hash all the same.
//!
//! The initiator waits for the welcome before it takes the session for real. So the side that gets message 3 decides
//! alone what becomes of two handshakes that cross, and nothing is ever sent under the keys of the one that loses.

use alloc::vec::Vec;

use super::{
    noise::{Handshake, Keys, Noise, Seed},
    proof::{self, Proof, Role},
};
use crate::identity::{BootId, Identity};

const PROTOCOL: &[u8] = b"p2p-chat/1";
/// Forged messages of the other's after which a side gives its half up: each costs an agreement on a key, or two.
const FORGED_MAX: u8 = 8;

/// The initiator until message 2 has come.
pub(super) struct Initiator {
    seed: Seed,
    session: u64,
    state: Option<Handshake>,
    forged: u8,
    /// Message 1, without padding.
    pub(super) message: [u8; 32],
}

impl Initiator {
    pub(super) fn new(noise: &Noise, seed: Seed, session: u64) -> Option<Self> {
        let (state, message) = Self::start(noise, &seed, session)?;
        Some(Self { seed, session, state: Some(state), forged: 0, message })
    }

    /// Reads message 2. `None`: nobody proved anything; wait on.
    pub(super) fn on_answer(&mut self, noise: &Noise, message: &[u8]) -> Option<(Proof, Proven)> {
        if self.forged >= FORGED_MAX {
            return None;
        }
        self.forged += 1;
        let mut state = match self.state.take() {
            Some(state) => state,
            None => Self::start(noise, &self.seed, self.session)?.0,
        };
        let before = state.hash();
        let Some(payload) = state.read(message) else {
            // It is where it was, as if nothing had come.
            self.state = Some(state);
            return None;
        };
        let proof = proof::read(noise, Role::Responder, &before, &state, &payload)?;
        Some((proof, Proven { state, is_aes: noise.has_aes && proof.has_aes }))
    }

    fn start(noise: &Noise, seed: &Seed, session: u64) -> Option<(Handshake, [u8; 32])> {
        let mut state = noise.begin(true, seed, &prologue(session))?;
        let message = state.write(&[])?.try_into().ok()?;
        Some((state, message))
    }
}

/// The initiator that knows who answered.
pub(super) struct Proven {
    state: Handshake,
    is_aes: bool,
}

impl Proven {
    /// Writes message 3 and has the keys. `association`: the one to renew, or 0.
    pub(super) fn finish(
        mut self,
        noise: &Noise,
        me: (&Identity, BootId),
        association: u64,
    ) -> Option<(Vec<u8>, Keys)> {
        let payload = proof::write(noise, me, Role::Initiator, &self.state.hash(), association);
        let message = self.state.write(&payload)?;
        Some((message, self.state.finish(self.is_aes)?))
    }
}

/// The responder until message 3 has come.
pub(super) struct Responder {
    seed: Seed,
    /// The initiator's session id, and its message.
    initiator: u64,
    hello: [u8; 32],
    payload: Vec<u8>,
    state: Option<Handshake>,
    forged: u8,
}

impl Responder {
    /// Reads message 1 and writes message 2, in which `session` is our id.
    pub(super) fn new(
        noise: &Noise,
        me: (&Identity, BootId),
        seed: Seed,
        (initiator, hello): (u64, [u8; 32]),
        session: u64,
    ) -> Option<(Self, Vec<u8>)> {
        let mut state = noise.begin(false, &seed, &prologue(initiator))?;
        state.read(&hello)?;
        let payload = proof::write(noise, me, Role::Responder, &state.hash(), session);
        let message = state.write(&payload)?;
        Some((Self { seed, initiator, hello, payload, state: Some(state), forged: 0 }, message))
    }

    /// Reads message 3. `None`: nobody proved anything; wait on.
    pub(super) fn on_finish(&mut self, noise: &Noise, message: &[u8]) -> Option<(Proof, Keys)> {
        // A message whose first half is genuine leaves the state unusable, so after any failure it is made anew.
        let mut state = match self.state.take() {
            Some(state) => state,
            None if self.forged >= FORGED_MAX => return None,
            None => self.again(noise)?,
        };
        self.forged += 1;
        let before = state.hash();
        let payload = state.read(message)?;
        let proof = proof::read(noise, Role::Initiator, &before, &state, &payload)?;
        Some((proof, state.finish(noise.has_aes && proof.has_aes)?))
    }

    /// The same state again: all its randomness is in the seed.
    fn again(&self, noise: &Noise) -> Option<Handshake> {
        let mut state = noise.begin(false, &self.seed, &prologue(self.initiator))?;
        state.read(&self.hello)?;
        state.write(&self.payload)?;
        Some(state)
    }
}

fn prologue(initiator: u64) -> Vec<u8> {
    [PROTOCOL, &initiator.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::PeerKey, rng::Rng, suite::REAL};

    struct Side {
        noise: Noise,
        identity: Identity,
        boot: BootId,
    }

    impl Side {
        fn new(number: u8) -> Self {
            let noise = Noise::new(REAL, &mut Rng::new([number; 32]));
            Self { noise, identity: Identity::new(REAL, &[number; 32]), boot: BootId(number.into()) }
        }

        fn me(&self) -> (&Identity, BootId) {
            (&self.identity, self.boot)
        }

        fn dial(&self) -> Initiator {
            Initiator::new(&self.noise, Seed::new([5; 32]), 11).unwrap()
        }

        fn answer(&self, dial: &Initiator) -> (Responder, Vec<u8>) {
            let hello = (dial.session, dial.message);
            Responder::new(&self.noise, self.me(), Seed::new([6; 32]), hello, 22).unwrap()
        }
    }

    #[test]
    fn both_sides_learn_who_the_other_is() {
        let (a, b) = (Side::new(1), Side::new(2));
        let mut dial = a.dial();
        let (mut half, answer) = b.answer(&dial);
        let (proof, proven) = dial.on_answer(&a.noise, &answer).unwrap();
        let has_aes = REAL.has_aes();
        assert_eq!(proof, Proof { peer: b.identity.key(), boot: b.boot, number: 22, has_aes });
        let (finish, keys) = proven.finish(&a.noise, a.me(), 33).unwrap();
        let (proof, others) = half.on_finish(&b.noise, &finish).unwrap();
        assert_eq!(proof, Proof { peer: a.identity.key(), boot: a.boot, number: 33, has_aes });
        assert_eq!(keys.binding, others.binding);
        assert!(answer.len() < 300 && finish.len() < 300);
    }

    /// Whatever this machine has: both have to have it.
    #[test]
    fn packets_are_sealed_by_what_both_have_announced() {
        let sealed = |one: bool, other: bool| {
            let (mut a, mut b) = (Side::new(1), Side::new(2));
            (a.noise.has_aes, b.noise.has_aes) = (one, other);
            let mut dial = a.dial();
            let (mut half, answer) = b.answer(&dial);
            let (_, proven) = dial.on_answer(&a.noise, &answer).unwrap();
            let (finish, ours) = proven.finish(&a.noise, a.me(), 0).unwrap();
            let (_, theirs) = half.on_finish(&b.noise, &finish).unwrap();
            let (mut packet, mut plain) = (Vec::new(), Vec::new());
            theirs.seal(5, b"hello", &mut packet);
            assert!(ours.open(5, &packet, &mut plain) && plain == b"hello");
            packet
        };
        let all = [(true, true), (true, false), (false, true), (false, false)].map(|(a, b)| sealed(a, b));
        // The keys are the same each time: they come from the agreements alone.
        assert!(all[0] != all[1] && all[1] == all[2] && all[2] == all[3]);
    }

    #[test]
    fn forged_messages_do_not_spoil_a_handshake() {
        let (a, b) = (Side::new(1), Side::new(2));
        let mut dial = a.dial();
        let (mut half, answer) = b.answer(&dial);
        for at in [0, 40, 100, answer.len() - 1] {
            let mut forged = answer.clone();
            forged[at] ^= 1;
            assert!(dial.on_answer(&a.noise, &forged).is_none());
        }
        let (_, proven) = dial.on_answer(&a.noise, &answer).unwrap();
        let (finish, _) = proven.finish(&a.noise, a.me(), 0).unwrap();
        for at in [0, 40, 60, finish.len() - 1] {
            let mut forged = finish.clone();
            forged[at] ^= 1;
            assert!(half.on_finish(&b.noise, &forged).is_none());
        }
        assert!(half.on_finish(&b.noise, &finish).is_some());
    }

    #[test]
    fn whoever_forges_answers_without_end_is_not_read() {
        let (a, b) = (Side::new(1), Side::new(2));
        let mut dial = a.dial();
        let (_, answer) = b.answer(&dial);
        let mut forged = answer.clone();
        forged[100] ^= 1;
        assert!((0..FORGED_MAX).all(|_| dial.on_answer(&a.noise, &forged).is_none()));
        assert!(dial.on_answer(&a.noise, &answer).is_none(), "the next call finds out");
    }

    /// Whoever answers without the key of the identity that it names proves nothing, and keeps nobody else from it.
    #[test]
    fn a_borrowed_name_proves_nothing() {
        let (a, b, thief) = (Side::new(1), Side::new(2), Side::new(3));
        let mut dial = a.dial();
        let hello = (dial.session, dial.message);
        let mut state = thief.noise.begin(false, &Seed::new([7; 32]), &prologue(dial.session)).unwrap();
        state.read(&dial.message).unwrap();
        let mut payload = proof::write(&thief.noise, thief.me(), Role::Responder, &state.hash(), 9);
        payload[..32].copy_from_slice(&b.identity.key().0);
        assert!(dial.on_answer(&a.noise, &state.write(&payload).unwrap()).is_none());
        let (_, answer) = Responder::new(&b.noise, b.me(), Seed::new([6; 32]), hello, 22).unwrap();
        assert_eq!(dial.on_answer(&a.noise, &answer).unwrap().0.peer, b.identity.key());
    }

    /// The signature of one handshake, role or boot is worth nothing in another.
    #[test]
    fn signatures_hold_for_one_handshake_one_role_and_one_boot() {
        let (a, b) = (Side::new(1), Side::new(2));
        let signed = |role, hash: [u8; 32], boot| {
            let payload = proof::write(&b.noise, (&b.identity, boot), role, &hash, 0);
            let signature: [u8; 64] = payload[48..112].try_into().unwrap();
            signature
        };
        let good = |role: Role, hash: [u8; 32], boot: BootId, signature: &[u8; 64], key: PeerKey| {
            let parts: [&[u8]; 4] = [&hash, &b.noise.public, &boot.0.to_be_bytes(), &[0; 8]];
            key.has_signed(REAL, role.label(), &parts, signature)
        };
        let (role, key) = (Role::Responder, b.identity.key());
        let signature = signed(role, [1; 32], b.boot);
        assert!(good(role, [1; 32], b.boot, &signature, key));
        assert!(!good(Role::Initiator, [1; 32], b.boot, &signature, key));
        assert!(!good(role, [2; 32], b.boot, &signature, key));
        assert!(!good(role, [1; 32], BootId(9), &signature, key));
        assert!(!good(role, [1; 32], b.boot, &signature, a.identity.key()));
    }

    #[test]
    fn another_prologue_ends_in_silence() {
        let (a, b) = (Side::new(1), Side::new(2));
        let mut dial = a.dial();
        let hello = (dial.session + 1, dial.message);
        let (_, answer) = Responder::new(&b.noise, b.me(), Seed::new([6; 32]), hello, 22).unwrap();
        assert!(dial.on_answer(&a.noise, &answer).is_none());
    }
}
