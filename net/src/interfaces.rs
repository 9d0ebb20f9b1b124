//! Which network interfaces there are, which of them are used, and why the others are not.

use std::{collections::BTreeMap, fmt, io, net::IpAddr};

use chat_core::{Interface, Subnet};
use getifaddrs::{Address, InterfaceFlags, getifaddrs};

use crate::{error::OpenError, os};

/// The interfaces in use, looked at anew whenever asked.
#[derive(Debug)]
pub(crate) struct Interfaces {
    named: Vec<String>,
    used: Vec<Interface>,
}

impl Interfaces {
    /// Looks at what there is. With names given, they and no others are used.
    pub(crate) fn open(named: &[String]) -> Result<Self, OpenError> {
        let seen = see().map_err(OpenError::Interfaces)?;
        if let Some(name) = named.iter().find(|&name| seen.iter().all(|seen| seen.interface.name != *name)) {
            return Err(OpenError::UnknownInterface { name: name.clone(), looked_at: judge(seen, &[]) });
        }
        let looked_at = judge(seen, named);
        let used = usable(&looked_at);
        if used.is_empty() {
            return Err(OpenError::NoNetwork { looked_at });
        }
        Ok(Self { named: named.to_vec(), used })
    }

    /// Those in use, by rising index.
    pub(crate) fn used(&self) -> &[Interface] {
        &self.used
    }

    /// Looks again; says whether anything has changed. A system that does not answer counts as unchanged.
    pub(crate) fn refresh(&mut self) -> bool {
        let Ok(seen) = see() else { return false };
        let used = usable(&judge(seen, &self.named));
        let changed = used != self.used;
        self.used = used;
        changed
    }
}

/// Every interface there is, by rising index, and why it is not used; with names given others are not asked for.
///
/// # Errors
/// When the system does not tell.
pub fn look(named: &[String]) -> io::Result<Vec<LookedAt>> {
    Ok(judge(see()?, named))
}

/// An interface that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookedAt {
    /// The interface.
    pub interface: Interface,
    /// Why it is not used; `None` if it is, or could be.
    pub left_out: Option<Why>,
}

impl fmt::Display for LookedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.interface.name)?;
        for Subnet { address, prefix } in &self.interface.addresses {
            write!(f, " {address}/{prefix}")?;
        }
        match self.left_out {
            Some(why) => write!(f, ": {why}"),
            None => f.write_str(": usable"),
        }
    }
}

/// Why an interface is not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// Somebody has switched it off.
    #[error("it is down")]
    Down,
    /// It has no carrier: no cable, or no wireless network.
    #[error("it is not connected")]
    NotRunning,
    /// It has no IP address.
    #[error("it has no address")]
    NoAddress,
    /// Its name is that of a container, virtual machine or tunnel.
    #[error("its name says that it is virtual; --interface takes it all the same")]
    Virtual,
    /// It leads nowhere but to this machine, and another one is usable.
    #[error("it leads only to this machine")]
    Loopback,
    /// Others were asked for by name.
    #[error("it was not asked for")]
    NotNamed,
}

/// Interfaces of these names belong to containers, virtual machines and tunnels. The driver says nothing: a bridge or a
/// virtual card may well be the way to the network.
const VIRTUAL: [&str; 8] = ["docker", "br-", "virbr", "veth", "tun", "tap", "wg", "vEthernet"];

/// What the system says of an interface.
#[derive(Clone, Debug)]
struct Seen {
    interface: Interface,
    up: bool,
    running: bool,
}

fn judge(seen: Vec<Seen>, named: &[String]) -> Vec<LookedAt> {
    let mut looked_at: Vec<_> = seen
        .into_iter()
        .map(|seen| LookedAt { left_out: why_not(&seen, named), interface: seen.interface })
        .collect();
    if looked_at.iter().all(|one| one.left_out.is_some()) {
        // Two programs on a machine without a network can still talk to each other.
        for one in looked_at.iter_mut().filter(|one| one.left_out == Some(Why::Loopback)) {
            one.left_out = None;
        }
    }
    looked_at
}

fn why_not(Seen { interface, up, running }: &Seen, named: &[String]) -> Option<Why> {
    if !named.is_empty() && !named.contains(&interface.name) {
        Some(Why::NotNamed)
    } else if !up {
        Some(Why::Down)
    } else if !running {
        Some(Why::NotRunning)
    } else if interface.addresses.is_empty() {
        Some(Why::NoAddress)
    } else if !named.is_empty() {
        None
    } else if VIRTUAL.iter().any(|start| interface.name.starts_with(start)) {
        Some(Why::Virtual)
    } else if interface.loopback {
        Some(Why::Loopback)
    } else {
        None
    }
}

fn usable(looked_at: &[LookedAt]) -> Vec<Interface> {
    looked_at.iter().filter(|one| one.left_out.is_none()).map(|one| one.interface.clone()).collect()
}

/// Everything that the system has, by rising index.
fn see() -> io::Result<Vec<Seen>> {
    let all: getifaddrs::Interfaces = getifaddrs()?.collect();
    let mut seen: BTreeMap<_, _> =
        all.into_iter().map(|(index, one)| (index, Seen::new(index, one))).collect();
    // The list of addresses leaves out what has none, not even of hardware, as a loopback that is down.
    for (index, name) in os::interface_names() {
        seen.entry(index).or_insert_with(|| Seen::bare(index, name));
    }
    Ok(seen.into_values().collect())
}

impl Seen {
    fn new(index: u32, one: getifaddrs::Interface<getifaddrs::Addresses>) -> Self {
        let mut addresses: Vec<_> = one.address.iter().flatten().filter_map(subnet).collect();
        addresses.sort_unstable();
        let has = |flag| one.flags.contains(flag);
        let loopback = has(InterfaceFlags::LOOPBACK);
        // Linux does not say it of its loopback, but it takes part.
        let multicast = loopback || has(InterfaceFlags::MULTICAST);
        let (up, running, mtu) = (has(InterfaceFlags::UP), has(InterfaceFlags::RUNNING), os::mtu(&one.name));
        Self {
            interface: Interface { index, name: one.name, addresses, multicast, loopback, mtu },
            up,
            running,
        }
    }

    fn bare(index: u32, name: String) -> Self {
        let (addresses, mtu) = (Vec::new(), os::mtu(&name));
        let interface = Interface { index, name, addresses, multicast: false, loopback: false, mtu };
        Self { interface, up: true, running: true }
    }
}

fn subnet(address: &Address) -> Option<Subnet> {
    let (address, mask) = (address.ip_addr()?, address.netmask()?);
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    Some(Subnet { address, prefix: u8::try_from(ones).unwrap_or(u8::MAX) })
}

#[cfg(test)]
mod tests;
