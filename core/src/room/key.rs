//! A room is a key: a root, and what is derived from it.

use core::fmt;

use zeroize::Zeroizing;

use crate::{
    identity::{BootId, Identity, PeerKey},
    store::RoomKeyId,
    suite::{Suite, kdf},
    text::RoomName,
};

/// The secret of a private room: whoever has it is in. A host makes it from the room's phrase, or takes it from a file.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomRoot(Zeroizing<[u8; 32]>);

impl RoomRoot {
    /// The secret in these bytes, which come from randomness or from a slow hash of a phrase.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, for the store and for whoever is invited.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RoomRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomRoot(..)")
    }
}

/// Who knows these keys is a member of the room.
pub(crate) struct RoomKey {
    id: RoomKeyId,
    seal: Zeroizing<[u8; 32]>,
    nonce: Zeroizing<[u8; 32]>,
    proof: Zeroizing<[u8; 32]>,
    tag: Zeroizing<[u8; 32]>,
}

impl RoomKey {
    /// The key of an open room: whoever knows the name has it.
    pub(crate) fn open(suite: &'static dyn Suite, name: &RoomName) -> Self {
        let root = kdf(suite, "p2p-chat/1 room open", &[name.as_str().as_bytes()]);
        Self::from_root(suite, &Zeroizing::new(root))
    }

    /// The key of the private room of this name and secret: with another name it is another room.
    pub(crate) fn private(suite: &'static dyn Suite, name: &RoomName, root: &RoomRoot) -> Self {
        let root = kdf(suite, "p2p-chat/1 room private", &[&*root.0, name.as_str().as_bytes()]);
        Self::from_root(suite, &Zeroizing::new(root))
    }

    /// The key of the conversation with `other`, whose X25519 key is `direct`; both sides derive the same. `None`
    /// when that key is a point of small order.
    ///
    /// Both agreements are static, so a key that leaks opens what was said before; entries are signed, so nobody
    /// can put words into the other's mouth.
    pub(crate) fn direct(
        suite: &'static dyn Suite,
        own: &Identity,
        other: &PeerKey,
        direct: &[u8; 32],
    ) -> Option<Self> {
        let agreed = own.agree(suite, direct)?;
        let mut people = [(own.key(), own.direct_public()), (*other, *direct)];
        people.sort_unstable();
        let [(one, one_direct), (two, two_direct)] = &people;
        let parts: [&[u8]; 5] = [&*agreed, &one.0, &two.0, one_direct, two_direct];
        let root = Zeroizing::new(kdf(suite, "p2p-chat/1 room direct", &parts));
        Some(Self::from_root(suite, &root))
    }

    fn from_root(suite: &'static dyn Suite, root: &[u8; 32]) -> Self {
        let derive = |label| Zeroizing::new(kdf(suite, label, &[root]));
        let id = kdf(suite, "p2p-chat/1 room id", &[root]);
        Self {
            id: RoomKeyId(id.first_chunk().copied().unwrap_or_default()),
            seal: derive("p2p-chat/1 room seal"),
            nonce: derive("p2p-chat/1 room nonce"),
            proof: derive("p2p-chat/1 room proof"),
            tag: derive("p2p-chat/1 room tag"),
        }
    }

    /// The public name of this key.
    pub(crate) const fn id(&self) -> RoomKeyId {
        self.id
    }

    /// The nonce of an entry: random, and yet never the same for two entries even when the randomness repeats, as
    /// it does in a cloned machine.
    pub(crate) fn nonce(
        &self,
        suite: &'static dyn Suite,
        random: &[u8; 32],
        header: &[u8],
        plain: &[u8],
    ) -> [u8; 24] {
        let digest = suite.keyed_digest(&self.nonce, &[random, header, plain]);
        digest.first_chunk().copied().unwrap_or_default()
    }

    pub(crate) fn seal(
        &self,
        suite: &'static dyn Suite,
        nonce: &[u8; 24],
        header: &[u8],
        plain: &[u8],
    ) -> alloc::vec::Vec<u8> {
        suite.seal(&self.seal, nonce, header, plain)
    }

    pub(crate) fn unseal(
        &self,
        suite: &'static dyn Suite,
        nonce: &[u8; 24],
        header: &[u8],
        sealed: &[u8],
    ) -> Option<alloc::vec::Vec<u8>> {
        suite.open(&self.seal, nonce, header, sealed)
    }

    /// By what those in the room recognise that `member` is in it too; noise to everybody else, and another one for
    /// each run.
    pub(crate) fn tag(&self, suite: &'static dyn Suite, member: &Side) -> [u8; 8] {
        let mac = suite.mac(&self.tag, &[b"p2p-chat/1 tag", &member.0.0, &member.1.0.to_be_bytes()]);
        mac.first_chunk().copied().unwrap_or_default()
    }

    /// What `prover` shows to `verifier` inside the session of handshake hash `binding`. It names both sides and
    /// their order, so an echo proves nothing.
    pub(crate) fn proof(
        &self,
        suite: &'static dyn Suite,
        prover: &Side,
        verifier: &Side,
        binding: &[u8; 32],
    ) -> [u8; 32] {
        let role = [u8::from(prover < verifier)];
        let parts: [&[u8]; 5] = [b"p2p-chat/1 proof", &role, &prover.0.0, &verifier.0.0, binding];
        suite.mac(&self.proof, &parts)
    }
}

impl RoomKey {
    /// What `author` shows with the key of the room `successor`: that they know this one.
    pub(crate) fn succession(
        &self,
        suite: &'static dyn Suite,
        author: &PeerKey,
        successor: RoomKeyId,
    ) -> [u8; 32] {
        suite.mac(&self.proof, &[b"p2p-chat/1 successor", &author.0, &successor.0])
    }

    /// Whether this is a secret that anybody can know: of a room of this name that anybody enters, or none at all.
    pub(crate) fn is_public(suite: &'static dyn Suite, name: &RoomName, root: &RoomRoot) -> bool {
        let open = kdf(suite, "p2p-chat/1 room open", &[name.as_str().as_bytes()]);
        [[0; 32], open].contains(root.bytes())
    }
}

impl RoomKeyId {
    /// That of the open room of this name.
    #[must_use]
    pub fn of_open(suite: &'static dyn Suite, name: &RoomName) -> Self {
        RoomKey::open(suite, name).id
    }
}

impl fmt::Debug for RoomKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomKey({:?})", self.id)
    }
}

/// One end of a link: two runs of one identity differ in their boot id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Side(pub(crate) PeerKey, pub(crate) BootId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::REAL;

    fn person(seed: u8) -> Identity {
        Identity::new(REAL, &[seed; 32])
    }

    fn side(seed: u8, boot: u64) -> Side {
        Side(person(seed).key(), BootId(boot))
    }

    #[test]
    fn a_name_is_a_room() {
        let room = |name: &str| RoomKey::open(REAL, &RoomName::new(name).unwrap()).id();
        assert_eq!(room("#Lobby"), room("#lobby"));
        assert_ne!(room("#lobby"), room("#lobby2"));
    }

    #[test]
    fn a_private_room_is_its_secret_and_its_name() {
        let room = |name: &str, root| {
            RoomKey::private(REAL, &RoomName::new(name).unwrap(), &RoomRoot::new([root; 32])).id()
        };
        assert_eq!(room("#ops", 1), room("#OPS", 1));
        assert_ne!(room("#ops", 1), room("#ops", 2));
        assert_ne!(room("#ops", 1), room("#ops2", 1));
        assert_ne!(room("#ops", 1), RoomKey::open(REAL, &RoomName::new("#ops").unwrap()).id());
        assert_eq!(alloc::format!("{:?}", RoomRoot::new([7; 32])), "RoomRoot(..)");
    }

    #[test]
    fn two_people_share_a_room_and_nobody_else_does() {
        let (a, b, c) = (person(1), person(2), person(3));
        let room = |own: &Identity, other: &Identity| {
            RoomKey::direct(REAL, own, &other.key(), &other.direct_public()).unwrap().id()
        };
        assert_eq!(room(&a, &b), room(&b, &a));
        assert_ne!(room(&a, &b), room(&a, &c));
        assert!(RoomKey::direct(REAL, &a, &b.key(), &[0; 32]).is_none());
        // The same agreement under another name is another room.
        let posing = RoomKey::direct(REAL, &a, &c.key(), &b.direct_public()).unwrap().id();
        assert_ne!(posing, room(&a, &b));
    }

    #[test]
    fn a_proof_is_good_for_one_prover_one_verifier_and_one_session() {
        let room = RoomKey::open(REAL, &RoomName::lobby());
        let (a, b) = (side(1, 1), side(2, 1));
        let proof = room.proof(REAL, &a, &b, &[7; 32]);
        assert_eq!(proof, room.proof(REAL, &a, &b, &[7; 32]));
        assert_ne!(proof, room.proof(REAL, &b, &a, &[7; 32]));
        assert_ne!(proof, room.proof(REAL, &a, &side(3, 1), &[7; 32]));
        assert_ne!(proof, room.proof(REAL, &a, &b, &[8; 32]));
        // Two runs of one identity: only the order of their boot ids tells the proofs apart.
        let (one, two) = (side(1, 1), side(1, 2));
        assert_ne!(room.proof(REAL, &one, &two, &[7; 32]), room.proof(REAL, &two, &one, &[7; 32]));
    }
}
