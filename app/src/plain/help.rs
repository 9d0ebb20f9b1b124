//! What can be typed: the list, and what is said to whoever types something else.

use super::{delivery::beginning, near};

/// What there is, for `/help` and for complaints. What begins with two slashes is said with one.
pub(super) const HELP: [(&str, &str); 39] = [
    ("/help", "this list"),
    ("/nick NAME", "be called NAME from now on"),
    (
        "/join #room [PHRASE]",
        "enter a room, a private one by its phrase, and write there; --weak before a phrase of your own",
    ),
    ("/private #room", "make a private room: only those who are given its seven words, shown once, come in"),
    ("/invite [#room]", "how others come into a room"),
    (
        "/kick NICK",
        "shut NICK out of a private room: the others get another key for it, and go along by /room follow",
    ),
    ("/room rekey [#room]", "the same with nobody shut out, when the phrase got about"),
    (
        "/room follow [#room] [NICK]",
        "go along after somebody's /kick or /room rekey; until then you stay with the old readers",
    ),
    ("/leave [#room]", "leave a room; its history stays"),
    ("/msg NICK TEXT", "tell one person only; \"two words\" and ana-4821 work too"),
    ("/me TEXT", "tell what you do"),
    ("/reply NICK TEXT", "answer what somebody said last in this room; @NICK: what they told you alone"),
    ("/edit TEXT", "let what you said last in this room say TEXT instead"),
    ("/delete [@NICK]", "take back what you said last in this room, or told NICK alone"),
    ("/react EMOJI [NICK]", "react to what was said last in this room, by NICK, or by @NICK to you alone"),
    ("/unreact EMOJI [NICK]", "take that back"),
    ("/topic [TEXT]", "say what the room is about, or see it; \"\" removes it"),
    ("/who [#room]", "who is there"),
    (
        "/verify [NICK]",
        "find out by digits that a key is theirs, then /verify NICK yes, or no; or see who is verified",
    ),
    ("/mute NICK", "keep what somebody says, and do not show it as it comes"),
    ("/unmute NICK", "show it again"),
    ("/block NICK", "show nothing of somebody, nor of before"),
    ("/unblock NICK", "show all of it again"),
    ("/peers", "how everybody is reached"),
    ("/rooms", "the rooms you are in"),
    ("/search WORDS", "what was said; from:NICK, in:#room and since:2d go with it"),
    ("/file [NICK] PATH", "offer a file or folder, here or to one person"),
    (
        "/accept [NICK] [NAME]",
        "fetch what was offered last, or by NICK, or the file NAME; up to 100 MB comes by itself from those you verified",
    ),
    ("/files", "files that are offered, to you and by you, and on their way"),
    ("/stop [NAME]", "stop the file that moved last, or the one of this name, or offer it no more"),
    ("/earlier [#room]", "get more of what was said before you came, from others who have it"),
    ("/keep [30d|all] [#room]", "erase here what is older, now and each day, or keep all; or see what holds"),
    ("/export FILE [#room]", "write the history into a file, to carry it where no network leads"),
    ("/import FILE", "take in what such a file has of your rooms; others get it from you"),
    ("/doctor", "what is wrong with this network, and what helps"),
    ("/stats", "what was dropped, refused, lost and repaired since the start"),
    ("/more", "the rest of the last long message"),
    ("/connect ADDRESS", "reach somebody by address, port 27182 if none is given"),
    ("/quit", "say goodbye; on an empty line Ctrl-C and Ctrl-D do it too"),
];

/// How the command goes, or which one may be meant.
pub(super) fn usage(name: &str) -> String {
    let word = |usage: &'static str| usage.split(' ').next().unwrap_or(usage);
    let is_it = |usage: &&'static str| word(usage).strip_prefix('/') == Some(name);
    let usages: Vec<&str> = HELP.iter().map(|(usage, _)| *usage).filter(is_it).collect();
    if !usages.is_empty() {
        return format!("it goes like this: {}", usages.join(" or "));
    }
    let meant = near::nearest(name, HELP.iter().filter_map(|(usage, _)| word(usage).strip_prefix('/')));
    let meant = meant.map(|meant| format!("; did you mean /{meant}?")).unwrap_or_default();
    let name = beginning(name);
    format!("there is no /{name}{meant}; /help lists what there is, and //{name} says /{name}")
}
