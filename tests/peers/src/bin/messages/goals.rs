//! What is asked of ours: shares of what others take in the same run, and what a disk should allow.

use std::fmt::Write as _;

use peers::figures::{middle, number};

use crate::{
    Results,
    trial::{Figure, Stack, Trial, Work},
};

/// At least or at most so much, of another's figure or by itself.
struct Goal {
    work: Work,
    figure: Figure,
    of: Option<Stack>,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};

const fn goal(work: Work, figure: Figure, of: Option<Stack>, bound: Bound) -> Goal {
    Goal { work, figure, of, bound }
}

const GOSSIPSUB: Option<Stack> = Some(Stack::Gossipsub);
const QUINN: Option<Stack> = Some(Stack::Quinn);

const GOALS: [Goal; 15] = [
    goal(Work::One, Figure::Rate, GOSSIPSUB, AtLeast(20.0)),
    goal(Work::One, Figure::Rate, QUINN, AtLeast(0.5)),
    goal(Work::One, Figure::Cpu, GOSSIPSUB, AtMost(0.05)),
    goal(Work::One, Figure::Middle, QUINN, AtMost(1.0)),
    goal(Work::One, Figure::Late, QUINN, AtMost(1.0)),
    goal(Work::Many, Figure::Rate, GOSSIPSUB, AtLeast(50.0)),
    goal(Work::Many, Figure::Rate, QUINN, AtLeast(0.8)),
    goal(Work::Many, Figure::Middle, QUINN, AtMost(1.0)),
    goal(Work::Many, Figure::Late, QUINN, AtMost(1.0)),
    goal(Work::Durable, Figure::Rate, None, AtLeast(50_000.0)),
    goal(Work::Durable, Figure::Kept, None, AtMost(0.030)),
    goal(Work::Bulk, Figure::Rate, QUINN, AtLeast(0.8)),
    goal(Work::Beside, Figure::Late, None, AtMost(0.020)),
    goal(Work::CatchUp, Figure::Checks, None, AtMost(1.5)),
    goal(Work::CatchUp, Figure::Memory, None, AtMost((32 << 20) as f64)),
];

const OWN: [Stack; 2] = [Stack::Std, Stack::Smol];

/// Appends them as a table, each beside what ours came to. The answer is whether all are reached.
pub(crate) fn tell(text: &mut String, results: &Results) -> bool {
    text.push_str("\n| | goal |");
    OWN.iter().for_each(|own| _ = write!(text, " {} |", own.name()));
    text.push_str("\n|---|---|---|---|\n");
    let mut is_reached = true;
    for goal in &GOALS {
        let _ = write!(text, "| {} | {} |", goal.name(), goal.bound());
        for own in OWN {
            let came = goal.came(own, results);
            is_reached &= goal.is_reached(came);
            let said = if goal.is_reached(came) { "reached" } else { "not reached" };
            let _ = write!(text, " {}, {said} |", goal.written(came));
        }
        text.push('\n');
    }
    is_reached
}

impl Goal {
    fn name(&self) -> String {
        let work = match self.work {
            Work::One => "one to one",
            Work::Many => "one to nine",
            Work::Durable => "on disk",
            Work::Bulk => "in bulk",
            Work::Beside => "beside a file",
            Work::CatchUp => "100,000 entries",
        };
        let figure = match self.figure {
            Figure::Rate if self.work == Work::Bulk => "MB/s",
            Figure::Rate => "messages/s",
            Figure::Cpu => "processor time",
            Figure::Middle => "one alone, p50",
            Figure::Late => "one alone, p99",
            Figure::Kept => "one alone, until it is kept",
            Figure::Astray => "lost or out of order",
            Figure::Checks => "time, in checks of their signatures",
            Figure::Memory => "memory, MiB",
        };
        format!("{work}: {figure}")
    }

    fn bound(&self) -> String {
        let (word, value) = match self.bound {
            AtLeast(value) => ("at least", value),
            AtMost(value) => ("at most", value),
        };
        format!("{word} {}", self.written(value))
    }

    /// What one of ours came to: infinite or nothing, whatever is worse, where it was not measured.
    fn came(&self, own: Stack, results: &Results) -> f64 {
        let median = |stack| {
            let values = results.get(&(Trial { stack, work: self.work }, self.figure))?;
            Some(middle(values)[0])
        };
        let ratio = match self.of {
            Some(other) => median(own).zip(median(other)).map(|(own, other)| own / other),
            None => median(own),
        };
        ratio.unwrap_or(if matches!(self.bound, AtLeast(_)) { 0.0 } else { f64::INFINITY })
    }

    fn is_reached(&self, came: f64) -> bool {
        match self.bound {
            AtLeast(least) => came >= least,
            AtMost(most) => came <= most,
        }
    }

    fn written(&self, value: f64) -> String {
        match (self.of, self.figure) {
            (Some(Stack::Gossipsub), _) => format!("{} of gossipsub's", number(value)),
            (Some(_), _) => format!("{} of quinn's", number(value)),
            (None, Figure::Rate | Figure::Checks) => number(value),
            (None, Figure::Memory) => number(value / f64::from(1 << 20)),
            (None, _) => peers::figures::time(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_reached_when_none_is_missed() {
        let mut results = Results::new();
        for Goal { work, figure, of, bound } in GOALS {
            let own = if matches!(bound, AtLeast(_)) { 1e6 } else { 1e-3 };
            let of_own = OWN.map(|stack| (stack, own));
            for (stack, value) in of_own.into_iter().chain(of.map(|other| (other, 1.0))) {
                results.insert((Trial { stack, work }, figure), vec![value]);
            }
        }
        assert!(tell(&mut String::new(), &results));
        let missed = (Trial { stack: Stack::Smol, work: Work::Many }, Figure::Late);
        results.insert(missed, vec![1.1]);
        let mut text = String::new();
        assert!(!tell(&mut text, &results));
        assert!(
            text.contains("| at most 1 of quinn's | 0 of quinn's, reached | 1.1 of quinn's, not reached |")
        );
    }

    #[test]
    fn what_was_not_measured_is_not_reached() {
        assert!(!tell(&mut String::new(), &Results::new()));
    }
}
