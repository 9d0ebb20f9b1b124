//! What the system tells of itself to whoever looks for a fault: which interfaces there are and why each is used or not,
//! which groups they are in, who else has the port of multicast DNS, and what keeps packets out.

use std::net::IpAddr;

use crate::interfaces::{self, LookedAt};

/// This machine, as far as a chat is concerned with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Surroundings {
    /// Every interface, by rising index.
    pub interfaces: Vec<LookedAt>,
    /// The groups that the system has joined for anybody; `None` where it does not tell.
    pub groups: Option<Vec<Membership>>,
    /// Other programs that have UDP port 5353; `None` where the system does not tell.
    pub mdns_holders: Option<Vec<Holder>>,
    /// What decides about packets that come in.
    pub firewall: Firewall,
}

/// A multicast group that an interface is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The interface's index.
    pub interface: u32,
    /// The group.
    pub group: IpAddr,
}

/// A program that has a port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Holder {
    /// Its name, if we may know; it is another program's word.
    pub name: Option<String>,
    /// The number of its user.
    pub user: u32,
}

/// What decides about packets that come in, as far as seen. Whether it lets them in, only root may know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Firewall {
    /// Ubuntu's ufw, switched on.
    Ufw,
    /// firewalld, running.
    Firewalld,
    /// Whatever was set up with nft.
    Nftables,
    /// Whatever was set up with iptables.
    Iptables,
    /// That of Windows.
    Windows,
    /// That of macOS, and its privacy settings.
    MacOs,
    /// None that is known to us.
    Unknown,
}

impl Surroundings {
    /// Looks around. With names given, other interfaces count as not asked for. What cannot be read is left out.
    #[must_use]
    pub fn look(named: &[String]) -> Self {
        Self {
            interfaces: interfaces::look(named).unwrap_or_default(),
            groups: system::groups(),
            mdns_holders: system::mdns_holders(),
            firewall: system::firewall(),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::procfs as system;

/// Systems that do not tell without a request of their own kind.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use super::{Firewall, Holder, Membership};

    pub(super) const fn groups() -> Option<Vec<Membership>> {
        None
    }

    pub(super) const fn mdns_holders() -> Option<Vec<Holder>> {
        None
    }

    pub(super) const fn firewall() -> Firewall {
        if cfg!(windows) {
            Firewall::Windows
        } else if cfg!(target_vendor = "apple") {
            Firewall::MacOs
        } else {
            Firewall::Unknown
        }
    }
}
