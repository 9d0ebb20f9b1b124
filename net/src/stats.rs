//! Plain counters: the only place where the failures of sockets show.

use std::io::{self, ErrorKind};

/// What a [`Net`](crate::Net) has counted since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct NetStats {
    /// Datagrams handed to the system.
    pub sent: u64,
    /// Calls that it took: many datagrams to one peer go in one call where the system can.
    pub calls: u64,
    /// Datagrams not sent because there was no room in the system's buffers, even after a millisecond.
    pub full: u64,
    /// Datagrams not sent because nothing leads there.
    pub unreachable: u64,
    /// Datagrams not sent because an earlier one was refused.
    pub refused: u64,
    /// Datagrams not sent because they were too long for the interface.
    pub too_long: u64,
    /// Datagrams not sent because there is no socket of that kind and family.
    pub no_socket: u64,
    /// Datagrams not sent because nobody can have that address: no port, no host, or no interface for a link-local one.
    pub bad_address: u64,
    /// Datagrams not sent for any other reason.
    pub failed: u64,
    /// Calls to receive that failed.
    pub receive_failed: u64,
    /// Multicast groups that could not be joined on an interface.
    pub not_joined: u64,
}

impl NetStats {
    pub(crate) fn count_failure(&mut self, datagrams: u64, error: &io::Error) {
        let counter = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::OutOfMemory => &mut self.full,
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown => {
                &mut self.unreachable
            }
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => &mut self.refused,
            _ if quinn_udp::is_msg_size_err(error) => &mut self.too_long,
            _ if is_no_buffers(error) => &mut self.full,
            _ => &mut self.failed,
        };
        *counter += datagrams;
    }
}

/// ENOBUFS has no [`ErrorKind`] of its own.
fn is_no_buffers(error: &io::Error) -> bool {
    let code = if cfg!(any(target_os = "linux", target_os = "android")) {
        105
    } else if cfg!(windows) {
        10055
    } else {
        55
    };
    error.raw_os_error() == Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_counted_by_its_kind() {
        let mut stats = NetStats::default();
        for kind in [
            ErrorKind::WouldBlock,
            ErrorKind::NetworkUnreachable,
            ErrorKind::ConnectionRefused,
            ErrorKind::PermissionDenied,
        ] {
            stats.count_failure(2, &kind.into());
        }
        assert_eq!((stats.full, stats.unreachable, stats.refused, stats.failed), (2, 2, 2, 2));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_buffers_and_too_long_are_known_by_their_numbers() {
        let mut stats = NetStats::default();
        stats.count_failure(1, &io::Error::from_raw_os_error(105));
        stats.count_failure(1, &io::Error::from_raw_os_error(90));
        assert_eq!((stats.full, stats.too_long, stats.failed), (1, 1, 0));
    }
}
