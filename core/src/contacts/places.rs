//! Where we may call at all, as the machine's interfaces are now.

use alloc::{collections::BTreeSet, vec::Vec};
use core::net::{IpAddr, SocketAddr};

use crate::{
    boundary::{Interface, Subnet, is_on_link},
    event::Source,
    relay::is_made_up,
};

/// Ports below this are those of system services, which a discovered record must not make us call.
const PORT_MIN: u16 = 1024;

/// What is on our links, and what is ourselves.
#[derive(Debug)]
pub(super) struct Places {
    interfaces: BTreeSet<u32>,
    subnets: Vec<Subnet>,
    /// Answered by ourselves: not called again as long as the interfaces stay as they are.
    own: BTreeSet<SocketAddr>,
    own_max: usize,
}

impl Places {
    pub(super) const fn new(own_max: usize) -> Self {
        Self { interfaces: BTreeSet::new(), subnets: Vec::new(), own: BTreeSet::new(), own_max }
    }

    pub(super) fn set_interfaces(&mut self, interfaces: &[Interface]) {
        self.interfaces = interfaces.iter().map(|interface| interface.index).collect();
        self.subnets = interfaces.iter().flat_map(|interface| interface.addresses.iter().copied()).collect();
        // What was our own address may be somebody else's now.
        self.own.clear();
    }

    /// Whether `address` may be dialled at all: off-link only if typed, and nothing that is no host.
    pub(super) fn allows(&self, address: SocketAddr, source: Source) -> bool {
        let ip = address.ip();
        let is_no_host = ip.is_unspecified() || ip.is_multicast() || is_made_up(ip);
        if is_no_host || address.port() == 0 || self.is_cut_off(address) {
            return false;
        }
        let trusted = matches!(source, Source::Manual);
        // A remembered address was proven once; it is tried wherever the machine is now.
        let proven = matches!(source, Source::Remembered);
        trusted || proven || is_on_link(&self.subnets, ip) && address.port() >= PORT_MIN
    }

    pub(super) fn is_own(&self, address: SocketAddr) -> bool {
        self.own.contains(&address)
    }

    /// Whether `ip` is one of this host's.
    pub(super) fn is_own_host(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || self.subnets.iter().any(|subnet| subnet.address == ip)
    }

    /// That address is our own.
    pub(super) fn on_own(&mut self, address: SocketAddr) {
        if self.own.len() < self.own_max {
            self.own.insert(address);
        }
    }

    /// Whether `address` is on the link of an interface that is not there: it may be back later.
    fn is_cut_off(&self, address: SocketAddr) -> bool {
        matches!(address, SocketAddr::V6(v6) if v6.scope_id() != 0 && !self.interfaces.contains(&v6.scope_id()))
    }
}
