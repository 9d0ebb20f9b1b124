//! L4: whoever leaves is missed.

use std::collections::BTreeSet;

use chat_core::{BootId, Instant, PeerKey};

use super::name_of;
use crate::watch::{Check, Fact, Truth, truth::Listed};

/// L4: a program that ended is not listed any more: after a goodbye at once, after a crash in time.
#[derive(Default)]
pub(super) struct Leave {
    due: BTreeSet<(Instant, PeerKey, BootId)>,
    broke: Option<&'static str>,
}

impl Check for Leave {
    fn name(&self) -> &'static str {
        self.broke.unwrap_or("L4")
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        if let Fact::Ended { host, goodbye } = fact {
            let it = &truth.hosts[*host];
            if *goodbye {
                self.due.insert((now + truth.bounds.goodbye_noticed(), it.key, it.boot));
            }
            self.due.insert((now + truth.bounds.crash_noticed(true), it.key, it.boot));
        }
        // Whoever slept, or heard too little, notices from now on.
        for host in &truth.shaken {
            let ended =
                |who: &&(PeerKey, BootId)| truth.boots.get(who).is_some_and(|ran| ran.ended.is_some());
            let listed = truth.hosts[*host].listed.keys().filter(ended);
            let noticed = now + truth.bounds.crash_noticed(true);
            self.due.extend(listed.map(|(key, boot)| (noticed, *key, *boot)));
        }
        self.judge(truth, now)
    }

    fn end(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        self.judge(truth, now)
    }
}

/// Whether its session went over somebody who has ended, too: nobody is left who could say that it does not answer.
fn is_over_somebody_gone(truth: &Truth, listed: &Listed) -> bool {
    let ended = |key: PeerKey| {
        let runs = truth.boots.iter().filter(move |(who, _)| who.0 == key);
        runs.filter_map(|(_, ran)| ran.ended).any(|(at, _)| at >= listed.since)
    };
    listed.over().is_some_and(ended)
}

impl Leave {
    fn judge(&mut self, truth: &Truth, now: Instant) -> Result<(), String> {
        while let Some(&(at, key, boot)) = self.due.first().filter(|(at, ..)| *at < now) {
            self.due.pop_first();
            let Some(ran) = truth.boots.get(&(key, boot)) else { continue };
            let Some((ended, _)) = ran.ended else { continue };
            let crashed = at >= ended + truth.bounds.crash_noticed(true);
            let mut again: Option<Instant> = None;
            for (host, it) in truth.hosts.iter().enumerate() {
                let Some(listed) = it.listed.get(&(key, boot)).filter(|_| it.is_quiet()) else { continue };
                let since = listed.since;
                // A goodbye is for those in session, whom nothing disturbed while it was said.
                let left = &truth.hosts[ran.host].calm;
                let heard = it.calm.since.max(left.since).max(since) + truth.bounds.settled() < ended;
                let from = if crashed { it.calm.since.max(since).max(ended) } else { ended };
                let by = match crashed {
                    true if since > ended => from + truth.bounds.hearsay_noticed(),
                    true => {
                        let direct = listed.was_direct(ended) && !is_over_somebody_gone(truth, listed);
                        from + truth.bounds.crash_noticed(direct)
                    }
                    false => at,
                };
                if by <= at && (crashed || heard && left.is_calm()) {
                    self.broke = Some(name_of(truth, "L4"));
                    let how = if crashed { "ended" } else { "said goodbye" };
                    return Err(format!(
                        "host {host} still lists host {}, which {how} at {ended:?}",
                        ran.host
                    ));
                }
                if by > at {
                    again = Some(again.map_or(by, |again| again.min(by)));
                }
            }
            self.due.extend(again.map(|again| (again, key, boot)));
        }
        Ok(())
    }
}
