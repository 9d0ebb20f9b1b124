//! From what is known to what is wrong: a function of facts alone.

use chat_core::{Interface, PeerFindings, PeerState, Tally, Way};
use chat_net::Why;

use super::{Facts, facts::is_told};

/// A clock that is wrong by more is worth a word.
const CLOCK_MS: u64 = 10_000;
/// Peers that do not answer and are each told of.
const SILENT_MAX: usize = 3;
/// Packets from which on a loss says something.
const PACKETS_MIN: u64 = 20;
/// Percent of packets that may get lost unremarked.
const LOSS: u64 = 10;

/// What is wrong. Peers are told of by their number in the findings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// Nothing is up.
    NoNetwork,
    /// Nothing but loopback is up.
    OnlyThisMachine,
    /// Port 5353 cannot be had.
    PortTaken,
    /// Not even what we send to all ourselves comes back on this interface.
    OwnUnheard { interface: String, multicast: bool, broadcast: bool },
    /// Somebody was found and does not answer.
    Silent { peer: usize },
    /// Our own multicast comes back, that of somebody who is there does not come.
    MulticastFiltered { interface: String },
    /// The clocks of most others differ from ours by so much.
    OwnClock { ahead_ms: i64 },
    /// The clocks of this one and of ours differ.
    Clock { peer: usize, ahead_ms: i64 },
    /// Much of what we send to this one gets lost.
    Lossy { peer: usize, percent: u64 },
    /// All that can be tested works, and nobody is there.
    NobodyElse,
    /// An interface that others may be behind is not used for its name.
    VirtualLeftOut { interface: String },
    /// Nothing.
    AllWell,
}

impl Cause {
    /// The word for it in JSON.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::NoNetwork => "no-network",
            Self::OnlyThisMachine => "only-this-machine",
            Self::PortTaken => "port-taken",
            Self::OwnUnheard { .. } => "own-unheard",
            Self::Silent { .. } => "peer-silent",
            Self::MulticastFiltered { .. } => "multicast-filtered",
            Self::OwnClock { .. } => "own-clock",
            Self::Clock { .. } => "clock",
            Self::Lossy { .. } => "lossy",
            Self::NobodyElse => "nobody-else",
            Self::VirtualLeftOut { .. } => "virtual-left-out",
            Self::AllWell => "all-well",
        }
    }
}

/// The causes in order of likelihood; never none.
pub(crate) fn causes(facts: &Facts) -> Vec<Cause> {
    let left_out = facts.surroundings.interfaces.iter().find(|one| {
        one.left_out == Some(Why::Virtual) && one.interface.addresses.iter().any(|own| is_told(&own.address))
    });
    let left_out = left_out.map(|one| Cause::VirtualLeftOut { interface: one.interface.name.clone() });
    if facts.outward().next().is_none() {
        let first = if facts.used().next().is_none() { Cause::NoNetwork } else { Cause::OnlyThisMachine };
        return [first].into_iter().chain(left_out).collect();
    }
    let mut causes = Vec::new();
    if facts.discovery.mdns && !facts.listens() {
        causes.push(Cause::PortTaken);
    }
    causes.extend(facts.outward().filter_map(|interface| own_unheard(facts, interface)));
    let silent = numbered(facts).filter(|(_, peer)| peer.state == PeerState::Found && peer.is_silent);
    causes.extend(silent.map(|(peer, _)| Cause::Silent { peer }).take(SILENT_MAX));
    causes.extend(facts.outward().filter_map(|interface| multicast_filtered(facts, interface)));
    causes.extend(clocks(facts));
    causes.extend(numbered(facts).filter_map(|(peer, known)| lossy(peer, known)));
    if facts.online() == 0 {
        if causes.is_empty() {
            causes.push(Cause::NobodyElse);
        }
        causes.extend(left_out);
    }
    if causes.is_empty() {
        causes.push(Cause::AllWell);
    }
    causes
}

fn numbered(facts: &Facts) -> impl Iterator<Item = (usize, &PeerFindings)> {
    facts.findings.peers.iter().enumerate()
}

/// What this machine sends to all comes back to it before it leaves: only this machine can drop that.
fn own_unheard(facts: &Facts, interface: &Interface) -> Option<Cause> {
    let many = facts.multicast(interface);
    let broad = facts.tally(interface, Way::Broadcast).unwrap_or_default();
    let is_unheard = |tally: Tally| tally.sent > 0 && (tally.own, tally.others) == (0, 0);
    let multicast = facts.listens() && interface.multicast && is_unheard(many);
    let broadcast = facts.discovery.broadcast && is_unheard(broad);
    let interface = interface.name.clone();
    (multicast || broadcast).then_some(Cause::OwnUnheard { interface, multicast, broadcast })
}

fn multicast_filtered(facts: &Facts, interface: &Interface) -> Option<Cause> {
    let tally = facts.multicast(interface);
    let is_silent = facts.listens() && tally.own > 0 && tally.others == 0;
    // Somebody is there, and should have been heard.
    let is_anybody = facts.neighbours(interface).any(|peer| peer.path.is_some());
    (is_silent && is_anybody).then(|| Cause::MulticastFiltered { interface: interface.name.clone() })
}

/// Of two clocks nobody knows which one is wrong; of more, the one that all others differ from.
fn clocks(facts: &Facts) -> Vec<Cause> {
    let told: Vec<(usize, i64)> =
        numbered(facts).filter_map(|(number, peer)| Some((number, peer.clock_ahead_ms?))).collect();
    let mut wrong: Vec<(usize, i64)> =
        told.iter().copied().filter(|(_, ahead)| ahead.unsigned_abs() > CLOCK_MS).collect();
    if wrong.len() > 1 && wrong.len() * 2 > told.len() {
        wrong.sort_by_key(|(_, ahead)| *ahead);
        let ahead_ms = wrong.get(wrong.len() / 2).map_or(0, |(_, ahead)| *ahead);
        return vec![Cause::OwnClock { ahead_ms }];
    }
    wrong.into_iter().map(|(peer, ahead_ms)| Cause::Clock { peer, ahead_ms }).collect()
}

fn lossy(peer: usize, known: &PeerFindings) -> Option<Cause> {
    let path = known.path.filter(|path| path.sent >= PACKETS_MIN)?;
    let percent = path.lost * 100 / path.sent;
    (percent >= LOSS).then_some(Cause::Lossy { peer, percent })
}

#[cfg(test)]
mod tests;
