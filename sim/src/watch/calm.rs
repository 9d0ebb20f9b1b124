//! Since when the network lets whom alone: what is promised for quiet times is judged only then.

use std::time::Duration;

use chat_core::Instant;

use crate::{
    fault::{DiskFate, DiskTrouble, Fault},
    plan::Plan,
};

/// What happens to one host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calm {
    /// Faults that disturb its talk with others now.
    disturbing: u32,
    /// Faults that keep multicast from it now, and nothing else.
    filters: u32,
    /// Faults by which its disk takes nothing or is slow, and by which it lies.
    pub(crate) disk_troubles: u32,
    lies: u32,
    /// When such a fault last began or ended, or its program started, or its cards changed.
    pub(crate) since: Instant,
    /// When the trouble began that ended then. Troubles that follow close on each other are one.
    began: Instant,
    /// When its disk was last in trouble, and for how long at most.
    pub(crate) disk_since: Instant,
    pub(crate) disk_outage: Duration,
}

/// How a fault disturbs talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Disturbs {
    /// From its beginning to its end.
    Throughout,
    /// At its beginning and its end; afterwards another world is whole.
    Once,
    /// Not at all.
    Never,
}

/// Troubles so close to each other are one: nobody who has lost somebody calls less often than this (contacts,
/// `RETRY_SLOW`).
const CLOSE: Duration = Duration::from_secs(66);

impl Calm {
    pub(crate) fn on_boot(&mut self, now: Instant) {
        (self.since, self.began) = (now, now);
    }

    /// Something changed at once.
    pub(crate) fn on_change(&mut self, now: Instant) {
        if now - self.since > CLOSE && self.disturbing == 0 {
            self.began = now;
        }
        self.since = now;
    }

    /// A fault that strikes this host begins or ends. Whether that disturbs its talk.
    pub(crate) fn on_fault(&mut self, now: Instant, fault: &Fault, begins: bool) -> bool {
        if let Fault::Disk { how: DiskTrouble::Full | DiskTrouble::Slow } = fault {
            if begins {
                self.disk_troubles += 1;
            } else {
                self.disk_troubles = self.disk_troubles.saturating_sub(1);
                self.disk_outage = self.disk_outage.max(now - self.disk_since);
            }
            self.disk_since = now;
        }
        if let Fault::Disk { how: DiskTrouble::Lies } = fault {
            self.lies = if begins { self.lies + 1 } else { self.lies.saturating_sub(1) };
        }
        if let Fault::IgmpAgeing { .. } = fault {
            self.filters = if begins { self.filters + 1 } else { self.filters.saturating_sub(1) };
        }
        match disturbs(fault) {
            Disturbs::Never => return false,
            Disturbs::Once => {}
            Disturbs::Throughout if begins => {
                self.on_change(now);
                self.disturbing += 1;
            }
            Disturbs::Throughout => {
                // Its end is the end of the trouble that it was, however long that was, and no other one.
                self.on_change(now);
                self.disturbing = self.disturbing.saturating_sub(1);
            }
        }
        self.on_change(now);
        true
    }

    pub(crate) const fn is_calm(&self) -> bool {
        self.disturbing == 0
    }

    /// Whether it may hear no multicast, but broadcast.
    pub(crate) const fn is_filtered(&self) -> bool {
        self.filters > 0
    }

    pub(crate) const fn is_disk_lying(&self) -> bool {
        self.lies > 0
    }

    /// How long the last trouble lasted.
    pub(crate) fn outage(&self) -> Duration {
        self.since - self.began
    }
}

/// Whether a fault disturbs those whom it strikes from its beginning to its end.
pub(super) fn lasts(fault: &Fault) -> bool {
    disturbs(fault) == Disturbs::Throughout
}

/// Whether a fault makes a disk lose what it called safe.
pub(super) const fn loses(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Disk { how: DiskTrouble::Lies }
            | Fault::Crash { disk: DiskFate::RolledBack | DiskFate::Wiped }
    )
}

const fn disturbs(fault: &Fault) -> Disturbs {
    match fault {
        Fault::Loss { .. }
        | Fault::Burst { .. }
        | Fault::Duplicate { .. }
        | Fault::Reorder { .. }
        | Fault::Delay { .. }
        | Fault::Corrupt { .. }
        | Fault::Partition { .. }
        | Fault::Filter { .. }
        | Fault::Bandwidth { .. }
        | Fault::Storm { .. }
        | Fault::InterfaceDown
        | Fault::Pause { .. }
        | Fault::Refusal { .. } => Disturbs::Throughout,
        // Two clocks of which one runs fast agree on no time-out, but all bounds are widened by that.
        // Without multicast there is broadcast (L5).
        Fault::AddressChange { .. } | Fault::SecondCard { .. } | Fault::IgmpAgeing { .. } => Disturbs::Once,
        // A crash and a start are facts of their own; clocks and disks must not matter for who meets whom.
        Fault::Crash { .. } | Fault::Clock { .. } | Fault::Disk { .. } | Fault::VersionSkew => {
            Disturbs::Never
        }
    }
}

/// The longest that faults of a plan can hold a datagram back, beyond what its link does.
pub(super) fn held_back(plan: &Plan) -> Duration {
    let held = plan.faults.iter().map(|planned| match &planned.what {
        Fault::Delay { by, jitter } => by.0 + jitter.0,
        Fault::Reorder { by, .. } => by.0,
        // What arrives at a stopped process waits in its socket.
        Fault::Pause { .. } => planned.span.map_or(Duration::ZERO, |span| span.0),
        Fault::Bandwidth { rate, queue } => {
            Duration::from_nanos((queue * 8).saturating_mul(1_000_000_000).checked_div(*rate).unwrap_or(0))
        }
        _ => Duration::ZERO,
    });
    held.sum()
}

/// The largest part in a million by which a clock of a plan runs wrong.
pub(super) fn drift(plan: &Plan) -> u32 {
    let drifts = plan.faults.iter().map(|planned| match planned.what {
        Fault::Clock { drift_ppm, .. } => drift_ppm.unsigned_abs(),
        _ => 0,
    });
    drifts.max().unwrap_or(0)
}

/// The furthest that a wall clock of a plan is set wrong.
pub(super) fn skew(plan: &Plan) -> Duration {
    let skews = plan.faults.iter().map(|planned| match planned.what {
        Fault::Clock { jump_ms, .. } => jump_ms.unsigned_abs(),
        _ => 0,
    });
    Duration::from_millis(skews.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_lasts_from_its_beginning_to_its_end() {
        let (mut calm, at) = (Calm::default(), |seconds| Instant::ORIGIN + Duration::from_secs(seconds));
        calm.on_boot(at(0));
        assert!(calm.on_fault(at(100), &Fault::InterfaceDown, true));
        assert!(calm.on_fault(at(5500), &Fault::InterfaceDown, false));
        assert_eq!((calm.is_calm(), calm.outage()), (true, Duration::from_secs(5400)));
        // Another one, much later.
        calm.on_fault(at(6000), &Fault::InterfaceDown, true);
        calm.on_fault(at(6020), &Fault::InterfaceDown, false);
        assert_eq!(calm.outage(), Duration::from_secs(20));
    }
}
