//! What runs on the hosts of a world: the chat node, or a program of your own.

use std::any::Any;

use chat_core::{Config, Identity, Input, Instant, Nick, Node, Output, Suite};

use crate::host::CHAT_PORT;

/// A state machine without I/O that a host can run. [`Node`] is one, and its documentation has the contract.
///
/// Two programs that throw a ball to and fro:
///
/// ```
/// use std::{net::SocketAddr, rc::Rc, time::Duration};
///
/// use bytes::Bytes;
/// use chat_core::{Input, Instant, Output, Transmit, Via};
/// use sim::{Program, World, plan::{Host, Plan}, profile};
///
/// struct Player {
///     other: SocketAddr,
///     has_ball: bool,
///     caught: u32,
/// }
///
/// impl Program for Player {
///     fn handle(&mut self, _now: Instant, input: Input<'_>) {
///         if let Input::Datagram(datagram) = input {
///             assert_eq!(datagram.bytes, b"ball");
///             self.has_ball = true;
///             self.caught += 1;
///         }
///     }
///
///     fn poll(&mut self) -> Output {
///         if !std::mem::take(&mut self.has_ball) {
///             return Output::Wait(None);
///         }
///         let bytes = Bytes::from_static(b"ball");
///         Output::Transmit(Transmit { via: Via::Chat, interface: 0, to: self.other, bytes })
///     }
/// }
///
/// let mut plan = Plan::empty("ball", 7);
/// plan.segments = vec![profile::named("switch").unwrap()];
/// // The second one is there when the first one throws.
/// let starts = |millis| Host { on: vec![0], starts: sim::units::Span::from_millis(millis) };
/// plan.hosts = vec![starts(1), starts(0)];
/// let world = World::new(Rc::new(plan), false);
/// let addresses: Vec<_> = (0..2).filter_map(|host| world.address(host)).collect();
/// let mut world = world.with_programs(move |start| {
///     Box::new(Player { other: addresses[1 - start.host], has_ball: start.host == 0, caught: 0 })
/// });
/// world.run(Duration::from_secs(1));
/// // The way takes 50 to 200 µs.
/// let caught = world.program::<Player>(1).unwrap().caught;
/// assert!((2500..10_000).contains(&caught), "{caught}");
/// assert_eq!(world.outcome().violation, None);
/// ```
pub trait Program: Any {
    /// Something happens, when the host's own clock shows `now`.
    fn handle(&mut self, now: Instant, input: Input<'_>);

    /// What it wants next. [`Output::Wait`] is the last, until something happens again; it must name a later time.
    fn poll(&mut self) -> Output;
}

impl Program for Node {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        Self::handle(self, now, input);
    }

    fn poll(&mut self) -> Output {
        Self::poll(self)
    }
}

/// A host starts its program: what a new one is made from. The same start has to give the same program.
pub struct Start {
    /// The host's number in the plan.
    pub host: usize,
    /// The how-manieth start of that host this is, from 1.
    pub boot: u64,
    /// What its clock shows.
    pub now: Instant,
    /// All the randomness that the program gets: another at every start.
    pub seed: [u8; 32],
    /// The secret of the host's person, kept from start to start.
    pub secret: [u8; 32],
    /// The cryptography of the plan.
    pub suite: &'static dyn Suite,
}

impl Start {
    /// The chat node that runs where no other program is asked for.
    ///
    /// # Panics
    /// Never: the nick is one of letters and digits.
    #[must_use]
    pub fn node(&self) -> Box<dyn Program> {
        self.node_that(|_| {})
    }

    /// One that finds others by multicast DNS only, and calls nobody.
    pub(crate) fn engine(&self) -> Box<dyn Program> {
        self.node_that(|config| (config.calls, config.discovery.broadcast) = (false, false))
    }

    fn node_that(&self, differs: impl FnOnce(&mut Config)) -> Box<dyn Program> {
        let nick = Nick::new(&format!("peer{}", self.host)).expect("a nick of letters and digits");
        let mut config = Config::new(self.suite, nick, CHAT_PORT);
        differs(&mut config);
        let identity = Identity::new(self.suite, &self.secret);
        Box::new(Node::new(config, identity, self.seed, self.now))
    }
}

/// Makes programs.
pub(crate) type Programs = dyn Fn(&Start) -> Box<dyn Program>;
