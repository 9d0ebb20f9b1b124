//! One peer: routes what comes in to the machines, and what they want to the host.

use alloc::collections::VecDeque;

use crate::{
    boundary::{Input, Output, Token},
    config::Config,
    identity::Identity,
    stats::Stats,
    store::Request,
    time::Instant,
};

/// One peer of the chat.
#[derive(Debug)]
pub struct Node {
    now: Instant,
    outputs: VecDeque<Output>,
    stats: Stats,
}

impl Node {
    /// A peer that has just started at `now`. Its first output is the request for the store's state.
    ///
    /// `seed` comes from the system's randomness; the same one with the same inputs gives the same outputs, keys
    /// and nonces included, so it is never used twice except to replay.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "grows")]
    pub fn new(_config: Config, _identity: Identity, _seed: [u8; 32], now: Instant) -> Self {
        let first = Output::Fetch { token: Token(0), what: Request::State };
        Self { now, outputs: VecDeque::from([first]), stats: Stats::default() }
    }

    /// Takes in what happened. It cannot fail and does not panic, whatever it is given; `now` may be late.
    #[expect(clippy::needless_pass_by_value, reason = "grows")]
    pub fn handle(&mut self, now: Instant, _input: Input<'_>) {
        self.now = self.now.max(now);
    }

    /// What the node wants next; [`Output::Wait`] when that is nothing more, again and again.
    pub fn poll(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or(Output::Wait(None))
    }

    /// What was counted so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }
}
