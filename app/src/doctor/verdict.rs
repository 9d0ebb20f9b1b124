//! From what is known to what is wrong: a function of facts alone.

use chat_core::{EchoFindings, Interface, PeerFindings, PeerState, Tally, Way};
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
    /// Somebody hears us by other ways, and not what is sent to it alone; what it sends arrives.
    PeerDeaf { peer: usize },
    /// Somebody hears what is sent to it alone, and nothing that it sends to us alone arrives.
    WeAreDeaf { peer: usize },
    /// Somebody is heard by other ways, and nothing passes from one host to the other alone.
    KeptApart { peer: usize },
    /// Somebody who listens does not hear our multicast.
    MulticastUnheard { peer: usize },
    /// Somebody who listens does not hear our broadcast.
    BroadcastUnheard { peer: usize },
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
            Self::PeerDeaf { .. } => "peer-deaf",
            Self::WeAreDeaf { .. } => "deaf",
            Self::KeptApart { .. } => "kept-apart",
            Self::MulticastUnheard { .. } => "multicast-unheard",
            Self::BroadcastUnheard { .. } => "broadcast-unheard",
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
    causes.extend(numbered(facts).filter_map(|(peer, known)| unreached(peer, known)).take(SILENT_MAX));
    let filtered: Vec<Cause> =
        facts.outward().filter_map(|interface| multicast_filtered(facts, interface)).collect();
    let is_filtered = !filtered.is_empty();
    causes.extend(filtered);
    causes.extend(unheard(facts, is_filtered));
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

/// Somebody was found, and is in session neither with us nor with anybody who vouches for it: which direction fails, its
/// answer says.
fn unreached(peer: usize, known: &PeerFindings) -> Option<Cause> {
    if known.state != PeerState::Found {
        return None;
    }
    let Some(EchoFindings { heard, came, .. }) = known.echo else {
        return known.is_silent.then_some(Cause::Silent { peer });
    };
    match (heard.unicast, came.unicast) {
        (false, true) => Some(Cause::PeerDeaf { peer }),
        (true, false) => Some(Cause::WeAreDeaf { peer }),
        (false, false) => Some(Cause::KeptApart { peer }),
        // It is about to come.
        (true, true) => None,
    }
}

/// Those who answer, listen by a way, are heard by it and have not heard us, at most [`SILENT_MAX`] of each. What passes in
/// neither direction is filtered on the way, and nobody's firewall is to blame.
fn unheard(facts: &Facts, is_multicast_filtered: bool) -> Vec<Cause> {
    let answers = || numbered(facts).filter_map(|(number, peer)| Some((number, peer.echo?)));
    let multicast = answers()
        .filter(|(_, echo)| {
            facts.listens() && echo.listens.multicast && !echo.heard.multicast && echo.came.multicast
        })
        .filter(|_| !is_multicast_filtered);
    let broadcast = answers().filter(|(_, echo)| {
        facts.discovery.broadcast && echo.listens.broadcast && !echo.heard.broadcast && echo.came.broadcast
    });
    let multicast = multicast.map(|(peer, _)| Cause::MulticastUnheard { peer }).take(SILENT_MAX);
    multicast.chain(broadcast.map(|(peer, _)| Cause::BroadcastUnheard { peer }).take(SILENT_MAX)).collect()
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
