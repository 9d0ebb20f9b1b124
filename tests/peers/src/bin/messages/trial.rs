//! One stack at one work: a child process, which prints one line of figures.

use std::{
    collections::BTreeMap,
    env, panic,
    process::{self, Command},
    time::Duration,
};

use chat_tests::{namespace::Host, running::Running};
use peers::machine;

use crate::{
    board::{Board, Promise},
    bulk, catch_up, durable, file, in_gossipsub, in_quinn, in_udp, ours,
    work::{SINGLES, flood},
};

/// How long a trial may take before it is ended.
const LIMIT: Duration = Duration::from_secs(60);
/// Tells the child from the part: this, then the stack and the work.
const FLAG: &str = "--trial";
/// Those who hear it, of the larger work.
pub(crate) const MANY: usize = 9;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Trial {
    pub(crate) stack: Stack,
    pub(crate) work: Work,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stack {
    Std,
    Smol,
    Gossipsub,
    Quinn,
    Udp,
    Tcp,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Work {
    /// One sends to one.
    One,
    /// One sends to nine.
    Many,
    /// One sends to one, and both keep it on disk.
    Durable,
    /// Much at once.
    Bulk,
    /// The same, and single messages beside it.
    Beside,
    /// A newcomer gets what was said before.
    CatchUp,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Figure {
    /// Messages per second at the median receiver, flat out; in bulk megabytes.
    Rate,
    /// Time of the processor for each delivered message, in seconds; in bulk for all.
    Cpu,
    /// From before a single message is sent until it is heard, in seconds: the median.
    Middle,
    /// The same: what one of a hundred exceeds.
    Late,
    /// From before a single message is sent until its sender knows that it is on disk, in seconds: the median.
    Kept,
    /// The share of messages that never arrived, or after a later one.
    Astray,
    /// The time that it takes, in times that the checks of all signatures take.
    Checks,
    /// Bytes of memory that it takes more at its height.
    Memory,
}

/// What one trial found.
pub(crate) type Figures = BTreeMap<Figure, f64>;

impl Trial {
    /// All of them, in the order of the page.
    pub(crate) fn all() -> Vec<Self> {
        let of =
            |work, stacks: &[Stack]| stacks.iter().map(|&stack| Self { stack, work }).collect::<Vec<_>>();
        [Work::One, Work::Many, Work::Durable, Work::Bulk, Work::Beside, Work::CatchUp]
            .into_iter()
            .flat_map(|work| of(work, work.stacks()))
            .collect()
    }

    /// The one that this process was started for, if it was.
    pub(crate) fn asked_for() -> Option<Self> {
        let arguments: Vec<_> = env::args().skip(1).collect();
        let [flag, name] = &arguments[..] else { return None };
        (flag == FLAG).then_some(())?;
        Self::all().into_iter().find(|trial| trial.name() == *name)
    }

    /// Starts a process for it in a network that has nothing but its loopback interface, and reads what it prints.
    pub(crate) fn measure(self) -> Figures {
        let network = Host::new();
        let name = self.name();
        let mut child = network.run(move || {
            let program = env::current_exe().expect("this program");
            Running::start(name.clone(), Command::new(program).args([FLAG, &name]))
        });
        let line = child.expect("figures", LIMIT, |line| line.json.is_object());
        child.wait(LIMIT);
        let value = |figure: Figure| Some((figure, line.json.get(figure.name())?.as_f64()?));
        Figure::ALL.into_iter().filter_map(value).collect()
    }

    /// Does it in this process, and prints the line.
    pub(crate) fn carry_out(self) {
        assert_eq!(machine::packets(), 0, "this is no network of its own: start it with tests/peers/run");
        // Whatever thread it is that finds something wrong: nobody waits for what does not come.
        panic::set_hook(Box::new(|what| {
            eprintln!("{what}");
            process::exit(1);
        }));
        let figures = self.figures();
        let line: serde_json::Value =
            figures.into_iter().map(|(figure, value)| (figure.name(), value)).collect();
        println!("{line}");
    }

    fn figures(self) -> Figures {
        let board = |count| Board::new(self.work.receivers(), SINGLES, count, self.stack.promise());
        let flood = flood(self.stack, self.work);
        match (self.work, self.stack) {
            (Work::Bulk, Stack::Quinn) => bulk::in_quinn(),
            (Work::Bulk, Stack::Tcp) => bulk::in_tcp(),
            (Work::Bulk, stack) => file::alone(ours::start(stack)),
            (Work::Beside, stack) => file::beside(ours::start(stack)),
            (Work::CatchUp, stack) => catch_up::run(ours::start(stack)),
            (Work::Durable, stack) => durable::run(ours::start(stack), flood),
            (_, Stack::Gossipsub) => in_gossipsub::run(&board(flood)),
            (_, Stack::Quinn) => in_quinn::run(&board(flood)),
            (_, Stack::Udp) => in_udp::run(&board(flood)),
            (_, stack) => ours::run(ours::start(stack), &board(flood)),
        }
    }

    fn name(self) -> String {
        format!("{:?}-{:?}", self.stack, self.work).to_lowercase()
    }
}

impl Stack {
    /// What it says of the messages of one sender.
    const fn promise(self) -> Promise {
        match self {
            Self::Gossipsub => Promise::Delivery,
            Self::Udp => Promise::Nothing,
            _ => Promise::Order,
        }
    }

    /// As the page calls it.
    pub(crate) fn name(self) -> String {
        let of = |package: &str| format!("{package} {}", machine::version(package));
        match self {
            Self::Std => "chat-std".into(),
            Self::Smol => "chat-smol".into(),
            Self::Gossipsub => format!("gossipsub (libp2p {})", machine::version("libp2p")),
            Self::Quinn => of("quinn"),
            Self::Udp => "limit: a bare loop over UDP".into(),
            Self::Tcp => "limit: plain TCP".into(),
        }
    }
}

impl Work {
    /// Who does it.
    pub(crate) const fn stacks(self) -> &'static [Stack] {
        match self {
            Self::One | Self::Many => &[Stack::Std, Stack::Smol, Stack::Gossipsub, Stack::Quinn, Stack::Udp],
            Self::Durable | Self::Beside | Self::CatchUp => &[Stack::Std, Stack::Smol],
            Self::Bulk => &[Stack::Std, Stack::Smol, Stack::Quinn, Stack::Tcp],
        }
    }

    pub(crate) const fn receivers(self) -> usize {
        if matches!(self, Self::Many) { MANY } else { 1 }
    }
}

impl Figure {
    const ALL: [Self; 8] = [
        Self::Rate,
        Self::Cpu,
        Self::Middle,
        Self::Late,
        Self::Kept,
        Self::Astray,
        Self::Checks,
        Self::Memory,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Cpu => "cpu",
            Self::Middle => "p50",
            Self::Late => "p99",
            Self::Kept => "kept",
            Self::Astray => "astray",
            Self::Checks => "checks",
            Self::Memory => "memory",
        }
    }
}
