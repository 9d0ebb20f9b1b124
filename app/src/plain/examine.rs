//! The doctor in plain lines: on request, and by itself when nobody comes.

use std::{collections::BTreeSet, time::Duration};

use chat_core::{Action, Findings, Instant, NetChange};
use chat_net::Surroundings;

use super::{Manner, Pending, Plain};
use crate::{
    cli::Discovery,
    doctor::{self, Cause, Facts},
    engine::Engine,
};

/// How long nobody may be there before the network is examined. By then it is known whether multicast works, and
/// whoever was found has been called.
const ALONE: Duration = Duration::from_secs(8);

/// What an examination needs, and when the next one is due by itself.
#[derive(Debug)]
pub(super) struct Doctor {
    program: &'static str,
    interfaces: Vec<String>,
    discovery: Discovery,
    port: u16,
    due: Option<Instant>,
    net: Option<NetChange>,
    /// What was told by itself on this network.
    told: BTreeSet<String>,
}

impl Doctor {
    pub(super) fn new(now: Instant, port: u16, manner: &Manner) -> Self {
        Self {
            program: manner.program,
            interfaces: manner.interfaces.clone(),
            discovery: manner.discovery,
            port,
            due: Some(now + ALONE),
            net: None,
            told: BTreeSet::new(),
        }
    }

    /// The network looks different: what was told may not hold any more.
    pub(super) fn on_net(&mut self, now: Instant, net: &NetChange) {
        if self.net.as_ref().is_some_and(|before| before.interfaces != net.interfaces) {
            self.told.clear();
        }
        if self.net.as_ref().is_some_and(|before| before != net) {
            self.due.get_or_insert(now + ALONE);
        }
        self.net = Some(net.clone());
    }

    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.due
    }

    fn facts(&self, findings: Findings) -> Facts {
        let surroundings = Surroundings::look(&self.interfaces);
        Facts { surroundings, findings, port: self.port, discovery: self.discovery }
    }

    /// Of the verdict what a person who is alone has not been told: neither here, nor in the line before it.
    fn news(&mut self, facts: &Facts) -> Vec<String> {
        let is_said = |cause: &Cause| {
            matches!(cause, Cause::NoNetwork | Cause::OnlyThisMachine | Cause::NobodyElse | Cause::AllWell)
        };
        let mut causes = doctor::causes(facts);
        causes.retain(|cause| !is_said(cause));
        if causes.is_empty() {
            return Vec::new();
        }
        let lines = doctor::verdict_lines(facts, &causes, self.program);
        if self.told.insert(lines.join("\n")) { lines } else { Vec::new() }
    }
}

impl Plain {
    /// Nobody has come: asks the node why, once it is time.
    pub(super) fn examine_when_alone(&mut self, now: Instant, engine: &mut Engine) {
        if self.doctor.due.is_some_and(|due| due <= now) {
            self.doctor.due = None;
            if self.people.is_alone() {
                self.act(Action::Examine, Pending::Examine { asked: false }, engine);
            }
        }
    }

    /// Tells what the node has found out.
    pub(super) fn on_examined(&mut self, tag: u64, findings: Findings) {
        let Some(Pending::Examine { asked }) = self.pending.get(&tag) else { return };
        let is_asked = *asked;
        let facts = self.doctor.facts(findings);
        if is_asked {
            let causes = doctor::causes(&facts);
            self.list(doctor::table(&facts, &causes, self.doctor.program));
        } else if self.people.is_alone() {
            let news = self.doctor.news(&facts);
            self.list(news);
        }
    }
}
