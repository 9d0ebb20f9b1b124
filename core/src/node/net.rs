//! What a node tells the person of the network.

use alloc::{format, string::String, vec::Vec};

use crate::{
    boundary::Interface,
    event::{Multicast, NetChange},
};

/// The network as last told.
#[derive(Debug)]
pub(super) struct NetState {
    interfaces: Vec<String>,
    multicast: Multicast,
}

impl Default for NetState {
    fn default() -> Self {
        Self { interfaces: Vec::new(), multicast: Multicast::Unknown }
    }
}

impl NetState {
    /// Whether there is any interface to send from.
    pub(super) const fn is_up(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// Takes the interfaces; answers whether anything is different.
    pub(super) fn set_interfaces(&mut self, interfaces: &[Interface]) -> bool {
        let line = |interface: &Interface| {
            let nets = interface.addresses.iter().map(|net| format!(" {}/{}", net.address, net.prefix));
            interface.name.clone() + &nets.collect::<String>()
        };
        let lines: Vec<String> = interfaces.iter().map(line).collect();
        let changed = lines != self.interfaces;
        self.interfaces = lines;
        changed
    }

    /// Takes the state of multicast; answers whether it is different.
    pub(super) fn set_multicast(&mut self, multicast: Multicast) -> bool {
        let changed = multicast != self.multicast;
        self.multicast = multicast;
        changed
    }

    pub(super) fn change(&self) -> NetChange {
        NetChange { interfaces: self.interfaces.clone(), multicast: self.multicast }
    }
}
