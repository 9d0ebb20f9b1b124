//! Those who look on: they see every fact of a run and say at once what must not be.

use chat_core::{
    Action, BootId, Event, Instant, Interface, PeerKey, Record, Sizes, StoreError, Suite, Token, Transmit,
};

use crate::{
    host::disk::Disk,
    lan::Flight,
    plan::{Plan, Runs},
};

mod bounds;
mod calm;
mod checks;
pub(crate) mod explain;
pub(crate) mod follow;
pub(crate) mod quiet;
mod siege;
pub(crate) mod tally;
pub(crate) mod truth;

pub(crate) use follow::Follow;
pub(crate) use tally::Tally;
pub(crate) use truth::Truth;

/// Something that happened, as the simulator knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact<'a> {
    /// A program was started.
    Booted {
        /// On which host.
        host: usize,
        /// Which of its runs this is.
        boot: BootId,
        /// What it finds on its disk.
        disk: &'a Disk,
    },
    /// A program ended: by itself after a goodbye, or by a crash.
    Ended {
        /// On which host.
        host: usize,
        /// Whether it said goodbye.
        goodbye: bool,
    },
    /// The cards of a host are these from now on, as its system lists them.
    Cards {
        host: usize,
        interfaces: &'a [Interface],
        /// The links of those that are up.
        links: &'a [usize],
    },
    /// A person asked for something.
    Asked { host: usize, tag: u64, action: &'a Action },
    /// A node told its person something.
    Told { host: usize, event: &'a Event },
    /// A node sent a datagram.
    Sent {
        host: usize,
        transmit: &'a Transmit,
        /// The datagram that it had just been given, if that is what it reacts to.
        cause: Option<&'a Flight>,
    },
    /// A datagram was given to a node.
    Received {
        host: usize,
        flight: &'a Flight,
        /// Whether it arrived as it was sent.
        intact: bool,
    },
    /// A node handed records to its disk.
    Appended { host: usize, token: Token, records: &'a [Record] },
    /// A disk said that everything up to `token` is safe, or why not.
    Safe { host: usize, token: Token, result: Result<(), StoreError> },
    /// How full a node's tables are.
    Sizes { host: usize, sizes: Sizes },
    /// Somebody hostile takes part with a real node and this key.
    Foe { key: PeerKey },
    /// A person in a foe's hands said something, maybe not to everybody.
    Foul { author: PeerKey, text: &'a str },
    /// A fault began or ended.
    Fault {
        number: usize,
        begins: bool,
        /// Whom it strikes.
        struck: &'a [usize],
    },
}

/// One property that must hold.
pub(crate) trait Check {
    /// Its name in reports, like `S1`; of a check of several properties the one that broke last.
    fn name(&self) -> &'static str;

    /// Looks at a fact; `truth` knows it already. An error says what is broken.
    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String>;

    /// The run is over.
    fn end(&mut self, _truth: &Truth, _now: Instant) -> Result<(), String> {
        Ok(())
    }
}

/// A broken property.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which property.
    pub check: &'static str,
    /// When.
    pub at: Instant,
    /// What happened.
    pub what: String,
}

/// All that look on.
pub(crate) struct Watch {
    pub(crate) truth: Truth,
    pub(crate) tally: Tally,
    pub(crate) follow: Vec<Follow>,
    checks: Vec<Box<dyn Check>>,
    is_closed: bool,
    pub(crate) violation: Option<Violation>,
}

impl Watch {
    pub(crate) fn new(plan: &Plan, suite: &'static dyn Suite) -> Self {
        let checks = match plan.runs {
            // Nobody is ever in session.
            Runs::Mdns => checks::of_discovery(plan),
            Runs::Chat if plan.foes.is_empty() => checks::all(),
            Runs::Chat => siege::checks(plan),
        };
        Self {
            truth: Truth::new(plan, suite),
            tally: Tally::new(plan),
            follow: Vec::new(),
            checks,
            is_closed: false,
            violation: None,
        }
    }

    /// Nobody looks on from now on, and nothing is learnt.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        self.checks.clear();
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    #[inline]
    pub(crate) fn see(&mut self, now: Instant, fact: &Fact<'_>) {
        if !self.is_closed {
            self.learn(now, fact);
        }
    }

    fn learn(&mut self, now: Instant, fact: &Fact<'_>) {
        self.truth.see(now, fact);
        self.tally.see(&self.truth, now, fact);
        for follow in &mut self.follow {
            follow.see(now, fact);
        }
        for check in &mut self.checks {
            if let Err(what) = check.see(&self.truth, now, fact) {
                self.violation.get_or_insert(Violation { check: check.name(), at: now, what });
            }
        }
    }

    /// A property that the world itself watches over is broken.
    pub(crate) fn broken(&mut self, check: &'static str, at: Instant, what: String) {
        self.violation.get_or_insert(Violation { check, at, what });
    }

    pub(crate) fn end(&mut self, now: Instant) {
        for check in &mut self.checks {
            if let Err(what) = check.end(&self.truth, now) {
                self.violation.get_or_insert(Violation { check: check.name(), at: now, what });
            }
        }
    }

    /// These look on, and nobody else.
    #[cfg(test)]
    pub(crate) fn only(&mut self, checks: Vec<Box<dyn Check>>) {
        self.checks = checks;
    }
}

#[cfg(test)]
pub(crate) mod tests;
