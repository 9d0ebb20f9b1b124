//! Datagrams on their way out: which socket and interface they leave by, and many of them in one call.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    sync::Arc,
};

use chat_core::{Interface, Transmit, Via};

use crate::{capture::Tap, os::Exit, socket::Socket, stats::NetStats};

/// Bytes that one call may carry: an IP packet's length has 16 bits.
const TRAIN_MAX: usize = 60_000;

/// Datagrams that wait for more of their kind.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    waiting: Vec<Transmit>,
    joined: Vec<u8>,
    /// The card or its driver has refused a train once.
    singly: bool,
}

impl Outgoing {
    /// Whether `next` can leave in one call with those waiting: same way, same size, only the last one shorter.
    pub(crate) fn takes(&self, next: &Transmit, sockets: &[Arc<Socket>]) -> bool {
        let (Some(first), Some(last)) = (self.waiting.first(), self.waiting.last()) else { return true };
        let size = first.bytes.len();
        let room = TRAIN_MAX.checked_div(size).unwrap_or(0);
        let room = room.min(socket_for(first, sockets).map_or(1, |socket| socket.segments_max()));
        !self.singly
            && next.via == Via::Chat
            && (next.via, next.interface, next.to) == (first.via, first.interface, first.to)
            && last.bytes.len() == size
            && (1..=size).contains(&next.bytes.len())
            && self.waiting.len() < room
    }

    pub(crate) fn push(&mut self, next: Transmit) {
        self.waiting.push(next);
    }

    /// Sends those waiting.
    pub(crate) fn flush(
        &mut self,
        sockets: &[Arc<Socket>],
        interfaces: &[Interface],
        stats: &mut NetStats,
        tap: &mut Option<Tap>,
    ) {
        let Some(first) = self.waiting.first() else { return };
        let count = self.waiting.len() as u64;
        match (socket_for(first, sockets), way(first.to, first.interface, interfaces)) {
            (None, _) => stats.no_socket += count,
            (_, None) => stats.bad_address += count,
            (Some(socket), Some((to, exit))) => self.send(socket, to, exit, stats, |place, sent| {
                tap.iter_mut().for_each(|tap| tap.sent(place, sent, (to, exit), interfaces));
            }),
        }
        tap.iter_mut().for_each(Tap::waits_no_more);
        self.waiting.clear();
    }

    /// Sends those waiting over `socket`. `on_sent` is told which of them the system has taken.
    fn send(
        &mut self,
        socket: &Socket,
        to: SocketAddr,
        exit: Option<Exit>,
        stats: &mut NetStats,
        mut on_sent: impl FnMut(usize, &Transmit),
    ) {
        let mut is_against_trains = false;
        if self.waiting.len() > 1 {
            self.joined.clear();
            self.waiting.iter().for_each(|one| self.joined.extend_from_slice(&one.bytes));
            let size = self.waiting.first().map(|one| one.bytes.len());
            match socket.send(to, exit, &self.joined, size) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    is_against_trains = means_no_trains(&error);
                }
                result => {
                    if result.is_ok() {
                        self.waiting.iter().enumerate().for_each(|(place, one)| on_sent(place, one));
                    }
                    return count(stats, self.waiting.len() as u64, result);
                }
            }
        }
        for (place, one) in self.waiting.iter().enumerate() {
            let result = socket.send(to, exit, &one.bytes, None);
            if result.is_ok() {
                on_sent(place, one);
            }
            // What goes singly but not together means that this way out knows nothing of trains.
            self.singly |= is_against_trains && result.is_ok();
            count(stats, 1, result);
        }
    }
}

fn count(stats: &mut NetStats, datagrams: u64, result: io::Result<()>) {
    match result {
        Ok(()) => {
            stats.sent += datagrams;
            stats.calls += 1;
        }
        Err(error) => stats.count_failure(datagrams, &error),
    }
}

/// Whether a card, its driver or the system says by it that it cannot cut a train into datagrams: EIO, EINVAL, EMSGSIZE and
/// EOPNOTSUPP. What is full or filtered for the moment says nothing of trains.
fn means_no_trains(error: &io::Error) -> bool {
    let codes: &[i32] = if cfg!(any(target_os = "linux", target_os = "android")) {
        &[5, 22, 90, 95]
    } else if cfg!(windows) {
        &[10022, 10040, 10045]
    } else {
        &[5, 22, 40, 45, 102]
    };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

fn socket_for<'a>(transmit: &Transmit, sockets: &'a [Arc<Socket>]) -> Option<&'a Arc<Socket>> {
    sockets.iter().find(|socket| socket.via() == transmit.via && socket.is_ipv4() == transmit.to.is_ipv4())
}

/// The address to give to the system, and the interface where it must be told; `None` if nobody can be there.
///
/// Addresses that the system would refuse as invalid end here: it says the same when it refuses a train.
fn way(to: SocketAddr, interface: u32, interfaces: &[Interface]) -> Option<(SocketAddr, Option<Exit>)> {
    if to.port() == 0 || to.ip().is_unspecified() {
        return None;
    }
    match to {
        SocketAddr::V4(to) => Some((to.into(), way_v4(to, interface, interfaces))),
        SocketAddr::V6(to) => way_v6(to, interface).map(|to| (to.into(), None)),
    }
}

/// The named interface counts for multicast and broadcast, and for who is on its link: two interfaces may lead to equal
/// subnets.
/// Everywhere else the routing table knows better. So it does for this machine's own addresses, to which no way leads
/// through the interface that has them.
fn way_v4(to: SocketAddrV4, interface: u32, interfaces: &[Interface]) -> Option<Exit> {
    let named = interfaces.iter().find(|one| one.index == interface)?;
    if to.ip().is_multicast() || to.ip().is_broadcast() {
        // Linux takes no address of its loopback for a sender by itself; elsewhere it chooses well.
        let home = named.addresses.iter().find_map(|own| match own.address {
            IpAddr::V4(home) if named.loopback => Some(home),
            _ => None,
        });
        return Some(Exit { interface, source: home.unwrap_or(Ipv4Addr::UNSPECIFIED) });
    }
    let to = IpAddr::V4(*to.ip());
    let on_link = named.addresses.iter().any(|own| own.contains(to));
    let own = interfaces.iter().flat_map(|one| &one.addresses).any(|own| own.address == to);
    (on_link && !own).then_some(Exit { interface, source: Ipv4Addr::UNSPECIFIED })
}

/// A link-local address means nothing without its interface.
fn way_v6(mut to: SocketAddrV6, interface: u32) -> Option<SocketAddrV6> {
    if to.ip().is_unicast_link_local() || to.ip().is_multicast() {
        if to.scope_id() == 0 {
            to.set_scope_id(interface);
        }
        return (to.scope_id() != 0).then_some(to);
    }
    Some(to)
}

#[cfg(test)]
mod tests {
    use chat_core::Subnet;

    use super::*;

    fn interface(index: u32, address: [u8; 4]) -> Interface {
        let addresses = vec![Subnet { address: address.into(), prefix: 24 }];
        Interface { index, name: String::new(), addresses, multicast: true, loopback: false, mtu: 1500 }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_what_is_against_trains_ends_them() {
        for (number, ends) in
            [(5, true), (22, true), (90, true), (95, true), (1, false), (101, false), (105, false)]
        {
            assert_eq!(means_no_trains(&io::Error::from_raw_os_error(number)), ends, "{number}");
        }
        assert!(!means_no_trains(&ErrorKind::Other.into()));
    }

    #[test]
    fn the_named_interface_counts_where_it_leads() {
        let interfaces =
            [interface(2, [10, 0, 0, 1]), interface(3, [10, 0, 0, 2]), interface(4, [10, 1, 0, 1])];
        let by = |to: &str, index| {
            way(to.parse().unwrap(), index, &interfaces).unwrap().1.map(|exit| exit.interface)
        };
        assert_eq!(by("10.0.0.9:5", 2), Some(2));
        assert_eq!(by("10.0.0.9:5", 3), Some(3));
        assert_eq!(by("10.0.0.9:5", 4), None, "not on that link");
        assert_eq!(by("10.0.0.2:5", 2), None, "this machine's own address");
        assert_eq!(by("10.0.0.9:5", 7), None, "no such interface");
        assert_eq!(by("224.0.0.251:5353", 4), Some(4));
        assert_eq!(by("224.0.0.251:5353", 0), None);
    }

    #[test]
    fn multicast_on_the_loopback_says_where_it_comes_from() {
        let from = |loopback| {
            let interfaces = [Interface { loopback, ..interface(1, [127, 0, 0, 1]) }];
            way("224.0.0.251:5353".parse().unwrap(), 1, &interfaces).unwrap().1.unwrap().source
        };
        assert_eq!(from(true), Ipv4Addr::LOCALHOST);
        assert_eq!(from(false), Ipv4Addr::UNSPECIFIED);
    }

    #[test]
    fn a_link_local_address_gets_the_interface_as_its_scope() {
        let scope = |to: &str, index| match way(to.parse().unwrap(), index, &[]) {
            Some((SocketAddr::V6(to), None)) => Some(to.scope_id()),
            _ => None,
        };
        assert_eq!(scope("[fe80::1]:5", 3), Some(3));
        assert_eq!(scope("[fe80::1%4]:5", 3), Some(4), "its own goes first");
        assert_eq!(scope("[fe80::1]:5", 0), None);
        assert_eq!(scope("[ff02::fb]:5353", 3), Some(3));
        assert_eq!(scope("[2001:db8::1]:5", 3), Some(0));
    }

    #[test]
    fn nobody_lives_at_port_0_or_at_no_address() {
        for to in ["10.0.0.9:0", "[2001:db8::1]:0", "0.0.0.0:5", "[::]:5"] {
            assert_eq!(way(to.parse().unwrap(), 2, &[interface(2, [10, 0, 0, 1])]), None, "{to}");
        }
    }
}
