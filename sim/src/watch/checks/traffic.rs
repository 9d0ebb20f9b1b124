//! What leaves a host: not more than was asked for (S11), and nothing malformed (S16).

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use chat_core::{Instant, Transmit, Via};
use simple_dns::Packet;

use crate::watch::{Check, Fact, Truth};

/// No more than so many times the bytes go to an address that has shown nothing (RFC 9000 section 8).
const FACTOR: u64 = 3;
/// Unicast answers of mDNS a second, to one address and to all (the core's budget); they are asked for within a
/// second, and leave up to half a second later (RFC 6762 section 7.2).
const EACH: u32 = 5;
const ALL: u32 = 30;

/// S11: nobody can make a host send much to somebody else.
#[derive(Default)]
pub(super) struct Amplification {
    paths: BTreeMap<usize, BTreeMap<Address, Path>>,
    /// Unicast answers of mDNS by a host: to all, and to each.
    all: BTreeMap<usize, Bucket>,
}

/// An address without the scope that its host gives it.
type Address = (IpAddr, u16);

#[derive(Default)]
struct Path {
    received: u64,
    /// In reaction to what came from there.
    sent: u64,
    /// Who was given something that was sent there.
    reached: Vec<usize>,
    /// Somebody who was given something has answered from there.
    proven: bool,
    answers: Bucket,
}

impl Check for Amplification {
    fn name(&self) -> &'static str {
        "S11"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            // Whoever starts anew has been shown nothing.
            Fact::Booted { host, .. } => {
                self.paths.remove(host);
                self.all.remove(host);
            }
            Fact::Received { host, flight, .. } if !flight.many && flight.to.port() != MDNS => {
                let back = self.path(flight.sender, flight.to);
                if !back.reached.contains(host) {
                    back.reached.push(*host);
                }
                let path = self.path(*host, flight.from);
                path.received += flight.bytes.len() as u64;
                path.proven |= path.reached.contains(&flight.sender);
            }
            Fact::Sent { host, transmit, cause } if !transmit.to.ip().is_multicast() => match transmit.via {
                Via::Mdns => return self.answer(truth, now, *host, transmit),
                Via::Chat if cause.is_some_and(|cause| address(cause.from) == address(transmit.to)) => {
                    let path = self.path(*host, transmit.to);
                    path.sent += transmit.bytes.len() as u64;
                    if !path.proven && path.sent > FACTOR * path.received {
                        return Err(format!(
                            "host {host} sends {} bytes to {}, which has sent {} and proven nothing",
                            path.sent, transmit.to, path.received
                        ));
                    }
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

impl Amplification {
    fn path(&mut self, host: usize, to: SocketAddr) -> &mut Path {
        self.paths.entry(host).or_default().entry(address(to)).or_default()
    }

    /// A unicast answer of mDNS.
    fn answer(&mut self, truth: &Truth, now: Instant, host: usize, to: &Transmit) -> Result<(), String> {
        if !truth.hosts[host].subnets.iter().any(|subnet| subnet.contains(to.to.ip())) {
            return Err(format!("host {host} answers {}, which is not on its link", to.to));
        }
        let each = self.path(host, to.to).answers.take(now, EACH);
        let all = self.all.entry(host).or_default().take(now, ALL);
        if !each || !all {
            return Err(format!(
                "host {host} answers {} by unicast more often than its budget allows",
                to.to
            ));
        }
        Ok(())
    }
}

/// Counts within its rate: a second's worth at once, and what half a second's delay can bunch together.
#[derive(Default)]
struct Bucket {
    full: Option<Instant>,
}

impl Bucket {
    fn take(&mut self, now: Instant, rate: u32) -> bool {
        let after = self.full.unwrap_or(now).max(now) + Duration::from_secs(1) / rate;
        self.full = Some(after);
        after - now <= Duration::from_millis(1500)
    }
}

const MDNS: u16 = 5353;

fn address(socket: SocketAddr) -> Address {
    (socket.ip(), socket.port())
}

/// S16: every datagram fits its link, is no larger than sessions allow, and can be read by others.
pub(super) struct Shape;

/// What stands for neighbours that pass things on, inside a node alone: the discard-only prefix of RFC 6666.
const DISCARDED: u128 = 0x0100_0000_0000_0000;
/// The largest datagram of a session (DESIGN section 5).
const CHAT_MAX: usize = 1200;

impl Check for Shape {
    fn name(&self) -> &'static str {
        "S16"
    }

    fn see(&mut self, truth: &Truth, _now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Sent { host, transmit, .. } = fact else { return Ok(()) };
        if matches!(transmit.to.ip(), IpAddr::V6(ip) if ip.to_bits() >> 64 == DISCARDED) {
            return Err(format!("host {host} sends to {}, which stands for a neighbour", transmit.to));
        }
        let size = transmit.bytes.len();
        let headers = if transmit.to.is_ipv6() { 48 } else { 28 };
        let mtu = &truth.hosts[*host].mtu;
        // Where the routing table decides, the narrowest of all must do.
        let fits = match mtu.get(&transmit.interface) {
            Some(mtu) => size + headers <= *mtu as usize,
            None => mtu.values().all(|mtu| size + headers <= *mtu as usize),
        };
        if !fits {
            return Err(format!("host {host} sends {size} bytes to {}, more than fit", transmit.to));
        }
        match transmit.via {
            Via::Chat if size > CHAT_MAX || size == 0 => {
                Err(format!("host {host} sends {size} bytes in a session, {CHAT_MAX} at most"))
            }
            Via::Mdns => match Packet::parse(&transmit.bytes) {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("host {host} sends mDNS that nobody can read: {error:?}")),
            },
            _ => Ok(()),
        }
    }
}
