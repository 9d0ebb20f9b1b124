//! More datagrams than anybody can want.
//!
//! ```text
//! junk     packets of sessions that nobody has
//! hello    whole first messages of handshakes, all from one address
//! spoofed  the same from addresses all over the network and elsewhere, honest ones among them
//! ```

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    thread,
    time::{Duration, Instant},
};

use chat_core::Rng;
use serde_json::json;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{Result, interface, random, sender};

/// What is tried for, each second.
const RATE: u32 = 100_000;
/// Bytes of a first message of a handshake, header included (`docs/PROTOCOL.md`).
const HELLO: usize = 1200;
/// A protocol number that says: the header of IP is ours.
const RAW: i32 = 255;

pub(super) fn flood(kind: &str, count: u32, to: SocketAddrV4) -> Result<()> {
    let mut rng = Rng::new([7; 32]);
    let begun = now();
    let mut sent = 0u32;
    match kind {
        "junk" | "hello" => {
            let socket = sender((*to.ip()).into(), 0)?;
            paced(count, || {
                let bytes = if kind == "junk" { junk(&mut rng) } else { hello(&mut rng) };
                sent += u32::from(socket.send_to(&bytes, to).is_ok());
            });
        }
        "spoofed" => {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(RAW)))?;
            SockRef::from(&socket).bind_device(Some(interface()?.0.as_bytes()))?;
            paced(count, || {
                let from = SocketAddrV4::new(someone(&mut rng), 1024 + (rng.below(60_000) as u16));
                let packet = packet(from, to, &hello(&mut rng));
                sent += u32::from(socket.send_to(&packet, &to.into()).is_ok());
            });
        }
        _ => return Err("flood junk|hello|spoofed".into()),
    }
    let took = (now() - begun).as_secs_f64();
    println!("{}", json!({"type": "flooded", "count": sent, "rate": f64::from(sent) / took}));
    Ok(())
}

/// Calls `send` so often, in lots of a millisecond.
fn paced(count: u32, mut send: impl FnMut()) {
    let lot = RATE / 1000;
    let mut next = now();
    for number in 0..count {
        send();
        if number % lot == lot - 1 {
            next += Duration::from_millis(1);
            thread::sleep(next.saturating_duration_since(now()));
        }
    }
}

/// A packet of a session, for nobody.
fn junk(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = random(rng, 100);
    bytes[0] = 4;
    bytes
}

/// A first message: any 32 bytes are a key.
fn hello(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(rng.bytes::<8>());
    bytes.extend([0; 16]);
    bytes.extend(rng.bytes::<32>());
    bytes.resize(HELLO, 0);
    bytes
}

/// Half of them on the link, the others on no link at all.
fn someone(rng: &mut Rng) -> Ipv4Addr {
    let [third, last] = [rng.below(2), 1 + rng.below(250)];
    Ipv4Addr::new(10, 77, third as u8 * (1 + rng.below(255) as u8), last as u8)
}

/// A datagram with its headers of IP and UDP. The kernel adds length and sum of the former; the latter has none.
fn packet(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap_or(0);
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}

#[expect(clippy::disallowed_methods, reason = "a flood takes real time")]
fn now() -> Instant {
    Instant::now()
}
