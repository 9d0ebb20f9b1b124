//! Plans that quickcheck makes up, from a small world, and makes smaller.

use std::{fmt, time::Duration};

use quickcheck::{Arbitrary, Gen};
use sim::{
    fault::{Class, Damage, DiskFate, DiskTrouble, Fault, Pause, PlannedFault, Shape, Target},
    plan::{Act, Deed, Family, Host, Plan, Router, Segment},
    profile,
    units::{Share, Span},
};

/// Any plan: two to five machines on one or two links, and what may happen to them within a minute or two.
#[derive(Clone)]
pub(crate) struct Any(pub(crate) Plan);

/// As it is saved: whoever sees it in a failure can replay it.
impl fmt::Debug for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.write().map_err(|_| fmt::Error)?;
        write!(f, "a plan; save what follows and call `sim replay FILE`:\n{text}")
    }
}

impl Arbitrary for Any {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut plan = Plan::empty("any", u64::arbitrary(g));
        plan.duration = Span::from_secs(60 + below(g, 60));
        plan.family = one_of(g, &[Family::Both, Family::Both, Family::V4, Family::V6]);
        for number in 0..1 + below(g, 2) {
            let name = one_of(g, &["switch", "switch", "wifi", "wifi", "guest", "vpn"]);
            let link = profile::named(name).expect("a profile of the simulator");
            plan.segments.push(Segment { name: format!("{name}-{number}"), ..link });
        }
        if plan.segments.len() > 1 && bool::arbitrary(g) {
            plan.routers.push(Router { between: [0, 1], latency: Span::from_millis(below(g, 20)) });
        }
        for _ in 0..2 + below(g, 4) {
            let both = plan.segments.len() > 1 && below(g, 4) == 0;
            let on = if both { vec![0, 1] } else { vec![below(g, plan.segments.len() as u64) as usize] };
            plan.hosts.push(Host { on, starts: Span::from_millis(below(g, 3000)) });
        }
        // What happens at the very end is not seen to end well or badly.
        let last = plan.duration.0.as_millis() as u64 - 30_000;
        plan.faults = (0..below(g, 6)).map(|_| fault(g, &plan, last)).collect();
        plan.acts = (0..below(g, 16)).map(|_| act(g, &plan, last)).collect();
        plan.check().expect("what is made up can be run");
        Self(plan)
    }

    /// Without some faults, a host, some acts, or some time at the end: in this order.
    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let plan = self.0.clone();
        let faults = cuts(plan.faults.len()).map(move |cut| {
            let mut plan = plan.clone();
            plan.faults.drain(cut);
            plan
        });
        let plan = self.0.clone();
        let hosts = (0..plan.hosts.len()).filter_map(move |host| without(plan.clone(), host));
        let plan = self.0.clone();
        let acts = cuts(plan.acts.len()).map(move |cut| {
            let mut plan = plan.clone();
            plan.acts.drain(cut);
            plan
        });
        let shorter = [tight(self.0.clone()), half(self.0.clone())].into_iter().flatten();
        Box::new(faults.chain(hosts).chain(acts).chain(shorter).map(Self))
    }
}

fn fault(g: &mut Gen, plan: &Plan, last: u64) -> PlannedFault {
    let at = below(g, last);
    let span = (20 << below(g, 11)).min(last - at).max(20);
    let what = trouble(g);
    // A partition needs two sides.
    let on = match below(g, 3) {
        0 if !matches!(what, Fault::Partition { .. }) => Target::Everything,
        1 => Target::Segment(below(g, plan.segments.len() as u64) as usize),
        _ => Target::Hosts(some_hosts(g, plan)),
    };
    PlannedFault { at: Span::from_millis(at), span: Some(Span::from_millis(span)), on, what }
}

pub(crate) fn some_hosts(g: &mut Gen, plan: &Plan) -> Vec<usize> {
    let first = host(g, plan);
    (0..plan.hosts.len()).filter(|&other| other == first || below(g, 3) == 0).collect()
}

fn trouble(g: &mut Gen) -> Fault {
    let class = one_of(g, &[Class::All, Class::Multicast, Class::Unicast]);
    let part = |g: &mut Gen| Share::from_ppm(1_000 << below(g, 9));
    let millis = |g: &mut Gen, most| Span::from_millis(1 + below(g, most));
    match below(g, 18) {
        0 => Fault::Loss { share: part(g), class },
        1 => Fault::Burst { enter: part(g), leave: part(g), good: Share::default(), bad: Share::WHOLE },
        2 => Fault::Duplicate { share: part(g) },
        3 => Fault::Reorder { share: part(g), by: millis(g, 200) },
        4 => Fault::Delay { by: millis(g, 500), jitter: millis(g, 200) },
        5 => Fault::Corrupt {
            share: part(g),
            how: one_of(g, &[Damage::Bit, Damage::Truncate, Damage::Splice]),
        },
        6 => Fault::Partition {
            shape: one_of(g, &[Shape::Split, Shape::OneWay, Shape::Bridge, Shape::Ring]),
            class,
            flapping: one_of(g, &[None, None, Some(Span::from_millis(900))]),
        },
        7 => Fault::Filter { class: one_of(g, &[Class::Multicast, Class::Unicast]) },
        8 => Fault::IgmpAgeing { after: Span::from_secs(1 + below(g, 260)) },
        9 => Fault::Bandwidth { rate: 64_000 << below(g, 8), queue: 4_096 << below(g, 5) },
        10 => Fault::Storm { copies: 1 + below(g, 20) as u8 },
        11 => Fault::InterfaceDown,
        12 => Fault::AddressChange { duplicate: false },
        13 => Fault::Crash {
            disk: one_of(
                g,
                &[
                    DiskFate::Kept,
                    DiskFate::LoseUnsynced,
                    DiskFate::Torn,
                    DiskFate::RolledBack,
                    DiskFate::Wiped,
                ],
            ),
        },
        14 => Fault::Pause { how: one_of(g, &[Pause::Process, Pause::SleepCounted, Pause::SleepUncounted]) },
        15 => {
            let (jump, drift) = (below(g, 1_200_000) as i64, below(g, 2_000) as i32);
            Fault::Clock { jump_ms: jump - 600_000, drift_ppm: drift - 1_000 }
        }
        16 => Fault::Disk { how: one_of(g, &[DiskTrouble::Full, DiskTrouble::Lies, DiskTrouble::Slow]) },
        _ => Fault::Refusal { send: part(g), receive: part(g) },
    }
}

fn act(g: &mut Gen, plan: &Plan, last: u64) -> Act {
    let (doer, other) = (host(g, plan), host(g, plan));
    let room = one_of(g, &["#lobby", "#lobby", "#tea"]).to_owned();
    let size = 10 << below(g, 8);
    let what = match below(g, 16) {
        0 => Deed::Join("#tea".into()),
        1 => Deed::Leave(room),
        2 => Deed::Rename(one_of(g, &["ada", "bob"]).into()),
        3 => Deed::Connect(other),
        4 => Deed::Quit,
        5 => Deed::Start,
        6 if other != doer => Deed::Tell { to: other, size },
        7 if other != doer => Deed::Compare(other),
        8 if other != doer => Deed::Verify(other),
        9 if other != doer => Deed::Block(other),
        10 if other != doer => Deed::Forgive(other),
        _ => Deed::Say { room, size },
    };
    Act { at: Span::from_millis(below(g, last)), host: doer, what }
}

/// Parts of a list of so many, the large ones first.
fn cuts(length: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let sizes = std::iter::successors(Some(length), |size| Some(size / 2)).take_while(|size| *size > 0);
    sizes.flat_map(move |size| (0..length).step_by(size).map(move |start| start..(start + size).min(length)))
}

/// The plan without a host and without what is about it alone; nothing if it was the last one.
fn without(mut plan: Plan, gone: usize) -> Option<Plan> {
    plan.hosts.remove(gone);
    let number = |host: usize| if host > gone { host - 1 } else { host };
    plan.acts.retain(|act| {
        let other = match act.what {
            Deed::Tell { to, .. } | Deed::Connect(to) => Some(to),
            _ => None,
        };
        act.host != gone && other != Some(gone)
    });
    for act in &mut plan.acts {
        act.host = number(act.host);
        if let Deed::Tell { to, .. } | Deed::Connect(to) = &mut act.what {
            *to = number(*to);
        }
    }
    for fault in &mut plan.faults {
        if let Target::Hosts(hosts) = &mut fault.on {
            hosts.retain(|host| *host != gone);
            hosts.iter_mut().for_each(|host| *host = number(*host));
        }
    }
    plan.faults.retain(|fault| fault.on != Target::Hosts(Vec::new()));
    (!plan.hosts.is_empty()).then_some(plan)
}

/// When the last thing of a plan begins.
pub(crate) fn last(plan: &Plan) -> Duration {
    let starts = plan.hosts.iter().map(|host| host.starts.0);
    let acts = plan.acts.iter().map(|act| act.at.0);
    starts.chain(acts).chain(plan.faults.iter().map(|fault| fault.at.0)).max().unwrap_or_default()
}

/// The plan up to a second after the last thing in it has begun, if it goes on for longer.
fn tight(plan: Plan) -> Option<Plan> {
    let end = last(&plan) + Duration::from_secs(1);
    (end < plan.duration.0).then_some(Plan { duration: Span(end), ..plan })
}

/// The first half of the plan, if there is any time left in it.
fn half(mut plan: Plan) -> Option<Plan> {
    let half = plan.duration.0 / 2;
    plan.duration = Span(half);
    plan.acts.retain(|act| act.at.0 < half);
    plan.faults.retain(|fault| fault.at.0 < half);
    let all_start = plan.hosts.iter().all(|host| host.starts.0 < half);
    (half >= Duration::from_secs(1) && all_start).then_some(plan)
}

fn host(g: &mut Gen, plan: &Plan) -> usize {
    below(g, plan.hosts.len() as u64) as usize
}

pub(crate) fn below(g: &mut Gen, bound: u64) -> u64 {
    u64::arbitrary(g) % bound.max(1)
}

pub(crate) fn one_of<T: Clone>(g: &mut Gen, choices: &[T]) -> T {
    choices[below(g, choices.len() as u64) as usize].clone()
}
