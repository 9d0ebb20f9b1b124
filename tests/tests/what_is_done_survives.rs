//! `done` and a receipt are promises: neither a crash nor a full disk breaks them.
#![forbid(unsafe_code)]

use std::{collections::BTreeSet, fs, time::Duration};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::Lan,
    running::Line,
    watch::{self, PATIENCE},
};
use serde_json::{Value, json};

/// Messages sent without waiting for an answer; the program is killed in the middle of them.
const FLOOD: usize = 3000;

#[test]
fn std_is_killed_in_the_middle_of_a_flood() {
    flood(Std);
}

#[test]
fn smol_is_killed_in_the_middle_of_a_flood() {
    flood(Smol);
}

fn flood(program: Program) {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let mut promised = Vec::new();
    for round in 0..3 {
        let mut ada = Chat::start(&host, program, &[]);
        assert_kept(&mut ada, &promised);
        let texts: Vec<String> = (0..FLOOD).map(|number| format!("round {round} message {number}")).collect();
        let ids: Vec<u64> = texts.iter().map(|text| ada.tell(lobby(text))).collect();
        // Let it die later in each round.
        let answered = 100 + 400 * round;
        let enough = watch::until(PATIENCE, || (done(&ada).len() >= answered).then_some(()));
        assert!(enough.is_some(), "{ada}");
        ada.kill();
        let done = done(&ada);
        println!("{} killed with {} of {FLOOD} done", program.name(), done.len());
        let kept = ids.iter().zip(&texts).filter(|(id, _)| done.contains(id)).map(|(_, text)| text.clone());
        promised.extend(kept);
    }
    let mut ada = Chat::start(&host, program, &[]);
    assert_kept(&mut ada, &promised);
    ada.quit();
}

#[track_caller]
fn assert_kept(ada: &mut Chat, promised: &[String]) {
    let history = ada.history("#lobby", 10_000);
    let there: BTreeSet<&String> = history.iter().collect();
    assert_eq!(there.len(), history.len(), "nothing is there twice");
    let lost: Vec<_> = promised.iter().filter(|text| !there.contains(text)).collect();
    assert!(lost.is_empty(), "{} of {} promised are lost: {lost:?}", lost.len(), promised.len());
    let wanted: BTreeSet<&String> = promised.iter().collect();
    let order: Vec<&String> = history.iter().filter(|text| wanted.contains(text)).collect();
    assert!(order.iter().copied().eq(promised), "the order has changed");
}

#[test]
fn a_receipt_outlives_its_giver() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let mut ada = Chat::start(&here, Std, &["--nick", "ada"]);
    let mut bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    introduce(&ada, &bob);
    for number in 0..1000 {
        ada.tell(lobby(&format!("message {number}")));
    }
    let receipts = |ada: &Chat| -> BTreeSet<String> {
        let stored = |line: &Line| line.is_of("receipt") && line.json["stored_by"] == 1;
        ada.gather(|line| stored(line).then(|| word(&line.json["id"]))).into_iter().collect()
    };
    let some = watch::until(PATIENCE, || (!receipts(&ada).is_empty()).then_some(()));
    assert!(some.is_some(), "no receipts: {ada}");
    bob.kill();
    // Alone, so that nobody can hand him again what he should have.
    there.unplug();
    let all = watch::until(PATIENCE, || (done(&ada).len() >= 1000).then_some(()));
    assert!(all.is_some(), "{ada}");
    let stored = receipts(&ada);
    let mine = ada.history_objects(json!({"cmd": "history", "room": "#lobby", "limit": 10_000}));
    let entry = |message: &Value| word(&message["id"]).split('.').next().unwrap_or_default().to_owned();
    let promised: Vec<String> = mine
        .iter()
        .filter(|message| stored.contains(&entry(message)))
        .map(|message| word(&message["text"]))
        .collect();
    assert!(!promised.is_empty());
    let mut bob = Chat::start(&there, Smol, &[]);
    let kept: BTreeSet<String> = bob.history("#lobby", 10_000).into_iter().collect();
    let lost: Vec<_> = promised.iter().filter(|text| !kept.contains(*text)).collect();
    assert!(lost.is_empty(), "{} of {} with a receipt are lost: {lost:?}", lost.len(), promised.len());
    // And once the cable is back, the rest comes too, each once.
    there.plug_in();
    let whole = watch::until(PATIENCE * 2, || (bob.history("#lobby", 10_000).len() == 1000).then_some(()));
    assert!(whole.is_some(), "{} of 1000: {bob}", bob.history("#lobby", 10_000).len());
}

#[test]
fn a_full_disk_is_said_and_nothing_breaks() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    for program in Program::ALL {
        let disk = host.home().join(program.name());
        fs::create_dir(&disk).expect("a directory");
        host.shell(&format!("mount -t tmpfs -o size=2m,mode=700 none '{}'", disk.display()));
        let profile = disk.join("profile").to_string_lossy().into_owned();
        let mut ada = Chat::start(&host, program, &["--profile", &profile]);
        let mut kept = Vec::new();
        let refused = loop {
            let text = format!("{} {}", kept.len(), "padding".repeat(500));
            let answer = ada.answer(lobby(&text));
            if answer["type"] == "error" {
                break answer;
            }
            kept.push(text);
            assert!(kept.len() < 2000, "2 MiB take no 7 MiB: {ada}");
        };
        assert_eq!(refused["code"], "store-full", "{refused}");
        assert!(!kept.is_empty(), "the very first message was refused: {refused}");
        assert_eq!(ada.history("#lobby", 10_000), kept, "what was done is there");
        assert!(ada.is_alive());
        // With room again it goes on, without a restart.
        host.shell(&format!("mount -o remount,size=64m '{}'", disk.display()));
        let again = watch::until(PATIENCE, || {
            let answer = ada.answer(lobby("room again"));
            (answer["type"] == "done").then_some(())
        });
        assert!(again.is_some(), "{ada}");
        kept.push("room again".into());
        assert_eq!(ada.history("#lobby", 10_000), kept);
        ada.quit();
        let mut ada = Chat::start(&host, program, &["--profile", &profile]);
        assert_eq!(ada.history("#lobby", 10_000), kept);
    }
}

#[test]
fn more_than_a_thousand_unanswered_sends_are_all_answered() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    for program in Program::ALL {
        let mut ada = Chat::start(&host, program, &["--ephemeral"]);
        for number in 0..5000 {
            ada.tell(lobby(&number.to_string()));
        }
        let all = watch::until(PATIENCE * 2, || (done(&ada).len() == 5000).then_some(()));
        assert!(all.is_some(), "{} of 5000: {ada}", done(&ada).len());
        ada.expect_none("error", Duration::ZERO, |line| line.is_of("error"));
        let history = ada.history("#lobby", 10_000);
        assert!(history.iter().map(String::as_str).eq((0..5000).map(|n| n.to_string()).collect::<Vec<_>>()));
    }
}

fn lobby(text: &str) -> Value {
    json!({"cmd": "send", "room": "#lobby", "text": text})
}

/// The commands that are done.
fn done(chat: &Chat) -> BTreeSet<u64> {
    chat.gather(|line| line.is_of("done").then(|| line.json["id"].as_u64()).flatten()).into_iter().collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
