//! What must come of a run, and whether it did.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    fault::Kind,
    plan::Plan,
    units::{Share, Span},
    watch::Violation,
    world::Outcome,
};

/// What must come of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expect {
    /// So long after the last trouble all who can hear each other know each other. Without it [`CONVERGENCE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converge_within: Option<Span>,
    /// They never have to.
    #[serde(default, skip_serializing_if = "is_false")]
    pub apart: bool,
    /// At least this share of messages is with whoever should have it: those said, to those who run, since
    /// [`CONVERGENCE`] before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Share>,
    /// What must have happened at least once, by the names of [`SOMETIMES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sometimes: Vec<String>,
    /// How polite discovery must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polite: Option<Polite>,
    /// The first so many faults must have struck, each of them; without it all. The others were left to chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certain: Option<usize>,
    /// Nothing of the above holds yet, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
}

/// How much discovery may say, and how soon it must have found somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Polite {
    /// So many others each has found ...
    pub candidates: usize,
    /// ... so long after the start of the run.
    pub within: Span,
    /// Packets a second of any one host, for five seconds at a time.
    pub each: u64,
    /// After that time: packets a second of all together that are for many ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// ... and their bytes ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// ... and packets for many a second of any one host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest: Option<u64>,
}

/// Lost peers are retried every 5 to 10 s, so that a healed partition is whole within 15 s (DESIGN section 4); who is
/// found then has to be probed, announced, asked for (RFC 6762 sections 5 and 8: 5 s with every wait at its longest).
pub const CONVERGENCE: Duration = Duration::from_secs(20);

/// What is counted besides the kinds of faults: a name, and what it means.
pub const SOMETIMES: &[(&str, &str)] = &[
    ("message-said", "a message was durable at its author's"),
    ("message-delivered", "somebody was shown what another said"),
    ("message-late", "a message came by repair and not when it was said"),
    ("message-direct", "a direct message arrived"),
    ("receipt", "an author learnt that others have stored a message"),
    ("text-refused", "a text was refused before it was said: too long, or none"),
    ("store-full", "a message was refused because the store takes nothing more"),
    ("refused", "a command was refused for another reason"),
    ("peer-found", "discovery saw a peer"),
    ("peer-online", "a peer proved who it is"),
    ("peer-suspect", "a peer did not answer"),
    ("peer-lost", "a peer stopped answering for good: its session was lost"),
    ("peer-quit", "a peer said goodbye"),
    ("peer-vouched", "a peer is online without a session of one's own"),
    ("key-twice", "one key spoke from two places at once"),
    ("by-broadcast", "a peer was found by broadcast"),
    ("by-exchange", "a peer was found through another"),
    ("by-relay", "a peer was reached over a neighbour that passes things on"),
    ("relay-changed", "a peer was reached over another neighbour than before"),
    ("relay-left", "a peer that was reached over a neighbour was reached by itself"),
    ("room-entered", "somebody entered a room"),
    ("renamed", "an instance name was taken, and another chosen"),
    ("restarted", "a program was started again"),
    ("crowded", "a session was refused because too many came from one address already"),
    ("multicast-lost", "a program was told that multicast does not work"),
    ("peer-forgotten", "a peer that was gone for long was forgotten"),
    ("keys-compared", "two persons were shown digits to compare"),
    ("file-received", "somebody has all bytes of a file that another offered"),
    ("file-waits", "a file waits for whoever offers it"),
    ("rekeyed", "somebody gave a private room another key"),
    ("key-given", "somebody was given the other key of a room"),
    ("key-told-of", "somebody read that a room has another key, and had not been given it"),
    ("followed", "somebody moved to the room that took the place of theirs"),
    ("imported", "somebody took in what was carried over and was new to them"),
    ("erased", "something was erased since it was older than what is kept"),
    ("verified", "a message came from a peer whose key the person has verified"),
];

/// What a name of `sometimes` means; nothing if there is no such name.
#[must_use]
pub fn describe(name: &str) -> Option<&'static str> {
    let own = SOMETIMES.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning);
    own.or_else(|| Kind::named(name).map(|_| "a fault of that kind struck"))
}

/// How a run is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// All is well.
    Pass,
    /// A property broke, or what had to come did not.
    Broken(Violation),
    /// What the run was made for never happened; the names.
    Vacuous(Vec<String>),
    /// It fails, and that was expected: why, and how.
    Pending(String, Box<Self>),
    /// It passes although it was expected to fail; the reason given.
    NoMorePending(String),
}

impl Expect {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Judges a run of `plan` that came to its end, or to a violation.
    #[must_use]
    pub fn judge(&self, plan: &Plan, outcome: &Outcome) -> Verdict {
        let verdict = self.judge_as_if_ready(plan, outcome);
        match &self.pending {
            None => verdict,
            Some(reason) if verdict == Verdict::Pass => Verdict::NoMorePending(reason.clone()),
            // Nothing excuses a panic.
            Some(_) if matches!(&verdict, Verdict::Broken(violation) if violation.check == "S14") => verdict,
            Some(reason) => Verdict::Pending(reason.clone(), Box::new(verdict)),
        }
    }

    fn judge_as_if_ready(&self, plan: &Plan, outcome: &Outcome) -> Verdict {
        if let Some(violation) = &outcome.violation {
            return Verdict::Broken(violation.clone());
        }
        if let Some(what) = self.unmet(plan, outcome) {
            let at = chat_core::Instant::ORIGIN + outcome.simulated;
            return Verdict::Broken(Violation { check: "expect", at, what });
        }
        let missing = self.never(plan, outcome);
        if missing.is_empty() { Verdict::Pass } else { Verdict::Vacuous(missing) }
    }

    /// How long the run must go on after the last trouble.
    #[must_use]
    pub fn settling(&self) -> Duration {
        if self.apart { Duration::ZERO } else { self.converge_within.map_or(CONVERGENCE, |span| span.0) }
    }

    fn unmet(&self, plan: &Plan, outcome: &Outcome) -> Option<String> {
        let figures = &outcome.figures;
        let limit = plan.calm() + self.settling();
        if !self.apart && limit <= outcome.simulated {
            let shown = humantime::format_duration(self.settling());
            if let Some((one, other)) = figures.strangers {
                let more = match figures.missing - 1 {
                    0 => String::new(),
                    more => format!(", and so it is {more} more times"),
                };
                return Some(format!(
                    "host {one} does not know host {other} at the end, {shown} or more after the last trouble{more}"
                ));
            }
            if let Some(at) = figures.whole_after_calm.filter(|at| *at > limit) {
                let late = humantime::format_duration(at - limit);
                return Some(format!(
                    "all know each other only {late} later than {shown} after the last trouble"
                ));
            }
        }
        if let (Some(polite), Some(quiet)) = (&self.polite, &figures.quiet)
            && let Some(what) = polite.unmet(quiet)
        {
            return Some(what);
        }
        let wanted = self.delivery?;
        let have = figures.delivery();
        (have < wanted).then(|| {
            format!(
                "delivery is {have:?} and not {wanted:?}: {} of {} are missing",
                figures.due - figures.shown,
                figures.due
            )
        })
    }

    /// The faults, the foes and the `sometimes` that never happened.
    fn never(&self, plan: &Plan, outcome: &Outcome) -> Vec<String> {
        let certain = self.certain.unwrap_or(plan.faults.len());
        let faults = plan.faults.iter().zip(&outcome.fired).enumerate().take(certain);
        let idle = faults.filter(|(_, (_, fired))| **fired == 0);
        let idle = idle.map(|(number, (fault, _))| format!("fault {number} ({})", fault.what.kind().name()));
        let foes = plan.foes.iter().zip(&outcome.foes).enumerate();
        let harmless = foes.filter(|(_, (foe, fired))| foe.at.0 < outcome.simulated && **fired == 0);
        let harmless = harmless.map(|(number, (foe, _))| format!("foe {number} ({:?})", foe.model));
        let never = self.sometimes.iter().filter(|name| outcome.count(plan, name) == 0);
        idle.chain(harmless).chain(never.cloned()).collect()
    }
}

impl Outcome {
    /// How often something happened, by its name in [`SOMETIMES`] or that of a kind of fault.
    #[must_use]
    pub fn count(&self, plan: &Plan, name: &str) -> u64 {
        match Kind::named(name) {
            Some(kind) => self.struck(plan, kind),
            None => self.figures.happened.get(name).copied().unwrap_or(0),
        }
    }

    /// How often faults of a kind struck.
    #[must_use]
    pub fn struck(&self, plan: &Plan, kind: Kind) -> u64 {
        let faults = plan.faults.iter().zip(&self.fired);
        faults.filter(|(fault, _)| fault.what.kind() == kind).map(|(_, fired)| *fired).sum()
    }
}

/// For serde, which wants a reference.
fn is_false(value: &bool) -> bool {
    !value
}
