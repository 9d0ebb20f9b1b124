//! Rubbish on every socket while a conversation goes on: nothing is lost, nobody falls, nothing grows.
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    lan::Lan,
    measure::resident,
    running::Running,
    watch::{self, PATIENCE},
};
use serde_json::json;

/// Datagrams to each of the targets, 5,000 a second; `CHAT_HOSTILE` asks for more.
const COUNT: u32 = 12_000;
/// What they are made from; `CHAT_SEED` asks for others.
const SEED: u64 = 20_261_123;

#[test]
fn a_conversation_goes_on() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    let mut chats =
        [Chat::start(&hosts[0], Std, &["--nick", "ada"]), Chat::start(&hosts[1], Smol, &["--nick", "bob"])];
    introduce(&chats[0], &chats[1]);
    let targets: Vec<String> = hosts
        .iter()
        .zip(&chats)
        .flat_map(|(host, chat)| {
            let port = chat.port();
            [
                format!("{}:{port}", host.v4()),
                format!("[{}]:{port}", host.v6()),
                format!("{}:5353", host.v4()),
                format!("[{}]:5353", host.v6()),
            ]
        })
        .chain(["224.0.0.251:5353".into(), "[ff02::fb]:5353".into()])
        .collect();
    let mut stranger = hosts[2].command(env!("CARGO_BIN_EXE_stranger"));
    let (seed, count) = (asked("CHAT_SEED", SEED), asked("CHAT_HOSTILE", COUNT));
    let stranger = Running::start(
        format!("stranger with CHAT_SEED={seed} CHAT_HOSTILE={count}"),
        stranger.args(["throw", &seed.to_string(), &count.to_string(), &targets.join(",")]),
    );
    let mut said = Vec::new();
    let mut thrown = None;
    while thrown.is_none() {
        for (from, to) in [(0, 1), (1, 0)] {
            let text = format!("message {}", said.len());
            chats[from].say(&text);
            chats[to].expect_message(&text, &chats[from], "#lobby");
            said.push(text);
        }
        thrown = stranger.take(Duration::from_millis(100), |line| line.is_of("thrown"));
    }
    let thrown = thrown.map_or(0, |line| line.json["count"].as_u64().unwrap_or(0));
    assert!(thrown > u64::from(count) * 8, "only {thrown} datagrams went out: {stranger}");
    assert!(said.len() >= 20, "only {} messages in all that time", said.len());
    for chat in &mut chats {
        assert!(chat.is_alive(), "{chat}");
        let history = chat.history("#lobby", 10_000);
        assert_eq!(history, said);
        let memory = resident(chat);
        assert!(memory < 64 << 10, "{memory} KiB resident: {chat}");
    }
    // The other is neither thought lost nor found twice.
    let [ada, bob] = &chats;
    for (chat, other) in [(ada, bob), (bob, ada)] {
        chat.expect_none("loss", Duration::ZERO, |line| line.is_peer("gone", other.key()));
        chat.expect_none("panic", Duration::ZERO, |line| line.text.contains("panicked"));
        assert!(!chat.errors().contains("panicked"), "{chat}");
    }
    // And somebody new is found as ever.
    let begun = watch::now();
    let eve = Chat::start(&hosts[2], Std, &["--nick", "eve"]);
    introduce(&eve, ada);
    introduce(&eve, bob);
    println!(
        "{thrown} hostile datagrams, {} messages; a newcomer took {:?}",
        said.len(),
        watch::now() - begun
    );
}

#[test]
fn hostile_lines_of_json_do_no_harm() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    for program in [Std, Smol] {
        let mut ada = Chat::start(&host, program, &["--ephemeral"]);
        let deep = "[".repeat(100_000);
        let long = format!("{{\"cmd\":\"send\",\"text\":\"{}\"}}", "x".repeat(3 << 20));
        let lines: [&[u8]; 14] = [
            b"{\"cmd\":",
            b"not json",
            b"[]",
            b"null",
            b"7",
            b"\"send\"",
            b"{}",
            b"{\"cmd\":7}",
            b"{\"cmd\":\"send\"}",
            b"{\"cmd\":\"send\",\"room\":\"#lobby\",\"text\":7}",
            b"\xff\xfe{\"cmd\":\"peers\"}",
            b"\x00\x00\x00",
            deep.as_bytes(),
            long.as_bytes(),
        ];
        for line in lines {
            ada.write([line, b"\n"].concat());
            let shown: String = String::from_utf8_lossy(line).chars().take(60).collect();
            let error = ada.expect(&format!("error for {shown}"), PATIENCE, |line| line.is_of("error"));
            assert_eq!(error.json["code"], "bad-command", "{shown}: {error:?}");
        }
        ada.write("\n\n");
        ada.refused(json!({"cmd": "dance"}), "unknown-command");
        ada.refused(json!({"cmd": "send", "to": "ada", "text": "nicks are no keys"}), "bad-command");
        ada.refused(json!({"cmd": "send", "to": "0".repeat(64), "text": "nobody"}), "unknown-peer");
        ada.refused(json!({"cmd": "send", "room": "lobby", "text": "no hash"}), "bad-room");
        ada.refused(json!({"cmd": "nick", "nick": "\u{202e}\u{200b}"}), "bad-nick");
        ada.refused(json!({"cmd": "connect", "address": "everywhere"}), "bad-command");
        // Any id comes back as it was, and unknown fields are nobody's business.
        ada.write("{\"cmd\":\"peers\",\"id\":\"a string\",\"colour\":\"red\"}\n");
        ada.expect("done", PATIENCE, |line| line.is_of("done") && line.json["id"] == "a string");
        ada.write("{\"cmd\":\"rooms\",\"id\":2.5}\n");
        ada.expect("answer", PATIENCE, |line| line.json["id"] == 2.5);
        ada.say("and it goes on");
        ada.quit();
    }
}

/// The number in the environment variable `name`, or the one that is usual.
fn asked<T: std::str::FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}
