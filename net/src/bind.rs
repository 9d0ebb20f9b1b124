//! Opening the sockets: which ports they get, and what is told to the system about them.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    thread,
    time::Duration,
};

use chat_core::{MdnsSocket, Via};
use quinn_udp::UdpSocketState;
use socket2::{Domain, Protocol, Type};

use crate::{error::OpenError, socket::Socket};

/// The port of the chat unless it is taken or another one is asked for; then the next 15 are tried, then any.
pub const CHAT_PORT: u16 = 27182;
const CHAT_PORTS: u16 = 16;
/// Times that a port found free for IPv4 may prove taken for IPv6.
const ANY_PORT_TRIES: usize = 8;
/// RFC 6762 section 3.
const MDNS_PORT: u16 = 5353;
/// Times that a port to be shared is asked for again when it is taken, and how long after.
const TAKEN_TRIES: usize = 4;
const TAKEN_PAUSE: Duration = Duration::from_millis(5);
/// DESIGN section 4.
const BEACON_PORT: u16 = 27181;
/// RFC 6762 section 11: what comes from the link has never been counted down.
const MDNS_TTL: u32 = 255;
/// Asked for on every socket; the system may give less. A burst of a full congestion window from each of some dozens
/// of peers fits.
const BUFFER: usize = 4 << 20;

/// Opens the chat's socket for each family that this machine has, both on the same port.
pub(crate) fn chat(named: Option<u16>) -> Result<(u16, Vec<Arc<Socket>>), OpenError> {
    let next = (CHAT_PORT..CHAT_PORT + CHAT_PORTS).chain([0; ANY_PORT_TRIES]);
    let ports: Vec<_> = named.map_or_else(|| next.collect(), |port| vec![port]);
    let mut last = Err(OpenError::PortTaken { port: named.unwrap_or(CHAT_PORT) });
    for port in ports {
        match chat_on(port) {
            Ok(opened) => return Ok(opened),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(source) => last = Err(OpenError::Socket { port, source }),
        }
    }
    last
}

fn chat_on(mut port: u16) -> io::Result<(u16, Vec<Arc<Socket>>)> {
    let (mut sockets, mut missing) = (Vec::new(), None);
    for family in [Family::V4, Family::V6] {
        match open(Via::Chat, family, port, Sharing::Alone) {
            Ok((bound, socket)) => {
                port = bound;
                sockets.push(socket);
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
            // A machine may lack one of the families.
            Err(error) => missing = Some(error),
        }
    }
    match missing {
        Some(error) if sockets.is_empty() => Err(error),
        _ => Ok((port, sockets)),
    }
}

/// Opens the sockets of multicast DNS for each family that this machine has, as well as it can be had: nothing of it is
/// worth failing for.
pub(crate) fn mdns() -> (MdnsSocket, Vec<Arc<Socket>>) {
    let each = |open: fn(Family) -> io::Result<(u16, Arc<Socket>)>| -> Vec<_> {
        [Family::V4, Family::V6].into_iter().filter_map(|family| Some(open(family).ok()?.1)).collect()
    };
    let others = [Family::V4, Family::V6].into_iter().any(is_mdns_taken);
    let sockets = each(|family| patiently(|| open_shared(Via::Mdns, family, MDNS_PORT)));
    if !sockets.is_empty() {
        return (if others { MdnsSocket::Shared } else { MdnsSocket::Exclusive }, sockets);
    }
    let sockets = each(|family| open(Via::Mdns, family, 0, Sharing::Alone));
    (if sockets.is_empty() { MdnsSocket::None } else { MdnsSocket::OneShot }, sockets)
}

/// Opens the socket of the broadcast, which all programs of this machine share. There is no broadcast but of IPv4.
pub(crate) fn beacon() -> Option<Arc<Socket>> {
    let socket = open_shared(Via::Beacon, Family::V4, BEACON_PORT).ok();
    if socket.is_none() {
        log::info!("UDP port {BEACON_PORT} cannot be had: no broadcast");
    }
    socket.map(|(_, socket)| socket)
}

/// Only who asks without sharing is told that others are there.
fn is_mdns_taken(family: Family) -> bool {
    open(Via::Mdns, family, MDNS_PORT, Sharing::Alone)
        .is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

/// Asks again for a while when the port is taken: it may be by a program that starts together with us, and looks for
/// others as [`is_mdns_taken`] does. What it has for that moment is not to be missed for as long as we live.
fn patiently<T>(mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..TAKEN_TRIES {
        match open() {
            Err(error) if error.kind() == ErrorKind::AddrInUse => thread::sleep(TAKEN_PAUSE),
            opened => return opened,
        }
    }
    open()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// With nobody.
    Alone,
    /// With whoever sets SO_REUSEADDR.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Address,
    /// With whoever sets SO_REUSEADDR or SO_REUSEPORT.
    AddressAndPort,
}

/// The ways to share a port with other programs, the best first.
///
/// On Linux, SO_REUSEPORT is asked for only if nothing else helps: Linux 6.18 gives a multicast datagram for which just
/// one socket of such a group has joined to any of them, by hash. `net/tests/traffic.rs` has the case.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SHARED: &[Sharing] = &[Sharing::Address, Sharing::AddressAndPort];
/// The ways to share a port with other programs.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SHARED: &[Sharing] = &[Sharing::AddressAndPort];

fn open_shared(via: Via, family: Family, port: u16) -> io::Result<(u16, Arc<Socket>)> {
    let mut opened = Err(ErrorKind::Unsupported.into());
    for &sharing in SHARED {
        opened = open(via, family, port, sharing);
        if opened.is_ok() {
            break;
        }
    }
    opened
}

fn open(via: Via, family: Family, port: u16, sharing: Sharing) -> io::Result<(u16, Arc<Socket>)> {
    let (domain, any) = match family {
        Family::V4 => (Domain::IPV4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        Family::V6 => (Domain::IPV6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))),
    };
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if family == Family::V6 {
        socket.set_only_v6(true)?;
    }
    if sharing != Sharing::Alone {
        socket.set_reuse_address(true)?;
    }
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
    if sharing == Sharing::AddressAndPort {
        socket.set_reuse_port(true)?;
    }
    match via {
        Via::Mdns => set_multicast(&socket, family)?,
        Via::Beacon => socket.set_broadcast(true)?,
        Via::Chat => {}
    }
    // A system that gives less is good enough.
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    let state = UdpSocketState::new((&socket).into())?;
    socket.bind(&any.into())?;
    let udp = std::net::UdpSocket::from(socket);
    let port = udp.local_addr()?.port();
    Ok((port, Arc::new(Socket::new(via, family == Family::V4, udp, state))))
}

fn set_multicast(socket: &socket2::Socket, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => {
            socket.set_multicast_loop_v4(true)?;
            socket.set_multicast_ttl_v4(MDNS_TTL)?;
            socket.set_ttl_v4(MDNS_TTL)?;
            // What other programs of this machine have joined on other interfaces is none of our business. A system that
            // does not know this is good enough: what comes by them is left out anyway.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            let _ = socket.set_multicast_all_v4(false);
        }
        Family::V6 => {
            socket.set_multicast_loop_v6(true)?;
            socket.set_multicast_hops_v6(MDNS_TTL)?;
            socket.set_unicast_hops_v6(MDNS_TTL)?;
            #[cfg(any(target_os = "linux", target_os = "android"))]
            let _ = socket.set_multicast_all_v6(false);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_for_a_moment_is_asked_for_again() {
        let mut kinds = [ErrorKind::AddrInUse, ErrorKind::AddrInUse].into_iter();
        let mut open = || kinds.next().map_or(Ok(()), |kind| Err(kind.into()));
        assert!(patiently(&mut open).is_ok());
        let (mut taken, mut refused) = (0, 0);
        let count = |asked: &mut usize, kind: ErrorKind| {
            patiently(|| {
                *asked += 1;
                io::Result::<()>::Err(kind.into())
            })
        };
        assert_eq!(count(&mut taken, ErrorKind::AddrInUse).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(taken, 1 + TAKEN_TRIES);
        assert!(count(&mut refused, ErrorKind::PermissionDenied).is_err());
        assert_eq!(refused, 1, "that does not pass");
    }
}
