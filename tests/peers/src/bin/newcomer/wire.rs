//! What a crowd puts on the wire.

use std::{fs, ops::AddAssign};

use chat_tests::namespace::Host;
use rustix::{io::Errno, net::sockopt::set_socket_recv_buffer_size_force};
use socket2::{Domain, Protocol, Socket, Type};

use crate::lan::{Lan, card};

/// Of every kind of frame: how many, not how often they were received.
#[derive(Clone, Copy, Default)]
pub(crate) struct Frames {
    /// UDP from or to port 5353.
    pub(crate) mdns: u64,
    /// UDP to port 27181.
    pub(crate) beacon: u64,
    /// Any other UDP.
    pub(crate) chat: u64,
    /// ARP, IGMP and the like.
    pub(crate) other: u64,
}

impl Frames {
    pub(crate) const fn all(self) -> u64 {
        self.mdns + self.beacon + self.chat + self.other
    }

    /// Counts one more: Ethernet, IPv4, UDP (RFC 894, RFC 791, RFC 768).
    fn add(&mut self, frame: &[u8]) {
        const UDP: u8 = 17;
        let ports = || {
            let packet = frame.get(14..).filter(|_| frame.get(12..14) == Some(&[8, 0]))?;
            let header = usize::from(packet.first()? & 0x0F) * 4;
            let datagram = packet.get(header..).filter(|_| packet.get(9) == Some(&UDP))?;
            let (from, to) = (datagram.first_chunk::<2>()?, datagram.get(2..)?.first_chunk::<2>()?);
            Some([u16::from_be_bytes(*from), u16::from_be_bytes(*to)])
        };
        let count = match ports() {
            None => &mut self.other,
            Some(ports) if ports.contains(&5353) => &mut self.mdns,
            Some([_, 27181]) => &mut self.beacon,
            Some(_) => &mut self.chat,
        };
        *count += 1;
    }
}

impl AddAssign for Frames {
    fn add_assign(&mut self, more: Self) {
        self.mdns += more.mdns;
        self.beacon += more.beacon;
        self.chat += more.chat;
        self.other += more.other;
    }
}

/// What listens on one host, and how many frames its interface had sent when it began.
pub(crate) struct Tap<'l> {
    host: &'l Host,
    socket: Socket,
    card: [u8; 6],
    sent: u64,
}

/// Begins to listen on every host.
pub(crate) fn tap(lan: &Lan) -> Vec<Tap<'_>> {
    (1..).zip(lan.hosts()).map(|(number, host)| Tap::new(host, card(number))).collect()
}

/// What came since then, of all hosts together.
pub(crate) fn count(taps: Vec<Tap<'_>>) -> Frames {
    let mut frames = Frames::default();
    taps.into_iter().for_each(|tap| frames += tap.count());
    frames
}

impl<'l> Tap<'l> {
    fn new(host: &'l Host, card: [u8; 6]) -> Self {
        /// Every protocol (`ETH_P_ALL` of Linux).
        const ALL: u16 = 3;
        let (socket, sent) = host.run(|| {
            let every = Protocol::from(i32::from(ALL.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(every)).expect("a socket for frames");
            socket.set_nonblocking(true).expect("a socket that does not wait");
            // Room for a minute: nobody reads before its end.
            set_socket_recv_buffer_size_force(&socket, 16 << 20).expect("room");
            (socket, sent())
        });
        Self { host, socket, card, sent }
    }

    fn count(self) -> Frames {
        let by_interface = self.host.run(sent) - self.sent;
        let (mut frames, mut bytes) = (Frames::default(), [0; 2048]);
        loop {
            match rustix::io::read(&self.socket, &mut bytes) {
                Ok(length) => {
                    let frame = &bytes[..length];
                    // What others sent was heard here too.
                    if frame.get(6..12) == Some(&self.card[..]) {
                        frames.add(frame);
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(error) => panic!("frames cannot be read: {error}"),
            }
        }
        assert!(frames.all().abs_diff(by_interface) <= 2, "{} read, {by_interface} sent", frames.all());
        frames
    }
}

/// Frames that the `eth0` of this thread's host has sent.
fn sent() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/net/dev").expect("the counts of interfaces");
    let line = text.lines().find_map(|line| line.trim().strip_prefix("eth0:")).expect("an eth0");
    // Eight numbers of what came in, then bytes and packets of what went out.
    line.split_whitespace().nth(9).and_then(|packets| packets.parse().ok()).expect("a count")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ethernet, an IPv4 header of `words` words, and the ports of what is inside.
    fn frame(kind: u16, words: u8, protocol: u8, ports: [u16; 2]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend(kind.to_be_bytes());
        let mut header = vec![0; usize::from(words) * 4];
        (header[0], header[9]) = (0x40 | words, protocol);
        frame.extend(header);
        frame.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        frame
    }

    #[test]
    fn frames_are_told_apart_by_their_ports() {
        let mut frames = Frames::default();
        frames.add(&frame(0x0800, 5, 17, [5353, 5353]));
        frames.add(&frame(0x0800, 6, 17, [5353, 40000]));
        frames.add(&frame(0x0800, 5, 17, [27182, 27181]));
        frames.add(&frame(0x0800, 5, 17, [27182, 27183]));
        // TCP, ARP, and one that ends too early.
        frames.add(&frame(0x0800, 5, 6, [5353, 5353]));
        frames.add(&frame(0x0806, 5, 17, [5353, 5353]));
        frames.add(&frame(0x0800, 5, 17, [5353, 5353])[..36]);
        assert_eq!([frames.mdns, frames.beacon, frames.chat, frames.other], [2, 1, 1, 3]);
    }
}
