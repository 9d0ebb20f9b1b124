//! One profile in two places, and one put back from a copy: nobody's history breaks, all that was said reaches everybody,
//! and people are told.
#![forbid(unsafe_code)]

use std::{collections::BTreeSet, path::Path, process::Command};

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    running::Running,
    watch::{PATIENCE, until},
};
use serde_json::json;

#[test]
fn a_cloned_machine_runs_beside_the_first() {
    let Some(mut lan) = Lan::new() else { return };
    let [first, second, there, looking] = [lan.host(), lan.host(), lan.host(), lan.host()];
    let mut bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    // Somebody who sees it as people do.
    let mut eyes = looking.command(Std.path());
    let eyes = Running::start("eve".into(), eyes.args(["--plain", "--nick", "eve"]));
    let (one, other) = (profile(&first), profile(&second));
    let mut ada = Chat::start(&first, Std, &["--nick", "ada", "--profile", &one]);
    introduce(&ada, &bob);
    ada.say("before");
    bob.expect_message("before", &ada, "#lobby");
    let key = ada.key().to_owned();
    let boots = |bob: &Chat| -> BTreeSet<String> {
        let boots = bob.gather(|line| line.is_peer("online", &key).then(|| line.json["boot"].to_string()));
        boots.into_iter().collect()
    };
    let ended = boots(&bob);
    ada.quit();
    copy(&one, &other);

    let mut ada = Chat::start(&first, Std, &["--profile", &one]);
    let mut clone = Chat::start(&second, Smol, &["--profile", &other]);
    assert_eq!(ada.key(), clone.key());
    // Two runs of one key, beside the one that has ended.
    let are_two = until(PATIENCE, || (boots(&bob).difference(&ended).count() == 2).then_some(()));
    assert!(are_two.is_some(), "{bob}");
    eyes.expect("told of", PATIENCE, |line| line.text.contains("is here from one more place"));
    let mut said = vec![String::from("before")];
    for number in 0..4 {
        for (name, chat) in [("here", &mut ada), ("there", &mut clone)] {
            let text = format!("{name} {number}");
            chat.say(&text);
            bob.expect_message(&text, chat, "#lobby");
            said.push(text);
        }
        bob.say(&format!("bob {number}"));
        said.push(format!("bob {number}"));
    }
    all_have(&mut [&mut ada, &mut clone, &mut bob], &said);
    // Their last words came from both, and both hear of it when the other leaves.
    clone.quit();
    ada.say("alone again");
    bob.expect_message("alone again", &ada, "#lobby");
}

#[test]
fn a_profile_put_back_from_a_copy_gets_back_what_it_has_said_since() {
    let Some(mut lan) = Lan::new() else { return };
    let [here, there] = [lan.host(), lan.host()];
    let (live, saved) = (profile(&here), profile(&there));
    let mut bob = Chat::start(&there, Smol, &["--nick", "bob"]);
    let mut said = Vec::new();
    for run in 0..2 {
        let mut ada = Chat::start(&here, Std, &["--nick", "ada", "--profile", &live]);
        introduce(&ada, &bob);
        for number in 0..3 {
            let text = format!("run {run}, {number}");
            ada.say(&text);
            bob.expect_message(&text, &ada, "#lobby");
            said.push(text);
        }
        ada.quit();
        if run == 0 {
            copy(&live, &saved);
        }
    }
    // The disk is as it was after the first run.
    std::fs::remove_dir_all(&live).expect("it is there");
    copy(&saved, &live);
    let mut ada = Chat::start(&here, Std, &["--profile", &live]);
    // Bob may be fast, and have given some of it back by now.
    assert_eq!(ada.history("#lobby", 100)[..3], said[..3]);
    introduce(&ada, &bob);
    // Before the rest is back already something new is said.
    ada.say("as if nothing had happened");
    bob.expect_message("as if nothing had happened", &ada, "#lobby");
    said.push("as if nothing had happened".into());
    all_have(&mut [&mut ada, &mut bob], &said);
    let history = json!({"cmd": "history", "room": "#lobby", "limit": 100});
    let ids: Vec<_> = ada.history_objects(history).iter().map(|message| message["id"].to_string()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), said.len(), "each of them once: {ids:?}");
}

/// All of them have what was `said`, in one order.
fn all_have(chats: &mut [&mut Chat], said: &[String]) {
    let wanted: BTreeSet<&String> = said.iter().collect();
    let histories = until(PATIENCE, || {
        let histories: Vec<Vec<String>> = chats.iter_mut().map(|chat| chat.history("#lobby", 1000)).collect();
        let is_all = |history: &Vec<String>| {
            history.len() == said.len() && history.iter().collect::<BTreeSet<_>>() == wanted
        };
        histories.iter().all(is_all).then_some(histories)
    });
    let histories = histories.unwrap_or_else(|| panic!("not all have everything: {}", chats[0]));
    assert!(histories.windows(2).all(|two| two[0] == two[1]), "{histories:#?}");
}

fn profile(host: &Host) -> String {
    host.home().join("profile").to_string_lossy().into_owned()
}

fn copy(from: &str, to: &str) {
    assert!(Path::new(from).is_dir());
    let status = Command::new("cp").args(["-a", from, to]).status().expect("cp");
    assert!(status.success(), "{status}");
}
