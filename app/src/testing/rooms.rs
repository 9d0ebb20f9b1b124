//! Private rooms, as people and programs make and enter them.

use serde_json::{Value, json};

use super::{Folder, child::Child};

#[test]
fn a_person_makes_a_private_room_and_another_enters_it_by_what_is_shown() {
    let (one, two) = (Folder::new("private-one"), Folder::new("private-two"));
    let mut ana = Child::new(&["--profile", &one.profile()]);
    ana.say("/private #ops");
    ana.line("you have made the private room #ops. Keep these seven words, they are shown this once only.");
    let way_in = ana.line("/join #ops ").trim().to_string();
    assert_eq!(way_in.split(' ').count(), 2 + 7);
    ana.say("/rooms");
    ana.line("  #ops (private) (you write here)");
    ana.say("/invite");
    let key = ana.line("/join #ops key:").trim().to_string();
    ana.say("/invite #lobby");
    ana.line("  /join #lobby");
    ana.say("/private #ops");
    ana.say("/invite #elsewhere");
    ana.end_input();
    let errors = ana.ended().errors;
    assert!(
        errors.contains("you are in #ops; /leave it first") && errors.contains("you are not in #elsewhere"),
        "{errors}"
    );

    let mut bo = Child::new(&["--profile", &two.profile()]);
    bo.say(&way_in.replace("/join #ops ", "/join #ops  ").to_uppercase().replace("/JOIN", "/join"));
    bo.line("you are in #ops, a private room; /invite shows how others come in");
    bo.say("/invite");
    assert_eq!(bo.line("/join #ops key:").trim(), key, "the same room");
    bo.say("/leave");
    bo.line("you left #ops");
    bo.end_input();
    bo.ended();
    let mut bo = Child::new(&["--profile", &two.profile(), "#ops"]);
    bo.say("/rooms");
    bo.line("#ops");
    bo.end_input();
    bo.ended();
}

#[test]
fn a_weak_or_wrong_phrase_enters_nothing_and_says_why() {
    let folder = Folder::new("private-wrong");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    for line in [
        "/join #ops my old dog",
        "/join #ops abacus abacus abacus abacus abacus abacus abacus",
        "/join #ops abacus abacus abacus abacus abacus abacus xyzzy",
        "/join #ops key:12",
        "/join #ops --weak short",
        "/rooms",
    ] {
        child.say(line);
    }
    child.line("#lobby (you write here)");
    child.say("/join #ops --weak my old dog");
    child.line("you are in #ops, a private room");
    child.say("/invite");
    let key = child.line("/join #ops key:");
    child.say("/leave");
    child.line("you left #ops");
    child.say("/join #ops my old dog --weak");
    child.line("you are in #ops, a private room");
    child.say("/invite");
    assert_eq!(child.line("/join #ops key:"), key, "the same room");
    child.say("/join #open");
    child.line("you are in #open; anybody on this network can read along");
    child.say("/join #open --weak my old dog");
    child.say("who reads this");
    child.line("#open <ana> who reads this");
    child.end_input();
    let errors = child.ended().errors;
    for why in [
        "this has 3; a phrase of your own goes like this: /join #ops --weak YOUR OWN WORDS",
        "the last one does not fit the others",
        "xyzzy is not a word of the list; a phrase of your own goes like this: /join #ops --weak YOUR OWN WORDS",
        "a key is `key:` and 64 hex digits",
        "at least 8 characters",
        "you are in another room called #open; leave it first",
    ] {
        assert!(errors.contains(why), "{why}: {errors}");
    }
}

#[test]
fn a_key_in_a_file_is_for_scripts_and_never_lets_them_speak_elsewhere() {
    let folder = Folder::new("private-file");
    let file = folder.path("ops.key").to_string_lossy().into_owned();
    std::fs::write(folder.path("ops.key"), "07".repeat(32)).unwrap();
    let ended = |arguments: &[&str]| {
        let profile = folder.profile();
        let all: Vec<&str> = [&["--profile", &profile], arguments].concat();
        let mut child = Child::new(&all);
        child.end_input();
        child.ended()
    };
    assert_eq!(ended(&["send", "#ops", "hi", "--room-key", &file]).code(), Some(0));
    assert_eq!(ended(&["#ops", "--room-key", &file]).code(), Some(0));
    for wrong in [
        &["--room-key", &file][..],
        &["send", "bo", "hi", "--room-key", &file],
        &["send", "#ops", "hi", "--room-key", "/nowhere"],
        // The lobby is open, and it is where this profile is.
        &["send", "#lobby", "secret", "--room-key", &file],
        &["#lobby", "--room-key", &file],
    ] {
        let ended = ended(wrong);
        assert_eq!(ended.code(), Some(1), "{wrong:?}: {}", ended.errors);
        assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
    }
}

#[test]
fn programs_make_and_enter_private_rooms() {
    let folder = Folder::new("private-json");
    let mut child = Child::new(&["--json", "--profile", &folder.profile()]);
    let mut ask = |command: Value, kind: &str| {
        child.say(&command.to_string());
        child.object(kind)
    };
    let made = ask(json!({"cmd": "create", "id": 1, "room": "#ops"}), "done");
    let phrase = made["phrase"].as_str().unwrap().to_string();
    let key = ask(json!({"cmd": "invite", "id": 2, "room": "#ops"}), "done")["key"].clone();
    assert!(key.as_str().unwrap().starts_with("key:"));
    let rooms = ask(json!({"cmd": "rooms", "id": 3}), "done");
    assert_eq!((&rooms["rooms"], &rooms["private"]), (&json!(["#lobby", "#ops"]), &json!(["#ops"])));
    ask(json!({"cmd": "leave", "room": "#ops"}), "done");
    assert_eq!(ask(json!({"cmd": "invite", "room": "#ops"}), "error")["code"], json!("not-in-room"));
    ask(json!({"cmd": "join", "room": "#ops", "phrase": phrase}), "done");
    ask(json!({"cmd": "join", "room": "#ops", "key": key}), "done");
    ask(json!({"cmd": "join", "room": "#dogs", "phrase": "my old dog", "weak": true}), "done");
    assert_eq!(ask(json!({"cmd": "invite", "room": "#lobby"}), "done").get("key"), None);
    for bad in [
        json!({"cmd": "join", "room": "#cats", "phrase": "my old cat"}),
        json!({"cmd": "join", "room": "#cats", "key": "12"}),
        json!({"cmd": "join", "room": "#cats", "phrase": 7}),
        json!({"cmd": "join", "room": "#cats", "phrase": "my old cat", "weak": 1}),
        json!({"cmd": "create"}),
    ] {
        let code = ask(bad.clone(), "error")["code"].clone();
        assert!(code == json!("bad-command"), "{bad}: {code}");
    }
}

#[test]
fn a_person_gives_a_private_room_another_key_and_follows_somebody_else() {
    let folder = Folder::new("rekey");
    let mut ana = Child::new(&["--profile", &folder.profile()]);
    ana.line("bo");
    ana.say("/kick bo");
    ana.say("/private #den");
    ana.line("/join #den ");
    ana.say("/kick nobody");
    ana.say("/room follow");
    ana.say("/kick bo");
    ana.line(
        "you shut bo out of #den: 2 people are sent the new key, those who are away when they come; each is with you again \
         after typing /room follow #den; 1 could not be sent it: /invite shows how they come in",
    );
    ana.say("/invite");
    ana.line(&format!("/join #den key:{}", "aa".repeat(32)));
    ana.say("said under the old key");
    ana.line("#den <ana> said under the old key");
    ana.say("/room rekey");
    ana.line("you changed the key of #den: 2 people");
    ana.say("/edit said under the new one");
    ana.say("fake: rekeys");
    ana.line("bo shut ?-");
    ana.line("/room follow #den moves you there");
    ana.say("fake: rivals");
    ana.line("; there are 2 to choose from, this is that of bo-");
    ana.say("/room follow");
    ana.say("/room follow #den bo");
    ana.line("you are in the #den of bo now; those who have not followed do not hear you");
    ana.say("/invite");
    ana.line(&format!("/join #den key:{}", "bb".repeat(32)));
    ana.say("fake: kicks");
    ana.line("out of #den: what they say from now on is not for you");
    ana.say("/room follow #nowhere");
    ana.end_input();
    let errors = ana.ended().errors;
    for why in [
        "#lobby is an open room: whoever knows its name is in, and nobody can be kept out",
        "nobody called nobody has been seen",
        "nobody has given you another key for #den",
        "you are not in #nowhere",
        "nothing of yours in #den to correct",
        "#den may become the room of bo (b0b0b0b0) or of bo-",
    ] {
        assert!(errors.contains(why), "{why}: {errors}");
    }
}

#[test]
fn whoever_stays_behind_is_told_each_time_who_reads_along() {
    let mut ana = Child::new(&["--ephemeral"]);
    ana.line("bo is here");
    ana.say("/private #den");
    ana.line("/join #den ");
    ana.say("fake: rekeys");
    let told = ana.line("type /room follow #den to go along; until then you still talk to ?-");
    assert!(told.contains("* bo shut ?-"), "{told}");
    for said in ["where is everybody?", "/me waits"] {
        ana.say(said);
        let careful = ana.line("* careful: ?-");
        assert!(
            careful.ends_with(
                " can still read this, and those who went to the new #den cannot; type /room follow #den"
            ),
            "{careful}"
        );
    }
    ana.say("/msg bo psst");
    ana.say("/room follow");
    ana.line("you are in the #den of bo now");
    ana.say("there you are");
    ana.end_input();
    let ended = ana.ended();
    assert_eq!(ended.errors, "");
    assert!(!ended.lines.iter().any(|line| line.contains("careful")), "{:#?}", ended.lines);
}

#[test]
fn nobody_who_is_muted_makes_others_hear_of_their_key_each_time() {
    let mut ana = Child::new(&["--ephemeral"]);
    ana.line("bo is here");
    ana.say("/private #den");
    ana.line("/join #den ");
    ana.say("fake: rekeys");
    ana.line("* careful: ");
    ana.say("/mute bo");
    ana.line("bo is muted");
    ana.say("quiet at last");
    ana.end_input();
    let ended = ana.ended();
    let has = |part: &str| ended.lines.iter().any(|line| line.contains(part));
    assert!(has("quiet at last") && !has("careful"), "{:#?}", ended.lines);
}

#[test]
fn programs_give_a_private_room_another_key_and_follow() {
    let folder = Folder::new("rekey-json");
    let mut child = Child::new(&["--json", "--profile", &folder.profile()]);
    let own = child.object("hello")["key"].clone();
    child.say(&json!({"cmd": "create", "room": "#den"}).to_string());
    child.object("done");
    let bo = super::fake::BO.to_string();
    child.say(&json!({"cmd": "kick", "id": 1, "room": "#den", "key": bo}).to_string());
    let made = "00000000000000000000000000000000";
    let rekeyed = child.object("room");
    let successor = rekeyed["successor"].as_str().unwrap().to_string();
    assert_eq!(successor.len(), made.len());
    assert_eq!(
        rekeyed,
        json!({"type": "room", "room": "#den", "event": "rekeyed", "key": own, "successor": successor, "without": [bo],
               "given": 2, "missed": 1})
    );
    assert_eq!(child.object("room")["event"], json!("followed"));
    assert_eq!(child.object("done")["id"], json!(1));
    child.say(&json!({"cmd": "send", "room": "#den", "text": "fake: rekeys"}).to_string());
    assert_eq!(child.object("room")["event"], json!("rekeyed"));
    let offered = child.object("room");
    assert_eq!((&offered["event"], &offered["key"]), (&json!("offered"), &json!(bo)));
    child.say(&json!({"cmd": "follow", "room": "#den", "successor": offered["successor"]}).to_string());
    assert_eq!(child.object("room")["event"], json!("followed"));
    child.say(&json!({"cmd": "invite", "id": "key", "room": "#den"}).to_string());
    while child.object("done")["key"] != json!(format!("key:{}", "bb".repeat(32))) {}
    for (bad, code) in [
        (json!({"cmd": "follow", "room": "#den", "successor": made}), "unknown-id"),
        (json!({"cmd": "follow", "room": "#den"}), "bad-command"),
        (json!({"cmd": "follow", "room": "#den", "successor": "12"}), "bad-command"),
        (json!({"cmd": "kick", "room": "#den"}), "bad-command"),
        (json!({"cmd": "rekey", "room": "#lobby"}), "bad-room"),
    ] {
        child.say(&bad.to_string());
        assert_eq!(child.object("error")["code"], json!(code), "{bad}");
    }
}
