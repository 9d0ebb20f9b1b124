//! One finished handshake, and the packet numbers under its keys.

use core::{net::SocketAddr, time::Duration};

use super::{acks::Received, noise::Keys, path::Path, replay::Replay};
use crate::{rng::Rng, time::Instant};

/// The first packet number left out is below this.
const SKIP_FIRST: u64 = 64;

/// One finished handshake.
pub(super) struct Session {
    pub(super) keys: Keys,
    /// Our id: in the headers that come.
    pub(super) local: u64,
    /// The peer's id: in the headers that go.
    pub(super) remote: u64,
    /// The address that we dialled, if we did.
    pub(super) dialled: Option<SocketAddr>,
    pub(super) path: Path,
    /// The round-trip time that the handshake measured.
    pub(super) rtt: Option<Duration>,
    /// Rises with every handshake begun or finished, to tell what was before what.
    pub(super) serial: u64,
}

/// The keys in use and the packet numbers under them.
pub(super) struct Space {
    pub(super) keys: Keys,
    pub(super) local: u64,
    pub(super) remote: u64,
    pub(super) dialled: bool,
    pub(super) serial: u64,
    pub(super) received: Received,
    /// Whether the other side is known to have the keys; until then every packet says welcome.
    pub(super) confirmed: bool,
    pub(super) packets: u64,
    /// The packet number that is left out next.
    pub(super) skip: u64,
    pub(super) replay: Replay,
    pub(super) failures: u64,
}

/// The keys before: they only open what is still on its way.
pub(super) struct Old {
    pub(super) keys: Keys,
    pub(super) local: u64,
    pub(super) replay: Replay,
    pub(super) until: Instant,
}

impl Space {
    /// Under the keys of a handshake, and where it found the peer.
    pub(super) fn new(now: Instant, session: Session, rng: &mut Rng) -> (Self, Path) {
        let mut path = session.path;
        if !path.is_sure() {
            path.challenge(now, rng);
        }
        let space = Self {
            keys: session.keys,
            local: session.local,
            remote: session.remote,
            dialled: session.dialled.is_some(),
            serial: session.serial,
            received: Received::new(),
            // The side that dialled has the keys already confirmed: the welcome came under them.
            confirmed: session.dialled.is_some(),
            packets: 0,
            skip: rng.below(SKIP_FIRST),
            replay: Replay::new(),
            failures: 0,
        };
        (space, path)
    }
}
