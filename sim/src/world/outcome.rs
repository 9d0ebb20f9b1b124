//! What is told of a run.

use std::time::Duration;

use chat_core::Stats;

use super::World;
use crate::{
    trace::{Checkpoint, Hash},
    watch::{Violation, tally::Figures},
};

/// What happened how often.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Datagrams that nodes sent.
    pub sent: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Copies under way, one for each receiver: what was sent to many counts for many.
    pub copies: u64,
    /// Copies that arrived at a program.
    pub delivered: u64,
    /// Copies and datagrams that did not, by reason.
    pub lost: [u64; 8],
    /// Times that a node was called for its timer.
    pub wakes: u64,
}

/// How a run went.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// The first property that broke.
    pub violation: Option<Violation>,
    /// The hash of everything that happened.
    pub hash: Hash,
    /// The hash on the way.
    pub checkpoints: Vec<Checkpoint>,
    /// How many events there were.
    pub events: u64,
    /// How much time passed in it.
    pub simulated: Duration,
    /// What happened how often.
    pub counts: Counts,
    /// How often each fault of the plan bit.
    pub fired: Vec<u64>,
    /// How often each foe of the plan acted.
    pub foes: Vec<u64>,
    /// Who knows whom and who has what.
    pub figures: Figures,
}

impl World {
    /// How it went so far.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let mut figures = self.watch.tally.figures(self.now);
        let count = |of: fn(&Stats) -> u64| {
            (0..self.machines.len()).filter_map(|host| self.stats(host)).map(|stats| of(&stats)).sum()
        };
        figures.happened.insert("crowded", count(|stats| stats.session.crowded));
        figures.happened.insert("peer-forgotten", count(|stats| stats.members_forgotten));
        Outcome {
            violation: self.watch.violation.clone(),
            hash: self.trace.hash(),
            checkpoints: self.trace.checkpoints().to_vec(),
            events: self.trace.events(),
            simulated: self.now.since_origin(),
            counts: self.counts.clone(),
            fired: self.fired.clone(),
            foes: self.foes.iter().map(|foe| foe.fired).collect(),
            figures,
        }
    }
}
