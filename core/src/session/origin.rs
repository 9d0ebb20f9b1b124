//! Where somebody comes from, as far as it costs anything to come from elsewhere.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::relay::Relayed;

/// Addresses that count as one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Origin {
    /// Our own host, where many peers may live, with any of its addresses.
    Own,
    /// An IPv4 address: one host, or all behind one translator.
    Address(Ipv4Addr),
    /// The first half of an IPv6 address. It may be one host that makes addresses up, or a whole link.
    Prefix(u128),
    /// All that one neighbour passes on, of whomever: it costs that neighbour nothing to name others.
    Relay(u16),
}

impl Origin {
    /// `own`: the canonical addresses of our own host.
    pub(super) fn of(address: SocketAddr, own: &[IpAddr]) -> Self {
        if let Some(way) = Relayed::of(address) {
            return Self::Relay(way.relay);
        }
        match address.ip().to_canonical() {
            address if address.is_loopback() || own.contains(&address) => Self::Own,
            IpAddr::V4(address) => Self::Address(address),
            IpAddr::V6(address) => Self::Prefix(address.to_bits() >> 64),
        }
    }
}
