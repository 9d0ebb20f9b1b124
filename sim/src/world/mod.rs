//! The world: it lets happen, one after the other, what a plan says and what follows from it.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    time::Duration,
};

use bytes::Bytes;
use chat_core::{Instant, Node, Suite, Transmit};

use crate::{
    chance::{Chance, Domain},
    floor::Multicast,
    foe::Villain,
    host::{CHAT_PORT, Machine},
    lan::{Lan, Lost, fate::Conditions},
    plan::{Plan, Runs, SuiteChoice},
    program::{Programs, Start},
    queue::{Container, Key, Queue},
    suite::{CHEAP, ONCE},
    trace::Trace,
    watch::{Fact, Follow, Watch, follow::Sink},
};

mod carry;
mod deeds;
mod faults;
mod foes;
mod happening;
mod outcome;
mod program;

pub use outcome::{Counts, Outcome};

use happening::Happening;

/// Events between two looks at the sizes of a node's tables.
const MEASURE: u64 = 64;

/// A run under way.
pub struct World {
    plan: Rc<Plan>,
    suite: &'static dyn Suite,
    /// What a host runs.
    programs: Rc<Programs>,
    chance: Chance,
    now: Instant,
    end: Instant,
    queue: Queue<Happening>,
    lan: Lan,
    conditions: Conditions,
    machines: Vec<Machine>,
    /// Whose program is being called.
    acting: Option<usize>,
    foes: Vec<Villain>,
    watch: Watch,
    trace: Trace,
    /// How often each fault of the plan bit.
    fired: Vec<u64>,
    counts: Counts,
    /// The datagram sent before, for those that are spliced with it.
    before: Bytes,
    /// What was sent to many, if that is kept.
    sent: Option<Vec<Multicast>>,
}

impl World {
    /// The world of `plan` before anything has happened.
    ///
    /// # Panics
    /// If the plan names a host or a link that it does not have; [`Plan::check`] finds that.
    #[must_use]
    pub fn new(plan: Rc<Plan>, tree: bool) -> Self {
        let end = Instant::ORIGIN + plan.duration.0;
        Self::until(plan, tree, end)
    }

    /// The same, but it ends at `end` if that is earlier than the plan's own end: up to there it is the same run.
    ///
    /// # Panics
    /// As [`World::new`].
    #[must_use]
    pub fn until(plan: Rc<Plan>, tree: bool, end: Instant) -> Self {
        let suite = if plan.suite == SuiteChoice::Cheap { CHEAP } else { ONCE };
        let chance = Chance::new(plan.seed);
        let mut world = Self {
            suite,
            programs: if plan.runs == Runs::Mdns { Rc::new(Start::engine) } else { Rc::new(Start::node) },
            chance,
            now: Instant::ORIGIN,
            end: end.min(Instant::ORIGIN + plan.duration.0),
            queue: Queue::new(if tree { Container::Tree } else { Container::Wheel }),
            lan: Lan::new(&plan),
            conditions: Conditions::default(),
            machines: machines(&chance, plan.hosts.len()),
            acting: None,
            foes: Self::villains(&plan),
            watch: Watch::new(&plan, suite),
            trace: Trace::default(),
            fired: vec![0; plan.faults.len()],
            counts: Counts::default(),
            before: Bytes::new(),
            sent: None,
            plan,
        };
        let plan = Rc::clone(&world.plan);
        for (host, planned) in plan.hosts.iter().enumerate() {
            world.watch.truth.set_key(host, world.machines[host].key(suite));
            world.later(planned.starts.0, host, host, 0, Happening::Start { host });
        }
        for (number, fault) in plan.faults.iter().enumerate() {
            world.later(fault.at.0, number, 0, 0, Happening::Fault { number, begins: true });
            if let Some(span) = fault.span {
                world.later(fault.at.0 + span.0, number, 1, 0, Happening::Fault { number, begins: false });
            }
        }
        for (number, act) in plan.acts.iter().enumerate() {
            world.later(act.at.0, act.host, 0, number as u64, Happening::Act { number });
        }
        world.plan_foes();
        world
    }

    /// Nobody looks on: for measuring what the simulator itself costs.
    #[must_use]
    pub fn without_checks(mut self) -> Self {
        self.watch.close();
        self.machines.iter_mut().for_each(|machine| machine.is_twofold = false);
        self
    }

    /// No program calls another: they find each other, and no session begins. For measuring discovery alone.
    #[must_use]
    pub fn without_calls(mut self) -> Self {
        self.programs = Rc::new(Start::engine);
        self
    }

    /// What was sent to many since it was last asked for; what was sent before the first time is not kept.
    pub fn take_sent(&mut self) -> Vec<Multicast> {
        self.sent.replace(Vec::new()).unwrap_or_default()
    }

    /// What happened how often so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// These look on, and nobody else.
    #[cfg(test)]
    pub(crate) fn only(mut self, checks: Vec<Box<dyn crate::watch::Check>>) -> Self {
        self.watch.only(checks);
        self
    }

    #[cfg(test)]
    pub(crate) fn disk_of(&mut self, host: usize) -> &mut crate::host::disk::Disk {
        &mut self.machines[host].disk
    }

    /// The host's first card is out, and nobody is told.
    #[cfg(test)]
    pub(crate) fn pull_the_plug(&mut self, host: usize) {
        self.lan.set_up(self.now, host, 0, false);
    }

    /// The twins are no twins any more.
    #[cfg(test)]
    pub(crate) fn estrange_twins(&mut self) {
        let twins = self.machines.iter_mut().filter_map(|machine| machine.twin.as_mut());
        for twin in twins {
            twin.handle(Instant::ORIGIN, chat_core::Input::Entropy([1; 32]));
        }
    }

    /// Lets happen what happens within `span`. False once the run is over, or a property is broken.
    pub fn run(&mut self, span: Duration) -> bool {
        let until = (self.now + span).min(self.end);
        // Here and not around each call of a program, which would cost more than many a call.
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| self.run_until(until))) {
            match self.acting.take() {
                Some(host) => self.panicked(host, cause.as_ref()),
                None => resume_unwind(cause),
            }
        }
        if self.watch.violation.is_some() {
            return false;
        }
        self.now = until;
        let over = until >= self.end;
        // Who stops earlier than planned has not seen all that should have come.
        if over && self.end == Instant::ORIGIN + self.plan.duration.0 {
            self.watch.end(self.now);
        }
        !over
    }

    /// How much time has passed in it.
    #[must_use]
    pub const fn passed(&self) -> Duration {
        self.now.since_origin()
    }

    /// How many events there were so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.trace.events()
    }

    /// Tells everything that happens to `host` from now on, line by line.
    pub fn follow(&mut self, host: usize, sink: Sink) {
        self.watch.follow.push(Follow { host, sink });
    }

    /// Keeps a checkpoint for each event of this range, besides the sparse ones.
    pub fn look_closely(&mut self, events: std::ops::Range<u64>) {
        self.trace.look_closely(events);
    }

    /// Where the chat socket of `host` is, by its first address; nowhere while all its cards are down.
    #[must_use]
    pub fn address(&self, host: usize) -> Option<SocketAddr> {
        self.lan.address(host).map(|address| SocketAddr::new(address, CHAT_PORT))
    }

    /// Lets happen what happens until then, up to the first property that is broken.
    fn run_until(&mut self, until: Instant) {
        while self.watch.violation.is_none()
            && let Some((key, happening)) = self.queue.pop(until)
        {
            self.now = key.at();
            self.trace.event(key);
            self.happen(happening);
            self.measure();
        }
    }

    /// Now and then, and in turn, looks how full a node's tables are.
    fn measure(&mut self) {
        let (turn, rest) = (self.trace.events() / MEASURE, self.trace.events() % MEASURE);
        if rest > 0 || self.watch.is_closed() {
            return;
        }
        let host = (turn % self.machines.len() as u64) as usize;
        if let Some(sizes) = self.program(host).map(Node::sizes) {
            self.watch.see(self.now, &Fact::Sizes { host, sizes });
        }
    }

    fn later(&mut self, since_start: Duration, to: usize, from: usize, count: u64, what: Happening) {
        self.push(Instant::ORIGIN + since_start, to, from, count, what);
    }

    fn after(&mut self, delay: Duration, to: usize, from: usize, count: u64, what: Happening) {
        self.push(self.now + delay, to, from, count, what);
    }

    #[inline(always)]
    fn push(&mut self, at: Instant, to: usize, from: usize, count: u64, what: Happening) {
        if at <= self.end {
            self.queue.push(Key::new(at, what.kind(), to, from, count), what);
        }
    }

    fn lose(&mut self, why: Lost) {
        self.counts.lost[why as usize] += 1;
    }
}

/// The machines. Some nodes have a twin, to which the very same happens: one of 16, and one of any run.
fn machines(chance: &Chance, count: usize) -> Vec<Machine> {
    let mut machines: Vec<_> = (0..count).map(|number| Machine::new(chance, number)).collect();
    let first = chance.below(count as u64, Domain::Plan, &[u64::MAX]);
    for machine in &mut machines {
        let number = machine.number as u64;
        machine.is_twofold = number == first || chance.below(16, Domain::Plan, &[u64::MAX, number]) == 0;
    }
    machines
}

/// Splits what a host transmits into what counts for the trace.
fn trace_of(trace: &mut Trace, transmit: &Transmit) {
    let about = u64::from(transmit.interface) << 16 | u64::from(transmit.to.port());
    trace.bytes(about, &transmit.bytes);
}
