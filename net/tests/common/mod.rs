//! What the tests of this package share.
#![allow(dead_code, unreachable_pub, reason = "no test uses all of it")]

#[path = "../../../tests/src/namespace.rs"]
pub mod namespace;

use std::{
    net::{IpAddr, SocketAddr},
    thread::sleep,
    time::Duration,
};

use chat_core::{Transmit, Via};
use chat_net::{Batch, Clock, Net, Options};

/// One datagram as it came in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Heard {
    pub via: Via,
    pub interface: u32,
    pub from: SocketAddr,
    pub to: IpAddr,
    pub bytes: Vec<u8>,
}

/// Everything that comes in until there are `enough`, for two seconds at most; and what comes right behind.
pub fn hear(net: &Net, enough: usize) -> Vec<Heard> {
    hear_for(net, enough, Duration::from_secs(2))
}

/// Everything that comes in until there are `enough`, for so long at most; and what comes right behind.
pub fn hear_for(net: &Net, enough: usize, time: Duration) -> Vec<Heard> {
    let (clock, mut batch, mut heard) = (Clock::new(), Batch::new(), Vec::new());
    let start = clock.now();
    loop {
        let last = heard.len() >= enough || clock.now() - start > time;
        for socket in net.sockets() {
            while socket.receive(&mut batch) {
                heard.extend(net.datagrams(&batch).map(|one| Heard {
                    via: one.via,
                    interface: one.interface,
                    from: one.from,
                    to: one.to,
                    bytes: one.bytes.to_vec(),
                }));
            }
        }
        if last {
            return heard;
        }
        sleep(Duration::from_millis(if heard.len() >= enough { 50 } else { 1 }));
    }
}

pub fn send(net: &mut Net, via: Via, interface: u32, to: &str, bytes: &[u8]) {
    let to = to.parse().unwrap();
    net.send(Transmit { via, interface, to, bytes: bytes.to_vec().into() });
    net.flush();
}

/// Opens what `interfaces` names, or all.
pub fn open(interfaces: &[&str]) -> Net {
    let interfaces = interfaces.iter().map(|&name| name.to_owned()).collect();
    Net::open(&Options { interfaces, ..Options::default() }).unwrap()
}

/// The index of an interface in use.
pub fn index(net: &Net, name: &str) -> u32 {
    net.interfaces().iter().find(|one| one.name == name).unwrap().index
}
