//! Where somebody is reached through a neighbour who passes datagrams on.
//!
//! For the sessions that is an address like any other: one that no host has, from the prefix whose packets every router
//! throws away (RFC 6666). It lives in this node alone. None is believed that comes from outside, none is sent to,
//! stored or told.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::{
    record::Tag,
    session::{DATAGRAM_MAX, RELAYED_MAX},
};

/// The discard-only prefix of RFC 6666, the first 64 bits of it.
const DISCARDED: u64 = 0x0100_0000_0000_0000;
/// What the frame takes in which a datagram is passed on: kind, array, run tag, length.
const OVERHEAD: usize = 1 + 1 + 9 + 3;
const _: () = assert!(RELAYED_MAX + OVERHEAD <= DATAGRAM_MAX);

/// A way that leads over one neighbour, and no further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Relayed {
    /// Our own number for the session with the neighbour; it is no port of anything.
    pub(crate) relay: u16,
    /// The run at the other end.
    pub(crate) far: Tag,
}

impl Relayed {
    /// The address that stands for this way.
    pub(crate) fn address(self) -> SocketAddr {
        let bits = u128::from(DISCARDED) << 64 | u128::from(u64::from_be_bytes(self.far.0));
        SocketAddr::from((Ipv6Addr::from_bits(bits), self.relay))
    }

    /// The way that `address` stands for.
    pub(crate) fn of(address: SocketAddr) -> Option<Self> {
        let IpAddr::V6(ip) = address.ip() else { return None };
        let low = u64::try_from(ip.to_bits() & u128::from(u64::MAX)).ok()?;
        let far = Tag(low.to_be_bytes());
        is_made_up(address.ip()).then_some(Self { relay: address.port(), far })
    }
}

/// Whether no host can have this address.
pub(crate) const fn is_made_up(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.to_bits() >> 64 == DISCARDED as u128,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_way_and_its_address_say_the_same() {
        for (relay, far) in [(0, Tag([0; 8])), (1, Tag([1, 2, 3, 4, 5, 6, 7, 8])), (u16::MAX, Tag([0xff; 8]))]
        {
            let way = Relayed { relay, far };
            assert_eq!(Relayed::of(way.address()), Some(way));
            assert!(is_made_up(way.address().ip()));
        }
        let one = Relayed { relay: 7, far: Tag([1, 2, 3, 4, 5, 6, 7, 8]) };
        assert_eq!(one.address().to_string(), "[100::102:304:506:708]:7");
    }

    #[test]
    fn what_hosts_have_is_no_way() {
        for address in ["10.0.0.1:7", "[fe80::1]:7", "[2001:db8::1]:7", "[100:0:0:1::1]:7", "[::1]:7"] {
            assert_eq!(Relayed::of(address.parse().unwrap()), None, "{address}");
        }
        assert!(!is_made_up([10, 0, 0, 1].into()));
        assert!(!is_made_up("[::ffff:100.0.0.1]:7".parse::<SocketAddr>().unwrap().ip()));
    }
}
