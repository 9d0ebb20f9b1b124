//! L1 and L7: those who hear each other are in session, and stay so.

use chat_core::{Event, Instant, PeerState};

use super::rounds::Rounds;
use crate::watch::{Check, Fact, Truth};

/// L1: two programs that hear each other by multicast, undisturbed, list each other in time and from then on.
pub(super) struct Meet {
    rounds: Rounds,
}

impl Default for Meet {
    fn default() -> Self {
        Self { rounds: Rounds::new("L1") }
    }
}

impl Check for Meet {
    fn name(&self) -> &'static str {
        self.rounds.name()
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        self.rounds.look_at_shaken(truth, now);
        if let Fact::Told { host, event: Event::Peer(change) } = fact
            && matches!(change.state, PeerState::Quit | PeerState::Lost)
        {
            self.rounds.look_at(now, *host);
        }
        self.end(truth, now)
    }

    fn end(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        let stranger = |one, other| {
            let pairs = [(one, other), (other, one)];
            let (one, other) = pairs.into_iter().find(|(one, other)| !truth.lists(*one, *other))?;
            Some(format!(
                "host {one} does not list host {other}, although both have been undisturbed since {:?} and had to \
                 meet by {:?}",
                truth.undisturbed(one, other).unwrap_or(now).since_origin(),
                truth.meet_by(one, other).unwrap_or(now).since_origin()
            ))
        };
        self.rounds.judge(truth, now, |one, other| truth.meet_by(one, other), stranger)
    }
}
