//! Linux, Android and Apple's systems.

use std::{
    io::{self, IoSlice},
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    os::fd::{AsFd, AsRawFd},
    time::Duration,
};

use nix::{
    libc,
    net::if_::if_nameindex,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg},
    time::{ClockId, clock_gettime},
};

use super::Exit;

/// Time since some origin, running on while the machine sleeps.
pub(crate) fn uptime() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const RUNS_ON: ClockId = ClockId::CLOCK_BOOTTIME;
    // On Apple's systems this one counts the time asleep.
    #[cfg(target_vendor = "apple")]
    const RUNS_ON: ClockId = ClockId::CLOCK_MONOTONIC;
    clock_gettime(RUNS_ON).map_or(Duration::ZERO, Duration::from)
}

/// Every interface by index and name, also those without any address.
pub(crate) fn interface_names() -> Vec<(u32, String)> {
    let Ok(all) = if_nameindex() else { return Vec::new() };
    all.iter().map(|one| (one.index(), one.name().to_string_lossy().into_owned())).collect()
}

/// Blocks until there is something to receive, or the socket is shut down.
pub(crate) fn wait_readable(socket: &UdpSocket) {
    wait(socket, PollFlags::POLLIN, PollTimeout::NONE);
}

/// Blocks until there is room to send, or a millisecond has passed.
pub(crate) fn wait_writable(socket: &UdpSocket) {
    wait(socket, PollFlags::POLLOUT, PollTimeout::from(1_u8));
}

fn wait(socket: &UdpSocket, event: PollFlags, timeout: PollTimeout) {
    let mut fds = [PollFd::new(socket.as_fd(), event)];
    let _ = poll(&mut fds, timeout);
    if fds[0].revents().is_some_and(|seen| seen.contains(PollFlags::POLLERR)) {
        // Or the next wait would end at once for the same error.
        let _ = socket.take_error();
    }
}

/// Sends by the way that `exit` says; `segment` cuts `bytes` into datagrams.
pub(crate) fn send_from(
    socket: &UdpSocket,
    exit: Exit,
    to: SocketAddrV4,
    bytes: &[u8],
    segment: Option<u16>,
) -> io::Result<()> {
    let Ok(index) = exit.interface.try_into() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let in_addr = |address: Ipv4Addr| libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
    let from = libc::in_pktinfo {
        ipi_ifindex: index,
        ipi_spec_dst: in_addr(exit.source),
        ipi_addr: in_addr(Ipv4Addr::UNSPECIFIED),
    };
    let mut control = vec![ControlMessage::Ipv4PacketInfo(&from)];
    #[cfg(any(target_os = "linux", target_os = "android"))]
    control.extend(segment.as_ref().map(ControlMessage::UdpGsoSegments));
    #[cfg(target_vendor = "apple")]
    debug_assert_eq!(segment, None, "this system has no segmentation offload");
    let to = SockaddrIn::from(to);
    sendmsg(socket.as_raw_fd(), &[IoSlice::new(bytes)], &control, MsgFlags::empty(), Some(&to))?;
    Ok(())
}
