//! The five sentences of the contract, each as a test.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test has the standard library, and fails by panicking"
)]

mod world;

use std::{collections::BTreeSet, time::Duration};

use chat_core::*;
use quickcheck::{Arbitrary, Gen, quickcheck};
use world::{Logged, World, seconds};

/// Two peers in session.
fn pair(seed: u8) -> World {
    let mut world = World::new(seed);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    world
}

/// Any input that a host could give, at any time.
#[derive(Clone, Debug)]
enum Any {
    Bytes { via: Via, from: u8, to: u8, bytes: Vec<u8> },
    Mutated { flip: usize, value: u8 },
    WallClock(u64),
    Entropy(u8),
    Persisted(u64, bool),
    Fetched(u64, u8),
    NoInterfaces,
    Say,
    Tick,
}

impl Arbitrary for Any {
    fn arbitrary(g: &mut Gen) -> Self {
        match u8::arbitrary(g) % 10 {
            0 | 1 => Self::Bytes {
                via: *g.choose(&[Via::Chat, Via::Mdns, Via::Beacon]).unwrap(),
                from: u8::arbitrary(g),
                to: u8::arbitrary(g),
                bytes: Vec::arbitrary(g),
            },
            2 | 3 => Self::Mutated { flip: usize::arbitrary(g), value: u8::arbitrary(g) },
            4 => Self::WallClock(u64::arbitrary(g)),
            5 => Self::Entropy(u8::arbitrary(g)),
            6 => Self::Persisted(u64::arbitrary(g) % 50, bool::arbitrary(g)),
            7 => Self::Fetched(u64::arbitrary(g) % 50, u8::arbitrary(g)),
            8 => *g.choose(&[Box::new(Self::NoInterfaces), Box::new(Self::Say)]).unwrap().clone(),
            _ => Self::Tick,
        }
    }
}

impl Any {
    fn give(&self, world: &mut World) {
        let ip = |last: u8| std::net::IpAddr::from([10, 0, 0, last]);
        match self {
            Self::Bytes { via, from, to, bytes } => {
                let to = if to % 2 == 0 { ip(1) } else { [224, 0, 0, 251].into() };
                let from = (ip(*from), if *via == Via::Mdns { 5353 } else { world::PORT }).into();
                world.input(0, Input::Datagram(Datagram { via: *via, interface: 2, from, to, bytes }));
            }
            Self::Mutated { flip, value } => {
                let Some((_, _, transmit)) = world.trace.get(flip % world.trace.len().max(1)).cloned() else {
                    return;
                };
                let mut bytes = transmit.bytes.to_vec();
                let place = flip % bytes.len();
                bytes[place] ^= value;
                let from = world::address_of(1);
                let datagram = Datagram { via: transmit.via, interface: 2, from, to: ip(1), bytes: &bytes };
                world.input(0, Input::Datagram(datagram));
            }
            Self::WallClock(wall) => world.input(0, Input::WallClock(UnixMillis(*wall))),
            Self::Entropy(byte) => world.input(0, Input::Entropy([*byte; 32])),
            Self::Persisted(token, good) => {
                let result = if *good { Ok(()) } else { Err(StoreError::Full) };
                world.input(0, Input::Persisted { token: Token(*token), result });
            }
            Self::Fetched(token, kind) => {
                let answer = match kind % 3 {
                    0 => Answer::State(State::default()),
                    1 => Answer::Entries(vec![(EntryId([*kind; 32]), vec![*kind; 99].into())]),
                    _ => Answer::Ids(vec![(Stamp(u64::from(*kind)), EntryId([*kind; 32]))]),
                };
                world.input(0, Input::Fetched { token: Token(*token), answer });
            }
            Self::NoInterfaces => world.input(0, Input::Interfaces(&[])),
            Self::Say => {
                world.say(0, "in between");
            }
            Self::Tick => world.input(0, Input::Tick),
        }
    }
}

quickcheck! {
    /// Sentence 1: `handle` cannot fail and cannot panic.
    fn handle_cannot_panic_whatever_it_is_given(inputs: Vec<(Any, u16)>) -> bool {
        let mut world = pair(3);
        for (input, pause) in inputs {
            input.give(&mut world);
            world.run(Duration::from_millis(u64::from(pause) % 700));
        }
        true
    }
}

/// Sentence 1: noise from the network is counted and dropped, and the conversation goes on.
#[test]
fn noise_is_counted_and_dropped() {
    let mut world = pair(1);
    let before = world.hosts[0].node.as_ref().unwrap().stats();
    for length in 0..1500 {
        let (bytes, to) = (vec![0x5a; length], world::address_of(0).ip());
        let from = world::address_of(7);
        let datagram = Datagram { via: Via::Chat, interface: 2, from, to, bytes: &bytes };
        world.input(0, Input::Datagram(datagram));
    }
    let after = world.hosts[0].node.as_ref().unwrap().stats();
    let dropped = |stats: Stats| stats.session.stray + stats.session.forged + stats.session.malformed;
    assert_eq!(dropped(after) - dropped(before), 1500);
    world.say(1, "still here");
    world.run_to(seconds(1), |world| world.hosts[0].texts() == ["still here"]);
}

/// Sentence 2: any number of `handle` calls may come before `poll`; the outputs are the same, in order.
#[test]
fn handles_may_pile_up_before_a_poll() {
    let identity = || Identity::new(REAL, &[1; 32]);
    let node =
        || Node::new(Config::new(REAL, Nick::new("a").unwrap(), 1), identity(), [2; 32], Instant::ORIGIN);
    let inputs = || {
        let state = Input::Fetched { token: Token(1), answer: Answer::State(State::default()) };
        let say = |tag| {
            let (place, text) = (Place::Room(RoomName::lobby()), Text::new(format!("text {tag}")).unwrap());
            let action = Action::Say { place, text, action: false, reply: None };
            Input::Command(Command { tag, action })
        };
        [Input::WallClock(UnixMillis(1_790_000_000_000)), state].into_iter().chain((0..800).map(say))
    };
    let collect = |node: &mut Node, outputs: &mut Vec<Output>| {
        while let Some(output) = Some(node.poll()).filter(|output| !matches!(output, Output::Wait(_))) {
            outputs.push(output);
        }
        assert_eq!(node.poll(), node.poll(), "waiting is answered again and again");
    };
    let (mut one, mut other) = (node(), node());
    let (mut often, mut once) = (Vec::new(), Vec::new());
    for input in inputs() {
        one.handle(Instant::ORIGIN, input);
        collect(&mut one, &mut often);
    }
    inputs().for_each(|input| other.handle(Instant::ORIGIN, input));
    collect(&mut other, &mut once);
    assert!(often.len() > 10);
    assert_eq!(often, once);
}

/// Until the store's first answer commands queue; too many are refused, and the others are carried out in order.
#[test]
fn commands_wait_for_the_stores_first_answer() {
    const QUEUED_MAX: u64 = 4096;
    let (identity, config) = (Identity::new(REAL, &[1; 32]), Config::new(REAL, Nick::new("a").unwrap(), 1));
    let mut node = Node::new(config, identity, [2; 32], Instant::ORIGIN);
    let mut now = Instant::ORIGIN;
    let mut events = |input: Input<'_>| {
        now += Duration::from_micros(1);
        node.handle(now, input);
        let outputs = std::iter::from_fn(|| Some(node.poll()).filter(|it| !matches!(it, Output::Wait(_))));
        let told = outputs.filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(events(Input::WallClock(UnixMillis(1_790_000_000_000))), []);
    for tag in 0..QUEUED_MAX {
        let (place, text) = (Place::Room(RoomName::lobby()), Text::new(tag.to_string()).unwrap());
        let action = Action::Say { place, text, action: false, reply: None };
        assert_eq!(events(Input::Command(Command { tag, action })), []);
    }
    let one_more = Command { tag: QUEUED_MAX, action: Action::Rename(Nick::new("b").unwrap()) };
    let refused = Event::Refused { tag: QUEUED_MAX, reason: Refusal::Busy };
    assert_eq!(events(Input::Command(one_more)), [refused]);
    let state = Input::Fetched { token: Token(1), answer: Answer::State(State::default()) };
    let mut told = events(state);
    (0..2000).for_each(|_| told.extend(events(Input::Tick)));
    let said = told.into_iter().filter_map(|event| match event {
        Event::Message(message) => Some(message.text.clone()),
        _ => None,
    });
    assert!(said.eq((0..QUEUED_MAX).map(|tag| tag.to_string())));
}

/// Sentence 3: time never goes back, everything due is fired, and ticks do no harm.
#[test]
fn time_is_clamped_and_ticks_are_harmless() {
    let run = |extra: bool| {
        let mut world = pair(4);
        for round in 0..200 {
            if extra {
                let now = world.now;
                let node = world.hosts[0].node.as_mut().unwrap();
                node.handle(Instant::ORIGIN, Input::Tick);
                node.handle(now, Input::Tick);
                let Output::Wait(wake) = node.poll() else {
                    panic!("a tick at the same instant did something")
                };
                assert!(wake.is_none_or(|wake| wake.at > now));
            }
            if round % 20 == 0 {
                world.say(0, "tick");
            }
            world.run(Duration::from_millis(100));
        }
        let counted = world.hosts[0].node.as_ref().unwrap().stats().clock_backwards;
        assert_eq!(counted, if extra { 200 } else { 0 });
        world.trace
    };
    assert_eq!(run(false), run(true));
}

/// Sentence 3: a node that is called a day late goes on.
#[test]
fn a_long_sleep_is_survived() {
    let mut world = pair(5);
    world.hosts[0].node.as_mut().unwrap().handle(world.now + seconds(86_400), Input::Tick);
    world.now += seconds(86_400);
    world.run(seconds(60));
    let (a, b) = (world.key(0), world.key(1));
    assert!(world.hosts[0].sees(b) && world.hosts[1].sees(a));
}

/// Sentence 4: the same inputs give the same outputs, byte for byte; another seed gives others.
#[test]
fn runs_repeat_byte_for_byte() {
    let run = |seed| {
        let mut world = pair(seed);
        world.loss = 100;
        world.add();
        for round in 0..50 {
            world.say(round % 2, &format!("round {round}"));
            world.run(Duration::from_millis(137));
        }
        let events: Vec<_> = world.hosts.into_iter().map(|host| host.events).collect();
        (world.trace, events)
    };
    let (one, same, other) = (run(6), run(6), run(7));
    assert!(one.0.len() > 200);
    assert_eq!(one, same);
    assert_ne!(one.0, other.0);
}

/// Two peers who meet on a lossy link and talk, and all that came to them and that they wanted.
fn talk(configure: fn(&mut Config)) -> Vec<(usize, Logged)> {
    let mut world = World::new(9);
    (world.log, world.configure, world.loss) = (Some(Vec::new()), configure, 100);
    let (a, b) = (world.add(), world.add());
    world.meet(a, b);
    for round in 0..50 {
        world.say(round % 2, &format!("round {round}"));
        world.run(Duration::from_millis(137));
    }
    world.command(a, Action::Quit);
    world.run(seconds(1));
    world.log.unwrap()
}

/// Whether it is a trace.
fn traced((_, logged): &(usize, Logged)) -> Option<&Trace> {
    match logged {
        Logged::Output(output) => match &**output {
            Output::Trace(trace) => Some(trace),
            _ => None,
        },
        Logged::Datagram(_) => None,
    }
}

/// Whether it is an output of this kind.
fn is((_, logged): &(usize, Logged), kind: fn(&Output) -> bool) -> bool {
    matches!(logged, Logged::Output(output) if kind(output))
}

/// Traces: none unless asked for, and everything else is the same with them.
#[test]
fn a_trace_is_told_only_when_asked_for_and_changes_nothing_else() {
    let (without, mut with) = (talk(|_| {}), talk(|config| config.trace = true));
    assert!(without.iter().all(|logged| traced(logged).is_none()));
    assert!(with.iter().filter_map(traced).count() > 400);
    with.retain(|logged| traced(logged).is_none());
    assert_eq!(without, with);
}

/// Traces: each at its place, none missing, and what was said stands there.
#[test]
fn a_trace_comes_right_before_its_datagram_or_after_the_one_that_came_in() {
    let log = talk(|config| config.trace = true);
    for host in 0..2 {
        let own: Vec<_> = log.iter().filter(|(its, _)| *its == host).collect();
        let (mut came, mut told) = (0, 0);
        for (before, logged) in own.iter().zip(&own[1..]) {
            let is_sent =
                is(logged, |output| matches!(output, Output::Transmit(sent) if sent.via == Via::Chat));
            let is_told = traced(before).is_some_and(|trace| trace.received.is_none());
            assert_eq!(is_sent, is_told, "{before:?} {logged:?}");
            if let Some(number) = traced(logged).and_then(|trace| trace.received) {
                assert_eq!(number, came, "{logged:?}");
                told = came;
            }
            if let Logged::Datagram(via) = logged.1 {
                came += 1;
                told = if via == Via::Chat { told } else { came };
            }
            if is(logged, |output| matches!(output, Output::Wait(_))) {
                assert_eq!(told, came, "a datagram of the chat that nothing was told of");
            }
        }
        let lines: Vec<_> =
            own.iter().filter_map(|logged| traced(logged)).flat_map(|trace| &trace.lines).collect();
        for said in (0..50).map(|round| format!("in #lobby: {:?}", format!("round {round}"))) {
            assert!(lines.iter().any(|line| line.contains(&said)), "{said} is not told at {host}");
        }
    }
}

/// Traces: they say of which datagram they are, however many came before the poll.
#[test]
fn traces_of_many_datagrams_are_told_apart() {
    let mut world = World::new(10);
    world.configure = |config| config.trace = true;
    let a = world.add();
    let node = world.hosts[a].node.as_mut().unwrap();
    let before = node.stats().datagrams;
    for length in [1, 2, 3] {
        let bytes = vec![0x5a; length];
        let (from, to) = (world::address_of(7), world::address_of(a).ip());
        let datagram = Datagram { via: Via::Chat, interface: 2, from, to, bytes: &bytes };
        node.handle(world.now, Input::Datagram(datagram));
    }
    let numbers: Vec<_> =
        std::iter::from_fn(|| Some(node.poll()).filter(|it| !matches!(it, Output::Wait(_))))
            .filter_map(|output| if let Output::Trace(trace) = output { trace.received } else { None })
            .collect();
    assert_eq!(numbers, [before + 1, before + 2, before + 3]);
}

/// Sentence 5: whatever a stranger sends, what a node holds stays bounded.
#[test]
fn what_grows_has_a_cap() {
    let mut world = World::new(8);
    let config = {
        let mut config = Config::new(REAL, Nick::new("a").unwrap(), world::PORT);
        config.rooms_max = 4;
        config.peers_max = 8;
        config
    };
    let a = world.add();
    world.hosts[a].node = Some(Node::new(config, Identity::new(REAL, &[1; 32]), [1; 32], world.now));
    world.input(a, Input::Fetched { token: Token(1), answer: Answer::State(State::default()) });
    let joined: BTreeSet<u64> = (0..10)
        .filter_map(|number| {
            let tag = world.command(a, Action::Join(RoomName::new(&format!("#room{number}")).unwrap()));
            world.hosts[a].is_done(tag).then_some(tag)
        })
        .collect();
    assert_eq!(joined.len(), 3, "the lobby and three more");
    let refused = |(_, event): &(Instant, Event)| matches!(event, Event::Refused { .. });
    assert_eq!(world.hosts[a].events.iter().filter(|event| refused(event)).count(), 7);
    for number in 0..1000u64 {
        let id = Some(number.to_be_bytes());
        let addresses = vec![std::net::SocketAddr::from(([10, 0, 0, 200], 27182))];
        let (source, kind) = (Source::Outside, SightingKind::Seen);
        world.input(a, Input::Sighting(Sighting { source, kind, id, boot: None, nick: None, addresses }));
    }
    let dials = world.hosts[a].node.as_ref().unwrap().stats().session.dialled;
    assert!(dials <= 16, "one address, so hardly any dial: {dials}");
}
