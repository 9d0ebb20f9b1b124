#[allow(dead_code, unreachable_pub, reason = "shared by many tests")]
#[path = "../../../tests/src/namespace.rs"]
mod namespace;

use std::{
    collections::VecDeque,
    net::UdpSocket,
    sync::{Arc, mpsc::channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use chat_core::{Config, Identity, Input, Nick, Node, REAL};
use chat_net::{Clock, Host, Inbox, Net, Options, inbox};
use namespace::{entered, ip};

use super::*;
use crate::{TURNS_AT_ONCE, run};

/// A reader of the chat's IPv4 socket, and somebody who talks to it.
fn reader() -> (Net, Inbox<Turn>, JoinHandle<()>, impl Fn(u8)) {
    ip("link set lo up");
    let net = Net::open(&Options { mdns: false, ..Options::default() }).unwrap();
    let socket = Arc::clone(net.sockets().iter().find(|socket| socket.is_ipv4()).unwrap());
    let (door, turns) = inbox(|| {});
    let reader = thread::spawn(move || read(&socket, &door));
    let (stranger, port) = (UdpSocket::bind("127.0.0.1:0").unwrap(), net.port());
    let say = move |byte| assert_eq!(stranger.send_to(&[byte], ("127.0.0.1", port)).unwrap(), 1);
    (net, turns, reader, say)
}

fn next(turns: &Inbox<Turn>) -> Option<Load> {
    let mut taken = VecDeque::new();
    turns.wait(Duration::from_millis(200), &mut taken);
    assert!(taken.len() <= 1, "one at a time");
    match taken.pop_front() {
        Some(Turn::Datagrams(load)) => Some(load),
        _ => None,
    }
}

#[test]
fn memory_goes_round_and_without_any_the_reader_waits() {
    if !entered("reader::tests::memory_goes_round_and_without_any_the_reader_waits") {
        return;
    }
    let (net, turns, reader, say) = reader();
    for byte in 0..10 {
        say(byte);
        let load = next(&turns).unwrap();
        assert_eq!(net.datagrams(&load.batch).map(|one| one.bytes.to_vec()).collect::<Vec<_>>(), [[byte]]);
        load.give_back();
    }
    let kept: Vec<_> = (0..3)
        .map(|byte| {
            say(byte);
            next(&turns)
        })
        .collect();
    assert_eq!(kept.iter().flatten().count(), LOADS);
    kept.into_iter().flatten().for_each(Load::give_back);
    assert!(next(&turns).is_some(), "what came meanwhile has waited");
    drop(net);
    reader.join().unwrap();
}

#[test]
fn a_reader_ends_when_its_loads_are_thrown_away() {
    if !entered("reader::tests::a_reader_ends_when_its_loads_are_thrown_away") {
        return;
    }
    let (_net, turns, reader, say) = reader();
    for byte in 0..LOADS {
        say(u8::try_from(byte).unwrap());
        thread::sleep(Duration::from_millis(20));
    }
    drop(turns);
    reader.join().unwrap();
}

#[test]
fn what_still_waits_for_its_turn_at_the_end_holds_no_reader_up() {
    if !entered("reader::tests::what_still_waits_for_its_turn_at_the_end_holds_no_reader_up") {
        return;
    }
    ip("link set lo up");
    let (clock, net) = (Clock::new(), Net::open(&Options { mdns: false, ..Options::default() }).unwrap());
    let socket = Arc::clone(net.sockets().iter().find(|socket| socket.is_ipv4()).unwrap());
    let (stranger, port) = (UdpSocket::bind("127.0.0.1:0").unwrap(), net.port());
    let config = Config::new(REAL, Nick::new("ana").unwrap(), port);
    let node = Node::new(config, Identity::new(REAL, &[1; 32]), [2; 32], clock.now());
    let host = Host::new(node, net, clock, Box::new(|_| {}));
    let (door, turns) = inbox(|| {});
    // The end comes first, and as much as is taken in at once before all that the reader has.
    door.put(Turn::Stop).unwrap();
    (1..TURNS_AT_ONCE).for_each(|_| door.put(Turn::Input(Input::Tick)).unwrap());
    let (to_end, readers) = channel();
    to_end.send(thread::spawn(move || read(&socket, &door))).unwrap();
    drop(to_end);
    for byte in 0..LOADS {
        stranger.send_to(&[u8::try_from(byte).unwrap()], ("127.0.0.1", port)).unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    let (end, ended) = channel();
    thread::spawn(move || {
        run(host, None, clock, turns, readers);
        end.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(10)).expect("it does not end");
}
