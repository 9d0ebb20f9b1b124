//! A newcomer who gets all that was said in the last day, each thing an entry of its own: how fast, beside the checks of
//! their signatures alone, and how much memory it takes.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_app::{
    Start,
    store::{Sqlite, Store},
};
use chat_core::{
    Action, Command, Config, Event, Identity, Input, Instant, Nick, Node, Output, Place, REAL, Record,
    RoomName, Text, UnixMillis,
};
use chat_tests::{scratch::Scratch, watch::now};
use peers::machine;

use crate::{
    gauge::Gauge,
    ours::{Crowd, Nothing, Peer, secret},
    trial::{Figure, Figures},
};

/// Entries that the newcomer lacks.
pub(crate) const ENTRIES: u64 = 100_000;
/// The time between two of them, by the clock of whoever has written them.
const BETWEEN: Duration = Duration::from_millis(100);
/// Signatures of which it is seen how long one takes to check.
const CHECKS: u32 = 5000;

pub(crate) fn run(start: Start) -> Figures {
    let scratch = Scratch::new();
    let store = |number: usize| {
        let (path, own) =
            (scratch.path().join(format!("{number}.db")), Identity::new(REAL, &secret(number)).key());
        Box::new(Sqlite::open(&path, own, Sqlite::BYTES_MAX).expect("a store"))
    };
    let mut old = store(0);
    write(old.as_mut());
    let told = Arc::new(Gauge::new());
    let hear = {
        let told = Arc::clone(&told);
        Box::new(move |event: &Event| told.add(u64::from(matches!(event, Event::Message(_)))))
    };
    let peers = vec![
        Peer::start(start, &secret(0), old, Box::new(|_| {}), Box::new(Nothing)),
        Peer::start(start, &secret(1), store(1), hear, Box::new(Nothing)),
    ];
    let (memory, begun, spent) = (machine::resident(), now(), machine::spent());
    let crowd = Crowd::introduce(peers);
    told.wait("everything", ENTRIES);
    let (took, spent, memory) = (now() - begun, machine::spent() - spent, machine::peak() - memory);
    crowd.quit();
    Figures::from([
        (Figure::Rate, ENTRIES as f64 / took.as_secs_f64()),
        (Figure::Cpu, spent.as_secs_f64() / ENTRIES as f64),
        (Figure::Checks, took.as_secs_f64() / (check() * u32::try_from(ENTRIES).expect("few")).as_secs_f64()),
        (Figure::Memory, memory as f64),
    ])
}

/// Has somebody who is alone say all of it into `store`.
fn write(store: &mut dyn Store) {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let first = wall - BETWEEN * u32::try_from(ENTRIES).expect("few") - Duration::from_secs(60);
    let mut now = Instant::ORIGIN;
    let mut config = Config::new(REAL, Nick::new("peer").expect("a nick"), 1);
    (config.discovery.mdns, config.discovery.broadcast) = (false, false);
    let mut node = Node::new(config, Identity::new(REAL, &secret(0)), [7; 32], now);
    node.handle(now, Input::WallClock(UnixMillis(u64::try_from(first.as_millis()).expect("now"))));
    let mut batches: VecDeque<Vec<Record>> = VecDeque::new();
    for number in 0..ENTRIES {
        now = now + BETWEEN;
        let text = Text::new(format!("{number:0100}")).expect("a text");
        let action = Action::Say { place: Place::Room(RoomName::lobby()), text, action: false, reply: None };
        node.handle(now, Input::Command(Command { tag: number, action }));
        loop {
            match node.poll() {
                Output::Persist { token, records } => {
                    batches.push_back(records);
                    node.handle(now, Input::Persisted { token, result: Ok(()) });
                }
                Output::Fetch { token, what } => {
                    let answer = store.fetch(&what).expect("a store");
                    node.handle(now, Input::Fetched { token, answer });
                }
                Output::Wait(_) => break,
                _ => {}
            }
        }
        if batches.len() >= 4096 || number + 1 == ENTRIES {
            store.append(batches.make_contiguous()).expect("a store");
            batches.clear();
        }
    }
}

/// How long the check of one signature takes, of an entry's size.
fn check() -> Duration {
    let (seed, message) = (secret(0), [7; 32]);
    let key = REAL.sign_public(&seed);
    let signature = REAL.sign(&seed, &key, &message);
    let begun = machine::spent();
    for _ in 0..CHECKS {
        assert!(REAL.verify(&key, black_box(&message), &signature));
    }
    (machine::spent() - begun) / CHECKS
}
