//! Whether a plan can be run at all.

use std::{fmt, time::Duration};

use chat_core::{Nick, RoomName};

use super::{Deed, Plan, VERSION};
use crate::{
    expect,
    fault::{DiskFate, Fault, PlannedFault, Target},
};

/// Why a plan cannot be run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanError {
    /// Written by another version.
    #[error("plan version {0} is unknown, this program knows {VERSION}")]
    Version(u32),
    /// Too few or too many of something.
    #[error("{have} {what}: from 1 to {most} can be simulated")]
    Size {
        /// Of what.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many there may be.
        most: usize,
    },
    /// Something that is not there is named.
    #[error("{place} names {what} {number}, and there are only {count}, counted from 0")]
    Missing {
        /// Where.
        place: Place,
        /// What kind of thing.
        what: &'static str,
        /// The number that it was named by.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// Something else makes no sense.
    #[error("{place}: {what}")]
    Nonsense {
        /// Where.
        place: Place,
        /// What is wrong.
        what: String,
    },
}

/// The part of a plan that is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The plan as a whole.
    Whole,
    /// A link, by number.
    Segment(usize),
    /// A router, by number.
    Router(usize),
    /// A host, by number.
    Host(usize),
    /// A fault, by number.
    Fault(usize),
    /// A hostile machine, by number.
    Foe(usize),
    /// An act, by number.
    Act(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the plan"),
            Self::Segment(number) => write!(f, "segment {number}"),
            Self::Router(number) => write!(f, "router {number}"),
            Self::Host(number) => write!(f, "host {number}"),
            Self::Fault(number) => write!(f, "fault {number}"),
            Self::Foe(number) => write!(f, "foe {number}"),
            Self::Act(number) => write!(f, "act {number}"),
        }
    }
}

/// Hosts have 16 bits of an address on their link, and 20 in the order of events.
pub(crate) const HOSTS_MAX: usize = 60_000;
/// Links have 8 bits of an address.
pub(crate) const SEGMENTS_MAX: usize = 254;
/// Longer than anybody waits, and far below the end of time (2^64 ns).
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);
/// Acts and faults of one run.
pub(crate) const ENTRIES_MAX: usize = 1_000_000;
/// Hostile machines: they have the numbers after the hosts', and one may be many.
const FOES_MAX: usize = 254;
/// What one of them does in a second at most: more than a wire carries.
const FOE_RATE_MAX: u32 = 1_000_000;
/// Of a text: far more than any program takes.
pub(crate) const TEXT_MAX: usize = 1 << 20;
/// IPv6's least; and what Ethernet's jumbo frames carry.
const MTU: std::ops::RangeInclusive<u32> = 1280..=9216;

impl Plan {
    /// Whether it can be run: what it names exists, and its numbers make sense.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.version != VERSION {
            return Err(PlanError::Version(self.version));
        }
        size("segments", self.segments.len(), SEGMENTS_MAX)?;
        size("hosts", self.hosts.len(), HOSTS_MAX)?;
        // There may be none of these.
        size("faults", self.faults.len() + 1, ENTRIES_MAX)?;
        size("acts", self.acts.len() + 1, ENTRIES_MAX)?;
        size("foes", self.foes.len() + 1, FOES_MAX)?;
        if self.duration.0.is_zero() || self.duration.0 > DURATION_MAX {
            let most = humantime::format_duration(DURATION_MAX);
            return nonsense(
                Place::Whole,
                format!("a duration of {} is not between 0 and {most}", self.duration),
            );
        }
        self.check_segments()?;
        for (number, router) in self.routers.iter().enumerate() {
            for link in router.between {
                self.has_segment(Place::Router(number), link)?;
            }
        }
        for (number, host) in self.hosts.iter().enumerate() {
            let place = Place::Host(number);
            if host.on.is_empty() || host.on.len() > 4 {
                return nonsense(place, "a host is on one to four segments");
            }
            host.on.iter().try_for_each(|&link| self.has_segment(place, link))?;
            self.in_time(place, host.starts.0)?;
        }
        for (number, fault) in self.faults.iter().enumerate() {
            self.check_fault(Place::Fault(number), fault)?;
        }
        for (number, act) in self.acts.iter().enumerate() {
            let place = Place::Act(number);
            self.has_host(place, act.host)?;
            self.in_time(place, act.at.0)?;
            self.check_deed(place, &act.what)?;
        }
        for (number, foe) in self.foes.iter().enumerate() {
            self.check_foe(Place::Foe(number), foe)?;
        }
        let unknown = self.expect.sometimes.iter().find(|name| expect::describe(name).is_none());
        unknown.map_or(Ok(()), |name| nonsense(Place::Whole, format!("nothing called `{name}` is counted")))
    }

    fn check_segments(&self) -> Result<(), PlanError> {
        for (number, segment) in self.segments.iter().enumerate() {
            let place = Place::Segment(number);
            if segment.latency[0] > segment.latency[1] {
                return nonsense(place, "the shortest latency is longer than the longest");
            }
            if !MTU.contains(&segment.mtu) {
                return nonsense(
                    place,
                    format!("an MTU of {} is not between {} and {}", segment.mtu, MTU.start(), MTU.end()),
                );
            }
        }
        Ok(())
    }

    fn check_fault(&self, place: Place, fault: &PlannedFault) -> Result<(), PlanError> {
        self.in_time(place, fault.at.0)?;
        if fault.span.is_some_and(|span| span.0.is_zero() || span.0 > DURATION_MAX) {
            return nonsense(place, "a fault lasts for some time, and not for ever");
        }
        match &fault.on {
            Target::Everything => {}
            Target::Segment(link) => self.has_segment(place, *link)?,
            Target::Hosts(hosts) if hosts.is_empty() => return nonsense(place, "it strikes nobody"),
            Target::Hosts(hosts) => hosts.iter().try_for_each(|&host| self.has_host(place, host))?,
        }
        match &fault.what {
            Fault::SecondCard { segment } => self.has_segment(place, *segment),
            Fault::Crash { disk: DiskFate::CopyOf(host) } => self.has_host(place, *host),
            Fault::Partition { flapping: Some(span), .. } if span.0.is_zero() => {
                nonsense(place, "it cannot flap without taking time")
            }
            Fault::Clock { drift_ppm, .. } if drift_ppm.abs() > 500_000 => {
                nonsense(place, "no clock drifts by more than half")
            }
            Fault::Bandwidth { rate: 0, .. } => {
                nonsense(place, "a rate of 0 would last for ever; use a partition")
            }
            _ => Ok(()),
        }
    }

    fn check_foe(&self, place: Place, foe: &super::Foe) -> Result<(), PlanError> {
        self.has_segment(place, foe.on)?;
        self.in_time(place, foe.at.0)?;
        if foe.span.is_some_and(|span| span.0.is_zero() || span.0 > DURATION_MAX) {
            return nonsense(place, "a foe is there for some time, and not for ever");
        }
        if foe.rate == 0 || foe.rate > FOE_RATE_MAX {
            return nonsense(place, format!("a foe acts from 1 to {FOE_RATE_MAX} times a second"));
        }
        Ok(())
    }

    fn check_deed(&self, place: Place, deed: &Deed) -> Result<(), PlanError> {
        match deed {
            Deed::Tell { to, .. }
            | Deed::Connect(to)
            | Deed::Compare(to)
            | Deed::Verify(to)
            | Deed::Block(to)
            | Deed::Forgive(to)
            | Deed::Fetch(to)
            | Deed::Import(to) => self.has_host(place, *to)?,
            Deed::Rekey { without, .. } => without.iter().try_for_each(|host| self.has_host(place, *host))?,
            _ => {}
        }
        match deed {
            Deed::Say { size, .. } | Deed::Tell { size, .. } if *size > TEXT_MAX => {
                return nonsense(place, format!("a text of {size} bytes is more than {TEXT_MAX}"));
            }
            _ => {}
        }
        match deed {
            Deed::Say { room, .. }
            | Deed::Offer { room, .. }
            | Deed::Join(room)
            | Deed::Leave(room)
            | Deed::Enter { room, .. }
            | Deed::Rekey { room, .. }
            | Deed::Follow(room)
            | Deed::Keep { room, .. }
                if RoomName::new(room).is_err() =>
            {
                nonsense(place, format!("`{room}` is no name for a room"))
            }
            Deed::Rename(nick) if Nick::new(nick).is_err() => nonsense(place, format!("`{nick}` is no nick")),
            _ => Ok(()),
        }
    }

    fn has_segment(&self, place: Place, number: usize) -> Result<(), PlanError> {
        exists(place, "segment", number, self.segments.len())
    }

    fn has_host(&self, place: Place, number: usize) -> Result<(), PlanError> {
        exists(place, "host", number, self.hosts.len())
    }

    fn in_time(&self, place: Place, at: Duration) -> Result<(), PlanError> {
        if at < self.duration.0 {
            return Ok(());
        }
        let at = humantime::format_duration(at);
        nonsense(place, format!("{at} is not before the end of the run, {}", self.duration))
    }
}

fn exists(place: Place, what: &'static str, number: usize, count: usize) -> Result<(), PlanError> {
    if number < count { Ok(()) } else { Err(PlanError::Missing { place, what, number, count }) }
}

fn size(what: &'static str, have: usize, most: usize) -> Result<(), PlanError> {
    if (1..=most).contains(&have) { Ok(()) } else { Err(PlanError::Size { what, have, most }) }
}

fn nonsense<T>(place: Place, what: impl Into<String>) -> Result<T, PlanError> {
    Err(PlanError::Nonsense { place, what: what.into() })
}

#[cfg(test)]
mod tests {
    use crate::watch::tests::{foe, plan};

    #[test]
    fn a_foe_on_a_link_that_is_not_there_is_refused() {
        let mut plan = plan(2, 10);
        plan.foes = vec![foe(), crate::plan::Foe { on: 1, ..foe() }];
        let error = plan.check().unwrap_err();
        assert_eq!(error.to_string(), "foe 1 names segment 1, and there are only 1, counted from 0");
        plan.foes.pop();
        assert_eq!(plan.check(), Ok(()));
    }
}
