//! One link: an interface and an address family, with all the state that belongs to it alone.

use alloc::vec::Vec;
use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    time::Duration,
};

use bytes::Bytes;

use super::{
    PORT,
    announce::{Phase, Updates},
    answers::Answers,
    cache::Cache,
    query::Browse,
};
use crate::{
    boundary::{Interface, Subnet, Transmit, Via},
    rng::Rng,
    time::Instant,
};

/// The group that IPv4 uses (RFC 6762 section 3).
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// The group that IPv6 uses (RFC 6762 section 3).
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 0xFB);
/// The packets of Ethernet: larger ones are left to the rare single record that needs them (RFC 6762 section 17).
const MTU_MAX: u32 = 1500;
/// Every IPv6 link carries this much (RFC 8200 section 5); also what we take an interface for that says less.
const MTU_MIN: u32 = 1280;
/// Addresses told of one interface, for each family.
const ADDRESSES_MAX: usize = 8;
/// The wait before the first probe, so that a room of machines that got power together does not probe as one
/// (RFC 6762 section 8.1).
const PROBE_WAIT: Duration = Duration::from_millis(250);

/// Names one link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct LinkKey {
    pub(super) interface: u32,
    pub(super) family: Family,
}

/// The two families of addresses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// What we know of the interface that a link belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Site {
    /// Everything that is on the link, of both families.
    pub(super) subnets: Vec<Subnet>,
    /// Our own addresses there that others are told.
    pub(super) addresses: Vec<IpAddr>,
    pub(super) loopback: bool,
    mtu: u32,
}

impl Site {
    pub(super) fn new(interface: &Interface) -> Self {
        let told = |family: Family| {
            let own = interface.addresses.iter().map(|subnet| subnet.address);
            own.filter(move |address| Family::of(*address) == family && is_host(*address, interface.loopback))
                .take(ADDRESSES_MAX)
        };
        Self {
            subnets: interface.addresses.clone(),
            addresses: told(Family::V4).chain(told(Family::V6)).collect(),
            loopback: interface.loopback,
            mtu: interface.mtu.clamp(MTU_MIN, MTU_MAX),
        }
    }

    /// Whether `address` can be a neighbour on this link.
    pub(super) fn has_neighbour(&self, address: IpAddr) -> bool {
        let is_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        is_host(address, self.loopback)
            && (is_local
                || self.subnets.iter().any(|subnet| subnet.contains(address) && !is_edge(subnet, address)))
    }

    /// Whether this is the network we were on before, after a change of addresses. Link-local addresses say
    /// nothing, they are the same everywhere.
    pub(super) fn is_same_network(&self, earlier: &Self) -> bool {
        let global = |site: &Self| -> Vec<Subnet> {
            let is_local = |subnet: &Subnet| match subnet.address {
                IpAddr::V4(v4) => v4.is_link_local(),
                IpAddr::V6(v6) => v6.is_unicast_link_local(),
            };
            site.subnets.iter().filter(|subnet| !is_local(subnet)).copied().collect()
        };
        let (ours, theirs) = (global(self), global(earlier));
        let shared = |one: &Subnet| {
            theirs.iter().any(|other| other.prefix == one.prefix && other.contains(one.address))
        };
        ours.is_empty() || theirs.is_empty() || ours.iter().any(shared)
    }
}

/// One link's state.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) key: LinkKey,
    pub(super) site: Site,
    pub(super) phase: Phase,
    pub(super) updates: Updates,
    pub(super) browse: Browse,
    pub(super) answers: Answers,
    pub(super) cache: Cache,
    /// Whether we have sessions enough on this interface to be told of everybody there by others.
    pub(super) has_company: bool,
    /// How many others are known, whether or not by multicast.
    pub(super) known: usize,
}

impl Link {
    /// A link that has just come up: it asks who is there at once.
    pub(super) fn new(now: Instant, key: LinkKey, site: Site, cache: Cache, rng: &mut Rng) -> Self {
        let browse = Browse::new(now, rng);
        Self {
            key,
            site,
            phase: Phase::Quiet,
            updates: Updates::default(),
            browse,
            answers: Answers::default(),
            cache,
            has_company: false,
            known: 0,
        }
    }

    /// Begins to find out whether our names are free here. Those that were asked for a moment ago, and of which only another
    /// one was taken, are not asked for again sooner than otherwise.
    pub(super) fn probe_after(&mut self, now: Instant, wait: Duration, rng: &mut Rng) {
        let due = match self.phase {
            Phase::Probing { sent: 1.., at } => at,
            _ => now,
        };
        let at = due.max(now + wait + rng.duration(Duration::ZERO..=PROBE_WAIT));
        self.phase = Phase::Probing { sent: 0, at };
        self.answers.clear();
    }

    /// Whether somebody at this address is on this interface.
    pub(super) fn is_home_of(&self, address: SocketAddr) -> bool {
        match address {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => v6.scope_id() == self.key.interface,
            _ => self.site.has_neighbour(address.ip()),
        }
    }

    /// Whether everybody is addressed.
    pub(super) const fn group(&self) -> SocketAddr {
        match self.key.family {
            Family::V4 => SocketAddr::new(IpAddr::V4(GROUP_V4), PORT),
            Family::V6 => SocketAddr::V6(SocketAddrV6::new(GROUP_V6, PORT, 0, self.key.interface)),
        }
    }

    /// The largest message that fits one packet here.
    pub(super) fn limit(&self) -> usize {
        let headers = match self.key.family {
            Family::V4 => 28,
            Family::V6 => 48,
        };
        usize::try_from(self.site.mtu.saturating_sub(headers)).unwrap_or(512)
    }

    pub(super) const fn transmit(&self, to: SocketAddr, bytes: Bytes) -> Transmit {
        Transmit { via: Via::Mdns, interface: self.key.interface, to, bytes }
    }

    /// When something is due here.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        [self.phase.next(), Some(self.browse.at), self.answers.next(), self.cache.next()]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Whether a single host can have this address, one that others can reach unless they are on the same machine.
fn is_host(address: IpAddr, loopback: bool) -> bool {
    let is_broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    !(address.is_unspecified() || address.is_multicast() || is_broadcast)
        && (loopback || !address.is_loopback())
}

/// Whether this is the address of the subnet itself or its broadcast address.
fn is_edge(subnet: &Subnet, address: IpAddr) -> bool {
    let IpAddr::V4(address) = address else { return false };
    let hosts = u32::MAX.checked_shr(subnet.prefix.into()).unwrap_or(0);
    let part = address.to_bits() & hosts;
    subnet.prefix < 31 && (part == 0 || part == hosts)
}
