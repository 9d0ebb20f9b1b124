//! What two peers in one process can say to each other through the runtime libraries, over real sockets on the
//! loopback interface: messages per second and processor time, next to a bare loop of as many datagrams.
//!
//! Only a release build is worth measuring: `cargo test --release -p chat-tests --test throughput -- --nocapture`.
//! A debug build sends fewer messages, and only checks that all arrive once and in order.
#![forbid(unsafe_code)]

use std::{
    net::UdpSocket,
    sync::{
        Arc, Condvar, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use chat_app::{
    Start, Submit,
    store::{Memory, Sqlite, Store},
};
use chat_core::{
    Action, Command, Config, Event, Identity, Input, Nick, Node, Output, PeerState, Place, REAL, RoomName,
    Text,
};
use chat_net::{Clock, Net, Options, entropy};
use chat_tests::{
    bin::is_release,
    scratch::Scratch,
    watch::{PATIENCE, median, now},
};

/// Messages that may be on their way to the other, as with a bot that reads its receipts.
const WINDOW: usize = 16_384;
/// Messages that may be said and not yet be durable: a node refuses more than 4,096.
const UNANSWERED: usize = 2048;
/// Messages per second in memory that are promised.
const PROMISED: f64 = 100_000.0;
/// How often a flood that was too slow is tried again.
const ATTEMPTS: usize = 3;
/// Bytes of each message.
const LENGTH: usize = 100;

const RUNTIMES: [(&str, Start); 2] = [("chat-std", chat_std::start), ("chat-smol", chat_smol::start)];

#[test]
fn a_hundred_thousand_messages_arrive_once_and_in_order() {
    let count = if is_measured() { 100_000 } else { 5_000 };
    for (name, start) in RUNTIMES {
        for durable in [false, true] {
            let mut best = 0.0_f64;
            // What else the machine does can only make it slower.
            for _ in 0..ATTEMPTS {
                best = best.max(flood(name, start, durable, count));
                if !is_measured() || durable || best >= PROMISED {
                    break;
                }
            }
            let store = store_of(durable);
            assert!(
                !is_measured() || durable || best >= PROMISED,
                "{name} {store}: only {best:.0} messages/s"
            );
        }
    }
}

fn store_of(durable: bool) -> &'static str {
    if durable { "with the durable store" } else { "in memory" }
}

/// Messages per second, all of them checked.
fn flood(name: &str, start: Start, durable: bool, count: usize) -> f64 {
    let scratch = Scratch::new();
    let [from, to] = meet(start, durable.then_some(&scratch));
    let (datagrams, processor, begun) = (datagrams(), processor(), now());
    from.flood(&to, count);
    let took = now() - begun;
    let (used, sent) = (self::processor() - processor, self::datagrams() - datagrams);
    let rate = count as f64 / took.as_secs_f64();
    let each = used / u32::try_from(count).expect("few");
    let floor = bare_loop(sent);
    let store = store_of(durable);
    println!(
        "FIGURE {name} {store}: {rate:.0} messages/s, {each:.2?} of processor time each for both ends; \
                 {sent} datagrams, which a bare loop sends in {floor:.1?} ({:.1} times less)",
        took.as_secs_f64() / floor.as_secs_f64()
    );
    [from, to].into_iter().for_each(Peer::quit);
    rate
}

#[test]
fn a_single_message_is_shown_within_a_millisecond() {
    let count = if is_measured() { 500 } else { 20 };
    for (name, start) in RUNTIMES {
        let scratch = Scratch::new();
        let [from, to] = meet(start, Some(&scratch));
        let times: Vec<Duration> = (0..count)
            .map(|number| {
                let (begun, text) = (now(), format!("single {number}"));
                from.say(number, &text);
                let shown = to.wait("the message", |heard| heard.texts.last() == Some(&text));
                // Nobody types faster; and the entry of before is stored by then.
                thread::sleep(Duration::from_millis(5));
                shown - begun
            })
            .collect();
        let (median, worst) = (median(&times), times.iter().max().expect("some"));
        println!(
            "FIGURE {name} one message with durable stores: median {median:.1?}, worst {worst:.1?} of {count}"
        );
        if is_measured() {
            assert!(median < Duration::from_millis(1), "{name}: {median:?}");
        }
        [from, to].into_iter().for_each(Peer::quit);
    }
}

fn is_measured() -> bool {
    is_release() && !cfg!(debug_assertions)
}

/// One running node, and what was heard from it.
struct Peer {
    submit: Submit,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    port: u16,
}

#[derive(Default)]
struct Heard {
    online: bool,
    texts: Vec<String>,
    answered: usize,
    refused: usize,
    finished: bool,
    at: Option<std::time::Instant>,
}

/// Two peers in session; their stores are in `scratch`, or in memory.
fn meet(start: Start, scratch: Option<&Scratch>) -> [Peer; 2] {
    let peers = [1, 2].map(|number: u8| {
        let secret = [number; 32];
        let own = Identity::new(REAL, &secret).key();
        let store: Box<dyn Store> = match scratch {
            Some(scratch) => Box::new(
                Sqlite::open(&scratch.path().join(format!("{number}.db")), own, Sqlite::BYTES_MAX)
                    .expect("a store"),
            ),
            None => Box::new(Memory::new(own, Memory::BYTES_MAX)),
        };
        Peer::start(start, &secret, store)
    });
    let address = ([127, 0, 0, 1], peers[1].port).into();
    (peers[0].submit)(Input::Command(Command { tag: 0, action: Action::Connect(address) }));
    for peer in &peers {
        peer.wait("the other", |heard| heard.online);
    }
    peers
}

impl Peer {
    fn start(start: Start, secret: &[u8; 32], store: Box<dyn Store>) -> Self {
        // Unicast on the loopback interface: no packet leaves this machine.
        let options = Options { interfaces: vec!["lo".into()], port: None, mdns: false, broadcast: false };
        let (net, clock) = (Net::open(&options).expect("loopback"), Clock::new());
        let port = net.port();
        let mut config = Config::new(REAL, Nick::new("peer").expect("a nick"), port);
        (config.discovery.mdns, config.discovery.broadcast) = (false, false);
        config.author_rate = 1_000_000;
        let node =
            Node::new(config, Identity::new(REAL, secret), entropy().expect("randomness"), clock.now());
        let heard: Arc<(Mutex<Heard>, Condvar)> = Arc::default();
        let (asked, requests) = channel();
        let on_output = Box::new({
            let heard = Arc::clone(&heard);
            move |output| on_output(output, &heard, &asked)
        });
        let submit = start(node, net, clock, on_output).expect("a runtime");
        let answer = Arc::clone(&submit);
        thread::spawn(move || keep(store, &requests, &answer));
        Self { submit, heard, port }
    }

    fn say(&self, tag: u64, text: &str) {
        let (place, text) = (Place::Room(RoomName::lobby()), Text::new(text).expect("a text"));
        let action = Action::Say { place, text, action: false, reply: None };
        (self.submit)(Input::Command(Command { tag, action }));
    }

    /// Says `count` messages as fast as `to` stores them, and checks what it heard.
    fn flood(&self, to: &Self, count: usize) {
        let text = |number: usize| format!("{number:0LENGTH$}");
        for number in 0..count {
            if number % 256 == 0 {
                to.wait("room in the window", |heard| number < heard.texts.len() + WINDOW);
                self.wait("an answer", |heard| number < heard.answered + UNANSWERED);
            }
            self.say(u64::try_from(number).expect("few"), &text(number));
        }
        to.wait("the last message", |heard| heard.texts.len() >= count);
        let heard = to.heard.0.lock().expect("no panic");
        assert_eq!(heard.texts.len(), count);
        assert!(heard.texts.iter().enumerate().all(|(number, heard)| *heard == text(number)), "out of order");
        assert_eq!(self.heard.0.lock().expect("no panic").refused, 0);
    }

    /// Waits until `done` holds. Answers when the last thing happened.
    #[track_caller]
    fn wait(&self, what: &str, done: impl Fn(&Heard) -> bool) -> std::time::Instant {
        let (heard, bell) = &*self.heard;
        let guard = heard.lock().expect("no panic");
        let (heard, late) =
            bell.wait_timeout_while(guard, PATIENCE * 3, |heard| !done(heard)).expect("no panic");
        assert!(!late.timed_out(), "{what} did not come: {} messages were heard", heard.texts.len());
        heard.at.unwrap_or_else(now)
    }

    fn quit(self) {
        (self.submit)(Input::Command(Command { tag: u64::MAX, action: Action::Quit }));
        self.wait("the end", |heard| heard.finished);
    }
}

/// What a store is asked, and when a message of ours is kept.
type Requests = Receiver<Output>;

fn on_output(output: Output, heard: &(Mutex<Heard>, Condvar), asked: &Sender<Output>) {
    let Output::Event(event) = output else {
        // The store's thread ends with this.
        let _ = asked.send(output);
        return;
    };
    let (heard, bell) = heard;
    let mut heard = heard.lock().expect("no panic");
    match event {
        Event::Message(message) if !message.own => {
            heard.texts.push(message.text.clone());
        }
        Event::Done { message: Some(_), .. } => heard.answered += 1,
        Event::Peer(change) => heard.online = change.state == PeerState::Online,
        Event::Refused { .. } => heard.refused += 1,
        Event::Finished => heard.finished = true,
        _ => return,
    }
    heard.at = Some(now());
    bell.notify_all();
}

/// A store's thread: commits what waits, then answers, and never waits for more.
fn keep(mut store: Box<dyn Store>, requests: &Requests, answer: &Submit) {
    while let Ok(first) = requests.recv() {
        let (mut batches, mut newest) = (Vec::new(), None);
        let mut fetches = Vec::new();
        for request in std::iter::once(first).chain(requests.try_iter()) {
            match request {
                Output::Persist { token, records } => {
                    batches.push(records);
                    newest = Some(token);
                }
                Output::Fetch { token, what } => fetches.push((token, what)),
                _ => {}
            }
        }
        if let Some(token) = newest {
            let result = store.append(&batches).map(drop);
            answer(Input::Persisted { token, result });
        }
        for (token, what) in fetches {
            answer(Input::Fetched { token, answer: store.fetch(&what).expect("a store") });
        }
    }
}

/// How long a bare loop takes for that many datagrams of a session's size, acknowledged so that none is lost.
fn bare_loop(datagrams: u64) -> Duration {
    const AT_ONCE: u64 = 32;
    let [from, to] = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").expect("loopback"));
    from.connect(to.local_addr().expect("bound")).expect("loopback");
    to.connect(from.local_addr().expect("bound")).expect("loopback");
    for socket in [&from, &to] {
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    }
    let begun = now();
    let echo = thread::spawn(move || {
        let mut bytes = [0; 1200];
        for number in 1..=datagrams {
            to.recv(&mut bytes).expect("a datagram");
            if number % AT_ONCE == 0 {
                to.send(&bytes[..1]).expect("loopback");
            }
        }
    });
    let mut bytes = [0; 1200];
    for number in 1..=datagrams {
        from.send(&bytes).expect("loopback");
        if number % AT_ONCE == 0 {
            from.recv(&mut bytes[..1]).expect("an acknowledgement");
        }
    }
    echo.join().expect("no panic");
    now() - begun
}

/// The processor time of this process so far.
fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().expect("positive"), time.tv_nsec.try_into().expect("positive"))
}

/// Datagrams that this network namespace has received so far. What else runs here adds to them, so it is a figure
/// to compare with, not to assert.
fn datagrams() -> u64 {
    let snmp = std::fs::read_to_string("/proc/self/net/snmp").expect("Linux");
    let mut lines = snmp.lines().filter(|line| line.starts_with("Udp:")).map(str::split_whitespace);
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let (_, value) = names.zip(values).find(|(name, _)| *name == "InDatagrams").expect("a counter");
    value.parse().expect("a number")
}
