//! How the program ends, and what it says when it cannot begin.

use serde_json::{Value, json};

use super::{
    Folder,
    child::{Child, Ended},
};

pub(super) fn ends(arguments: &[&str]) -> Ended {
    let mut child = Child::new(arguments);
    child.end_input();
    child.ended()
}

/// The one line on standard error.
pub(super) fn fault(ended: &Ended) -> &str {
    assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
    ended.errors.strip_prefix("chat-test: ").unwrap().trim_end()
}

#[test]
fn a_bad_option_is_1() {
    let ended = ends(&["--port", "x"]);
    assert_eq!(ended.code(), Some(1));
    assert!(fault(&ended).contains("--port"));
    let ended = ends(&["--profile", "/dev/null/x"]);
    assert_eq!(ended.code(), Some(1));
    assert!(fault(&ended).contains("--ephemeral"));
    let ended = ends(&["--version"]);
    assert_eq!((ended.code(), ended.errors.as_str()), (Some(0), ""));
    assert_eq!(ended.lines, [concat!("chat-test ", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn a_profile_in_use_is_4_and_who_we_are_can_still_be_asked() {
    let folder = Folder::new("in-use");
    let profile = folder.profile();
    let child = Child::new(&["--json", "--profile", &profile]);
    let key = child.object("hello")["key"].clone();
    for command in [&["--plain", "--profile", &profile][..], &["peers", "--profile", &profile]] {
        let ended = ends(command);
        assert_eq!(ended.code(), Some(4), "{ended:?}");
        let works = format!("this works: chat-test --ephemeral {} (", command[0])
            .replace("--ephemeral peers", "--ephemeral peers");
        assert!(fault(&ended).contains(&works), "{}", ended.errors);
    }
    let ended = ends(&["id", "--json", "--profile", &profile]);
    assert_eq!(ended.code(), Some(0));
    let id: Value = serde_json::from_str(&ended.lines[0]).unwrap();
    let digits = id["digits"].as_str().unwrap();
    assert_eq!(id, json!({"nick": "ana", "key": key, "digits": digits, "profile": profile}));
    let ended = ends(&["id", "--profile", &profile]);
    let key = key.as_str().unwrap();
    let expected = [format!("name    ana-{digits}"), format!("key     {key}"), format!("profile {profile}")];
    assert_eq!((ended.code(), &ended.lines[..]), (Some(0), &expected[..]));
    drop(child);
    assert_eq!(ends(&["id", "--profile", &profile]).lines, expected, "the same when nobody has the profile");
    let ended = ends(&["peers", "--ephemeral"]);
    assert_eq!(ended.code(), Some(0));
    assert!(ended.lines[0].starts_with("bo-"), "{:?}", ended.lines);
}

#[test]
fn a_damaged_store_is_5_and_untouched() {
    let folder = Folder::new("damaged-exit");
    let profile = folder.profile();
    assert_eq!(ends(&["--profile", &profile]).code(), Some(0));
    let path = folder.path("profile/history.db");
    let noise: Vec<u8> = (0..9999u32).map(|number| number.to_le_bytes()[0]).collect();
    std::fs::write(&path, &noise).unwrap();
    let ended = ends(&["--profile", &profile]);
    assert_eq!(ended.code(), Some(5));
    assert_eq!(std::fs::read(&path).unwrap(), noise);
    // What it says to do works.
    let told = fault(&ended).split_once("move it away: ").unwrap().1;
    assert!(std::process::Command::new("sh").args(["-c", told]).status().unwrap().success());
    assert_eq!(ends(&["--profile", &profile]).code(), Some(0));
    assert_eq!(std::fs::read(folder.path("profile/damaged/history.db")).unwrap(), noise);
}

#[test]
#[cfg(unix)]
fn signals_end_it_in_order() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for (signal, arguments) in [(SIGTERM, "--json"), (SIGINT, "--plain"), (SIGHUP, "--json")] {
        let folder = Folder::new("signal");
        let mut child = Child::new(&[arguments, "--profile", &folder.profile()]);
        child.line("bo");
        let hi = if arguments == "--json" {
            r##"{"cmd":"send","room":"#lobby","text":"last words"}"##
        } else {
            "last words"
        };
        child.say(hi);
        child.line(if arguments == "--json" { r#""entry""# } else { "last words" });
        child.signal(signal);
        let ended = child.ended();
        assert_eq!(ended.code(), Some(0), "{arguments} {signal}");
        assert!(ended.took.as_secs_f64() < 2.0, "{:?}", ended.took);
        assert!(Child::new(&["--profile", &folder.profile()]).line("last words").contains("<ana>"));
    }
}

#[test]
fn a_reader_that_goes_ends_it() {
    let (mut child, stdout) = Child::silent(&["--json", "--ephemeral"]);
    drop(stdout);
    child.say(r##"{"cmd":"send","room":"#lobby","text":"x"}"##);
    let ended = child.ended();
    assert_eq!(ended.code(), Some(0));
    assert!(ended.took.as_secs_f64() < 2.0, "{:?}", ended.took);
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_was_to_be_ignored_is() {
    for (signal, number) in [("HUP", signal_hook::consts::SIGHUP), ("INT", signal_hook::consts::SIGINT)] {
        let mut child = Child::deaf_to(signal, &["--json", "--ephemeral"]);
        child.object("hello");
        child.signal(number);
        std::thread::sleep(std::time::Duration::from_millis(300));
        child.say(r##"{"cmd":"send","room":"#lobby","text":"still here"}"##);
        child.line(r#""type":"done""#);
        child.signal(signal_hook::consts::SIGTERM);
        assert_eq!(child.ended().code(), Some(0));
    }
}

/// Whoever waits for the store waits for ever.
#[test]
fn a_disk_that_does_not_answer_keeps_nobody_from_ending() {
    for (mode, hang, wait) in [
        (
            "--json",
            r##"{"cmd":"send","room":"#lobby","text":"fake: hangs"}"##,
            r##"{"cmd":"history","room":"#lobby"}"##,
        ),
        ("--plain", "fake: hangs", "/search hangs"),
    ] {
        let mut child = Child::new(&[mode, "--ephemeral"]);
        child.line("bo");
        child.say(hang);
        child.say(wait);
        child.end_input();
        let ended = child.ended();
        assert_eq!(ended.code(), Some(0), "{mode}");
        assert!(ended.took.as_secs_f64() < 4.0, "{mode}: {:?}", ended.took);
    }
}

#[test]
fn a_node_that_fails_ends_it_and_it_is_said() {
    for (mode, fail) in
        [("--json", r##"{"cmd":"send","room":"#lobby","text":"fake: fails"}"##), ("--plain", "fake: fails")]
    {
        let mut child = Child::new(&[mode, "--ephemeral"]);
        child.line("bo");
        child.say(fail);
        let ended = child.ended();
        assert_eq!(ended.code(), Some(101), "{mode}");
        assert!(ended.errors.contains("chat-test: the node has failed"), "{}", ended.errors);
    }
}
