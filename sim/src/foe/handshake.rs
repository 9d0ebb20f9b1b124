//! Foes of the handshake: what costs work before anything is proven.

use std::{collections::VecDeque, net::SocketAddr};

use bytes::Bytes;

use super::{Air, Script};
use crate::{host::CHAT_PORT, lan::Flight};

/// The kinds of session datagrams (`docs/PROTOCOL.md`).
pub(super) const HELLO: u8 = 1;
pub(super) const DATA: u8 = 4;
pub(super) const STRANGER: u8 = 6;
/// A hello is always as long as a datagram may be.
const HELLO_LENGTH: usize = 1200;
/// Datagrams and ids that a foe keeps in mind.
const KEPT_MAX: usize = 64;

/// Message 1, well-formed: any 32 bytes are a key.
pub(super) struct Hellos {
    pub(super) addresses: u16,
}

impl Script for Hellos {
    fn act(&mut self, air: &mut Air<'_>) {
        let Some(to) = air.someone(0) else { return };
        let from = match self.addresses {
            0 => air.own(),
            many => air.vacant(air.draw(1) % u64::from(many)),
        };
        if from.is_ipv4() != to.is_ipv4() {
            return;
        }
        let mut bytes = vec![HELLO];
        bytes.extend_from_slice(&air.draw(2).to_be_bytes());
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(&air.noise(32, 3));
        bytes.resize(HELLO_LENGTH, 0);
        air.shoot(SocketAddr::new(from, CHAT_PORT), SocketAddr::new(to, CHAT_PORT), bytes);
    }
}

/// Others' message 1, again and from elsewhere.
#[derive(Default)]
pub(super) struct Unfinished {
    kept: VecDeque<(SocketAddr, Bytes)>,
}

impl Script for Unfinished {
    fn act(&mut self, air: &mut Air<'_>) {
        let Some((to, bytes)) = self.kept.get(air.below(self.kept.len(), 0)).cloned() else { return };
        let from = if air.own().is_ipv4() == to.is_ipv4() { air.vacant(air.draw(1) % 2000) } else { to.ip() };
        air.shoot(SocketAddr::new(from, 1024 + (air.draw(2) % 60_000) as u16), to, bytes);
    }

    fn hear(&mut self, _air: &mut Air<'_>, flight: &Flight) {
        if !flight.many && flight.bytes.first() == Some(&HELLO) && flight.to.port() == CHAT_PORT {
            if self.kept.len() >= KEPT_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back((flight.to, flight.bytes.clone()));
        }
    }

    fn taps(&self) -> bool {
        true
    }
}

/// Anything of any kind, for sessions and handshakes that were heard of.
#[derive(Default)]
pub(super) struct Junk {
    /// From whom, to whom, and the id in it.
    kept: VecDeque<(SocketAddr, SocketAddr, [u8; 8])>,
}

impl Script for Junk {
    fn act(&mut self, air: &mut Air<'_>) {
        let Some(&(from, to, id)) = self.kept.get(air.below(self.kept.len(), 0)) else { return };
        // Some in the name of the other, some to the one who made the id up.
        let (from, to) = if air.coin(1) { (from, to) } else { (to, from) };
        let mut bytes = vec![(air.draw(2) % 8) as u8];
        bytes.extend_from_slice(&id);
        let length = [0, 16, 24, 176, 208, 1191][air.below(6, 3)];
        bytes.extend_from_slice(&air.noise(length, 4));
        air.shoot(from, to, bytes);
    }

    fn hear(&mut self, _air: &mut Air<'_>, flight: &Flight) {
        let id = flight.bytes.get(1..9).and_then(|id| id.try_into().ok());
        if let Some(id) = id.filter(|_| !flight.many && flight.to.port() == CHAT_PORT) {
            if self.kept.len() >= KEPT_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back((flight.from, flight.to, id));
        }
    }

    fn taps(&self) -> bool {
        true
    }
}
