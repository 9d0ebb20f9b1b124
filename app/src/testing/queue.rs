//! Whoever changes what was said last, right behind it, means that.

use super::{Folder, child::Child};

/// A profile in which something was said before.
fn with_old(name: &str) -> Folder {
    let folder = Folder::new(name);
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.say("old");
    child.end_input();
    assert_eq!(child.ended().code(), Some(0));
    folder
}

#[test]
fn what_was_said_in_the_same_breath_is_what_is_taken_back() {
    let folder = with_old("queue");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.write(b"secret\n/delete\ntwo\n/edit three\n");
    child.end_input();
    let ended = child.ended();
    assert_eq!((ended.code(), ended.errors.as_str()), (Some(0), ""));
    let told = |part: &str| ended.lines.iter().any(|line| line.contains(part));
    assert!(told("takes back \"secret\"") && told("corrects \"two\" to: three"), "{:#?}", ended.lines);

    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.end_input();
    let lines = child.ended().lines;
    let kept: Vec<&str> =
        lines.iter().filter_map(|line| line.split_once("<ana> ")).map(|(_, said)| said).collect();
    assert_eq!(kept, ["old", "three (edited)"]);
}

#[test]
fn nothing_else_is_taken_back_for_what_was_not_sent() {
    let folder = with_old("queue-refused");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.write(b"/join #toomany\ntoo early\n/delete\n");
    child.end_input();
    let ended = child.ended();
    assert!(ended.errors.contains("! nothing was done, what came before was not sent: /delete"), "{ended:?}");
    assert!(!ended.lines.iter().any(|line| line.contains("takes back")), "{ended:?}");
}
