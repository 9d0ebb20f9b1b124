use alloc::{string::String, vec, vec::Vec};

use super::*;
use crate::{
    boundary::Token,
    command::Action,
    event::{Place, Unreached},
    identity::PeerKey,
    store::{Answer, State, StoredPeer},
    suite::REAL,
    text::Text,
};

fn peer(number: u8) -> StoredPeer {
    let (key, nick, seen) = (PeerKey([number; 32]), Nick::lenient("peer"), UnixMillis(number.into()));
    StoredPeer { key, nick, direct: [number; 32], addresses: Vec::new(), seen }
}

#[test]
fn newcomers_are_remembered_and_friends_too() {
    let mut config = Config::new(REAL, Nick::new("ana").unwrap(), 27182);
    config.peers_max = 8;
    let mut node = Node::new(config, Identity::new(REAL, &[1; 32]), [1; 32], Instant::ORIGIN);
    let state = State { peers: vec![peer(1)], ..State::default() };
    node.on_fetched(Token(1), Answer::State(state));
    (2..5).for_each(|number| node.meet(peer(number)));
    let (place, text) = (Place::Direct(PeerKey([3; 32])), Text::new(String::from("hello")).unwrap());
    let action = Action::Say { place, text, action: false, reply: None };
    node.on_command(Command { tag: 1, action });
    (5..200).for_each(|number| node.meet(peer(number)));
    let is_known = |number: u8| node.acquaintances.of(&PeerKey([number; 32])).is_some();
    let known: Vec<u8> = (0..=u8::MAX).filter(|&number| is_known(number)).collect();
    assert_eq!(known, [1, 3, 194, 195, 196, 197, 198, 199]);
    assert_eq!(node.stats().peers_forgotten, 199 - 8);
}

#[test]
fn who_calls_nobody_says_so() {
    let mut config = Config::new(REAL, Nick::new("ana").unwrap(), 27182);
    config.calls = false;
    let mut node = Node::new(config, Identity::new(REAL, &[1; 32]), [1; 32], Instant::ORIGIN);
    node.on_fetched(Token(1), Answer::State(State::default()));
    let action = Action::Connect("192.0.2.1:27182".parse().unwrap());
    node.handle(Instant::ORIGIN, Input::Command(Command { tag: 7, action }));
    let outputs = core::iter::from_fn(|| match node.poll() {
        Output::Wait(_) => None,
        output => Some(output),
    });
    let is_told = |output: &Output| {
        matches!(output, Output::Event(Event::Unreachable { tag: 7, reason: Unreached::Unusable, .. }))
    };
    assert_eq!(outputs.filter(is_told).count(), 1);
}

#[test]
fn newcomers_can_be_written_to_however_many_have_come_and_gone() {
    let mut config = Config::new(REAL, Nick::new("ana").unwrap(), 27182);
    config.peers_max = 8;
    let mut node = Node::new(config, Identity::new(REAL, &[1; 32]), [1; 32], Instant::ORIGIN);
    node.on_fetched(Token(1), Answer::State(State::default()));
    for number in 2..100 {
        node.meet(peer(number));
        let (key, direct) = (PeerKey([number; 32]), [number; 32]);
        node.with_rooms(|rooms, turn| rooms.on_peer_known(turn, key, direct));
    }
    let mut refused = |number: u8| {
        let (place, text) = (Place::Direct(PeerKey([number; 32])), Text::new(String::from("hi")).unwrap());
        let action = Action::Say { place, text, action: false, reply: None };
        node.handle(Instant::ORIGIN, Input::Command(Command { tag: number.into(), action }));
        let outputs = core::iter::from_fn(|| match node.poll() {
            Output::Wait(_) => None,
            output => Some(output),
        });
        outputs.filter(|output| matches!(output, Output::Event(Event::Refused { .. }))).count()
    };
    assert_eq!((refused(2), refused(99)), (1, 0), "forgotten, and known");
}
