//! What a generator draws: times, numbers over several magnitudes, parts of the hosts.
//!
//! Nothing but additions, multiplications and divisions, which every machine does alike: a seed is the same plan
//! everywhere.

use std::time::Duration;

use crate::{
    chance::{Chance, Domain, fold, nanos},
    units::Share,
};

/// Draws for one part of a plan; the n-th draw of a part is always the same.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    chance: Chance,
    part: u64,
    count: u64,
}

impl Draw {
    pub(super) const fn new(seed: u64) -> Self {
        Self { chance: Chance::new(seed), part: 0, count: 0 }
    }

    /// Another part, that shares nothing with this one.
    pub(super) fn part(&self, which: u64) -> Self {
        Self { chance: self.chance, part: fold(self.part, which + 1), count: 0 }
    }

    fn next(&mut self, bound: u64) -> u64 {
        self.count += 1;
        self.chance.below(bound, Domain::Plan, &[self.part, self.count])
    }

    /// One of `low..=high`, all alike.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next(high.saturating_sub(low).saturating_add(1))
    }

    /// One of `low..=high`, each doubling of the size as likely as the next; `low` is not 0.
    pub(super) fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let octaves = u64::from((high / low.max(1)).max(1).ilog2()) + 1;
        let start = low.saturating_mul(1 << self.next(octaves));
        let end = start.saturating_mul(2).min(high);
        self.between(start.min(end), end)
    }

    /// A time between two, each doubling as likely as the next.
    pub(super) fn span(&mut self, low: Duration, high: Duration) -> Duration {
        Duration::from_nanos(self.magnitude(nanos(low).max(1), nanos(high.max(low))))
    }

    /// A time below another, all alike.
    pub(super) fn time(&mut self, below: Duration) -> Duration {
        Duration::from_nanos(self.next(nanos(below)))
    }

    /// A share between two, in parts per million.
    pub(super) fn share(&mut self, low: u32, high: u32) -> Share {
        Share::from_ppm(u32::try_from(self.magnitude(low.into(), high.into())).unwrap_or(high))
    }

    /// Whether something is so that is so with this chance.
    pub(super) fn is(&mut self, share: Share) -> bool {
        self.next(1_000_000) < u64::from(share.ppm())
    }

    pub(super) fn coin(&mut self) -> bool {
        self.next(2) == 1
    }

    pub(super) fn one_of<T: Copy>(&mut self, what: &[T]) -> T {
        let index = self.next(what.len() as u64) as usize;
        what[index]
    }

    /// The time to the next of events that happen so far apart on average, each by itself.
    pub(super) fn gap(&mut self, mean: Duration) -> Duration {
        let part = (self.next(1 << 53) + 1) as f64 / (1u64 << 53) as f64;
        mean.mul_f64(minus_ln(part))
    }

    /// Some of `count` hosts, each with this chance; at least one.
    pub(super) fn hosts(&mut self, count: usize, share: Share) -> Vec<usize> {
        let mut hosts: Vec<_> = (0..count).filter(|_| self.is(share)).collect();
        if hosts.is_empty() {
            hosts.push(self.next(count as u64) as usize);
        }
        hosts
    }
}

/// -ln(x) for 0 < x <= 1, by the series of the inverse hyperbolic tangent.
fn minus_ln(mut x: f64) -> f64 {
    let mut halvings = 0.0;
    while x < 0.5 {
        x *= 2.0;
        halvings += 1.0;
    }
    let z = (1.0 - x) / (1.0 + x);
    // z is at most 1/3: the first term left out is below 1e-13.
    let terms = (0..13).rev().fold(0.0, |sum, n| sum * z * z + 1.0 / f64::from(2 * n + 1));
    halvings * std::f64::consts::LN_2 + 2.0 * z * terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_right() {
        for x in [1.0, 0.75, 0.5, 0.123, 1e-9] {
            assert!((minus_ln(x) + x.ln()).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn magnitudes_are_even_and_gaps_have_their_mean() {
        let mut draw = Draw::new(5);
        let drawn: Vec<_> = (0..10_000).map(|_| draw.magnitude(10, 10_240)).collect();
        assert!(drawn.iter().all(|drawn| (10..=10_240).contains(drawn)));
        let small = drawn.iter().filter(|drawn| **drawn < 320).count();
        assert!((4_200..5_200).contains(&small), "{small}");
        let mean = (0..10_000).map(|_| draw.gap(Duration::from_secs(2))).sum::<Duration>() / 10_000;
        assert!((1_900..2_100).contains(&mean.as_millis()), "{mean:?}");
    }

    #[test]
    fn parts_share_nothing_and_are_always_the_same() {
        let drawn =
            |part| (0..4).scan(Draw::new(5).part(part), |draw, _| Some(draw.between(0, 1 << 40))).collect();
        let (one, again, other): (Vec<_>, Vec<_>, Vec<_>) = (drawn(1), drawn(1), drawn(2));
        assert_eq!(one, again);
        assert_ne!(one, other);
    }
}
