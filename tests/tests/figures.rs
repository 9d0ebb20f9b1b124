//! What is promised in numbers, measured from the outside: the start, the idle peer, its memory. Only release builds
//! are worth measuring: `CHAT_RELEASE=1 cargo test -p chat-tests --test figures -- --nocapture`.
#![forbid(unsafe_code)]

use std::{thread, time::Duration};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::Host,
    measure::{measured, resident, threads, wakes},
    running::Running,
    watch::{PATIENCE, median},
};
use serde_json::Value;

const STARTS: usize = 20;

#[test]
fn a_newcomer_sees_who_is_there_in_300_ms_by_mdns_alone() {
    for program in Program::ALL {
        let Some(mut lan) = measured() else { return };
        let (here, there) = (lan.host(), lan.host());
        let bob = Chat::start(&there, Smol, &["--nick", "bob", "--discovery", "mdns"]);
        let times: Vec<_> = (0..STARTS)
            .map(|number| {
                // Made before, and never met anybody.
                let profile = here.home().join(number.to_string()).to_string_lossy().into_owned();
                here.run(program.path(), &["id", "--profile", &profile], "").expect_code(0);
                newcomer(&here, program, &bob, &["--discovery", "mdns", "--profile", &profile], "mdns")
            })
            .collect();
        report(program, "by mDNS alone", &times, Duration::from_millis(300));
    }
}

#[test]
fn a_newcomer_sees_whom_it_remembers_in_20_ms() {
    for program in Program::ALL {
        let Some(mut lan) = measured() else { return };
        let (here, there) = (lan.host(), lan.host());
        let bob = Chat::start(&there, Smol, &["--nick", "bob"]);
        let first = Chat::start(&here, program, &["--nick", "ada"]);
        introduce(&first, &bob);
        first.quit();
        let times: Vec<_> = (0..STARTS)
            .map(|_| newcomer(&here, program, &bob, &["--discovery", "manual"], "remembered"))
            .collect();
        report(program, "with a remembered address", &times, Duration::from_millis(20));
    }
}

#[test]
fn an_idle_peer_hardly_wakes_and_stays_small() {
    const SPAN: u64 = 20;
    let Some(mut lan) = measured() else { return };
    let (here, there) = (lan.host(), lan.host());
    let chats = [Chat::start(&here, Std, &[]), Chat::start(&there, Smol, &[])];
    introduce(&chats[0], &chats[1]);
    // The questions of the beginning, after 1, 3, 7, 15 and 31 s, are over by then; the next one comes after 63 s.
    thread::sleep(Duration::from_secs(40));
    let before = chats.each_ref().map(wakes);
    thread::sleep(Duration::from_secs(SPAN));
    let after = chats.each_ref().map(wakes);
    for ((chat, program), (before, after)) in
        chats.iter().zip(Program::ALL).zip(before.into_iter().zip(after))
    {
        let (resident, threads) = (resident(chat), threads(chat));
        let woken = after - before;
        println!(
            "FIGURE {} idle with one neighbour: {woken} wakes in {SPAN} s, {resident} KiB resident, {threads} threads",
            program.name()
        );
        assert!(woken <= 2 * SPAN, "{} wakes too often", program.name());
        assert!(resident < 12 << 10, "{} is too large", program.name());
    }
}

/// One start, from before the process exists until it shows `bob` online.
fn newcomer(host: &Host, program: Program, bob: &Chat, options: &[&str], via: &str) -> Duration {
    let mut command = host.command(program.path());
    let mut ada = Running::start(program.name().into(), command.arg("--json").args(options));
    let online = ada.expect("peer bob online", PATIENCE, |line| line.is_peer("online", bob.key()));
    assert!(online.json["via"] == via || online.json["via"] == "outside", "{ada}");
    let time = online.at - ada.begun();
    let key = ada.lines().into_iter().find(|line| line.is_of("hello")).map(|line| line.json["key"].clone());
    let key = key.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    ada.close_stdin();
    assert_eq!(ada.wait(PATIENCE), Some(0), "{ada}");
    bob.expect("goodbye", PATIENCE, |line| line.is_peer("gone", &key));
    time
}

#[track_caller]
fn report(program: Program, how: &str, times: &[Duration], limit: Duration) {
    let [median, worst] = [median(times), times.iter().copied().max().unwrap_or_default()];
    let name = program.name();
    println!(
        "FIGURE {name} newcomer {how}: median {median:.1?}, worst {worst:.1?} of {STARTS} (limit {limit:?})"
    );
    assert!(median < limit, "{name} {how}: {median:?} of {times:?}");
}
