//! What goes through the sockets, on its way into the file.

use std::{
    io, mem,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::Range,
    sync::Arc,
};

use chat_core::{Datagram, Interface, Trace, Transmit, Via};

use super::{
    Capture, OnCaptureEnd,
    block::{About, Cast, put_interface, put_packet, put_section},
    file::{Handed, Writer},
    packet,
    source::Sources,
};
use crate::{
    clock,
    os::{self, Exit},
    socket::Socket,
};

/// RFC 6762 section 11.
const MDNS_HOPS: u8 = 255;
/// What most systems begin with.
const HOPS: u8 = 64;
/// What one sends to a group is there twice: as it goes out, and as it comes back.
const ECHO: &str = "from this machine: multicast comes back to its sender";
const COMMENT: &str = "Everything that went through the chat's sockets. The headers are made up from what a socket \
                       shows. The comments hold, in plain text, what was said.";

/// Notes everything until it is dropped, or nobody writes any more.
#[derive(Debug)]
pub(crate) struct Tap {
    writer: Writer,
    /// The port of each socket, by kind and family.
    ports: Vec<(Via, bool, u16)>,
    sources: Sources,
    /// The interfaces that the file names, in its order, and how many of them the thread has been given.
    named: Vec<u32>,
    given: usize,
    /// Packets that came in since the last flush, and behind them those that were sent.
    heard: Vec<Noted>,
    sent: Vec<Noted>,
    /// Their bytes.
    bytes: Vec<u8>,
    /// How many came in before those.
    before: u64,
    /// What is told of the next datagram to send, and of those that wait to be sent.
    next: Vec<String>,
    waiting: Vec<Vec<String>>,
    blocks: Vec<u8>,
    /// Packets that were left out.
    dropped: u64,
}

#[derive(Debug)]
struct Noted {
    nanos: u64,
    interface: u32,
    cast: Cast,
    /// Its place in the bytes.
    packet: Range<usize>,
    comments: Vec<String>,
}

impl Tap {
    /// Begins to write.
    pub(crate) fn new(
        capture: Capture,
        program: &str,
        sockets: &[Arc<Socket>],
        on_end: OnCaptureEnd,
    ) -> io::Result<Self> {
        let (writer, mut section) = (Writer::start(capture, on_end)?, Vec::new());
        put_section(&mut section, program, COMMENT);
        // By itself, since the first turn may be too much.
        writer.write(section);
        Ok(Self {
            writer,
            ports: sockets.iter().map(|one| (one.via(), one.is_ipv4(), one.port())).collect(),
            sources: Sources::default(),
            named: Vec::new(),
            given: 0,
            heard: Vec::new(),
            sent: Vec::new(),
            bytes: Vec::new(),
            before: 0,
            next: Vec::new(),
            waiting: Vec::new(),
            blocks: Vec::new(),
            dropped: 0,
        })
    }

    /// A datagram came in, and is about to be handed to the node.
    pub(crate) fn heard(&mut self, datagram: &Datagram<'_>, interfaces: &[Interface]) {
        let (from, via) = (datagram.from, datagram.via);
        let to = match datagram.to {
            unknown if unknown.is_unspecified() => self.sources.towards(from, None, interfaces),
            to => to,
        };
        let to = SocketAddr::new(to, self.port(via, from.is_ipv4()));
        let note = self.note((from, to), via, datagram.interface, datagram.bytes, interfaces);
        let is_echo = note.cast == Cast::Multicast && interface_with(from.ip(), interfaces) != 0;
        let comments = is_echo.then(|| String::from(ECHO)).into_iter().collect();
        self.heard.push(Noted { comments, ..note });
    }

    /// What the node tells of a datagram.
    pub(crate) fn trace(&mut self, trace: Trace) {
        match trace.received {
            None => self.next.extend(trace.lines),
            Some(number) => {
                let place = number.checked_sub(self.before + 1).and_then(|place| usize::try_from(place).ok());
                if let Some(heard) = place.and_then(|place| self.heard.get_mut(place)) {
                    heard.comments.extend(trace.lines);
                }
            }
        }
    }

    /// A datagram waits to be sent: the one that was told of last.
    pub(crate) fn waits(&mut self) {
        self.waiting.push(mem::take(&mut self.next));
    }

    /// Those that waited are over, sent or not.
    pub(crate) fn waits_no_more(&mut self) {
        self.waiting.clear();
    }

    /// The system has taken the datagram that waited at this place.
    pub(crate) fn sent(
        &mut self,
        place: usize,
        transmit: &Transmit,
        (to, exit): (SocketAddr, Option<Exit>),
        interfaces: &[Interface],
    ) {
        let from = self.sources.towards(to, exit, interfaces);
        let interface = match (exit, to) {
            (Some(exit), _) => exit.interface,
            (None, SocketAddr::V6(to)) if to.scope_id() != 0 => to.scope_id(),
            _ => interface_with(from, interfaces),
        };
        let from = SocketAddr::new(from, self.port(transmit.via, to.is_ipv4()));
        let note = self.note((from, to), transmit.via, interface, &transmit.bytes, interfaces);
        let comments = self.waiting.get_mut(place).map(mem::take).unwrap_or_default();
        self.sent.push(Noted { comments, ..note });
    }

    /// The interfaces have changed.
    pub(crate) fn interfaces_changed(&mut self) {
        self.sources.forget();
    }

    /// Hands on what there is; false when nobody takes it any more.
    pub(crate) fn flush(&mut self, interfaces: &[Interface]) -> bool {
        self.before += self.heard.len() as u64;
        let (mut heard, mut sent) = (mem::take(&mut self.heard), mem::take(&mut self.sent));
        let (came, mut count) = (heard.len(), 0);
        for (place, note) in heard.drain(..).chain(sent.drain(..)).enumerate() {
            // What no header fits has kept its place only.
            if !note.packet.is_empty() {
                let dropped = if count == 0 { self.dropped } else { 0 };
                self.put(&note, place >= came, dropped, interfaces);
                count += 1;
            }
        }
        self.bytes.clear();
        (self.heard, self.sent) = (heard, sent);
        if self.blocks.is_empty() {
            return true;
        }
        match self.writer.write(mem::take(&mut self.blocks)) {
            Handed::On => (self.dropped, self.given) = (0, self.named.len()),
            Handed::Back => {
                self.dropped += count;
                // The names of interfaces that were in it are given again.
                self.named.truncate(self.given);
            }
            Handed::ToNobody => return false,
        }
        true
    }

    /// Notes a packet with nothing told of it.
    fn note(
        &mut self,
        (from, to): (SocketAddr, SocketAddr),
        via: Via,
        interface: u32,
        payload: &[u8],
        interfaces: &[Interface],
    ) -> Noted {
        let start = self.bytes.len();
        let is_put = packet::put(&mut self.bytes, (from, to), hops(via), payload);
        debug_assert!(is_put.is_some(), "a datagram that no socket takes");
        let (nanos, cast) = (clock::wall_nanos(), cast(to.ip(), interface, interfaces));
        Noted { nanos, interface, cast, packet: start..self.bytes.len(), comments: Vec::new() }
    }

    fn put(&mut self, note: &Noted, is_outbound: bool, dropped: u64, interfaces: &[Interface]) {
        let place = self.named.iter().position(|&named| named == note.interface).unwrap_or_else(|| {
            put_interface(&mut self.blocks, &name(note.interface, interfaces));
            self.named.push(note.interface);
            self.named.len() - 1
        });
        let Noted { nanos, cast, ref comments, .. } = *note;
        let interface = u32::try_from(place).unwrap_or(u32::MAX);
        let packet = self.bytes.get(note.packet.clone()).unwrap_or_default();
        let about = About { interface, nanos, is_outbound, cast, dropped, comments };
        put_packet(&mut self.blocks, packet, about);
    }

    fn port(&self, via: Via, is_ipv4: bool) -> u16 {
        let port = self.ports.iter().find(|(its, family, _)| (*its, *family) == (via, is_ipv4));
        port.map_or(0, |&(_, _, port)| port)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.flush(&[]);
    }
}

const fn hops(via: Via) -> u8 {
    match via {
        Via::Mdns => MDNS_HOPS,
        Via::Beacon | Via::Chat => HOPS,
    }
}

/// A broadcast is known by the subnet of the interface.
fn cast(to: IpAddr, interface: u32, interfaces: &[Interface]) -> Cast {
    let is_last = |to: Ipv4Addr| {
        let on_link = interfaces.iter().filter(|one| one.index == interface).flat_map(|one| &one.addresses);
        on_link.filter(|own| own.prefix < 31 && own.contains(to.into())).any(|own| {
            let hosts = u32::MAX.checked_shr(own.prefix.into()).unwrap_or(0);
            to.to_bits() & hosts == hosts
        })
    };
    match to {
        to if to.is_multicast() => Cast::Multicast,
        IpAddr::V4(to) if to.is_broadcast() || is_last(to) => Cast::Broadcast,
        _ => Cast::Unicast,
    }
}

/// The interface that has this address, 0 for none.
fn interface_with(address: IpAddr, interfaces: &[Interface]) -> u32 {
    let has = |one: &&Interface| one.addresses.iter().any(|own| own.address == address);
    interfaces.iter().find(has).map_or(0, |one| one.index)
}

/// What the system calls an interface, also one that is not in use.
fn name(index: u32, interfaces: &[Interface]) -> String {
    let used = interfaces.iter().find(|one| one.index == index).map(|one| one.name.clone());
    let other = || os::interface_names().into_iter().find(|(its, _)| *its == index).map(|(_, name)| name);
    used.or_else(other).unwrap_or_else(|| String::from("unknown"))
}

#[cfg(test)]
mod tests;
