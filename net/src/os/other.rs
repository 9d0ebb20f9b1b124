//! Systems without anything better than the standard library.

use std::{
    io,
    net::{SocketAddrV4, UdpSocket},
    thread,
    time::Duration,
};

use socket2::SockRef;

use super::Exit;

/// Time since some origin; on Windows it runs on while the machine sleeps.
pub(crate) fn uptime() -> Duration {
    super::awake()
}

/// Interfaces that the portable list does not show; none are known.
pub(crate) const fn interface_names() -> Vec<(u32, String)> {
    Vec::new()
}

/// Blocks until there is something to receive.
pub(crate) fn wait_readable(socket: &UdpSocket) {
    let _ = socket.set_nonblocking(false);
    let _ = socket.peek_from(&mut [0]);
    let _ = socket.set_nonblocking(true);
}

/// Waits a millisecond for room to send.
pub(crate) fn wait_writable(_socket: &UdpSocket) {
    thread::sleep(Duration::from_millis(1));
}

/// Sends multicast out of the interface that `exit` says, anything else as the routing table says. Windows sends what is for
/// everybody on one link only, the best by its own measure. `segment` cuts `bytes` into datagrams, which go one by one: only
/// the other way out knows trains here.
pub(crate) fn send_from(
    socket: &UdpSocket,
    exit: Exit,
    to: SocketAddrV4,
    bytes: &[u8],
    segment: Option<u16>,
) -> io::Result<()> {
    if to.ip().is_multicast() {
        // Windows reads an address below 1.0.0.0 as the index of an interface.
        SockRef::from(socket).set_multicast_if_v4(&exit.interface.into())?;
    }
    match segment {
        Some(size @ 1..) => bytes.chunks(size.into()).try_for_each(|one| socket.send_to(one, to).map(drop)),
        _ => socket.send_to(bytes, to).map(drop),
    }
}
