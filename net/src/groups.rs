//! The multicast groups: joined on the interfaces in use and on no others.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use chat_core::Interface;
use socket2::InterfaceIndexOrAddress::Index;

use crate::socket::Socket;

/// RFC 6762 section 3.
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// RFC 6762 section 3.
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// What was joined where.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    joined: BTreeMap<u32, Interface>,
    /// Times that an interface could not be joined; it may still send.
    pub(crate) failed: u64,
}

impl Groups {
    /// Leaves what is gone, joins what is new, and joins again what has changed: the switch or access point behind it
    /// may be another one, and has heard of no membership yet.
    pub(crate) fn follow(&mut self, sockets: &[Arc<Socket>], interfaces: &[Interface]) {
        for (&index, _) in self.joined.iter().filter(|(_, old)| !interfaces.contains(old)) {
            for socket in sockets {
                // The system may have forgotten it together with the interface.
                let _ = leave(socket, index);
            }
        }
        self.joined.retain(|_, old| interfaces.contains(old));
        for interface in interfaces.iter().filter(|interface| interface.multicast) {
            if self.joined.insert(interface.index, interface.clone()).is_none() {
                for socket in sockets.iter().filter(|socket| has_family(interface, socket)) {
                    if let Err(error) = join(socket, interface.index) {
                        log::info!("cannot join the multicast group on {}: {error}", interface.name);
                        self.failed += 1;
                    }
                }
            }
        }
    }

    /// Joins everything again, after a time in which others may have forgotten it.
    pub(crate) fn renew(&mut self, sockets: &[Arc<Socket>], interfaces: &[Interface]) {
        self.follow(sockets, &[]);
        self.follow(sockets, interfaces);
    }
}

fn has_family(interface: &Interface, socket: &Socket) -> bool {
    interface.addresses.iter().any(|own| own.address.is_ipv4() == socket.is_ipv4())
}

fn join(socket: &Socket, index: u32) -> io::Result<()> {
    if socket.is_ipv4() {
        socket.options().join_multicast_v4_n(&GROUP_V4, &Index(index))
    } else {
        socket.options().join_multicast_v6(&GROUP_V6, index)
    }
}

fn leave(socket: &Socket, index: u32) -> io::Result<()> {
    if socket.is_ipv4() {
        socket.options().leave_multicast_v4_n(&GROUP_V4, &Index(index))
    } else {
        socket.options().leave_multicast_v6(&GROUP_V6, index)
    }
}
