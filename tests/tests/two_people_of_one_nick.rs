//! A nick names nobody for certain: two people may have the same, and both can be used.
#![forbid(unsafe_code)]

use chat_core::read_hex;
use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    running::Running,
    watch::PATIENCE,
};

#[test]
fn both_are_heard_and_told_apart() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    let listener = hear(&hosts[2]);
    let mut bob = Chat::start(&hosts[2], Smol, &["--nick", "bob"]);
    let mut adas =
        [Chat::start(&hosts[0], Std, &["--nick", "ada"]), Chat::start(&hosts[1], Smol, &["--nick", "ada"])];
    for ada in &adas {
        introduce(ada, &bob);
        assert_eq!(ada.nick(), "ada");
    }
    introduce(&adas[0], &adas[1]);
    for (number, ada) in adas.iter_mut().enumerate() {
        let text = format!("I am number {number}");
        ada.say(&text);
        assert_eq!(bob.expect_message(&text, ada, "#lobby")["from"]["nick"], "ada");
        let text = format!("for number {number} alone");
        bob.say_to(ada, &text);
        ada.expect_message(&text, &bob, &bob.direct());
    }

    // On the wire each has a name of its own.
    let instances = adas.each_ref().map(Chat::instance);
    assert_ne!(instances[0], instances[1], "one in ten thousand runs: try again");
    for instance in &instances {
        // As a label: its length, then its bytes.
        let label = [&[u8::try_from(instance.len()).unwrap_or(0)][..], instance.as_bytes()].concat();
        let announced = |bytes: &[u8]| bytes.windows(label.len()).any(|window| window == label);
        listener.expect(instance, PATIENCE, |line| announced(&bytes(&line.json["hex"])));
    }
}

#[test]
fn an_ambiguous_nick_is_refused_and_the_digits_decide() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    let adas =
        [Chat::start(&hosts[0], Std, &["--nick", "ada"]), Chat::start(&hosts[1], Smol, &["--nick", "ada"])];
    introduce(&adas[0], &adas[1]);
    for program in [Std, Smol] {
        let send = |whom: &str, text: &str| {
            let arguments = ["send", whom, text, "--timeout", "10s", "--nick", "bob"];
            hosts[2].run(program.path(), &arguments, "")
        };
        let [first, second] = adas.each_ref().map(Chat::instance);
        send("ada", "whoever you are").expect_code(1).expect_named(&[&first, &second]);
        let text = format!("by {}", program.name());
        send(&second, &text).expect_code(0);
        adas[1].expect(&text, PATIENCE, |line| line.is_of("message") && line.json["text"] == text.as_str());
        let stray = |line: &chat_tests::running::Line| line.is_of("message");
        adas[0].expect_none("message for the other", std::time::Duration::ZERO, stray);
        // By its key too.
        let text = format!("{} by key", program.name());
        send(adas[0].key(), &text).expect_code(0);
        adas[0].expect(&text, PATIENCE, |line| line.is_of("message") && line.json["text"] == text.as_str());
    }
}

fn hear(host: &Host) -> Running {
    let mut stranger = host.command(env!("CARGO_BIN_EXE_stranger"));
    let listener = Running::start("stranger".into(), stranger.args(["hear", "224.0.0.251", "5353"]));
    listener.expect("sign of hearing", PATIENCE, |line| line.is_of("hearing"));
    listener
}

fn bytes(hex: &serde_json::Value) -> Vec<u8> {
    let pairs = hex.as_str().unwrap_or_default().as_bytes().chunks_exact(2);
    pairs.filter_map(|pair| read_hex::<1>(std::str::from_utf8(pair).ok()?).ok()).flatten().collect()
}
