//! How often others claim what is ours, and how long we wait for it (RFC 6762 sections 8.1 and 9).

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::Instant;

/// So many conflicts within [`CONFLICT_SPAN`] are not normal (RFC 6762 section 8.1).
const CONFLICTS_MAX: usize = 15;
const CONFLICT_SPAN: Duration = Duration::from_secs(10);
/// The wait before every further attempt then (RFC 6762 section 8.1).
const CONFLICT_WAIT: Duration = Duration::from_secs(5);
/// Whoever contradicts us again is not heard for so long, and twice as long each time.
const HOLD: Duration = Duration::from_secs(5);
const DOUBLINGS: u32 = 4;
/// Without contradiction for so long all is forgotten.
const CALM: Duration = Duration::from_secs(60);
/// Without a free name after this time, the person who reads the log is told (RFC 6762 section 9).
const FAILED_AFTER: Duration = Duration::from_secs(60);

/// The conflicts of late, of all links together.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    times: VecDeque<Instant>,
    many: bool,
    /// The first one since a name was ours, and whether that is in the log.
    first: Option<(Instant, bool)>,
    /// Until when nobody is heard who contradicts us about a name that is ours, and how many were.
    contradicted: (Instant, u32),
}

impl Conflicts {
    /// How long to wait before the next attempt after this conflict over the name of `label`.
    pub(super) fn on_conflict(&mut self, now: Instant, label: &str) -> Duration {
        let (first, is_logged) = self.first.get_or_insert((now, false));
        if now - *first >= FAILED_AFTER && !*is_logged {
            *is_logged = true;
            log::error!("for a minute no name has been free, {label:?} neither: somebody takes each of them");
        }
        self.times.retain(|&time| now - time < CONFLICT_SPAN);
        self.times.push_back(now);
        if self.times.len() >= CONFLICTS_MAX {
            self.many = true;
            self.times.pop_front();
        }
        if self.many { CONFLICT_WAIT } else { Duration::ZERO }
    }

    /// Somebody contradicts us about a name that is ours. Whether that is a reason to ask again for it: not when we have just
    /// done so, and less and less often.
    pub(super) fn is_doubtful(&mut self, now: Instant) -> bool {
        let (until, times) = self.contradicted;
        if now < until {
            return false;
        }
        let times = if now - until >= CALM { 0 } else { times };
        self.contradicted = (now + HOLD * (1 << times.min(DOUBLINGS)), times.saturating_add(1));
        true
    }

    /// A name was ours at last.
    pub(super) fn on_success(&mut self) {
        (self.many, self.first) = (false, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(1_000_000 + millis)
    }

    #[test]
    fn whoever_contradicts_us_again_and_again_is_heard_less_and_less() {
        let mut conflicts = Conflicts::default();
        let heard: alloc::vec::Vec<u64> =
            (0..300).filter(|second| conflicts.is_doubtful(at(second * 1000))).collect();
        assert_eq!(heard, [0, 5, 15, 35, 75, 155, 235]);
        // The last one held for 80 s; after a minute more it begins anew.
        assert!(conflicts.is_doubtful(at(375_000)) && !conflicts.is_doubtful(at(379_999)));
        assert!(conflicts.is_doubtful(at(380_000)));
    }
}
