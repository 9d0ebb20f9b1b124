//! Files between real programs: whole, once, and on from where they were after whoever was killed or cut off.
#![forbid(unsafe_code)]

use std::{fs, path::Path, time::Duration};

use chat_tests::{
    bin::Program::{self, Smol, Std},
    chat::{Chat, introduce},
    lan::{Host, Lan},
    running::Line,
    watch::{self, PATIENCE},
};
use serde_json::{Value, json};

/// Bytes of a file that takes a while.
const LARGE: usize = 24 << 20;

/// Bytes of which no stretch is like another.
fn content(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(size).collect()
}

/// A chat whose files are put into `files` at its host's home.
fn start(host: &Host, program: Program, nick: &str) -> Chat {
    Chat::start(host, program, &["--nick", nick, "--downloads", &downloads(host)])
}

fn downloads(host: &Host) -> String {
    host.home().join("files").to_string_lossy().into_owned()
}

/// Has `chat` offer a file of these bytes in the lobby.
fn offer(chat: &mut Chat, host: &Host, name: &str, bytes: &[u8]) -> String {
    let path = host.home().join(name);
    fs::write(&path, bytes).expect("a file");
    offer_path(chat, &path)
}

fn offer_path(chat: &mut Chat, path: &Path) -> String {
    let done = chat.ask(json!({"cmd": "file", "room": "#lobby", "path": path}));
    done["message"].as_str().expect("a message").to_owned()
}

fn accept(chat: &mut Chat, file: &str) {
    let offered = |line: &Line| line.is_of("message") && line.json["id"] == file;
    let message = chat.expect("the offer", PATIENCE, offered);
    assert!(message.json["file"]["size"].is_u64(), "{message:?}");
    chat.ask(json!({"cmd": "accept", "file": file}));
}

/// Waits until a file has this state.
fn state(chat: &Chat, file: &str, state: &str, patience: Duration) -> Value {
    let is = |line: &Line| line.is_of("file") && line.json["id"] == file && line.json["state"] == state;
    chat.expect(&format!("{state} of {file}"), patience, is).json
}

fn assert_received(chat: &Chat, file: &str, bytes: &[u8]) {
    let received = state(chat, file, "received", PATIENCE * 3);
    let path = received["path"].as_str().expect("a path");
    assert!(fs::read(path).expect("the file") == bytes, "{path} has other bytes");
}

/// Bytes of what has not come whole yet, as the host sees it: its folder may be a disk of its own.
fn partial(host: &Host) -> u64 {
    let said = host.shell(&format!("cat '{}'/*.part 2>/dev/null | wc -c", downloads(host)));
    said.trim().parse().expect("a number")
}

fn wait_for_some(host: &Host) {
    let some = watch::until(PATIENCE, || (partial(host) > 1 << 20).then_some(()));
    assert!(some.is_some(), "nothing comes: {} bytes", partial(host));
}

#[test]
fn both_ways_at_once_in_a_talk_and_of_one_name() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let (mut ada, mut bob) = (start(&here, Std, "ada"), start(&there, Smol, "bob"));
    introduce(&ada, &bob);
    let (one, two) = (content(6 << 20), content(5 << 20));
    let from_ada = offer(&mut ada, &here, "a.bin", &one);
    let from_bob = offer(&mut bob, &there, "a.bin", &two);
    accept(&mut bob, &from_ada);
    accept(&mut ada, &from_bob);
    for number in 0..50 {
        ada.say(&format!("meanwhile {number}"));
        bob.expect_message(&format!("meanwhile {number}"), &ada, "#lobby");
    }
    assert_received(&bob, &from_ada, &one);
    assert_received(&ada, &from_bob, &two);
    state(&ada, &from_ada, "sent", PATIENCE);
    // Once more: the first one is not touched.
    bob.ask(json!({"cmd": "accept", "file": from_ada}));
    let second = there.home().join("files/a (2).bin");
    let is_there = watch::until(PATIENCE, || second.exists().then_some(()));
    assert!(is_there.is_some(), "{bob}");
    assert_eq!(partial(&there), 0, "nothing is left over");
}

#[test]
fn the_receiver_is_killed() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let (mut ada, mut bob) = (start(&here, Smol, "ada"), start(&there, Std, "bob"));
    introduce(&ada, &bob);
    let bytes = content(LARGE);
    let file = offer(&mut ada, &here, "large.bin", &bytes);
    accept(&mut bob, &file);
    wait_for_some(&there);
    bob.kill();
    let before = partial(&there);
    assert!(before < LARGE as u64, "it was too fast to be killed in it");
    let bob = start(&there, Std, "bob");
    let first = state(&bob, &file, "receiving", PATIENCE);
    assert_eq!(first["bytes"], before, "it goes on from where it was");
    assert_received(&bob, &file, &bytes);
}

#[test]
fn the_sender_is_killed() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let (mut ada, mut bob) = (start(&here, Std, "ada"), start(&there, Smol, "bob"));
    introduce(&ada, &bob);
    let bytes = content(LARGE);
    let file = offer(&mut ada, &here, "large.bin", &bytes);
    accept(&mut bob, &file);
    wait_for_some(&there);
    ada.kill();
    let _ada = start(&here, Std, "ada");
    assert_received(&bob, &file, &bytes);
}

#[test]
fn the_cable_is_pulled() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let (mut ada, mut bob) = (start(&here, Std, "ada"), start(&there, Smol, "bob"));
    introduce(&ada, &bob);
    let bytes = content(LARGE);
    let file = offer(&mut ada, &here, "large.bin", &bytes);
    accept(&mut bob, &file);
    wait_for_some(&there);
    there.unplug();
    std::thread::sleep(Duration::from_secs(3));
    there.plug_in();
    assert_received(&bob, &file, &bytes);
}

#[test]
fn a_folder_goes_to_several() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts: Vec<Host> = (0..4).map(|_| lan.host()).collect();
    let nicks = ["ada", "bob", "cy", "dora"];
    let program = |at: usize| if at.is_multiple_of(2) { Std } else { Smol };
    let mut chats: Vec<Chat> = hosts
        .iter()
        .zip(nicks)
        .enumerate()
        .map(|(at, (host, nick))| start(host, program(at), nick))
        .collect();
    let (ada, others) = chats.split_first_mut().expect("four");
    others.iter().for_each(|other| introduce(ada, other));
    let folder = hosts[0].home().join("photos");
    fs::create_dir_all(folder.join("2026")).expect("folders");
    fs::write(folder.join("list.txt"), "one").expect("a file");
    fs::write(folder.join("2026/a.bin"), content(1 << 20)).expect("a file");
    let file = offer_path(ada, &folder);
    others.iter_mut().for_each(|other| accept(other, &file));
    for (other, host) in others.iter().zip(&hosts[1..]) {
        let received = state(other, &file, "received", PATIENCE * 3);
        assert_eq!(received["path"], json!(host.home().join("files/photos")));
        let at = |name: &str| fs::read(host.home().join("files/photos").join(name)).expect("a file");
        assert!(at("list.txt") == b"one" && at("2026/a.bin") == content(1 << 20));
    }
}

#[test]
fn a_full_disk_is_said_and_with_room_it_goes_on() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    let disk = there.home().join("files");
    fs::create_dir(&disk).expect("a directory");
    // Room is promised and then taken by others.
    there.shell(&format!("mount -t tmpfs -o size=256m none '{}'", disk.display()));
    let (mut ada, mut bob) = (start(&here, Std, "ada"), start(&there, Smol, "bob"));
    introduce(&ada, &bob);
    let bytes = content(LARGE);
    let file = offer(&mut ada, &here, "large.bin", &bytes);
    there.shell(&format!("fallocate -l 100m '{}/other'", disk.display()));
    let offered = |line: &Line| line.is_of("message") && line.json["id"] == file;
    bob.expect("the offer", PATIENCE, offered);
    there.shell(&format!("mount -o remount,size=110m '{}'", disk.display()));
    let refused = bob.refused(json!({"cmd": "accept", "file": file}), "file-refused");
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("free")), "{refused}");
    there.shell(&format!("mount -o remount,size=256m '{}'", disk.display()));
    bob.ask(json!({"cmd": "accept", "file": file}));
    wait_for_some(&there);
    there.shell(&format!("mount -o remount,size=110m '{}'", disk.display()));
    let failed = state(&bob, &file, "failed", PATIENCE);
    assert_eq!(failed["message"], "the store is full", "{failed}");
    bob.say("and the chat goes on");
    there.shell(&format!("mount -o remount,size=256m '{}'", disk.display()));
    bob.ask(json!({"cmd": "accept", "file": file}));
    let received = state(&bob, &file, "received", PATIENCE * 3);
    let (path, offered) = (received["path"].as_str().expect("a path"), here.home().join("large.bin"));
    there.shell(&format!("cmp '{path}' '{}'", offered.display()));
}
