//! Faults that a seed draws.

use std::{ops::Range, time::Duration};

use super::{draw::Draw, file::Schedule};
use crate::{
    fault::{Class, Damage, DiskFate, DiskTrouble, Fault, Kind, Pause, PlannedFault, Shape, Target},
    plan::Plan,
    units::{Share, Span},
};

/// The faults of a schedule for `plan`, all within `window`.
pub(super) fn faults(kind: Schedule, draw: Draw, plan: &Plan, window: Range<Duration>) -> Vec<PlannedFault> {
    if window.end < window.start + SHORTEST {
        return Vec::new();
    }
    let mut making = Making { plan, window, draw, faults: Vec::new() };
    match kind {
        Schedule::Swarm => making.swarm(),
        Schedule::Nemesis => making.nemesis(),
        Schedule::Boundary => making.boundary(),
        Schedule::Storm => making.storm(),
        Schedule::Soak => making.soak(),
    }
    making.faults.sort_by_key(|fault| fault.at);
    making.faults
}

/// Kinds that a schedule draws: of versions there is only one yet.
const KINDS: [Kind; 17] = [
    Kind::Loss,
    Kind::Burst,
    Kind::Duplicate,
    Kind::Reorder,
    Kind::Delay,
    Kind::Corrupt,
    Kind::Partition,
    Kind::Filter,
    Kind::IgmpAgeing,
    Kind::Bandwidth,
    Kind::Storm,
    Kind::Interface,
    Kind::MultiHoming,
    Kind::Crash,
    Kind::Pause,
    Kind::Clock,
    Kind::Refusal,
];

/// No fault of a schedule is shorter.
const SHORTEST: Duration = Duration::from_millis(20);
/// An instance name is probed for three times at 250 ms and announced a second apart (RFC 6762 section 8).
const PROBES: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(750),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
];
/// Records of hosts live for two minutes, others for 75 (RFC 6762 section 10); they are asked for again at these
/// percentages of their life (section 5.2), and end at the last.
const LIVES: [Duration; 2] = [Duration::from_secs(120), Duration::from_secs(4500)];
const REFRESH: [u32; 5] = [80, 85, 90, 95, 100];
/// A session shows that it lives every 5 s, and says so after 4 to 6.
const HEARTBEAT: Duration = Duration::from_secs(5);

struct Making<'a> {
    plan: &'a Plan,
    window: Range<Duration>,
    draw: Draw,
    faults: Vec<PlannedFault>,
}

impl Making<'_> {
    fn swarm(&mut self) {
        let third = (self.window.end - self.window.start) / 3;
        for (number, kind) in (0..).zip(KINDS) {
            let mut draw = self.draw.part(number);
            if !draw.coin() {
                continue;
            }
            for _ in 0..draw.between(1, 3) {
                let at = self.window.start + draw.time(self.window.end - self.window.start - SHORTEST);
                let span = draw.span(SHORTEST, third);
                self.add(&mut draw, kind, at, span);
            }
        }
    }

    /// Ten seconds in which everything happens, thirty of calm.
    fn nemesis(&mut self) {
        let mut at = self.window.start;
        for number in 0.. {
            let mut draw = self.draw.part(number);
            let burst = draw.span(Duration::from_secs(5), Duration::from_secs(20));
            at += Duration::from_secs(30);
            if at + burst > self.window.end {
                break;
            }
            for _ in 0..draw.between(3, 6) {
                let kind = draw.one_of(&KINDS);
                let start = at + draw.time(burst / 2);
                let span = at + burst - start;
                self.add(&mut draw, kind, start, span);
            }
            at += burst;
        }
    }

    fn boundary(&mut self) {
        let probes = PROBES.into_iter();
        let refreshes = LIVES.into_iter().flat_map(|life| REFRESH.map(|percent| life * percent / 100));
        let beats = (1..6).map(|beat| HEARTBEAT * beat);
        let starts: Vec<_> = self.plan.hosts.iter().map(|host| host.starts.0).collect();
        for (number, point) in (0..).zip(probes.chain(refreshes).chain(beats)) {
            let mut draw = self.draw.part(number);
            let host = draw.between(0, starts.len() as u64 - 1) as usize;
            let kind = draw.one_of(&[
                Kind::Loss,
                Kind::Interface,
                Kind::Pause,
                Kind::Crash,
                Kind::Delay,
                Kind::Partition,
            ]);
            let span = draw.span(SHORTEST, Duration::from_secs(3));
            let what = self.fault(&mut draw, kind);
            // Also before all have started: that is when they probe.
            let at = starts[host] + point;
            if at + span <= self.window.end {
                self.faults.push(PlannedFault {
                    at: Span(at),
                    span: Some(Span(span)),
                    on: Target::Hosts(vec![host]),
                    what,
                });
            }
        }
    }

    /// The power is out for a while, twice.
    fn storm(&mut self) {
        let length = self.window.end - self.window.start;
        for number in 0..2 {
            let mut draw = self.draw.part(number.into());
            let at = self.window.start + length * (2 * number + 1) / 4;
            let span = draw.span(Duration::from_secs(1), length / 5);
            let disk = draw.one_of(&[DiskFate::LoseUnsynced, DiskFate::Torn]);
            let what = Fault::Crash { disk };
            self.faults.push(PlannedFault {
                at: Span(at),
                span: Some(Span(span)),
                on: Target::Everything,
                what,
            });
        }
    }

    /// Some forty faults, each far from the next.
    fn soak(&mut self) {
        let mean = (self.window.end - self.window.start) / 40;
        let mut draw = self.draw.part(0);
        let mut at = self.window.start;
        loop {
            at += draw.gap(mean);
            if at + SHORTEST > self.window.end {
                break;
            }
            let kind = draw.one_of(&KINDS);
            let span = draw.span(Duration::from_secs(1), mean);
            self.add(&mut draw, kind, at, span);
        }
    }

    fn add(&mut self, draw: &mut Draw, kind: Kind, at: Duration, span: Duration) {
        // A card stays although its fault is over, and a host has but few.
        if kind == Kind::MultiHoming && self.faults.iter().any(|fault| fault.what.kind() == kind) {
            return;
        }
        let what = self.fault(draw, kind);
        let span = span.min(self.window.end - at).max(SHORTEST);
        // What strikes all at once is rare; a part of the hosts is cut off from the other part.
        let all = what.is_of_the_network() && kind != Kind::Partition && draw.coin();
        let on = if all {
            Target::Everything
        } else {
            let share = draw.share(100_000, 600_000);
            Target::Hosts(draw.hosts(self.plan.hosts.len(), share))
        };
        self.faults.push(PlannedFault { at: Span(at), span: Some(Span(span)), on, what });
    }

    /// A fault of a kind, its numbers from the ranges of `TigerBeetle`'s simulator where that has such a fault.
    fn fault(&self, draw: &mut Draw, kind: Kind) -> Fault {
        let class = draw.one_of(&[Class::All, Class::All, Class::Multicast, Class::Unicast]);
        match kind {
            Kind::Loss => Fault::Loss { share: draw.share(1_000, 300_000), class },
            Kind::Burst => Fault::Burst {
                enter: draw.share(1_000, 50_000),
                leave: draw.share(20_000, 500_000),
                good: draw.share(100, 10_000),
                bad: draw.share(200_000, 1_000_000),
            },
            Kind::Duplicate => Fault::Duplicate { share: draw.share(1_000, 500_000) },
            Kind::Reorder => {
                let by = Span(draw.span(Duration::from_micros(100), Duration::from_millis(200)));
                Fault::Reorder { share: draw.share(1_000, 500_000), by }
            }
            Kind::Delay => Fault::Delay {
                by: Span(draw.span(Duration::from_millis(1), Duration::from_millis(500))),
                jitter: Span(draw.span(Duration::from_millis(1), Duration::from_millis(200))),
            },
            Kind::Corrupt => {
                let how = draw.one_of(&[Damage::Bit, Damage::Truncate, Damage::Splice]);
                Fault::Corrupt { share: draw.share(1_000, 200_000), how }
            }
            Kind::Partition => {
                let flaps = draw.is(Share::from_ppm(200_000));
                let flapping =
                    flaps.then(|| Span(draw.span(Duration::from_millis(100), Duration::from_secs(5))));
                let shape = draw.one_of(&[
                    Shape::Split,
                    Shape::Split,
                    Shape::OneWay,
                    Shape::Bridge,
                    Shape::Ring,
                    Shape::Apart,
                ]);
                Fault::Partition { shape, class, flapping }
            }
            Kind::Filter => {
                Fault::Filter { class: if class == Class::All { Class::Multicast } else { class } }
            }
            Kind::IgmpAgeing => {
                Fault::IgmpAgeing { after: Span(draw.span(Duration::from_secs(1), Duration::from_secs(260))) }
            }
            Kind::Bandwidth => Fault::Bandwidth {
                rate: draw.magnitude(64_000, 10_000_000),
                queue: draw.magnitude(4_096, 65_536),
            },
            Kind::Storm => Fault::Storm { copies: draw.magnitude(1, 20) as u8 },
            Kind::Interface if draw.coin() => Fault::AddressChange { duplicate: false },
            Kind::Interface => Fault::InterfaceDown,
            Kind::MultiHoming => {
                Fault::SecondCard { segment: draw.between(0, self.plan.segments.len() as u64 - 1) as usize }
            }
            Kind::Crash if draw.is(Share::from_ppm(300_000)) => {
                Fault::Disk { how: draw.one_of(&[DiskTrouble::Full, DiskTrouble::Lies, DiskTrouble::Slow]) }
            }
            Kind::Crash => {
                let fates = [
                    DiskFate::Kept,
                    DiskFate::LoseUnsynced,
                    DiskFate::Torn,
                    DiskFate::RolledBack,
                    DiskFate::Wiped,
                ];
                Fault::Crash { disk: draw.one_of(&fates) }
            }
            Kind::Pause => Fault::Pause {
                how: draw.one_of(&[Pause::Process, Pause::SleepCounted, Pause::SleepUncounted]),
            },
            Kind::Clock => {
                let jump = draw.magnitude(10, 600_000) as i64;
                let drift = draw.magnitude(1, 1_000) as i32;
                let sign = if draw.coin() { 1 } else { -1 };
                Fault::Clock { jump_ms: jump * sign, drift_ppm: drift * sign as i32 }
            }
            Kind::Refusal => {
                Fault::Refusal { send: draw.share(1_000, 300_000), receive: draw.share(1_000, 300_000) }
            }
            Kind::VersionSkew => Fault::VersionSkew,
        }
    }
}
