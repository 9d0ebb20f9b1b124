//! Two runs that should be the same: where they part.

use std::{fmt, time::Duration};

use chat_core::Instant;

use crate::{Checkpoint, World, trace::STRIDE};

/// The first thing that differs between two runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The last event after which all was the same; none if there is not even one.
    pub same: Option<Checkpoint>,
    /// The next event of the one run; none if there was no other.
    pub one: Option<Checkpoint>,
    /// The next event of the other.
    pub other: Option<Checkpoint>,
}

/// Runs both again as far as need be and finds the first event that differs. Nothing if they are the same.
///
/// First by the checkpoints that every run keeps, then by one for each event between two of those.
pub fn first_difference(one: impl Fn() -> World, other: impl Fn() -> World) -> Option<Difference> {
    let ran = |mut world: World| {
        while world.run(SLICE) {}
        world.outcome().checkpoints
    };
    let (coarse, coarse_other) = (ran(one()), ran(other()));
    let start =
        coarse.iter().zip(&coarse_other).take_while(|(one, other)| one == other).count() as u64 * STRIDE;
    let close = |mut world: World| {
        world.look_closely(start..start + STRIDE + 2);
        while world.events() < start + STRIDE + 2 && world.run(SLICE) {}
        let mut kept = world.outcome().checkpoints;
        kept.retain(|checkpoint| (start..start + STRIDE + 2).contains(&checkpoint.events));
        kept
    };
    let (fine, fine_other) = (close(one()), close(other()));
    let same = fine.iter().zip(&fine_other).take_while(|(one, other)| one == other).count();
    let difference = Difference {
        same: same.checked_sub(1).and_then(|last| fine.get(last)).copied(),
        one: fine.get(same).copied(),
        other: fine_other.get(same).copied(),
    };
    (difference.one.is_some() || difference.other.is_some()).then_some(difference)
}

const SLICE: Duration = Duration::from_millis(500);
/// The kinds of events, in the order of their numbers.
const KINDS: [&str; 9] =
    ["fault", "start", "multicast", "arrival", "stored", "read", "timer", "minute", "act"];

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.same {
            Some(same) => writeln!(f, "the same up to event {}: {}", same.events, Shown(same))?,
            None => writeln!(f, "different from the first event on")?,
        }
        for (name, checkpoint) in [("one", &self.one), ("other", &self.other)] {
            match checkpoint {
                Some(next) => writeln!(f, "  {name:5} goes on with {}, hash {}", Shown(next), next.hash)?,
                None => writeln!(f, "  {name:5} ends there")?,
            }
        }
        let alike =
            self.one.zip(self.other).is_some_and(|(one, other)| (one.at, one.tie) == (other.at, other.tie));
        if alike {
            writeln!(f, "  the same event: so what the one before it brought about differs")?;
        }
        Ok(())
    }
}

/// An event in words.
struct Shown<'a>(&'a Checkpoint);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checkpoint { at, tie, .. } = self.0;
        let field = |shift: u32| tie >> shift & 0xf_ffff;
        let kind = KINDS.get((tie >> 60) as usize).copied().unwrap_or("event");
        // Of the receivers of a multicast a part is served at once, and has a number.
        let to = if kind == "multicast" { "part" } else { "host" };
        write!(f, "{kind} for {to} {} from {} at {}", field(40), field(20), Seconds(*at))
    }
}

/// A time as seconds with all their digits.
struct Seconds(Instant);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.since_origin();
        write!(f, "{}.{:09} s", at.as_secs(), at.subsec_nanos())
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::{
        plan::{Act, Deed, Host, Plan, SuiteChoice},
        profile,
        units::Span,
    };

    fn plan(size: usize) -> Rc<Plan> {
        let mut plan = Plan::empty("compare", 3);
        plan.suite = SuiteChoice::Cheap;
        plan.duration = Span::from_secs(12);
        plan.segments = vec![profile::named("switch").unwrap()];
        plan.hosts = vec![Host { on: vec![0], starts: Span::default() }; 3];
        let what = Deed::Say { room: "#lobby".into(), size };
        plan.acts.push(Act { at: Span::from_secs(10), host: 1, what });
        Rc::new(plan)
    }

    #[test]
    fn the_first_event_that_differs_is_found() {
        let (short, long) = (plan(40), plan(41));
        let world = |plan: &Rc<Plan>, tree| World::new(Rc::clone(plan), tree);
        assert_eq!(first_difference(|| world(&short, false), || world(&short, true)), None);
        let difference = first_difference(|| world(&short, false), || world(&long, true)).unwrap();
        // The act itself is alike in both; what it says is not, and shows at whatever follows.
        let same = difference.same.unwrap();
        assert_eq!(same.at, Instant::ORIGIN + Duration::from_secs(10));
        assert_eq!(KINDS[(same.tie >> 60) as usize], "act");
        let one = difference.one.unwrap();
        assert!(one.at > same.at && one.at < same.at + Duration::from_millis(10), "{difference}");
    }
}
