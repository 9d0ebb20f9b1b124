//! Who comes and goes, without drowning the talk: the first few are told one by one, of a crowd its number.

use std::{collections::BTreeMap, time::Duration};

use chat_core::Instant;

/// Comings and goings told one by one within [`WINDOW`].
const SINGLE_MAX: usize = 4;
/// Whoever follows within this time is told of together.
const WINDOW: Duration = Duration::from_secs(2);
/// Names in a line about many.
const NAMED_MAX: usize = 8;

/// What many may do at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Move {
    Came,
    Silent,
    Back,
    /// Its name is both: the one before and the one now.
    Renamed,
    Quit,
    Lost,
}

/// Counts who comes and goes.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// When the ones held back are told.
    until: Option<Instant>,
    told: usize,
    held: BTreeMap<Move, Held>,
}

#[derive(Debug, Default)]
struct Held {
    names: Vec<String>,
    count: usize,
}

impl Crowd {
    /// Somebody moves. The answer says whether to tell it now; otherwise it is told with others.
    pub(super) fn on_move(&mut self, now: Instant, what: Move, name: &str) -> bool {
        let until = self.until.filter(|until| now < *until || !self.held.is_empty());
        if until.is_none() {
            (self.until, self.told) = (Some(now + WINDOW), 0);
        }
        if self.told < SINGLE_MAX {
            self.told += 1;
            return true;
        }
        let held = self.held.entry(what).or_default();
        held.count += 1;
        if held.names.len() < NAMED_MAX {
            held.names.push(name.to_string());
        }
        false
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.until.filter(|_| !self.held.is_empty())
    }

    /// What is due to be told of those held back.
    pub(super) fn on_tick(&mut self, now: Instant) -> Vec<String> {
        if self.until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        let held = std::mem::take(&mut self.held);
        // A crowd that keeps coming is told of once in each window.
        let goes_on = !held.is_empty();
        self.until = goes_on.then(|| now + WINDOW);
        held.into_iter().map(|(what, held)| held.line(what)).collect()
    }
}

impl Held {
    fn line(self, what: Move) -> String {
        let (one, many) = match what {
            Move::Came => ("is here", "are here"),
            Move::Silent => ("does not answer", "do not answer"),
            Move::Back => ("answers again", "answer again"),
            Move::Renamed => ("has another nick", "have other nicks"),
            Move::Quit => ("left", "left"),
            Move::Lost => ("is gone without a goodbye", "are gone without a goodbye"),
        };
        let names = self.names.join(", ");
        match self.count - self.names.len() {
            0 if self.count == 1 => format!("{names} {one}"),
            0 => format!("{names} {many}"),
            more => format!("{names} and {more} more {many}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(millis)
    }

    #[test]
    fn a_few_are_told_one_by_one() {
        let mut crowd = Crowd::default();
        for round in 0..5 {
            for name in ["ana", "bo", "li", "mia"] {
                assert!(crowd.on_move(at(round * 2000), Move::Came, name));
            }
        }
        assert_eq!((crowd.next_wake(), crowd.on_tick(at(99_000))), (None, vec![]));
    }

    #[test]
    fn of_a_crowd_the_number_is_told() {
        let mut crowd = Crowd::default();
        let told = (0..100).filter(|n| crowd.on_move(at(*n), Move::Came, &format!("p{n}"))).count();
        assert_eq!(told, SINGLE_MAX);
        assert!(!crowd.on_move(at(1500), Move::Lost, "bo"));
        assert_eq!((crowd.on_tick(at(1999)), crowd.next_wake()), (vec![], Some(at(2000))));
        let lines = crowd.on_tick(at(2000));
        assert_eq!(
            lines,
            ["p4, p5, p6, p7, p8, p9, p10, p11 and 88 more are here", "bo is gone without a goodbye"]
        );
        // It goes on: still one line for all; later it is quiet again.
        for (what, name) in [(Move::Quit, "li"), (Move::Quit, "mia"), (Move::Renamed, "bo (now rob)")] {
            assert!(!crowd.on_move(at(2500), what, name));
        }
        assert_eq!(crowd.on_tick(at(4000)), ["bo (now rob) has another nick", "li, mia left"]);
        assert_eq!(crowd.next_wake(), None);
        assert!(crowd.on_move(at(6000), Move::Came, "bo"));
    }
}
