//! The subcommands that a script calls: `send`, `peers`, `id`.
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program,
    chat::{Chat, introduce},
    lan::Lan,
    watch::PATIENCE,
};

#[test]
fn send_waits_until_another_has_stored_it() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    let bob = Chat::start(&there, Program::Smol, &["--nick", "bob"]);
    for program in Program::ALL {
        let name = program.name();
        let expect = |text: &str, room: &str| {
            let heard = bob.expect(text, Duration::from_secs(1), |line| {
                line.is_of("message") && line.json["text"] == text
            });
            assert!(heard.json["room"].as_str().is_some_and(|heard| heard.starts_with(room)), "{heard:?}");
        };
        let text = format!("build finished, says {name}");
        here.run(program.path(), &["send", "#lobby", &text], "").expect_code(0);
        expect(&text, "#lobby");
        let text = format!("from a pipe\nof {name}");
        here.run(program.path(), &["send", "#lobby", "-"], &format!("{text}\n")).expect_code(0);
        expect(&text, "#lobby");
        let text = format!("for bob alone, says {name}");
        here.run(program.path(), &["send", "bob", &text], "").expect_code(0);
        expect(&text, "@");
    }
}

#[test]
fn send_gives_up_in_time() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    for program in Program::ALL {
        let outcome = here.run(program.path(), &["send", "#lobby", "hello?", "--timeout", "1s"], "");
        outcome.expect_code(3);
        let took = outcome.took;
        assert!((Duration::from_secs(1)..Duration::from_secs(4)).contains(&took), "{outcome}");
        let outcome = here.run(program.path(), &["send", "nobody", "hello?", "--timeout", "1s"], "");
        assert!(matches!(outcome.code, Some(1 | 3)), "{outcome}");
        outcome.expect_named(&["nobody"]);
        let long = "x".repeat(5000);
        here.run(program.path(), &["send", "#lobby", &long], "").expect_code(1).expect_named(&["4096"]);
        here.run(program.path(), &["send", "#lobby"], "").expect_code(1);
    }
    // What could not be delivered waits, and goes out with the next run.
    let bob = Chat::start(&there, Program::Std, &["--nick", "bob"]);
    let ada = Chat::start(&here, Program::Smol, &[]);
    introduce(&ada, &bob);
    bob.expect_message("hello?", &ada, "#lobby");
}

#[test]
fn id_and_peers_are_printed() {
    let Some(mut lan) = Lan::new() else { return };
    let (here, there) = (lan.host(), lan.host());
    for program in Program::ALL {
        let profile = here.home().join(program.name()).to_string_lossy().into_owned();
        let first = here.run(program.path(), &["id", "--profile", &profile], "");
        first.expect_code(0);
        let bob = Chat::start(&there, Program::Std, &["--nick", "bob"]);
        let ada = Chat::start(&here, program, &["--profile", &profile]);
        introduce(&ada, &bob);
        assert!(first.out.contains(ada.key()), "{first}");
        ada.quit();
        let peers = here.run(program.path(), &["peers", "--profile", &profile], "");
        peers.expect_code(0);
        assert!(peers.out.contains("bob"), "{peers}");
    }
}

#[test]
fn virtual_interfaces_are_named_with_the_reason_and_used_when_asked_for() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let host = lan.host();
    host.shell("ip link add docker0 type veth peer name veth7 && ip address add 172.17.0.1/16 dev docker0");
    host.shell("ip link set veth7 up && ip link set docker0 up");
    let net = |options: &[&str]| {
        let chat = Chat::start(&host, Program::Std, options);
        let line = chat.expect("net", PATIENCE, |line| line.is_of("net"));
        (line.json["interfaces"].to_string(), line.json["left_out"].to_string())
    };
    let (used, left_out) = net(&[]);
    assert!(used.contains("eth0") && !used.contains("docker0"), "{used}");
    assert!(left_out.contains("docker0 172.17.0.1/16") && left_out.contains("virtual"), "{left_out}");
    let (used, left_out) = net(&["--interface", "docker0"]);
    assert!(used.contains("docker0") && left_out == "null", "{used} {left_out}");
}
