//! The program as bots see it.

use serde_json::{Value, json};

use super::{
    Folder,
    child::{Child, Ended},
    fake::BO,
};

fn bot(profile: &str) -> (Child, Value) {
    let child = Child::new(&["--json", "--profile", profile]);
    let hello = child.object("hello");
    (child, hello)
}

fn send(child: &mut Child, id: u64, text: &str) -> Value {
    child.say(&json!({"cmd": "send", "id": id, "room": "#lobby", "text": text}).to_string());
    child.object("done")
}

fn quit(mut child: Child) -> Ended {
    child.say(r#"{"cmd":"quit"}"#);
    let ended = child.ended();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    ended
}

/// Waits until the answer of the store is yes.
fn is_stored(folder: &Folder, question: &str) -> bool {
    (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let db = rusqlite::Connection::open(folder.path("profile/history.db")).unwrap();
        db.query_row(question, [], |row| row.get::<_, bool>(0)).unwrap_or(false)
    })
}

#[test]
fn hello_comes_first_and_commands_are_answered() {
    let folder = Folder::new("json");
    let child = Child::new(&["--json", "--profile", &folder.profile()]);
    let first: Value = serde_json::from_str(&child.line("")).unwrap();
    assert_eq!((&first["type"], &first["v"], &first["nick"]), (&json!("hello"), &json!(1), &json!("ana")));
    assert_eq!((&first["port"], &first["profile"]), (&json!(27182), &json!(folder.profile())));
    assert_eq!(first["key"].as_str().map(str::len), Some(64));
    let mut child = child;
    let net = child.object("net");
    assert_eq!((&net["multicast"], &net["interfaces"]), (&json!("alone"), &json!(["fake0 10.0.0.1/24"])));
    let peer = child.object("peer");
    assert_eq!(
        peer,
        json!({"type": "peer", "state": "online", "nick": "bo", "key": BO.to_string(), "boot": "00000000000000b0",
               "address": "10.0.0.2:27182", "via": "mdns", "direct": true})
    );
    child.say(r#"{"cmd":"connect","id":6,"address":"10.9.9.9"}"#);
    assert_eq!(child.object("done"), json!({"type": "done", "id": 6}));
    let unreachable = child.object("error");
    assert_eq!((&unreachable["code"], unreachable.get("id")), (&json!("unreachable"), None));
    assert!(unreachable["message"].as_str().unwrap().starts_with("10.9.9.9:27182: "), "{unreachable}");
    let done = send(&mut child, 7, "hi");
    assert_eq!(done["id"], json!(7));
    let entry = done["entry"].as_str().unwrap();
    assert_eq!(done["message"], json!(format!("{entry}.0")));
    assert_eq!(child.object("receipt"), json!({"type": "receipt", "id": entry, "stored_by": 1, "of": 1}));
    for (line, answer) in [
        ("no json", json!("bad-command")),
        (r#"{"cmd":"dance","id":"a"}"#, json!("unknown-command")),
        (r##"{"cmd":"send","room":"#nowhere","text":"x"}"##, json!("not-in-room")),
        (&format!(r#"{{"cmd":"send","to":"{}","text":"x"}}"#, "00".repeat(32)), json!("unknown-peer")),
        (
            r##"{"cmd":"history","room":"#lobby","before":"0000000000000000000000000000000000000000000000000000000000000000.0"}"##,
            json!("unknown-id"),
        ),
    ] {
        child.say(line);
        assert_eq!(child.object("error")["code"], answer, "{line}");
    }
    child.say("\n  ");
    child.say(r#"{"cmd":"peers","id":"p"}"#);
    let peers = child.object("done");
    assert_eq!((&peers["id"], &peers["peers"][0]["nick"]), (&json!("p"), &json!("bo")));
    child.say(r##"{"cmd":"join","room":"#Ops"}"##);
    child.object("done");
    child.say(r#"{"cmd":"rooms"}"#);
    assert_eq!(child.object("done")["rooms"], json!(["#lobby", "#ops"]));
    let ended = quit(child);
    assert_eq!(ended.lines.last().map(String::as_str), Some(r#"{"type":"done"}"#));
}

#[test]
fn whatever_comes_in_is_answered_and_the_program_goes_on() {
    let mut child = Child::new(&["--json", "--ephemeral"]);
    child.object("hello");
    for (line, code) in [
        (b"\0\0".to_vec(), "bad-command"),
        (b"\xff\xfe".to_vec(), "bad-command"),
        (b"{\"cmd\":\"send\",\"room\":\"#lobby\",\"text\":\"a\0b\"}".to_vec(), "bad-command"),
        (b"x".repeat(1 << 20), "bad-command"),
        (b"[".repeat(60_000), "bad-command"),
        (br#"{"a":"#.repeat(10_000), "bad-command"),
        (b"\xef\xbb\xbf{\"cmd\":\"rooms\"}".to_vec(), "bad-command"),
        (br#"{"cmd":"rooms",}"#.to_vec(), "bad-command"),
        (br#"{"cmd":"Rooms"}"#.to_vec(), "unknown-command"),
    ] {
        child.write(&line);
        child.say("");
        let told = String::from_utf8_lossy(&line[..line.len().min(40)]).into_owned();
        assert_eq!(child.object("error")["code"], json!(code), "{told}");
    }
    assert_eq!(quit(child).lines.last().map(String::as_str), Some(r#"{"type":"done"}"#));
}

#[test]
#[cfg(unix)]
fn a_sleeping_reader_does_not_hold_up_the_end() {
    for way in ["the end of input", "a signal", "quit"] {
        let folder = Folder::new("json-asleep");
        let (mut child, stdout) = Child::silent(&["--json", "--profile", &folder.profile()]);
        // Far more than a pipe holds.
        let order = format!("fake: hear 500 {}", "x".repeat(2500));
        child.say(&json!({"cmd": "send", "room": "#lobby", "text": order}).to_string());
        child.say(r##"{"cmd":"send","room":"#lobby","text":"last words"}"##);
        // The end is measured, not the disk of a busy machine.
        assert!(is_stored(&folder, "SELECT count(*) = 502 FROM messages"));
        match way {
            "quit" => child.say(r#"{"cmd":"quit"}"#),
            "a signal" => child.signal(signal_hook::consts::SIGTERM),
            _ => child.end_input(),
        }
        let ended = child.ended();
        assert_eq!(ended.code(), Some(0), "{way}");
        assert!(ended.took.as_secs_f64() < 2.0, "{way}: {:?}", ended.took);
        drop(stdout);
        let (mut child, _) = bot(&folder.profile());
        child.say(r##"{"cmd":"history","room":"#lobby","limit":1}"##);
        assert_eq!(child.object("message")["text"], json!("last words"), "{way}");
        quit(child);
    }
}

#[test]
fn a_message_is_told_once_and_when_it_is_stored() {
    let folder = Folder::new("json-once");
    let (mut child, hello) = bot(&folder.profile());
    assert_eq!(hello["cursor"], json!(0));
    child.say(r##"{"cmd":"send","room":"#lobby","text":"fake: hear 2 knock\u001b[2J"}"##);
    let (first, second) = (child.object("message"), child.object("message"));
    assert_eq!(
        (&first["text"], &first["own"], &first["room"]),
        (&json!("knock[2J"), &json!(false), &json!("#lobby"))
    );
    assert_eq!(first["from"], json!({"nick": "bo", "key": BO.to_string(), "verified": false}));
    assert!(first["cursor"].as_u64() < second["cursor"].as_u64());
    assert_eq!(first.get("replay"), None);
    send(&mut child, 1, "fake: again");
    child.say(&json!({"cmd": "send", "to": BO.to_string(), "text": "fake: direct psst"}).to_string());
    let direct = child.object("message");
    assert_eq!((&direct["room"], &direct["text"]), (&json!(format!("@{BO}")), &json!("psst")));
    let ended = quit(child);
    assert!(!ended.lines.iter().any(|line| line.contains("knock")), "twice: {:?}", ended.lines);

    let cursor = first["cursor"].to_string();
    let child = Child::new(&["--json", "--profile", &folder.profile(), "--since", &cursor]);
    assert_eq!(child.object("hello")["cursor"], direct["cursor"]);
    assert_eq!(child.object("message"), second);
    assert_eq!(child.object("message"), direct);
    let ended = quit(child);
    assert!(!ended.lines.iter().any(|line| line.contains(r#""type":"message""#)), "{:?}", ended.lines);
}

#[test]
fn history_is_there_after_a_kill_for_all_that_was_acknowledged() {
    let folder = Folder::new("json-kill");
    let (mut child, _) = bot(&folder.profile());
    for number in 0..300 {
        let text = format!("number {number}");
        child.say(&json!({"cmd": "send", "id": number, "room": "#lobby", "text": text}).to_string());
    }
    let mut acknowledged: Vec<Value> = (0..100).map(|_| child.object("done")["message"].clone()).collect();
    child.kill();
    let rest = child.ended().lines;
    let done = rest.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    acknowledged.extend(done.filter(|line| line["type"] == "done").map(|line| line["message"].clone()));

    let (mut child, _) = bot(&folder.profile());
    child.say(r##"{"cmd":"history","room":"#lobby","limit":10000,"id":1}"##);
    let kept: Vec<Value> = (0..acknowledged.len()).map(|_| child.object("message")).collect();
    let ids: Vec<&Value> = kept.iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, acknowledged.iter().collect::<Vec<_>>(), "in the order in which they were said");
    assert!(kept.iter().all(|message| message["replay"] == json!(true) && message["own"] == json!(true)));
    // A page, from the middle.
    let before = kept[50]["id"].as_str().unwrap();
    child.say(
        &json!({"cmd": "history", "room": "#lobby", "limit": 3, "before": before, "id": "page"}).to_string(),
    );
    let texts: Vec<Value> = loop {
        // Behind whatever was stored and not acknowledged.
        let message = child.object("message");
        if message["text"] == json!("number 47") {
            break [message, child.object("message"), child.object("message")]
                .map(|it| it["text"].clone())
                .into();
        }
    };
    assert_eq!(texts, ["number 47", "number 48", "number 49"]);
    assert_eq!(child.object("done")["id"], json!("page"));
    quit(child);
}

#[test]
fn a_sleeping_reader_is_told_what_it_missed() {
    const MESSAGES: usize = 9000;
    let folder = Folder::new("json-lag");
    let (mut child, stdout) = Child::silent(&["--json", "--profile", &folder.profile()]);
    let order = format!("fake: hear {MESSAGES} {}", "x".repeat(2500));
    child.say(&json!({"cmd": "send", "room": "#lobby", "text": order, "id": 1}).to_string());
    // Nothing is read until all of it is stored, and a later command is carried out too.
    let all = format!("SELECT count(*) > {MESSAGES} FROM messages");
    assert!(is_stored(&folder, &all), "the reader holds up the store");
    // The first one comes back when the store has told of everything, the second when all that was told is shown.
    for nick in ["zoe", "mia"] {
        child.say(&json!({"cmd": "nick", "nick": nick}).to_string());
        let renamed = format!("SELECT value = '{nick}' FROM settings");
        assert!(is_stored(&folder, &renamed), "the reader holds up the input");
    }
    child.listen(stdout);
    let mut last = Value::Null;
    let mut heard = 0;
    let lagged = loop {
        let line: Value = serde_json::from_str(&child.line("")).unwrap();
        match line["type"].as_str().unwrap() {
            "message" => {
                heard += 1;
                last = line["cursor"].clone();
            }
            "error" => break line,
            _ => {}
        }
    };
    assert_eq!((&lagged["code"], &lagged["cursor"]), (&json!("lagged"), &last));
    assert!((5000..MESSAGES).contains(&heard), "{heard}");
    // It goes on from here.
    child.say(r##"{"cmd":"send","room":"#lobby","text":"fake: hear 1 awake"}"##);
    child.line("awake");
    child.say(r#"{"cmd":"quit"}"#);
    assert_eq!(child.ended().code(), Some(0));

    let child = Child::new(&["--json", "--profile", &folder.profile(), "--since", &last.to_string()]);
    child.object("hello");
    for _ in heard..MESSAGES {
        assert_eq!(child.object("message")["from"]["nick"], json!("bo"));
    }
    assert_eq!(child.object("message")["text"], json!("awake"));
}

#[test]
fn what_is_read_before_the_end_is_carried_out() {
    let folder = Folder::new("json-end");
    let (mut child, _) = bot(&folder.profile());
    for id in 0..50 {
        child.say(&json!({"cmd": "send", "id": id, "room": "#lobby", "text": "x"}).to_string());
    }
    child.end_input();
    let ended = child.ended();
    assert_eq!(ended.code(), Some(0));
    assert!(ended.took.as_secs_f64() < 2.0, "{:?}", ended.took);
    let done = ended.lines.iter().filter(|line| line.contains(r#""type":"done""#)).count();
    assert_eq!(done, 50);
}

/// Has the other side do something; the line of `kind` that comes of it, before or behind the answer.
fn order(child: &mut Child, order: &str, kind: &str) -> Value {
    let command = json!({"cmd": "send", "id": 3, "room": "#lobby", "text": format!("fake: {order}")});
    child.say(&command.to_string());
    let (mut is_done, mut told) = (false, None);
    loop {
        if let (true, Some(told)) = (is_done, &told) {
            return Value::clone(told);
        }
        let line: Value = serde_json::from_str(&child.line("")).unwrap();
        is_done |= line["type"] == "done";
        told = told.or((line["type"] == kind).then_some(line));
    }
}

#[test]
fn what_was_said_is_changed_and_only_by_who_said_it() {
    let folder = Folder::new("json-changes");
    let (mut child, _) = bot(&folder.profile());
    let said = send(&mut child, 1, "frist")["message"].clone();
    let ask = |child: &mut Child, mut command: Value| {
        command["id"] = json!(2);
        child.say(&command.to_string());
    };
    let done = |child: &mut Child, command: Value| {
        ask(child, command);
        assert!(child.object("done")["message"].is_string());
    };
    done(&mut child, json!({"cmd": "edit", "target": said, "text": "first"}));
    done(&mut child, json!({"cmd": "react", "target": said, "emoji": "+1"}));
    done(&mut child, json!({"cmd": "topic", "room": "#lobby", "text": "tea"}));
    child.say(&json!({"cmd": "history", "room": "#lobby"}).to_string());
    let message = child.object("message");
    assert_eq!((&message["text"], &message["edited"]), (&json!("first"), &json!(true)));
    assert_eq!(message["reactions"]["+1"].as_array().map(Vec::len), Some(1));
    child.object("done");
    child.say(r#"{"cmd":"rooms"}"#);
    assert_eq!(child.object("done")["topics"], json!({"#lobby": "tea"}));

    // Of others, changes are told when they are stored.
    let theirs = order(&mut child, "hear 1 nonsense", "message");
    let edit = order(&mut child, "edits sense", "edit");
    assert_eq!((&edit["target"], &edit["text"]), (&theirs["id"], &json!("sense")));
    assert!(edit["cursor"].as_u64() > theirs["cursor"].as_u64());
    let topic = order(&mut child, "about cake", "room");
    assert_eq!((&topic["event"], &topic["topic"]), (&json!("topic"), &json!("cake")));
    assert_eq!(order(&mut child, "deletes", "delete")["target"], theirs["id"]);

    // What is not ours, not there, or gone.
    let refused = |child: &mut Child, command: Value| {
        child.say(&command.to_string());
        child.object("error")["code"].clone()
    };
    let theirs = order(&mut child, "hear 1 more", "message")["id"].clone();
    assert_eq!(refused(&mut child, json!({"cmd": "edit", "target": theirs, "text": "x"})), "bad-command");
    assert_eq!(refused(&mut child, json!({"cmd": "delete", "target": theirs})), "bad-command");
    let nowhere = format!("{}.0", "ab".repeat(32));
    assert_eq!(refused(&mut child, json!({"cmd": "delete", "target": nowhere})), "unknown-id");
    done(&mut child, json!({"cmd": "delete", "target": said}));
    assert_eq!(refused(&mut child, json!({"cmd": "react", "target": said, "emoji": "+1"})), "unknown-id");
    let cursor = edit["cursor"].as_u64().unwrap() - 1;
    quit(child);

    // A bot that comes back misses no change; what was taken back is not told again.
    let child = Child::new(&["--json", "--profile", &folder.profile(), "--since", &cursor.to_string()]);
    assert_eq!(child.object("room")["topic"], "cake");
    assert!(child.object("delete")["target"].is_string());
    quit(child);
}

#[test]
fn what_comes_behind_the_wish_to_end_is_refused() {
    let mut child = Child::new(&["--json", "--ephemeral"]);
    child.object("hello");
    child.write(b"{\"cmd\":\"quit\",\"id\":1}\n{\"cmd\":\"rooms\",\"id\":2}\nno json\n");
    assert_eq!(child.object("done")["id"], json!(1));
    let error = child.object("error");
    assert_eq!((&error["id"], &error["code"]), (&json!(2), &json!("busy")));
    assert_eq!(child.object("error")["code"], json!("bad-command"));
    assert_eq!(child.ended().code(), Some(0));
}

#[test]
fn who_was_met_before_is_known_by_nick() {
    let folder = Folder::new("json-absent");
    let (child, _) = bot(&folder.profile());
    child.object("peer");
    quit(child);
    let mut child = Child::new(&["--json", "--profile", &folder.profile(), "--discovery", "manual"]);
    child.say(r#"{"cmd":"search","id":1,"text":"x in:@bo"}"#);
    child.line(r#"{"type":"done","id":1}"#);
    quit(child);
}
