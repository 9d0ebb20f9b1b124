//! What a person types: something to say, or a command behind a slash.

use super::help::usage;
use crate::clean;

/// A typed line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Typed<'a> {
    Nothing,
    Say(&'a str),
    Command(Command<'a>),
    /// Nothing is said when a command is misspelt; this is why.
    Wrong(String),
}

/// A command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Command<'a> {
    Help,
    Nick(&'a str),
    /// A room; what was `given` is the secret of a private one.
    Join {
        room: &'a str,
        given: Option<&'a str>,
    },
    /// Makes a private room.
    Private(&'a str),
    /// How others come into a room, or the one we are in.
    Invite(Option<&'a str>),
    /// A room, or the one we are in.
    Leave(Option<&'a str>),
    /// Somebody who is to be left out.
    Kick(&'a str),
    /// A private room, or the one we are in.
    Rekey(Option<&'a str>),
    /// The same, and whose other key for it is meant.
    Follow {
        room: Option<&'a str>,
        who: Option<&'a str>,
    },
    Tell {
        to: &'a str,
        text: &'a str,
    },
    Me(&'a str),
    /// An answer to what somebody said last.
    Reply {
        to: &'a str,
        text: &'a str,
    },
    Edit(&'a str),
    /// In the room, or what was told this person alone.
    Delete(Option<&'a str>),
    /// Somebody, or whoever else spoke last; `gone` takes it back.
    React {
        emoji: &'a str,
        to: Option<&'a str>,
        gone: bool,
    },
    /// Somebody, and what came of comparing keys with them.
    Verify(&'a str),
    /// Of whom anything is thought.
    Trusted,
    Block {
        who: &'a str,
        blocked: bool,
    },
    Mute {
        who: &'a str,
        muted: bool,
    },
    /// What the room is about from now on; `None` asks.
    Topic(Option<&'a str>),
    /// A room, or everywhere.
    Who(Option<&'a str>),
    Peers,
    Rooms,
    Doctor,
    Stats,
    More,
    Connect(&'a str),
    /// A path, or somebody and a path.
    File(&'a str),
    /// What was offered last, by somebody or anybody, or what is called so.
    Accept(Option<&'a str>),
    Files,
    /// A file that is on its way, or offered.
    Stop(Option<&'a str>),
    Search(&'a str),
    /// How long a room is kept from now on; `None` asks.
    Keep(Option<&'a str>),
    Earlier(Option<&'a str>),
    /// A file.
    Import(&'a str),
    /// A file, and the only room that is wanted.
    Export {
        file: &'a str,
        room: Option<&'a str>,
    },
    Quit,
}

/// Whether what comes of a line is shown as a message, so that the line itself need not be seen any more.
pub(crate) fn is_said(line: &str) -> bool {
    use Command::{Me, Reply, Tell};
    let is_said = |command| matches!(command, Me(_) | Tell { .. } | Reply { .. });
    match read(line) {
        Typed::Nothing | Typed::Say(_) => true,
        Typed::Command(command) => is_said(command),
        Typed::Wrong(_) => false,
    }
}

/// Reads a line. `//x` says `/x`. What cannot be seen is not said.
pub(super) fn read(line: &str) -> Typed<'_> {
    let line = line.trim_end();
    if clean::is_blank(line) {
        return Typed::Nothing;
    }
    let Some(rest) = line.strip_prefix('/') else { return Typed::Say(line) };
    if rest.starts_with('/') {
        return Typed::Say(rest);
    }
    let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim();
    let optional = (!argument.is_empty()).then_some(argument);
    match (name, optional) {
        ("help", _) => Typed::Command(Command::Help),
        ("nick", Some(nick)) => Typed::Command(Command::Nick(nick)),
        ("join", Some(argument)) => {
            let (room, given) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
            let given = Some(given.trim()).filter(|given| !given.is_empty());
            Typed::Command(Command::Join { room, given })
        }
        ("private", Some(room)) => Typed::Command(Command::Private(room)),
        ("invite", room) => Typed::Command(Command::Invite(room)),
        ("leave", room) => Typed::Command(Command::Leave(room)),
        ("kick", Some(who)) => Typed::Command(Command::Kick(unquoted(who))),
        ("room", Some(argument)) => of_room(argument).map_or_else(|| wrong(name), Typed::Command),
        ("msg", Some(argument)) => match addressed(argument) {
            Some((to, text)) => Typed::Command(Command::Tell { to, text }),
            None => wrong(name),
        },
        ("reply", Some(argument)) => match addressed(argument) {
            Some((to, text)) => Typed::Command(Command::Reply { to, text }),
            None => wrong(name),
        },
        ("edit", Some(text)) if !clean::is_blank(text) => Typed::Command(Command::Edit(text)),
        ("delete", None) => Typed::Command(Command::Delete(None)),
        ("delete", Some(argument)) => match argument.strip_prefix('@').map(unquoted) {
            Some(whom) if !whom.is_empty() => Typed::Command(Command::Delete(Some(whom))),
            _ => wrong(name),
        },
        ("react" | "unreact", Some(argument)) => {
            let (emoji, to) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
            let to = Some(unquoted(to)).filter(|to| !to.is_empty());
            Typed::Command(Command::React { emoji, to, gone: name == "unreact" })
        }
        ("verify" | "block" | "mute", None) => Typed::Command(Command::Trusted),
        ("verify", Some(argument)) => Typed::Command(Command::Verify(argument)),
        ("block" | "unblock", Some(who)) => Typed::Command(Command::Block { who, blocked: name == "block" }),
        ("mute" | "unmute", Some(who)) => Typed::Command(Command::Mute { who, muted: name == "mute" }),
        ("topic", Some("\"\"")) => Typed::Command(Command::Topic(Some(""))),
        ("topic", topic) => Typed::Command(Command::Topic(topic)),
        ("me", Some(text)) if !clean::is_blank(text) => Typed::Command(Command::Me(text)),
        ("who", room) => Typed::Command(Command::Who(room)),
        ("peers", _) => Typed::Command(Command::Peers),
        ("more", _) => Typed::Command(Command::More),
        ("search", Some(text)) => Typed::Command(Command::Search(text)),
        ("keep", argument) => Typed::Command(Command::Keep(argument)),
        ("earlier", argument) => Typed::Command(Command::Earlier(argument)),
        ("import", Some(file)) => Typed::Command(Command::Import(file)),
        ("export", Some(argument)) => {
            let split = argument.rsplit_once(char::is_whitespace).filter(|(_, room)| room.starts_with('#'));
            let (file, room) = split.map_or((argument, None), |(file, room)| (file.trim_end(), Some(room)));
            Typed::Command(Command::Export { file, room })
        }
        ("rooms", _) => Typed::Command(Command::Rooms),
        ("stats", _) => Typed::Command(Command::Stats),
        ("doctor", _) => Typed::Command(Command::Doctor),
        ("file", Some(argument)) => Typed::Command(Command::File(argument)),
        ("accept", who) => Typed::Command(Command::Accept(who)),
        ("files", _) => Typed::Command(Command::Files),
        ("stop", name) => Typed::Command(Command::Stop(name)),
        ("connect", Some(address)) => Typed::Command(Command::Connect(address)),
        ("quit", _) => Typed::Command(Command::Quit),
        _ => wrong(name),
    }
}

fn wrong<'a>(name: &str) -> Typed<'a> {
    Typed::Wrong(usage(name))
}

/// What is to become of a room.
fn of_room(argument: &str) -> Option<Command<'_>> {
    let (what, rest) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    let (first, more) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let (room, who) = if first.starts_with('#') { (first, more.trim()) } else { ("", rest.trim()) };
    let [room, who] = [room, who].map(|it| Some(it).filter(|it| !it.is_empty()));
    match (what, who) {
        ("rekey", None) => Some(Command::Rekey(room)),
        ("follow", who) => Some(Command::Follow { room, who: who.map(unquoted) }),
        _ => None,
    }
}

/// `TWO WORDS` of `"TWO WORDS"`.
pub(super) fn unquoted(name: &str) -> &str {
    name.trim().trim_matches('"')
}

/// `NICK TEXT` or `"TWO WORDS" TEXT`.
pub(super) fn addressed(argument: &str) -> Option<(&str, &str)> {
    let (to, text) = match argument.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => argument.split_once(char::is_whitespace)?,
    };
    let text = text.trim();
    (!to.is_empty() && !clean::is_blank(text)).then_some((to, text))
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::{super::help::HELP, *};

    #[test]
    fn commands_begin_with_a_slash_and_nothing_else_does() {
        assert_eq!(read("hi /quit "), Typed::Say("hi /quit"));
        assert_eq!(read("//quit"), Typed::Say("/quit"));
        for blank in ["", "  ", "\t", "\n\n", "\u{2800}", " \u{3164}"] {
            assert_eq!(read(blank), Typed::Nothing, "{blank:?}");
        }
        assert_eq!(read("/quit"), Typed::Command(Command::Quit));
        assert_eq!(read("/leave"), Typed::Command(Command::Leave(None)));
        assert_eq!(read("/leave  #a "), Typed::Command(Command::Leave(Some("#a"))));
        assert_eq!(read("/me  waves at bo"), Typed::Command(Command::Me("waves at bo")));
        let tell = |to, text| Typed::Command(Command::Tell { to, text });
        assert_eq!(read("/msg bo hi  there"), tell("bo", "hi  there"));
        let react = |emoji, to, gone| Typed::Command(Command::React { emoji, to, gone });
        assert_eq!(read("/react +1"), react("+1", None, false));
        assert_eq!(read("/unreact +1  zoe b "), react("+1", Some("zoe b"), true));
        let follow = |room, who| Typed::Command(Command::Follow { room, who });
        assert_eq!(read("/room follow"), follow(None, None));
        assert_eq!(read("/room follow  zoe b"), follow(None, Some("zoe b")));
        assert_eq!(read("/room follow #den  ana"), follow(Some("#den"), Some("ana")));
        assert_eq!(read("/room follow #den \"zoe b\""), follow(Some("#den"), Some("zoe b")));
        assert_eq!(read("/unreact +1 \"zoe b\""), react("+1", Some("zoe b"), true));
        assert_eq!(read("/kick \"zoe b\""), Typed::Command(Command::Kick("zoe b")));
        assert_eq!(read("/room rekey #den"), Typed::Command(Command::Rekey(Some("#den"))));
        assert_eq!(read("/topic"), Typed::Command(Command::Topic(None)));
        assert_eq!(read("/topic \"\""), Typed::Command(Command::Topic(Some(""))));
        assert_eq!(read("/msg \"zo\u{eb} b\" hi"), tell("zo\u{eb} b", "hi"));
    }

    #[test]
    fn a_slip_is_never_said() {
        for slip in [
            "/",
            "/ quit",
            "/quti",
            "/msg",
            "/msg bo",
            "/msg \"bo hi",
            "/nick",
            "/me",
            "/MSG bo hi",
            "/join ",
            "/me \u{2800}",
            "/reply bo",
            "/edit",
            "/delete that",
            "/react",
            "/kick",
            "/room",
            "/room rekey ana",
            "/room kick ana",
            "/msg bo \u{2800}",
        ] {
            assert!(matches!(read(slip), Typed::Wrong(_)), "{slip}");
        }
        let Typed::Wrong(why) = read("/msg bo") else { panic!() };
        assert!(why.contains("/msg NICK TEXT"), "{why}");
        let Typed::Wrong(why) = read("/quti") else { panic!() };
        assert_eq!(
            why,
            "there is no /quti; did you mean /quit?; /help lists what there is, and //quti says /quti"
        );
        let Typed::Wrong(why) = read("/room") else { panic!() };
        assert_eq!(why, "it goes like this: /room rekey [#room] or /room follow [#room] [NICK]");
        let Typed::Wrong(why) = read("/frobnicate x") else { panic!() };
        assert!(why.len() < 100 && why.starts_with("there is no /frobnicate; /help lists"), "{why}");
    }

    #[test]
    fn every_command_of_the_list_is_one() {
        for (usage, _) in HELP {
            let line: Vec<&str> = usage.split(' ').map(|word| word.trim_matches(['[', ']'])).collect();
            assert!(matches!(read(&line.join(" ")), Typed::Command(_)), "{usage}");
        }
    }

    #[test]
    fn only_what_becomes_a_message_is_said() {
        assert!(["hi", "", "//x", "/me waves", "/msg bo hi", "/reply bo hi"].into_iter().all(is_said));
        assert!(!["/edit x", "/react +1", "/who", "/msg bo", "/quit", "/x"].into_iter().any(is_said));
    }

    quickcheck! {
        fn nothing_panics_and_no_slip_is_said(rest: String) -> bool {
            match read(&format!("/{rest}")) {
                Typed::Say(said) => rest.starts_with('/') && said.starts_with('/'),
                _ => true,
            }
        }
    }
}
