#[allow(dead_code, unreachable_pub, reason = "shared by many tests")]
#[path = "../../../tests/src/namespace.rs"]
mod namespace;

use std::{
    collections::VecDeque,
    net::UdpSocket,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use chat_net::{Inbox, Net, Options, inbox};
use namespace::{entered, ip};

use super::*;

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
