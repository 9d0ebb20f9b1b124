//! What neither the standard library nor a portable crate offers, for each kind of system the same functions.

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod unix;
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) use unix::{interface_names, send_from, uptime, wait_readable, wait_writable};

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod other;
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) use other::{interface_names, send_from, uptime, wait_readable, wait_writable};

use std::{fs, net::Ipv4Addr, sync::LazyLock, time::Duration};

/// Where a datagram shall leave this machine, whatever the routing table says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Exit {
    /// The index of the interface.
    pub(crate) interface: u32,
    /// The address to show as the sender's, unspecified for the system's choice.
    pub(crate) source: Ipv4Addr,
}

/// Time since some origin, standing still while the machine sleeps, where the system has such a clock.
#[expect(clippy::disallowed_methods, reason = "this is the place to ask")]
pub(crate) fn awake() -> Duration {
    static ORIGIN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    ORIGIN.elapsed()
}

/// The largest IP packet that an interface carries; Ethernet's where the system does not tell it in a file.
pub(crate) fn mtu(interface: &str) -> u32 {
    const ETHERNET: u32 = 1500;
    let told = fs::read_to_string(format!("/sys/class/net/{interface}/mtu")).ok();
    told.and_then(|text| text.trim().parse().ok()).unwrap_or(ETHERNET)
}
