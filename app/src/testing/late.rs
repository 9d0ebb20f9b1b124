//! What comes late, and whose clocks are wrong.

use serde_json::json;

use super::{Folder, child::Child};

#[test]
fn what_was_missed_is_shown_in_its_order_and_apart_from_what_is_said_now() {
    let folder = Folder::new("late");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("fake: missed 1 alone");
    child.line("#lobby <bo> alone 1 (came late)");
    child.say("fake: missed 3 before");
    child.line("* 3 messages from before you came, ");
    for number in 1..=3 {
        child.line(&format!("#lobby <bo> before {number}"));
    }
    child.line("* so much for what you missed");
    child.say("fake: hear 1 now");
    child.line("#lobby <bo> now");
    // What was taken back meanwhile is not shown at all, and what was corrected as it is by then.
    child.say("fake: missed 2 secret");
    child.say("fake: deletes");
    child.line("#lobby <bo> secret 2 (came late)");
    child.say("fake: missed 2 wrong");
    child.say("fake: edits right");
    child.line("* 2 messages from before you came, ");
    child.line("#lobby <bo> right (edited)");
    child.line("#lobby <bo> wrong 2");
    // What is left is shown before the end.
    child.say("fake: missed 2 last");
    child.end_input();
    let lines = child.ended().lines;
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("secret 1") || line.contains("wrong 1") || line.contains("takes back")),
        "{lines:#?}"
    );
    let begin = lines.iter().rposition(|line| line.contains("* 2 messages from before you came")).unwrap();
    assert!(
        lines[begin + 1].ends_with("<bo> last 1") && lines[begin + 2].ends_with("<bo> last 2"),
        "{lines:#?}"
    );
}

#[test]
fn a_wrong_clock_is_told_of() {
    let folder = Folder::new("skew");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("fake: ahead 7 early");
    child.line("* bo's clock is 7 minutes ahead");
    child.line("#lobby <bo> early");
    child.say("fake: hear 1 right");
    child.line("* bo's clock is right again");
    child.end_input();
    child.ended();
    let mut child = Child::new(&["--json", "--profile", &folder.profile()]);
    child.say(r##"{"cmd":"send","room":"#lobby","text":"fake: ahead -2 slow"}"##);
    let slow = child.object("message");
    assert_eq!((&slow["text"], &slow["skew_ms"]), (&json!("slow"), &json!(-120_000)));
    child.say(r##"{"cmd":"send","room":"#lobby","text":"fake: hear 1 right"}"##);
    assert_eq!(child.object("message").get("skew_ms"), None);
}
