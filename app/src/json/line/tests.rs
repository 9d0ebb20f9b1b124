use chat_core::{
    BootId, Change, Emoji, FileName, Message, Multicast, Offer, Place, Source, Stamp, Topic, UnixMillis, What,
};
use serde_json::Value;

use super::*;
use crate::store::{Changed, Shown};

const DOCS: &str = include_str!("../../../../docs/JSON.md");

fn offer() -> Offer {
    Offer { name: FileName::lenient("a.txt"), size: 3, hash: [1; 32], folder: true }
}

/// One of each line, with every field it can have.
fn lines(check: &mut dyn FnMut(&Line<'_>)) {
    let (nick, key) = (Nick::new("bo").unwrap(), PeerKey([1; 32]));
    let id = MessageId { entry: EntryId([2; 32]), item: 3 };
    let message = Message {
        id,
        place: Place::Direct(key),
        from: key,
        boot: BootId(1),
        nick: nick.clone(),
        text: String::from("hi"),
        action: true,
        reply: Some(id),
        file: Some(Box::new(offer())),
        sent: UnixMillis(1),
        stamp: Stamp(1),
        late: true,
        own: false,
    };
    let mut change = PeerChange {
        state: PeerState::Lost,
        key: Some(key),
        id: Some(key.short()),
        boot: Some(BootId(1)),
        nick: Some(nick.clone()),
        address: "10.0.0.1:1".parse().ok(),
        via: Source::Mdns,
        direct: true,
        through: None,
    };
    let number = || serde_json::from_str("7").ok();
    let trust = Trust { verified: true, blocked: false, muted: true };
    let (friend, twin) = (PeerKey([8; 32]), PeerChange { nick: Nick::new("b0").ok(), ..change.clone() });
    let mut people = People::new(PeerKey([9; 32]), nick.clone(), Vec::new());
    people.set_trust(friend, trust);
    check(&Line::trust(friend, trust));
    check(&Line::verify(friend, "0471 9920 3318".parse().unwrap(), true));
    let of_friend = PeerChange { key: Some(friend), state: PeerState::Online, ..twin };
    check(&Line::Peer(Peer::new(&of_friend, &people)));
    people.on_peer(PeerChange { state: PeerState::Online, ..change.clone() });
    check(&Line::hello("chat-std", &nick, key, 1, None, 1));
    check(&Line::Peer(Peer::new(&change, &people)));
    change.key = None;
    check(&Line::Peer(Peer::new(&change, &people)));
    let reactions = vec![(Emoji::new("+1").unwrap(), key)];
    let shown = Shown { cursor: 1, message: message.into(), edited: true, deleted: false, reactions };
    check(&Line::message(&shown, trust, true));
    check(&Line::message(&Shown { deleted: true, ..shown }, trust, true));
    let text = String::from("ho");
    for what in [
        What::Edit { target: id, text },
        What::Delete { target: id },
        What::React { target: id, emoji: Emoji::new("+1").unwrap(), gone: true },
        What::Topic(Topic::new("tea").unwrap()),
    ] {
        let (place, nick) = (Place::Room(RoomName::lobby()), nick.clone());
        let (boot, sent, stamp) = (BootId(1), UnixMillis(1), Stamp(1));
        let change = Change { id, place, from: key, boot, nick, what, sent, stamp, late: true, own: false };
        check(&Line::told(&Changed { cursor: 1, change, before: None }.into(), trust));
    }
    for moved in Moved::examples(id, &offer()) {
        check(&Line::File(Box::new(moved)));
    }
    check(&Line::receipt(id.entry, 1, 2));
    check(&Line::room(&RoomName::lobby(), key, true));
    check(&Line::net(
        &NetChange { interfaces: vec![], multicast: Multicast::Ok },
        vec!["docker0: why".into()],
    ));
    check(&Line::said(number(), id));
    let (peers, rooms) = (Some(vec![Peer::new(&change, &people)]), Some(vec!["#a"]));
    let topics = [("#a", "tea")].into();
    let (phrase, key, private) = (Some(String::new()), Some(String::new()), vec!["#a"]);
    let done = Done { id: number(), peers, rooms, private, topics, phrase, key, ..Done::default() };
    check(&Line::Done(done));
    check(&Line::error(number(), Code::Busy, "why"));
    check(&Line::lagged(1));
}

/// The examples of one type.
fn examples(kind: &str) -> Vec<Value> {
    let lines = DOCS.lines().filter(|line| line.contains(&format!(r#""type":"{kind}""#)));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn the_page_about_it_shows_every_field() {
    lines(&mut |line| {
        let line: Value = serde_json::from_str(&line.text()).unwrap();
        let kind = line["type"].as_str().unwrap();
        let shown = examples(kind);
        for field in line.as_object().unwrap().keys() {
            let is_shown = shown.iter().any(|example| example.get(field).is_some());
            assert!(is_shown || DOCS.contains(&format!("`{field}`")), "{kind} has no {field} in the page");
        }
    });
}

#[test]
fn the_page_about_it_has_every_code() {
    use Code::{
        BadCommand, BadNick, BadRoom, Busy, FileRefused, Lagged, NotInRoom, StoreFull, TextTooLong,
        UnknownCommand, UnknownId, UnknownPeer, Unreachable,
    };
    for code in [
        BadCommand,
        UnknownCommand,
        BadRoom,
        BadNick,
        TextTooLong,
        UnknownPeer,
        UnknownId,
        NotInRoom,
        Busy,
        StoreFull,
        FileRefused,
        Unreachable,
        Lagged,
    ] {
        let name = serde_json::to_string(&code).unwrap().replace('"', "`");
        assert!(DOCS.contains(&format!("| {name} |")), "{name}");
    }
}
