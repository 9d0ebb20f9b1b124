//! The program as people and pipes see it.

use std::{thread, time::Duration};

use super::{Folder, child::Child};

#[test]
fn a_pipe_is_sent_line_by_line_and_shown_again_next_time() {
    let folder = Folder::new("plain");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    (1..=30).for_each(|number| child.say(&format!("line {number}")));
    child.say("/me waves");
    child.say("//slash");
    child.say("/frobnicate");
    child.end_input();
    let ended = child.ended();
    assert_eq!(ended.code(), Some(0));
    assert!(ended.took.as_secs_f64() < 2.0, "{:?}", ended.took);
    let has = |part: &str| ended.lines.iter().any(|line| line.ends_with(part));
    assert!(has("#lobby <ana> line 1") && has("#lobby <ana> line 30"), "{:#?}", ended.lines);
    assert!(has("#lobby * ana waves") && has("#lobby <ana> /slash"), "{:#?}", ended.lines);
    assert!(!ended.lines.iter().any(|line| line.contains("frobnicate")));
    assert!(ended.errors.contains("there is no /frobnicate"), "{}", ended.errors);

    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.end_input();
    let ended = child.ended();
    let old: Vec<&String> = ended.lines.iter().filter(|line| line.contains("#lobby")).collect();
    assert_eq!(old.len(), 20, "{:#?}", ended.lines);
    assert!(old[0].ends_with("line 13") && old[19].ends_with("/slash"), "{old:#?}");
}

#[test]
fn a_conversation() {
    let folder = Folder::new("plain-talk");
    let mut child = Child::new(&["--profile", &folder.profile(), "#Ops"]);
    assert!(child.line("you are ana-").contains("/help"));
    child.line("network: fake0 10.0.0.1/24");
    child.line("* bo is here (mdns, 10.0.0.2:27182)");
    child.say("fake: hear 1 two\u{1b}[31m lines\u{2028}");
    child.line("#ops <bo> two[31m lines");
    child.say("/msg bo fake: direct psst");
    child.line("@bo <ana> fake: direct psst");
    child.line("@bo <bo> psst");
    child.say("/nick ana maria");
    child.line("you are ana maria-");
    child.say("/rooms");
    child.line("  #lobby");
    child.line("  #ops (you write here)");
    child.say("/join #b");
    child.line("you are in #b");
    child.say("/leave");
    child.line("you left #b; you write in #lobby");
    child.say("/who");
    child.line("ana maria (you)");
    child.line("  bo");
    child.say("/peers");
    child.line("connected");
    child.say("/connect 10.9.9.9");
    child.line("trying that address");
    child.line("10.9.9.9:27182: nobody answers there");
    child.say("fake: lose");
    child.line("* bo is gone without a goodbye");
    child.say("anybody?");
    child.line("nobody else is here; what you say goes out when somebody comes");
    child.say("/quit");
    let ended = child.ended();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(ended.errors, "");

    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("you are ana maria-");
    child.line("@bo <bo> psst");
    child.end_input();
    assert_eq!(child.ended().code(), Some(0));
}

#[test]
fn slips_are_told_and_nothing_is_said() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("nothing is kept");
    for slip in [
        "/msg nobody hi",
        "/msg ana hi",
        "/join ops",
        "/join #a b",
        "/nick \u{200b}",
        "/nick \u{2800}",
        "/connect nowhere",
        "/msg bo",
        "/who #nope",
        "/leave #nope",
        "/more",
    ] {
        child.say(slip);
    }
    child.say(&"x".repeat(4097));
    child.say(&"x".repeat(70_000));
    child.say("/leave");
    child.say("where?");
    child.say("/rooms");
    child.say("/quit");
    let ended = child.ended();
    assert_eq!(ended.code(), Some(0));
    let complaints: Vec<&str> = ended.errors.lines().collect();
    let expected = [
        "nobody called nobody",
        "that is you",
        "begins with #: did you mean #ops?",
        "#a is not entered: a phrase has seven words; this has 1",
        "visible character",
        "visible character",
        "an IP address",
        "/msg NICK TEXT",
        "only those in #nope",
        "you are not in #nope",
        "no message was cut",
        "4097 bytes, 4096 are allowed",
        "longer than 65536 bytes",
        "you are in no room",
        "you are in no room",
    ];
    assert_eq!(complaints.len(), expected.len(), "{complaints:#?}");
    for (complaint, expected) in complaints.iter().zip(expected) {
        assert!(complaint.starts_with("! ") && complaint.contains(expected), "{complaint}");
    }
    assert!(!ended.lines.iter().any(|line| line.contains("<ana>")), "{:#?}", ended.lines);
}

#[test]
fn whoever_is_refused_a_room_writes_where_they_are() {
    let mut child = Child::new(&["--ephemeral", "#ops"]);
    child.say("/join #toomany");
    child.say("too early");
    // Answered behind both.
    child.say("/nick maria");
    child.line("you are maria");
    child.say("hello");
    child.line("#lobby <maria> hello");
    child.say("/rooms");
    child.line("  #lobby (you write here)");
    child.line("  #ops");
    child.say("/quit");
    let ended = child.ended();
    let complaints: Vec<&str> = ended.errors.lines().collect();
    let expected =
        ["! #toomany: too many rooms; you write in #lobby", "! not sent, not in that room: too early"];
    assert_eq!(complaints, expected);
    // The same at the start.
    let mut child = Child::new(&["--ephemeral", "#toomany"]);
    child.say("/nick maria");
    child.line("you are maria");
    child.say("hello");
    child.line("#lobby <maria> hello");
}

#[test]
fn blank_lines_are_not_sent_and_not_shown() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    for blank in ["", "   ", "\t", "\u{2800}", "\u{3164}"] {
        child.say(blank);
    }
    child.say("fake: hear 1 \u{2800}");
    child.say("/quit");
    let ended = child.ended();
    assert_eq!(ended.errors, "");
    let said: Vec<&String> = ended.lines.iter().filter(|line| line.contains('<')).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].contains("<ana> fake: hear") && said[1].ends_with("<bo> (empty)"), "{said:#?}");
}

#[test]
fn whoever_takes_another_nick_is_told_of() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("fake: rename rob");
    child.line("* bo is now called rob");
    child.say("/msg bo psst");
    child.say("/msg rob psst");
    child.line("@rob <ana> psst");
    child.say("/quit");
    let ended = child.ended();
    assert!(ended.errors.starts_with("! not sent, bo is called rob-"), "{}", ended.errors);
    assert!(ended.errors.ends_with(" now: psst\n"), "{}", ended.errors);
}

#[test]
fn somebody_who_restarts_is_not_in_two_places() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("fake: twice");
    thread::sleep(Duration::from_secs(1));
    child.say("fake: once");
    thread::sleep(Duration::from_secs(9));
    child.say("/quit");
    let ended = child.ended();
    assert!(!ended.lines.iter().any(|line| line.contains("one more place")), "{:#?}", ended.lines);
    assert!(!ended.lines.iter().any(|line| line.contains("gone")), "{:#?}", ended.lines);
}

#[test]
fn somebody_in_two_places_is_when_both_go_on_answering() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("fake: twice");
    let begin = chat_net::Clock::new();
    let (before, _) = (begin.now(), child.line("* bo is here from one more place"));
    assert!(begin.now() - before > Duration::from_secs(7), "the first run may have been killed");
}

#[test]
fn a_run_of_ours_that_was_killed_is_not_our_key_in_another_place() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("fake: copied");
    thread::sleep(Duration::from_secs(1));
    child.say("fake: copied no more");
    thread::sleep(Duration::from_secs(9));
    child.say("/quit");
    let lines = child.ended().lines;
    assert!(!lines.iter().any(|line| line.contains("* ana") || line.contains("your key")), "{lines:#?}");
}

#[test]
fn our_key_in_another_place_is_told_of() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("fake: copied");
    child.line("* your key speaks from another place too, at 10.0.0.2");
    child.say("fake: copied no more");
    child.line("* your key speaks from nowhere else any more");
}

#[test]
fn a_crowd_does_not_drown_the_talk() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("fake: crowd 200");
    thread::sleep(Duration::from_secs(3));
    child.say("/quit");
    let ended = child.ended();
    let told: Vec<&String> = ended.lines.iter().filter(|line| line.contains(" here")).collect();
    let (last, single) = told.split_last().unwrap();
    assert!(single.len() < 5 && single.iter().all(|line| line.contains("is here")), "{told:#?}");
    assert!(last.contains(", p9") && last.ends_with(" more are here"), "{told:#?}");
}

#[test]
fn what_a_dead_link_swallows_is_told() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("this arrives");
    child.say("fake: deaf");
    child.say("does this arrive?");
    thread::sleep(Duration::from_secs(6));
    child.say("/quit");
    let ended = child.ended();
    let told: Vec<&str> =
        ended.lines.iter().filter_map(|line| line.split_once("nobody has")).map(|(_, told)| told).collect();
    assert_eq!(told, [" stored this yet: does this arrive?"]);
}

#[test]
fn whoever_knows_that_nobody_is_here_is_not_told_of_each_message() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("bo is here");
    child.say("fake: deaf");
    child.say("fake: lose");
    child.line("bo is gone");
    child.say("anybody?");
    child.line("nobody else is here");
    thread::sleep(Duration::from_secs(6));
    child.say("/quit");
    let ended = child.ended();
    assert!(!ended.lines.iter().any(|line| line.contains("nobody has stored")), "{:#?}", ended.lines);
}

#[test]
fn nobody_is_missed_before_they_could_be_found() {
    let mut child = Child::new(&["--ephemeral", "--discovery", "manual"]);
    child.say("anybody?");
    thread::sleep(Duration::from_millis(500));
    child.say("/connect 10.0.0.2");
    thread::sleep(Duration::from_millis(2000));
    child.say("/quit");
    let ended = child.ended();
    let said: Vec<&String> = ended.lines.iter().filter(|line| line.contains(" here")).collect();
    assert!(matches!(said[..], [line] if line.contains("bo is here")), "{:#?}", ended.lines);
    // Where nobody comes, it is said in the end.
    let mut child = Child::new(&["--ephemeral", "--discovery", "manual"]);
    child.say("anybody?");
    child.line("nobody else is here");
}

#[test]
fn whoever_is_alone_is_told_why_and_what_becomes_of_it() {
    let mut child = Child::new(&["--ephemeral", "--discovery", "manual"]);
    child.line(
        "alone so far: mDNS is left out by --discovery, and nobody answers otherwise; if you know where somebody is, \
         /connect ADDRESS (or --connect ADDRESS at the start) is enough to find all; to reach you: /connect 10.0.0.1",
    );
    child.say("hi");
    child.line("while this program runs");
    child.end_input();
    let ended = child.ended();
    assert!(ended.errors.contains("nobody else has stored yet: 1; they are lost"), "{}", ended.errors);
    // It waited for somebody to come.
    assert!((1.0..2.0).contains(&ended.took.as_secs_f64()), "{:?}", ended.took);
}

#[test]
fn what_was_said_is_corrected_taken_back_and_answered() {
    let folder = Folder::new("plain-changes");
    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.line("* bo is here");
    child.say("helo");
    child.line("<ana> helo");
    child.say("/edit hello");
    child.line("* ana corrects \"helo\" to: hello");
    child.say("fake: hear 1 two\u{1b}[31m");
    child.line("<bo> two[31m");
    child.say("/react \u{1f44d}");
    child.line("* ana reacts \u{1f44d} to bo: two[31m");
    child.say("/unreact \u{1f44d} bo");
    child.line("* ana takes back \u{1f44d} to bo: two[31m");
    child.say("/reply bo three");
    child.line("#lobby <ana> (to bo: two[31m) three");
    child.say("/delete");
    child.line("* ana takes back \"three\", said at ");
    child.say("/topic");
    child.line("#lobby has no topic");
    child.say("/topic tea\u{202e}  and cake");
    child.line("* ana sets the topic: tea and cake");
    child.say("/topic");
    child.line("#lobby: tea and cake");
    child.say("fake: edits three");
    child.line("* bo corrects \"two[31m\" to: three");
    child.say("fake: deletes");
    child.line("* bo takes back what was said at ");
    child.end_input();
    assert_eq!(child.ended().code(), Some(0));

    let mut child = Child::new(&["--profile", &folder.profile()]);
    child.end_input();
    let ended = child.ended();
    let has = |part: &str| ended.lines.iter().any(|line| line.ends_with(part));
    assert!(has("<ana> hello (edited)"), "{:#?}", ended.lines);
    assert!(
        !ended.lines.iter().any(|line| line.contains("<bo>") || line.contains("(to")),
        "{:#?}",
        ended.lines
    );

    let mut child = Child::new(&["--ephemeral", "--nick", "ana"]);
    child.say("/edit x");
    child.end_input();
    assert!(child.ended().errors.contains("nothing of yours in #lobby to correct"));
}
