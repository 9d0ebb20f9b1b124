//! The work in this project's simulator.

use std::{net::SocketAddr, rc::Rc};

use bytes::Bytes;
use chat_core::{Input, Instant, Output, Reason, Transmit, Via, Wake};
use sim::{
    Program, World,
    plan::{Family, Host, Plan, SuiteChoice},
    profile,
    units::{Share, Span},
};

use super::work::{self, HOSTS, LATENCY, Ledger};

pub fn run(seconds: u64) -> Vec<Ledger> {
    let mut link = profile::named("switch").expect("a profile");
    link.latency = LATENCY.map(Span);
    link.loss = Share::from_ppm(0);
    let plan = Plan {
        duration: Span(work::end(seconds)),
        suite: SuiteChoice::Cheap,
        family: Family::V4,
        segments: vec![link],
        hosts: vec![Host { on: vec![0], starts: Span::default() }; HOSTS],
        ..Plan::empty("peers", work::SEED)
    };
    let world = World::new(Rc::new(plan), false).without_checks();
    let addresses: Rc<[SocketAddr]> = (0..HOSTS).filter_map(|host| world.address(host)).collect();
    let mut world = world.with_programs(move |start| {
        Box::new(Sender {
            host: start.host,
            addresses: Rc::clone(&addresses),
            number: 0,
            numbers: work::numbers(seconds),
            now: start.now,
            next: Instant::ORIGIN + work::due(start.host, 0),
            received: Ledger::default(),
        })
    });
    while world.run(work::end(seconds)) {}
    assert_eq!(world.outcome().violation, None);
    (0..HOSTS).filter_map(|host| world.program::<Sender>(host)).map(|sender| sender.received).collect()
}

struct Sender {
    host: usize,
    addresses: Rc<[SocketAddr]>,
    /// How many datagrams it has sent, and how many it is to send.
    number: u64,
    numbers: u64,
    now: Instant,
    next: Instant,
    received: Ledger,
}

impl Program for Sender {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        if let Input::Datagram(datagram) = input {
            self.received.note(datagram.bytes);
        }
    }

    fn poll(&mut self) -> Output {
        if self.next > self.now {
            let at = self.next;
            return Output::Wait((at < Instant::NEVER).then_some(Wake { at, reason: Reason::Session }));
        }
        let number = self.number;
        self.number += 1;
        let is_last = self.number == self.numbers;
        self.next =
            if is_last { Instant::NEVER } else { Instant::ORIGIN + work::due(self.host, self.number) };
        let to = self.addresses[work::receiver(self.host, number)];
        let bytes = Bytes::copy_from_slice(&work::payload(self.host, number));
        Output::Transmit(Transmit { via: Via::Chat, interface: 0, to, bytes })
    }
}
