//! Somebody else on the network, who is no chat program: hears what goes to a group, says a word, throws rubbish.
//!
//! ```text
//! stranger hear GROUP PORT              prints {"from":..,"hex":..} for each datagram, until its input ends
//! stranger say TO TEXT                  sends one datagram
//! stranger forge PORT TO HEX            sends one datagram from that port
//! stranger ask TO HEX                   sends one datagram, and prints {"from":..,"hex":..} for whatever comes back
//! stranger throw SEED COUNT TO[,TO..]   sends COUNT hostile datagrams in turn to each address, then {"thrown":..}
//! stranger flood KIND COUNT TO          sends COUNT of a kind (flood.rs), 100,000 a second if it can, then {"flooded":..}
//! ```
//! All of it through `eth0` if there is one, otherwise through `lo`. Multicast addresses get that interface.
#![forbid(unsafe_code)]

mod flood;

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    process, thread,
    time::Duration,
};

use chat_core::{Rng, hex};
use rustix::net::{AddressFamily, SocketType, netdevice::name_to_index, socket};
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["hear", group, port] => hear(group.parse()?, port.parse()?),
        ["say", to, text] => {
            let to: SocketAddr = to.parse()?;
            sender(to.ip(), 0)?.send_to(text.as_bytes(), to)?;
            Ok(())
        }
        ["forge", port, to, hex] => {
            let to: SocketAddr = to.parse()?;
            sender(to.ip(), port.parse()?)?.send_to(&bytes(hex)?, to)?;
            Ok(())
        }
        ["ask", to, hex] => {
            let to: SocketAddr = to.parse()?;
            let socket = sender(to.ip(), 0)?;
            socket.send_to(&bytes(hex)?, to)?;
            print_all(&socket)
        }
        ["throw", seed, count, targets] => {
            let targets: std::result::Result<Vec<_>, _> = targets.split(',').map(str::parse).collect();
            throw(seed.parse()?, count.parse()?, &targets?)
        }
        ["flood", kind, count, to] => flood::flood(kind, count.parse()?, to.parse()?),
        _ => Err("stranger hear GROUP PORT | say TO TEXT | forge PORT TO HEX | ask TO HEX | \
             throw SEED COUNT TO[,TO..] | flood KIND COUNT TO"
            .into()),
    }
}

/// Prints what goes to `group`. Whoever shares the port hears it too.
fn hear(group: IpAddr, port: u16) -> Result<()> {
    let socket = Socket::new(Domain::for_address((group, port).into()), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    match group {
        IpAddr::V4(group) => {
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
            socket.join_multicast_v4_n(&group, &socket2::InterfaceIndexOrAddress::Index(interface()?.1))?;
        }
        IpAddr::V6(group) => {
            socket.set_only_v6(true)?;
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
            socket.join_multicast_v6(&group, interface()?.1)?;
        }
    }
    println!("{}", json!({"type": "hearing"}));
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(0);
    });
    print_all(&UdpSocket::from(socket))
}

/// Prints what comes, until it is killed.
fn print_all(socket: &UdpSocket) -> Result<()> {
    let mut bytes = [0; 9000];
    loop {
        let (length, from) = socket.recv_from(&mut bytes)?;
        println!("{}", json!({"type": "heard", "from": from.to_string(), "hex": hex(&bytes[..length])}));
        io::stdout().flush()?;
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| Ok(u8::from_str_radix(str::from_utf8(pair)?, 16)?)).collect()
}

/// Throws `count` datagrams, about 5,000 a second.
fn throw(seed: u64, count: u32, targets: &[SocketAddr]) -> Result<()> {
    let sockets = targets.iter().map(|to| sender(to.ip(), 0)).collect::<Result<Vec<_>>>()?;
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = Rng::new(key);
    let mut thrown = 0u32;
    for number in 0..count {
        let bytes = hostile(&mut rng);
        for (to, socket) in targets.iter().zip(&sockets) {
            // Nobody may listen on that port; that is an answer too.
            thrown += u32::from(socket.send_to(&bytes, to).is_ok());
        }
        if number % 10 == 9 {
            thread::sleep(Duration::from_millis(2));
        }
    }
    println!("{}", json!({"type": "thrown", "count": thrown}));
    Ok(())
}

/// A datagram that means harm: rubbish, a name that points at itself, a damaged message of multicast DNS, or what
/// looks like a packet of a session.
fn hostile(rng: &mut Rng) -> Vec<u8> {
    match rng.below(6) {
        0 => {
            let length = rng.below(1473);
            random(rng, length)
        }
        // The 18 bytes that end a well-known responder: one question whose name points at itself.
        1 => [&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 12, 0, 1][..]].concat(),
        2 => looping(rng),
        3 => {
            let mut message = announcement();
            for _ in 0..1 + rng.below(8) {
                let at = usize::try_from(rng.below(message.len() as u64)).unwrap_or(0);
                message[at] = rng.bytes::<1>()[0];
            }
            if rng.below(4) == 0 {
                message.truncate(usize::try_from(rng.below(message.len() as u64)).unwrap_or(0));
            }
            message
        }
        4 => {
            // Any kind of packet, in the size of a first handshake message.
            let kind = rng.bytes::<1>()[0] % 16;
            let mut packet = random(rng, 1200);
            packet[0] = kind;
            packet
        }
        _ => {
            // A header that promises 65,535 records of each kind.
            let mut message = vec![0, 0, 0x84, 0, 255, 255, 255, 255, 255, 255, 255, 255];
            let length = rng.below(200);
            message.extend(random(rng, length));
            message
        }
    }
}

/// A response full of pointers, each to the one before.
fn looping(rng: &mut Rng) -> Vec<u8> {
    let mut message = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    for _ in 0..1 + rng.below(700) {
        let last = (message.len() - 2).to_be_bytes();
        let [high, low] = [last[last.len() - 2], last[last.len() - 1]];
        message.extend([0xc0 | (high & 0x3f), low]);
    }
    message
}

/// A sound announcement of somebody who is not there.
fn announcement() -> Vec<u8> {
    let mut message = vec![0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0];
    let service = message.len();
    for label in ["_p2p-chat", "_udp", "local", ""] {
        message.push(u8::try_from(label.len()).unwrap_or(0));
        message.extend(label.as_bytes());
    }
    let pointer = [0xc0, u8::try_from(service).unwrap_or(0)];
    let instance = [&[10][..], b"ghost-0000", &pointer].concat();
    // PTR, class IN, 75 minutes.
    message.extend([0, 12, 0, 1, 0, 0, 0x11, 0x94, 0, u8::try_from(instance.len()).unwrap_or(0)]);
    let name = message.len();
    message.extend(&instance);
    // SRV with the cache-flush bit, two minutes, port 9, host = the service's own name.
    message.extend([0xc0, u8::try_from(name).unwrap_or(0), 0, 33, 0x80, 1, 0, 0, 0, 120, 0, 8]);
    message.extend([0, 0, 0, 0, 0, 9]);
    message.extend(pointer);
    message
}

fn random(rng: &mut Rng, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    rng.fill(&mut bytes);
    bytes
}

/// A socket of this port, 0 for any, that sends through the interface.
fn sender(to: IpAddr, port: u16) -> Result<UdpSocket> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, port))?;
    socket2::SockRef::from(&socket).bind_device(Some(interface()?.0.as_bytes()))?;
    Ok(socket)
}

/// `eth0`, or `lo` where there is none.
fn interface() -> Result<(&'static str, u32)> {
    let any = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    name_to_index(&any, "eth0")
        .map(|index| ("eth0", index))
        .or_else(|_| name_to_index(&any, "lo").map(|index| ("lo", index)))
        .map_err(Into::into)
}
