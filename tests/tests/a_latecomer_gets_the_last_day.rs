//! A third peer that joins later gets what was said before, from whoever has it, whether its author is there or not.
#![forbid(unsafe_code)]

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    lan::Lan,
    watch::PATIENCE,
};

#[test]
fn from_the_one_who_stayed() {
    let Some(mut lan) = Lan::new() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    let mut ada = Chat::start(&hosts[0], Std, &["--nick", "ada"]);
    let mut bob = Chat::start(&hosts[1], Smol, &["--nick", "bob"]);
    introduce(&ada, &bob);
    let mut said = Vec::new();
    for number in 0..40 {
        let text = format!("message {number}");
        if number % 3 == 0 {
            bob.say(&text);
            ada.expect_message(&text, &bob, "#lobby");
        } else {
            ada.say(&text);
            bob.expect_message(&text, &ada, "#lobby");
        }
        said.push(text);
    }
    assert_eq!(bob.history("#lobby", 100), said);
    let ada_key = ada.key().to_owned();
    ada.quit();

    let mut eve = Chat::start(&hosts[2], Std, &["--nick", "eve"]);
    introduce(&eve, &bob);
    let mut from_ada = 0;
    for text in &said {
        let line =
            eve.expect(text, PATIENCE, |line| line.is_of("message") && line.json["text"] == text.as_str());
        assert_eq!(line.json["late"], true, "{line:?}");
        from_ada += usize::from(line.json["from"]["key"] == ada_key.as_str());
    }
    assert_eq!(from_ada, 26, "Ada's words are hers, although Bob handed them over");
    assert_eq!(eve.history("#lobby", 100), said, "in the same order for everyone");

    // And Ada, back again, gets what was said while she was away.
    bob.say("eve is here");
    eve.expect_message("eve is here", &bob, "#lobby");
    bob.quit();
    let mut ada = Chat::start(&hosts[0], Std, &[]);
    introduce(&ada, &eve);
    let line = ada.expect("message", PATIENCE, |line| line.json["text"] == "eve is here");
    assert_eq!(line.json["late"], true);
    said.push("eve is here".into());
    assert_eq!(ada.history("#lobby", 100), said);
}
