//! `export`, `import` and `keep`, as people and scripts use them.

use std::{fs, path::Path, sync::mpsc::Receiver, time::Duration};

use chat_core::{Action, Event, Place, RoomName, Text};
use serde_json::{Value, json};

use super::{
    Folder,
    child::{Child, Ended},
};
use crate::{
    cli::Cli,
    engine::{self, Engine, Ready},
    happening::Happening,
    offline,
};

/// A profile with a node that has no network.
struct Alone {
    engine: Engine,
    told: Receiver<Happening>,
}

impl Alone {
    fn new(folder: &Folder) -> Self {
        let cli = Cli::read("chat-test", &["--profile".into(), folder.profile().into()]).unwrap();
        let (tell, told) = engine::queue();
        let ready = Ready::open("chat-test", &[], &cli.options, &offline::open, tell).unwrap();
        Self { engine: ready.begin(false).unwrap(), told }
    }

    fn act(&mut self, action: Action) {
        let tag = self.engine.command(action);
        let is_done = |happening: &Happening| matches!(happening, Happening::Event(Event::Done { tag: done, .. }) if *done == tag);
        while !is_done(&self.told.recv_timeout(Duration::from_secs(30)).unwrap()) {}
    }

    /// Ends it when all is durable.
    fn end(self) {
        assert!(self.engine.close(Duration::from_secs(5)));
    }

    fn say(&mut self, room: &str, text: &str) {
        let (place, text) = (Place::Room(RoomName::new(room).unwrap()), Text::new(text).unwrap());
        self.act(Action::Say { place, text, action: false, reply: None });
    }
}

/// A profile in which something was said in two rooms.
fn spoken(folder: &Folder) {
    let mut alone = Alone::new(folder);
    alone.act(Action::Join(RoomName::new("#ops").unwrap()));
    (0..70).for_each(|number| alone.say("#lobby", &format!("message {number}")));
    (0..5).for_each(|number| alone.say("#ops", &format!("order {number}")));
    alone.end();
}

fn ran(folder: &Folder, arguments: &[&str]) -> Ended {
    let profile = folder.profile();
    let mut child = Child::new(&[arguments, &["--profile", &profile]].concat());
    child.end_input();
    child.ended()
}

/// The last line of one that ended with this code.
fn last(ended: &Ended, code: i32) -> &str {
    assert_eq!(ended.code(), Some(code), "{ended:?}");
    ended.lines.iter().rev().find(|line| !line.is_empty()).map_or("", String::as_str)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_stick_carries_the_history_from_one_profile_to_another() {
    let (one, other) = (Folder::new("carry-one"), Folder::new("carry-other"));
    let stick = one.path("stick");
    let stick = text(&stick);
    assert_eq!(last(&ran(&one, &["export", stick]), 1), "", "there is no history yet");
    spoken(&one);
    assert_eq!(last(&ran(&one, &["export", stick]), 0), format!("exported 75 entries of 2 rooms to {stick}"));
    let again = ran(&one, &["export", stick]);
    assert!(last(&again, 1).is_empty() && again.errors.contains("is there already"), "{again:?}");
    // The other has never been in #ops.
    let report = "imported 70 entries (0 known already, 5 of rooms that you are not in, 0 refused); to have those of #ops too, \
                  join and import again";
    assert_eq!(last(&ran(&other, &["import", stick]), 0), report);
    let tail = ran(&other, &["tail", "#lobby", "-n", "1"]);
    assert!(last(&tail, 0).ends_with("message 69"), "{tail:?}");
    let found = ran(&other, &["search", "message", "7", "--json"]);
    let found: Value = serde_json::from_str(last(&found, 0)).unwrap();
    assert_eq!(
        (&found["text"], &found["late"], &found["own"]),
        (&json!("message 7"), &json!(true), &json!(false))
    );
    let mut alone = Alone::new(&other);
    alone.act(Action::Join(RoomName::new("#ops").unwrap()));
    alone.end();
    let report = ran(&other, &["import", stick, "--json"]);
    let imported = json!({"new": 5, "known": 70, "elsewhere": 0, "old": 0, "refused": 0});
    assert_eq!(
        serde_json::from_str::<Value>(last(&report, 0)).unwrap(),
        json!({"type": "done", "imported": imported})
    );
    // Through a pipe, and into the profile that it is from: that changes nothing.
    let report = ran(&one, &["import", stick]);
    let known = "imported 0 entries (75 known already, 0 of rooms that you are not in, 0 refused)";
    assert_eq!(last(&report, 0), known);
    let mut child = Child::new(&["import", "-", "--profile", &one.profile()]);
    child.write(&fs::read(stick).unwrap());
    child.end_input();
    assert_eq!(last(&child.ended(), 0), known);
    assert!(
        last(&ran(&one, &["export", text(&one.path("ops")), "#ops"]), 0)
            .starts_with("exported 5 entries of 1 room to")
    );
}

#[test]
fn what_is_no_whole_export_is_told_and_what_came_before_counts() {
    let (one, other) = (Folder::new("bad-one"), Folder::new("bad-other"));
    spoken(&one);
    let stick = one.path("stick");
    assert_eq!(ran(&one, &["export", text(&stick)]).code(), Some(0));
    let whole = fs::read(&stick).unwrap();
    let bad = one.path("bad");
    let import = |bytes: &[u8]| {
        fs::write(&bad, bytes).unwrap();
        ran(&other, &["import", text(&bad)])
    };
    let cut = import(&whole[..whole.len() * 2 / 3]);
    assert!(last(&cut, 1).starts_with("imported "), "{cut:?}");
    assert!(cut.errors.contains("cut off; what came before counts"), "{cut:?}");
    assert!(last(&ran(&other, &["tail", "-n", "1"]), 0).contains("message"));
    // A bit in the middle of an entry; the others come in.
    let mut flipped = whole.clone();
    flipped[18 + 5 + 16 + 6 + 5 + 100] ^= 1;
    let flipped = import(&flipped);
    let report = last(&flipped, 0);
    assert!(report.contains(" 1 refused") || report.contains(", 5 of rooms"), "{report}");
    for (bytes, why) in [
        (&b"my diary"[..], "no export"),
        (&fs::read(one.path("profile/history.db")).unwrap(), "a history itself"),
        (b"p2p-chat export 9\n", "a version"),
    ] {
        let ended = import(bytes);
        assert!(last(&ended, 1).is_empty() && ended.errors.contains(why), "{ended:?}");
    }
    for path in [&one.path("nothing"), &one.path("")] {
        let ended = ran(&other, &["import", text(path)]);
        assert_eq!((ended.code(), ended.errors.lines().count()), (Some(1), 1), "{ended:?}");
    }
    let ended = ran(&other, &["import", "/dev/zero"]);
    assert!(ended.errors.contains("no export"), "{ended:?}");
    for wrong in
        [&["export"][..], &["import"], &["export", "/nowhere/at/all"], &["export", text(&bad), "ops"]]
    {
        assert_eq!(ran(&one, wrong).code(), Some(1), "{wrong:?}");
    }
    let mut child = Child::new(&["import", text(&stick), "--ephemeral"]);
    child.end_input();
    assert_eq!(child.ended().code(), Some(1));
}

#[test]
fn beside_a_chat_export_works_and_import_says_where_it_does() {
    let (one, two) = (Folder::new("beside"), Folder::new("beside-spoken"));
    spoken(&two);
    let stick = two.path("stick");
    assert_eq!(ran(&two, &["export", text(&stick)]).code(), Some(0));
    let mut chat = Child::new(&["--profile", &one.profile()]);
    chat.line("* bo is here");
    chat.say("hello");
    chat.line("<ana> hello");
    std::thread::sleep(Duration::from_millis(500));
    assert!(
        last(&ran(&one, &["export", text(&one.path("out"))]), 0).starts_with("exported 1 entry of 1 room")
    );
    let refused = ran(&one, &["import", text(&stick)]);
    assert_eq!(refused.code(), Some(4));
    let works = refused.errors.split_once("this works: ").unwrap().1.trim();
    assert_eq!(works, format!("/import {}", text(&stick)));
    chat.say(works);
    chat.line("* imported 75 entries (0 known already, 0 of rooms that you are not in, 0 refused)");
    let out = one.path("out of the chat");
    chat.say(&format!("/export {}  #lobby", text(&out)));
    chat.line(&format!("* exported 1 entry of 1 room to {}", text(&out)));
    chat.say(&format!("/export {}", text(&out)));
    chat.say("/import /no/such/file");
    chat.end_input();
    let errors = chat.ended().errors;
    assert!(errors.contains("is there already") && errors.contains("/no/such/file: "), "{errors}");
}

#[test]
fn programs_import_and_export_too() {
    let (one, two) = (Folder::new("carry-json"), Folder::new("carry-json-spoken"));
    spoken(&two);
    let (stick, out) = (two.path("stick"), one.path("out"));
    assert_eq!(ran(&two, &["export", text(&stick)]).code(), Some(0));
    let mut chat = Child::new(&["--json", "--profile", &one.profile()]);
    chat.object("hello");
    chat.say(r##"{"cmd":"send","room":"#lobby","text":"hello"}"##);
    chat.object("done");
    let ask = |chat: &mut Child, command: Value| {
        chat.say(&command.to_string());
        let line = chat.line(r#""id":7"#);
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let done = ask(&mut chat, json!({"cmd": "import", "id": 7, "path": stick}));
    assert_eq!(done["imported"], json!({"new": 75, "known": 0, "elsewhere": 0, "old": 0, "refused": 0}));
    let done = ask(&mut chat, json!({"cmd": "export", "id": 7, "path": out, "room": "#lobby"}));
    assert_eq!(done["exported"], json!(1));
    let refusals = [
        (json!({"cmd": "export", "id": 7, "path": out}), "file-refused"),
        (json!({"cmd": "export", "id": 7, "path": one.path("x"), "room": "#nowhere"}), "not-in-room"),
        (json!({"cmd": "import", "id": 7, "path": one.path("nothing")}), "file-refused"),
        (json!({"cmd": "import", "id": 7}), "bad-command"),
        (json!({"cmd": "export", "id": 7, "path": ""}), "bad-command"),
    ];
    for (command, code) in refusals {
        assert_eq!(ask(&mut chat, command.clone())["code"], json!(code), "{command}");
    }
    let whole = fs::read(&stick).unwrap();
    fs::write(one.path("cut"), &whole[..whole.len() - 9]).unwrap();
    let error = ask(&mut chat, json!({"cmd": "import", "id": 7, "path": one.path("cut")}));
    assert_eq!((&error["code"], &error["imported"]["new"]), (&json!("file-refused"), &json!(75)));
    chat.say(r#"{"cmd":"quit"}"#);
    assert_eq!(chat.ended().code(), Some(0));
}

#[test]
fn what_is_counted_is_shown() {
    let folder = Folder::new("stats");
    let mut chat = Child::new(&["--profile", &folder.profile()]);
    chat.say("/stats");
    chat.line("  node: datagrams 7");
    chat.line("  session: forged 2");
    chat.end_input();
    chat.ended();
    let mut chat = Child::new(&["--json", "--profile", &folder.profile()]);
    chat.say(r#"{"cmd":"stats","id":1}"#);
    let stats = chat.object("stats");
    assert_eq!((&stats["datagrams"], &stats["session"]["forged"]), (&json!(7), &json!(2)));
    assert_eq!(stats["room"]["strays"], json!(0));
    assert_eq!(chat.object("done")["id"], json!(1));
}

#[test]
fn what_was_said_before_is_asked_for_and_shown() {
    let folder = Folder::new("earlier");
    let mut chat = Child::new(&["--profile", &folder.profile()]);
    chat.line("* bo is here");
    chat.say("/earlier");
    chat.line("* what others have of earlier days in #lobby comes as it is found");
    chat.line("said before you came (came late)");
    chat.say("/earlier");
    chat.line("* there is nothing earlier in #lobby: all of it has been asked for");
    chat.say("/keep 30d");
    chat.line("* #lobby is kept for 30 days");
    chat.say("/earlier");
    chat.end_input();
    assert!(chat.ended().errors.contains("! #lobby is not kept for ever: /keep all #lobby changes that"));
    let mut chat = Child::new(&["--json", "--profile", &folder.profile()]);
    chat.say(r##"{"cmd":"earlier","id":1,"room":"#lobby"}"##);
    assert_eq!(chat.object("done")["id"], json!(1));
    let message = chat.object("message");
    assert_eq!((&message["text"], &message["late"]), (&json!("said before you came"), &json!(true)));
    // Whoever scrolls back does not ask for it: at the end of what is here more is fetched by itself.
    let mut history = json!({"cmd": "history", "id": 2, "room": "#lobby", "limit": 100});
    chat.say(&history.to_string());
    assert_eq!(chat.object("done")["id"], json!(2), "the end, but nobody has scrolled back to it");
    (history["before"], history["id"]) = (message["id"].clone(), json!(3));
    chat.say(&history.to_string());
    assert_eq!(chat.object("done")["id"], json!(3));
    let message = chat.object("message");
    assert_eq!((&message["text"], &message["late"]), (&json!("said before you came"), &json!(true)));
    chat.say(r##"{"cmd":"history","room":"#lobby","limit":100}"##);
    chat.say(r#"{"cmd":"quit"}"#);
    let stored = chat.ended().lines.into_iter().filter(|line| line.contains(r#""replay":true"#));
    assert_eq!(stored.count(), 4, "three were asked for, and one was found by scrolling back");
}

#[test]
fn how_long_a_room_is_kept_is_said_and_shown() {
    let folder = Folder::new("keep");
    let mut chat = Child::new(&["--profile", &folder.profile()]);
    chat.line("* bo is here");
    for (line, answer) in [
        ("/keep", "  #lobby is kept for ever"),
        ("/keep 30d", "* #lobby is kept for 30 days; what is older is erased here"),
        ("/keep", "  #lobby is kept for 30 days; what is older is erased here"),
        ("/keep 1 bo", "tell each other is kept for a day; what is older is erased here"),
        ("/keep #ops", "  #ops is kept for ever"),
    ] {
        chat.say(line);
        chat.line(answer);
    }
    for wrong in ["/keep 0d", "/keep forever", "/keep 3d ops no"] {
        chat.say(wrong);
    }
    chat.end_input();
    assert_eq!(chat.ended().errors.lines().filter(|line| line.starts_with("! ")).count(), 3);
    // It is remembered, and programs see and change it.
    let mut chat = Child::new(&["--json", "--profile", &folder.profile()]);
    assert_eq!(chat.object("keep"), json!({"type": "keep", "room": "#lobby", "days": 30}));
    chat.object("keep");
    chat.say(r#"{"cmd":"rooms"}"#);
    assert_eq!(chat.object("done")["keeps"]["#lobby"], json!(30));
    chat.say(r##"{"cmd":"keep","id":1,"room":"#lobby","days":null}"##);
    assert_eq!(chat.object("keep"), json!({"type": "keep", "room": "#lobby", "days": null}));
    assert_eq!(chat.object("done")["id"], json!(1));
    for bad in [
        r##"{"cmd":"keep","room":"#lobby"}"##,
        r##"{"cmd":"keep","room":"#lobby","days":0}"##,
        r#"{"cmd":"keep","days":3}"#,
    ] {
        chat.say(bad);
        assert_eq!(chat.object("error")["code"], json!("bad-command"), "{bad}");
    }
}

#[test]
#[cfg(unix)]
fn an_export_that_is_cut_off_does_not_say_that_it_went_well() {
    use std::io::BufRead as _;
    let folder = Folder::new("cut");
    let mut alone = Alone::new(&folder);
    // More than a pipe holds, and nobody reads it.
    (0..40).for_each(|_| alone.say("#lobby", &"x".repeat(4000)));
    alone.end();
    let (child, mut stdout) = Child::silent(&["export", "-", "--profile", &folder.profile()]);
    assert!(!stdout.fill_buf().unwrap().is_empty());
    child.signal(signal_hook::consts::SIGTERM);
    assert_eq!(child.ended().code(), Some(1));
}
