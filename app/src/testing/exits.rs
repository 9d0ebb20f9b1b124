//! How the program ends, and what it says when it cannot begin.

use serde_json::{Value, json};

use super::{
    Folder,
    child::{Child, Ended},
    fake::BO,
};

fn ends(arguments: &[&str]) -> Ended {
    let mut child = Child::new(arguments);
    child.end_input();
    child.ended()
}

/// The one line on standard error.
fn fault(ended: &Ended) -> &str {
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
    assert_eq!(id["key"], key);
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
fn send_waits_for_somebody_to_store_it() {
    let folder = Folder::new("send");
    let profile = folder.profile();
    let ended = ends(&["send", "#ops", "hi", "there", "--profile", &profile]);
    assert_eq!((ended.code(), &ended.lines[..]), (Some(0), &["stored by 1 of 1".to_string()][..]));
    for name in ["bo", &BO.to_string(), "b0b0b0b0"] {
        let ended = ends(&["send", name, "psst", "--profile", &profile, "--json"]);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let receipt: Value = serde_json::from_str(&ended.lines[1]).unwrap();
        assert_eq!(receipt["stored_by"], json!(1));
    }
    let mut child = Child::new(&["send", "#lobby", "-", "--profile", &profile]);
    child.say("from\na pipe\n");
    child.end_input();
    assert_eq!(child.ended().code(), Some(0));
    let mut child = Child::new(&["--profile", &profile]);
    child.line("#ops <ana> hi there");
    child.line("#lobby <ana> from");
    child.line("    | a pipe");
    child.end_input();
    child.ended();
}

#[test]
fn undelivered_is_3() {
    let folder = Folder::new("undelivered");
    let alone = |to: &str, kept: &[&str]| {
        let mut arguments = vec!["send", to, "hi", "--timeout", "300ms", "--discovery", "manual"];
        arguments.extend_from_slice(kept);
        ends(&arguments)
    };
    let profile = folder.profile();
    let ended = alone("#lobby", &["--profile", &profile]);
    assert_eq!(ended.code(), Some(3));
    assert!(fault(&ended).contains("goes out next time"), "{}", ended.errors);
    let ended = alone("#lobby", &["--ephemeral"]);
    assert!(ended.code() == Some(3) && fault(&ended).ends_with("it is lost"), "{ended:?}");
    let ended = alone("bo", &["--ephemeral"]);
    assert!(ended.code() == Some(3) && fault(&ended).contains("nobody called bo was seen"), "{ended:?}");
    let ended = alone(&"00".repeat(32), &["--ephemeral"]);
    assert!(ended.code() == Some(3) && fault(&ended).contains("nobody with that key"), "{ended:?}");
    let ended = ends(&["send", "#lobby", &"x".repeat(4097), "--ephemeral"]);
    assert!(ended.code() == Some(1) && fault(&ended).contains("4096 are allowed"), "{ended:?}");
}
