//! What must be so between any two from some time on: when to look at whom.

use std::collections::BTreeSet;

use chat_core::Instant;

use super::name_of;
use crate::watch::Truth;

/// Looks at a host and all others when asked to, and again whenever a promise between two of them falls due.
pub(super) struct Rounds {
    promise: &'static str,
    due: BTreeSet<(Instant, usize)>,
    broke: Option<&'static str>,
}

impl Rounds {
    pub(super) const fn new(promise: &'static str) -> Self {
        Self { promise, due: BTreeSet::new(), broke: None }
    }

    /// The promise, or the name under which it broke.
    pub(super) fn name(&self) -> &'static str {
        self.broke.unwrap_or(self.promise)
    }

    /// What `host` has with all others is looked at after `now`.
    pub(super) fn look_at(&mut self, now: Instant, host: usize) {
        self.due.insert((now, host));
    }

    /// Whom the last fact has shaken.
    pub(super) fn look_at_shaken(&mut self, truth: &Truth, now: Instant) {
        self.due.extend(truth.shaken.iter().map(|host| (now, *host)));
    }

    /// Looks at all that are due. `by` says from when on something must be so between two, `wrong` what is not.
    pub(super) fn judge(
        &mut self,
        truth: &Truth,
        now: Instant,
        by: impl Fn(usize, usize) -> Option<Instant>,
        wrong: impl Fn(usize, usize) -> Option<String>,
    ) -> Result<(), String> {
        // Strictly: what happens at one instant happens in an order that means nothing.
        while let Some(&(at, host)) = self.due.first().filter(|(at, _)| *at < now) {
            self.due.pop_first();
            if !truth.is_mesh() {
                continue;
            }
            let mut next: Option<Instant> = None;
            for other in 0..truth.hosts.len() {
                let Some(by) = by(host, other) else { continue };
                if by > at {
                    next = Some(next.map_or(by, |next| next.min(by)));
                } else if let Some(what) = wrong(host, other) {
                    let is_filtered = self.promise == "L1" && truth.is_filtered(host, other);
                    self.broke = Some(name_of(truth, if is_filtered { "L5" } else { self.promise }));
                    return Err(what);
                }
            }
            self.due.extend(next.map(|next| (next, host)));
        }
        Ok(())
    }
}
