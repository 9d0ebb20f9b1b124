//! `search`, `tail` and `rooms`, for people and scripts.

use std::io::BufRead as _;

use serde_json::json;

use super::{Folder, child::Child};

/// A profile in which something was said, and everything that a command says of it.
fn spoken(folder: &Folder) {
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    for line in [
        "the red plan",
        "/me drinks tea",
        "fake: hear 1 red wine",
        "/join #ops",
        "red alert",
        "/private #board",
        "/topic money",
    ] {
        child.say(line);
    }
    child.line("* ana sets the topic: money");
    child.say("/search red from:bo");
    child.line("#lobby <bo> red wine");
    child.line("one was found");
    child.say("/search nothing like it");
    child.line("nothing was found");
    child.say("/search red in:#ops since:1h");
    child.line("#ops <ana> red alert");
    child.say("/search in:ops");
    child.end_input();
    assert!(child.ended().errors.contains("in: takes a #room"));
}

fn ended(folder: &Folder, arguments: &[&str]) -> (Option<i32>, Vec<String>, String) {
    let profile = folder.profile();
    let mut child = Child::new(&[arguments, &["--profile", &profile]].concat());
    child.end_input();
    let ended = child.ended();
    (ended.code(), ended.lines, ended.errors)
}

#[test]
fn the_history_is_searched_and_shown_beside_a_chat() {
    let folder = Folder::new("reading");
    let (code, _, errors) = ended(&folder, &["search", "red"]);
    assert_eq!((code, errors.lines().count()), (Some(1), 1), "{errors}");
    spoken(&folder);
    // The profile is in use, and that is nobody's business here.
    let chat = Child::new(&["--profile", &folder.profile()]);
    chat.line("* bo is here");
    let lines = |arguments: &[&str]| {
        let (code, lines, errors) = ended(&folder, arguments);
        assert_eq!(code, Some(0), "{errors}");
        lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    let red = lines(&["search", "red"]);
    assert!(
        red.len() == 4 && red[0].ends_with("<ana> the red plan") && red[3].ends_with("#ops <ana> red alert"),
        "{red:#?}"
    );
    assert_eq!(lines(&["search", "red", "from:bo"]).len(), 1);
    assert!(lines(&["search", "-n", "1", "red"])[0].ends_with("red alert"), "the newest");
    assert_eq!(lines(&["search", "absent"]), Vec::<String>::new());
    assert!(lines(&["tail", "-n", "1"])[0].ends_with("red alert"));
    let lobby = lines(&["tail", "#lobby", "-n", "2"]);
    assert!(lobby.len() == 2 && lobby[1].ends_with("<bo> red wine"), "{lobby:#?}");
    let rooms = lines(&["rooms"]);
    assert_eq!(rooms, ["#board  private  money", "#lobby", "#ops"]);
    let json: serde_json::Value = serde_json::from_str(&lines(&["rooms", "--json"])[0]).unwrap();
    assert_eq!((&json["private"], &json["topics"]), (&json!(["#board"]), &json!({"#board": "money"})));
    let found: serde_json::Value = serde_json::from_str(&lines(&["search", "tea", "--json"])[0]).unwrap();
    assert_eq!((&found["text"], &found["replay"]), (&json!("drinks tea"), &json!(true)));
    for wrong in
        [&["search", "since:never"][..], &["search", "-n", "x", "a"], &["tail", "lobby"], &["search"]]
    {
        assert_eq!(ended(&folder, wrong).0, Some(1), "{wrong:?}");
    }
}

#[test]
fn everybody_is_in_the_lobby_until_they_leave_it() {
    let folder = Folder::new("rooms-lobby");
    assert_eq!(ended(&folder, &["id"]).0, Some(0));
    let (code, rooms, errors) = ended(&folder, &["rooms"]);
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    assert_eq!((code, rooms), (Some(0), vec!["#lobby"]), "{errors}");
    let mut chat = Child::new(&["--profile", &folder.profile()]);
    chat.say("/leave");
    chat.line("you left #lobby");
    chat.end_input();
    chat.ended();
    let (_, rooms, _) = ended(&folder, &["rooms"]);
    assert!(rooms.iter().all(String::is_empty), "{rooms:?}");
}

#[test]
fn tail_ends_when_nobody_reads_it_any_more() {
    let folder = Folder::new("unread");
    let mut chat = Child::new(&["--profile", &folder.profile()]);
    chat.say("before");
    chat.end_input();
    chat.ended();
    let (tail, mut stdout) = Child::silent(&["tail", "-f", "--profile", &folder.profile()]);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("<ana> before"), "{line}");
    drop(stdout);
    let ended = tail.ended();
    assert_eq!(ended.code(), Some(0));
    assert!(ended.took.as_secs_f64() < 2.0, "{:?}", ended.took);
}

#[test]
fn what_was_taken_back_is_not_followed_and_counts_as_nothing() {
    let folder = Folder::new("taken-back");
    let mut chat = Child::new(&["--profile", &folder.profile()]);
    chat.line("* bo is here");
    chat.say("stays");
    for number in 0..3 {
        chat.say(&format!("gone {number}"));
        chat.say("/delete");
        chat.line(&format!("takes back \"gone {number}\""));
    }
    chat.end_input();
    chat.ended();
    for arguments in [&["tail", "-n", "2"][..], &["tail", "#lobby", "-n", "2"]] {
        let (_, lines, _) = ended(&folder, arguments);
        assert!(lines.iter().any(|line| line.ends_with("<ana> stays")), "{lines:?}");
    }
}

#[test]
fn tail_follows_until_it_is_told_to_end() {
    let folder = Folder::new("follow");
    let mut chat = Child::new(&["--profile", &folder.profile()]);
    chat.line("* bo is here");
    chat.say("before");
    chat.line("<ana> before");
    // It is shown a moment before it is stored.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let tail = Child::new(&["tail", "-f", "#lobby", "--profile", &folder.profile()]);
    tail.line("#lobby <ana> before");
    chat.say("/join #ops");
    chat.say("elsewhere");
    chat.say("/msg bo psst");
    chat.say("/join #lobby");
    chat.say("after");
    tail.line("#lobby <ana> after");
    tail.signal(signal_hook::consts::SIGTERM);
    let ended = tail.ended();
    assert_eq!((ended.code(), ended.lines), (Some(0), vec![]));
}

#[test]
fn programs_search_too() {
    let folder = Folder::new("search-json");
    spoken(&folder);
    let mut child = Child::new(&["--json", "--profile", &folder.profile()]);
    child.say(r#"{"cmd":"search","id":1,"text":"red from:bo"}"#);
    assert_eq!(child.object("message")["text"], json!("red wine"));
    assert_eq!(child.object("done")["id"], json!(1));
    for bad in [
        r#"{"cmd":"search"}"#,
        r#"{"cmd":"search","text":""}"#,
        r#"{"cmd":"search","text":"a","limit":1001}"#,
    ] {
        child.say(bad);
        assert_eq!(child.object("error")["code"], json!("bad-command"), "{bad}");
    }
}
