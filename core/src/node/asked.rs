//! Others examine the network: whoever hears them answers once, by all ways, and says by which it has heard.

use alloc::{collections::VecDeque, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr, SocketAddrV6},
    time::Duration,
};

use super::{Node, due::interface_of};
use crate::{
    boundary::{Datagram, Output, Transmit, Via},
    discovery::{Call, Nonce, Word, beacon},
    findings::Reached,
    mdns::Mdns,
    session::Pace,
    time::Instant,
};

/// From the first word of an ask to the answer: until then it may have come by the other ways, too.
const GATHER: Duration = Duration::from_millis(300);
/// Answers that wait.
const WAITING_MAX: usize = 16;
/// Asks that are remembered, so that each is answered once.
const DONE_MAX: usize = 64;
/// Answers to everybody together: each is one multicast and one broadcast, and whoever goes on asking gets no more than
/// one of them every two seconds out of everybody.
const ANSWERING: Pace = Pace { each: Duration::from_secs(2), burst: 8 };
/// Of those who are not in session with the asker so many answer what everybody hears.
const ANSWERS: u64 = 16;

/// What others have asked.
#[derive(Debug)]
pub(super) struct Asked {
    waiting: Vec<Answer>,
    done: VecDeque<(Nonce, [u8; 8])>,
    paced: Instant,
}

impl Default for Asked {
    fn default() -> Self {
        Self { waiting: Vec::new(), done: VecDeque::new(), paced: Instant::ORIGIN }
    }
}

/// An answer that waits.
#[derive(Debug)]
struct Answer {
    nonce: Nonce,
    id: [u8; 8],
    to: SocketAddr,
    heard: Reached,
    at: Instant,
}

impl Asked {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.waiting.iter().map(|answer| answer.at).min()
    }
}

impl Node {
    /// Whether this is no packet of a session but somebody who examines the network; then it is dealt with.
    pub(super) fn is_call(&mut self, datagram: &Datagram<'_>) -> bool {
        let Some(call) = beacon::read_call(datagram.bytes) else { return false };
        self.on_call(&call, Reached::UNICAST, datagram.from.ip(), datagram.interface);
        true
    }

    /// Somebody at `from` asks or answers.
    pub(super) fn on_call(&mut self, call: &Call, by: Reached, from: IpAddr, interface: u32) {
        if call.id == self.identity.key().short() || self.quitting.is_some() {
            return;
        }
        match call.word {
            Word::Ask => self.on_ask(call, by, address(from, call.port, interface)),
            Word::Echo { heard, listens } => self.on_echo(call, heard, listens, by),
        }
    }

    fn on_ask(&mut self, call: &Call, by: Reached, to: SocketAddr) {
        let name = (call.nonce, call.id);
        if self.asked.done.contains(&name) {
            let waiting = self.asked.waiting.iter_mut().find(|answer| (answer.nonce, answer.id) == name);
            waiting.into_iter().for_each(|answer| answer.heard = answer.heard.and(by));
            return;
        }
        let is_ours = by.unicast || self.peers.values().any(|peer| peer.key.short() == call.id);
        let all = u64::try_from(self.contacts.known()).unwrap_or(u64::MAX).max(1);
        if !is_ours && self.rng.below(all) >= ANSWERS {
            return;
        }
        if self.asked.waiting.len() >= WAITING_MAX
            || !self.contacts.is_near(to)
            || !ANSWERING.take(self.now, &mut self.asked.paced)
        {
            self.stats.asks_dropped += 1;
            return;
        }
        if self.asked.done.len() >= DONE_MAX {
            self.asked.done.pop_front();
        }
        self.asked.done.push_back(name);
        let (nonce, id) = name;
        self.asked.waiting.push(Answer { nonce, id, to, heard: by, at: self.now + GATHER });
    }

    /// Answers those whose time has come.
    pub(super) fn on_asked_due(&mut self) {
        let now = self.now;
        if self.asked.next_wake().is_none_or(|at| at > now) {
            return;
        }
        let (due, later): (Vec<_>, Vec<_>) =
            core::mem::take(&mut self.asked.waiting).into_iter().partition(|answer| answer.at <= now);
        self.asked.waiting = later;
        let listens = Reached {
            multicast: self.discoveries.mdns.as_ref().is_some_and(Mdns::listens),
            broadcast: self.discoveries.beacon.is_some(),
            unicast: true,
        };
        for Answer { nonce, to, heard, .. } in due {
            self.call(Word::Echo { heard, listens }, nonce, &[to]);
        }
    }

    /// Says something to everybody, and to these.
    pub(super) fn call(&mut self, word: Word, nonce: Nonce, to: &[SocketAddr]) {
        let (id, port) = (self.identity.key().short(), self.config.chat_port);
        let call = Call { word, nonce, id, port };
        if let Some(mdns) = &mut self.discoveries.mdns {
            mdns.call(self.now, &call, &mut self.stats.mdns, &mut self.found);
        }
        if let Some(beacon) = &mut self.discoveries.beacon {
            beacon.call(&call, &mut self.stats.beacon, &mut self.found);
        }
        let bytes = beacon::write_call(&self.announcement(), false, &call);
        for &to in to {
            self.stats.transmits += 1;
            let (via, interface) = (Via::Chat, interface_of(&to));
            self.outputs.push(Output::Transmit(Transmit { via, interface, to, bytes: bytes.clone() }));
        }
    }
}

/// Where somebody's chat is who was heard on `interface`.
fn address(from: IpAddr, port: u16, interface: u32) -> SocketAddr {
    match from {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(v6, port, 0, interface).into(),
        from => SocketAddr::new(from, port),
    }
}
