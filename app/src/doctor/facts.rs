//! Everything that a verdict follows from, as plain data.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use chat_core::{Findings, Interface, MdnsSocket, Nick, PeerFindings, PeerState, Subnet, Tally, Way};
use chat_net::{LookedAt, Surroundings};

use crate::{
    clean,
    cli::Discovery,
    people::{as_shown, with_digits},
};

/// The groups of multicast DNS (RFC 6762 section 3).
pub(super) const GROUP_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251));
pub(super) const GROUP_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb));

/// What is known.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) surroundings: Surroundings,
    pub(crate) findings: Findings,
    /// The port of the chat.
    pub(crate) port: u16,
    /// What was not left out.
    pub(crate) discovery: Discovery,
}

impl Facts {
    /// Without a node: there is no network that one could run in.
    pub(crate) fn without_node(surroundings: Surroundings, port: u16, discovery: Discovery) -> Self {
        let multicast = chat_core::Multicast::Off;
        let findings = Findings { mdns: MdnsSocket::None, multicast, links: Vec::new(), peers: Vec::new() };
        Self { surroundings, findings, port, discovery }
    }

    /// The interfaces in use.
    pub(crate) fn used(&self) -> impl Iterator<Item = &Interface> {
        self.surroundings.interfaces.iter().filter(|one| one.left_out.is_none()).map(|one| &one.interface)
    }

    /// The interfaces in use that lead to others.
    pub(crate) fn outward(&self) -> impl Iterator<Item = &Interface> {
        self.used().filter(|interface| !interface.loopback)
    }

    /// What was heard on an interface by one way.
    pub(crate) fn tally(&self, interface: &Interface, way: Way) -> Option<Tally> {
        let mut links = self.findings.links.iter();
        links.find(|link| (link.interface, link.way) == (interface.index, way)).map(|link| link.tally)
    }

    /// By multicast of both families.
    pub(crate) fn multicast(&self, interface: &Interface) -> Tally {
        let both =
            [Way::MulticastV4, Way::MulticastV6].into_iter().filter_map(|way| self.tally(interface, way));
        both.fold(Tally::default(), |sum, one| Tally {
            sent: sum.sent + one.sent,
            own: sum.own + one.own,
            others: sum.others + one.others,
        })
    }

    /// Whether others can be heard by multicast at all: a socket for asking only hears nobody but who answers it.
    pub(crate) fn listens(&self) -> bool {
        self.discovery.mdns && matches!(self.findings.mdns, MdnsSocket::Exclusive | MdnsSocket::Shared)
    }

    /// The others on another machine that are on the link of `interface`.
    pub(crate) fn neighbours(&self, interface: &Interface) -> impl Iterator<Item = &PeerFindings> {
        let nets = interface.addresses.clone();
        let is_near = move |at: &SocketAddr| match at {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => v6.scope_id() == interface.index,
            _ => nets.iter().any(|net| net.contains(at.ip())),
        };
        let peers = self.findings.peers.iter();
        peers.filter(move |peer| peer.address.is_some_and(|at| !self.is_own(at.ip()) && is_near(&at)))
    }

    /// Whether that is this machine.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        let all = self.surroundings.interfaces.iter().flat_map(|one| &one.interface.addresses);
        address.is_loopback() || all.into_iter().any(|own| own.address == address)
    }

    /// How many others are there, on other machines.
    pub(crate) fn online(&self) -> usize {
        let is_elsewhere = |peer: &PeerFindings| !peer.address.is_some_and(|at| self.is_own(at.ip()));
        let there = self.findings.peers.iter().filter(|peer| peer.state != PeerState::Found);
        there.filter(|peer| is_elsewhere(peer)).count()
    }

    /// An address of ours that others reach us at.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let of = |interface: &Interface| interface.addresses.iter().map(|own| own.address).find(is_told);
        self.outward().find_map(of).map(|address| (address, self.port).into())
    }

    /// The same without what tells who and where this is: names and keys become numbers, and of public and link-local
    /// addresses the part that names the host is zero.
    pub(crate) fn redacted(&self) -> Self {
        let mut same = self.clone();
        for LookedAt { interface, .. } in &mut same.surroundings.interfaces {
            for Subnet { address, .. } in &mut interface.addresses {
                *address = redacted(*address);
            }
        }
        // Others are made of the numbers of cards.
        let groups = [GROUP_V4, GROUP_V6];
        same.surroundings.groups.iter_mut().for_each(|all| all.retain(|one| groups.contains(&one.group)));
        for (number, peer) in (1..).zip(&mut same.findings.peers) {
            (peer.key, peer.id, peer.boot) = (None, None, None);
            peer.nick = Nick::new(&format!("peer-{number}")).ok();
            if let Some(address) = &mut peer.address {
                address.set_ip(redacted(address.ip()));
            }
        }
        same
    }
}

/// What somebody is called here: with the digits of its key once that is proven.
pub(crate) fn name(peer: &PeerFindings) -> String {
    let nick = peer.nick.as_ref().map_or_else(|| String::from("somebody"), |nick| as_shown(nick).to_string());
    peer.key.map_or_else(|| clean::name(&nick).into_owned(), |key| with_digits(&clean::name(&nick), key))
}

/// Whether others are told this address.
pub(super) fn is_told(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    }
}

/// Without its host, unless that says nothing to anybody elsewhere.
fn redacted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_private() || v4.is_loopback() || v4.is_link_local() => address,
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_0000)),
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unique_local() => address,
        // The host's part may be made of the number of its card.
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
        }
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 96))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_public_addresses_the_host_is_left_out_and_of_private_ones_nothing() {
        let shown = |address: &str| redacted(address.parse().unwrap()).to_string();
        for kept in
            ["192.168.1.23", "10.8.0.2", "172.20.1.1", "169.254.3.4", "127.0.0.1", "::1", "fd77::12:3"]
        {
            assert_eq!(shown(kept), kept);
        }
        assert_eq!(shown("93.184.216.34"), "93.184.0.0");
        assert_eq!(shown("2001:db8:1:2:3:4:5:6"), "2001:db8::");
        assert_eq!(shown("fe80::1ff:fe23:4567:890a"), "fe80::");
    }
}
