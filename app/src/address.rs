//! Addresses as people write them: with or without a port, and with the interface behind a `%`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The port that an address without one means.
pub(crate) const PORT: u16 = 27_182;

const ALLOWED: &str = "allowed is an IP address with or without a port: 192.168.1.5, 192.168.1.5:27182, \
                       fe80::1%eth0 or [fe80::1%eth0]:27182";

/// Reads `1.2.3.4`, `1.2.3.4:5`, `fe80::1%eth0`, `[fe80::1%eth0]` or `[fe80::1%eth0]:5`.
///
/// # Errors
/// What is allowed.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    let found = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').and_then(|(ip, behind)| {
            let port = if behind.is_empty() { PORT } else { behind.strip_prefix(':')?.parse().ok()? };
            scoped(ip, port)
        }),
        None => text.parse().ok().or_else(|| scoped(text, PORT)),
    };
    let usable = |address: &SocketAddr| {
        address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast()
    };
    found.filter(usable).ok_or_else(|| String::from(ALLOWED))
}

/// `ip:port`, or `[ip%interface]:port` where the address means something on one link only.
pub(crate) fn show(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            let name = interface_name(v6.scope_id()).unwrap_or_else(|| v6.scope_id().to_string());
            format!("[{}%{name}]:{}", v6.ip(), v6.port())
        }
        address => address.to_string(),
    }
}

/// An address of either family, a v6 one perhaps with its interface.
fn scoped(ip: &str, port: u16) -> Option<SocketAddr> {
    match ip.split_once('%') {
        Some((ip, interface)) => {
            let ip: Ipv6Addr = ip.parse().ok()?;
            let index = interface.parse().ok().or_else(|| interface_index(interface))?;
            Some(SocketAddrV6::new(ip, port, 0, index).into())
        }
        None => ip.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port)),
    }
}

#[cfg(unix)]
fn interface_index(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok()
}

#[cfg(unix)]
fn interface_name(index: u32) -> Option<String> {
    let name = nix::net::if_::if_indextoname(index).ok()?.into_string().ok()?;
    (!name.is_empty()).then_some(name)
}

#[cfg(not(unix))]
fn interface_index(_name: &str) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn interface_name(_index: u32) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_left_out() {
        let reads = |text: &str| parse(text).map(|address| address.to_string());
        assert_eq!(reads("10.0.0.1").as_deref(), Ok("10.0.0.1:27182"));
        assert_eq!(reads("10.0.0.1:5").as_deref(), Ok("10.0.0.1:5"));
        assert_eq!(reads("fd00::1").as_deref(), Ok("[fd00::1]:27182"));
        assert_eq!(reads("[fd00::1]").as_deref(), Ok("[fd00::1]:27182"));
        assert_eq!(reads("[fd00::1]:5").as_deref(), Ok("[fd00::1]:5"));
        assert_eq!(reads("fe80::1%7").as_deref(), Ok("[fe80::1%7]:27182"));
        assert_eq!(reads("[fe80::1%7]:5").as_deref(), Ok("[fe80::1%7]:5"));
        for bad in [
            "",
            "bo",
            "10.0.0.1:",
            "10.0.0.1:0",
            "10.0.0.1:70000",
            "[::1",
            "[::1]5",
            "0.0.0.0",
            "224.0.0.251",
        ] {
            assert!(reads(bad).is_err_and(|error| error.contains("IP address")), "{bad}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn interfaces_go_by_name() {
        let address = parse("fe80::1%lo").unwrap();
        assert_eq!(show(address), "[fe80::1%lo]:27182");
        assert_eq!(parse(&show(address)), Ok(address));
        assert_eq!(show("[fe80::1%4294967295]:5".parse().unwrap()), "[fe80::1%4294967295]:5");
        assert!(parse("fe80::1%no-such-interface").is_err());
    }
}
