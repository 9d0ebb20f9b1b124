//! A node on its sockets: what every runtime does at each turn of its loop, and the two ends of a node that runs, what a
//! program gives to a runtime and what it gets from it.

use std::{fmt, sync::Arc, time::Duration};

use chat_core::{Event, Input, Instant, Node, Output, Wake};

use crate::{Batch, Clock, Net, Watch};

/// Is given every [`Output::Event`], [`Output::Persist`] and [`Output::Fetch`] in order, by the loop that the node lives
/// in: its own thread, but for what comes before that runs.
///
/// It must be quick, and must not call [`Submit`]: the loop that it holds up is the one that would have to make room.
/// [`Event::Finished`] comes last of all, when the sockets are closed; then it is dropped.
pub type OnOutput = Box<dyn FnMut(Output) + Send>;

/// Hands an input to the node, from any thread; it waits while the node is behind.
///
/// After the node's end it does nothing. When the last clone is dropped the node ends without a goodbye, as in a crash.
pub type Submit = Arc<dyn Fn(Input<'static>) + Send + Sync>;

/// A node with all that it lives on. A runtime lets it speak, waits for what comes, gives it that, and so on until it
/// has finished.
pub struct Host {
    node: Node,
    net: Net,
    clock: Clock,
    watch: Watch,
    on_output: OnOutput,
    /// What is not for the network, until that has its share.
    aside: Vec<Output>,
    is_finished: bool,
}

impl Host {
    /// Of a node that was made by `clock`.
    #[must_use]
    pub fn new(node: Node, net: Net, clock: Clock, on_output: OnOutput) -> Self {
        Self { node, net, clock, watch: Watch::new(clock), on_output, aside: Vec::new(), is_finished: false }
    }

    /// Looks after the system if it is time to, and carries out all that the node wants: what is for the network first,
    /// since others wait for that. The answer is what it waits for.
    pub fn speak(&mut self) -> Option<Wake> {
        let Self { node, net, watch, on_output, aside, is_finished, .. } = self;
        watch.look(net, |now, input| node.handle(now, input));
        let wake = loop {
            match node.poll() {
                Output::Transmit(transmit) => net.send(transmit),
                Output::Trace(trace) => net.trace(trace),
                Output::Event(Event::Finished) => *is_finished = true,
                Output::Wait(wake) => break wake,
                output => aside.push(output),
            }
        };
        net.flush();
        aside.drain(..).for_each(on_output);
        wake
    }

    /// Gives the node something at `now`, by its clock: a moment ago will do.
    pub fn take(&mut self, now: Instant, input: Input<'_>) {
        self.node.handle(now, input);
    }

    /// Gives the node all that one of the sockets has received.
    pub fn take_datagrams(&mut self, batch: &Batch) {
        self.net.note(batch);
        for datagram in self.net.datagrams(batch) {
            self.node.handle(self.clock.now(), Input::Datagram(datagram));
        }
    }

    /// Until when a loop may wait that waits for `wake`.
    #[must_use]
    pub fn next(&self, wake: Option<Wake>) -> Instant {
        self.watch.next(wake)
    }

    /// How long that is from now.
    #[must_use]
    pub fn until(&self, wake: Option<Wake>) -> Duration {
        self.watch.until(wake)
    }

    /// Whether the node has ended, and is not to be given anything any more.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Closes the sockets, as far as they are the host's. The answer, when it is called, tells that this was the end, if
    /// the node has come to it.
    pub fn close(self) -> impl FnOnce() {
        let Self { net, mut on_output, is_finished, .. } = self;
        drop(net);
        move || {
            if is_finished {
                on_output(Output::Event(Event::Finished));
            }
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("node", &self.node)
            .field("is_finished", &self.is_finished)
            .finish_non_exhaustive()
    }
}
