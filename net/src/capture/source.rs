//! Which of our addresses a datagram carries as its sender's: a socket that is bound to none does not say.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use chat_core::Interface;

use crate::os::Exit;

/// Answers that are kept.
const KNOWN_MAX: usize = 1024;

/// Finds them out, and keeps what it has found.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<(SocketAddr, u32), IpAddr>);

impl Sources {
    /// The address that the system shows to whoever is at `to`, when a datagram leaves by `exit`.
    pub(super) fn towards(&mut self, to: SocketAddr, exit: Option<Exit>, interfaces: &[Interface]) -> IpAddr {
        if let Some(exit) = exit.filter(|exit| !exit.source.is_unspecified()) {
            return exit.source.into();
        }
        if self.0.len() >= KNOWN_MAX {
            self.0.clear();
        }
        let by = exit.map_or(0, |exit| exit.interface);
        *self.0.entry((to, by)).or_insert_with(|| {
            on_interface(to.ip(), by, interfaces)
                .or_else(|| asked(to))
                .unwrap_or_else(|| unspecified(to.is_ipv4()))
        })
    }

    /// The interfaces have changed.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// The address of no host.
pub(super) const fn unspecified(is_ipv4: bool) -> IpAddr {
    if is_ipv4 { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) }
}

/// For a way out that the routing table does not choose: the address on the same subnet, or the first one.
fn on_interface(to: IpAddr, interface: u32, interfaces: &[Interface]) -> Option<IpAddr> {
    let named = interfaces.iter().find(|one| one.index == interface)?;
    let alike = || named.addresses.iter().filter(|own| own.address.is_ipv4() == to.is_ipv4());
    let near = alike().find(|own| own.contains(to));
    near.or_else(|| alike().next()).map(|own| own.address)
}

/// A socket that is connected knows its own address. Nothing is sent for that.
fn asked(to: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((unspecified(to.is_ipv4()), 0)).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use chat_core::Subnet;

    use super::*;

    #[test]
    fn the_sender_is_on_the_subnet_of_the_receiver_or_else_the_interfaces_first() {
        let address = |text: &str, prefix| Subnet { address: text.parse().unwrap(), prefix };
        let addresses = vec![address("10.0.0.1", 24), address("10.1.0.1", 24), address("fe80::1", 64)];
        let (name, multicast, loopback, mtu) = ("eth0".into(), true, false, 1500);
        let interfaces = [Interface { index: 2, name, addresses, multicast, loopback, mtu }];
        let mut sources = Sources::default();
        let mut by = |to: &str, source| {
            let exit = Exit { interface: 2, source };
            sources.towards(to.parse().unwrap(), Some(exit), &interfaces).to_string()
        };
        assert_eq!(by("10.1.0.9:5", Ipv4Addr::UNSPECIFIED), "10.1.0.1");
        assert_eq!(by("224.0.0.251:5353", Ipv4Addr::UNSPECIFIED), "10.0.0.1");
        assert_eq!(by("224.0.0.251:5353", Ipv4Addr::LOCALHOST), "127.0.0.1");
    }

    #[test]
    fn the_system_knows_what_it_would_choose() {
        assert_eq!(asked("127.0.0.1:9".parse().unwrap()), Some(Ipv4Addr::LOCALHOST.into()));
    }
}
