//! L1 and L7: those who hear each other are in session, and stay so.

use std::collections::BTreeSet;

use chat_core::{Event, Instant, PeerState};

use super::name_of;
use crate::watch::{Check, Fact, Truth};

/// L1: two programs that hear each other by multicast, undisturbed, list each other in time and from then on.
#[derive(Default)]
pub(super) struct Meet {
    /// When to look whom a host is in session with.
    due: BTreeSet<(Instant, usize)>,
    broke: Option<&'static str>,
}

impl Check for Meet {
    fn name(&self) -> &'static str {
        self.broke.unwrap_or("L1")
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        self.due.extend(truth.shaken.iter().map(|host| (now, *host)));
        if let Fact::Told { host, event: Event::Peer(change) } = fact
            && matches!(change.state, PeerState::Quit | PeerState::Lost)
        {
            self.due.insert((now, *host));
        }
        self.judge(truth, now)
    }

    fn end(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        self.judge(truth, now)
    }
}

impl Meet {
    fn judge(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        // Strictly: what happens at one instant happens in an order that means nothing.
        while let Some(&(at, host)) = self.due.first().filter(|(at, _)| *at < now) {
            self.due.pop_first();
            if !truth.is_mesh() {
                continue;
            }
            let mut next: Option<Instant> = None;
            for other in 0..truth.hosts.len() {
                let Some(by) = truth.meet_by(host, other) else { continue };
                for (one, other) in [(host, other), (other, host)] {
                    if truth.lists(one, other) {
                        continue;
                    }
                    if by <= at {
                        self.broke = Some(name_of(truth, "L1"));
                        return Err(format!(
                            "host {one} does not list host {other}, although both have been undisturbed since {:?} \
                             and had to meet by {:?}",
                            truth.undisturbed(one, other).unwrap_or(now).since_origin(),
                            by.since_origin()
                        ));
                    }
                    next = Some(next.map_or(by, |next| next.min(by)));
                }
            }
            self.due.extend(next.map(|next| (next, host)));
        }
        Ok(())
    }
}
