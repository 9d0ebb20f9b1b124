//! Hosts on a switch: network namespaces, each with an `eth0` whose other end is a port of a bridge that floods
//! multicast. IPv4 alone, as the figures that these are compared with were taken.

use std::fs;

use chat_tests::{namespace::Host, scratch::Scratch};

/// A network that is there until this is dropped, or the program ends.
pub(crate) struct Lan {
    switch: Host,
    hosts: Vec<Host>,
}

impl Lan {
    /// A network of so many hosts, 10.77.0.1 and on, at most 254.
    pub(crate) fn new(size: usize) -> Self {
        let switch = bare();
        switch.ip("link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0");
        switch.ip("link set br0 up");
        let mut lan = Self { switch, hosts: Vec::new() };
        (1..=size).for_each(|number| lan.add(number));
        if size > ASKING_MAX {
            lan.enter_addresses();
        }
        lan
    }

    /// The hosts in the order of their addresses.
    pub(crate) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    fn add(&mut self, number: usize) {
        let (host, port) = (bare(), format!("port{number}"));
        self.switch.connect(&port, &host, "eth0");
        self.switch.ip(&format!("link set {port} master br0 up"));
        host.ip(&format!("link set eth0 address {}", written(card(number))));
        host.ip(&format!("address add 10.77.0.{number}/24 brd + dev eth0"));
        host.ip("link set eth0 up");
        // As in nearly every network. Some send to a group without saying where, and it decides for them.
        host.ip("route add default dev eth0");
        self.hosts.push(host);
    }

    /// Every host knows the hardware addresses of all, and need not ask: what is entered by hand does not count.
    fn enter_addresses(&self) {
        let entry = |number| {
            let card = written(card(number));
            format!("neighbour replace 10.77.0.{number} lladdr {card} dev eth0 nud permanent\n")
        };
        let all: String = (1..=self.hosts.len()).map(entry).collect();
        let scratch = Scratch::new();
        let batch = scratch.path().join("neighbours");
        fs::write(&batch, all).expect("a file with the addresses");
        self.hosts.iter().for_each(|host| host.ip(&format!("-batch {}", batch.display())));
    }
}

/// The kernel keeps at most 1024 hardware addresses that it was told when it asked, for all hosts of the machine
/// together, and sends nothing when there is no room for one more. So many hosts on a network may ask.
const ASKING_MAX: usize = 20;

/// The hardware address of the host with this number.
pub(crate) const fn card(number: usize) -> [u8; 6] {
    [2, 0, 10, 77, 0, number as u8]
}

fn written(card: [u8; 6]) -> String {
    card.map(|byte| format!("{byte:02x}")).join(":")
}

/// A host without a cable, and without IPv6.
fn bare() -> Host {
    let host = Host::new();
    host.run(|| {
        for interfaces in ["all", "default"] {
            // Where there is none it need not be switched off.
            let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{interfaces}/disable_ipv6"), "1");
        }
    });
    host
}
