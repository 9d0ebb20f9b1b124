//! What both runtimes do alike, whatever the node is about.
#![cfg(target_os = "linux")]

use std::{
    net::UdpSocket,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use chat_core::{Config, Identity, Input, Nick, Node, Output, REAL, Request};
use chat_net::{Clock, Net, OnOutput, Options, Submit, entropy};
use chat_tests::namespace::{entered, ip};

type Start = fn(Node, Net, Clock, OnOutput) -> std::io::Result<Submit>;

const RUNTIMES: [Start; 2] = [chat_std::start, chat_smol::start];

/// A node in a runtime, the outputs that it gives to its program, and its port.
fn start(runtime: Start) -> (Submit, Receiver<Output>, u16) {
    let net = Net::open(&Options::default()).unwrap();
    let (port, clock) = (net.port(), Clock::new());
    let config = Config::new(REAL, Nick::new("nobody").unwrap(), port);
    let node = Node::new(config, Identity::new(REAL, &[7; 32]), entropy().unwrap(), clock.now());
    let (tell, outputs) = channel();
    let submit = runtime(node, net, clock, Box::new(move |output| tell.send(output).unwrap())).unwrap();
    (submit, outputs, port)
}

/// Whether the node has ended, and dropped what it gives its outputs to; it has a while of silence to do so.
fn has_ended(outputs: &Receiver<Output>, silence: Duration) -> bool {
    loop {
        match outputs.recv_timeout(silence) {
            Ok(_) => {}
            Err(why) => return why == RecvTimeoutError::Disconnected,
        }
    }
}

const MOMENT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(2);

#[test]
fn a_node_asks_for_its_state_and_ends_with_its_last_submitter() {
    if !entered("a_node_asks_for_its_state_and_ends_with_its_last_submitter") {
        return;
    }
    ip("link set lo up");
    for runtime in RUNTIMES {
        let (submit, outputs, port) = start(runtime);
        let first = outputs.recv_timeout(Duration::from_secs(2)).unwrap();
        assert!(matches!(first, Output::Fetch { what: Request::State, .. }), "{first:?}");
        let another = submit.clone();
        drop(submit);
        another(Input::Tick);
        assert!(!has_ended(&outputs, MOMENT), "somebody may still submit");
        assert!(UdpSocket::bind(("127.0.0.1", port)).is_err(), "the port is still its own");
        drop(another);
        assert!(has_ended(&outputs, LONG));
        UdpSocket::bind(("127.0.0.1", port)).unwrap();
    }
}

#[test]
fn any_number_of_threads_may_submit_faster_than_the_node_is() {
    if !entered("any_number_of_threads_may_submit_faster_than_the_node_is") {
        return;
    }
    ip("link set lo up");
    for runtime in RUNTIMES {
        let (submit, outputs, _) = start(runtime);
        let submitters: Vec<_> = (0..4)
            .map(|_| {
                let submit = submit.clone();
                thread::spawn(move || (0..5_000).for_each(|_| submit(Input::Tick)))
            })
            .collect();
        submitters.into_iter().for_each(|one| one.join().unwrap());
        drop(submit);
        assert!(has_ended(&outputs, LONG));
    }
}

#[test]
fn a_flood_of_nonsense_on_every_socket_ends_nothing() {
    if !entered("a_flood_of_nonsense_on_every_socket_ends_nothing") {
        return;
    }
    ip("link set lo up");
    for runtime in RUNTIMES {
        let (submit, outputs, port) = start(runtime);
        for home in ["127.0.0.1", "::1"] {
            let stranger = UdpSocket::bind((home, 0)).unwrap();
            for (size, port) in (0..4_000_u16).zip([port, 5353].into_iter().cycle()) {
                stranger.send_to(&vec![size.to_le_bytes()[0]; usize::from(size)], (home, port)).unwrap();
            }
        }
        submit(Input::Tick);
        assert!(!has_ended(&outputs, MOMENT), "it lives on");
        drop(submit);
        assert!(has_ended(&outputs, LONG));
    }
}
