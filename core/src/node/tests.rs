mod relays;

use alloc::{string::String, vec, vec::Vec};
use core::time::Duration;

use super::*;
use crate::{
    boundary::Token,
    command::Action,
    event::{EntryId, MessageId, Place, Unreached},
    files::Wanted,
    frames::Step,
    store::{Answer, Request, State, StoredPeer},
    suite::REAL,
    text::{RoomName, Text},
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
    // As the rooms say when somebody is given the key of one.
    node.relays = Default::default();
    node.on_room(room::Wish::Written(PeerKey([4; 32])));
    assert!(node.relays.next_wake().is_some(), "they are wanted, if need be over a neighbour");
    (5..200).for_each(|number| node.meet(peer(number)));
    let is_known = |number: u8| node.acquaintances.of(&PeerKey([number; 32])).is_some();
    let known: Vec<u8> = (0..=u8::MAX).filter(|&number| is_known(number)).collect();
    assert_eq!(known, [1, 3, 4, 195, 196, 197, 198, 199]);
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

#[test]
fn who_shows_another_number_than_the_one_committed_to_gets_no_digits() {
    let start = Instant::ORIGIN;
    let mut nodes = [1, 2].map(|number| node(number, start));
    let to = "10.0.0.2:27182".parse().unwrap();
    nodes[0].handle(start, Input::Command(Command { tag: 1, action: Action::Connect(to) }));
    carry(&mut nodes, start, |_, _| true);
    let link = *nodes[1].peers.keys().next().expect("they are in session");
    let (asker, asked) = (nodes[0].identity.key(), nodes[1].identity.key());
    let binding = nodes[1].peers[&link].binding;
    assert_eq!(binding, nodes[0].peers.values().next().unwrap().binding);
    let between = crate::trust::Between { asker, asked, binding };
    let tag = *binding.first_chunk().unwrap();
    let commitment = between.commitment(REAL, &[7; 32]);
    let mut steps = |number: [u8; 32]| {
        nodes[1].on_compare(link, Step::Commit, tag, commitment);
        nodes[1].on_compare(link, Step::Open, tag, number);
        nodes[1].on_compare(link, Step::Open, tag, number);
        let mut told = 0;
        while let output @ (Output::Transmit(_) | Output::Event(_) | Output::Persist { .. }) = nodes[1].poll()
        {
            told += usize::from(matches!(output, Output::Event(Event::Compared { .. })));
        }
        (told, nodes[1].stats().comparisons_forged)
    };
    assert_eq!(steps([8; 32]), (0, 1));
    assert_eq!(steps([7; 32]), (1, 1), "once");
    nodes[1].on_compare(link, Step::Commit, [0; 8], commitment);
    assert!(nodes[1].comparisons.asked[&link].open.is_none(), "made for another session");
}

#[test]
fn comparisons_are_counted_for_each_identity_in_however_many_sessions_it_asks() {
    let mut nodes = around_one(2);
    let (&link, binding) = nodes[0].peers.iter().map(|(link, peer)| (link, peer.binding)).next().unwrap();
    for _ in 0..6 {
        nodes[0].on_compare(link, Step::Commit, *binding.first_chunk().unwrap(), [7; 32]);
        nodes[0].end_comparisons(link);
    }
    assert_eq!(nodes[0].stats().comparisons_refused, 2);
}

#[test]
fn two_copies_that_woke_up_draw_different_numbers() {
    let draw = |entropy: u8| {
        let mut node = node(1, Instant::ORIGIN);
        node.handle(Instant::ORIGIN, Input::Entropy([entropy; 32]));
        node.rng.fork("compare").bytes::<32>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn many_keys_at_one_place_that_were_met_once_are_strangers_after_a_restart() {
    let at = |number: u8, host: u8| {
        let addresses = vec![(core::net::Ipv4Addr::new(10, 0, 0, host), 2000 + u16::from(number)).into()];
        StoredPeer { addresses, ..peer(number) }
    };
    let verified = Trust { verified: true, ..Trust::default() };
    let state = State {
        peers: (10..200).map(|number| at(number, 66)).chain([at(200, 67)]).collect(),
        trusts: vec![crate::store::StoredTrust { key: PeerKey([150; 32]), trust: verified }],
        ..State::default()
    };
    let config = Config::new(REAL, Nick::new("ana").unwrap(), 27182);
    let mut node = Node::new(config, Identity::new(REAL, &[1; 32]), [1; 32], Instant::ORIGIN);
    node.on_fetched(Token(1), Answer::State(state));
    let is_known = |number: &u8| node.acquaintances.is_known(&PeerKey([*number; 32]));
    let known: Vec<u8> = (10..=200).filter(is_known).collect();
    assert_eq!(known, [10, 11, 12, 13, 14, 15, 16, 17, 150, 200]);
}

/// So many nodes that are all in session with the first.
fn around_one(count: u8) -> Vec<Node> {
    let start = Instant::ORIGIN;
    let mut nodes: Vec<Node> = (1..=count).map(|number| node(number, start)).collect();
    for index in 1..nodes.len() {
        let connect = Command { tag: 1, action: Action::Connect("10.0.0.1:27182".parse().unwrap()) };
        nodes[index].handle(start, Input::Command(connect));
        carry(&mut nodes, start, |_, _| true);
    }
    for step in 1..200 {
        let now = start + Duration::from_millis(10) * step;
        nodes.iter_mut().for_each(|node| node.handle(now, Input::Tick));
        carry(&mut nodes, now, |_, _| true);
    }
    nodes
}

#[test]
fn a_node_that_is_called_late_does_all_that_is_due_once() {
    let mut nodes = around_one(4);
    let file = MessageId { entry: EntryId([5; 32]), item: 0 };
    let (place, from) = (Place::Room(RoomName::lobby()), nodes[1].identity.key());
    let wanted = Wanted { file, place, from, size: 1000, have: 0 };
    let now = nodes[0].now;
    let (text, room) = (Text::new(String::from("hello")).unwrap(), Place::Room(RoomName::lobby()));
    let say = Action::Say { place: room, text, action: false, reply: None };
    for action in [Action::Fetch(wanted), say] {
        nodes[0].handle(now, Input::Command(Command { tag: 2, action }));
    }
    // Several of them have something to tell on, so that several timers run.
    for (index, nick) in [(1, "bo"), (2, "cy"), (3, "di")] {
        let action = Action::Rename(Nick::new(nick).unwrap());
        nodes[index].handle(now, Input::Command(Command { tag: 2, action }));
    }
    carry(&mut nodes, now, |_, _| true);
    let node = &mut nodes[0];
    let late = node.now + Duration::from_secs(86_400);
    let wakes = |node: &Node| {
        let (sessions, rooms, members) =
            (node.sessions.next_wake(), node.rooms.next_wake(), node.members.next_wake());
        [sessions, rooms, members, node.records.next_wake(), node.files.next_wake()]
    };
    let before = wakes(node);
    assert!(before.iter().filter(|wake| wake.is_some_and(|at| at < late)).count() >= 3, "{before:?}");
    node.handle(late, Input::Tick);
    let after = wakes(node);
    assert!(after.iter().flatten().all(|at| *at > late), "{after:?}");
    while !matches!(node.poll(), Output::Wait(_)) {}
    node.handle(late, Input::Tick);
    assert!(matches!(node.poll(), Output::Wait(_)), "nothing is done twice");
}

#[test]
fn nobody_is_given_a_file_by_way_of_a_room_that_they_have_not_proven() {
    let mut nodes = around_one(2);
    let link = *nodes[0].peers.keys().next().unwrap();
    let file = MessageId { entry: EntryId([5; 32]), item: 0 };
    let mut asked = |room| {
        nodes[0].on_file_wanted(link, (room, u32::from(room)), file, 0..1000);
        let now = nodes[0].now;
        nodes[0].handle(now, Input::Tick);
        let outputs =
            core::iter::from_fn(|| Some(nodes[0].poll()).filter(|it| !matches!(it, Output::Wait(_))));
        let is_read = |output: &Output| matches!(output, Output::Fetch { what: Request::Piece { .. }, .. });
        (outputs.filter(is_read).count(), nodes[0].stats().files.rooms_unproven)
    };
    assert_eq!(asked(0), (1, 0), "the lobby");
    assert_eq!(asked(7), (0, 1));
}

/// A node at 10.0.0.`number`.
fn node(number: u8, start: Instant) -> Node {
    let config = Config::new(REAL, Nick::new("ana").unwrap(), 27182);
    let mut node = Node::new(config, Identity::new(REAL, &[number; 32]), [number; 32], start);
    node.on_fetched(Token(1), Answer::State(State::default()));
    let address = alloc::format!("10.0.0.{number}");
    let own = crate::boundary::Subnet { address: address.parse().unwrap(), prefix: 24 };
    let interface = Interface {
        index: 2,
        name: String::from("eth0"),
        addresses: vec![own],
        multicast: false,
        loopback: false,
        mtu: 1500,
    };
    node.handle(start, Input::Interfaces(&[interface]));
    node
}

/// Carries what nodes of rising numbers send to each other until they are silent, between those who hear each other.
fn carry(nodes: &mut [Node], now: Instant, hears: impl Fn(usize, usize) -> bool) {
    loop {
        let mut sent = Vec::new();
        for (index, node) in nodes.iter_mut().enumerate() {
            loop {
                match node.poll() {
                    Output::Wait(_) => break,
                    Output::Transmit(transmit) if transmit.via == Via::Chat => sent.push((index, transmit)),
                    _ => {}
                }
            }
        }
        if sent.is_empty() {
            return;
        }
        for (from, transmit) in sent {
            let core::net::IpAddr::V4(ip) = transmit.to.ip() else { continue };
            let to = usize::from(ip.octets()[3]) - 1;
            if to >= nodes.len() || !hears(from, to) {
                continue;
            }
            let from = alloc::format!("10.0.0.{}:27182", from + 1).parse().unwrap();
            let bytes = &transmit.bytes;
            let datagram = Datagram { via: Via::Chat, interface: 2, from, to: transmit.to.ip(), bytes };
            nodes[to].handle(now, Input::Datagram(datagram));
        }
    }
}
