//! Random plans with every kind of fault: whatever happens, what must hold holds.
//!
//! `INVARIANTS_SEED` runs a single seed, `INVARIANTS_SEEDS` so many.

use std::{rc::Rc, time::Duration};

use sim::{
    Outcome, World,
    fault::{Class, Damage, DiskFate, DiskTrouble, Fault, Pause, PlannedFault, Shape, Target},
    plan::{Act, Deed, Family, Host, Plan, Router, SuiteChoice, VERSION},
    profile,
    units::{Share, Span},
};

/// Draws numbers in a row: a plan is made once, and then it is data.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn share(&mut self, most_percent: u64) -> Share {
        Share::from_ppm(u32::try_from(10_000 + self.below(most_percent * 10_000)).unwrap())
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn fault(&mut self, kind: u64) -> Fault {
        let class = self.one(&[Class::All, Class::Multicast, Class::Unicast]);
        match kind {
            0 => Fault::Loss { share: self.share(50), class },
            1 => Fault::Burst {
                enter: self.share(10),
                leave: self.share(30),
                good: self.share(2),
                bad: self.share(90),
            },
            2 => Fault::Duplicate { share: self.share(50) },
            3 => Fault::Reorder { share: self.share(50), by: Span::from_millis(1 + self.below(300)) },
            4 => {
                let (by, jitter) = (self.below(400), self.below(200));
                Fault::Delay { by: Span::from_millis(by), jitter: Span::from_millis(jitter) }
            }
            5 => {
                let how = self.one(&[Damage::Bit, Damage::Truncate, Damage::Splice]);
                Fault::Corrupt { share: self.share(30), how }
            }
            6 => {
                let shape =
                    self.one(&[Shape::Split, Shape::OneWay, Shape::Bridge, Shape::Ring, Shape::Apart]);
                let flapping = (self.below(3) == 0).then(|| Span::from_secs(1 + self.below(8)));
                Fault::Partition { shape, class, flapping }
            }
            7 => Fault::Filter { class },
            8 => Fault::IgmpAgeing { after: Span::from_secs(self.below(30)) },
            9 => Fault::Bandwidth { rate: 200_000 + self.below(5_000_000), queue: 4096 + self.below(65_536) },
            10 => Fault::Storm { copies: 1 + self.below(4) as u8 },
            11 => Fault::InterfaceDown,
            12 => Fault::AddressChange { duplicate: self.below(4) == 0 },
            13 => Fault::SecondCard { segment: 0 },
            14 => {
                let fates = [
                    DiskFate::Kept,
                    DiskFate::LoseUnsynced,
                    DiskFate::Torn,
                    DiskFate::RolledBack,
                    DiskFate::Wiped,
                ];
                Fault::Crash { disk: self.one(&fates) }
            }
            15 => {
                Fault::Pause { how: self.one(&[Pause::Process, Pause::SleepCounted, Pause::SleepUncounted]) }
            }
            16 => {
                let jump_ms = self.one(&[-3_600_000, -30_000, -1, 1, 30_000, 700_000, 7_200_000]);
                Fault::Clock { jump_ms, drift_ppm: self.one(&[-200, 0, 200]) }
            }
            17 => Fault::Refusal { send: self.share(30), receive: self.share(30) },
            _ => Fault::Disk { how: self.one(&[DiskTrouble::Full, DiskTrouble::Lies, DiskTrouble::Slow]) },
        }
    }

    fn plan(&mut self, seed: u64) -> Plan {
        let peers = 3 + self.below(6);
        let mut plan = Plan {
            version: VERSION,
            name: format!("random {seed}"),
            seed,
            duration: Span::from_secs(240),
            suite: if self.below(4) == 0 { SuiteChoice::Real } else { SuiteChoice::Cheap },
            family: self.one(&[Family::Both, Family::V4, Family::V6]),
            segments: vec![profile::named(self.one(&["switch", "switch", "wifi"])).unwrap()],
            routers: Vec::new(),
            hosts: Vec::new(),
            ..Plan::empty("", 0)
        };
        if self.below(4) == 0 {
            plan.segments.push(profile::named(self.one(&["switch", "guest"])).unwrap());
            plan.routers.push(Router { between: [0, 1], latency: Span::from_millis(1) });
        }
        for _ in 0..peers {
            let starts = Span::from_millis(self.below(3) * self.below(8000));
            let second = plan.segments.len() > 1 && self.below(3) == 0;
            let on = if second { self.one(&[&[1][..], &[0, 1]]).to_vec() } else { vec![0] };
            plan.hosts.push(Host { on, starts });
        }
        for _ in 0..1 + self.below(5) {
            let kind = self.below(19);
            let what = self.fault(kind);
            let hosts = (0..peers).filter(|_| self.below(2) == 0).map(|host| host as usize).collect();
            let on = match self.below(6) {
                0 => Target::Segment(0),
                1 => Target::Everything,
                _ => Target::Hosts(hosts),
            };
            // Some last for good: the others must get on without those whom they strike.
            let span = (self.below(6) > 0).then(|| Span::from_millis(500 + self.below(40_000)));
            plan.faults.push(PlannedFault { at: Span::from_millis(self.below(70_000)), span, on, what });
        }
        for _ in 0..5 + self.below(40) {
            let host = self.below(peers) as usize;
            let what = match self.below(16) {
                0 => Deed::Tell { to: self.below(peers) as usize, size: self.below(600) as usize },
                1 => Deed::Join("#other".into()),
                2 => Deed::Leave("#other".into()),
                3 => Deed::Rename("same".into()),
                4 | 5 => Deed::Say { room: "#other".into(), size: self.below(4000) as usize },
                6 if self.below(4) == 0 => Deed::Quit,
                7 => Deed::Compare(self.below(peers) as usize),
                8 => Deed::Verify(self.below(peers) as usize),
                9 => Deed::Block(self.below(peers) as usize),
                _ => Deed::Say { room: "#lobby".into(), size: self.below(400) as usize },
            };
            plan.acts.push(Act { at: Span::from_millis(self.below(130_000)), host, what });
        }
        plan
    }
}

fn run(plan: &Rc<Plan>) -> Outcome {
    let mut world = World::new(Rc::clone(plan), false);
    while world.run(Duration::from_secs(10)) {}
    world.outcome()
}

fn plan(peers: usize, faults: Vec<PlannedFault>) -> Rc<Plan> {
    let host = Host { on: vec![0], starts: Span::default() };
    Rc::new(Plan { hosts: vec![host; peers], faults, acts: Vec::new(), ..Draw(0).plan(0) })
}

fn fault(at: u64, seconds: u64, hosts: &[usize], what: Fault) -> PlannedFault {
    let (at, span) = (Span::from_secs(at), Some(Span::from_secs(seconds)));
    PlannedFault { at, span, on: Target::Hosts(hosts.to_vec()), what }
}

#[test]
fn a_machine_that_died_asleep_starts_with_a_clock_that_runs() {
    let asleep = fault(5, 30, &[0], Fault::Pause { how: Pause::SleepUncounted });
    let dead = fault(10, 5, &[0], Fault::Crash { disk: DiskFate::Kept });
    assert_eq!(run(&plan(3, vec![asleep, dead])).violation, None);
}

#[test]
fn a_process_that_was_stopped_hears_of_its_cards() {
    let out = fault(20, 15, &[0, 1], Fault::InterfaceDown);
    let stopped = fault(30, 25, &[0, 1], Fault::Pause { how: Pause::Process });
    assert_eq!(run(&plan(3, vec![out, stopped])).violation, None);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().expect("a number"))
}

#[test]
fn whatever_happens_what_must_hold_holds() {
    let single = number("INVARIANTS_SEED");
    let seeds = single.map_or(0..number("INVARIANTS_SEEDS").unwrap_or(60), |seed| seed..seed + 1);
    let mut broken = 0;
    for seed in seeds {
        let plan = Rc::new(Draw(seed).plan(seed));
        if let Some(violation) = run(&plan).violation {
            broken += 1;
            println!("seed {seed}: {violation:?}");
            if single.is_some() {
                println!("{}", toml::to_string(&*plan).unwrap());
            }
        }
    }
    assert_eq!(broken, 0, "runs that broke something");
}
