//! The checks bite, and let pass what is right.

use crate::{
    plan::{Family, Host, Plan, SuiteChoice, VERSION},
    profile,
    units::Span,
};

pub(super) fn plan(peers: usize, seconds: u64) -> Plan {
    Plan {
        version: VERSION,
        name: "test".into(),
        seed: 7,
        duration: Span::from_secs(seconds),
        suite: SuiteChoice::Cheap,
        family: Family::Both,
        segments: vec![profile::named("switch").unwrap()],
        routers: Vec::new(),
        hosts: vec![Host { on: vec![0], starts: Span::default() }; peers],
        faults: Vec::new(),
        acts: Vec::new(),
    }
}
