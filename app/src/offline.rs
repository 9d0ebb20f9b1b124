//! A node without a network: no sockets, no discovery, no calls. It takes in what somebody brings along.

use std::{
    io,
    rc::Rc,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use chat_core::{Config, Discovery, Event, Identity, Input, MdnsSocket, Node, Output};
use chat_net::{Clock, OnOutput, Submit};

use crate::{cli::Options, engine::Opened, fault::Fault};

/// Inputs that wait for the node.
const INPUTS: usize = 64;

/// Opens nothing.
#[expect(clippy::unnecessary_wraps, reason = "as those that open something")]
pub(crate) fn open(_: &Options) -> Result<Opened, Fault> {
    Ok(Opened {
        port: 0,
        mdns_socket: MdnsSocket::None,
        left_out: Rc::new(Vec::new),
        begin: Box::new(|config, identity, on_output, _| begin(config, identity, on_output)),
    })
}

fn begin(mut config: Config, identity: Identity, on_output: OnOutput) -> io::Result<Submit> {
    config.discovery = Discovery { mdns: false, broadcast: false, remembered: false };
    config.calls = false;
    let clock = Clock::new();
    let node = Node::new(config, identity, chat_net::entropy()?, clock.now());
    let (door, inputs) = sync_channel(INPUTS);
    let live = move || live(node, clock, &inputs, on_output);
    thread::Builder::new().name(String::from("node")).spawn(live)?;
    // After the node's end nobody waits for it.
    Ok(Arc::new(move |input| drop(door.send(input))))
}

fn live(mut node: Node, clock: Clock, inputs: &Receiver<Input<'static>>, mut on_output: OnOutput) {
    node.handle(clock.now(), Input::WallClock(clock.wall()));
    loop {
        let wake = loop {
            match node.poll() {
                Output::Wait(wake) => break wake,
                Output::Event(Event::Finished) => return on_output(Output::Event(Event::Finished)),
                output => on_output(output),
            }
        };
        match inputs.recv_timeout(clock.until(wake).unwrap_or(Duration::MAX)) {
            Ok(input) => node.handle(clock.now(), input),
            Err(RecvTimeoutError::Timeout) => node.handle(clock.now(), Input::Tick),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
