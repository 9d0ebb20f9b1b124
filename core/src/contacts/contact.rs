//! One peer of the book: its addresses, and who named each of them.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::{schedule::Regard, sources::Sources};
use crate::{discovery::Sighting, event::Source, identity::BootId, text::Nick, time::Instant};

/// Addresses kept for one peer.
pub(super) const ADDRESSES_MAX: usize = 8;
/// Of those, so many are kept since it has proven itself there (as in the store, DESIGN section 6).
const PROVEN_MAX: usize = 4;

/// What is known of one peer.
#[derive(Debug)]
pub(super) struct Contact {
    /// In the order in which they are called.
    candidates: Vec<Candidate>,
    pub(super) nick: Option<Nick>,
    /// When it was last known to be there: seen, typed, remembered or in session.
    pub(super) fresh: Instant,
    /// Whether it has been in session in this run.
    pub(super) is_proven: bool,
    /// Whether there was no place for it: it is called patiently.
    pub(super) is_crowded: bool,
    /// Rounds of calls since there was something new about it.
    pub(super) rounds: u32,
    /// The same, whoever it is; 1 while it is known to be lost.
    pub(super) misses: u32,
    /// When it was called last.
    pub(super) dialled: Option<Instant>,
    /// When the last session with it ended that needed nobody else.
    pub(super) lost: Option<Instant>,
    /// When it was first heard of.
    pub(super) since: Instant,
    /// Whether it has just come, and is called soon although it is not ours to call.
    pub(super) is_awaited: bool,
}

/// An address at which the peer may be.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    /// Who names it; [`Source::Remembered`] once a handshake has proven it, in this run or an earlier one.
    pub(super) sources: Sources,
    /// Who named it first: that one has found the peer.
    first: Source,
    pub(super) boot: Option<BootId>,
}

impl Contact {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            candidates: Vec::new(),
            nick: None,
            fresh: now,
            is_proven: false,
            is_crowded: false,
            rounds: 0,
            misses: 0,
            dialled: None,
            lost: None,
            since: now,
            is_awaited: false,
        }
    }

    pub(super) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter()
    }

    /// The address that is called first; `None` when nothing names the peer any more.
    pub(super) fn first_address(&self) -> Option<SocketAddr> {
        self.candidates.first().map(|candidate| candidate.address)
    }

    /// Who named it first.
    pub(super) fn found_by(&self) -> Option<Source> {
        self.candidates.first().map(|candidate| candidate.first)
    }

    /// Takes an address of a sighting in. Answers whether that is a reason to dial.
    pub(super) fn propose(&mut self, address: SocketAddr, sighting: &Sighting) -> bool {
        let known = self.candidates.iter().any(|candidate| candidate.address == address);
        if !known && self.candidates.len() >= ADDRESSES_MAX {
            // What the same source does not name any more makes room.
            let old = self.candidates.iter().position(|candidate| {
                candidate.sources == Sources::of(sighting.source)
                    && !sighting.addresses.contains(&candidate.address)
            });
            old.map(|index| self.candidates.remove(index));
        }
        self.add(address, sighting.source, sighting.boot)
    }

    /// Takes over what named the peer by its address only, now that it is known who it is.
    pub(super) fn merge(&mut self, other: Self, boot: BootId) {
        for Candidate { address, sources, .. } in other.candidates {
            for source in sources.iter() {
                self.add(address, source, Some(boot));
            }
        }
    }

    /// This run of the peer has proven itself at `address`: whatever becomes of those who named it, it is called there
    /// again when it is lost, before all others. Answers who found it there.
    pub(super) fn prove(&mut self, address: SocketAddr, boot: BootId) -> Source {
        let known = self.candidates.iter().position(|candidate| candidate.address == address);
        let mut proven = match known {
            Some(index) => self.candidates.remove(index),
            // Nobody named it: it called us.
            None => Candidate { address, sources: Sources::default(), first: Source::Outside, boot: None },
        };
        proven.boot = Some(boot);
        proven.sources.insert(Source::Remembered);
        let first = proven.first;
        self.candidates.insert(0, proven);
        let is_proven = |candidate: &&mut Candidate| candidate.sources.contains(Source::Remembered);
        if let Some(oldest) = self.candidates.iter_mut().filter(is_proven).nth(PROVEN_MAX) {
            oldest.sources.remove(Source::Remembered);
        }
        self.candidates.retain(|candidate| !candidate.sources.is_empty());
        if self.candidates.len() > ADDRESSES_MAX {
            let typed = |candidate: &Candidate| candidate.sources.contains(Source::Manual);
            let last = self.candidates.iter().rposition(|candidate| !typed(candidate));
            self.candidates.remove(last.unwrap_or(0).max(1));
        }
        first
    }

    /// A source does not name the peer any more, or not this run of it.
    pub(super) fn withdraw(&mut self, source: Source, boot: Option<BootId>) {
        self.candidates.retain_mut(|candidate| {
            if boot.is_none() || candidate.boot == boot {
                candidate.sources.remove(source);
            }
            !candidate.sources.is_empty()
        });
    }

    /// This run of the peer said goodbye. What only remembers other runs names nobody who is there, unless they are in
    /// session.
    pub(super) fn quit(&mut self, boot: BootId, is_live: impl Fn(BootId) -> bool) {
        self.candidates.retain(|candidate| {
            let is_named = || candidate.sources.iter().any(|source| source != Source::Remembered);
            candidate.sources.contains(Source::Manual)
                || candidate.boot != Some(boot) && (is_named() || candidate.boot.is_some_and(&is_live))
        });
    }

    /// Whether a handshake has proven who it is, now or in an earlier run.
    pub(super) fn is_proven(&self) -> bool {
        self.is_proven || self.has_source(Source::Remembered)
    }

    /// How much speaks for calling it.
    pub(super) fn regard(&self) -> Regard {
        match self.rounds {
            _ if self.is_proven() || self.has_source(Source::Manual) => Regard::Friend,
            0 => Regard::Stranger,
            _ => Regard::Silent,
        }
    }

    pub(super) fn has_source(&self, source: Source) -> bool {
        self.candidates.iter().any(|candidate| candidate.sources.contains(source))
    }

    fn add(&mut self, address: SocketAddr, source: Source, boot: Option<BootId>) -> bool {
        let known = self.candidates.iter_mut().find(|candidate| candidate.address == address);
        if let Some(candidate) = known {
            candidate.sources.insert(source);
            let another = boot.is_some() && candidate.boot != boot;
            candidate.boot = boot.or(candidate.boot);
            return another;
        }
        let room = self.candidates.len() < ADDRESSES_MAX;
        if room {
            // Most have one, and there are thousands of peers.
            self.candidates.reserve_exact(1);
            let sources = Sources::of(source);
            self.candidates.push(Candidate { address, sources, first: source, boot });
        }
        room
    }
}
