//! Foes of other peers' sessions, and of sockets.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use bytes::Bytes;
use chat_core::Instant;

use super::{
    Air, MDNS_PORT, Script,
    handshake::{DATA, STRANGER},
};
use crate::{host::CHAT_PORT, lan::Flight};

/// Datagrams that a foe keeps.
const KEPT_MAX: usize = 4096;
/// So far ahead are the numbers that would move a replay window (4096 wide) if they were believed.
const AHEAD: u64 = 5000;
/// The most bytes of UDP over IPv4.
const LARGEST: usize = 65_507;

/// What is done with datagrams that were overheard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Abuse {
    Replay { after: Duration },
    Divert,
    NonceBait,
    Stranger,
}

/// Listens in on others.
pub(super) struct Tapped {
    abuse: Abuse,
    kept: VecDeque<Kept>,
}

#[derive(Clone)]
struct Kept {
    at: Instant,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Bytes,
}

impl Tapped {
    pub(super) const fn new(abuse: Abuse) -> Self {
        Self { abuse, kept: VecDeque::new() }
    }

    fn is_wanted(&self, flight: &Flight) -> bool {
        let is_data = flight.bytes.first() == Some(&DATA) && flight.to.port() == CHAT_PORT && !flight.many;
        is_data || matches!(self.abuse, Abuse::Replay { .. })
    }
}

impl Script for Tapped {
    fn act(&mut self, air: &mut Air<'_>) {
        let old = |kept: &Kept, after| air.now - kept.at >= after;
        let ready = match self.abuse {
            Abuse::Replay { after } => self.kept.partition_point(|kept| old(kept, after)),
            _ => self.kept.len(),
        };
        let Some(kept) = self.kept.iter().take(ready).nth(air.below(ready, 0)).cloned() else { return };
        let Kept { from, to, bytes, .. } = kept;
        match self.abuse {
            Abuse::Replay { .. } => air.shoot(from, to, bytes),
            Abuse::Divert => {}
            Abuse::NonceBait => {
                let number =
                    bytes.get(9..17).and_then(|number| number.try_into().ok()).map_or(0, u64::from_be_bytes);
                // The number of a packet that came, of the next ones, of one far away, and the last there is.
                let number =
                    [number, number + 1 + air.draw(1) % 8, number + AHEAD, u64::MAX][air.below(4, 2)];
                let mut forged = bytes.to_vec();
                if forged.len() > 17 {
                    forged[9..17].copy_from_slice(&number.to_be_bytes());
                    let noise = air.noise(forged.len() - 17, 3);
                    forged[17..].copy_from_slice(&noise);
                    air.shoot(from, to, forged);
                }
            }
            Abuse::Stranger => {
                // The receiver's id of a datagram is what its sender is told to be unknown.
                let forged = [&[STRANGER], bytes.get(1..9).unwrap_or_default()].concat();
                air.shoot(to, from, forged);
            }
        }
    }

    fn hear(&mut self, air: &mut Air<'_>, flight: &Flight) {
        if !self.is_wanted(flight) {
            return;
        }
        if self.abuse == Abuse::Divert && air.own().is_ipv4() == flight.to.is_ipv4() {
            let victim = SocketAddr::new(air.vacant(7), 4000);
            air.shoot(victim, flight.to, flight.bytes.clone());
        }
        if self.kept.len() < KEPT_MAX {
            let (from, to, bytes) = (flight.from, flight.to, flight.bytes.clone());
            self.kept.push_back(Kept { at: air.now, from, to, bytes });
        } else if !matches!(self.abuse, Abuse::Replay { .. }) {
            self.kept.clear();
        }
    }

    fn taps(&self) -> bool {
        true
    }
}

/// Datagrams that are too short to say anything, and as long as there are.
pub(super) struct Sizes;

impl Script for Sizes {
    fn act(&mut self, air: &mut Air<'_>) {
        let Some(someone) = air.someone(0).filter(|someone| someone.is_ipv4() == air.own().is_ipv4()) else {
            return;
        };
        let length = [0, 1, 2, 9, 1201, LARGEST][air.below(6, 1)];
        let mut bytes = air.noise(length, 2);
        // Half of them begin like something.
        if let Some(first) = bytes.first_mut().filter(|_| air.coin(3)) {
            *first = (air.draw(4) % 8) as u8;
        }
        let to = match air.below(3, 5) {
            0 => Air::group(someone),
            1 => SocketAddr::new(someone, MDNS_PORT),
            _ => SocketAddr::new(someone, CHAT_PORT),
        };
        air.shoot(SocketAddr::new(air.own(), to.port()), to, bytes);
    }
}
