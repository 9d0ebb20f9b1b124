//! Who can hear whom, and who knows whom.

use crate::plan::{Deed, Plan};

/// A set of hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct Set(Vec<u64>);

/// The ordered pairs of hosts that can hear each other's multicast, and which of them know each other.
pub(super) struct Pairs {
    hears: Vec<Set>,
    knows: Vec<Set>,
    runs: Set,
    /// Which part of the network a host is in, over hosts that are on several links too.
    parts: Vec<usize>,
    expected: usize,
    missing: usize,
}

impl Set {
    pub(super) fn has(&self, host: usize) -> bool {
        self.0.get(host / 64).is_some_and(|word| word >> (host % 64) & 1 == 1)
    }

    pub(super) fn set(&mut self, host: usize, is_in: bool) {
        if self.0.len() <= host / 64 {
            self.0.resize(host / 64 + 1, 0);
        }
        let bit = 1 << (host % 64);
        if is_in {
            self.0[host / 64] |= bit;
        } else {
            self.0[host / 64] &= !bit;
        }
    }
}

impl Pairs {
    pub(super) fn new(plan: &Plan) -> Self {
        let count = plan.hosts.len();
        let mut pairs = Self {
            hears: vec![Set::default(); count],
            knows: vec![Set::default(); count],
            runs: Set::default(),
            parts: (0..count).collect(),
            expected: 0,
            missing: 0,
        };
        for (link, segment) in plan.segments.iter().enumerate() {
            if !segment.multicast || segment.isolated {
                continue;
            }
            let on: Vec<_> = (0..count).filter(|&host| plan.hosts[host].on.contains(&link)).collect();
            for &one in &on {
                on.iter().filter(|&&other| other != one).for_each(|&other| pairs.hears[one].set(other, true));
            }
            on.windows(2).for_each(|two| pairs.join(two[0], two[1]));
        }
        for act in &plan.acts {
            if let Deed::Connect(to) = act.what {
                pairs.join(act.host, to);
            }
        }
        pairs
    }

    /// Ordered pairs that should know each other.
    pub(super) const fn expected(&self) -> usize {
        self.expected
    }

    /// How many of them do not.
    pub(super) const fn missing(&self) -> usize {
        self.missing
    }

    /// The first two of whom the one does not know the other, although it should.
    pub(super) fn strangers(&self) -> Option<(usize, usize)> {
        let hosts = || 0..self.hears.len();
        let stranger = |host: usize| {
            hosts()
                .find(|&other| self.should(host, other) && !self.knows[host].has(other))
                .map(|other| (host, other))
        };
        if self.missing == 0 { None } else { hosts().find_map(stranger) }
    }

    /// Whether there is a way between them, over others if need be.
    pub(super) fn are_joined(&self, one: usize, other: usize) -> bool {
        self.parts[one] == self.parts[other]
    }

    /// A host's program starts, and knows nobody, or ends.
    pub(super) fn set_running(&mut self, host: usize, runs: bool) {
        if self.runs.has(host) == runs {
            return;
        }
        if runs {
            self.knows[host] = Set::default();
            self.runs.set(host, true);
        }
        let others = (0..self.hears.len()).filter(|&other| self.should(host, other));
        let (expected, missing) = others
            .fold((0, 0), |(expected, missing), other| (expected + 2, missing + self.lacking(host, other)));
        if runs {
            (self.expected, self.missing) = (self.expected + expected, self.missing + missing);
        } else {
            (self.expected, self.missing) = (self.expected - expected, self.missing - missing);
            self.runs.set(host, false);
        }
    }

    /// `host` knows `other` from now on, or no longer.
    pub(super) fn set_known(&mut self, host: usize, other: usize, known: bool) {
        if self.knows[host].has(other) == known {
            return;
        }
        self.knows[host].set(other, known);
        if self.should(host, other) {
            self.missing = if known { self.missing - 1 } else { self.missing + 1 };
        }
    }

    /// These two do not have to know each other.
    pub(super) fn part(&mut self, one: usize, other: usize) {
        if self.should(one, other) {
            self.expected -= 2;
            self.missing -= self.lacking(one, other);
        }
        self.hears[one].set(other, false);
        self.hears[other].set(one, false);
    }

    /// How many of the two do not know the other.
    fn lacking(&self, one: usize, other: usize) -> usize {
        usize::from(!self.knows[one].has(other)) + usize::from(!self.knows[other].has(one))
    }

    fn should(&self, host: usize, other: usize) -> bool {
        self.hears[host].has(other) && self.runs.has(host) && self.runs.has(other)
    }

    fn join(&mut self, one: usize, other: usize) {
        let (from, to) = (self.parts[one], self.parts[other]);
        if from != to {
            self.parts.iter_mut().filter(|part| **part == from).for_each(|part| *part = to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::Host, profile, units::Span};

    fn pairs(on: &[&[usize]], isolated: bool) -> Pairs {
        let mut plan = Plan::empty("pairs", 1);
        plan.segments = vec![profile::named("switch").unwrap(); 2];
        plan.segments[1].isolated = isolated;
        plan.hosts = on.iter().map(|on| Host { on: on.to_vec(), starts: Span::default() }).collect();
        let mut pairs = Pairs::new(&plan);
        (0..on.len()).for_each(|host| pairs.set_running(host, true));
        pairs
    }

    #[test]
    fn only_who_shares_a_link_that_carries_has_to_know_each_other() {
        let whole = pairs(&[&[0], &[0, 1], &[1]], false);
        assert_eq!((whole.expected(), whole.missing()), (4, 4));
        assert!(whole.are_joined(0, 2));
        let apart = pairs(&[&[0], &[0, 1], &[1]], true);
        assert_eq!(apart.expected(), 2);
        assert!(!apart.are_joined(0, 2));
    }

    #[test]
    fn what_is_missing_follows_who_runs_and_who_knows() {
        let mut pairs = pairs(&[&[0], &[0], &[0]], false);
        for (host, other) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            pairs.set_known(host, other, true);
            pairs.set_known(host, other, true);
        }
        assert_eq!((pairs.expected(), pairs.missing()), (6, 0));
        pairs.set_running(2, false);
        assert_eq!((pairs.expected(), pairs.missing()), (2, 0));
        pairs.set_running(2, true);
        assert_eq!((pairs.expected(), pairs.missing(), pairs.strangers()), (6, 2, Some((2, 0))));
        pairs.part(0, 2);
        assert_eq!((pairs.expected(), pairs.missing()), (4, 1));
    }
}
