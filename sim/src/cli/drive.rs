//! Lets a world run, within a budget.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use sim::{Outcome, World};

use super::{
    budget::{Budget, Stop},
    clock::Stopwatch,
};

/// A world that was let run.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    pub(super) end: End,
    /// How it went as far as it went; nothing after a panic.
    pub(super) outcome: Option<Outcome>,
    pub(super) wall: Duration,
}

/// How far a world got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// To its end, or to a broken property.
    Over,
    /// The budget was used up.
    Stopped(Stop),
    /// The simulator panicked, with these words.
    Panicked(String),
}

/// Real time between two looks at the budget, about.
const LOOK: Duration = Duration::from_millis(20);

/// Makes a world and lets it run, showing it to `look` every now and then; what that answers may stop it.
pub(super) fn drive(
    make: impl FnOnce() -> World,
    budget: &Budget,
    mut look: impl FnMut(&World) -> Option<Stop>,
) -> Ran {
    let watch = Stopwatch::start();
    let run = AssertUnwindSafe(|| {
        let mut world = make();
        let end = step(&mut world, budget, &mut look);
        (end, world.outcome())
    });
    match catch_unwind(run) {
        Ok((end, outcome)) => Ran { end, outcome: Some(outcome), wall: watch.passed() },
        Err(cause) => {
            let words = cause.downcast_ref::<String>().map(String::as_str);
            let words = words.or(cause.downcast_ref::<&str>().copied()).unwrap_or("no words");
            Ran { end: End::Panicked(words.to_owned()), outcome: None, wall: watch.passed() }
        }
    }
}

fn step(world: &mut World, budget: &Budget, look: &mut impl FnMut(&World) -> Option<Stop>) -> End {
    // Simulated time in one go, so that it takes about as long as a look is due.
    let mut slice = Duration::from_millis(10);
    loop {
        let watch = Stopwatch::start();
        if !world.run(slice) {
            return End::Over;
        }
        if let Some(stop) = budget.exceeded().or_else(|| look(world)) {
            return End::Stopped(stop);
        }
        match watch.passed() {
            long if long > LOOK => slice = (slice / 2).max(Duration::from_millis(1)),
            short if short < LOOK / 4 => slice = (slice * 2).min(Duration::from_secs(3600)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use sim::plan::{Host, Plan};

    use super::*;
    use crate::cli::{Exit, args::Options, phase::Phase};

    #[test]
    fn a_panic_of_the_simulator_is_told_apart() {
        let mut plan = Plan::empty("panic", 1);
        // On a link that is not there: `Plan::check` would have refused it.
        plan.hosts.push(Host { on: vec![3], starts: Default::default() });
        let plan = Rc::new(plan);
        let budget = Budget::new(&Options::default()).unwrap_or_else(|why| panic!("{}", why.0));
        let ran = drive(|| World::new(Rc::clone(&plan), false), &budget, |_| None);
        assert!(matches!(ran.end, End::Panicked(_)) && ran.outcome.is_none());
        assert_eq!(Phase::new("panic", "", &plan, ran, &[]).exit(), Exit::Panic);
    }
}
