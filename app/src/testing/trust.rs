//! Who is who, as people and programs see it.

use chat_core::PeerKey;
use serde_json::{Value, json};

use super::{
    Folder,
    child::Child,
    fake::{BO, COPY},
};

#[test]
fn a_person_verifies_by_digits_and_the_badge_stays() {
    let folder = Folder::new("verify");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("/verify bo yes");
    child.say("/verify bo");
    child.line(
        "your digits with bo are 0471 9920 3318; ask for theirs, by voice or face to face. If they are the same, type: /verify \
         bo yes; if not: /verify bo no",
    );
    child.say("/verify bo");
    child.line(
        "your digits with bo are 0471 9920 3318 now, and those of before count no more; ask for theirs",
    );
    child.say("/verify bo 0471 9920 3319");
    child.say("/verify bo 047199203318");
    child.line("* bo is not verified, nor was before");
    child.line("bo is verified: the badge goes with the key");
    child.say("fake: hear 1 hello");
    child.line("#lobby <bo\u{2713}> hello");
    child.say("/msg bo\u{2713} by the name on the screen");
    child.line("@bo\u{2713} <ana> by the name on the screen");
    child.say("/verify");
    child.line(&format!("{BO}  verified"));
    child.end_input();
    let ended = child.ended();
    assert_eq!(ended.code(), Some(0));
    for complaint in [
        "no digits were compared yet; /verify bo shows some",
        "bo is not verified: who shows you other digits",
    ] {
        assert!(ended.errors.contains(complaint), "{}", ended.errors);
    }

    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("#lobby <bo\u{2713}> hello");
    child.say("/verify bo no");
    child.line("bo is not verified");
    child.say(&format!("/verify bo {BO}"));
    child.line("bo is verified");
    child.say(&format!("/verify bo {}", PeerKey([9; 32])));
    child.say("/verify zoe");
    child.end_input();
    let errors = child.ended().errors;
    assert!(errors.contains("nobody called zoe has been seen"), "{errors}");
    assert_eq!(errors.matches("! bo is not verified").count(), 2, "{errors}");
}

/// Digits were read aloud by one, and another may have got the name meanwhile.
#[test]
fn nobody_is_verified_by_the_digits_of_a_namesake() {
    let folder = Folder::new("verify-copy");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("/verify bo");
    child.line("your digits with bo are 0471 9920 3318");
    child.say("fake: copy");
    child.line("your digits with bo are 1111");
    child.say("/verify bo yes");
    child.say("/verify bo 0471 9920 3318");
    child.line("is verified: the badge");
    child.say("/verify");
    child.line(&format!("{BO}  verified"));
    child.end_input();
    let ended = child.ended();
    assert!(!ended.lines.iter().any(|line| line.contains(&COPY.to_string())), "{:?}", ended.lines);
    let mut both = [BO, COPY].map(|key| crate::people::with_digits("bo", key));
    both.sort();
    let complaint = format!(
        "bo may be {} or {}, and digits of each were shown; type those that are the same: /verify bo DIGITS",
        both[0], both[1]
    );
    assert!(ended.errors.contains(&complaint), "{}", ended.errors);
}

#[test]
fn the_muted_are_found_later_and_the_blocked_are_not() {
    let folder = Folder::new("block");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("/mute bo");
    child.line("bo is muted");
    child.say("/mute bo");
    child.line("bo is already muted");
    child.say("/who");
    child.line("  bo  (muted)");
    child.say("fake: hear 1 quiet words");
    child.say("/unmute bo");
    child.line("bo is not muted");
    child.say("fake: hear 1 loud words");
    child.line("<bo> loud words");
    child.end_input();
    let ended = child.ended();
    assert!(!ended.lines.iter().any(|line| line.ends_with("<bo> quiet words")), "{:?}", ended.lines);

    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("<bo> quiet words");
    child.say("/block bo");
    child.line("bo is blocked");
    child.say("/mute");
    child.line(&format!("{BO}  blocked"));
    child.end_input();
    child.ended();

    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.say("/unblock bo");
    child.line("bo is not blocked");
    child.end_input();
    let ended = child.ended();
    assert!(!ended.lines.iter().any(|line| line.contains("words")), "{:?}", ended.lines);
    let child = Child::new(&["--profile", &folder.profile()]);
    child.line("<bo> loud words");
}

#[test]
fn nobody_hears_how_the_blocked_come_and_go_and_what_they_are_called() {
    let folder = Folder::new("block-crowd");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("/block bo");
    child.line("bo is blocked");
    for order in ["fake: rename zed", "fake: lose", "fake: rename zed"] {
        child.say(order);
    }
    // By then they have done so.
    child.say("still here");
    child.line("<ana> still here");
    child.say("/who");
    child.line("  zed  (blocked)");
    child.say("/unblock zed");
    child.line("zed is not blocked");
    child.say("fake: rename bo");
    child.line("* zed is now called bo");
    child.end_input();
    let ended = child.ended();
    let is_told = |line: &&String| line.contains("zed is") || line.contains("bo is gone");
    assert_eq!(ended.lines.iter().filter(is_told).count(), 0, "{:?}", ended.lines);
}

#[test]
fn programs_verify_and_block_too() {
    let folder = Folder::new("json-trust");
    let mut child = Child::new(&["--json", "--profile", &folder.profile()]);
    let ask = |child: &mut Child, command: &Value| child.say(&command.to_string());
    let key = BO.to_string();
    ask(&mut child, &json!({"cmd": "verify", "id": 1, "key": key}));
    let digits = child.object("verify");
    assert_eq!(digits, json!({"type": "verify", "key": key, "digits": "0471 9920 3318", "asked": true}));
    assert_eq!(child.object("done")["id"], json!(1));
    ask(&mut child, &json!({"cmd": "verify", "id": 2, "key": key, "same": true}));
    let trust = child.object("trust");
    assert_eq!(
        trust,
        json!({"type": "trust", "key": key, "verified": true, "blocked": false, "muted": false})
    );
    ask(&mut child, &json!({"cmd": "mute", "key": key}));
    assert_eq!(child.object("trust")["muted"], json!(true));
    ask(&mut child, &json!({"cmd": "send", "room": "#lobby", "text": "fake: hear 1 hi"}));
    let from = &child.object("message")["from"];
    assert_eq!((&from["verified"], &from["muted"]), (&json!(true), &json!(true)));
    ask(&mut child, &json!({"cmd": "block", "id": 3, "key": key}));
    assert_eq!(child.object("trust")["blocked"], json!(true));
    ask(&mut child, &json!({"cmd": "send", "room": "#lobby", "text": "fake: hear 1 unheard"}));
    ask(&mut child, &json!({"cmd": "history", "room": "#lobby", "id": 4}));
    ask(&mut child, &json!({"cmd": "block", "id": 5, "key": key, "blocked": false}));
    ask(&mut child, &json!({"cmd": "verify", "id": 6, "key": PeerKey([7; 32]).to_string()}));
    let error = child.object("error");
    assert_eq!((&error["id"], &error["code"]), (&json!(6), &json!("unreachable")));
    for bad in [
        json!({"cmd": "verify"}),
        json!({"cmd": "block", "key": "bo"}),
        json!({"cmd": "mute", "key": key, "muted": 1}),
    ] {
        ask(&mut child, &bad);
        assert_eq!(child.object("error")["code"], json!("bad-command"), "{bad}");
    }
    ask(&mut child, &json!({"cmd": "quit"}));
    let ended = child.ended();
    let all = ended.lines.iter().filter(|line| line.contains("unheard") && !line.contains("fake:"));
    assert_eq!(all.count(), 0, "{:#?}", ended.lines);

    let child = Child::new(&["--json", "--profile", &folder.profile()]);
    assert_eq!(child.object("trust")["verified"], json!(true), "told at start");
}

#[test]
fn whoever_speaks_under_a_nick_that_looks_like_anothers_is_warned_of_once() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("fake: poses \u{430}na hi");
    child.line("careful: \u{430}na looks like you, and is somebody else (key b0b0");
    child.line("<\u{430}na> hi");
    child.say("fake: poses \u{430}na again");
    child.say("/quit");
    let lines = child.ended().lines;
    assert!(lines.iter().any(|line| line.ends_with("<\u{430}na> again")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("careful")), "{lines:#?}");
}
