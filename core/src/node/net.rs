//! What a node tells the person of the network.

use alloc::{format, string::String, vec::Vec};

use core::net::{IpAddr, SocketAddr};

use crate::{
    boundary::Interface,
    event::{Multicast, NetChange},
};

/// The network as last told.
#[derive(Debug)]
pub(super) struct NetState {
    interfaces: Vec<String>,
    /// Where we may be reached from elsewhere.
    addresses: Vec<IpAddr>,
    multicast: Multicast,
}

impl Default for NetState {
    fn default() -> Self {
        Self { interfaces: Vec::new(), addresses: Vec::new(), multicast: Multicast::Unknown }
    }
}

impl NetState {
    /// Whether there is any interface to send from.
    pub(super) const fn is_up(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// Takes the interfaces; answers whether anything is different.
    pub(super) fn set_interfaces(&mut self, interfaces: &[Interface]) -> bool {
        let line = |interface: &Interface| {
            let nets = interface.addresses.iter().map(|net| format!(" {}/{}", net.address, net.prefix));
            interface.name.clone() + &nets.collect::<String>()
        };
        let is_lonely = interfaces.iter().all(|interface| interface.loopback);
        let shown = interfaces.iter().filter(|interface| is_lonely || !interface.loopback);
        let addresses = shown.flat_map(|interface| interface.addresses.iter().map(|net| net.address));
        self.addresses = addresses.filter(|address| !is_link_local(*address)).collect();
        let lines: Vec<String> = interfaces.iter().map(line).collect();
        let changed = lines != self.interfaces;
        self.interfaces = lines;
        changed
    }

    /// Takes the state of multicast; answers whether it is different.
    pub(super) fn set_multicast(&mut self, multicast: Multicast) -> bool {
        let changed = multicast != self.multicast;
        self.multicast = multicast;
        changed
    }

    /// Whether multicast works, as far as known.
    pub(super) const fn multicast(&self) -> Multicast {
        self.multicast
    }

    /// Where our chat socket is reached from other hosts.
    pub(super) fn addresses(&self, port: u16) -> Vec<SocketAddr> {
        self.addresses.iter().map(|&address| (address, port).into()).collect()
    }

    /// The first of somebody's `addresses` that means something here. Whoever has lost its link names its loopback, which is
    /// ours as long as we have nothing else.
    pub(super) fn reachable(&self, addresses: &[SocketAddr]) -> Option<SocketAddr> {
        let is_lonely = self.addresses.iter().all(IpAddr::is_loopback);
        addresses.iter().copied().find(|address| is_lonely || !address.ip().to_canonical().is_loopback())
    }

    pub(super) fn change(&self) -> NetChange {
        NetChange { interfaces: self.interfaces.clone(), multicast: self.multicast }
    }
}

/// Whether `address` means something on one link only.
const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::boundary::Subnet;

    #[test]
    fn the_loopback_of_others_leads_nowhere_unless_there_is_nothing_else() {
        let there: [SocketAddr; 2] = ["127.0.0.1:27182", "10.0.0.2:27182"].map(|it| it.parse().unwrap());
        let [loopback, address] = there;
        let reachable = |own: &str, addresses: &[SocketAddr]| {
            let mut net = NetState::default();
            let own: IpAddr = own.parse().unwrap();
            let loopback = own.is_loopback();
            net.set_interfaces(&[Interface {
                index: 1,
                name: String::from("one"),
                addresses: vec![Subnet { address: own, prefix: 24 }],
                multicast: true,
                loopback,
                mtu: 1500,
            }]);
            net.reachable(addresses)
        };
        assert_eq!(reachable("10.0.0.1", &there), Some(address));
        assert_eq!(reachable("10.0.0.1", &there[..1]), None);
        assert_eq!(
            reachable("127.0.0.1", &there),
            Some(loopback),
            "two programs of a machine without a network"
        );
    }
}
