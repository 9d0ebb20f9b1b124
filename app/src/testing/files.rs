//! Files, as people and programs offer, accept and stop them.

use std::{fs, thread, time::Duration};

use serde_json::{Value, json};

use super::{Folder, child::Child, fake::files_content};

#[test]
fn a_person_accepts_a_file_and_a_second_one_of_its_name_replaces_nothing() {
    let folder = Folder::new("accept");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("/accept");
    child.say("fake: offers ../holiday.jpg");
    child.line("#lobby * bo offers _holiday.jpg, 100 kB; /accept fetches it");
    child.say("/files");
    child.line("  _holiday.jpg  100 kB  from bo  /accept fetches it");
    child.say("/accept bo");
    child.line("* fetching _holiday.jpg, 100 kB, from bo");
    child.line("* _holiday.jpg comes from bo");
    child.line("* _holiday.jpg is here: ");
    child.say("fake: offers ../holiday.jpg");
    child.line("; /accept fetches it");
    child.say("/accept");
    child.line("_holiday (2).jpg");
    child.say("/files");
    child.line("  no file is offered or on its way");
    child.end_input();
    let ended = child.ended();
    assert!(
        ended.errors.contains("! nobody has offered a file that you have not accepted"),
        "{}",
        ended.errors
    );
    for name in ["_holiday.jpg", "_holiday (2).jpg"] {
        assert_eq!(fs::read(folder.path("profile/files").join(name)).unwrap(), files_content(), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path("profile/files")).unwrap().count(), 2);
    let mut again = Child::new(&["--profile", &folder.profile()]);
    again.line("#lobby * bo offers _holiday.jpg, 100 kB");
    again.say("/files");
    again.line("  no file is offered or on its way");
}

#[test]
fn a_person_says_which_file_and_hears_which_one_comes() {
    let folder = Folder::new("which");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    for name in ["a.jpg", "b.jpg", "two.jpg", "bo", "d.jpg"] {
        child.say(&format!("fake: offers {name}"));
        child.line(&format!("bo offers {name}"));
    }
    for (typed, name) in [
        ("/accept a.jpg", "a.jpg"),
        ("/accept bo b.jpg", "b.jpg"),
        ("/accept \"two.jpg\"", "two.jpg"),
        ("/accept bo", "d.jpg"),
        ("/accept", "bo"),
    ] {
        child.say(typed);
        child.line(&format!("* fetching {name}, 100 kB, from bo"));
        child.line(&format!("* {name} is here: "));
    }
    child.say("/accept c.jpg");
    child.say("/accept bo");
    child.end_input();
    let errors = child.ended().errors;
    for why in [
        "! no file c.jpg is offered, nor by somebody called so; /files lists what is",
        "! bo offers no file that you have not accepted",
    ] {
        assert!(errors.contains(why), "{errors}");
    }
}

#[test]
fn what_was_stopped_can_be_accepted_again_at_once() {
    let folder = Folder::new("stopped");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    for order in ["fake: holds", "fake: offers old.iso", "fake: offers new.txt"] {
        child.say(order);
    }
    child.line("bo offers new.txt");
    child.say("/accept");
    child.line("* new.txt comes from bo");
    child.say("/stop");
    child.line("* new.txt: stopped; /accept new.txt fetches it from the beginning");
    // Nothing more of it is written.
    child.line("* new.txt does not come any more");
    child.say("/files");
    child.line("  old.iso  100 kB  from bo  /accept fetches it");
    child.line("  new.txt  100 kB  from bo  /accept fetches it");
    child.say("fake: goes on");
    child.say("/accept");
    child.line("* fetching new.txt, 100 kB, from bo");
    child.line("* new.txt is here: ");
}

#[test]
fn what_has_come_stays_until_its_offer_is_taken_back() {
    let folder = Folder::new("withdrawn");
    let parts = || {
        let files = fs::read_dir(folder.path("profile/files")).into_iter().flatten();
        files.count()
    };
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("fake: holds");
    for name in ["b.txt", "a.txt"] {
        child.say(&format!("fake: offers {name}"));
        child.line(&format!("bo offers {name}"));
        child.say("/accept");
        child.line(&format!("* {name} comes from bo"));
        until(|| parts() == 1);
        // So says one run of theirs. Another may have it.
        child.say("fake: withdraws");
        child.line(&format!(
            "* {name} is not offered where bo is now; what has come of it stays, and /stop {name} gives it up"
        ));
        child.say("/files");
        child.line(&format!("  {name}  100 kB  from bo  is not offered now"));
        if name == "b.txt" {
            child.say("fake: deletes");
            child.line("#lobby * bo takes back a file offered at ");
            child.line("does not come any more");
            child.say("/files");
            child.line("  no file is offered or on its way");
            until(|| parts() == 0);
        }
    }
    child.end_input();
    child.ended();
    assert_eq!(parts(), 1);
    let again = Child::new(&["--profile", &folder.profile()]);
    again.line("* a.txt is here: ");
}

#[test]
fn a_person_sees_what_they_offer_also_after_a_restart_and_withdraws_it() {
    let folder = Folder::new("own-offers");
    fs::write(folder.path("notes.txt"), b"some notes").unwrap();
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say(&format!("/file {}", folder.path("notes.txt").display()));
    child.line("ana offers notes.txt, 10 bytes");
    child.say("/files");
    let listed = "  notes.txt  10 bytes  to #lobby  you offer it; /stop notes.txt withdraws it";
    child.line(listed);
    // Nobody can have it before it is written down that it is offered.
    child.say("fake: fetches");
    child.line("* bo has notes.txt");
    child.end_input();
    child.ended();
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.say("/files");
    child.line(listed);
    child.say("/edit other.txt");
    child.say("/stop notes.txt");
    child.line("* notes.txt: stopped; you do not offer it any more");
    child.line("#lobby * ana takes back \"notes.txt\", said at ");
    child.say("/files");
    child.line("  no file is offered or on its way");
    until(|| !fs::read_to_string(folder.path("profile/transfers.json")).unwrap().contains("notes.txt"));
    child.end_input();
    child.ended();
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.say("/files");
    child.line("  no file is offered or on its way");
}

#[test]
fn what_is_not_what_was_offered_is_not_kept() {
    let folder = Folder::new("lies");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("fake: lies a.txt");
    child.line("* bo offers a.txt");
    child.say("/accept");
    child.line("a.txt comes from bo");
    child.say("/who");
    child.line("(you)");
    thread::sleep(Duration::from_millis(300));
    child.end_input();
    let ended = child.ended();
    assert!(ended.errors.contains("! a.txt: what has come is not what was offered"), "{}", ended.errors);
    assert_eq!(fs::read_dir(folder.path("profile/files")).unwrap().count(), 0);
}

#[test]
fn a_verified_person_need_not_be_asked_about() {
    let folder = Folder::new("unasked");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("/verify bo");
    child.line("your digits with bo");
    child.say("/verify bo 047199203318");
    child.line("bo is verified");
    child.say("fake: offers a.txt");
    child.line("bo\u{2713} offers a.txt, 100 kB; it comes by itself, from somebody you verified");
    child.line("* a.txt is here: ");
    child.end_input();
    child.ended();
}

#[test]
fn a_person_offers_a_file_and_hears_who_has_it_and_takes_it_back() {
    let folder = Folder::new("offer");
    fs::write(folder.path("notes one.txt"), b"some notes").unwrap();
    let path = folder.path("notes one.txt");
    let path = path.to_str().unwrap();
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say(&format!("/file {path}"));
    child.line("#lobby * ana offers notes one.txt, 10 bytes");
    child.say("fake: fetches");
    child.line("* bo fetches notes one.txt");
    child.line("* bo has notes one.txt");
    child.say(&format!("/file bo \"{path}\""));
    child.line("* ana offers notes one.txt");
    child.say("/stop notes one.txt");
    child.line("* notes one.txt: stopped");
    child.say("/file /nowhere/at all");
    child.say("/file zoe /nowhere");
    child.say(&format!("/file zoe {path}"));
    child.say("/file /dev/null");
    child.say("/stop");
    child.say("/who");
    child.line("(you)");
    thread::sleep(Duration::from_millis(200));
    child.end_input();
    let ended = child.ended();
    for complaint in [
        "! there is no file /nowhere/at all",
        "! there is no file /nowhere",
        "! nobody called zoe has been seen",
        "! /dev/null is not offered: /dev/null: neither a file nor a folder",
        "! no such file is on its way, and you offer none of this name",
    ] {
        assert!(ended.errors.contains(complaint), "{complaint} in {}", ended.errors);
    }
}

/// Waits until that is so: what the disk has to do with takes its time.
fn until(is_so: impl Fn() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it never is");
}

/// Lines until one of this type and state.
fn state(child: &Child, state: &str) -> Value {
    let line = child.line(&format!(r#""state":"{state}""#));
    serde_json::from_str(&line).unwrap()
}

#[test]
fn a_program_accepts_offers_and_stops() {
    let folder = Folder::new("json-files");
    let path = folder.path("a.bin");
    fs::write(&path, files_content()).unwrap();
    let mut child = Child::new(&["--json", "--profile", &folder.profile()]);
    child.line(r#""type":"hello""#);
    let send = |child: &mut Child, line: Value| child.say(&line.to_string());
    send(&mut child, json!({"cmd": "send", "room": "#lobby", "text": "fake: offers b.bin"}));
    let message: Value = serde_json::from_str(&child.line(r#""file":{"#)).unwrap();
    assert_eq!(message["file"]["name"], "b.bin");
    assert_eq!((&message["file"]["size"], &message["file"]["folder"]), (&json!(100_000), &json!(false)));
    send(&mut child, json!({"id": 1, "cmd": "accept", "file": message["id"]}));
    child.line(r#"{"type":"done","id":1}"#);
    let received = state(&child, "received");
    assert_eq!((&received["id"], &received["size"]), (&message["id"], &json!(100_000)));
    assert_eq!(fs::read(received["path"].as_str().unwrap()).unwrap(), files_content());

    send(&mut child, json!({"id": 2, "cmd": "file", "room": "#lobby", "path": path}));
    let done: Value = serde_json::from_str(&child.line(r#""id":2"#)).unwrap();
    let own = done["message"].clone();
    send(&mut child, json!({"cmd": "send", "room": "#lobby", "text": "fake: fetches"}));
    let sent = state(&child, "sent");
    assert_eq!((&sent["id"], &sent["bytes"], &sent["name"]), (&own, &json!(100_000), &json!("a.bin")));
    send(&mut child, json!({"id": 3, "cmd": "delete", "target": own}));
    child.line(r#""type":"done","id":3"#);
    for (number, (line, code)) in [
        (json!({"cmd": "accept"}), "bad-command"),
        (json!({"cmd": "accept", "file": "x"}), "bad-command"),
        (json!({"cmd": "accept", "file": format!("{}.0", "0".repeat(64))}), "unknown-id"),
        (json!({"cmd": "accept", "file": own}), "unknown-id"),
        (json!({"cmd": "file", "room": "#lobby", "path": "/nowhere"}), "file-refused"),
        (json!({"cmd": "file", "room": "#lobby"}), "bad-command"),
        (json!({"cmd": "file", "path": "/nowhere"}), "bad-command"),
        (json!({"cmd": "stop"}), "bad-command"),
        (json!({"cmd": "stop", "file": format!("{}.0", "0".repeat(64))}), "unknown-id"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut line = line;
        line["id"] = json!(100 + number);
        child.say(&line.to_string());
        let answer: Value = serde_json::from_str(&child.line(&format!(r#""id":{}"#, 100 + number))).unwrap();
        assert_eq!(answer["code"], code, "{answer}");
    }
    child.end_input();
    child.ended();
}

#[test]
fn a_program_takes_back_what_an_earlier_run_has_offered() {
    let folder = Folder::new("json-withdrawn");
    let path = folder.path("a.bin");
    fs::write(&path, files_content()).unwrap();
    let is_offered =
        || fs::read_to_string(folder.path("profile/transfers.json")).is_ok_and(|kept| kept.contains("a.bin"));
    let mut child = Child::new(&["--json", "--profile", &folder.profile()]);
    child.say(&json!({"id": 1, "cmd": "file", "room": "#lobby", "path": path}).to_string());
    let done: Value = serde_json::from_str(&child.line(r#""id":1"#)).unwrap();
    until(is_offered);
    child.end_input();
    child.ended();
    let mut child = Child::new(&["--json", "--profile", &folder.profile()]);
    child.say(&json!({"id": 2, "cmd": "delete", "target": done["message"]}).to_string());
    child.line(r#""type":"done","id":2"#);
    until(|| !is_offered());
}
