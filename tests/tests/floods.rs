//! A hundred thousand datagrams a second at one of two who talk: no word is lost, and the work that each of them costs is
//! bounded. Only release builds are worth measuring:
//! `cargo test --release -p chat-tests --test floods -- --nocapture`.
#![forbid(unsafe_code)]

use std::{fs, thread, time::Duration};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    measure::{measured, resident},
    running::Running,
    watch::{PATIENCE, now},
};
use serde_json::{Value, json};

/// What comes, in four seconds if the machine can send it that fast.
const COUNT: u32 = 400_000;
/// The least rate at which it is a flood, on two busy cores.
const RATE: f64 = 50_000.0;
/// How long a word may take meanwhile.
const SLOWEST: Duration = Duration::from_secs(2);
/// Where none takes as long as this, the machine keeps up, and nobody has a reason to think that somebody is gone.
const KEEPS_UP: Duration = Duration::from_millis(500);
/// Between what one says and what the other says.
const PAUSE: Duration = Duration::from_millis(50);

#[test]
fn packets_of_sessions_that_nobody_has() {
    for program in Program::ALL {
        let Some(flood) = Flood::of("junk", program) else { return };
        assert!(flood.counted("session", "stray") > flood.count / 4, "{}", flood.stats);
    }
}

#[test]
fn handshakes_of_one_host() {
    for program in Program::ALL {
        let Some(flood) = Flood::of("hello", program) else { return };
        let turned_away = flood.counted("session", "cookies") + flood.counted("session", "refused");
        assert!(turned_away > 0, "{}", flood.stats);
    }
}

#[test]
fn handshakes_of_spoofed_hosts() {
    for program in Program::ALL {
        let Some(flood) = Flood::of("spoofed", program) else { return };
        let turned_away = flood.counted("session", "cookies") + flood.counted("session", "refused");
        assert!(turned_away > 0, "{}", flood.stats);
    }
}

/// One flood at `ada`, and what she counted.
struct Flood {
    count: u64,
    stats: Value,
}

impl Flood {
    fn of(kind: &str, program: Program) -> Option<Self> {
        let mut lan = measured()?;
        let hosts = [lan.host(), lan.host(), lan.host(), lan.host()];
        let mut chats = [
            Chat::start(&hosts[0], program, &["--nick", "ada"]),
            Chat::start(&hosts[1], if program == Std { Smol } else { Std }, &["--nick", "bob"]),
        ];
        introduce(&chats[0], &chats[1]);
        let before = processor(&chats[0]);
        let to = format!("{}:{}", hosts[0].v4(), chats[0].port());
        let mut foe = hosts[2].command(env!("CARGO_BIN_EXE_stranger"));
        let foe = Running::start(format!("flood {kind}"), foe.args(["flood", kind, &COUNT.to_string(), &to]));
        // Somebody new gets in meanwhile.
        thread::sleep(Duration::from_secs(1));
        let begun = now();
        let eve = Chat::start(&hosts[3], Smol, &["--nick", "eve"]);
        introduce(&chats[0], &eve);
        let newcomer = now() - begun;
        let (mut said, mut flooded, mut slowest) = (Vec::new(), None, Duration::ZERO);
        while flooded.is_none() {
            for (from, to) in [(0, 1), (1, 0)] {
                let text = format!("message {}", said.len());
                let begun = now();
                chats[from].say(&text);
                chats[to].expect_message(&text, &chats[from], "#lobby");
                slowest = slowest.max(now() - begun);
                said.push(text);
            }
            flooded = foe.take(PAUSE, |line| line.is_of("flooded"));
        }
        let used = processor(&chats[0]) - before;
        let flooded = flooded.map(|line| line.json).unwrap_or_default();
        let (count, rate) = (flooded["count"].as_u64().unwrap_or(0), flooded["rate"].as_f64().unwrap_or(0.0));
        assert!(rate > RATE, "only {rate:.0} datagrams/s: {foe}");
        // What waited in her socket is read.
        thread::sleep(Duration::from_millis(500));
        for chat in &mut chats {
            assert!(chat.is_alive(), "{chat}");
            assert_eq!(chat.history("#lobby", 10_000), said);
        }
        // On a machine that cannot read so fast, half of what the honest send is lost as well, and that may happen.
        let is_gone = |line: &chat_tests::running::Line| line.is_peer("gone", chats[1].key()).then_some(());
        let gone = chats[0].gather(is_gone).len();
        let resident = resident(&chats[0]);
        println!(
            "FIGURE {} under {rate:.0} datagrams/s ({kind}): {} messages, the slowest after {slowest:.1?}, a newcomer \
             after {newcomer:.1?}; thought gone {gone} times; {used:.1?} of processor time, {resident} KiB resident",
            program.name(),
            said.len(),
        );
        assert!(slowest < SLOWEST, "{slowest:?}");
        assert!(
            gone == 0 || slowest >= KEEPS_UP,
            "thought gone {gone} times, and the slowest took {slowest:?}"
        );
        assert!(resident < 32 << 10, "{resident} KiB");
        chats[0].answer(json!({"cmd": "stats"}));
        let stats = chats[0].expect("stats", PATIENCE, |line| line.is_of("stats")).json;
        Some(Self { count, stats })
    }

    fn counted(&self, part: &str, name: &str) -> u64 {
        self.stats[part][name].as_u64().unwrap_or_default()
    }
}

/// Processor time that a program has used.
fn processor(chat: &Chat) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", chat.id())).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}
