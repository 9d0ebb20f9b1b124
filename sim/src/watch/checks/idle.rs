//! L6: when nobody says anything and nothing breaks, the network is nearly silent.

use std::time::Duration;

use chat_core::Instant;

use crate::watch::{Check, Fact, Truth};

const SPAN: Duration = Duration::from_secs(60);

/// L6: in a minute in which nothing happens from outside, after everything has settled, a host sends no more than
/// what keeps its sessions and its names alive.
#[derive(Default)]
pub(super) struct Idle {
    /// When the minute began.
    since: Instant,
    sent: Vec<u64>,
}

impl Check for Idle {
    fn name(&self) -> &'static str {
        "L6"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Sent { host, .. } = fact else { return Ok(()) };
        if truth.is_anything_broken() {
            (self.since, self.sent) = (now, Vec::new());
            return Ok(());
        }
        let settled = truth.stirred + truth.bounds.settled();
        if self.since < settled {
            (self.since, self.sent) = (settled, Vec::new());
        }
        if now < self.since {
            return Ok(());
        }
        if now - self.since > SPAN {
            (self.since, self.sent) = (now, Vec::new());
        }
        self.sent.resize(truth.hosts.len(), 0);
        self.sent[*host] += 1;
        let it = &truth.hosts[*host];
        // Each link speaks both families.
        let most = truth.bounds.idle(SPAN, truth.hosts.len() as u64, it.links.len() as u64 * 2);
        if self.sent[*host] > most {
            return Err(format!(
                "host {host} has sent {} datagrams within {:?} although nothing happens, {most} at most",
                self.sent[*host],
                now - self.since
            ));
        }
        Ok(())
    }
}
