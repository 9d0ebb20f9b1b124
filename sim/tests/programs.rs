//! A world runs other programs than the chat node, and is as exact about them.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use chat_core::{Input, Instant, Output, Reason, Transmit, Via, Wake};
use sim::{
    Outcome, Program, Start, World,
    fault::{DiskFate, Fault, PlannedFault, Target},
    plan::{Host, Plan, SuiteChoice},
    profile,
    units::Span,
};

/// Says one thing to the next host each second.
struct Caller {
    says: &'static [u8],
    to: std::net::SocketAddr,
    next: Instant,
    now: Instant,
    heard: Vec<u8>,
    boot: u64,
    fails: Option<Fails>,
}

/// What a program must not do.
#[derive(Clone, Copy, PartialEq)]
enum Fails {
    Panics,
    NeverEnds,
    WakesInThePast,
}

impl Program for Caller {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        if let Input::Datagram(datagram) = input {
            self.heard.extend_from_slice(datagram.bytes);
            assert!(self.fails != Some(Fails::Panics), "as planned");
        }
    }

    fn poll(&mut self) -> Output {
        if self.next > self.now && self.fails != Some(Fails::NeverEnds) {
            let at = if self.fails == Some(Fails::WakesInThePast) { self.now } else { self.next };
            return Output::Wait(Some(Wake { at, reason: Reason::Session }));
        }
        self.next += Duration::from_secs(1);
        let bytes = Bytes::from_static(self.says);
        Output::Transmit(Transmit { via: Via::Chat, interface: 0, to: self.to, bytes })
    }
}

fn plan(hosts: usize) -> Plan {
    Plan {
        duration: Span::from_secs(10),
        suite: SuiteChoice::Cheap,
        segments: vec![profile::named("switch").unwrap()],
        hosts: vec![Host { on: vec![0], starts: Span::default() }; hosts],
        ..Plan::empty("programs", 7)
    }
}

/// A world of callers, each made by `caller`, after the plan's end or a broken property.
fn world(plan: Plan, tree: bool, change: impl Fn(&Start, &mut Caller) + 'static) -> World {
    let hosts = plan.hosts.len();
    let world = World::new(Rc::new(plan), tree);
    let addresses: Vec<_> = (0..hosts).filter_map(|host| world.address(host)).collect();
    let mut world = world.with_programs(move |start| {
        let mut caller = Caller {
            says: b"hello",
            to: addresses[(start.host + 1) % hosts],
            next: start.now + Duration::from_millis(500),
            now: start.now,
            heard: Vec::new(),
            boot: start.boot,
            fails: None,
        };
        change(start, &mut caller);
        Box::new(caller)
    });
    while world.run(Duration::from_secs(1)) {}
    world
}

fn broken(outcome: &Outcome) -> Option<&str> {
    outcome.violation.as_ref().map(|violation| violation.check)
}

#[test]
fn what_programs_send_arrives_and_is_in_the_hash_with_either_queue() {
    let outcome = |tree, says: &'static [u8]| {
        let world = world(plan(3), tree, move |start, caller| {
            if start.host == 1 {
                caller.says = says;
            }
        });
        let heard: Vec<_> = (0..3).map(|host| world.program::<Caller>(host).unwrap().heard.clone()).collect();
        assert_eq!(heard[0], b"hello".repeat(10));
        assert_eq!(heard[2], says.repeat(10));
        world.outcome()
    };
    let wheel = outcome(false, b"hallo");
    assert_eq!(broken(&wheel), None);
    assert_eq!(wheel.counts.delivered, 30);
    assert_eq!(wheel, outcome(true, b"hallo"));
    // Equal in length and in what happens when, but for one byte.
    assert_ne!(wheel.hash, outcome(false, b"hullo").hash);
}

#[test]
fn a_program_that_misbehaves_is_found_out() {
    for (fails, words) in [
        (Fails::Panics, "panicked: as planned"),
        (Fails::NeverEnds, "never stops"),
        (Fails::WakesInThePast, "in the past"),
    ] {
        let outcome = world(plan(2), false, move |_, caller| caller.fails = Some(fails)).outcome();
        let violation = outcome.violation.unwrap();
        assert_eq!(violation.check, "S14");
        assert!(violation.what.contains(words), "{}", violation.what);
    }
    // What decides is not among what it was given.
    let made = std::cell::Cell::new(false);
    let outcome = world(plan(2), false, move |_, caller| {
        if made.replace(!made.get()) {
            caller.says = b"other";
        }
    });
    assert_eq!(broken(&outcome.outcome()), Some("S17"));
}

#[test]
fn a_program_that_crashes_is_made_anew() {
    let mut plan = plan(2);
    plan.faults.push(PlannedFault {
        at: Span::from_secs(3),
        span: Some(Span::from_secs(2)),
        on: Target::Hosts(vec![1]),
        what: Fault::Crash { disk: DiskFate::Kept },
    });
    let world = world(plan, false, |_, _| {});
    let caller = |host| world.program::<Caller>(host).unwrap();
    assert_eq!((caller(0).boot, caller(1).boot), (1, 2));
    assert_eq!(caller(1).heard, b"hello".repeat(5));
}

#[test]
fn chat_nodes_live_beside_other_programs() {
    let world = World::new(Rc::new(plan(3)), false);
    let to = world.address(1).unwrap();
    let mut world = world.with_programs(move |start| {
        if start.host > 0 {
            return start.node();
        }
        let (next, now) = (start.now, start.now);
        Box::new(Caller { says: b"noise", to, next, now, heard: Vec::new(), boot: 1, fails: None })
    });
    while world.run(Duration::from_secs(1)) {}
    assert_eq!(broken(&world.outcome()), None);
    assert!(world.stats(0).is_none());
    // They are in session with each other, and the noise came and did no harm.
    let sessions = [1, 2].map(|host| world.stats(host).unwrap().session);
    assert_eq!(sessions.map(|session| session.proven > 0), [true; 2]);
    assert_eq!(sessions.map(|session| session.stray > 0), [true, false], "{sessions:?}");
}
